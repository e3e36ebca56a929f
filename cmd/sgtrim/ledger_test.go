package main

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/analyze/ledger"
	"github.com/sgtrim/sgtrim/analyze/ledger/ledgertest"
	"github.com/sgtrim/sgtrim/cmd/world"
)

// TestLedgerTakesObjectsWhole: what a window cuts off an object is in the ledger all the same, since the object counts as
// taken and will not be read again.
func TestLedgerTakesObjectsWhole(t *testing.T) {
	dir := t.TempDir()
	logs := filepath.Join(dir, "a.log")
	text := "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status\n" +
		"2 123456789010 eni-1 10.0.0.9 10.0.0.1 40000 443 6 9 900 1767225600 1767225660 ACCEPT OK\n" + // 2026-01-01
		"2 123456789010 eni-1 10.0.0.9 10.0.0.1 40000 443 6 9 900 1767312000 1767312060 ACCEPT OK\n" // 2026-01-02
	if err := os.WriteFile(logs, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "ledger")
	for _, since := range []string{"2026-01-02", "2025-01-01"} {
		var out, errs strings.Builder
		if code := run(context.Background(), []string{"ingest", logs, "--ledger", folder, "--since", since, "--quiet"}, streams{strings.NewReader(""), &out, &errs}); code != 0 {
			t.Fatalf("exit code %d: %s", code, errs.String())
		}
	}
	l, err := ledger.Open(folder, ledger.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if days := l.Days(); len(days) != 2 {
		t.Errorf("the ledger holds days %v, want both", days)
	}
}

// A ledger is a function of the content of its objects: neither where they lie, nor when they were written or read, nor from
// where the program was called shows in it.
func TestLedgerKnowsNoPlaceAndNoTime(t *testing.T) {
	w, err := world.New(world.Options{Seed: 43, Days: 1, Scenarios: []string{"syslog"}})
	if err != nil {
		t.Fatal(err)
	}
	first, second := filepath.Join(t.TempDir(), "logs"), filepath.Join(t.TempDir(), "elsewhere", "logs")
	if _, err := w.WriteLogs(first, world.LogOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(first, "plain.log"), []byte("version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status\n"+
		"2 123456789010 eni-1 10.0.0.9 10.0.0.1 40000 443 6 9 900 1767225600 1767225660 ACCEPT OK\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(second, os.DirFS(first)); err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(second, func(path string, _ os.DirEntry, err error) error {
		then := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
		return errors.Join(err, os.Chtimes(path, then, then))
	})
	if err != nil {
		t.Fatal(err)
	}
	ingest := func(logs, dir string) map[string]string {
		t.Helper()
		if code, _, stderr := runArgs(t.Context(), "ingest", logs, "--ledger", dir, "--quiet"); code != exitDone {
			t.Fatalf("exit code %d: %s", code, stderr)
		}
		return ledgertest.Files(t, dir)
	}
	want := ingest(first, filepath.Join(t.TempDir(), "a"))
	t.Chdir(filepath.Dir(second))
	got := ingest("logs", "b")
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" || !maps.Equal(want, got) {
		t.Errorf("the same logs at another place are another ledger:\n%s", diff)
	}
	for name, text := range want {
		if strings.Contains(text, filepath.Dir(first)) {
			t.Errorf("%s holds a path of this machine", name)
		}
	}
}
