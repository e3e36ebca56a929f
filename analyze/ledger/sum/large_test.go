package sum

import (
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/ledger"
	"github.com/sgtrim/sgtrim/analyze/ledger/sum/sumtest"
	"github.com/sgtrim/sgtrim/ingest"
)

// However many different connections one object has, the tables of its worker stay at the worker's share, and what comes out
// is what comes out in memory. The answers of all come last, so that every pair is in two runs.
func TestLargeObject(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	o := sumtest.Object{Object: ingest.Object{URL: "large"}}
	var answers []sumtest.Record
	for i := range 33_000 { // enough for addresses to be looked at as possible NATs
		r := sumtest.Record{
			Interface: []string{"eni-0", "eni-1", "eni-2"}[i%3], Src: netip.AddrFrom4([4]byte{10, byte(i % 3), byte(rng.IntN(4)), byte(i)}),
			Dst: netip.AddrFrom4([4]byte{10, 9, 9, byte(i % 3)}), SrcPort: 1024 + rng.IntN(60000), DstPort: 8000 + i%3, Proto: 6,
			Packets: 5, Bytes: 500, Start: worldDay * 86400, End: worldDay*86400 + 60, Action: analyze.Accept, Flags: -1,
		}
		back := r
		back.Src, back.Dst, back.SrcPort, back.DstPort = r.Dst, r.Src, r.DstPort, r.SrcPort
		o.Records, answers = append(o.Records, r), append(answers, back)
	}
	endpoints := map[netip.AddrPort]bool{}
	for _, r := range o.Records {
		endpoints[netip.AddrPortFrom(r.Src, uint16(r.SrcPort))] = true
		endpoints[netip.AddrPortFrom(r.Dst, uint16(r.DstPort))] = true
	}
	client := o.Records[2] // one of the three services is a client as well, so that its port does not fold
	client.Src, client.SrcPort, client.Dst, client.DstPort, client.Flags = client.Dst, client.DstPort, netip.AddrFrom4([4]byte{10, 8, 8, 8}), 22, 2
	o.Records = append(append(o.Records, answers...), client)
	const share, batch = 3000, 1000 // pairs, records
	ingest := func(memory int64, repetitionMost int) []ledger.Evidence {
		t.Helper()
		l := open(t, t.TempDir(), memory)
		s := New(l)
		sink := s.Sink(0)
		s.workers[0].repetitionMost = repetitionMost
		if err := sumtest.Add(sink, batch, o); err != nil {
			t.Fatal(err)
		}
		w := s.workers[0]
		if got := len(w.pairs.list); memory > 0 && got > 2*(share+batch)+chunkEntries {
			t.Errorf("the table has room for %d pairs where the share is %d", got, share)
		}
		if got := len(w.met.endpoints.list); memory > 0 && got > 3*share+chunkEntries {
			t.Errorf("%d endpoints are kept where the share is %d", got, 2*share)
		}
		checkpoint(t, s)
		if left, err := filepath.Glob(filepath.Join(l.Dir(), "tmp", "*.run")); err != nil || len(left) > 0 {
			t.Errorf("left on disk: %v %v", left, err)
		}
		return evidence(t, l)
	}
	for _, repetitionMost := range []int{repetitionMost, len(endpoints), len(endpoints) - 1} {
		want, got := ingest(0, repetitionMost), ingest(share*4*pairBytes, repetitionMost)
		if diff := cmp.Diff(want, got, compareAddrs); diff != "" {
			t.Errorf("repetitionMost %d: the object taken over the disk differs (-memory +disk):\n%.2000s", repetitionMost, diff)
		}
		repeated := 0
		for _, e := range want {
			if e.Reason == analyze.Repetition {
				repeated++
			}
		}
		if (repeated > 0) != (repetitionMost >= len(endpoints)) {
			t.Errorf("repetitionMost %d: %d of %d rows were decided by repetition", repetitionMost, repeated, len(want))
		}
	}
}

// An object of which a run was lost is not taken.
func TestLargeObjectLost(t *testing.T) {
	objects := randomObjects(rand.New(rand.NewPCG(6, 6)), 1, 100)
	s := New(open(t, t.TempDir(), 1<<10))
	sink := s.Sink(0)
	if err := sink.Begin(objects[0].Object); err != nil {
		t.Fatal(err)
	}
	for i := range objects[0].Records {
		if err := sink.Observe(sumtest.Batch(objects[0].Records[i : i+1])); err != nil {
			t.Fatal(err)
		}
	}
	runs := s.workers[0].runs
	if len(runs) < 2 {
		t.Fatalf("%d runs", len(runs))
	}
	if err := os.Truncate(runs[1].path, partedBytes/2); err != nil {
		t.Fatal(err)
	}
	if err := sink.Commit(); err == nil {
		t.Error("an object is taken of which a run was lost")
	}
}
