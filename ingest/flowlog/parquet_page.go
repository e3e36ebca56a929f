package flowlog

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/sgtrim/sgtrim/ingest/inflate"
)

// Bounds of what a page may claim to hold; those that writers make are of about a megabyte.
const (
	maxPage       = 256 << 20
	maxPageValues = 1 << 24
)

// stored gives the bytes of a Parquet object: from memory as they are, from a file by reading.
type stored struct {
	mem []byte
	at  io.ReaderAt
}

// slice returns n bytes from off, of which buf may be the memory.
func (s *stored) slice(off, n int64, buf []byte) ([]byte, error) {
	if s.mem != nil {
		if off < 0 || n < 0 || off > int64(len(s.mem)) || n > int64(len(s.mem))-off {
			return nil, io.ErrUnexpectedEOF
		}
		return s.mem[off : off+n], nil
	}
	if int64(cap(buf)) < n {
		buf = make([]byte, n)
	}
	buf = buf[:n]
	if got, err := s.at.ReadAt(buf, off); int64(got) < n {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return buf, nil
}

// pageReader reads the pages of one column of one row group. Buffers are shared by the columns of a decoder, as a page is
// worked up at once.
type pageReader struct {
	src      *stored
	off, end int64
	codec    format.CompressionCodec
	kind     parquet.Kind
	optional bool
	dict     int // values of the dictionary, -1 before there is one
	buf      *pageBuffers
}

type pageBuffers struct {
	stored, header, inflated []byte
	raw                      values
	gz                       *inflate.Reader
	zstd                     *zstd.Decoder
}

// page is a data page, worked up so far that only the values' meaning is open.
type page struct {
	rows    int
	nulls   []uint32 // rows of the page that are null
	indexes []uint32 // of the non-null values into the dictionary
	plain   *values  // the non-null values themselves, if there are no indexes; nil else
	// inflated says that the values lie in the buffer of that name, not where the page was stored.
	inflated bool
}

// next reads up to the next data page into p; dictionaries met on the way are handed to dictionary. io.EOF is the end.
func (r *pageReader) next(p *page, rowsLeft int64, dictionary func(*values) error) error {
	for {
		if r.off >= r.end {
			return io.EOF
		}
		h, body, err := r.header()
		if err != nil {
			return err
		}
		switch h.Type {
		case format.DictionaryPage:
			err = r.dictionary(h, body, dictionary)
		case format.DataPage:
			return r.dataV1(p, h, body, rowsLeft)
		case format.DataPageV2:
			return r.dataV2(p, h, body, rowsLeft)
		case format.IndexPage: // never written; nothing in it is needed
		default:
			err = fmt.Errorf("%w: type %s", errPage, h.Type)
		}
		if err != nil {
			return err
		}
	}
}

// header reads the next page header and the stored bytes of the page.
func (r *pageReader) header() (*format.PageHeader, []byte, error) {
	const usual = 4 << 10
	for window := int64(usual); ; window *= 64 {
		window = min(window, r.end-r.off)
		b, err := r.src.slice(r.off, window, r.buf.header)
		if err != nil {
			return nil, nil, err
		}
		if r.src.mem == nil {
			r.buf.header = b
		}
		var protocol thrift.CompactProtocol
		in := protocol.NewReaderFromBytes(b)
		h := new(format.PageHeader)
		err = thrift.NewDecoder(in).Decode(h)
		if err != nil && window < r.end-r.off && window < maxFooter {
			continue // long statistics
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%w: header: %w", errPage, err)
		}
		r.off += int64(in.BytesRead())
		size := int64(h.CompressedPageSize)
		if size < 0 || size > r.end-r.off || h.UncompressedPageSize < 0 || h.UncompressedPageSize > maxPage {
			return nil, nil, fmt.Errorf("%w: of %d bytes, inflated %d", errPage, size, h.UncompressedPageSize)
		}
		body, err := r.src.slice(r.off, size, r.buf.stored)
		if err != nil {
			return nil, nil, err
		}
		if r.src.mem == nil {
			r.buf.stored = body
		}
		r.off += size
		return h, body, nil
	}
}

func (r *pageReader) dictionary(h *format.PageHeader, body []byte, use func(*values) error) error {
	if !h.DictionaryPageHeader.Valid || r.dict >= 0 {
		return fmt.Errorf("%w: dictionary", errPage)
	}
	n := int(h.DictionaryPageHeader.V.NumValues)
	b, err := r.inflate(body, int(h.UncompressedPageSize))
	if err != nil {
		return err
	}
	if n < 0 || n > maxPageValues {
		return fmt.Errorf("%w: dictionary of %d", errPage, n)
	}
	if e := h.DictionaryPageHeader.V.Encoding; e != format.Plain && e != plainDictionary {
		return fmt.Errorf("dictionary with encoding %s is not read", e)
	}
	if err := r.buf.raw.decode(r.kind, format.Plain, n, b); err != nil {
		return err
	}
	r.dict = n
	return use(&r.buf.raw)
}

func (r *pageReader) dataV1(p *page, h *format.PageHeader, body []byte, rowsLeft int64) error {
	if !h.DataPageHeader.Valid {
		return errPage
	}
	head := h.DataPageHeader.V
	b, err := r.inflate(body, int(h.UncompressedPageSize))
	if err != nil {
		return err
	}
	if err := p.start(head.NumValues, rowsLeft); err != nil {
		return err
	}
	p.inflated = r.codec != format.Uncompressed
	if r.optional {
		if head.DefinitionLevelEncoding != format.RLE {
			return fmt.Errorf("levels with encoding %s are not read", head.DefinitionLevelEncoding)
		}
		if len(b) < 4 || uint64(binary.LittleEndian.Uint32(b)) > uint64(len(b)-4) {
			return errPage
		}
		size := binary.LittleEndian.Uint32(b)
		if p.nulls, err = decodeNulls(p.nulls, p.rows, b[4:4+size]); err != nil {
			return err
		}
		b = b[4+size:]
	}
	return r.values(p, head.Encoding, b)
}

func (r *pageReader) dataV2(p *page, h *format.PageHeader, body []byte, rowsLeft int64) error {
	if !h.DataPageHeaderV2.Valid {
		return errPage
	}
	head := h.DataPageHeaderV2.V
	rep, def := int64(head.RepetitionLevelsByteLength), int64(head.DefinitionLevelsByteLength)
	if rep < 0 || def < 0 || rep+def > int64(len(body)) || rep+def > int64(h.UncompressedPageSize) {
		return errPage
	}
	if err := p.start(head.NumValues, rowsLeft); err != nil {
		return err
	}
	var err error
	if r.optional && def > 0 {
		if p.nulls, err = decodeNulls(p.nulls, p.rows, body[rep:rep+def]); err != nil {
			return err
		}
	}
	b := body[rep+def:]
	if compressed := head.IsCompressed; !compressed.Valid || compressed.V {
		if b, err = r.inflate(b, int(int64(h.UncompressedPageSize)-rep-def)); err != nil {
			return err
		}
		p.inflated = r.codec != format.Uncompressed
	}
	return r.values(p, head.Encoding, b)
}

func (p *page) start(n int32, rowsLeft int64) error {
	if n < 0 || int64(n) > rowsLeft || n > maxPageValues {
		return fmt.Errorf("%w: of %d rows, when %d are left", errPage, n, rowsLeft)
	}
	p.rows, p.nulls, p.indexes, p.plain, p.inflated = int(n), p.nulls[:0], p.indexes[:0], nil, false
	return nil
}

// values reads the values of a page.
func (r *pageReader) values(p *page, encoding format.Encoding, b []byte) error {
	n := p.rows - len(p.nulls)
	if encoding != format.RLEDictionary && encoding != plainDictionary {
		p.plain = &r.buf.raw
		return r.buf.raw.decode(r.kind, encoding, n, b)
	}
	if cap(p.indexes) < n {
		p.indexes = make([]uint32, n)
	}
	p.indexes = p.indexes[:n]
	return decodeIndexes(p.indexes, b)
}

// keep makes the numbers of page p the caller's own, who gives its memory of before for the next page.
func (r *pageReader) keep(p *page, b bare, own *[]byte) bare {
	if !p.inflated {
		*own = append((*own)[:0], b.bytes...)
		return bare{*own, b.width}
	}
	r.buf.inflated, *own = *own, r.buf.inflated
	return b
}

// zstdRoom beyond a page lets the library copy 16 bytes at a time up to the page's end.
const zstdRoom = 16

// inflate returns the size bytes that b holds compressed.
func (r *pageReader) inflate(b []byte, size int) ([]byte, error) {
	if r.codec == format.Uncompressed {
		return b, nil
	}
	if size == 0 {
		return nil, nil
	}
	if cap(r.buf.inflated) < size+zstdRoom {
		r.buf.inflated = make([]byte, size+zstdRoom)
	}
	out := r.buf.inflated[:size]
	switch r.codec {
	case format.Gzip:
		return out, r.buf.gunzip(out, b)
	case format.Snappy:
		if n, err := snappy.DecodedLen(b); err != nil || n != size {
			return nil, fmt.Errorf("%w: snappy of %d bytes, want %d", errPage, n, size)
		}
		_, err := snappy.Decode(out, b)
		return out, err
	case format.Zstd:
		if r.buf.zstd == nil {
			z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecodeAllCapLimit(true))
			if err != nil {
				return nil, err
			}
			r.buf.zstd = z
		}
		got, err := r.buf.zstd.DecodeAll(b, out[:0:size+zstdRoom])
		if err == nil && len(got) != size {
			err = fmt.Errorf("%w: zstd of %d bytes, want %d", errPage, len(got), size)
		}
		return got, err
	}
	return nil, fmt.Errorf("compression %s is not read", r.codec)
}

// gunzip fills out exactly.
func (p *pageBuffers) gunzip(out, b []byte) error {
	if p.gz == nil {
		p.gz = inflate.NewReader(nil)
	}
	p.gz.Reset(bytes.NewReader(b))
	defer p.gz.Reset(nil) // hold on to nothing
	if _, err := io.ReadFull(p.gz, out); err != nil {
		return err
	}
	var more [1]byte
	if n, err := p.gz.Read(more[:]); n != 0 || err != io.EOF {
		return cmp.Or(err, fmt.Errorf("%w: gzip of more than %d bytes", errPage, len(out)))
	}
	return nil
}

// plainDictionary is how writers of format version 1 name a dictionary's pages; AWS's files are such, so deprecated or not it
// is read.
const plainDictionary = format.Encoding(2)
