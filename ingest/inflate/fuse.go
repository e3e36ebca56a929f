package inflate

// The table of the fast loop is for the same code as that of literals and lengths, but an entry holds what the index does
// as a whole: a literal, two literals, a length with its extra bits, or a literal and such a length. That saves look-ups
// and, what costs more, branches on what comes next, which in flow logs is often foreseen wrongly.
//
//	bits 0–5    how many bits to consume
//	bits 6–7    how many literals there are
//	bits 8–10   what follows them, below
//	bits 16–23  the first literal
//	bits 24–31  the second literal, or the length without minLength
//
// A literal is put before an entry by adding to it. So that the flags come out right then, too, bits 8–10 are 0 for a
// length and 3 for none, and a literal before that adds 1.
const (
	fusedCountShift  = 6
	fusedFirstShift  = 16
	fusedSecondShift = 24

	fusedLiterals = 1 << 10 // literals without a length
	fusedOther    = 1 << 9  // nothing that this table holds; without the flag above
	fusedNoLength = 3 << 8
	fusedOne      = 1 << fusedCountShift
	fusedBefore   = 1<<8 | fusedOne

	minLength  = 3
	countMask  = 3
	maxLengths = maxLitCodes - endOfBlock - 1
)

// lengthCode is the code of a length symbol.
type lengthCode struct {
	entry uint32 // in the table of the fast loop, of its shortest length
	code  int
	width int
	total int // width with the extra bits
}

// fuse makes the table of the fast loop for the code of literals and lengths.
func (r *Reader) fuse(c *prefixCode) {
	r.single(c)
	table := r.level(litBits)
	for n := 1; n <= litBits; n++ {
		behind := r.level(litBits - n)
		for _, w := range c.of(n) {
			if w.symbol >= endOfBlock {
				break
			}
			literal := fusedBefore | uint32(w.symbol)<<fusedFirstShift | uint32(n)
			at := int(w.code)
			for _, e := range behind {
				table[at] = e + literal
				at += 1 << n
			}
		}
	}
}

// level is the part of r.fused for an index of n bits. The fast loop uses that of litBits; the others hold only what can
// stand behind a literal of the bits that are missing.
func (r *Reader) level(n int) []uint32 { return r.fused[1<<n : 2<<n] }

// single fills all levels with entries of one symbol, literals as they are to be put behind another one. A level begins as
// the one before twice, so that only codes that just fit are entered in it.
func (r *Reader) single(c *prefixCode) {
	var all [maxLengths]lengthCode
	lengths := all[:0]
	r.level(0)[0] = fusedNoLength
	for n := 1; n <= litBits; n++ {
		level, before := r.level(n), r.level(n-1)
		copy(level[copy(level, before):], before)
		for _, w := range c.of(n) {
			switch {
			case w.symbol < endOfBlock:
				level[w.code] = fusedNoLength + fusedOne + uint32(w.symbol)<<fusedSecondShift + uint32(n)
			case w.symbol > endOfBlock && w.symbol < maxLitCodes:
				lengths = append(lengths, newLengthCode(w, n))
			}
		}
		for _, l := range lengths {
			if l.total != n {
				continue
			}
			e := l.entry
			for at := l.code; at < len(level); at += 1 << l.width {
				level[at] = e
				e += 1 << fusedSecondShift
			}
		}
	}
}

func newLengthCode(w codeword, n int) lengthCode {
	base, extra := litSymbols[w.symbol]>>baseShift, litSymbols[w.symbol]&consumeMask
	total := uint32(n) + extra
	return lengthCode{(base-minLength)<<fusedSecondShift | total, int(w.code), n, int(total)}
}

// wholeLength is the fast loop's entry for one of a length in the other table, which bits begin with.
func wholeLength(e uint32, bits uint64) uint32 {
	extra := uint32(bits & (1<<(e&consumeMask) - 1) >> (e >> codeShift & codeMask))
	return (e>>baseShift+extra-minLength)<<fusedSecondShift | e&consumeMask
}
