// Package copy carries the rules of a security group to another VPC, region or account: what they name is found there, or listed
// as unresolved.
package copy

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
)

// SchemaVersion of a copy's JSON. Fields are added, never renamed.
const SchemaVersion = 1

// Target is where a group is copied to. VPC is "" where it is not known: whoever runs the script names it.
type Target struct {
	VPC     string `json:"vpc_id,omitempty"`
	Account string `json:"account_id,omitempty"`
	Region  string `json:"region,omitempty"`
}

// Copy is a group as it would be at the target.
type Copy struct {
	SchemaVersion int    `json:"schema_version"`
	From          string `json:"from"` // the group
	Target        Target `json:"target"`
	Name          string `json:"group_name"`
	Description   string `json:"description"`
	Exists        string `json:"exists,omitempty"` // a group of that name at the target; the script refuses then
	Rules         []Rule `json:"rules"`
	// Unresolved rules name what is not known at the target, and are left out.
	Unresolved []Rule   `json:"unresolved"`
	Remarks    []string `json:"remarks"`

	Tags map[string]string `json:"tags,omitempty"`
}

// Rule is a rule with what became of its peer.
type Rule struct {
	Direction analyze.Direction `json:"direction"`
	Service   string            `json:"service"`
	From      string            `json:"from_peer"`
	Peer      string            `json:"peer,omitempty"` // "" when unresolved; Self for the copy itself
	How       string            `json:"how"`            // why it is this peer, or why there is none

	Rule analyze.Rule `json:"-"` // with the peer at the target
}

// Self stands for the group that the copy makes, whose id is not known yet.
const Self = "sg-self"

var (
	accountIDs = regexp.MustCompile(`^[0-9]{12}$`)
	regionIDs  = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]+$`)
)

// ParseTarget reads vpc-…, an account's 12 digits or a region. Where the estate knows one VPC only of that account or region, it is
// that one.
func ParseTarget(text string, from *estate.Group, e *estate.Estate) (Target, error) {
	switch {
	case strings.HasPrefix(text, "vpc-"):
		t := Target{VPC: text, Account: from.Owner, Region: from.Region}
		if v := e.VPCs[text]; v != nil {
			t.Account, t.Region = v.Owner, v.Region
		}
		return t, nil
	case accountIDs.MatchString(text):
		return onlyVPC(Target{Account: text, Region: from.Region}, e), nil
	case regionIDs.MatchString(text):
		return onlyVPC(Target{Account: from.Owner, Region: text}, e), nil
	}
	return Target{}, fmt.Errorf("target %q: want vpc-…, an account's 12 digits, or a region as in eu-west-1", text)
}

func onlyVPC(t Target, e *estate.Estate) Target {
	var found []string
	for id, v := range e.VPCs {
		if v.Owner == t.Account && v.Region == t.Region {
			found = append(found, id)
		}
	}
	if len(found) == 1 {
		t.VPC = found[0]
	}
	return t
}

// Make maps the rules of a group. renamed maps ids of groups and prefix lists to those of the target, before anything else.
func Make(e *estate.Estate, from *estate.Group, t Target, renamed map[string]string) *Copy {
	c := &Copy{
		SchemaVersion: SchemaVersion, From: from.ID, Target: t, Name: from.Name, Description: from.Description, Tags: from.Tags,
		Rules: []Rule{}, Unresolved: []Rule{}, Remarks: []string{},
	}
	m := mapper{e: e, from: from, to: t, renamed: renamed}
	for _, g := range m.groupsNamed(from.Name) {
		c.Exists = g
	}
	own := 0
	for _, r := range from.Rules {
		out := Rule{Direction: r.Direction, Service: r.Service.String(), From: r.Peer.String(), Rule: r}
		if r.Unsupported != "" {
			out.How = "not modelled: " + r.Unsupported
			c.Unresolved = append(c.Unresolved, out)
			continue
		}
		peer, how := m.peer(r.Peer)
		out.How = how
		if peer == (analyze.Peer{}) {
			c.Unresolved = append(c.Unresolved, out)
			continue
		}
		out.Rule.Peer, out.Peer = peer, peer.String()
		out.Rule.PeerAccount, out.Rule.PeerVPC, out.Rule.PeeringID, out.Rule.PeeringStatus = "", "", "", ""
		if r.Peer.IsCIDR() && m.isOwnNetwork(r.Peer.Prefix) {
			own++
		}
		c.Rules = append(c.Rules, out)
	}
	if own > 0 {
		c.Remarks = append(c.Remarks, fmt.Sprintf("%d rules name addresses of the group's own VPC %s: they are copied as they are; at the target others may hold them", own, from.VPC))
	}
	if c.Name == "default" {
		c.Remarks = append(c.Remarks, "EC2 takes no group named default: the copy wants another name")
	}
	if t.VPC == "" {
		c.Remarks = append(c.Remarks, "the VPC at the target is not known: VPC_ID names it when the script runs")
	}
	return c
}

// mapper finds at the target what rules name.
type mapper struct {
	e       *estate.Estate
	from    *estate.Group
	to      Target
	renamed map[string]string
}

// peer is the peer at the target, and how it was found; none when it was not.
func (m *mapper) peer(p analyze.Peer) (analyze.Peer, string) {
	switch {
	case p.GroupID != "":
		id, how := m.group(p.GroupID)
		return analyze.Peer{GroupID: id}, how
	case p.PrefixListID != "":
		id, how := m.list(p.PrefixListID)
		return analyze.Peer{PrefixListID: id}, how
	}
	return p, "the same addresses"
}

func (m *mapper) group(id string) (string, string) {
	if to := m.renamed[id]; to != "" {
		return to, "mapped by --map"
	}
	if id == m.from.ID {
		return Self, "the group itself"
	}
	g := m.e.Groups[id]
	if g == nil {
		return "", "the group is not in the estate, so its name is not known: map it with --map " + id + "=sg-…"
	}
	if m.to.VPC != "" && (g.VPC == m.to.VPC || slices.Contains(g.AssociatedVPCs, m.to.VPC)) {
		return id, "the same group, which is at the target"
	}
	switch found := m.groupsNamed(g.Name); len(found) {
	case 1:
		return found[0], "the group named " + g.Name + " at the target"
	case 0:
		return "", "no group named " + g.Name + " is known at the target: copy it first, or map it with --map " + id + "=sg-…"
	default:
		return "", "several groups at the target are named " + g.Name + ": map it with --map " + id + "=sg-…"
	}
}

// groupsNamed are the groups of that name in the target's VPC; a name is unique in a VPC.
func (m *mapper) groupsNamed(name string) []string {
	var ids []string
	for id, g := range m.e.Groups {
		if m.to.VPC != "" && g.VPC == m.to.VPC && g.Name == name && id != m.from.ID {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func (m *mapper) list(id string) (string, string) {
	if to := m.renamed[id]; to != "" {
		return to, "mapped by --map"
	}
	l := m.e.PrefixLists[id]
	switch {
	case l == nil:
		return "", "the prefix list is not in the estate: map it with --map " + id + "=pl-…"
	case m.to.Region == m.from.Region && (l.Owner == "AWS" || m.to.Account == m.from.Owner):
		return id, "the same prefix list, " + l.Name
	case m.to.Region == m.from.Region && l.Owner == m.to.Account:
		return id, "the same prefix list, which is the target account's"
	}
	name := l.Name
	if l.Owner == "AWS" {
		name = strings.Replace(name, "."+m.from.Region+".", "."+m.to.Region+".", 1) // com.amazonaws.REGION.s3
	}
	var found []string
	for other, o := range m.e.PrefixLists {
		if o.Name == name && o.Region == m.to.Region && (o.Owner == "AWS" || o.Owner == m.to.Account) {
			found = append(found, other)
		}
	}
	if len(found) == 1 {
		return found[0], "the prefix list named " + name + " at the target"
	}
	return "", "no prefix list named " + name + " is known at the target: map it with --map " + id + "=pl-…"
}

// isOwnNetwork reports whether a prefix lies in the group's own VPC.
func (m *mapper) isOwnNetwork(p netip.Prefix) bool {
	v := m.e.VPCs[m.from.VPC]
	return v != nil && m.to.VPC != m.from.VPC && slices.ContainsFunc(v.CIDRs, func(c netip.Prefix) bool { return c.Bits() <= p.Bits() && c.Contains(p.Addr()) })
}
