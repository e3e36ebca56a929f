package inflate

import "math/bits"

// A decoding table is indexed by the next bits of the input. Its entries are packed:
//
//	bits 0–5    how many bits to consume: code and extra bits
//	bits 6–9    how many of them are code
//	bits 10–13  what it is, below; a length or distance if none of these
//	bits 14–28  base of a distance, of a length (to bit 22 only), or second of two literals (to bit 21)
//	bits 23–30  a literal
//	bit 31      a literal comes before the length or literal that the other fields tell; see fuse
//
// Codes longer than the index go on in a sub-table: the entry says where it begins (bits 14–28) and how many bits
// beyond the index it is indexed by (bits 6–9). Entries of sub-tables count the whole code.
const (
	codeShift    = 6
	baseShift    = 14
	literalShift = 23
	fusedShift   = 31

	entryLiteral = 1 << 13 // a literal, or two
	entrySpecial = 1 << 12 // one of the next two, or, with neither, an invalid code
	entrySub     = 1 << 11 // continued in a sub-table
	entryEnd     = 1 << 10 // the end of the block
	entryInvalid = entrySpecial

	maxCodeLen   = 15
	maxDistExtra = 13
	consumeMask  = 1<<codeShift - 1
	codeMask     = maxCodeLen
	lenBaseMask  = 1<<9 - 1
	distBaseMask = 1<<15 - 1
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
// 1024 + 286/2·32 = 5600 and 256 + 30/2·128 = 2176; and for the code lengths, of at most 7 bits, there is none.
const (
	litBits       = 10
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
		symbols[s] = entryLiteral | s<<literalShift
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
		symbols[s] = entryLiteral | uint32(s)<<literalShift
	}
	return symbols
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
			entry := symbols[s] + uint32(n)<<codeShift + uint32(n)
			index := int(bits.Reverse16(uint16(code)) >> (16 - n))
			code++
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
		done += count[n]
	}
	return true
}

// fuse derives the table of the fast loop from the first part of lit: where the index holds the code of a literal and the
// whole one of a literal or length behind it, one entry is both. That saves a look-up and, what costs more, a branch on
// what comes next, which in flow logs is often foreseen wrongly.
func fuse(fused *[1 << litBits]uint32, lit []uint32) {
	lit = lit[:len(fused)]
	for i, e := range lit {
		fused[i] = e
		if e&entryLiteral == 0 {
			continue
		}
		n := e >> codeShift & codeMask
		next := lit[i>>n]
		m := next >> codeShift & codeMask
		if next&entrySpecial != 0 || n+m > litBits {
			continue
		}
		if next&entryLiteral != 0 {
			next = entryLiteral | next>>literalShift<<baseShift | m<<codeShift | m
		}
		fused[i] = 1<<fusedShift | e&(0xff<<literalShift) | next + (n<<codeShift | n)
	}
}
