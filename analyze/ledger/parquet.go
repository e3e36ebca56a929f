package ledger

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"net/netip"
	"os"
	"runtime"
	"slices"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
	"golang.org/x/sync/errgroup"
)

// The columns of the ledger's files; docs/ledger.md explains them. Words and addresses are text, so that any tool reads
// them; dictionaries keep them small.
type evidenceRow struct {
	Day       int32  `parquet:"day,date"`
	Account   string `parquet:"account_id,dict"`
	Region    string `parquet:"region,dict"`
	Source    string `parquet:"source,dict"`
	Interface string `parquet:"interface_id,dict"`
	A         string `parquet:"a,dict"`
	B         string `parquet:"b,dict"`
	Proto     int32  `parquet:"protocol"`
	PortA     int32  `parquet:"port_a"`
	PortB     int32  `parquet:"port_b"`
	Action    string `parquet:"action,dict"`
	Side      string `parquet:"side,dict"`
	Client    string `parquet:"client,dict"`
	Reason    string `parquet:"reason,dict"`
	Strength  string `parquet:"strength,dict"`
	ABFlows   int64  `parquet:"ab_flows"`
	ABPackets int64  `parquet:"ab_packets"`
	ABBytes   int64  `parquet:"ab_bytes"`
	ABFlags   int32  `parquet:"ab_flags"`
	ABFlagged bool   `parquet:"ab_flagged"`
	ABOpens   bool   `parquet:"ab_opens"`
	BAFlows   int64  `parquet:"ba_flows"`
	BAPackets int64  `parquet:"ba_packets"`
	BABytes   int64  `parquet:"ba_bytes"`
	BAFlags   int32  `parquet:"ba_flags"`
	BAFlagged bool   `parquet:"ba_flagged"`
	BAOpens   bool   `parquet:"ba_opens"`
	First     int64  `parquet:"first_seen"`
	Last      int64  `parquet:"last_seen"`
	Hours     int32  `parquet:"hours"`
	Sessions  int64  `parquet:"sessions"`
}

type coverageRow struct {
	Day       int32  `parquet:"day,date"`
	Account   string `parquet:"account_id,dict"`
	Region    string `parquet:"region,dict"`
	Source    string `parquet:"source,dict"`
	Interface string `parquet:"interface_id,dict"`
	Covered   int32  `parquet:"covered"`
	Gaps      int32  `parquet:"gaps"`
	Accepts   int64  `parquet:"accepts"`
	Rejects   int64  `parquet:"rejects"`
	NoData    int64  `parquet:"nodata"`
	SkipData  int64  `parquet:"skipdata"`
}

type attributesRow struct {
	Interface string `parquet:"interface_id"`
	Account   string `parquet:"account_id,dict"`
	VPC       string `parquet:"vpc_id,dict"`
	Subnet    string `parquet:"subnet_id,dict"`
	Region    string `parquet:"region,dict"`
}

type objectRow struct {
	ID      string `parquet:"object"`
	ETag    string `parquet:"etag"`
	Size    int64  `parquet:"size"`
	Account string `parquet:"account_id,dict"`
	Region  string `parquet:"region,dict"`
	First   int32  `parquet:"first_day,date"`
	Last    int32  `parquet:"last_day,date"`
}

func (r *objectRow) object(day int32) Object {
	return Object{Day: day, ID: r.ID, ETag: r.ETag, Size: r.Size, Account: r.Account, Region: r.Region, First: r.First, Last: r.Last}
}

// Everything below is part of the promise "same content, same bytes": change any of it only with SchemaVersion.
const (
	rowGroupRows   = 1 << 17
	pageBytes      = 256 << 10
	dictionaryMost = 4 << 20 // bytes of a dictionary, beyond which a column goes on without one
)

func writerOptions() []parquet.WriterOption {
	return []parquet.WriterOption{
		parquet.CreatedBy("sgtrim", "ledger-2", "0"),
		parquet.Compression(&zstd.Codec{Level: zstd.SpeedFastest, Concurrency: 1}),
		parquet.MaxRowsPerRowGroup(rowGroupRows),
		parquet.PageBufferSize(pageBytes),
		parquet.DictionaryMaxBytes(dictionaryMost),
	}
}

const batchRows = 1024 // rows encoded or decoded at a time

// writeRows encodes rows to w and returns their number. Encoding goes on in a goroutine of its own while the next rows are
// made, which takes about as long; it has ended when writeRows returns.
func writeRows[R any](w io.Writer, rows iter.Seq2[R, error]) (n int64, err error) {
	const batches = 3 // one being filled, one on its way, one being encoded
	full, free := make(chan []R, batches), make(chan []R, batches)
	for range batches {
		free <- make([]R, 0, batchRows)
	}
	encoded := make(chan error, 1)
	go func() { encoded <- encode(w, full, free) }()

	batch := <-free
	for r, rowErr := range rows {
		if err = rowErr; err != nil {
			break
		}
		n++
		if batch = append(batch, r); len(batch) == batchRows {
			full <- batch
			if batch = <-free; batch == nil {
				break // encoding has failed
			}
		}
	}
	if err == nil && len(batch) > 0 {
		full <- batch
	}
	close(full)
	if failed := <-encoded; err == nil {
		err = failed
	}
	return n, err
}

// encode writes the batches of full to w and hands them back. When it fails, it closes free.
func encode[R any](w io.Writer, full <-chan []R, free chan<- []R) error {
	e := encoder[R]{file: parquet.NewGenericWriter[R](w, writerOptions()...)}
	for batch := range full {
		if err := e.write(batch); err != nil {
			close(free)
			return err
		}
		free <- batch[:0]
	}
	return e.close()
}

// encoder writes what the library's writer would write of itself, but pages are made by all cores: that is most of the work,
// and a page needs nothing of other columns.
type encoder[R any] struct {
	file *parquet.GenericWriter[R]
	n    int // rows of the row group
}

const (
	// stepRows is after how many rows the library looks whether pages are full.
	stepRows = 64
	// pageRows is after how many rows pages of 8 bytes a value are full, and those of 4 bytes every other time. Were it
	// another number, the bytes would be the same, but one core would make them.
	pageRows = (pageBytes*98/100/8 + stepRows) / stepRows * stepRows
)

// write adds rows: a whole number of steps, but for the last ones of the file.
func (e *encoder[R]) write(rows []R) (err error) {
	for step := range slices.Chunk(rows, stepRows) {
		if e.n += len(step); e.n%pageRows == 0 {
			err = e.writeByColumn(step)
		} else {
			_, err = e.file.Write(step)
		}
		if err == nil && e.n == rowGroupRows {
			err = e.endRowGroup()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// writeByColumn adds the rows after which pages are full.
func (e *encoder[R]) writeByColumn(rows []R) error {
	columns := make([][]parquet.Value, len(e.file.ColumnWriters()))
	var values parquet.Row
	for i := range rows {
		values = e.file.Schema().Deconstruct(values[:0], &rows[i])
		for c, v := range values { // no column is optional or repeated
			columns[c] = append(columns[c], v)
		}
	}
	return e.eachColumn(func(c int, w *parquet.ColumnWriter) error {
		_, err := w.WriteRowValues(columns[c])
		return err
	})
}

// endRowGroup writes the row group, of which the last pages are not full.
func (e *encoder[R]) endRowGroup() error {
	e.n = 0
	if err := e.eachColumn(func(_ int, w *parquet.ColumnWriter) error { return w.Flush() }); err != nil {
		return err
	}
	return e.file.Flush()
}

func (e *encoder[R]) close() error {
	if err := e.endRowGroup(); err != nil {
		return err
	}
	return e.file.Close()
}

// eachColumn calls do with all columns, on all cores.
func (e *encoder[R]) eachColumn(do func(c int, w *parquet.ColumnWriter) error) error {
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for c, w := range e.file.ColumnWriters() {
		g.Go(func() error { return do(c, w) })
	}
	return g.Wait()
}

// readRows yields the rows of a file. The rows' strings are valid after the next step.
func readRows[R any](path string, want int64) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		var zero R
		f, err := os.Open(path)
		if err != nil {
			yield(zero, err)
			return
		}
		defer f.Close()
		err = eachRow(f, want, func(r R) bool { return yield(r, nil) })
		if err != nil {
			yield(zero, fmt.Errorf("%s: %w", path, err))
		}
	}
}

func eachRow[R any](f *os.File, want int64, yield func(R) bool) error {
	return guard(yield, func(yield func(R) bool) error {
		pf, err := openParquet(f, want)
		if err != nil {
			return err
		}
		pr := parquet.NewGenericReader[R](pf)
		defer pr.Close()
		batch := make([]R, batchRows)
		for {
			n, err := pr.Read(batch)
			for _, r := range batch[:n] {
				if !yield(r) {
					return nil
				}
			}
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
		}
	})
}

// openParquet opens a file that must have so many rows.
func openParquet(f *os.File, want int64) (*parquet.File, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	pf, err := parquet.OpenFile(f, info.Size(), parquet.SkipBloomFilters(true), parquet.SkipPageIndex(true), parquet.ReadBufferSize(64<<10))
	if err != nil {
		return nil, err
	}
	if pf.NumRows() != want {
		return nil, fmt.Errorf("%d rows where the manifest says %d", pf.NumRows(), want)
	}
	return pf, nil
}

// guard runs read, which calls yield. The library's decoder panics on some corrupt files; a damaged ledger is an error like
// any other. A panic within yield is its caller's own and goes on.
func guard[R any](yield func(R) bool, read func(yield func(R) bool) error) (err error) {
	inYield := false
	defer func() {
		if inYield {
			return
		}
		if p := recover(); p != nil {
			err = fmt.Errorf("corrupt Parquet file: %v", p)
		}
	}()
	return read(func(r R) bool {
		inYield = true
		more := yield(r)
		inYield = false
		return more
	})
}

var (
	sideWords   = [...]string{SideOpen: "open", SideA: "a"}
	clientWords = [...]string{ClientOpen: "open", ClientA: "a", ClientB: "b"}
)

// rowWriter turns evidence of one partition into rows. Addresses are mostly those of the row before.
type rowWriter struct {
	Partition
	a, b addrText
}

// addrText is an address and its text.
type addrText struct {
	addr netip.Addr
	text string
}

func (t *addrText) of(a netip.Addr) string {
	if t.addr != a {
		*t = addrText{a, a.String()}
	}
	return t.text
}

func (w *rowWriter) row(e *Evidence) evidenceRow {
	return evidenceRow{
		Day: e.Day, Account: w.Account, Region: w.Region, Source: e.Source, Interface: e.Interface,
		A: w.a.of(e.A), B: w.b.of(e.B), Proto: int32(e.Proto), PortA: int32(e.PortA), PortB: int32(e.PortB),
		Action: e.Action.String(), Side: sideWords[e.Side], Client: clientWords[e.Client],
		Reason: e.Reason.String(), Strength: e.Strength.String(),
		ABFlows: e.AB.Flows, ABPackets: e.AB.Packets, ABBytes: e.AB.Bytes, ABFlags: int32(e.AB.Flags), ABFlagged: e.AB.Flagged, ABOpens: e.AB.Opens,
		BAFlows: e.BA.Flows, BAPackets: e.BA.Packets, BABytes: e.BA.Bytes, BAFlags: int32(e.BA.Flags), BAFlagged: e.BA.Flagged, BAOpens: e.BA.Opens,
		First: e.First, Last: e.Last, Hours: int32(e.Hours), Sessions: e.Sessions,
	}
}
