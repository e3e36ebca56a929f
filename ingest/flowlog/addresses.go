package flowlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"unsafe"
)

// addresses remembers what address a text is, for texts up to 16 bytes (all of IPv4) and up to 40 (IPv6) apart. An
// address is a pure function of its text, so the cache lives as long as its worker.
type addresses struct {
	short   []shortAddr
	long    []longAddr
	scratch [longAddrLen]byte
}

type shortAddr struct{ k0, k1, v0, v1 uint64 }

type longAddr struct {
	key    [5]uint64
	v0, v1 uint64
}

const (
	shortAddrBits = 13
	longAddrBits  = 11
	shortAddrLen  = 16
	longAddrLen   = 40
)

func (a *addresses) init() {
	a.short = make([]shortAddr, 1<<shortAddrBits)
	a.long = make([]longAddr, 1<<longAddrBits)
}

var errNoAddr = errors.New("no plain address")

// parseAddr reads an address. It allocates for errors only.
func parseAddr(text []byte) (address, error) {
	// The string is a view: what outlives this call is made of a copy. A zone would be kept, so it is refused before.
	if len(text) == 0 || bytes.IndexByte(text, '%') >= 0 {
		return address{}, fmt.Errorf("%q: %w", text, errNoAddr)
	}
	ip, err := netip.ParseAddr(unsafe.String(&text[0], len(text)))
	if err != nil {
		_, err = netip.ParseAddr(string(text))
		return address{}, err
	}
	return ip.As16(), nil
}

// addrColumn parses one address column into dst, and appends the rows that are "-" to nulls. It is false when a value is
// no address.
func (l *lines) addrColumn(a *addresses, field int, dst []address, nulls []uint32) ([]uint32, bool) {
	for r := range dst {
		s, e := l.field(r, field)
		n := e - s
		out := &dst[r]
		var v0, v1 uint64
		ok := true
		if n <= shortAddrLen {
			b := l.buf[s : s+16]
			k0, k1, entry := a.shortEntry(b, n)
			if entry.k0 != k0 || entry.k1 != k1 {
				if n == 1 && b[0] == '-' {
					*out = address{}
					nulls = append(nulls, uint32(r))
					continue
				}
				ok = a.missShort(entry, l.buf[s:e], k0, k1)
			}
			v0, v1 = entry.v0, entry.v1
		} else {
			v0, v1, ok = a.lookupLong(l.buf[s:s+longAddrLen], n)
		}
		if !ok {
			return nulls, false
		}
		binary.LittleEndian.PutUint64(out[:], v0)
		binary.LittleEndian.PutUint64(out[8:], v1)
	}
	return nulls, true
}

// lookupShort finds the address that the first n bytes of b spell; b has shortAddrLen bytes.
func (a *addresses) lookupShort(b []byte, n int) (v0, v1 uint64, ok bool) {
	k0, k1, entry := a.shortEntry(b, n)
	if entry.k0 != k0 || entry.k1 != k1 {
		if !a.missShort(entry, b[:n], k0, k1) {
			return 0, 0, false
		}
	}
	return entry.v0, entry.v1, true
}

// shortEntry is where the first n bytes of b are kept.
func (a *addresses) shortEntry(b []byte, n int) (k0, k1 uint64, e *shortAddr) {
	k0 = binary.LittleEndian.Uint64(b) & keyMask[min(n, 8)]
	k1 = binary.LittleEndian.Uint64(b[8:]) & keyMask[max(n-8, 0)]
	return k0, k1, &a.short[(k0^k1*0x9E3779B97F4A7C15)*0xD6E8FEB86659FD93>>(64-shortAddrBits)]
}

func (a *addresses) missShort(entry *shortAddr, text []byte, k0, k1 uint64) bool {
	ip, err := parseAddr(text)
	if err != nil {
		return false
	}
	*entry = shortAddr{k0, k1, binary.LittleEndian.Uint64(ip[:]), binary.LittleEndian.Uint64(ip[8:])}
	return true
}

// lookupLong finds the address that the first n bytes of b spell; b has longAddrLen bytes.
func (a *addresses) lookupLong(b []byte, n int) (v0, v1 uint64, ok bool) {
	if n > longAddrLen {
		return 0, 0, false // no address is longer but "::ffff:" with all digits of IPv4 spelled out: the slow path reads it
	}
	var key [5]uint64
	h := uint64(0)
	for i := range key {
		key[i] = binary.LittleEndian.Uint64(b[8*i:]) & keyMask[min(max(n-8*i, 0), 8)]
		h = (h ^ key[i]) * 0x9E3779B97F4A7C15
		h ^= h >> 29
	}
	entry := &a.long[h*0xD6E8FEB86659FD93>>(64-longAddrBits)]
	if entry.key != key {
		ip, err := parseAddr(b[:n])
		if err != nil {
			return 0, 0, false
		}
		*entry = longAddr{key, binary.LittleEndian.Uint64(ip[:]), binary.LittleEndian.Uint64(ip[8:])}
	}
	return entry.v0, entry.v1, true
}

// parse reads an address through the cache: for values of Parquet.
func (a *addresses) parse(text []byte) (address, error) {
	if len(text) > longAddrLen {
		return parseAddr(text)
	}
	b := a.scratch[:]
	n := copy(b, text)
	var v0, v1 uint64
	var ok bool
	if n <= shortAddrLen {
		v0, v1, ok = a.lookupShort(b[:shortAddrLen], n)
	} else {
		v0, v1, ok = a.lookupLong(b, n)
	}
	if !ok {
		return parseAddr(text)
	}
	var out address
	binary.LittleEndian.PutUint64(out[:], v0)
	binary.LittleEndian.PutUint64(out[8:], v1)
	return out, nil
}
