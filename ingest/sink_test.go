package ingest_test

import (
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"github.com/sgtrim/sgtrim/ingest"
)

// total is the sinks of one scan: what all workers took, and the calls that broke the contract.
type total struct {
	mu       sync.Mutex
	rows     map[string]int // row as text, how often
	objects  map[string]int // taken
	skips    []string
	aborts   int
	largest  int64
	breaches []string
	onRecord func(arrow.Record) error
	onBegin  func(ingest.Object) error
}

func newTotal() *total { return &total{rows: map[string]int{}, objects: map[string]int{}} }

func (t *total) sink(int) ingest.Sink { return &testSink{total: t} }

// testSink keeps the rows of an object apart until it is committed.
type testSink struct {
	total *total
	begun bool
	o     ingest.Object
	rows  []string
	skips []string
}

func (s *testSink) breach(what string) {
	s.total.mu.Lock()
	defer s.total.mu.Unlock()
	s.total.breaches = append(s.total.breaches, what)
}

func (s *testSink) Begin(o ingest.Object) error {
	if s.begun {
		s.breach("Begin within an object")
	}
	s.begun, s.o, s.rows, s.skips = true, o, nil, nil
	if s.total.onBegin != nil {
		return s.total.onBegin(o)
	}
	return nil
}

func (s *testSink) Observe(rec arrow.Record) error {
	if !s.begun {
		s.breach("Observe outside an object")
	}
	if s.total.onRecord != nil {
		if err := s.total.onRecord(rec); err != nil {
			return err
		}
	}
	s.total.mu.Lock()
	s.total.largest = max(s.total.largest, rec.NumRows())
	s.total.mu.Unlock()
	s.rows = append(s.rows, rowsOf(rec)...)
	return nil
}

func (s *testSink) Skip(e *ingest.RecordError) error {
	if s.begun == (e.Line == 0) {
		s.breach("Skip of a line outside an object, or of an object within one")
	}
	if e.Line == 0 {
		s.total.mu.Lock()
		defer s.total.mu.Unlock()
		s.total.skips = append(s.total.skips, e.Error())
		return nil
	}
	s.skips = append(s.skips, e.Error())
	return nil
}

func (s *testSink) Commit() error {
	if !s.begun {
		s.breach("Commit outside an object")
	}
	s.begun = false
	s.total.mu.Lock()
	defer s.total.mu.Unlock()
	s.total.objects[s.o.URL]++
	for _, r := range s.rows {
		s.total.rows[r]++
	}
	s.total.skips = append(s.total.skips, s.skips...)
	return nil
}

func (s *testSink) Abort() {
	if !s.begun {
		s.breach("Abort outside an object")
	}
	s.begun = false
	s.total.mu.Lock()
	defer s.total.mu.Unlock()
	s.total.aborts++
}

// rowsOf renders each row of a batch.
func rowsOf(rec arrow.Record) []string {
	out := make([]string, rec.NumRows())
	for r := range out {
		line := ""
		for c := range int(rec.NumCols()) {
			line += cell(rec.Column(c), r) + " "
		}
		out[r] = line
	}
	return out
}

func cell(a arrow.Array, r int) string {
	if a.IsNull(r) {
		return "-"
	}
	switch a := a.(type) {
	case *array.Dictionary:
		switch values := a.Dictionary().(type) {
		case *array.String:
			return fmt.Sprintf("%q", values.Value(a.GetValueIndex(r)))
		case *array.FixedSizeBinary:
			b := values.Value(a.GetValueIndex(r))
			return fmt.Sprintf("%x%x", binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:]))
		}
	}
	return a.ValueStr(r)
}
