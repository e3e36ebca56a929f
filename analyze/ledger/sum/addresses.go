package sum

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
	list []addr // by code - 1
	seed uint64
}

// code returns the code of an address, given when it is new.
func (t *addresses) code(a addr) uint32 {
	if t.full(1) {
		t.grow(1, 0, func(at int) uint64 { return t.hash(t.list[at]) })
	}
	at := t.start(t.hash(a))
	for {
		i := t.next(&at)
		if i < 0 {
			break
		}
		if t.list[i] == a {
			return uint32(i) + 1
		}
	}
	t.put(at, len(t.list))
	t.list = append(t.list, a)
	return uint32(len(t.list))
}

func (t *addresses) hash(a addr) uint64 { return mix(mix(t.seed, a.lo), a.hi) }

// of returns the address of a code.
func (t *addresses) of(code uint32) addr { return t.list[code-1] }

func (t *addresses) reset() {
	t.index.reset()
	t.list = t.list[:0]
}

// bindAddresses prepares the way from the batch's dictionary of addresses to codes. An address gets its code when a key needs
// it, and another where another batch means another one by the same index. Within an object a dictionary that lies where the
// one before did, and is not shorter, means the same.
func (w *worker) bindAddresses() {
	data, n := w.cols.addrs.data, w.cols.addrs.len()
	if n == 0 {
		return
	}
	if len(w.bound) == 0 || &data[0] != &w.bound[0] || len(data) < len(w.bound) {
		w.codeOf = w.codeOf[:min(n, len(w.codeOf))] // what comes beyond is not looked at when it comes
		for d, code := range w.codeOf {
			if code != 0 && w.addrs.of(code) != w.cols.addrs.value(d) {
				w.codeOf[d] = 0
			}
		}
	}
	w.bound = data
	for len(w.codeOf) < n {
		w.codeOf = append(w.codeOf, 0)
	}
}

// addrCode returns the code of the address with index d in the batch's dictionary.
func (w *worker) addrCode(d int32) uint32 { return w.codeIn(w.codeOf, d) }

// codeIn is addrCode with codeOf at hand.
func (w *worker) codeIn(codeOf []uint32, d int32) uint32 {
	if code := codeOf[d]; code != 0 {
		return code
	}
	return w.newCode(d)
}

func (w *worker) newCode(d int32) uint32 {
	code := w.addrs.code(w.cols.addrs.value(int(d)))
	w.codeOf[d] = code
	return code
}
