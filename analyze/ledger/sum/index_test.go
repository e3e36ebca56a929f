package sum

import (
	"math/rand/v2"
	"testing"
)

// A prefix may leave a comparison open, but never contradict it.
func TestPrefixKeepsOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	o := &order{ranks: []uint32{2, 0, 1<<28 - 2, 1<<28 - 1, 1 << 28}}
	addrs := []addr{{0, 1}, {0, 0xfffe00000001}, {0, 0xffff0a000001}, {0, 0xffff0a000002}, {0, 0xffffffffffff}, {0, 1 << 60},
		{0x20010db8 << 32, 1}, {0x20010db8<<32 | 1, 0}, {0x20010db8<<32 | 2, 0}, {1 << 63, 0}}
	protos := []uint64{0, 1, 2, 6, 7, 16, 17, 18, 50, 255}
	ports := []uint64{0, 1, 31, 32, 443, 444, 32768, 65535}
	pick := func(from []uint64) uint64 { return from[rng.IntN(len(from))] }
	key := func() rowKey {
		return rowKey{a: addrs[rng.IntN(len(addrs))], b: addrs[rng.IntN(len(addrs))],
			ids:   uint64(rng.IntN(len(o.ranks)))<<32 | uint64(rng.IntN(2)),
			tuple: pick(ports)<<48 | pick(ports)<<32 | pick(protos)<<24 | uint64(rng.IntN(3))<<16 | uint64(rng.IntN(2))<<15 | uint64(rng.IntN(3))<<12}
	}
	decided := 0
	for range 300_000 {
		x, y := key(), key()
		if rng.IntN(2) == 0 { // the same but for the last fields
			y.ids = x.ids
			y.b = x.b
			if rng.IntN(2) == 0 {
				y.a = x.a
			}
		}
		p, q := o.prefix(&x), o.prefix(&y)
		if c := p.compare(&q); c != 0 {
			decided++
			if want := o.compare(&x, &y); c != want {
				t.Fatalf("%+v and %+v: prefixes say %d, keys %d", x, y, c, want)
			}
		}
	}
	if decided < 100_000 {
		t.Errorf("only %d pairs were decided by their prefixes", decided)
	}
}

// Keys that differ in any one field are not equal.
func TestEqualKeys(t *testing.T) {
	x := pairKey{1, 2, 3}
	words := func(k *pairKey) []*uint64 { return []*uint64{&k.addrs, &k.ports, &k.rest} }
	if y := x; !x.equal(&y) {
		t.Error("a pair's key is not equal to itself")
	}
	for i := range words(&x) {
		y := x
		if *words(&y)[i] ^= 1 << 63; x.equal(&y) {
			t.Errorf("word %d of a pair's key is not looked at", i)
		}
	}
	r := rowKey{addr{1, 2}, addr{1, 3}, 4, 5}
	if s := r; !r.equal(&s) {
		t.Error("a row's key is not equal to itself")
	}
	for i, word := range []func(k *rowKey) *uint64{
		func(k *rowKey) *uint64 { return &k.a.hi }, func(k *rowKey) *uint64 { return &k.a.lo }, func(k *rowKey) *uint64 { return &k.b.hi },
		func(k *rowKey) *uint64 { return &k.b.lo }, func(k *rowKey) *uint64 { return &k.ids }, func(k *rowKey) *uint64 { return &k.tuple },
	} {
		s := r
		if *word(&s) ^= 1 << 63; r.equal(&s) {
			t.Errorf("word %d of a row's key is not looked at", i)
		}
	}
}
