package recommend

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
)

// aged says since when the rules of a group are on record, counted in days before the window's end; they were not there before.
func (w *testWorld) aged(g *estate.Group, days int) {
	at := time.Unix((day0+int64(w.days-days))*86400, 0).UTC()
	g.Lives = map[analyze.RuleKey]estate.Life{}
	for i := range g.Rules {
		g.Lives[g.Rules[i].RuleKey] = estate.Life{Since: at, After: at}
	}
}

// one is a group sg-a on one interface, whose first rule is the case and whose second is in use.
func one(rule string, see ...string) func(w *testWorld) {
	return func(w *testWorld) {
		w.group("sg-a", rule, "ingress tcp 443 10.0.1.9/32", "egress tcp 443 10.0.1.9/32")
		w.iface("eni-a", "10.0.1.5", "sg-a")
		w.iface("eni-b", "10.0.2.5", "sg-b")
		w.group("sg-b")
		w.see("eni-a", "ingress tcp 443 10.0.1.9")
		w.see("eni-a", "egress tcp 443 10.0.1.9")
		for _, s := range see {
			w.see("eni-a", s)
		}
	}
}

func then(steps ...func(w *testWorld)) func(w *testWorld) {
	return func(w *testWorld) {
		for _, step := range steps {
			step(w)
		}
	}
}

// TestStatusTable walks the table of design §7.6 row by row: the day before the window suffices, and the day it does.
func TestStatusTable(t *testing.T) {
	inDefault := func(w *testWorld) { w.e.Groups["sg-a"].Name = "default" }
	unused := one("ingress tcp 22 10.0.0.0/8")
	for _, tt := range []struct {
		name   string
		days   int // the least that suffices
		make   func(w *testWorld)
		want   Status
		kind   Kind
		before Status // a day before
	}{
		{"duplicate, or contained in a kept rule of the same group", 1, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 443 203.0.113.0/24", "ingress tcp 443 0.0.0.0/0")
			w.public(w.iface("eni-a", "10.0.1.5", "sg-a"))
			w.see("eni-a", "ingress tcp 443 203.0.113.4")
			w.see("eni-a", "ingress tcp 443 192.0.2.4")
		}, Proposed, Duplicate, ""},
		{"ports narrowed", 30, one("ingress tcp 8000-8100 10.0.1.9/32", "ingress tcp 8001 10.0.1.9"), Proposed, NarrowPorts, Held},
		{"protocol narrowed", 30, one("ingress all 10.0.1.9/32", "ingress tcp 8001 10.0.1.9"), Proposed, NarrowPorts, Held},
		{"private peers narrowed to the floors", 45, one("ingress tcp 5432 10.0.0.0/8", "ingress tcp 5432 10.0.2.5"), Proposed, NarrowPeers, Held},
		{"unused, removed", 90, unused, Proposed, Unused, Held},
		{"redundant, removed", 90, one("ingress tcp * 10.0.0.0/8"), Proposed, Redundant, Held},
		{"stale reference", 1, one("ingress tcp 22 sg-gone"), Review, Stale, ""},
		{"leans on another group", 90, func(w *testWorld) {
			one("ingress tcp 22 10.0.0.0/8", "ingress tcp 22 10.0.1.9")(w)
			w.group("sg-base", "ingress tcp 22 10.0.1.9/32")
			w.e.Interfaces["eni-a"].Groups = []string{"sg-a", "sg-base"}
		}, Review, Redundant, Held},
		{"egress", 90, one("egress tcp 25 10.0.0.0/8"), Review, Unused, Held},
		{"last rule of a direction", 90, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 22 10.0.0.0/8", "egress tcp 443 10.0.1.9/32")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.see("eni-a", "egress tcp 443 10.0.1.9")
		}, Review, Unused, Held},
		{"default group", 90, then(unused, inDefault), Review, Unused, Held},
		{"default group, ports", 30, then(one("ingress tcp 8000-8100 10.0.1.9/32", "ingress tcp 8001 10.0.1.9"), inDefault), Review, NarrowPorts, Held},
		{"group without interfaces", 400, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 22 10.0.0.0/8", "ingress tcp 443 10.0.1.9/32")
			w.group("sg-b")
			w.iface("eni-b", "10.0.2.5", "sg-b")
		}, Held, Unused, Held},
		{"a gap above 24 h", 400, then(unused, func(w *testWorld) { w.dark["eni-a"] = [2]int{100, 125} }), Held, Unused, Held},
		{"SKIPDATA", 400, then(unused, func(w *testWorld) { w.skip["eni-a"] = true }), Held, Unused, Held},
	} {
		t.Run(tt.name, func(t *testing.T) {
			check := func(days int, want Status) {
				w := newWorld(t, days)
				tt.make(w)
				var c *Change
				p := w.review(Options{})
				for i := range p.Changes {
					if k := p.Changes[i].Old[0].ID; k == "sgr-a-0" {
						c = &p.Changes[i]
					}
				}
				if c == nil || c.Kind != tt.kind || c.Status != want {
					t.Fatalf("%d days: got %s want %s %s", days, said(p, "sg-a"), want, tt.kind)
				}
				if (c.Status == Proposed) != (c.Release == "") {
					t.Errorf("%d days: %s says %q of what would release it", days, c.Status, c.Release)
				}
			}
			check(tt.days, tt.want)
			if tt.before != "" {
				check(tt.days-1, tt.before)
			}
		})
	}
}

// TestEnoughEvidence holds the last row of the table at its limits: coverage, gaps, age, and the calendar.
func TestEnoughEvidence(t *testing.T) {
	const days = 100
	unused := "ingress tcp 22 10.0.0.0/8"
	dark := func(id string, from, until int) func(w *testWorld) {
		return func(w *testWorld) { w.dark[id] = [2]int{from, until} }
	}
	second := func(w *testWorld) { w.iface("eni-a2", "10.0.1.6", "sg-a") }
	for _, tt := range []struct {
		name    string
		days    int
		opt     Options
		make    func(w *testWorld)
		want    Status
		release string // in it
		remark  string // in one of them
	}{
		{"a gap of 24 h is borne", days, Options{}, dark("eni-a", 1000, 1024), Proposed, "", ""},
		{"one hour more is not", days, Options{}, dark("eni-a", 1000, 1025), Held, "without a gap above 24 h", "eni-a has a gap of 25 h"},
		{"of any interface", days, Options{}, then(second, dark("eni-a2", 1000, 1025)), Held, "of every interface of the group", "eni-a2 has a gap of 25 h"},
		{"95 % of the hours suffice", 20, Options{Windows: Windows{Unused: 10}}, dark("eni-a", 0, 24), Held, "month end", ""},
		{"95 % of the hours suffice, with a month end", 40, Options{Windows: Windows{Unused: 10}}, dark("eni-a", 24, 48), Proposed, "", ""},
		{"less do not", 20, Options{MinWindow: 10}, dark("eni-a", 0, 25), Held, "at least 95 %", "is covered in"},
		{"14 days of age are enough for what needs fewer", days, Options{Windows: Windows{Unused: 14}}, func(w *testWorld) { w.aged(w.e.Groups["sg-a"], 14) }, Proposed, "", ""},
		{"13 are not", days, Options{Windows: Windows{Unused: 10}}, func(w *testWorld) { w.aged(w.e.Groups["sg-a"], 13) }, Held, "when the rule is 14 days old", "the rule was made on 2026-03-29"},
		{"13 are not with --min-window either", days, Options{MinWindow: 7}, func(w *testWorld) { w.aged(w.e.Groups["sg-a"], 13) }, Held, "when the rule is 14 days old", ""},
		{"a rule there for 89 days was not seen for 90", days, Options{}, func(w *testWorld) { w.aged(w.e.Groups["sg-a"], 89) }, Held, "90 days of flow logs (1 more)", "for so long the rule has been there"},
		{"one there for 90 was", days, Options{}, func(w *testWorld) { w.aged(w.e.Groups["sg-a"], 90) }, Proposed, "", ""},
		{"a month end inside", 31, Options{Windows: Windows{Unused: 20}}, nil, Proposed, "", "no quarter end"},
		{"no month end inside", 30, Options{Windows: Windows{Unused: 20}}, nil, Held, "a window with a month end in it", "no month end"},
		{"with --min-window a remark", 30, Options{MinWindow: 20}, nil, Proposed, "", "the window holds no month end: a monthly job would not have been seen"},
		{"and the quarter's", 30, Options{MinWindow: 20}, nil, Proposed, "", "the window holds no quarter end: a quarterly job would not have been seen"},
		{"a quarter end inside", 90, Options{}, nil, Proposed, "", "-quarter end"},
		{"one account's group shared with another is reported only", days, Options{}, func(w *testWorld) {
			w.e.Accounts = []string{"111122223333"}
			w.e.Groups["sg-a"].Owner = "444455556666"
		}, "", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, tt.days)
			one(unused)(w)
			if tt.make != nil {
				tt.make(w)
			}
			p := w.review(tt.opt)
			if tt.want == "" {
				if kept := firstRule(t, p).Kept; len(p.Changes) != 0 || !strings.Contains(kept, "only its owner can edit it") {
					t.Errorf("got %s, kept because %q", said(p, "sg-a"), kept)
				}
				return
			}
			if len(p.Changes) != 1 || p.Changes[0].Status != tt.want || !strings.Contains(p.Changes[0].Release, tt.release) {
				t.Fatalf("got %s released by %q, want %s, by %q", said(p, "sg-a"), p.Changes[0].Release, tt.want, tt.release)
			}
			remarks := strings.Join(p.Changes[0].Remarks, "\n")
			if text, absent := strings.CutPrefix(tt.remark, "-"); strings.Contains(remarks, text) == absent {
				t.Errorf("remarks %q, want %q", remarks, tt.remark)
			}
		})
	}
}

// TestRedundantNeedsTheCalendarToo: what other rules allow today, a monthly job may need of this one alone.
func TestRedundantNeedsTheCalendarToo(t *testing.T) {
	w := newWorld(t, 30)
	one("ingress tcp * 10.0.0.0/8")(w)
	want := "held redundant: ingress tcp * 10.0.0.0/8 -> nothing\n"
	if diff := cmp.Diff(want, said(w.review(Options{Windows: Windows{Unused: 20}}), "sg-a")); diff != "" {
		t.Error(diff)
	}
}

// TestEveryoneSaysWhatReleases: on random worlds, under every policy, each held or review change says what would release it, and a
// proposed one has nothing to be released from.
func TestEveryoneSaysWhatReleases(t *testing.T) {
	seen := map[Status]int{}
	for seed := range uint64(60) {
		for _, opt := range []Options{
			{}, {MinWindow: 7}, {Egress: "full"}, {Egress: "ports", Level: "loose"}, {Quota: 3}, {Windows: Windows{Unused: 400}}, {Level: "strict", MaxRules: 2},
		} {
			w := randomWorld(t, seed)
			switch seed % 4 {
			case 1:
				w.uncov["eni-1"] = true
			case 2:
				w.aged(w.e.Groups["sg-b"], 5)
			case 3:
				delete(w.e.Groups, "sg-d")
			}
			for _, c := range w.review(opt).Changes {
				seen[c.Status]++
				if (c.Status == Proposed) != (c.Release == "") {
					t.Errorf("seed %d, %+v: %s %s %v: released by %q", seed, opt, c.Status, c.Kind, c.Old[0].Rule.RuleKey, c.Release)
				}
				if c.Reason == "" {
					t.Errorf("seed %d: %s %s %v has no reason", seed, c.Status, c.Kind, c.Old[0].Rule.RuleKey)
				}
			}
		}
	}
	for _, s := range []Status{Proposed, Review, Held} {
		if seen[s] < 500 {
			t.Errorf("%d changes are %s: the worlds show little", seen[s], s)
		}
	}
}
