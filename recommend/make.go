package recommend

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/ledger"
	"github.com/sgtrim/sgtrim/analyze/orient"
	"github.com/sgtrim/sgtrim/analyze/usage"
	"github.com/sgtrim/sgtrim/recommend/unseen"
)

// Evidence is what a review rests on.
type Evidence struct {
	Estate *estate.Estate
	// Conversations yields the conversations of all days, in the order of days; it is called twice, the second time for the
	// proof.
	Conversations func() iter.Seq2[orient.Conversation, error]
	Coverage      []ledger.Coverage
	Attributes    map[string]ledger.Attributes
	Input         Input // what was read; copied to the plan
}

// Make reviews an estate: it joins, drafts, settles, orders, and proves. A refused proof is a bug of ours and returned as an
// error, so that no patch is ever written without proof.
func Make(ev Evidence, opt Options) (*Plan, error) {
	if err := opt.check(); err != nil {
		return nil, err
	}
	x := estate.NewIndex(ev.Estate)
	named := opt.namedPrefixes()
	use, err := usage.Join(usage.Input{
		Index: x, Estate: ev.Estate, Conversations: ev.Conversations(), Attributes: ev.Attributes, Named: named,
	})
	if err != nil {
		return nil, err
	}
	bound, err := unseen.Bound(opt.Level)
	if err != nil {
		return nil, err
	}
	r := &reviewer{opt: opt, bound: bound, e: ev.Estate, x: x, use: use, cover: newCoverer(ev.Coverage, ev.Estate), facts: map[string]*facts{}, expected: map[string]expectation{}, rejects: rejectsOf(use)}
	for id, g := range ev.Estate.Groups {
		r.facts[id] = r.factsOf(g)
	}
	r.draft()
	r.exposed = countConnections(r.use)
	r.outcomes = make([]expectation, len(r.drafts))
	for i, d := range r.drafts {
		if d != nil {
			r.outcomes[i] = r.expect(d)
		}
	}
	r.pooled = r.pools()
	return r.plan(ev, named)
}

// draft decides about every rule, on its own and then beside the others.
func (r *reviewer) draft() {
	r.draftAll()
	r.reuse()
	r.undermined()
	r.shadow()
	r.lastOfDirection()
	r.fitQuota()
}

func (o *Options) namedPrefixes() []netip.Prefix {
	var out []netip.Prefix
	for _, n := range o.Named {
		out = append(out, n.CIDRs...)
	}
	return out
}

// lastOfDirection leaves the decision to a person where the proposed removals would leave a direction without any rule: the
// last one to go is the widest.
func (r *reviewer) lastOfDirection() {
	for _, f := range r.facts {
		for _, dir := range []analyze.Direction{ingress, egress} {
			var last *draft
			stays := false
			for _, ri := range r.use.RulesOf(f.group.ID) {
				if r.use.Rules[ri].Direction != dir {
					continue
				}
				d := r.drafts[ri]
				if d == nil || d.status != Proposed || len(d.news) > 0 {
					stays = true
					break
				}
				if last == nil || r.use.Rules[ri].Compare(r.use.Rules[last.rule].RuleKey) > 0 {
					last = d
				}
			}
			if last != nil && !stays {
				last.status = Review
				last.release = "the last " + dir.String() + " rule of the group: nothing would be allowed any more; a person decides"
			}
		}
	}
}

// newRule is a piece of a draft as a rule.
func (r *reviewer) newRule(d *draft, p piece) analyze.Rule {
	old := &r.use.Rules[d.rule]
	out := analyze.Rule{
		RuleKey:     analyze.RuleKey{GroupID: old.GroupID, Direction: old.Direction, Service: p.service, Peer: p.peer},
		Description: old.Description, Tags: old.Tags,
	}
	if p.peer.GroupID != "" && p.peer == old.Peer {
		out.PeerAccount, out.PeerVPC, out.PeeringID = old.PeerAccount, old.PeerVPC, old.PeeringID
	} else if g := r.e.Groups[p.peer.GroupID]; g != nil {
		out.PeerAccount, out.PeerVPC = g.Owner, g.VPC
	}
	return out
}

func (r *reviewer) plan(ev Evidence, named []netip.Prefix) (*Plan, error) {
	p := &Plan{
		SchemaVersion: SchemaVersion, Tool: "sgtrim", Policy: r.opt.policy(), Input: ev.Input, Captured: ev.Estate.Captured, History: History(ev.Estate.History), Quotas: r.quotas(), Conflicts: slices.Clone(ev.Estate.Conflicts),
		Window: r.cover.recordedWindow(), Groups: []Group{}, Changes: []Change{}, Decisions: []Decision{}, Unexplained: []Traffic{}, Rejected: []Traffic{}, Notes: r.notes(),
	}
	p.Expires = p.Window.Until.AddDate(0, 0, planLifeDays)
	if !p.Captured.IsZero() {
		p.Expires = p.Captured.AddDate(0, 0, planLifeDays)
	}
	for _, pr := range ev.Estate.Problems {
		p.Input.Problems = append(p.Input.Problems, EstateProblem{pr.Source, pr.Object, pr.Cause})
	}
	changeOf := map[int32]string{}
	for i := range r.drafts {
		if r.drafts[i] != nil {
			c := r.change(r.drafts[i])
			changeOf[int32(i)] = c.ID
			p.Changes = append(p.Changes, c)
		}
	}
	sortChanges(p.Changes)
	r.decide(p)
	r.leaveToTerraform(p)
	p.Risk = r.risk(r.expectedOf(p), r.exposed.all)
	r.fillGroups(p, changeOf)
	r.fillTraffic(p)
	r.fillTotals(p)
	r.draw(p)
	if err := r.prove(p, ev, named); err != nil {
		return nil, err
	}
	p.Structure = r.structure()
	p.Exposure = r.exposureIn(r.e, p)
	p.ID = p.hash()
	if r.opt.SplitBy == "" {
		return p, nil
	}
	var err error
	p.Parts, err = r.split(p, ev, named)
	return p, err
}

// exposureIn is what the groups of e let in on its interfaces.
func (r *reviewer) exposureIn(e *estate.Estate, p *Plan) Exposure {
	return Exposure{
		Before:      exposureOf(e, r.x, p.State(e, func(*Change) bool { return false })),
		After:       exposureOf(e, r.x, p.State(e, func(c *Change) bool { return c.Status == Proposed })),
		AfterReview: exposureOf(e, r.x, p.State(e, func(c *Change) bool { return c.Status != Held })),
	}
}

func (r *reviewer) change(d *draft) Change {
	rule := &r.use.Rules[d.rule]
	g := rule.Group
	c := Change{
		Kind: d.kind, Status: d.status, Account: g.Owner, Region: g.Region, GroupID: g.ID, GroupName: g.Name,
		Direction: rule.Direction, Reason: d.reason, Release: d.release, Remarks: append([]string{}, d.remarks...),
		Evidence: r.useOf(rule), New: []RuleText{}, DependsOn: []Dependency{}, Denies: []Traffic{},
	}
	c.Old = []RuleText{r.text(*rule.Rule, "")}
	for _, p := range d.news {
		c.New = append(c.New, r.text(r.newRule(d, p), p.why))
	}
	for _, l := range r.restsOn(d) {
		k := r.use.Rules[l]
		c.DependsOn = append(c.DependsOn, Dependency{GroupID: k.GroupID, RuleID: k.ID, Rule: k.RuleKey.String()})
	}
	c.Selected = r.opt.wants(g.ID) && (d.status == Proposed || d.status == Review && r.opt.Include)
	c.ID = changeID(rule.RuleKey, d.kind)
	exp := r.outcomes[d.rule]
	c.Risk = r.risk([]expectation{exp}, r.exposed.through[throughKey{g.ID, rule.Direction}])
	r.expected[c.ID] = exp
	return c
}

// expectedOf is what the selected changes are expected to deny.
func (r *reviewer) expectedOf(p *Plan) []expectation {
	var out []expectation
	for i := range p.Changes {
		if c := &p.Changes[i]; c.Selected {
			out = append(out, r.expected[c.ID])
		}
	}
	return out
}

// restsOn are the rules a draft leans on; where one of them goes because it lies inside another, that other.
func (r *reviewer) restsOn(d *draft) []int32 {
	var out []int32
	for _, l := range d.leans {
		if other := r.drafts[l]; other != nil && other.kind == Duplicate {
			l = other.leans[0]
		}
		out = append(out, l)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// changeID is stable over reviews: group, direction, the normalised old rule and the kind.
func changeID(k analyze.RuleKey, kind Kind) string {
	h := sha256.Sum256([]byte(k.String() + "\x00" + string(kind)))
	return "chg-" + hex.EncodeToString(h[:6])
}

func (r *reviewer) text(rule analyze.Rule, why string) RuleText {
	return RuleText{
		ID: rule.ID, Service: rule.Service.String(), Peer: rule.Peer.String(), PeerName: r.peerName(&rule),
		Description: rule.Description, Tags: rule.Tags, Why: why, Rule: rule,
	}
}

func (r *reviewer) peerName(rule *analyze.Rule) string {
	switch p := rule.Peer; {
	case p.GroupID != "":
		if g := r.e.Groups[p.GroupID]; g != nil {
			return g.Name
		}
	case p.PrefixListID != "":
		if l := r.x.List(p.PrefixListID); l != nil {
			return l.Name
		}
	default:
		for _, n := range r.opt.Named {
			if slices.Contains(n.CIDRs, p.Prefix) {
				return n.Name
			}
		}
	}
	if g := r.e.Groups[rule.GroupID]; g != nil && rule.Peer.IsCIDR() {
		return r.x.PrefixName(g.VPC, rule.Peer.Prefix)
	}
	return ""
}

// sortChanges puts them in the order they should be applied: by account, region and group; in a group removals of what
// nothing uses first, then what narrows, then what leans on rules that stay.
func sortChanges(cs []Change) {
	slices.SortFunc(cs, func(a, b Change) int {
		return cmp.Or(
			cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region), cmp.Compare(a.GroupID, b.GroupID),
			cmp.Compare(a.Direction, b.Direction), cmp.Compare(phase(a.Kind), phase(b.Kind)),
			a.Old[0].Rule.Compare(b.Old[0].Rule.RuleKey))
	})
}

// phases are all kinds, in the order of a group's changes.
var phases = []Kind{Unused, Stale, NarrowPorts, NarrowPeers, Redundant, Duplicate}

func phase(k Kind) int { return slices.Index(phases, k) }

// hash identifies a plan by its changes.
func (p *Plan) hash() string {
	h := sha256.New()
	for i := range p.Changes {
		c := &p.Changes[i]
		fmt.Fprintln(h, c.ID, c.Status, c.Selected)
		for _, n := range c.New {
			fmt.Fprintln(h, n.Rule.RuleKey)
		}
	}
	return "plan-" + hex.EncodeToString(h.Sum(nil)[:6])
}

func (r *reviewer) useOf(rule *usage.Rule) Use {
	u := Use{Hits: len(rule.Hits), SoleHits: rule.Sole, MaybeHits: len(rule.Maybe), Credited: len(rule.Credited), Ports: []string{}}
	peers := map[netip.Addr]bool{}
	services := map[analyze.Service]bool{}
	days := map[int32]bool{}
	var first, last int64
	for _, fi := range slices.Concat(rule.Hits, rule.Maybe) {
		f := &r.use.Flows[fi]
		peers[f.Peer] = true
		services[f.Service()] = true
		for _, d := range f.Days {
			days[d] = true
		}
		u.Flows += f.Flows
		u.Bytes += f.Bytes
		if first == 0 || f.First < first {
			first = f.First
		}
		last = max(last, f.Last)
	}
	u.Peers, u.DaysSeen, u.DayRuns = len(peers), len(days), r.cover.dayRuns(days)
	if first > 0 {
		u.FirstSeen, u.LastSeen = time.Unix(first, 0).UTC(), time.Unix(last, 0).UTC()
	}
	seen := make([]analyze.Service, 0, len(services))
	for s := range services {
		seen = append(seen, s)
	}
	slices.SortFunc(seen, analyze.Service.Compare)
	for _, s := range seen[:min(20, len(seen))] {
		u.Ports = append(u.Ports, s.String())
	}
	return u
}

func (r *reviewer) fillGroups(p *Plan, changeOf map[int32]string) {
	for _, id := range sortedKeys(r.facts) {
		f := r.facts[id]
		g := Group{
			ID: id, Name: f.group.Name, Account: f.group.Owner, Region: f.group.Region, VPC: f.group.VPC,
			Interfaces: []string{}, Coverage: f.share, Rules: []Rule{},
		}
		for _, i := range f.members {
			g.Interfaces = append(g.Interfaces, i.ID)
		}
		for _, ri := range r.use.RulesOf(id) {
			rule := &r.use.Rules[ri]
			a := r.ageOf(rule)
			g.Rules = append(g.Rules, Rule{
				InForceSince: a.since, MadeAfter: a.after, AgeUnknown: !a.known,
				ID: rule.ID, Direction: rule.Direction, Service: rule.Service.String(), Peer: rule.Peer.String(),
				PeerName: r.peerName(rule.Rule), Description: rule.Description, Use: r.useOf(rule), Change: changeOf[ri],
				Kept: r.kept[ri], Unsupported: rule.Unsupported, Key: rule.RuleKey,
			})
			if strings.HasPrefix(r.kept[ri], "protected") {
				g.Protected = r.kept[ri]
			}
		}
		p.Groups = append(p.Groups, g)
	}
	slices.SortFunc(p.Groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region), cmp.Compare(a.ID, b.ID))
	})
}

func (r *reviewer) fillTotals(p *Plan) {
	t := &p.Totals
	t.Groups, t.Rules, t.Interfaces = len(r.facts), len(r.use.Rules), len(r.e.Interfaces)
	t.Conversations, t.AmbiguousFlows, t.Unplaced = len(r.use.Flows), r.use.Counts.Ambiguous, r.use.Unplaced
	for i := range r.use.Flows {
		if f := &r.use.Flows[i]; f.Need {
			t.Needs++
			if !f.Placed() {
				t.UnplacedNeeds++
			}
		}
	}
	for i := range p.Changes {
		t.add(p.Changes[i].Status)
	}
	t.Kept = t.Rules - len(p.Changes)
}

// add counts a change.
func (t *Totals) add(s Status) {
	switch s {
	case Proposed:
		t.Proposed++
	case Review:
		t.Review++
	case Held:
		t.Held++
	}
}
