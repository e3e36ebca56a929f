package compare

import (
	"math"
	"time"
)

// surelyDue is the chance below which silence is no chance any more.
const surelyDue = 0.05

// judge decides what became of a link; false: there is nothing to say.
func (c *comparer) judge(ch *Change, l *link, watched map[string]map[int32]uint32) bool {
	before, after := &l.sides[0], &l.sides[1]
	failed := ch.After.Rejected > 0 || ch.After.Refused > 0
	switch {
	case before.works() && after.works():
		ch.Status = Same
		if apart(before.places[0], after.places[0]) || apart(before.places[1], after.places[1]) {
			ch.Status = Moved
		}
	case after.works():
		ch.Status = Gained
	case before.works():
		ch.Status = Lost
		c.explain(ch, before, watched)
	case failed && ch.Before.Rejected == 0 && ch.Before.Refused == 0:
		ch.Status, ch.Why = Blocked, failure(&ch.After)
	default:
		return false
	}
	return true
}

func failure(s *Seen) Why {
	if s.Rejected > 0 {
		return WhyRejected
	}
	return WhyRefused
}

// explain says why a link is lost, as far as anything tells.
func (c *comparer) explain(ch *Change, before *sighting, watched map[string]map[int32]uint32) {
	hours := union(watched[ch.Client], watched[ch.Service], watched[anyNetwork])
	switch {
	case ch.After.Rejected > 0 || ch.After.Refused > 0:
		ch.Why = failure(&ch.After)
	case c.doubtful[pair{ch.Client, ch.Service}] || c.doubtful[pair{ch.Service, ch.Client}]:
		ch.Why = WhyDoubtful
	case len(hours) == 0:
		ch.Why = WhyNotLogged
	default:
		ch.SilentChance = math.Round(c.silentChance(before, hours)*1e4) / 1e4
		ch.Why = WhySilent
		if ch.SilentChance >= surelyDue {
			ch.Why = WhyNotDue
		}
	}
}

// apart reports whether two sets of places have nothing in common.
func apart(a, b map[string]struct{}) bool {
	for p := range a {
		if _, ok := b[p]; ok {
			return false
		}
	}
	return true
}

func union(maps ...map[int32]uint32) map[int32]uint32 {
	all := map[int32]uint32{}
	for _, m := range maps {
		for day, hours := range m {
			all[day] |= hours
		}
	}
	return all
}

// anyNetwork stands for interfaces whose own address neither logs nor estate tell: they may be of any network.
const anyNetwork = ""

// watched are the hours after in which a party's interfaces were logged, by name and day.
func (c *comparer) watched() map[string]map[int32]uint32 {
	all := map[string]map[int32]uint32{}
	names := map[string]party{}
	for _, row := range c.sides[1].Coverage {
		if row.Interface == "" || row.Covered == 0 {
			continue
		}
		p, ok := names[row.Interface]
		if !ok {
			p = c.labels[1].own(row.Interface, c.labels[1].address(row.Interface))
			names[row.Interface] = p
		}
		switch {
		case p.unknown && c.labels[1].opt.By.What == ByNetwork:
			p.name = anyNetwork
		case p.unknown:
			continue
		}
		if all[p.name] == nil {
			all[p.name] = map[int32]uint32{}
		}
		all[p.name][row.Day] |= row.Covered
	}
	return all
}

// silentChance is the chance that a link which is as it was shows in none of the watched hours: for each day watched, the
// share of the days before without it in these hours, drawn toward a half so that few days make nothing sure (Jeffreys'
// estimate). Weekends are held against weekends, where there were two such days.
func (c *comparer) silentChance(before *sighting, watched map[int32]uint32) float64 {
	seen := map[int32]uint32{}
	for _, d := range before.days {
		seen[d.day] = d.hours
	}
	chance := 1.0
	for _, day := range c.sides[1].Days {
		hours := watched[day]
		if hours == 0 {
			continue
		}
		like := c.daysLike(day)
		silent := 0
		for _, d := range like {
			if seen[d]&hours == 0 {
				silent++
			}
		}
		chance *= (float64(silent) + 0.5) / float64(len(like)+1)
	}
	return chance
}

// daysLike are the days before that tell what to expect of a day. There is at least one, since something was seen.
func (c *comparer) daysLike(day int32) []int32 {
	var like []int32
	for _, d := range c.sides[0].Days {
		if weekend(d) == weekend(day) {
			like = append(like, d)
		}
	}
	if len(like) < 2 {
		return c.sides[0].Days
	}
	return like
}

func weekend(day int32) bool {
	w := time.Unix(int64(day)*86400, 0).UTC().Weekday()
	return w == time.Saturday || w == time.Sunday
}
