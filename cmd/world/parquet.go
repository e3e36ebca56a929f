package world

import (
	"cmp"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
)

// Parquet files have the column names with _ for -, and AWS's types: INT_32, INT_64, STRING [F 1.1, 1.2]. What text prints
// as "-" is null here.

var codecs = map[string]compress.Codec{"gzip": &parquet.Gzip, "zstd": &parquet.Zstd, "snappy": &parquet.Snappy}

// parquetFile gathers rows and writes them in batches.
type parquetFile struct {
	layout *layout
	out    *counted
	w      *parquet.Writer
	order  []int // column index in the file of each field
	rows   []parquet.Row
	n      int
}

const rowBatch = 512

func newParquetFile(l *layout, out *counted, codec string) *parquetFile {
	schema := parquetSchema(l)
	p := &parquetFile{layout: l, out: out, rows: make([]parquet.Row, rowBatch),
		w: parquet.NewWriter(out, schema, parquet.Compression(codecs[codec]), parquet.CreatedBy("world", "1", "0"))}
	for _, f := range l.w.Fields {
		leaf, _ := schema.Lookup(columnName(f))
		p.order = append(p.order, leaf.ColumnIndex)
	}
	for i := range p.rows {
		p.rows[i] = make(parquet.Row, len(p.order))
	}
	return p
}

func columnName(field string) string { return strings.ReplaceAll(field, "-", "_") }

// parquetSchema has the columns in order of their names.
func parquetSchema(l *layout) *parquet.Schema {
	g := parquet.Group{}
	for _, f := range l.w.Fields {
		var n parquet.Node
		switch columnByName[f] {
		case colVersion, colSrcPort, colDstPort, colProtocol, colFlags, colPath:
			n = parquet.Int(32)
		case colPackets, colBytes, colStart, colEnd:
			n = parquet.Int(64)
		default:
			n = parquet.Encoded(parquet.String(), &parquet.RLEDictionary)
		}
		g[columnName(f)] = parquet.Optional(n)
	}
	return parquet.NewSchema("flowlog", g)
}

func (p *parquetFile) add(r *Record) error {
	row := p.rows[p.n]
	for i, c := range p.layout.columns {
		v := p.value(r, c)
		defined := 1
		if v.IsNull() {
			defined = 0
		}
		row[p.order[i]] = v.Level(0, defined, p.order[i])
	}
	if p.n++; p.n == rowBatch {
		return p.flush()
	}
	return nil
}

func (p *parquetFile) value(r *Record, c column) parquet.Value {
	if n, ok := p.layout.number(r, c); ok {
		switch c {
		case colPackets, colBytes, colStart, colEnd:
			return parquet.Int64Value(n)
		}
		return parquet.Int32Value(int32(n))
	}
	if a := r.addr(c); a.IsValid() {
		return parquet.ByteArrayValue(a.AppendTo(nil))
	}
	if s := p.layout.text(r, c); s != "" {
		return parquet.ByteArrayValue([]byte(s))
	}
	return parquet.NullValue()
}

func (p *parquetFile) flush() error {
	_, err := p.w.WriteRows(p.rows[:p.n])
	p.n = 0
	return err
}

func (p *parquetFile) close() error {
	return cmp.Or(p.flush(), p.w.Close(), p.out.f.Close())
}
