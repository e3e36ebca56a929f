package world

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// Truth says of a period what was needed and what was not, and of the estate what is wrong with its rules. Lists are in a
// fixed order.
type Truth struct {
	Needs     []Need
	Attacks   []Need // connections nobody needs: scans, brute force; allowed, refused or rejected
	Defects   []Defect
	Forbidden []Forbidden
	Advice    []Advice
}

// Advice is a structure of groups that would better be another. Nothing else in the estate is a clear case.
type Advice struct {
	Kind   string     // split or share, in the words of recommendations.json
	Groups []*Group   // of a split the one group
	Tiers  [][]string // of a split: the interfaces of each tier, sorted; each has its own needs
	Rules  []Rule     // of a share: what the groups all hold, as the first of them has it
	Why    string
	// WindowDays is the least window in days that suffices by the policy; 0: none is asked for.
	WindowDays int
}

// Need is one relation: on an interface, in one direction, with one peer, for one service. An interface without groups
// has none. Both ends of a connection inside the estate have one each (egress here, ingress there).
type Need struct {
	Interface   *Interface
	Egress      bool
	Peer        netip.Addr // as the interface sees it (packet level)
	Protocol    uint8
	Port        uint16 // of the service; 0 where the protocol has none
	First, Last int64  // unix seconds of the first and last connection's start (long ones: of the first and last hour) in the period
	Connections int
	Stable      bool       // the peer stays as it is: no churn, no office laptops, no public
	Via         *Interface // the NLB that forwarded the packets, else nil: references to its groups match [F 2.5]
	Verdict     Verdict
	Scenario    string
}

// Verdict is how a connection went, the best of all where there were several.
type Verdict uint8

const (
	WasRejected Verdict = iota // stopped by the security groups of the interface
	WasSilent                  // let through, nobody answered
	WasRefused                 // let through, answered by RST
	WasOneWay                  // a datagram that asks for no answer
	WasAnswered
)

func (v Verdict) String() string {
	return [...]string{"rejected", "silent", "refused", "one-way", "answered"}[v]
}

// Direction is ingress or egress.
func (n Need) Direction() string { return Rule{Egress: n.Egress}.Direction() }

// Outcome is a kind of change with its status, in the words of recommendations.json. An empty field means any.
type Outcome struct{ Kind, Status string }

// Defect is a rule that is too wide or of no use, with what a review should say of it once evidence suffices.
type Defect struct {
	Rule   Rule
	Expect []Outcome // any of them is right
	Ideal  []Rule    // what should stand in its place; none: removed
	// WindowDays is the least window in days that suffices by the policy (0: none is asked for); MonthEnd: a month's end must
	// lie inside too.
	WindowDays int
	MonthEnd   bool
	Sufficient bool // the world's window suffices by the default policy
	Scenario   string
	Why        string
}

// SufficientIn reports whether a window of so many days suffices by the default policy.
func (d Defect) SufficientIn(days int, monthEnd bool) bool {
	return days >= d.WindowDays && (monthEnd || !d.MonthEnd)
}

// Forbidden is a rule that must never be removed, nor narrowed past its needs, whatever the logs seem to say.
type Forbidden struct {
	Rule     Rule
	Scenario string
	Why      string
	// NeedsWindow is the window in days within which its use is sure to show (0: it may never show). A review told to be
	// content with less cannot know.
	NeedsWindow int
}

// defect plants a label.
func (w *World) defect(r *Rule, why string, windowDays int, monthEnd bool, ideal []Rule, expect ...Outcome) {
	w.defects = append(w.defects, Defect{Rule: *r, Expect: expect, Ideal: ideal, WindowDays: windowDays, MonthEnd: monthEnd,
		Scenario: w.scenario, Why: why})
}

// keep marks a rule as forbidden to remove.
func (w *World) keep(r *Rule, needsWindow int, why string) {
	w.forbidden = append(w.forbidden, Forbidden{Rule: *r, Scenario: w.scenario, Why: why, NeedsWindow: needsWindow})
}

// instead is the rule r with other services or peers, as an ideal.
func (r *Rule) instead(change func(*Rule)) []Rule {
	n := *r
	n.ID = ""
	change(&n)
	return []Rule{n}
}

func (w *World) monthEndInside() bool {
	for t := w.start; t < w.end; t += day {
		if isMonthEnd(t) {
			return true
		}
	}
	return false
}

func isMonthEnd(t int64) bool { return time.Unix(t+day, 0).UTC().Day() == 1 }

// needKey is what makes two connections one relation.
type needKey struct {
	ifc    *Interface
	egress bool
	peer   netip.Addr
	proto  uint8
	port   uint16
	attack bool
	via    *Interface
}

// ledger of relations while a period is played.
type relations map[needKey]*Need

func (rs relations) note(k needKey, t int64, stable bool, v Verdict, scenario string) {
	n := rs[k]
	if n == nil {
		n = &Need{Interface: k.ifc, Egress: k.egress, Peer: k.peer, Protocol: k.proto, Port: k.port, First: t, Last: t,
			Stable: stable, Via: k.via, Verdict: v, Scenario: scenario}
		rs[k] = n
	}
	n.Connections++
	n.First, n.Last, n.Verdict = min(n.First, t), max(n.Last, t), max(n.Verdict, v)
	n.Stable = n.Stable && stable
}

// split sorts relations into needs and attacks.
func (rs relations) split() (needs, attacks []Need) {
	for k, n := range rs {
		if k.attack {
			attacks = append(attacks, *n)
		} else {
			needs = append(needs, *n)
		}
	}
	slices.SortFunc(needs, compareNeeds)
	slices.SortFunc(attacks, compareNeeds)
	return needs, attacks
}

func compareNeeds(a, b Need) int {
	return cmp.Or(
		cmp.Compare(a.Interface.index, b.Interface.index),
		cmp.Compare(a.Direction(), b.Direction()),
		cmp.Compare(a.Protocol, b.Protocol),
		cmp.Compare(a.Port, b.Port),
		a.Peer.Compare(b.Peer),
		cmp.Compare(a.Scenario, b.Scenario),
		cmp.Compare(viaIndex(a), viaIndex(b)))
}

func viaIndex(n Need) int {
	if n.Via == nil {
		return -1
	}
	return n.Via.index
}

// Truth plays the window once without writing a record and says what was needed. Keep the result; it is made anew each time.
func (w *World) Truth() *Truth { return w.Window().Truth() }

// Truth of the period; the labels of rules are those of the world.
func (p Period) Truth() *Truth {
	rs := relations{}
	e := &emitter{w: p.w, relations: rs}
	p.play(e)
	t := &Truth{Defects: p.w.defects, Forbidden: p.w.forbidden, Advice: p.w.advice}
	t.Needs, t.Attacks = rs.split()
	return t
}
