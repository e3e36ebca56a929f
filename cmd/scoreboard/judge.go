package main

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/sgtrim/sgtrim/cmd/world"
)

// result is what a trial counts. Results of trials add up.
type result struct {
	worlds int
	needs  [numClasses]tally
	// Planted defects, by what the plan says of them: with the window as asked for, and with the default policy.
	fitted, byPolicy outcomes
	statuses         [2]map[string]int // of all changes: fit, policy
	exposure         [4]exposure       // before, proposed, with review, ideal
	attacks          [4]int            // connections of the days after that are let in
	attempts         int               // all of them
	inside           int               // worlds whose actual loss lies in the interval
	expected, actual float64           // shares, summed over worlds
	low, high        float64
	alone            alone
	structure        structures
	byDirection      [2]map[string]int // of all changes with the window as asked for: ingress, egress
	cuts, missed     []string          // in words
}

// class of a needed relation of the days after.
type class int

const (
	seenStable class = iota // seen in the window, on peers that stay
	newStable               // not seen in the window, on peers that stay: once a month, or new
	changing                // on peers that change
	numClasses
)

// tally counts relations and their connections, and those cut by the proposed and by the review changes.
type tally struct {
	relations, connections int
	cut, cutConnections    int
	reviewCut              int // connections
}

// exposure sums figures over worlds.
type exposure struct {
	rules, open, admin int
	reachable          int64
	space              float64
}

// outcomes of planted defects.
type outcomes struct {
	sufficient    int // the generator says that the evidence suffices
	proposed      int // of them, found with the status expected
	review        int
	held          int // expected to be held, and held
	missed        int
	insufficient  int
	claimed       int // of the insufficient: proposed all the same
	heldForWindow int
}

func (t *trial) judge() {
	t.worlds = 1
	t.judgeNeeds()
	t.judgeDefects(&t.fitted, t.fit, func(world.Defect) bool { return true })
	t.judgeDefects(&t.byPolicy, t.policy, func(d world.Defect) bool { return d.Sufficient })
	for i, p := range []*plan{t.fit, t.policy} {
		t.statuses[i] = map[string]int{}
		for _, c := range p.Changes {
			t.statuses[i][c.Status]++
		}
		t.statuses[i]["kept"] = p.Totals.Kept
	}
	t.byDirection = t.fit.byDirection(t.before)
	t.judgeExposure()
	t.judgeRisk()
	t.judgeStructure()
}

// relation is what makes two needs the same.
type relation struct {
	on     string
	egress bool
	peer   netip.Addr
	proto  uint8
	port   uint16
}

func relationOf(n world.Need) relation {
	return relation{n.Interface.ID, n.Egress, n.Peer, n.Protocol, n.Port}
}

func (t *trial) judgeNeeds() {
	seen := map[relation]bool{}
	for _, n := range t.seen.Needs {
		seen[relationOf(n)] = true
	}
	old, now, later := t.w.Evaluator(t.before), t.w.Evaluator(t.proposed), t.w.Evaluator(t.reviewed)
	for _, n := range t.after.Needs {
		if !old.Allows(n) {
			continue
		}
		c := changing
		switch {
		case n.Stable && seen[relationOf(n)]:
			c = seenStable
		case n.Stable:
			c = newStable
		}
		s := &t.needs[c]
		s.relations++
		s.connections += n.Connections
		if !later.Allows(n) {
			s.reviewCut += n.Connections
		}
		if !now.Allows(n) {
			s.cut++
			s.cutConnections += n.Connections
			t.cuts = append(t.cuts, fmt.Sprintf("seed %d, %d days: %s (%s): %s %s %s %d/%d, %d connections, groups %s", t.seed, t.days, n.Scenario,
				[]string{"seen before, stable", "new, stable", "changing"}[c], n.Interface.Name, n.Direction(), n.Peer, n.Protocol, n.Port, n.Connections, names(n.Interface)))
		}
	}
}

func names(m *world.Interface) string {
	s := ""
	for _, g := range m.Groups {
		s += " " + g.Name
	}
	return s
}

// windows are the days that the default policy asks for, by kind of change (design §7.6).
var windows = map[string]int{"narrow-ports": 30, "narrow-peers": 45, "unused": 90, "redundant": 90}

// judgeDefects holds what the plan says of each planted defect against the label.
func (t *trial) judgeDefects(o *outcomes, p *plan, sufficient func(world.Defect) bool) {
	byRule := map[string]*change{}
	for i := range p.Changes {
		c := &p.Changes[i]
		for _, old := range c.Old {
			byRule[c.key(old)] = c
		}
	}
	for _, d := range t.seen.Defects {
		c := byRule[d.Rule.String()]
		right := c != nil && slices.ContainsFunc(d.Expect, func(x world.Outcome) bool {
			return (x.Kind == "" || x.Kind == c.Kind) && (x.Status == "" || x.Status == c.Status)
		})
		switch {
		case !sufficient(d):
			o.insufficient++
			if c != nil && c.Status == "proposed" && t.days < windows[c.Kind] {
				o.claimed++
				t.missed = append(t.missed, fmt.Sprintf("seed %d, %d days: claimed too early: %s: %s", t.seed, t.days, d.Why, c))
			} else if c != nil && c.Status == "held" {
				o.heldForWindow++
			}
		case !right:
			o.sufficient++
			o.missed++
			t.missed = append(t.missed, fmt.Sprintf("seed %d, %d days: missed: %s %s (%s): got %s, want %v", t.seed, t.days, d.Scenario, d.Rule, d.Why, said(c), d.Expect))
		default:
			o.sufficient++
			switch c.Status {
			case "proposed":
				o.proposed++
			case "review":
				o.review++
			case "held":
				o.held++
			}
		}
	}
}

func said(c *change) string {
	if c == nil {
		return "no change"
	}
	return fmt.Sprintf("%s (%s; %s)", c, c.Reason, c.Release)
}

func (t *trial) judgeExposure() {
	states := [4][]world.Rule{t.before, t.proposed, t.reviewed, t.w.IdealRules()}
	for i, rules := range states {
		f := measure(t.w, rules)
		t.exposure[i] = exposure{f.Rules, f.WorldOpenV4 + f.WorldOpenV6, f.AdminOpen, f.Reachable, f.Log2Space}
		e := t.w.Evaluator(rules)
		for _, n := range t.after.Attacks {
			if i == 0 {
				t.attempts += n.Connections
			}
			if e.Allows(n) {
				t.attacks[i] += n.Connections
			}
		}
	}
}

// byDirection counts rules by what the plan says of them, ingress and egress apart.
func (p *plan) byDirection(before []world.Rule) [2]map[string]int {
	out := [2]map[string]int{{}, {}}
	side := map[bool]int{false: 0, true: 1}
	for _, r := range before {
		out[side[r.Egress]]["all"]++
	}
	for _, c := range p.Changes {
		out[side[c.Direction == "egress"]][c.Status] += len(c.Old)
	}
	return out
}

// judgeRisk replays as many days as were learned, day by day: a connection of the risk is a relation on a day.
func (t *trial) judgeRisk() {
	old, now := t.w.Evaluator(t.before), t.w.Evaluator(t.proposed)
	all, denied := 0, 0
	for _, d := range t.w.After(t.days).EachDay() {
		for _, n := range d.Truth().Needs {
			all++
			if old.Allows(n) && !now.Allows(n) {
				denied++
			}
		}
	}
	share := float64(denied) / float64(max(1, all))
	if t.fit.Risk.holds(share) {
		t.inside = 1
	}
	t.expected, t.low, t.high, t.actual = t.fit.Risk.Expected, t.fit.Risk.Low, t.fit.Risk.High, share
	t.judgeAlone()
}

func (r *result) add(o *result) {
	r.worlds += o.worlds
	for i := range r.needs {
		a, b := &r.needs[i], &o.needs[i]
		a.relations, a.connections, a.cut = a.relations+b.relations, a.connections+b.connections, a.cut+b.cut
		a.cutConnections, a.reviewCut = a.cutConnections+b.cutConnections, a.reviewCut+b.reviewCut
	}
	r.fitted.add(&o.fitted)
	r.byPolicy.add(&o.byPolicy)
	for i := range r.statuses {
		if r.statuses[i] == nil {
			r.statuses[i] = map[string]int{}
		}
		for k, n := range o.statuses[i] {
			r.statuses[i][k] += n
		}
	}
	for i := range r.exposure {
		a, b := &r.exposure[i], &o.exposure[i]
		a.rules, a.open, a.admin = a.rules+b.rules, a.open+b.open, a.admin+b.admin
		a.reachable, a.space = a.reachable+b.reachable, a.space+b.space
		r.attacks[i] += o.attacks[i]
	}
	r.attempts += o.attempts
	r.inside += o.inside
	r.expected, r.low, r.high, r.actual = r.expected+o.expected, r.low+o.low, r.high+o.high, r.actual+o.actual
	r.alone.add(&o.alone)
	r.structure.add(&o.structure)
	for i := range r.byDirection {
		if r.byDirection[i] == nil {
			r.byDirection[i] = map[string]int{}
		}
		for k, n := range o.byDirection[i] {
			r.byDirection[i][k] += n
		}
	}
	r.cuts, r.missed = append(r.cuts, o.cuts...), append(r.missed, o.missed...)
}

func (o *outcomes) add(p *outcomes) {
	o.sufficient, o.proposed, o.review = o.sufficient+p.sufficient, o.proposed+p.proposed, o.review+p.review
	o.held, o.missed, o.insufficient = o.held+p.held, o.missed+p.missed, o.insufficient+p.insufficient
	o.claimed, o.heldForWindow = o.claimed+p.claimed, o.heldForWindow+p.heldForWindow
}
