package ledger

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"slices"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// columnFile writes a Parquet file of pages that somebody else encodes, column by column. The library's own writer takes rows,
// and looks every text of them up in a map, eleven of a row of evidence; that took as long as all the rest of writing.
type columnFile struct {
	out    io.Writer
	offset int64
	meta   format.FileMetaData
	chunks []chunk // of the row group, one a column
	packed []byte
}

// chunk is what a row group has of one column.
type chunk struct {
	dictionary bytes.Buffer // page, with its header
	pages      bytes.Buffer
	encodings  []format.Encoding
	values     int64
	size       int64 // of all pages, were they not compressed
	statistics format.Statistics
}

const magic = "PAR1"

// newColumnFile begins a file with the columns that a file of columnsLike has.
func newColumnFile(out io.Writer, columns func() (format.FileMetaData, error)) (*columnFile, error) {
	meta, err := columns()
	if err != nil {
		return nil, err
	}
	f := &columnFile{out: out, meta: meta, chunks: make([]chunk, len(meta.ColumnOrders))}
	return f, f.write([]byte(magic))
}

// columnsLike is what the library writes of a file of R without rows. No column may be optional or repeated.
func columnsLike[R any]() (format.FileMetaData, error) {
	var empty bytes.Buffer
	if err := parquet.NewGenericWriter[R](&empty, writerOptions()...).Close(); err != nil {
		return format.FileMetaData{}, err
	}
	f, err := parquet.OpenFile(bytes.NewReader(empty.Bytes()), int64(empty.Len()))
	if err != nil {
		return format.FileMetaData{}, err
	}
	meta := *f.Metadata()
	meta.RowGroups = nil // each file has its own
	return meta, nil
}

func (f *columnFile) write(b []byte) error {
	n, err := f.out.Write(b)
	f.offset += int64(n)
	return err
}

// page adds a page of n values to a column.
func (f *columnFile) page(column, n int, encoding format.Encoding, body []byte) error {
	c := &f.chunks[column]
	c.values += int64(n)
	return f.add(c, &c.pages, encoding, body, format.PageHeader{
		Type:             format.DataPageV2,
		DataPageHeaderV2: thrift.New(format.DataPageHeaderV2{NumValues: int32(n), NumRows: int32(n), Encoding: encoding, IsCompressed: thrift.New(true)}),
	})
}

// dictionary sets what the codes of a column's pages stand for: n entries, as they are encoded.
func (f *columnFile) dictionary(column, n int, entries []byte) error {
	c := &f.chunks[column]
	return f.add(c, &c.dictionary, format.Plain, entries, format.PageHeader{
		Type:                 format.DictionaryPage,
		DictionaryPageHeader: thrift.New(format.DictionaryPageHeader{NumValues: int32(n), Encoding: format.Plain}),
	})
}

func (f *columnFile) add(c *chunk, to *bytes.Buffer, encoding format.Encoding, body []byte, header format.PageHeader) (err error) {
	if encoding == format.DeltaBinaryPacked { // so dense that compression finds nothing
		f.packed = append(f.packed[:0], body...)
		header.DataPageHeaderV2.V.IsCompressed.V = false
	} else if f.packed, err = compression.Encode(f.packed[:0], body); err != nil {
		return err
	}
	header.UncompressedPageSize, header.CompressedPageSize = int32(len(body)), int32(len(f.packed))
	header.CRC = int32(crc32.ChecksumIEEE(f.packed))
	b, err := thrift.Marshal(new(thrift.CompactProtocol), &header)
	if err != nil {
		return err
	}
	to.Write(b)
	to.Write(f.packed)
	c.size += int64(len(b) + len(body))
	if !slices.Contains(c.encodings, encoding) {
		c.encodings = append(c.encodings, encoding)
	}
	return nil
}

// bounds sets the least and the greatest text of a column in the row group.
func (f *columnFile) bounds(column int, least, greatest string) {
	f.chunks[column].statistics = format.Statistics{MinValue: []byte(least), MaxValue: []byte(greatest)}
}

// endRowGroup writes the row group.
func (f *columnFile) endRowGroup() error {
	group := format.RowGroup{NumRows: f.chunks[0].values, FileOffset: f.offset, Ordinal: int16(len(f.meta.RowGroups))}
	for i := range f.chunks {
		c := &f.chunks[i]
		element := &f.meta.Schema[i+1] // behind the root
		m := format.ColumnMetaData{
			Type: element.Type.V, Encoding: c.encodings, PathInSchema: []string{element.Name}, Codec: compression.CompressionCodec(),
			NumValues: c.values, TotalUncompressedSize: c.size, TotalCompressedSize: int64(c.dictionary.Len() + c.pages.Len()),
			Statistics: c.statistics,
		}
		if c.dictionary.Len() > 0 {
			m.DictionaryPageOffset = f.offset
		}
		if err := f.write(c.dictionary.Bytes()); err != nil {
			return err
		}
		m.DataPageOffset = f.offset
		if err := f.write(c.pages.Bytes()); err != nil {
			return err
		}
		group.Columns = append(group.Columns, format.ColumnChunk{MetaData: m})
		group.TotalByteSize += m.TotalUncompressedSize
		group.TotalCompressedSize += m.TotalCompressedSize
		c.dictionary.Reset()
		c.pages.Reset()
		*c = chunk{dictionary: c.dictionary, pages: c.pages}
	}
	f.meta.NumRows += group.NumRows
	f.meta.RowGroups = append(f.meta.RowGroups, group)
	return nil
}

// close ends the file; out stays open.
func (f *columnFile) close() error {
	b, err := thrift.Marshal(new(thrift.CompactProtocol), &f.meta)
	if err != nil {
		return err
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(b)))
	return f.write(append(b, magic...))
}
