//go:build !purego

package flowlog

import "golang.org/x/sys/cpu"

// separatorsFuncs are those that the processor has the instructions for, the fastest first.
func separatorsFuncs() (all []separatorsFunc) {
	x := &cpu.X86
	wide := x.HasAVX2 && x.HasBMI1 && x.HasBMI2 && x.HasPOPCNT
	if wide && x.HasAVX512F && x.HasAVX512BW && x.HasAVX512VBMI2 {
		all = append(all, separatorsBy(separatorsAVX512))
	}
	if wide {
		all = append(all, separatorsBy(separatorsAVX2))
	}
	return append(all, separatorsPlain)
}

// separatorsBy looks at 64 bytes in a few instructions.
func separatorsBy(assembly func(buf *byte, n int, off *uint32) (count, spaces int, adjacent uint64)) separatorsFunc {
	return func(buf []byte, n int, off []uint32) (count, spaces int, adjacent bool) {
		// It reads whole blocks of 64 bytes, and writes no more positions than there are bytes before the end of a block, after
		// them at most spareOff that are rubbish.
		buf, off = buf[:n+63], off[:n+1+spareOff]
		count, spaces, double := assembly(&buf[0], n, &off[0])
		return count, spaces, double != 0
	}
}

//go:noescape
func separatorsAVX2(buf *byte, n int, off *uint32) (count, spaces int, adjacent uint64)

//go:noescape
func separatorsAVX512(buf *byte, n int, off *uint32) (count, spaces int, adjacent uint64)
