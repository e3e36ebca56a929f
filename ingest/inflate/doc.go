// Package inflate decodes gzip (RFC 1952) and the DEFLATE data in it (RFC 1951). Inflating is the largest part of
// reading flow logs; on their text this decoder is 2.5 to 3 times as fast as klauspost/compress (BenchmarkGunzip). It
// takes and refuses exactly the files that compress/gzip does, and gives out the same bytes before an error; the tests
// and FuzzInflate hold it to that.
//
// # How it works
//
// Compressed bytes are read into a buffer of 64 KiB, and the output goes into a window of 256 KiB. When that is full,
// Next returns what is new in it, and the next call first moves the last 32 KiB, all that a match can reach, to its
// front; of these the caller may keep some for the next piece (Keep). So memory does not depend on the input, however
// long the output gets.
//
// Codes are looked up in tables by the next 11 bits (distances: 8), longer ones in sub-tables behind them; the entry
// holds everything that the symbol needs. The fast loop (fastSymbols) has a table of its own, in which an entry holds up
// to two symbols, and lengths as a whole where their extra bits fit in, too (fuse). It decodes as long as enough input is
// there and the window has room; the last bytes of a file are decoded by carefulSymbol, bit by bit as compress/flate does
// it.
//
// # What is checked where
//
//   - Headers, CRC-32 and size of every member: header and trailer. The checksum runs over each piece before it is
//     returned.
//   - Block types, lengths of stored blocks, numbers and lengths of codes: blockHeader and what it calls. A code must be
//     complete; as in zlib, one symbol of one bit, or none, will also do. Patterns that have no symbol, and the symbols
//     that only the fixed codes have, decode to entryInvalid, which both loops refuse.
//   - Distances: before every copy, in both loops, against the beginning of the member.
//   - The end of the input: need and take; the fast loop leaves before it can come near.
//
// # Why the fast loop stays in bounds
//
// There is no unsafe, so a mistake in what follows would be a wrong result or a panic, never another's memory.
//
// Every round begins with the next byte at most at inEnd−16 and the window short of windowFull. A round loads 8 bytes
// at most twice, and moves on by at most 7 bytes after the first, so both end within the input. It begins with at least
// 56 bits. Three entries of literals take 33 and leave the 11 that the next look-up needs. Behind one or two of them, and
// behind a literal with a long code, the second load comes next. A length takes 20 bits at most (15 of code, 5 extra) and
// a distance 28 (15 and 13), together 48. The look-up after them comes before the second load, so that it need not wait
// for it. It may see bits that are no longer counted, but sees the right ones: a load fills up all 64 bits, of which 16
// are left then.
//
// A round writes at most six literals, or five and a match of 258 bytes, whose copy goes on for less than 40 bytes
// behind it; windowFull leaves room for all that. Bytes written beyond the output are overwritten by what comes next.
// A copy reads at a distance that was checked, from what is written.
//
// Indexes into window, input and sub-tables are masked to the sizes of these arrays. By the above that changes nothing;
// it lets the compiler drop its own checks. Sub-tables have room for any code (see litTableSize).
package inflate
