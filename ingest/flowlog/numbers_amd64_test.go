//go:build !purego

package flowlog

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func needWide(t *testing.T) {
	t.Helper()
	if !wideNumbers {
		t.Skip("this processor has no AVX2")
	}
}

// table makes lines of some fields each.
func table(t *testing.T, rows [][]string) *lines {
	t.Helper()
	var b strings.Builder
	for _, fields := range rows {
		b.WriteString(strings.Join(fields, " ") + "\n")
	}
	var l lines
	if !l.split(append([]byte(b.String()), make([]byte, slack)...), b.Len(), len(rows[0]), make([]uint32, b.Len()+1+spareOff)) {
		t.Fatalf("not plain: %q", b.String())
	}
	return &l
}

// wantFour is how many rows four at a time can be: all of them before the four with the first that one at a time refuses.
func wantFour(rows int, each func(r int) bool) int {
	for r := range rows {
		if !each(r) {
			return r / 4 * 4
		}
	}
	return rows / 4 * 4
}

// checkFour takes the first rows of l.
func checkFour[T uint8 | uint16 | int64](t *testing.T, l *lines, rows, field int, most uint64) {
	t.Helper()
	rubbish := make([]T, l.rows)
	for i := range rubbish {
		rubbish[i] = T(i) * 37
	}
	got, want := slices.Clone(rubbish), slices.Clone(rubbish)
	n := fourNumbers(l, field, most, got[:rows])
	all := wantFour(rows, func(r int) bool {
		return eachNumber(l, r*l.stride+field, most, want[r:r+1]) == 1
	})
	if n != all {
		t.Fatalf("%T up to %d: took %d rows of %q, want %d", rubbish[0], most, n, l.buf, all)
	}
	if !slices.Equal(got[:n], want[:n]) || !slices.Equal(got[n:], rubbish[n:]) {
		t.Fatalf("%T up to %d: %q: got %d, want %d", rubbish[0], most, l.buf, got, want[:n])
	}
}

func checkFourTimes(t *testing.T, l *lines, rows, field int) {
	t.Helper()
	got, want := slices.Repeat([]int64{-7}, l.rows), make([]int64, l.rows)
	n := fourTimes(l, field, got[:rows])
	all := wantFour(rows, func(r int) bool {
		s, e := l.field(r, field)
		v, err := parseNumber(l.buf[s:e], math.MaxInt32)
		want[r] = v
		return err == nil && e-s == 10
	})
	if n != all {
		t.Fatalf("times: took %d rows of %q, want %d", n, l.buf, all)
	}
	if !slices.Equal(got[:n], want[:n]) || slices.ContainsFunc(got[n:], func(v int64) bool { return v != -7 }) {
		t.Fatalf("times: %q: got %d, want %d", l.buf, got, want[:n])
	}
}

func checkAllFours(t *testing.T, l *lines, field int) {
	t.Helper()
	for rows := max(0, l.rows-5); rows <= l.rows; rows++ {
		checkFour[uint8](t, l, rows, field, math.MaxUint8)
		checkFour[uint16](t, l, rows, field, math.MaxUint16)
		checkFour[int64](t, l, rows, field, math.MaxInt64)
		checkFourTimes(t, l, rows, field)
	}
}

// Four rows at a time are what one at a time are.
func TestFourNumbers(t *testing.T) {
	needWide(t)
	rng := rand.New(rand.NewPCG(7, 8))
	makers := []func() string{
		func() string { return fmt.Sprint(rng.IntN(256)) },
		func() string { return fmt.Sprint(250 + rng.IntN(10)) },
		func() string { return fmt.Sprint(rng.IntN(65536)) },
		func() string { return fmt.Sprint(65530 + rng.IntN(10)) },
		func() string { return fmt.Sprint(rng.Int64() >> rng.IntN(63)) },
		func() string { return fmt.Sprintf("%0*d", 1+rng.IntN(11), rng.IntN(300)) },
		func() string { return fmt.Sprint(1_767_270_000 + rng.IntN(1000)) },
		func() string { return fmt.Sprint(2_147_483_640 + rng.IntN(20)) },
		func() string { return fmt.Sprintf("%010d", rng.IntN(1000)) },
		func() string { return []string{"-", "1x", ":", "/", "eni-1", "17672705x9", "\xff"}[rng.IntN(7)] },
	}
	for range 20_000 {
		rows, stride, odd := make([][]string, 1+rng.IntN(13)), 1+rng.IntN(4), rng.IntN(12)
		usual := makers[rng.IntN(len(makers)-1)]
		for r := range rows {
			for range stride {
				value := usual()
				if odd > 0 && rng.IntN(8) > odd {
					value = makers[rng.IntN(len(makers))]()
				}
				rows[r] = append(rows[r], value)
			}
		}
		checkAllFours(t, table(t, rows), rng.IntN(stride))
	}
}

// Every byte that is no digit is found, wherever it stands, and every length.
func TestFourNumbersFindAll(t *testing.T) {
	needWide(t)
	for digits := 1; digits <= 20; digits++ {
		for row := range 4 {
			values := slices.Repeat([]string{"1234567890"}, 4)
			values[row] = strings.Repeat("2", digits)
			checkAllFours(t, columnText(t, values), 0)
			values = slices.Repeat([]string{"7"}, 4)
			values[row] = strings.Repeat("0", digits)
			checkAllFours(t, columnText(t, values), 0)
		}
	}
	l := columnText(t, []string{"1", "1", "1", "1"})
	l.off[4] = l.off[3] + 1 // as if the last field were empty
	checkAllFours(t, l, 0)
	for _, good := range []string{"1", "12", "123", "12345678", "1767270579"} {
		for c := 0x21; c < 256; c++ {
			for at := range 4 * len(good) {
				values := slices.Repeat([]string{good}, 4)
				row := []byte(good)
				row[at%len(good)] = byte(c)
				values[at/len(good)] = string(row)
				checkAllFours(t, columnText(t, values), 0)
			}
		}
	}
}

// Positions that are not there stop it before anything is written.
func TestFourNumbersNeedPositions(t *testing.T) {
	needWide(t)
	l := columnText(t, []string{"1234567890", "1234567890", "1234567890", "1234567890"})
	l.off = l.off[:4]
	for name, parse := range map[string]func(dst []int64){
		"numbers": func(dst []int64) { fourNumbers(l, 0, math.MaxInt64, dst) },
		"times":   func(dst []int64) { fourTimes(l, 0, dst) },
	} {
		dst := make([]int64, 4)
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: did not stop", name)
				}
			}()
			parse(dst)
		}()
		if dst[0] != 0 {
			t.Errorf("%s: wrote", name)
		}
	}
}

func FuzzFourNumbers(f *testing.F) {
	f.Add("1 22\n333 4444\n55555 666666\n7777777 88888888\n", uint8(2), uint8(0))
	f.Add("1767270579\n1767270580\n1767270581\n2147483648\n", uint8(1), uint8(0))
	f.Add("- 1 x\n2 - 3\n65535 256 255\n65536 - 999999999\n", uint8(3), uint8(1))
	f.Fuzz(func(t *testing.T, text string, stride, field uint8) {
		needWide(t)
		var l lines
		buf := append([]byte(text), make([]byte, slack)...)
		if stride == 0 || len(text) == 0 || !l.split(buf, len(text), int(stride), make([]uint32, len(text)+1+spareOff)) || l.rows == 0 {
			return
		}
		checkAllFours(t, &l, int(field%stride))
	})
}
