//go:build !purego

package flowlog

import (
	"math"
	"unsafe"

	"golang.org/x/sys/cpu"
)

// wideNumbers is whether four rows can be parsed at a time: whether the processor has the instructions for it. Only tests set it.
var wideNumbers = cpu.X86.HasAVX2

// inFours reports whether the fields after separator at of so many rows can be parsed four at a time. It stops where positions
// are not there, so that the assembly need not look.
func (l *lines) inFours(at, rows int) bool {
	if !wideNumbers || rows < 4 {
		return false
	}
	_ = l.off[at+(rows-1)*l.stride+1]
	return true
}

// fourNumbers is shortNumbers for four rows at a time: it stops before four of which one is out of the ordinary, and before the
// last rows if they are less. The positions of l are those of its own text, so what is read lies in it and its slack.
func fourNumbers[T uint8 | uint16 | int64](l *lines, at int, most uint64, dst []T) int {
	if !l.inFours(at, len(dst)) {
		return 0
	}
	return numbersAVX2(&l.buf[0], &l.off[at], l.stride, len(dst), unsafe.Pointer(&dst[0]), int(unsafe.Sizeof(dst[0])), int64(most))
}

// fourTimes parses times of ten digits as fourNumbers does numbers. Above 2³¹−1 they are no seconds.
func fourTimes(l *lines, at int, dst []int64) int {
	if !l.inFours(at, len(dst)) {
		return 0
	}
	return timesAVX2(&l.buf[0], &l.off[at], l.stride, len(dst), &dst[0], math.MaxInt32)
}

//go:noescape
func numbersAVX2(buf *byte, off *uint32, stride, rows int, dst unsafe.Pointer, size int, most int64) (n int)

//go:noescape
func timesAVX2(buf *byte, off *uint32, stride, rows int, dst *int64, most int64) (n int)
