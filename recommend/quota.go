package recommend

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/usage"
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

// Where a quota is known from.
const (
	QuotaFromPolicy  = "policy"
	QuotaFromAccount = "service-quotas"
	QuotaFromDefault = "default"
)

// quotaOf is what the account allows in the region: what the policy says, else Service Quotas, else AWS's default.
func (r *reviewer) quotaOf(account, region string) Quota {
	q := Quota{Account: account, Region: region, RulesPerGroup: estate.DefaultRulesPerGroup, From: QuotaFromDefault}
	if told := r.e.QuotasOf(account, region).RulesPerGroup; told > 0 {
		q.RulesPerGroup, q.From = told, QuotaFromAccount
	}
	if r.opt.Quota > 0 {
		q.RulesPerGroup, q.From = r.opt.Quota, QuotaFromPolicy
	}
	return q
}

// quotas are those of the accounts and regions that the groups are of.
func (r *reviewer) quotas() []Quota {
	all := []Quota{}
	for _, g := range r.e.Groups {
		if q := r.quotaOf(g.Owner, g.Region); !slices.Contains(all, q) {
			all = append(all, q)
		}
	}
	slices.SortFunc(all, func(a, b Quota) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region))
	})
	return all
}

// String is the number, and whether it is but AWS's default.
func (q Quota) String() string {
	if q.From == QuotaFromDefault {
		return fmt.Sprintf("%d, AWS's default (the account's own was not told)", q.RulesPerGroup)
	}
	return fmt.Sprint(q.RulesPerGroup)
}

func (r *reviewer) fitDirection(f *facts, dir analyze.Direction) {
	var have4, have6 int
	var adds, later []*draft
	for _, ri := range r.use.RulesOf(f.group.ID) {
		rule := r.use.Rules[ri].Rule
		if rule.Direction != dir {
			continue
		}
		d := r.drafts[ri]
		switch {
		case d == nil || len(d.news) == 0 || d.status == Held:
		case d.status == Proposed:
			adds = append(adds, d)
		default: // what a person may never accept takes no room from what is proposed
			later = append(later, d)
		}
		if d != nil && len(d.news) == 0 && d.status == Proposed {
			continue
		}
		v4, v6 := r.x.RuleCost(*rule)
		have4, have6 = have4+v4, have6+v6
	}
	for _, d := range append(adds, later...) {
		add4, add6 := r.added(d)
		if most := r.quotaOf(f.group.Owner, f.group.Region); have4+add4 > most.RulesPerGroup || have6+add6 > most.RulesPerGroup {
			d.status = Held
			d.release = fmt.Sprintf("quota: old and new rules together would be %d IPv4 and %d IPv6 rules of %s; raise it (%s), or apply the removals first and review again",
				have4+add4, have6+add6, most, estate.QuotaRulesPerGroup)
			continue
		}
		have4, have6 = have4+add4, have6+add6 // the old rule goes only after the new ones stand
	}
}

// roomFor is how many networks of a rule's family the group could hold beside its rules of now; 0 where the number of rules that
// one may become was given.
func (r *reviewer) roomFor(rule *usage.Rule) int {
	if !r.opt.scattered || !rule.Peer.IsCIDR() {
		return 0
	}
	room := r.quotaOf(rule.Group.Owner, rule.Group.Region).RulesPerGroup
	for _, ri := range r.use.RulesOf(rule.GroupID) {
		other := &r.use.Rules[ri]
		v4, v6 := r.x.RuleCost(*other.Rule)
		switch {
		case other.Direction != rule.Direction:
		case rule.Peer.Kind() == analyze.IPv4Peer:
			room -= v4
		default:
			room -= v6
		}
	}
	return max(0, room)
}

// added is what a draft's rules count beside the old one: all of them, or what the new one counts more where it is made in place.
func (r *reviewer) added(d *draft) (v4, v6 int) {
	for _, p := range d.news {
		n4, n6 := r.x.RuleCost(r.newRule(d, p))
		v4, v6 = v4+n4, v6+n6
	}
	old := r.use.Rules[d.rule]
	if len(d.news) == 1 && InPlace(*old.Rule, r.newRule(d, d.news[0]), old.Group.Owner) {
		o4, o6 := r.x.RuleCost(*old.Rule)
		v4, v6 = max(0, v4-o4), max(0, v6-o6)
	}
	return v4, v6
}

// InPlace reports whether a rule of a group of the owner can become another by ModifySecurityGroupRules: of the same kind of
// source, and no reference into another account, since the call takes none.
func InPlace(old, becomes analyze.Rule, owner string) bool {
	if old.Peer.Kind() != becomes.Peer.Kind() || old.Direction != becomes.Direction {
		return false
	}
	return becomes.Peer.GroupID == "" || becomes.PeeringID == "" && (becomes.PeerAccount == "" || becomes.PeerAccount == owner)
}
