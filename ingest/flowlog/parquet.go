package flowlog

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// maxParquet is the largest Parquet object that is read from a stream: its footer is at the end, so it is held in memory.
// Local files are read in place, whatever their size.
const maxParquet = 1 << 30

// wholeParquet is the largest local file that is read at once. AWS's files of five minutes are of about this size at most, and
// page by page they would take two system calls for each of their many small pages.
const wholeParquet = 2 << 20

// columnReader is what reading Parquet needs beyond reading text. It is made at the first Parquet object of a decoder.
type columnReader struct {
	columns [NumColumns]column
	ids     [4][]int32 // per row of the batch: number of the text in idTexts
	texts   [4]idTexts
	known   []int32 // by the interface's number: its index in the dictionaries, -1 when not there yet
	buf     pageBuffers
}

func newColumnReader(c *columns, a *addresses) *columnReader {
	p := new(columnReader)
	for i, column := range idColumns {
		p.ids[i] = make([]int32, maxRows)
		p.columns[column] = newCursor(column, p.ids[i], idMeaning(&p.texts[i]))
	}
	for i, column := range addrColumns {
		p.columns[column] = newAddressCursor(column, c.addr[i], a)
	}
	for i, column := range [...]int{ColSrcPort, ColDstPort} {
		p.columns[column] = newCursor(column, c.ports[i], wholeNumber[uint16](math.MaxUint16))
	}
	for i, column := range [...]int{ColPackets, ColBytes} {
		p.columns[column] = newCursor(column, c.count[i], wholeNumber[int64](math.MaxInt64))
	}
	for i, column := range [...]int{ColStart, ColEnd} {
		p.columns[column] = newCursor(column, c.time[i], moment())
	}
	small := func(column int, dst []uint8, m meaning[uint8]) {
		p.columns[column] = newCursor(column, dst, m)
	}
	small(ColProtocol, c.proto, wholeNumber[uint8](math.MaxUint8))
	small(ColTCPFlags, c.word.flags, wholeNumber[uint8](math.MaxUint8))
	small(ColAction, c.word.action, wordMeaning(actionCodes))
	small(ColStatus, c.word.status, wordMeaning(statusCodes))
	small(ColDirection, c.word.direction, wordMeaning(directionCodes))
	return p
}

// parquetFile reads a Parquet object that is a local file.
func (d *Decoder) parquetFile() error {
	size := d.in.Size
	if size > d.wholeMost {
		return d.parquet(&stored{at: d.in.At}, size)
	}
	d.whole = slices.Grow(d.whole[:0], int(size))[:size]
	if n, err := d.in.At.ReadAt(d.whole, 0); n < len(d.whole) {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF // it has become shorter
		}
		return d.objectError(err)
	}
	return d.parquet(&stored{mem: d.whole, at: bytes.NewReader(d.whole)}, size)
}

// parquetStream reads a Parquet object that comes as a stream.
func (d *Decoder) parquetStream(r io.Reader) error {
	b, err := io.ReadAll(&ctxReader{d.ctx, io.LimitReader(r, maxParquet+1)})
	if err == nil && len(b) > maxParquet {
		err = fmt.Errorf("a Parquet object of more than %d bytes must be a local file", maxParquet)
	}
	if err != nil {
		return d.objectError(err)
	}
	return d.parquet(&stored{mem: b, at: bytes.NewReader(b)}, int64(len(b)))
}

// ctxReader ends reading when its context does.
type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *ctxReader) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(b)
}

// parquet reads a Parquet object. A panic of a library on damaged bytes becomes an error; one of the consumer passes.
func (d *Decoder) parquet(src *stored, size int64) (err error) {
	defer func() {
		if d.inOutput {
			return // the consumer's own bug
		}
		if p := recover(); p != nil {
			err = d.objectError(fmt.Errorf("parquet: %v", p))
		}
	}()
	f, err := openParquet(src.at, size)
	if err != nil {
		return d.objectError(fmt.Errorf("parquet: %w", err))
	}
	leaves := flatColumns(f)
	if d.format, err = parquetFormat(leaves); err != nil {
		if errors.Is(err, ErrMissingFields) && d.skipBad {
			d.counts.Records = max(0, f.NumRows())
			d.counts.Bad = d.counts.Records
		}
		return d.objectError(err)
	}
	if d.pq == nil {
		d.pq = newColumnReader(&d.cols, &d.addrs)
	}
	for i := range d.pq.texts {
		d.pq.texts[i].reset()
	}
	d.pq.known = d.pq.known[:0]
	for g := range f.Metadata().RowGroups {
		if err := d.rowGroup(&f.Metadata().RowGroups[g], leaves, src, size); err != nil {
			return err
		}
	}
	return nil
}

// flatColumns returns the columns at the top of the schema that hold one value a row, by position of the format.
func flatColumns(f *parquet.File) []*parquet.Column {
	var out []*parquet.Column
	for _, c := range f.Root().Columns() {
		if c.Leaf() && !c.Repeated() {
			out = append(out, c)
		}
	}
	return out
}

// parquetFormat resolves the columns by name: AWS's field names with _ for -.
func parquetFormat(leaves []*parquet.Column) (*recordFormat, error) {
	names := make([]string, len(leaves))
	found := 0
	for i, c := range leaves {
		names[i] = strings.ReplaceAll(c.Name(), "_", "-")
		if at, ok := columnOf[names[i]]; ok && at >= 0 {
			found++
		}
	}
	f, err := newFormat(names)
	if errors.Is(err, ErrMissingFields) && found < 3 {
		err = ErrNotFlowLog
	}
	return f, err
}

func (d *Decoder) rowGroup(g *format.RowGroup, leaves []*parquet.Column, src *stored, size int64) error {
	if g.NumRows < 0 {
		return d.objectError(fmt.Errorf("parquet: row group of %d rows", g.NumRows))
	}
	for column := range NumColumns {
		if !d.format.has(column) {
			continue
		}
		leaf := leaves[d.format.at[column]]
		r, err := d.chunkPages(g, leaf, src, size)
		if err != nil {
			return d.objectError(&RecordError{Field: fieldNames[column], Err: fmt.Errorf("parquet: %w", err)})
		}
		d.pq.columns[column].open(r, g.NumRows)
	}
	for done := int64(0); done < g.NumRows; {
		if err := d.ctx.Err(); err != nil {
			return err
		}
		n := int(min(maxRows, g.NumRows-done))
		if err := d.parquetBatch(n); err != nil {
			return err
		}
		done += int64(n)
		d.line += int64(n)
	}
	return nil
}

// chunkPages finds the pages of one column of a row group.
func (d *Decoder) chunkPages(g *format.RowGroup, leaf *parquet.Column, src *stored, size int64) (pageReader, error) {
	if leaf.Index() >= len(g.Columns) {
		return pageReader{}, errors.New("missing from a row group")
	}
	c := &g.Columns[leaf.Index()]
	if c.FilePath != "" {
		return pageReader{}, errors.New("stored in another file")
	}
	m := &c.MetaData
	off := m.DataPageOffset
	if m.DictionaryPageOffset > 0 && m.DictionaryPageOffset < off {
		off = m.DictionaryPageOffset
	}
	if off < 0 || m.TotalCompressedSize < 0 || off > size || m.TotalCompressedSize > size-off {
		return pageReader{}, fmt.Errorf("%d bytes at %d in a file of %d", m.TotalCompressedSize, off, size)
	}
	return pageReader{
		src: src, off: off, end: off + m.TotalCompressedSize, codec: m.Codec,
		kind: leaf.Type().Kind(), optional: leaf.Optional(), dict: -1, buf: &d.pq.buf,
	}, nil
}

// parquetBatch reads the next n rows of a row group and hands them on.
func (d *Decoder) parquetBatch(n int) error {
	d.badCells = d.badCells[:0]
	for column := range NumColumns {
		if !d.format.has(column) {
			d.cols.absent(column, n)
			continue
		}
		if err := d.pq.columns[column].fill(d, n); err != nil {
			return d.objectError(err)
		}
	}
	d.cols.n = n
	if !d.format.has(ColStatus) {
		d.cols.settleEmpty()
	}
	bad := d.badCells
	d.cols.check(func(row uint32, column int, err error) { bad = append(bad, badCell{row, column, err}) })
	d.badCells = bad
	if err := d.dropBad(); err != nil {
		return err
	}
	d.parquetInterfaces()
	return d.flush()
}

// dropBad reports each bad row once, by its first fault, and drops it from the batch.
func (d *Decoder) dropBad() error {
	if len(d.badCells) == 0 {
		return nil
	}
	slices.SortStableFunc(d.badCells, func(a, b badCell) int { return cmp.Compare(a.row, b.row) })
	d.rows = d.rows[:0]
	next := uint32(0)
	for _, b := range d.badCells {
		if b.row < next {
			continue // another cell of the same row
		}
		for ; next < b.row; next++ {
			d.rows = append(d.rows, next)
		}
		next = b.row + 1
		if err := d.bad(d.line+int64(b.row)+1, fieldNames[b.column], b.err); err != nil {
			return err
		}
	}
	for ; next < uint32(d.cols.n); next++ {
		d.rows = append(d.rows, next)
	}
	for i := range idColumns {
		for to, from := range d.rows {
			d.pq.ids[i][to] = d.pq.ids[i][from]
		}
	}
	d.cols.keep(d.rows)
	return nil
}

// parquetInterfaces turns the texts of the id columns into indexes of the interface dictionaries.
func (d *Decoder) parquetInterfaces() {
	p := d.pq
	for len(p.known) < len(p.texts[0].texts) {
		p.known = append(p.known, -1)
	}
	for r := range d.cols.n {
		id := p.ids[0][r]
		if p.known[id] < 0 {
			var a attributes
			for i, column := range idColumns {
				if d.format.has(column) {
					a[i] = p.texts[i].texts[p.ids[i][r]]
				}
			}
			p.known[id] = d.ids.lookup(a)
		}
		d.cols.ids[r] = p.known[id]
	}
}
