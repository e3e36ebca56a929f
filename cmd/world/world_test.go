package world

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func mustNew(t testing.TB, o Options) *World {
	t.Helper()
	w, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// folderHash is over names and contents of all files, in order of their names.
func folderHash(t *testing.T, dir string) string {
	t.Helper()
	h := sha256.New()
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(name)
		h.Write([]byte(name[len(dir):]))
		h.Write(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func writeAll(t *testing.T, o Options, lo LogOptions) string {
	t.Helper()
	dir := t.TempDir()
	w := mustNew(t, o)
	if err := w.WriteEstate(filepath.Join(dir, "estate")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.WriteLogs(filepath.Join(dir, "logs"), lo); err != nil {
		t.Fatal(err)
	}
	return folderHash(t, dir)
}

func TestSameOptionsMakeSameBytes(t *testing.T) {
	for name, lo := range map[string]LogOptions{
		"text":    {},
		"shuffle": {Order: Shuffled, LoseShare: 0.01, Hive: true, Hourly: true},
		"parquet": {Parquet: true, Codec: "zstd"},
	} {
		t.Run(name, func(t *testing.T) {
			o := Options{Seed: 7, Days: 1, Format: V5, Scenarios: []string{"tiers", "nat", "rpc", "unused", "longlived"}}
			first := writeAll(t, o, lo)
			if again := writeAll(t, o, lo); again != first {
				t.Errorf("second run: got %s, want %s", again, first)
			}
			o.Seed = 8
			if other := writeAll(t, o, lo); other == first {
				t.Error("another seed made the same bytes")
			}
		})
	}
}

// TestPeriodsAreOneStream: an hour is the same whether it is made alone, in the window or after it.
func TestPeriodsAreOneStream(t *testing.T) {
	w := mustNew(t, Options{Seed: 3, Days: 2, AfterDays: 2})
	var parts []Record
	for h := w.start; h < w.end; h += hour {
		for r := range (Period{w, h, h + hour}).Records() {
			parts = append(parts, r)
		}
	}
	i := 0
	for r := range w.Records() {
		if i >= len(parts) || r != parts[i] {
			t.Fatalf("record %d of the window differs from the hours made one by one", i)
		}
		i++
	}
	if i != len(parts) {
		t.Fatalf("records: got %d, want %d", i, len(parts))
	}
	after := w.After(9)
	if got, want := after.Start(), w.Window().End(); !got.Equal(want) {
		t.Errorf("the days after start at %s, want %s", got, want)
	}
	if got := after.End().Sub(after.Start()).Hours(); got != 48 {
		t.Errorf("the days after are %g hours, want the 48 of AfterDays", got)
	}
	for range after.Records() { // stops early without trouble
		break
	}
}

func TestEachScenarioAlone(t *testing.T) {
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			w := mustNew(t, Options{Seed: 2, Days: 32, Scenarios: []string{s.name}})
			truth := w.Truth()
			if len(truth.Needs) == 0 {
				t.Error("no need")
			}
			for _, n := range append(truth.Needs, truth.Attacks...) {
				if n.Scenario != s.name {
					t.Fatalf("scenario %q played in a world of %q alone", n.Scenario, s.name)
				}
			}
			for _, d := range truth.Defects {
				if d.Scenario != s.name || d.Why == "" || len(d.Expect) == 0 {
					t.Errorf("incomplete label: %+v", d)
				}
			}
		})
	}
}

func TestTargets(t *testing.T) {
	within := func(got, want int, share float64) bool {
		return math.Abs(float64(got-want)) <= share*float64(want)
	}
	w := mustNew(t, Options{Seed: 1, Days: 2, RecordTarget: 300_000})
	n := 0
	for range w.Records() {
		n++
	}
	if !within(n, 300_000, 0.1) {
		t.Errorf("records: got %d, want about 300,000", n)
	}

	w = mustNew(t, Options{Seed: 1, Days: 4, Conversations: 20_000, Scenarios: []string{"tiers"}})
	n = 0
	for _, need := range w.Truth().Needs {
		if !need.Egress { // once per connection: every server of this scenario has groups
			n += need.Connections
		}
	}
	if !within(n, 20_000, 0.1) {
		t.Errorf("connections: got %d, want about 20,000", n)
	}

	for _, want := range []int{200, 1000} {
		w = mustNew(t, Options{Seed: 1, Days: 1, Interfaces: want})
		if got := len(w.InterfacesAt(w.end - 1)); !within(got, want, 0.1) {
			t.Errorf("interfaces: got %d, want about %d", got, want)
		}
	}
	w = mustNew(t, Options{Seed: 1, Days: 1, Services: 300, RulesPerGroup: 24, Scenarios: []string{"microservices"}})
	if got := len(w.Groups); got < 300 {
		t.Errorf("groups: got %d, want at least 300", got)
	}
	if got := len(w.Rules()); got < 300*24 {
		t.Errorf("rules: got %d, want at least 24 a group", got)
	}
}

func TestOptionErrors(t *testing.T) {
	for want, o := range map[string]Options{
		"scenario":    {Scenarios: []string{"tiers", "nosuch"}},
		"aggregation": {Aggregation: 300},
		"field":       {Fields: []string{"version", "srcport2"}},
		"full":        {Interfaces: 400, Days: 40, ChurnDays: 0.25},
	} {
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one about %q", err, want)
		}
	}
}

// TestChurn: members are replaced, a slot is never empty, and no two interfaces hold an address at the same time.
func TestChurn(t *testing.T) {
	for _, reuse := range []float64{0, 0.5} {
		w := mustNew(t, Options{Seed: 4, Days: 30, Scenarios: []string{"tiers"}, AddressReuse: reuse})
		f := w.fleet(w.VPCs[0], "shop-web")
		if len(f.slots[0]) < 8 {
			t.Errorf("slot 0 had %d members, want one every 4 days", len(f.slots[0]))
		}
		for tm := w.start; tm < w.horizon; tm += hour {
			if f.at(1, tm) == nil {
				t.Fatalf("slot 1 is empty at %d", tm)
			}
		}
		shared := 0
		for i, a := range w.Interfaces {
			for _, b := range w.Interfaces[:i] {
				if a.Primary != b.Primary {
					continue
				}
				shared++
				if a.From < b.To && b.From < a.To {
					t.Fatalf("%s and %s hold %s at the same time", a.ID, b.ID, a.Primary)
				}
			}
		}
		if (shared > 0) != (reuse > 0) {
			t.Errorf("reuse %g: %d addresses were used again", reuse, shared)
		}
	}
}
