package sum

import (
	"cmp"
	"encoding/binary"
	"fmt"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/bitutil"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/ingest"
)

// columns are the columns of one batch as plain slices. Here, and only here, are the types of ingest.Schema asserted.
type columns struct {
	n                                        int
	ids                                      []int32 // index into the four dictionaries
	interfaces, accounts, vpcs, subnets      *array.String
	addrs                                    addrDictionary
	src, dst, pktSrc, pktDst                 addrColumn
	srcPort, dstPort                         []uint16
	proto, action, status, flags, flow       []uint8
	packets, bytes, start, end               []int64
	noSrcPort, noDstPort, noProto, noPackets nulls
	noBytes, noFlags                         nulls
	shape                                    shape
}

// shape says which short cut the records of a batch may take.
type shape uint8

const (
	irregular shape = iota // none
	sided                  // all regular, and each says its direction
	sideless               // all regular, and none does
)

// nulls is the validity bitmap of a column; the zero value has no null.
type nulls struct {
	bits   []byte
	offset int
	all    bool // every value is null, and there may be neither bitmap nor values
}

func (n *nulls) at(i int) bool {
	return n.all || n.bits != nil && !bitutil.BitIsSet(n.bits, n.offset+i)
}

// some reports whether any value is null.
func (n *nulls) some() bool { return n.all || n.bits != nil }

// addrDictionary is the dictionary that the address columns of a batch share.
type addrDictionary struct{ data []byte }

func (d *addrDictionary) len() int { return len(d.data) / 16 }

func (d *addrDictionary) value(i int) addr {
	b := d.data[16*i : 16*i+16]
	return addr{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}
}

// addrColumn is a column of addresses: indexes into the dictionary.
type addrColumn struct {
	ids []int32
	nulls
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
	c.addrs = addrDictionary{}
	c.src, c.dst = b.addrs(ingest.ColSrcAddr, c), b.addrs(ingest.ColDstAddr, c)
	c.pktSrc, c.pktDst = b.addrs(ingest.ColPktSrcAddr, c), b.addrs(ingest.ColPktDstAddr, c)
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
	if b.err == nil {
		c.shape = c.shapeOf()
	}
	return b.err
}

// shapeOf finds the short cut: regular records are OK, have all that a key needs and counters, and are alike in what else
// they have.
func (c *columns) shapeOf() shape {
	for _, n := range [...]*nulls{&c.src.nulls, &c.dst.nulls, &c.noProto, &c.noSrcPort, &c.noDstPort, &c.noPackets, &c.noBytes} {
		if n.some() {
			return irregular
		}
	}
	for _, n := range [...]*nulls{&c.pktSrc.nulls, &c.pktDst.nulls, &c.noFlags} {
		if n.some() && !n.all {
			return irregular
		}
	}
	var status, odd, directions uint8
	action, flow := c.action[:len(c.status)], c.flow[:len(c.status)]
	for i, s := range c.status {
		status |= s
		odd |= action[i] - 1
		directions |= 1 << min(flow[i], 7)
	}
	switch {
	case status != uint8(ingest.StatusOK) || odd > 1:
		return irregular
	case directions&^(1<<analyze.Ingress|1<<analyze.Egress) == 0:
		return sided
	case directions == 1<<analyze.DirectionUnknown && c.pktSrc.all && c.pktDst.all:
		return sideless
	}
	return irregular
}

// peerOf returns the column of the packet's addresses, or plain where the batch has none.
func (c *addrColumn) peerOf(plain *addrColumn) []int32 {
	if c.all {
		return plain.ids
	}
	return c.ids
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

// addrs binds a column of addresses; the first one that has a dictionary gives c its own.
func (b *binder) addrs(col int, c *columns) addrColumn {
	a, ok := b.rec.Column(col).(*array.Dictionary)
	if !ok {
		b.wrong(col)
		return addrColumn{}
	}
	ids, ok1 := a.Indices().(*array.Int32)
	dict, ok2 := a.Dictionary().(*array.FixedSizeBinary)
	if !ok1 || !ok2 || dict.DataType().(*arrow.FixedSizeBinaryType).ByteWidth != 16 {
		b.wrong(col)
		return addrColumn{}
	}
	if dict.Len() > 0 {
		data := dict.Data().Buffers()[1].Bytes()[16*dict.Data().Offset():][:16*dict.Len()]
		if c.addrs.data == nil {
			c.addrs.data = data
		}
		if len(data) != len(c.addrs.data) || &data[0] != &c.addrs.data[0] {
			b.err = cmp.Or(b.err, fmt.Errorf("batch column %s has a dictionary of its own, not that of all addresses", b.rec.ColumnName(col)))
		}
	}
	return addrColumn{ids.Int32Values(), nullsOf(a)}
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
