package sum

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sgtrim/sgtrim/analyze/ledger"
	"github.com/sgtrim/sgtrim/ingest"
)

// Rebuild makes the run take days (since 1970-01-01 UTC) anew: objects of theirs that the ledger holds are read again, for
// their share in these days, and the run is committed as one, by Finish. Call it before anything else.
func (s *Sum) Rebuild(days []int32) (err error) {
	s.rebuild = slices.Compact(slices.Sorted(slices.Values(days)))
	s.again, err = s.ledger.Held(s.rebuild)
	return err
}

// BeyondError is an object that has changed and has records of days that are not rebuilt: what they counted of it could not
// be taken back.
type BeyondError struct {
	URL         string
	First, Last int32 // days, since 1970-01-01 UTC, of its records before or now
}

func (e *BeyondError) Error() string {
	return fmt.Sprintf("%s has changed, and has records of other days than those to rebuild", e.URL)
}

// Skip reports whether the ledger holds the object already, so that it need not be read. Objects that were replaced since
// they were taken are held too, and listed by Replaced; those of a day to rebuild are read.
func (s *Sum) Skip(o ingest.Object) (bool, error) {
	id := s.identity(o)
	old, taken, err := s.ledger.Taken(id)
	if err != nil || o.URL == stdin {
		return false, err
	}
	if !taken {
		return false, s.see(o)
	}
	_, again := s.again[id.Key()]
	replaced := old.Replaced(&id)
	switch {
	case again && replaced && !old.Within(s.rebuild):
		return false, &BeyondError{o.URL, old.First, old.Last}
	case replaced && !again:
		s.mu.Lock()
		s.replaced[o.URL] = old
		s.mu.Unlock()
	}
	return !again, s.see(o)
}

// Replaced is an object whose content has changed since the ledger took it.
type Replaced struct {
	URL         string
	First, Last int32 // days, since 1970-01-01 UTC, that the ledger has of it
}

// Replaced lists, sorted, the objects offered to Skip whose content differs from what the ledger took and keeps.
func (s *Sum) Replaced() []Replaced {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Replaced
	for url, o := range s.replaced {
		list = append(list, Replaced{url, o.First, o.Last})
	}
	slices.SortFunc(list, func(a, b Replaced) int { return strings.Compare(a.URL, b.URL) })
	return list
}

// share is the part of an object that is taken: all of it, or of one that the ledger holds already the days to rebuild.
type share struct{ days []int32 }

func (s share) has(day int32) bool {
	if s.days == nil {
		return true
	}
	_, ok := slices.BinarySearch(s.days, day)
	return ok
}

// shareOf decides what is taken of the object in hand, which is o.
func (w *worker) shareOf(o *ledger.Object) (share, error) {
	old, again := w.sum.again[o.Key()]
	switch {
	case !again:
		return share{}, nil
	case old.Replaced(o) && !o.Within(w.sum.rebuild):
		return share{}, &BeyondError{w.meta.URL, o.First, o.Last}
	}
	return share{w.sum.rebuild}, nil
}

// place notes the days of the object in hand.
func (w *worker) place(o *ledger.Object) {
	days := map[int32]bool{}
	for i := range w.ifaces {
		for j := range w.ifaces[i].days {
			days[w.ifaces[i].days[j].day] = true
		}
	}
	if w.lacks() && !w.meta.Slot.IsZero() {
		t, _ := slotHours(w.meta)
		days[t] = true
	}
	o.Account, o.Region, o.First, o.Last = w.meta.Account, w.meta.Region, o.Day, o.Day
	if len(days) > 0 {
		sorted := slices.Sorted(maps.Keys(days))
		o.First, o.Last = sorted[0], sorted[len(sorted)-1]
	}
}
