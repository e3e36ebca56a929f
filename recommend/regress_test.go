package recommend

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestWideningCases: what is used as a network becomes the network, what is fixed stays as it is (design §7.4).
func TestWideningCases(t *testing.T) {
	t.Run("400 RPC ports that keep coming become the range", func(t *testing.T) {
		w := newWorld(t, 40)
		w.group("sg-a", "ingress tcp * 10.0.1.9/32")
		w.iface("eni-a", "10.0.1.5", "sg-a")
		for i := range 400 {
			w.see("eni-a", fmt.Sprintf("ingress tcp %d 10.0.1.9", 49152+(i*7919)%16384), i/10)
		}
		w.see("eni-a", "ingress tcp 135 10.0.1.9")
		want := "proposed narrow-ports: ingress tcp * 10.0.1.9/32 -> tcp 135 10.0.1.9/32, tcp 49152-65535 10.0.1.9/32\n"
		if got := said(w.review(Options{}), "sg-a"); got != want {
			t.Error(cmp.Diff(want, got))
		}
	})
	t.Run("three fixed ports stay three", func(t *testing.T) {
		w := newWorld(t, 40)
		w.group("sg-a", "ingress tcp 30000-32767 10.0.1.9/32")
		w.iface("eni-a", "10.0.1.5", "sg-a")
		for _, p := range []string{"30080", "31443", "32100"} {
			w.see("eni-a", "ingress tcp "+p+" 10.0.1.9")
		}
		want := "proposed narrow-ports: ingress tcp 30000-32767 10.0.1.9/32 -> tcp 30080 10.0.1.9/32, tcp 31443 10.0.1.9/32, tcp 32100 10.0.1.9/32\n"
		if got := said(w.review(Options{}), "sg-a"); got != want {
			t.Error(cmp.Diff(want, got))
		}
	})
	t.Run("an office seen for a week is not shredded", func(t *testing.T) {
		w := newWorld(t, 7)
		w.group("sg-a", "ingress tcp 443 10.200.0.0/16")
		w.iface("eni-a", "10.0.1.5", "sg-a")
		for i, hosts := range [][]int{
			{2, 5, 6, 26, 42, 57, 60}, {8, 17, 18, 19, 32, 55, 62}, {14, 16, 23, 28, 29, 46, 56}, {12, 17, 25, 36, 38, 51, 59}, {10, 15, 20, 41, 49, 54, 16},
		} {
			for _, h := range hosts {
				w.see("eni-a", fmt.Sprintf("ingress tcp 443 10.200.4.%d", h), i)
			}
		}
		want := "proposed narrow-peers: ingress tcp 443 10.200.0.0/16 -> tcp 443 10.200.4.0/26\n"
		if got := said(w.review(Options{MinWindow: 7}), "sg-a"); got != want {
			t.Error(cmp.Diff(want, got))
		}
	})
}

// TestFailuresOfPeers are errors that other tools of this field are known for.
func TestFailuresOfPeers(t *testing.T) {
	t.Run("100 single hosts do not become 65,246 addresses", func(t *testing.T) {
		for _, tt := range []struct {
			opt         Options
			rules, most int // new ones, and addresses in them
		}{
			{Options{}, 59, 12000},          // as many as the quota has room for
			{Options{Quota: 101}, 100, 120}, // room for every host
			{Options{MaxRules: 100, Quota: 200}, 100, 120},
			{Options{MaxRules: 10}, 10, 60000}, // as few as was asked for, and no cover of so few is smaller
		} {
			w := newWorld(t, 92)
			w.group("sg-a", "ingress tcp 443 172.16.0.0/12")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			rng := rand.New(rand.NewPCG(100, 1))
			for range 100 {
				w.see("eni-a", fmt.Sprintf("ingress tcp 443 172.20.%d.%d", rng.IntN(256), rng.IntN(256)))
			}
			p := w.review(tt.opt)
			if len(p.Changes) != 1 || p.Changes[0].Status != Proposed || len(p.Changes[0].New) > tt.rules {
				t.Errorf("%+v: got %s", tt.opt, said(p, "sg-a"))
				continue
			}
			addresses := 0
			for _, n := range p.Changes[0].New {
				addresses += 1 << (32 - n.Rule.Peer.Prefix.Bits())
			}
			if addresses < 100 || addresses > tt.most {
				t.Errorf("%+v: %d rules with %d addresses, want at most %d", tt.opt, len(p.Changes[0].New), addresses, tt.most)
			}
		}
	})
	t.Run("an IPv6 host is a /128", func(t *testing.T) {
		w := newWorld(t, 46)
		w.group("sg-a", "ingress tcp 22 fd00:10::/32")
		w.iface("eni-a", "10.0.1.5", "sg-a")
		w.see("eni-a", "ingress tcp 22 fd00:10::5")
		want := "proposed narrow-peers: ingress tcp 22 fd00:10::/32 -> tcp 22 fd00:10::5/128\n"
		if got := said(w.review(Options{}), "sg-a"); got != want {
			t.Error(cmp.Diff(want, got))
		}
	})
	t.Run("a rule is used only if the peer matches too", func(t *testing.T) {
		w := newWorld(t, 92)
		w.group("sg-a", "ingress tcp 443 10.9.0.0/16", "ingress tcp 443 10.0.1.9/32")
		w.iface("eni-a", "10.0.1.5", "sg-a")
		w.see("eni-a", "ingress tcp 443 10.0.1.9")
		want := "proposed unused: ingress tcp 443 10.9.0.0/16 -> nothing\n"
		if got := said(w.review(Options{}), "sg-a"); got != want {
			t.Error(cmp.Diff(want, got))
		}
	})
	t.Run("a reference behind a network load balancer is not unused", func(t *testing.T) {
		w := newWorld(t, 92)
		w.group("sg-nlb")
		w.group("sg-a", "ingress tcp 8443 sg-nlb")
		w.iface("eni-a", "10.0.1.5", "sg-a")
		lb := w.iface("eni-nlb", "10.0.2.5", "sg-nlb")
		lb.Type, lb.InstanceID, lb.Attached = "network_load_balancer", "", time.Time{}
		w.see("eni-a", "ingress tcp 8443 203.0.113.9")
		if got := said(w.review(Options{}), "sg-a"); got != "" {
			t.Errorf("got %s", got)
		}
	})
	t.Run("a broad rule that shadows a narrow one is no reason to drop the narrow one", func(t *testing.T) {
		w := newWorld(t, 92)
		w.group("sg-a", "ingress tcp * 10.0.0.0/8", "ingress tcp 7301 10.0.1.9/32")
		w.iface("eni-a", "10.0.1.5", "sg-a")
		w.see("eni-a", "ingress tcp 7301 10.0.1.9")
		got := strings.Split(strings.TrimSpace(said(w.review(Options{}), "sg-a")), "\n")
		if !slices.Equal(got, []string{"proposed redundant: ingress tcp * 10.0.0.0/8 -> nothing"}) {
			t.Errorf("got %v", got)
		}
	})
}

// TestGoneIsLikeItsKind: an interface that is gone served what the members of its group serve now; a rule for everything, which would
// explain that too, is not kept wide for it.
func TestGoneIsLikeItsKind(t *testing.T) {
	w := newWorld(t, 40)
	w.group("sg-c")
	w.group("sg-a", "ingress tcp * sg-c")
	w.group("sg-b", "ingress tcp 8004 sg-c")
	w.iface("eni-a", "10.0.1.5", "sg-a")
	w.iface("eni-b", "10.0.1.6", "sg-b")
	w.iface("eni-c", "10.0.1.9", "sg-c")
	w.see("eni-a", "ingress tcp 443 10.0.1.9")
	w.see("eni-b", "ingress tcp 8004 10.0.1.9")
	w.see("eni-gone", "ingress tcp 8004 10.0.1.77", 3, 4, 5)
	want := "proposed narrow-ports: ingress tcp * sg-c -> tcp 443 sg-c\n"
	if got := said(w.review(Options{}), "sg-a"); got != want {
		t.Error(cmp.Diff(want, got))
	}
	w.see("eni-other", "ingress tcp 9999 10.0.1.77", 3, 4, 5) // nobody's like: any rule that fits may have been its
	if got := said(w.review(Options{}), "sg-a"); !strings.Contains(got, "tcp 9999 sg-c") {
		t.Errorf("got %s", got)
	}
}
