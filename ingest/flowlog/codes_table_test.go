package flowlog

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Codes are those that a map would give, while addresses come, and after some were taken back.
func TestCodesAgainstMap(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	var c codes
	c.init()
	known := map[address]int32{}
	for range 60 {
		pool := 1 + r.Uint32N(30_000)
		for range r.IntN(20_000) {
			var a address
			binary.BigEndian.PutUint32(a[[2]int{0, 12}[r.IntN(2)]:], r.Uint32N(pool))
			want, ok := known[a]
			if !ok {
				want = int32(len(known))
				known[a] = want
			}
			if got := c.of(a); got != want || c.values[got] != a || len(c.values) != len(known) {
				t.Fatalf("seed %d: got code %d of %d, want %d of %d", seed, got, len(c.values), want, len(known))
			}
		}
		if r.IntN(3) > 0 {
			continue
		}
		n := r.IntN(2) * r.IntN(len(known)+1)
		c.keep(n)
		for a, k := range known {
			if int(k) >= n {
				delete(known, a)
			}
		}
	}
}

// When the count of turns wraps around, codes of the first turn do not pass for those of the new one.
func TestTurnsWrapAround(t *testing.T) {
	var a addresses
	a.init()
	texts := []string{"10.0.0.1", "2001:db8::1", "2001:0db8:0000:0000:0000:0000:0000:0002"}
	check := func(when string) {
		text := strings.Join(texts, "\n") + "\n"
		var l lines
		if !l.split(append([]byte(text), make([]byte, slack)...), len(text), 1, make([]uint32, len(text)+slack)) {
			t.Fatal("no plain lines")
		}
		dst := make([]int32, len(texts))
		if _, ok := l.addrColumn(&a, 0, dst, nil); !ok {
			t.Fatal("no addresses")
		}
		for i, k := range dst {
			if want := netip.MustParseAddr(texts[i]).As16(); int(k) >= len(a.codes.values) || a.codes.values[k] != want {
				t.Errorf("%s: %s: got code %d of %x", when, texts[i], k, a.codes.values)
			}
		}
	}
	first := a.turn
	check("at first")
	a.turn = ^uint32(0)
	a.reset()
	if a.turn != first {
		t.Fatalf("turn %d, want %d again", a.turn, first)
	}
	slices.Reverse(texts)
	check("after all turns")
}

// What is read fast is what net/netip reads, and nothing else.
func TestParseIPv4(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	a := new(addresses)
	a.init()
	for range 300_000 {
		octet := func() string { return strconv.Itoa(r.IntN(1 << (1 + r.IntN(9)))) }
		text := []byte(octet() + "." + octet() + "." + octet() + "." + octet())
		for range r.IntN(3) {
			if at := r.IntN(len(text)); r.IntN(2) == 0 {
				text[at] = ".0123456789:/-\x00\xae\xb0\xff"[r.IntN(18)]
			} else {
				text = slices.Insert(text, at, "0.19:"[r.IntN(5)])
			}
		}
		if len(text) > shortAddrLen {
			continue
		}
		b := append(slices.Clone(text), "255.255.255.255.255.255.255.255.255.255"...)
		k0, k1, _ := shortKey(b[:shortAddrLen], len(text))
		got, ok := parseIPv4(b, len(text), k0, k1)
		want, err := netip.ParseAddr(string(text))
		if ok != (err == nil && want.Is4()) || ok && got != want.As16() {
			t.Fatalf("seed %d: %q: got %x, %v; want %v, %v", seed, text, got, ok, want, err)
		}
	}
}

// Addresses in rows and grids, as networks have them and as somebody may choose them, are found as fast as random ones.
func TestCodesOfNeighbours(t *testing.T) {
	const n = 40_000
	for name, words := range map[string]func(i uint64) (high, low uint64){
		"hosts":         func(i uint64) (uint64, uint64) { return 0, 0xffff0a000000 + i },
		"networks":      func(i uint64) (uint64, uint64) { return 0, 0xffff0a000000 + i<<8 },
		"hosts, IPv6":   func(i uint64) (uint64, uint64) { return 0x20010db8 << 32, i },
		"networks, 6":   func(i uint64) (uint64, uint64) { return 0x20010db8<<32 | i, 1 },
		"a grid, IPv6":  func(i uint64) (uint64, uint64) { return 0x20010db8<<32 | i&0xff, i >> 8 },
		"low bits zero": func(i uint64) (uint64, uint64) { return i & 0xff << 56, i >> 8 << 48 },
	} {
		var c codes
		c.init()
		for i := range uint64(n) {
			var a address
			high, low := words(i)
			binary.BigEndian.PutUint64(a[:], high)
			binary.BigEndian.PutUint64(a[8:], low)
			c.of(a)
		}
		past, mask := 0, uint64(len(c.slots)-1) // slots of others that are gone past
		for k, a := range c.values {
			for _, at := c.place(a); c.slots[at&mask]&(hashed-1) != uint64(k+1); at++ {
				past++
			}
		}
		if past > n {
			t.Errorf("%s: %.1f slots of others before that of an address", name, float64(past)/n)
		}
	}
}
