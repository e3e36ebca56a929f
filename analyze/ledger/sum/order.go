package sum

import (
	"cmp"

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

// prefix is the start of a key as words that never contradict compare.
type prefix [2]uint64

// rankBits are those of the interface's rank in a prefix, before the peer's address.
const rankBits = 28

// prefix of a key: interface and the peer's address, then own address, protocol and ports. What a field has no room for
// ends it there, as fields that come later must not decide before it. IPv4 leaves little for compare to tell apart.
func (o *order) prefix(k *rowKey) (p prefix) {
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

func (p *prefix) compare(q *prefix) int {
	if p[0] != q[0] {
		return cmp.Compare(p[0], q[0])
	}
	return cmp.Compare(p[1], q[1])
}
