package flowlog

import (
	"unsafe"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
)

// bitmaps holds the validity bitmaps of a batch, one a column, used again by the next batch.
type bitmaps [NumColumns][]byte

// of returns the validity bitmap of a column, nil when no row is null, and how many are.
func (b *bitmaps) of(c *columns, column int) (*memory.Buffer, int) {
	n, nulls, all := c.n, c.nulls[column], c.lacks>>column&1 != 0
	if len(nulls) == 0 && !all {
		return nil, 0
	}
	bits := b[column]
	if bits == nil {
		bits = make([]byte, maxRows/8)
		b[column] = bits
	}
	bits = bits[:(n+7)/8]
	if all {
		clear(bits)
		return memory.NewBufferBytes(bits), n
	}
	for i := range bits {
		bits[i] = 0xff
	}
	for _, r := range nulls {
		bits[r>>3] &^= 1 << (r & 7)
	}
	return memory.NewBufferBytes(bits), len(nulls)
}

// batch lays an Arrow record over the columns. Nothing is copied: the record is valid until the columns are written again.
func (c *columns) batch(bits *bitmaps, ids *interfaces, addrs *codes) arrow.Record {
	n := c.n
	var cols [NumColumns]arrow.Array
	wrap := func(column int, values []byte) {
		valid, nulls := bits.of(c, column)
		data := array.NewData(Schema.Field(column).Type, n, []*memory.Buffer{valid, memory.NewBufferBytes(values)}, nil, nulls, 0)
		cols[column] = array.MakeFromData(data)
		data.Release()
	}
	dict := addrs.data()
	for i, column := range addrColumns {
		valid, nulls := bits.of(c, column)
		data := array.NewDataWithDictionary(addrType, n, []*memory.Buffer{
			valid, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(c.addr[i][:n])),
		}, nulls, 0, dict)
		cols[column] = array.NewDictionaryData(data)
		data.Release()
	}
	dict.Release()
	wrap(ColSrcPort, arrow.Uint16Traits.CastToBytes(c.ports[0][:n]))
	wrap(ColDstPort, arrow.Uint16Traits.CastToBytes(c.ports[1][:n]))
	wrap(ColProtocol, c.proto[:n])
	wrap(ColPackets, arrow.Int64Traits.CastToBytes(c.count[0][:n]))
	wrap(ColBytes, arrow.Int64Traits.CastToBytes(c.count[1][:n]))
	wrap(ColStart, arrow.Int64Traits.CastToBytes(c.time[0][:n]))
	wrap(ColEnd, arrow.Int64Traits.CastToBytes(c.time[1][:n]))
	wrap(ColTCPFlags, c.word.flags[:n])
	wrapPlain(&cols, ColAction, c.word.action[:n])
	wrapPlain(&cols, ColStatus, c.word.status[:n])
	wrapPlain(&cols, ColDirection, c.word.direction[:n])

	indexes := memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(c.ids[:n]))
	for i, column := range idColumns {
		dict := ids.text[i].array()
		data := array.NewDataWithDictionary(idType, n, []*memory.Buffer{nil, indexes}, 0, 0, dict.Data().(*array.Data))
		cols[column] = array.NewDictionaryData(data)
		data.Release()
		dict.Release()
	}
	rec := array.NewRecord(Schema, cols[:], int64(n))
	for _, a := range cols {
		a.Release()
	}
	return rec
}

// wrapPlain wraps a column that is never null: its unknown is a value of its own.
func wrapPlain(cols *[NumColumns]arrow.Array, column int, values []byte) {
	data := array.NewData(arrow.PrimitiveTypes.Uint8, len(values), []*memory.Buffer{nil, memory.NewBufferBytes(values)}, nil, 0, 0)
	cols[column] = array.NewUint8Data(data)
	data.Release()
}

// idColumns are the dictionary columns in the order of interfaces.text.
var idColumns = [4]int{ColInterface, ColAccount, ColVPC, ColSubnet}

// texts is an append-only list of strings as Arrow lays them out.
type texts struct {
	offsets []int32 // one more than strings
	bytes   []byte
}

func (t *texts) reset() {
	// The arrays of earlier batches are dead by now (a batch is valid until it was observed), so the memory is used again.
	t.offsets = append(t.offsets[:0], 0)
	t.bytes = t.bytes[:0]
}

func (t *texts) add(s []byte) {
	t.bytes = append(t.bytes, s...)
	t.offsets = append(t.offsets, int32(len(t.bytes)))
}

func (t *texts) at(i int) []byte { return t.bytes[t.offsets[i]:t.offsets[i+1]] }

func (t *texts) array() arrow.Array {
	data := array.NewData(arrow.BinaryTypes.String, len(t.offsets)-1, []*memory.Buffer{
		nil, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(t.offsets)), memory.NewBufferBytes(t.bytes),
	}, nil, 0, 0)
	defer data.Release()
	return array.NewStringData(data)
}

// data is the dictionary as Arrow lays it out: the addresses one after another.
func (c *codes) data() *array.Data {
	values := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(c.values))), len(c.values)*len(address{}))
	return array.NewData(addrType.ValueType, len(c.values), []*memory.Buffer{nil, memory.NewBufferBytes(values)}, nil, 0, 0)
}
