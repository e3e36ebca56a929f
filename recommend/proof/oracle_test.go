package proof

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/orient"
)

// The third evaluator: it enumerates. Addresses, ports, ICMP types and codes are few; what nobody can know (is the unplaced
// host in a group, an address in an unknown list, which ICMP type was it) is tried both ways; every subset of the changes is
// built as a plain set of rules.

// packet is one packet from or to a peer.
type packet struct {
	proto, port, typ, code int
	peer                   netip.Addr
}

// truth answers what the logs and the estate do not: whether an id (group or list) stands for an address.
type truth func(id string, a netip.Addr) bool

func (t truth) allows(r analyze.Rule, p packet) bool {
	s := r.Service
	if s.Proto != -1 {
		switch {
		case int(s.Proto) != p.proto:
			return false
		case p.proto == 6 || p.proto == 17:
			if p.port < int(s.Ports.First) || p.port > int(s.Ports.Last) {
				return false
			}
		case p.proto == 1 && s.Type != -1:
			if int(s.Type) != p.typ || s.Code != -1 && int(s.Code) != p.code {
				return false
			}
		}
	}
	switch {
	case r.Peer.GroupID != "":
		return t(r.Peer.GroupID, p.peer)
	case r.Peer.PrefixListID != "":
		return t(r.Peer.PrefixListID, p.peer)
	}
	return r.Peer.Prefix.Contains(p.peer)
}

func (t truth) anyAllows(rs []analyze.Rule, p packet) bool {
	return slices.ContainsFunc(rs, func(r analyze.Rule) bool { return t.allows(r, p) })
}

// smallWorld has three interfaces in one VPC over 16 addresses; 10.0.0.6 and fd00::3 are private and held by nobody.
type smallWorld struct {
	shape
	in     Input
	convs  []orient.Conversation
	addrs  []netip.Addr
	states map[string][]analyze.Rule
}

// shape of the random worlds.
type shape struct {
	doubt bool // unplaced peers, unknown lists, ICMP types
	dense bool // few kinds of rules, which overlap much
}

var smallGroups = []string{"sg-a", "sg-b", "sg-c"}

func newSmallWorld(r *rand.Rand, sh shape) *smallWorld {
	e := mkEstate("eni-1 vpc-1 sg-a,sg-b 10.0.0.1,fd00::1", "eni-2 vpc-1 sg-b 10.0.0.2", "eni-3 vpc-1 sg-c 10.0.0.3,10.0.0.4/31")
	w := &smallWorld{shape: sh, in: Input{Estate: e}, states: make(map[string][]analyze.Rule)}
	for i := range 12 {
		w.addrs = append(w.addrs, netip.MustParseAddr(fmt.Sprintf("10.0.0.%d", i)))
	}
	for i := range 4 {
		w.addrs = append(w.addrs, netip.MustParseAddr(fmt.Sprintf("fd00::%d", i)))
	}
	e.PrefixLists["pl-known"] = list("10.0.0.0/31", "10.0.0.3/32", "fd00::2/127")
	if w.doubt {
		e.PrefixLists["pl-unknown"] = &estate.PrefixList{}
	}
	for _, g := range smallGroups {
		for range 1 + r.IntN(5) {
			rule := w.rule(r, g)
			rule.ID = fmt.Sprint("sgr-", g, len(e.Groups[g].Rules))
			e.Groups[g].Rules = append(e.Groups[g].Rules, rule)
		}
	}
	w.changes(r)
	for range 12 {
		c := mkTraffic("eni-1 ingress tcp 1 10.0.0.1")
		c.Interface = fmt.Sprint("eni-", 1+r.IntN(3))
		c.Peer = w.addrs[r.IntN(len(w.addrs))]
		s := w.service(r)
		c.Proto, c.Port = uint8(max(s.Proto, 1)), s.Ports.First
		if !s.Proto.HasPorts() {
			c.Port = 0
		}
		w.convs = append(w.convs, c)
	}
	if !w.doubt {
		held := func(a netip.Addr) bool { return a.Is4() && a.As4()[3] >= 1 && a.As4()[3] <= 5 || a == w.addrs[13] }
		w.convs = slices.DeleteFunc(w.convs, func(c orient.Conversation) bool { return !held(c.Peer) || c.Proto == 1 })
	}
	w.in.Conversations = stream(w.convs...)
	return w
}

func (w *smallWorld) service(r *rand.Rand) analyze.Service {
	if w.dense {
		return analyze.PortService(analyze.TCP, analyze.PortRange{First: 0, Last: uint16(2 + 4*r.IntN(2))})
	}
	first := uint16(r.IntN(5))
	ports := analyze.PortRange{First: first, Last: first + uint16(r.IntN(4))}
	switch r.IntN(10) {
	case 0:
		return analyze.AllTraffic
	case 1:
		return analyze.ICMPService(analyze.ICMP, int16(r.IntN(3))-1, int16(r.IntN(3))-1)
	case 2:
		return analyze.PortService(analyze.UDP, ports)
	case 3:
		return analyze.ProtoService(analyze.TCP)
	}
	return analyze.PortService(analyze.TCP, ports)
}

func (w *smallWorld) rule(r *rand.Rand, group string) analyze.Rule {
	rule := analyze.Rule{RuleKey: analyze.RuleKey{GroupID: group, Direction: analyze.Ingress, Service: w.service(r)}}
	switch n := r.IntN(10); {
	case n < 2:
		rule.Peer.GroupID = smallGroups[r.IntN(3)]
	case n == 2:
		rule.Peer.PrefixListID = "pl-known"
	case n == 3 && w.doubt:
		rule.Peer.PrefixListID = "pl-unknown"
	case n == 4:
		rule.Peer.Prefix = netip.PrefixFrom(netip.MustParseAddr(fmt.Sprintf("fd00::%d", r.IntN(4))), 126+r.IntN(3)).Masked()
	case w.dense:
		rule.Peer.Prefix = netip.PrefixFrom(netip.MustParseAddr(fmt.Sprintf("10.0.0.%d", 4*r.IntN(2))), 29+r.IntN(2)).Masked()
	default:
		rule.Peer.Prefix = netip.PrefixFrom(netip.MustParseAddr(fmt.Sprintf("10.0.0.%d", r.IntN(8))), 28+r.IntN(5)).Masked()
	}
	return rule
}

// changes take one or two rules of a group and put rules in that resemble them, so that good and bad plans both come up.
func (w *smallWorld) changes(r *rand.Rand) {
	used, removed := make(map[string]bool), make(map[analyze.RuleKey]bool)
	for n := range 1 + r.IntN(4) {
		g := w.in.Estate.Groups[smallGroups[r.IntN(3)]]
		c := Change{ID: fmt.Sprint("c", n), GroupID: g.ID, Direction: analyze.Ingress, Review: r.IntN(3) == 0}
		for range 1 + r.IntN(2) {
			if old := g.Rules[r.IntN(len(g.Rules))]; !used[old.ID] {
				used[old.ID] = true
				removed[old.RuleKey] = true
				c.Old = append(c.Old, old)
			}
		}
		for _, old := range c.Old {
			if w.dense && r.IntN(3) == 0 {
				c.New = append(c.New, w.rule(r, g.ID))
			}
			if r.IntN(3) > 0 {
				c.New = append(c.New, w.like(r, old))
			}
		}
		w.in.Changes = append(w.in.Changes, c)
	}
	for i := range w.in.Changes {
		c := &w.in.Changes[i]
		c.New = slices.DeleteFunc(c.New, func(n analyze.Rule) bool { return removed[n.RuleKey] })
	}
}

func (w *smallWorld) like(r *rand.Rand, old analyze.Rule) analyze.Rule {
	n := w.rule(r, old.GroupID)
	switch r.IntN(3) {
	case 0:
		n.Service = old.Service
	case 1:
		n.Peer = old.Peer
	}
	if p := old.Peer.Prefix; p.IsValid() && r.IntN(2) == 0 && p.Bits() < p.Addr().BitLen() {
		n.Service = old.Service
		n.Peer = analyze.Peer{Prefix: netip.PrefixFrom(p.Addr(), p.Bits()+1)}
	}
	return n
}

// state is the rules of group g when exactly the changes of the bit set are applied.
func (w *smallWorld) state(g string, applied int) []analyze.Rule {
	gone := make(map[string]bool)
	var out []analyze.Rule
	for i, c := range w.in.Changes {
		if c.GroupID != g || applied>>i&1 == 0 {
			continue
		}
		for _, o := range c.Old {
			gone[o.ID] = true
		}
		out = append(out, c.New...)
	}
	for _, o := range w.in.Estate.Groups[g].Rules {
		if !gone[o.ID] {
			out = append(out, o)
		}
	}
	return out
}

// truths are all worlds that fit what is known, for one peer.
func (w *smallWorld) truths(peer netip.Addr) []truth {
	held := map[string][]int{"sg-a": {1}, "sg-b": {1, 2}, "sg-c": {3, 4, 5}}
	placed := peer.Is4() && peer.As4()[3] >= 1 && peer.As4()[3] <= 5 || peer == netip.MustParseAddr("fd00::1")
	ids := []string{"pl-unknown"}
	if !placed {
		ids = append(ids, smallGroups...)
	}
	var out []truth
	for bits := range 1 << len(ids) {
		out = append(out, func(id string, a netip.Addr) bool {
			if i := slices.Index(ids, id); i >= 0 {
				return bits>>i&1 == 1
			}
			if id == "pl-known" {
				return slices.ContainsFunc(w.in.Estate.PrefixLists[id].Entries, func(p netip.Prefix) bool { return p.Contains(a) })
			}
			if a.Is6() {
				return (id == "sg-a" || id == "sg-b") && a == netip.MustParseAddr("fd00::1")
			}
			return slices.Contains(held[id], int(a.As4()[3]))
		})
	}
	return out
}

// packets are what a conversation may have been: of ICMP the type and code are not logged. 0 to 2 stand for those that
// rules name and one that none does.
func packets(c orient.Conversation) []packet {
	if c.Proto != 1 {
		return []packet{{proto: int(c.Proto), port: int(c.Port), peer: c.Peer}}
	}
	var out []packet
	for t := range 3 {
		for code := range 3 {
			out = append(out, packet{proto: 1, typ: t, code: code, peer: c.Peer})
		}
	}
	return out
}

// keeps reports whether in every possible world what the old rules allow of c, all the given states allow too.
func (w *smallWorld) keeps(c orient.Conversation, states []int) bool {
	old := w.onInterface(c.Interface, 0)
	for _, t := range w.truths(c.Peer) {
		for _, p := range packets(c) {
			if !t.anyAllows(old, p) {
				continue
			}
			for _, s := range states {
				if !t.anyAllows(w.onInterface(c.Interface, s), p) {
					return false
				}
			}
		}
	}
	return true
}

// onInterface is the state of all groups of an interface.
func (w *smallWorld) onInterface(id string, applied int) []analyze.Rule {
	key := fmt.Sprint(id, applied)
	rs, found := w.states[key]
	if !found {
		for _, g := range w.in.Estate.Interfaces[id].Groups {
			rs = append(rs, w.state(g, applied)...)
		}
		w.states[key] = rs
	}
	return rs
}

// subsets of the changes that in allows.
func (w *smallWorld) subsets(in func(i int) bool) []int {
	var out []int
	for s := range 1 << len(w.in.Changes) {
		ok := true
		for i := range w.in.Changes {
			ok = ok && (s>>i&1 == 0 || in(i))
		}
		if ok {
			out = append(out, s)
		}
	}
	return out
}

func listed(ts []Traffic, c orient.Conversation) bool {
	return slices.ContainsFunc(ts, func(t Traffic) bool {
		return t.Interface == c.Interface && t.Peer == c.Peer && t.Proto == c.Proto && t.Port == c.Port
	})
}

func violated(res Result, c orient.Conversation) bool {
	return slices.ContainsFunc(res.Violations, func(v Violation) bool { return v.Traffic != nil && listed([]Traffic{*v.Traffic}, c) })
}

// compareCuts holds the checker against every subset and every possible truth. It returns how many conversations were kept
// and how many cut; exact says that the checker may not refuse what the enumeration keeps.
func (w *smallWorld) compareCuts(t *testing.T, seed uint64, res Result, exact bool) (kept, cut, denied int) {
	proposed := func(i int) bool { return !w.in.Changes[i].Review }
	for _, c := range w.convs {
		ok := w.keeps(c, w.subsets(proposed))
		admits := make(map[int]bool)
		for i, ch := range w.in.Changes {
			if !ch.Review || !ok {
				continue
			}
			lost := !w.keeps(c, w.subsets(func(j int) bool { return j == i || proposed(j) }))
			got := listed(res.Denied[ch.ID], c)
			if lost && !got && !violated(res, c) || exact && got && !lost {
				t.Fatalf("seed %d: %s denies %v %d/%d from %v: got %v, want %v", seed, ch.ID, c.Interface, c.Proto, c.Port, c.Peer, got, lost)
			}
			admits[i] = got
			if got {
				denied++
			}
		}
		ok = ok && w.keeps(c, w.subsets(func(i int) bool { return !admits[i] }))
		got := violated(res, c)
		if !ok && !got || exact && ok && got {
			t.Fatalf("seed %d: %v %d/%d from %v: refused %v, want %v\nchanges %+v\nviolations %+v", seed, c.Interface, c.Proto, c.Port, c.Peer, got, !ok, w.in.Changes, res.Violations)
		}
		if ok {
			kept++
		} else {
			cut++
		}
	}
	return kept, cut, denied
}

// Where everything is known, the checker refuses exactly the plans of which some subset cuts something.
func TestClosureIsExact(t *testing.T) {
	var kept, cut, denied, subset int
	for seed := range uint64(9000) {
		w := newSmallWorld(rand.New(rand.NewPCG(seed, 10)), shape{dense: seed%3 > 0})
		res, err := Check(w.in)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range res.Violations {
			if v.Kind == CutsSubset {
				subset++
			}
		}
		k, c, d := w.compareCuts(t, seed, res, true)
		kept, cut, denied = kept+k, cut+c, denied+d
	}
	if kept < 2000 || cut < 500 || denied < 200 || subset < 50 {
		t.Errorf("kept %d, cut %d, %d of them by some changes alone, denied by review %d: the worlds show little", kept, cut, subset, denied)
	}
}

// Where something is in doubt, no plan passes of which some subset cuts something in some possible world.
func TestClosureInDoubt(t *testing.T) {
	var kept, cut, denied, strict, total int
	for seed := range uint64(3000) {
		w := newSmallWorld(rand.New(rand.NewPCG(seed, 11)), shape{doubt: true, dense: seed%2 > 0})
		res, err := Check(w.in)
		if err != nil {
			t.Fatal(err)
		}
		k, c, d := w.compareCuts(t, seed, res, false)
		kept, cut, denied = kept+k, cut+c, denied+d
		for _, conv := range w.convs {
			total++
			if violated(res, conv) && w.keeps(conv, w.subsets(func(int) bool { return true })) {
				strict++
			}
		}
	}
	if kept < 2000 || cut < 500 || denied < 200 || 20*strict > total {
		t.Errorf("kept %d, cut %d, denied by review %d, refused without need %d of %d", kept, cut, denied, strict, total)
	}
	t.Logf("kept %d, cut %d, denied by review %d, refused without need %d of %d", kept, cut, denied, strict, total)
}

// New rules are inside the old ones exactly where no packet gets through that did not before.
func TestOpensIsExact(t *testing.T) {
	var inside, outside int
	for seed := range uint64(1000) {
		w := newSmallWorld(rand.New(rand.NewPCG(seed, 12)), shape{})
		w.in.Conversations = nil
		res, err := Check(w.in)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range w.in.Changes {
			for _, n := range c.New {
				want := w.opens(n)
				got := slices.ContainsFunc(res.Violations, func(v Violation) bool {
					return v.Kind == Opens && v.Changes[0] == c.ID && v.Rule == n.RuleKey.String()
				})
				if got != want {
					t.Fatalf("seed %d: %s in %v: opens %v, want %v", seed, n.RuleKey, w.in.Estate.Groups[n.GroupID].Rules, got, want)
				}
				if want {
					outside++
				} else {
					inside++
				}
			}
		}
	}
	if inside < 300 || outside < 300 {
		t.Errorf("inside %d, outside %d: the worlds show little", inside, outside)
	}
}

func (w *smallWorld) opens(n analyze.Rule) bool {
	var all []packet
	for _, a := range w.addrs {
		for _, proto := range []int{6, 17} {
			for port := range 12 { // rules name 0 to 7
				all = append(all, packet{proto: proto, port: port, peer: a})
			}
		}
		for t := range 3 {
			for code := range 3 {
				all = append(all, packet{proto: 1, typ: t, code: code, peer: a})
			}
		}
		all = append(all, packet{proto: 47, peer: a})
	}
	// Prefixes reach to 10.0.0.15; only those addresses that members hold matter for references.
	for i := 12; i < 16; i++ {
		for _, p := range slices.Clone(all) {
			if p.peer == w.addrs[0] {
				p.peer = netip.MustParseAddr(fmt.Sprintf("10.0.0.%d", i))
				all = append(all, p)
			}
		}
	}
	sets := truth(func(id string, a netip.Addr) bool {
		switch id {
		case "sg-a":
			return a == w.addrs[1] || a == w.addrs[13]
		case "sg-b":
			return a == w.addrs[1] || a == w.addrs[13] || a == w.addrs[2]
		case "sg-c":
			return a == w.addrs[3] || a == w.addrs[4] || a == w.addrs[5]
		}
		return slices.ContainsFunc(w.in.Estate.PrefixLists[id].Entries, func(p netip.Prefix) bool { return p.Contains(a) })
	})
	return slices.ContainsFunc(all, func(p packet) bool {
		return sets.allows(n, p) && !sets.anyAllows(w.in.Estate.Groups[n.GroupID].Rules, p)
	})
}
