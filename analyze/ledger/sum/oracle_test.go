package sum

import (
	"math/bits"
	"net/netip"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/ledger"
	"github.com/sgtrim/sgtrim/analyze/ledger/sum/sumtest"
	"github.com/sgtrim/sgtrim/analyze/orient"
	"github.com/sgtrim/sgtrim/ingest"
)

// The oracle sums with maps of structs and lists of records: slow and obvious.

type oracleEnd struct {
	addr, pkt netip.Addr
	port      int
}

type oraclePair struct {
	iface  string
	day    int32
	proto  int
	action analyze.Action
	local  bool
	ends   [2]oracleEnd
}

type oracleRows [2][]sumtest.Record

type oracleFold struct {
	client   int // endpoint, -1 open
	reason   analyze.Reason
	strength analyze.Strength
	clash    bool
}

func usable(r sumtest.Record) bool {
	ports := r.Proto == 6 || r.Proto == 17
	return r.Interface != "" && r.Status == ingest.StatusOK && r.Src.IsValid() && r.Dst.IsValid() && r.Proto >= 0 && r.End >= 0 && r.End <= latest &&
		(!ports || r.SrcPort >= 0 && r.DstPort >= 0) && (r.Action == analyze.Accept || r.Action == analyze.Reject)
}

func oracle(objects []sumtest.Object, repetitionMost int) map[ledger.Partition]map[ledger.Key]ledger.Evidence {
	all := map[ledger.Partition]map[ledger.Key]ledger.Evidence{}
	for _, o := range objects {
		pairs := oraclePairs(o)
		folds := oracleFolds(pairs, repetitionMost)
		for p, rows := range pairs {
			part := ledger.Partition{Day: p.day, Account: o.Account, Region: o.Region}
			if all[part] == nil {
				all[part] = map[ledger.Key]ledger.Evidence{}
			}
			e := oracleEvidence(o, p, rows, folds[p], pairs)
			if old, ok := all[part][e.Key]; ok {
				e.Add(&old)
			}
			all[part][e.Key] = e
		}
	}
	return all
}

func oraclePairs(o sumtest.Object) map[oraclePair]*oracleRows {
	pairs := map[oraclePair]*oracleRows{}
	for _, r := range o.Records {
		if !usable(r) {
			continue
		}
		if r.Proto != 6 && r.Proto != 17 {
			r.SrcPort, r.DstPort = 0, 0
		}
		p := oraclePair{iface: r.Interface, day: int32(r.End / 86400), proto: r.Proto, action: r.Action}
		src, dst := oracleEnd{addr: r.Src, port: r.SrcPort}, oracleEnd{addr: r.Dst, port: r.DstPort}
		from := 0
		switch r.Direction {
		case analyze.Ingress:
			if r.PktSrc.IsValid() {
				src.addr = r.PktSrc
			}
			p.local, p.ends, from = true, [2]oracleEnd{dst, src}, 1
		case analyze.Egress:
			if r.PktDst.IsValid() {
				dst.addr = r.PktDst
			}
			p.local, p.ends = true, [2]oracleEnd{src, dst}
		default:
			if r.PktSrc != r.Src {
				src.pkt = r.PktSrc
			}
			if r.PktDst != r.Dst {
				dst.pkt = r.PktDst
			}
			p.ends = [2]oracleEnd{src, dst}
			if c := ledger.CompareAddr(src.addr, dst.addr); c > 0 || c == 0 && src.port > dst.port {
				p.ends, from = [2]oracleEnd{dst, src}, 1
			}
		}
		if pairs[p] == nil {
			pairs[p] = &oracleRows{}
		}
		pairs[p][from] = append(pairs[p][from], r)
	}
	return pairs
}

// oracleLocal is the own address of the pair's interface, or the zero address.
func oracleLocal(p oraclePair, pairs map[oraclePair]*oracleRows) netip.Addr {
	if p.local {
		return p.ends[0].addr
	}
	same := func(q oraclePair) bool {
		return q.iface == p.iface && !q.local && q.ends[0].addr.Is4() == p.ends[0].addr.Is4() && q.ends[0].addr.Is4() == q.ends[1].addr.Is4()
	}
	if !same(p) || p.ends[0].addr == p.ends[1].addr {
		return netip.Addr{}
	}
	var found []netip.Addr
	for _, a := range []netip.Addr{p.ends[0].addr, p.ends[1].addr} {
		everywhere := true
		nets := map[netip.Prefix]bool{}
		for q := range pairs {
			if !same(q) {
				continue
			}
			other := q.ends[0].addr
			switch a {
			case q.ends[0].addr:
				other = q.ends[1].addr
			case q.ends[1].addr:
			default:
				everywhere = false
			}
			nets[netip.PrefixFrom(other, 64).Masked()] = true
		}
		if everywhere {
			if a.Is4() || len(nets) > 1 {
				found = append(found, a)
			} else {
				return netip.Addr{}
			}
		}
	}
	if len(found) != 1 {
		return netip.Addr{}
	}
	return found[0]
}

func oracleSums(rows []sumtest.Record) (s ledger.Sums) {
	for _, r := range rows {
		s.Flows++
		s.Packets += max(r.Packets, 0)
		s.Bytes += max(r.Bytes, 0)
		if r.Flags >= 0 {
			s.Flagged = true
			s.Flags |= uint8(r.Flags)
			s.Opens = s.Opens || r.Flags&18 == 2
		}
	}
	return s
}

func oracleFolds(pairs map[oraclePair]*oracleRows, repetitionMost int) map[oraclePair]oracleFold {
	folds := map[oraclePair]oracleFold{}
	opener := func(p oraclePair, rows *oracleRows) (opens [2]bool) {
		for from := range 2 {
			for _, r := range rows[from] {
				if r.Flags >= 0 && p.proto == 6 {
					opens[from] = opens[from] || r.Flags&18 == 2
					opens[1-from] = opens[1-from] || r.Flags&18 == 18
				}
			}
		}
		return opens
	}
	strength := func(p oraclePair, client int) analyze.Strength {
		fwd, back := oracleSums(pairs[p][client]), oracleSums(pairs[p][1-client])
		return orient.Strength(uint8(p.proto), p.action, &fwd, &back)
	}
	for p, rows := range pairs {
		f := oracleFold{client: -1}
		switch opens := opener(p, rows); {
		case opens[0] && opens[1]:
			f.clash = true
		case opens[0] || opens[1]:
			f.client, f.reason = 0, analyze.OwnFlags
			if opens[1] {
				f.client = 1
			}
			for from := range 2 {
				s := oracleSums(rows[from])
				if s.Flows > 0 && !s.Opens && s.Flags&16 == 0 {
					f.reason = analyze.Counterpart
				}
			}
			f.strength = strength(p, f.client)
		}
		folds[p] = f
	}
	type end struct {
		proto int
		addr  netip.Addr
		port  int
	}
	of := func(p oraclePair, n int) end { return end{p.proto, p.ends[n].addr, p.ends[n].port} }
	met, clients := map[end]uint64{}, map[end]bool{}
	fit := func(p oraclePair) bool {
		x, y := oracleSums(pairs[p][0]), oracleSums(pairs[p][1])
		if folds[p].client >= 0 || folds[p].clash || x.Flows == 0 || y.Flows == 0 || p.action != analyze.Accept {
			return false
		}
		return (p.proto == 17 || p.proto == 6) && orient.Answered(uint8(p.proto), &x, &y)
	}
	for p := range pairs {
		if f := folds[p]; f.client >= 0 {
			clients[of(p, f.client)] = true
		}
		if fit(p) {
			for n := range 2 {
				met[of(p, n)] |= portBit(uint16(p.ends[1-n].port))
			}
		}
	}
	if len(met) > repetitionMost {
		return folds
	}
	kept := map[int]int{} // addresses by port
	for e, ports := range met {
		if e.proto == 6 && bits.OnesCount64(ports) >= fleetLeast {
			kept[e.port]++
		}
	}
	fleets := map[int]bool{}
	for port, n := range kept {
		if n >= fleetAddresses {
			fleets[port] = true
		}
	}
	if len(fleets) > fleetPorts {
		clear(fleets)
	}
	serves := func(s, c end) bool {
		d, peer := bits.OnesCount64(met[s]), bits.OnesCount64(met[c])
		fleet := s.proto == 6 && fleets[s.port] && d >= fleetLeast && peer <= 1
		return !clients[s] && c.port >= 1024 && mayRepeat(uint8(s.proto), uint16(s.port)) && (d >= repeatLeast && peer <= repeatPeer || fleet)
	}
	for p := range pairs {
		if !fit(p) {
			continue
		}
		for n := range 2 {
			if serves(of(p, n), of(p, 1-n)) {
				f := oracleFold{client: 1 - n, reason: analyze.Repetition}
				f.strength = strength(p, 1-n)
				defer func() { folds[p] = f }() // fit must see the folds by flags alone
				break
			}
		}
	}
	return folds
}

func oracleEvidence(o sumtest.Object, p oraclePair, rows *oracleRows, f oracleFold, pairs map[oraclePair]*oracleRows) ledger.Evidence {
	a, b := 0, 1
	k := ledger.Key{Day: p.day, Source: o.FlowLog, Interface: p.iface, Proto: uint8(p.proto), Action: p.action, Reason: f.reason, Strength: f.strength}
	local := oracleLocal(p, pairs)
	if local.IsValid() {
		k.Side = ledger.SideA
		if p.ends[0].addr != local {
			a, b = 1, 0
		}
	}
	k.A, k.B = p.ends[a].addr, p.ends[b].addr
	if local.IsValid() && p.ends[b].pkt.IsValid() {
		k.B = p.ends[b].pkt
	}
	k.PortA, k.PortB = uint16(p.ends[a].port), uint16(p.ends[b].port)
	switch f.client {
	case a:
		k.Client, k.PortA = ledger.ClientA, 0
	case b:
		k.Client, k.PortB = ledger.ClientB, 0
	}
	e := ledger.Evidence{Key: k, AB: oracleSums(rows[a]), BA: oracleSums(rows[b]), First: 1 << 62, Sessions: 1}
	for _, r := range append(rows[0][:len(rows[0]):len(rows[0])], rows[1]...) {
		e.First, e.Last = min(e.First, max(r.Start, 0), r.End), max(e.Last, r.End)
		for h := range int64(24) {
			from := int64(p.day)*86400 + h*3600
			if min(r.Start, r.End) < from+3600 && r.End >= from {
				e.Hours |= 1 << h
			}
		}
	}
	return e
}
