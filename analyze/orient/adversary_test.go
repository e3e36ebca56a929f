package orient_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/ledger/sum/sumtest"
	"github.com/sgtrim/sgtrim/analyze/orient"
)

// Cases made to mislead.
func TestAdversary(t *testing.T) {
	tests := []struct {
		name string
		in   string
		want []string
	}{
		{"ports change roles within a day: each object decides its own", `
			tcp 10.0.0.1:50000 > 10.0.1.1:40000 f3 out
			tcp 10.0.1.1:40000 > 10.0.0.1:50000 f19 in
			---
			tcp 10.0.1.1:40000 > 10.0.0.1:50000 f3 in h9
			tcp 10.0.0.1:50000 > 10.0.1.1:40000 f19 out h9`,
			[]string{"eni-1 ingress < 10.0.0.1 > 10.0.1.1 tcp 50000 ACCEPT: flags, established 2/8/800",
				"eni-1 egress < 10.0.0.1 > 10.0.1.1 tcp 40000 ACCEPT: flags, established 2/8/800"}},
		{"ports change roles within an object: doubtful", `
			tcp 10.0.0.1:50000 > 10.0.1.1:40000 f3 out
			tcp 10.0.1.1:40000 > 10.0.0.1:50000 f19 in
			tcp 10.0.1.1:40000 > 10.0.0.1:50000 f3 in
			tcp 10.0.0.1:50000 > 10.0.1.1:40000 f19 out`,
			[]string{"eni-1 ingress < 10.0.0.1 > 10.0.1.1 tcp 50000 ACCEPT: ambiguous, established 4/16/1600 linked 1",
				"eni-1 egress < 10.0.0.1 > 10.0.1.1 tcp 40000 ACCEPT: ambiguous, established 4/16/1600 linked 1"}},
		{"ports change roles, then records without flags: doubtful", `
			tcp 10.0.0.1:50000 > 10.0.1.1:40000 f3 out
			tcp 10.0.1.1:40000 > 10.0.0.1:50000 f19 in
			---
			tcp 10.0.1.1:40000 > 10.0.0.1:50000 f3 in h9
			tcp 10.0.0.1:50000 > 10.0.1.1:40000 f19 out h9
			---
			tcp 10.0.1.1:40000 > 10.0.0.1:50000 f0 in h10
			tcp 10.0.0.1:50000 > 10.0.1.1:40000 f0 out h10`,
			[]string{"eni-1 ingress < 10.0.0.1 > 10.0.1.1 tcp 50000 ACCEPT: flags, established 2/8/800",
				"eni-1 ingress < 10.0.0.1 > 10.0.1.1 tcp 50000 ACCEPT: ambiguous, established 2/8/800 linked 1",
				"eni-1 egress < 10.0.0.1 > 10.0.1.1 tcp 40000 ACCEPT: flags, established 2/8/800",
				"eni-1 egress < 10.0.0.1 > 10.0.1.1 tcp 40000 ACCEPT: ambiguous, established 2/8/800 linked 1"}},
		{"simultaneous open: both sent SYN and SYN-ACK", `
			tcp 10.0.0.1:50000 > 10.0.1.1:40000 f18 out
			tcp 10.0.1.1:40000 > 10.0.0.1:50000 f18 in`,
			[]string{"eni-1 ingress < 10.0.0.1 > 10.0.1.1 tcp 50000 ACCEPT: ambiguous, established 2/8/800 linked 1",
				"eni-1 egress < 10.0.0.1 > 10.0.1.1 tcp 40000 ACCEPT: ambiguous, established 2/8/800 linked 1"}},
		{"equal ports over TCP: flags tell", `
			tcp 10.0.1.1:7000 > 10.0.0.1:7000 f3 in
			tcp 10.0.0.1:7000 > 10.0.1.1:7000 f19 out`,
			[]string{"eni-1 ingress < 10.0.0.1 > 10.0.1.1 tcp 7000 ACCEPT: flags, established 2/8/800"}},
		{"equal ports over TCP without flags: doubtful", `
			tcp 10.0.1.1:7000 > 10.0.0.1:7000 in
			tcp 10.0.0.1:7000 > 10.0.1.1:7000 out`,
			[]string{"eni-1 ingress < 10.0.0.1 > 10.0.1.1 tcp 7000 ACCEPT: ambiguous, established 2/8/800 linked 1",
				"eni-1 egress < 10.0.0.1 > 10.0.1.1 tcp 7000 ACCEPT: ambiguous, established 2/8/800 linked 1"}},
		{"DNS over UDP: the answer in another object, or alone", `
			udp 10.0.0.1:50000 > 10.0.1.53:53 p1 out
			---
			udp 10.0.1.53:53 > 10.0.0.1:50000 p1 in
			---
			udp 10.0.1.53:53 > 10.0.0.1:50001 p1 in
			udp 10.0.1.54:53 > 10.0.0.1:50002 p1 in`,
			[]string{"eni-1 ingress < 10.0.0.1 > 10.0.1.54 udp 50002 ACCEPT: ambiguous, one-way 1/1/400 linked 1 unlikely",
				"eni-1 egress < 10.0.0.1 > 10.0.1.53 udp 53 ACCEPT: endpoint, established 2/2/800, one-way 1/1/400",
				"eni-1 egress < 10.0.0.1 > 10.0.1.54 udp 53 ACCEPT: ambiguous, one-way 1/1/400 linked 1"}},
		{"both ends log, flags reach one of them", `
			tcp 10.0.0.1:33333 > 10.0.1.1:44444 f3 out eni-1
			tcp 10.0.1.1:44444 > 10.0.0.1:33333 f19 in eni-1
			---
			tcp 10.0.0.1:33333 > 10.0.1.1:44444 f0 in eni-2
			tcp 10.0.1.1:44444 > 10.0.0.1:33333 f0 out eni-2`,
			[]string{"eni-1 egress < 10.0.0.1 > 10.0.1.1 tcp 44444 ACCEPT: flags, established 2/8/800",
				"eni-2 ingress < 10.0.1.1 > 10.0.0.1 tcp 44444 ACCEPT: endpoint, established 2/8/800"}},
		{"a listed port that is a client's, of a service that another interface knows", `
			tcp 10.0.0.1:61616 > 10.0.1.1:45000 out eni-1
			tcp 10.0.1.1:45000 > 10.0.0.1:61616 in eni-1
			tcp 10.0.0.2:50000 > 10.0.1.1:45000 in eni-2
			tcp 10.0.1.1:45000 > 10.0.0.2:50000 out eni-2
			tcp 10.0.0.3:50001 > 10.0.1.1:45000 in eni-2
			tcp 10.0.1.1:45000 > 10.0.0.3:50001 out eni-2
			tcp 10.0.0.4:50002 > 10.0.1.1:45000 in eni-2
			tcp 10.0.1.1:45000 > 10.0.0.4:50002 out eni-2`,
			[]string{"eni-1 egress < 10.0.0.1 > 10.0.1.1 tcp 45000 ACCEPT: repetition, established 2/8/800",
				"eni-2 ingress < 10.0.1.1 > 10.0.0.2 tcp 45000 ACCEPT: repetition, established 2/8/800",
				"eni-2 ingress < 10.0.1.1 > 10.0.0.3 tcp 45000 ACCEPT: repetition, established 2/8/800",
				"eni-2 ingress < 10.0.1.1 > 10.0.0.4 tcp 45000 ACCEPT: repetition, established 2/8/800"}},
		{"a listed port that may be a client's, and nobody else knows", `
			tcp 10.0.0.1:61616 > 10.0.1.1:45000 in
			tcp 10.0.1.1:45000 > 10.0.0.1:61616 out
			tcp 10.0.0.2:61616 > 10.0.1.1:45000 in reject p1`,
			[]string{"eni-1 egress < 10.0.1.1 > 10.0.0.1 tcp 61616 ACCEPT: registry, established 2/8/800",
				"eni-1 egress < 10.0.1.1 > 10.0.0.2 tcp 61616 REJECT: registry, none 1/1/400"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := texts(conversations(t, orient.Options{}, flows(tt.in)...))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// A scanner that keeps one source port meets many services' ports. Flags or not, none of its probes makes that port a
// service, and with flags each is an attempt.
func TestScannerWithOnePort(t *testing.T) {
	for _, answer := range []string{"p1 b40 f4", "p1 b44 f18"} {
		for _, flagged := range []bool{true, false} {
			var o sumtest.Object
			for n := range 200 {
				probe := "p1 b44 f2"
				if strings.HasSuffix(answer, "f18") {
					probe = "p2 b84 f6"
				}
				up := flow(fmt.Sprintf("tcp 198.51.100.9:54321 > 10.0.0.1:%d in %s", 30000+n, probe))
				down := flow(fmt.Sprintf("tcp 10.0.0.1:%d > 198.51.100.9:54321 out %s", 30000+n, answer))
				if !flagged {
					up.Flags, down.Flags = -1, -1
				}
				o.Records = append(o.Records, up, down)
			}
			all := conversations(t, orient.Options{}, o)
			if len(all) == 0 {
				t.Error("no conversations")
			}
			for _, c := range all {
				if c.Link == 0 && (c.Direction != analyze.Ingress || c.Strength() > analyze.Weak) || flagged && c.Strength() != analyze.Attempt {
					t.Fatalf("answers %s, flags %v: %s", answer, flagged, text(c))
				}
			}
		}
	}
}

// A zonal NAT gateway's own interface logs both legs of a connection; pkt-* tell the far ends [aws-facts 1.4]. No leg is
// turned round, whatever ports the translation takes.
func TestNATGateway(t *testing.T) {
	instance, gateway, remote := netip.MustParseAddr("10.0.1.5"), netip.MustParseAddr("10.0.0.220"), netip.MustParseAddr("203.0.113.5")
	var o sumtest.Object
	for n := range 50 {
		inside, outside := 40000+n, 1024+997*n
		add := func(src, dst, pktSrc, pktDst netip.Addr, srcPort, dstPort, flags int, d analyze.Direction) {
			r := flow("tcp 10.0.0.1:1 > 10.0.0.2:2")
			r.Src, r.Dst, r.PktSrc, r.PktDst, r.SrcPort, r.DstPort, r.Flags, r.Direction = src, dst, pktSrc, pktDst, srcPort, dstPort, flags, d
			o.Records = append(o.Records, r)
		}
		add(instance, gateway, instance, remote, inside, 8443, 3, analyze.Ingress)
		add(gateway, remote, gateway, remote, outside, 8443, 3, analyze.Egress)
		add(remote, gateway, remote, gateway, 8443, outside, 19, analyze.Ingress)
		add(gateway, instance, remote, instance, 8443, inside, 19, analyze.Egress)
	}
	got := texts(conversations(t, orient.Options{}, o))
	want := []string{
		"eni-1 ingress < 10.0.0.220 > 10.0.1.5 tcp 8443 ACCEPT: flags, established 100/400/40000",
		"eni-1 egress < 10.0.0.220 > 203.0.113.5 tcp 8443 ACCEPT: flags, established 100/400/40000",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
