package sum

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/ledger/sum/sumtest"
	"github.com/sgtrim/sgtrim/ingest"
)

// dictionary is one of addresses that grows in place, as a reader's does.
type dictionary struct {
	values []byte
	codes  map[netip.Addr]int32
}

func (d *dictionary) begin() { d.values, d.codes = d.values[:0], map[netip.Addr]int32{} }

// batch is that of sumtest with this dictionary.
func (d *dictionary) batch(rows []sumtest.Record) arrow.Record {
	plain := sumtest.Batch(rows)
	var indexes [4][]int32
	for _, r := range rows {
		for i, a := range [...]netip.Addr{r.Src, r.Dst, r.PktSrc, r.PktDst} {
			code, ok := d.codes[a]
			if !ok && a.IsValid() {
				code = int32(len(d.codes))
				d.codes[a] = code
				b := a.As16()
				d.values = append(d.values, b[:]...)
			}
			indexes[i] = append(indexes[i], code)
		}
	}
	values := array.NewData(&arrow.FixedSizeBinaryType{ByteWidth: 16}, len(d.codes), []*memory.Buffer{nil, memory.NewBufferBytes(d.values)}, nil, 0, 0)
	columns := append([]arrow.Array{}, plain.Columns()...)
	for i := range indexes {
		c := ingest.ColSrcAddr + i
		old := plain.Column(c).Data()
		columns[c] = array.NewDictionaryData(array.NewDataWithDictionary(old.DataType(), len(rows),
			[]*memory.Buffer{old.Buffers()[0], memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(indexes[i]))}, old.NullN(), 0, values))
	}
	return array.NewRecord(ingest.Schema, columns, int64(len(rows)))
}

// A dictionary of addresses may be begun anew within an object, in the memory of the one before, and may be kept for the
// next object or not.
func TestDictionaryOfAddresses(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	var objects []sumtest.Object
	for n := range 6 {
		o := sumtest.Object{Object: ingest.Object{URL: string(rune('a' + n))}}
		for range 4000 {
			r := sumtest.Record{
				Interface: "eni-0", Src: netip.AddrFrom4([4]byte{10, 0, byte(rng.IntN(8)), byte(rng.IntN(256))}), Dst: netip.AddrFrom4([4]byte{10, 9, 9, 9}),
				SrcPort: 1024 + rng.IntN(60000), DstPort: 443, Proto: 6, Packets: 5, Bytes: 500, Start: worldDay * 86400, End: worldDay*86400 + 60, Action: analyze.Accept,
				Flags: 3, Direction: analyze.Ingress,
			}
			if rng.IntN(3) == 0 {
				r.PktSrc = netip.AddrFrom4([4]byte{10, 1, byte(rng.IntN(8)), byte(rng.IntN(256))})
			}
			o.Records = append(o.Records, r)
		}
		objects = append(objects, o)
	}
	wanted := open(t, t.TempDir(), 0)
	s := New(wanted)
	if err := sumtest.Add(s.Sink(0), 512, objects...); err != nil {
		t.Fatal(err)
	}
	checkpoint(t, s)
	l := open(t, t.TempDir(), 0)
	s = New(l)
	sink := s.Sink(0)
	d := dictionary{values: make([]byte, 0, 1<<20)}
	for n, o := range objects {
		if n%2 == 0 {
			d.begin()
		}
		if err := sink.Begin(o.Object); err != nil {
			t.Fatal(err)
		}
		for at := 0; at < len(o.Records); {
			if len(d.codes) > 600 && rng.IntN(2) == 0 {
				d.begin()
			}
			size := min(1+rng.IntN(300), len(o.Records)-at) // a dictionary begun anew is shorter
			if err := sink.Observe(d.batch(o.Records[at : at+size])); err != nil {
				t.Fatal(err)
			}
			at += size
		}
		if err := sink.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	checkpoint(t, s)
	if diff := cmp.Diff(evidence(t, wanted), evidence(t, l), compareAddrs); diff != "" {
		t.Errorf("-each batch a dictionary of its own +one begun anew:\n%.2000s", diff)
	}
}
