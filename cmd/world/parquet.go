package world

import (
	"cmp"
	"net/netip"
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
	w      *parquet.GenericWriter[any]
	order  []int // column index in the file of each field
	rows   []parquet.Row
	n      int
	texts  map[string]parquet.Value
	addrs  map[netip.Addr]parquet.Value
}

const rowBatch = 512

func newParquetFile(l *layout, out *counted, o *LogOptions) *parquetFile {
	schema := parquetSchema(l, o.PlainNumbers)
	p := &parquetFile{layout: l, out: out, rows: make([]parquet.Row, rowBatch), texts: map[string]parquet.Value{}, addrs: map[netip.Addr]parquet.Value{},
		w: parquet.NewGenericWriter[any](out, schema, parquet.Compression(codecs[o.Codec]), parquet.CreatedBy("world", "1", "0"))}
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
func parquetSchema(l *layout, plainNumbers bool) *parquet.Schema {
	g := parquet.Group{}
	for _, f := range l.w.Fields {
		n, number := parquet.String(), true
		switch kinds[columnByName[f]] {
		case number32:
			n = parquet.Int(32)
		case number64:
			n = parquet.Int(64)
		default:
			number = false
		}
		if !number || !plainNumbers {
			n = parquet.Encoded(n, &parquet.RLEDictionary)
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
	switch kinds[c] {
	case number32:
		if n, ok := p.layout.number(r, c); ok {
			return parquet.Int32Value(int32(n))
		}
	case number64:
		if n, ok := p.layout.number(r, c); ok {
			return parquet.Int64Value(n)
		}
	case address:
		if a := r.addr(c); a.IsValid() {
			return p.addr(a)
		}
	default:
		if s := p.layout.text(r, c); s != "" {
			return p.text(s)
		}
	}
	return parquet.NullValue()
}

// text and addr make a value once: the same few names, and many of the addresses, come again and again.
func (p *parquetFile) text(s string) parquet.Value {
	v, ok := p.texts[s]
	if !ok {
		v = parquet.ByteArrayValue([]byte(s))
		p.texts[s] = v
	}
	return v
}

func (p *parquetFile) addr(a netip.Addr) parquet.Value {
	v, ok := p.addrs[a]
	if !ok {
		if len(p.addrs) >= maxAddrs {
			clear(p.addrs)
		}
		v = parquet.ByteArrayValue(appendAddr(nil, a))
		p.addrs[a] = v
	}
	return v
}

const maxAddrs = 1 << 14

func (p *parquetFile) flush() error {
	_, err := p.w.WriteRows(p.rows[:p.n])
	p.n = 0
	return err
}

func (p *parquetFile) close() error {
	return cmp.Or(p.flush(), p.w.Close(), p.out.f.Close())
}
