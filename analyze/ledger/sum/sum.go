// Package sum adds the records of flow-log objects up into the ledger's evidence: the one place where Arrow batches end.
// Every worker of the scan has a sink of its own and tables of its own; they share nothing in the hot path and merge by
// addition. What an object alone decides is decided when the object ends, as a pure function of its content.
package sum

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/sgtrim/sgtrim/analyze/ledger"
	"github.com/sgtrim/sgtrim/ingest"
)

// Sum adds up into one ledger.
type Sum struct {
	ledger  *ledger.Ledger
	roots   []root
	names   names
	seed    uint64 // of the hash tables; it changes no result, but nobody can aim at it
	workers map[int]*worker
	sinks   atomic.Int64 // len(workers), for the workers themselves
	large   sync.Mutex   // held by the one worker that takes an object from disk

	mu   sync.Mutex
	seen map[string]string // identity → URL of the objects of this run that do not bear AWS's names
	// replaced are objects, as they were taken, whose content has changed since; by URL.
	replaced map[string]ledger.Object
	rebuild  []int32                            // days, sorted
	again    map[ledger.ObjectKey]ledger.Object // what the ledger holds of them
}

// Stats count what became of the records of committed objects: Records = Used + NoData + SkipData + NoInterface + Incomplete.
type Stats struct {
	Objects     int64
	Records     int64
	Used        int64 // summed as evidence
	NoData      int64 // NODATA rows
	SkipData    int64 // SKIPDATA rows
	NoInterface int64 // of regional NAT gateways, which have no interface and no security group
	Incomplete  int64 // status OK, but without address, port, protocol, action or a usable time: a coverage gap
	Skipped     int64 // bad lines or pages that the reader skipped: coverage gaps
	// UnplacedGaps counts objects that could not be read and whose name tells no time: a gap that no hour can show.
	UnplacedGaps int64
}

func (s *Stats) add(o Stats) {
	s.Objects += o.Objects
	s.Records += o.Records
	s.Used += o.Used
	s.NoData += o.NoData
	s.SkipData += o.SkipData
	s.NoInterface += o.NoInterface
	s.Incomplete += o.Incomplete
	s.Skipped += o.Skipped
	s.UnplacedGaps += o.UnplacedGaps
}

// New returns a Sum that commits to l, which must be open for writing. Roots are the files and folders that the sources
// were named by: an object below one of them is known by its path from there, so that the ledger holds no machine's paths.
func New(l *ledger.Ledger, roots ...string) *Sum {
	s := &Sum{ledger: l, seed: rand.Uint64(), workers: map[int]*worker{}, seen: map[string]string{}, replaced: map[string]ledger.Object{}}
	s.names.codes = map[string]uint32{}
	for _, r := range roots {
		s.roots = append(s.roots, newRoot(r))
	}
	return s
}

// Sink returns the sink of a worker. Sinks of different workers may be used at the same time.
func (s *Sum) Sink(n int) ingest.Sink {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.workers[n]
	if w == nil {
		w = newWorker(s)
		s.workers[n] = w
		s.sinks.Add(1)
	}
	return w
}

// see makes sure that no two objects of a run pass for one, which would lose one of them. Names that AWS gave cannot meet.
func (s *Sum) see(o ingest.Object) error {
	if o.URL == stdin || namedByAWS(o) {
		return nil
	}
	id := s.name(o)
	s.mu.Lock()
	defer s.mu.Unlock()
	if other, ok := s.seen[id]; ok && other != o.URL {
		return fmt.Errorf("%s and %s have the same name %q for the ledger; ingest them apart, from folders of different names", other, o.URL, id)
	}
	s.seen[id] = o.URL
	return nil
}

// Stats adds up what the workers counted. Call it while they are quiet.
func (s *Sum) Stats() Stats {
	var all Stats
	for _, w := range s.workers {
		all.add(w.stats)
	}
	return all
}

// Checkpoint commits what the workers have summed since the last one. They must be quiet. After an error everything is
// still there, and Checkpoint may be called again. While days are rebuilt it commits nothing: see Finish.
func (s *Sum) Checkpoint(ctx context.Context) error {
	if len(s.rebuild) > 0 {
		return nil
	}
	return s.commit(ctx)
}

// Finish commits what no Checkpoint has.
func (s *Sum) Finish(ctx context.Context) error { return s.commit(ctx) }

func (s *Sum) commit(ctx context.Context) error {
	d, err := s.delta()
	if err != nil {
		return err
	}
	if len(d.Objects) == 0 && len(d.Parts) == 0 && len(d.Rebuild) == 0 {
		return nil
	}
	if err := s.ledger.Commit(ctx, d); err != nil {
		return err
	}
	var errs []error
	for _, w := range s.workers {
		errs = append(errs, w.resetDays())
	}
	return errors.Join(errs...)
}

// delta gathers the workers' tables.
func (s *Sum) delta() (d ledger.Delta, err error) {
	parts := map[ledger.Partition]*ledger.Part{}
	rows := map[ledger.Partition]*dayRows{}
	attributes := map[string]ledger.Attributes{}
	var flush sync.WaitGroup
	for _, w := range s.workers {
		flush.Go(w.flushFolds)
	}
	flush.Wait()
	order := s.names.order()
	d.Rebuild = s.rebuild
	for _, n := range slices.Sorted(mapKeys(s.workers)) {
		w := s.workers[n]
		d.Objects = append(d.Objects, w.objects...)
		for p, day := range w.days {
			part := parts[p]
			if part == nil {
				part = &ledger.Part{Partition: p}
				parts[p], rows[p] = part, &dayRows{}
			}
			for k, c := range day.coverage {
				c.Day, c.Source, c.Interface = p.Day, order.text(k.source), order.text(k.iface)
				part.Coverage = append(part.Coverage, c)
			}
			rows[p].add(day)
		}
		for code, a := range w.attributes {
			a.Interface = order.text(code)
			old := attributes[a.Interface]
			old.Interface = a.Interface
			old.Merge(a)
			attributes[a.Interface] = old
		}
		for code := range w.sources {
			d.Sources = append(d.Sources, order.text(code))
		}
	}
	for p, part := range parts {
		if r := rows[p]; len(r.tables)+len(r.runs) > 0 {
			part.Evidence = r.evidence(order, p.Day)
		}
		d.Parts = append(d.Parts, *part)
	}
	slices.SortFunc(d.Parts, func(a, b ledger.Part) int { return a.Partition.Compare(b.Partition) })
	for _, a := range attributes {
		d.Attributes = append(d.Attributes, a)
	}
	return d, nil
}

// names gives interfaces and sources small codes, the same for all workers. The code of "" is 0.
type names struct {
	mu    sync.Mutex
	codes map[string]uint32
	texts []string
}

func (n *names) code(s string) uint32 {
	n.mu.Lock()
	defer n.mu.Unlock()
	c, ok := n.codes[s]
	if !ok {
		if len(n.texts) == 0 {
			n.texts = append(n.texts, "")
			n.codes[""] = 0
		}
		if s == "" {
			return 0
		}
		c = uint32(len(n.texts))
		s = strings.Clone(s)
		n.codes[s] = c
		n.texts = append(n.texts, s)
	}
	return c
}

// order is the names known at one time, with their places in alphabetical order. Names that come later do not change how
// the earlier ones compare.
type order struct {
	texts []string
	ranks []uint32
}

func (n *names) order() *order {
	n.mu.Lock()
	o := &order{texts: slices.Clone(n.texts)}
	n.mu.Unlock()
	if len(o.texts) == 0 {
		o.texts = []string{""}
	}
	codes := make([]uint32, len(o.texts))
	for i := range codes {
		codes[i] = uint32(i)
	}
	slices.SortFunc(codes, func(a, b uint32) int { return cmp.Compare(o.texts[a], o.texts[b]) })
	o.ranks = make([]uint32, len(codes))
	for rank, code := range codes {
		o.ranks[code] = uint32(rank)
	}
	return o
}

func (o *order) text(code uint32) string { return o.texts[code] }

const stdin = "-"

// root is a named source of local files.
type root struct {
	path string // absolute
	name string // what stands for it in identities: its last element
}

func newRoot(path string) root {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return root{filepath.ToSlash(path), filepath.Base(path)}
}
