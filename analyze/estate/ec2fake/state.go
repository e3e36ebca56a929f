package ec2fake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
)

// state is one account and region.
type state struct {
	scope  estate.Scope
	groups map[string]*group
	static map[estate.Kind][]object // everything that no call here changes
	asked  map[estate.Kind]bool     // kinds of the snapshot it was made of
	nextID int

	recordings recordings // of AWS Config, as far as read

	quota, pageSize int
}

type group struct {
	object object // without the permissions
	id     string
	owner  string
	vpc    string
	rules  []*rule
}

// rule is analyze.Rule with its tags in the order they were given.
type rule struct {
	analyze.Rule
	tags []object
}

func newState(scope estate.SnapshotScope) (*state, error) {
	st := &state{scope: scope.Scope, groups: map[string]*group{}, static: map[estate.Kind][]object{}, asked: map[estate.Kind]bool{}}
	one := &estate.Snapshot{Scopes: []estate.SnapshotScope{scope}}
	e, err := one.Estate()
	if err != nil {
		return nil, err
	}
	for kind, list := range scope.Objects {
		st.asked[kind] = true
		if kind == estate.SecurityGroups || kind == estate.SecurityGroupRules {
			continue
		}
		st.static[kind] = []object{}
		for _, raw := range list {
			o, err := decode(raw)
			if err != nil {
				return nil, err
			}
			st.static[kind] = append(st.static[kind], o)
		}
	}
	for _, id := range sortedKeys(e.Groups) {
		if err := st.addGroup(e.Groups[id]); err != nil {
			return nil, err
		}
	}
	return st, nil
}

func decode(raw []byte) (object, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var o object
	err := dec.Decode(&o)
	return o, err
}

func (st *state) addGroup(g *estate.Group) error {
	o := object{"GroupId": g.ID, "GroupName": g.Name}
	if g.Raw != nil {
		var err error
		if o, err = decode(g.Raw); err != nil {
			return err
		}
		delete(o, "IpPermissions")
		delete(o, "IpPermissionsEgress")
	}
	owner := g.Owner
	if owner == "" {
		owner = st.scope.Account
	}
	o["OwnerId"] = owner
	if o["SecurityGroupArn"] == nil {
		o["SecurityGroupArn"] = st.arn(owner, "security-group", g.ID)
	}
	mine := &group{object: o, id: g.ID, owner: owner, vpc: g.VPC}
	for _, r := range g.Rules {
		if r.Unsupported != "" {
			return fmt.Errorf("group %s has a rule that is not understood: %s", g.ID, r.Unsupported)
		}
		if r.ID == "" {
			r.ID = st.newRuleID()
		}
		if r.Peer.GroupID != "" && r.PeerAccount == "" {
			r.PeerAccount = owner
		}
		copied := &rule{Rule: r}
		for _, k := range sortedKeys(r.Tags) {
			copied.tags = append(copied.tags, object{"Key": k, "Value": r.Tags[k]})
		}
		mine.rules = append(mine.rules, copied)
	}
	st.groups[g.ID] = mine
	return nil
}

func (st *state) partition() string {
	if st.scope.Partition == "" {
		return "aws"
	}
	return st.scope.Partition
}

func (st *state) arn(account, kind, id string) string {
	return fmt.Sprintf("arn:%s:ec2:%s:%s:%s/%s", st.partition(), st.scope.Region, account, kind, id)
}

func (st *state) newRuleID() string {
	for {
		st.nextID++
		id := fmt.Sprintf("sgr-%017x", 0xf00000+st.nextID)
		if _, taken := st.findRule(id); taken == nil {
			return id
		}
	}
}

// findRule finds a rule and its group by id.
func (st *state) findRule(id string) (*group, *rule) {
	for _, g := range st.groups {
		for _, r := range g.rules {
			if r.ID == id {
				return g, r
			}
		}
	}
	return nil, nil
}

// describeGroup is the group with its permissions as DescribeSecurityGroups answers them: sources of equal protocol and
// ports in one, in the order in which they first came.
func (st *state) describeGroup(g *group) object {
	o := maps.Clone(g.object)
	o["IpPermissions"] = permissions(g.rules, analyze.Ingress)
	o["IpPermissionsEgress"] = permissions(g.rules, analyze.Egress)
	return o
}

func permissions(rules []*rule, dir analyze.Direction) []any {
	out := []any{}
	at := map[analyze.Service]object{}
	for _, r := range rules {
		if r.Direction != dir {
			continue
		}
		p := at[r.Service]
		if p == nil {
			p = object{"IpProtocol": r.Service.Proto.String(), "IpRanges": []any{}, "Ipv6Ranges": []any{}, "PrefixListIds": []any{}, "UserIdGroupPairs": []any{}}
			if from, to, ok := r.Service.EC2Ports(); ok {
				p["FromPort"], p["ToPort"] = from, to
			}
			at[r.Service] = p
			out = append(out, p)
		}
		list, source := r.source()
		p[list] = append(p[list].([]any), source)
	}
	return out
}

// source is the rule's element of an IpPermission, and the list it stands in.
func (r *rule) source() (list string, source object) {
	switch {
	case r.Peer.GroupID != "":
		list, source = "UserIdGroupPairs", r.reference()
	case r.Peer.PrefixListID != "":
		list, source = "PrefixListIds", object{"PrefixListId": r.Peer.PrefixListID}
	case r.Peer.Prefix.Addr().Is4():
		list, source = "IpRanges", object{"CidrIp": r.Peer.Prefix.String()}
	default:
		list, source = "Ipv6Ranges", object{"CidrIpv6": r.Peer.Prefix.String()}
	}
	if r.Description != "" {
		source["Description"] = r.Description
	}
	return list, source
}

func (r *rule) reference() object {
	o := object{"GroupId": r.Peer.GroupID}
	for k, v := range map[string]string{"UserId": r.PeerAccount, "VpcId": r.PeerVPC, "VpcPeeringConnectionId": r.PeeringID, "PeeringStatus": r.PeeringStatus} {
		if v != "" {
			o[k] = v
		}
	}
	return o
}

// describeRule is the rule as DescribeSecurityGroupRules answers it.
func (st *state) describeRule(g *group, r *rule) object {
	o := r.flat()
	o["GroupId"], o["GroupOwnerId"], o["Tags"] = g.id, g.owner, asList(r.tags)
	o["SecurityGroupRuleArn"] = st.arn(g.owner, "security-group-rule", r.ID)
	if r.Peer.GroupID != "" {
		o["ReferencedGroupInfo"] = r.reference()
	}
	return o
}

// flat is what the answers with one object a rule have in common; they differ in how they name a referenced group.
func (r *rule) flat() object {
	from, to, ok := r.Service.EC2Ports()
	if !ok {
		from, to = -1, -1
	}
	o := object{
		"SecurityGroupRuleId": r.ID, "GroupId": r.GroupID, "IsEgress": r.Direction == analyze.Egress,
		"IpProtocol": r.Service.Proto.String(), "FromPort": from, "ToPort": to,
	}
	switch {
	case r.Peer.GroupID != "":
	case r.Peer.PrefixListID != "":
		o["PrefixListId"] = r.Peer.PrefixListID
	case r.Peer.Prefix.Addr().Is4():
		o["CidrIpv4"] = r.Peer.Prefix.String()
	default:
		o["CidrIpv6"] = r.Peer.Prefix.String()
	}
	if r.Description != "" {
		o["Description"] = r.Description
	}
	return o
}

func asList(list []object) []any {
	out := make([]any, len(list))
	for i, o := range list {
		out[i] = o
	}
	return out
}

// objects lists what a describe call answers for a kind, before filters.
func (st *state) objects(kind estate.Kind) []object {
	out := []object{}
	switch kind {
	case estate.SecurityGroups:
		for _, id := range sortedKeys(st.groups) {
			out = append(out, st.describeGroup(st.groups[id]))
		}
	case estate.SecurityGroupRules:
		for _, id := range sortedKeys(st.groups) {
			for _, r := range st.groups[id].rules {
				out = append(out, st.describeRule(st.groups[id], r))
			}
		}
	case estate.PrefixLists: // the entries have a call of their own
		for _, o := range st.static[kind] {
			o = maps.Clone(o)
			delete(o, "Entries")
			out = append(out, o)
		}
	default:
		out = append(out, st.static[kind]...)
	}
	return out
}

func (st *state) dump() (estate.SnapshotScope, error) {
	scope := estate.SnapshotScope{Scope: st.scope, Objects: map[estate.Kind][]json.RawMessage{}}
	for _, kind := range estate.Kinds {
		list := st.objects(kind)
		if kind == estate.PrefixLists {
			list = st.static[kind]
		}
		if len(list) == 0 && !st.asked[kind] {
			continue
		}
		scope.Objects[kind] = []json.RawMessage{}
		for _, o := range list {
			raw, err := json.Marshal(o)
			if err != nil {
				return scope, err
			}
			scope.Objects[kind] = append(scope.Objects[kind], raw)
		}
	}
	return scope, nil
}

// defaultVPC reports whether the group is of a default VPC, where revoking by properties behaves differently [F 4.3].
func (st *state) defaultVPC(g *group) bool {
	return slices.ContainsFunc(st.static[estate.VPCs], func(o object) bool { return o["VpcId"] == g.vpc && o["IsDefault"] == true })
}

// connection says whether references work between two VPCs [F 5], and through which peering, if it is one.
func (st *state) connection(a, b string, egress bool) (peering string, ok bool) {
	for _, p := range st.static[estate.VPCPeeringConnections] {
		x, y := sub(p, "RequesterVpcInfo"), sub(p, "AccepterVpcInfo")
		if sub(p, "Status")["Code"] == "active" && x["Region"] == y["Region"] && (x["VpcId"] == a && y["VpcId"] == b || x["VpcId"] == b && y["VpcId"] == a) {
			return text(p, "VpcPeeringConnectionId"), true
		}
	}
	if egress {
		return "", false
	}
	for _, g := range st.static[estate.TransitGateways] {
		if sub(g, "Options")["SecurityGroupReferencingSupport"] == "enable" && st.attached(g["TransitGatewayId"], a) && st.attached(g["TransitGatewayId"], b) {
			return "", true
		}
	}
	return "", false
}

func (st *state) attached(gateway any, vpc string) bool {
	return slices.ContainsFunc(st.static[estate.TransitGatewayVPCAttachments], func(o object) bool {
		return o["TransitGatewayId"] == gateway && o["VpcId"] == vpc && sub(o, "Options")["SecurityGroupReferencingSupport"] != "disable"
	})
}

func sub(o object, member string) object {
	m, _ := o[member].(object)
	return m
}

func (st *state) prefixList(id string) object {
	for _, o := range st.static[estate.PrefixLists] {
		if o["PrefixListId"] == id {
			return o
		}
	}
	return nil
}

func text(o object, member string) string {
	s, _ := o[member].(string)
	return strings.TrimSpace(s)
}
