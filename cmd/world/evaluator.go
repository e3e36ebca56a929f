package world

import "net/netip"

// Evaluator answers what Allows answers, for many relations: rules are looked up by group, members by address.
type Evaluator struct {
	w       *World
	byGroup map[string][]Rule
	holders map[netip.Addr][]*Interface
}

// Evaluator of some rules.
func (w *World) Evaluator(rules []Rule) *Evaluator {
	e := &Evaluator{w: w, byGroup: map[string][]Rule{}, holders: map[netip.Addr][]*Interface{}}
	for _, r := range rules {
		e.byGroup[r.GroupID] = append(e.byGroup[r.GroupID], r)
	}
	for _, m := range w.Interfaces {
		for _, a := range append([]netip.Addr{m.Primary, m.Primary6}, m.Secondary...) {
			if a.IsValid() {
				e.holders[a] = append(e.holders[a], m)
			}
		}
	}
	return e
}

// Allows reports whether the rules let a relation through at its first time in the period.
func (e *Evaluator) Allows(n Need) bool {
	for _, g := range n.Interface.Groups {
		for _, r := range e.byGroup[g.ID] {
			if r.Egress == n.Egress && serviceFits(r, n) && e.peerFits(r, n) {
				return true
			}
		}
	}
	return false
}

func (e *Evaluator) peerFits(r Rule, n Need) bool {
	if len(r.Peer) < 3 || r.Peer[:3] != "sg-" {
		return e.w.peerFits(r, n)
	}
	if n.Via != nil && n.Via.carries(r.Peer) {
		return true
	}
	for _, m := range e.holders[n.Peer] {
		if m.Alive(n.First) && m.carries(r.Peer) {
			return true
		}
	}
	return false
}

func (m *Interface) carries(group string) bool {
	for _, g := range m.Groups {
		if g.ID == group {
			return true
		}
	}
	return false
}
