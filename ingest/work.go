package ingest

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/sgtrim/sgtrim/ingest/flowlog"
)

// overlapSize is the least size of an object for which a second core is asked to help.
const overlapSize = 1 << 20

type worker struct {
	decoder *flowlog.Decoder
	sink    Sink
}

// work takes objects until there are no more. After an error it only puts them away.
func (s *scan) work(ctx context.Context, w *worker) {
	for {
		s.idle.Add(1)
		f, ok := <-s.ready
		s.idle.Add(-1)
		if !ok {
			return
		}
		s.fail(s.object(ctx, w, f))
		s.group.Done()
	}
}

// object reads one object and returns what must stop the scan.
func (s *scan) object(ctx context.Context, w *worker, f *fetched) error {
	if f.body != nil {
		defer f.body.close()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if f.err != nil {
		return f.err
	}
	t := taking{o: f.o, sink: w.sink, rows: s.progress}
	counts, err := w.decoder.Decode(ctx, s.input(f), flowlog.Output{Batch: t.observe, Bad: t.bad})
	s.addBytes(f.body.total)
	s.progress.ObjectsDone.Add(1)
	if err == nil {
		if err = t.commit(); err == nil {
			s.taken(counts, t.errs)
		}
		return err
	}
	t.abort()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case t.failed != nil:
		return t.failed
	case f.body.err != nil:
		return f.body.err // the source names the object
	}
	return s.unreadable(t, counts, err)
}

func (s *scan) input(f *fetched) flowlog.Input {
	in := flowlog.Input{Name: f.o.URL, Body: f.body}
	in.Overlap = s.opt.Workers > 1 && s.idle.Load() > 0 && (f.o.Size < 0 || f.o.Size > overlapSize)
	if f.body.file != nil && flowlog.IsParquet(f.body.file) {
		in.At, in.Size = f.body.file, f.body.size
		f.body.count(in.Size)
	}
	return in
}

// unreadable decides what an object is worth whose content cannot be read.
func (s *scan) unreadable(t taking, counts flowlog.Counts, err error) error {
	if counts.Records == 0 && isNoInput(t.o, err) {
		if t.o.Named {
			return err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.stats.NotFlowLogs = append(s.stats.NotFlowLogs, noInputLine(t.o, err))
		return nil
	}
	if !s.opt.SkipBad {
		return err
	}
	whole := &RecordError{Object: t.o.URL, Err: inObject(err)}
	if err := t.sink.Skip(whole); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.BadObjects++
	s.stats.Records += counts.Records
	s.stats.Bad += counts.Records // whatever was good in it is not taken
	s.stats.addErrors([]*RecordError{whole})
	return nil
}

// isNoInput reports whether an object is none that we should read. What bears the name of a flow log and holds none is a
// damaged one, unless it is a transit gateway's, which has the same names.
func isNoInput(o Object, err error) bool {
	return errors.Is(err, ErrTransitGateway) || errors.Is(err, ErrNotFlowLog) && o.FlowLog == ""
}

func noInputLine(o Object, err error) string {
	var e *RecordError
	if errors.As(err, &e) {
		err = e.Err
	}
	return o.URL + ": " + err.Error()
}

// inObject is the cause of an error that stands for the whole object, with the place inside it.
func inObject(err error) error {
	var e *RecordError
	if !errors.As(err, &e) {
		return err
	}
	err = e.Err
	if e.Field != "" {
		err = fmt.Errorf("field %s: %w", e.Field, err)
	}
	if e.Line > 0 {
		err = fmt.Errorf("line %d: %w", e.Line, err)
	}
	return err
}

func (s *scan) addBytes(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Bytes += n
}

func (s *scan) taken(c flowlog.Counts, errs []*RecordError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Objects++
	s.stats.Counts.Add(c)
	s.stats.addErrors(errs)
}

// taking is one object on its way into a sink.
type taking struct {
	o      Object
	sink   Sink
	begun  bool
	failed error // of the sink
	errs   []*RecordError
	rows   *Progress
}

func (t *taking) begin() error {
	if t.begun {
		return nil
	}
	if t.failed = t.sink.Begin(t.o); t.failed == nil {
		t.begun = true
	}
	return t.failed
}

func (t *taking) observe(rec arrow.Record) error {
	if err := t.begin(); err != nil {
		return err
	}
	t.rows.Rows.Add(rec.NumRows())
	t.failed = t.sink.Observe(rec)
	return t.failed
}

func (t *taking) bad(e *RecordError) error {
	if err := t.begin(); err != nil {
		return err
	}
	t.rows.Rows.Add(1)
	if len(t.errs) < maxErrors {
		t.errs = append(t.errs, e)
	}
	t.failed = t.sink.Skip(e)
	return t.failed
}

func (t *taking) commit() error {
	if err := t.begin(); err != nil {
		return err
	}
	t.begun = false
	if err := t.sink.Commit(); err != nil {
		return err
	}
	return nil
}

func (t *taking) abort() {
	if t.begun {
		t.sink.Abort()
		t.begun = false
	}
}
