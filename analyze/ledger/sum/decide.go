package sum

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/bits"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/ledger"
	"github.com/sgtrim/sgtrim/analyze/orient"
	"github.com/sgtrim/sgtrim/ingest"
)

// verdict is what the object alone decides of one pair.
type verdict struct {
	side     ledger.Side
	swap     bool // endpoint 1 is A
	client   ledger.Client
	reason   analyze.Reason
	strength analyze.Strength
	open     bool // flags neither decide nor contradict each other: repetition may
}

// Commit decides what the object decides and adds it to the days of the worker.
func (w *worker) Commit() error {
	if !w.open {
		return errNotBegun
	}
	id := w.sum.identity(w.meta)
	if w.meta.URL == stdin {
		hash, err := w.contentHash()
		if err != nil {
			return err
		}
		id.ID = stdin + ":" + hash
		_, taken, err := w.sum.ledger.Taken(id)
		if err != nil {
			return err
		}
		if _, again := w.sum.again[id.Key()]; taken && !again { // the same content came through stdin before
			w.Abort()
			return nil
		}
	}
	w.place(&id)
	part, err := w.shareOf(&id)
	if err != nil {
		return err
	}
	source := w.code(w.meta.FlowLog)
	if len(w.runs) > 0 {
		if err := w.addLarge(source, part); err != nil {
			return err
		}
	} else {
		w.decide()
		w.addRows(source, part)
	}
	w.addCoverage(source, part)
	for i := range w.ifaces {
		f := &w.ifaces[i]
		a := w.attributes[f.code]
		a.Merge(f.Attributes)
		w.attributes[f.code] = a
	}
	w.objects = append(w.objects, id)
	w.sources[source] = struct{}{}
	w.seen.Objects++
	w.seen.Skipped = w.skipped
	w.stats.add(w.seen)
	w.open = false
	return errors.Join(w.dropRuns(), w.fit())
}

// decide fills verdicts, one for each pair.
func (o *object) decide() {
	if o.sideless {
		o.meetLocal()
		for i := range o.pairs.store.n {
			o.meetOther(&o.pairs.at(i).key)
		}
	}
	o.judgeAll()
	o.findRepetition()
}

// judgeAll fills verdicts by flags, once the interfaces' own addresses are known.
func (o *object) judgeAll() {
	n := o.pairs.store.n
	if cap(o.verdicts) < n {
		o.verdicts = make([]verdict, n, n+n/4)
	}
	o.verdicts = o.verdicts[:n]
	for i := range o.verdicts {
		o.verdicts[i] = o.judge(o.pairs.at(i))
	}
}

// judge decides side, client and strength by flags.
func (o *object) judge(p *pair) (v verdict) {
	v.side, v.swap = o.sideOf(p)
	proto := uint8(p.key.tuple >> 8)
	if proto != uint8(analyze.TCP) {
		v.open = proto == uint8(analyze.UDP)
		return v
	}
	zero, one := p.dir[0].sums(), p.dir[1].sums()
	client, reason, clash := orient.ByFlags(&zero, &one)
	switch client {
	case ledger.ClientA:
		v.decide(true, reason)
		v.strength = p.strength(&zero, &one)
	case ledger.ClientB:
		v.decide(false, reason)
		v.strength = p.strength(&one, &zero)
	default:
		v.open = !clash
	}
	return v
}

// decide notes which endpoint is the client.
func (v *verdict) decide(zeroIsClient bool, reason analyze.Reason) {
	v.client, v.reason, v.open = ledger.ClientB, reason, false
	if zeroIsClient != v.swap {
		v.client = ledger.ClientA
	}
}

// strength is how well the pair is attested by what the client sent (fwd) and what it got (back).
func (p *pair) strength(fwd, back *ledger.Sums) analyze.Strength {
	return orient.Strength(uint8(p.key.tuple>>8), analyze.Action(p.key.tuple>>2&3), fwd, back)
}

func (c *counts) sums() ledger.Sums {
	return ledger.Sums{Flows: c.flows, Packets: c.packets, Bytes: c.bytes, Flags: uint8(c.flags & flagMask), Flagged: c.flags&flagBit != 0, Opens: c.flags&opensBit != 0}
}

// common is the search for the one address that all pairs of an interface share.
type common struct {
	begun bool
	left  int // of addr, how many are still possible
	addr  [2]addr
	// wide: the other addresses lie in more than one /64. An interface can have many IPv6 addresses, all of one /64, and
	// the address they share may be their one peer; IPv4 records always carry the primary address [aws-facts 1.4].
	wide   bool
	prefix uint64
	others bool
}

func (c *common) meet(x, y addr) {
	if !c.begun {
		c.begun, c.addr, c.left = true, [2]addr{x, y}, 2
		if x == y {
			c.left = 1
		}
		return
	}
	kept := 0
	for _, a := range c.addr[:c.left] {
		if a == x || a == y {
			c.addr[kept] = a
			kept++
		}
	}
	c.left = kept
}

func (c *common) other(a addr) {
	if c.others && c.prefix != a.hi {
		c.wide = true
	}
	c.prefix, c.others = a.hi, true
}

// meetLocal looks for the own address of interfaces whose records do not say their direction.
func (o *object) meetLocal() {
	for i := range o.pairs.store.n {
		k := &o.pairs.at(i).key
		if c := o.commonOf(k); c != nil {
			c.meet(k.addr[0], k.addr[1])
		}
	}
}

// meetOther notes the address beside the own one, once that is known from all pairs.
func (o *object) meetOther(k *pairKey) {
	if c := o.commonOf(k); c != nil && c.left == 1 && k.addr[0].hi != 0 {
		if k.addr[0] == c.addr[0] {
			c.other(k.addr[1])
		} else {
			c.other(k.addr[0])
		}
	}
}

// commonOf returns the search that a pair belongs to, nil where its direction is known or its families differ.
func (o *object) commonOf(k *pairKey) *common {
	four := k.addr[0].is4()
	if k.tuple&localBit != 0 || four != k.addr[1].is4() {
		return nil
	}
	family := 0
	if !four {
		family = 1
	}
	return &o.ifaces[k.ids>>32].local[family]
}

func (o *object) sideOf(p *pair) (side ledger.Side, swap bool) {
	k := &p.key
	if k.tuple&localBit != 0 {
		return ledger.SideA, false
	}
	c := o.commonOf(k)
	if c == nil || c.left != 1 || k.addr[0] == k.addr[1] || !k.addr[0].is4() && !c.wide {
		return ledger.SideOpen, false
	}
	return ledger.SideA, k.addr[1] == c.addr[0]
}

// addRows adds the pairs that belong to the share, as rows of evidence, to the days of the worker. Like observe it goes in
// blocks, of pairs of one day.
func (w *worker) addRows(source uint32, part share) {
	n := 0
	var today int32
	for i := range w.pairs.store.n {
		p := w.pairs.at(i)
		t := int32(uint32(p.key.ids))
		if !part.has(t) {
			continue
		}
		if n == len(w.rows) || n > 0 && t != today {
			w.addBlock(today, w.rows[:n])
			n = 0
		}
		today = t
		w.row(&w.rows[n], p, &w.verdicts[i], source, today)
		n++
	}
	if n > 0 {
		w.addBlock(today, w.rows[:n])
	}
}

func (w *worker) addBlock(today int32, rows []row) {
	d := w.day(w.meta, today)
	before := d.rows.size()
	d.rows.addAll(rows)
	w.rowBytes += d.rows.size() - before
}

func (w *worker) day(o ingest.Object, t int32) *day {
	part := ledger.Partition{Day: t, Account: o.Account, Region: o.Region}
	d := w.days[part]
	if d == nil {
		d = &day{coverage: map[coverageKey]ledger.Coverage{}}
		d.rows.seed = w.sum.seed
		w.days[part] = d
	}
	return d
}

// row makes r the evidence of a pair as its verdict folds it.
func (w *worker) row(r *row, p *pair, v *verdict, source uint32, today int32) {
	a, b := 0, 1
	if v.swap {
		a, b = 1, 0
	}
	port := [2]uint64{p.key.tuple >> 48, p.key.tuple >> 32 & 0xffff}
	portA, portB := port[a], port[b]
	switch v.client {
	case ledger.ClientA:
		portA = 0
	case ledger.ClientB:
		portB = 0
	}
	r.key.a, r.key.b = p.key.addr[a], p.key.addr[b]
	if v.side == ledger.SideA && p.key.tuple&localBit == 0 {
		if code := uint32(p.key.pkt >> 32); b == 0 && code != 0 {
			r.key.b = w.pkts[code-1]
		} else if code := uint32(p.key.pkt); b == 1 && code != 0 {
			r.key.b = w.pkts[code-1]
		}
	}
	r.key.ids = uint64(w.ifaces[p.key.ids>>32].code)<<32 | uint64(source)
	r.key.tuple = portB<<48 | portA<<32 | (p.key.tuple>>8&0xff)<<24 | (p.key.tuple>>2&3)<<16 |
		uint64(v.side)<<15 | uint64(v.client)<<12 | uint64(v.reason)<<4 | uint64(v.strength)
	ab, ba := &p.dir[a], &p.dir[b]
	r.flows = [2]int64{ab.flows, ba.flows}
	r.packets = [2]int64{ab.packets, ba.packets}
	r.bytes = [2]int64{ab.bytes, ba.bytes}
	r.sessions = 1
	r.first = p.first
	r.last = uint64(p.last-int64(today)*86400) | uint64(p.hours)<<hoursAt | ab.flags<<flagsAt | ba.flags<<(flagsAt+7)
}

// merge adds o, which has the same key, to r.
func (r *row) merge(o *row) {
	for i := range r.flows {
		r.flows[i] = ledger.AddCounts(r.flows[i], o.flows[i])
		r.packets[i] = ledger.AddCounts(r.packets[i], o.packets[i])
		r.bytes[i] = ledger.AddCounts(r.bytes[i], o.bytes[i])
	}
	r.sessions = ledger.AddCounts(r.sessions, o.sessions)
	r.first = min(r.first, o.first)
	r.last = max(r.last&lastBits, o.last&lastBits) | (r.last|o.last)&^lastBits
}

// lacks reports whether a part of the object could not be read, or not be placed: it may be of any interface of the flow log,
// also of one that the rest of the object does not name.
func (o *object) lacks() bool { return o.cut || o.skipped > 0 }

// addCoverage adds the coverage of the object's interfaces, and the gaps of what was skipped.
func (w *worker) addCoverage(source uint32, part share) {
	hours := map[int32]uint32{}
	for i := range w.ifaces {
		f := &w.ifaces[i]
		for j := range f.days {
			c := &f.days[j]
			hours[c.day] |= c.touched
		}
	}
	for i := range w.ifaces {
		f := &w.ifaces[i]
		for j := range f.days {
			c := &f.days[j]
			if part.has(c.day) {
				w.day(w.meta, c.day).cover(coverageKey{f.code, source}, c.Coverage)
			}
		}
	}
	if !w.lacks() {
		return
	}
	if !w.meta.Slot.IsZero() {
		t, h := slotHours(w.meta)
		hours[t] |= h
	}
	if len(hours) == 0 {
		w.seen.UnplacedGaps++
	}
	for t, h := range hours {
		if part.has(t) {
			w.day(w.meta, t).cover(coverageKey{0, source}, ledger.Coverage{Gaps: h})
		}
	}
}

func (d *day) cover(k coverageKey, c ledger.Coverage) {
	old := d.coverage[k]
	old.Add(c)
	d.coverage[k] = old
}

// contentHash identifies the content of an object that has no other identity: a sum of hashes over what its records add up
// to, whatever their order.
func (w *worker) contentHash() (string, error) {
	if len(w.runs) > 0 {
		if err := w.spillPairs(); err != nil {
			return "", err
		}
	}
	var total [4]uint64
	var b []byte
	for p, err := range w.allPairs() {
		if err != nil {
			return "", err
		}
		b = append(b[:0], w.sum.names.text(w.ifaces[p.key.ids>>32].code)...)
		b = appendWords(b, p.key.addr[0].hi, p.key.addr[0].lo, p.key.addr[1].hi, p.key.addr[1].lo, uint64(uint32(p.key.ids)), p.key.tuple)
		for _, d := range p.dir {
			b = appendWords(b, uint64(d.flows), uint64(d.packets), uint64(d.bytes), d.flags)
		}
		b = appendWords(b, uint64(p.first), uint64(p.last))
		h := sha256.Sum256(b)
		var carry uint64
		for j := range total {
			total[j], carry = bits.Add64(total[j], word(h[8*j:]), carry)
		}
	}
	b = appendWords(b[:0], total[0], total[1], total[2], total[3], uint64(w.seen.Records), uint64(w.seen.NoData), uint64(w.seen.SkipData))
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:8]), nil
}

// merge adds o, which has the same key, to p.
func (p *pair) merge(o *pair) {
	for i := range p.dir {
		d, e := &p.dir[i], &o.dir[i]
		d.flows += e.flows
		d.packets = ledger.AddCounts(d.packets, e.packets)
		d.bytes = ledger.AddCounts(d.bytes, e.bytes)
		d.flags |= e.flags
	}
	p.first = min(p.first, o.first)
	p.last = max(p.last, o.last)
	p.hours |= o.hours
}
