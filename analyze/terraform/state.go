// Package terraform reads which security-group rules Terraform manages, from the output of terraform show -json.
package terraform

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"github.com/sgtrim/sgtrim/analyze"
)

// Types of the resources that manage rules, and say in which form a rule is written.
const (
	IngressRule  = "aws_vpc_security_group_ingress_rule" // one rule
	EgressRule   = "aws_vpc_security_group_egress_rule"
	LegacyRule   = "aws_security_group_rule"    // one service, several sources
	Group        = "aws_security_group"         // all rules of a direction, inline
	DefaultGroup = "aws_default_security_group" // all rules of a VPC's default group
)

// Owner is a resource that manages a rule.
type Owner struct {
	Address string `json:"address"` // as terraform state list prints it: module.net.aws_security_group_rule.web[0]
	Type    string `json:"type"`
}

// State is what Terraform manages, of any number of states. The zero value manages nothing.
type State struct {
	byID   map[string]Owner
	byRule map[analyze.RuleKey]Owner
	groups map[string]*group
}

// group is a security group that a state holds.
type group struct {
	owner      Owner
	inline     map[analyze.Direction]bool // a direction that lists rules
	standalone map[analyze.Direction]bool // a direction with resources of their own for its rules
}

// Owner is the resource that manages a rule; false where no state holds it.
//
// A group's inline rules cannot be told from others by the state: its ingress and egress attributes list what is in force,
// whoever made it, and the configuration in the JSON of a plan does not show dynamic blocks. So a group that lists rules in a
// direction in which no resource manages single rules is taken to manage them all.
func (s *State) Owner(r *analyze.Rule) (Owner, bool) {
	if o, ok := s.byID[r.ID]; ok && r.ID != "" {
		return o, true
	}
	if o, ok := s.byRule[r.RuleKey]; ok {
		return o, true
	}
	g := s.groups[r.GroupID]
	if g == nil || g.owner.Type == "" || g.owner.Type != DefaultGroup && (!g.inline[r.Direction] || g.standalone[r.Direction]) {
		return Owner{}, false
	}
	return g.owner, true
}

// Rules is how many rules the state names that have a resource of their own.
func (s *State) Rules() int { return max(len(s.byID), len(s.byRule)) }

// What terraform show -json prints, as far as it matters here.
type (
	shown struct {
		FormatVersion string `json:"format_version"`
		Values        *struct {
			Root module `json:"root_module"`
		} `json:"values"`
		// Of other files that are easily taken for it.
		Planned   json.RawMessage `json:"planned_values"`
		Resources json.RawMessage `json:"resources"`
	}
	module struct {
		Resources []resource `json:"resources"`
		Children  []module   `json:"child_modules"`
	}
	resource struct {
		Address string          `json:"address"`
		Mode    string          `json:"mode"`
		Type    string          `json:"type"`
		Values  json.RawMessage `json:"values"`
	}
)

// Read adds a state to s.
func (s *State) Read(r io.Reader) error {
	var in shown
	if err := json.NewDecoder(r).Decode(&in); err != nil {
		return fmt.Errorf("no JSON: %w", err)
	}
	switch {
	case in.Planned != nil:
		return errors.New("this is a plan: want the state, as terraform show -json without a plan file prints it")
	case in.Resources != nil:
		return errors.New("this is a state file: want what terraform show -json prints")
	case in.FormatVersion == "":
		return errors.New("no output of terraform show -json: format_version is missing")
	case in.Values == nil:
		return nil // an empty state
	}
	if s.groups == nil {
		s.byID, s.byRule, s.groups = map[string]Owner{}, map[analyze.RuleKey]Owner{}, map[string]*group{}
	}
	return s.module(&in.Values.Root)
}

func (s *State) module(m *module) error {
	for i := range m.Resources {
		r := &m.Resources[i]
		if r.Mode != "managed" {
			continue
		}
		var err error
		switch r.Type {
		case IngressRule, EgressRule:
			err = s.rule(r)
		case LegacyRule:
			err = s.legacy(r)
		case Group, DefaultGroup:
			err = s.group(r)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", r.Address, err)
		}
	}
	for i := range m.Children {
		if err := s.module(&m.Children[i]); err != nil {
			return err
		}
	}
	return nil
}

// rule reads a resource that is one rule.
func (s *State) rule(r *resource) error {
	var v struct {
		ID         string  `json:"security_group_rule_id"`
		Group      string  `json:"security_group_id"`
		Proto      string  `json:"ip_protocol"`
		From       *int32  `json:"from_port"`
		To         *int32  `json:"to_port"`
		V4         *string `json:"cidr_ipv4"`
		V6         *string `json:"cidr_ipv6"`
		PrefixList *string `json:"prefix_list_id"`
		Referenced *string `json:"referenced_security_group_id"`
	}
	if err := json.Unmarshal(r.Values, &v); err != nil {
		return err
	}
	service, err := analyze.ServiceFromEC2(v.Proto, v.From, v.To)
	if err != nil {
		return err
	}
	d := analyze.Ingress
	if r.Type == EgressRule {
		d = analyze.Egress
	}
	x := sources{Group: v.Group, PrefixLists: some(v.PrefixList), V4: some(v.V4), V6: some(v.V6), Referenced: v.Referenced}
	return s.own(r, v.ID, d, service, &x)
}

// legacy reads a resource that is a rule for every source it has.
func (s *State) legacy(r *resource) error {
	var v struct {
		sources
		ID    string `json:"security_group_rule_id"` // "" for several sources
		Type  string `json:"type"`
		Proto string `json:"protocol"`
		From  *int32 `json:"from_port"`
		To    *int32 `json:"to_port"`
	}
	if err := json.Unmarshal(r.Values, &v); err != nil {
		return err
	}
	service, err := analyze.ServiceFromEC2(v.Proto, v.From, v.To)
	if err != nil {
		return err
	}
	var d analyze.Direction
	if err := d.UnmarshalText([]byte(v.Type)); err != nil {
		return err
	}
	return s.own(r, v.ID, d, service, &v.sources)
}

// sources are the sources of a rule resource.
type sources struct {
	Group       string   `json:"security_group_id"`
	V4          []string `json:"cidr_blocks"`
	V6          []string `json:"ipv6_cidr_blocks"`
	PrefixLists []string `json:"prefix_list_ids"`
	Referenced  *string  `json:"source_security_group_id"`
	Self        bool     `json:"self"`
}

func some(s *string) []string {
	if s == nil || *s == "" {
		return nil
	}
	return []string{*s}
}

// own notes that r manages the rules of these sources.
func (s *State) own(r *resource, id string, d analyze.Direction, service analyze.Service, x *sources) error {
	o := Owner{r.Address, r.Type}
	if id != "" {
		s.byID[id] = o
	}
	peers, err := x.peers()
	if err != nil {
		return err
	}
	for _, p := range peers {
		s.byRule[analyze.RuleKey{GroupID: x.Group, Direction: d, Service: service, Peer: p}] = o
	}
	s.of(x.Group).standalone[d] = true
	return nil
}

func (x *sources) peers() (peers []analyze.Peer, err error) {
	for _, list := range [][]string{x.V4, x.V6} {
		for _, cidr := range list {
			p, err := netip.ParsePrefix(cidr)
			if err != nil {
				return nil, err
			}
			peers = append(peers, analyze.Peer{Prefix: p.Masked()})
		}
	}
	for _, id := range x.PrefixLists {
		peers = append(peers, analyze.Peer{PrefixListID: id})
	}
	for _, id := range some(x.Referenced) {
		peers = append(peers, analyze.Peer{GroupID: id[strings.LastIndexByte(id, '/')+1:]}) // ACCOUNT/sg-… of another account
	}
	if x.Self {
		peers = append(peers, analyze.Peer{GroupID: x.Group})
	}
	return peers, nil
}

// group reads a group and whether it lists rules.
func (s *State) group(r *resource) error {
	var v struct {
		ID      string            `json:"id"`
		Ingress []json.RawMessage `json:"ingress"`
		Egress  []json.RawMessage `json:"egress"`
	}
	if err := json.Unmarshal(r.Values, &v); err != nil {
		return err
	}
	g := s.of(v.ID)
	g.owner = Owner{r.Address, r.Type}
	g.inline[analyze.Ingress], g.inline[analyze.Egress] = len(v.Ingress) > 0, len(v.Egress) > 0
	return nil
}

func (s *State) of(id string) *group {
	if s.groups[id] == nil {
		s.groups[id] = &group{inline: map[analyze.Direction]bool{}, standalone: map[analyze.Direction]bool{}}
	}
	return s.groups[id]
}
