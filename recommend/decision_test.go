package recommend

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/orient"
)

// decided is a small world with one change of each status in sg-a, and what decisions make of it.
func decided(t *testing.T, days int, opt Options, ds ...Decision) *Plan {
	t.Helper()
	w := newWorld(t, days)
	w.group("sg-a", "ingress tcp 22 10.0.0.0/8", "ingress tcp 443 10.0.1.9/32", "egress tcp 25 10.0.0.0/8", "egress tcp 443 10.0.1.9/32")
	w.iface("eni-a", "10.0.1.5", "sg-a")
	w.see("eni-a", "ingress tcp 443 10.0.1.9")
	w.see("eni-a", "egress tcp 443 10.0.1.9")
	for i := range ds {
		d := &ds[i]
		d.By, d.Reason = "ann", "because"
		if !strings.HasPrefix(d.ChangeID, "chg-") { // "unused ingress tcp 22 10.0.0.0/8"
			kind, rule, _ := strings.Cut(d.ChangeID, " ")
			d.ChangeID = changeID(w.rule("sg-a", rule).RuleKey, Kind(kind))
		}
	}
	opt.Decisions = ds
	return w.review(opt)
}

// The window of 92 days begins on 2026-01-01 and ends with 2026-04-02.
func TestDecisions(t *testing.T) {
	const ssh, mail = "unused ingress tcp 22 10.0.0.0/8", "unused egress tcp 25 10.0.0.0/8" // proposed and review
	for _, tt := range []struct {
		name     string
		days     int
		opt      Options
		decision Decision
		want     Outcome
		selected string // the old rules in the scripts
	}{
		{"accepted review", 92, Options{}, Decision{ChangeID: mail, Verdict: Accept}, Applied, "tcp 22, tcp 25"},
		{"accepted proposal", 92, Options{}, Decision{ChangeID: ssh, Verdict: Accept}, NoEffect, "tcp 22"},
		{"accepted held", 60, Options{}, Decision{ChangeID: ssh, Verdict: Accept}, NoEffect, ""},
		{"accepted outside --only", 92, Options{Only: []string{"sg-b"}}, Decision{ChangeID: mail, Verdict: Accept}, NoEffect, ""},
		{"accepted until the last day", 92, Options{}, Decision{ChangeID: mail, Verdict: Accept, Until: "2026-04-02"}, Applied, "tcp 22, tcp 25"},
		{"accepted until the day before", 92, Options{}, Decision{ChangeID: mail, Verdict: Accept, Until: "2026-04-01"}, Expired, "tcp 22"},
		{"rejected proposal", 92, Options{}, Decision{ChangeID: ssh, Verdict: Reject}, Applied, ""},
		{"rejected review", 92, Options{}, Decision{ChangeID: mail, Verdict: Reject}, Applied, "tcp 22"},
		{"rejected review that --include would take", 92, Options{Include: true}, Decision{ChangeID: mail, Verdict: Reject}, Applied, "tcp 22"},
		{"rejected for a time that is over", 92, Options{}, Decision{ChangeID: ssh, Verdict: Reject, Until: "2026-01-31"}, Expired, "tcp 22"},
		{"exception on its last day", 92, Options{}, Decision{ChangeID: ssh, Verdict: Except, Until: "2026-04-02"}, Applied, ""},
		{"exception that is over", 92, Options{}, Decision{ChangeID: ssh, Verdict: Except, Until: "2026-04-01"}, Expired, "tcp 22"},
		{"rejection of another kind is carried", 92, Options{}, Decision{ChangeID: strings.Replace(ssh, "unused", "narrow-peers", 1), Verdict: Reject}, Carried, ""},
		{"an expired one is not", 92, Options{}, Decision{ChangeID: strings.Replace(ssh, "unused", "narrow-peers", 1), Verdict: Reject, Until: "2026-03-01"}, Expired, "tcp 22"},
		{"acceptance of another kind is not", 92, Options{}, Decision{ChangeID: strings.Replace(mail, "unused", "narrow-peers", 1), Verdict: Accept}, Outdated, "tcp 22"},
		{"a rule without a change", 92, Options{}, Decision{ChangeID: "unused ingress tcp 443 10.0.1.9/32", Verdict: Reject}, Outdated, "tcp 22"},
		{"a rule that is gone", 92, Options{}, Decision{ChangeID: "unused ingress tcp 23 10.0.0.0/8", Verdict: Reject}, Unknown, "tcp 22"},
		{"a slip", 92, Options{}, Decision{ChangeID: "chg-000000000000", Verdict: Accept}, Unknown, "tcp 22"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := decided(t, tt.days, tt.opt, tt.decision)
			if len(p.Decisions) != 1 || p.Decisions[0].Outcome != tt.want || p.Decisions[0].Effect == "" {
				t.Errorf("got %+v, want %s", p.Decisions, tt.want)
			}
			var got []string
			for i := range p.Changes {
				c := &p.Changes[i]
				if c.Selected {
					got = append(got, c.Old[0].Service)
				}
				if about := changeID(c.Old[0].Rule.RuleKey, c.Kind) == p.Decisions[0].ChangeID || tt.want == Carried && c.Kind == Unused && c.Old[0].Service == "tcp 22"; about != (c.Decision.Verdict != "") {
					t.Errorf("%s: decision %+v", c.Old[0].Service, c.Decision)
				}
			}
			if strings.Join(got, ", ") != tt.selected || p.Proof.Selected != len(got) {
				t.Errorf("in the scripts: %q (the proof says %d), want %q", got, p.Proof.Selected, tt.selected)
			}
		})
	}
}

// A decision about the change itself wins over one about another kind of change of the same rule.
func TestOwnDecisionWins(t *testing.T) {
	p := decided(t, 92, Options{}, Decision{ChangeID: "unused egress tcp 25 10.0.0.0/8", Verdict: Accept},
		Decision{ChangeID: "narrow-ports egress tcp 25 10.0.0.0/8", Verdict: Reject})
	outcomes := map[Verdict]Outcome{}
	for _, d := range p.Decisions {
		outcomes[d.Verdict] = d.Outcome
	}
	if outcomes[Accept] != Applied || outcomes[Reject] != Outdated || p.Proof.Selected != 2 {
		t.Errorf("got %v, %d in the scripts", outcomes, p.Proof.Selected)
	}
}

func TestDecisionsAreChecked(t *testing.T) {
	whole := Decision{ChangeID: "chg-0", Verdict: Except, By: "ann", Reason: "x", Until: "2026-10-31"}
	for want, spoil := range map[string]func(d *Decision){
		"names no change":       func(d *Decision) { d.ChangeID = "" },
		"want accept, reject":   func(d *Decision) { d.Verdict = "maybe" },
		"who decided":           func(d *Decision) { d.By = "" },
		"wants a reason":        func(d *Decision) { d.Reason = "" },
		"and a last day":        func(d *Decision) { d.Until = "" },
		"want a date":           func(d *Decision) { d.Until = "31.10.2026" },
		"two decisions about c": func(*Decision) {},
	} {
		d := whole
		spoil(&d)
		opt := Options{Decisions: []Decision{d}}
		if d == whole {
			opt.Decisions = append(opt.Decisions, whole)
		}
		if err := opt.check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// Under random decisions on random worlds the scripts hold what was chosen and nothing else, and all that they cut of what is
// needed is listed by the changes for review that somebody accepted.
func TestRandomDecisions(t *testing.T) {
	chosen := 0
	for seed := range uint64(80) {
		w := randomWorld(t, seed)
		plain := w.review(Options{})
		rng := rand.New(rand.NewPCG(seed, 7))
		var ds []Decision
		verdicts := map[string]Verdict{}
		for _, c := range plain.Changes {
			if rng.IntN(2) == 0 {
				d := Decision{ChangeID: c.ID, Verdict: Verdicts[rng.IntN(3)], By: "ann", Reason: "because", Until: []string{"2027-01-01", "2026-01-02"}[rng.IntN(2)]}
				ds = append(ds, d)
				if d.Until > "2026-04-05" {
					verdicts[c.ID] = d.Verdict
				}
			}
		}
		p := w.review(Options{Decisions: ds})
		declared := map[string]bool{}
		for _, c := range p.Changes {
			v := verdicts[c.ID]
			want := c.Status == Proposed && v != Reject && v != Except || c.Status == Review && v == Accept
			if c.Selected != want {
				t.Errorf("seed %d: %s %s with %q: selected %v", seed, c.Status, c.ID, v, c.Selected)
			}
			if c.Selected && c.Status == Review {
				chosen++
				for _, d := range c.Denies {
					declared[fmt.Sprint(d.Interface, d.Direction, d.Peer, d.Service)] = true
				}
			}
		}
		before := p.State(w.e, func(*Change) bool { return false })
		after := p.State(w.e, func(c *Change) bool { return c.Selected })
		opened(t, w, seed, before, after)
		w.convs = slices.DeleteFunc(w.convs, func(c orient.Conversation) bool {
			service := analyze.ProtoService(analyze.Proto(c.Proto))
			if service.Proto.HasPorts() {
				service = analyze.PortService(service.Proto, analyze.PortRange{First: c.Port, Last: c.Port})
			}
			return declared[fmt.Sprint(c.Interface, c.Direction, c.Peer, service)]
		})
		cut(t, w, seed, before, after)
		if t.Failed() {
			t.FailNow()
		}
	}
	if chosen < 20 {
		t.Errorf("only %d changes for review were accepted: the test tests little", chosen)
	}
}
