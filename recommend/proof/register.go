package proof

import (
	"fmt"

	"github.com/sgtrim/sgtrim/analyze"
)

// register takes the changes into the rule set, and refuses those that are not independent changes of rules in force.
func (c *checker) register(changes []Change) {
	c.denied = make([]*tally, len(changes))
	ids := make(map[string]bool)
	for i, ch := range changes {
		if ch.Review {
			c.denied[i] = newTally()
		}
		switch {
		case ch.ID == "" || ids[ch.ID]:
			c.refuse(Malformed, i, "", "a change id is missing or not unique")
		case c.rules.groups[ch.GroupID] == nil:
			c.refuse(Malformed, i, "", fmt.Sprintf("group %q is not in the estate", ch.GroupID))
		case ch.Direction != analyze.Ingress && ch.Direction != analyze.Egress:
			c.refuse(Malformed, i, "", "direction "+ch.Direction.String()+": want ingress or egress")
		default:
			c.remove(i)
		}
		ids[ch.ID] = true
	}
	removed := c.removedKeys()
	for i, ch := range changes {
		if c.rules.groups[ch.GroupID] == nil {
			continue
		}
		for _, r := range ch.New {
			c.insert(i, r, removed)
		}
	}
}

// refuse notes a rule-level violation of one change.
func (c *checker) refuse(k Kind, change int, rule, detail string) {
	c.found.add(Violation{Kind: k, Changes: []string{c.changes[change].ID}, Rule: rule, Detail: detail})
}

// remove marks the Old rules of a change. Each must be a rule of the group that no change has taken yet.
func (c *checker) remove(change int) {
	ch := c.changes[change]
	for _, old := range ch.Old {
		name := old.RuleKey.String()
		have, taken := c.inForce(ch, old)
		switch {
		case have == nil && taken != nil:
			c.refuse(Conflict, change, name, "removed twice; also by "+c.changes[taken.removedBy].ID)
		case have == nil:
			c.refuse(UnknownRule, change, name, "no such rule in the group")
		case have.Unsupported != "" || old.Unsupported != "":
			c.refuse(Unsupported, change, name, "the model cannot express it: "+have.Unsupported+old.Unsupported)
		default:
			have.removedBy = change
		}
	}
}

// inForce finds the rule of the group that old means: equal in meaning, and in id where both have one. Where EC2 lists the
// same meaning twice, each copy can be taken once; taken is a copy that is gone already.
func (c *checker) inForce(ch Change, old analyze.Rule) (have, taken *rule) {
	if old.GroupID != ch.GroupID || old.Direction != ch.Direction {
		return nil, nil
	}
	for _, r := range c.rules.direction(ch.GroupID, ch.Direction).all {
		if r.addedBy != none || r.RuleKey != old.RuleKey || r.ID != "" && old.ID != "" && r.ID != old.ID {
			continue
		}
		if r.removedBy == none {
			return r, nil
		}
		taken = r
	}
	return nil, taken
}

// removedKeys are the meanings of all rules that some change removes, with one of those changes.
func (c *checker) removedKeys() map[analyze.RuleKey]int {
	out := make(map[analyze.RuleKey]int)
	for i, ch := range c.changes {
		for _, r := range ch.Old {
			if _, found := out[r.RuleKey]; !found {
				out[r.RuleKey] = i
			}
		}
	}
	return out
}

// insert takes a New rule. EC2 refuses a rule that is there already, so one that is also removed would end up missing.
func (c *checker) insert(change int, r analyze.Rule, removed map[analyze.RuleKey]int) {
	name := r.RuleKey.String()
	if cause := malformed(c.changes[change], r); cause != "" {
		c.refuse(Malformed, change, name, cause)
		return
	}
	if other, found := removed[r.RuleKey]; found {
		c.refuse(Conflict, change, name, "added here and removed by "+c.changes[other].ID)
		return
	}
	c.rules.add(c.changes[change].GroupID, r, change)
}

// malformed says why r cannot be a new rule of the change, "" if it can.
func malformed(ch Change, r analyze.Rule) string {
	p := r.Peer
	kinds := 0
	for _, set := range []bool{p.Prefix.IsValid(), p.GroupID != "", p.PrefixListID != ""} {
		if set {
			kinds++
		}
	}
	switch {
	case r.GroupID != ch.GroupID || r.Direction != ch.Direction:
		return "a rule of another group or direction"
	case r.Unsupported != "":
		return "the model cannot express it: " + r.Unsupported
	case kinds != 1:
		return "want exactly one of prefix, group and prefix list"
	case p.Prefix.IsValid() && (p.Prefix != p.Prefix.Masked() || p.Prefix.Addr().Is4In6()):
		return "prefix is not in network form"
	case r.Service.Ports.First > r.Service.Ports.Last:
		return "first port above last"
	}
	return ""
}
