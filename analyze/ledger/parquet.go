package ledger

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
)

// The columns of the ledger's files; docs/ledger.md explains them. Words and addresses are text, so that any tool reads
// them. Of evidence, dictionaries keep them small; they are our own, as the library's are not the same on all processors.
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
	Account   string `parquet:"account_id"`
	Region    string `parquet:"region"`
	Source    string `parquet:"source"`
	Interface string `parquet:"interface_id"`
	Covered   int32  `parquet:"covered"`
	Gaps      int32  `parquet:"gaps"`
	Accepts   int64  `parquet:"accepts"`
	Rejects   int64  `parquet:"rejects"`
	NoData    int64  `parquet:"nodata"`
	SkipData  int64  `parquet:"skipdata"`
}

type attributesRow struct {
	Interface string `parquet:"interface_id"`
	Account   string `parquet:"account_id"`
	VPC       string `parquet:"vpc_id"`
	Subnet    string `parquet:"subnet_id"`
	Region    string `parquet:"region"`
}

type objectRow struct {
	ID      string `parquet:"object"`
	ETag    string `parquet:"etag"`
	Size    int64  `parquet:"size"`
	Account string `parquet:"account_id"`
	Region  string `parquet:"region"`
	First   int32  `parquet:"first_day,date"`
	Last    int32  `parquet:"last_day,date"`
}

func (r *objectRow) object(day int32) Object {
	return Object{Day: day, ID: r.ID, ETag: r.ETag, Size: r.Size, Account: r.Account, Region: r.Region, First: r.First, Last: r.Last}
}

// Everything below is part of the promise "same content, same bytes": change any of it only with SchemaVersion.
const (
	rowGroupRows   = 1 << 17
	pageRows       = 1 << 14   // of evidence
	dictionaryMost = 64 << 20  // bytes of names, beyond which a row group of evidence ends: a page may not have 2 GiB
	pageBytes      = 256 << 10 // of other files
)

var compression = &zstd.Codec{Level: zstd.SpeedFastest, Concurrency: 1}

func writerOptions() []parquet.WriterOption {
	return []parquet.WriterOption{
		parquet.CreatedBy("sgtrim", "ledger-3", "0"),
		parquet.Compression(compression),
		parquet.MaxRowsPerRowGroup(rowGroupRows),
		parquet.PageBufferSize(pageBytes),
	}
}

const batchRows = 1024 // rows that the library encodes or decodes at a time

// encoder writes rows to a file.
type encoder[R any] interface {
	write(row R) error // not again after an error
	close() error      // always
}

// writeRows encodes rows and returns their number.
func writeRows[R any](to encoder[R], rows iter.Seq2[R, error]) (n int64, err error) {
	for r, rowErr := range rows {
		if err = rowErr; err != nil {
			break
		}
		n++
		if err = to.write(r); err != nil {
			break
		}
	}
	if closed := to.close(); err == nil {
		err = closed
	}
	return n, err
}

// rowEncoder writes rows by the library's writer.
type rowEncoder[R any] struct {
	*parquet.GenericWriter[R]
	batch []R
}

func newRowEncoder[R any](w io.Writer) (encoder[R], error) {
	return &rowEncoder[R]{GenericWriter: parquet.NewGenericWriter[R](w, writerOptions()...)}, nil
}

func (e *rowEncoder[R]) write(row R) error {
	if e.batch = append(e.batch, row); len(e.batch) < batchRows {
		return nil
	}
	return e.flush()
}

func (e *rowEncoder[R]) flush() error {
	_, err := e.Write(e.batch)
	e.batch = e.batch[:0]
	return err
}

func (e *rowEncoder[R]) close() error {
	if err := e.flush(); err != nil {
		return err
	}
	return e.Close()
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

func (s Side) text() string   { return sideWords[s] }
func (c Client) text() string { return clientWords[c] }

var (
	sideWords   = [...]string{SideOpen: "open", SideA: "a"}
	clientWords = [...]string{ClientOpen: "open", ClientA: "a", ClientB: "b"}
)
