package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkUse is ingest and review of worlds that worldgen made: SGTRIM_WORLDS lists their folders as PATH does. `make profile`
// takes the profile of it that the program is built with.
func BenchmarkUse(b *testing.B) {
	worlds := filepath.SplitList(os.Getenv("SGTRIM_WORLDS"))
	if len(worlds) == 0 {
		b.Skip("SGTRIM_WORLDS names no worlds; see testdata/bench/profile.sh")
	}
	for _, world := range worlds {
		logs, estate := filepath.Join(world, "logs"), filepath.Join(world, "estate")
		name := filepath.Base(world)
		b.Run("ingest/"+name, func(b *testing.B) {
			benchmarkRun(b, func(out string) []string { return []string{"ingest", logs, "--ledger", out, "--quiet"} })
		})
		b.Run("review/"+name, func(b *testing.B) {
			benchmarkRun(b, func(out string) []string { return []string{"review", logs, "--estate", estate, "-o", out, "--quiet"} })
		})
	}
}

// benchmarkRun runs the program with the arguments for a new folder each time.
func benchmarkRun(b *testing.B, args func(out string) []string) {
	for b.Loop() {
		mustRun(b, args(filepath.Join(b.TempDir(), "out"))...)
	}
}

// mustRun runs the program, which must succeed.
func mustRun(b *testing.B, args ...string) {
	var stderr bytes.Buffer
	if code := run(b.Context(), args, streams{nil, io.Discard, &stderr}); code != exitDone {
		b.Fatalf("exit %d: %s", code, &stderr)
	}
}
