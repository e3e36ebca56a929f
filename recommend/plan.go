// Package recommend turns the use of every rule into a plan: changes with reason, evidence, status and proof.
package recommend

import (
	"net/netip"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/terraform"
)

// SchemaVersion of recommendations.json. Fields are added, never renamed.
const SchemaVersion = 1

// Status of a change.
type Status string

const (
	Proposed Status = "proposed" // in the patches
	Review   Status = "review"   // a person decides; in the patches only when asked
	Held     Status = "held"     // evidence lacks; Release says what would release it
)

// Kind of a change.
type Kind string

const (
	Duplicate   Kind = "duplicate"    // contained in a kept rule of the same group; removed
	Unused      Kind = "unused"       // nothing seen uses it; removed
	Redundant   Kind = "redundant"    // what uses it is also allowed by other rules; removed
	Stale       Kind = "stale"        // references a group that is gone; removed
	NarrowPorts Kind = "narrow-ports" // ports or protocol narrowed, peers as they were
	NarrowPeers Kind = "narrow-peers" // peers narrowed (ports perhaps too)
)

// Plan is the result of a review. One struct feeds every output format.
type Plan struct {
	SchemaVersion int       `json:"schema_version"`
	ID            string    `json:"plan_id"` // hash of the changes and the estate's rules they start from
	Tool          string    `json:"tool"`
	Window        Window    `json:"window"`
	Captured      time.Time `json:"estate_captured"` // zero when unknown
	History       History   `json:"history"`
	// Conflicts are the first contradictions between the sources of the history, in order of time.
	Conflicts []estate.Conflict `json:"conflicts"`
	Quotas    []Quota           `json:"quotas"`  // of the accounts and regions that have groups
	Expires   time.Time         `json:"expires"` // 7 days after Captured, else after the window's end
	Policy    Policy            `json:"policy"`
	Input     Input             `json:"input"`
	Totals    Totals            `json:"totals"`
	Exposure  Exposure          `json:"exposure"`
	Risk      Risk              `json:"risk"`    // of the selected changes together
	Groups    []Group           `json:"groups"`  // every group of the estate, sorted by account, region, id
	Changes   []Change          `json:"changes"` // in the order they should be applied
	// Decisions are all that were given, each with what came of it.
	Decisions []Decision  `json:"decisions"`
	Structure []Structure `json:"structure"` // advice for a person; nothing of it is in the scripts
	// Unexplained lists accepted traffic that no rule explains, with its likely cause; Rejected recurring SYN rejects, those of
	// strangers last: they are scanners as a rule.
	Unexplained []Traffic `json:"unexplained"`
	Rejected    []Traffic `json:"rejected"`
	Picture     Picture   `json:"picture"`
	Notes       []string  `json:"notes"` // what was not judged and why, in sentences
	Proof       Proof     `json:"proof"`

	Parts []Part `json:"-"` // a plan of each team, where Options.SplitBy asks for them
	// Backtest holds a plan of the window's first days against the days after; only when asked for.
	Backtest *Backtest `json:"backtest,omitempty"`
}

// Window is the time the evidence spans. "Now" is Until, never the clock.
type Window struct {
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
	Days  int       `json:"days"` // calendar days with a record in it
}

// History says which sources told of the estate before it was captured, and how exact their times are. Zero times: the source
// was not there.
type History struct {
	Snapshots      int       `json:"snapshots"` // earlier ones, each exact of its own time
	SnapshotsSince time.Time `json:"snapshots_since,omitzero"`
	SnapshotsApart int       `json:"snapshots_apart"` // seconds between two, at most: within these a change is open
	ConfigItems    int       `json:"config_items"`
	ConfigSince    time.Time `json:"config_since,omitzero"`
	ConfigLate     int       `json:"config_late"`  // seconds by which a change may be recorded late
	TrailEvents    int       `json:"trail_events"` // each exact to the second
	TrailSince     time.Time `json:"trail_since,omitzero"`
	Conflicts      int       `json:"conflicts"` // all of them; Plan.Conflicts lists the first
}

// Quota is how many rules a group may have, of each direction and address family, in an account and region.
type Quota struct {
	Account       string `json:"account"`
	Region        string `json:"region"`
	RulesPerGroup int    `json:"rules_per_group"`
	From          string `json:"from"` // policy, service-quotas, or default: AWS's own
}

// Policy is what was asked for, as far as it shaped the plan.
type Policy struct {
	Level      string `json:"level"`
	Egress     string `json:"egress"`
	PortsDays  int    `json:"ports_days"` // windows of design §7.6, in days
	PeersDays  int    `json:"peers_days"`
	UnusedDays int    `json:"unused_days"`
	MinWindow  bool   `json:"min_window"` // --min-window was given
	MaxRules   int    `json:"max_rules"`  // the most rules that one rule may become
}

// Input says what was read and what became of it: Records = Used + Coverage + Outside + Errors.
type Input struct {
	Objects      int64           `json:"objects"`
	Bytes        int64           `json:"bytes"`
	Records      int64           `json:"records"`
	Used         int64           `json:"used"`          // OK records summed as evidence
	CoverageOnly int64           `json:"coverage_only"` // NODATA and SKIPDATA rows
	Outside      int64           `json:"outside"`       // outside --since/--until
	Errors       int64           `json:"errors"`        // skipped with --skip-bad
	NotFlowLogs  []string        `json:"not_flow_logs"`
	BadRecords   []string        `json:"bad_records"` // the first 100 errors as text: object:line: field: cause
	Problems     []EstateProblem `json:"estate_problems"`
}

// EstateProblem is an object of the estate that was kept but not understood.
type EstateProblem struct {
	Source string `json:"source"`
	Object string `json:"object"`
	Cause  string `json:"cause"`
}

// Totals are the counts of the summary.
type Totals struct {
	Groups         int `json:"groups"`
	Rules          int `json:"rules"`
	Interfaces     int `json:"interfaces"`
	Conversations  int `json:"conversations"` // distinct over the window
	Needs          int `json:"needs"`
	AmbiguousFlows int `json:"ambiguous"`
	Unplaced       int `json:"unplaced_peers"` // private peers that no interface is known to have held
	// UnplacedNeeds are the needs of which one end is not surely known: an interface that nobody recorded, or a peer in a
	// network of the estate whose holder at that time is not on record.
	UnplacedNeeds int `json:"unplaced_needs"`
	Proposed      int `json:"proposed"`
	Review        int `json:"review"`
	Held          int `json:"held"`
	Kept          int `json:"kept"` // rules without any change
}

// Exposure before, after the proposed changes, and after the review changes too.
type Exposure struct {
	Before      ExposureFigures `json:"before"`
	After       ExposureFigures `json:"after"`
	AfterReview ExposureFigures `json:"after_review"`
}

// ExposureFigures count ingress only.
type ExposureFigures struct {
	Rules       int     `json:"rules"`
	WorldOpenV4 int     `json:"world_open_v4"` // rules
	WorldOpenV6 int     `json:"world_open_v6"`
	AdminOpen   int     `json:"admin_open"` // world-open rules that allow an admin or database port
	Reachable   int64   `json:"reachable"`  // interface × port pairs open to the world on reachable interfaces
	Log2Space   float64 `json:"log2_space"` // log2 of the sum over interfaces of allowed (address, protocol, port) cells, v4
	Log2SpaceV6 float64 `json:"log2_space_v6"`
}

// Group is a security group as reviewed.
type Group struct {
	ID         string   `json:"group_id"`
	Name       string   `json:"group_name"`
	Account    string   `json:"account_id"`
	Region     string   `json:"region"`
	VPC        string   `json:"vpc_id"`
	Interfaces []string `json:"interfaces"` // that carry it, sorted
	Coverage   float64  `json:"coverage"`   // least share of covered hours of any carrying interface, 0 to 1, 4 digits
	Protected  string   `json:"protected,omitempty"`
	Rules      []Rule   `json:"rules"`
}

// Rule is one rule with its use.
type Rule struct {
	ID          string            `json:"rule_id,omitempty"`
	Direction   analyze.Direction `json:"direction"`
	Service     string            `json:"service"` // "tcp 443"
	Peer        string            `json:"peer"`    // CIDR, sg-… or pl-…
	PeerName    string            `json:"peer_name,omitempty"`
	Description string            `json:"description,omitempty"`
	Use         Use               `json:"use"`
	// InForceSince is since when the history of the estate has the rule at least; MadeAfter when it was surely not there yet.
	// AgeUnknown says that it may have been made within the last 14 days, for all that is on record.
	InForceSince time.Time `json:"in_force_since,omitzero"`
	MadeAfter    time.Time `json:"made_after,omitzero"`
	AgeUnknown   bool      `json:"age_unknown"`

	Change      string  `json:"change_id,omitempty"`
	Kept        string  `json:"kept,omitempty"` // why there is no change
	Unsupported string  `json:"unsupported,omitempty"`
	Map         *UseMap `json:"map,omitempty"` // of rules in use; see Picture.MapsLeft

	Key analyze.RuleKey `json:"-"`
}

// Use of a rule within the window.
type Use struct {
	Hits      int       `json:"hits"`       // needed conversations it surely allows
	SoleHits  int       `json:"sole_hits"`  // of them, allowed by no other rule
	MaybeHits int       `json:"maybe_hits"` // conversations it may allow
	Credited  int       `json:"credited"`   // needs that this rule must keep
	Peers     int       `json:"peers"`
	Ports     []string  `json:"ports"` // services seen, at most 20
	Flows     int64     `json:"flows"`
	Bytes     int64     `json:"bytes"`
	DaysSeen  int       `json:"days_seen"`
	DayRuns   []int     `json:"day_runs"` // first and last day of each run of days it was seen on, from 0, the window's first day
	FirstSeen time.Time `json:"first_seen,omitzero"`
	LastSeen  time.Time `json:"last_seen,omitzero"`
}

// Change is a set of rules of one group and one direction that become others. Old rules go, New rules come; either may be
// empty. In place (ModifySecurityGroupRules) is possible where one becomes one of the same source kind.
type Change struct {
	ID        string            `json:"change_id"` // stable: hash of group, direction, normalised old rules, kind
	Kind      Kind              `json:"kind"`
	Status    Status            `json:"status"`
	Account   string            `json:"account_id"`
	Region    string            `json:"region"`
	GroupID   string            `json:"group_id"`
	GroupName string            `json:"group_name"`
	Direction analyze.Direction `json:"direction"`
	Old       []RuleText        `json:"old"`
	New       []RuleText        `json:"new"`
	Reason    string            `json:"reason"`            // one sentence
	Release   string            `json:"release,omitempty"` // held, review: what would release it
	Remarks   []string          `json:"remarks"`           // untracked connections, calendar, mutable lists …
	Evidence  Use               `json:"evidence"`
	Risk      Risk              `json:"risk"`
	Space     Space             `json:"space"`
	Selected  bool              `json:"selected"` // in the patches
	Decision  Decision          `json:"decision,omitzero"`
	// InTerraform: chosen like the selected ones, but Terraform manages the old rule. The change is to be made there, and is
	// left out of the patches unless that was allowed.
	InTerraform bool `json:"in_terraform,omitempty"`
	// DependsOn names what the change leans on: rules (of this or other groups) that must be as they are, or as this plan
	// makes them. Where one has been changed by hand since, the change must not be applied.
	DependsOn []Dependency `json:"depends_on"`
	// Denies lists the seen traffic the change would deny. Empty for proposed ones; that is the proof.
	Denies []Traffic `json:"denies"`
}

// Risk is the share of the next period's connections that is expected to be denied. A connection is one peer and service of one
// interface on one day: days are what the estimates count.
type Risk struct {
	Expected    float64 `json:"expected"` // 0 to 1, 4 digits
	Low         float64 `json:"low"`      // 90 % interval
	High        float64 `json:"high"`
	Connections int64   `json:"connections"` // expected in the period; of a change: through its group, in its direction
	PeriodDays  int     `json:"period_days"` // as long as the window, unless asked otherwise
	// Vague: there is too little traffic to tell. The interval is wider than a tenth, or nothing of the use tells of the future.
	Vague bool `json:"vague"`
}

// Backtest is a plan of the window's first days, replayed on the days after.
type Backtest struct {
	Learn     Window           `json:"learn"`
	Replay    Window           `json:"replay"`
	Predicted Risk             `json:"predicted"` // of the proposed changes together
	Actual    Loss             `json:"actual"`
	Inside    bool             `json:"inside"` // the actual share lies in the predicted interval
	Changes   []BacktestChange `json:"changes"`
}

// BacktestChange is a change as proposed, or put to review, after the first days, and what it would have denied since.
type BacktestChange struct {
	ID        string            `json:"change_id"`
	Kind      Kind              `json:"kind"`
	Status    Status            `json:"status"`
	GroupID   string            `json:"group_id"`
	GroupName string            `json:"group_name"`
	Direction analyze.Direction `json:"direction"`
	Old       []RuleText        `json:"old"`
	New       []RuleText        `json:"new"`
	Predicted Risk              `json:"predicted"`
	Actual    Loss              `json:"actual"`
	Inside    bool              `json:"inside"`
	Denied    []Traffic         `json:"denied"`
}

// Loss is what was denied of the connections that were there.
type Loss struct {
	Denied      int64   `json:"denied"`
	Connections int64   `json:"connections"`
	Share       float64 `json:"share"` // 0 to 1, 4 digits
}

// Decision is what a person decided about a change, and what came of it.
type Decision struct {
	ChangeID string  `json:"change_id"` // decided about; of a carried decision not the id of the change it now stands at
	Verdict  Verdict `json:"decision"`
	By       string  `json:"by"`
	Reason   string  `json:"reason"`
	Until    string  `json:"until,omitempty"` // the last day it holds (UTC date), judged against the window's end; of accept and reject perhaps none
	About    string  `json:"about,omitempty"` // the rule, for people
	Outcome  Outcome `json:"outcome"`
	Effect   string  `json:"effect"` // one sentence
}

// RuleText is a rule in a change, in the words of the EC2 API. OldRules carry their id where it is known.
type RuleText struct {
	ID          string            `json:"rule_id,omitempty"`
	Service     string            `json:"service"`
	Peer        string            `json:"peer"`
	PeerName    string            `json:"peer_name,omitempty"`
	Description string            `json:"description"`
	Tags        map[string]string `json:"tags,omitempty"`
	Why         string            `json:"why,omitempty"`      // of new rules: what the peer or port range stands for
	Terraform   terraform.Owner   `json:"terraform,omitzero"` // of old rules: the resource that manages it

	Rule analyze.Rule `json:"-"` // the value the text stands for
}

// Structure is advice about groups that would better be others.
type Structure struct {
	Kind     StructureKind   `json:"kind"`
	GroupIDs []string        `json:"group_ids"`
	Reason   string          `json:"reason"` // one sentence
	Parts    []StructurePart `json:"parts"`  // of a split: the tiers; else the one shared group
}

// StructureKind says what is advised.
type StructureKind string

const (
	SplitGroup StructureKind = "split" // one group for each tier
	ShareGroup StructureKind = "share" // one group with the rules that several hold
)

// StructurePart is a group that would be made.
type StructurePart struct {
	Interfaces []string `json:"interfaces"` // that would carry it
	Services   []string `json:"services"`   // that they are asked for, at most 20; of a shared group those of its rules
	Rules      []string `json:"rules"`      // of the groups of now that let them in
}

// Dependency is a rule that a change leans on.
type Dependency struct {
	GroupID string `json:"group_id"`
	RuleID  string `json:"rule_id,omitempty"`
	Rule    string `json:"rule"`            // RuleKey.String
	Owner   string `json:"owner,omitempty"` // in the plan of one team: the other team whose rule it is
}

// Traffic is seen traffic, folded for people.
type Traffic struct {
	Interface string            `json:"interface_id"`
	Direction analyze.Direction `json:"direction"`
	Peer      string            `json:"peer"`
	PeerName  string            `json:"peer_name,omitempty"`
	Service   string            `json:"service"`
	Strength  string            `json:"strength"`
	Flows     int64             `json:"flows"`
	DaysSeen  int               `json:"days_seen"`
	LastSeen  time.Time         `json:"last_seen"`
	Cause     string            `json:"cause,omitempty"`
}

// Proof says what was checked at write time, by package proof.
type Proof struct {
	Holds    bool   `json:"holds"`
	Needs    int    `json:"needs"`    // conversations checked
	Rules    int    `json:"rules"`    // rules checked for new ⊆ old
	Subsets  string `json:"subsets"`  // how closure under subsets was checked
	Doubtful int    `json:"doubtful"` // conversations that only a maybe allows; every such rule keeps them
	// Selected changes are in the patches. Where a flag or a decision chose them, they were checked once more on their own;
	// SelectedDenies counts the seen traffic that the review changes among them deny, as these list it.
	Selected       int `json:"selected"`
	SelectedDenies int `json:"selected_denies"`
}

// PeerUse is a peer address with the days (since 1970-01-01) it was seen on, ascending, for covers and estimates.
type PeerUse struct {
	Addr  netip.Addr
	Days  []int32
	Flows int64
}
