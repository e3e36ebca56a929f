// Package sumtest makes flow-log records and the batches they travel in, for tests.
package sumtest

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/ingest"
)

// Record is one flow-log row. Invalid addresses and negative numbers are null.
type Record struct {
	Interface, Account, VPC, Subnet string
	Src, Dst, PktSrc, PktDst        netip.Addr
	SrcPort, DstPort, Proto         int
	Packets, Bytes                  int64
	Start, End                      int64
	Action                          analyze.Action
	Status                          ingest.Status
	Flags                           int
	Direction                       analyze.Direction
}

// Object is an object with its records.
type Object struct {
	ingest.Object
	Records []Record
}

// Add hands objects to a sink, in batches of at most size records.
func Add(sink ingest.Sink, size int, objects ...Object) error {
	for _, o := range objects {
		if err := sink.Begin(o.Object); err != nil {
			return err
		}
		for at := 0; at < len(o.Records); at += size {
			rec := Batch(o.Records[at:min(at+size, len(o.Records))])
			err := sink.Observe(rec)
			rec.Release()
			if err != nil {
				return err
			}
		}
		if err := sink.Commit(); err != nil {
			return err
		}
	}
	return nil
}

// Batch makes a batch as the scan does.
func Batch(rows []Record) arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(ingest.Schema.Fields()[ingest.ColSrcPort:], nil))
	defer b.Release()
	for i := range rows {
		appendRow(b, &rows[i])
	}
	plain := b.NewRecord()
	defer plain.Release()
	columns := append(idColumns(rows), addrColumns(rows)...)
	defer func() {
		for _, c := range columns {
			c.Release()
		}
	}()
	return array.NewRecord(ingest.Schema, slices.Concat(columns, plain.Columns()), int64(len(rows)))
}

func appendRow(b *array.RecordBuilder, r *Record) {
	field := func(col int) array.Builder { return b.Field(col - ingest.ColSrcPort) }
	number := func(col int, v int64) {
		switch f := field(col).(type) {
		case *array.Uint16Builder:
			if v >= 0 {
				f.Append(uint16(v))
				return
			}
		case *array.Uint8Builder:
			if v >= 0 {
				f.Append(uint8(v))
				return
			}
		case *array.Int64Builder:
			if v >= 0 || col == ingest.ColStart || col == ingest.ColEnd {
				f.Append(v)
				return
			}
		}
		field(col).AppendNull()
	}
	number(ingest.ColSrcPort, int64(r.SrcPort))
	number(ingest.ColDstPort, int64(r.DstPort))
	number(ingest.ColProtocol, int64(r.Proto))
	number(ingest.ColPackets, r.Packets)
	number(ingest.ColBytes, r.Bytes)
	number(ingest.ColStart, r.Start)
	number(ingest.ColEnd, r.End)
	number(ingest.ColAction, int64(r.Action))
	number(ingest.ColStatus, int64(r.Status))
	number(ingest.ColTCPFlags, int64(r.Flags))
	number(ingest.ColDirection, int64(r.Direction))
}

// idColumns makes the four dictionary columns, which share their indexes.
func idColumns(rows []Record) []arrow.Array {
	codes := map[string]int32{}
	var texts [4][]string
	index := array.NewInt32Builder(memory.DefaultAllocator)
	defer index.Release()
	for _, r := range rows {
		c, ok := codes[r.Interface]
		if !ok {
			c = int32(len(codes))
			codes[r.Interface] = c
			for i, s := range []string{r.Interface, r.Account, r.VPC, r.Subnet} {
				texts[i] = append(texts[i], s)
			}
		}
		index.Append(c)
	}
	indexes := index.NewArray()
	defer indexes.Release()
	var columns []arrow.Array
	for i := range texts {
		b := array.NewStringBuilder(memory.DefaultAllocator)
		b.AppendValues(texts[i], nil)
		dict := b.NewArray()
		columns = append(columns, array.NewDictionaryArray(ingest.Schema.Field(i).Type, indexes, dict))
		dict.Release()
		b.Release()
	}
	return columns
}

// addrColumns makes the four address columns, which share their dictionary.
func addrColumns(rows []Record) []arrow.Array {
	codes := map[netip.Addr]int32{}
	dict := array.NewFixedSizeBinaryBuilder(memory.DefaultAllocator, &arrow.FixedSizeBinaryType{ByteWidth: 16})
	defer dict.Release()
	var indexes [4]arrow.Array
	for i, of := range [...]func(*Record) netip.Addr{
		func(r *Record) netip.Addr { return r.Src }, func(r *Record) netip.Addr { return r.Dst },
		func(r *Record) netip.Addr { return r.PktSrc }, func(r *Record) netip.Addr { return r.PktDst },
	} {
		index := array.NewInt32Builder(memory.DefaultAllocator)
		for r := range rows {
			a := of(&rows[r])
			if !a.IsValid() {
				index.AppendNull()
				continue
			}
			c, ok := codes[a]
			if !ok {
				c = int32(len(codes))
				codes[a] = c
				b := a.As16()
				dict.Append(b[:])
			}
			index.Append(c)
		}
		indexes[i] = index.NewArray()
		defer indexes[i].Release()
		index.Release()
	}
	values := dict.NewArray()
	defer values.Release()
	var columns []arrow.Array
	for i := range indexes {
		columns = append(columns, array.NewDictionaryArray(ingest.Schema.Field(ingest.ColSrcAddr+i).Type, indexes[i], values))
	}
	return columns
}

// Parse reads flow-log text with a header line, field by field as it comes. Fields that the header lacks are null; packets
// and times that it lacks are 1 packet at second 1600000000.
func Parse(text string) ([]Record, error) {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	names := strings.Fields(lines[0])
	var rows []Record
	for n, line := range lines[1:] {
		values := strings.Fields(line)
		if len(values) != len(names) {
			return nil, fmt.Errorf("line %d: %d fields, want %d", n+2, len(values), len(names))
		}
		r := Record{SrcPort: -1, DstPort: -1, Proto: -1, Packets: 1, Bytes: -1, Start: 1600000000, End: 1600000000, Flags: -1, Action: analyze.Accept}
		for i, name := range names {
			if err := r.set(name, values[i]); err != nil {
				return nil, fmt.Errorf("line %d: field %s: %w", n+2, name, err)
			}
		}
		rows = append(rows, r)
	}
	return rows, nil
}

func (r *Record) set(name, v string) (err error) {
	if v == "-" {
		return nil
	}
	texts := map[string]*string{"interface-id": &r.Interface, "account-id": &r.Account, "vpc-id": &r.VPC, "subnet-id": &r.Subnet}
	addrs := map[string]*netip.Addr{"srcaddr": &r.Src, "dstaddr": &r.Dst, "pkt-srcaddr": &r.PktSrc, "pkt-dstaddr": &r.PktDst}
	small := map[string]*int{"srcport": &r.SrcPort, "dstport": &r.DstPort, "protocol": &r.Proto, "tcp-flags": &r.Flags}
	large := map[string]*int64{"packets": &r.Packets, "bytes": &r.Bytes, "start": &r.Start, "end": &r.End}
	switch {
	case texts[name] != nil:
		*texts[name] = v
	case addrs[name] != nil:
		*addrs[name], err = netip.ParseAddr(v)
	case small[name] != nil:
		*small[name], err = strconv.Atoi(v)
	case large[name] != nil:
		*large[name], err = strconv.ParseInt(v, 10, 64)
	case name == "action" && v == "REJECT":
		r.Action = analyze.Reject
	case name == "flow-direction":
		err = r.Direction.UnmarshalText([]byte(v))
	case name == "log-status" && v == "NODATA":
		r.Status = ingest.StatusNoData
	case name == "log-status" && v == "SKIPDATA":
		r.Status = ingest.StatusSkipData
	}
	return err
}
