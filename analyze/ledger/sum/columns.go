package sum

import (
	"encoding/binary"
	"fmt"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/bitutil"

	"github.com/sgtrim/sgtrim/ingest"
)

// columns are the columns of one batch as plain slices. Here, and only here, are the types of ingest.Schema asserted.
type columns struct {
	n                                        int
	ids                                      []int32 // index into the four dictionaries
	interfaces, accounts, vpcs, subnets      *array.String
	src, dst, pktSrc, pktDst                 addrColumn
	srcPort, dstPort                         []uint16
	proto, action, status, flags, flow       []uint8
	packets, bytes, start, end               []int64
	noSrcPort, noDstPort, noProto, noPackets nulls
	noBytes, noFlags                         nulls
}

// nulls is the validity bitmap of a column; the zero value has no null.
type nulls struct {
	bits   []byte
	offset int
	all    bool // every value is null, and there may be neither bitmap nor values
}

func (n *nulls) at(i int) bool {
	return n.all || n.bits != nil && !bitutil.BitIsSet(n.bits, n.offset+i)
}

type addrColumn struct {
	data []byte
	nulls
}

func (c *addrColumn) value(i int) addr {
	b := c.data[16*i : 16*i+16]
	return addr{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}
}

// bind points c at the columns of rec, which it keeps no longer than the batch is valid.
func (c *columns) bind(rec arrow.Record) error {
	if int(rec.NumCols()) != ingest.NumColumns {
		return fmt.Errorf("batch has %d columns, want %d", rec.NumCols(), ingest.NumColumns)
	}
	c.n = int(rec.NumRows())
	b := binder{rec: rec}
	c.ids, c.interfaces = b.dictionary(ingest.ColInterface)
	_, c.accounts = b.dictionary(ingest.ColAccount)
	_, c.vpcs = b.dictionary(ingest.ColVPC)
	_, c.subnets = b.dictionary(ingest.ColSubnet)
	c.src, c.dst = b.addrs(ingest.ColSrcAddr), b.addrs(ingest.ColDstAddr)
	c.pktSrc, c.pktDst = b.addrs(ingest.ColPktSrcAddr), b.addrs(ingest.ColPktDstAddr)
	c.srcPort, c.noSrcPort = b.uint16s(ingest.ColSrcPort)
	c.dstPort, c.noDstPort = b.uint16s(ingest.ColDstPort)
	c.proto, c.noProto = b.uint8s(ingest.ColProtocol)
	c.packets, c.noPackets = b.int64s(ingest.ColPackets)
	c.bytes, c.noBytes = b.int64s(ingest.ColBytes)
	c.start, _ = b.int64s(ingest.ColStart)
	c.end, _ = b.int64s(ingest.ColEnd)
	c.action, _ = b.uint8s(ingest.ColAction)
	c.status, _ = b.uint8s(ingest.ColStatus)
	c.flags, c.noFlags = b.uint8s(ingest.ColTCPFlags)
	c.flow, _ = b.uint8s(ingest.ColDirection)
	return b.err
}

type binder struct {
	rec arrow.Record
	err error
}

func (b *binder) wrong(col int) {
	if b.err == nil {
		b.err = fmt.Errorf("batch column %s has type %s, want %s", b.rec.ColumnName(col), b.rec.Column(col).DataType(), ingest.Schema.Field(col).Type)
	}
}

func nullsOf(a arrow.Array) nulls {
	switch a.NullN() {
	case 0:
		return nulls{}
	case a.Len():
		return nulls{all: true}
	}
	return nulls{bits: a.NullBitmapBytes(), offset: a.Data().Offset()}
}

func (b *binder) dictionary(col int) ([]int32, *array.String) {
	d, ok := b.rec.Column(col).(*array.Dictionary)
	if !ok {
		b.wrong(col)
		return nil, nil
	}
	ids, ok1 := d.Indices().(*array.Int32)
	texts, ok2 := d.Dictionary().(*array.String)
	if !ok1 || !ok2 {
		b.wrong(col)
		return nil, nil
	}
	return ids.Int32Values(), texts
}

func (b *binder) addrs(col int) addrColumn {
	a, ok := b.rec.Column(col).(*array.FixedSizeBinary)
	if !ok || a.DataType().(*arrow.FixedSizeBinaryType).ByteWidth != 16 {
		b.wrong(col)
		return addrColumn{}
	}
	c := addrColumn{nulls: nullsOf(a)}
	if buf := a.Data().Buffers()[1]; buf != nil && a.NullN() < a.Len() {
		c.data = buf.Bytes()[16*a.Data().Offset():]
	}
	return c
}

func (b *binder) uint16s(col int) ([]uint16, nulls) {
	a, ok := b.rec.Column(col).(*array.Uint16)
	if !ok {
		b.wrong(col)
		return nil, nulls{}
	}
	return a.Uint16Values(), nullsOf(a)
}

func (b *binder) uint8s(col int) ([]uint8, nulls) {
	a, ok := b.rec.Column(col).(*array.Uint8)
	if !ok {
		b.wrong(col)
		return nil, nulls{}
	}
	return a.Uint8Values(), nullsOf(a)
}

func (b *binder) int64s(col int) ([]int64, nulls) {
	a, ok := b.rec.Column(col).(*array.Int64)
	if !ok {
		b.wrong(col)
		return nil, nulls{}
	}
	return a.Int64Values(), nullsOf(a)
}
