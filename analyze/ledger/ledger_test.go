package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/ledger/ledgertest"
)

var compareAddrs = cmpopts.EquateComparable(netip.Addr{})

func seeded(t testing.TB) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

// randomEvidence has few keys, so that they meet.
func randomEvidence(rng *rand.Rand, day int32) Evidence {
	sums := func() Sums {
		return Sums{int64(rng.IntN(5)), int64(rng.IntN(100)), rng.Int64N(1 << 40), uint8(rng.IntN(24)), rng.IntN(2) == 0, rng.IntN(2) == 0}
	}
	addrs := []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("::1")}
	start := int64(day)*86400 + rng.Int64N(86000)
	return Evidence{
		Key: Key{Day: day, Source: []string{"", "fl-1"}[rng.IntN(2)], Interface: fmt.Sprintf("eni-%d", rng.IntN(3)),
			A: addrs[rng.IntN(4)], B: addrs[rng.IntN(4)], Proto: 6, PortA: uint16(rng.IntN(2)), PortB: 65535, Side: Side(rng.IntN(2)),
			Client: Client(rng.IntN(3)), Reason: analyze.Reason(rng.IntN(int(analyze.NumReasons))),
			Strength: analyze.Strength(rng.IntN(int(analyze.NumStrengths))), Action: analyze.Action(1 + rng.IntN(2))},
		AB: sums(), BA: sums(), First: start, Last: start + 100, Hours: 1 << rng.IntN(24), Sessions: 1,
	}
}

// randomDeltas makes deltas that touch the same days, and what all of them together say.
func randomDeltas(rng *rand.Rand, n int) (all []Delta, want map[Key]Evidence) {
	want = map[Key]Evidence{}
	for i := range n {
		d := Delta{Objects: []Object{{Day: int32(rng.IntN(2)), ID: fmt.Sprint("object", i), ETag: "e", Size: int64(i)}}, Sources: []string{fmt.Sprint("fl-", rng.IntN(2))},
			Attributes: []Attributes{{Interface: "eni-1", VPC: []string{"", "vpc-1", "vpc-2"}[rng.IntN(3)]}}}
		for day := range int32(2) {
			rows := map[Key]Evidence{}
			for range rng.IntN(40) {
				e := randomEvidence(rng, day)
				addTo(rows, e)
				addTo(want, e)
			}
			d.Parts = append(d.Parts, Part{Partition: Partition{Day: day, Region: "eu_west.1"}, Evidence: seqOf(rows),
				Coverage: []Coverage{{Day: day, Source: "fl-1", Interface: "eni-1", Covered: 1 << rng.IntN(24), Accepts: 1}}})
		}
		all = append(all, d)
	}
	return all, want
}

func addTo(rows map[Key]Evidence, e Evidence) {
	if old, ok := rows[e.Key]; ok {
		e.Add(&old)
	}
	rows[e.Key] = e
}

func sorted(rows map[Key]Evidence) []Evidence {
	return slices.SortedFunc(maps.Values(rows), func(a, b Evidence) int { return a.Compare(&b.Key) })
}

func seqOf(rows map[Key]Evidence) iter.Seq2[Evidence, error] {
	return func(yield func(Evidence, error) bool) {
		for _, e := range sorted(rows) {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func open(t testing.TB, dir string) *Ledger {
	t.Helper()
	l, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func commit(t testing.TB, l *Ledger, deltas ...Delta) {
	t.Helper()
	for _, d := range deltas {
		if err := l.Commit(context.Background(), d); err != nil {
			t.Fatal(err)
		}
	}
}

func evidence(t testing.TB, l *Ledger) (all []Evidence) {
	t.Helper()
	for _, day := range l.Days() {
		for e, err := range l.Evidence(day) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, e)
		}
	}
	return all
}

func TestCommitAndRead(t *testing.T) {
	rng := seeded(t)
	dir := t.TempDir()
	deltas, want := randomDeltas(rng, 5)
	l := open(t, dir)
	commit(t, l, deltas...)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := Open(dir, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if diff := cmp.Diff(sorted(want), evidence(t, l), compareAddrs); diff != "" {
		t.Errorf("evidence -want +got:\n%s", diff)
	}
	var ids []string
	for o, err := range l.Objects() {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, o.ID)
		held, taken, err := l.Taken(o)
		if !taken || held != o || held.Replaced(&o) || err != nil {
			t.Errorf("%s: taken %v, held %v, error %v", o.ID, taken, held, err)
		}
		o.Size++
		if !held.Replaced(&o) {
			t.Errorf("%s with another size is not seen as replaced", o.ID)
		}
	}
	if len(ids) != len(deltas) {
		t.Errorf("objects %v, want %d", ids, len(deltas))
	}
	cov, err := l.Coverage(0)
	if err != nil || len(cov) != 1 || cov[0].Accepts != int64(len(deltas)) {
		t.Errorf("coverage %+v, error %v", cov, err)
	}
	if err := l.Verify(context.Background()); err != nil {
		t.Error(err)
	}
	if err := l.Commit(context.Background(), Delta{}); err == nil {
		t.Error("a ledger opened for reading took a commit")
	}
}

// Any order and any grouping of commits: the same bytes.
func TestOrderOfCommits(t *testing.T) {
	rng := seeded(t)
	deltas, _ := randomDeltas(rng, 5)
	var want map[string]string
	for range 3 {
		rng.Shuffle(len(deltas), func(i, j int) { deltas[i], deltas[j] = deltas[j], deltas[i] })
		dir := t.TempDir()
		l := open(t, dir)
		commit(t, l, deltas...)
		l.Close()
		got := ledgertest.Files(t, dir)
		if want == nil {
			want = got
		} else if !maps.Equal(want, got) {
			t.Fatalf("bytes differ: %v and %v", slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got)))
		}
	}
}

func TestMergeOracle(t *testing.T) {
	rng := seeded(t)
	for range 50 {
		var seqs []iter.Seq2[Evidence, error]
		want := map[Key]Evidence{}
		for range rng.IntN(5) {
			rows := map[Key]Evidence{}
			for range rng.IntN(60) {
				e := randomEvidence(rng, 3)
				addTo(rows, e)
				addTo(want, e)
			}
			seqs = append(seqs, seqOf(rows))
		}
		for range 2 { // ranged over twice
			var got []Evidence
			for e, err := range Merge(seqs...) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, e)
			}
			if diff := cmp.Diff(sorted(want), got, compareAddrs, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("-want +got:\n%s", diff)
			}
		}
	}
	bad := func(yield func(Evidence, error) bool) {
		_ = yield(Evidence{Key: Key{Interface: "b"}}, nil) && yield(Evidence{Key: Key{Interface: "a"}}, nil)
	}
	var err error
	for _, err = range Merge(bad, seqOf(nil)) {
	}
	if !errors.Is(err, errUnsorted) {
		t.Errorf("unsorted rows: error %v", err)
	}
}

const killEnv = "SGTRIM_TEST_KILL"

// TestKillHelper is the process that TestKill ends.
func TestKillHelper(t *testing.T) {
	env := os.Getenv(killEnv)
	if env == "" {
		t.Skip("runs only as a child of TestKill")
	}
	n, dir, _ := strings.Cut(env, " ")
	left, err := strconv.Atoi(n)
	if err != nil {
		t.Fatal(err)
	}
	l := &Ledger{dir: dir, taken: map[int32]map[string]Object{}}
	var steps atomic.Int64
	steps.Store(int64(left))
	l.faults = func(op, path string) error {
		if steps.Add(-1) == 0 {
			p, _ := os.FindProcess(os.Getpid())
			_ = p.Kill()
			select {}
		}
		return nil
	}
	if err := l.open(); err != nil {
		t.Fatal(err)
	}
	killRun(t, l)
	fmt.Println("survived", left)
}

// killRun commits what is not there yet.
func killRun(t *testing.T, l *Ledger) {
	deltas, _ := randomDeltas(rand.New(rand.NewPCG(7, 7)), 2)
	for _, d := range deltas {
		_, taken, err := l.Taken(d.Objects[0])
		if err != nil {
			t.Fatal(err)
		}
		if !taken {
			commit(t, l, d)
		}
	}
}

// Killed before every create, sync, rename and removal, and run again: the bytes of an undisturbed run.
func TestKill(t *testing.T) {
	undisturbed := t.TempDir()
	l := open(t, undisturbed)
	killRun(t, l)
	l.Close()
	want := ledgertest.Files(t, undisturbed)
	points, step := 0, 1
	if testing.Short() {
		step = 7
	}
	for n := 1; ; n += step {
		dir := t.TempDir()
		cmd := exec.Command(os.Args[0], "-test.run=^TestKillHelper$")
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d %s", killEnv, n, dir))
		out, err := cmd.CombinedOutput()
		if strings.Contains(string(out), "survived") {
			break
		}
		if err == nil || strings.Contains(string(out), "FAIL") {
			t.Fatalf("point %d: %v\n%s", n, err, out)
		}
		points++
		l := open(t, dir)
		if err := l.Verify(context.Background()); err != nil {
			t.Fatalf("point %d: %v", n, err)
		}
		killRun(t, l)
		l.Close()
		if got := ledgertest.Files(t, dir); !maps.Equal(want, got) {
			t.Fatalf("point %d: files %v, want %v", n, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
		}
	}
	if points < 5 {
		t.Errorf("only %d fault points were met", points)
	}
}

// A disk that fails at any step: an error, nothing lost, and the same process can go on.
func TestDiskFails(t *testing.T) {
	undisturbed := t.TempDir()
	l := open(t, undisturbed)
	killRun(t, l)
	l.Close()
	want := ledgertest.Files(t, undisturbed)
	full := errors.New("no space left on device")
	deltas, _ := randomDeltas(rand.New(rand.NewPCG(7, 7)), 2)
	failures := 0
	for n := 0; n < 60; n += 3 {
		dir := t.TempDir()
		l := open(t, dir)
		var left atomic.Int64 // days are written at the same time
		left.Store(int64(n))
		l.faults = func(op, path string) error {
			if left.Add(-1) == 0 && op != "remove" {
				return full
			}
			return nil
		}
		for _, d := range deltas {
			if err := l.Commit(context.Background(), d); err != nil {
				failures++
				if !errors.Is(err, full) || !strings.Contains(err.Error(), dir) {
					t.Fatalf("step %d: error %v", n, err)
				}
				commit(t, l, d)
			}
		}
		l.Close()
		open(t, dir).Close() // sweeps
		if got := ledgertest.Files(t, dir); !maps.Equal(want, got) {
			t.Fatalf("step %d: files %v, want %v", n, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
		}
	}
	if failures < 10 {
		t.Errorf("only %d failures were met", failures)
	}
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	if _, err := Open(dir, Options{}); !errors.Is(err, ErrLocked) {
		t.Errorf("a second writer: error %v", err)
	}
	if _, err := Open(dir, Options{ReadOnly: true}); !errors.Is(err, ErrLocked) {
		t.Errorf("a reader beside a writer: error %v", err)
	}
	deltas, _ := randomDeltas(rand.New(rand.NewPCG(1, 1)), 1)
	commit(t, l, deltas...)
	if err := l.Commit(context.Background(), deltas[0]); !errors.Is(err, ErrTaken) {
		t.Errorf("an object for the second time: error %v", err)
	}
	l.Close()
	one, err := Open(dir, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	two, err := Open(dir, Options{ReadOnly: true})
	if err != nil {
		t.Errorf("two readers: error %v", err)
	} else {
		two.Close()
	}
	one.Close()

	foreign := t.TempDir()
	if err := os.WriteFile(filepath.Join(foreign, "thesis.txt"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, opt := range []Options{{}, {ReadOnly: true}} {
		if _, err := Open(foreign, opt); !errors.Is(err, ErrNotLedger) {
			t.Errorf("a folder of other things, %+v: error %v", opt, err)
		}
	}
	if _, err := Open(filepath.Join(dir, "nowhere"), Options{ReadOnly: true}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: error %v", err)
	}
}

// A damaged ledger is an error that names the file, at Open or when it is read.
func TestDamage(t *testing.T) {
	deltas, _ := randomDeltas(rand.New(rand.NewPCG(1, 1)), 1)
	rng := seeded(t)
	for range 40 {
		dir := t.TempDir()
		l := open(t, dir)
		commit(t, l, deltas...)
		l.Close()
		files := slices.Sorted(maps.Keys(ledgertest.Files(t, dir)))
		name := files[rng.IntN(len(files))]
		if name == lockName {
			continue
		}
		path := filepath.Join(dir, name)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		cut := rng.IntN(2) == 0
		if cut {
			b = b[:rng.IntN(len(b))]
		} else {
			b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
		}
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
		l, err = Open(dir, Options{ReadOnly: true})
		if err != nil {
			continue // found at once
		}
		if name == manifestName && !cut {
			l.Close()
			continue // a flipped bit in a count or a word may be another valid manifest
		}
		err = l.Verify(context.Background())
		if err == nil || !strings.Contains(err.Error(), filepath.Base(name)) {
			t.Errorf("%s damaged: Verify says %v", name, err)
		}
		for _, day := range l.Days() { // must not panic
			for _, err := range l.Evidence(day) {
				_ = err
			}
			_, _ = l.Coverage(day)
		}
		l.Close()
	}
}

func TestHours(t *testing.T) {
	for _, tt := range []struct {
		first, last int64
		want        uint32
	}{
		{86400, 86400, 1}, {86400 + 3599, 86400 + 3600, 3}, {0, 86400, 1}, {86400, 3 * 86400, 1<<24 - 1}, {2*86400 - 1, 2*86400 - 1, 1 << 23}, {86400 + 7200, 86400, 1 << 2},
	} {
		if got := Hours(1, tt.first, tt.last); got != tt.want {
			t.Errorf("Hours(1, %d, %d) = %b, want %b", tt.first, tt.last, got, tt.want)
		}
	}
}

func TestAttributesMerge(t *testing.T) {
	rng := seeded(t)
	for range 100 {
		var all []Attributes
		for range 4 {
			pick := func() string { return []string{"", "a", "b"}[rng.IntN(3)] }
			all = append(all, Attributes{Account: pick(), VPC: pick(), Subnet: pick(), Region: pick()})
		}
		var x, y Attributes
		for _, a := range all {
			x.Merge(a)
		}
		slices.Reverse(all)
		for _, a := range all {
			y.Merge(a)
		}
		if x != y {
			t.Fatalf("%+v in one order is %+v, in the other %+v", all, y, x)
		}
	}
}

func FuzzManifest(f *testing.F) {
	dir := f.TempDir()
	l := open(f, dir)
	deltas, _ := randomDeltas(rand.New(rand.NewPCG(1, 1)), 1)
	commit(f, l, deltas...)
	b, err := os.ReadFile(filepath.Join(dir, manifestName))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(fmt.Appendf(nil, `{"format":%q,"schema_version":%d,"sources":[],"files":[{"kind":"evidence","day":"2024-01-01","account_id":"../..","region":"/","sha256":"%064d","rows":0,"bytes":0}]}`,
		manifestFormat, SchemaVersion, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := readManifest(b)
		if err != nil {
			return
		}
		for i := range m.Files {
			if p := m.Files[i].path(); !filepath.IsLocal(p) || strings.Count(p, "/") != 1 {
				t.Errorf("a file outside of its folder: %q", p)
			}
		}
		again, err := m.marshal()
		if err != nil {
			t.Fatal(err)
		}
		n, err := readManifest(again)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, again)
		}
		if diff := cmp.Diff(m, n, cmp.AllowUnexported(manifest{}), cmpopts.EquateEmpty()); diff != "" {
			t.Error(diff)
		}
	})
}

// Addresses are in the order of their 16 bytes.
func TestCompareAddr(t *testing.T) {
	rng := seeded(t)
	random := func() netip.Addr {
		if rng.IntN(2) == 0 {
			return netip.AddrFrom4([4]byte{10, byte(rng.IntN(2)), 0, byte(rng.IntN(256))})
		}
		b := [16]byte{byte(rng.IntN(2)) * 0x20, 10: 0xff, 11: byte(rng.IntN(256)), 15: byte(rng.IntN(256))}
		return netip.AddrFrom16(b)
	}
	for range 10_000 {
		a, b := random(), random()
		x, y := a.As16(), b.As16()
		if got, want := CompareAddr(a, b), bytes.Compare(x[:], y[:]); got != want {
			t.Fatalf("%s and %s: %d, want %d", a, b, got, want)
		}
	}
}
