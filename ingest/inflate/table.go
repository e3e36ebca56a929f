package inflate

import "math/bits"

// A decoding table is indexed by the next bits of the input. Its entries are packed:
//
//	bits 0–5    how many bits to consume: code and extra bits
//	bits 6–11   how many of them are code
//	bits 12–15  what it is, below; a length or distance if none of these
//	bits 16–30  the literal, or the base of a length or distance
//
// Codes longer than the index go on in a sub-table: the entry says where it begins (bits 16–30) and how many bits
// beyond the index it is indexed by (bits 6–11). Entries of sub-tables count the whole code.
const (
	codeShift = 6
	baseShift = 16

	entryLiteral = 1 << 15
	entrySpecial = 1 << 14 // one of the next two, or, with neither, an invalid code
	entrySub     = 1 << 13 // continued in a sub-table
	entryEnd     = 1 << 12 // the end of the block
	entryInvalid = entrySpecial

	maxCodeLen  = 15
	consumeMask = 1<<codeShift - 1
	codeMask    = 1<<6 - 1 // what a shift takes anyway
)

// Number of codes: what a dynamic block may use, and with the invalid ones that the fixed codes contain.
const (
	maxLitCodes    = 286
	maxDistCodes   = 30
	fixedLitCodes  = 288
	fixedDistCodes = 32
	endOfBlock     = 256
)

// Widths of the index, and table sizes as powers of two, so that masking an index proves it in range. In a complete
// code every sub-table holds two codes or more, and has at most 2^(15−width) entries, so the tables never outgrow them:
// 2048 + 286/2·16 = 4336 and 256 + 30/2·128 = 2176; and for the code lengths, of at most 7 bits, there is none.
const (
	litBits       = 11
	distBits      = 8
	lenBits       = 7
	litTableSize  = 8192
	distTableSize = 4096
)

// Entries of every symbol without its code, whose length is added to both fields of bits. RFC 1951, 3.2.5 gives lengths
// and distances as base and extra bits.
var (
	litSymbols  = makeLitSymbols()
	distSymbols = makeDistSymbols()
	lenSymbols  = makeLenSymbols() // symbols of the code that code lengths are written in, as literals
)

func makeLitSymbols() (symbols [fixedLitCodes]uint32) {
	for s := range uint32(endOfBlock) {
		symbols[s] = entryLiteral | s<<baseShift
	}
	symbols[endOfBlock] = entrySpecial | entryEnd
	base := uint32(3)
	for s := range uint32(28) {
		extra := max(s/4, 1) - 1
		symbols[endOfBlock+1+s] = base<<baseShift | extra
		base += 1 << extra
	}
	symbols[285] = 258 << baseShift
	symbols[286], symbols[287] = entryInvalid, entryInvalid
	return symbols
}

func makeDistSymbols() (symbols [fixedDistCodes]uint32) {
	base := uint32(1)
	for s := range uint32(maxDistCodes) {
		extra := max(s/2, 1) - 1
		symbols[s] = base<<baseShift | extra
		base += 1 << extra
	}
	symbols[30], symbols[31] = entryInvalid, entryInvalid
	return symbols
}

func makeLenSymbols() (symbols [len(lenOrder)]uint32) {
	for s := range symbols {
		symbols[s] = entryLiteral | uint32(s)<<baseShift
	}
	return symbols
}

// prefixCode is a canonical Huffman code.
type prefixCode struct {
	words [fixedLitCodes]codeword // in the order of their codes, shorter ones first
	end   [maxCodeLen + 1]int     // where in words those of every length end
}

// codeword is a symbol and its code, reversed, as tables are indexed.
type codeword struct{ symbol, code uint16 }

// assign makes c the code in which symbol i has lens[i] bits (0: unused), and says whether there is such a code. It must
// use up the code space; like zlib and compress/flate, assign also takes a code of a single symbol of one bit, and one of
// no symbols.
func (c *prefixCode) assign(lens []uint8) bool {
	var count, next [maxCodeLen + 1]int // of every length: codes, and the next one of them
	for _, n := range lens {
		count[n&maxCodeLen]++
	}
	count[0] = 0
	longest, space := 0, 0
	for n := 1; n <= maxCodeLen; n++ {
		c.end[n] = c.end[n-1] + count[n-1] // not yet filled, where they begin
		next[n] = (next[n-1] + count[n-1]) << 1
		space += count[n] << (maxCodeLen - n)
		if count[n] > 0 {
			longest = n
		}
	}
	if space != 1<<maxCodeLen && longest > 1 || space > 1<<maxCodeLen {
		return false
	}
	for s, n := range lens {
		if n &= maxCodeLen; n > 0 {
			c.words[c.end[n]] = codeword{uint16(s), bits.Reverse16(uint16(next[n])) >> (16 - n)}
			c.end[n]++
			next[n]++
		}
	}
	return true
}

// of is the codewords of n bits.
func (c *prefixCode) of(n int) []codeword { return c.words[c.end[n-1]:c.end[n]] }

// longest is the length of the longest code.
func (c *prefixCode) longest() int {
	n := maxCodeLen
	for n > 0 && len(c.of(n)) == 0 {
		n--
	}
	return n
}

// build makes c the code of lens and fills table, whose index has width bits; it says whether there is such a code. What
// a code leaves unused decodes to entryInvalid of length 0.
func (c *prefixCode) build(table []uint32, width int, lens []uint8, symbols []uint32) bool {
	if !c.assign(lens) {
		return false
	}
	// Bits come lowest first, so codes are looked up reversed: all entries whose low n bits are the code. Doubling the
	// table with every length spreads the shorter ones.
	table[0] = entryInvalid
	size := 1
	subBits := max(c.longest()-width, 0)
	subNext := 1 << width
	for n := 1; n <= maxCodeLen; n++ {
		if n <= width {
			copy(table[size:2*size], table[:size])
			size *= 2
		}
		for _, w := range c.of(n) {
			entry := symbols[w.symbol] + uint32(n)<<codeShift + uint32(n)
			index := int(w.code)
			if n <= width {
				table[index] = entry
				continue
			}
			main := &table[index&(size-1)]
			if *main&entrySub == 0 {
				*main = entrySpecial | entrySub | uint32(subNext)<<baseShift | uint32(subBits)<<codeShift
				subNext += 1 << subBits
			}
			sub := table[*main>>baseShift:][:1<<subBits]
			for i := index >> width; i < len(sub); i += 1 << (n - width) {
				sub[i] = entry
			}
		}
	}
	return true
}
