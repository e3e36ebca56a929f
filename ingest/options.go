package ingest

import (
	"cmp"
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/sgtrim/sgtrim/ingest/flowlog"
)

// Options of Scan. NewSink is required; the zero value of all others is the default.
type Options struct {
	Workers      int       // that parse and sum at once; 0 is GOMAXPROCS
	Prefetch     int       // objects opened ahead of the workers, 256 KiB held of each; 0 is 16
	Since, Until time.Time // a record counts if its end is in [Since, Until); zero is open
	SkipBad      bool      // count and list what cannot be read, and go on
	LogFields    string    // format of objects without header line
	// NewSink makes the sink of each worker, before any work starts.
	NewSink func(worker int) Sink
	// Skip tells which objects need not be read again; nil reads all. It is called from one goroutine, in listing order.
	Skip func(Object) (bool, error)
	// Checkpoint is called after each group of objects (those of one day), when all workers are quiet; nil is none.
	Checkpoint func(ctx context.Context) error
	Progress   *Progress // nil is none
}

// Progress is how far a scan has come. It may be read at any time.
type Progress struct {
	ObjectsListed atomic.Int64 // to be read: without those that Skip took out
	ObjectsDone   atomic.Int64
	BytesListed   atomic.Int64 // of the objects whose size is known
	BytesRead     atomic.Int64 // as stored, before inflating
	Rows          atomic.Int64
	ListingDone   atomic.Bool
}

// Stats of a scan. Records = OK + NoData + SkipData + Outside + Bad.
type Stats struct {
	Objects    int64 // taken whole
	Skipped    int64 // not read because Options.Skip said so
	BadObjects int64 // not taken, because they cannot be read whole (SkipBad)
	Bytes      int64 // read, as stored
	flowlog.Counts

	// Errors are the first bad records and objects with SkipBad, at most 100, by object and line.
	Errors []*RecordError
	// NotFlowLogs lists what was found below a folder or prefix and is no VPC flow log, with the reason; sorted.
	NotFlowLogs []string
}

const maxErrors = 100

// addErrors keeps the first errors by object and line, whatever the order they came in.
func (s *Stats) addErrors(errs []*RecordError) {
	if len(errs) == 0 {
		return
	}
	s.Errors = append(s.Errors, errs...)
	slices.SortStableFunc(s.Errors, func(a, b *RecordError) int {
		return cmp.Or(cmp.Compare(a.Object, b.Object), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Field, b.Field))
	})
	if len(s.Errors) > maxErrors {
		clear(s.Errors[maxErrors:])
		s.Errors = s.Errors[:maxErrors]
	}
}
