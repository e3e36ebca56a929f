//go:build !purego

package inflate

import (
	"hash/crc32"

	"github.com/klauspost/cpuid/v2"
)

// wideChecksums says whether the processor multiplies 32 bytes without carries at a time. golang.org/x/sys/cpu knows it of AVX-512 only.
var wideChecksums = cpuid.CPU.Supports(cpuid.AVX2, cpuid.VPCLMULQDQ)

// foldLeast is the length in bytes from which folding is worth it.
const foldLeast = 8 * foldSize

// add adds bytes. The library takes 16 at a time, and so twice as long. Here what comes before a block is folded into it, block by
// block, so that the last one has the sum of all (Gopal and others, Fast CRC Computation for Generic Polynomials Using PCLMULQDQ
// Instruction, Intel 2009).
func (c *checksum) add(p []byte) {
	if n := len(p) / foldSize; wideChecksums && len(p) >= foldLeast {
		fold128(^c.sum, &p[0], n, &c.folded)
		c.sum, p = crc32.Update(^uint32(0), crc32.IEEETable, c.folded[:]), p[n*foldSize:]
	}
	c.sum = crc32.Update(c.sum, crc32.IEEETable, p)
}

// fold128 folds n blocks, at least one, and the sum before them into one.
//
//go:noescape
func fold128(crc uint32, blocks *byte, n int, folded *[foldSize]byte)
