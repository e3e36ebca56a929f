package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/sgtrim/sgtrim/cmd/world"
)

// plan is what the scoreboard reads of recommendations.json. It is written down here a second time, as anyone's script would.
type plan struct {
	Changes []change `json:"changes"`
	Totals  struct {
		Proposed, Review, Held, Kept, Rules int
	} `json:"totals"`
	Risk      risk     `json:"risk"`
	Structure []advice `json:"structure"`
	Exposure  struct {
		Before      figures `json:"before"`
		After       figures `json:"after"`
		AfterReview figures `json:"after_review"`
	} `json:"exposure"`
}

// advice is about groups that would better be others.
type advice struct {
	Kind     string   `json:"kind"`
	GroupIDs []string `json:"group_ids"`
	Parts    []part   `json:"parts"`
}

type part struct {
	Interfaces []string `json:"interfaces"`
	Rules      []string `json:"rules"`
}

type change struct {
	ID        string     `json:"change_id"`
	Kind      string     `json:"kind"`
	Status    string     `json:"status"`
	GroupID   string     `json:"group_id"`
	GroupName string     `json:"group_name"`
	Direction string     `json:"direction"`
	Old       []ruleText `json:"old"`
	New       []ruleText `json:"new"`
	Reason    string     `json:"reason"`
	Release   string     `json:"release"`
	Risk      risk       `json:"risk"`
}

type risk struct {
	Expected, Low, High float64
	Vague               bool
}

// holds reports whether a share, of which the plan prints four digits, lies in the interval.
func (r risk) holds(share float64) bool { return r.Low <= share+0.00005 && share-0.00005 <= r.High }

type ruleText struct {
	Service string `json:"service"`
	Peer    string `json:"peer"`
}

// key is a rule as world.Rule.String prints it.
func (c *change) key(t ruleText) string {
	return c.GroupID + " " + c.Direction + " " + t.Service + " " + t.Peer
}

func (c *change) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s:", c.Status, c.Kind, c.GroupName)
	for _, t := range c.Old {
		fmt.Fprintf(&b, " - %s %s %s", c.Direction, t.Service, t.Peer)
	}
	for _, t := range c.New {
		fmt.Fprintf(&b, " + %s %s", t.Service, t.Peer)
	}
	return b.String()
}

func readPlan(path string) (*plan, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	p := new(plan)
	return p, json.Unmarshal(text, p)
}

// apply is the state after the changes of some statuses.
func (p *plan) apply(rules []world.Rule, statuses ...string) ([]world.Rule, error) {
	gone, come := map[string]bool{}, map[string]world.Rule{}
	for i := range p.Changes {
		c := &p.Changes[i]
		if !contains(statuses, c.Status) {
			continue
		}
		for _, t := range c.Old {
			gone[c.key(t)] = true
		}
		for _, t := range c.New {
			r, err := c.rule(t)
			if err != nil {
				return nil, err
			}
			come[r.String()] = r
		}
	}
	var out []world.Rule
	for _, r := range rules {
		if _, stays := come[r.String()]; stays || !gone[r.String()] {
			out = append(out, r)
			delete(come, r.String())
		}
	}
	for i := range p.Changes { // in the plan's order
		c := &p.Changes[i]
		for _, t := range c.New {
			if r, ok := come[c.key(t)]; ok {
				out = append(out, r)
				delete(come, c.key(t))
			}
		}
	}
	if len(come) > 0 {
		return nil, fmt.Errorf("%d new rules are printed in a way that the scoreboard reads otherwise", len(come))
	}
	return out, nil
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

// rule reads the words of a plan: "tcp 443", "tcp 8000-8010", "udp *", "icmp 3/4", "all", "50".
func (c *change) rule(t ruleText) (world.Rule, error) {
	r := world.Rule{GroupID: c.GroupID, Egress: c.Direction == "egress", Peer: t.Peer}
	proto, rest, _ := strings.Cut(t.Service, " ")
	r.Protocol = proto
	if proto == "all" {
		r.Protocol = "-1"
	}
	var err error
	switch {
	case proto == "icmp" || proto == "icmpv6":
		r.From, r.To = -1, -1
		kind, code, both := strings.Cut(rest, "/")
		if rest != "" {
			r.From, err = strconv.Atoi(kind)
		}
		if err == nil && both {
			r.To, err = strconv.Atoi(code)
		}
	case rest == "*":
		r.From, r.To = 0, 65535
	case rest != "":
		first, last, ranged := strings.Cut(rest, "-")
		if r.From, err = strconv.Atoi(first); err == nil {
			r.To = r.From
			if ranged {
				r.To, err = strconv.Atoi(last)
			}
		}
	}
	if err != nil {
		return r, fmt.Errorf("service %q: %w", t.Service, err)
	}
	return r, nil
}
