package flowlog

import (
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// packRun writes values as one bit-packed run, the slow way; the last group may be cut off.
func packRun(vals []uint32, width int, cut bool) []byte {
	groups := (len(vals) + 7) / 8
	b := binary.AppendUvarint(nil, uint64(groups)<<1|1)
	bits := make([]byte, groups*width)
	for i, v := range vals {
		for j := range width {
			if v>>j&1 != 0 {
				bits[(i*width+j)/8] |= 1 << ((i*width + j) % 8)
			}
		}
	}
	if cut {
		bits = bits[:(len(vals)*width+7)/8]
	}
	return append(b, bits...)
}

func repeatRun(v uint32, n, width int) []byte {
	b := binary.AppendUvarint(nil, uint64(n)<<1)
	for i := range (width + 7) / 8 {
		b = append(b, byte(v>>(8*i)))
	}
	return b
}

func TestDecodeIndexes(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	for range 2000 {
		width := r.IntN(33)
		b := []byte{byte(width)}
		var want []uint32
		for run, runs := 0, 1+r.IntN(4); run < runs; run++ {
			last := run == runs-1
			n := 8 * (1 + r.IntN(20))
			vals := make([]uint32, n)
			for i := range vals {
				vals[i] = uint32(r.Uint64() & (1<<width - 1))
			}
			if r.IntN(2) == 0 {
				for i := range vals {
					vals[i] = vals[0]
				}
				b = append(b, repeatRun(vals[0], n, width)...)
			} else {
				if last {
					vals = vals[:n-r.IntN(8)]
				}
				b = append(b, packRun(vals, width, last)...)
			}
			want = append(want, vals...)
		}
		got := make([]uint32, len(want))
		if err := decodeIndexes(got, b); err != nil {
			t.Fatalf("seed %d, width %d: %v", seed, width, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("seed %d, width %d: -want +got\n%s", seed, width, d)
		}
		if width > 0 {
			if err := decodeIndexes(append(got, make([]uint32, 9)...), b); !errors.Is(err, errPage) {
				t.Fatalf("seed %d: more values than there are: %v", seed, err)
			}
		}
		if width != 1 {
			continue
		}
		var nulls []uint32
		for i, v := range want {
			if v == 0 {
				nulls = append(nulls, uint32(i))
			}
		}
		gotNulls, err := decodeNulls(nil, len(want), b[1:])
		if d := cmp.Diff(nulls, gotNulls); d != "" || err != nil {
			t.Fatalf("seed %d: nulls, error %v: -want +got\n%s", seed, err, d)
		}
	}
}

// An index beyond the dictionary, or one without a dictionary, is an error, wherever in the page it stands.
func TestIndexBeyondDictionary(t *testing.T) {
	for name, c := range map[string]struct {
		dict    int
		indexes []uint32
	}{
		"beyond":        {3, []uint32{0, 1, 2, 3}},
		"far beyond":    {3, []uint32{math.MaxUint32, 0, 1, 2}},
		"no dictionary": {-1, []uint32{0}},
	} {
		ports := newCursor(ColSrcPort, make([]uint16, maxRows), wholeNumber[uint16](math.MaxUint16))
		ports.table.resize(3)
		ports.from.dict = c.dict
		ports.page = page{rows: len(c.indexes), indexes: c.indexes}
		if err := ports.fill(nil, len(c.indexes)); !errors.Is(err, errPage) {
			t.Errorf("%s: ports: got %v", name, err)
		}
		var a addresses
		a.init()
		addrs := newAddressCursor(ColSrcAddr, make([]int32, maxRows), &a)
		addrs.table.resize(3)
		addrs.from.dict = c.dict
		addrs.page = page{rows: len(c.indexes), indexes: c.indexes}
		if err := addrs.fill(nil, len(c.indexes)); !errors.Is(err, errPage) {
			t.Errorf("%s: addresses: got %v", name, err)
		}
	}
}

// Sizes that lie are refused before room is made for them.
func TestDeltasLie(t *testing.T) {
	head := func(v ...uint64) (b []byte) {
		for _, x := range v {
			b = binary.AppendUvarint(b, x)
		}
		return b
	}
	for name, b := range map[string][]byte{
		"nothing":            nil,
		"another count":      head(128, 4, 1<<40, 0),
		"no miniblocks":      head(128, 0, 5, 0),
		"crooked miniblocks": head(100, 3, 5, 0),
		"huge block":         head(1<<40, 4, 5, 0),
		"empty block":        head(0, 4, 5, 0, 0, 0, 0, 0, 0),
		"widths beyond":      head(128, 4, 5, 0, 0, 65, 0, 0, 0),
		"cut off":            head(128, 4, 5, 0, 0, 8, 0, 0, 0, 1, 2),
	} {
		if _, _, err := deltas(nil, 5, b); !errors.Is(err, errPage) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
