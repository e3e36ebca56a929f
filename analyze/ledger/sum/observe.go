package sum

import (
	"math/bits"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/ledger"
	"github.com/sgtrim/sgtrim/analyze/orient"
	"github.com/sgtrim/sgtrim/ingest"
)

// latest is the last second that a record may speak of: year 9999. What lies beyond is no time.
const latest = 253402300799

// blockRecords is how many records go through the steps of observe together. In each step they do not depend on each other,
// so that the core waits for the memory of several at once.
const blockRecords = 64

// observed is a record on its way into the table of pairs.
type observed struct {
	key   pairKey
	start int64
	last  uint64 // as that of a pair, without flags
	at    int32  // in the batch
	from  uint32 // endpoint that sent it
}

// observe adds the records of the batch from first to last, without last.
func (w *worker) observe(first, last int) {
	before := w.pairs.n
	w.addRecords(first, last)
	if w.cols.shape != sided {
		w.meetLocal(before) // while the pairs that are new are near
	}
}

func (w *worker) addRecords(first, last int) {
	n := 0
	if w.cols.shape == irregular {
		for i := first; i < last; i++ {
			if w.read(i, &w.block[n]) {
				n++
			}
		}
	} else {
		n = w.readRegular(first, last)
	}
	block := w.block[:n]
	hashes := w.hashes[:n]
	for i := range block {
		hashes[i] = block[i].key.hash(w.pairs.seed)
	}
	w.pairs.reserve(n)
	w.pairs.ahead(hashes)
	if w.cols.shape == irregular {
		for i := range block {
			o := &block[i]
			w.pairs.get(&o.key, hashes[i]).add(o, w.cols.valuesAt(int(o.at)))
		}
		return
	}
	flags := &flagsOf
	if w.cols.noFlags.all {
		flags = &noFlags
	}
	packets, bytes, tcp := w.cols.packets, w.cols.bytes, w.cols.flags
	for i := range block {
		o := &block[i]
		w.pairs.get(&o.key, hashes[i]).add(o, values{packets[o.at], bytes[o.at], flags[tcp[o.at]]})
	}
}

// span says on which day a record's end is and which of its hours it touches. Records come in order of time by and large, so
// it remembers an hour.
type span struct {
	hour  int64 // its first second
	day   int32
	hours uint32 // the hour alone
}

// has reports whether a record lies in the hour.
func (s *span) has(start, end int64) bool {
	return uint64(start-s.hour) < 3600 && uint64(end-s.hour) < 3600
}

func (s *span) of(start, end int64) (day int32, hours uint32) {
	if s.has(start, end) {
		return s.day, s.hours
	}
	day = ledger.DayOf(end)
	*s = span{end - end%3600, day, ledger.Hours(day, end, end)}
	return day, ledger.Hours(day, start, end)
}

// readRegular is read for records of a batch that is regular. It returns how many are to be summed.
func (w *worker) readRegular(first, last int) int {
	c := &w.cols
	ids := c.ids[first:last]
	proto, action, flow := c.proto[first:last][:len(ids)], c.action[first:last][:len(ids)], c.flow[first:last][:len(ids)]
	start, end := c.start[first:last][:len(ids)], c.end[first:last][:len(ids)]
	src, dst := c.src.ids[first:last][:len(ids)], c.dst.ids[first:last][:len(ids)]
	peerSrc, peerDst := c.pktSrc.peerOf(&c.src)[first:last][:len(ids)], c.pktDst.peerOf(&c.dst)[first:last][:len(ids)]
	srcPort, dstPort := c.srcPort[first:last][:len(ids)], c.dstPort[first:last][:len(ids)]
	hasSides := c.shape == sided
	used, ifaces, codes, near := 0, w.dictIfaces, w.codeOf, w.span
	for i := range ids {
		n := ifaces[ids[i]] - 1
		if n < 0 {
			if n = w.ifaceOf(ids[i]); n < 0 {
				w.seen.NoInterface++
				continue
			}
		}
		t := end[i]
		if t < 0 || t > latest {
			w.misplaced()
			continue
		}
		s := min(max(start[i], 0), t)
		day, hours := near.day, near.hours
		if !near.has(s, t) {
			day, hours = near.of(s, t)
		}
		if w.tally.knows(int(n), day) {
			w.tally.counts[n].add(hours, analyze.Action(action[i]))
		} else if !w.tally.addNew(int(n), day, hours, analyze.Action(action[i])) {
			w.ifaces[n].on(day).takeOne(hours, analyze.Action(action[i]))
		}
		from, to := uint64(srcPort[i]), uint64(dstPort[i])
		if !analyze.Proto(proto[i]).HasPorts() {
			from, to = 0, 0
		}
		// Which endpoint is which comes without branches, as nobody could foretell them.
		var sent uint64 // by which
		if hasSides {
			sent = uint64(flow[i] & ingressBit)
			in := -int32(sent)
			own, peer := src[i]^(src[i]^dst[i])&in, peerDst[i]^(peerDst[i]^peerSrc[i])&in
			swap := (from ^ to) & -sent
			from, to = from^swap|uint64(codes[own])<<16, to^swap|uint64(codes[peer])<<16
		} else {
			from, to = from|uint64(codes[src[i]])<<16, to|uint64(codes[dst[i]])<<16
			_, sent = bits.Sub64(to, from, 0)
			swap := (from ^ to) & -sent
			from, to = from^swap, to^swap
		}
		o := &w.block[used]
		used++
		o.key = pairKey{
			addrs: from>>16<<32 | to>>16,
			ports: from<<48 | to&0xffff<<32 | uint64(uint32(n)),
			rest:  uint64(uint32(day))<<dayAt | uint64(proto[i])<<protoAt | uint64(action[i])<<actionAt,
		}
		if hasSides {
			o.key.rest |= localBit
		}
		o.start, o.last, o.at, o.from = s, packLast(t, day, hours), int32(first+i), uint32(sent)
	}
	w.span = near
	w.seen.Used += int64(used)
	return used
}

// ingressBit is set in Ingress and not in Egress: the lines below do not compile where that is otherwise.
const (
	ingressBit       = 1
	_          uint8 = uint8(analyze.Ingress&ingressBit) - 1
	_          uint8 = 0 - uint8(analyze.Egress&ingressBit)
)

// packLast is the last of a pair, without flags.
func packLast(end int64, day int32, hours uint32) uint64 {
	return uint64(end-int64(day)*86400) | uint64(hours)<<hoursAt
}

// misplaced counts a record that no day can show: the gap is the object's.
func (o *object) misplaced() {
	o.seen.Incomplete++
	o.cut = true
}

// read notes what record i says of coverage, and reports whether it is to be summed, as o.
func (w *worker) read(i int, o *observed) bool {
	c := &w.cols
	n := w.ifaceOf(c.ids[i])
	if n < 0 {
		w.seen.NoInterface++
		return false
	}
	start, end := c.start[i], c.end[i]
	if end < 0 || end > latest {
		w.misplaced()
		return false
	}
	start = min(max(start, 0), end)
	today, hours := w.span.of(start, end)
	cov := w.ifaces[n].on(today)
	cov.touched |= hours
	switch ingest.Status(c.status[i]) {
	case ingest.StatusNoData:
		w.seen.NoData++
		cov.Covered |= hours
		cov.NoData++
		return false
	case ingest.StatusSkipData:
		w.seen.SkipData++
		cov.Gaps |= hours
		cov.SkipData++
		return false
	}
	action := analyze.Action(c.action[i])
	if !c.complete(i) || action != analyze.Accept && action != analyze.Reject {
		w.seen.Incomplete++
		cov.Gaps |= hours
		return false
	}
	w.seen.Used++
	cov.takeOne(hours, action)
	o.at, o.start, o.last = int32(i), start, packLast(end, today, hours)
	w.key(o, uint32(n), today, action)
	return true
}

// complete reports whether an OK record has what a key needs.
func (c *columns) complete(i int) bool {
	if c.src.at(i) || c.dst.at(i) || c.noProto.at(i) {
		return false
	}
	return !analyze.Proto(c.proto[i]).HasPorts() || !c.noSrcPort.at(i) && !c.noDstPort.at(i)
}

// key finds the pair of a record, and which of its endpoints sent it.
func (w *worker) key(o *observed, n uint32, today int32, action analyze.Action) {
	c, i := &w.cols, int(o.at)
	src, dst := w.codeOf[c.src.ids[i]], w.codeOf[c.dst.ids[i]]
	var srcPort, dstPort uint16
	if analyze.Proto(c.proto[i]).HasPorts() {
		srcPort, dstPort = c.srcPort[i], c.dstPort[i]
	}
	o.from = 0
	o.key.rest = uint64(uint32(today))<<dayAt | uint64(c.proto[i])<<protoAt | uint64(action)<<actionAt
	switch analyze.Direction(c.flow[i]) {
	case analyze.Egress:
		o.key.rest |= localBit
		dst = w.pktCode(&c.pktDst, i, dst)
	case analyze.Ingress:
		o.key.rest |= localBit
		src = w.pktCode(&c.pktSrc, i, src)
		o.from = 1
	default:
		if dst < src || dst == src && dstPort < srcPort {
			o.from = 1
		}
		o.key.rest |= w.pktPair(o.from, src, dst, w.pktCode(&c.pktSrc, i, src), w.pktCode(&c.pktDst, i, dst)) << extraAt
	}
	if o.from == 1 {
		src, dst, srcPort, dstPort = dst, src, dstPort, srcPort
	}
	o.key.addrs = uint64(src)<<32 | uint64(dst)
	o.key.ports = uint64(srcPort)<<48 | uint64(dstPort)<<32 | uint64(n)
}

// pktCode is the code of the packet's address in record i, plain where it has none.
func (w *worker) pktCode(c *addrColumn, i int, plain uint32) uint32 {
	if c.at(i) {
		return plain
	}
	return w.codeOf[c.ids[i]]
}

// pktPair is what a key has of packet addresses: 0 where they are the plain ones.
func (o *object) pktPair(from, src, dst, pktSrc, pktDst uint32) uint64 {
	if pktSrc == src {
		pktSrc = 0
	}
	if pktDst == dst {
		pktDst = 0
	}
	if from == 1 {
		pktSrc, pktDst = pktDst, pktSrc
	}
	return o.pktPairOf(pktSrc, pktDst)
}

// pktPairOf takes the packet addresses of endpoints 0 and 1, 0 where there is none.
func (o *object) pktPairOf(zero, one uint32) uint64 {
	both := uint64(zero)<<32 | uint64(one)
	if both == 0 {
		return 0
	}
	place, ok := o.pktCodes[both]
	if !ok {
		if o.pktCodes == nil {
			o.pktCodes = map[uint64]uint32{}
		}
		o.pkts = append(o.pkts, both)
		place = uint32(len(o.pkts))
		o.pktCodes[both] = place
	}
	return uint64(place)
}

// values are what one record adds to its direction.
type values struct {
	packets, bytes int64
	flags          uint8
}

// valuesAt are the values of record i, none of them where it has none.
func (c *columns) valuesAt(i int) (v values) {
	if !c.noPackets.at(i) {
		v.packets = c.packets[i]
	}
	if !c.noBytes.at(i) {
		v.bytes = c.bytes[i]
	}
	v.flags = sentBit
	if !c.noFlags.at(i) {
		v.flags = flagsOf[c.flags[i]]
	}
	return v
}

func (p *pair) add(o *observed, v values) {
	from := o.from & 1
	p.first = min(p.first, o.start)
	p.last = later(p.last, o.last|uint64(v.flags)<<(flagsAt+7*from))
	p.sessions = 1
	p.flows[from]++
	p.packets[from] = ledger.AddCounts(p.packets[from], max(v.packets, 0))
	p.bytes[from] = ledger.AddCounts(p.bytes[from], max(v.bytes, 0))
}

// flagsOf is what one record's tcp-flags add. AWS never logs the ACK bit without SYN; where another writer does, it says
// nothing of who opened the connection.
var flagsOf = func() (all [256]uint8) {
	for f := range all {
		v := uint8(f)&(orient.FIN|orient.SYN|orient.RST) | flagBit | sentBit
		if f&orient.SYN != 0 {
			if f&orient.ACK != 0 {
				v |= orient.ACK
			} else {
				v |= opensBit
			}
		}
		all[f] = v
	}
	return all
}()

// noFlags is flagsOf where records have none.
var noFlags = [256]uint8{sentBit}
