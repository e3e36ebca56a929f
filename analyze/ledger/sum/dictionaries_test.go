package sum

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
)

func stringsOver(offsets []int32, bytes []byte) *array.String {
	data := array.NewData(arrow.BinaryTypes.String, len(offsets)-1, []*memory.Buffer{nil, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(offsets)), memory.NewBufferBytes(bytes)}, nil, 0, 0)
	return array.NewStringData(data)
}

// texts is a dictionary that grows in place and is begun anew in the same memory, as a reader's.
type texts struct {
	offsets []int32
	bytes   []byte
}

func (t *texts) begin() { t.offsets, t.bytes = append(t.offsets[:0], 0), t.bytes[:0] }

func (t *texts) add(s string) {
	t.bytes = append(t.bytes, s...)
	t.offsets = append(t.offsets, int32(len(t.bytes)))
}

func (t *texts) array() *array.String { return stringsOver(t.offsets, t.bytes) }

// An index of the dictionaries of interfaces means what the batch says: though they grow, are kept for the next object or begun anew
// in the same memory, longer or shorter than before, or share their bytes and are cut elsewhere.
func TestDictionariesOfInterfaces(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 7))
	s := &Sum{}
	s.names.codes = map[string]uint32{}
	w := newWorker(s)
	names, accounts, none := new(texts), new(texts), new(texts)
	for _, t := range []*texts{names, accounts, none} {
		*t = texts{make([]int32, 0, 100), make([]byte, 0, 1000)}
		t.begin()
	}
	check := func() {
		t.Helper()
		c := &w.cols
		for d := range c.interfaces.Len() {
			if rng.IntN(3) == 0 {
				continue // met later, or never
			}
			want := c.interfaces.Value(d)
			switch n := w.ifaceOf(int32(d)); {
			case n < 0 && want != "" && want != "-":
				t.Fatalf("index %d means %q, and has no interface", d, want)
			case n >= 0 && s.names.text(w.names[n]) != want:
				t.Fatalf("index %d means %q, and is %q", d, want, s.names.text(w.names[n]))
			}
		}
	}
	for range 3000 {
		if err := w.reset(); err != nil {
			t.Fatal(err)
		}
		if rng.IntN(3) == 0 || len(names.offsets) > 80 {
			names.begin()
			accounts.begin()
			none.begin()
		}
		for range 1 + rng.IntN(3) { // batches
			for range rng.IntN(6) {
				names.add([]string{"", "-", fmt.Sprintf("eni-%d", rng.IntN(9))}[min(rng.IntN(8), 2)])
				accounts.add(fmt.Sprint(rng.IntN(2)))
				none.add("")
			}
			w.cols.interfaces, w.cols.accounts = names.array(), accounts.array()
			w.cols.vpcs, w.cols.subnets = none.array(), none.array()
			w.bindDictionary()
			check()
		}
	}
	b := []byte("eni-aeni-beni-c")
	empty := stringsOver(make([]int32, 4), nil)
	cuts := [][]int32{{0, 0, 5, 10}, {0, 5, 10, 15}, {0, 3, 3, 7}}
	for range 20 {
		offsets := cuts[rng.IntN(len(cuts))]
		w.cols.interfaces = stringsOver(offsets, b)
		w.cols.accounts, w.cols.vpcs, w.cols.subnets = empty, empty, empty
		w.bindDictionary()
		check()
	}
}
