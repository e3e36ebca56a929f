package estate

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
)

// History says which sources told of the time before the capture, from when on, and how exact their times are. Zero times: the
// source was not there.
type History struct {
	Snapshots      int       // dated describe outputs beside the present
	SnapshotsSince time.Time // the first of them
	SnapshotsApart int       // the longest time between two that follow each other, in seconds: so long a change may be open
	ConfigItems    int       // of interfaces, groups and prefix lists
	ConfigSince    time.Time // the first of them
	ConfigLate     int       // by how many seconds a change may be recorded late
	TrailEvents    int       // changes of groups, interfaces and prefix lists: each known to the second
	TrailSince     time.Time // since when CloudTrail was asked, or the first event in its files
	Conflicts      int       // contradictions between the sources, see Estate.Conflicts
}

// None reports whether no source tells of the time before the capture.
func (h History) None() bool {
	return h.Snapshots == 0 && h.ConfigSince.IsZero() && h.TrailSince.IsZero()
}

// PastRule is a rule that a group had and has no more.
type PastRule struct {
	analyze.RuleKey
	Life Life
}

// historian gathers what the sources say of each object over time, and makes lives of it.
type historian struct {
	b          *builder
	interfaces timeline[Interface]
	groups     timeline[ruleSet]
	lists      timeline[PrefixList]
	latest     int64                  // the latest time that any source names
	amendments map[string][]amendment // by interface
	// Of instances: events that gave other groups to their one interface, and when they were terminated.
	regrouped  []regrouped
	terminated map[string]int64
	// listChanges are by list the events that changed it.
	listChanges map[string][]listChange
	ruleMarks   map[analyze.RuleKey][]mark[bool] // of CloudTrail
	ids         map[string]analyze.RuleKey       // rules by id
	// unclear are groups of which CloudTrail tells something that is not understood; unclearIn the accounts and regions where
	// it does not even say of which group.
	unclear   map[string]bool
	unclearIn map[Scope]bool
	conflicts []Conflict
	reached   map[origin]map[Scope]*reach
	switches  map[Scope][]recorderSwitch
	stopped   map[Scope][]gap // when AWS Config recorded nothing
}

// reach is from when to when a source was recording an account and region, in unix seconds.
type reach struct {
	since, until int64
	asked        bool // from when to when is known; of CloudTrail's files it is but the first and last event
}

// until is how long a source surely told that the state of a mark lasted, if it tells of no other.
func (h *historian) until(from origin, of Scope, lag int64) int64 {
	if r := h.reached[from][of]; r != nil {
		return r.until - lag
	}
	return math.MinInt64
}

// reachOf is the reach of a source in an account and region; where one of the two is not known, that of the only one it can be.
func (h *historian) reachOf(from origin, of Scope) *reach {
	if r := h.reached[from][of]; r != nil {
		return r
	}
	var found *reach
	for s, r := range h.reached[from] {
		if s.mayBe(of) {
			if found != nil {
				return nil
			}
			found = r
		}
	}
	return found
}

// mayBe reports whether the two may be the same account and region: of one of them either may not be known.
func (s Scope) mayBe(o Scope) bool {
	return (s.Account == "" || o.Account == "" || s.Account == o.Account) && (s.Region == "" || o.Region == "" || s.Region == o.Region)
}

// reaches notes that the source was recording at a time.
func (h *historian) reaches(from origin, of Scope, at int64) {
	all := h.reached[from]
	if all == nil {
		all = map[Scope]*reach{}
		h.reached[from] = all
	}
	if r := all[of]; r != nil {
		r.since, r.until = min(r.since, at), max(r.until, at)
		return
	}
	all[of] = &reach{since: at, until: at}
}

// history gives lives to the objects of the present, and adds those of the past. Without any source beside the present it
// says nothing.
func (b *builder) history(all []*SnapshotScope) error {
	h := &historian{
		b: b, interfaces: newTimeline[Interface](), groups: newTimeline[ruleSet](), lists: newTimeline[PrefixList](),
		amendments: map[string][]amendment{}, terminated: map[string]int64{}, listChanges: map[string][]listChange{}, ruleMarks: map[analyze.RuleKey][]mark[bool]{}, unclear: map[string]bool{}, unclearIn: map[Scope]bool{}, reached: map[origin]map[Scope]*reach{},
		switches: map[Scope][]recorderSwitch{}, stopped: map[Scope][]gap{},
	}
	for _, step := range []func([]*SnapshotScope) error{h.snapshots, h.configItems, h.trail, h.recorders} {
		if err := step(all); err != nil {
			return err
		}
	}
	if b.e.History.None() {
		return nil
	}
	h.settleInterfaces()
	h.settleRules()
	h.settleLists()
	h.reportConflicts()
	return nil
}

// snapshots reads the dated describe outputs in order of time, the present among them.
func (h *historian) snapshots(all []*SnapshotScope) error {
	dated := slices.DeleteFunc(slices.Clone(all), func(s *SnapshotScope) bool { return s.captured.IsZero() })
	slices.SortStableFunc(dated, func(a, b *SnapshotScope) int { return a.captured.Compare(b.captured) })
	times := []int64{}
	for _, s := range dated {
		times = append(times, s.captured.Unix())
		if err := describedAt(h, &h.interfaces, s, NetworkInterfaces, h.b.interfaceState); err != nil {
			return err
		}
		if err := describedAt(h, &h.groups, s, SecurityGroups, h.b.rulesState); err != nil {
			return err
		}
		if err := describedAt(h, &h.lists, s, PrefixLists, h.b.listState); err != nil {
			return err
		}
	}
	if times = slices.Compact(times); len(times) > 1 {
		h.b.e.History.Snapshots, h.b.e.History.SnapshotsSince = len(times)-1, unix(times[0])
		for k, t := range times[1:] {
			h.b.e.History.SnapshotsApart = max(h.b.e.History.SnapshotsApart, int(t-times[k]))
		}
	}
	if n := len(times); n > 0 {
		h.latest = times[n-1]
	}
	h.interfaces.absences()
	h.groups.absences()
	h.lists.absences()
	return nil
}

// state is one object as one source has it. An object of whose state the source says nothing has no value.
type state[T any] struct {
	id, key string
	value   *T
}

// timeline is the marks of all objects of one kind.
type timeline[T any] struct {
	marks  map[string][]mark[T]
	series map[Scope]*series
	read   map[string]state[T] // by the raw object: most objects are the same in every snapshot
	// unrecorded are times at which AWS Config says that it does not record such objects.
	unrecorded map[Scope][]int64
	// configSince is since when AWS Config records such objects.
	configSince map[Scope]int64
}

func newTimeline[T any]() timeline[T] {
	return timeline[T]{marks: map[string][]mark[T]{}, series: map[Scope]*series{}, read: map[string]state[T]{}, configSince: map[Scope]int64{}, unrecorded: map[Scope][]int64{}}
}

func (t *timeline[T]) add(id string, m mark[T]) { t.marks[id] = append(t.marks[id], m) }

// series is the times at which one account and region was described, and in which of them each object was there.
type series struct {
	times   []int64 // ascending
	present map[string][]int
}

// describedAt marks the objects of one kind in one snapshot.
func describedAt[T any](h *historian, t *timeline[T], s *SnapshotScope, kind Kind, read func(where, json.RawMessage) (state[T], error)) error {
	objects, asked := s.Objects[kind]
	if !asked {
		return nil
	}
	run := t.series[s.Scope]
	if run == nil {
		run = &series{present: map[string][]int{}}
		t.series[s.Scope] = run
	}
	at := s.captured.Unix()
	if n := len(run.times); n == 0 || run.times[n-1] != at {
		run.times = append(run.times, at)
	}
	n := len(run.times) - 1
	for i, raw := range objects {
		one, ok := t.read[string(raw)]
		if !ok {
			var err error
			if one, err = read(where{scope: s, kind: kind, index: i}, raw); err != nil {
				return err
			}
			t.read[string(raw)] = one
		}
		if one.value != nil {
			t.add(one.id, mark[T]{at: at, origin: fromSnapshot, value: one.value, key: one.key})
		}
		if list := run.present[one.id]; len(list) == 0 || list[len(list)-1] != n {
			run.present[one.id] = append(list, n)
		}
	}
	return nil
}

// absences adds, for each object of a series, that it was not there in the snapshots just before and just after those it
// was in. Those further away would say nothing new.
func (t *timeline[T]) absences() {
	for _, s := range t.series {
		for id, at := range s.present {
			for k, n := range at {
				if n > 0 && (k == 0 || at[k-1] < n-1) {
					t.add(id, mark[T]{at: s.times[n-1], origin: fromSnapshot})
				}
				if n+1 < len(s.times) && (k+1 == len(at) || at[k+1] > n+1) {
					t.add(id, mark[T]{at: s.times[n+1], origin: fromSnapshot})
				}
			}
		}
	}
}

// ruleSet is the rules of a group at one time.
type ruleSet map[analyze.RuleKey]bool

func (b *builder) interfaceState(at where, raw json.RawMessage) (state[Interface], error) {
	var w wireInterface
	if err := at.decode(raw, &w); err != nil {
		return state[Interface]{}, err
	}
	i, err := readInterface(at, &w)
	if err != nil {
		return state[Interface]{}, err
	}
	return state[Interface]{i.ID, i.stateKey(), i}, nil
}

// stateKey is equal for two sightings of an interface between which nothing changed that a rule could see.
func (i *Interface) stateKey() string {
	return fmt.Sprint(i.VPC, i.Subnet, i.Primary, i.Addrs, i.Prefixes, i.Groups)
}

func (b *builder) rulesState(at where, raw json.RawMessage) (state[ruleSet], error) {
	var w wireGroup
	if err := at.decode(raw, &w); err != nil {
		return state[ruleSet]{}, err
	}
	if w.IpPermissions == nil && w.IpPermissionsEgress == nil {
		return state[ruleSet]{id: w.GroupId}, nil
	}
	set := ruleSet{}
	for _, side := range []struct {
		dir         analyze.Direction
		permissions []json.RawMessage
	}{{analyze.Ingress, w.IpPermissions}, {analyze.Egress, w.IpPermissionsEgress}} {
		rules, _ := expand(w.GroupId, side.dir, side.permissions)
		for _, r := range rules {
			if r.Unsupported == "" {
				set[r.RuleKey] = true
			}
		}
	}
	return state[ruleSet]{w.GroupId, fmt.Sprint(slices.SortedFunc(maps.Keys(set), analyze.RuleKey.Compare)), &set}, nil
}

func (b *builder) listState(at where, raw json.RawMessage) (state[PrefixList], error) {
	var w wirePrefixList
	if err := at.decode(raw, &w); err != nil {
		return state[PrefixList]{}, err
	}
	l := &PrefixList{ID: w.PrefixListId, MaxEntries: w.MaxEntries}
	if err := l.addEntries(at, &w); err != nil {
		return state[PrefixList]{}, err
	}
	if !l.EntriesKnown {
		return state[PrefixList]{id: l.ID}, nil
	}
	return state[PrefixList]{l.ID, l.entriesKey(), l}, nil
}
