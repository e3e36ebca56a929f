package sum

import (
	"math"
	"math/bits"
	"unsafe"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/orient"
)

// The tables here are open-addressing hash tables with fixed-size keys of whole words. The index is small, as every look at it
// may have to wait for memory; growing it reads the entries again. Memory is kept over reset, and a table that has reached its
// size does not allocate.

const chunkEntries = 1 << 12

// store keeps entries in chunks, so that growing never moves them.
type store[E any] struct {
	chunks [][]E
	n      int
}

func (s *store[E]) at(i int) *E { return &s.chunks[i/chunkEntries][i%chunkEntries] }

// add appends an entry. What it holds is the caller's to write: it may be one from before a reset.
func (s *store[E]) add() *E {
	if s.n == len(s.chunks)*chunkEntries {
		s.chunks = append(s.chunks, make([]E, chunkEntries))
	}
	s.n++
	return s.at(s.n - 1)
}

// withRoom returns a list of which n entries are in use, with room for some more and one to come.
func withRoom[E any](list []E, n, more int) []E {
	need := n + more + 1
	if need <= len(list) {
		return list
	}
	grown := append(make([]E, 0, max(chunkEntries, need+need/2)), list[:n]...)
	return grown[:cap(grown)]
}

// index maps hashes to positions. It is at most half full: 3/4 costs more in walks than it saves in memory.
type index struct {
	// slots: position + 1 in as many low bits as a slot's number has, bits of the hash above; 0 is empty.
	slots []uint32
	n     int
	warm  uint64 // takes what is loaded ahead, so that it is loaded
}

const indexLeast = 1 << 10

// probe is one walk along the slots of a hash.
type probe struct {
	tag  uint32
	slot uint32
}

func (x *index) mask() uint32 { return uint32(len(x.slots) - 1) }

// full reports whether there is no room for n more; then grow.
func (x *index) full(n int) bool { return 2*(x.n+n) > len(x.slots) }

// grow makes room for n more. hashOf says the hash of what stands at a position.
func (x *index) grow(n int, hashOf func(at int) uint64) {
	size := max(indexLeast, len(x.slots))
	for 2*(x.n+n) > size {
		size *= 2
	}
	old, was := x.slots, x.mask()
	x.slots, x.n = make([]uint32, size), 0
	for _, s := range old {
		if s != 0 {
			at := int(s&was) - 1
			p := x.start(hashOf(at))
			for x.slots[p.slot] != 0 {
				p.slot = (p.slot + 1) & x.mask()
			}
			x.put(p, at)
		}
	}
}

func (x *index) start(hash uint64) probe {
	mask := x.mask()
	return probe{uint32(hash) &^ mask, uint32(hash>>32) & mask}
}

// next returns the position of the next entry whose hash may match, or -1 when there is none.
func (x *index) next(p *probe) int {
	mask := x.mask()
	for {
		s := x.slots[p.slot]
		if s == 0 {
			return -1
		}
		p.slot = (p.slot + 1) & mask
		if s&^mask == p.tag {
			return int(s&mask) - 1
		}
	}
}

// put enters a position where next has found nothing.
func (x *index) put(p probe, pos int) {
	x.slots[p.slot] = p.tag | uint32(pos+1)
	x.n++
}

// ahead asks for what get will look at for hashes, so that the core need not wait for one after the other. The entries of
// size bytes begin at list.
func (x *index) ahead(hashes []uint64, list unsafe.Pointer, size uintptr) {
	if len(hashes) > 0 {
		prefetch(&x.slots[0], x.mask(), &hashes[0], len(hashes), list, size)
	}
}

// spot is what the first slot of a hash says: the position to look at, and what the slot and the count are to be if that holds
// the key that was looked for.
type spot struct {
	slot     *uint32
	is       uint32
	at, more int
}

// offer returns the position in the first slot of a hash, or of a free one n, where the entry is to stand. Which of both it is
// nobody could foretell, so nothing branches on it. The slots must not be full.
func (x *index) offer(hash uint64, n int) spot {
	mask := x.mask()
	slot := &x.slots[uint32(hash>>32)&mask]
	o := spot{slot, *slot, int(*slot&mask) - 1, 0}
	if *slot == 0 {
		o.is, o.at, o.more = uint32(hash)&^mask|uint32(n+1), n, 1
	}
	return o
}

// take enters what was offered.
func (x *index) take(o spot) {
	*o.slot = o.is
	x.n += o.more
}

func (x *index) reset() {
	clear(x.slots)
	x.n = 0
}

// mix folds one word into a hash.
func mix(h, w uint64) uint64 {
	hi, lo := bits.Mul64(h^w, 0x9e3779b97f4a7c15)
	return hi ^ lo
}

// addr is a 16-byte address as two words, most significant first.
type addr struct{ hi, lo uint64 }

func (a addr) less(b addr) bool { return a.hi < b.hi || a.hi == b.hi && a.lo < b.lo }

// differs is 0 for the same address; of several, the bits are joined and tested once.
func (a addr) differs(b addr) uint64 { return (a.hi ^ b.hi) | (a.lo ^ b.lo) }

func (a addr) is4() bool { return a.hi == 0 && a.lo>>32 == 0xffff }

func (a addr) compare(b addr) int {
	switch {
	case a == b:
		return 0
	case a.less(b):
		return -1
	}
	return 1
}

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

// flags are those of what endpoint n sent.
func (p *pair) flags(n int) uint8 { return uint8(p.last >> (flagsAt + 7*n) & flagsBits) }

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
		t.grow(n, func(at int) uint64 { return t.list[at].key.hash(t.seed) })
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
	o := t.offer(hash, t.n)
	p := &t.list[o.at]
	if !p.key.equal(k) {
		return t.search(k, hash)
	}
	t.take(o)
	t.n += o.more
	return p
}

// search is get for a key of which the first slot holds another.
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
	if need := t.n + 1; need > len(t.list) {
		t.reserve(1)
	}
	t.list[t.n] = *p
	t.n++
	return &t.list[t.n-1]
}

func (t *pairTable) reset() {
	t.index.reset()
	t.n = 0
}

// row is one row of evidence of one day, account and region: 15 words, written as they are when spilled.
type row struct {
	key      rowKey
	flows    [2]int64 // from A to B, from B to A
	packets  [2]int64
	bytes    [2]int64
	sessions int64
	first    int64
	last     uint64 // as that of a pair
}

type rowKey struct {
	a, b addr
	ids  uint64 // code of the interface << 32 | code of the source
	// tuple: port B << 48, port A << 32, protocol << 24, action << 16, side << 15, client << 12, reason << 4, strength
	tuple uint64
}

const (
	rowWords = 15
	rowBytes = rowWords * 8
)

func (k *rowKey) hash(seed uint64) uint64 {
	h := mix(seed, k.a.lo) + mix(seed+1, k.b.lo)
	h = mix(h, k.a.hi^bits.RotateLeft64(k.b.hi, 32))
	return mix(h, k.tuple^bits.RotateLeft64(k.ids, 17))
}

func (k *rowKey) equal(o *rowKey) bool {
	return k.a.differs(o.a)|k.b.differs(o.b)|(k.ids^o.ids)|(k.tuple^o.tuple) == 0
}

type rowTable struct {
	index
	store[row]
	seed uint64
}

// addAll merges rows, at most blockRecords, into the table.
func (t *rowTable) addAll(rows []row) {
	if t.full(len(rows)) {
		t.grow(len(rows), func(at int) uint64 { return t.at(at).key.hash(t.seed) })
	}
	var hashes [blockRecords]uint64
	warm := uint64(0)
	for i := range rows {
		hashes[i] = rows[i].key.hash(t.seed)
		warm += uint64(t.slots[uint32(hashes[i]>>32)&t.mask()])
	}
	for i := range rows {
		at := t.start(hashes[i])
		if i := t.next(&at); i >= 0 {
			r := t.at(i) // it lies in two or three cache lines
			warm += r.key.a.hi ^ uint64(r.flows[1]) ^ r.last
		}
	}
	t.warm = warm
	for i := range rows {
		t.add(&rows[i], hashes[i])
	}
}

// add merges r into the table, in which there is room.
func (t *rowTable) add(r *row, hash uint64) {
	at := t.start(hash)
	for {
		i := t.next(&at)
		if i < 0 {
			break
		}
		if old := t.at(i); old.key.equal(&r.key) {
			old.merge(r)
			return
		}
	}
	t.put(at, t.store.n)
	*t.store.add() = *r
}

// size is the memory of the rows and of the index, in bytes.
func (t *rowTable) size() int64 {
	return int64(len(t.chunks))*chunkEntries*rowBytes + int64(len(t.slots))*4
}
