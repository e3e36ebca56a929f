package main

import (
	"encoding/csv"
	"fmt"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sgtrim/sgtrim/cmd/world"
)

// exported is one decided row of sgtrim export: its key, and what is compared.
type exported struct {
	flows, packets, bytes int64
	hours                 uint32
}

func exportRows(t *testing.T, ledger string) map[string]exported {
	t.Helper()
	code, out, stderr := runArgs(t.Context(), "export", "--ledger", ledger, "--format", "csv", "--quiet")
	if code != exitDone {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	records, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) int { return slices.Index(records[0], name) }
	rows := map[string]exported{}
	for _, r := range records[1:] {
		number := func(name string) int64 {
			n, err := strconv.ParseInt(r[at(name)], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		var key []string
		for _, name := range []string{"day", "interface_id", "direction", "peer", "protocol", "port", "action"} {
			key = append(key, r[at(name)])
		}
		if r[at("orientation")] != "ambiguous" {
			rows[strings.Join(key, " ")] = exported{number("flows"), number("packets"), number("bytes"), uint32(number("hours"))}
		}
	}
	return rows
}

// A flow log of 60 s and one of 600 s on every interface: the conversations are the union of what each saw, and the counters
// of those that both saw in the same hours are the greater of the two, not the sum.
func TestOverlappingFlowLogsOfOneEstate(t *testing.T) {
	dir := t.TempDir()
	w, err := world.New(world.Options{Seed: 51, Days: 1, Scenarios: []string{"tiers", "syslog", "standby"}, Format: world.V5, Overlap: true})
	if err != nil {
		t.Fatal(err)
	}
	logs := filepath.Join(dir, "logs")
	if _, err := w.WriteLogs(logs, world.LogOptions{Slot: day, LoseShare: 0.05}); err != nil {
		t.Fatal(err)
	}
	var files []string
	if err := filepath.WalkDir(logs, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	ingest := func(name string, files ...string) map[string]exported {
		ledger := filepath.Join(dir, name)
		if code, _, stderr := runArgs(t.Context(), append(append([]string{"ingest"}, files...), "--ledger", ledger, "--quiet")...); code != exitDone {
			t.Fatalf("exit code %d: %s", code, stderr)
		}
		return exportRows(t, ledger)
	}
	var apart []map[string]exported
	for i, f := range w.FlowLogs {
		var own []string
		for _, name := range files {
			if strings.Contains(name, f.ID) {
				own = append(own, name)
			}
		}
		apart = append(apart, ingest(fmt.Sprint("source", i), own...))
	}
	if len(apart) != 2 || len(apart[0]) == 0 || len(apart[1]) == 0 {
		t.Fatalf("%d flow logs", len(apart))
	}
	both := ingest("both", files...)
	shared := 0
	for key, got := range both {
		a, b := apart[0][key], apart[1][key]
		want := exported{max(a.flows, b.flows), max(a.packets, b.packets), max(a.bytes, b.bytes), a.hours | b.hours}
		if bits.OnesCount32(a.hours&b.hours) == 0 {
			want = exported{a.flows + b.flows, a.packets + b.packets, a.bytes + b.bytes, a.hours | b.hours}
		} else {
			shared++
		}
		if got != want {
			t.Errorf("%s: %+v, want %+v (%+v and %+v)", key, got, want, a, b)
		}
	}
	for _, side := range apart {
		for key := range side {
			if _, ok := both[key]; !ok {
				t.Errorf("%s is not in the union", key)
			}
		}
	}
	if shared < 20 {
		t.Errorf("only %d conversations were seen by both", shared)
	}
}
