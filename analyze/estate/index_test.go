package estate

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
)

var (
	spring = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC) // before eni-0late was attached
	july   = time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func ids(list []*Interface) (out []string) {
	for _, i := range list {
		out = append(out, i.ID)
	}
	return out
}

func TestPlace(t *testing.T) {
	x := NewIndex(shop(t))
	for _, c := range []struct {
		subject, addr string
		class         Class
		certain       bool
		holders       string
		vpc, subnet   string
		name          string
	}{
		{"eni-0db", "10.0.1.10", Member, true, "eni-0web1", "vpc-0a", "subnet-0a1", "web-1 (i-0web1)"},
		{"eni-0db", "::ffff:10.0.1.10", Member, true, "eni-0web1", "vpc-0a", "subnet-0a1", "web-1 (i-0web1)"},
		{"eni-0db", "10.0.1.11", Member, true, "eni-0web2", "vpc-0a", "subnet-0a1", "i-0web2"},
		{"eni-0db", "10.0.1.20", Member, true, "eni-0alb", "vpc-0a", "subnet-0a1", "ALB app/shop/0123"},
		{"eni-0db", "10.0.1.40", Member, true, "eni-0nat", "vpc-0a", "subnet-0a1", "NAT gateway nat-0123"},
		{"eni-0web1", "10.0.2.10", Member, true, "eni-0db", "vpc-0a", "subnet-0a2", "RDS eni-0db"},
		{"eni-0web1", "10.0.2.70", Member, true, "eni-0node", "vpc-0a", "subnet-0a2", "EKS pods i-0node"}, // a delegated prefix
		{"eni-0db", "10.0.1.50", Member, false, "eni-0late", "vpc-0a", "subnet-0a1", "i-0late"},           // attached later
		{"eni-0db", "10.0.1.99", Unplaced, false, "", "vpc-0a", "subnet-0a1", "subnet web (subnet-0a1)"},
		{"eni-0db", "10.0.99.9", Unplaced, false, "", "vpc-0a", "", "VPC shop (vpc-0a)"},
		{"eni-0web2", "2600:1f18:1:1::10", Member, true, "eni-0web1", "vpc-0a", "subnet-0a1", "web-1 (i-0web1)"},
		{"eni-0web2", "2600:1f18:1:1::99", Unplaced, false, "", "vpc-0a", "subnet-0a1", "subnet web (subnet-0a1)"},
		{"eni-0web2", "2600:1f18:2::1", Internet, true, "", "", "", "Internet"},
		{"eni-0web1", "10.1.1.10", Member, true, "eni-0peer", "vpc-0b", "subnet-0b1", "i-0peer"}, // peering
		{"eni-0web1", "10.1.1.11", Unplaced, false, "", "vpc-0b", "subnet-0b1", "subnet subnet-0b1"},
		{"eni-0web1", "10.2.1.10", Member, true, "eni-0far", "vpc-0c", "subnet-0c1", "i-0far"},             // transit gateway
		{"eni-0db", "10.2.1.10", Member, false, "eni-0far", "vpc-0c", "subnet-0c1", "i-0far"},              // no route from this subnet
		{"eni-0peer", "10.2.1.10", Member, false, "eni-0far", "vpc-0c", "subnet-0c1", "i-0far"},            // no known way, but the only such CIDR
		{"eni-0web1", "10.9.0.1", ExternalPrivate, true, "", "", "", "private network outside the estate"}, // a disassociated block
		{"eni-0web1", "192.168.1.1", ExternalPrivate, true, "", "", "", "private network outside the estate"},
		{"eni-0web1", "100.64.0.1", ExternalPrivate, true, "", "", "", "private network outside the estate"},
		{"eni-0web1", "fd00::1", ExternalPrivate, true, "", "", "", "private network outside the estate"},
		{"eni-0web1", "10.200.1.1", ExternalPrivate, true, "", "", "", "prefix list office"},
		{"eni-0web1", "198.51.100.7", Internet, true, "", "", "", "prefix list office"},
		{"eni-0web1", "169.254.169.253", AWS, true, "", "", "", "AWS link-local services"},
		{"eni-0web1", "52.218.1.1", AWS, true, "", "", "", "com.amazonaws.eu-west-1.s3"},
		{"eni-0web1", "8.8.8.8", Internet, true, "", "", "", "Internet"},
		{"eni-0web1", "203.0.113.20", Internet, true, "", "", "", "public address of ALB app/shop/0123"},
		{"", "10.0.1.10", Member, false, "eni-0web1", "vpc-0a", "subnet-0a1", "web-1 (i-0web1)"}, // the subject is not in the estate
		{"", "192.168.1.1", Unplaced, false, "", "", "", "private address"},
	} {
		p := x.Place(x.Subject(c.subject), addr(c.addr), spring, july)
		vpc, subnet := "", ""
		if p.VPC != nil {
			vpc = p.VPC.ID
		}
		if p.Subnet != nil {
			subnet = p.Subnet.ID
		}
		if p.Class != c.class || p.Certain != c.certain || strings.Join(ids(p.Interfaces), " ") != c.holders || vpc != c.vpc || subnet != c.subnet || p.Name != c.name {
			t.Errorf("%s from %q: got %v certain=%v %v %q %q %q\nwant %v certain=%v %s %q %q %q",
				c.addr, c.subject, p.Class, p.Certain, ids(p.Interfaces), vpc, subnet, p.Name, c.class, c.certain, c.holders, c.vpc, c.subnet, c.name)
		}
	}
	if p := x.Place(x.Subject("eni-0db"), addr("10.0.1.50"), july, july); !p.Certain {
		t.Errorf("after it was attached, eni-0late holds its address for certain")
	}
}

func TestPlaceWithoutNetworks(t *testing.T) {
	x := NewIndex(load(t, map[string]string{"a.json": `{"NetworkInterfaces":[
		{"NetworkInterfaceId":"eni-1","VpcId":"vpc-1","PrivateIpAddress":"10.0.0.1"},{"NetworkInterfaceId":"eni-2","VpcId":"vpc-1","PrivateIpAddress":"10.0.0.2"},
		{"NetworkInterfaceId":"eni-3","PrivateIpAddress":"10.0.0.3"},{"NetworkInterfaceId":"eni-4","PrivateIpAddress":"10.0.0.4"}]}`}))
	if p := x.Place(x.Subject("eni-1"), addr("10.0.0.2"), spring, july); p.Class != Member || !p.Certain {
		t.Errorf("in the same VPC: got %v, certain %v", p.Class, p.Certain)
	}
	for subject, a := range map[string]string{"eni-1": "10.0.0.9", "eni-3": "10.0.0.4"} {
		if p := x.Place(x.Subject(subject), addr(a), spring, july); p.Class != Unplaced || p.Certain {
			t.Errorf("%s from %s: got %v, certain %v; nothing is known of the networks", a, subject, p.Class, p.Certain)
		}
	}
}

// rule reads "tcp 443 sg-0web", held by group.
func rule(t testing.TB, group string, dir analyze.Direction, text string) analyze.Rule {
	t.Helper()
	i := strings.LastIndex(text, " ")
	service, err := analyze.ParseService(text[:i])
	if err != nil {
		t.Fatal(err)
	}
	r := analyze.Rule{RuleKey: analyze.RuleKey{GroupID: group, Direction: dir, Service: service}}
	switch peer := text[i+1:]; {
	case strings.HasPrefix(peer, "sg-"):
		r.Peer.GroupID = peer
	case strings.HasPrefix(peer, "pl-"):
		r.Peer.PrefixListID = peer
	default:
		r.Peer.Prefix = netip.MustParsePrefix(peer)
	}
	return r
}

func TestMatchPeer(t *testing.T) {
	e := shop(t)
	x := NewIndex(e)
	for _, c := range []struct {
		subject string
		dir     analyze.Direction
		rule    string
		addr    string
		want    analyze.Match
	}{
		{"eni-0db", analyze.Ingress, "tcp 1 10.0.0.0/16", "10.0.1.10", analyze.Yes},
		{"eni-0db", analyze.Ingress, "tcp 1 10.0.0.0/16", "::ffff:10.0.1.10", analyze.Yes},
		{"eni-0db", analyze.Ingress, "tcp 1 10.0.0.0/16", "10.1.1.10", analyze.No},
		{"eni-0db", analyze.Ingress, "tcp 1 0.0.0.0/0", "2600::1", analyze.No},
		{"eni-0db", analyze.Ingress, "tcp 1 ::/0", "10.0.1.10", analyze.No},
		{"eni-0db", analyze.Ingress, "tcp 1 ::/0", "2600::1", analyze.Yes},
		{"eni-0db", analyze.Ingress, "tcp 1 pl-0office", "10.200.1.1", analyze.Yes},
		{"eni-0db", analyze.Ingress, "tcp 1 pl-0office", "10.0.1.10", analyze.No},
		{"eni-0db", analyze.Ingress, "tcp 1 pl-none", "10.0.1.10", analyze.Maybe},
		{"eni-0db", analyze.Ingress, "tcp 1 sg-0web", "10.0.1.10", analyze.Yes},
		{"eni-0db", analyze.Ingress, "tcp 1 sg-0ops", "10.0.1.10", analyze.No},
		{"eni-0db", analyze.Ingress, "tcp 1 sg-0ops", "10.0.1.11", analyze.Yes},
		{"eni-0db", analyze.Ingress, "tcp 1 sg-0node", "10.0.2.70", analyze.Yes},          // a pod
		{"eni-0db", analyze.Ingress, "tcp 1 sg-0web", "10.0.1.40", analyze.No},            // the NAT gateway carries none
		{"eni-0db", analyze.Ingress, "tcp 1 sg-0web", "10.0.1.50", analyze.Maybe},         // attached later
		{"eni-0db", analyze.Ingress, "tcp 1 sg-0ops", "10.0.1.50", analyze.Maybe},         // who was there before?
		{"eni-0db", analyze.Ingress, "tcp 1 sg-0web", "10.0.1.99", analyze.Maybe},         // nobody holds it now
		{"eni-0db", analyze.Ingress, "tcp 1 sg-0far", "10.0.1.99", analyze.No},            // but no member of that group can
		{"eni-0db", analyze.Ingress, "tcp 1 sg-0web", "203.0.113.10", analyze.No},         // public addresses never match
		{"eni-0db", analyze.Ingress, "tcp 1 sg-0web", "8.8.8.8", analyze.No},              // Internet
		{"eni-0db", analyze.Ingress, "tcp 1 sg-0nlb", "8.8.8.8", analyze.Maybe},           // an NLB may keep client addresses
		{"eni-0db", analyze.Ingress, "tcp 1 sg-0nlb", "10.0.1.10", analyze.Maybe},         //
		{"eni-0db", analyze.Ingress, "tcp 1 sg-0nlb", "10.0.1.30", analyze.Maybe},         //
		{"eni-0db", analyze.Ingress, "tcp 1 sg-0web", "192.168.0.1", analyze.No},          // in no VPC of the group's
		{"eni-0db", analyze.Ingress, "tcp 1 sg-none", "8.8.8.8", analyze.Maybe},           // a group that is not in the estate
		{"eni-0db", analyze.Ingress, "tcp 1 sg-0peer", "10.1.1.10", analyze.Yes},          // peering
		{"eni-0db", analyze.Ingress, "tcp 1 sg-0web", "10.1.1.10", analyze.No},            //
		{"eni-0web1", analyze.Ingress, "tcp 1 sg-0far", "10.2.1.10", analyze.Yes},         // transit gateway
		{"eni-0web1", analyze.Egress, "tcp 1 sg-0far", "10.2.1.10", analyze.Maybe},        // it has no egress references
		{"eni-0db", analyze.Ingress, "tcp 1 sg-0far", "10.2.1.10", analyze.Maybe},         // there is no route
		{"eni-0web2", analyze.Ingress, "tcp 1 sg-0web", "2600:1f18:1:1::10", analyze.Yes}, // IPv6
		{"eni-0web2", analyze.Ingress, "tcp 1 sg-0web", "2600:1f18:1:1::99", analyze.Maybe},
		{"", analyze.Ingress, "tcp 1 sg-0web", "10.0.1.10", analyze.Maybe},
	} {
		r := rule(t, "sg-0db", c.dir, c.rule)
		if got := x.MatchPeer(r, x.Subject(c.subject), addr(c.addr), spring, july); got != c.want {
			t.Errorf("%s %s of %q, peer %s: got %v want %v", c.dir, c.rule, c.subject, c.addr, got, c.want)
		}
	}
	odd := rule(t, "sg-0db", analyze.Ingress, "tcp 1 10.0.0.0/8")
	odd.Unsupported = "x"
	if got := x.MatchPeer(odd, x.Subject("eni-0db"), addr("8.8.8.8"), spring, july); got != analyze.Maybe {
		t.Errorf("unsupported rule: got %v want maybe", got)
	}
}

// TestMatchPeerWithLess takes knowledge away, one piece at a time: answers may become maybe, never the opposite.
func TestMatchPeerWithLess(t *testing.T) {
	match := func(e *Estate, subject, peer, a string) analyze.Match {
		x := NewIndex(e)
		return x.MatchPeer(rule(t, "sg-0db", analyze.Ingress, "tcp 1 "+peer), x.Subject(subject), addr(a), spring, july)
	}
	for _, c := range []struct {
		name    string
		less    func(*Estate)
		subject string
		peer    string
		addr    string
		want    analyze.Match
	}{
		{"a route through a firewall inside the VPC", func(e *Estate) {
			e.RouteTables[0].Routes = append(e.RouteTables[0].Routes, Route{Destination: netip.MustParsePrefix("10.0.2.0/24"), Target: "vpce-0fw"})
		}, "eni-0db", "sg-0web", "10.0.1.10", analyze.Maybe},
		{"the same, of an edge table that no subnet uses", func(e *Estate) {
			e.RouteTables = append(e.RouteTables, &RouteTable{ID: "rtb-9", VPC: "vpc-0a", Routes: []Route{{Destination: netip.MustParsePrefix("10.0.2.0/24"), Target: "vpce-0fw"}}})
		}, "eni-0db", "sg-0web", "10.0.1.10", analyze.Yes},
		{"the group's associations unknown", func(e *Estate) { e.AssociationsKnown = false }, "eni-0db", "sg-0far", "10.0.1.99", analyze.Maybe},
		{"the group's VPC unknown", func(e *Estate) { e.Groups["sg-0web"].VPC = "" }, "eni-0db", "sg-0web", "192.168.0.1", analyze.Maybe},
		{"the group's VPC not described", func(e *Estate) { delete(e.VPCs, "vpc-0c") }, "eni-0db", "sg-0far", "10.0.1.99", analyze.Maybe},
		{"the group associated with the VPC", func(e *Estate) { e.Groups["sg-0far"].AssociatedVPCs = []string{"vpc-0a"} }, "eni-0db", "sg-0far", "10.0.1.99", analyze.Maybe},
		{"no interface of the group's account", func(e *Estate) { e.Groups["sg-0web"].Owner = "999999999999" }, "eni-0db", "sg-0web", "8.8.8.8", analyze.Maybe},
		{"the peering gone", func(e *Estate) { e.Peerings["pcx-0ab"].Status = "deleted" }, "eni-0db", "sg-0peer", "10.1.1.10", analyze.Maybe},
		{"the peering across regions", func(e *Estate) { e.Peerings["pcx-0ab"].Accepter.Region = "us-east-1" }, "eni-0db", "sg-0peer", "10.1.1.10", analyze.Maybe},
		{"two VPCs with the peer's CIDR, and no routes", func(e *Estate) {
			e.RouteTables = nil
			e.VPCs["vpc-0c"].CIDRs = e.VPCs["vpc-0b"].CIDRs
		}, "eni-0db", "sg-0peer", "10.1.1.10", analyze.Maybe},
		{"two VPCs with the peer's CIDR, and a route", func(e *Estate) { e.VPCs["vpc-0c"].CIDRs = e.VPCs["vpc-0b"].CIDRs }, "eni-0db", "sg-0peer", "10.1.1.10", analyze.Yes},
		{"two interfaces claim the address", func(e *Estate) { e.Interfaces["eni-0alb"].Addrs = e.Interfaces["eni-0web1"].Addrs }, "eni-0db", "sg-0web", "10.0.1.10", analyze.Maybe},
	} {
		e := shop(t)
		c.less(e)
		if got := match(e, c.subject, c.peer, c.addr); got != c.want {
			t.Errorf("%s: got %v want %v", c.name, got, c.want)
		}
	}
}

func TestIsLocal(t *testing.T) {
	x := NewIndex(shop(t))
	for _, c := range []struct {
		id, addr string
		want     bool
	}{
		{"eni-0web1", "10.0.1.10", true}, {"eni-0web1", "::ffff:10.0.1.10", true}, {"eni-0web1", "2600:1f18:1:1::10", true},
		{"eni-0web1", "203.0.113.10", false}, {"eni-0web1", "10.0.1.11", false},
		{"eni-0node", "10.0.2.79", true}, {"eni-0node", "10.0.2.80", false}, {"eni-none", "10.0.1.10", false},
	} {
		if got := x.IsLocal(c.id, addr(c.addr)); got != c.want {
			t.Errorf("%s %s: got %v want %v", c.id, c.addr, got, c.want)
		}
	}
}

func TestMembers(t *testing.T) {
	x := NewIndex(shop(t))
	if got := ids(x.Members("sg-0web")); !slices.Equal(got, []string{"eni-0late", "eni-0web1", "eni-0web2"}) {
		t.Errorf("members: %v", got)
	}
	var got []string
	for _, p := range x.MemberAddrs("sg-0node") {
		got = append(got, p.String())
	}
	for _, p := range x.MemberAddrs("sg-0web") {
		got = append(got, p.String())
	}
	want := []string{"10.0.2.20/32", "10.0.2.64/28", "10.0.1.10/32", "10.0.1.11/32", "10.0.1.50/32", "2600:1f18:1:1::10/128"}
	if !slices.Equal(got, want) {
		t.Errorf("addresses: got %v want %v", got, want)
	}
}

func TestReachable(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Estate)
		id     string
		v4, v6 bool
	}{
		{"public, both families", nil, "eni-0web1", true, true},
		{"no public address", nil, "eni-0web2", false, false},
		{"behind a NAT gateway", func(e *Estate) { e.Interfaces["eni-0db"].PublicAddrs = []netip.Addr{addr("203.0.113.1")} }, "eni-0db", false, false},
		{"no route table known", func(e *Estate) { e.RouteTables = nil }, "eni-0web1", true, true},
		{"no route table known, no public address", func(e *Estate) { e.RouteTables = nil }, "eni-0web2", false, false},
		{"the gateway is gone", func(e *Estate) {
			for i := range e.RouteTables[0].Routes {
				e.RouteTables[0].Routes[i].State = "blackhole"
			}
		}, "eni-0web1", false, false},
		{"IPv6 through an egress-only gateway", func(e *Estate) {
			for i := range e.RouteTables[0].Routes {
				if r := &e.RouteTables[0].Routes[i]; r.Destination.Addr().Is6() {
					r.Target = "eigw-1"
				}
			}
		}, "eni-0web1", true, false},
		{"through a firewall endpoint", func(e *Estate) {
			for i := range e.RouteTables[0].Routes {
				if r := &e.RouteTables[0].Routes[i]; r.Destination.Bits() == 0 {
					r.Target = "vpce-1"
				}
			}
		}, "eni-0web1", true, true},
		{"in two halves", func(e *Estate) {
			e.RouteTables[0].Routes = []Route{{Destination: netip.MustParsePrefix("0.0.0.0/1"), Target: "igw-1"}, {Destination: netip.MustParsePrefix("128.0.0.0/1"), Target: "igw-1"}}
		}, "eni-0web1", true, false},
		{"only private ways out", func(e *Estate) {
			e.RouteTables[0].Routes = []Route{{Destination: netip.MustParsePrefix("10.0.0.0/8"), Target: "vpce-1"}, {Destination: netip.MustParsePrefix("0.0.0.0/0"), Target: "tgw-1"}}
		}, "eni-0web1", false, false},
	} {
		e := shop(t)
		if c.change != nil {
			c.change(e)
		}
		x := NewIndex(e)
		if v4, v6 := x.Reachable(x.Subject(c.id)); v4 != c.v4 || v6 != c.v6 {
			t.Errorf("%s: got %v %v want %v %v", c.name, v4, v6, c.v4, c.v6)
		}
	}
}

func TestCanReference(t *testing.T) {
	for _, c := range []struct {
		name       string
		change     func(*Estate)
		vpc, group string
		dir        analyze.Direction
		ok         bool
		why        string
	}{
		{"same VPC", nil, "vpc-0a", "sg-0web", analyze.Ingress, true, ""},
		{"peering", nil, "vpc-0a", "sg-0peer", analyze.Egress, true, ""},
		{"transit gateway", nil, "vpc-0a", "sg-0far", analyze.Ingress, true, ""},
		{"transit gateway, egress", nil, "vpc-0a", "sg-0far", analyze.Egress, false, "only ingress"},
		{"no way", nil, "vpc-0b", "sg-0far", analyze.Ingress, false, "no active peering"},
		{"no route tables", nil, "vpc-0d", "sg-0def", analyze.Ingress, false, "route tables"},
		{"peering across regions", func(e *Estate) { e.Peerings["pcx-0ab"].Accepter.Region = "us-east-1" }, "vpc-0a", "sg-0peer", analyze.Ingress, false, "one region"},
		{"peering not active", func(e *Estate) { e.Peerings["pcx-0ab"].Status = "provisioning" }, "vpc-0a", "sg-0peer", analyze.Ingress, false, "no active peering"},
		{"gateway without references", func(e *Estate) { e.Transit[1].GroupReferences = false }, "vpc-0a", "sg-0far", analyze.Ingress, false, "does not support"},
		{"middlebox", func(e *Estate) {
			e.RouteTables[0].Routes = append(e.RouteTables[0].Routes, Route{Destination: netip.MustParsePrefix("10.0.0.0/16"), Target: "eni-0fw"})
		}, "vpc-0a", "sg-0web", analyze.Ingress, false, "middlebox"},
		{"middlebox on the other side", func(e *Estate) {
			e.RouteTables[2].Routes = append(e.RouteTables[2].Routes, Route{Destination: netip.MustParsePrefix("10.1.1.0/24"), Target: "eni-0fw"})
		}, "vpc-0a", "sg-0peer", analyze.Ingress, false, "middlebox"},
		{"middlebox by an unknown list", func(e *Estate) {
			e.RouteTables[0].Routes = append(e.RouteTables[0].Routes, Route{PrefixListID: "pl-none", Target: "eni-0fw"})
		}, "vpc-0a", "sg-0web", analyze.Ingress, false, "middlebox"},
		{"VPC of nobody", nil, "vpc-none", "sg-0web", analyze.Ingress, false, "route tables"},
	} {
		e := shop(t)
		if c.change != nil {
			c.change(e)
		}
		ok, why := NewIndex(e).CanReference(c.vpc, e.Groups[c.group], c.dir)
		if ok != c.ok || !strings.Contains(why, c.why) || ok != (why == "") {
			t.Errorf("%s: got %v %q, want %v %q", c.name, ok, why, c.ok, c.why)
		}
	}
}

func TestStaleReference(t *testing.T) {
	e := shop(t)
	x := NewIndex(e)
	var stale []string
	for _, id := range sortedKeys(e.Groups) {
		for _, r := range e.Groups[id].Rules {
			if ok, why := x.StaleReference(r); ok {
				stale = append(stale, r.RuleKey.String()+": "+why)
			}
		}
	}
	if len(stale) != 1 || !strings.Contains(stale[0], "sg-0gone") || !strings.Contains(stale[0], "is deleted") {
		t.Errorf("got %q", stale)
	}
	gone := rule(t, "sg-0db", analyze.Ingress, "tcp 1 sg-gone")
	for _, c := range []struct {
		name   string
		change func(*analyze.Rule)
		want   bool
	}{
		{"owner unknown", func(r *analyze.Rule) {}, false},
		{"same account and VPC", func(r *analyze.Rule) { r.PeerAccount = "111122223333" }, true},
		{"another account, not in the estate", func(r *analyze.Rule) { r.PeerAccount = "444455556666" }, false},
		{"another VPC of the estate", func(r *analyze.Rule) { r.PeerAccount, r.PeerVPC = "111122223333", "vpc-0b" }, true},
		{"another VPC, not in the estate", func(r *analyze.Rule) { r.PeerAccount, r.PeerVPC = "111122223333", "vpc-0z" }, false},
		{"through a peering of the estate", func(r *analyze.Rule) { r.PeerAccount, r.PeeringID = "111122223333", "pcx-0ab" }, true},
		{"through a peering that is not known", func(r *analyze.Rule) { r.PeerAccount, r.PeeringID = "111122223333", "pcx-none" }, false},
		{"the group is there", func(r *analyze.Rule) { r.PeerAccount, r.Peer.GroupID = "111122223333", "sg-0web" }, false},
	} {
		r := gone
		c.change(&r)
		if got, why := x.StaleReference(r); got != c.want {
			t.Errorf("%s: got %v %q want %v", c.name, got, why, c.want)
		}
	}
}

func TestRuleCost(t *testing.T) {
	e := shop(t)
	e.PrefixLists["pl-0new"] = &PrefixList{ID: "pl-0new", Owner: "AWS", Name: "com.amazonaws.eu-west-1.novel", Entries: make([]netip.Prefix, 7)}
	x := NewIndex(e)
	for text, want := range map[string][2]int{
		"tcp 1 10.0.0.0/8": {1, 0}, "tcp 1 ::/0": {0, 1}, "tcp 1 sg-0web": {1, 1}, "tcp 1 pl-0office": {10, 10}, "tcp 1 pl-0s3": {1, 1},
		"tcp 1 pl-0cf": {55, 55}, "tcp 1 pl-0new": {7, 7}, "tcp 1 pl-none": {1, 1},
	} {
		if v4, v6 := x.RuleCost(rule(t, "sg-0db", analyze.Ingress, text)); v4 != want[0] || v6 != want[1] {
			t.Errorf("%s: got %d %d want %v", text, v4, v6, want)
		}
	}
	for name, want := range map[string]int{"com.amazonaws.us-east-1.ipv6.ec2-instance-connect": 2, "com.amazonaws.global.ipv6.cloudfront.origin-facing": 55, "com.amazonaws.us-east-1.vpc-lattice": 10} {
		if got, ok := AWSListWeight(name); !ok || got != want {
			t.Errorf("%s: got %d %v want %d", name, got, ok, want)
		}
	}
}

func TestManaged(t *testing.T) {
	x := NewIndex(&Estate{})
	for _, c := range []struct {
		i       Interface
		service string
		managed bool
	}{
		{Interface{Type: "interface", Description: "ELB app/shop/1"}, "ALB", true},
		{Interface{Type: "network_load_balancer", Description: "ELB net/x/1"}, "NLB", true},
		{Interface{Type: "interface", Description: "ELB classic"}, "Classic ELB", true},
		{Interface{Type: "gateway_load_balancer", Description: "ELB gwy/x/1"}, "GWLB", true},
		{Interface{Type: "interface", Description: "RDSNetworkInterface"}, "RDS", true},
		{Interface{Type: "interface", Description: "RDSNetworkInterface of mine", InstanceID: "i-1"}, "EC2 instance", false},
		{Interface{Type: "interface", Description: "ElastiCache+cluster"}, "ElastiCache", true},
		{Interface{Type: "lambda"}, "Lambda", true},
		{Interface{Type: "interface", Description: "AWS Lambda VPC ENI: x"}, "Lambda", true},
		{Interface{Type: "interface", Description: "arn:aws:ecs:us-east-1:1:attachment/x"}, "ECS task", true},
		{Interface{Type: "interface", Description: "arn:aws-iso:ecs:us-iso-east-1:1:attachment/x"}, "ECS task", true},
		{Interface{Type: "interface", Description: "EFS mount target for fs-1 (fsmt-1)"}, "EFS", true},
		{Interface{Type: "vpc_endpoint", Description: "VPC Endpoint Interface vpce-1"}, "VPC endpoint", true},
		{Interface{Type: "interface", Description: "Amazon EKS prod"}, "EKS control plane", true},
		{Interface{Type: "branch", Description: "aws-k8s-branch-eni"}, "EKS pods", true},
		{Interface{Type: "interface", Description: "aws-K8S-i-1", InstanceID: "i-1"}, "EKS pods", true},
		{Interface{Type: "interface", InstanceOwner: "amazon-rds"}, "RDS", true},
		{Interface{Type: "novel"}, "novel", true},
		{Interface{Type: "interface", RequesterManaged: true}, "AWS service", true},
		{Interface{Type: "interface", RequesterManaged: true, Operator: "novel.amazonaws.com"}, "novel.amazonaws.com", true},
		{Interface{Type: "interface", InstanceID: "i-1", Tags: map[string]string{"aws:autoscaling:groupName": "g"}}, "Auto Scaling", true},
		{Interface{Type: "interface", InstanceID: "i-1"}, "EC2 instance", false},
		{Interface{Type: "efa", InstanceID: "i-1"}, "EC2 instance", false},
		{Interface{}, "", false},
	} {
		if s, m := x.Managed(&c.i); s != c.service || m != c.managed {
			t.Errorf("%+v: got %q %v want %q %v", c.i, s, m, c.service, c.managed)
		}
	}
	for want, i := range map[analyze.Match]Interface{
		analyze.Yes: {InstanceID: "i-1", Tags: map[string]string{autoscalingTag: "g"}}, analyze.Maybe: {InstanceID: "i-1"}, analyze.No: {},
	} {
		if got := x.Autoscaling(&i); got != want {
			t.Errorf("autoscaling of %+v: got %v want %v", i, got, want)
		}
	}
}

// TestPrefixName: the addresses of a rule have a name where one machine of now has them, or they are a named subnet or VPC.
func TestPrefixName(t *testing.T) {
	e := shop(t)
	e.Subnets["subnet-0a1"].Tags = map[string]string{"Name": "front"}
	e.VPCs["vpc-0a"].Tags = map[string]string{"Name": "shop"}
	x := NewIndex(e)
	for _, c := range []struct{ vpc, prefix, want string }{
		{"vpc-0a", "10.0.1.20/32", "ALB app/shop/0123"},
		{"vpc-0a", "10.0.2.10/32", "RDS eni-0db"},
		{"vpc-0a", "10.0.1.0/24", "subnet front (subnet-0a1)"},
		{"vpc-0a", e.VPCs["vpc-0a"].CIDRs[0].String(), "VPC shop (vpc-0a)"},
		{"vpc-0a", "10.0.1.0/25", ""},
		{"vpc-none", "10.0.1.20/32", ""}, // the same address elsewhere is another machine
		{"vpc-0a", "203.0.113.250/32", ""},
	} {
		if got := x.PrefixName(c.vpc, netip.MustParsePrefix(c.prefix)); got != c.want {
			t.Errorf("%s in %s: %q, want %q", c.prefix, c.vpc, got, c.want)
		}
	}
}
