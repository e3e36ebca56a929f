package estate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// gap is a time in which AWS Config recorded nothing, in unix seconds. What it missed then it records when it goes on: an
// object that came in between is discovered late, one that went is deleted late. An object of the same state before and after
// is taken to have stayed so, as between two snapshots.
type gap struct{ from, to int64 }

// recorderSwitch is a recorder being started or stopped, as CloudTrail tells.
type recorderSwitch struct {
	at int64
	on bool
}

func (h *historian) recorderSwitched(ev *trailEvent) error {
	of := ev.scope.place()
	h.switches[of] = append(h.switches[of], recorderSwitch{ev.time, ev.name == "StartConfigurationRecorder"})
	return nil
}

// recorders finds when the recorders stood still, and gives the items that followed the time by which they may be late. Of each
// recorder its status tells the last gap, CloudTrail those of as long as it reaches.
func (h *historian) recorders(all []*SnapshotScope) error {
	for _, s := range all {
		for i, raw := range s.Objects[ConfigurationRecorders] {
			at := where{scope: s, kind: ConfigurationRecorders, index: i}
			var w struct{ LastStartTime, LastStopTime json.RawMessage }
			if err := at.decode(raw, &w); err != nil {
				return err
			}
			start, err := at.textOrSeconds("lastStartTime", w.LastStartTime)
			if err != nil {
				return err
			}
			stop, err := at.textOrSeconds("lastStopTime", w.LastStopTime)
			if err != nil {
				return err
			}
			if !stop.IsZero() && stop.Before(start) {
				h.stopped[s.place()] = append(h.stopped[s.place()], gap{stop.Unix(), start.Unix()})
			}
		}
	}
	for of, list := range h.switches {
		h.stopped[of] = append(h.stopped[of], switchedOff(list, h.itemTimes(of))...)
	}
	h.reportGaps()
	h.interfaces.catchUp(h.stopped)
	h.groups.catchUp(h.stopped)
	h.lists.catchUp(h.stopped)
	return nil
}

// itemTimes are the times of all that AWS Config recorded in an account and region, ascending.
func (h *historian) itemTimes(of Scope) []int64 {
	times := slices.Concat(h.interfaces.itemTimes(of), h.groups.itemTimes(of), h.lists.itemTimes(of))
	slices.Sort(times)
	return slices.Compact(times)
}

func (t *timeline[T]) itemTimes(of Scope) (times []int64) {
	for _, marks := range t.marks {
		for _, m := range marks {
			if m.origin == fromConfig && m.scope.mayBe(of) {
				times = append(times, m.at)
			}
		}
	}
	return times
}

// switchedOff is the gaps that the switches of a recorder tell. Where a start has no stop, or a stop no start, the items tell
// when it recorded last, or first.
func switchedOff(list []recorderSwitch, items []int64) (gaps []gap) {
	slices.SortFunc(list, func(a, b recorderSwitch) int { return cmp.Compare(a.at, b.at) })
	var stop *int64
	for k, s := range list {
		at, _ := slices.BinarySearch(items, s.at)
		switch {
		case !s.on && stop == nil:
			stop = &list[k].at
		case s.on && stop != nil:
			gaps, stop = append(gaps, gap{*stop, s.at}), nil
		case s.on && k == 0 && at > 0:
			gaps = append(gaps, gap{items[at-1], s.at})
		}
	}
	if stop != nil {
		inTransit := int64(configLag / time.Second)
		if at, _ := slices.BinarySearch(items, *stop+inTransit); at < len(items) {
			gaps = append(gaps, gap{*stop, items[at]})
		}
	}
	return gaps
}

func (h *historian) reportGaps() {
	for of, list := range h.stopped {
		slices.SortFunc(list, func(a, b gap) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
		h.stopped[of] = slices.Compact(list)
	}
	scopes := slices.SortedFunc(maps.Keys(h.stopped), func(a, b Scope) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region))
	})
	for _, of := range scopes {
		for _, g := range h.stopped[of] {
			h.b.e.Problems = append(h.b.e.Problems, Problem{"AWS Config", strings.Trim(of.Account+" "+of.Region, " "),
				fmt.Sprintf("recorded nothing from %s to %s: of what changed then it is not known when, and what came and went is not known at all",
					unix(g.from).Format(time.RFC3339), unix(g.to).Format(time.RFC3339))})
		}
	}
}

// catchUp gives the items that AWS Config recorded when it went on after a gap the time by which they may be late.
func (t *timeline[T]) catchUp(stopped map[Scope][]gap) {
	for of, gaps := range t.gaps(stopped) {
		for _, marks := range t.marks {
			for k := range marks {
				if m := &marks[k]; m.origin == fromConfig && m.scope.mayBe(of) {
					m.lag = lateBy(m.at, m.lag, gaps)
				}
			}
		}
	}
}

// lateBy is the lag of an item, be it as usual or because of a gap.
func lateBy(at, usual int64, gaps []gap) int64 {
	lag := usual
	for _, g := range gaps {
		if g.from < at && at <= g.to+settlingIn {
			lag = max(lag, at-g.from+usual)
		}
	}
	return lag
}

// gaps is those of the recorders, and the times in which they left out objects of the kind.
func (t *timeline[T]) gaps(stopped map[Scope][]gap) map[Scope][]gap {
	all := map[Scope][]gap{}
	for of, gaps := range stopped {
		all[of] = slices.Clone(gaps)
	}
	for of, times := range t.unrecorded {
		items := t.itemTimes(of)
		slices.Sort(items)
		slices.Sort(times)
		until := int64(math.MinInt64)
		for _, from := range times {
			if at, _ := slices.BinarySearch(items, from+1); from >= until && at < len(items) {
				until = items[at]
				all[of] = append(all[of], gap{from, until})
			}
		}
	}
	return all
}
