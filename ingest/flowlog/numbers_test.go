package flowlog

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// columnText makes lines of one field each.
func columnText(t *testing.T, values []string) *lines {
	t.Helper()
	text := strings.Join(values, "\n") + "\n"
	var l lines
	if !l.split(append([]byte(text), make([]byte, slack)...), len(text), 1, make([]uint32, len(text)+1+spareOff)) {
		t.Fatalf("not plain: %q", text)
	}
	return &l
}

// A time is what it is alone, whatever came before.
func TestTimeColumn(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	firsts := []int64{1_767_270_000, 1_767_279_900, 2_147_480_000, 2_147_473_000, 1_999_999_990, 9_999_999_000, 1_767_270_579_000, 17_672_700_000, 0, 99_999_990, 999_999_990}
	var values []string
	for range 5000 {
		values = append(values, fmt.Sprint(firsts[r.IntN(len(firsts))]+r.Int64N(200)))
		if r.IntN(5) == 0 {
			values = append(values, values[len(values)-1], "0"+values[len(values)-1])
		}
	}
	got := make([]int64, len(values))
	if !columnText(t, values).timeColumn(0, got) {
		t.Fatal("refused")
	}
	for i, text := range values {
		if v, err := parseNumber([]byte(text), maxTime); err != nil || got[i] != seconds(v) {
			t.Fatalf("row %d, %s after %s: got %d, want %d %v", i, text, values[max(i-1, 0)], got[i], seconds(v), err)
		}
	}
	const good = "1767270579"
	bad := []string{"-", "99999999999999"}
	for i := range good {
		for _, c := range "x:/-" {
			bad = append(bad, good[:i]+string(c)+good[i+1:])
		}
	}
	for _, text := range bad {
		if columnText(t, []string{good, text}).timeColumn(0, got[:2]) {
			t.Errorf("%s passed for a time", text)
		}
	}
}

// Numbers are those that a byte after the other gives, and "-" stands anywhere, also at the end.
func TestNumberColumns(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 300 {
		var small, count []string
		for range 1 + r.IntN(20) {
			small = append(small, []string{"-", fmt.Sprint(r.IntN(65536)), fmt.Sprintf("%0*d", r.IntN(9), r.IntN(300))}[r.IntN(3)])
			count = append(count, []string{"-", fmt.Sprint(r.Int64()), fmt.Sprint(r.Int64() >> r.IntN(63))}[r.IntN(3)])
		}
		check := func(values []string, at func(int) int64, nulls []uint32, ok bool) {
			t.Helper()
			if !ok {
				t.Fatalf("%q: refused", values)
			}
			for i, text := range values {
				v, err := parseNumber([]byte(text), math.MaxInt64)
				if err != nil {
					if len(nulls) == 0 || nulls[0] != uint32(i) {
						t.Fatalf("%q: row %d is not null", values, i)
					}
					nulls = nulls[1:]
				}
				if at(i) != v {
					t.Fatalf("%q: got %d in row %d", values, at(i), i)
				}
			}
			if len(nulls) > 0 {
				t.Fatalf("%q: too many nulls: %v", values, nulls)
			}
		}
		ports, counts := make([]uint16, len(small)), make([]int64, len(count))
		nulls, ok := smallColumn(columnText(t, small), 0, 65535, ports, nil)
		check(small, func(i int) int64 { return int64(ports[i]) }, nulls, ok)
		nulls, ok = columnText(t, count).countColumn(0, counts, nil)
		check(count, func(i int) int64 { return counts[i] }, nulls, ok)
	}
	for _, bad := range []string{"65536", "100000000", "--", "1x", "4294967296", ":", "/", "1234567890123456789"} {
		if _, ok := smallColumn(columnText(t, []string{"1", bad}), 0, 65535, make([]uint16, 2), nil); ok {
			t.Errorf("%s passed for a port", bad)
		}
	}
	for _, bad := range []string{"9223372036854775808", "12345678x", "--", "1-"} {
		if _, ok := columnText(t, []string{"1", bad}).countColumn(0, make([]int64, 2), nil); ok {
			t.Errorf("%s passed for a count", bad)
		}
	}
}
