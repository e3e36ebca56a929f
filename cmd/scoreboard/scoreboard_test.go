package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/sgtrim/sgtrim/cmd/world"
)

// small worlds suffice to test the judge itself; no program is run.
func judged(t *testing.T) *trial {
	t.Helper()
	w, err := world.New(world.Options{Seed: 3, Days: 10, AfterDays: 31, Scenarios: []string{"widepeers", "wideports", "unused", "bruteforce", "monthly"}})
	if err != nil {
		t.Fatal(err)
	}
	return &trial{seed: 3, days: 10, w: w, seen: w.Truth(), after: w.After(31).Truth(), before: w.Rules(), fit: &plan{}, policy: &plan{}}
}

// mended is a plan that does to each planted defect what its label says.
func mended(t *testing.T, j *trial) *plan {
	t.Helper()
	p := &plan{}
	for _, d := range j.seen.Defects {
		want := d.Expect[0]
		c := change{Kind: want.Kind, Status: want.Status, GroupID: d.Rule.GroupID, Direction: d.Rule.Direction()}
		c.Old = []ruleText{{d.Rule.Service(), d.Rule.Peer}}
		for _, r := range d.Ideal {
			c.New = append(c.New, ruleText{r.Service(), r.Peer})
		}
		p.Changes = append(p.Changes, c)
	}
	return p
}

func (t *trial) judgePlan(p *plan) error {
	var err error
	t.fit, t.policy, t.result = p, p, result{}
	if t.proposed, err = p.apply(t.before, "proposed"); err == nil {
		t.reviewed, err = p.apply(t.before, "proposed", "review")
	}
	if err == nil {
		t.judge()
	}
	return err
}

func TestTheJudgeSeesWhatIsRightAndWrong(t *testing.T) {
	j := judged(t)
	right := mended(t, j)
	if err := j.judgePlan(right); err != nil {
		t.Fatal(err)
	}
	for c := range j.needs {
		if s := j.needs[c]; s.connections == 0 || s.cut != 0 {
			t.Errorf("class %d: %+v: the ideal cuts nothing, and every class has connections", c, s)
		}
	}
	if o := j.fitted; o.missed != 0 || o.sufficient != len(j.seen.Defects) || o.proposed == 0 || o.review == 0 || o.held == 0 {
		t.Errorf("got %+v of the ideal plan", o)
	}
	if o := j.byPolicy; o.claimed == 0 || o.claimed >= o.insufficient {
		t.Errorf("by policy %+v: ten days are too few for what is proposed, not for what is for review", o)
	}
	for i := 1; i < 4; i++ {
		if j.exposure[i].space > j.exposure[i-1].space {
			t.Errorf("exposure %d: %+v after %+v", i, j.exposure[i], j.exposure[i-1])
		}
	}
	if j.attacks[0] == 0 || j.attacks[3] >= j.attacks[0] || j.inside != 1 {
		t.Errorf("attacks %v, inside %d", j.attacks, j.inside)
	}

	wrong := mended(t, j)
	used := slices.IndexFunc(wrong.Changes, func(c change) bool { return c.Kind == "narrow-ports" })
	wrong.Changes[used].New = nil
	wrong.Changes[used].Kind = "unused"
	if err := j.judgePlan(wrong); err != nil {
		t.Fatal(err)
	}
	if j.needs[seenStable].cut == 0 || j.fitted.missed != 1 || j.inside != 0 || len(j.cuts) == 0 {
		t.Errorf("a used rule removed: cut %+v, missed %d, inside %d", j.needs[seenStable], j.fitted.missed, j.inside)
	}
	if err := j.judgePlan(&plan{}); err != nil {
		t.Fatal(err)
	}
	if j.fitted.missed != j.fitted.sufficient || j.attacks[1] != j.attacks[0] {
		t.Errorf("no plan at all: %+v, attacks %v", j.fitted, j.attacks)
	}
}

func TestPlansAreReadAsPrinted(t *testing.T) {
	c := change{GroupID: "sg-1", Direction: "ingress"}
	for _, service := range []string{"tcp 443", "tcp 8000-8010", "udp *", "icmp", "icmp 3/4", "icmpv6 2", "all", "50"} {
		r, err := c.rule(ruleText{service, "10.0.0.0/8"})
		if err != nil || r.Service() != service {
			t.Errorf("%s reads as %s, %v", service, r.Service(), err)
		}
	}
	if _, err := c.rule(ruleText{"tcp x", "10.0.0.0/8"}); err == nil {
		t.Error("tcp x: want an error")
	}
}

func TestVerdict(t *testing.T) {
	b := board{settings: &settings{windows: []int{7}}, results: []result{{worlds: 10, inside: 9}}}
	if err := b.verdict(); err != nil {
		t.Errorf("nothing is wrong, got %v", err)
	}
	bad := result{worlds: 10, inside: 8}
	bad.needs[seenStable].cut = 1
	bad.needs[changing] = tally{connections: 1000, cutConnections: 1}
	bad.fitted.missed, bad.byPolicy.claimed = 1, 1
	b.results, b.covers = []result{bad}, []coverFigure{{name: "small", text: "1 of 2"}}
	err := b.verdict()
	if err == nil || strings.Count(err.Error(), "\n") != 5 {
		t.Errorf("six bars are missed, got %v", err)
	}
}

func TestCovers(t *testing.T) {
	all, err := coverFigures()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if !f.right {
			t.Errorf("%s: %s", f.name, f.text)
		}
	}
}
