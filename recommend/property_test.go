package recommend

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/orient"
	"github.com/sgtrim/sgtrim/recommend/proof"
)

// TestRandomWorlds holds the two promises on random worlds, with an evaluator that knows nothing but sets: nothing is
// opened, and nothing needed is cut, for any selection of the proposed changes.
func TestRandomWorlds(t *testing.T) {
	changes := 0
	for seed := range uint64(300) {
		w := randomWorld(t, seed)
		p := w.review(Options{})
		before := p.State(w.e, func(*Change) bool { return false })
		rng := rand.New(rand.NewPCG(seed, 99))
		for pick := range 6 {
			after := p.State(w.e, func(c *Change) bool { return c.Status == Proposed && (pick == 0 || rng.IntN(2) == 0) })
			opened(t, w, seed, before, after)
			cut(t, w, seed, before, after)
		}
		pinned(t, w, seed, p)
		changes += p.Totals.Proposed
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if changes < 300 {
		t.Errorf("only %d changes proposed over all worlds: the test tests little", changes)
	}
}

// pinned fails when a change leans on a rule of another group that it does not name.
func pinned(t *testing.T, w *testWorld, seed uint64, p *Plan) {
	in := proof.Input{Estate: w.e, Conversations: w.evidence().Conversations(), Pins: true}
	for i := range p.Changes {
		if p.Changes[i].Status != Held {
			in.Changes = append(in.Changes, p.Changes[i].ForProof())
		}
	}
	res, err := proof.Check(in)
	if err != nil || !res.Holds {
		t.Errorf("seed %d: refused: %+v, %v", seed, res.Violations, err)
	}
}

// cut fails when a needed conversation that before allows is denied after.
func cut(t *testing.T, w *testWorld, seed uint64, before, after State) {
	for _, c := range w.convs {
		i := w.e.Interfaces[c.Interface]
		if i == nil || c.Strength() <= analyze.Rejected || !naiveAllows(w.e, before, i, &c) {
			continue
		}
		if !analyze.PrivateAddr(c.Peer) && c.Strength() != analyze.Established {
			continue
		}
		if !naiveAllows(w.e, after, i, &c) {
			t.Errorf("seed %d: cut: %s %s %s %d/%d", seed, c.Interface, c.Direction, c.Peer, c.Proto, c.Port)
		}
	}
}

// opened fails when some point of the small universe is allowed after and was not before.
func opened(t *testing.T, w *testWorld, seed uint64, before, after State) {
	for id := range after {
		i := &estate.Interface{VPC: "vpc-1", Groups: []string{id}}
		for _, dir := range []analyze.Direction{ingress, egress} {
			for _, peer := range universe {
				for _, port := range []uint16{22, 80, 443, 1000, 1001, 1002, 5432, 60000} {
					for _, proto := range []uint8{1, 6, 17, 50} {
						c := orient.Conversation{Key: orient.Key{Direction: dir, Peer: peer, Proto: proto, Port: port}}
						if naiveAllows(w.e, after, i, &c) && !naiveAllows(w.e, before, i, &c) {
							t.Errorf("seed %d: opened: %s %s %s %d/%d", seed, id, dir, peer, proto, port)
							return
						}
					}
				}
			}
		}
	}
}

func naiveAllows(e *estate.Estate, s State, i *estate.Interface, c *orient.Conversation) bool {
	for _, g := range i.Groups {
		for _, r := range s[g] {
			if r.Direction != c.Direction || r.Service.MatchFlow(c.Proto, c.Port) != analyze.Yes {
				continue
			}
			if r.Peer.IsCIDR() && r.Peer.Prefix.Contains(c.Peer) {
				return true
			}
			for _, m := range e.Interfaces {
				if r.Peer.GroupID != "" && slices.Contains(m.Groups, r.Peer.GroupID) && slices.Contains(m.Addrs, c.Peer) {
					return true
				}
			}
		}
	}
	return false
}

var universe = func() []netip.Addr {
	var out []netip.Addr
	for i := range 16 {
		out = append(out, netip.AddrFrom4([4]byte{10, 0, byte(i / 4), byte(1 + i%4)}), netip.AddrFrom4([4]byte{192, 168, 0, byte(i)}))
	}
	for _, a := range []string{"203.0.113.9", "198.51.100.1", "2600:1f14::1", "2600:1f14::3", "2600:1f14::5", "2001:db8::7"} {
		out = append(out, netip.MustParseAddr(a))
	}
	return out
}()

func randomWorld(t *testing.T, seed uint64) *testWorld {
	rng := rand.New(rand.NewPCG(seed, 1))
	w := newWorld(t, 95)
	pick := func(s []string) string { return s[rng.IntN(len(s))] }
	groups := []string{"sg-a", "sg-b", "sg-c", "sg-d"}
	peers := []string{
		"0.0.0.0/0", "0.0.0.0/0", "128.0.0.0/1", "10.0.0.0/8", "10.0.0.0/16", "10.0.1.0/24", "10.0.1.2/32", "10.0.1.0/30", "10.0.2.0/29", "192.168.0.0/28", "192.168.0.8/29", "203.0.113.0/24",
		"sg-a", "sg-b", "sg-c", "sg-d", "::/0", "2600:1f14::/64",
	}
	services := []string{"all", "tcp *", "tcp 443", "tcp 1000-1002", "tcp 22", "udp *", "udp 443", "icmp", "50", "tcp 5432"}
	for _, g := range groups {
		seen := map[string]bool{}
		var rules []string
		for range 1 + rng.IntN(6) {
			text := pick([]string{"ingress ", "ingress ", "egress "}) + pick(services) + " " + pick(peers)
			if key := w.rule(g, text).RuleKey.String(); !seen[key] {
				seen[key] = true
				rules = append(rules, text)
			}
		}
		w.group(g, rules...)
	}
	for i := range 10 {
		addr := universe[2*(i+rng.IntN(2))]
		carried := []string{pick(groups)}
		if other := pick(groups); other != carried[0] && rng.IntN(3) == 0 {
			carried = append(carried, other)
		}
		if !slices.ContainsFunc(mapValues(w.e.Interfaces), func(o *estate.Interface) bool { return o.Primary == addr }) {
			in := w.iface(fmt.Sprintf("eni-%d", i), addr.String(), carried...)
			if rng.IntN(4) == 0 {
				w.public(in)
			}
			if rng.IntN(5) == 0 {
				in.Attached = time.Unix((day0+int64(rng.IntN(90)))*86400, 0).UTC() // the address may have been another's before
			}
			if rng.IntN(5) == 0 {
				in.Addrs = append(in.Addrs, netip.MustParseAddr("2600:1f14::"+itoa(i)))
			}
		}
	}
	ids := sortedKeys(w.e.Interfaces)
	if rng.IntN(3) == 0 {
		ids = append(ids, "eni-gone")
	}
	for range 40 {
		text := pick([]string{"ingress ", "ingress ", "egress "})
		switch rng.IntN(6) {
		case 0:
			text += "icmp"
		case 1:
			text += "50"
		default:
			text += pick([]string{"tcp ", "udp "}) + pick([]string{"22", "80", "443", "1000", "1001", "1002", "5432", "60000"})
		}
		text += " " + universe[rng.IntN(len(universe))].String()
		days := []int{}
		for range 1 + rng.IntN(20) {
			days = append(days, rng.IntN(95))
		}
		strength := []analyze.Strength{analyze.Established, analyze.OneWay, analyze.Attempt, analyze.Rejected}[rng.IntN(4)]
		why := []analyze.Reason{analyze.OwnFlags, analyze.Registry, analyze.Ambiguous}[rng.IntN(3)]
		w.seeAs(strength, why, pick(ids), text, days...)
	}
	return w
}

func mapValues(m map[string]*estate.Interface) []*estate.Interface {
	var out []*estate.Interface
	for _, v := range m {
		out = append(out, v)
	}
	return out
}
