package estate

import (
	"encoding/json"
	"strings"

	"github.com/sgtrim/sgtrim/analyze"
)

// The codes by which Service Quotas knows what a plan has to fit, of the service vpc [F 5].
const (
	QuotaRulesPerGroup      = "L-0EA8095F" // inbound or outbound rules per security group, of each address family
	QuotaGroupsPerInterface = "L-2AFB9258" // security groups per network interface
)

// AWS's own values, which hold unless the account has others.
const (
	DefaultRulesPerGroup      = 60
	DefaultGroupsPerInterface = 5
)

// Quotas are those of an account and region; 0 is one that is not known.
type Quotas struct{ RulesPerGroup, GroupsPerInterface int }

// QuotasOf is the quotas of an account and region.
func (e *Estate) QuotasOf(account, region string) Quotas {
	return e.Quotas[Scope{Account: account, Region: region}]
}

// quota reads one that Service Quotas told. Its name says of which account and region it is, the file's place else.
func (b *builder) quota(at where, w *wireQuota, _ json.RawMessage) error {
	at.id = w.QuotaCode
	scope := at.scope.place()
	if parts := strings.Split(w.QuotaArn, ":"); len(parts) >= 6 && accountName.MatchString(parts[4]) {
		scope = Scope{Account: parts[4], Region: parts[3]}
	}
	q := b.e.Quotas[scope]
	var to *int
	switch w.QuotaCode {
	case QuotaRulesPerGroup:
		to = &q.RulesPerGroup
	case QuotaGroupsPerInterface:
		to = &q.GroupsPerInterface
	default: // of something else
		return nil
	}
	if n := int(w.Value); n >= 1 && n <= 1000 { // the product of the two may not pass 1,000
		*to = n
	} else {
		b.problem(at, "a quota of %v cannot be; AWS's default is assumed", w.Value)
	}
	b.e.Quotas[scope] = q
	return nil
}

// awsListWeights are what a reference to an AWS-managed prefix list counts, by the last part of the list's name [F 5].
var awsListWeights = map[string]int{
	"cloudfront.origin-facing": 55,
	"dynamodb":                 1,
	"s3":                       1,
	"s3express":                6,
	"ec2-instance-connect":     2,
	"groundstation":            5,
	"route53-healthchecks":     25,
	"secretsmanager-managed-external-secrets": 20,
	"vpc-lattice": 10,
}

// RuleCost is what the rule counts towards the quota of its direction, for IPv4 and IPv6 apart. A CIDR counts in its own
// family; references and lists in both, as the documentation once said. A list counts MaxEntries, an AWS-managed one its weight.
func (x *Index) RuleCost(rule analyze.Rule) (v4, v6 int) {
	switch {
	case rule.Peer.IsCIDR() && rule.Peer.Prefix.Addr().Is4():
		return 1, 0
	case rule.Peer.IsCIDR():
		return 0, 1
	case rule.Peer.PrefixListID != "":
		n := x.ListWeight(rule.Peer.PrefixListID)
		return n, n
	}
	return 1, 1
}

// ListWeight is what one rule with this prefix list counts: of a list that was resized about when it was described, the larger
// size. Of one that is not known well enough, its entries count, and at least one: less than it may be, so the quota of a group
// with such a rule is not sure.
func (x *Index) ListWeight(id string) int {
	l := x.e.PrefixLists[id]
	if l == nil {
		return 1
	}
	if l.Owner == "AWS" {
		if n, ok := AWSListWeight(l.Name); ok {
			return n
		}
	}
	n := max(l.MaxEntries, len(l.Entries), 1)
	for _, s := range l.Sizes {
		if s.Life.Before.IsZero() || !x.e.Captured.IsZero() && s.Life.Before.After(x.e.Captured) {
			n = max(n, s.MaxEntries)
		}
	}
	return n
}

// AWSListWeight is the weight of an AWS-managed prefix list by its name: com.amazonaws.<region>.s3,
// com.amazonaws.global.cloudfront.origin-facing, com.amazonaws.<region>.ipv6.ec2-instance-connect …
func AWSListWeight(name string) (weight int, ok bool) {
	rest, found := strings.CutPrefix(name, "com.amazonaws.")
	if !found {
		return 0, false
	}
	_, service, _ := strings.Cut(rest, ".")
	service = strings.TrimPrefix(service, "ipv6.")
	weight, ok = awsListWeights[service]
	return weight, ok
}
