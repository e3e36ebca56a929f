package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
)

func TestExitCode(t *testing.T) {
	skipped, failOn := &skippedError{"2 records skipped"}, &failOnError{"3 changes proposed"}
	for _, tt := range []struct {
		name string
		err  error
		want int
	}{
		{"done", nil, 0},
		{"failed", errors.New("x"), 1},
		{"failed, wrapped", fmt.Errorf("a: %w", fs.ErrNotExist), 1},
		{"cancelled by something else than a signal", context.Canceled, 1},
		{"usage", usagef("bad flag"), 2},
		{"usage with a hint", withHint(usagef("bad flag"), "do this"), 2},
		{"skipped", skipped, 3},
		{"fail-on", failOn, 4},
		{"fail-on wins over skipped", errors.Join(skipped, failOn), 4},
		{"fail-on wins over skipped, other order", errors.Join(failOn, skipped), 4},
		{"interrupted", errInterrupted, 130},
		{"interrupted wins", fmt.Errorf("%w: %w", errInterrupted, skipped), 130},
	} {
		if got := exitCode(tt.err); got != tt.want {
			t.Errorf("%s: exit code %d, want %d", tt.name, got, tt.want)
		}
	}
}

// runArgs runs the program in process.
func runArgs(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(ctx, args, streams{strings.NewReader(""), &out, &errs})
	return code, out.String(), errs.String()
}

func TestRunInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	code, _, stderr := runArgs(ctx, "frobnicate")
	if code != 130 || stderr != "sgtrim: error: interrupted\n" {
		t.Errorf("code %d, stderr %q", code, stderr)
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestFailedWriteToStdoutIsAFailure(t *testing.T) {
	for _, args := range [][]string{{"version"}, {"help"}, {"--help"}, {"completion", "bash"}} {
		var errs bytes.Buffer
		code := run(t.Context(), args, streams{strings.NewReader(""), fullDisk{}, &errs})
		if want := "sgtrim: error: write to standard output: no space left on device\n"; code != 1 || errs.String() != want {
			t.Errorf("%v: code %d, stderr %q, want 1 and %q", args, code, errs.String(), want)
		}
	}
}
