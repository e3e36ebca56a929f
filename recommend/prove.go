package recommend

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/recommend/proof"
)

// RefusedError says that the independent evaluator refused a plan: a bug of the recommender. No patch is written.
type RefusedError struct {
	Violations []proof.Violation
	More       int
}

func (e *RefusedError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the proof refuses the plan (%d violations), so nothing is proposed", len(e.Violations)+e.More)
	for i, v := range e.Violations {
		if i == 5 {
			break
		}
		fmt.Fprintf(&b, "; %s %s: %s", v.Kind, strings.Join(v.Changes, " "), v.Detail)
	}
	return b.String()
}

// prove has the plan checked by package proof, and fills in what the review changes would deny.
func (r *reviewer) prove(p *Plan, ev Evidence, named []netip.Prefix) error {
	res, err := r.checked(p, ev, named, func(c *Change) bool { return c.Status != Held })
	if err != nil {
		return err
	}
	p.Proof = Proof{
		Holds: true, Needs: res.Needs, Rules: res.Rules, Doubtful: res.Doubtful,
		Subsets: "every subset of the changes: each need has a rule that no change touches, or a change whose old and new rules both allow it",
	}
	for i := range p.Changes {
		c := &p.Changes[i]
		for _, d := range res.Denied[c.ID] {
			c.Denies = append(c.Denies, denied(r.x, d))
		}
	}
	return r.proveSelection(p, ev, named)
}

// proveSelection has the changes in the patches checked on their own. The proof above holds for every subset of the changes,
// so for this one too; where somebody chose it, it is looked at all the same.
func (r *reviewer) proveSelection(p *Plan, ev Evidence, named []netip.Prefix) error {
	for i := range p.Changes {
		if p.Changes[i].Selected {
			p.Proof.Selected++
		}
	}
	if !r.opt.chooses() {
		return nil
	}
	res, err := r.checked(p, ev, named, func(c *Change) bool { return c.Selected })
	if err != nil {
		return err
	}
	for _, denied := range res.Denied {
		p.Proof.SelectedDenies += len(denied)
	}
	return nil
}

// checked asks package proof about some of the changes. A refusal is an error.
func (r *reviewer) checked(p *Plan, ev Evidence, named []netip.Prefix, include func(*Change) bool) (proof.Result, error) {
	in := proof.Input{Estate: r.e, Conversations: ev.Conversations(), KnownNetworks: named}
	for i := range p.Changes {
		if c := &p.Changes[i]; include(c) {
			in.Changes = append(in.Changes, c.ForProof())
		}
	}
	res, err := proof.Check(in)
	if err == nil && !res.Holds {
		err = &RefusedError{Violations: res.Violations, More: res.More}
	}
	return res, err
}

// ForProof is the change as the proof takes it.
func (c *Change) ForProof() proof.Change {
	out := proof.Change{ID: c.ID, GroupID: c.GroupID, Direction: c.Direction, Review: c.Status == Review}
	for _, d := range c.DependsOn {
		if d.GroupID != c.GroupID {
			out.Leans = append(out.Leans, d.Rule)
		}
	}
	for _, o := range c.Old {
		out.Old = append(out.Old, o.Rule)
	}
	for _, n := range c.New {
		out.New = append(out.New, n.Rule)
	}
	return out
}

func denied(x *estate.Index, d proof.Traffic) Traffic {
	p := analyze.Proto(d.Proto)
	service := analyze.ProtoService(p)
	if p.HasPorts() {
		service = analyze.PortService(p, analyze.PortRange{First: d.Port, Last: d.Port})
	}
	name := x.Place(x.Subject(d.Interface), d.Peer, time.Unix(d.First, 0).UTC(), time.Unix(d.Last, 0).UTC()).Name
	return Traffic{
		Interface: d.Interface, Direction: d.Direction, Peer: d.Peer.String(), PeerName: name, Service: service.String(),
		Strength: d.Strength.String(), Flows: d.Flows, DaysSeen: d.Days, LastSeen: time.Unix(d.Last, 0).UTC(),
	}
}
