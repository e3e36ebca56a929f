package ec2fake

import (
	"cmp"
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
)

// group finds the group that a write call is about.
func (st *state) group(p params) (*group, *apiError) {
	id := p.str("GroupId")
	switch {
	case id == "":
		return nil, fail("MissingParameter", "The request must contain the parameter groupName or groupId")
	case !strings.HasPrefix(id, "sg-"):
		return nil, fail("InvalidGroupId.Malformed", "Invalid id: %q (expecting \"sg-...\")", id)
	case st.groups[id] == nil:
		return nil, fail("InvalidGroup.NotFound", "The security group '%s' does not exist", id)
	}
	return st.groups[id], nil
}

func direction(egress bool) analyze.Direction {
	if egress {
		return analyze.Egress
	}
	return analyze.Ingress
}

// same reports whether EC2 takes two rules for duplicates; descriptions do not matter.
func (r *rule) same(o *rule) bool { return r.RuleKey == o.RuleKey }

func duplicate(r *rule) *apiError {
	return fail("InvalidPermission.Duplicate", "the specified rule \"peer: %s, %s, ALLOW\" already exists", r.Peer, r.Service)
}

// withinQuota counts both families of one direction [F 5].
func (st *state) withinQuota(rules []*rule, dir analyze.Direction) *apiError {
	v4, v6 := 0, 0
	for _, r := range rules {
		if r.Direction != dir {
			continue
		}
		switch n := st.weight(r); {
		case !r.Peer.IsCIDR():
			v4, v6 = v4+n, v6+n
		case r.Peer.Prefix.Addr().Is4():
			v4 += n
		default:
			v6 += n
		}
	}
	if v4 > st.quota || v6 > st.quota {
		return fail("RulesPerSecurityGroupLimitExceeded", "The maximum number of rules per security group has been reached.")
	}
	return nil
}

func (st *state) weight(r *rule) int {
	if r.Peer.PrefixListID == "" {
		return 1
	}
	list := st.prefixList(r.Peer.PrefixListID)
	if n, ok := estate.AWSListWeight(text(list, "PrefixListName")); ok && list["OwnerId"] == "AWS" {
		return n
	}
	var n int
	fmt.Sscan(fmt.Sprint(list["MaxEntries"]), &n) // absent: 0
	return max(n, 1)
}

// referenceCheck says whether a rule may reference its group. Rules that are there already may reference any, stale ones too.
type referenceCheck func(*group, *rule) *apiError

// askedRules reads IpPermissions, or the flat parameters that ingress also takes.
func (st *state) askedRules(g *group, p params, dir analyze.Direction, check referenceCheck) ([]*rule, *apiError) {
	var out []*rule
	permissions := p.list("IpPermissions")
	if flat := p.get("IpProtocol").present || p.get("CidrIp").present; flat {
		switch {
		case len(permissions) > 0:
			return nil, fail("InvalidParameterCombination", "The parameter ipPermissions cannot be used with the flat parameters")
		case dir == analyze.Egress:
			return nil, fail("InvalidParameterValue", "Egress takes ipPermissions only")
		}
		ranges := params{members: map[string]*params{"1": {members: map[string]*params{"CidrIp": p.members["CidrIp"]}}}}
		permissions = []params{{members: map[string]*params{
			"IpProtocol": p.members["IpProtocol"], "FromPort": p.members["FromPort"], "ToPort": p.members["ToPort"], "IpRanges": &ranges}}}
	}
	for _, permission := range permissions {
		service, e := askedService(permission)
		if e != nil {
			return nil, e
		}
		before := len(out)
		for _, list := range []string{"IpRanges", "Ipv6Ranges", "PrefixListIds", "Groups"} {
			for _, source := range permission.list(list) {
				r := &rule{Rule: analyze.Rule{RuleKey: analyze.RuleKey{GroupID: g.id, Direction: dir, Service: service}}}
				if e := st.setSource(g, r, source, check); e != nil {
					return nil, e
				}
				out = append(out, r)
			}
		}
		if len(out) == before {
			return nil, fail("MissingParameter", "The request must contain a source or destination for every permission")
		}
	}
	return out, nil
}

// askedService reads protocol and ports as EC2 takes them [F 4.4].
func askedService(p params) (analyze.Service, *apiError) {
	none := analyze.Service{}
	text := p.str("IpProtocol")
	if text == "" {
		return none, fail("MissingParameter", "The request must contain the parameter ipProtocol")
	}
	proto, err := analyze.ParseProto(text)
	if err != nil {
		return none, fail("InvalidPermission.Malformed", "Unsupported IP protocol \"%s\"", text)
	}
	from, e := p.port("FromPort")
	if e != nil {
		return none, e
	}
	to, e := p.port("ToPort")
	if e != nil {
		return none, e
	}
	if (proto.HasPorts() || proto == analyze.ICMP) && (from == nil || to == nil) {
		return none, fail("InvalidParameterValue", "Invalid value 'Must specify both from and to ports with TCP/UDP/ICMP.' for portRange.")
	}
	service, err := analyze.ServiceFromEC2(text, from, to)
	if err != nil {
		return none, fail("InvalidParameterValue", "Invalid port range: %v", err)
	}
	return service, nil
}

var ruleDescription = regexp.MustCompile(`^[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{0,255}$`)

// setSource reads the one source of a rule, in the words of any of the calls that take one.
func (st *state) setSource(g *group, r *rule, p params, check referenceCheck) *apiError {
	r.Description = p.str("Description")
	if !ruleDescription.MatchString(r.Description) {
		return fail("InvalidParameterValue", "Invalid rule description. Valid descriptions are strings less than 256 characters from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*")
	}
	v4 := cmp.Or(p.str("CidrIp"), p.str("CidrIpv4"))
	group := cmp.Or(p.str("GroupId"), p.str("ReferencedGroupId"))
	given := 0
	for _, text := range []string{v4, p.str("CidrIpv6"), p.str("PrefixListId"), group} {
		if text != "" {
			given++
		}
	}
	if given != 1 {
		return fail("InvalidParameterValue", "Exactly one source or destination must be given, got %d", given)
	}
	switch {
	case v4 != "":
		return setCIDR(r, v4, netip.Addr.Is4)
	case p.str("CidrIpv6") != "":
		return setCIDR(r, p.str("CidrIpv6"), netip.Addr.Is6)
	case p.str("PrefixListId") != "":
		r.Peer.PrefixListID = p.str("PrefixListId")
		if st.prefixList(r.Peer.PrefixListID) == nil {
			return fail("InvalidPrefixListID.NotFound", "The prefix list ID '%s' does not exist", r.Peer.PrefixListID)
		}
		return nil
	}
	r.Peer.GroupID, r.PeerAccount = group, cmp.Or(p.str("UserId"), g.owner)
	r.PeeringID = p.str("VpcPeeringConnectionId")
	if check == nil {
		return nil
	}
	return check(g, r)
}

func setCIDR(r *rule, text string, family func(netip.Addr) bool) *apiError {
	p, err := netip.ParsePrefix(text)
	if err != nil || !family(p.Addr()) {
		return fail("InvalidParameterValue", "CIDR block %s is malformed", text)
	}
	r.Peer.Prefix = p.Masked()
	return nil
}

// checkReference says whether the group that r names may be referenced. Of another account's groups only the name is known.
func (st *state) checkReference(g *group, r *rule) *apiError {
	other := st.groups[r.Peer.GroupID]
	switch {
	case other == nil && r.PeerAccount != g.owner:
		return nil
	case other == nil || other.owner != r.PeerAccount:
		return fail("InvalidGroup.NotFound", "The security group '%s' does not exist", r.Peer.GroupID)
	case other.vpc == g.vpc:
		return nil
	}
	peering, ok := st.connection(g.vpc, other.vpc, r.Direction == analyze.Egress)
	if !ok {
		return fail("InvalidGroup.NotFound", "You have specified two resources that belong to different networks.")
	}
	r.PeerVPC = other.vpc
	if peering != "" {
		r.PeeringID, r.PeeringStatus = peering, "active"
	}
	return nil
}
