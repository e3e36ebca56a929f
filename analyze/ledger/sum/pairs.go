package sum

import (
	"math"
	"math/bits"
	"unsafe"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/orient"
)

// Bits of the flags of one direction of a pair: those of tcp-flags, and these.
const (
	flagMask = orient.FIN | orient.SYN | orient.RST | orient.ACK
	sentBit  = 1 << 3 // there is a record; rows do without
	flagBit  = 1 << 5 // some record carried tcp-flags
	opensBit = 1 << 6 // some record had SYN without ACK
)

// pairKey is a 5-tuple and its mirror image, within one object. Endpoint 0 is the interface's own when local, else the one
// with the lesser code of its address, then the lesser port.
type pairKey struct {
	addrs uint64 // codes of endpoints 0 and 1 << 32 and << 0
	ports uint64 // ports of endpoints 0 and 1 << 48 and << 32, interface of the object
	// rest: extra << 33 (31 bits), day << 11 (22 bits), protocol << 3, action << 1, local.
	rest uint64
}

const (
	localBit = 1
	actionAt = 1
	protoAt  = 3
	dayAt    = 11
	// extraAt is where a key has room for what few keys need: of a pair, which packet addresses it has, as long as the local side
	// is not known; of a pair that was folded, its verdict.
	extraAt = 33

	dayBits = 1<<(extraAt-dayAt) - 1
)

func (k *pairKey) code(n int) uint32      { return uint32(k.addrs >> (32 * (1 - n))) }
func (k *pairKey) port(n int) uint16      { return uint16(k.ports >> (48 - 16*n)) }
func (k *pairKey) iface() uint32          { return uint32(k.ports) }
func (k *pairKey) local() bool            { return k.rest&localBit != 0 }
func (k *pairKey) proto() uint8           { return uint8(k.rest >> protoAt) }
func (k *pairKey) action() analyze.Action { return analyze.Action(k.rest >> actionAt & 3) }
func (k *pairKey) day() int32             { return int32(k.rest >> dayAt & dayBits) }
func (k *pairKey) extra() uint32          { return uint32(k.rest >> extraAt) }

// turned are addrs and ports with endpoint a, 0 or 1, in the place of endpoint 0.
func (k *pairKey) turned(a uint8) (addrs, ports uint64) {
	ends := bits.RotateLeft32(uint32(k.ports>>32), 16*int(a))
	return bits.RotateLeft64(k.addrs, 32*int(a)), uint64(ends)<<32 | k.ports&0xffffffff
}

func (k *pairKey) hash(seed uint64) uint64 {
	return mix(mix(seed, k.addrs)+mix(seed+1, k.ports), k.rest)
}

// equal compares without branches, and without the call that == makes.
func (k *pairKey) equal(o *pairKey) bool {
	return (k.addrs^o.addrs)|(k.ports^o.ports)|(k.rest^o.rest) == 0
}

// pair is what the records of one key add up to: a connection of the object in hand, or those that one verdict folds. Of two,
// the first is what endpoint 0 sent. It has the size of one and a half cache lines, so that it lies in two.
type pair struct {
	key                   pairKey
	flows, packets, bytes [2]int64
	first                 int64
	// last packs seconds of the day of the greatest end (17 bits), hours << 17 (24 bits), flags of both directions << 41 and << 48.
	last     uint64
	sessions int64 // connections
}

const (
	lastBits  = 1<<17 - 1
	hoursAt   = 17
	hoursBits = 1<<24 - 1
	flagsAt   = 41
	flagsBits = 1<<7 - 1
	bothFlags = 1<<14 - 1
)

// later joins what last packs.
func later(a, b uint64) uint64 { return max(a&lastBits, b&lastBits) | (a|b)&^lastBits }

// flagsIn are those of what endpoint n sent.
func flagsIn(last uint64, n int) uint8 { return uint8(last >> (flagsAt + 7*n) & flagsBits) }

// turnedFlags is last with the flags of endpoint a, 0 or 1, in the place of those of endpoint 0.
func turnedFlags(last uint64, a uint8) uint64 {
	f, by := last>>flagsAt&bothFlags, 7*(a&1)
	return last&^(bothFlags<<flagsAt) | (f>>by|f<<(14-by))&bothFlags<<flagsAt
}

type pairTable struct {
	index
	list []pair // n of them, and at least one to come
	n    int
	seed uint64 // by chance, so that whoever writes a log cannot aim at it
}

func (t *pairTable) at(i int) *pair { return &t.list[i] }

// reserve makes room for n more pairs.
func (t *pairTable) reserve(n int) {
	if t.full(n) {
		t.grow(n, 0, func(at int) uint64 { return t.list[at].key.hash(t.seed) })
	}
	t.list = withRoom(t.list, t.n, n)
}

// ahead is called with the hashes that get will be called with next, when there is room for them.
func (t *pairTable) ahead(hashes []uint64) {
	t.index.ahead(hashes, unsafe.Pointer(&t.list[0]), unsafe.Sizeof(t.list[0]))
}

// get returns the pair of a key, made when it is new, for which there must be room: see reserve. To need no branch the place
// after the last pair is made one of the key in any case.
func (t *pairTable) get(k *pairKey, hash uint64) *pair {
	t.list[t.n] = pair{key: *k, first: math.MaxInt64}
	o := t.offer(t.likely(hash), hash, t.n)
	p := &t.list[o.at]
	if !p.key.equal(k) {
		return t.search(k, hash)
	}
	t.take(o)
	t.n += o.more
	return p
}

// search is get for a key that stands further on than get looks.
func (t *pairTable) search(k *pairKey, hash uint64) *pair {
	at := t.start(hash)
	for {
		i := t.next(&at)
		if i < 0 {
			break
		}
		if p := &t.list[i]; p.key.equal(k) {
			return p
		}
	}
	t.put(at, t.n)
	t.n++
	return &t.list[t.n-1]
}

// add appends a pair past the index, which must not be asked then.
func (t *pairTable) add(p *pair) *pair {
	t.list = withRoom(t.list, t.n, 1)
	t.list[t.n] = *p
	t.n++
	return &t.list[t.n-1]
}

func (t *pairTable) reset() {
	t.index.reset()
	t.n = 0
}
