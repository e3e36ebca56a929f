//go:build !purego

package flowlog

import "golang.org/x/sys/cpu"

// fastestSeparators is separatorsWide where the processor has the instructions that it uses.
func fastestSeparators() separatorsFunc {
	if x := &cpu.X86; x.HasAVX2 && x.HasBMI1 && x.HasBMI2 && x.HasPOPCNT {
		return separatorsWide
	}
	return separatorsPlain
}

// separatorsWide looks at 64 bytes in a few instructions.
func separatorsWide(buf []byte, n int, off []uint32) (count, spaces int, adjacent bool) {
	// It reads whole blocks of 64 bytes, and writes no more positions than there are bytes before the end of a block, after
	// them at most spareOff that are rubbish.
	buf, off = buf[:n+63], off[:n+1+spareOff]
	count, spaces, double := separatorsAVX2(&buf[0], n, &off[0])
	return count, spaces, double != 0
}

//go:noescape
func separatorsAVX2(buf *byte, n int, off *uint32) (count, spaces int, adjacent uint64)
