package estate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/sgtrim/sgtrim/analyze"
)

// sourceLists are the members of an IpPermission that hold its sources or destinations.
var sourceLists = []struct {
	name string
	peer func(json.RawMessage, *analyze.Rule) error
}{
	{"IpRanges", cidrSource("CidrIp", netip.Addr.Is4)},
	{"Ipv6Ranges", cidrSource("CidrIpv6", netip.Addr.Is6)},
	{"PrefixListIds", listSource},
	{"UserIdGroupPairs", groupSource},
}

// expand turns the IpPermissions of one group and direction into rules: one for every source [F 4.1]. What the model cannot
// express becomes a rule that says so, and stands in unsupported as it was read.
func expand(group string, dir analyze.Direction, permissions []json.RawMessage) (rules []analyze.Rule, unsupported []RawPermission) {
	for _, raw := range permissions {
		for _, s := range splitPermission(raw) {
			rule, err := s.rule(group, dir)
			if err != nil {
				rule.Unsupported = err.Error()
				unsupported = append(unsupported, RawPermission{dir, compacted(s.raw)})
			}
			rules = append(rules, rule)
		}
	}
	return rules, unsupported
}

// singleSource is an IpPermission with one source.
type singleSource struct {
	raw     json.RawMessage // the whole permission with this source only
	err     error           // the permission itself is not understood
	service analyze.Service
	source  json.RawMessage
	peer    func(json.RawMessage, *analyze.Rule) error
}

func (s *singleSource) rule(group string, dir analyze.Direction) (analyze.Rule, error) {
	rule := analyze.Rule{RuleKey: analyze.RuleKey{GroupID: group, Direction: dir, Service: s.service}}
	if s.peer == nil {
		return rule, s.err
	}
	return rule, errors.Join(s.err, s.peer(s.source, &rule))
}

// splitPermission takes a permission apart by its sources.
func splitPermission(raw json.RawMessage) []singleSource {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil || members == nil {
		return []singleSource{{raw: raw, err: errors.New("the permission is no object")}}
	}
	var head struct {
		IpProtocol       string
		FromPort, ToPort *int32
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return []singleSource{{raw: raw, err: err}}
	}
	service, err := analyze.ServiceFromEC2(head.IpProtocol, head.FromPort, head.ToPort)
	if err == nil {
		err = unknownMember(members)
	}
	var out []singleSource
	for _, list := range sourceLists {
		name, value := lookup(members, list.name)
		var sources []json.RawMessage
		if e := json.Unmarshal(cmpNull(value), &sources); e != nil {
			return []singleSource{{raw: raw, err: fmt.Errorf("%s is no list", list.name)}}
		}
		for _, source := range sources {
			one := singleSource{service: service, err: err, source: source, peer: list.peer}
			one.raw = onlySource(members, name, source)
			out = append(out, one)
		}
	}
	if len(out) == 0 {
		return []singleSource{{raw: raw, service: service, err: errors.Join(err, errors.New("no source or destination"))}}
	}
	return out
}

func cmpNull(raw json.RawMessage) json.RawMessage {
	if raw == nil {
		return json.RawMessage("null")
	}
	return raw
}

// lookup finds a member without regard to case, and says how it is spelt.
func lookup(members map[string]json.RawMessage, name string) (string, json.RawMessage) {
	if v, ok := members[name]; ok {
		return name, v
	}
	for k, v := range members {
		if strings.EqualFold(k, name) {
			return k, v
		}
	}
	return name, nil
}

// unknownMember is an error when the permission says something that this model does not know, such as a new kind of source.
func unknownMember(members map[string]json.RawMessage) error {
	var unknown []string
	for k, v := range members {
		known := strings.EqualFold(k, "IpProtocol") || strings.EqualFold(k, "FromPort") || strings.EqualFold(k, "ToPort")
		for _, list := range sourceLists {
			known = known || strings.EqualFold(k, list.name)
		}
		switch string(v) {
		case "null", "[]", "{}", `""`:
			known = true
		}
		if !known {
			unknown = append(unknown, k)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	slices.Sort(unknown)
	return fmt.Errorf("unknown member %s", strings.Join(unknown, ", "))
}

// onlySource is the permission with one of its sources.
func onlySource(members map[string]json.RawMessage, list string, source json.RawMessage) json.RawMessage {
	one := map[string]json.RawMessage{}
	for k, v := range members {
		one[k] = v
		for _, l := range sourceLists {
			if strings.EqualFold(k, l.name) {
				one[k] = json.RawMessage("[]")
			}
		}
	}
	one[list] = slices.Concat(json.RawMessage("["), source, json.RawMessage("]"))
	raw, err := json.Marshal(one)
	if err != nil { // cannot be: all members were just read as JSON
		return nil
	}
	return raw
}

// source decodes one element of a source list strictly: an unknown member may change what it means.
func source(raw json.RawMessage, v any) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	return dec.Decode(v)
}

func cidrSource(member string, family func(netip.Addr) bool) func(json.RawMessage, *analyze.Rule) error {
	return func(raw json.RawMessage, rule *analyze.Rule) error {
		var w struct{ CidrIp, CidrIpv6, Description string }
		if err := source(raw, &w); err != nil {
			return err
		}
		text := w.CidrIp
		if member == "CidrIpv6" {
			text = w.CidrIpv6
		}
		rule.Description = w.Description
		return cidrPeer(member, text, family, rule)
	}
}

func cidrPeer(member, text string, family func(netip.Addr) bool, rule *analyze.Rule) error {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return fmt.Errorf("%s: %w", member, err)
	}
	if !family(p.Addr()) {
		return fmt.Errorf("%s: %s is of the other address family", member, text)
	}
	rule.Peer.Prefix = p.Masked()
	return nil
}

func listSource(raw json.RawMessage, rule *analyze.Rule) error {
	var w struct{ PrefixListId, Description string }
	if err := source(raw, &w); err != nil {
		return err
	}
	rule.Description = w.Description
	if w.PrefixListId == "" {
		return errors.New("PrefixListIds: an element without PrefixListId")
	}
	rule.Peer.PrefixListID = w.PrefixListId
	return nil
}

func groupSource(raw json.RawMessage, rule *analyze.Rule) error {
	var w struct {
		wirePair
		GroupName string
	}
	if err := source(raw, &w); err != nil {
		return err
	}
	rule.Description = w.Description
	return w.wirePair.peer(rule)
}

func (w *wirePair) peer(rule *analyze.Rule) error {
	id, account := w.GroupId, w.UserId
	if a, g, ok := strings.Cut(id, "/"); ok { // the old notation account/sg-id
		account, id = a, g
	}
	if id == "" {
		return errors.New("reference to a group without GroupId")
	}
	rule.Peer.GroupID = id
	rule.PeerAccount, rule.PeerVPC = account, w.VpcId
	rule.PeeringID, rule.PeeringStatus = w.VpcPeeringConnectionId, w.PeeringStatus
	return nil
}

// rule reads an object of describe-security-group-rules.
func (w *wireRule) rule() (analyze.Rule, error) {
	rule := analyze.Rule{ID: w.SecurityGroupRuleId, Description: w.Description}
	rule.GroupID, rule.Direction = w.GroupId, analyze.Ingress
	if *w.IsEgress {
		rule.Direction = analyze.Egress
	}
	if w.Tags != nil {
		rule.Tags = tagMap(w.Tags)
	}
	service, err := analyze.ServiceFromEC2(w.IpProtocol, w.FromPort, w.ToPort)
	rule.Service = service
	kinds := 0
	note := func(present bool, read func() error) {
		if present {
			kinds++
			err = errors.Join(err, read())
		}
	}
	note(w.CidrIpv4 != "", func() error { return cidrPeer("CidrIpv4", w.CidrIpv4, netip.Addr.Is4, &rule) })
	note(w.CidrIpv6 != "", func() error { return cidrPeer("CidrIpv6", w.CidrIpv6, netip.Addr.Is6, &rule) })
	note(w.PrefixListId != "", func() error { rule.Peer.PrefixListID = w.PrefixListId; return nil })
	note(w.ReferencedGroupInfo != nil, func() error { return w.ReferencedGroupInfo.peer(&rule) })
	if kinds != 1 {
		err = errors.Join(err, fmt.Errorf("%d sources or destinations, want one", kinds))
	}
	return rule, err
}

// permission is the rule in the shape of describe-security-groups, for rules that are known from -rules only.
func (w *wireRule) permission() json.RawMessage {
	p := map[string]any{"IpProtocol": w.IpProtocol}
	if w.FromPort != nil {
		p["FromPort"], p["ToPort"] = w.FromPort, w.ToPort
	}
	put := func(list, member, value string) {
		if value != "" {
			p[list] = []map[string]string{{member: value, "Description": w.Description}}
		}
	}
	put("IpRanges", "CidrIp", w.CidrIpv4)
	put("Ipv6Ranges", "CidrIpv6", w.CidrIpv6)
	put("PrefixListIds", "PrefixListId", w.PrefixListId)
	if w.ReferencedGroupInfo != nil {
		p["UserIdGroupPairs"] = []*wirePair{w.ReferencedGroupInfo}
	}
	raw, err := json.Marshal(p)
	if err != nil { // cannot be: strings and numbers only
		return nil
	}
	return raw
}

func tagMap(tags []wireTag) map[string]string {
	m := make(map[string]string, len(tags))
	for _, t := range tags {
		m[t.Key] = t.Value
	}
	return m
}
