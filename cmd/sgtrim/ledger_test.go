package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sgtrim/sgtrim/analyze/ledger"
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
