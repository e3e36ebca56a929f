package flowlog

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// plainPage is a column chunk of one page, of version 2, of plain numbers that are compressed or not.
func plainPage(t *testing.T, compressed bool, numbers ...int64) []byte {
	t.Helper()
	var values []byte
	for _, n := range numbers {
		values = binary.LittleEndian.AppendUint64(values, uint64(n))
	}
	body := values
	if compressed {
		w, err := zstd.NewWriter(nil)
		if err != nil {
			t.Fatal(err)
		}
		body = w.EncodeAll(values, nil)
	}
	h := format.PageHeader{Type: format.DataPageV2, UncompressedPageSize: int32(len(values)), CompressedPageSize: int32(len(body))}
	h.DataPageHeaderV2.Valid = true
	h.DataPageHeaderV2.V = format.DataPageHeaderV2{NumValues: int32(len(numbers)), NumRows: int32(len(numbers)), Encoding: format.Plain}
	h.DataPageHeaderV2.V.IsCompressed.Valid, h.DataPageHeaderV2.V.IsCompressed.V = true, compressed
	head, err := thrift.Marshal(new(thrift.CompactProtocol), &h)
	if err != nil {
		t.Fatal(err)
	}
	return append(head, body...)
}

// Numbers of a page stay what they are while pages of other columns are read into the same buffers, wherever they lie.
func TestPlainNumbersAreKept(t *testing.T) {
	for _, inMemory := range []bool{false, true} {
		for compression := range 4 {
			var buf pageBuffers
			var columns [2]*cursor[int64]
			want := [2][]int64{{1, 2, 3, 4}, {50, 60, 70, 80}}
			for i := range columns {
				b := plainPage(t, compression>>i&1 == 1, want[i]...)
				src := &stored{at: bytes.NewReader(b)}
				if inMemory {
					src.mem = b
				}
				columns[i] = newCursor(ColPackets, make([]int64, 8), wholeNumber[int64](math.MaxInt64))
				columns[i].open(pageReader{src: src, end: int64(len(b)), codec: format.Zstd, kind: parquet.Int64, dict: -1, buf: &buf}, 4)
			}
			for part := range 2 {
				for i, c := range columns {
					if err := c.fill(nil, 2); err != nil {
						t.Fatal(err)
					}
					if got := c.dst[:2]; !slices.Equal(got, want[i][2*part:2*part+2]) {
						t.Errorf("in memory %t, compression %02b: column %d has %d, want %d", inMemory, compression, i, got, want[i][2*part:2*part+2])
					}
				}
			}
		}
	}
}
