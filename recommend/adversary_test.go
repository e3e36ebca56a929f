package recommend

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
)

// farVPC adds a VPC beside vpc-1.
func (w *testWorld) farVPC(id, cidr string) {
	w.e.VPCs[id] = &estate.VPC{ID: id, Owner: "111122223333", Region: "eu-central-1", CIDRs: prefixes(cidr)}
	w.e.RouteTables = append(w.e.RouteTables, &estate.RouteTable{ID: "rtb-" + id, VPC: id, Main: true, Routes: []estate.Route{
		{Destination: netip.MustParsePrefix(cidr), Target: "local", State: "active"},
	}})
	w.e.Peerings["pcx-"+id] = &estate.Peering{
		ID: "pcx-" + id, Status: "active",
		Requester: estate.PeeringSide{VPC: "vpc-1", Region: "eu-central-1", CIDRs: prefixes("10.0.0.0/16")},
		Accepter:  estate.PeeringSide{VPC: id, Region: "eu-central-1", CIDRs: prefixes(cidr)},
	}
}

// TestTraps are estates in which the obvious proposal would cut or open something.
func TestTraps(t *testing.T) {
	tests := []struct {
		name string
		opt  Options
		make func(w *testWorld)
		want string
	}{
		{"a reference to a balancer's group lets its clients in", Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 443 10.0.0.0/8")
			w.group("sg-nlb")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			n := w.iface("eni-nlb", "10.0.2.5", "sg-nlb")
			n.Type, n.Description, n.RequesterManaged, n.InstanceID = "network_load_balancer", "ELB net/x/1", true, ""
			w.see("eni-a", "ingress tcp 443 10.0.2.5")
		}, "proposed narrow-peers: ingress tcp 443 10.0.0.0/8 -> tcp 443 10.0.2.0/24\n"},
		{"a prefix list of another region cannot be named", Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 443 192.168.0.0/16")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.e.PrefixLists["pl-far"] = &estate.PrefixList{
				ID: "pl-far", Name: "office", Owner: "111122223333", Region: "us-east-1", MaxEntries: 5, EntriesKnown: true,
				Entries: prefixes("192.168.4.0/24"),
			}
			w.see("eni-a", "ingress tcp 443 192.168.4.4")
		}, "proposed narrow-peers: ingress tcp 443 192.168.0.0/16 -> tcp 443 192.168.4.4/32\n"},
		{"two reachable VPCs hold the peer's address", Options{}, func(w *testWorld) {
			w.farVPC("vpc-2", "10.9.0.0/16")
			w.farVPC("vpc-3", "10.9.0.0/16")
			w.e.RouteTables[0].Routes = append(w.e.RouteTables[0].Routes,
				estate.Route{Destination: netip.MustParsePrefix("10.9.0.0/16"), Target: "pcx-vpc-2", State: "active"})
			w.group("sg-a", "ingress tcp 443 sg-x", "ingress tcp 443 10.0.0.0/8")
			w.group("sg-x").VPC = "vpc-2"
			w.group("sg-y").VPC = "vpc-3"
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.iface("eni-x", "10.9.0.5", "sg-x").VPC = "vpc-2"
			w.iface("eni-y", "10.9.0.5", "sg-y").VPC = "vpc-3"
			w.see("eni-a", "ingress tcp 443 10.9.0.5")
		}, "proposed narrow-peers: ingress tcp 443 10.0.0.0/8 -> tcp 443 10.9.0.0/16\n"},
		{"of rules in rules only the outermost stays", Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 400-500 0.0.0.0/0", "ingress tcp 443 203.0.113.0/24", "ingress tcp 443 203.0.112.0/20", "ingress tcp 443 0.0.0.0/0")
			w.public(w.iface("eni-a", "10.0.1.5", "sg-a"))
			w.see("eni-a", "ingress tcp 443 203.0.113.5")
			w.see("eni-a", "ingress tcp 443 203.0.114.5")
			w.see("eni-a", "ingress tcp 443 192.0.2.4")
			w.see("eni-a", "ingress tcp 444 192.0.2.4")
		}, "proposed narrow-ports: ingress tcp 400-500 0.0.0.0/0 -> tcp 444 0.0.0.0/0\n" +
			"proposed duplicate: ingress tcp 443 203.0.112.0/20 -> nothing\n" +
			"proposed duplicate: ingress tcp 443 203.0.113.0/24 -> nothing\n"},
		{"all TCP to the world leaves connections untracked too", Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 5432 0.0.0.0/0", "egress tcp 0-65535 0.0.0.0/0")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.see("eni-a", "ingress tcp 5432 10.0.2.5")
		}, "review narrow-peers: ingress tcp 5432 0.0.0.0/0 -> tcp 5432 10.0.0.0/16\n" +
			"review unused: egress tcp * 0.0.0.0/0 -> nothing\n"},
		{"ingress open on all ports leaves outgoing connections untracked", Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 0-65535 0.0.0.0/0", "egress tcp 443 0.0.0.0/0")
			w.public(w.iface("eni-a", "10.0.1.5", "sg-a"))
			w.see("eni-a", "ingress tcp 443 203.0.113.5")
			w.see("eni-a", "egress tcp 443 203.0.113.5")
		}, "review narrow-ports: ingress tcp * 0.0.0.0/0 -> tcp 443 0.0.0.0/0\n"},
		{"what a narrower rule allows was not tracked before", Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 443 0.0.0.0/0", "ingress tcp 443 10.0.1.9/32", "egress all 0.0.0.0/0")
			w.public(w.iface("eni-a", "10.0.1.5", "sg-a"))
			w.see("eni-a", "ingress tcp 443 10.0.1.9")
		}, "review redundant: ingress tcp 443 0.0.0.0/0 -> nothing\n" +
			"review unused: egress all 0.0.0.0/0 -> nothing\n"},
		{"pings tell nothing of path-MTU messages", Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress icmp 10.0.0.0/8", "ingress icmp 10.0.1.9/32")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.see("eni-a", "ingress icmp 10.0.1.9")
		}, "review redundant: ingress icmp 10.0.0.0/8 -> nothing\n"},
		{"a secondary address may have been another interface's", Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 443 sg-n1", "ingress tcp 443 sg-n2", "ingress tcp 443 sg-n3")
			w.group("sg-n1")
			w.group("sg-n2")
			w.group("sg-n3")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.iface("eni-n1", "10.0.2.5", "sg-n1")
			n2 := w.iface("eni-n2", "10.0.2.6", "sg-n2")
			n2.Addrs = append(n2.Addrs, netip.MustParseAddr("10.0.2.100"))
			w.iface("eni-n3", "10.0.3.5", "sg-n3") // in another subnet
			w.see("eni-a", "ingress tcp 443 10.0.2.100")
		}, "proposed unused: ingress tcp 443 sg-n3 -> nothing\n"},
		{"a named network that sends syslog", Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress udp 514 203.0.113.0/24", "ingress udp 515 192.0.2.0/24", "ingress tcp 22 10.0.1.9/32")
			w.public(w.iface("eni-a", "10.0.1.5", "sg-a"))
			w.see("eni-a", "ingress tcp 22 10.0.1.9")
			w.seeAs(analyze.OneWay, analyze.OneWayUDP, "eni-a", "ingress udp 514 203.0.113.9")
		}, "review unused: ingress udp 514 203.0.113.0/24 -> nothing\n" +
			"proposed unused: ingress udp 515 192.0.2.0/24 -> nothing\n"},
		{"a reference in the place of an IPv4 network opens no IPv6", Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress all 10.0.0.0/8")
			w.group("sg-b")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.iface("eni-b", "10.0.2.5", "sg-b")
			w.see("eni-a", "ingress tcp 443 10.0.2.5")
		}, "proposed narrow-peers: ingress all 10.0.0.0/8 -> icmp 3/4 sg-b, tcp 443 sg-b\n"},
		{"a need that no rule explains may be read the wrong way round", Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 1024-65535 10.0.0.0/8", "ingress tcp 22 10.0.1.9/32", "ingress tcp 80 10.0.1.9/32")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.see("eni-a", "ingress tcp 22 10.0.1.9")
			w.see("eni-a", "ingress tcp 1099 10.0.2.5")
			w.seeAs(analyze.Established, analyze.Registry, "eni-a", "egress tcp 3306 10.0.2.5") // a client port that looks like a service
		}, "proposed unused: ingress tcp 80 10.0.1.9/32 -> nothing\n" +
			"review narrow-peers: ingress tcp 1024-65535 10.0.0.0/8 -> tcp 1099 10.0.2.0/24\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, 92)
			tt.make(w)
			p := w.review(tt.opt)
			if diff := cmp.Diff(tt.want, said(p, "sg-a")); diff != "" {
				t.Errorf("plan for sg-a (-want +got):\n%s", diff)
			}
			leanOnWhatStays(t, p)
		})
	}
}

// leanOnWhatStays: no change may depend on a rule that a proposed change takes away altogether.
func leanOnWhatStays(t *testing.T, p *Plan) {
	t.Helper()
	gone := map[string]bool{}
	for _, c := range p.Changes {
		if c.Status == Proposed && len(c.New) == 0 {
			gone[c.Old[0].ID] = true
		}
	}
	for _, c := range p.Changes {
		for _, d := range c.DependsOn {
			if gone[d.RuleID] {
				t.Errorf("%s %s depends on %s, which goes", c.Kind, c.Old[0].Service, d.Rule)
			}
		}
	}
}

// TestReleaseCanBeGiven: a change that no day of evidence backs is not released by a window of no days, which is refused.
func TestReleaseCanBeGiven(t *testing.T) {
	w := newWorld(t, 1)
	w.group("sg-a", "ingress tcp 22 10.0.0.0/8")
	w.iface("eni-a", "10.0.1.5", "sg-a")
	cover := w.coverage()
	cover[0].Covered = 1
	ev := w.evidence()
	ev.Coverage = cover
	p, err := Make(ev, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if want := "90 days of flow logs (90 more)"; p.Changes[0].Release != want {
		t.Errorf("released by %q, want %q", p.Changes[0].Release, want)
	}
}
