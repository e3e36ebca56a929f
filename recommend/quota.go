package recommend

import (
	"fmt"

	"github.com/sgtrim/sgtrim/analyze"
)

// fitQuota holds back the changes of a group that would not fit its quota while old and new rules stand together: zero-use
// removals go first, so they make room; then each change in order (design §7.8). Counted by family: a reference or a list
// counts in both [aws-facts 5].
func (r *reviewer) fitQuota() {
	for _, f := range r.facts {
		for _, dir := range []analyze.Direction{ingress, egress} {
			r.fitDirection(f, dir)
		}
	}
}

func (r *reviewer) fitDirection(f *facts, dir analyze.Direction) {
	var have4, have6 int
	var adds []*draft
	for _, ri := range r.use.RulesOf(f.group.ID) {
		rule := r.use.Rules[ri].Rule
		if rule.Direction != dir {
			continue
		}
		d := r.drafts[ri]
		if d != nil && len(d.news) > 0 && d.status != Held {
			adds = append(adds, d)
		}
		if d != nil && len(d.news) == 0 && d.status == Proposed {
			continue
		}
		v4, v6 := r.x.RuleCost(*rule)
		have4, have6 = have4+v4, have6+v6
	}
	for _, d := range adds {
		add4, add6 := 0, 0
		for _, p := range d.news {
			v4, v6 := r.x.RuleCost(r.newRule(d, p))
			add4, add6 = add4+v4, add6+v6
		}
		if have4+add4 > r.opt.Quota || have6+add6 > r.opt.Quota {
			d.status = Held
			d.release = fmt.Sprintf("quota: old and new rules together would be %d IPv4 and %d IPv6 rules of %d; raise it (L-0EA8095F), or apply the removals first and review again",
				have4+add4, have6+add6, r.opt.Quota)
			continue
		}
		have4, have6 = have4+add4, have6+add6 // the old rule goes only after the new ones stand
	}
}
