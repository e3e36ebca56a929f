package recommend

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/analyze"
)

// TestStatuses walks the table of design §7.6 and the floors of §7.3: each case is an estate, what was seen, and what the
// plan says of sg-a.
func TestStatuses(t *testing.T) {
	tests := []struct {
		name string
		days int
		opt  Options
		make func(w *testWorld)
		want string
	}{
		{"unused needs 90 days", 92, Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 22 10.0.0.0/8", "ingress tcp 443 10.0.1.9/32")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.see("eni-a", "ingress tcp 443 10.0.1.9")
		}, "proposed unused: ingress tcp 22 10.0.0.0/8 -> nothing\n"},
		{"unused in 60 days is held", 60, Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 22 10.0.0.0/8", "ingress tcp 443 10.0.1.9/32")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.see("eni-a", "ingress tcp 443 10.0.1.9")
		}, "held unused: ingress tcp 22 10.0.0.0/8 -> nothing\n"},
		{"min-window releases it", 7, Options{MinWindow: 7}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 22 10.0.0.0/8", "ingress tcp 443 10.0.1.9/32")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.see("eni-a", "ingress tcp 443 10.0.1.9")
		}, "proposed unused: ingress tcp 22 10.0.0.0/8 -> nothing\n"},
		{"thin coverage holds", 92, Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 22 10.0.0.0/8", "ingress tcp 443 10.0.1.9/32")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.uncov["eni-a"] = true
			w.see("eni-a", "ingress tcp 443 10.0.1.9")
		}, "held unused: ingress tcp 22 10.0.0.0/8 -> nothing\n"},
		{"SKIPDATA holds", 92, Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 22 10.0.0.0/8", "ingress tcp 443 10.0.1.9/32")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.skip["eni-a"] = true
			w.see("eni-a", "ingress tcp 443 10.0.1.9")
		}, "held unused: ingress tcp 22 10.0.0.0/8 -> nothing\n"},
		{"group without interfaces is held", 92, Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 22 10.0.0.0/8")
			w.group("sg-b")
			w.iface("eni-b", "10.0.1.5", "sg-b")
		}, "held unused: ingress tcp 22 10.0.0.0/8 -> nothing\n"},
		{"last rule of a direction is for a person", 92, Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 22 10.0.0.0/8")
			w.iface("eni-a", "10.0.1.5", "sg-a")
		}, "review unused: ingress tcp 22 10.0.0.0/8 -> nothing\n"},
		{"a rule inside one that stays needs no window", 3, Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 443 0.0.0.0/0", "ingress tcp 443 203.0.113.0/24")
			w.public(w.iface("eni-a", "10.0.1.5", "sg-a"))
			w.see("eni-a", "ingress tcp 443 203.0.113.4")
			w.see("eni-a", "ingress tcp 443 192.0.2.4")
		}, "proposed duplicate: ingress tcp 443 203.0.113.0/24 -> nothing\n"},
		{"a broad rule that will go is no reason to drop the narrow one", 92, Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 0-65535 10.0.0.0/8", "ingress tcp 443 10.0.1.9/32")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.see("eni-a", "ingress tcp 443 10.0.1.9")
		}, "proposed redundant: ingress tcp * 10.0.0.0/8 -> nothing\n"},
		{"ports narrow after 30 days", 31, Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 0-65535 0.0.0.0/0")
			w.public(w.iface("eni-a", "10.0.1.5", "sg-a"))
			w.see("eni-a", "ingress tcp 443 203.0.113.4")
			w.see("eni-a", "ingress tcp 80 203.0.113.5")
		}, "proposed narrow-ports: ingress tcp * 0.0.0.0/0 -> tcp 80 0.0.0.0/0, tcp 443 0.0.0.0/0\n"},
		{"peers wait for 45 days, ports do not", 31, Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 0-65535 10.0.0.0/8")
			w.group("sg-b")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.iface("eni-b", "10.0.2.5", "sg-b")
			w.see("eni-a", "ingress tcp 5432 10.0.2.5")
		}, "proposed narrow-ports: ingress tcp * 10.0.0.0/8 -> tcp 5432 10.0.0.0/8\n"},
		{"private peers become a reference", 46, Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 5432 10.0.0.0/8")
			w.group("sg-b")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.iface("eni-b1", "10.0.2.5", "sg-b")
			w.iface("eni-b2", "10.0.2.6", "sg-b")
			w.see("eni-a", "ingress tcp 5432 10.0.2.5")
			w.see("eni-a", "ingress tcp 5432 10.0.2.6")
		}, "proposed narrow-peers: ingress tcp 5432 10.0.0.0/8 -> tcp 5432 sg-b\n"},
		{"a member with IPv6 is outside an IPv4 rule", 46, Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 5432 10.0.0.0/8")
			w.group("sg-b")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			b := w.iface("eni-b1", "10.0.2.5", "sg-b")
			b.Addrs = append(b.Addrs, prefixes("2600:1f14::5/128")[0].Addr())
			w.see("eni-a", "ingress tcp 5432 10.0.2.5")
		}, "proposed narrow-peers: ingress tcp 5432 10.0.0.0/8 -> tcp 5432 10.0.2.5/32\n"},
		{"a managed interface is never a single address", 46, Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 5432 10.0.0.0/8")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			b := w.iface("eni-b1", "10.0.2.5", "sg-a")
			b.Description, b.RequesterManaged, b.InstanceID = "ELB app/web/123", true, ""
			b.Groups = nil
			w.see("eni-a", "ingress tcp 5432 10.0.2.5")
		}, "proposed narrow-peers: ingress tcp 5432 10.0.0.0/8 -> tcp 5432 10.0.2.0/24\n"},
		{"an unplaced peer means its subnet", 46, Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 5432 10.0.0.0/8")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.see("eni-a", "ingress tcp 5432 10.0.3.77")
		}, "proposed narrow-peers: ingress tcp 5432 10.0.0.0/8 -> tcp 5432 10.0.3.0/24\n"},
		{"an unplaced peer keeps every reference", 92, Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 5432 sg-b", "ingress tcp 5432 sg-c", "ingress tcp 22 10.0.1.9/32")
			w.group("sg-b")
			w.group("sg-c")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.iface("eni-b", "10.0.2.5", "sg-b")
			w.iface("eni-c", "10.0.2.6", "sg-c")
			w.see("eni-a", "ingress tcp 22 10.0.1.9")
			w.see("eni-a", "ingress tcp 5432 10.0.3.77")
		}, ""},
		{"open to the world, only private peers, not reachable", 46, Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 5432 0.0.0.0/0")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.see("eni-a", "ingress tcp 5432 10.0.2.5")
			w.see("eni-a", "ingress tcp 5432 192.168.7.7")
		}, "proposed narrow-peers: ingress tcp 5432 0.0.0.0/0 -> tcp 5432 10.0.0.0/16, tcp 5432 192.168.0.0/16\n"},
		{"the same, where connections would become tracked", 46, Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 5432 0.0.0.0/0", "egress all 0.0.0.0/0")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.see("eni-a", "ingress tcp 5432 10.0.2.5")
			w.see("eni-a", "ingress tcp 5432 192.168.7.7")
			w.see("eni-a", "egress tcp 443 203.0.113.80")
		}, "review narrow-peers: ingress tcp 5432 0.0.0.0/0 -> tcp 5432 10.0.0.0/16, tcp 5432 192.168.0.0/16\n" +
			"review narrow-ports: egress all 0.0.0.0/0 -> icmp 3/4 0.0.0.0/0, tcp 443 0.0.0.0/0\n"},
		{"reachable and open to the world stays", 92, Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 443 0.0.0.0/0")
			w.public(w.iface("eni-a", "10.0.1.5", "sg-a"))
			w.see("eni-a", "ingress tcp 443 10.0.2.5")
		}, ""},
		{"admin port open to the world: recurring peers, for a person", 92, Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 22 0.0.0.0/0")
			w.public(w.iface("eni-a", "10.0.1.5", "sg-a"))
			w.see("eni-a", "ingress tcp 22 203.0.113.4")
			w.see("eni-a", "ingress tcp 22 192.0.2.66", 5)
		}, "review narrow-peers: ingress tcp 22 0.0.0.0/0 -> tcp 22 203.0.113.4/32\n"},
		{"all protocols become those seen and path MTU", 46, Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress all 10.0.2.5/32")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.iface("eni-b", "10.0.2.5", "sg-a")
			w.see("eni-a", "ingress tcp 22 10.0.2.5")
			w.see("eni-a", "ingress 50 10.0.2.5")
		}, "proposed narrow-ports: ingress all 10.0.2.5/32 -> icmp 3/4 10.0.2.5/32, tcp 22 10.0.2.5/32, 50 10.0.2.5/32\n"},
		{"tcp and udp 53 both stay", 92, Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 53 10.0.2.5/32", "ingress udp 53 10.0.2.5/32")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.see("eni-a", "ingress tcp 53 10.0.2.5", 40)
			w.see("eni-a", "ingress udp 53 10.0.2.5")
		}, ""},
		{"a rejected conversation is no use", 92, Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 22 10.0.0.0/8", "ingress tcp 443 10.0.1.9/32")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.see("eni-a", "ingress tcp 443 10.0.1.9")
			w.seeAs(analyze.Rejected, analyze.OwnFlags, "eni-a", "ingress tcp 22 10.9.9.9")
		}, "proposed unused: ingress tcp 22 10.0.0.0/8 -> nothing\n"},
		{"a refusing standby is a need", 92, Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 8443 10.0.2.5/32", "ingress tcp 443 10.0.1.9/32")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.see("eni-a", "ingress tcp 443 10.0.1.9")
			w.seeAs(analyze.Attempt, analyze.OwnFlags, "eni-a", "ingress tcp 8443 10.0.2.5")
		}, ""},
		{"attempts from the Internet are none", 92, Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 8443 0.0.0.0/0", "ingress tcp 443 10.0.1.9/32")
			w.public(w.iface("eni-a", "10.0.1.5", "sg-a"))
			w.see("eni-a", "ingress tcp 443 10.0.1.9")
			w.seeAs(analyze.Attempt, analyze.OwnFlags, "eni-a", "ingress tcp 8443 203.0.113.9")
		}, "proposed unused: ingress tcp 8443 0.0.0.0/0 -> nothing\n"},
		{"a type-specific ICMP rule is never judged by logs", 92, Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress icmp 3/4 0.0.0.0/0", "ingress tcp 443 10.0.1.9/32")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.see("eni-a", "ingress tcp 443 10.0.1.9")
		}, ""},
		{"egress is reported only", 92, Options{}, func(w *testWorld) {
			w.group("sg-a", "egress tcp 25 10.0.0.0/8", "egress tcp 443 10.0.1.9/32")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.see("eni-a", "egress tcp 443 10.0.1.9")
		}, "review unused: egress tcp 25 10.0.0.0/8 -> nothing\n"},
		{"the default group is for a person", 92, Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 22 10.0.0.0/8", "ingress tcp 443 10.0.1.9/32").Name = "default"
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.see("eni-a", "ingress tcp 443 10.0.1.9")
		}, "review unused: ingress tcp 22 10.0.0.0/8 -> nothing\n"},
		{"a removal that leans on another group is for a person", 92, Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 22 10.0.0.0/8", "ingress tcp 443 10.0.1.9/32")
			w.group("sg-base", "ingress tcp 22 10.0.1.9/32")
			w.iface("eni-a", "10.0.1.5", "sg-a", "sg-base")
			w.see("eni-a", "ingress tcp 443 10.0.1.9")
			w.see("eni-a", "ingress tcp 22 10.0.1.9")
		}, "review redundant: ingress tcp 22 10.0.0.0/8 -> nothing\n"},
		{"a gone interface keeps what it may have used", 92, Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 22 10.0.0.0/8", "ingress tcp 443 10.0.1.9/32")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.see("eni-a", "ingress tcp 443 10.0.1.9")
			w.see("eni-gone", "ingress tcp 22 10.7.7.7")
			w.see("eni-gone", "ingress tcp 22 10.8.7.7")
		}, "proposed narrow-peers: ingress tcp 22 10.0.0.0/8 -> tcp 22 10.7.7.7/32, tcp 22 10.8.7.7/32\n"},
		{"ambiguity keeps", 92, Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 8080 10.0.1.9/32", "ingress tcp 443 10.0.1.9/32")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.see("eni-a", "ingress tcp 443 10.0.1.9")
			w.seeAs(analyze.Established, analyze.Ambiguous, "eni-a", "ingress tcp 8080 10.0.1.9")
		}, ""},
		{"protected by policy", 92, Options{Protected: []Protect{{RuleID: "sgr-a-0", Reason: "disaster recovery"}}}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 22 10.0.0.0/8", "ingress tcp 443 10.0.1.9/32")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.see("eni-a", "ingress tcp 443 10.0.1.9")
		}, ""},
		{"an office /26 with new addresses every day", 92, Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 443 192.168.0.0/16")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			for d := range 92 {
				w.see("eni-a", "ingress tcp 443 192.168.4."+itoa(64+d*7%64), d)
			}
		}, "proposed narrow-peers: ingress tcp 443 192.168.0.0/16 -> tcp 443 192.168.4.64/26\n"},
		{"two batch hosts stay two", 92, Options{}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 443 192.168.0.0/16")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.see("eni-a", "ingress tcp 443 192.168.4.9")
			w.see("eni-a", "ingress tcp 443 192.168.77.9")
		}, "proposed narrow-peers: ingress tcp 443 192.168.0.0/16 -> tcp 443 192.168.4.9/32, tcp 443 192.168.77.9/32\n"},
		{"no room in the quota", 92, Options{Quota: 2}, func(w *testWorld) {
			w.group("sg-a", "ingress tcp 443 192.168.0.0/16")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.see("eni-a", "ingress tcp 443 192.168.4.9")
			w.see("eni-a", "ingress tcp 443 192.168.77.9")
		}, "held narrow-peers: ingress tcp 443 192.168.0.0/16 -> tcp 443 192.168.4.9/32, tcp 443 192.168.77.9/32\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, tt.days)
			tt.make(w)
			p := w.review(tt.opt)
			if diff := cmp.Diff(strings.Split(tt.want, "\n"), strings.Split(said(p, "sg-a"), "\n")); diff != "" {
				t.Errorf("plan for sg-a (-want +got):\n%s", diff)
			}
			for _, c := range p.Changes {
				if c.Status != Proposed && c.Release == "" {
					t.Errorf("%s %s does not say what would release it", c.Status, c.Kind)
				}
				if c.Status == Proposed && len(c.Denies) > 0 {
					t.Errorf("proposed change denies %v", c.Denies)
				}
			}
		})
	}
}

func itoa(n int) string {
	const digits = "0123456789"
	if n < 10 {
		return digits[n : n+1]
	}
	return itoa(n/10) + digits[n%10:n%10+1]
}

// TestPolicyWindowsAndFloors: windows by kind, and CIDRs no finer than the floor.
func TestPolicyWindowsAndFloors(t *testing.T) {
	w := newWorld(t, 50)
	w.group("sg-a", "ingress tcp 22 10.200.0.0/16", "ingress tcp 80 10.0.1.9/32", "ingress tcp 8000-8100 10.0.1.9/32")
	w.iface("eni-a", "10.0.1.5", "sg-a")
	w.see("eni-a", "ingress tcp 22 10.200.8.11")
	w.see("eni-a", "ingress tcp 8000 10.0.1.9")
	want := "proposed unused: ingress tcp 80 10.0.1.9/32 -> nothing\n" +
		"held narrow-ports: ingress tcp 8000-8100 10.0.1.9/32 -> tcp 8000 10.0.1.9/32\n" +
		"proposed narrow-peers: ingress tcp 22 10.200.0.0/16 -> tcp 22 10.200.8.0/28\n"
	got := said(w.review(Options{Windows: Windows{Ports: 60, Unused: 40}, Floors: Floors{IPv4: 28}}), "sg-a")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := Make(w.evidence(), Options{Floors: Floors{IPv4: 33}}); err == nil {
		t.Error("a floor of /33: want an error")
	}
	if _, err := Make(w.evidence(), Options{Windows: Windows{Peers: -1}}); err == nil {
		t.Error("a window below 0: want an error")
	}
}
