package ec2fake

import (
	"slices"
	"strings"

	"github.com/sgtrim/sgtrim/analyze"
)

// authorize adds all rules of the request, or none.
func authorize(egress bool) handler {
	return func(st *state, p params) (object, *apiError) {
		g, e := st.group(p)
		if e != nil {
			return nil, e
		}
		asked, e := st.askedRules(g, p, direction(egress), st.checkReference)
		if e != nil {
			return nil, e
		}
		if len(asked) == 0 {
			return nil, fail("MissingParameter", "The request must contain the parameter ipPermissions")
		}
		tags, e := ruleTags(p)
		if e != nil {
			return nil, e
		}
		for i, r := range asked {
			if slices.ContainsFunc(asked[:i], r.same) {
				return nil, fail("InvalidParameterValue", "The same permission must not appear multiple times")
			}
			if slices.ContainsFunc(g.rules, r.same) {
				return nil, duplicate(r)
			}
		}
		if e := st.withinQuota(slices.Concat(g.rules, asked), direction(egress)); e != nil {
			return nil, e
		}
		made := []any{}
		for _, r := range asked {
			r.ID, r.tags = st.newRuleID(), slices.Clone(tags)
			g.rules = append(g.rules, r)
			made = append(made, st.describeRule(g, r))
		}
		return object{"Return": true, "SecurityGroupRules": made}, nil
	}
}

func ruleTags(p params) ([]object, *apiError) {
	var tags []object
	for _, spec := range p.list("TagSpecification") {
		if spec.str("ResourceType") != "security-group-rule" {
			return nil, fail("InvalidParameterValue", "'%s' is not a valid taggable resource type for this operation.", spec.str("ResourceType"))
		}
		for _, t := range spec.list("Tag") {
			tags = append(tags, object{"Key": t.str("Key"), "Value": t.str("Value")})
		}
	}
	return tags, nil
}

// revoke takes rules away by id or by properties, all or none, except in default VPCs [F 4.3].
func revoke(egress bool) handler {
	return func(st *state, p params) (object, *apiError) {
		g, e := st.group(p)
		if e != nil {
			return nil, e
		}
		ids := p.strings("SecurityGroupRuleId")
		asked, e := st.askedRules(g, p, direction(egress), nil)
		switch {
		case e != nil:
			return nil, e
		case len(ids) > 0 && len(asked) > 0:
			return nil, fail("InvalidParameterCombination", "You may specify either security group rule ids or IP permissions, not both")
		case len(ids) == 0 && len(asked) == 0:
			return nil, fail("MissingParameter", "The request must contain the parameter ipPermissions or securityGroupRuleIds")
		}
		gone := map[*rule]bool{}
		for _, id := range ids {
			r := g.ruleByID(id, direction(egress))
			if r == nil {
				return nil, noRule(id)
			}
			gone[r] = true
		}
		unknown := []*rule{}
		for _, a := range asked {
			if i := slices.IndexFunc(g.rules, a.same); i >= 0 {
				gone[g.rules[i]] = true
			} else {
				unknown = append(unknown, a)
			}
		}
		if len(unknown) > 0 && !st.defaultVPC(g) {
			return nil, fail("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
		}
		revoked := []any{}
		g.rules = slices.DeleteFunc(slices.Clone(g.rules), func(r *rule) bool {
			if gone[r] {
				revoked = append(revoked, revokedRule(r))
			}
			return gone[r]
		})
		return object{"Return": true, "UnknownIpPermissions": permissions(unknown, direction(egress)), "RevokedSecurityGroupRules": revoked}, nil
	}
}

func noRule(id string) *apiError {
	if !strings.HasPrefix(id, "sgr-") {
		return fail("InvalidSecurityGroupRuleId.Malformed", "The security group rule ID '%s' is malformed", id)
	}
	return fail("InvalidSecurityGroupRuleId.NotFound", "The security group rule ID '%s' does not exist", id)
}

func (g *group) ruleByID(id string, dir analyze.Direction) *rule {
	for _, r := range g.rules {
		if r.ID == id && r.Direction == dir {
			return r
		}
	}
	return nil
}

func revokedRule(r *rule) object {
	o := r.flat()
	if r.Peer.GroupID != "" {
		o["ReferencedGroupId"] = r.Peer.GroupID
	}
	return o
}

// modify changes rules in place: id and tags stay, the whole rule must be sent, and the kind of source cannot change. What an
// omitted description does on AWS is not known; here it clears it, which a client must be ready for [F 4.3].
func modify(st *state, p params) (object, *apiError) {
	g, e := st.group(p)
	if e != nil {
		return nil, e
	}
	updates := p.list("SecurityGroupRule")
	if len(updates) == 0 {
		return nil, fail("MissingParameter", "The request must contain the parameter SecurityGroupRules")
	}
	changed := slices.Clone(g.rules)
	for _, u := range updates {
		id := u.str("SecurityGroupRuleId")
		i := slices.IndexFunc(changed, func(r *rule) bool { return r.ID == id })
		if i < 0 {
			return nil, noRule(id)
		}
		r, e := st.modified(g, changed[i], u.get("SecurityGroupRule"))
		if e != nil {
			return nil, e
		}
		changed[i] = r
	}
	for i, r := range changed {
		if slices.ContainsFunc(changed[:i], r.same) {
			return nil, duplicate(r)
		}
	}
	for _, dir := range []analyze.Direction{analyze.Ingress, analyze.Egress} {
		if e := st.withinQuota(changed, dir); e != nil {
			return nil, e
		}
	}
	g.rules = changed
	return object{"Return": true}, nil
}

func (st *state) modified(g *group, old *rule, p params) (*rule, *apiError) {
	if !p.present {
		return nil, fail("MissingParameter", "The request must contain the parameter SecurityGroupRule")
	}
	service, e := askedService(p)
	if e != nil {
		return nil, e
	}
	r := &rule{Rule: analyze.Rule{RuleKey: analyze.RuleKey{GroupID: g.id, Direction: old.Direction, Service: service}, ID: old.ID}, tags: old.tags}
	if e := st.setSource(g, r, p, st.checkReference); e != nil {
		return nil, e
	}
	if kindOfSource(r) != kindOfSource(old) {
		return nil, fail("InvalidParameterValue", "The source type of security group rule %s cannot be changed", old.ID)
	}
	return r, nil
}

func kindOfSource(r *rule) string {
	switch {
	case r.Peer.GroupID != "":
		return "group"
	case r.Peer.PrefixListID != "":
		return "prefix list"
	case r.Peer.Prefix.Addr().Is4():
		return "IPv4"
	}
	return "IPv6"
}

// updateDescriptions sets or clears descriptions, all or none.
func updateDescriptions(egress bool) handler {
	return func(st *state, p params) (object, *apiError) {
		g, e := st.group(p)
		if e != nil {
			return nil, e
		}
		asked, e := st.askedRules(g, p, direction(egress), nil)
		if e != nil {
			return nil, e
		}
		byID := p.list("SecurityGroupRuleDescription")
		if len(asked)+len(byID) == 0 {
			return nil, fail("MissingParameter", "The request must contain the parameter ipPermissions or securityGroupRuleDescriptions")
		}
		set := map[*rule]string{}
		for _, d := range byID {
			r := g.ruleByID(d.str("SecurityGroupRuleId"), direction(egress))
			if r == nil {
				return nil, noRule(d.str("SecurityGroupRuleId"))
			}
			if !ruleDescription.MatchString(d.str("Description")) {
				return nil, fail("InvalidParameterValue", "Invalid rule description.")
			}
			set[r] = d.str("Description")
		}
		for _, a := range asked {
			i := slices.IndexFunc(g.rules, a.same)
			if i < 0 {
				return nil, fail("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
			}
			set[g.rules[i]] = a.Description
		}
		for r, text := range set {
			r.Description = text
		}
		return object{"Return": true}, nil
	}
}

// createTags tags rules and groups; a key that is there is overwritten.
func createTags(st *state, p params) (object, *apiError) {
	ids, tags := p.strings("ResourceId"), p.list("Tag")
	if len(ids) == 0 || len(tags) == 0 {
		return nil, fail("MissingParameter", "The request must contain the parameters resourcesSet and tagSet")
	}
	for _, id := range ids {
		_, r := st.findRule(id)
		switch {
		case strings.HasPrefix(id, "sgr-") && r == nil:
			return nil, noRule(id)
		case strings.HasPrefix(id, "sgr-"):
		case st.groups[id] == nil:
			return nil, fail("InvalidID", "The ID '%s' is not valid", id)
		}
	}
	for _, id := range ids {
		if _, r := st.findRule(id); r != nil {
			r.tags = withTags(r.tags, tags)
			continue
		}
		g := st.groups[id]
		old, _ := g.object["Tags"].([]any)
		list := []object{}
		for _, t := range old {
			list = append(list, t.(object))
		}
		g.object["Tags"] = asList(withTags(list, tags))
	}
	return object{"Return": true}, nil
}

func withTags(old []object, tags []params) []object {
	out := slices.Clone(old)
	for _, t := range tags {
		tag := object{"Key": t.str("Key"), "Value": t.str("Value")}
		if i := slices.IndexFunc(out, func(o object) bool { return o["Key"] == tag["Key"] }); i >= 0 {
			out[i] = tag
		} else {
			out = append(out, tag)
		}
	}
	return out
}
