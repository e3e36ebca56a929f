package sum

import (
	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/ledger"
)

// tally counts the records of a batch for coverage, by interface, as long as they are OK and of one day: it is small enough
// to stay near, and interfaces are not.
type tally struct {
	day    int32     // noDay before the first record
	counts []tallied // by interface
}

type tallied struct {
	hours            uint32
	accepts, rejects uint32
}

const noDay = -1

func (t *tally) reset() {
	t.day, t.counts = noDay, t.counts[:0]
}

// knows reports whether records of interface n may be added to counts for that day.
func (t *tally) knows(n int, day int32) bool { return n < len(t.counts) && day == t.day }

// addNew counts a record of an interface or a day that the tally does not know, and reports whether it is of the tally's day.
func (t *tally) addNew(n int, day int32, hours uint32, action analyze.Action) bool {
	if day != t.day && t.day != noDay {
		return false
	}
	t.day = day
	for n >= len(t.counts) {
		t.counts = append(t.counts, tallied{})
	}
	t.counts[n].add(hours, action)
	return true
}

func (c *tallied) add(hours uint32, action analyze.Action) {
	c.hours |= hours
	rejected := uint32(action-analyze.Accept) & 1
	c.rejects += rejected
	c.accepts += 1 - rejected
}

// settle adds what was counted to the interfaces, and begins anew.
func (t *tally) settle(ifaces []iface) {
	for n, c := range t.counts {
		if c.hours != 0 {
			ifaces[n].on(t.day).take(c.hours, int64(c.accepts), int64(c.rejects))
			t.counts[n] = tallied{}
		}
	}
	t.day = noDay
}

// on returns the coverage of a day, made when it is new.
func (f *iface) on(day int32) *ifaceDay {
	for i := len(f.days) - 1; i >= 0; i-- {
		if f.days[i].day == day {
			return &f.days[i]
		}
	}
	f.days = append(f.days, ifaceDay{day: day})
	return &f.days[len(f.days)-1]
}

// take adds records that are OK.
func (d *ifaceDay) take(hours uint32, accepts, rejects int64) {
	d.touched |= hours
	d.Covered |= hours
	d.Accepts = ledger.AddCounts(d.Accepts, accepts)
	d.Rejects = ledger.AddCounts(d.Rejects, rejects)
}

// takeOne adds a record that is OK.
func (d *ifaceDay) takeOne(hours uint32, action analyze.Action) {
	if action == analyze.Accept {
		d.take(hours, 1, 0)
	} else {
		d.take(hours, 0, 1)
	}
}
