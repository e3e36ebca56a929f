package orient_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/ledger/sum/sumtest"
	"github.com/sgtrim/sgtrim/analyze/orient"
)

// scribble reads bytes as records of few hosts and ports, four bytes each, so that they meet; a record may end an object.
func scribble(data []byte) (objects []sumtest.Object) {
	ports := [...]int{20, 53, 443, 2049, 5432, 8080, 40000, 40001, 40002, 40003, 50000, 50001, 50051, 60000, 61616, 900}
	flags := [...]int{-1, -1, 0, 1, 2, 3, 4, 6, 18, 19, 22, 23, 0, 0, -1, 2}
	objects = []sumtest.Object{{}}
	for ; len(data) >= 4; data = data[4:] {
		host, port, what, size := data[0], data[1], data[2], data[3]
		own, peer := netip.AddrFrom4([4]byte{10, 0, 0, host & 1}), netip.AddrFrom4([4]byte{10, 0, 1, host >> 1 & 3})
		start := int64(86400*20000 + int(size>>4)*3600)
		r := sumtest.Record{Interface: fmt.Sprint("eni-", host&1), Src: own, Dst: peer, SrcPort: ports[port&15], DstPort: ports[port>>4], Proto: 6,
			Packets: int64(1 + size&7), Start: start, End: start + 50, Action: analyze.Accept, Flags: flags[what&15], Direction: analyze.Egress}
		r.Bytes = r.Packets * [...]int64{40, 44, 60, 500}[host>>6]
		switch host >> 3 & 7 {
		case 0:
			r.Proto = 17
		case 1:
			r.Proto = 1
		case 2:
			r.Action = analyze.Reject
		}
		if what&16 != 0 {
			r.Src, r.Dst, r.SrcPort, r.DstPort, r.Direction = r.Dst, r.Src, r.DstPort, r.SrcPort, analyze.Ingress
		}
		if what&32 != 0 {
			r.Direction = analyze.DirectionUnknown
		}
		if r.Proto != 6 {
			r.Flags = -1
		}
		o := &objects[len(objects)-1]
		o.Records = append(o.Records, r)
		if what&192 == 192 {
			objects = append(objects, sumtest.Object{})
		}
	}
	return objects
}

// Whatever the records: none is lost or counted twice, doubtful connections are two readings that mirror each other, and
// neither the order of records nor that of objects matters.
func FuzzDay(f *testing.F) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{4, 40, 400, 4000} {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		f.Add(b, uint64(n))
	}
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		objects := scribble(data[:min(len(data), 8000)])
		for i := range objects {
			objects[i].URL = fmt.Sprint("s3://b/", i)
		}
		all := conversations(t, orient.Options{}, objects...)
		checkTotals(t, objects, all)
		checkLinks(t, all)

		rng := rand.New(rand.NewPCG(seed, 1))
		rng.Shuffle(len(objects), func(i, j int) { objects[i], objects[j] = objects[j], objects[i] })
		for _, o := range objects {
			rng.Shuffle(len(o.Records), func(i, j int) { o.Records[i], o.Records[j] = o.Records[j], o.Records[i] })
		}
		again := conversations(t, orient.Options{}, objects...)
		if diff := cmp.Diff(texts(all), texts(again)); diff != "" {
			t.Fatalf("in another order: -want +got:\n%s", diff)
		}
	})
}

// checkTotals compares records, packets and bytes of each protocol and action.
func checkTotals(t *testing.T, objects []sumtest.Object, all []orient.Conversation) {
	t.Helper()
	type kind struct {
		iface  string
		proto  uint8
		action analyze.Action
	}
	want, got := map[kind]orient.Counter{}, map[kind]orient.Counter{}
	for _, o := range objects {
		for _, r := range o.Records {
			k := kind{r.Interface, uint8(r.Proto), r.Action}
			c := want[k]
			want[k] = orient.Counter{Flows: c.Flows + 1, Packets: c.Packets + r.Packets, Bytes: c.Bytes + r.Bytes}
		}
	}
	links := map[int64]bool{}
	for _, conv := range all {
		if conv.Link != 0 {
			if links[conv.Link] {
				continue
			}
			links[conv.Link] = true
		}
		k := kind{conv.Interface, conv.Proto, conv.Action}
		c, n := got[k], conv.Total()
		got[k] = orient.Counter{Flows: c.Flows + n.Flows, Packets: c.Packets + n.Packets, Bytes: c.Bytes + n.Bytes}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("-records +conversations:\n%s", diff)
	}
}

func checkLinks(t *testing.T, all []orient.Conversation) {
	t.Helper()
	pairs := map[int64][]orient.Conversation{}
	keys := map[orient.Key]bool{}
	for _, c := range all {
		switch {
		case (c.Link != 0) != (c.Orientation == analyze.Ambiguous):
			t.Fatalf("link %d, orientation %v", c.Link, c.Orientation)
		case c.Link != 0:
			pairs[c.Link] = append(pairs[c.Link], c)
		case keys[c.Key]:
			t.Fatalf("two conversations of one key: %s", text(c))
		default:
			keys[c.Key] = true
		}
		if c.First > c.Last || c.Hours == 0 {
			t.Fatalf("first %d, last %d, hours %x", c.First, c.Last, c.Hours)
		}
	}
	for link, p := range pairs {
		if len(p) != 2 {
			t.Fatalf("link %d: %d readings", link, len(p))
		}
		a, b := p[0], p[1]
		mirrored := a.Direction != b.Direction && a.Local == b.Local && a.Peer == b.Peer
		if a.Direction == analyze.DirectionUnknown {
			mirrored = b.Direction == analyze.DirectionUnknown && a.Local == b.Peer && a.Peer == b.Local
		}
		if !mirrored || a.Interface != b.Interface || a.Proto != b.Proto || a.Action != b.Action || a.Total() != b.Total() || a.Hours != b.Hours {
			t.Fatalf("readings do not mirror each other:\n%s\n%s", text(a), text(b))
		}
	}
}
