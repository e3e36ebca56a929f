package flowlog

import (
	"bytes"
	"encoding/binary"
	"math/bits"

	"github.com/sgtrim/sgtrim/ingest/inflate"
)

// slack is how many bytes a text buffer has past its text: words are loaded 8 bytes at a time, addresses 40.
const slack = inflate.Slack

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

// fieldAt returns where the field after separator at starts, and its length.
func fieldAt(off []uint32, at int) (start int, n uint) {
	s := off[at] + 1
	return int(s), uint(off[at+1] - s)
}

const (
	eachTop = 0x8080808080808080 // the top bit of each byte
	each21  = 0x2121212121212121
	gather  = 0x0102040810204080 // moves bit 8i to bit 56+i
)

// split finds the separators of buf[:n], which ends in a newline, and proves that it is rows of stride fields: all
// separators are spaces and newlines, no two adjacent, every stride-th and no other is a newline. It is false when that
// cannot be proved; then nothing is known. off is written over; it has room for n+1+spareOff.
func (l *lines) split(buf []byte, n, stride int, off []uint32) bool {
	count, spaces, adjacent := separators(buf, n, off)
	rows := count / stride
	if adjacent || count != rows*stride || count != rows+spaces {
		return false
	}
	l.buf, l.off, l.stride, l.rows = buf, off[:count+1], stride, rows
	for at := stride; at <= count; at += stride {
		if buf[off[at]] != '\n' {
			return false
		}
	}
	return true
}

// spareOff is how many entries separators may write over past the last one.
const spareOff = 16

// A separatorsFunc writes the positions of all bytes up to 0x20 in buf[:n] to off, after a first entry that stands before
// the text. It counts them, and how many are spaces, and reports whether two of them are adjacent, or the first byte is one.
// buf has 63 bytes after n, off has room for n+1+spareOff.
type separatorsFunc func(buf []byte, n int, off []uint32) (count, spaces int, adjacent bool)

// separators is the fastest there is for this processor. Only tests set it.
var separators = separatorsFuncs()[0]

// separatorsPlain marks the separators of 64 bytes in a word, so that a step costs as little for each byte as it can, and
// then takes out the bits.
func separatorsPlain(buf []byte, n int, off []uint32) (count, spaces int, adjacent bool) {
	off[0] = ^uint32(0) // the next field starts at 0
	count = 1
	before := uint64(1) // as if a separator stood before the text
	double := uint64(0)
	for at := 0; at < n; at += 64 {
		found := marks64((*[64]byte)(buf[at : at+64]))
		if at+64 > n {
			found &= 1<<(n-at) - 1
		}
		double |= found & (found<<1 | before)
		before = found >> 63
		// Stores without a branch between them; what is past the count is written over.
		next := count + bits.OnesCount64(found)
		for found != 0 {
			o := off[count : count+4]
			o[0] = uint32(at + bits.TrailingZeros64(found))
			found &= found - 1
			o[1] = uint32(at + bits.TrailingZeros64(found))
			found &= found - 1
			o[2] = uint32(at + bits.TrailingZeros64(found))
			found &= found - 1
			o[3] = uint32(at + bits.TrailingZeros64(found))
			found &= found - 1
			count += 4
		}
		count = next
	}
	return count - 1, bytes.Count(buf[:n], space), double != 0
}

// newline and space are separators of plain lines.
var newline, space = []byte{'\n'}, []byte{' '}

// marks64 has a bit for every byte of b up to 0x20, the first byte's lowest. It looks at 8 bytes at a time: with the top bit of
// a byte set, subtracting 0x21 clears that bit for bytes up to 0x20 and borrows nothing from its neighbour. A multiplication
// then gathers the eight top bits.
func marks64(b *[64]byte) uint64 {
	return marks8(b[0:8]) | marks8(b[8:16])<<8 | marks8(b[16:24])<<16 | marks8(b[24:32])<<24 |
		marks8(b[32:40])<<32 | marks8(b[40:48])<<40 | marks8(b[48:56])<<48 | marks8(b[56:64])<<56
}

func marks8(b []byte) uint64 {
	w := binary.LittleEndian.Uint64(b)
	found := ^((w | eachTop) - each21) &^ w & eachTop
	return found >> 7 * gather >> 56
}
