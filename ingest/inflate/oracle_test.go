package inflate

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math/bits"
	"testing"
	"testing/iotest"
)

// verdict is how a stream ended, in words common to this package and to compress/gzip.
func verdict(err error) string {
	var data flate.CorruptInputError
	switch {
	case err == io.EOF:
		return "sound"
	case err == io.ErrUnexpectedEOF:
		return "truncated"
	case err == gzip.ErrHeader, errors.Is(err, ErrHeader):
		return "bad header"
	case err == gzip.ErrChecksum, errors.Is(err, ErrChecksum):
		return "bad checksum"
	case errors.As(err, &data), errors.Is(err, ErrData):
		return "bad data"
	}
	return err.Error()
}

// oracle is what compress/gzip makes of src: all bytes that it gives out, and its verdict.
func oracle(src io.Reader) ([]byte, string) {
	z, err := gzip.NewReader(src)
	if err != nil {
		return nil, verdict(err)
	}
	return drain(z.Read)
}

func drain(read func([]byte) (int, error)) (all []byte, end string) {
	buf := make([]byte, 10_000)
	for {
		n, err := read(buf)
		all = append(all, buf[:n]...)
		if err != nil {
			return all, verdict(err)
		}
	}
}

// decode is what r makes of src, taken by Next.
func decode(r *Reader, src io.Reader) (all []byte, end string) {
	r.Reset(src)
	for {
		p, err := r.Next()
		if err != nil {
			if len(p) > 0 {
				return all, "a piece beside an error"
			}
			return all, verdict(err)
		}
		if len(p) == 0 || len(p) > windowSize {
			return all, "a piece of a wrong size"
		}
		all = append(all, p...)
	}
}

// agree fails unless r and compress/gzip make the same of file. Small files are also read byte by byte.
func agree(tb testing.TB, r *Reader, file []byte) {
	tb.Helper()
	want, wantEnd := oracle(bytes.NewReader(file))
	check := func(how string, got []byte, gotEnd string) {
		tb.Helper()
		if gotEnd != wantEnd || !bytes.Equal(got, want) {
			at := 0
			for at < min(len(got), len(want)) && got[at] == want[at] {
				at++
			}
			head := file[:min(len(file), 200)]
			tb.Fatalf("%s: got %d bytes, %s; want %d bytes, %s; equal up to %d; file of %d bytes: %x", how, len(got), gotEnd,
				len(want), wantEnd, at, len(file), head)
		}
	}
	got, gotEnd := decode(r, bytes.NewReader(file))
	check("Next", got, gotEnd)
	if len(file) > 4096 {
		return
	}
	got, gotEnd = decode(r, iotest.OneByteReader(bytes.NewReader(file)))
	check("Next, source byte by byte", got, gotEnd)
	r.Reset(iotest.DataErrReader(bytes.NewReader(file)))
	got, gotEnd = drain(r.Read)
	check("Read, source ends with its data", got, gotEnd)
}

// bitWriter makes files that no compressor makes.
type bitWriter struct {
	out  []byte
	held uint64
	n    uint
}

// bits writes the low n bits of v, the lowest first.
func (w *bitWriter) bits(v uint64, n uint) {
	w.held |= v << w.n
	for w.n += n; w.n >= 8; w.n -= 8 {
		w.out = append(w.out, byte(w.held))
		w.held >>= 8
	}
}

// align fills up the byte.
func (w *bitWriter) align() {
	if w.n > 0 {
		w.bits(0, 8-w.n)
	}
}

func (w *bitWriter) header() {
	w.out = append(w.out, 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255)
}

// trailer ends a member that holds text.
func (w *bitWriter) trailer(text []byte) {
	w.align()
	w.out = binary.LittleEndian.AppendUint32(w.out, crc32.ChecksumIEEE(text))
	w.out = binary.LittleEndian.AppendUint32(w.out, uint32(len(text)))
}

// finish ends a member whose text compress/gzip tells.
func (w *bitWriter) finish() {
	w.align()
	text, _ := oracle(bytes.NewReader(w.out))
	w.trailer(text)
}

func (w *bitWriter) stored(p []byte, final bool) {
	for first := true; first || len(p) > 0; first = false {
		n := min(len(p), 65535)
		w.blockStart(final && n == len(p), 0)
		w.align()
		w.bits(uint64(n), 16)
		w.bits(uint64(uint16(^n)), 16)
		w.out = append(w.out, p[:n]...)
		p = p[n:]
	}
}

func (w *bitWriter) blockStart(final bool, kind uint64) {
	if final {
		kind = kind<<1 | 1
	} else {
		kind <<= 1
	}
	w.bits(kind, 3)
}

// code is a prefix code by the lengths of its symbols' codes.
type code struct {
	lens  []int
	codes []uint64 // reversed
}

func newCode(lens []int) code {
	c := code{lens, make([]uint64, len(lens))}
	next := 0
	for n := 1; n <= 15; n++ {
		next <<= 1
		for s := range lens {
			if lens[s] == n {
				c.codes[s] = uint64(bits.Reverse16(uint16(next)) >> (16 - n))
				next++
			}
		}
	}
	return c
}

func (w *bitWriter) symbol(c code, s int) { w.bits(c.codes[s], uint(c.lens[s])) }

// match writes a match with the codes given.
func (w *bitWriter) match(lit, dist code, length, distance int) {
	s := 257
	base, extra := 3, 0
	for base+1<<extra <= length && s < 285 {
		base += 1 << extra
		s++
		extra = max((s-257)/4, 1) - 1
	}
	if length == 258 {
		s, base, extra = 285, 258, 0
	}
	w.symbol(lit, s)
	w.bits(uint64(length-base), uint(extra))
	s, base, extra = 0, 1, 0
	for base+1<<extra <= distance {
		base += 1 << extra
		s++
		extra = max(s/2, 1) - 1
	}
	w.symbol(dist, s)
	w.bits(uint64(distance-base), uint(extra))
}

// dynamicHeader begins a block with the codes given by their lengths, without repeats.
func (w *bitWriter) dynamicHeader(final bool, lit, dist []int) {
	w.blockStart(final, 2)
	w.bits(uint64(len(lit)-257), 5)
	w.bits(uint64(len(dist)-1), 5)
	w.bits(19-4, 4)
	lens := make([]int, 19)
	for s := range lens {
		lens[s] = 4
		if s >= 13 {
			lens[s] = 5
		}
	}
	for _, s := range lenOrder {
		w.bits(uint64(lens[s]), 3)
	}
	c := newCode(lens)
	for _, n := range lit {
		w.symbol(c, n)
	}
	for _, n := range dist {
		w.symbol(c, n)
	}
}

// fixedCodes are those of RFC 1951, 3.2.6.
func fixedCodes() (lit, dist code) {
	l, d := make([]int, 288), make([]int, 32)
	for s := range l {
		l[s] = 8
		if s >= 144 && s < 256 {
			l[s] = 9
		}
		if s >= 256 && s < 280 {
			l[s] = 7
		}
	}
	for s := range d {
		d[s] = 5
	}
	return newCode(l), newCode(d)
}
