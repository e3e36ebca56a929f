package usage

import (
	"cmp"
	"slices"
	"sync"

	"github.com/sgtrim/sgtrim/analyze"
)

// Use is what the flows say of a rule.
type Use struct {
	Hits  []int32 // needs it surely allows, as indexes into Result.Flows
	Sole  int     // of them, surely allowed by no other rule of the interface
	Maybe []int32 // needs it may allow
	// OneWay are flows from the Internet that it may allow and nothing answered: no needs (design §4.6), but a rule for a
	// network that someone named may be there for them (syslog, telemetry).
	OneWay []int32
	// Credited needs are those that the rule must keep, whatever becomes of it: it is the narrowest that surely allows them,
	// or one of those that may allow them where none surely does.
	Credited []int32
	// Leans are the rules credited with this rule's other hits, sorted: the rule can do without those hits only as long as
	// these stand.
	Leans []int32
}

// creditor credits rules with some of the flows.
type creditor struct {
	*attributor
	uses        []Use // by rule
	unexplained []int32
	yes, maybe  []int32 // of one flow
}

// credit finds the use of all rules, several runs of flows at a time, and puts these together in their order.
func (a *attributor) credit(workers int) {
	r := a.r
	creditors := make([]*creditor, workers)
	var working sync.WaitGroup
	for w := range creditors {
		c := &creditor{attributor: a, uses: make([]Use, len(r.Rules))}
		creditors[w] = c
		working.Go(func() {
			for i := len(r.Flows) * w / workers; i < len(r.Flows)*(w+1)/workers; i++ {
				if r.Flows[i].Need {
					c.attribute(int32(i))
				} else {
					c.note(int32(i))
				}
			}
		})
	}
	working.Wait()
	for _, c := range creditors {
		r.Unexplained = append(r.Unexplained, c.unexplained...)
	}
	for i := range r.Rules {
		for _, c := range creditors {
			r.Rules[i].add(&c.uses[i])
			c.uses[i] = Use{}
		}
		slices.Sort(r.Rules[i].Leans)
		r.Rules[i].Leans = slices.Compact(r.Rules[i].Leans)
	}
}

// add adds the use by the flows that follow.
func (u *Use) add(o *Use) {
	u.Hits = append(u.Hits, o.Hits...)
	u.Sole += o.Sole
	u.Maybe = append(u.Maybe, o.Maybe...)
	u.OneWay = append(u.OneWay, o.OneWay...)
	u.Credited = append(u.Credited, o.Credited...)
	u.Leans = append(u.Leans, o.Leans...)
}

// attribute finds the rules that allow need i and gives credit. Of those that surely allow it the narrowest is credited;
// where none surely does, all that may. A gone interface's groups are unknown, and those of one that was just changed are not
// sure, so every rule that could have allowed its need keeps it.
func (c *creditor) attribute(i int32) {
	f := &c.r.Flows[i]
	subject := c.subject(f)
	yes, maybe := c.yes[:0], c.maybe[:0]
	for _, ri := range c.rules(f) {
		switch c.match(ri, f, subject) {
		case analyze.Yes:
			yes = append(yes, ri)
		case analyze.Maybe:
			maybe = append(maybe, ri)
		}
	}
	if f.Subject == nil || f.Unsure {
		maybe, yes = append(maybe, yes...), yes[:0]
		slices.Sort(maybe)
	}
	for _, ri := range maybe {
		c.uses[ri].Maybe = append(c.uses[ri].Maybe, i)
	}
	switch {
	case len(yes) > 0:
		c.narrowest(i, yes)
	case len(maybe) > 0:
		f.Credit = slices.Clone(maybe)
		for _, ri := range maybe {
			c.uses[ri].Credited = append(c.uses[ri].Credited, i)
		}
	default:
		c.unexplained = append(c.unexplained, i)
	}
	c.yes, c.maybe = yes, maybe
}

// note tells the rules for named networks and lists of a one-way flow that is no need.
func (c *creditor) note(i int32) {
	f := &c.r.Flows[i]
	if f.Action != analyze.Accept || f.Strength != analyze.OneWay {
		return
	}
	subject := c.subject(f)
	for _, ri := range c.rules(f) {
		rule := c.r.Rules[ri].Rule
		if rule.Unsupported == "" && rule.Peer.GroupID == "" && !rule.Peer.IsWorld() && c.match(ri, f, subject) != analyze.No {
			c.uses[ri].OneWay = append(c.uses[ri].OneWay, i)
		}
	}
}

// narrowest credits the narrowest of the rules that surely allow need i.
func (c *creditor) narrowest(i int32, yes []int32) {
	best := slices.MinFunc(yes, func(p, q int32) int {
		if by := cmp.Compare(c.size[p], c.size[q]); by != 0 {
			return by
		}
		return c.r.Rules[p].Compare(c.r.Rules[q].RuleKey)
	})
	c.r.Flows[i].Credit = c.alone[best : best+1 : best+1]
	c.uses[best].Credited = append(c.uses[best].Credited, i)
	for _, ri := range yes {
		u := &c.uses[ri]
		u.Hits = append(u.Hits, i)
		if len(yes) == 1 {
			u.Sole++
		}
		if ri != best && !slices.Contains(u.Leans, best) {
			u.Leans = append(u.Leans, best)
		}
	}
}
