package world

import (
	"fmt"
	"math"
	"slices"
)

const (
	hour = int64(3600)
	day  = 24 * hour
)

// World is an estate, the recipes of its traffic, and the labels. It is read-only once made; its methods may run at the
// same time.
type World struct {
	Options
	VPCs        []*VPC
	RouteTables []*RouteTable
	PrefixLists []*PrefixList
	Peerings    []*Peering
	FlowLogs    []*FlowLog
	Groups      []*Group
	Interfaces  []*Interface // all that ever live, in order of creation

	flows     []*flow
	defects   []Defect
	forbidden []Forbidden
	advice    []Advice
	fleets    map[string]*fleet // by VPC and name

	start, end, horizon int64 // unix seconds: window [start, end), records can be made up to horizon
	scale               float64
	scenario            string // being built
	err                 error
}

// New makes a world. It fails when the options make no sense.
func New(o Options) (*World, error) {
	w, err := empty(o)
	if err != nil {
		return nil, err
	}
	main := w.addVPC("main")
	for _, s := range scenarios {
		if slices.Contains(w.Scenarios, s.name) {
			w.scenario = s.name
			s.build(w, main)
		}
	}
	return w.finish()
}

// empty checks the options and sets the clock.
func empty(o Options) (*World, error) {
	o.setDefaults()
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("world: %w", err)
	}
	w := &World{Options: o, fleets: map[string]*fleet{}, scale: 1}
	w.start = o.Start.Unix()
	w.end = w.start + int64(o.Days)*day
	w.horizon = w.end + int64(o.AfterDays)*day
	return w, nil
}

// finish labels what the window suffices for and sets the scale of the ordinary traffic.
func (w *World) finish() (*World, error) {
	if w.err != nil {
		return nil, fmt.Errorf("world: %w", w.err)
	}
	for i := range w.defects {
		w.defects[i].Sufficient = w.defects[i].SufficientIn(w.Days, w.monthEndInside())
	}
	for i, f := range w.flows {
		f.key = hash(w.Seed, uint64(i), hashString(f.scenario))
	}
	switch {
	case w.RecordTarget > 0:
		w.scaleToRecords()
	case w.Conversations > 0:
		w.scaleToConversations()
	}
	return w, nil
}

// fail notes the first error of building.
func (w *World) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf(format, args...)
	}
}

func (w *World) scaleToConversations() {
	natural := 0.0
	for _, f := range w.flows {
		if f.fixed || f.long > 0 {
			continue
		}
		for h := w.start; h < w.end; h += hour {
			natural += f.perDay * f.when(h) * w.Busy
		}
	}
	if natural > 0 {
		w.scale = float64(w.Conversations) / natural
	}
}

// scaleToRecords counts the records of one day with and without the ordinary traffic and scales on a straight line.
func (w *World) scaleToRecords() {
	count := func(scale float64) float64 {
		w.scale = scale
		n := 0
		mid := w.start + int64(w.Days/2)*day
		for range (Period{w, mid, mid + day}).Records() {
			n++
		}
		return float64(n)
	}
	none, one := count(0), count(1)
	if one <= none {
		w.scale = 1
		return
	}
	w.scale = math.Max(0, (float64(w.RecordTarget)/float64(w.Days)-none)/(one-none))
	if w.scale > 1 { // rows of idle intervals go as traffic grows: one more step
		at := count(w.scale)
		if at > one {
			w.scale *= (float64(w.RecordTarget)/float64(w.Days) - none) / (at - none)
		}
	}
}

// fleet finds a fleet by name, nil when no scenario has made it.
func (w *World) fleet(v *VPC, name string) *fleet { return w.fleets[v.ID+" "+name] }

// Window is the period whose logs are reviewed.
func (w *World) Window() Period { return Period{w, w.start, w.end} }

// After is the period of so many days after the window, for replay on a proposal; at most Options.AfterDays.
func (w *World) After(days int) Period {
	return Period{w, w.end, min(w.end+int64(days)*day, w.horizon)}
}
