// Package watch looks at the logs after a plan was applied: rejects of what the old rules allowed and the new ones deny.
package watch

import (
	"cmp"
	"iter"
	"net/netip"
	"slices"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/orient"
	"github.com/sgtrim/sgtrim/analyze/usage"
	"github.com/sgtrim/sgtrim/recommend"
)

// SchemaVersion of a report's JSON. Fields are added, never renamed.
const SchemaVersion = 1

// trackedFor is how long a tracked connection may outlive the rule that let it in [aws-facts 2.4]: for so long a denied peer may
// not have noticed.
const trackedFor = 5 * 24 * time.Hour

// firstEphemeral is where the ports begin that clients choose: a datagram to one may be a reply that came late.
const firstEphemeral = 32768

// fewFlows may be late packets of a closed connection, where there are no TCP flags, or a scan, where a stranger sends them; a
// client that is denied comes again.
const fewFlows = 3

// Input of Look.
type Input struct {
	Plan          *recommend.Plan // whose rules have their values
	Estate        *estate.Estate  // for who holds which address; its rules may be those of before or after
	Old           recommend.State // the rules that the plan started from
	Conversations iter.Seq2[orient.Conversation, error]
	Applied       time.Time
	LogsEnd       time.Time // the last record
	Named         []netip.Prefix
}

// Report is what the logs after applying show.
type Report struct {
	SchemaVersion int       `json:"schema_version"`
	PlanID        string    `json:"plan_id"`
	Applied       time.Time `json:"applied"`
	LogsEnd       time.Time `json:"logs_end"`
	WatchUntil    time.Time `json:"watch_until"` // tracked connections may live so long without their rule
	Changes       int       `json:"changes"`     // that the scripts made
	Rejects       []Reject  `json:"rejects"`     // denied by the changes
	Doubtful      []Reject  `json:"doubtful"`    // perhaps so
	Other         int       `json:"other"`       // kinds of rejected traffic that the changes have no part in
}

// Reject is rejected traffic that the old rules allowed, and the new ones do not.
type Reject struct {
	Interface     string            `json:"interface_id"`
	InterfaceName string            `json:"interface_name,omitempty"`
	Direction     analyze.Direction `json:"direction"`
	Peer          string            `json:"peer"`
	PeerName      string            `json:"peer_name,omitempty"`
	Service       string            `json:"service"`
	Flows         int64             `json:"flows"`
	FirstSeen     time.Time         `json:"first_seen"`
	LastSeen      time.Time         `json:"last_seen"`
	Before        string            `json:"before"` // how surely the old rules allowed it: yes or maybe
	After         string            `json:"after"`  // and the new ones
	Rules         []string          `json:"rules"`  // the old ones that allowed it
	Changes       []string          `json:"change_ids"`
	Doubt         string            `json:"doubt,omitempty"`
}

// Look finds the rejects.
func Look(in Input) (*Report, error) {
	x := estate.NewIndex(in.Estate)
	var applied []*recommend.Change
	takes := map[analyze.RuleKey]string{}
	for i := range in.Plan.Changes {
		if c := &in.Plan.Changes[i]; c.Selected {
			applied = append(applied, c)
			for _, o := range c.Old {
				takes[o.Rule.RuleKey] = c.ID
			}
		}
	}
	use, err := usage.Join(usage.Input{Index: x, Estate: in.Estate, Named: in.Named, Conversations: rejectedSince(in.Applied, in.Conversations)})
	if err != nil {
		return nil, err
	}
	r := &Report{
		SchemaVersion: SchemaVersion, PlanID: in.Plan.ID, Applied: in.Applied, LogsEnd: in.LogsEnd, WatchUntil: in.Applied.Add(trackedFor),
		Changes: len(applied), Rejects: []Reject{}, Doubtful: []Reject{},
	}
	l := &looker{x: x, old: in.Old, takes: takes, since: in.Applied, named: in.Named}
	l.new = l.after(applied)
	for i := range use.Flows {
		f := &use.Flows[i]
		if f.Strength != analyze.Rejected || f.Subject == nil || len(f.Subject.Groups) == 0 {
			continue
		}
		switch reject, part := l.judge(f); {
		case !part:
			r.Other++
		case reject.Doubt != "":
			r.Doubtful = append(r.Doubtful, reject)
		default:
			r.Rejects = append(r.Rejects, reject)
		}
	}
	slices.SortFunc(r.Rejects, byWeight)
	slices.SortFunc(r.Doubtful, byWeight)
	return r, nil
}

// rejectedSince keeps rejects that were there after a time.
func rejectedSince(t time.Time, all iter.Seq2[orient.Conversation, error]) iter.Seq2[orient.Conversation, error] {
	return func(yield func(orient.Conversation, error) bool) {
		for c, err := range all {
			if err == nil && (c.Action != analyze.Reject || c.Last <= t.Unix()) {
				continue
			}
			if !yield(c, err) {
				return
			}
		}
	}
}

// looker compares the rules before and after.
type looker struct {
	x        *estate.Index
	old, new recommend.State
	takes    map[analyze.RuleKey]string // change id by old rule
	since    time.Time
	named    []netip.Prefix
}

// after is the old state with the changes made.
func (l *looker) after(changes []*recommend.Change) recommend.State {
	out := recommend.State{}
	byGroup := map[string][]*recommend.Change{}
	for _, c := range changes {
		byGroup[c.GroupID] = append(byGroup[c.GroupID], c)
	}
	for id, rules := range l.old {
		out[id] = rules
		if list := byGroup[id]; list != nil {
			out[id] = recommend.After(rules, list)
		}
	}
	return out
}

// judge says whether the changes deny a rejected flow; part is false where they have no part in it.
func (l *looker) judge(f *usage.Flow) (r Reject, part bool) {
	p := recommend.Packet{
		Direction: f.Direction, Proto: analyze.Proto(f.Proto), Port: f.Port, Peer: f.Peer, First: time.Unix(f.First, 0).UTC(), Last: time.Unix(f.Last, 0).UTC(),
	}
	before, by := l.old.Allows(l.x, f.Subject, p)
	now, _ := l.new.Allows(l.x, f.Subject, p)
	if now >= before {
		return r, false
	}
	r = Reject{
		Interface: f.Interface, InterfaceName: l.x.Name(f.Subject), Direction: f.Direction, Peer: f.Peer.String(), PeerName: f.Place.Name,
		Service: f.Service().String(), Flows: f.Flows, FirstSeen: p.First, LastSeen: p.Last, Before: before.String(), After: now.String(),
		Rules: []string{}, Changes: []string{}, Doubt: l.doubt(f, before, now),
	}
	for _, rule := range by {
		r.Rules = append(r.Rules, rule.RuleKey.String())
		if id := l.takes[rule.RuleKey]; id != "" && !slices.Contains(r.Changes, id) {
			r.Changes = append(r.Changes, id)
		}
	}
	return r, true
}

// doubt says why a reject may be none of the changes', "" when it is.
func (l *looker) doubt(f *usage.Flow, before, now analyze.Match) string {
	tcp := analyze.Proto(f.Proto) == analyze.TCP
	stranger := f.Place.Class == estate.Internet && !slices.ContainsFunc(l.named, func(p netip.Prefix) bool { return p.Contains(f.Peer) })
	switch {
	case before != analyze.Yes:
		return "the old rules only perhaps allowed it"
	case now != analyze.No:
		return "the new rules perhaps allow it: something else may have rejected it"
	case f.First <= l.since.Unix():
		return "it was rejected before the changes too"
	case f.Orientation == analyze.Ambiguous:
		return "who opened the connection is not known"
	case stranger && f.Direction == analyze.Ingress && f.Flows < fewFlows:
		return "a stranger from the Internet that came no more often may be a scan"
	case tcp && f.Orientation != analyze.OwnFlags && f.Flows < fewFlows:
		return "the logs have no TCP flags: so few may be late packets of a closed connection"
	case analyze.Proto(f.Proto) == analyze.UDP && f.Port >= firstEphemeral:
		return "it may be a late reply to a client's port"
	}
	return ""
}

func byWeight(a, b Reject) int {
	return cmp.Or(cmp.Compare(b.Flows, a.Flows), cmp.Compare(a.Interface, b.Interface), cmp.Compare(a.Direction, b.Direction),
		cmp.Compare(a.Service, b.Service), cmp.Compare(a.Peer, b.Peer))
}
