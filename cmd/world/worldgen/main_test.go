package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sgtrim/sgtrim/cmd/world"
)

func TestRun(t *testing.T) {
	dir := t.TempDir()
	var out, errs bytes.Buffer
	err := run([]string{"-out", dir, "-days", "2", "-after", "1", "-scenarios", "syslog,unused", "-format", "v5", "-nodata", "-slot", "24h"}, &out, &errs)
	if err != nil {
		t.Fatal(err)
	}
	if got := out.String(); !strings.Contains(got, "records in 2 files") || !strings.Contains(got, "truth: ") {
		t.Errorf("output: %q", got)
	}
	b, err := os.ReadFile(filepath.Join(dir, "truth.json"))
	if err != nil {
		t.Fatal(err)
	}
	var truth struct{ Defects []world.Defect }
	if err := json.Unmarshal(b, &truth); err != nil || len(truth.Defects) == 0 {
		t.Errorf("truth.json: %d defects, error %v", len(truth.Defects), err)
	}
	for _, name := range []string{"estate/describe-security-groups.json", "after/AWSLogs"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}

func TestRunErrors(t *testing.T) {
	for want, args := range map[string][]string{
		"-out":     {"-days", "2"},
		"-start":   {"-out", t.TempDir(), "-start", "yesterday"},
		"scenario": {"-out", t.TempDir(), "-scenarios", "nosuch"},
		"-order":   {"-out", t.TempDir(), "-order", "none"},
		"codec":    {"-out", t.TempDir(), "-days", "1", "-codec", "lz4"},
	} {
		if err := run(args, &bytes.Buffer{}, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: got error %v, want one about %q", args, err, want)
		}
	}
}

func TestList(t *testing.T) {
	var out bytes.Buffer
	if err := run([]string{"-list"}, &out, &bytes.Buffer{}); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Count(out.String(), "\n"), len(world.ScenarioNames()); got != want {
		t.Errorf("lines: got %d, want %d", got, want)
	}
}
