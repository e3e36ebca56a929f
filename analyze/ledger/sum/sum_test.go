package sum

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sync/errgroup"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/ledger"
	"github.com/sgtrim/sgtrim/analyze/ledger/ledgertest"
	"github.com/sgtrim/sgtrim/analyze/ledger/sum/sumtest"
	"github.com/sgtrim/sgtrim/ingest"
)

func seeded(t *testing.T) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

func open(t *testing.T, dir string, memory int64) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(dir, ledger.Options{Memory: memory})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func checkpoint(t *testing.T, s *Sum) {
	t.Helper()
	if err := s.Checkpoint(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func evidence(t *testing.T, l *ledger.Ledger) (all []ledger.Evidence) {
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

var compareAddrs = cmpopts.EquateComparable(netip.Addr{})

// The tables, the fold, the way over the disk and that through Parquet say what the oracle says.
func TestOracle(t *testing.T) {
	rng := seeded(t)
	folded := map[analyze.Reason]int{}
	for range 25 {
		objects := randomObjects(rng, 1+rng.IntN(5), 120)
		memory := []int64{0, 1 << 10, 20 * 4 * pairBytes}[rng.IntN(3)] // objects of 20 pairs and more go over the disk
		l := open(t, t.TempDir(), memory)
		s := New(l)
		sink, most := s.Sink(0), []int{repetitionMost, 60}[rng.IntN(2)]
		s.workers[0].repetitionMost = most
		if err := sumtest.Add(sink, 1+rng.IntN(50), objects...); err != nil {
			t.Fatal(err)
		}
		checkpoint(t, s)
		var want []ledger.Evidence
		merged := map[ledger.Key]ledger.Evidence{}
		for _, rows := range oracle(objects, most) {
			for k, e := range rows {
				if old, ok := merged[k]; ok {
					e.Add(&old)
				}
				merged[k] = e
			}
		}
		want = slices.SortedFunc(maps.Values(merged), func(a, b ledger.Evidence) int { return a.Compare(&b.Key) })
		if diff := cmp.Diff(want, evidence(t, l), compareAddrs); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
		for _, e := range want {
			folded[e.Reason]++
		}
	}
	for _, r := range []analyze.Reason{analyze.Ambiguous, analyze.OwnFlags, analyze.Counterpart, analyze.Repetition} {
		if folded[r] == 0 {
			t.Errorf("no row was folded for %v: the world is too tame to test it", r)
		}
	}
}

// Any order, any workers, any checkpoints, any runs, any memory: the same bytes.
func TestSameBytes(t *testing.T) {
	rng := seeded(t)
	for range 3 {
		objects := randomObjects(rng, 10, 200)
		var want map[string]string
		for try := range 4 {
			dir := t.TempDir()
			memory := int64(0)
			if try%2 == 1 {
				memory = 1 << 10 // spills after every object
			}
			rest := slices.Clone(objects)
			rng.Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
			for len(rest) > 0 {
				n := len(rest)
				if try > 0 {
					n = 1 + rng.IntN(n)
				}
				runOnce(t, rng, dir, memory, rest[:n])
				rest = rest[n:]
			}
			got := ledgertest.Files(t, dir)
			if want == nil {
				want = got
			} else if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" {
				t.Fatalf("files differ in try %d:\n%s", try, diff)
			} else if !maps.Equal(want, got) {
				t.Fatalf("bytes differ in try %d", try)
			}
		}
	}
}

func runOnce(t *testing.T, rng *rand.Rand, dir string, memory int64, objects []sumtest.Object) {
	t.Helper()
	l, err := ledger.Open(dir, ledger.Options{Memory: memory})
	if err != nil {
		t.Fatal(err)
	}
	s := New(l)
	for len(objects) > 0 {
		n := 1 + rng.IntN(len(objects))
		var g errgroup.Group
		for w := range 3 {
			seed := rng.Uint64()
			g.Go(func() error { return work(rand.New(rand.NewPCG(seed, 1)), s.Sink(w), w, objects[:n]) })
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		checkpoint(t, s)
		objects = objects[n:]
	}
	checkpoint(t, s)
	if err := l.Verify(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// work adds every third object.
func work(rng *rand.Rand, sink ingest.Sink, w int, objects []sumtest.Object) error {
	for i := w; i < len(objects); i += 3 {
		if rng.IntN(5) == 0 { // an object that fails half-way leaves nothing
			if err := errors.Join(sink.Begin(objects[i].Object), sink.Observe(sumtest.Batch(randomObjects(rng, 1, 9)[0].Records))); err != nil {
				return err
			}
			sink.Abort()
		}
		if err := sumtest.Add(sink, 1+rng.IntN(99), objects[i]); err != nil {
			return err
		}
	}
	return nil
}

// Records of keys that are known cost no allocation.
func TestNoAllocations(t *testing.T) {
	l := open(t, t.TempDir(), 0)
	s := New(l)
	rng := rand.New(rand.NewPCG(1, 1))
	var rows []sumtest.Record
	for range 5000 {
		rows = append(rows, randomRecord(rng, worldDay*86400+40000, 3))
	}
	rec := sumtest.Batch(rows)
	defer rec.Release()
	sink := s.Sink(0)
	n := 0
	object := func() {
		n++
		o := ingest.Object{URL: "s3://b/k", FlowLog: "fl-1", Account: "111111111111", Region: "eu-west-1"}
		err := errors.Join(sink.Begin(o), sink.Observe(rec), sink.Observe(rec), sink.Commit())
		if err != nil {
			t.Fatal(err)
		}
	}
	object()
	object()
	if err := sink.Begin(ingest.Object{URL: "s3://b/k"}); err != nil {
		t.Fatal(err)
	}
	if err := sink.Observe(rec); err != nil {
		t.Fatal(err)
	}
	if got := testing.AllocsPerRun(20, func() {
		if err := sink.Observe(rec); err != nil {
			t.Fatal(err)
		}
	}); got > 0 {
		t.Errorf("%v allocations for a batch of %d known records, want 0", got, len(rows))
	}
	sink.Abort()
	if got := testing.AllocsPerRun(20, object); got > 60 {
		t.Errorf("%v allocations for an object of %d records, want at most a few for the object itself", got, 2*len(rows))
	}
}

func record(iface, from, to string, ports ...int) sumtest.Record {
	r := sumtest.Record{Interface: iface, Src: netip.MustParseAddr(from), Dst: netip.MustParseAddr(to), Proto: 6, Packets: 5, Bytes: 500,
		Start: worldDay * 86400, End: worldDay*86400 + 30, Action: analyze.Accept, Flags: -1}
	r.SrcPort, r.DstPort = ports[0], ports[1]
	return r
}

// The local side where the record does not tell it.
func TestLocalSide(t *testing.T) {
	three := func(from, to string) sumtest.Record {
		r := record("eni-1", from, to, 40000, 443)
		r.Proto = 6
		return r
	}
	pkt := three("10.0.1.5", "10.0.0.220")
	pkt.PktSrc, pkt.PktDst = pkt.Src, netip.MustParseAddr("203.0.113.5")
	back := three("10.0.0.220", "10.0.1.5")
	back.PktSrc, back.PktDst, back.SrcPort, back.DstPort = netip.MustParseAddr("203.0.113.5"), back.Dst, 443, 40000
	tests := []struct {
		name string
		rows []sumtest.Record
		want []string
	}{
		{"one connection tells nothing", []sumtest.Record{three("10.0.0.1", "10.0.0.2")}, []string{"open 10.0.0.1 10.0.0.2"}},
		{"two share the own address", []sumtest.Record{three("10.0.0.1", "10.0.0.9"), three("10.0.0.9", "10.0.0.2")}, []string{"a 10.0.0.9 10.0.0.1", "a 10.0.0.9 10.0.0.2"}},
		{"no address in common", []sumtest.Record{three("10.0.0.1", "10.0.0.9"), three("10.0.0.9", "10.0.0.2"), three("10.0.0.1", "10.0.0.2")},
			[]string{"open 10.0.0.1 10.0.0.2", "open 10.0.0.1 10.0.0.9", "open 10.0.0.2 10.0.0.9"}},
		{"families apart", []sumtest.Record{three("10.0.0.1", "10.0.0.9"), three("10.0.0.9", "10.0.0.2"), three("2001:db8::1", "2001:db8:1::2")},
			[]string{"a 10.0.0.9 10.0.0.1", "a 10.0.0.9 10.0.0.2", "open 2001:db8::1 2001:db8:1::2"}},
		{"pods of one /64 share their peer", []sumtest.Record{three("2001:db8::1", "2001:db8:1::9"), three("2001:db8::2", "2001:db8:1::9")},
			[]string{"open 2001:db8::1 2001:db8:1::9", "open 2001:db8::2 2001:db8:1::9"}},
		{"peers of many /64", []sumtest.Record{three("2001:db8::1", "2001:db8:1::9"), three("2001:db8:2::2", "2001:db8:1::9")},
			[]string{"a 2001:db8:1::9 2001:db8::1", "a 2001:db8:1::9 2001:db8:2::2"}},
		{"packet address of the peer", []sumtest.Record{pkt, back, three("10.0.0.220", "203.0.113.5")},
			[]string{"a 10.0.0.220 10.0.1.5", "a 10.0.0.220 203.0.113.5"}},
		{"packet address of an open side is dropped", []sumtest.Record{pkt}, []string{"open 10.0.0.220 10.0.1.5"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := open(t, t.TempDir(), 0)
			s := New(l)
			if err := sumtest.Add(s.Sink(0), 2, sumtest.Object{Object: ingest.Object{URL: "s3://b/k"}, Records: tt.rows}); err != nil {
				t.Fatal(err)
			}
			checkpoint(t, s)
			var got []string
			for _, e := range evidence(t, l) {
				side := "open"
				if e.Side == ledger.SideA {
					side = "a"
				}
				got = append(got, fmt.Sprint(side, " ", e.A, " ", e.B))
			}
			slices.Sort(got)
			slices.Sort(tt.want)
			if diff := cmp.Diff(tt.want, slices.Compact(got)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestCoverageAndCounts(t *testing.T) {
	at := func(r sumtest.Record, start, end int64) sumtest.Record {
		r.Start, r.End = worldDay*86400+start, worldDay*86400+end
		return r
	}
	status := func(s ingest.Status) sumtest.Record {
		r := sumtest.Record{Interface: "eni-1", Flags: -1, SrcPort: -1, DstPort: -1, Proto: -1, Packets: -1, Bytes: -1, Status: s}
		return r
	}
	ok := record("eni-1", "10.0.0.1", "10.0.0.2", 40000, 443)
	reject := ok
	reject.Action = analyze.Reject
	half := ok
	half.Dst = netip.Addr{}
	nameless := ok
	nameless.Interface = ""
	o := ingest.Object{URL: "s3://b/k", FlowLog: "fl-1"}
	l := open(t, t.TempDir(), 0)
	s := New(l)
	sink := s.Sink(0)
	err := sumtest.Add(sink, 10, sumtest.Object{Object: o, Records: []sumtest.Record{
		at(ok, 3599, 3600), at(reject, 7300, 7400), at(status(ingest.StatusNoData), 10800, 10900), at(status(ingest.StatusSkipData), 14400, 14401),
		at(half, 18000, 18001), at(nameless, 0, 0), at(record("eni-2", "10.0.0.3", "10.0.0.4", 1, 2), -100, 5),
	}})
	if err != nil {
		t.Fatal(err)
	}
	// A bad line, which may be of any interface of the flow log; then an object that is not taken at all.
	o.URL = "s3://b/k2"
	rec := sumtest.Batch([]sumtest.Record{at(ok, 36000, 36001)})
	err = errors.Join(sink.Begin(o), sink.Observe(rec), sink.Skip(&ingest.RecordError{Object: o.URL, Line: 7}), sink.Commit())
	if err != nil {
		t.Fatal(err)
	}
	// An object that was cut short and yet committed: what is missing may be of any interface.
	o.URL = "s3://b/k3"
	rec = sumtest.Batch([]sumtest.Record{at(nameless, 0, 0), at(record("eni-2", "10.0.0.3", "10.0.0.4", 1, 2), 79200, 79201)})
	err = errors.Join(sink.Begin(o), sink.Observe(rec), sink.Skip(&ingest.RecordError{Object: o.URL}), sink.Commit())
	if err != nil {
		t.Fatal(err)
	}
	lost := "s3://b/AWSLogs/111111111111/vpcflowlogs/eu-west-1/2024/10/04/111111111111_vpcflowlogs_eu-west-1_fl-1_20241004T2000Z_ab.log.gz"
	if err := errors.Join(sink.Skip(&ingest.RecordError{Object: lost}), sink.Skip(&ingest.RecordError{Object: "x.log"})); err != nil {
		t.Fatal(err)
	}
	checkpoint(t, s)
	got, err := l.Coverage(int32(worldDay))
	if err != nil {
		t.Fatal(err)
	}
	const whole = 1<<10 | 1<<20 | 1<<22
	want := []ledger.Coverage{
		{Day: int32(worldDay), Source: "fl-1", Gaps: whole},
		{Day: int32(worldDay), Source: "fl-1", Interface: "eni-1", Covered: 1<<0 | 1<<1 | 1<<2 | 1<<3 | 1<<10, Gaps: 1<<4 | 1<<5 | whole,
			Accepts: 2, Rejects: 1, NoData: 1, SkipData: 1},
		{Day: int32(worldDay), Source: "fl-1", Interface: "eni-2", Covered: 1<<0 | 1<<22, Gaps: whole, Accepts: 2},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("coverage -want +got:\n%s", diff)
	}
	wantStats := Stats{Objects: 3, Records: 10, Used: 5, NoData: 1, SkipData: 1, NoInterface: 2, Incomplete: 1, Skipped: 4, UnplacedGaps: 1}
	if diff := cmp.Diff(wantStats, s.Stats()); diff != "" {
		t.Errorf("stats -want +got:\n%s", diff)
	}
}

// An object is known wherever it is read from, taken once, and never mistaken for another.
func TestIdentity(t *testing.T) {
	dir := t.TempDir()
	l := open(t, filepath.Join(dir, "ledger"), 0)
	s := New(l, filepath.Join(dir, "logs"), filepath.Join(dir, "single", "x.log"))
	aws := ingest.Object{Account: "111111111111", Region: "eu-west-1", FlowLog: "fl-1", Slot: parseTime(t, "2024-10-04T20:00:00Z")}
	named := func(url string, o ingest.Object) ingest.Object { o.URL = url; return o }
	const file = "111111111111_vpcflowlogs_eu-west-1_fl-1_20241004T2000Z_ab.log.gz"
	for _, tt := range []struct {
		object ingest.Object
		want   string
	}{
		{named("s3://b/AWSLogs/x/"+file, aws), file},
		{named(filepath.Join(dir, "copy", file), aws), file},
		{named("s3://b/other/k.log", ingest.Object{}), "s3://b/other/k.log"},
		{named(filepath.Join(dir, "logs", "a", "k.log"), ingest.Object{}), "logs/a/k.log"},
		{named(filepath.Join(dir, "single", "x.log"), ingest.Object{}), "single/x.log"},
	} {
		if got := s.identity(tt.object).ID; got != tt.want {
			t.Errorf("%s is known as %s, want %s", tt.object.URL, got, tt.want)
		}
	}
	a, b := s.name(named("/somewhere/k.log", ingest.Object{})), s.name(named("/elsewhere/k.log", ingest.Object{}))
	if a == b || filepath.Base(a) != "k.log" {
		t.Errorf("files of the same name in two folders are known as %s and %s", a, b)
	}
	if err := sumtest.Add(s.Sink(0), 1, sumtest.Object{Object: named("s3://b/1", ingest.Object{Size: 5, ETag: "e"})}); err != nil {
		t.Fatal(err)
	}
	checkpoint(t, s)
	for _, tt := range []struct {
		object   ingest.Object
		taken    bool
		replaced int
	}{
		{named("s3://b/2", ingest.Object{}), false, 0},
		{named("s3://b/1", ingest.Object{Size: 5, ETag: "e"}), true, 0},
		{named("s3://b/1", ingest.Object{Size: -1}), true, 0},
		{named("s3://b/1", ingest.Object{Size: 5, ETag: "f"}), true, 1},
	} {
		taken, err := s.Skip(tt.object)
		if err != nil || taken != tt.taken || len(s.Replaced()) != tt.replaced {
			t.Errorf("%+v: taken %v, replaced %v, error %v", tt.object, taken, s.Replaced(), err)
		}
	}
	s2 := New(l, filepath.Join(dir, "p", "logs"), filepath.Join(dir, "q", "logs"))
	if _, err := s2.Skip(named(filepath.Join(dir, "p", "logs", "k.log"), ingest.Object{})); err != nil {
		t.Fatal(err)
	}
	if _, err := s2.Skip(named(filepath.Join(dir, "q", "logs", "k.log"), ingest.Object{})); err == nil {
		t.Error("two files with one name for the ledger are not refused")
	}
}

// Standard input has no identity but its content.
func TestStdin(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, 0)
	rows := randomObjects(rand.New(rand.NewPCG(3, 3)), 2, 50)
	in := func(records []sumtest.Record) {
		t.Helper()
		s := New(l)
		if skip, err := s.Skip(ingest.Object{URL: "-", Size: -1}); skip || err != nil {
			t.Fatalf("skip %v, error %v", skip, err)
		}
		if err := sumtest.Add(s.Sink(0), 7, sumtest.Object{Object: ingest.Object{URL: "-", Size: -1}, Records: records}); err != nil {
			t.Fatal(err)
		}
		checkpoint(t, s)
	}
	in(rows[0].Records)
	once := evidence(t, l)
	turned := slices.Clone(rows[0].Records)
	slices.Reverse(turned)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, dir, 1<<10) // now it goes over the disk
	in(turned)
	if diff := cmp.Diff(once, evidence(t, l), compareAddrs); diff != "" {
		t.Errorf("the same records through standard input again changed the ledger:\n%s", diff)
	}
	in(rows[1].Records)
	if len(evidence(t, l)) <= len(once) {
		t.Error("other records through standard input were not added")
	}
}

// Tables of days take room for their own rows, not for those of other days that come with them.
func TestManyDays(t *testing.T) {
	var o sumtest.Object
	o.URL = "many days"
	for i := range 8000 {
		at := (worldDay + int64(i%400)) * 86400
		r := record("eni-0", "10.0.0.1", fmt.Sprintf("10.1.0.%d", i/400), 40000, 443, 6)
		r.Start, r.End = at, at+60
		o.Records = append(o.Records, r)
	}
	s := New(open(t, t.TempDir(), 0))
	if err := sumtest.Add(s.Sink(0), 1000, o); err != nil {
		t.Fatal(err)
	}
	w := s.workers[0]
	w.flushFolds()
	if len(w.days) != 400 {
		t.Fatalf("%d days", len(w.days))
	}
	for part, d := range w.days {
		if d.rows.store.n == 0 || len(d.rows.slots) > max(indexLeast, 8*d.rows.store.n) {
			t.Fatalf("%d slots for the %d rows of day %d", len(d.rows.slots), d.rows.store.n, part.Day)
		}
	}
}

func TestSinkContract(t *testing.T) {
	sink := New(open(t, t.TempDir(), 0)).Sink(0)
	rec := sumtest.Batch(nil)
	if sink.Observe(rec) == nil || sink.Commit() == nil {
		t.Error("records outside an object are taken")
	}
	if err := sink.Begin(ingest.Object{URL: "a"}); err != nil {
		t.Fatal(err)
	}
	if sink.Begin(ingest.Object{URL: "b"}) == nil {
		t.Error("an object inside an object is taken")
	}
}

func parseTime(t *testing.T, s string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// A batch's memory is used again once it has been observed: what the sink keeps of it is a copy.
func TestBatchIsCopied(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, 0)
	s := New(l)
	sink := s.Sink(0)
	r := record("eni-1", "10.0.0.1", "10.0.0.2", 40000, 443)
	r.Account, r.VPC, r.Subnet = "222222222222", "vpc-1", "subnet-1"
	rec := sumtest.Batch([]sumtest.Record{r})
	defer rec.Release()
	if err := errors.Join(sink.Begin(ingest.Object{URL: "a.log"}), sink.Observe(rec)); err != nil {
		t.Fatal(err)
	}
	for _, col := range []int{ingest.ColInterface, ingest.ColAccount, ingest.ColVPC, ingest.ColSubnet} {
		b := rec.Column(col).(*array.Dictionary).Dictionary().(*array.String).ValueBytes()
		for i := range b {
			b[i] = '?'
		}
	}
	if err := sink.Commit(); err != nil {
		t.Fatal(err)
	}
	checkpoint(t, s)
	got, err := l.Attributes()
	want := map[string]ledger.Attributes{"eni-1": {Interface: "eni-1", Account: "222222222222", VPC: "vpc-1", Subnet: "subnet-1"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("error %v, -want +got:\n%s", err, diff)
	}
}
