package estate

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"slices"

	"github.com/sgtrim/sgtrim/analyze"
)

func (b *builder) group(at where, w *wireGroup, raw json.RawMessage) error {
	at.id = w.GroupId
	here := whereabouts{SecurityGroupArn: w.SecurityGroupArn}
	g := &Group{
		ID: w.GroupId, Name: w.GroupName, Description: w.Description, VPC: w.VpcId,
		Owner: cmp.Or(w.OwnerId, at.scope.Account), Region: cmp.Or(here.region(), at.scope.Region),
		Tags: tagMap(w.Tags), Raw: compacted(raw),
	}
	for _, side := range []struct {
		dir         analyze.Direction
		permissions []json.RawMessage
	}{{analyze.Ingress, w.IpPermissions}, {analyze.Egress, w.IpPermissionsEgress}} {
		rules, unsupported := expand(g.ID, side.dir, side.permissions)
		g.Rules = append(g.Rules, rules...)
		g.RawUnsupported = append(g.RawUnsupported, unsupported...)
	}
	if w.IpPermissions == nil && w.IpPermissionsEgress == nil {
		b.problem(at, "neither IpPermissions nor IpPermissionsEgress: its rules are unknown unless describe-security-group-rules has them")
	}
	isNew, err := put(b, at, b.e.Groups, "GroupId", g.ID, g)
	if !isNew {
		return err
	}
	for _, r := range g.Rules {
		if r.Unsupported != "" {
			b.problem(at, "unsupported rule %s %s: %s", r.Direction, describePeer(r), r.Unsupported)
		}
	}
	return nil
}

// compacted drops the white space of the file, so that equal objects have equal Raw.
func compacted(raw json.RawMessage) json.RawMessage {
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil { // cannot be: it was just read as JSON
		return raw
	}
	return b.Bytes()
}

func describePeer(r analyze.Rule) string {
	if r.Peer == (analyze.Peer{}) {
		return "of unknown source"
	}
	return r.Peer.String()
}

// rule joins an object of describe-security-group-rules to the rule of the same meaning. A rule that the group's own
// permissions do not have is not believed: the two calls ran at different times, and a rule that may be gone must carry
// nothing.
func (b *builder) rule(at where, w *wireRule, raw json.RawMessage) error {
	at.id = w.SecurityGroupRuleId
	switch {
	case w.SecurityGroupRuleId == "":
		return at.err("SecurityGroupRuleId", errors.New("missing"))
	case w.GroupId == "":
		return at.err("GroupId", errors.New("missing"))
	case w.IsEgress == nil:
		return at.err("IsEgress", errors.New("missing"))
	}
	rule, ruleErr := w.rule()
	if key, ok := b.ruleIDs[rule.ID]; ok {
		if key != rule.RuleKey {
			b.problem(at, "differs from the rule of the same id before it, which is used: %s", key)
		}
		return nil
	}
	b.ruleIDs[rule.ID] = rule.RuleKey
	g := b.e.Groups[w.GroupId]
	if g == nil {
		here := whereabouts{SecurityGroupRuleArn: w.SecurityGroupRuleArn}
		g = &Group{ID: w.GroupId, Owner: cmp.Or(w.GroupOwnerId, at.scope.Account), Region: cmp.Or(here.region(), at.scope.Region)}
		b.e.Groups[g.ID] = g
		b.first[objectID{SecurityGroupRules, g.ID}] = at
		b.problem(at, "group %s is not in describe-security-groups: its name and VPC are unknown", g.ID)
	}
	if _, ok := b.first[objectID{SecurityGroupRules, g.ID}]; ok || rulesUnknown(g) {
		b.first[objectID{SecurityGroupRules, g.ID}] = at
		return b.ownRule(at, g, rule, w, ruleErr)
	}
	if ruleErr != nil {
		if !slices.ContainsFunc(g.RawUnsupported, func(p RawPermission) bool { return p.Direction == rule.Direction }) {
			b.problem(at, "not understood, and not among the group's permissions: %v", ruleErr)
		}
		return nil
	}
	for i := range g.Rules {
		if r := &g.Rules[i]; r.RuleKey == rule.RuleKey && r.ID == "" && r.Unsupported == "" {
			fillFromRule(r, rule)
			return nil
		}
	}
	b.problem(at, "is not among the permissions of describe-security-groups and was not used; was it saved at another time? %s", rule.RuleKey)
	return nil
}

// rulesUnknown says that describe-security-groups gave no permissions at all, as tools do that leave the members out.
func rulesUnknown(g *Group) bool {
	if len(g.Rules) > 0 {
		return false
	}
	var w wireGroup
	return json.Unmarshal(g.Raw, &w) == nil && w.IpPermissions == nil && w.IpPermissionsEgress == nil
}

// ownRule adds a rule to a group whose rules come from describe-security-group-rules alone.
func (b *builder) ownRule(at where, g *Group, rule analyze.Rule, w *wireRule, err error) error {
	if err != nil {
		rule.Unsupported = err.Error()
		g.RawUnsupported = append(g.RawUnsupported, RawPermission{rule.Direction, w.permission()})
		b.problem(at, "unsupported rule %s %s: %s", rule.Direction, describePeer(rule), rule.Unsupported)
	}
	g.Rules = append(g.Rules, rule)
	return nil
}

func fillFromRule(r *analyze.Rule, from analyze.Rule) {
	r.ID, r.Tags = from.ID, from.Tags
	r.Description = cmp.Or(r.Description, from.Description)
	r.PeerAccount = cmp.Or(r.PeerAccount, from.PeerAccount)
	r.PeerVPC = cmp.Or(r.PeerVPC, from.PeerVPC)
	r.PeeringID = cmp.Or(r.PeeringID, from.PeeringID)
	r.PeeringStatus = cmp.Or(r.PeeringStatus, from.PeeringStatus)
}

// association notes a further VPC of a group. A failed association never was one; all other states may filter traffic.
func (b *builder) association(at where, w *wireAssociationVPC, _ json.RawMessage) error {
	if w.GroupId == "" || w.VpcId == "" {
		return at.err("GroupId, VpcId", errors.New("missing"))
	}
	if w.State == "association-failed" || w.State == "disassociated" {
		return nil
	}
	g := b.e.Groups[w.GroupId]
	if g == nil {
		at.id = w.GroupId
		b.problem(at, "associates group %s with %s, but the group is not in the input", w.GroupId, w.VpcId)
		return nil
	}
	if g.VPC != w.VpcId {
		g.AssociatedVPCs = sortedStrings(append(g.AssociatedVPCs, w.VpcId))
	}
	return nil
}

// finishGroups says what is known of the rule ids.
func (b *builder) finishGroups() {
	withIDs := map[string]bool{}
	for _, key := range b.ruleIDs {
		withIDs[key.GroupID] = true
	}
	for _, id := range sortedKeys(b.e.Groups) {
		g := b.e.Groups[id]
		g.HasRuleIDs = true
		for i := range g.Rules {
			r := &g.Rules[i]
			if r.ID != "" || r.Unsupported != "" {
				continue
			}
			g.HasRuleIDs = false
			if withIDs[id] {
				at := b.first[objectID{SecurityGroups, id}]
				b.problem(at, "rule %s has no id in describe-security-group-rules, though other rules of the group have", r.RuleKey)
			}
		}
	}
}
