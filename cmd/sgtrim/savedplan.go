package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/recommend"
)

func readPlan(path string) (*recommend.Plan, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	plan := new(recommend.Plan)
	err = json.Unmarshal(text, plan)
	if err == nil {
		err = keysOnce(text)
	}
	if err != nil {
		return nil, withHint(fmt.Errorf("plan %s: %w", path, err), "a plan is the recommendations.json of review -o DIR")
	}
	if plan.SchemaVersion != recommend.SchemaVersion {
		return nil, fmt.Errorf("plan %s: schema_version %d: this sgtrim reads %d", path, plan.SchemaVersion, recommend.SchemaVersion)
	}
	return plan, nil
}

// keysOnce refuses a JSON text in which an object has a key twice, be it in other letters: programs differ in which of the two they
// take, so what is judged here would not be what another program applies.
func keysOnce(text []byte) error {
	n, err := jsonNode(text)
	if err != nil {
		return err
	}
	return once(n, strings.ToLower)
}

// once looks at an object and all in it. same makes one of the keys that mean the same: tags are told apart by their letters.
func once(n *yaml.Node, same func(string) string) error {
	seen := map[string]bool{}
	for i, c := range n.Content {
		within := strings.ToLower
		if n.Kind == yaml.MappingNode {
			if key := same(n.Content[i&^1].Value); i%2 == 1 {
				if key == "tags" {
					within = strings.Clone
				}
			} else if seen[key] {
				return fmt.Errorf("line %d: key %q is there twice", c.Line, c.Value)
			} else {
				seen[key] = true
			}
		}
		if err := once(c, within); err != nil {
			return err
		}
	}
	return nil
}

// bindRules gives the rules of a saved plan their values, from the plan's text alone, so that nothing but the file is trusted.
func bindRules(plan *recommend.Plan, e *estate.Estate) error {
	for i := range plan.Changes {
		c := &plan.Changes[i]
		for _, texts := range [][]recommend.RuleText{c.Old, c.New} {
			for j := range texts {
				rule, err := planRule(c, texts[j], e)
				if err != nil {
					return fmt.Errorf("plan: change %s: %w", c.ID, err)
				}
				if texts[j].ID != "" { // whoever reads the plan may take the rule by its id: the proof looks whether it is that one
					rule.ID = texts[j].ID
				}
				texts[j].Rule = rule
			}
		}
	}
	for i := range plan.Groups {
		g := &plan.Groups[i]
		if now := e.Groups[g.ID]; now != nil {
			bindGroup(g, now)
		}
	}
	return nil
}

// bindGroup finds the rules of a plan's group in the estate. Those that are not there any more keep no key.
func bindGroup(g *recommend.Group, now *estate.Group) {
	for i := range g.Rules {
		r := &g.Rules[i]
		at := slices.IndexFunc(now.Rules, func(have analyze.Rule) bool {
			return have.Direction == r.Direction && have.Service.String() == r.Service && have.Peer.String() == r.Peer
		})
		if at >= 0 {
			r.Key = now.Rules[at].RuleKey
		}
	}
}

// stateBefore is the rules that a plan started from, by its own words, and of groups that it does not know those of the estate.
// A rule that the model cannot express counts as one that may allow anything, as everywhere.
func stateBefore(plan *recommend.Plan, e *estate.Estate) recommend.State {
	state := recommend.State{}
	for id, g := range e.Groups {
		state[id] = g.Rules
	}
	for i := range plan.Groups {
		g := &plan.Groups[i]
		rules := []analyze.Rule{}
		for _, r := range g.Rules {
			rule := analyze.Rule{ID: r.ID, Description: r.Description, Unsupported: r.Unsupported}
			rule.GroupID, rule.Direction = g.ID, r.Direction
			var errs [2]error
			rule.Service, errs[0] = analyze.ParseService(r.Service)
			rule.Peer, errs[1] = analyze.ParsePeer(r.Peer)
			if err := errors.Join(errs[:]...); err != nil && rule.Unsupported == "" {
				rule.Unsupported = err.Error()
			}
			rules = append(rules, rule)
		}
		state[g.ID] = rules
	}
	return state
}

// planRule is a rule of a plan as a value: the estate's own where it has one of that meaning.
func planRule(c *recommend.Change, text recommend.RuleText, e *estate.Estate) (analyze.Rule, error) {
	service, err := analyze.ParseService(text.Service)
	if err != nil {
		return analyze.Rule{}, err
	}
	peer, err := analyze.ParsePeer(text.Peer)
	if err != nil {
		return analyze.Rule{}, err
	}
	key := analyze.RuleKey{GroupID: c.GroupID, Direction: c.Direction, Service: service, Peer: peer}
	if g := e.Groups[c.GroupID]; g != nil {
		if i := slices.IndexFunc(g.Rules, func(r analyze.Rule) bool { return r.RuleKey == key }); i >= 0 {
			return g.Rules[i], nil
		}
	}
	return analyze.Rule{RuleKey: key, ID: text.ID}, nil
}

// planEvidence is the evidence of a saved plan's window.
func planEvidence(plan *recommend.Plan, job *ledgerJob) (*evidence, error) {
	ev := newEvidence(window{plan.Window.Since, plan.Window.Until}, job.policy.orient(), job.evidence.ledgers...)
	if len(ev.days) == 0 {
		return nil, errors.New("the ledger holds no evidence of the plan's window")
	}
	return ev, nil
}
