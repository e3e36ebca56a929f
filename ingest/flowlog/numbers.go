package flowlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
)

// digits8 reads a number of n digits, 1 to 8, from the low bytes of a word. Any byte that is no digit makes bad non-zero.
func digits8(w uint64, n uint) (v, bad uint64) {
	w ^= 0x3030303030303030
	w <<= (64 - 8*n) & 63 // leading zeros for the digits that are not there
	bad = (w | (w + 0x0606060606060606)) & 0xF0F0F0F0F0F0F0F0
	w = w*10 + w>>8
	w = ((w&0x000000FF000000FF)*0x000F424000000064 + (w>>16&0x000000FF000000FF)*0x0000271000000001) >> 32
	return w, bad
}

// digits4 reads a number of four digits.
func digits4(w uint32) (v, bad uint32) {
	w ^= 0x30303030
	bad = (w | (w + 0x06060606)) & 0xF0F0F0F0
	w = w*10 + w>>8
	return w&0xFF*100 + w>>16&0xFF, bad
}

var (
	errEmpty  = errors.New("empty")
	errDigits = errors.New("not a whole number of digits only")
)

// parseNumber reads a decimal number up to most.
func parseNumber(text []byte, most int64) (int64, error) {
	if len(text) == 0 {
		return 0, errEmpty
	}
	v := uint64(0)
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, fmt.Errorf("%s: %w", quote(text), errDigits)
		}
		if v > math.MaxInt64/10 {
			return 0, fmt.Errorf("%s: above %d", quote(text), most)
		}
		v = v*10 + uint64(c-'0')
	}
	if v > uint64(most) {
		return 0, fmt.Errorf("%s: above %d", quote(text), most)
	}
	return int64(v), nil
}

// quote makes a value fit for an error message.
func quote(text []byte) string {
	const most = 64
	if len(text) > most {
		return strconv.Quote(string(text[:most])) + "…"
	}
	return strconv.Quote(string(text))
}

// smallColumn parses a column of numbers up to most and appends the rows that are "-" to nulls. It is false when a value
// is no such number.
func smallColumn[T uint8 | uint16](l *lines, field int, most uint64, dst []T, nulls []uint32) ([]uint32, bool) {
	for r := 0; ; r++ {
		r += shortNumbers(l, r*l.stride+field, most, dst[r:])
		if r == len(dst) {
			return nulls, true
		}
		if s, e := l.field(r, field); e-s != 1 || l.buf[s] != '-' {
			return nulls, false
		}
		dst[r] = 0
		nulls = append(nulls, uint32(r))
	}
}

// countColumn is smallColumn for numbers up to 2⁶³−1.
func (l *lines) countColumn(field int, dst []int64, nulls []uint32) ([]uint32, bool) {
	for r := 0; ; r++ {
		r += shortNumbers(l, r*l.stride+field, math.MaxInt64, dst[r:])
		if r == len(dst) {
			return nulls, true
		}
		s, e := l.field(r, field)
		if e-s == 1 && l.buf[s] == '-' {
			dst[r] = 0
			nulls = append(nulls, uint32(r))
			continue
		}
		v, err := parseNumber(l.buf[s:e], math.MaxInt64)
		if err != nil {
			return nulls, false
		}
		dst[r] = v
	}
}

// shortNumbers parses the field after separator at, and those of the rows that follow, until one is no number up to most of
// at most 8 digits. It returns how many it parsed.
func shortNumbers[T uint8 | uint16 | int64](l *lines, at int, most uint64, dst []T) int {
	for done := 0; ; {
		done += fourNumbers(l, at+done*l.stride, most, dst[done:])
		next := dst[done : done+afterFours(len(dst)-done)]
		n := eachNumber(l, at+done*l.stride, most, next)
		done += n
		if n < len(next) || done == len(dst) {
			return done
		}
	}
}

// afterFours is how many of the rows left are to be parsed one by one, before four at a time are tried again: those of which
// one is out of the ordinary, or the last; or all.
func afterFours(left int) int {
	if wideNumbers {
		return min(4, left)
	}
	return left
}

// eachNumber is shortNumbers one by one. What handles values that end it is elsewhere, so
// that all it needs here fits into registers.
func eachNumber[T uint8 | uint16 | int64](l *lines, at int, most uint64, dst []T) int {
	buf, off, stride := l.buf, l.off, l.stride
	for r := range dst {
		s, n := fieldAt(off, at)
		at += stride
		v, bad := digits8(binary.LittleEndian.Uint64(buf[s:s+8]), n)
		if bad != 0 || n > 8 || v > most {
			return r
		}
		dst[r] = T(v)
	}
	return len(dst)
}

// timeColumn parses a column of times into unix seconds. Most have ten digits. It is false for "-" as well.
func (l *lines) timeColumn(field int, dst []int64) bool {
	for {
		n := fourTimes(l, field, dst)
		dst, field = dst[n:], field+n*l.stride
		n = afterFours(len(dst))
		if !l.eachTime(field, dst[:n]) {
			return false
		}
		if dst, field = dst[n:], field+n*l.stride; len(dst) == 0 {
			return true
		}
	}
}

// eachTime is timeColumn one by one. The first six digits are mostly those of the row before.
func (l *lines) eachTime(field int, dst []int64) bool {
	buf, off, at := l.buf, l.off, field
	lastSix, base := uint64(0), int64(0) // those six digits, and what they are worth
	for r := range dst {
		s, n := fieldAt(off, at)
		at += l.stride
		six := binary.LittleEndian.Uint64(buf[s:s+8]) << 16
		four, bad := digits4(binary.LittleEndian.Uint32(buf[s+6 : s+10]))
		if n == 10 && six == lastSix && bad == 0 {
			dst[r] = base + int64(four)
			continue
		}
		v, err := parseNumber(buf[s:s+int(n)], maxTime)
		if err != nil {
			return false
		}
		if n == 10 && v < math.MaxInt32-10_000 { // no milliseconds, whatever the last four digits
			lastSix, base = six, v-v%10_000
		}
		dst[r] = seconds(v)
	}
	return true
}

// maxTime is the last time there is, in milliseconds: the largest second of 32 bits.
const maxTime = math.MaxInt32*1000 + 999

// seconds reads a time that some writers give in milliseconds (aws-facts §1.2).
func seconds(v int64) int64 {
	if v > math.MaxInt32 {
		return v / 1000
	}
	return v
}
