package recommend

import (
	"strings"
	"testing"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
)

// TestAge: a rule younger than the minimum age is held whatever was seen; where nobody recorded its age, and CloudTrail could have
// told it, a person decides about its removal; where nobody could, it is proposed and said to be of unknown age.
func TestAge(t *testing.T) {
	const days = 100
	end := time.Unix((day0+days)*86400, 0).UTC()
	ago := func(days int) time.Time { return end.AddDate(0, 0, -days) }
	for name, c := range map[string]struct {
		life  estate.Life
		asked estate.Asking
		want  string // status of the unused rule
		says  string // in its release or remarks
		known bool
	}{
		"saved files tell nothing":                 {want: "proposed"},
		"CloudTrail was not asked":                 {asked: estate.NotAsked, want: "review", says: "CloudTrail, which would tell it, was not asked"},
		"CloudTrail refused":                       {asked: estate.Refused, want: "review", says: "refused to tell"},
		"CloudTrail answered, and knows it is old": {life: estate.Life{Since: ago(60)}, asked: estate.Answered, want: "proposed", known: true},
		"snapshots know that it is old":            {life: estate.Life{Since: ago(14)}, asked: estate.NotAsked, want: "proposed", known: true},
		"snapshots are too young to tell":          {life: estate.Life{Since: ago(13)}, asked: estate.NotAsked, want: "review", says: "age of the rule is unknown"},
		"made yesterday":                           {life: estate.Life{After: ago(1), Since: ago(1)}, asked: estate.Answered, want: "held", says: "the rule was made on", known: true},
		"made between two snapshots":               {life: estate.Life{After: ago(20), Since: ago(13)}, want: "held", says: "was made between", known: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, days)
			g := w.group("sg-a", "ingress tcp 22 10.0.0.0/8", "ingress tcp 443 10.0.1.9/32", "ingress tcp 443 10.0.1.8/30")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.see("eni-a", "ingress tcp 443 10.0.1.9")
			unused := g.Rules[0].RuleKey
			g.Lives = map[analyze.RuleKey]estate.Life{}
			if c.life != (estate.Life{}) {
				g.Lives[unused] = c.life
			}
			w.e.Asked = map[estate.Scope]estate.Asked{{Account: g.Owner, Region: g.Region}: {Trail: c.asked}}
			p := w.review(Options{})
			for i := range p.Changes {
				change := &p.Changes[i]
				text := change.Release + " " + strings.Join(change.Remarks, " ")
				switch {
				case change.Old[0].Rule.RuleKey == unused && (string(change.Status) != c.want || !strings.Contains(text, c.says)):
					t.Errorf("got %s: %s\nwant %s: …%s", change.Status, text, c.want, c.says)
				case change.Kind == Duplicate && change.Status != Proposed:
					t.Errorf("a rule inside another is %s, though its age makes no difference: %s", change.Status, text)
				}
			}
			if r := p.Groups[0].Rules[0]; r.Key != unused || r.AgeUnknown == c.known {
				t.Errorf("rule %s: age unknown %v", r.Key, r.AgeUnknown)
			}
		})
	}
}
