package flowlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"net/netip"
	"unsafe"
)

// addresses gives every address a code, and remembers the codes of texts up to 16 bytes (all of IPv4) and up
// to 40 (IPv6) apart, and for these the address: a pure function of the text, good for as long as the worker lives. A code is
// good for one turn only.
type addresses struct {
	codes   codes
	turn    uint32 // of the dictionary; entries with the codes of an earlier one have another turn
	most    int    // addressesMost, but in tests
	given   int    // addresses of the dictionary when a batch was last handed on with it
	short   []shortAddr
	long    []longAddr
	scratch [longAddrLen]byte
}

type shortAddr struct {
	k0, k1 uint64
	code   int32
	turn   uint32
}

type longAddr struct {
	key   [5]uint64
	value address
	code  int32
	turn  uint32
}

const (
	shortAddrBits = 14
	longAddrBits  = 12
	shortAddrLen  = 16
	longAddrLen   = 40
)

func (a *addresses) init() {
	a.codes.init()
	a.most = addressesMost
	a.short = make([]shortAddr, 1<<shortAddrBits)
	a.long = make([]longAddr, 1<<longAddrBits)
	a.reset()
}

// begin is called before an object. As objects of one flow log mostly name the same addresses, a small dictionary is kept.
func (a *addresses) begin() {
	if len(a.codes.values) > addressesKept {
		a.reset()
	} else if a.given < len(a.codes.values) { // reading the object before broke off
		a.takeBack(a.given)
	}
}

// reset begins the dictionary anew.
func (a *addresses) reset() { a.takeBack(0) }

// takeBack drops all but the first n addresses of the dictionary. Any code that was remembered may be of those.
func (a *addresses) takeBack(n int) {
	a.codes.keep(n)
	a.given = n
	a.turn++
	if a.turn == 0 { // wrapped around: old entries would pass as new ones
		clear(a.short)
		clear(a.long)
		a.turn = 1
	}
}

// settle ends a batch, which was handed on or not. What only a batch knew that was not handed on is taken back: of two
// batches handed on with different dictionaries, the second has the shorter one.
func (a *addresses) settle(handedOn bool) {
	if handedOn {
		a.given = len(a.codes.values)
	}
	if a.given > a.most {
		a.reset()
	} else if a.given < len(a.codes.values) {
		a.takeBack(a.given)
	}
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

// addrColumn writes the codes of one address column to dst, and appends the rows that are "-" to nulls. It is false when a
// value is no address.
func (l *lines) addrColumn(a *addresses, field int, dst []int32, nulls []uint32) ([]uint32, bool) {
	for r := range dst {
		s, e := l.field(r, field)
		n := e - s
		if n > shortAddrLen {
			entry, ok := a.longText(l.buf[s:s+longAddrLen], n)
			if !ok {
				return nulls, false
			}
			if entry.turn != a.turn {
				entry.code, entry.turn = a.codes.of(entry.value), a.turn
			}
			dst[r] = entry.code
			continue
		}
		k0, k1, at := shortKey(l.buf[s:s+shortAddrLen], n)
		entry := &a.short[at]
		if entry.k0 != k0 || entry.k1 != k1 || entry.turn != a.turn {
			if n == 1 && l.buf[s] == '-' {
				dst[r] = 0
				nulls = append(nulls, uint32(r))
				continue
			}
			ip, ok := a.shortText(l.buf[s:s+longAddrLen], n, k0, k1)
			if !ok {
				return nulls, false
			}
			*entry = shortAddr{k0, k1, a.codes.of(ip), a.turn}
		}
		dst[r] = entry.code
	}
	return nulls, true
}

// shortKey is the first n bytes of b, which has shortAddrLen, as two words, and their place in the cache.
func shortKey(b []byte, n int) (k0, k1, at uint64) {
	k0 = binary.LittleEndian.Uint64(b) & keyMask[min(n, 8)]
	k1 = binary.LittleEndian.Uint64(b[8:]) & keyMask[max(n-8, 0)]
	return k0, k1, (k0 ^ k1*0x9E3779B97F4A7C15) * 0xD6E8FEB86659FD93 >> (64 - shortAddrBits)
}

// shortText reads the n bytes that k0 and k1 hold and that b, which has longAddrLen bytes, begins with. To read IPv4 again
// is as fast as to remember it; IPv6 is remembered with the long texts.
func (a *addresses) shortText(b []byte, n int, k0, k1 uint64) (address, bool) {
	if ip, ok := parseIPv4(b, n, k0, k1); ok {
		return ip, true
	}
	entry, ok := a.longText(b, n)
	if !ok {
		return address{}, false
	}
	return entry.value, true
}

// parseIPv4 reads the n bytes that k0 and k1 hold and that b begins with, without a branch that depends on them but for
// errors: many addresses come once. b has 4 bytes past them.
func parseIPv4(b []byte, n int, k0, k1 uint64) (ip address, ok bool) {
	b = b[:shortAddrLen+4]
	dots := dotsOf(k0) | dotsOf(k1)<<8 | 1<<n
	v, wrong, start := uint32(0), uint32(0), 0
	for i := range 4 {
		end := bits.TrailingZeros32(dots)
		dots &= dots - 1
		size := end - start
		if size < 1 || size > 3 {
			return ip, false
		}
		w := (binary.LittleEndian.Uint32(b[start:]) ^ 0x30303030) << (32 - 8*uint(size)) // leading zeros for digits not there
		octet := w>>8&0xff*100 + w>>16&0xff*10 + w>>24
		wrong |= (w|(w+0x06060606))&0xf0f0f0f0 | (255-octet)>>8 | (octet-leastOctet[size])>>8
		v |= octet << (8 * i)
		start = end + 1
	}
	binary.LittleEndian.PutUint64(ip[8:], 0xffff0000|uint64(v)<<32)
	return ip, wrong == 0 && dots == 0
}

// leastOctet is the least number of an octet by its digits: zeros do not lead.
var leastOctet = [4]uint32{0, 0, 10, 100}

// dotsOf has a bit for every byte of w that is a dot, the first byte's lowest.
func dotsOf(w uint64) uint32 {
	w ^= 0x2e2e2e2e2e2e2e2e
	found := ^(w&^eachTop + ^uint64(eachTop) | w) & eachTop
	return uint32(found >> 7 * gather >> 56)
}

// longText finds the entry of the address that the first n bytes of b spell; b has longAddrLen bytes.
func (a *addresses) longText(b []byte, n int) (*longAddr, bool) {
	if n > longAddrLen {
		return nil, false // no address is longer but "::ffff:" with all digits of IPv4 spelled out: the slow path reads it
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
			return nil, false
		}
		*entry = longAddr{key: key, value: ip}
	}
	return entry, true
}

// plainIPv4 reads texts of IPv4: for values of Parquet, see meaning.
func plainIPv4(vals []address, from *values, first int) int {
	offsets := from.offsets[first:][:len(vals)-first+1]
	for i := range vals[first:] {
		at, n := int(offsets[i]+from.head), int(offsets[i+1]-offsets[i]-from.head)
		if n > shortAddrLen || at+shortAddrLen+4 > len(from.bytes) {
			return first + i
		}
		b := from.bytes[at:][:shortAddrLen+4]
		k0, k1, _ := shortKey(b[:shortAddrLen], n)
		ip, ok := parseIPv4(b, n, k0, k1)
		if !ok {
			return first + i
		}
		vals[first+i] = ip
	}
	return len(vals)
}

// parse reads an address: for values of Parquet.
func (a *addresses) parse(text []byte) (address, error) {
	n := len(text)
	if n > longAddrLen {
		return parseAddr(text)
	}
	var b []byte
	if cap(text) >= longAddrLen {
		b = text[:longAddrLen]
	} else {
		b = a.scratch[:]
		copy(b, text)
	}
	if n <= shortAddrLen {
		k0, k1, _ := shortKey(b[:shortAddrLen], n)
		if ip, ok := a.shortText(b, n, k0, k1); ok {
			return ip, nil
		}
	} else if entry, ok := a.longText(b, n); ok {
		return entry.value, nil
	}
	return parseAddr(text)
}

// code reads an address and gives its code.
func (a *addresses) code(text []byte) (int32, error) {
	ip, err := a.parse(text)
	if err != nil {
		return 0, err
	}
	return a.codes.of(ip), nil
}
