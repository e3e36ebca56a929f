package flowlog_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/klauspost/compress/gzip"
	"github.com/parquet-go/parquet-go"

	"github.com/sgtrim/sgtrim/ingest/flowlog"
	"github.com/sgtrim/sgtrim/ingest/inflate"
)

// realShaped is a v5 log of 29 fields as an estate of a few hundred interfaces writes it: few clients many times, steady
// servers, most records with flags.
func realShaped(rows int) table {
	r := rand.New(rand.NewPCG(9, 9))
	tab := table{names: strings.Fields(`version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end
		action log-status vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr region az-id sublocation-type
		sublocation-id pkt-src-aws-service pkt-dst-aws-service flow-direction traffic-path`)}
	for i := range rows {
		eni := r.IntN(300)
		src, dst := fmt.Sprintf("10.0.%d.%d", eni/200, eni%200), fmt.Sprintf("10.1.%d.%d", r.IntN(12), r.IntN(250))
		sport, dport, flags, dir := fmt.Sprint(32768+r.IntN(28000)), []string{"443", "5432", "80", "6379"}[r.IntN(4)], "3", "egress"
		if i%2 == 1 {
			src, dst, sport, dport, flags, dir = dst, src, dport, sport, "19", "ingress"
		}
		start := 1_700_000_000 + i/50
		packets := 1 + r.IntN(40)
		tab.rows = append(tab.rows, strings.Fields(fmt.Sprintf(
			"5 123456789012 eni-0%016x %s %s %s %s 6 %d %d %d %d ACCEPT OK vpc-0123456789abcdef0 subnet-0%016x i-0%016x %s IPv4 %s %s us-east-1 use1-az1 - - - - %s -",
			eni*7919, src, dst, sport, dport, packets, packets*(40+r.IntN(1000)), start, start+r.IntN(60), eni%6, eni*31, flags, src, dst, dir)))
	}
	return tab
}

func (t table) text() []byte {
	var b bytes.Buffer
	b.WriteString(strings.Join(t.names, " ") + "\n")
	for _, r := range t.rows {
		b.WriteString(strings.Join(r, " ") + "\n")
	}
	return b.Bytes()
}

func deflate(b []byte) []byte {
	var out bytes.Buffer
	w, _ := gzip.NewWriterLevel(&out, 6)
	w.Write(b)
	w.Close()
	return out.Bytes()
}

func benchmarkDecode(b *testing.B, body []byte, rows int, batches bool) {
	d := newDecoder(b, flowlog.Options{})
	out := flowlog.Output{}
	if batches {
		out.Batch = func(arrow.Record) error { return nil }
	}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		counts, err := d.Decode(context.Background(), flowlog.Input{Name: "o", Body: bytes.NewReader(body)}, out)
		if err != nil || counts.OK != int64(rows) {
			b.Fatal(counts, err)
		}
	}
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
}

const benchRows = 200_000

func BenchmarkText(b *testing.B) {
	text := realShaped(benchRows).text()
	zipped := deflate(text)
	inflating := func(name string, open func(io.Reader) (io.Reader, error)) { // the floor: nothing is read
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(zipped)))
			for b.Loop() {
				r, err := open(bytes.NewReader(zipped))
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, r); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(benchRows*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
		})
	}
	own := inflate.NewReader(nil)
	inflating("inflate", func(r io.Reader) (io.Reader, error) { own.Reset(r); return own, nil })
	inflating("inflate-klauspost", func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) })
	b.Run("gzip", func(b *testing.B) { benchmarkDecode(b, zipped, benchRows, true) })
	b.Run("plain", func(b *testing.B) { benchmarkDecode(b, text, benchRows, true) })
	b.Run("plain-nobatch", func(b *testing.B) { benchmarkDecode(b, text, benchRows, false) })
}

func BenchmarkParquet(b *testing.B) {
	tab := realShaped(benchRows)
	for _, codec := range []struct {
		name string
		h    how
	}{{"gzip", how{codec: &parquet.Gzip}}, {"zstd", how{codec: &parquet.Zstd}}, {"snappy", how{codec: &parquet.Snappy}}} {
		body := awsParquet(b, tab, codec.h)
		b.Run(codec.name, func(b *testing.B) { benchmarkDecode(b, body, benchRows, true) })
	}
}

// awsParquet writes a table with AWS's types: dictionaries, 32-bit ports, 64-bit counters.
func awsParquet(b *testing.B, tab table, h how) []byte {
	h.pageRows, h.groupRows, h.version = 128<<10, 1<<20, 1
	group := parquet.Group{}
	kind := map[string]string{}
	for _, name := range tab.names {
		n := parquet.Encoded(parquet.String(), &parquet.RLEDictionary)
		switch name {
		case "version", "srcport", "dstport", "protocol", "tcp-flags":
			n, kind[name] = parquet.Encoded(parquet.Int(32), &parquet.RLEDictionary), "int32"
		case "packets", "bytes", "start", "end":
			n, kind[name] = parquet.Encoded(parquet.Int(64), &parquet.RLEDictionary), "int64"
		}
		group[strings.ReplaceAll(name, "-", "_")] = parquet.Compressed(parquet.Optional(n), h.codec)
	}
	schema := parquet.NewSchema("flow", group)
	at := map[string]int{}
	for i, c := range schema.Columns() {
		at[strings.ReplaceAll(c[0], "_", "-")] = i
	}
	var out bytes.Buffer
	w := parquet.NewWriter(&out, schema, parquet.DataPageVersion(h.version), parquet.PageBufferSize(h.pageRows*8))
	random := writer{Rand: rand.New(rand.NewPCG(1, 1))}
	row := make(parquet.Row, len(tab.names))
	for _, values := range tab.rows {
		for i, name := range tab.names {
			cell, _ := random.cell(kind[name], values[i])
			row[at[name]] = cell.Level(0, 1, at[name])
			if values[i] == "-" {
				row[at[name]] = parquet.NullValue().Level(0, 0, at[name])
			}
		}
		if _, err := w.WriteRows([]parquet.Row{row}); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	return out.Bytes()
}
