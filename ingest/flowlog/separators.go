package flowlog

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// slack is how many bytes a text buffer has past its text: words are loaded 8 bytes at a time, addresses 40.
const slack = 64

// lines is a piece of text whose every line has the same number of fields, one space apart: where each field stands is
// then a matter of two loads.
type lines struct {
	buf    []byte   // whole lines, and slack
	off    []uint32 // positions of the separators, after a first one that stands before the text
	stride int      // fields of a line
	rows   int
}

// field returns where field f of row r starts and ends.
func (l *lines) field(r, f int) (start, end int) {
	o := l.off[r*l.stride+f:]
	_ = o[1]
	return int(o[0] + 1), int(o[1])
}

const (
	eachTop = 0x8080808080808080 // the top bit of each byte
	each21  = 0x2121212121212121
)

// split finds the separators of buf[:n], which ends in a newline, and proves that it is rows of stride fields: all
// separators are spaces and newlines, no two adjacent, every stride-th and no other is a newline. It is false when that
// cannot be proved; then nothing is known. off is written over; it has room for n+1+8.
func (l *lines) split(buf []byte, n, stride int, off []uint32) bool {
	newlines := bytes.Count(buf[:n], newline)
	count, adjacent := separators(buf, n, off)
	if adjacent || count != newlines*stride || count != newlines+bytes.Count(buf[:n], space) {
		return false
	}
	l.buf, l.off, l.stride, l.rows = buf, off[:count+1], stride, newlines
	for at := stride; at <= count; at += stride {
		if buf[off[at]] != '\n' {
			return false
		}
	}
	return true
}

var newline, space = []byte{'\n'}, []byte{' '}

// separators writes the positions of all bytes up to 0x20 in buf[:n] to off, after a first entry that stands before the
// text, and reports whether two of them are adjacent, or the first byte is one. It looks at 8 bytes at a time: with the
// top bit of a byte set, subtracting 0x21 clears that bit for bytes up to 0x20 and borrows nothing from its neighbour.
func separators(buf []byte, n int, off []uint32) (count int, adjacent bool) {
	off[0] = ^uint32(0) // the next field starts at 0
	count = 1
	before := uint64(eachTop) // as if a separator stood before the text
	double := uint64(0)
	for at := 0; at < n; at += 8 {
		w := binary.LittleEndian.Uint64(buf[at : at+8])
		found := ^((w | eachTop) - each21) &^ w & eachTop
		if at+8 > n {
			found &= keyMask[n-at]
		}
		double |= found & (found<<8 | before>>56)
		before = found
		// Three stores without a branch cover nearly every word; what is past the count is written over.
		o := off[count : count+8]
		next := found
		o[0] = uint32(at + bits.TrailingZeros64(next)>>3)
		next &= next - 1
		o[1] = uint32(at + bits.TrailingZeros64(next)>>3)
		next &= next - 1
		o[2] = uint32(at + bits.TrailingZeros64(next)>>3)
		next &= next - 1
		for i := 3; next != 0; i++ {
			o[i&7] = uint32(at + bits.TrailingZeros64(next)>>3)
			next &= next - 1
		}
		count += bits.OnesCount64(found)
	}
	return count - 1, double != 0
}
