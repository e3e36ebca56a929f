package sum

import (
	"errors"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sgtrim/sgtrim/analyze/ledger"
	"github.com/sgtrim/sgtrim/analyze/ledger/ledgertest"
	"github.com/sgtrim/sgtrim/analyze/ledger/sum/sumtest"
)

// offer runs over the objects as a scan does: what Skip does not hold back is read.
func offer(t *testing.T, rng *rand.Rand, s *Sum, objects []sumtest.Object) (read int, err error) {
	t.Helper()
	for _, o := range objects {
		skip, err := s.Skip(o.Object)
		if err != nil {
			return read, err
		}
		if skip {
			continue
		}
		read++
		if err := sumtest.Add(s.Sink(rng.IntN(2)), 30, o); err != nil {
			return read, err
		}
		if rng.IntN(3) == 0 {
			checkpoint(t, s)
		}
	}
	return read, s.Finish(t.Context())
}

// tame drops the records that lie far from their object's slot.
func tame(objects []sumtest.Object) {
	for i := range objects {
		slot := objects[i].Slot.Unix()
		objects[i].Records = slices.DeleteFunc(objects[i].Records, func(r sumtest.Record) bool { return r.End < slot-86400 || r.End > slot+86400 })
	}
}

// daysOf lists the days of an object's records.
func daysOf(objects ...sumtest.Object) (days []int32) {
	for _, o := range objects {
		days = append(days, ledger.DayOf(o.Slot.Unix()))
		for _, r := range o.Records {
			days = append(days, ledger.DayOf(max(r.End, 0)))
		}
	}
	slices.Sort(days)
	return slices.Compact(days)
}

// withoutInterfaces drops what a rebuilt day does not take back: what objects said of interfaces.
func withoutInterfaces(files map[string]string) map[string]string {
	maps.DeleteFunc(files, func(name, _ string) bool { return name == "manifest.json" || strings.HasPrefix(name, "interfaces") })
	return files
}

// A replaced object is reported and left; its days rebuilt, the ledger is that of the new content. New objects of the same
// run are taken as always.
func TestRebuild(t *testing.T) {
	rng := seeded(t)
	for range 6 {
		objects := randomObjects(rng, 9, 60)
		tame(objects)
		dir := t.TempDir()
		runOnce(t, rng, dir, 0, objects[:8])
		now := slices.Clone(objects)
		changed := rng.IntN(8)
		now[changed].Size += 1000
		now[changed].Records = slices.Clone(now[changed].Records[:len(now[changed].Records)/2])
		now[changed].Records = append(now[changed].Records, randomRecord(rng, now[changed].Slot.Unix(), 1))
		tame(now)

		l := open(t, dir, 0)
		s := New(l)
		if read, err := offer(t, rng, s, now[:8]); read > 0 || err != nil {
			t.Fatalf("%d objects were read again, error %v", read, err)
		}
		if got := s.Replaced(); len(got) != 1 || got[0].URL != now[changed].URL {
			t.Fatalf("replaced %v, want %s", got, now[changed].URL)
		}
		s = New(l)
		if err := s.Rebuild(daysOf(objects[changed], now[changed])); err != nil {
			t.Fatal(err)
		}
		if _, err := offer(t, rng, s, now); err != nil {
			t.Fatal(err)
		}
		if got := s.Replaced(); len(got) != 0 {
			t.Errorf("still replaced: %v", got)
		}
		l.Close()
		fresh := t.TempDir()
		runOnce(t, rng, fresh, 0, now)
		want, got := withoutInterfaces(ledgertest.Files(t, fresh)), withoutInterfaces(ledgertest.Files(t, dir))
		if !maps.Equal(want, got) {
			t.Fatalf("rebuilt %v, want %v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
		}
	}
}

// A rebuild that would lose something changes nothing: an object that is not offered, or one that has changed and has
// records of a day that is not rebuilt.
func TestRebuildRefused(t *testing.T) {
	rng := seeded(t)
	objects := randomObjects(rng, 4, 40)
	tame(objects)
	day := worldDay*86400 + 86400
	for i := range objects { // each has records of two days
		objects[i].Slot = parseTime(t, "2024-10-05T00:00:00Z")
		for _, start := range []int64{day - 600, day + 10} {
			r := randomRecord(rng, start, 1)
			r.Interface, r.Start, r.End = "eni-1", start, start+5
			objects[i].Records = append(objects[i].Records, r)
		}
	}
	dir := filepath.Join(t.TempDir(), "ledger")
	runOnce(t, rng, dir, 0, objects)
	want := ledgertest.Files(t, dir)
	changed := slices.Clone(objects)
	changed[1].Size++
	grown := slices.Clone(changed)
	later := randomRecord(rng, day+90000, 1)
	later.Interface, later.Start, later.End = "eni-1", day+90000, day+90000
	grown[1].Records = append(slices.Clone(grown[1].Records), later)
	for _, tt := range []struct {
		name    string
		offered []sumtest.Object
		days    []int32
		want    any
	}{
		{"missing", objects[:3], []int32{int32(worldDay), int32(worldDay + 1)}, new(*ledger.MissingError)},
		{"beyond", changed, []int32{int32(worldDay + 1)}, new(*BeyondError)},
		{"grown", grown, []int32{int32(worldDay), int32(worldDay + 1)}, new(*BeyondError)},
	} {
		l := open(t, dir, 0)
		s := New(l)
		if err := s.Rebuild(tt.days); err != nil {
			t.Fatal(err)
		}
		if _, err := offer(t, rng, s, tt.offered); err == nil || !errors.As(err, tt.want) {
			t.Errorf("%s: error %v", tt.name, err)
		}
		l.Close()
		if !maps.Equal(want, ledgertest.Files(t, dir)) {
			t.Errorf("%s: the ledger has changed", tt.name)
		}
	}
	l := open(t, dir, 0) // nothing has changed, and all is there: the same bytes
	s := New(l)
	if err := s.Rebuild([]int32{int32(worldDay + 1)}); err != nil {
		t.Fatal(err)
	}
	if read, err := offer(t, rng, s, objects); read != len(objects) || err != nil {
		t.Errorf("%d objects read, error %v", read, err)
	}
	l.Close()
	if !maps.Equal(want, ledgertest.Files(t, dir)) {
		t.Error("a rebuild from the same objects changes bytes")
	}
}
