package flowlog

import (
	"errors"
	"fmt"
)

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
	ErrMissingFields  = errors.New("the format lacks required fields")
)

// Causes of bad values. They are values so that a bad record allocates no more than its report.
var (
	errAbsent     = errors.New(`is "-", but a record with status OK needs it`)
	errNoTime     = errors.New(`is "-", but every record needs its interval`)
	errNoStatus   = errors.New("absent: want OK, NODATA or SKIPDATA")
	errBackwards  = errors.New("start is after end")
	errLineLength = fmt.Errorf("line longer than %d bytes", maxLine)
)
