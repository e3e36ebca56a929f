package recommend

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/usage"
)

// The covered hours by day, written out, are the masks they were made of.
func TestHourRuns(t *testing.T) {
	const first = 20454
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		masks, want := map[int32]uint32{}, map[int]int{}
		for d := range 30 {
			hours := []int{0, 24, 24, rnd.IntN(25)}[rnd.IntN(4)]
			if hours > 0 {
				masks[first+int32(d)], want[d] = 1<<hours-1, hours
			}
		}
		c := &coverer{window: span{from: first * 24, until: (first + 30) * 24}, good: map[string]map[int32]uint32{"eni-1": masks}}
		runs, got := c.hourRuns("eni-1"), map[int]int{}
		for i := 0; i < len(runs); i += 3 {
			if i > 0 && runs[i] == runs[i-2]+1 && runs[i+2] == runs[i-1] {
				t.Fatalf("seed %d: %v has two runs that are one", seed, runs)
			}
			for d := runs[i]; d <= runs[i+1]; d++ {
				got[d] = runs[i+2]
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d: %v (-want +got):\n%s", seed, runs, diff)
		}
	}
}

// pictured is a reviewer of made-up flows, for what only folds them.
func pictured(flows []usage.Flow) *reviewer {
	e := &estate.Estate{Groups: map[string]*estate.Group{
		"sg-all": {ID: "sg-all", Name: "all"}, "sg-web": {ID: "sg-web", Name: "web"}, "sg-db": {ID: "sg-db", Name: "db"},
	}, Interfaces: map[string]*estate.Interface{}}
	for _, name := range []string{"web", "db"} {
		e.Interfaces["eni-"+name] = &estate.Interface{ID: "eni-" + name, Groups: []string{"sg-all", "sg-" + name}}
	}
	for i := range flows {
		f := &flows[i]
		f.Subject = e.Interfaces[f.Interface]
		if peer := e.Interfaces[f.Place.Name]; peer != nil {
			f.Place.Class, f.Place.Interfaces = estate.Member, []*estate.Interface{peer}
		}
	}
	return &reviewer{e: e, x: estate.NewIndex(e), use: &usage.Result{Flows: flows}}
}

// Seen at both ends, a talk counts once, and by the group that says most about each end.
func TestTalks(t *testing.T) {
	flow := func(eni string, dir analyze.Direction, peer string, port uint16, need bool) usage.Flow {
		return usage.Flow{Interface: eni, Direction: dir, Proto: 6, Port: port, Flows: 10, Need: need, Place: &estate.Placement{Name: peer}}
	}
	r := pictured([]usage.Flow{
		flow("eni-web", egress, "eni-db", 5432, true), flow("eni-db", ingress, "eni-web", 5432, true), flow("eni-db", ingress, "eni-web", 5433, true),
		flow("eni-web", ingress, "Internet", 443, true), flow("eni-web", ingress, "Internet", 22, false),
		flow("eni-gone", egress, "the office", 53, true),
	})
	want := []Talk{
		{From: "sg-web", FromName: "web", To: "sg-db", ToName: "db", Services: []string{"tcp 5432", "tcp 5433"}, Conversations: 2, Flows: 20},
		{From: "Internet", To: "sg-web", ToName: "web", Services: []string{"tcp 443"}, Conversations: 1, Flows: 10},
		{From: "interfaces that are gone", To: "the office", Services: []string{"tcp 53"}, Conversations: 1, Flows: 10},
	}
	if diff := cmp.Diff(want, r.talks()); diff != "" {
		t.Errorf("talks (-want +got):\n%s", diff)
	}
}

// A map is never larger than its limits, and whatever it folds together, no pair of address and port is lost.
func TestUseMapLosesNothing(t *testing.T) {
	for seed := range uint64(100) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		var flows []usage.Flow
		var all []int32
		pairs, peers := map[string]bool{}, map[netip.Addr]bool{}
		places, ports := 1+rnd.IntN(25), 1+rnd.IntN(15)
		for i := range rnd.IntN(300) {
			addr := netip.AddrFrom4([4]byte{10, byte(rnd.IntN(places)), 0, byte(rnd.IntN(9))})
			f := usage.Flow{Interface: "eni-web", Direction: ingress, Proto: 6, Port: uint16(1 + rnd.IntN(ports)), Peer: addr,
				Place: &estate.Placement{Class: estate.Unplaced, Name: fmt.Sprint("subnet ", addr.As4()[1])}}
			flows, all = append(flows, f), append(all, int32(i))
			pairs[fmt.Sprint(f.Peer, f.Port)], peers[f.Peer] = true, true
		}
		m := pictured(flows).useMap(all)
		if len(m.Peers) > maxMapPeers || len(m.Ports) > maxMapPorts || len(m.Addresses) != len(m.Peers) {
			t.Fatalf("seed %d: %d × %d", seed, len(m.Peers), len(m.Ports))
		}
		gotPairs, gotPeers := 0, 0
		for i, row := range m.Addresses {
			gotPeers += m.Peers[i].Addresses
			for _, n := range row {
				gotPairs += n
			}
		}
		if gotPairs != len(pairs) || gotPeers != len(peers) {
			t.Fatalf("seed %d: %d pairs of %d, %d peers of %d", seed, gotPairs, len(pairs), gotPeers, len(peers))
		}
	}
}

// Space counts cells as they are, address by address and port by port.
func TestSpaceCells(t *testing.T) {
	r := pictured(nil)
	for text, want := range map[string]float64{
		"tcp 443 10.0.0.0/24": 256, "tcp 443-444 10.0.0.4/30": 8, "udp 0-65535 10.0.0.1/32": 65536, "icmp 10.0.0.0/31": 2, "all 10.0.0.1/32": 131073,
		"tcp 22 2001:db8::/64": 1 << 64,
	} {
		at := strings.LastIndex(text, " ")
		service, err := analyze.ParseService(text[:at])
		if err != nil {
			t.Fatal(err)
		}
		rule := analyze.Rule{RuleKey: analyze.RuleKey{Service: service, Peer: analyze.Peer{Prefix: netip.MustParsePrefix(text[at+1:])}}}
		if got := r.cells(rule); got != want {
			t.Errorf("%s: %v cells, want %v", text, got, want)
		}
	}
}

// The plan that is made is a point of its own trade-off.
func TestTradeoffHoldsThePlan(t *testing.T) {
	for seed := range uint64(10) {
		w := randomWorld(t, seed)
		p := w.review(Options{MinWindow: 1})
		at := slices.IndexFunc(p.Picture.Tradeoff, func(x Tradeoff) bool { return x.MaxRules == p.Policy.MaxRules })
		if at < 0 {
			t.Fatalf("seed %d: no point for --max-rules %d", seed, p.Policy.MaxRules)
		}
		got := p.Picture.Tradeoff[at]
		if got.Rules != p.Exposure.AfterReview.Rules || got.Log2Space != p.Exposure.AfterReview.Log2Space {
			t.Errorf("seed %d: %+v, but the plan comes to %+v", seed, got, p.Exposure.AfterReview)
		}
	}
}
