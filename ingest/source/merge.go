package source

import (
	"context"
	"fmt"
	"io"
	"iter"
	"sync"

	"github.com/sgtrim/sgtrim/ingest"
)

// merge joins listings, each by day, into one by day; within a day in the order of the arguments. Each listing is asked
// for no more than its next object, so that a listing page by page stays one.
func merge(lists []listing) listing {
	if len(lists) == 1 {
		return lists[0]
	}
	return func(yield func(ingest.Object, error) bool) {
		heads := make([]head, len(lists))
		for i, l := range lists {
			heads[i].next, heads[i].stop = iter.Pull2(l)
			defer heads[i].stop()
			if err := heads[i].advance(); err != nil {
				yield(ingest.Object{}, err)
				return
			}
		}
		for {
			i := earliest(heads)
			if i < 0 {
				return
			}
			for today := day(heads[i].o); heads[i].ok && day(heads[i].o) <= today; {
				if !yield(heads[i].o, nil) {
					return
				}
				if err := heads[i].advance(); err != nil {
					yield(ingest.Object{}, err)
					return
				}
			}
		}
	}
}

// head is the next object of a listing.
type head struct {
	next func() (ingest.Object, error, bool)
	stop func()
	o    ingest.Object
	ok   bool
}

func (h *head) advance() (err error) {
	h.o, err, h.ok = h.next()
	return err
}

func earliest(heads []head) int {
	best := -1
	for i, h := range heads {
		if h.ok && (best < 0 || day(h.o) < day(heads[best].o)) {
			best = i
		}
	}
	return best
}

// several is many sources as one. It remembers which source an object came from, by its URL.
type several struct {
	sources []ingest.Source
	mu      sync.Mutex
	of      map[string]int
}

// Objects lists the objects of all sources, by day.
func (s *several) Objects(ctx context.Context) listing {
	lists := make([]listing, len(s.sources))
	for i, source := range s.sources {
		lists[i] = s.claim(i, source.Objects(ctx))
	}
	return merge(lists)
}

// claim drops the objects that an earlier source has listed: they would count twice.
func (s *several) claim(i int, l listing) listing {
	return func(yield func(ingest.Object, error) bool) {
		for o, err := range l {
			if err == nil && !s.mine(i, o.URL) {
				continue
			}
			if !yield(o, err) {
				return
			}
		}
	}
}

func (s *several) mine(i int, url string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil {
		s.of = make(map[string]int)
	}
	if _, ok := s.of[url]; !ok {
		s.of[url] = i
	}
	return s.of[url] == i
}

// Open opens an object that Objects has listed.
func (s *several) Open(ctx context.Context, o ingest.Object) (io.ReadCloser, error) {
	s.mu.Lock()
	i, ok := s.of[o.URL]
	s.mu.Unlock()
	if !ok {
		return nil, fmt.Errorf("%s: not listed", o.URL)
	}
	return s.sources[i].Open(ctx, o)
}
