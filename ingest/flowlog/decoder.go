package flowlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/sgtrim/sgtrim/ingest/inflate"
)

// Options of a Decoder. The zero value reads every record and stops at the first bad one.
type Options struct {
	Since, Until time.Time // a record counts if its end is in [Since, Until); zero is open
	SkipBad      bool      // go on after a bad record
	LogFields    string    // format of files without header line: "${version} ${account-id} …" or plain names
}

// Input is one object to decode.
type Input struct {
	Name string    // stands in errors
	Body io.Reader // its bytes; unused when At is given
	// At gives the bytes at random, Size is how many there are: Parquet is read from it without being held in memory.
	At   io.ReaderAt
	Size int64
	// Overlap inflates on a core of its own while this one parses: worth it when other cores would idle.
	Overlap bool
}

// Output takes what a Decoder reads. An error that one of its functions returns stops the decoder and is returned.
type Output struct {
	Batch func(arrow.Record) error // valid until it returns; at most 16,384 rows, at least one
	Bad   func(*RecordError) error // with SkipBad; nil drops the report
}

// Counts of the records of one object: Records = OK + NoData + SkipData + Outside + Bad.
type Counts struct {
	Records  int64
	OK       int64 // in batches, with status OK
	NoData   int64 // in batches
	SkipData int64 // in batches
	Outside  int64 // good, but ended outside the window: in no batch
	Bad      int64
}

// Add sums counts.
func (c *Counts) Add(o Counts) {
	c.Records += o.Records
	c.OK += o.OK
	c.NoData += o.NoData
	c.SkipData += o.SkipData
	c.Outside += o.Outside
	c.Bad += o.Bad
}

// Decoder reads objects one after another. It is for one goroutine.
type Decoder struct {
	skipBad      bool
	given        []string // format of files without header, nil for none
	since, until int64    // unix seconds, [since, until)

	cols   columns
	more   columns // what is free of cols, as long as a chunk is parsed
	bits   bitmaps
	ids    interfaces
	addrs  addresses
	off    []uint32
	tokens [][]byte
	rows   []uint32 // rows that are kept of a batch
	chunks [overlapChunks]chunk
	gz     *inflate.Reader // nil until the first gzip object
	pq     *columnReader   // nil until the first Parquet object
	whole  []byte          // a Parquet file that is read at once
	// wholeMost is wholeParquet, but in tests.
	wholeMost int64

	// The object in work.
	ctx    context.Context
	in     Input
	out    Output
	counts Counts
	format *recordFormat
	line   int64 // lines, or rows of Parquet, before those in work

	unread []byte // what follows the line that ended the reading

	badCells []badCell // of a batch of Parquet
	inOutput bool      // a function of out is running
}

// NewDecoder checks the options and makes a decoder. It holds about 4 MB, and up to 5 MB more once an object had very many
// addresses.
func NewDecoder(opt Options) (*Decoder, error) {
	d := &Decoder{skipBad: opt.SkipBad, since: math.MinInt64, until: math.MaxInt64, wholeMost: wholeParquet}
	if !opt.Since.IsZero() {
		d.since = ceilUnix(opt.Since)
	}
	if !opt.Until.IsZero() {
		d.until = ceilUnix(opt.Until)
	}
	if opt.LogFields != "" {
		var err error
		if d.given, err = ParseLogFields(opt.LogFields); err != nil {
			return nil, err
		}
	}
	d.cols.init()
	d.ids.init()
	d.addrs.init()
	return d, nil
}

// ceilUnix is the first whole second not before t: records know whole seconds only.
func ceilUnix(t time.Time) int64 {
	if t.Nanosecond() > 0 {
		return t.Unix() + 1
	}
	return t.Unix()
}

// Decode reads one object and hands its records to out. The counts are right also after an error: they say how far it came.
//
// Errors are *RecordError for a bad record (without SkipBad), or name the object. ErrNotFlowLog, ErrTransitGateway,
// ErrNoHeader and ErrMissingFields are in their chains; of these, the first two mean that the object is no input at all
// as long as no record was read before.
func (d *Decoder) Decode(ctx context.Context, in Input, out Output) (Counts, error) {
	d.ctx, d.in, d.out = ctx, in, out
	d.counts, d.format, d.line = Counts{}, nil, 0
	d.cols.reset()
	d.ids.next()
	d.addrs.begin()
	err := d.decode()
	d.ctx, d.in, d.out, d.unread = nil, Input{}, Output{}, nil // nothing of the object is held on to
	if d.gz != nil {
		d.gz.Reset(nil)
	}
	return d.counts, err
}

func (d *Decoder) decode() error {
	if d.in.At != nil {
		if IsParquet(d.in.At) {
			return d.parquetFile()
		}
		d.in.Body = io.NewSectionReader(d.in.At, 0, d.in.Size)
	}
	head, body, err := peek(d.in.Body)
	if err != nil {
		return d.objectError(err)
	}
	if isGzip(head) {
		if head, body, err = d.gunzip(body).peek(); err != nil {
			return d.objectError(err)
		}
	}
	if isGzip(head) { // a batch of a subscription is compressed before Firehose compresses it again
		if head, body, err = peek(gzipErrors{inflate.NewReader(body)}); err != nil {
			return d.objectError(err)
		}
	}
	if string(head) == parquetMagic {
		return d.parquetStream(body)
	}
	if head = bytes.TrimLeft(head, " \t\r\n"); len(head) > 0 && head[0] == '{' {
		return d.text(newEnvelopes(body))
	}
	return d.text(body)
}

func isGzip(head []byte) bool { return bytes.HasPrefix(head, []byte{0x1f, 0x8b}) }

// peek returns the first bytes, four or all, and a reader that still gives them.
func peek(r io.Reader) ([]byte, io.Reader, error) {
	head := make([]byte, 4)
	n, err := io.ReadFull(r, head)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return head[:n], bytes.NewReader(head[:n]), nil
	}
	if err != nil {
		return nil, nil, err
	}
	return head, io.MultiReader(bytes.NewReader(head), r), nil
}

// gunzip returns a reader of what r holds compressed.
func (d *Decoder) gunzip(r io.Reader) gzipErrors {
	if d.gz == nil {
		d.gz = inflate.NewReader(r)
	} else {
		d.gz.Reset(r)
	}
	return gzipErrors{d.gz}
}

// gzipErrors says of what the errors are.
type gzipErrors struct{ r *inflate.Reader }

func (g gzipErrors) Read(b []byte) (int, error) {
	n, err := g.r.Read(b)
	return n, g.of(err)
}

// next is the next piece, where it lies in the inflater's window.
func (g gzipErrors) next() ([]byte, error) {
	piece, err := g.r.Next()
	return piece, g.of(err)
}

func (g gzipErrors) of(err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return fmt.Errorf("gzip: %w", err)
}

// peek is what peek of any reader is, but takes nothing, so that text can be parsed where it lies.
func (g gzipErrors) peek() ([]byte, io.Reader, error) {
	if piece, err := g.r.Peek(); err == nil && len(piece) >= 4 {
		return piece[:4], g, nil
	}
	return peek(g)
}

// objectError is an error of the object as a whole.
func (d *Decoder) objectError(err error) error {
	if ctxErr := d.ctx.Err(); ctxErr != nil {
		return ctxErr
	}
	var at *RecordError
	if errors.As(err, &at) && at.Object != "" {
		return err
	}
	e := &RecordError{Object: d.in.Name, Line: d.line, Err: err}
	if errors.Is(err, ErrNotFlowLog) {
		e.Line = 0 // no line is at fault
	}
	if at != nil {
		e.Field, e.Err = at.Field, at.Err
	}
	return e
}

// bad takes a bad record: reported with SkipBad, else an error.
func (d *Decoder) bad(line int64, field string, err error) error {
	e := &RecordError{Object: d.in.Name, Line: line, Field: field, Err: err}
	d.counts.Records++
	d.counts.Bad++
	if !d.skipBad {
		return e
	}
	if d.out.Bad == nil {
		return nil
	}
	d.inOutput = true
	err = d.out.Bad(e)
	d.inOutput = false
	return err
}

// flush hands the rows in the columns on and empties them.
func (d *Decoder) flush() error {
	n := d.cols.n
	d.counts.Records += int64(n)
	d.dropOutside()
	d.counts.Outside += int64(n - d.cols.n)
	for _, s := range d.cols.word.status[:d.cols.n] {
		switch Status(s) {
		case StatusOK:
			d.counts.OK++
		case StatusNoData:
			d.counts.NoData++
		case StatusSkipData:
			d.counts.SkipData++
		}
	}
	var err error
	if d.cols.n > 0 && d.out.Batch != nil {
		rec := d.cols.batch(&d.bits, &d.ids, &d.addrs.codes)
		d.inOutput = true
		err = d.out.Batch(rec)
		d.inOutput = false
		rec.Release()
	}
	d.addrs.settle(d.cols.n > 0)
	d.cols.reset()
	return err
}

// dropOutside removes the records that ended outside the window.
func (d *Decoder) dropOutside() {
	if d.since == math.MinInt64 && d.until == math.MaxInt64 {
		return
	}
	d.rows = d.rows[:0]
	for r, end := range d.cols.time[1][:d.cols.n] {
		if end >= d.since && end < d.until {
			d.rows = append(d.rows, uint32(r))
		}
	}
	if len(d.rows) < d.cols.n {
		d.cols.keep(d.rows)
	}
}
