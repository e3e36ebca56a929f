package recommend

import (
	"cmp"
	"math"
	"net/netip"
	"slices"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/usage"
)

// measureChange fills the change's space.
func (r *reviewer) measureChange(c *Change) {
	var before, after float64
	for i := range c.Old {
		before += r.cells(c.Old[i].Rule)
	}
	for i := range c.New {
		after += r.cells(c.New[i].Rule)
	}
	pairs := map[usedPair]bool{}
	for i := range c.Old {
		for _, fi := range r.flowsOf(c.Old[i].Rule.RuleKey) {
			f := &r.use.Flows[fi]
			pairs[usedPair{f.Peer, f.Proto, f.Port}] = true
		}
	}
	c.Space = Space{Before: sizeOf(before), After: sizeOf(after), Used: sizeOf(float64(len(pairs)))}
}

type usedPair struct {
	peer  netip.Addr
	proto uint8
	port  uint16
}

// sizeOf is a number of cells as a Space has it.
func sizeOf(cells float64) float64 {
	if cells <= 0 {
		return -1
	}
	return math.Round(math.Log2(cells)*100) / 100
}

// cells is how many pairs of address and port the rule allows. Protocols without ports have one cell an address.
func (r *reviewer) cells(rule analyze.Rule) float64 {
	if rule.Unsupported != "" {
		return 0
	}
	ports := 1.0
	switch s := rule.Service; {
	case s.Proto.HasPorts():
		ports = float64(s.Ports.Len())
	case s.Proto == analyze.AllProtocols:
		ports = 2*float64(analyze.AllPorts.Len()) + 1 // TCP, UDP, and the rest as one
	}
	var v4, v6 []netip.Prefix
	for _, a := range addresses(r.x, rule.Peer) {
		if a.Addr().Is4() {
			v4 = append(v4, a)
		} else {
			v6 = append(v6, a)
		}
	}
	return ports * (union(v4) + union(v6))
}

// flowsOf are the flows that a rule allows, surely or maybe.
func (r *reviewer) flowsOf(k analyze.RuleKey) []int32 {
	for _, ri := range r.use.RulesOf(k.GroupID) {
		if rule := &r.use.Rules[ri]; rule.RuleKey == k {
			return slices.Concat(rule.Hits, rule.Maybe)
		}
	}
	return nil
}

// drawMaps gives the rules in use their maps, those with a change first.
func (r *reviewer) drawMaps(p *Plan) {
	left := maxMaps
	for _, changed := range []bool{true, false} {
		for g := range p.Groups {
			for i := range p.Groups[g].Rules {
				rule := &p.Groups[g].Rules[i]
				if (rule.Change != "") != changed || rule.Use.Peers == 0 {
					continue
				}
				if left--; left < 0 {
					p.Picture.MapsLeft++
					continue
				}
				rule.Map = r.useMap(r.flowsOf(rule.Key))
			}
		}
	}
}

// useMap folds flows by party and service.
func (r *reviewer) useMap(flows []int32) *UseMap {
	type cell struct {
		peer    string
		service analyze.Service
	}
	cells := map[cell]map[netip.Addr]bool{}
	peers, services := map[string]map[netip.Addr]bool{}, map[analyze.Service]map[netip.Addr]bool{}
	for _, fi := range flows {
		f := &r.use.Flows[fi]
		party := r.mapParty(f)
		put(cells, cell{party, f.Service()}, f.Peer)
		put(peers, party, f.Peer)
		put(services, f.Service(), f.Peer)
	}
	rows := mostFirst(peers, cmp.Compare[string])
	columns := mostFirst(services, analyze.Service.Compare)
	m := &UseMap{Peers: []MapPeer{}, Ports: []string{}}
	shown := func(i, all, most int) bool { return i < most-1 || all <= most }
	for i, name := range rows {
		if shown(i, len(rows), maxMapPeers) {
			m.Peers = append(m.Peers, MapPeer{name, len(peers[name])})
		} else if i == maxMapPeers-1 {
			m.Peers = append(m.Peers, MapPeer{Name: otherPeers})
		}
		if !shown(i, len(rows), maxMapPeers) {
			m.Peers[maxMapPeers-1].Addresses += len(peers[name])
		}
	}
	for i, s := range columns {
		if shown(i, len(columns), maxMapPorts) {
			m.Ports = append(m.Ports, s.String())
		} else if i == maxMapPorts-1 {
			m.Ports = append(m.Ports, otherPorts)
		}
	}
	m.Addresses = make([][]int, len(m.Peers))
	for i := range m.Addresses {
		m.Addresses[i] = make([]int, len(m.Ports))
	}
	for i, name := range rows {
		for j, s := range columns {
			m.Addresses[min(i, len(m.Peers)-1)][min(j, len(m.Ports)-1)] += len(cells[cell{name, s}])
		}
	}
	return m
}

func put[K comparable](m map[K]map[netip.Addr]bool, k K, a netip.Addr) {
	if m[k] == nil {
		m[k] = map[netip.Addr]bool{}
	}
	m[k][a] = true
}

// mostFirst are the keys, those with most addresses first.
func mostFirst[K comparable](m map[K]map[netip.Addr]bool, compare func(a, b K) int) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b K) int { return cmp.Or(cmp.Compare(len(m[b]), len(m[a])), compare(a, b)) })
	return keys
}

// mapParty names the peer of a flow for a map: its group's name, or its place; of private addresses outside the estate the
// network of 256 addresses around it.
func (r *reviewer) mapParty(f *usage.Flow) string {
	_, _, id, name := r.ends(f)
	if name != "" {
		return name
	}
	if f.Place.Class == estate.ExternalPrivate && f.Peer.Is4() {
		around, _ := f.Peer.Prefix(24) // an IPv4 address has 32 bits
		return around.String()
	}
	return id
}
