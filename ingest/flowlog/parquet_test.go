package flowlog_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/encoding"

	"github.com/sgtrim/sgtrim/ingest/flowlog"
)

// table is a flow log as a table of texts: "-" is absent.
type table struct {
	names []string
	rows  [][]string
}

func (w writer) table(rows int) table {
	t := table{names: w.format()}
	sort.Strings(t.names)
	for range rows {
		t.rows = append(t.rows, strings.Fields(w.line(t.names)))
	}
	return t
}

// how says how a Parquet file is written.
type how struct {
	codec      compress.Codec
	pageRows   int // values of a page, about
	groupRows  int64
	version    int
	everything bool // as texts, as pandas may
}

var numbers = map[string]bool{"version": true, "srcport": true, "dstport": true, "protocol": true, "packets": true, "bytes": true,
	"start": true, "end": true, "tcp-flags": true}

// parquet writes the table, each column in a random type and encoding. A value that does not fit the column's type is
// made absent in the table as well.
func (w writer) parquet(t testing.TB, tab *table, h how) []byte {
	t.Helper()
	group := parquet.Group{}
	kinds := make([]string, len(tab.names))
	for i, name := range tab.names {
		kinds[i] = "text"
		if numbers[name] && !h.everything {
			kinds[i] = w.pick("int32", "int64", "int64", "text", "double")
			if name == "packets" || name == "bytes" || name == "start" || name == "end" {
				kinds[i] = w.pick("int64", "int64", "text")
			}
		}
		group[strings.ReplaceAll(name, "-", "_")] = parquet.Compressed(parquet.Optional(w.node(kinds[i])), h.codec)
	}
	schema := parquet.NewSchema("flow", group)
	var b bytes.Buffer
	out := parquet.NewWriter(&b, schema, parquet.DataPageVersion(h.version), parquet.PageBufferSize(h.pageRows*8), parquet.MaxRowsPerRowGroup(h.groupRows))
	for _, values := range tab.rows {
		row := make(parquet.Row, len(values))
		for i, v := range values {
			cell, ok := w.cell(kinds[i], v)
			if !ok {
				values[i], cell = "-", parquet.NullValue()
			}
			level := 1
			if cell.IsNull() {
				level = 0
			}
			row[i] = cell.Level(0, level, i)
		}
		if _, err := out.WriteRows([]parquet.Row{row}); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func (w writer) node(kind string) parquet.Node {
	encoded := func(n parquet.Node, choices ...encoding.Encoding) parquet.Node {
		return parquet.Encoded(n, choices[w.IntN(len(choices))])
	}
	switch kind {
	case "int32":
		return encoded(parquet.Int(32), &parquet.Plain, &parquet.RLEDictionary, &parquet.DeltaBinaryPacked)
	case "int64":
		return encoded(parquet.Int(64), &parquet.Plain, &parquet.RLEDictionary, &parquet.DeltaBinaryPacked)
	case "double":
		return encoded(parquet.Leaf(parquet.DoubleType), &parquet.Plain, &parquet.RLEDictionary)
	}
	return encoded(parquet.String(), &parquet.Plain, &parquet.RLEDictionary, &parquet.RLEDictionary, &parquet.DeltaLengthByteArray, &parquet.DeltaByteArray)
}

func (w writer) cell(kind, v string) (parquet.Value, bool) {
	switch kind {
	case "int32", "double":
		n, err := strconv.ParseInt(v, 10, 32)
		same := err == nil && strconv.FormatInt(n, 10) == v
		if kind == "double" {
			if v == "-" && w.IntN(2) == 0 {
				return parquet.DoubleValue(math.NaN()), true
			}
			return parquet.DoubleValue(float64(n)), same && n >= 0
		}
		return parquet.Int32Value(int32(n)), same
	case "int64":
		n, err := strconv.ParseInt(v, 10, 64)
		return parquet.Int64Value(n), err == nil && strconv.FormatInt(n, 10) == v
	}
	if v == "-" {
		v = w.pick("-", "", "None")
	}
	return parquet.ByteArrayValue([]byte(v)), true
}

// oracleTable reads a table in the slow and obvious way.
func oracleTable(tab table) result {
	o := oracle{ifaces: map[string][4]string{}, since: math.MinInt64, until: math.MaxInt64}
	for i, values := range tab.rows {
		value := map[string]string{}
		for c, name := range tab.names {
			value[name] = values[c]
		}
		o.record(i+1, value)
	}
	return o.result
}

var codecs = []compress.Codec{&parquet.Uncompressed, &parquet.Gzip, &parquet.Snappy, &parquet.Zstd}

func TestParquetAgainstOracle(t *testing.T) {
	seed := rand.Uint64()
	w := writer{Rand: rand.New(rand.NewPCG(seed, 1))}
	d, inPlace := newDecoder(t, flowlog.Options{SkipBad: true}), newDecoder(t, flowlog.Options{SkipBad: true})
	inPlace.ReadInPlace()
	for i := range 40 {
		w.wrong = []float64{0, 0.002}[i%2]
		tab := w.table([]int{0, 1, 100, 3000}[w.IntN(4)])
		if i == 0 {
			tab = w.table(40_000) // more than a batch
		}
		b := w.parquet(t, &tab, how{
			codec: codecs[i%4], pageRows: 20 + w.IntN(2000), groupRows: 500 + w.Int64N(30_000), version: 1 + i/4%2, everything: w.IntN(4) == 0,
		})
		want := oracleTable(tab)
		for how, in := range map[string]flowlog.Input{
			"stream": {Name: "object", Body: bytes.NewReader(b)},
			"gzip":   {Name: "object", Body: bytes.NewReader(zip(t, string(b)))},
			"file":   {Name: "object", At: bytes.NewReader(b), Size: int64(len(b))},
		} {
			if diff := cmp.Diff(want, readInput(d, in)); diff != "" {
				t.Fatalf("seed %d, table %d, %s: -want +got\n%s", seed, i, how, diff)
			}
		}
		if diff := cmp.Diff(want, readInput(inPlace, flowlog.Input{Name: "object", At: bytes.NewReader(b), Size: int64(len(b))})); diff != "" {
			t.Fatalf("seed %d, table %d, in place: -want +got\n%s", seed, i, diff)
		}
		if len(want.Bad) > 0 {
			_, err := newDecoder(t, flowlog.Options{}).Decode(context.Background(), flowlog.Input{Name: "o", Body: bytes.NewReader(b)}, flowlog.Output{})
			var e *flowlog.RecordError
			if !errors.As(err, &e) || fmt.Sprintf("%d:%s", e.Line, e.Field) != want.Bad[0] {
				t.Fatalf("seed %d, table %d: got error %v, want one at %s", seed, i, err, want.Bad[0])
			}
		}
	}
}

// A column without nulls may be required instead of optional, as AWS's own types allow.
func TestParquetRequiredColumns(t *testing.T) {
	type flow struct {
		InterfaceID string `parquet:"interface_id,dict"`
		AccountID   int64  `parquet:"account_id"`
		Srcaddr     string `parquet:"srcaddr,dict"`
		Dstaddr     string `parquet:"dstaddr"`
		Srcport     int32  `parquet:"srcport"`
		Dstport     int32  `parquet:"dstport,dict"`
		Protocol    int32  `parquet:"protocol,dict"`
		Start       int64  `parquet:"start"`
		End         int64  `parquet:"end,delta"`
		Action      string `parquet:"action,dict"`
		TGW         int32  `parquet:"unknown_to_us"`
	}
	var b bytes.Buffer
	out := parquet.NewGenericWriter[flow](&b)
	if _, err := out.Write([]flow{{"eni-1", 12345, "10.0.0.1", "10.0.0.2", 1, 2, 6, 10, 20, "ACCEPT", 1}, {"eni-1", 1, "10.0.0.1", "10.0.0.3", -1, 2, 6, 10, 20, "ACCEPT", 1}}); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	got := read(newDecoder(t, flowlog.Options{SkipBad: true}), b.Bytes())
	want := result{
		Rows: []string{`"eni-1" "000000012345" "" "" 00000000000000000000ffff0a000001 00000000000000000000ffff0a000002 - - 1 2 6 - - 10 20 1 0 - 0`},
		Bad:  []string{"2:srcport"}, Counts: flowlog.Counts{Records: 2, OK: 1, Bad: 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestParquetRefused(t *testing.T) {
	write := func(v any) []byte {
		var b bytes.Buffer
		out := parquet.NewWriter(&b, parquet.SchemaOf(v))
		if err := errors.Join(out.Write(v), out.Close()); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	for _, c := range []struct {
		name string
		b    []byte
		want error
	}{
		{"another table", write(&struct{ Name, Place string }{"a", "b"}), flowlog.ErrNotFlowLog},
		{"transit gateway", write(&struct {
			TGW     string `parquet:"tgw_id"`
			Srcaddr string `parquet:"srcaddr"`
		}{"a", "b"}), flowlog.ErrTransitGateway},
		{"columns missing", write(&struct {
			A string `parquet:"interface_id"`
			B string `parquet:"srcaddr"`
			C string `parquet:"dstaddr"`
		}{"a", "b", "c"}), flowlog.ErrMissingFields},
		{"cut off", write(&struct{ Name string }{"a"})[:40], nil},
		{"magic only", []byte("PAR1"), nil},
		{"no footer", append(make([]byte, 0, 20), "PAR1\x00\x00\x00\xffPAR1"...), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := newDecoder(t, flowlog.Options{}).Decode(context.Background(), flowlog.Input{Name: "o", Body: bytes.NewReader(c.b)}, flowlog.Output{})
			if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.HasPrefix(err.Error(), "o: ") {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

// A footer may not claim more than there is: the library would make room for it.
func TestParquetLyingFooter(t *testing.T) {
	footer := []byte{0x15, 2, 0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07} // version; a schema of 2³¹−1 elements
	b := append([]byte("PAR1"), footer...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(footer)))
	b = append(b, "PAR1"...)
	_, err := newDecoder(t, flowlog.Options{}).Decode(context.Background(), flowlog.Input{Name: "o", Body: bytes.NewReader(b)}, flowlog.Output{})
	if want := "o: parquet: footer: damaged metadata"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// Whatever is done to a file, it is read, or refused with an error; and what is read adds up.
func mutated(t *testing.T, d *flowlog.Decoder, b []byte) {
	t.Helper()
	counts, err := d.Decode(context.Background(), flowlog.Input{Name: "o", Body: bytes.NewReader(b)}, flowlog.Output{})
	if err == nil && counts.Records != counts.OK+counts.NoData+counts.SkipData+counts.Outside+counts.Bad {
		t.Errorf("%+v does not add up", counts)
	}
}

func TestParquetMutated(t *testing.T) {
	seed := rand.Uint64()
	w := writer{Rand: rand.New(rand.NewPCG(seed, 1))}
	t.Logf("seed %d", seed)
	d := newDecoder(t, flowlog.Options{SkipBad: true})
	for i := range 12 {
		tab := w.table(300)
		whole := w.parquet(t, &tab, how{codec: codecs[i%4], pageRows: 100, groupRows: 200, version: 1 + i%2})
		for range 150 {
			b := bytes.Clone(whole)
			for range 1 + w.IntN(3) {
				b[w.IntN(len(b))] = byte(w.IntN(256))
			}
			mutated(t, d, b)
		}
	}
}

func FuzzParquet(f *testing.F) {
	w := writer{Rand: rand.New(rand.NewPCG(6, 1))}
	for i := range 8 {
		tab := w.table(20)
		f.Add(w.parquet(f, &tab, how{codec: codecs[i%4], pageRows: 10, groupRows: 15, version: 1 + i/4}))
	}
	if b, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "data", "obsrvbl-flowlogs-reader", "flows.parquet")); err == nil {
		f.Add(b)
	}
	d := newDecoder(f, flowlog.Options{SkipBad: true})
	f.Fuzz(func(t *testing.T, b []byte) {
		if bytes.HasPrefix(b, []byte("PAR1")) {
			mutated(t, d, b)
		}
	})
}

// Reading many rows allocates nothing per row.
func TestParquetAllocations(t *testing.T) {
	w := writer{Rand: rand.New(rand.NewPCG(7, 1))}
	tab := w.table(60_000)
	b := w.parquet(t, &tab, how{codec: &parquet.Snappy, pageRows: 20_000, groupRows: 1 << 20, version: 2, everything: true})
	d := newDecoder(t, flowlog.Options{})
	body := bytes.NewReader(nil)
	got := testing.AllocsPerRun(3, func() {
		body.Reset(b)
		if _, err := d.Decode(context.Background(), flowlog.Input{Name: "o", At: body, Size: int64(len(b))}, flowlog.Output{}); err != nil && err != io.EOF {
			t.Fatal(err)
		}
	})
	if perRow := got / 60_000; perRow > 0.05 {
		t.Errorf("%.3f allocations per row", perRow)
	}
}
