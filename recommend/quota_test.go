package recommend

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/analyze/estate"
)

// The policy's quota wins over the account's own, and that over AWS's default; the plan says which it was.
func TestQuotaOfTheAccount(t *testing.T) {
	for name, c := range map[string]struct {
		policy, account int
		want            Quota
		held            string // part of the release, "" when it fits
	}{
		"default":        {0, 0, Quota{RulesPerGroup: 60, From: QuotaFromDefault}, ""},
		"account":        {0, 2, Quota{RulesPerGroup: 2, From: QuotaFromAccount}, "rules of 2; raise it"},
		"account, ample": {0, 200, Quota{RulesPerGroup: 200, From: QuotaFromAccount}, ""},
		"policy":         {1000, 2, Quota{RulesPerGroup: 1000, From: QuotaFromPolicy}, ""},
	} {
		w := newWorld(t, 92)
		w.group("sg-a", "ingress tcp 443 192.168.0.0/16")
		w.iface("eni-a", "10.0.1.5", "sg-a")
		w.see("eni-a", "ingress tcp 443 192.168.4.9")
		w.see("eni-a", "ingress tcp 443 192.168.77.9")
		if c.account > 0 {
			g := w.e.Groups["sg-a"]
			w.e.Quotas = map[estate.Scope]estate.Quotas{{Account: g.Owner, Region: g.Region}: {RulesPerGroup: c.account}}
		}
		p := w.review(Options{Quota: c.policy})
		g := w.e.Groups["sg-a"]
		c.want.Account, c.want.Region = g.Owner, g.Region
		if diff := cmp.Diff([]Quota{c.want}, p.Quotas); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
		held := ""
		for _, change := range p.Changes {
			if change.Status == Held {
				held += change.Release
			}
		}
		if (c.held == "") != (held == "") || !strings.Contains(held, c.held) {
			t.Errorf("%s: held for %q, want %q", name, held, c.held)
		}
	}
}
