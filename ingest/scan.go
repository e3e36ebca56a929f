package ingest

import (
	"context"
	"errors"
	"fmt"
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
}

// Source lists objects and opens them. Objects come in a stable order. Open is called from several goroutines.
type Source interface {
	Objects(ctx context.Context) iter.Seq2[Object, error]
	Open(ctx context.Context, o Object) (io.ReadCloser, error)
}

// Sink takes the batches of one worker. A batch is valid until Observe returns; what outlives it is copied. An object is
// taken whole or not at all: Begin, Observe …, then Commit or Abort.
type Sink interface {
	Begin(o Object) error
	Observe(rec arrow.Record) error
	// Skip notes that a line or page of the object could not be read (only with SkipBad): a coverage gap for every
	// interface of that object, in the hours the object holds.
	Skip(e *RecordError) error
	Commit() error
	Abort()
}

// RecordError is a bad record: where it stands and why it cannot be read.
type RecordError struct {
	Object string
	Line   int64  // 1 is the first line; of Parquet: the row; 0 when the whole object is meant
	Field  string // AWS's field name; "" when not one field
	Err    error
}

func (e *RecordError) Error() string {
	s := e.Object
	if e.Line > 0 {
		s = fmt.Sprintf("%s:%d", s, e.Line)
	}
	if e.Field != "" {
		s += ": field " + e.Field
	}
	return s + ": " + e.Err.Error()
}

func (e *RecordError) Unwrap() error { return e.Err }

// Causes that callers tell apart with errors.Is.
var (
	ErrTransitGateway = errors.New("transit gateway flow log: it has no interface-id and no action, so it says nothing about security groups")
	ErrNotFlowLog     = errors.New("not a VPC flow log")
	ErrNoHeader       = errors.New("no header line: give the field names with --log-fields '…'")
)
