package sum

import "math/bits"

// The tables here are open-addressing hash tables with fixed-size keys of whole words. The index holds the hash beside the
// position, so that growing never reads the entries; entries lie in chunks, so that growing never moves them. Memory is
// kept over reset, and a table that has reached its size does not allocate.

const chunkEntries = 1 << 12

// store keeps entries in chunks.
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

// index maps hashes to positions in a store.
type index struct {
	slots []uint64 // hash in the high 32 bits, position + 1 in the low ones; 0 is empty
	n     int
	warm  uint64 // takes what touchSlot and the tables' touch load, so that it is loaded
}

const indexLeast = 1 << 10

// probe is one walk along the slots of a hash.
type probe struct {
	tag  uint64 // hash << 32
	slot uint64
}

func (x *index) start(hash uint64) probe {
	if 2*(x.n+1) > len(x.slots) {
		x.grow()
	}
	tag := hash &^ 0xffffffff
	return probe{tag, (tag >> 32) & uint64(len(x.slots)-1)}
}

// touchSlot loads the slot where the walk of a hash starts.
func (x *index) touchSlot(hash uint64) {
	if len(x.slots) > 0 {
		x.warm ^= x.slots[hash>>32&uint64(len(x.slots)-1)]
	}
}

// first returns the position that the walk of a hash meets first, or -1.
func (x *index) first(hash uint64) int {
	if len(x.slots) == 0 {
		return -1
	}
	return int(x.slots[hash>>32&uint64(len(x.slots)-1)]&0xffffffff) - 1
}

// next returns the position of the next entry whose hash matches, or -1 when there is none.
func (x *index) next(p *probe) int {
	mask := uint64(len(x.slots) - 1)
	for {
		s := x.slots[p.slot]
		if s == 0 {
			return -1
		}
		p.slot = (p.slot + 1) & mask
		if s&^0xffffffff == p.tag {
			return int(s&0xffffffff) - 1
		}
	}
}

// put enters a position where next has found nothing.
func (x *index) put(p probe, pos int) {
	x.slots[p.slot] = p.tag | uint64(pos+1)
	x.n++
}

func (x *index) grow() {
	old := x.slots
	x.slots = make([]uint64, max(indexLeast, 2*len(old)))
	mask := uint64(len(x.slots) - 1)
	for _, s := range old {
		if s == 0 {
			continue
		}
		i := (s >> 32) & mask
		for x.slots[i] != 0 {
			i = (i + 1) & mask
		}
		x.slots[i] = s
	}
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

// counts are the sums of one direction. Bits of flags: those of tcp-flags, flagBit and opensBit.
type counts struct {
	flows, packets, bytes int64
	flags                 uint64
}

const (
	flagBit  = 1 << 5 // some record carried tcp-flags
	opensBit = 1 << 6 // some record had SYN without ACK
	flagMask = 0x1f
)

// pairKey is a 5-tuple and its mirror image, within one object. Endpoint 0 is the interface's own when local, else the
// lesser (address, port).
type pairKey struct {
	addr [2]addr
	ids  uint64 // interface of the object << 32 | day
	// ports of endpoints 0 and 1 << 48 and << 32, protocol << 8, action << 2, local
	tuple uint64
	// pkt holds the packet addresses of endpoints 0 and 1 as codes of the object, 0 where they do not differ. Needed only
	// until the local side is known.
	pkt uint64
}

func (k *pairKey) hash(seed uint64) uint64 {
	h := mix(seed, k.addr[0].lo) + mix(seed+1, k.addr[1].lo)
	h = mix(h, k.addr[0].hi^bits.RotateLeft64(k.addr[1].hi, 32)^k.pkt)
	return mix(h, k.tuple^bits.RotateLeft64(k.ids, 17))
}

// equal compares without branches, and without the call that == makes of so many words.
func (k *pairKey) equal(o *pairKey) bool {
	return k.addr[0].differs(o.addr[0])|k.addr[1].differs(o.addr[1])|(k.ids^o.ids)|(k.tuple^o.tuple)|(k.pkt^o.pkt) == 0
}

type pair struct {
	key         pairKey
	dir         [2]counts // sent by endpoint 0, sent by endpoint 1
	first, last int64
	hours       uint32
}

type pairTable struct {
	index
	store[pair]
	seed uint64
}

// touch loads the pair that get is likely to find.
func (t *pairTable) touch(hash uint64) {
	if i := t.first(hash); i >= 0 {
		t.warm ^= t.at(i).key.tuple
	}
}

// get returns the pair of a key, made when it is new.
func (t *pairTable) get(k *pairKey, hash uint64) (p *pair, isNew bool) {
	at := t.start(hash)
	for {
		i := t.index.next(&at)
		if i < 0 {
			break
		}
		if p := t.at(i); p.key.equal(k) {
			return p, false
		}
	}
	t.put(at, t.store.n)
	p = t.add()
	*p = pair{key: *k}
	return p, true
}

func (t *pairTable) reset() {
	t.index.reset()
	t.store.n = 0
}

// row is one row of evidence of one day, account and region: 15 words, written as they are when spilled.
type row struct {
	key      rowKey
	flows    [2]int64 // from A to B, from B to A
	packets  [2]int64
	bytes    [2]int64
	sessions int64
	first    int64
	// last packs seconds of the day of the greatest end (17 bits), hours << 17 (24 bits), flags AB << 41 and BA << 48.
	last uint64
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

	lastBits  = 1<<17 - 1
	hoursAt   = 17
	hoursBits = 1<<24 - 1
	flagsAt   = 41
	flagsBits = 1<<7 - 1
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
	var hashes [blockRecords]uint64
	for i := range rows {
		hashes[i] = rows[i].key.hash(t.seed)
		t.touchSlot(hashes[i])
	}
	for i := range rows {
		if at := t.first(hashes[i]); at >= 0 {
			r := t.at(at)
			t.warm ^= r.key.tuple ^ r.last
		}
	}
	for i := range rows {
		t.add(&rows[i], hashes[i])
	}
}

// add merges r into the table.
func (t *rowTable) add(r *row, hash uint64) {
	at := t.start(hash)
	for {
		i := t.index.next(&at)
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
	return int64(len(t.chunks))*chunkEntries*rowBytes + int64(len(t.slots))*8
}
