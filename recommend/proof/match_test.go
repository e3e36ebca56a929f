package proof

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/orient"
)

// matchWorld has two VPCs with one overlapping address, a peering to a third and transit to a fourth.
func matchWorld() *estate.Estate {
	e := mkEstate(
		"eni-1 vpc-1 sg-a 10.0.0.1",
		"eni-2 vpc-1 sg-b 10.0.0.2,fd00::2,2600:1f00::2,10.0.4.0/28,2600:1f00:0:1::/80",
		"eni-late vpc-1 sg-b 10.0.0.3",
		"eni-other vpc-2 sg-b 10.0.0.7",
		"eni-both vpc-2 sg-b 10.0.0.2",
		"eni-peer vpc-3 sg-b 10.3.0.1",
		"eni-far vpc-4 sg-b 10.4.0.1",
		"eni-tgw vpc-5 sg-b 10.5.0.1",
		"eni-plain vpc-6 sg-b 10.6.0.1",
		"eni-nlb vpc-1 sg-nlb 10.0.0.8",
		"eni-ga vpc-1 sg-ga 10.0.0.9",
		"eni-nat vpc-1 - 10.0.0.10",
	)
	e.Groups["sg-idle"] = &estate.Group{ID: "sg-idle", VPC: "vpc-1"}
	e.Groups["sg-foreign"] = &estate.Group{ID: "sg-foreign", VPC: "vpc-1", Owner: "222222222222"}
	e.Interfaces["eni-2"].Groups = append(e.Interfaces["eni-2"].Groups, "sg-shared") // carried, but not in the estate
	e.VPCs["vpc-9"] = &estate.VPC{ID: "vpc-9", CIDRs: []netip.Prefix{netip.MustParsePrefix("172.16.0.0/16")}}
	e.Interfaces["eni-late"].Attached = dayTime(2)
	e.Interfaces["eni-2"].Attached = dayTime(1).Add(-time.Hour)
	e.Interfaces["eni-2"].PublicAddrs = []netip.Addr{netip.MustParseAddr("198.51.100.2")}
	e.Interfaces["eni-nlb"].Type, e.Interfaces["eni-ga"].Type = "network_load_balancer", "global_accelerator_managed"
	e.PrefixLists["pl-1"] = list("192.0.2.0/25", "192.0.2.64/26", "2001:db8::/32", "10.0.0.0/31")
	e.PrefixLists["pl-x"] = &estate.PrefixList{}
	e.VPCs["vpc-1"] = &estate.VPC{ID: "vpc-1", CIDRs: []netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/16"), netip.MustParsePrefix("2600:1f00::/56"),
	}}
	side := func(vpc, region string) estate.PeeringSide { return estate.PeeringSide{VPC: vpc, Region: region} }
	e.Peerings["pcx-1"] = &estate.Peering{Status: "active", Requester: side("vpc-1", "r1"), Accepter: side("vpc-3", "r1")}
	e.Peerings["pcx-2"] = &estate.Peering{Status: "active", Requester: side("vpc-4", "r2"), Accepter: side("vpc-1", "r1")}
	e.Peerings["pcx-3"] = &estate.Peering{Status: "deleted", Requester: side("vpc-1", "r1"), Accepter: side("vpc-2", "r1")}
	for _, t := range []struct {
		vpc  string
		refs bool
	}{{"vpc-1", true}, {"vpc-5", true}, {"vpc-6", false}} {
		e.Transit = append(e.Transit, &estate.TransitAttachment{TransitGateway: "tgw-1", VPC: t.vpc, State: "available", GroupReferences: t.refs})
	}
	return e
}

func TestMatch(t *testing.T) {
	const yes, maybe, no = analyze.Yes, analyze.Maybe, analyze.No
	for _, tt := range []struct {
		rule, traffic string // traffic: direction, service, peer; on eni-1 at hour 1
		want          analyze.Match
	}{
		{"tcp 443 10.0.0.0/8", "ingress tcp 443 10.9.9.9", yes},
		{"tcp 443 10.0.0.0/8", "egress tcp 443 10.9.9.9", no},
		{"tcp 443 10.0.0.0/8", "ingress tcp 444 10.9.9.9", no},
		{"tcp 443 10.0.0.0/8", "ingress udp 443 10.9.9.9", no},
		{"tcp 443 10.0.0.0/8", "ingress tcp 443 11.0.0.0", no},
		{"tcp 443 10.0.0.0/8", "ingress tcp 443 ::ffff:10.0.0.9", yes},
		{"tcp 0-0 10.0.0.0/8", "ingress tcp 0 10.0.0.9", yes},
		{"all 0.0.0.0/0", "ingress 50 10.0.0.9", yes},
		{"all 0.0.0.0/0", "ingress tcp 443 2001:db8::1", no},
		{"all ::/0", "ingress tcp 443 10.0.0.9", no},
		{"50 10.0.0.0/8", "ingress 50 10.0.0.9", yes},
		{"50 10.0.0.0/8", "ingress 51 10.0.0.9", no},
		{"icmp 10.0.0.0/8", "ingress icmp 10.0.0.9", yes},
		{"icmp 3/4 10.0.0.0/8", "ingress icmp 10.0.0.9", maybe},
		{"icmp 3 10.0.0.0/8", "ingress icmp 11.0.0.9", no},
		{"icmpv6 2 ::/0", "ingress icmpv6 fd00::9", maybe},
		{"icmp ::/0", "ingress icmpv6 fd00::9", no},
		{"tcp 443 pl-1", "ingress tcp 443 192.0.2.127", yes},
		{"tcp 443 pl-1", "ingress tcp 443 192.0.2.128", no},
		{"tcp 443 pl-1", "ingress tcp 443 2001:db8:1::1", yes},
		{"tcp 443 pl-1", "ingress tcp 443 2001:db9::1", no},
		{"tcp 443 pl-x", "ingress tcp 443 192.0.2.1", maybe},
		{"tcp 443 pl-none", "ingress tcp 443 192.0.2.1", maybe},
		{"tcp 443 pl-x", "ingress tcp 444 192.0.2.1", no},
		{"tcp 443 sg-b", "ingress tcp 443 10.0.0.2", yes},            // in both VPCs: the own one is meant
		{"tcp 443 sg-b", "ingress tcp 443 fd00::2", yes},             // IPv6 of the same
		{"tcp 443 sg-b", "ingress tcp 443 10.0.4.15", yes},           // delegated prefix
		{"tcp 443 sg-b", "ingress tcp 443 2600:1f00:0:1::9", yes},    // delegated IPv6 prefix
		{"tcp 443 sg-b", "ingress tcp 443 10.0.0.1", no},             // placed, carries another group
		{"tcp 443 sg-b", "ingress tcp 443 10.0.0.10", no},            // placed, carries none
		{"tcp 443 sg-b", "ingress tcp 443 198.51.100.2", no},         // public addresses never match
		{"tcp 443 sg-b", "ingress tcp 443 203.0.113.9", no},          // the Internet
		{"tcp 443 sg-b", "ingress tcp 443 10.0.0.99", maybe},         // private, held by nobody
		{"tcp 443 sg-b", "ingress tcp 443 2600:1f00::99", maybe},     // of the VPC's space, held by nobody
		{"tcp 443 sg-b", "ingress tcp 443 2600:2f00::99", no},        // public IPv6
		{"tcp 443 sg-b", "ingress tcp 443 10.0.0.3", maybe},          // its interface came later
		{"tcp 443 sg-a", "ingress tcp 443 10.0.0.3", maybe},          // so whoever it was may have carried any group
		{"tcp 443 sg-b", "ingress tcp 443 10.0.0.7", maybe},          // only in a VPC out of reach: not that machine
		{"tcp 443 sg-b", "ingress tcp 443 10.3.0.1", yes},            // peered
		{"tcp 443 sg-b", "egress tcp 443 10.3.0.1", yes},             // peered, egress
		{"tcp 443 sg-b", "ingress tcp 443 10.4.0.1", maybe},          // peered across regions
		{"tcp 443 sg-a", "ingress tcp 443 10.4.0.1", no},             // same, another group
		{"tcp 443 sg-b", "ingress tcp 443 10.5.0.1", yes},            // transit gateway with references
		{"tcp 443 sg-b", "egress tcp 443 10.5.0.1", maybe},           // ingress only
		{"tcp 443 sg-b", "ingress tcp 443 10.6.0.1", maybe},          // transit gateway without
		{"tcp 443 sg-idle", "ingress tcp 443 192.168.0.9", no},       // on-premises: in no CIDR of the group's VPC
		{"tcp 443 sg-idle", "ingress tcp 443 172.16.0.9", maybe},     // of another VPC, with which the group may be associated
		{"tcp 443 sg-foreign", "ingress tcp 443 203.0.113.9", maybe}, // an account whose interfaces nobody described
		{"tcp 443 sg-shared", "ingress tcp 443 10.0.0.2", yes},       // surely carried, though the group was not described
		{"tcp 443 sg-shared", "ingress tcp 443 10.0.0.1", maybe},
		{"tcp 443 sg-idle", "ingress tcp 443 10.0.0.2", no},           // nobody carries it
		{"tcp 443 sg-idle", "ingress tcp 443 10.0.0.99", maybe},       // or somebody that is gone did
		{"tcp 443 sg-gone", "ingress tcp 443 10.0.0.2", maybe},        // not in the estate
		{"tcp 443 sg-nlb", "ingress tcp 443 203.0.113.9", maybe},      // clients behind a balancer
		{"tcp 443 sg-nlb", "ingress tcp 443 10.0.0.8", yes},           // the balancer itself
		{"tcp 443 sg-ga", "ingress tcp 443 203.0.113.9", maybe},       // clients behind an accelerator
		{"tcp 443 sg-nlb", "ingress tcp 444 203.0.113.9", no},         // but not on another port
		{"icmp 8 sg-b", "ingress icmp 10.0.0.2", maybe},               // the less sure half counts
		{"tcp 443 sg-b", "ingress tcp 443 ::ffff:10.0.0.2", yes},      // mapped
		{"udp 443 sg-b", "ingress udp 443 2600:1f00:0:1:1::1", maybe}, // beside the delegated prefix
	} {
		e := matchWorld()
		dir := mkRule("sg-a ingress " + tt.rule)
		e.Groups["sg-a"].Rules = []analyze.Rule{dir}
		c := mkTraffic("eni-1 " + tt.traffic)
		if c.Direction == analyze.Egress && tt.want != no {
			e.Groups["sg-a"].Rules[0].Direction = analyze.Egress
		}
		got, err := allowedNow(e, c)
		if err != nil || got != tt.want {
			t.Errorf("%s for %s: got %v, %v; want %v", tt.rule, tt.traffic, got, err, tt.want)
		}
	}
}

// allowedNow reads the answer off Check's counters.
func allowedNow(e *estate.Estate, c orient.Conversation) (analyze.Match, error) {
	res, err := Check(Input{Estate: e, Conversations: stream(c)})
	switch {
	case res.Unexplained == 1:
		return analyze.No, err
	case res.Doubtful == 1:
		return analyze.Maybe, err
	}
	return analyze.Yes, err
}

// Where the associations of groups with further VPCs are known, an address of another VPC is in doubt no longer.
func TestKnownAssociations(t *testing.T) {
	e := matchWorld()
	e.AssociationsKnown = true
	e.Groups["sg-a"].Rules = mkRules("sg-a ingress tcp 443 sg-idle")
	c := mkTraffic("eni-1 ingress tcp 443 172.16.0.9")
	if got, err := allowedNow(e, c); err != nil || got != analyze.No {
		t.Errorf("not associated: got %v, %v; want no", got, err)
	}
	e.Groups["sg-idle"].AssociatedVPCs = []string{"vpc-9"}
	if got, err := allowedNow(e, c); err != nil || got != analyze.Maybe {
		t.Errorf("associated: got %v, %v; want maybe", got, err)
	}
}

// Behind a middlebox a reference may match nothing, so nothing may lean on it.
func TestMiddlebox(t *testing.T) {
	e := matchWorld()
	e.Groups["sg-a"].Rules = mkRules("sg-a ingress tcp 443 sg-b", "sg-a ingress tcp 443 10.0.0.0/8")
	e.RouteTables = []*estate.RouteTable{{VPC: "vpc-1", Main: true, Routes: []estate.Route{
		{Destination: netip.MustParsePrefix("10.0.0.0/16"), Target: "local"}, {Destination: netip.MustParsePrefix("0.0.0.0/0"), Target: "eni-nat"}}}}
	in := Input{Estate: e, Changes: []Change{mkChange("c", "- sg-a ingress tcp 443 10.0.0.0/8")}, Conversations: traffics("eni-1 ingress tcp 443 10.0.0.2")}
	if res, err := Check(in); err != nil || !res.Holds {
		t.Errorf("plain routes: got %+v, %v", res, err)
	}
	e.RouteTables[0].Routes = append(e.RouteTables[0].Routes, estate.Route{Destination: netip.MustParsePrefix("10.0.0.0/24"), Target: "vpce-fw"})
	if res, err := Check(in); err != nil || !slices.Equal(kinds(res), []Kind{Cuts}) {
		t.Errorf("through a firewall: got %+v, %v; want the change refused", res, err)
	}
	e.RouteTables[0].Main = false
	if res, err := Check(in); err != nil || !res.Holds {
		t.Errorf("in a table that nothing uses: got %+v, %v", res, err)
	}
}

func TestUnsupportedMayAllowEverything(t *testing.T) {
	e := matchWorld()
	e.Groups["sg-a"].Rules = []analyze.Rule{{RuleKey: analyze.RuleKey{GroupID: "sg-a", Direction: analyze.Ingress}, Unsupported: "odd"}}
	for traffic, want := range map[string]analyze.Match{"eni-1 ingress tcp 1 203.0.113.9": analyze.Maybe, "eni-1 ingress 99 fd00::9": analyze.Maybe, "eni-1 egress tcp 1 10.0.0.2": analyze.No} {
		if got, err := allowedNow(e, mkTraffic(traffic)); err != nil || got != want {
			t.Errorf("%s: got %v, %v; want %v", traffic, got, err, want)
		}
	}
}

func TestUnionOfGroups(t *testing.T) {
	in := Input{
		Estate:        mkEstate("eni-1 vpc-1 sg-a,sg-b 10.0.0.1", "sg-a ingress tcp 80 10.0.0.0/8", "sg-b ingress tcp 80 10.0.0.0/16"),
		Changes:       []Change{mkChange("c1", "- sg-a ingress tcp 80 10.0.0.0/8")},
		Conversations: traffics("eni-1 ingress tcp 80 10.0.0.9"),
	}
	if res, err := Check(in); err != nil || !res.Holds {
		t.Errorf("the other group allows it: got %+v, %v", res, err)
	}
	in.Changes = append(in.Changes, mkChange("c2", "- sg-b ingress tcp 80 10.0.0.0/16"))
	if res, err := Check(in); err != nil || res.Holds || len(res.Violations) != 1 || !slices.Equal(res.Violations[0].Changes, []string{"c1", "c2"}) {
		t.Errorf("each leans on the other group: got %+v, %v", res, err)
	}
}

func TestNeed(t *testing.T) {
	const public, private, known, ours = "203.0.113.9", "10.9.9.9", "198.51.100.77", "198.51.100.2"
	for _, tt := range []struct {
		name string
		c    orient.Conversation
		want bool
	}{
		{"established from the Internet", mkTraffic("eni-1 ingress tcp 443 " + public), true},
		{"one-way from the Internet", as(analyze.OneWay, mkTraffic("eni-1 ingress udp 443 "+public)), false},
		{"attempt from the Internet", as(analyze.Attempt, mkTraffic("eni-1 ingress tcp 443 "+public)), false},
		{"weak from the Internet", as(analyze.Weak, mkTraffic("eni-1 ingress tcp 443 "+public)), false},
		{"one-way from a private peer", as(analyze.OneWay, mkTraffic("eni-1 ingress udp 443 "+private)), true},
		{"attempt from a private peer", as(analyze.Attempt, mkTraffic("eni-1 ingress tcp 443 "+private)), true},
		{"weak to a named network", as(analyze.Weak, mkTraffic("eni-1 egress tcp 443 "+known)), true},
		{"attempt from the estate's public address", as(analyze.Attempt, mkTraffic("eni-1 ingress tcp 443 "+ours)), true},
		{"attempt from the estate's IPv6 address", as(analyze.Attempt, mkTraffic("eni-1 ingress tcp 443 2600:1f00::2")), true},
		{"attempt from the VPC's own IPv6 range", as(analyze.Attempt, mkTraffic("eni-1 ingress tcp 443 2600:1f00::99")), true},
		{"attempt from elsewhere in IPv6", as(analyze.Attempt, mkTraffic("eni-1 ingress tcp 443 2600:2f00::99")), false},
		{"rejected", as(analyze.Rejected, mkTraffic("eni-1 ingress tcp 443 "+private)), false},
		{"none", as(analyze.StrengthNone, mkTraffic("eni-1 ingress tcp 443 "+private)), false},
		{"established but rejected", func() orient.Conversation {
			c := mkTraffic("eni-1 ingress tcp 443 " + private)
			c.Action = analyze.Reject
			return c
		}(), false},
		{"an interface without groups", mkTraffic("eni-nat ingress tcp 443 " + private), false},
		{"an interface nobody knows", mkTraffic("eni-none ingress tcp 443 " + private), false},
	} {
		res, err := Check(Input{Estate: matchWorld(), Conversations: stream(tt.c), KnownNetworks: []netip.Prefix{netip.MustParsePrefix("198.51.100.64/26")}})
		if got := res.Unexplained == 1; err != nil || got != tt.want {
			t.Errorf("%s: got %v, %v; want %v", tt.name, got, err, tt.want)
		}
	}
}

// An open direction is resolved by the interface's addresses, else both readings are kept.
func TestOpenDirection(t *testing.T) {
	for _, tt := range []struct {
		name          string
		service, peer string
		drop          string // rule removed
		want          []Kind
	}{
		{"the service is ours: ingress", "10.0.0.1", "10.9.9.9", "ingress", []Kind{Cuts}},
		{"the service is ours: egress is free", "10.0.0.1", "10.9.9.9", "egress", []Kind{}},
		{"the client is ours: egress", "10.9.9.9", "10.0.0.1", "egress", []Kind{Cuts}},
		{"the client is ours: ingress is free", "10.9.9.9", "10.0.0.1", "ingress", []Kind{}},
		{"neither is ours: both, ingress", "10.9.9.9", "10.9.9.8", "ingress", []Kind{Cuts}},
		{"neither is ours: both, egress", "10.9.9.9", "10.9.9.8", "egress", []Kind{Cuts}},
	} {
		c := mkTraffic("eni-1 unknown tcp 80 " + tt.peer)
		c.Local = netip.MustParseAddr(tt.service)
		res, err := Check(Input{
			Estate:        mkEstate("eni-1 vpc-1 sg-a 10.0.0.1", "sg-a ingress tcp 80 10.0.0.0/8", "sg-a egress tcp 80 10.0.0.0/8"),
			Changes:       []Change{mkChange("c", "- sg-a "+tt.drop+" tcp 80 10.0.0.0/8")},
			Conversations: stream(c),
		})
		if err != nil || !slices.Equal(kinds(res), tt.want) {
			t.Errorf("%s: got %v, %v; want %v", tt.name, kinds(res), err, tt.want)
		}
	}
}

func TestReviewListsWhatItDenies(t *testing.T) {
	e := mkEstate("eni-1 vpc-1 sg-a 10.0.0.1", "sg-a ingress tcp 22 0.0.0.0/0", "sg-a ingress tcp 80 10.0.0.0/8", "sg-a ingress tcp 80 10.0.0.0/9")
	second := mkTraffic("eni-1 ingress tcp 22 203.0.113.9")
	second.Day, second.First, second.Last = 101, second.First+86400, second.Last+86400
	in := Input{
		Estate: e,
		Changes: []Change{
			review(mkChange("r1", "- sg-a ingress tcp 22 0.0.0.0/0", "+ sg-a ingress tcp 22 203.0.113.0/29")),
			review(mkChange("r2", "- sg-a ingress tcp 80 10.0.0.0/8")),
		},
		Conversations: stream(mkTraffic("eni-1 ingress tcp 22 203.0.113.1"), mkTraffic("eni-1 ingress tcp 22 203.0.113.9"), second,
			mkTraffic("eni-1 ingress tcp 80 10.0.0.9")),
	}
	res, err := Check(in)
	want := Traffic{Interface: "eni-1", Direction: analyze.Ingress, Peer: second.Peer, Proto: 6, Port: 22, Strength: analyze.Established,
		Flows: 4, Days: 2, First: second.First - 86400, Last: second.Last, Before: analyze.Yes, After: analyze.No}
	if err != nil || !res.Holds || len(res.Denied) != 2 || !slices.Equal(res.Denied["r1"], []Traffic{want}) || len(res.Denied["r2"]) != 0 {
		t.Fatalf("got %+v, %v; want r1 to deny %+v and r2 nothing", res, err, want)
	}
	// Together with a second review change r2 would deny what neither says it denies.
	in.Changes = append(in.Changes, review(mkChange("r3", "- sg-a ingress tcp 80 10.0.0.0/9")))
	res, err = Check(in)
	if err != nil || res.Holds || !slices.Equal(res.Violations[0].Changes, []string{"r2", "r3"}) {
		t.Errorf("r2 and r3 together: got %+v, %v; want a violation", res, err)
	}
}

func TestDenied(t *testing.T) {
	e := mkEstate("eni-1 vpc-1 sg-a,sg-b 10.0.0.1", "sg-a ingress tcp 80 10.0.0.0/8", "sg-a ingress tcp 81 sg-gone", "sg-b ingress tcp 82 10.0.0.0/8")
	seen := []string{"eni-1 ingress tcp 80 10.0.0.8", "eni-1 ingress tcp 80 10.0.0.9", "eni-1 ingress tcp 81 10.0.0.9", "eni-1 ingress tcp 82 10.0.0.9",
		"eni-1 ingress tcp 83 10.0.0.9"}
	for _, tt := range []struct {
		name  string
		state map[string][]analyze.Rule
		want  []string
	}{
		{"nothing named", nil, nil},
		{"the same rules", map[string][]analyze.Rule{"sg-a": mkRules("sg-a ingress tcp 80 10.0.0.0/8", "sg-a ingress tcp 81 sg-gone")}, nil},
		{"other rules that allow as much", map[string][]analyze.Rule{"sg-a": mkRules("sg-a ingress tcp 80 10.0.0.0/28", "sg-a ingress tcp 80-81 sg-gone")}, nil},
		{"one host less", map[string][]analyze.Rule{"sg-a": mkRules("sg-a ingress tcp 80 10.0.0.8/32", "sg-a ingress tcp 81 sg-gone")}, []string{"10.0.0.9 80 yes no"}},
		{"no doubtful rule", map[string][]analyze.Rule{"sg-a": mkRules("sg-a ingress tcp 80 10.0.0.0/8")}, []string{"10.0.0.9 81 maybe no"}},
		{"a doubtful rule for a sure one", map[string][]analyze.Rule{"sg-b": mkRules("sg-b ingress tcp 82 sg-gone")}, []string{"10.0.0.9 82 yes maybe"}},
		{"no rules", map[string][]analyze.Rule{"sg-a": {}, "sg-b": {}}, []string{"10.0.0.8 80 yes no", "10.0.0.9 80 yes no", "10.0.0.9 81 maybe no", "10.0.0.9 82 yes no"}},
		{"what was not allowed before is no loss", map[string][]analyze.Rule{"sg-b": mkRules("sg-b ingress tcp 82-83 10.0.0.0/8")}, nil},
	} {
		got, err := Denied(StateInput{Estate: e, State: tt.state, Conversations: traffics(seen...)})
		var texts []string
		for _, g := range got {
			texts = append(texts, g.Peer.String()+" "+analyze.PortRange{First: g.Port, Last: g.Port}.String()+" "+g.Before.String()+" "+g.After.String())
		}
		if err != nil || !slices.Equal(texts, tt.want) {
			t.Errorf("%s: got %v, %v; want %v", tt.name, texts, err, tt.want)
		}
	}
}
