package main

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sgtrim/sgtrim/analyze/ledger"
	"github.com/sgtrim/sgtrim/analyze/ledger/ledgertest"
	"github.com/sgtrim/sgtrim/cmd/world"
)

// killsEnv is how many instants TestKilledAnywhere tries; make kill-test sets it. Those of analyze/ledger, at every sync and
// rename, come on top.
const killsEnv = "SGTRIM_KILLS"

func kills(t *testing.T) int {
	n := 20
	if text := os.Getenv(killsEnv); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatalf("%s: %v", killsEnv, err)
		}
	}
	return n
}

// victim is an ingest of some days that spills and checkpoints, as a process of its own.
type victim struct {
	t    *testing.T
	logs string
	want map[string]string // the files of an undisturbed run
}

func newVictim(t *testing.T) *victim {
	t.Helper()
	v := &victim{t: t, logs: filepath.Join(t.TempDir(), "logs")}
	w, err := world.New(world.Options{Seed: 41, Days: 4, Scenarios: []string{"tiers", "syslog"}, Format: world.V5})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.WriteLogs(v.logs, world.LogOptions{Slot: 6 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "ledger")
	v.finish(dir)
	v.want = ledgertest.Files(t, dir)
	return v
}

// command is the ingest; the test's own binary runs it, since it is sgtrim when called by that name (testscript.Main).
func (v *victim) command(dir string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Args = append([]string{"sgtrim"}, v.args(dir)...)
	return cmd
}

func (v *victim) args(dir string) []string {
	return []string{"ingest", v.logs, "--ledger", dir, "--memory", "64KiB", "--quiet"}
}

// finish runs the ingest to its end.
func (v *victim) finish(dir string) {
	v.t.Helper()
	if code, _, stderr := runArgs(v.t.Context(), v.args(dir)...); code != exitDone {
		v.t.Fatalf("exit code %d: %s", code, stderr)
	}
}

// survives checks that what is left is a whole ledger, and that the next run makes it the undisturbed one.
func (v *victim) survives(dir, what string) {
	v.t.Helper()
	l, err := ledger.Open(dir, ledger.Options{ReadOnly: true})
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, ledger.ErrNotLedger): // ended before there was one
	case err != nil:
		v.t.Fatalf("%s: %v", what, err)
	default:
		err := l.Verify(v.t.Context())
		l.Close()
		if err != nil {
			v.t.Fatalf("%s: %v", what, err)
		}
	}
	v.finish(dir)
	if got := ledgertest.Files(v.t, dir); !maps.Equal(v.want, got) {
		v.t.Fatalf("%s: run again, the files are %v, want %v", what, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(v.want)))
	}
}

// Killed at instants spread over its time, and run again: the bytes of an undisturbed run.
func TestKilledAnywhere(t *testing.T) {
	if testing.Short() {
		t.Skip("starts many processes: left out of -short")
	}
	v := newVictim(t)
	dir := filepath.Join(t.TempDir(), "whole")
	began := time.Now()
	if out, err := v.command(dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	whole := time.Since(began)
	if got := ledgertest.Files(t, dir); !maps.Equal(v.want, got) {
		t.Fatal("two undisturbed runs differ")
	}
	n, killed := kills(t), 0
	for i := range n {
		dir := filepath.Join(t.TempDir(), "ledger")
		cmd := v.command(dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(whole * time.Duration(i) / time.Duration(n))
		_ = cmd.Process.Kill() // fails where the run has ended
		if err := cmd.Wait(); err != nil {
			killed++
		}
		v.survives(dir, "killed after "+strconv.Itoa(i)+"/"+strconv.Itoa(n))
		os.RemoveAll(dir)
	}
	t.Logf("%d of %d runs were killed before their end", killed, n)
	if killed == 0 {
		t.Error("no run was killed")
	}
}

// limited runs the ingest under a shell's setting and expects it to fail with one of the words.
func (v *victim) limited(dir, setting string, words ...string) {
	v.t.Helper()
	shell := exec.Command("sh", append([]string{"-c", setting + `; exec "$0" "$@"`, v.named()}, v.args(dir)...)...)
	var stderr bytes.Buffer
	shell.Stderr = &stderr
	err := shell.Run()
	if err == nil || shell.ProcessState.ExitCode() != exitFailed {
		v.t.Fatalf("%s: %v\n%s", setting, err, stderr.String())
	}
	if text := stderr.String(); !slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) }) || !strings.HasPrefix(text, "sgtrim: error: ") {
		v.t.Errorf("%s: stderr %q", setting, text)
	}
}

// named is the test's binary under sgtrim's name.
func (v *victim) named() string {
	v.t.Helper()
	path := filepath.Join(v.t.TempDir(), "sgtrim")
	if err := os.Symlink(os.Args[0], path); err != nil {
		v.t.Fatal(err)
	}
	return path
}

// A file that may not grow, and a disk that is full: a clear error, what was there stays, and the next run goes on.
func TestNoRoom(t *testing.T) {
	v := newVictim(t)
	t.Run("file size", func(t *testing.T) {
		v := &victim{t, v.logs, v.want}
		dir := filepath.Join(t.TempDir(), "ledger")
		v.limited(dir, "ulimit -f 4", "file too large")
		v.survives(dir, "with files of 2 KiB at most")
	})
	t.Run("disk full", func(t *testing.T) {
		v := &victim{t, v.logs, v.want}
		disk := mount(t, "size=48k")
		v.limited(filepath.Join(disk, "ledger"), ":", "no space left on device")
		if out, err := exec.Command("mount", "-o", "remount,size=64m", disk).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		v.survives(filepath.Join(disk, "ledger"), "on a disk of 48 KiB")
	})
	t.Run("read only", func(t *testing.T) {
		v := &victim{t, v.logs, v.want}
		disk := mount(t, "size=64m")
		dir := filepath.Join(disk, "ledger")
		v.finish(dir)
		if out, err := exec.Command("mount", "-o", "remount,ro", disk).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		v.limited(dir, ":", "read-only file system")
		if got := ledgertest.Files(t, dir); !maps.Equal(v.want, got) {
			t.Error("the ledger has changed")
		}
		if code, _, stderr := runArgs(t.Context(), "export", "--ledger", dir, "--format", "csv", "--quiet"); code != exitDone {
			t.Errorf("a read-only ledger cannot be read: %s", stderr)
		}
	})
}

// mount makes a small disk, or skips the test where this user may not.
func mount(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", options, "sgtrim-test", dir).CombinedOutput(); err != nil {
		t.Skipf("this user cannot mount a small disk: %s", bytes.TrimSpace(out))
	}
	t.Cleanup(func() { exec.Command("umount", dir).Run() })
	return dir
}
