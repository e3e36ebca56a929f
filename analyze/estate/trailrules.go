package estate

import (
	"encoding/json"
	"net/netip"
	"strings"

	"github.com/sgtrim/sgtrim/analyze"
)

var worlds = []netip.Prefix{netip.PrefixFrom(netip.IPv4Unspecified(), 0), netip.PrefixFrom(netip.IPv6Unspecified(), 0)}

// ruleMark notes that a rule was made or taken away by an event. What was taken away was there.
func (h *historian) ruleMark(ev *trailEvent, key analyze.RuleKey, made bool) {
	there := true
	m := mark[bool]{at: ev.time, origin: fromTrail, scope: ev.scope.place(), value: &there, key: "+"}
	if made {
		m.begins = true
		h.ruleMarks[key] = append(h.ruleMarks[key], m)
		return
	}
	gone := mark[bool]{at: ev.time, origin: fromTrail, scope: m.scope, begins: true}
	h.ruleMarks[key] = append(h.ruleMarks[key], m, gone)
}

func (h *historian) authorized(ev *trailEvent) error {
	h.rulesChanged(ev, true)
	return nil
}

func (h *historian) revoked(ev *trailEvent) error {
	h.rulesChanged(ev, false)
	return nil
}

// rulesChanged marks the rules of an Authorize or Revoke event: those that the answer lists, which since 2021 it does for
// Authorize, else those asked for, by meaning or by id.
func (h *historian) rulesChanged(ev *trailEvent, made bool) {
	var req struct {
		GroupId              string
		IpPermissions        []map[string]json.RawMessage
		SecurityGroupRuleIds []json.RawMessage
	}
	var resp struct{ SecurityGroupRuleSet []wireRule }
	if err := json.Unmarshal(ev.req, &req); err != nil {
		h.note(ev, "", "the request is not understood: "+err.Error())
		return
	}
	if json.Unmarshal(ev.resp, &resp) == nil && made && len(resp.SecurityGroupRuleSet) > 0 && h.rulesListed(ev, resp.SecurityGroupRuleSet) {
		return
	}
	dir := analyze.Ingress
	if strings.HasSuffix(ev.name, "Egress") {
		dir = analyze.Egress
	}
	for _, p := range req.IpPermissions {
		if name, groups := lookup(p, "Groups"); groups != nil {
			delete(p, name)
			p["userIdGroupPairs"] = groups
		}
		rules, _ := expand(req.GroupId, dir, []json.RawMessage{marshal(p)})
		for _, r := range rules {
			if r.Unsupported != "" || req.GroupId == "" {
				h.note(ev, req.GroupId, "a rule is not understood: "+r.Unsupported)
				continue
			}
			h.ruleMark(ev, r.RuleKey, made)
		}
	}
	for _, raw := range req.SecurityGroupRuleIds {
		key, ok := h.ids[ruleID(raw)]
		if !ok {
			h.note(ev, req.GroupId, "what rule "+ruleID(raw)+" was is not known")
			continue
		}
		h.ruleMark(ev, key, made)
	}
	if len(req.IpPermissions)+len(req.SecurityGroupRuleIds) == 0 {
		h.note(ev, req.GroupId, "names no rules")
	}
}

// rulesListed marks the rules that an answer lists; false when one of them is not understood.
func (h *historian) rulesListed(ev *trailEvent, set []wireRule) bool {
	var keys []analyze.RuleKey
	for _, w := range set {
		if w.IsEgress == nil || w.GroupId == "" {
			return false
		}
		rule, err := w.rule()
		if err != nil {
			return false
		}
		keys = append(keys, rule.RuleKey)
		h.ids[rule.ID] = rule.RuleKey
	}
	for _, k := range keys {
		h.ruleMark(ev, k, true)
	}
	return true
}

// ruleID reads an element of securityGroupRuleIds: a text, or an object with one.
func ruleID(raw json.RawMessage) string {
	var id string
	if json.Unmarshal(raw, &id) == nil {
		return id
	}
	var object struct{ SecurityGroupRuleId string }
	_ = json.Unmarshal(raw, &object) // an element of another shape has no id that is known
	return object.SecurityGroupRuleId
}

// rulesModified marks the rules before and after ModifySecurityGroupRules. The shape of the request is not documented
// [F 7.2], so the pairs of id and rule are looked for wherever they stand.
func (h *historian) rulesModified(ev *trailEvent) error {
	var req any
	if err := json.Unmarshal(ev.req, &req); err != nil {
		h.note(ev, "", "the request is not understood: "+err.Error())
		return nil
	}
	group, changes := modifications(req)
	if len(changes) == 0 {
		h.note(ev, group, "names no rules")
	}
	for id, raw := range changes {
		old, known := h.ids[id]
		if !known {
			h.note(ev, group, "what rule "+id+" was is not known")
			continue
		}
		w := struct {
			wireRule
			ReferencedGroupId string
		}{}
		if err := json.Unmarshal(raw, &w); err != nil {
			h.note(ev, group, "the new rule "+id+" is not understood: "+err.Error())
			continue
		}
		out := old.Direction == analyze.Egress
		w.SecurityGroupRuleId, w.GroupId, w.IsEgress = id, old.GroupID, &out
		if w.ReferencedGroupId != "" {
			w.ReferencedGroupInfo = &wirePair{GroupId: w.ReferencedGroupId}
		}
		rule, err := w.rule()
		if err != nil {
			h.note(ev, group, "the new rule "+id+" is not understood: "+err.Error())
			continue
		}
		if rule.RuleKey != old { // else only its description changed
			h.ruleMark(ev, old, false)
			h.ruleMark(ev, rule.RuleKey, true)
		}
		h.ids[id] = rule.RuleKey
	}
	return nil
}

// modifications finds the group, and by rule id the new rules, in a request.
func modifications(v any) (group string, rules map[string]json.RawMessage) {
	rules = map[string]json.RawMessage{}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, one := range v {
				walk(one)
			}
		case map[string]any:
			id, _ := member(v, "SecurityGroupRuleId").(string)
			if rule, ok := member(v, "SecurityGroupRule").(map[string]any); ok && id != "" {
				rules[id] = marshal(rule)
				return
			}
			if g, ok := member(v, "GroupId").(string); ok && group == "" {
				group = g
			}
			for _, k := range sortedKeys(v) {
				walk(v[k])
			}
		}
	}
	walk(v)
	return group, rules
}

func member(object map[string]any, name string) any {
	for k, v := range object {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return nil
}

// knownRuleIDs is what rules the ids of the present and of earlier snapshots stand for.
func (h *historian) knownRuleIDs(all []*SnapshotScope) {
	h.ids = map[string]analyze.RuleKey{}
	for _, s := range all {
		for _, raw := range s.Objects[SecurityGroupRules] {
			var w wireRule
			if json.Unmarshal(raw, &w) != nil || w.IsEgress == nil {
				continue // of the present the loader has said what is wrong with it
			}
			if rule, err := w.rule(); err == nil {
				h.ids[rule.ID] = rule.RuleKey
			}
		}
	}
}
