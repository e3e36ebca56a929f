package cover

import (
	"math"
	"math/bits"
	"net/netip"
)

// cost is an unsigned 128-bit integer that saturates: an IPv6 prefix holds up to 2^128 addresses, and comparing costs must
// stay exact (no floats, so every machine finds the same optimum).
type cost struct{ hi, lo uint64 }

// infinite marks what is not allowed; finite costs stay below it.
var (
	infinite = cost{math.MaxUint64, math.MaxUint64}
	largest  = cost{math.MaxUint64, math.MaxUint64 - 1}
)

func small(n uint64) cost { return cost{lo: n} }

func (c cost) less(o cost) bool { return c.hi < o.hi || c.hi == o.hi && c.lo < o.lo }

// plus adds; infinite stays infinite, finite sums stop at largest.
func (c cost) plus(o cost) cost {
	if c == infinite || o == infinite {
		return infinite
	}
	lo, carry := bits.Add64(c.lo, o.lo, 0)
	hi, over := bits.Add64(c.hi, o.hi, carry)
	if sum := (cost{hi, lo}); over == 0 && sum.less(largest) {
		return sum
	}
	return largest
}

// minus subtracts a smaller number.
func (c cost) minus(o cost) cost {
	lo, borrow := bits.Sub64(c.lo, o.lo, 0)
	hi, _ := bits.Sub64(c.hi, o.hi, borrow)
	return cost{hi, lo}
}

func (c cost) shiftRight(n uint) cost {
	if n >= 64 {
		return cost{0, c.hi >> (n - 64)}
	}
	return cost{c.hi >> n, c.lo>>n | c.hi<<(64-n)}
}

// times multiplies by a number, saturating.
func (c cost) times(n uint64) cost {
	over, hi := bits.Mul64(c.hi, n)
	carry, lo := bits.Mul64(c.lo, n)
	hi, more := bits.Add64(hi, carry, 0)
	if product := (cost{hi, lo}); over == 0 && more == 0 && product.less(largest) {
		return product
	}
	return largest
}

// size is the number of addresses of p; ::/0 counts one too few, which changes no comparison.
func size(p netip.Prefix) cost {
	host := p.Addr().BitLen() - p.Bits()
	switch {
	case host >= 128:
		return largest
	case host >= 64:
		return cost{hi: 1 << (host - 64)}
	}
	return cost{lo: 1 << host}
}
