package ingest

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sgtrim/sgtrim/ingest/flowlog"
)

// lookahead is how many objects the listing may be ahead of the reading.
const lookahead = 1 << 16

// scan is one run of Scan. Concurrency is all here: one goroutine lists, some fetch (they open objects and read their
// first bytes ahead, which hides the latency of S3), Workers decode and sum, and the caller's goroutine deals the objects
// out, group by group.
type scan struct {
	src      Source
	opt      Options
	progress *Progress
	cancel   context.CancelFunc

	listed chan Object
	tasks  chan Object
	ready  chan *fetched
	idle   atomic.Int32   // workers that wait for an object
	group  sync.WaitGroup // objects dealt out and not done
	heads  sync.Pool

	mu    sync.Mutex
	err   error // the first
	stats Stats
}

// Scan reads all objects of a source into sinks. Objects are read in groups: one for each UTC day of their slots in the
// order the source lists them, then one of all objects without slot. The first error stops everything; when Scan returns,
// no goroutine of it is left, whatever happened. The stats are right also after an error: they say how far it came.
func Scan(ctx context.Context, src Source, opt Options) (Stats, error) {
	if opt.NewSink == nil {
		return Stats{}, errors.New("scan: no sink")
	}
	if opt.Workers <= 0 {
		opt.Workers = runtime.GOMAXPROCS(0)
	}
	if opt.Prefetch <= 0 {
		opt.Prefetch = 16
	}
	if opt.Progress == nil {
		opt.Progress = new(Progress)
	}
	workers, err := newWorkers(opt)
	if err != nil {
		return Stats{}, err
	}
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &scan{
		src: src, opt: opt, progress: opt.Progress, cancel: cancel,
		listed: make(chan Object, lookahead), tasks: make(chan Object), ready: make(chan *fetched),
	}
	s.run(inner, workers)
	slices.Sort(s.stats.NotFlowLogs)
	if s.err == nil {
		s.err = ctx.Err()
	}
	return s.stats, s.err
}

func newWorkers(opt Options) ([]*worker, error) {
	workers := make([]*worker, opt.Workers)
	for i := range workers {
		d, err := flowlog.NewDecoder(flowlog.Options{
			Since: opt.Since, Until: opt.Until, SkipBad: opt.SkipBad, LogFields: opt.LogFields,
		})
		if err != nil {
			return nil, err
		}
		workers[i] = &worker{decoder: d, sink: opt.NewSink(i)}
	}
	return workers, nil
}

// run starts the goroutines, deals out the objects, and waits until all is quiet.
func (s *scan) run(ctx context.Context, workers []*worker) {
	var lister, fetchers, working sync.WaitGroup
	lister.Go(func() { s.list(ctx) })
	for range s.opt.Prefetch {
		fetchers.Go(func() { s.fetchAll(ctx) })
	}
	for _, w := range workers {
		working.Go(func() { s.work(ctx, w) })
	}
	s.fail(s.deal(ctx))
	close(s.tasks)
	fetchers.Wait()
	close(s.ready)
	working.Wait()
	lister.Wait()
}

// fail keeps the first error and stops everything. A nil error is none.
func (s *scan) fail(err error) {
	if err == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
		s.cancel()
	}
}

// list runs ahead of the reading.
func (s *scan) list(ctx context.Context) {
	defer close(s.listed)
	for o, err := range s.src.Objects(ctx) {
		if err != nil {
			s.fail(err)
			return
		}
		if s.opt.Skip != nil {
			skip, err := s.opt.Skip(o)
			if err != nil {
				s.fail(err)
				return
			}
			if skip {
				s.mu.Lock()
				s.stats.Skipped++
				s.mu.Unlock()
				continue
			}
		}
		s.progress.ObjectsListed.Add(1)
		s.progress.BytesListed.Add(max(o.Size, 0))
		select {
		case s.listed <- o:
		case <-ctx.Done():
			return
		}
	}
	s.progress.ListingDone.Store(true)
}

// deal hands the objects to the fetchers and ends a group when the day changes. Objects without slot wait for the end.
func (s *scan) deal(ctx context.Context) error {
	var dayless []Object
	var day time.Time
	open := false
	for o := range s.listed {
		if o.Slot.IsZero() {
			dayless = append(dayless, o)
			continue
		}
		if d := o.Slot.UTC().Truncate(24 * time.Hour); open && !d.Equal(day) || !open {
			if open {
				if err := s.endGroup(ctx); err != nil {
					return err
				}
			}
			day, open = d, true
		}
		if err := s.dispatch(ctx, o); err != nil {
			return err
		}
	}
	if open {
		if err := s.endGroup(ctx); err != nil {
			return err
		}
	}
	for _, o := range dayless {
		if err := s.dispatch(ctx, o); err != nil {
			return err
		}
	}
	if len(dayless) > 0 {
		return s.endGroup(ctx)
	}
	return ctx.Err()
}

func (s *scan) dispatch(ctx context.Context, o Object) error {
	s.group.Add(1)
	select {
	case s.tasks <- o:
		return nil
	case <-ctx.Done():
		s.group.Done()
		return ctx.Err()
	}
}

// endGroup waits until the workers are quiet and lets the caller keep what they have.
func (s *scan) endGroup(ctx context.Context) error {
	s.group.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.opt.Checkpoint == nil {
		return nil
	}
	return s.opt.Checkpoint(ctx)
}
