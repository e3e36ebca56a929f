package world

import (
	"slices"
	"testing"

	"github.com/sgtrim/sgtrim/analyze"
)

// fullWorld is all scenarios over a window in which every label can hold.
func fullWorld(t *testing.T) *World {
	return mustNew(t, Options{Seed: 11, Days: 95, AfterDays: 10})
}

// labelled are the worlds whose labels are checked.
func labelled(t *testing.T) map[string]*World {
	return map[string]*World{"full": fullWorld(t), "demo": Demo(1)}
}

// carried sorts rules by group, so that the naive evaluator has little to walk.
type carried map[string][]Rule

func byGroup(rules []Rule) carried {
	m := carried{}
	for _, r := range rules {
		m[r.GroupID] = append(m[r.GroupID], r)
	}
	return m
}

func (c carried) of(m *Interface) (rs []Rule) {
	for _, g := range m.Groups {
		rs = append(rs, c[g.ID]...)
	}
	return rs
}

// TestEveryNeedIsAllowed: what is needed got through, in the window and after it, under the planted rules and under the
// ideal ones; what was rejected is what no rule allows.
func TestEveryNeedIsAllowed(t *testing.T) {
	for name, w := range labelled(t) {
		t.Run(name, func(t *testing.T) { checkNeeds(t, w) })
	}
}

func checkNeeds(t *testing.T, w *World) {
	planted, ideal := byGroup(w.Rules()), byGroup(w.IdealRules())
	for name, p := range map[string]Period{"window": w.Window(), "after": w.After(10)} {
		truth := p.Truth()
		for _, n := range truth.Needs {
			if !w.Allows(planted.of(n.Interface), n) {
				t.Fatalf("%s: %s: need not allowed by the planted rules: %+v", name, n.Scenario, n)
			}
			if !w.Allows(ideal.of(n.Interface), n) {
				t.Fatalf("%s: %s: need not allowed by the ideal rules: %+v", name, n.Scenario, n)
			}
			if n.Verdict == WasRejected || n.Verdict == WasSilent {
				t.Fatalf("%s: a need that was %s: %+v", name, n.Verdict, n)
			}
		}
		for _, n := range truth.Attacks {
			if n.Egress {
				continue
			}
			if got, want := w.Allows(planted.of(n.Interface), n), n.Verdict != WasRejected; got != want {
				t.Fatalf("%s: %s attack: allowed is %v: %+v", name, n.Verdict, got, n)
			}
		}
	}
}

// TestLabels: a defect that is called unused is used by no need; one that is too wide is used, and more than its ideal
// allows; a rule to keep is used, where its use is said to show.
func TestLabels(t *testing.T) {
	for name, w := range labelled(t) {
		t.Run(name, func(t *testing.T) { checkLabels(t, w) })
	}
}

func checkLabels(t *testing.T, w *World) {
	truth := w.Truth()
	users := func(r Rule) (needs []Need) {
		for _, n := range truth.Needs {
			if w.RuleAllows(r, n) {
				needs = append(needs, n)
			}
		}
		return needs
	}
	for _, d := range truth.Defects {
		used := len(users(d.Rule))
		switch kind := d.Expect[0].Kind; kind {
		case "duplicate": // used or not, the outer rule covers it
		case "unused", "stale", "":
			if used > 0 {
				t.Errorf("%s: labelled %q, but %d needs use it", d.Rule, kind, used)
			}
		default:
			if used == 0 {
				t.Errorf("%s: labelled %q, but no need uses it", d.Rule, kind)
			}
		}
		if !d.Sufficient {
			t.Errorf("%s: a window of 95 days is called insufficient", d.Rule)
		}
		for _, r := range d.Ideal {
			if r.GroupID != d.Rule.GroupID || r.Egress != d.Rule.Egress || r == d.Rule {
				t.Errorf("%s: ideal %s is no narrower rule of the same group", d.Rule, r)
			}
		}
	}
	for _, f := range truth.Forbidden {
		if f.NeedsWindow > 0 && len(users(f.Rule)) == 0 {
			t.Errorf("%s must be kept (%s), but nothing shows its use in 95 days", f.Rule, f.Why)
		}
	}
}

// TestEveryKindIsPlanted: the list of defects the reviews are judged by.
func TestEveryKindIsPlanted(t *testing.T) {
	got := map[Outcome]int{}
	for _, d := range fullWorld(t).defects {
		for _, o := range d.Expect {
			got[o]++
		}
	}
	for _, want := range []Outcome{{"unused", "proposed"}, {"unused", "review"}, {"stale", "review"}, {"duplicate", "proposed"},
		{"narrow-ports", "proposed"}, {"narrow-ports", "review"}, {"narrow-peers", "proposed"}, {"narrow-peers", "review"}, {"", "held"}} {
		if got[want] == 0 {
			t.Errorf("no defect expects %v", want)
		}
	}
}

// TestShortWindowIsInsufficient: by the default policy, and where a month's end is missing.
func TestShortWindowIsInsufficient(t *testing.T) {
	w := mustNew(t, Options{Seed: 1, Days: 20})
	for _, d := range w.defects {
		if d.Sufficient != (d.WindowDays == 0) {
			t.Errorf("20 days for %s: sufficient is %v, window asked for %d days", d.Rule, d.Sufficient, d.WindowDays)
		}
	}
	if w.monthEndInside() {
		t.Error("1 to 20 January holds no month's end")
	}
	d := Defect{WindowDays: 90, MonthEnd: true}
	if d.SufficientIn(95, false) || !d.SufficientIn(90, true) {
		t.Error("SufficientIn: want the window and the month's end")
	}
}

// TestMonthlyJob runs on the last day of the month and on no other.
func TestMonthlyJob(t *testing.T) {
	w := mustNew(t, Options{Seed: 1, Days: 31, AfterDays: 1, Scenarios: []string{"monthly"}})
	monthly := func(p Period) bool {
		return slices.ContainsFunc(p.Truth().Needs, func(n Need) bool { return n.Port == 3306 })
	}
	if last := w.end - day; monthly(Period{w, w.start, last}) || !monthly(Period{w, last, w.end}) || monthly(w.After(1)) {
		t.Error("the job did not run on 31 January only")
	}
}

// TestRuleText: rules print as the rest of the module prints them, so that labels and proposals can be compared as text.
func TestRuleText(t *testing.T) {
	for _, r := range fullWorld(t).Rules() {
		from, to := int32(r.From), int32(r.To)
		s, err := analyze.ServiceFromEC2(r.Protocol, &from, &to)
		if err != nil {
			t.Fatalf("%s: %v", r, err)
		}
		if got, want := r.Service(), s.String(); got != want {
			t.Errorf("got service %q, want %q", got, want)
		}
	}
}

// The fast evaluator says what the naive one says.
func TestEvaluator(t *testing.T) {
	w, err := New(Options{Seed: 9, Days: 5, AddressReuse: 0.3})
	if err != nil {
		t.Fatal(err)
	}
	truth := w.Truth()
	for _, rules := range [][]Rule{w.Rules(), w.IdealRules()} {
		e, allowed := w.Evaluator(rules), 0
		for i, n := range append(truth.Needs, truth.Attacks...) {
			if i%7 != 0 { // the naive one is slow
				continue
			}
			got, want := e.Allows(n), w.Allows(rules, n)
			if got != want {
				t.Errorf("%+v: got %v, want %v", n, got, want)
			}
			if want {
				allowed++
			}
		}
		if allowed == 0 {
			t.Error("nothing is allowed: nothing is tested")
		}
	}
}
