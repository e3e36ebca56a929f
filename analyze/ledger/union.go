package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
)

// ErrNotEmpty says that a ledger holds something where an empty one is wanted.
var ErrNotEmpty = errors.New("the ledger is not empty")

// Conflict is why several ledgers cannot become one.
type Conflict struct {
	Object    string    // whose content differs; "" where Partition is what several hold a part of
	Partition Partition // of Object: its first day
	Ledgers   [2]string // folders
	Cause     string
}

func (c *Conflict) String() string {
	what := c.Object
	if what == "" {
		what = fmt.Sprintf("%s, account %s, region %s", dayText(c.Partition.Day), cmp.Or(c.Partition.Account, "unknown"), cmp.Or(c.Partition.Region, "unknown"))
	}
	return fmt.Sprintf("%s: %s and %s %s", what, c.Ledgers[0], c.Ledgers[1], c.Cause)
}

func (c *Conflict) compare(o *Conflict) int {
	return cmp.Or(c.Partition.Compare(o.Partition), cmp.Compare(c.Object, o.Object), slices.Compare(c.Ledgers[:], o.Ledgers[:]))
}

// ConflictError lists the conflicts, sorted: by day, account and region.
type ConflictError struct{ Conflicts []Conflict }

func (e *ConflictError) Error() string {
	return fmt.Sprintf("%d conflicts, the first: %s", len(e.Conflicts), e.Conflicts[0].String())
}

// United says what Union did.
type United struct {
	Objects int // in the union
	Shared  int // of them, held by more than one of the ledgers
}

// Union fills l, which must be empty, with the content of other ledgers, each object once, in one commit: the bytes are those
// of a ledger that took all their objects.
//
// Evidence is summed, so an object cannot be taken out of it again. What Union goes by is that a file of evidence is the sum
// of the objects that have a share in its day, account and region: of two ledgers whose objects there are the same, or all
// among the other's, only one counts; of those that have none in common both do. Where each holds some of the other's objects
// and some of its own, or where objects of one name differ, nothing is done, and the error is a *ConflictError.
func (l *Ledger) Union(ctx context.Context, from ...*Ledger) (United, error) {
	if len(l.m.Files) > 0 {
		return United{}, fmt.Errorf("ledger %s: %w", l.dir, ErrNotEmpty)
	}
	u := union{from: from, shares: map[Partition]*shares{}}
	if err := u.countObjects(ctx); err != nil {
		return United{}, err
	}
	d, err := u.delta(ctx)
	if err != nil {
		return United{}, err
	}
	if len(u.conflicts) > 0 {
		slices.SortFunc(u.conflicts, func(a, b Conflict) int { return a.compare(&b) })
		return United{}, &ConflictError{u.conflicts}
	}
	return United{Objects: len(u.objects), Shared: u.shared}, l.Commit(ctx, d)
}

// union is a Union in the making.
type union struct {
	from      []*Ledger
	objects   []Object
	shared    int
	shares    map[Partition]*shares
	conflicts []Conflict
}

// shares count the objects that have a share in a partition.
type shares struct {
	held   []int   // by ledger
	common [][]int // by ledger and ledger
}

func (u *union) in(p Partition) *shares {
	s := u.shares[p]
	if s == nil {
		n := len(u.from)
		s = &shares{held: make([]int, n), common: make([][]int, n)}
		for i := range s.common {
			s.common[i] = make([]int, n)
		}
		u.shares[p] = s
	}
	return s
}

// countObjects lists every object once and counts the shares, slot day by slot day.
func (u *union) countObjects(ctx context.Context) error {
	for _, l := range u.from {
		for _, f := range l.m.Files {
			if f.Kind == kindEvidence || f.Kind == kindCoverage {
				u.in(f.Partition)
			}
		}
	}
	var slots []int32
	for _, l := range u.from {
		for _, f := range l.m.Files {
			if f.Kind == kindObjects {
				slots = append(slots, f.Day)
			}
		}
	}
	slices.Sort(slots)
	days := u.days()
	for _, slot := range slices.Compact(slots) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := u.countSlot(slot, days); err != nil {
			return err
		}
	}
	return nil
}

// days of all partitions, in order.
func (u *union) days() []int32 {
	var days []int32
	for p := range u.shares {
		days = append(days, p.Day)
	}
	slices.Sort(days)
	return slices.Compact(days)
}

func (u *union) countSlot(slot int32, days []int32) error {
	lists := make([]map[string]Object, len(u.from))
	ids := map[string]struct{}{}
	for i, l := range u.from {
		var err error
		if lists[i], err = l.readObjects(slot); err != nil {
			return fmt.Errorf("ledger %s: %w", l.dir, err)
		}
		for id := range lists[i] {
			ids[id] = struct{}{}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		var holders []int
		var object Object
		for i := range lists {
			o, ok := lists[i][id]
			switch {
			case !ok:
				continue
			case len(holders) == 0:
				object = o
			case object.differs(&o):
				u.conflicts = append(u.conflicts, Conflict{Object: id, Partition: Partition{object.First, object.Account, object.Region},
					Ledgers: [2]string{u.from[holders[0]].dir, u.from[i].dir}, Cause: "took it with different content"})
			default:
				object.ETag, object.Size = cmp.Or(object.ETag, o.ETag), max(object.Size, o.Size)
			}
			holders = append(holders, i)
		}
		u.count(&object, holders, days)
	}
	return nil
}

// differs reports whether o cannot be the same object.
func (o *Object) differs(p *Object) bool {
	return o.Replaced(p) || o.Account != p.Account || o.Region != p.Region || o.First != p.First || o.Last != p.Last
}

func (u *union) count(o *Object, holders []int, days []int32) {
	u.objects = append(u.objects, *o)
	if len(holders) > 1 {
		u.shared++
	}
	from, _ := slices.BinarySearch(days, o.First)
	for ; from < len(days) && days[from] <= o.Last; from++ {
		s := u.shares[Partition{days[from], o.Account, o.Region}]
		if s == nil {
			continue // no ledger has anything of that day, account and region
		}
		for _, i := range holders {
			s.held[i]++
			for _, j := range holders {
				s.common[i][j]++
			}
		}
	}
}

// kept says which ledgers count. The others hold no object that one of these does not; of[i] is the one that stands for i.
func (s *shares) kept() (of []int) {
	n := len(s.held)
	of = make([]int, n)
	for i := range of {
		of[i] = i
		for j := range n {
			inside := s.common[i][j] == s.held[i]
			equal := inside && s.held[i] == s.held[j]
			if j != i && inside && (!equal || j < i) && (of[i] == i || s.held[j] > s.held[of[i]] || s.held[j] == s.held[of[i]] && j < of[i]) {
				of[i] = j
			}
		}
	}
	return of
}

// delta is everything, in one.
func (u *union) delta(ctx context.Context) (Delta, error) {
	d := Delta{Objects: u.objects}
	for _, p := range slices.SortedFunc(maps.Keys(u.shares), Partition.Compare) {
		if err := ctx.Err(); err != nil {
			return d, err
		}
		part, err := u.part(p)
		if err != nil {
			return d, err
		}
		d.Parts = append(d.Parts, part)
	}
	for _, l := range u.from {
		d.Sources = append(d.Sources, l.m.Sources...)
		attributes, err := l.Attributes()
		if err != nil {
			return d, err
		}
		d.Attributes = slices.AppendSeq(d.Attributes, maps.Values(attributes))
	}
	return d, nil
}

func (u *union) part(p Partition) (Part, error) {
	part := Part{Partition: p}
	s := u.shares[p]
	of := s.kept()
	var seqs []iter.Seq2[Evidence, error]
	for i, l := range u.from {
		f := l.m.find(kindEvidence, p)
		if of[i] == i {
			u.checkApart(p, s, of, i)
			if f != nil {
				seqs = append(seqs, l.evidence(*f))
			}
		} else if err := u.checkInside(p, i, of[i], s.held[i] == s.held[of[i]]); err != nil {
			return part, err
		}
		rows, err := l.partCoverage(p)
		if err != nil {
			return part, err
		}
		for _, c := range rows {
			if of[i] != i { // what it took is counted elsewhere; what it could not read is still a gap
				c = Coverage{Day: c.Day, Source: c.Source, Interface: c.Interface, Gaps: c.Gaps}
			}
			part.Coverage = append(part.Coverage, c)
		}
	}
	if len(seqs) > 0 {
		part.Evidence = Merge(seqs...)
	}
	return part, nil
}

func (l *Ledger) partCoverage(p Partition) ([]Coverage, error) {
	if f := l.m.find(kindCoverage, p); f != nil {
		return l.coverage(*f)
	}
	return nil, nil
}

// checkApart notes the ledgers before i that count as well and have objects in common with it.
func (u *union) checkApart(p Partition, s *shares, of []int, i int) {
	for j := range i {
		if of[j] == j && s.common[i][j] > 0 {
			u.conflicts = append(u.conflicts, Conflict{Partition: p, Ledgers: [2]string{u.from[j].dir, u.from[i].dir},
				Cause: fmt.Sprintf("have %d objects in common, and each has others: what they share cannot be told apart any more", s.common[i][j])})
		}
	}
}

// checkInside makes sure that what ledger i says of a partition is in what ledger by says, as their objects tell: names may
// be the same where contents are not.
func (u *union) checkInside(p Partition, i, by int, equal bool) error {
	a, b := u.from[i].m.find(kindEvidence, p), u.from[by].m.find(kindEvidence, p)
	inside := a == nil || b != nil && a.SHA256 == b.SHA256
	if !inside && !equal && b != nil {
		var err error
		if inside, err = insideOf(u.from[i].evidence(*a), u.from[by].evidence(*b)); err != nil {
			return err
		}
	}
	if !inside {
		first, second := min(i, by), max(i, by)
		u.conflicts = append(u.conflicts, Conflict{Partition: p, Ledgers: [2]string{u.from[first].dir, u.from[second].dir},
			Cause: "took objects of the same names, and saw different things"})
	}
	return nil
}

// insideOf reports whether every row of part has one of the same key in whole that counts at least as much.
func insideOf(part, whole iter.Seq2[Evidence, error]) (bool, error) {
	next, stop := iter.Pull2(whole)
	defer stop()
	var w Evidence
	more := true
	for e, err := range part {
		if err != nil {
			return false, err
		}
		for more && w.Compare(&e.Key) < 0 {
			if w, err, more = next(); err != nil {
				return false, err
			}
		}
		if !more || w.Key != e.Key || e.AB.Flows > w.AB.Flows || e.BA.Flows > w.BA.Flows || e.AB.Bytes > w.AB.Bytes || e.BA.Bytes > w.BA.Bytes ||
			e.Hours&^w.Hours != 0 {
			return false, nil
		}
	}
	return true, nil
}
