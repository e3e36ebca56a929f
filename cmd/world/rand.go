package world

import (
	"math/bits"
	"net/netip"
)

// rng is splitmix64: tiny, fast, and the same on every machine. Each flow of each hour has its own, seeded by what it is
// for, so any hour can be made alone.
type rng uint64

func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// hash folds its arguments into one well-mixed number.
func hash(vs ...uint64) uint64 {
	h := uint64(0x9e3779b97f4a7c15)
	for _, v := range vs {
		h = mix(h+v) + 0x9e3779b97f4a7c15
	}
	return mix(h)
}

// hashString is FNV-1a, mixed.
func hashString(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return mix(h)
}

func (r *rng) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	return mix(uint64(*r))
}

// n is uniform in [0, n).
func (r *rng) n(n int) int {
	hi, _ := bits.Mul64(r.next(), uint64(n))
	return int(hi)
}

// between is uniform in [lo, hi].
func (r *rng) between(lo, hi int) int { return lo + r.n(hi-lo+1) }

// float is uniform in [0, 1).
func (r *rng) float() float64 { return float64(r.next()>>11) / (1 << 53) }

// chance is true with probability p.
func (r *rng) chance(p float64) bool { return p > 0 && r.float() < p }

// publicOctets are first octets that hold ordinary public addresses: none reserved, none used for AWS services here.
var publicOctets = [...]byte{23, 31, 37, 45, 46, 62, 77, 81, 85, 88, 91, 93, 95, 103, 109, 141, 145, 151, 176, 178, 185, 188, 193, 194, 202, 212, 217}

// publicAddr is the Internet address number i of a numbered population.
func publicAddr(i uint64) netip.Addr {
	h := mix(i)
	return netip.AddrFrom4([4]byte{publicOctets[h%uint64(len(publicOctets))], byte(h >> 16), byte(h >> 24), byte(1 + (h>>32)%254)})
}

// publicAddr6 is the same in IPv6, in 2a02::/16.
func publicAddr6(i uint64) netip.Addr {
	h := mix(i)
	var b [16]byte
	b[0], b[1] = 0x2a, 0x02
	for k := range 6 {
		b[2+k] = byte(h >> (8 * k))
	}
	for k := range 8 {
		b[8+k] = byte(mix(h) >> (8 * k))
	}
	return netip.AddrFrom16(b)
}

// id is an AWS resource id of 17 hex digits: prefix-0….
func id(prefix string, h uint64) string {
	const digits = "0123456789abcdef"
	b := append([]byte(prefix), '-', '0')
	for k := 60; k >= 0; k -= 4 {
		b = append(b, digits[h>>k&15])
	}
	return string(b)
}
