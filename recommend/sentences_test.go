package recommend

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
)

// TestNeed is design §4.6: what a proposal must keep. One rule, one conversation; it is a need if the rule is not unused.
func TestNeed(t *testing.T) {
	type seen struct {
		strength analyze.Strength
		peer     string
		want     bool
	}
	for _, tt := range []seen{
		{analyze.Established, "10.0.2.5", true},
		{analyze.Established, "203.0.113.9", true},
		{analyze.Weak, "10.0.2.5", true},
		{analyze.OneWay, "10.0.2.5", true},
		{analyze.Attempt, "10.0.2.5", true},
		{analyze.Attempt, "192.168.7.7", true}, // private, of nobody that is known
		{analyze.Attempt, "100.64.0.9", true},
		{analyze.Weak, "203.0.113.9", false},
		{analyze.OneWay, "203.0.113.9", false},
		{analyze.Attempt, "203.0.113.9", false},
		{analyze.Attempt, "198.51.100.200", true}, // named
		{analyze.OneWay, "198.51.100.7", true},    // the public address of one of ours
		{analyze.Attempt, "2600:1f14::9", true},   // in a VPC
		{analyze.Attempt, "2001:db8::9", false},
		{analyze.Rejected, "10.0.2.5", false},
	} {
		w := newWorld(t, 95)
		w.group("sg-a", "ingress tcp 22 0.0.0.0/0", "ingress tcp 22 ::/0", "ingress tcp 443 10.0.1.9/32")
		w.group("sg-b")
		w.public(w.iface("eni-a", "10.0.1.5", "sg-a"))
		w.public(w.iface("eni-b", "10.0.2.5", "sg-b"))
		w.see("eni-a", "ingress tcp 443 10.0.1.9")
		w.seeAs(tt.strength, analyze.OwnFlags, "eni-a", "ingress tcp 22 "+tt.peer)
		p := w.review(Options{Named: []Network{{Name: "partner", CIDRs: prefixes("198.51.100.128/25")}}})
		unused := 0
		for _, c := range p.Changes {
			if c.Kind == Unused {
				unused++
			}
		}
		if got := unused < 2; got != tt.want {
			t.Errorf("%s from %s: need %v, want %v", tt.strength, tt.peer, got, tt.want)
		}
	}
}

// TestBothEndsAreNeeds: egress here and ingress there are needs of their own.
func TestBothEndsAreNeeds(t *testing.T) {
	w := newWorld(t, 95)
	w.group("sg-a", "ingress tcp 5432 sg-b", "ingress tcp 1 sg-b")
	w.group("sg-b", "egress tcp 5432 sg-a", "egress tcp 1 sg-a")
	w.iface("eni-a", "10.0.1.5", "sg-a")
	w.iface("eni-b", "10.0.2.5", "sg-b")
	w.see("eni-a", "ingress tcp 5432 10.0.2.5")
	w.see("eni-b", "egress tcp 5432 10.0.1.5")
	p := w.review(Options{Egress: "full"})
	if diff := cmp.Diff("proposed unused: ingress tcp 1 sg-b -> nothing\n"+"proposed unused: egress tcp 1 sg-a -> nothing\n", said(p, "sg-a")+said(p, "sg-b")); diff != "" {
		t.Error(diff)
	}
	w.convs = nil
	w.see("eni-a", "ingress tcp 5432 10.0.2.5") // what the one end saw is no need of the other
	if got := said(w.review(Options{Egress: "full"}), "sg-b"); got != "proposed unused: egress tcp 1 sg-a -> nothing\nreview unused: egress tcp 5432 sg-a -> nothing\n" {
		t.Errorf("got %s", got)
	}
}

// TestSentences are the sentences of design §7.1 to §7.5, §7.9 and §7.10 that no other table holds.
func TestSentences(t *testing.T) {
	asg := func(i *estate.Interface) { i.Tags = map[string]string{"aws:autoscaling:groupName": "web"} }
	mutual := func(w *testWorld) {
		w.group("sg-a", "ingress tcp 443 10.0.0.0/17", "ingress tcp 443 10.0.0.0/18", "ingress tcp 22 10.0.1.9/32")
		w.iface("eni-a", "10.0.1.5", "sg-a")
		w.see("eni-a", "ingress tcp 22 10.0.1.9")
		w.see("eni-a", "ingress tcp 443 192.168.1.1")
	}
	members := func(n, seen int) func(w *testWorld) {
		return func(w *testWorld) {
			w.group("sg-a", "ingress tcp 443 10.0.0.0/8")
			w.group("sg-b")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			for i := range n {
				w.iface(fmt.Sprintf("eni-b%02d", i), fmt.Sprintf("10.0.2.%d", 10+i), "sg-b")
				if i < seen {
					w.see("eni-a", fmt.Sprintf("ingress tcp 443 10.0.2.%d", 10+i))
				}
			}
		}
	}
	for _, tt := range []struct {
		name string
		opt  Options
		make func(w *testWorld)
		want string
	}{
		{"§7.1 of rules redundant because of each other, not all go", Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 400-443 10.0.2.5/32", "ingress tcp 443-500 10.0.2.5/32", "ingress tcp 22 10.0.1.9/32")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.see("eni-a", "ingress tcp 22 10.0.1.9")
			w.see("eni-a", "ingress tcp 443 10.0.2.5")
		}, "proposed narrow-ports: ingress tcp 400-443 10.0.2.5/32 -> tcp 443 10.0.2.5/32\n" +
			"proposed redundant: ingress tcp 443-500 10.0.2.5/32 -> nothing\n"},
		{"§7.1 nothing of theirs was seen: both go", Options{}, mutual,
			"proposed unused: ingress tcp 443 10.0.0.0/17 -> nothing\nproposed unused: ingress tcp 443 10.0.0.0/18 -> nothing\n"},
		{"§7.2 a range where use is a range", Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp * 10.0.1.9/32")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			for i := range 60 {
				w.see("eni-a", fmt.Sprintf("ingress tcp %d 10.0.1.9", 40000+i*131), i)
			}
		}, "proposed narrow-ports: ingress tcp * 10.0.1.9/32 -> tcp 40000-47729 10.0.1.9/32\n"},
		{"§7.2 19 ports are no range", Options{Level: "strict"}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 30000-32000 10.0.1.9/32")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			for i := range 3 {
				w.see("eni-a", fmt.Sprintf("ingress tcp %d 10.0.1.9", 30000+i*7))
			}
		}, "proposed narrow-ports: ingress tcp 30000-32000 10.0.1.9/32 -> tcp 30000 10.0.1.9/32, tcp 30007 10.0.1.9/32, tcp 30014 10.0.1.9/32\n"},
		{"§7.2 -1 becomes what was seen, with ICMPv6 2 for IPv6", Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress all fd00::/64")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.see("eni-a", "ingress udp 53 fd00::9")
		}, "proposed narrow-peers: ingress all fd00::/64 -> udp 53 fd00::9/128, icmpv6 2 fd00::9/128\n"},
		{"§7.2 ICMP 3, 11 and ICMPv6 1 to 4 stay", Options{}, func(w *testWorld) {
			rules := []string{"ingress tcp 22 10.0.1.9/32", "ingress icmp 3 0.0.0.0/0", "ingress icmp 11 0.0.0.0/0"}
			for n := range 4 {
				rules = append(rules, fmt.Sprintf("ingress icmpv6 %d ::/0", n+1))
			}
			w.group("sg-a", rules...)
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.see("eni-a", "ingress tcp 22 10.0.1.9")
		}, ""},
		{"§7.2 other protocols seen stay", Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress 50 10.0.1.9/32", "ingress 47 10.0.1.9/32", "ingress 51 10.0.1.9/32")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.see("eni-a", "ingress 50 10.0.1.9", 3)
			w.see("eni-a", "ingress 47 10.0.1.9", 3)
		}, "proposed unused: ingress 51 10.0.1.9/32 -> nothing\n"},
		{"§7.3 two members not seen are borne", Options{}, members(5, 3), "proposed narrow-peers: ingress tcp 443 10.0.0.0/8 -> tcp 443 sg-b\n"},
		{"§7.3 three are not: the addresses that stand still", Options{}, members(5, 2),
			"proposed narrow-peers: ingress tcp 443 10.0.0.0/8 -> tcp 443 10.0.2.10/32, tcp 443 10.0.2.11/32\n"},
		{"§7.3 a tenth of those seen is borne", Options{}, members(33, 30), "proposed narrow-peers: ingress tcp 443 10.0.0.0/8 -> tcp 443 sg-b\n"},
		{"§7.3 never a /32 in an autoscaling group", Options{}, func(w *testWorld) {
			members(5, 2)(w)
			asg(w.e.Interfaces["eni-b00"])
		}, "proposed narrow-peers: ingress tcp 443 10.0.0.0/8 -> tcp 443 10.0.2.0/24\n"},
		{"§7.3 nor of one that came within the window", Options{}, func(w *testWorld) {
			members(5, 2)(w)
			w.e.Interfaces["eni-b00"].Attached = dayOf(3)
			w.e.Interfaces["eni-b01"].Attached = dayOf(3)
		}, "proposed narrow-peers: ingress tcp 443 10.0.0.0/8 -> tcp 443 10.0.2.0/24\n"},
		{"§7.3 a middlebox between: no reference", Options{}, func(w *testWorld) {
			members(3, 3)(w)
			rt := w.e.RouteTables[0]
			rt.Routes = append(rt.Routes, estate.Route{Destination: prefixes("10.0.2.0/24")[0], Target: "vpce-gwlb", State: "active"})
		}, "proposed narrow-peers: ingress tcp 443 10.0.0.0/8 -> tcp 443 10.0.2.10/32, tcp 443 10.0.2.11/32, tcp 443 10.0.2.12/32\n"},
		{"§7.3 a named network on premises", Options{Named: []Network{{Name: "office", CIDRs: prefixes("192.168.4.0/22")}}}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 443 192.168.0.0/16")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.see("eni-a", "ingress tcp 443 192.168.5.9")
		}, "proposed narrow-peers: ingress tcp 443 192.168.0.0/16 -> tcp 443 192.168.4.0/22\n"},
		{"§7.3 a prefix list whose entries lie inside", Options{}, func(w *testWorld) {
			w.list("pl-1", "office", "111122223333", "192.168.4.0/24", "192.168.9.0/24")
			w.group("sg-a", "ingress tcp 443 192.168.0.0/16")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.see("eni-a", "ingress tcp 443 192.168.4.9")
		}, "proposed narrow-peers: ingress tcp 443 192.168.0.0/16 -> tcp 443 pl-1\n"},
		{"§7.3 one entry outside: no list", Options{}, func(w *testWorld) {
			w.list("pl-1", "office", "111122223333", "192.168.4.0/24", "172.16.9.0/24")
			w.group("sg-a", "ingress tcp 443 192.168.0.0/16")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.see("eni-a", "ingress tcp 443 192.168.4.9")
		}, "proposed narrow-peers: ingress tcp 443 192.168.0.0/16 -> tcp 443 192.168.4.9/32\n"},
		{"§7.3 CloudFront only becomes its list, for a person", Options{}, func(w *testWorld) {
			w.list("pl-cf", "com.amazonaws.global.cloudfront.origin-facing", "AWS", "203.0.113.0/24")
			w.group("sg-a", "ingress tcp 443 0.0.0.0/0")
			w.public(w.iface("eni-a", "10.0.1.5", "sg-a"))
			w.see("eni-a", "ingress tcp 443 203.0.113.9")
		}, "review narrow-peers: ingress tcp 443 0.0.0.0/0 -> tcp 443 pl-cf\n"},
		{"§7.3 one visitor who is not: the world stays", Options{}, func(w *testWorld) {
			w.list("pl-cf", "com.amazonaws.global.cloudfront.origin-facing", "AWS", "203.0.113.0/24")
			w.group("sg-a", "ingress tcp 443 0.0.0.0/0")
			w.public(w.iface("eni-a", "10.0.1.5", "sg-a"))
			w.see("eni-a", "ingress tcp 443 203.0.113.9")
			w.see("eni-a", "ingress tcp 443 192.0.2.9", 5)
		}, ""},
		{"§7.3 /0 in two halves is the world", Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 443 0.0.0.0/1", "ingress tcp 443 128.0.0.0/1")
			w.public(w.iface("eni-a", "10.0.1.5", "sg-a"))
			w.see("eni-a", "ingress tcp 443 93.184.216.34")
			w.see("eni-a", "ingress tcp 443 192.0.2.9")
		}, ""},
		{"§7.3 a public /8 is the world, and not narrowed", Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 443 8.0.0.0/8")
			w.public(w.iface("eni-a", "10.0.1.5", "sg-a"))
			w.see("eni-a", "ingress tcp 443 8.8.8.8")
		}, ""},
		{"§7.3 a public /8 on an interface nobody reaches, used by nobody public", Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 443 8.0.0.0/7", "ingress tcp 22 10.0.1.9/32")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.see("eni-a", "ingress tcp 22 10.0.1.9")
		}, "proposed unused: ingress tcp 443 8.0.0.0/7 -> nothing\n"},
		{"§7.5 ports: the world is kept, its ports narrowed", Options{Egress: "ports"}, func(w *testWorld) {
			w.group("sg-a", "egress all 0.0.0.0/0", "egress tcp 25 10.0.0.0/8", "ingress tcp 22 10.0.1.9/32")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.see("eni-a", "ingress tcp 22 10.0.1.9")
			w.see("eni-a", "egress tcp 443 203.0.113.9")
		}, "review unused: egress tcp 25 10.0.0.0/8 -> nothing\n" +
			"proposed narrow-ports: egress all 0.0.0.0/0 -> icmp 3/4 0.0.0.0/0, tcp 443 0.0.0.0/0\n"},
		{"§7.5 full: Internet egress is never narrowed to addresses seen", Options{Egress: "full"}, func(w *testWorld) {
			w.group("sg-a", "egress tcp 443 0.0.0.0/0", "ingress tcp 22 10.0.1.9/32")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.see("eni-a", "ingress tcp 22 10.0.1.9")
			w.see("eni-a", "egress tcp 443 203.0.113.9")
		}, ""},
		{"§7.5 full: private egress is narrowed", Options{Egress: "full"}, func(w *testWorld) {
			w.group("sg-a", "egress tcp 5432 10.0.0.0/8", "ingress tcp 22 10.0.1.9/32")
			w.group("sg-b")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.iface("eni-b", "10.0.2.5", "sg-b")
			w.see("eni-a", "ingress tcp 22 10.0.1.9")
			w.see("eni-a", "egress tcp 5432 10.0.2.5")
		}, "proposed narrow-peers: egress tcp 5432 10.0.0.0/8 -> tcp 5432 sg-b\n"},
		{"§7.9 rejects speak against a wider network", Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 443 192.168.0.0/16")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			for d := range 92 {
				w.see("eni-a", fmt.Sprintf("ingress tcp 443 192.168.4.%d", d*7%64), d)
				w.see("eni-a", fmt.Sprintf("ingress tcp 443 192.168.4.%d", 192+d*11%64), d)
			}
			w.seeAs(analyze.Rejected, analyze.OwnFlags, "eni-a", "ingress tcp 443 192.168.4.150", 3, 9)
		}, "proposed narrow-peers: ingress tcp 443 192.168.0.0/16 -> tcp 443 192.168.4.0/26, tcp 443 192.168.4.192/26\n"},
		{"§7.9 without them it is the LAN", Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 443 192.168.0.0/16")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			for d := range 92 {
				w.see("eni-a", fmt.Sprintf("ingress tcp 443 192.168.4.%d", d*7%64), d)
				w.see("eni-a", fmt.Sprintf("ingress tcp 443 192.168.4.%d", 192+d*11%64), d)
			}
			w.seeAs(analyze.Rejected, analyze.OwnFlags, "eni-a", "ingress tcp 443 192.168.4.150", 3)
			w.seeAs(analyze.Rejected, analyze.OwnFlags, "eni-a", "ingress tcp 80 192.168.4.151")
		}, "proposed narrow-peers: ingress tcp 443 192.168.0.0/16 -> tcp 443 192.168.4.0/24\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, 92)
			tt.make(w)
			if diff := cmp.Diff(tt.want, said(w.review(tt.opt), "sg-a")); diff != "" {
				t.Errorf("plan for sg-a (-want +got):\n%s", diff)
			}
		})
	}
}

// TestRejectedIsListed: SYN rejects that come back may mean a missing rule; one that came once does not, and those of strangers
// come last, called scanners, however often they knock.
func TestRejectedIsListed(t *testing.T) {
	w := newWorld(t, 10)
	w.group("sg-a", "ingress tcp 443 10.0.1.9/32")
	w.iface("eni-a", "10.0.1.5", "sg-a")
	w.seeAs(analyze.Rejected, analyze.OwnFlags, "eni-a", "ingress tcp 5432 10.0.2.5", 1, 2)
	w.seeAs(analyze.Rejected, analyze.OwnFlags, "eni-a", "ingress tcp 5433 10.0.2.5", 1)
	w.seeAs(analyze.Rejected, analyze.OwnFlags, "eni-a", "ingress tcp 22 198.51.100.9", 1, 2, 3)
	w.seeAs(analyze.Rejected, analyze.OwnFlags, "eni-a", "egress tcp 25 198.51.100.9", 1, 2)
	var got []string
	for _, r := range w.review(Options{}).Rejected {
		got = append(got, fmt.Sprintf("%s %s on %d days: %s", r.Direction, r.Service, r.DaysSeen, r.Cause))
	}
	want := []string{"ingress tcp 5432 on 2 days: ", "egress tcp 25 on 2 days: ", "ingress tcp 22 on 3 days: a scanner, unless somebody misses it"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rejected (-want +got):\n%s", diff)
	}
}
