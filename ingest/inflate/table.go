package inflate

import "math/bits"

// A decoding table is indexed by the next bits of the input. Its entries are packed:
//
//	bits 0–7    bits to consume: code and extra bits
//	bits 8–11   length of the code alone
//	bits 12–15  what it is, below
//	bits 16–31  the literal, or the base of a length or distance
//
// Codes longer than the index go on in a sub-table: the entry says where it begins (bits 16–31) and how many bits
// beyond the index it is indexed by (bits 8–11). Entries of sub-tables count the whole code.
const (
	entryLiteral = 1 << 15 // a literal
	entrySpecial = 1 << 14 // one of the next two, or, with neither, an invalid code
	entrySub     = 1 << 13 // continued in a sub-table
	entryEnd     = 1 << 12 // the end of the block

	entryInvalid = entrySpecial

	maxCodeLen      = 15
	maxDistanceBits = 13 // extra ones
)

// Number of codes: what a dynamic block may use, and with the invalid ones that the fixed codes contain.
const (
	maxLitCodes    = 286
	maxDistCodes   = 30
	fixedLitCodes  = 288
	fixedDistCodes = 32
	endOfBlock     = 256
)

// Widths of the index, and table sizes as powers of two, so that masking an index proves it in range. A complete code
// has at least two codes in every sub-table, which has at most 2^(15−width) entries, so the tables never outgrow
// them: 2048 + 286/2·16 = 4336 and 256 + 30/2·128 = 2176; and for the code lengths, of at most 7 bits, none.
const (
	litBits        = 11
	distBits       = 8
	lenBits        = 7
	litTableSize   = 8192
	distTableSize  = 4096
	litTableMask   = litTableSize - 1
	distTableMask  = distTableSize - 1
	entryTotalMask = 0xff
)

// Entries of every symbol without its code length, in the form above.
var (
	litSymbols  [fixedLitCodes]uint32
	distSymbols [fixedDistCodes]uint32
	lenSymbols  [19]uint32 // of the code that the code lengths are written in; the symbol as a literal
)

// They follow RFC 1951, 3.2.5, where lengths and distances are given with base and extra bits.
func init() {
	for s := range endOfBlock {
		litSymbols[s] = entryLiteral | uint32(s)<<16
	}
	litSymbols[endOfBlock] = entrySpecial | entryEnd
	base := uint32(3)
	for s := uint32(0); s < 28; s++ {
		extra := max(s/4, 1) - 1
		litSymbols[257+s] = base<<16 | extra
		base += 1 << extra
	}
	litSymbols[285] = 258 << 16
	litSymbols[286], litSymbols[287] = entryInvalid, entryInvalid

	base = 1
	for s := uint32(0); s < 30; s++ {
		extra := max(s/2, 1) - 1
		distSymbols[s] = base<<16 | extra
		base += 1 << extra
	}
	distSymbols[30], distSymbols[31] = entryInvalid, entryInvalid
	for s := range lenSymbols {
		lenSymbols[s] = entryLiteral | uint32(s)<<16
	}
}

// build fills table for the canonical Huffman code in which symbol i has lens[i] bits (0: unused), and says whether
// there is such a code. It must use up the code space; like zlib and compress/flate, build also takes a code of a
// single symbol of one bit, and one of no symbols: what they leave unused decodes to entryInvalid of length 0.
func build(table []uint32, width int, lens []uint8, symbols []uint32) bool {
	var count, next [maxCodeLen + 1]int // of every length: codes, and where they start in sorted
	for _, n := range lens {
		count[n&maxCodeLen]++
	}
	count[0] = 0
	longest, space := 0, 0
	for n := 1; n <= maxCodeLen; n++ {
		next[n] = next[n-1] + count[n-1]
		space += count[n] << (maxCodeLen - n)
		if count[n] > 0 {
			longest = n
		}
	}
	if space != 1<<maxCodeLen && longest > 1 || space > 1<<maxCodeLen {
		return false
	}
	var sorted [fixedLitCodes]uint16 // symbols by length, then value: the order of their codes
	for s, n := range lens {
		if n > 0 {
			sorted[next[n&maxCodeLen]] = uint16(s)
			next[n&maxCodeLen]++
		}
	}

	// Bits come lowest first, so codes are looked up reversed: all entries whose low n bits are the code. Doubling the
	// table with every length spreads the shorter ones.
	table[0] = entryInvalid
	size, code, done := 1, 0, 0
	subBits := max(longest-width, 0)
	subNext := 1 << width
	for n := 1; n <= maxCodeLen; n++ {
		code <<= 1
		if n <= width {
			copy(table[size:2*size], table[:size])
			size *= 2
		}
		for _, s := range sorted[done : done+count[n]] {
			entry := symbols[s] + uint32(n)<<8 + uint32(n)
			index := int(bits.Reverse16(uint16(code)) >> (16 - n))
			code++
			if n <= width {
				table[index] = entry
				continue
			}
			main := &table[index&(size-1)]
			if *main&entrySub == 0 {
				*main = entrySpecial | entrySub | uint32(subNext)<<16 | uint32(subBits)<<8
				subNext += 1 << subBits
			}
			sub := table[*main>>16:][:1<<subBits]
			for i := index >> width; i < len(sub); i += 1 << (n - width) {
				sub[i] = entry
			}
		}
		done += count[n]
	}
	return true
}
