package recommend

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
)

// fill gives sg-a n used rules of one port each.
func (w *testWorld) fill(n int, peer string) {
	g := w.e.Groups["sg-a"]
	for i := range n {
		text := fmt.Sprintf("ingress tcp %d %s", 100+i, peer)
		r := w.rule("sg-a", text+"/32")
		r.ID = fmt.Sprintf("sgr-fill-%d", i)
		g.Rules = append(g.Rules, r)
		w.see("eni-a", text)
	}
}

// TestQuota holds the budget of design §7.8 at its limits: removals make room first, what is made in place needs none, new rules
// stand beside the old ones for a while, each family on its own.
func TestQuota(t *testing.T) {
	const limit = 10
	wide, narrow := "ingress tcp 443 192.168.0.0/16", "ingress tcp 443 192.168.4.9"
	two := func(w *testWorld) { // one rule that becomes two
		w.see("eni-a", narrow)
		w.see("eni-a", "ingress tcp 443 192.168.77.9")
	}
	for _, tt := range []struct {
		name string
		have int // used rules beside
		rule []string
		make func(w *testWorld)
		want string
	}{
		{"one rule becomes one in place: no room is needed", limit - 1, []string{wide}, func(w *testWorld) { w.see("eni-a", narrow) },
			"proposed narrow-peers: ingress tcp 443 192.168.0.0/16 -> tcp 443 192.168.4.9/32\n"},
		{"one becomes two: they stand beside the old one", limit - 3, []string{wide}, two,
			"proposed narrow-peers: ingress tcp 443 192.168.0.0/16 -> tcp 443 192.168.4.9/32, tcp 443 192.168.77.9/32\n"},
		{"one room too few", limit - 2, []string{wide}, two,
			"held narrow-peers: ingress tcp 443 192.168.0.0/16 -> tcp 443 192.168.4.9/32, tcp 443 192.168.77.9/32\n"},
		{"an unused rule makes room", limit - 3, []string{wide, "ingress tcp 22 10.0.0.0/8"}, two,
			"proposed unused: ingress tcp 22 10.0.0.0/8 -> nothing\n" +
				"proposed narrow-peers: ingress tcp 443 192.168.0.0/16 -> tcp 443 192.168.4.9/32, tcp 443 192.168.77.9/32\n"},
		{"a reference in the place of a network is no change in place", limit - 1, []string{"ingress tcp 443 10.0.0.0/8"}, func(w *testWorld) {
			w.see("eni-a", "ingress tcp 443 10.0.2.5")
		}, "held narrow-peers: ingress tcp 443 10.0.0.0/8 -> tcp 443 sg-b\n"},
		{"IPv6 rules take no room from IPv4", limit - 3, []string{wide, "ingress tcp 1 fd00::1/128", "ingress tcp 2 fd00::1/128", "ingress tcp 3 fd00::1/128"}, func(w *testWorld) {
			two(w)
			for _, port := range []string{"1", "2", "3"} {
				w.see("eni-a", "ingress tcp "+port+" fd00::1")
			}
		}, "proposed narrow-peers: ingress tcp 443 192.168.0.0/16 -> tcp 443 192.168.4.9/32, tcp 443 192.168.77.9/32\n"},
		{"a prefix list counts all the entries it may have", limit - 4, []string{wide, "ingress tcp 1 pl-1"}, func(w *testWorld) {
			two(w)
			w.e.PrefixLists["pl-1"] = &estate.PrefixList{ID: "pl-1", Name: "office", Owner: "111122223333", MaxEntries: 3, EntriesKnown: true, Entries: prefixes("172.16.0.0/24")}
			w.see("eni-a", "ingress tcp 1 172.16.0.9")
		}, "held narrow-peers: ingress tcp 443 192.168.0.0/16 -> tcp 443 192.168.4.9/32, tcp 443 192.168.77.9/32\n"},
		{"what a person may not accept takes no room from what is proposed", limit - 4, []string{"ingress tcp 22 0.0.0.0/0", wide}, func(w *testWorld) {
			w.public(w.e.Interfaces["eni-a"])
			two(w)
			for _, peer := range []string{"203.0.113.4", "203.0.113.5"} {
				w.see("eni-a", "ingress tcp 22 "+peer)
			}
		}, "held narrow-peers: ingress tcp 22 0.0.0.0/0 -> tcp 22 203.0.113.4/32, tcp 22 203.0.113.5/32\n" +
			"proposed narrow-peers: ingress tcp 443 192.168.0.0/16 -> tcp 443 192.168.4.9/32, tcp 443 192.168.77.9/32\n"},
		{"the other direction has a quota of its own", limit - 3, []string{wide, "egress tcp 443 10.0.1.9/32"}, func(w *testWorld) {
			two(w)
			w.see("eni-a", "egress tcp 443 10.0.1.9")
		}, "proposed narrow-peers: ingress tcp 443 192.168.0.0/16 -> tcp 443 192.168.4.9/32, tcp 443 192.168.77.9/32\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, 95)
			w.group("sg-a", tt.rule...)
			w.group("sg-b")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.iface("eni-b", "10.0.2.5", "sg-b")
			w.fill(tt.have, "10.0.1.9")
			tt.make(w)
			p := w.review(Options{Quota: limit})
			if diff := cmp.Diff(tt.want, said(p, "sg-a")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, c := range p.Changes {
				if c.Status == Held && !strings.HasPrefix(c.Release, "quota: ") {
					t.Errorf("held, released by %q", c.Release)
				}
			}
		})
	}
}

func TestInPlace(t *testing.T) {
	w := newWorld(t, 1)
	for _, tt := range []struct {
		old, becomes string
		account      string
		want         bool
	}{
		{"ingress tcp 443 10.0.0.0/8", "ingress tcp 80 10.0.0.0/16", "", true},
		{"ingress tcp 443 10.0.0.0/8", "ingress tcp 80 fd00::/16", "", false},
		{"ingress tcp 443 10.0.0.0/8", "ingress tcp 443 sg-b", "", false},
		{"ingress tcp 443 sg-b", "ingress tcp 443 pl-b", "", false},
		{"ingress tcp 443 sg-b", "ingress tcp 80 sg-b", "111122223333", true},
		{"ingress tcp 443 sg-b", "ingress tcp 80 sg-b", "444455556666", false},
		{"ingress tcp 443 10.0.0.0/8", "egress tcp 443 10.0.0.0/8", "", false},
	} {
		becomes := w.rule("sg-a", tt.becomes)
		becomes.PeerAccount = tt.account
		if got := InPlace(w.rule("sg-a", tt.old), becomes, "111122223333"); got != tt.want {
			t.Errorf("%s to %s of %q: got %v", tt.old, tt.becomes, tt.account, got)
		}
	}
	var peering analyze.Rule
	peering.Peer.GroupID, peering.PeeringID = "sg-b", "pcx-1"
	if InPlace(peering, peering, "111122223333") {
		t.Error("a reference across a peering is no change in place")
	}
}
