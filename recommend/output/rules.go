package output

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/recommend"
)

// maxDescription is EC2's limit for the description of a rule, in characters [aws-facts 4.4].
const maxDescription = 255

// planTag is the tag that new rules carry; its value is the plan's id.
const planTag = "sgtrim:plan"

// Filled is p with the rules of its changes completed, as every format shows them: a new rule belongs to the change's group
// and has a description that EC2 takes and that names the plan. p is not changed. Filled(Filled(p)) is Filled(p).
func Filled(p *recommend.Plan) *recommend.Plan {
	q := *p
	q.Changes = slices.Clone(p.Changes)
	for i := range q.Changes {
		c := &q.Changes[i]
		c.Old, c.New = slices.Clone(c.Old), slices.Clone(c.New)
		for j := range c.Old {
			own(&c.Old[j], c)
		}
		for j := range c.New {
			own(&c.New[j], c)
			describe(&c.New[j], c, p.ID)
		}
	}
	return &q
}

// own fills what a rule of a change has from the change itself, and what its text and its value share.
func own(t *recommend.RuleText, c *recommend.Change) {
	r := &t.Rule
	if r.GroupID == "" {
		r.GroupID = c.GroupID
	}
	if r.Direction == analyze.DirectionUnknown {
		r.Direction = c.Direction
	}
	if r.ID == "" {
		r.ID = t.ID
	}
	if r.Description == "" {
		r.Description = t.Description
	}
	if r.Tags == nil {
		r.Tags = t.Tags
	}
}

// describe gives a new rule its description: its own, else that of the only old rule, else what it stands for; and in it the
// plan that made it, in the place of an older one.
func describe(t *recommend.RuleText, c *recommend.Change, planID string) {
	mark := ec2Description("sgtrim " + planID)
	d := t.Rule.Description
	if d == "" && len(c.Old) == 1 {
		d = c.Old[0].Rule.Description
	}
	d = madeBy.ReplaceAllString(ec2Description(d), "")
	d = strings.TrimSuffix(d, " ("+mark+")")
	switch {
	case d == mark || strings.HasPrefix(d, mark+": "): // filled already
	case d != "":
		mark = " (" + mark + ")"
		d = strings.TrimRight(d[:min(len(d), maxDescription-len(mark))], " ") + mark
	case t.Why != "":
		d = ec2Description(mark + ": " + strings.NewReplacer(" %", " percent", "'", "").Replace(t.Why))
	default:
		d = mark
	}
	t.Description, t.Rule.Description = d, d
}

// madeBy is what an older plan wrote into the description of a rule.
var madeBy = regexp.MustCompile(`^sgtrim plan-[0-9a-f]+(: .*)?$| \(sgtrim plan-[0-9a-f]+\)$`)

// ec2Description keeps what EC2 takes in the description of every kind of rule, puts _ for the rest, and cuts at 255
// characters [aws-facts 4.4].
func ec2Description(s string) string {
	var b strings.Builder
	for _, r := range s {
		if b.Len() == maxDescription {
			break
		}
		if r < 0x80 && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(" ._-:/()#,@[]+=;{}!$*", r)) {
			b.WriteRune(r)
		} else {
			b.WriteByte('_')
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// line is the meaning of a rule as the scripts compare it: direction, protocol, FromPort, ToPort and source as
// describe-security-group-rules prints them, -1 where it has none.
func line(k analyze.RuleKey) string {
	from, to := int32(-1), int32(-1)
	if f, t, ok := k.Service.EC2Ports(); ok {
		from, to = f, t
	}
	return fmt.Sprintf("%s %s %d %d %s", k.Direction, k.Service.Proto, from, to, k.Peer)
}

// permission is the rule as an IpPermission of authorize and revoke. ownAccount is the account of the rule's group.
func permission(r analyze.Rule, ownAccount string) map[string]any {
	m := map[string]any{"IpProtocol": r.Service.Proto.String()}
	if from, to, ok := r.Service.EC2Ports(); ok {
		m["FromPort"], m["ToPort"] = from, to
	}
	source := map[string]string{}
	if r.Description != "" {
		source["Description"] = r.Description
	}
	switch {
	case r.Peer.GroupID != "":
		source["GroupId"] = r.Peer.GroupID
		if r.PeerAccount != "" && r.PeerAccount != ownAccount {
			source["UserId"] = r.PeerAccount
		}
		if r.PeeringID != "" {
			source["VpcPeeringConnectionId"] = r.PeeringID
		}
		m["UserIdGroupPairs"] = []any{source}
	case r.Peer.PrefixListID != "":
		source["PrefixListId"] = r.Peer.PrefixListID
		m["PrefixListIds"] = []any{source}
	case r.Peer.Prefix.Addr().Is6():
		source["CidrIpv6"] = r.Peer.Prefix.String()
		m["Ipv6Ranges"] = []any{source}
	default:
		source["CidrIp"] = r.Peer.Prefix.String()
		m["IpRanges"] = []any{source}
	}
	return m
}

// modified is the rule as the SecurityGroupRule of modify-security-group-rules, complete: EC2 takes no delta.
func modified(r analyze.Rule) map[string]any {
	from, to := int32(-1), int32(-1)
	if f, t, ok := r.Service.EC2Ports(); ok {
		from, to = f, t
	}
	m := map[string]any{"IpProtocol": r.Service.Proto.String(), "FromPort": from, "ToPort": to, "Description": r.Description}
	switch {
	case r.Peer.GroupID != "":
		m["ReferencedGroupId"] = r.Peer.GroupID
	case r.Peer.PrefixListID != "":
		m["PrefixListId"] = r.Peer.PrefixListID
	case r.Peer.Prefix.Addr().Is6():
		m["CidrIpv6"] = r.Peer.Prefix.String()
	default:
		m["CidrIpv4"] = r.Peer.Prefix.String()
	}
	return m
}

// tagSpecification is the value of --tag-specifications that gives new rules these tags. Tags that begin with aws: are
// AWS's own and cannot be set by anyone else; they are left out.
func tagSpecification(tags map[string]string) string { return tagsOf("security-group-rule", tags) }

// tagsOf is tagSpecification for a resource of any type.
func tagsOf(resource string, tags map[string]string) string {
	list := []any{}
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		if !strings.HasPrefix(k, "aws:") {
			list = append(list, map[string]string{"Key": k, "Value": tags[k]})
		}
	}
	if len(list) == 0 {
		return ""
	}
	return jsonASCII([]any{map[string]any{"ResourceType": resource, "Tags": list}})
}
