package sum

import (
	"cmp"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/sgtrim/sgtrim/analyze"
)

// The order of rows is that of ledger.Key.Compare.
func (o *order) compare(x, y *rowKey) int {
	if x.ids>>32 != y.ids>>32 {
		return cmp.Compare(uint64(o.ranks[x.ids>>32]), uint64(o.ranks[y.ids>>32]))
	}
	if c := x.b.compare(y.b); c != 0 {
		return c
	}
	if c := x.a.compare(y.a); c != 0 {
		return c
	}
	for _, f := range [...]struct{ shift, bits uint64 }{{24, 0xff}, {48, 0xffff}, {32, 0xffff}, {16, 3}, {15, 1}, {12, 3}, {4, 0xff}, {0, 0xf}} {
		if c := cmp.Compare(x.tuple>>f.shift&f.bits, y.tuple>>f.shift&f.bits); c != 0 {
			return c
		}
	}
	return cmp.Compare(uint64(o.ranks[uint32(x.ids)]), uint64(o.ranks[uint32(y.ids)]))
}

// ranked is where a row stands, with the start of its key as words that never contradict compare.
type ranked struct {
	prefix    [2]uint64
	table, at uint32
}

// rankBits are those of the interface's rank in a prefix, before the peer's address.
const rankBits = 28

// prefix of a key: interface and the peer's address, then own address, protocol and ports. What a field has no room for
// ends it there, as fields that come later must not decide before it. IPv4 leaves little for compare to tell apart.
func (o *order) prefix(k *rowKey) (p [2]uint64) {
	const ranks = 1 << rankBits
	rank := uint64(o.ranks[k.ids>>32])
	if rank >= ranks-1 {
		p[0] = (ranks - 1) << (64 - rankBits)
		return p
	}
	p[0] = rank<<(64-rankBits) | addrPrefix(k.b)<<2
	if !k.b.is4() {
		return p
	}
	p[1] = addrPrefix(k.a) << 30
	if !k.a.is4() {
		return p
	}
	proto := k.tuple >> 24 & 0xff
	p[1] |= protoRank(proto) << 27
	if analyze.Proto(proto) == analyze.TCP || analyze.Proto(proto) == analyze.UDP {
		p[1] |= k.tuple>>48<<11 | k.tuple>>37&(1<<11-1)
	}
	return p
}

// addrPrefix is the first 34 bits of an address's place in the order: family, and all of IPv4 or the first half of the network.
func addrPrefix(a addr) uint64 {
	switch {
	case a.is4():
		return 1<<32 | a.lo&0xffffffff
	case a.hi == 0 && a.lo>>32 < 0xffff:
		return 0
	}
	return 2<<32 | a.hi>>32
}

// protoRank keeps the order of protocols in three bits.
func protoRank(proto uint64) uint64 {
	const tcp, udp = uint64(analyze.TCP), uint64(analyze.UDP)
	switch {
	case proto < tcp:
		return 0
	case proto == tcp:
		return 1
	case proto < udp:
		return 2
	case proto == udp:
		return 3
	}
	return 4
}

func (p *ranked) compare(q *ranked) int {
	if p.prefix[0] != q.prefix[0] {
		return cmp.Compare(p.prefix[0], q.prefix[0])
	}
	return cmp.Compare(p.prefix[1], q.prefix[1])
}

// rowTables are tables of one day, whose rows are taken together.
type rowTables []*rowTable

func (t rowTables) at(p *ranked) *row { return t[p.table].at(int(p.at)) }

// sorted lists the rows in order, those of one key beside each other. The rows of each interface are sorted for themselves:
// that is less work, and work for all cores.
func (t rowTables) sorted(o *order) []ranked {
	places, ends := t.byInterface(o)
	var sorting errgroup.Group
	sorting.SetLimit(runtime.GOMAXPROCS(0))
	from := 0
	for _, end := range ends {
		if some := places[from:end]; len(some) > 1 {
			sorting.Go(func() error { t.sort(o, some); return nil })
		}
		from = end
	}
	_ = sorting.Wait()
	return places
}

// byInterface lists the rows by the rank of their interface, and where those of each rank end.
func (t rowTables) byInterface(o *order) (places []ranked, ends []int) {
	starts := make([]int, len(o.ranks)+1)
	for _, table := range t {
		for i := range table.store.n {
			starts[o.ranks[table.at(i).key.ids>>32]+1]++
		}
	}
	for rank := range o.ranks {
		starts[rank+1] += starts[rank]
	}
	places, ends = make([]ranked, starts[len(o.ranks)]), starts[:len(o.ranks)] // a start moves to its end below
	for n, table := range t {
		for i := range table.store.n {
			k := &table.at(i).key
			end := &ends[o.ranks[k.ids>>32]]
			places[*end] = ranked{o.prefix(k), uint32(n), uint32(i)}
			*end++
		}
	}
	return places, ends
}

// sort sorts rows of one interface, by the peer's address first: where each row stood goes with it in one number, and those are
// sorted the fastest.
func (t rowTables) sort(o *order, places []ranked) {
	const placeBits = 30
	if len(places) >= 1<<placeBits {
		t.sortPeer(o, places)
		return
	}
	peers, were := make([]uint64, len(places)), slices.Clone(places)
	for i := range places {
		peers[i] = places[i].prefix[0]<<rankBits | uint64(i)
	}
	slices.Sort(peers)
	first := 0
	for i, p := range peers {
		places[i] = were[p&(1<<placeBits-1)]
		if peers[first]>>placeBits != p>>placeBits {
			t.sortPeer(o, places[first:i])
			first = i
		}
	}
	t.sortPeer(o, places[first:])
}

// sortPeer sorts any rows; mostly they have one peer.
func (t rowTables) sortPeer(o *order, places []ranked) {
	slices.SortFunc(places, func(x, y ranked) int {
		if c := x.compare(&y); c != 0 {
			return c
		}
		return o.compare(&t.at(&x).key, &t.at(&y).key)
	})
}
