// Package explain answers questions about a plan: what uses a rule and what becomes of it, and whether one hypothetical flow
// is allowed now and after the plan, by which rules, and why.
package explain

import (
	"time"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/recommend"
)

// SchemaVersion of an answer's JSON. Fields are added, never renamed.
const SchemaVersion = 1

// Answer is what is said to all questions of one call, in their order.
type Answer struct {
	SchemaVersion int              `json:"schema_version"`
	PlanID        string           `json:"plan_id"`
	Window        recommend.Window `json:"window"`
	At            time.Time        `json:"at"` // when hypothetical flows happen: when the estate was captured, or the window's end
	Groups        []Group          `json:"groups"`
	Rules         []Rule           `json:"rules"`
	Flows         []FlowAnswer     `json:"flows"`
}

// Group is a security group with the answers about its rules.
type Group struct {
	ID         string   `json:"group_id"`
	Name       string   `json:"group_name"`
	Account    string   `json:"account_id"`
	Region     string   `json:"region"`
	VPC        string   `json:"vpc_id"`
	Interfaces []string `json:"interfaces"` // that carry it, as names for people
	Coverage   float64  `json:"coverage"`
	Rules      []Rule   `json:"rules"`
}

// Fate is what becomes of a rule with the changes in the scripts.
type Fate string

const (
	Kept     Fate = "kept"
	Narrowed Fate = "narrowed" // or replaced by others
	Removed  Fate = "removed"
)

// Rule is the answer about one rule.
type Rule struct {
	RuleRef
	Fate Fate          `json:"fate"`
	Why  string        `json:"why"` // one sentence
	Use  recommend.Use `json:"use"`
	// Change is the plan's change of the rule, be it in the scripts or not; its id is empty when there is none.
	Change Change `json:"change,omitzero"`
	Users  []User `json:"users"` // what used it, heaviest first
}

// Change is what an answer says of a change.
type Change struct {
	ID       string               `json:"change_id"`
	Kind     recommend.Kind       `json:"kind"`
	Status   recommend.Status     `json:"status"`
	Selected bool                 `json:"selected"`
	Reason   string               `json:"reason"`
	Release  string               `json:"release,omitempty"`
	Decision recommend.Decision   `json:"decision,omitzero"`
	New      []recommend.RuleText `json:"new"`
}

// RuleRef names a rule.
type RuleRef struct {
	GroupID     string            `json:"group_id"`
	GroupName   string            `json:"group_name"`
	RuleID      string            `json:"rule_id,omitempty"` // none of a rule that the plan brings
	Direction   analyze.Direction `json:"direction"`
	Service     string            `json:"service"`
	Peer        string            `json:"peer"`
	PeerName    string            `json:"peer_name,omitempty"`
	Description string            `json:"description,omitempty"`
	ChangeID    string            `json:"change_id,omitempty"` // the change that brings or takes it, where that is said
}

// User is needed traffic that the rule allows, or may allow, summed over the window.
type User struct {
	Interface     string    `json:"interface_id"`
	InterfaceName string    `json:"interface_name,omitempty"`
	Peer          string    `json:"peer"`
	PeerName      string    `json:"peer_name,omitempty"`
	Service       string    `json:"service"`
	Strength      string    `json:"strength"`
	Flows         int64     `json:"flows"`
	Bytes         int64     `json:"bytes"`
	DaysSeen      int       `json:"days_seen"`
	FirstSeen     time.Time `json:"first_seen"`
	LastSeen      time.Time `json:"last_seen"`
	Allowed       string    `json:"allowed"` // by this rule: yes or maybe
	Others        int       `json:"others"`  // further rules of the interface that surely allow it
	// After says how surely the rules allow it with the changes in the scripts, and WithReview with all for review too.
	After      string `json:"after"`
	WithReview string `json:"with_review"`
}

// FlowAnswer is the answer about one hypothetical flow.
type FlowAnswer struct {
	Flow string `json:"flow"`
	// Now, After (with the changes in the scripts) and WithReview (with all for review too): yes, maybe, no, partly (other
	// members of the groups named differ), or unknown (no end of the flow is an interface of the estate with groups).
	Now        string   `json:"now"`
	After      string   `json:"after"`
	WithReview string   `json:"with_review"`
	Sides      []Side   `json:"sides"`
	Notes      []string `json:"notes"`
}

// Side is the flow as the rules of one or several interfaces see it that decide alike.
type Side struct {
	Direction  analyze.Direction `json:"direction"`
	Interfaces []string          `json:"interfaces"` // as names for people
	Peers      []string          `json:"peers"`
	Now        Verdict           `json:"now"`
	After      Verdict           `json:"after"`
	WithReview Verdict           `json:"with_review"`
	Near       []Near            `json:"near"` // where it is not surely allowed now: rules that come near
	Lost       []Lost            `json:"lost"` // rules that allow it now and are gone after, or with review
	Seen       Seen              `json:"seen"`
}

// Verdict says how surely rules allow something, and which do.
type Verdict struct {
	Allowed string    `json:"allowed"` // yes, maybe, no
	By      []RuleRef `json:"by"`
}

// Near is a rule that fits but for one half.
type Near struct {
	RuleRef
	But string `json:"but"` // what it lacks, for people
}

// Lost is a rule that the plan takes, and why.
type Lost struct {
	RuleRef
	Kind   recommend.Kind   `json:"kind"`
	Status recommend.Status `json:"status"`
	Reason string           `json:"reason"`
}

// Seen is what the logs show of the flow on the side's interfaces.
type Seen struct {
	Flows     int64     `json:"flows"`
	DaysSeen  int       `json:"days_seen"`
	FirstSeen time.Time `json:"first_seen,omitzero"`
	LastSeen  time.Time `json:"last_seen,omitzero"`
	Strength  string    `json:"strength,omitempty"`
	Rejected  int64     `json:"rejected"` // flows
}
