package sum

import (
	"math/bits"
	"unsafe"
)

// The tables here are open-addressing hash tables with fixed-size keys of whole words. The index is small, as every look at it
// may have to wait for memory; growing it reads the entries again. Memory is kept over reset, and a table that has reached its
// size does not allocate.

const chunkEntries = 1 << 12

// withRoom returns a list of which n entries are in use, with room for some more and one to come.
func withRoom[E any](list []E, n, more int) []E {
	need := n + more + 1
	if need <= len(list) {
		return list
	}
	if len(list) < 1<<16 {
		need *= 2 // growing by a quarter each time, entries are copied four times on the way
	} else {
		need += need / 4
	}
	grown := append(make([]E, 0, max(chunkEntries, need)), list[:n]...)
	return grown[:cap(grown)]
}

// index maps hashes to positions. It is at most half full: 3/4 costs more in walks than it saves in memory.
type index struct {
	// slots: position + 1 in as many low bits as a slot's number has, bits of the hash above; 0 is empty.
	slots []uint32
	n     int
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

// grow makes room for n more. hashOf says the hash of what stands at a position. The positions are those from first on, as many as
// there are, and in this order memory gives them the fastest.
func (x *index) grow(n, first int, hashOf func(at int) uint64) {
	size := max(indexLeast, len(x.slots))
	for 2*(x.n+n) > size {
		size *= 2
	}
	x.slots = newSlots(size)
	for at := first; at < first+x.n; at++ {
		p := x.start(hashOf(at))
		for x.slots[p.slot] != 0 {
			p.slot = (p.slot + 1) & x.mask()
		}
		x.slots[p.slot] = p.tag | uint32(at+1)
	}
}

// newSlots writes to each page. One that is read first is given twice by the system: it is the common page of zeros until it is
// written, and then all cores have to be told.
func newSlots(n int) []uint32 {
	const inPage = 4096 / 4
	slots := make([]uint32, n)
	for i := 0; i < n; i += inPage {
		slots[i] = 0
	}
	return slots
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

// spot is what a slot of a hash says: the position to look at, and what the slot and the count are to be if that holds the key
// that was looked for.
type spot struct {
	slot     *uint32
	is       uint32
	at, more int
}

// likely is the first slot of a hash, or the second if the first is another hash's. Which it is nobody could foretell, so nothing
// branches on it. On whether a slot is free the compiler does, which takes less than to do without (docs/performance.md).
func (x *index) likely(hash uint64) *uint32 {
	mask := x.mask()
	at := uint32(hash>>32) & mask
	s, others := x.slots[at], uint32(0)
	if (s^uint32(hash))&^mask != 0 {
		others = 1
	}
	if s == 0 {
		others = 0
	}
	return &x.slots[(at+others)&mask]
}

// offer returns the position in a likely slot, or of a free one n, where the entry is to stand; as likely without branches. The
// slots must not be full.
func (x *index) offer(slot *uint32, hash uint64, n int) spot {
	mask := x.mask()
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
