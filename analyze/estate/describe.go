package estate

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/sgtrim/sgtrim/analyze"
)

// The objects of describe-security-groups as this package writes them, members in the CLI's order.
type (
	describedTag   struct{ Key, Value string }
	describedRange struct {
		Description string `json:",omitempty"`
		CidrIp      string
	}
	describedIPv6Range struct {
		Description string `json:",omitempty"`
		CidrIpv6    string
	}
	describedList struct {
		Description  string `json:",omitempty"`
		PrefixListId string
	}
	describedPair struct {
		Description            string `json:",omitempty"`
		UserId                 string `json:",omitempty"`
		GroupId                string
		VpcId                  string `json:",omitempty"`
		VpcPeeringConnectionId string `json:",omitempty"`
		PeeringStatus          string `json:",omitempty"`
	}
	describedPermission struct {
		IpProtocol       string
		FromPort         *int32 `json:",omitempty"`
		ToPort           *int32 `json:",omitempty"`
		UserIdGroupPairs []describedPair
		IpRanges         []describedRange
		Ipv6Ranges       []describedIPv6Range
		PrefixListIds    []describedList
	}
	describedGroup struct {
		GroupId             string
		IpPermissionsEgress []any
		Tags                []describedTag `json:",omitempty"`
		VpcId               string         `json:",omitempty"`
		SecurityGroupArn    string         `json:",omitempty"`
		OwnerId             string         `json:",omitempty"`
		GroupName           string
		Description         string
		IpPermissions       []any
	}
)

// DescribeSecurityGroups writes groups in the shape of `aws ec2 describe-security-groups`, sorted by id: all sources of equal
// protocol and ports in one IpPermission. Rule ids and tags of rules have no place in that shape. Unsupported rules are
// written as they were read; the error names a group that has some but not their RawUnsupported.
func DescribeSecurityGroups(groups []*Group) ([]byte, error) {
	sorted := slices.SortedFunc(slices.Values(groups), func(a, b *Group) int { return cmp.Compare(a.ID, b.ID) })
	out := struct{ SecurityGroups []describedGroup }{[]describedGroup{}}
	for _, g := range sorted {
		d, err := describe(g)
		if err != nil {
			return nil, fmt.Errorf("describe group %s: %w", g.ID, err)
		}
		out.SecurityGroups = append(out.SecurityGroups, d)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "    ")
	if err := enc.Encode(out); err != nil {
		return nil, fmt.Errorf("describe groups: %w", err)
	}
	return b.Bytes(), nil
}

func describe(g *Group) (describedGroup, error) {
	d := describedGroup{GroupId: g.ID, VpcId: g.VPC, OwnerId: g.Owner, GroupName: g.Name, Description: g.Description}
	for _, k := range sortedKeys(g.Tags) {
		d.Tags = append(d.Tags, describedTag{k, g.Tags[k]})
	}
	if g.Raw != nil {
		var w wireGroup
		if err := json.Unmarshal(g.Raw, &w); err != nil {
			return d, err
		}
		d.SecurityGroupArn = w.SecurityGroupArn
	}
	var err error
	if d.IpPermissions, err = permissions(g, analyze.Ingress); err != nil {
		return d, err
	}
	d.IpPermissionsEgress, err = permissions(g, analyze.Egress)
	return d, err
}

// permissions groups the rules of one direction as EC2 does.
func permissions(g *Group, dir analyze.Direction) ([]any, error) {
	unsupported := 0
	var rules []analyze.Rule
	for _, r := range g.Rules {
		switch {
		case r.Direction != dir:
		case r.Unsupported != "":
			unsupported++
		default:
			rules = append(rules, r)
		}
	}
	slices.SortStableFunc(rules, func(a, b analyze.Rule) int {
		return cmp.Or(a.Service.Compare(b.Service), a.Peer.Compare(b.Peer), cmp.Compare(a.Description, b.Description))
	})
	out := []any{}
	for len(rules) > 0 {
		n := 1
		for n < len(rules) && rules[n].Service == rules[0].Service {
			n++
		}
		out, rules = append(out, permission(rules[:n])), rules[n:]
	}
	for _, p := range g.RawUnsupported {
		if p.Direction == dir {
			out = append(out, p.JSON)
			unsupported--
		}
	}
	if unsupported != 0 {
		return nil, fmt.Errorf("%s: the rules that are not understood are not at hand as they were read", dir)
	}
	return out, nil
}

// permission writes rules of one service.
func permission(rules []analyze.Rule) describedPermission {
	p := describedPermission{
		IpProtocol: rules[0].Service.Proto.String(), UserIdGroupPairs: []describedPair{}, IpRanges: []describedRange{},
		Ipv6Ranges: []describedIPv6Range{}, PrefixListIds: []describedList{},
	}
	if from, to, ok := rules[0].Service.EC2Ports(); ok {
		p.FromPort, p.ToPort = &from, &to
	}
	for _, r := range rules {
		switch {
		case r.Peer.GroupID != "":
			p.UserIdGroupPairs = append(p.UserIdGroupPairs, describedPair{
				r.Description, r.PeerAccount, r.Peer.GroupID, r.PeerVPC, r.PeeringID, r.PeeringStatus})
		case r.Peer.PrefixListID != "":
			p.PrefixListIds = append(p.PrefixListIds, describedList{r.Description, r.Peer.PrefixListID})
		case r.Peer.Prefix.Addr().Is4():
			p.IpRanges = append(p.IpRanges, describedRange{r.Description, r.Peer.Prefix.String()})
		default:
			p.Ipv6Ranges = append(p.Ipv6Ranges, describedIPv6Range{r.Description, r.Peer.Prefix.String()})
		}
	}
	return p
}
