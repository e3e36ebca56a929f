// Package ingest reads flow-log objects into Arrow record batches, on all cores, and hands them to sinks.
package ingest

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
)

// Object is one flow-log object of a source.
type Object struct {
	URL          string // as a person would name it: s3://bucket/key, a path, "-"
	Size         int64  // -1 when unknown
	ETag         string // identity of the content where the source has one
	LastModified time.Time
	// From the key, "" or zero when it does not tell (package layout).
	Account, Region, FlowLog string
	Slot                     time.Time // start of the publishing slot
	// Named says that the user named this very object, not a folder or prefix above it: then it is an error when it is
	// no VPC flow log, where otherwise it is only listed as none.
	Named bool
}

// Source lists objects and opens them. Objects come in a stable order, by day of their slot, those without a slot last.
// Open is called from several goroutines. A body that is an *os.File of a regular file may be read at random.
type Source interface {
	Objects(ctx context.Context) iter.Seq2[Object, error]
	Open(ctx context.Context, o Object) (io.ReadCloser, error)
}

// Sink takes the batches of one worker. A batch is valid until Observe returns, and its memory is used again after that,
// retained or not: what outlives it is copied. An object is taken whole or not at all: Begin, Observe …, then Commit or
// Abort.
type Sink interface {
	Begin(o Object) error
	Observe(rec arrow.Record) error
	// Skip notes that a line or page of the object could not be read (only with SkipBad): a coverage gap for every
	// interface of that object, in the hours the object holds. An object that cannot be read whole is first aborted (if it
	// was begun at all), and then noted with Line 0, outside Begin and Commit: it counts as not taken.
	Skip(e *RecordError) error
	Commit() error
	Abort()
}
