package sum

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/ledger/sum/sumtest"
	"github.com/sgtrim/sgtrim/ingest"
)

const worldDay = int64(20000) // 2024-10-04

// randomObjects makes objects whose records meet often: few addresses, few ports, every field in every state.
func randomObjects(rng *rand.Rand, objects, records int) []sumtest.Object {
	var all []sumtest.Object
	for n := range objects {
		slot := time.Unix(worldDay*86400+int64(rng.IntN(2*86400)), 0).UTC()
		o := sumtest.Object{Object: ingest.Object{
			Account: fmt.Sprint(111111111111 + rng.IntN(2)), Region: "eu-west-1", FlowLog: fmt.Sprintf("fl-%d", rng.IntN(2)), Slot: slot, Size: int64(n),
		}}
		o.URL = fmt.Sprintf("s3://b/%s_vpcflowlogs_%s_%s_%s_%04x.log.gz", o.Account, o.Region, o.FlowLog, slot.Format("20060102T1504Z"), n)
		style := rng.IntN(4)
		for range rng.IntN(records) {
			o.Records = append(o.Records, randomRecord(rng, slot.Unix(), style))
		}
		if rng.IntN(3) == 0 {
			o.Records = append(o.Records, busyService(rng, slot.Unix())...)
		}
		if rng.IntN(3) == 0 {
			o.Records = append(o.Records, randomFleet(rng, slot.Unix())...)
		}
		all = append(all, o)
	}
	return all
}

// randomRecord: style 0 is v2, 1 has flags, 2 flags and packet addresses, 3 directions as well.
func randomRecord(rng *rand.Rand, slot int64, style int) sumtest.Record {
	iface := rng.IntN(4)
	own, peer := netip.AddrFrom4([4]byte{10, 0, byte(iface / 2 * 9), byte(iface)}), netip.AddrFrom4([4]byte{10, 0, 1, byte(rng.IntN(3))})
	if rng.IntN(5) == 0 {
		own, peer = addr6(iface/2, iface), addr6(rng.IntN(3), 100+rng.IntN(3))
	}
	if rng.IntN(60) == 0 {
		own, peer = peer, addr6(7, 7)
	}
	start := slot - int64(rng.IntN(900))
	r := sumtest.Record{
		Interface: fmt.Sprintf("eni-%d", iface), Account: "222222222222", VPC: "vpc-1", Subnet: "-", Src: own, Dst: peer,
		SrcPort: 40000 + rng.IntN(3), DstPort: []int{443, 8080, 40001}[rng.IntN(3)], Proto: []int{6, 6, 6, 17, 1, 50}[rng.IntN(6)],
		Packets: int64(rng.IntN(6)), Bytes: int64(rng.IntN(1000)) - 1, Start: start, End: start + int64(rng.IntN(700)),
		Action: analyze.Accept, Flags: -1,
	}
	egress := rng.IntN(2) == 0
	if !egress {
		r.Src, r.Dst, r.SrcPort, r.DstPort = r.Dst, r.Src, r.DstPort, r.SrcPort
	}
	if rng.IntN(6) == 0 {
		r.Action = analyze.Reject
	}
	if style >= 1 && r.Proto == 6 {
		r.Flags = []int{-1, 0, 0, 1, 2, 3, 4, 6, 18, 19, 22}[rng.IntN(11)]
	}
	if style >= 2 {
		r.PktSrc, r.PktDst = r.Src, r.Dst
		if rng.IntN(3) == 0 {
			r.PktSrc = netip.AddrFrom4([4]byte{192, 168, 0, byte(rng.IntN(2))})
		}
		if rng.IntN(3) == 0 {
			r.PktDst = netip.AddrFrom4([4]byte{192, 168, 0, byte(rng.IntN(2))})
		}
	}
	if style == 3 {
		r.Direction = analyze.Ingress
		if egress {
			r.Direction = analyze.Egress
		}
	}
	switch rng.IntN(40) {
	case 0:
		r.Interface = ""
	case 1:
		r.Status, r.Src, r.Dst = ingest.StatusNoData, netip.Addr{}, netip.Addr{}
	case 2:
		r.Status, r.Src, r.Dst = ingest.StatusSkipData, netip.Addr{}, netip.Addr{}
	case 3:
		r.Dst = netip.Addr{}
	case 4:
		r.SrcPort = -1
	case 5:
		r.Start, r.End = r.End, r.Start
	case 6:
		r.Start = -5
	case 7:
		r.End = latest + int64(rng.IntN(2))
	}
	return r
}

func addr6(net, host int) netip.Addr {
	return netip.MustParseAddr(fmt.Sprintf("2001:db8:0:%x::%x", net, host))
}

// busyService is enough connections without flags for strong repetition, or nearly.
func busyService(rng *rand.Rand, slot int64) (all []sumtest.Record) {
	proto, port := []int{6, 6, 17}[rng.IntN(3)], []int{9999, 53, 20}[rng.IntN(3)]
	for range 10 + rng.IntN(30) {
		r := sumtest.Record{
			Interface: "eni-0", Src: netip.AddrFrom4([4]byte{10, 0, 2, byte(rng.IntN(3))}), Dst: netip.AddrFrom4([4]byte{10, 0, 0, 0}),
			SrcPort: 1000 + rng.IntN(60000), DstPort: port, Proto: proto, Packets: 2 + int64(rng.IntN(9)), Bytes: 100, Start: slot, End: slot + 60,
			Action: analyze.Accept, Flags: -1,
		}
		if rng.IntN(40) == 0 {
			r.Flags = 2
		}
		back := r
		back.Src, back.Dst, back.SrcPort, back.DstPort = r.Dst, r.Src, r.DstPort, r.SrcPort
		all = append(all, r, back)
	}
	return all
}

// randomFleet is enough for a port kept by a fleet, or nearly.
func randomFleet(rng *rand.Rand, slot int64) []sumtest.Record {
	return fleet(slot, 7+rng.IntN(3), 1+rng.IntN(2), func() int { return min(3+rng.IntN(9), 4) })
}

// fleet is a mesh of hosts that all serve the same ports, to so many connections each, without flags.
func fleet(slot int64, hosts, ports int, connections func() int) (all []sumtest.Record) {
	client := 30000
	for host := range hosts {
		for port := range ports {
			for n := range connections() {
				peer := (host + n + 1) % hosts
				client++
				r := sumtest.Record{
					Interface: fmt.Sprintf("eni-f%d", peer), Src: netip.AddrFrom4([4]byte{10, 0, 3, byte(peer)}), Dst: netip.AddrFrom4([4]byte{10, 0, 3, byte(host)}),
					SrcPort: client, DstPort: 8443 + port, Proto: 6, Packets: 3, Bytes: 100, Start: slot, End: slot + 60, Action: analyze.Accept, Flags: -1,
				}
				back := r
				back.Src, back.Dst, back.SrcPort, back.DstPort = r.Dst, r.Src, r.DstPort, r.SrcPort
				all = append(all, r, back)
			}
		}
	}
	return all
}
