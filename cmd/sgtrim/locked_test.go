package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/sgtrim/sgtrim/analyze/ledger"
)

func TestSecondWriterIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "evidence")
	l, err := ledger.Open(dir, ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	code, _, stderr := runArgs(t.Context(), "ingest", "-", "--ledger", dir)
	if code != exitFailed || !strings.Contains(stderr, ledger.ErrLocked.Error()) ||
		!strings.HasSuffix(stderr, "sgtrim: hint: wait until the other run has ended, or use another ledger\n") {
		t.Errorf("code %d, stderr %q", code, stderr)
	}
}
