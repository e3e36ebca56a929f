package sum

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/sgtrim/sgtrim/analyze/ledger"
	"github.com/sgtrim/sgtrim/analyze/ledger/ledgertest"
	"github.com/sgtrim/sgtrim/analyze/ledger/sum/sumtest"
	"github.com/sgtrim/sgtrim/ingest"
)

// unite merges ledgers into a new one and returns its content.
func unite(t *testing.T, dirs ...string) (map[string]string, ledger.United, error) {
	t.Helper()
	var from []*ledger.Ledger
	for _, dir := range dirs {
		l, err := ledger.Open(dir, ledger.Options{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		from = append(from, l)
	}
	dir := filepath.Join(t.TempDir(), "united")
	l := open(t, dir, 0)
	united, err := l.Union(t.Context(), from...)
	l.Close()
	return ledgertest.Files(t, dir), united, err
}

// split deals objects out to ledgers: some by their days, so that windows overlap, some at random, some to several.
func split(rng *rand.Rand, style int, objects []sumtest.Object, n int) [][]sumtest.Object {
	parts := make([][]sumtest.Object, n)
	for _, o := range objects {
		day := int(o.Slot.Unix()/86400 - worldDay) // 0 or 1
		switch style {
		case 0: // apart
			i := rng.IntN(n)
			parts[i] = append(parts[i], o)
		case 1: // windows: the first ledger has the first day, the last one the second, those between have both
			for i := range parts {
				if i > 0 && (day == 1 || i < n-1) || i == 0 && day == 0 {
					parts[i] = append(parts[i], o)
				}
			}
		case 2: // by account, and the first ledger has all
			for i := range parts {
				if i == 0 || o.Account == fmt.Sprint(111111111111+i%2) {
					parts[i] = append(parts[i], o)
				}
			}
		default:
			sure := rng.IntN(n)
			for i := range parts {
				if i == sure || rng.IntN(2) == 0 {
					parts[i] = append(parts[i], o)
				}
			}
		}
	}
	return parts
}

// partition of an object's record, as its ledger files it.
type place struct {
	day     int64
	account string
}

// sharesOf lists the days that an object has a share in, as docs/ledger.md has it, and those of which it leaves something: the
// days of its records, that of its slot if a record is of no day, and all between. Without a record it shares its slot's day.
func sharesOf(o *sumtest.Object) (shares, left []int64) {
	for _, r := range o.Records {
		switch {
		case r.Interface == "":
		case r.End >= 0 && r.End <= latest:
			left = append(left, r.End/86400)
		default:
			left = append(left, o.Slot.Unix()/86400)
		}
	}
	if len(left) == 0 {
		return []int64{o.Slot.Unix() / 86400}, nil
	}
	for day := slices.Min(left); day <= min(slices.Max(left), worldDay+10); day++ { // between these and a record of the year 9999 is nothing
		shares = append(shares, day)
	}
	return append(shares, left...), left
}

// obviousConflict says by sets whether two ledgers cannot be told apart somewhere: no ledger holds all that either of them
// holds, and they have something in common.
func obviousConflict(parts [][]sumtest.Object) bool {
	shares := make([]map[place]map[string]bool, len(parts))
	all := map[place]bool{}
	for i, objects := range parts {
		shares[i] = map[place]map[string]bool{}
		for _, o := range objects {
			days, left := sharesOf(&o)
			for _, day := range days {
				p := place{day, o.Account}
				if shares[i][p] == nil {
					shares[i][p] = map[string]bool{}
				}
				shares[i][p][o.URL] = true
			}
			for _, day := range left {
				all[place{day, o.Account}] = true
			}
		}
	}
	inside := func(a, b map[string]bool) bool {
		for o := range a {
			if !b[o] {
				return false
			}
		}
		return true
	}
	for p := range all {
		for i := range parts {
			for j := range i {
				a, b := shares[i][p], shares[j][p]
				covered := func(s map[string]bool) bool {
					return slices.ContainsFunc(shares, func(x map[place]map[string]bool) bool { return inside(s, x[p]) && len(x[p]) > len(s) })
				}
				common := 0
				for o := range a {
					if b[o] {
						common++
					}
				}
				if common > 0 && !inside(a, b) && !inside(b, a) && !covered(a) && !covered(b) {
					return true
				}
			}
		}
	}
	return false
}

// However objects are dealt out to ledgers, in whatever order these are merged: the bytes of one ingest of all, or a conflict
// where no sum of the ledgers is the sum of the objects.
func TestUnion(t *testing.T) {
	rng := seeded(t)
	merged, conflicts, shared := 0, 0, 0
	styles := rng.Perm(4)
	tame := func() bool { return merged == 0 || conflicts == 0 || shared == 0 }
	for round := 0; round < 8 || round < 80 && tame(); round++ {
		objects := randomObjects(rng, 5+rng.IntN(8), 60)
		whole := t.TempDir()
		runOnce(t, rng, whole, 0, objects)
		want := ledgertest.Files(t, whole)
		for range 2 {
			styles = append(styles[1:], styles[0]) // each in turn
			parts := split(rng, styles[0], objects, 2+rng.IntN(3))
			var dirs []string
			for _, part := range parts {
				dirs = append(dirs, t.TempDir())
				runOnce(t, rng, dirs[len(dirs)-1], 0, part)
			}
			rng.Shuffle(len(dirs), func(i, j int) { dirs[i], dirs[j] = dirs[j], dirs[i] })
			got, united, err := unite(t, dirs...)
			var conflict *ledger.ConflictError
			switch {
			case errors.As(err, &conflict):
				conflicts++
				if !obviousConflict(parts) {
					t.Fatalf("a conflict where there is none: %v", err)
				}
			case err != nil:
				t.Fatal(err)
			case obviousConflict(parts):
				t.Fatal("no conflict where there is one")
			case !maps.Equal(want, got):
				t.Fatalf("bytes differ: %v, want %v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
			case united.Objects != len(objects):
				t.Fatalf("%d objects, want %d", united.Objects, len(objects))
			default:
				merged++
				shared += united.Shared
			}
		}
	}
	if tame() {
		t.Errorf("%d merged, %d conflicts, %d objects shared: the world is too tame to test it", merged, conflicts, shared)
	}
}

// Objects of one name that differ are conflicts, whether size and ETag tell or only what they said.
func TestUnionConflicts(t *testing.T) {
	rng := seeded(t)
	objects := randomObjects(rng, 4, 50)
	for _, tt := range []struct {
		name   string
		change func(o *sumtest.Object)
		want   string
	}{
		{"size", func(o *sumtest.Object) { o.Size++ }, "took it with different content"},
		{"content", func(o *sumtest.Object) {
			o.Records = append(o.Records, record("eni-9", "10.9.9.9", "10.8.8.8", 40000, 443))
		}, "saw different things"},
	} {
		changed := slices.Clone(objects)
		changed[2].Records = slices.Clone(changed[2].Records)
		for i := range changed[2].Records { // one day, whatever the world made: the days must not tell
			r := &changed[2].Records[i]
			r.Start, r.End = changed[2].Slot.Unix(), changed[2].Slot.Unix()
		}
		base := slices.Clone(changed)
		tt.change(&changed[2])
		for i := range changed[2].Records {
			changed[2].Records[i].Start, changed[2].Records[i].End = changed[2].Slot.Unix(), changed[2].Slot.Unix()
		}
		a, b := t.TempDir(), t.TempDir()
		runOnce(t, rng, a, 0, base)
		runOnce(t, rng, b, 0, changed)
		_, _, err := unite(t, a, b)
		var conflict *ledger.ConflictError
		if !errors.As(err, &conflict) || conflict.Conflicts[0].Cause == "" || !slices.ContainsFunc(conflict.Conflicts, func(c ledger.Conflict) bool {
			return len(c.Cause) >= len(tt.want) && c.Ledgers == [2]string{a, b} && (c.Cause == tt.want || c.Cause[len(c.Cause)-len(tt.want):] == tt.want)
		}) {
			t.Errorf("%s: error %v", tt.name, err)
		}
	}
	dir := t.TempDir()
	runOnce(t, rng, dir, 0, objects)
	if _, err := open(t, dir, 0).Union(t.Context()); !errors.Is(err, ledger.ErrNotEmpty) {
		t.Errorf("into a ledger that holds something: error %v", err)
	}
}

// A gap that one ledger noted for an object it could not read stays, when another ledger has taken all that it took.
func TestUnionKeepsGaps(t *testing.T) {
	rng := seeded(t)
	objects := randomObjects(rng, 5, 50)
	all, some := t.TempDir(), t.TempDir()
	runOnce(t, rng, all, 0, objects)
	l := open(t, some, 0)
	s := New(l)
	if err := sumtest.Add(s.Sink(0), 99, objects[:4]...); err != nil {
		t.Fatal(err)
	}
	if err := s.Sink(0).Skip(badObject(objects[4].URL)); err != nil {
		t.Fatal(err)
	}
	checkpoint(t, s)
	l.Close()
	got, _, err := unite(t, all, some)
	if err != nil {
		t.Fatal(err)
	}
	swapped, _, err := unite(t, some, all)
	if err != nil || !maps.Equal(got, swapped) {
		t.Fatalf("in the other order: error %v, or other bytes", err)
	}
	want := filepath.Join(t.TempDir(), "want")
	l = open(t, want, 0)
	s = New(l)
	if err := s.Sink(0).Skip(badObject(objects[4].URL)); err != nil {
		t.Fatal(err)
	}
	if err := sumtest.Add(s.Sink(0), 99, objects...); err != nil {
		t.Fatal(err)
	}
	checkpoint(t, s)
	l.Close()
	if !maps.Equal(ledgertest.Files(t, want), got) {
		t.Error("the gap is not what one ingest, which failed on the object at first, would have noted")
	}
}

func badObject(url string) *ingest.RecordError {
	return &ingest.RecordError{Object: url, Err: errors.New("cut off")}
}
