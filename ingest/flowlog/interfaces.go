package flowlog

import "encoding/binary"

// interfaces gives every interface of an object an index, and keeps what the object's first record says of it: account, VPC and
// subnet. Where an earlier object's said the same, the index is that of before. A small cache in front of the map is keyed by the
// raw text (at most 24 bytes: "eni-" and 17 digits are 21).
type interfaces struct {
	text  [4]texts // interface, account, VPC, subnet
	met   []uint32 // by index, the turn it was last met in
	index map[string]int32
	cache []interfaceEntry
	turn  uint32 // of the object: entries of earlier ones have another turn, so the cache need not be cleared
}

type interfaceEntry struct {
	k0, k1, k2 uint64
	index      int32
	turn       uint32
}

func (e *interfaceEntry) is(k0, k1, k2 uint64, turn uint32) bool {
	return e.k2 == k2 && e.k1 == k1 && e.k0 == k0 && e.turn == turn
}

const (
	interfaceCacheBits = 11
	interfaceKey       = 24
	// interfacesKept is how many there may be to be kept for the next object.
	interfacesKept = 1 << 13
)

func (t *interfaces) init() {
	t.index = make(map[string]int32)
	t.cache = make([]interfaceEntry, 1<<interfaceCacheBits)
	t.forget()
}

func (t *interfaces) forget() {
	clear(t.index)
	clear(t.cache)
	for i := range t.text {
		t.text[i].reset()
	}
	t.met, t.turn = t.met[:0], 1
}

// next begins another object.
func (t *interfaces) next() {
	t.turn++
	if len(t.met) > interfacesKept || t.turn == 0 { // wrapped around: old entries would pass as new ones
		t.forget()
	}
}

// attributes are the id fields of a record, nil where the format lacks them.
type attributes [4][]byte

// lookup returns the index of an interface and adds it on first sight.
func (t *interfaces) lookup(a attributes) int32 {
	for i, v := range a {
		if isUnknown(v) {
			a[i] = nil
		}
	}
	i, ok := t.index[string(a[0])]
	if ok && t.met[i] == t.turn {
		return i
	}
	if !ok || !t.says(int(i), &a) {
		i = t.add(&a)
	}
	t.met[i] = t.turn
	return i
}

// says reports whether an index stands for these texts.
func (t *interfaces) says(i int, a *attributes) bool {
	for k := range a {
		if string(t.text[k].at(i)) != string(a[k]) {
			return false
		}
	}
	return true
}

func (t *interfaces) add(a *attributes) int32 {
	i := int32(len(t.met))
	t.met = append(t.met, 0)
	t.index[string(a[0])] = i
	for k, v := range a {
		t.text[k].add(v)
	}
	return i
}

// isUnknown reports whether an id says nothing; service-created interfaces have the account "unknown" (aws-facts §1.2).
func isUnknown(v []byte) bool {
	return len(v) == 1 && v[0] == '-' || string(v) == "unknown"
}

// keyMask keeps the first n bytes of a little-endian word, for n of 0 to 8.
var keyMask = [9]uint64{0, 1<<8 - 1, 1<<16 - 1, 1<<24 - 1, 1<<32 - 1, 1<<40 - 1, 1<<48 - 1, 1<<56 - 1, 1<<64 - 1}

// key3 loads up to 24 bytes of b as three words, zero-padded. b must have 24 bytes; n says how many count.
func key3(b []byte, n uint) (k0, k1, k2 uint64) {
	b = b[:interfaceKey]
	k0, k1, k2 = binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:]), binary.LittleEndian.Uint64(b[16:])
	switch {
	case n > 16: // "eni-" and 17 digits
		k2 &= keyMask[min(n-16, 8)]
	case n > 8: // "eni-" and 8 digits
		k1, k2 = k1&keyMask[n-8], 0
	default:
		k0, k1, k2 = k0&keyMask[n], 0, 0
	}
	return k0, k1, k2
}

func hash3(k0, k1, k2 uint64) uint64 {
	return (k0 ^ k1*0x9E3779B97F4A7C15 ^ k2*0xC2B2AE3D27D4EB4F) * 0xD6E8FEB86659FD93
}

// interfaceColumn writes the index of every row's interface.
func (l *lines) interfaceColumn(t *interfaces, fields [4]int, dst []int32) {
	buf, off, at := l.buf, l.off, fields[0]
	cache, turn := (*[1 << interfaceCacheBits]interfaceEntry)(t.cache), t.turn
	for r := range dst {
		s, n := fieldAt(off, at)
		at += l.stride
		if n > interfaceKey {
			dst[r] = t.lookup(l.attributes(r, fields))
			continue
		}
		k0, k1, k2 := key3(buf[s:s+interfaceKey], n)
		place := hash3(k0, k1, k2) >> (64 - interfaceCacheBits)
		entry := &cache[place]
		if !entry.is(k0, k1, k2, turn) {
			if entry.turn == turn { // another's; the place beside it is in the same cache line
				entry = &cache[place^1]
			}
			if !entry.is(k0, k1, k2, turn) {
				*entry = interfaceEntry{k0, k1, k2, t.lookup(l.attributes(r, fields)), turn}
			}
		}
		dst[r] = entry.index
	}
}

func (l *lines) attributes(r int, at [4]int) attributes {
	var a attributes
	for i, field := range at {
		if field >= 0 {
			s, e := l.field(r, field)
			a[i] = l.buf[s:e]
		}
	}
	return a
}
