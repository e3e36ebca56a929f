package flowlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
)

// digits8 reads a number of n digits, 1 to 8, from the low bytes of a word. Any byte that is no digit makes bad non-zero.
func digits8(w uint64, n int) (v, bad uint64) {
	w ^= 0x3030303030303030
	w <<= 64 - 8*uint(n) // leading zeros for the digits that are not there
	bad = (w | (w + 0x0606060606060606)) & 0xF0F0F0F0F0F0F0F0
	w = w*10 + w>>8
	w = ((w&0x000000FF000000FF)*0x000F424000000064 + (w>>16&0x000000FF000000FF)*0x0000271000000001) >> 32
	return w, bad
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
	for r := range dst {
		s, e := l.field(r, field)
		v, bad := digits8(binary.LittleEndian.Uint64(l.buf[s:s+8]), e-s)
		if bad != 0 || e-s > 8 || v > most {
			if e-s != 1 || l.buf[s] != '-' {
				return nulls, false
			}
			v = 0
			nulls = append(nulls, uint32(r))
		}
		dst[r] = T(v)
	}
	return nulls, true
}

// countColumn is smallColumn for numbers up to 2⁶³−1.
func (l *lines) countColumn(field int, dst []int64, nulls []uint32) ([]uint32, bool) {
	for r := range dst {
		s, e := l.field(r, field)
		v, bad := digits8(binary.LittleEndian.Uint64(l.buf[s:s+8]), e-s)
		if bad != 0 || e-s > 8 {
			long, err := int64(0), error(nil)
			if e-s == 1 && l.buf[s] == '-' {
				nulls = append(nulls, uint32(r))
			} else if long, err = parseNumber(l.buf[s:e], math.MaxInt64); err != nil {
				return nulls, false
			}
			v = uint64(long)
		}
		dst[r] = int64(v)
	}
	return nulls, true
}

// timeColumn parses a column of times into unix seconds. Most have ten digits. It is false for "-" as well.
func (l *lines) timeColumn(field int, dst []int64) bool {
	for r := range dst {
		s, e := l.field(r, field)
		if e-s == 10 {
			b := l.buf[s : s+10]
			low, bad := digits8(binary.LittleEndian.Uint64(b[2:]), 8)
			d0, d1 := uint64(b[0]-'0'), uint64(b[1]-'0')
			if bad != 0 || d0 > 9 || d1 > 9 {
				return false
			}
			dst[r] = seconds(int64(d0*1_000_000_000 + d1*100_000_000 + low))
			continue
		}
		v, err := parseNumber(l.buf[s:e], maxTime)
		if err != nil {
			return false
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
