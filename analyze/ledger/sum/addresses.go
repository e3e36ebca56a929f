package sum

import (
	"slices"
	"unsafe"
)

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

// addresses gives each address a code, which stands for its 16 bytes in keys. 0 is no code.
type addresses struct {
	index
	list []addr // by code - 1: n of them, and at least one to come
	n    int
	seed uint64
}

func (t *addresses) hash(a addr) uint64 { return mix(mix(t.seed, a.lo), a.hi) }

// of returns the address of a code.
func (t *addresses) of(code uint32) addr { return t.list[code-1] }

// code returns the code of an address, given when it is new.
func (t *addresses) code(a addr) uint32 {
	t.reserve(1)
	return t.get(a, t.hash(a))
}

// codes sets the codes of the addresses of a dictionary from first on. Like observe it goes in blocks.
func (t *addresses) codes(codes []uint32, d *addrDictionary, first int) {
	var hashes [blockRecords]uint64
	for ; first < len(codes); first += blockRecords {
		block := codes[first:min(first+blockRecords, len(codes))]
		for i := range block {
			hashes[i] = t.hash(d.value(first + i))
		}
		t.reserve(len(block))
		t.ahead(hashes[:len(block)], unsafe.Pointer(&t.list[0]), unsafe.Sizeof(t.list[0]))
		for i := range block {
			block[i] = t.get(d.value(first+i), hashes[i])
		}
	}
}

// reserve makes room for n more addresses.
func (t *addresses) reserve(n int) {
	if t.full(n) {
		t.grow(n, 0, func(at int) uint64 { return t.hash(t.list[at]) })
	}
	t.list = withRoom(t.list, t.n, n)
}

// get is code for an address for which there is room. It does without branches as that of pairs does.
func (t *addresses) get(a addr, hash uint64) uint32 {
	t.list[t.n] = a
	o := t.offer(t.likely(hash), hash, t.n)
	if t.list[o.at].differs(a) != 0 {
		return t.search(a, hash)
	}
	t.take(o)
	t.n += o.more
	return uint32(o.at) + 1
}

// search is get for an address that stands further on than get looks.
func (t *addresses) search(a addr, hash uint64) uint32 {
	at := t.start(hash)
	for {
		i := t.next(&at)
		if i < 0 {
			break
		}
		if t.list[i].differs(a) == 0 {
			return uint32(i) + 1
		}
	}
	t.put(at, t.n)
	t.n++
	return uint32(t.n)
}

func (t *addresses) reset() {
	t.index.reset()
	t.n = 0
}

// bindAddresses gives the addresses of the batch's dictionary their codes. Within an object a dictionary that lies where the one
// before did, and is not shorter, begins with what that was; another one, or that of the next object, may.
func (w *worker) bindAddresses() {
	d := &w.cols.addrs
	n := d.len()
	known := min(len(w.codeOf), n)
	if len(w.bound) == 0 || len(d.data) < len(w.bound) || &d.data[0] != &w.bound[0] {
		same := 0
		for same < known && w.addrs.of(w.codeOf[same]) == d.value(same) {
			same++
		}
		known = same
	}
	w.bound = d.data
	w.codeOf = slices.Grow(w.codeOf[:known], n-known)[:n]
	w.addrs.codes(w.codeOf, d, known)
}

// tooManyAddresses reports whether the object in hand has many beyond those of the batch's dictionary, whose size the reader bounds.
// Those of pairs are part of what pairs may take; others are of records that make none.
func (w *worker) tooManyAddresses() bool { return w.addrs.n-len(w.codeOf) > 2*w.mostPairs() }
