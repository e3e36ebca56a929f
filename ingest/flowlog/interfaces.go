package flowlog

import "encoding/binary"

// interfaces gives every interface of one object an index, and keeps what the first record says of it: account, VPC and
// subnet. A small cache in front of the map is keyed by the raw text (at most 24 bytes: "eni-" and 17 digits are 21).
type interfaces struct {
	text  [4]texts // interface, account, VPC, subnet
	index map[string]int32
	cache []interfaceEntry
	turn  uint32 // entries of earlier objects have another turn, so a new object need not clear the cache
}

type interfaceEntry struct {
	k0, k1, k2 uint64
	index      int32
	turn       uint32
}

const (
	interfaceCacheBits = 10
	interfaceKey       = 24
)

func (t *interfaces) init() {
	t.index = make(map[string]int32)
	t.cache = make([]interfaceEntry, 1<<interfaceCacheBits)
	t.reset()
}

func (t *interfaces) reset() {
	clear(t.index)
	for i := range t.text {
		t.text[i].reset()
	}
	t.turn++
	if t.turn == 0 { // wrapped around: old entries would pass as new ones
		clear(t.cache)
		t.turn = 1
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
	if i, ok := t.index[string(a[0])]; ok {
		return i
	}
	i := int32(len(t.index))
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
		entry := &cache[hash3(k0, k1, k2)>>(64-interfaceCacheBits)]
		if entry.k2 != k2 || entry.k1 != k1 || entry.k0 != k0 || entry.turn != turn {
			*entry = interfaceEntry{k0, k1, k2, t.lookup(l.attributes(r, fields)), turn}
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
