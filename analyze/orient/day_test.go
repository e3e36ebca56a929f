package orient_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/ledger"
	"github.com/sgtrim/sgtrim/analyze/ledger/sum/sumtest"
	"github.com/sgtrim/sgtrim/analyze/orient"
)

// flow reads "tcp 10.0.0.1:40000 > 10.0.0.2:443 p5 b500 f2 in reject": packets (4), bytes (400), tcp-flags (null), direction (unknown), REJECT.
func flow(s string) sumtest.Record {
	f := strings.Fields(s)
	proto, err := analyze.ParseProto(f[0])
	must(err)
	src, dst := netip.MustParseAddrPort(f[1]), netip.MustParseAddrPort(f[3])
	r := sumtest.Record{Interface: "eni-1", Src: src.Addr(), Dst: dst.Addr(), SrcPort: int(src.Port()), DstPort: int(dst.Port()), Proto: int(proto),
		Packets: 4, Bytes: 400, Start: 86400 * 20000, End: 86400*20000 + 50, Action: analyze.Accept, Flags: -1}
	for _, w := range f[4:] {
		switch {
		case w == "in":
			r.Direction = analyze.Ingress
		case w == "out":
			r.Direction = analyze.Egress
		case w == "reject":
			r.Action = analyze.Reject
		case strings.HasPrefix(w, "eni-"):
			r.Interface = w
		default:
			n, err := strconv.Atoi(w[1:])
			must(err)
			switch w[0] {
			case 'p':
				r.Packets = int64(n)
			case 'b':
				r.Bytes = int64(n)
			case 'f':
				r.Flags = n
			case 'h':
				r.Start += int64(n) * 3600
				r.End += int64(n) * 3600
			default:
				panic("flow: " + w)
			}
		}
	}
	return r
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// flows reads one flow a line; lines of dashes part the objects.
func flows(s string) (objects []sumtest.Object) {
	objects = []sumtest.Object{{}}
	for _, line := range strings.Split(strings.TrimSpace(s), "\n") {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "---") {
			objects = append(objects, sumtest.Object{})
			continue
		}
		o := &objects[len(objects)-1]
		o.Records = append(o.Records, flow(line))
	}
	return objects
}

func TestDay(t *testing.T) {
	tests := []struct {
		name string
		in   string
		want []string
	}{
		{"flags at the service's end", `
			tcp 10.0.1.1:40000 > 10.0.0.1:443 f3 in
			tcp 10.0.0.1:443 > 10.0.1.1:40000 f19 out`,
			[]string{"eni-1 ingress < 10.0.0.1 > 10.0.1.1 tcp 443 ACCEPT: flags, established 2/8/800"}},
		{"flags against the lower port", `
			tcp 10.0.0.1:1024 > 10.0.1.1:61616 f3 out
			tcp 10.0.1.1:61616 > 10.0.0.1:1024 f19 in`,
			[]string{"eni-1 egress < 10.0.0.1 > 10.0.1.1 tcp 61616 ACCEPT: flags, established 2/8/800"}},
		{"the counterpart's flags", `
			tcp 10.0.0.1:33333 > 10.0.1.1:44444 f0 out
			tcp 10.0.1.1:44444 > 10.0.0.1:33333 f18 in`,
			[]string{"eni-1 egress < 10.0.0.1 > 10.0.1.1 tcp 44444 ACCEPT: counterpart, established 2/8/800"}},
		{"both ends opened: two readings", `
			tcp 10.0.0.1:33333 > 10.0.1.1:44444 f2 out
			tcp 10.0.1.1:44444 > 10.0.0.1:33333 f2 in`,
			[]string{"eni-1 ingress < 10.0.0.1 > 10.0.1.1 tcp 33333 ACCEPT: ambiguous, established 2/8/800 linked 1",
				"eni-1 egress < 10.0.0.1 > 10.0.1.1 tcp 44444 ACCEPT: ambiguous, established 2/8/800 linked 1"}},
		{"later records of a connection, directions apart", `
			tcp 10.0.0.1:33333 > 10.0.1.1:44444 f2 out
			tcp 10.0.1.1:44444 > 10.0.0.1:33333 f18 in
			---
			tcp 10.0.0.1:33333 > 10.0.1.1:44444 f0 out
			---
			tcp 10.0.1.1:44444 > 10.0.0.1:33333 f1 in`,
			[]string{"eni-1 egress < 10.0.0.1 > 10.0.1.1 tcp 44444 ACCEPT: flags, established 4/16/1600"}},
		{"the service is known from another interface", `
			tcp 10.0.2.2:50000 > 10.0.1.1:44444 f2 in eni-2
			tcp 10.0.1.1:44444 > 10.0.2.2:50000 f18 out eni-2
			---
			tcp 10.0.0.1:33333 > 10.0.1.1:44444 f0 out
			tcp 10.0.1.1:44444 > 10.0.0.1:33333 f0 in`,
			[]string{"eni-1 egress < 10.0.0.1 > 10.0.1.1 tcp 44444 ACCEPT: endpoint, established 2/8/800",
				"eni-2 ingress < 10.0.1.1 > 10.0.2.2 tcp 44444 ACCEPT: flags, established 2/8/800"}},
		{"SYN without answer", `tcp 10.0.1.1:40000 > 10.0.0.1:443 p3 b180 f2 in`,
			[]string{"eni-1 ingress < 10.0.0.1 > 10.0.1.1 tcp 443 ACCEPT: flags, attempt 1/3/180"}},
		{"SYN answered by RST", `
			tcp 10.0.1.1:40000 > 10.0.0.1:443 p1 b60 f2 in
			tcp 10.0.0.1:443 > 10.0.1.1:40000 p1 b40 f4 out`,
			[]string{"eni-1 ingress < 10.0.0.1 > 10.0.1.1 tcp 443 ACCEPT: counterpart, attempt 2/2/100"}},
		{"the same, RST in another object", `
			tcp 10.0.1.1:40000 > 10.0.0.1:443 p1 b60 f2 in
			---
			tcp 10.0.0.1:443 > 10.0.1.1:40000 p1 b40 f4 out`,
			[]string{"eni-1 ingress < 10.0.0.1 > 10.0.1.1 tcp 443 ACCEPT: flags, attempt 2/2/100"}},
		{"scan of an open port, answered by RST", `
			tcp 198.51.100.1:40000 > 10.0.0.1:443 p2 b100 f6 in
			tcp 10.0.0.1:443 > 198.51.100.1:40000 p1 b44 f18 out`,
			[]string{"eni-1 ingress < 10.0.0.1 > 198.51.100.1 tcp 443 ACCEPT: flags, attempt 2/3/144"}},
		{"the same scan again and again, from one port", `
			tcp 198.51.100.1:40000 > 10.0.0.1:443 p2 b100 f6 in
			tcp 10.0.0.1:443 > 198.51.100.1:40000 p1 b44 f18 out
			tcp 198.51.100.1:40000 > 10.0.0.1:443 p2 b100 f6 in
			tcp 10.0.0.1:443 > 198.51.100.1:40000 p1 b44 f18 out
			tcp 198.51.100.1:40000 > 10.0.0.1:443 p2 b100 f6 in
			tcp 10.0.0.1:443 > 198.51.100.1:40000 p1 b44 f18 out`,
			[]string{"eni-1 ingress < 10.0.0.1 > 198.51.100.1 tcp 443 ACCEPT: flags, attempt 6/9/432"}},
		{"a health check that an interval's end parts is no scan", `
			tcp 198.51.100.1:40000 > 10.0.0.1:443 p2 b112 f2 in
			tcp 10.0.0.1:443 > 198.51.100.1:40000 p1 b60 f18 out
			tcp 198.51.100.1:40000 > 10.0.0.1:443 p1 b40 f4 in`,
			[]string{"eni-1 ingress < 10.0.0.1 > 198.51.100.1 tcp 443 ACCEPT: flags, established 3/4/212"}},
		{"the same with SYN and SYN-ACK sent again", `
			tcp 198.51.100.1:40000 > 10.0.0.1:443 p2 b120 f2 in
			tcp 10.0.0.1:443 > 198.51.100.1:40000 p1 b60 f18 out
			tcp 198.51.100.1:40000 > 10.0.0.1:443 p2 b92 f4 in
			tcp 10.0.0.1:443 > 198.51.100.1:40000 p1 b60 f18 out`,
			[]string{"eni-1 ingress < 10.0.0.1 > 198.51.100.1 tcp 443 ACCEPT: flags, established 4/6/332"}},
		{"a health check whose answer is not on record was answered", `
			tcp 198.51.100.1:40000 > 10.0.0.1:443 p3 b152 f6 in
			tcp 198.51.100.2:40000 > 10.0.0.1:443 p2 b100 f6 in`,
			[]string{"eni-1 ingress < 10.0.0.1 > 198.51.100.1 tcp 443 ACCEPT: flags, established 1/3/152",
				"eni-1 ingress < 10.0.0.1 > 198.51.100.2 tcp 443 ACCEPT: flags, attempt 1/2/100"}},
		{"a client that sent more than SYNs was answered", `tcp 10.0.1.1:40000 > 10.0.0.1:443 p6 b2000 f2 in`,
			[]string{"eni-1 ingress < 10.0.0.1 > 10.0.1.1 tcp 443 ACCEPT: flags, established 1/6/2000"}},
		{"attempt and success are one conversation", `
			tcp 10.0.1.1:40000 > 10.0.0.1:443 p1 b60 f2 in
			tcp 10.0.1.1:40001 > 10.0.0.1:443 f3 in
			tcp 10.0.0.1:443 > 10.0.1.1:40001 f19 out`,
			[]string{"eni-1 ingress < 10.0.0.1 > 10.0.1.1 tcp 443 ACCEPT: flags, established 2/8/800, attempt 1/1/60"}},
		{"rejected SYN, late packet, cut reply", `
			tcp 10.0.1.1:40000 > 10.0.0.1:22 f2 in reject
			tcp 10.0.1.2:40000 > 10.0.0.1:22 f1 in reject
			tcp 10.0.0.1:23 > 10.0.1.3:40000 f18 out reject`,
			[]string{"eni-1 ingress < 10.0.0.1 > 10.0.1.1 tcp 22 REJECT: flags, rejected 1/4/400",
				"eni-1 ingress < 10.0.0.1 > 10.0.1.2 tcp 22 REJECT: registry, none 1/4/400",
				"eni-1 ingress < 10.0.0.1 > 10.0.1.3 tcp 23 REJECT: flags, none 1/4/400"}},
		{"no flags: strength by packets", `
			tcp 10.0.1.1:40000 > 10.0.0.1:443 p3 in
			tcp 10.0.0.1:443 > 10.0.1.1:40000 p3 out
			tcp 10.0.1.2:40000 > 10.0.0.1:443 p2 in
			tcp 10.0.0.1:443 > 10.0.1.2:40000 p3 out
			tcp 10.0.1.3:40000 > 10.0.0.1:443 p9 in`,
			[]string{"eni-1 ingress < 10.0.0.1 > 10.0.1.1 tcp 443 ACCEPT: registry, established 2/6/800",
				"eni-1 ingress < 10.0.0.1 > 10.0.1.2 tcp 443 ACCEPT: registry, weak 2/5/800",
				"eni-1 ingress < 10.0.0.1 > 10.0.1.3 tcp 443 ACCEPT: registry, one-way 1/9/400"}},
		{"no flags: rejected late packets of an accepted connection", `
			tcp 10.0.1.1:40000 > 10.0.0.1:443 in
			tcp 10.0.0.1:443 > 10.0.1.1:40000 out
			tcp 10.0.1.1:40000 > 10.0.0.1:443 in reject
			tcp 10.0.1.9:40000 > 10.0.0.1:443 in reject`,
			[]string{"eni-1 ingress < 10.0.0.1 > 10.0.1.1 tcp 443 ACCEPT: registry, established 2/8/800",
				"eni-1 ingress < 10.0.0.1 > 10.0.1.1 tcp 443 REJECT: registry, none 1/4/400",
				"eni-1 ingress < 10.0.0.1 > 10.0.1.9 tcp 443 REJECT: registry, rejected 1/4/400"}},
		{"repetition: three ports", `
			tcp 10.0.1.1:50001 > 10.0.0.1:40404 in
			tcp 10.0.0.1:40404 > 10.0.1.1:50001 out
			tcp 10.0.1.2:50002 > 10.0.0.1:40404 in
			tcp 10.0.0.1:40404 > 10.0.1.2:50002 out
			tcp 10.0.1.1:50003 > 10.0.0.1:40404 in
			tcp 10.0.0.1:40404 > 10.0.1.1:50003 out
			tcp 10.0.1.5:50004 > 10.0.0.1:40404 p1 in`,
			[]string{"eni-1 ingress < 10.0.0.1 > 10.0.1.1 tcp 40404 ACCEPT: repetition, established 4/16/1600",
				"eni-1 ingress < 10.0.0.1 > 10.0.1.2 tcp 40404 ACCEPT: repetition, established 2/8/800",
				"eni-1 ingress < 10.0.0.1 > 10.0.1.5 tcp 40404 ACCEPT: repetition, one-way 1/1/400"}},
		{"repetition: a scanner's source port is no service", `
			tcp 10.0.1.1:50001 > 10.0.0.1:40404 p1 in
			tcp 10.0.0.1:40404 > 10.0.1.1:50001 p1 out
			tcp 10.0.1.1:50001 > 10.0.0.1:40405 p1 in
			tcp 10.0.0.1:40405 > 10.0.1.1:50001 p1 out
			tcp 10.0.1.1:50001 > 10.0.0.1:40406 p1 in
			tcp 10.0.0.1:40406 > 10.0.1.1:50001 p1 out`,
			[]string{"eni-1 ingress < 10.0.0.1 > 10.0.1.1 tcp 40404 ACCEPT: ambiguous, weak 2/2/800 linked 1",
				"eni-1 ingress < 10.0.0.1 > 10.0.1.1 tcp 40405 ACCEPT: ambiguous, weak 2/2/800 linked 2",
				"eni-1 ingress < 10.0.0.1 > 10.0.1.1 tcp 40406 ACCEPT: ambiguous, weak 2/2/800 linked 3",
				"eni-1 egress < 10.0.0.1 > 10.0.1.1 tcp 50001 ACCEPT: ambiguous, weak 2/2/800 linked 1",
				"eni-1 egress < 10.0.0.1 > 10.0.1.1 tcp 50001 ACCEPT: ambiguous, weak 2/2/800 linked 2",
				"eni-1 egress < 10.0.0.1 > 10.0.1.1 tcp 50001 ACCEPT: ambiguous, weak 2/2/800 linked 3"}},
		{"repetition: two candidates that met are none", `
			tcp 10.0.0.1:50000 > 10.0.1.1:40001 out
			tcp 10.0.1.1:40001 > 10.0.0.1:50000 in
			tcp 10.0.0.1:50000 > 10.0.1.2:40002 out
			tcp 10.0.1.2:40002 > 10.0.0.1:50000 in
			tcp 10.0.0.1:50000 > 10.0.1.3:40003 out
			tcp 10.0.1.3:40003 > 10.0.0.1:50000 in
			tcp 10.0.0.1:50001 > 10.0.1.1:40001 out
			tcp 10.0.1.1:40001 > 10.0.0.1:50001 in
			tcp 10.0.0.1:50002 > 10.0.1.1:40001 out
			tcp 10.0.1.1:40001 > 10.0.0.1:50002 in`,
			[]string{"eni-1 ingress < 10.0.0.1 > 10.0.1.1 tcp 50000 ACCEPT: ambiguous, established 2/8/800 linked 1",
				"eni-1 ingress < 10.0.0.1 > 10.0.1.1 tcp 50001 ACCEPT: ambiguous, established 2/8/800 linked 2",
				"eni-1 ingress < 10.0.0.1 > 10.0.1.1 tcp 50002 ACCEPT: ambiguous, established 2/8/800 linked 3",
				"eni-1 ingress < 10.0.0.1 > 10.0.1.2 tcp 50000 ACCEPT: ambiguous, established 2/8/800 linked 4",
				"eni-1 ingress < 10.0.0.1 > 10.0.1.3 tcp 50000 ACCEPT: ambiguous, established 2/8/800 linked 5",
				"eni-1 egress < 10.0.0.1 > 10.0.1.1 tcp 40001 ACCEPT: ambiguous, established 2/8/800 linked 1",
				"eni-1 egress < 10.0.0.1 > 10.0.1.1 tcp 40001 ACCEPT: ambiguous, established 2/8/800 linked 2",
				"eni-1 egress < 10.0.0.1 > 10.0.1.1 tcp 40001 ACCEPT: ambiguous, established 2/8/800 linked 3",
				"eni-1 egress < 10.0.0.1 > 10.0.1.2 tcp 40002 ACCEPT: ambiguous, established 2/8/800 linked 4",
				"eni-1 egress < 10.0.0.1 > 10.0.1.3 tcp 40003 ACCEPT: ambiguous, established 2/8/800 linked 5"}},
		{"two known ends contradict each other", `
			tcp 10.0.1.9:50000 > 10.0.0.1:40000 f2 in
			tcp 10.0.0.1:40000 > 10.0.1.9:50000 f18 out
			tcp 10.0.1.9:50000 > 10.0.2.2:44444 f2 in eni-2
			tcp 10.0.2.2:44444 > 10.0.1.9:50000 f18 out eni-2
			---
			tcp 10.0.0.1:40000 > 10.0.2.2:44444 f0 out
			tcp 10.0.2.2:44444 > 10.0.0.1:40000 f0 in`,
			[]string{"eni-1 ingress < 10.0.0.1 > 10.0.1.9 tcp 40000 ACCEPT: flags, established 2/8/800",
				"eni-1 ingress < 10.0.0.1 > 10.0.2.2 tcp 40000 ACCEPT: ambiguous, established 2/8/800 linked 1",
				"eni-1 egress < 10.0.0.1 > 10.0.2.2 tcp 44444 ACCEPT: ambiguous, established 2/8/800 linked 1",
				"eni-2 ingress < 10.0.2.2 > 10.0.1.9 tcp 44444 ACCEPT: flags, established 2/8/800"}},
		{"an attempt contradicts a service that others know", `
			tcp 10.0.1.9:50000 > 10.0.0.1:40000 f2 in
			tcp 10.0.0.1:40000 > 10.0.1.9:50000 f18 out
			---
			tcp 10.0.0.1:40000 > 10.0.2.2:44444 p1 b60 f2 out
			---
			tcp 10.0.0.1:40000 > 10.0.2.2:44444 f0 out
			tcp 10.0.2.2:44444 > 10.0.0.1:40000 f0 in`,
			[]string{"eni-1 ingress < 10.0.0.1 > 10.0.1.9 tcp 40000 ACCEPT: flags, established 2/8/800",
				"eni-1 ingress < 10.0.0.1 > 10.0.2.2 tcp 40000 ACCEPT: ambiguous, established 2/8/800 linked 1",
				"eni-1 egress < 10.0.0.1 > 10.0.2.2 tcp 44444 ACCEPT: flags, attempt 1/1/60",
				"eni-1 egress < 10.0.0.1 > 10.0.2.2 tcp 44444 ACCEPT: ambiguous, established 2/8/800 linked 1"}},
		{"nothing tells: a NAT's port may be the lower one", `
			tcp 10.0.1.1:5000 > 10.0.0.1:40404 in
			tcp 10.0.0.1:40404 > 10.0.1.1:5000 out`,
			[]string{"eni-1 ingress < 10.0.0.1 > 10.0.1.1 tcp 40404 ACCEPT: ambiguous, established 2/8/800 linked 1 unlikely",
				"eni-1 egress < 10.0.0.1 > 10.0.1.1 tcp 5000 ACCEPT: ambiguous, established 2/8/800 linked 1"}},
		{"ranges: two ports from 32768 on", `
			tcp 10.0.1.1:50000 > 10.0.0.1:7777 in
			tcp 10.0.0.1:7777 > 10.0.1.1:50000 out
			tcp 10.0.1.1:50001 > 10.0.0.1:7777 in
			tcp 10.0.0.1:7777 > 10.0.1.1:50001 out`,
			[]string{"eni-1 ingress < 10.0.0.1 > 10.0.1.1 tcp 7777 ACCEPT: registry, established 4/16/1600"}},
		{"no flags: knocks by the size of a SYN, and refusals", `
			tcp 198.51.100.1:20000 > 10.0.0.1:8001 p3 b180 in
			tcp 198.51.100.2:20000 > 10.0.0.1:8002 p3 b180 in
			tcp 10.0.0.1:8002 > 198.51.100.2:20000 p3 b120 out
			tcp 198.51.100.3:20000 > 10.0.0.1:8003 p1 b44 in reject
			tcp 198.51.100.4:20000 > 10.0.0.1:8004 p1 b52 in
			tcp [2001:db8:1::1]:20000 > [2001:db8::1]:8005 p2 b160 in`,
			[]string{"eni-1 ingress < 10.0.0.1 > 198.51.100.1 tcp 8001 ACCEPT: handshake, one-way 1/3/180",
				"eni-1 ingress < 10.0.0.1 > 198.51.100.2 tcp 8002 ACCEPT: handshake, weak 2/6/300",
				"eni-1 ingress < 10.0.0.1 > 198.51.100.3 tcp 8003 REJECT: handshake, rejected 1/1/44",
				"eni-1 ingress < 10.0.0.1 > 198.51.100.4 tcp 8004 ACCEPT: ambiguous, one-way 1/1/52 linked 1",
				"eni-1 ingress < 2001:db8::1 > 2001:db8:1::1 tcp 8005 ACCEPT: handshake, one-way 1/2/160",
				"eni-1 egress < 10.0.0.1 > 198.51.100.4 tcp 20000 ACCEPT: ambiguous, one-way 1/1/52 linked 1"}},
		{"active FTP", `
			tcp 10.0.1.1:20 > 10.0.0.1:50000 in
			tcp 10.0.0.1:50000 > 10.0.1.1:20 out`,
			[]string{"eni-1 ingress < 10.0.0.1 > 10.0.1.1 tcp 50000 ACCEPT: registry, established 2/8/800"}},
		{"NFS from a reserved port", `
			tcp 10.0.1.1:888 > 10.0.0.1:2049 in
			tcp 10.0.0.1:2049 > 10.0.1.1:888 out`,
			[]string{"eni-1 ingress < 10.0.0.1 > 10.0.1.1 tcp 2049 ACCEPT: registry, established 2/8/800"}},
		{"UDP request and answer, in two objects", `
			udp 10.0.0.1:50000 > 10.0.1.1:53 out
			---
			udp 10.0.1.1:53 > 10.0.0.1:50000 in`,
			[]string{"eni-1 egress < 10.0.0.1 > 10.0.1.1 udp 53 ACCEPT: registry, established 2/8/800"}},
		{"one-way UDP is a request", `
			udp 10.0.0.1:50000 > 10.0.1.1:40000 out
			udp 10.0.0.1:514 > 10.0.1.1:40001 out reject`,
			[]string{"eni-1 ingress < 10.0.0.1 > 10.0.1.1 udp 514 REJECT: ambiguous, none 1/4/400 linked 1",
				"eni-1 egress < 10.0.0.1 > 10.0.1.1 udp 40000 ACCEPT: one-way-udp, one-way 1/4/400",
				"eni-1 egress < 10.0.0.1 > 10.0.1.1 udp 40001 REJECT: ambiguous, rejected 1/4/400 linked 1 unlikely"}},
		{"a lone answer of a service that this client asked", `
			udp 10.0.0.1:50000 > 10.0.1.1:53 out
			udp 10.0.1.1:53 > 10.0.0.1:50000 in
			udp 10.0.1.1:53 > 10.0.0.1:50001 in`,
			[]string{"eni-1 egress < 10.0.0.1 > 10.0.1.1 udp 53 ACCEPT: endpoint, established 2/8/800, one-way 1/4/400"}},
		{"equal ports", `
			udp 10.0.0.1:123 > 10.0.1.1:123 out
			udp 10.0.0.1:123 > 10.0.1.2:123 out p3
			udp 10.0.1.2:123 > 10.0.0.1:123 in`,
			[]string{"eni-1 ingress < 10.0.0.1 > 10.0.1.2 udp 123 ACCEPT: equal-ports, established 1/4/400",
				"eni-1 egress < 10.0.0.1 > 10.0.1.1 udp 123 ACCEPT: equal-ports, one-way 1/4/400",
				"eni-1 egress < 10.0.0.1 > 10.0.1.2 udp 123 ACCEPT: equal-ports, established 1/3/400"}},
		{"portless: both sides", `
			icmp 10.0.1.1:0 > 10.0.0.1:0 in
			icmp 10.0.0.1:0 > 10.0.1.1:0 out p3
			50 10.0.1.1:0 > 10.0.0.1:0 in
			icmp 10.0.1.2:0 > 10.0.0.1:0 in reject`,
			[]string{"eni-1 ingress < 10.0.0.1 > 10.0.1.1 icmp ACCEPT: portless, established 1/4/400",
				"eni-1 ingress < 10.0.0.1 > 10.0.1.1 50 ACCEPT: portless, one-way 1/4/400",
				"eni-1 ingress < 10.0.0.1 > 10.0.1.2 icmp REJECT: portless, rejected 1/4/400",
				"eni-1 egress < 10.0.0.1 > 10.0.1.1 icmp ACCEPT: portless, established 1/3/400"}},
		{"the side is known from another object", `
			tcp 10.0.1.1:40000 > 10.0.0.1:443 f3 in
			tcp 10.0.0.1:443 > 10.0.1.1:40000 f19 out
			---
			tcp 10.0.1.1:40002 > 10.0.0.1:443 f3
			tcp 10.0.0.1:443 > 10.0.1.1:40002 f19`,
			[]string{"eni-1 ingress < 10.0.0.1 > 10.0.1.1 tcp 443 ACCEPT: flags, established 4/16/1600"}},
		{"the side stays open", `
			tcp 10.0.1.1:40000 > 10.0.0.1:443 f3
			tcp 10.0.0.1:443 > 10.0.1.1:40000 f19`,
			[]string{"eni-1 unknown < 10.0.0.1 > 10.0.1.1 tcp 443 ACCEPT: flags, established 2/8/800"}},
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

// A host that served many high ports has its own client ports among them: they are no sign any more.
func TestManyDynamicPorts(t *testing.T) {
	for _, tt := range []struct {
		ports int
		want  analyze.Reason
	}{{16, analyze.Endpoint}, {17, analyze.Ambiguous}} {
		objects := make([]sumtest.Object, 2)
		for n := range tt.ports {
			objects[0].Records = append(objects[0].Records, flow(fmt.Sprintf("tcp 10.0.1.9:50000 > 10.0.0.1:%d f3 in", 40000+n)), flow(fmt.Sprintf("tcp 10.0.0.1:%d > 10.0.1.9:50000 f19 out", 40000+n)))
		}
		objects[1].Records = []sumtest.Record{flow("tcp 10.0.0.1:40000 > 10.0.2.2:44444 f0 out"), flow("tcp 10.0.2.2:44444 > 10.0.0.1:40000 f0 in")}
		for _, c := range conversations(t, orient.Options{}, objects...) {
			if c.Peer == netip.MustParseAddr("10.0.2.2") && c.Orientation != tt.want {
				t.Errorf("%d ports: %s, want %v", tt.ports, text(c), tt.want)
			}
		}
	}
}

// An FTP server opens data connections from port 20 to many ports: 20 repeats, and serves nobody.
func TestFTPData(t *testing.T) {
	var o sumtest.Object
	for n := range 40 {
		o.Records = append(o.Records, flow(fmt.Sprintf("tcp 10.0.0.1:20 > 10.0.1.1:%d out", 50000+n)), flow(fmt.Sprintf("tcp 10.0.1.1:%d > 10.0.0.1:20 in", 50000+n)))
	}
	for _, c := range conversations(t, orient.Options{}, o) {
		if c.Direction != analyze.Egress || c.Link != 0 || c.Port < 50000 {
			t.Errorf("%s, want egress to the client's port", text(c))
		}
	}
}

// A listed port among many unlisted low ones of an address is a NAT's client port.
func TestListedPortOfNAT(t *testing.T) {
	for _, tt := range []struct {
		others int
		want   analyze.Reason
	}{{7, analyze.Registry}, {8, analyze.Registry}, {9, analyze.Ambiguous}} {
		var o sumtest.Object
		for n := range tt.others {
			o.Records = append(o.Records, flow(fmt.Sprintf("tcp 10.0.1.1:%d > 10.0.0.1:%d in", 7001+n, 50000+n)), flow(fmt.Sprintf("tcp 10.0.0.1:%d > 10.0.1.1:%d out", 50000+n, 7001+n)))
		}
		o.Records = append(o.Records, flow("tcp 10.0.1.1:8080 > 10.0.0.1:60000 in"), flow("tcp 10.0.0.1:60000 > 10.0.1.1:8080 out"))
		for _, c := range conversations(t, orient.Options{}, o) {
			if c.Port == 8080 && c.Orientation != tt.want {
				t.Errorf("%d others: %s, want %v", tt.others, text(c), tt.want)
			}
		}
	}
}

func TestKnownPorts(t *testing.T) {
	in := `
		tcp 10.0.1.1:5000 > 10.0.0.1:40404 in
		tcp 10.0.0.1:40404 > 10.0.1.1:5000 out
		udp 10.0.0.1:40404 > 10.0.1.1:5000 out`
	want := []string{"eni-1 ingress < 10.0.0.1 > 10.0.1.1 tcp 40404 ACCEPT: known-port, established 2/8/800",
		"eni-1 ingress < 10.0.0.1 > 10.0.1.1 udp 40404 ACCEPT: known-port, one-way 1/4/400"}
	got := texts(conversations(t, orient.Options{KnownPorts: []uint16{40404}}, flows(in)...))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Several flow logs on one interface: the union, counters not doubled where their hours overlap.
func TestOverlappingFlowLogs(t *testing.T) {
	in := `
		tcp 10.0.1.1:40000 > 10.0.0.1:443 p6 b600 f3 in
		tcp 10.0.0.1:443 > 10.0.1.1:40000 p6 b600 f19 out
		---
		tcp 10.0.1.1:40000 > 10.0.0.1:443 p4 b400 in
		tcp 10.0.1.1:40000 > 10.0.0.1:443 p2 b200 in
		tcp 10.0.0.1:443 > 10.0.1.1:40000 p6 b600 out
		tcp 10.0.1.2:40000 > 10.0.0.1:443 in
		---
		tcp 10.0.1.1:40007 > 10.0.0.1:443 p6 b600 f3 in h9
		tcp 10.0.0.1:443 > 10.0.1.1:40007 p6 b600 f19 out h9`
	objects := flows(in)
	for i := range objects {
		objects[i].FlowLog = fmt.Sprint("fl-", i)
	}
	want := []string{
		"eni-1 ingress < 10.0.0.1 > 10.0.1.1 tcp 443 ACCEPT: flags, established 5/24/2400",
		"eni-1 ingress < 10.0.0.1 > 10.0.1.2 tcp 443 ACCEPT: endpoint, one-way 1/4/400",
	}
	if diff := cmp.Diff(want, texts(conversations(t, orient.Options{}, objects...))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// However the records of connections with flags are split over objects, the conversations are the same ones, with the same
// strength and totals.
func TestSplitObjects(t *testing.T) {
	rng := seeded(t)
	for range 12 {
		var records []sumtest.Record
		for n := range 60 {
			at := func(s string) {
				r := flow(s)
				r.Start += int64(rng.IntN(80000))
				r.End = r.Start + 50
				records = append(records, r)
			}
			client, server := fmt.Sprintf("10.0.1.%d:%d", rng.IntN(4), 33000+n), fmt.Sprintf("10.0.0.1:%d", []int{443, 40404, 7777, 50000 + n}[rng.IntN(4)])
			fwd, back := "in", "out"
			if rng.IntN(2) == 0 { // the interface is the client's
				client, server, fwd, back = fmt.Sprintf("10.0.0.1:%d", 43000+n), fmt.Sprintf("10.0.2.%d:%d", rng.IntN(4), []int{443, 60000 + n}[rng.IntN(2)]), "out", "in"
			}
			switch rng.IntN(5) {
			case 0:
				at(fmt.Sprintf("tcp %s > %s p1 b60 f2 %s", client, server, fwd)) // silent
			case 1:
				at(fmt.Sprintf("tcp %s > %s p1 b60 f2 %s", client, server, fwd)) // refused
				at(fmt.Sprintf("tcp %s > %s p1 b40 f4 %s", server, client, back))
			case 2:
				at(fmt.Sprintf("tcp %s > %s f3 %s", client, server, fwd)) // short
				at(fmt.Sprintf("tcp %s > %s f19 %s", server, client, back))
			case 3:
				for _, flags := range []int{2, 0, 0, 1} { // long
					at(fmt.Sprintf("tcp %s > %s p9 b4000 f%d %s", client, server, flags, fwd))
					at(fmt.Sprintf("tcp %s > %s p9 b4000 f%d %s", server, client, flags&^2|flags&2*9, back))
				}
			case 4:
				at(fmt.Sprintf("tcp %s > %s f2 %s reject", client, server, fwd))
			}
		}
		var want []string
		for try := range 4 {
			objects := make([]sumtest.Object, 1+try*3)
			for _, r := range records {
				o := &objects[rng.IntN(len(objects))]
				o.Records = append(o.Records, r)
			}
			var got []string
			for _, c := range conversations(t, orient.Options{}, objects...) {
				got = append(got, fmt.Sprint(c.Key, c.Strength(), c.Total(), c.Hours, c.First, c.Last, c.Link))
			}
			if want == nil {
				want = got
			} else if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("split over %d objects: -want +got:\n%s", len(objects), diff)
			}
		}
	}
}

// The order of evidence within an interface does not matter, but interfaces must come one after the other.
func TestEvidenceOrder(t *testing.T) {
	rng := seeded(t)
	var rows []ledger.Evidence
	for range 300 {
		a, b := uint16(40000+rng.IntN(3)), []uint16{443, 40404, 40001}[rng.IntN(3)]
		rows = append(rows, ledger.Evidence{
			Key: ledger.Key{Day: 1, Source: fmt.Sprint("fl-", rng.IntN(2)), Interface: "eni-1", A: netip.MustParseAddr("10.0.0.1"), B: netip.AddrFrom4([4]byte{10, 0, 1, byte(rng.IntN(30))}),
				Proto: []uint8{6, 17, 1}[rng.IntN(3)], PortA: a, PortB: b, Side: ledger.Side(rng.IntN(2)), Action: analyze.Action(1 + rng.IntN(2))},
			AB: ledger.Sums{Flows: int64(rng.IntN(2)), Packets: 5, Bytes: 9}, BA: ledger.Sums{Flows: 1, Packets: 4, Bytes: 7}, Hours: 1, Sessions: 1, First: 86400, Last: 86400 + int64(rng.IntN(9)),
		})
	}
	plain := func(rows []ledger.Evidence) func(yield func(ledger.Evidence, error) bool) {
		return func(yield func(ledger.Evidence, error) bool) {
			for _, e := range rows {
				if !yield(e, nil) {
					return
				}
			}
		}
	}
	want, err := orient.Day(orient.Source{Evidence: plain(rows)}, orient.Options{})
	if err != nil || len(want) == 0 {
		t.Fatal(len(want), err)
	}
	for range 5 {
		rng.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		got, err := orient.Day(orient.Source{Evidence: plain(rows)}, orient.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
	}
	mixed := slices.Clone(rows[:2])
	mixed[0].Interface = "eni-2"
	if _, err := orient.Day(orient.Source{Evidence: plain(mixed)}, orient.Options{}); !errors.Is(err, orient.ErrOrder) {
		t.Errorf("interfaces out of order: error %v", err)
	}
	broken := errors.New("broken")
	if _, err := orient.Day(orient.Source{Evidence: func(yield func(ledger.Evidence, error) bool) { yield(ledger.Evidence{}, broken) }}, orient.Options{}); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}

	var each []orient.Conversation
	for c, err := range orient.Each(orient.Source{Evidence: plain(rows)}, orient.Options{}) {
		if err != nil {
			t.Fatal(err)
		}
		each = append(each, c)
	}
	if diff := cmp.Diff(want, each, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("Each differs from Day: -want +got:\n%s", diff)
	}
	for c, err := range orient.Each(orient.Source{Evidence: plain(rows)}, orient.Options{}) {
		if err != nil || c != want[0] {
			t.Errorf("got %v, %v first", c, err)
		}
		break
	}
	yields := 0
	for _, err := range orient.Each(orient.Source{Evidence: plain(mixed)}, orient.Options{}) {
		if yields++; !errors.Is(err, orient.ErrOrder) || yields > 1 {
			t.Errorf("yield %d of an error: %v", yields, err)
		}
	}
}
