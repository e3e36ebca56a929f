package sum

import (
	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/ledger"
	"github.com/sgtrim/sgtrim/ingest"
)

// latest is the last second that a record may speak of: year 9999. What lies beyond is no time.
const latest = 253402300799

// blockRecords is how many records go through the steps of observe together. In each step they do not depend on each other,
// so that the core waits for the memory of several at once.
const blockRecords = 64

// observed is a record on its way into the table of pairs.
type observed struct {
	key        pairKey
	hash       uint64
	start, end int64
	at         int32 // in the batch
	from       int32 // endpoint that sent it
	hours      uint32
}

// observe adds the records of the batch from first to last, without last.
func (w *worker) observe(first, last int) {
	block := w.block[:0]
	for i := first; i < last; i++ {
		block = block[:len(block)+1]
		if o := &block[len(block)-1]; w.read(i, o) {
			o.hash = o.key.hash(w.pairs.seed)
		} else {
			block = block[:len(block)-1]
		}
	}
	for i := range block {
		w.pairs.touchSlot(block[i].hash)
	}
	for i := range block {
		w.pairs.touch(block[i].hash)
	}
	for i := range block {
		o := &block[i]
		p, isNew := w.pairs.get(&o.key, o.hash)
		p.add(&w.cols, o, isNew)
	}
}

// read notes what record i says of coverage, and reports whether it is to be summed, as o.
func (w *worker) read(i int, o *observed) bool {
	c := &w.cols
	n := w.ifaceOf(i)
	if n < 0 {
		w.seen.NoInterface++
		return false
	}
	start, end := c.start[i], c.end[i]
	if end < 0 || end > latest {
		w.seen.Incomplete++
		w.cut = true // it can be placed on no day, so the gap is the object's
		return false
	}
	start = min(max(start, 0), end)
	today := ledger.DayOf(end)
	hours := ledger.Hours(today, start, end)
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
	cov.Covered |= hours
	if action == analyze.Accept {
		cov.Accepts++
	} else {
		cov.Rejects++
	}
	o.at, o.start, o.end, o.hours = int32(i), start, end, hours
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
	c, k, i := &w.cols, &o.key, int(o.at)
	src, dst := c.src.value(i), c.dst.value(i)
	proto := c.proto[i]
	var srcPort, dstPort uint64
	if analyze.Proto(proto).HasPorts() {
		srcPort, dstPort = uint64(c.srcPort[i]), uint64(c.dstPort[i])
	}
	from := int32(0)
	k.pkt = 0
	k.ids = uint64(n)<<32 | uint64(uint32(today))
	k.tuple = uint64(proto)<<8 | uint64(action)<<2
	switch analyze.Direction(c.flow[i]) {
	case analyze.Egress:
		k.tuple |= localBit
		dst = c.pktDst.or(i, dst)
	case analyze.Ingress:
		k.tuple |= localBit
		src = c.pktSrc.or(i, src)
		from = 1
	default:
		w.sideless = true
		if dst.less(src) || dst == src && dstPort < srcPort {
			from = 1
		}
		k.pkt = uint64(w.pktCode(&c.pktSrc, i, src))<<32 | uint64(w.pktCode(&c.pktDst, i, dst))
		if from == 1 {
			k.pkt = k.pkt<<32 | k.pkt>>32
		}
	}
	if from == 1 {
		src, dst, srcPort, dstPort = dst, src, dstPort, srcPort
	}
	k.addr = [2]addr{src, dst}
	k.tuple |= srcPort<<48 | dstPort<<32
	o.from = from
}

const localBit = 1

// or returns the address of record i, or plain where there is none.
func (c *addrColumn) or(i int, plain addr) addr {
	if c.at(i) {
		return plain
	}
	return c.value(i)
}

// pktCode is 0 where the packet's address is absent or the same, else a code of the object.
func (o *object) pktCode(c *addrColumn, i int, plain addr) uint32 {
	if c.at(i) {
		return 0
	}
	a := c.value(i)
	if a == plain {
		return 0
	}
	return o.pktCodeOf(a)
}

func (o *object) pktCodeOf(a addr) uint32 {
	code, ok := o.pktCodes[a]
	if !ok {
		if o.pktCodes == nil {
			o.pktCodes = map[addr]uint32{}
		}
		o.pkts = append(o.pkts, a)
		code = uint32(len(o.pkts))
		o.pktCodes[a] = code
	}
	return code
}

func (p *pair) add(c *columns, o *observed, isNew bool) {
	d, i := &p.dir[o.from], int(o.at)
	d.flows++
	if !c.noPackets.at(i) {
		d.packets = ledger.AddCounts(d.packets, max(c.packets[i], 0))
	}
	if !c.noBytes.at(i) {
		d.bytes = ledger.AddCounts(d.bytes, max(c.bytes[i], 0))
	}
	if !c.noFlags.at(i) {
		d.flags |= recordFlags(c.flags[i])
	}
	if isNew {
		p.first, p.last, p.hours = o.start, o.end, o.hours
		return
	}
	p.first = min(p.first, o.start)
	p.last = max(p.last, o.end)
	p.hours |= o.hours
}

// recordFlags is what one record's tcp-flags add. AWS never logs the ACK bit without SYN; where another writer does, it
// says nothing of who opened the connection.
func recordFlags(f uint8) uint64 {
	v := uint64(f)&(finBit|synBit|rstBit) | flagBit
	if f&synBit != 0 {
		if f&ackBit != 0 {
			v |= ackBit
		} else {
			v |= opensBit
		}
	}
	return v
}

const (
	finBit = 1
	synBit = 2
	rstBit = 4
	ackBit = 16
)
