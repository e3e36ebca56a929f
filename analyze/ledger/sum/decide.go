package sum

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/bits"
	"sync"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/ledger"
	"github.com/sgtrim/sgtrim/analyze/orient"
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
		w.foldPairs(source, part)
	}
	w.addCoverage(source, part)
	for i := range w.ifaces {
		name := w.names[i]
		a := w.attributes[name]
		a.Merge(w.ifaces[i].Attributes)
		w.attributes[name] = a
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
	for _, i := range o.sixes {
		k := &o.pairs.at(int(i)).key
		o.meetOther(k, o.addrs.of(k.code(0)), o.addrs.of(k.code(1)))
	}
	o.judgeAll()
	o.findRepetition()
}

// judgeAll fills verdicts by flags, once the interfaces' own addresses are known, and lists the pairs that repetition may decide.
func (o *object) judgeAll() {
	n := o.pairs.n
	if cap(o.verdicts) < n {
		o.verdicts = make([]verdict, n, n+n/4)
		o.repeating = make([]repeating, 0, n+n/4) // one for each at most
	}
	o.verdicts, o.repeating = o.verdicts[:n], o.repeating[:0]
	o.bindOwn()
	for i := range o.verdicts {
		v, p := &o.verdicts[i], o.pairs.at(i)
		o.judge(v, p)
		if v.open && p.answered() {
			o.listRepeating(i)
		}
	}
}

// answered reports whether the pair is fit to show repetition.
func (p *pair) answered() bool {
	if p.key.action() != analyze.Accept {
		return false
	}
	var ab, ba ledger.Sums
	p.sums(&ab, 0)
	p.sums(&ba, 1)
	return orient.Answered(p.key.proto(), &ab, &ba)
}

// judge decides side, client and strength by flags.
func (o *object) judge(v *verdict, p *pair) {
	*v = verdict{}
	v.side, v.swap = o.sideOf(&p.key)
	proto := p.key.proto()
	if proto != uint8(analyze.TCP) {
		v.open = proto == uint8(analyze.UDP)
		return
	}
	f := o.byFlags.of(p)
	if f.client == ledger.ClientOpen {
		v.open = !f.clash
		return
	}
	v.decide(f.client == ledger.ClientA, f.reason)
	v.strength = p.strength(int(f.client - ledger.ClientA))
}

// decide notes which endpoint is the client.
func (v *verdict) decide(zeroIsClient bool, reason analyze.Reason) {
	var a ledger.Client // 1 if it is A, without a branch that nobody could foretell
	if zeroIsClient != v.swap {
		a = 1
	}
	v.client, v.reason, v.open = ledger.ClientB-a, reason, false
}

// strength is how well the pair is attested where that endpoint is the client.
func (p *pair) strength(client int) analyze.Strength {
	var fwd, back ledger.Sums
	p.sums(&fwd, client)
	p.sums(&back, 1-client)
	return orient.Strength(p.key.proto(), p.key.action(), &fwd, &back)
}

// sums sets s to what endpoint n sent. A copy of it would wait for what it is made of to be written.
func (p *pair) sums(s *ledger.Sums, n int) {
	n &= 1
	setSums(s, p.flows[n], p.packets[n], p.bytes[n], flagsIn(p.last, n))
}

// setSums reads flags as flagsOf makes them.
func setSums(s *ledger.Sums, flows, packets, bytes int64, flags uint8) {
	s.Flows, s.Packets, s.Bytes = flows, packets, bytes
	s.Flags, s.Flagged, s.Opens = flags&flagMask, flags&flagBit != 0, flags&opensBit != 0
}

// flagVerdict is what orient.ByFlags says.
type flagVerdict struct {
	client ledger.Client // endpoint 0 is A
	reason analyze.Reason
	clash  bool
}

// flagVerdicts are all of them, by the flags of both directions as a pair has them: which it is nobody could foretell.
type flagVerdicts [bothFlags + 1]flagVerdict

var allFlagVerdicts = sync.OnceValue(func() *flagVerdicts {
	all := new(flagVerdicts)
	var zero, one ledger.Sums
	for i := range all {
		setSums(&zero, int64(i&sentBit), 0, 0, uint8(i&flagsBits))
		setSums(&one, int64(i>>7&sentBit), 0, 0, uint8(i>>7))
		v := &all[i]
		v.client, v.reason, v.clash = orient.ByFlags(&zero, &one)
	}
	return all
})

func (all *flagVerdicts) of(p *pair) flagVerdict { return all[p.last>>flagsAt&bothFlags] }

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
	if c.left == 1 && min(c.addr[0].differs(x), c.addr[0].differs(y)) == 0 { // which of both it is nobody could foretell
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

// meetLocal looks for the own address of interfaces whose records do not say their direction, in the pairs from first on.
func (o *object) meetLocal(first int) {
	for i := first; i < o.pairs.n; i++ {
		k := &o.pairs.at(i).key
		if k.local() {
			continue
		}
		x, y := o.addrs.of(k.code(0)), o.addrs.of(k.code(1))
		c := o.commonOf(k, x, y)
		if c == nil {
			o.mixed = true
			continue
		}
		if !x.is4() {
			o.sixes = append(o.sixes, int32(i))
		}
		c.meet(x, y)
	}
}

// bindOwn notes the codes of the interfaces' own IPv4 addresses, with which sideOf need not look at addresses.
func (o *object) bindOwn() {
	o.own = o.own[:0]
	for i := range o.ifaces {
		own := uint32(0)
		if c := &o.ifaces[i].local[0]; c.left == 1 && !o.mixed {
			own = o.addrs.code(c.addr[0])
		}
		o.own = append(o.own, own)
	}
}

// meetOther notes the address beside the own one, once that is known from all pairs.
func (o *object) meetOther(k *pairKey, x, y addr) {
	if c := o.commonOf(k, x, y); c != nil && c.left == 1 && x.hi != 0 {
		if x == c.addr[0] {
			c.other(y)
		} else {
			c.other(x)
		}
	}
}

// commonOf returns the search that a pair with the addresses x and y belongs to, nil where its direction is known or its
// families differ.
func (o *object) commonOf(k *pairKey, x, y addr) *common {
	four := x.is4()
	if k.local() || four != y.is4() {
		return nil
	}
	family := 0
	if !four {
		family = 1
	}
	return &o.ifaces[k.iface()].local[family]
}

// sideOf says which endpoint of a pair is A: the interface's own, or while that is open the lesser (address, port).
func (o *object) sideOf(k *pairKey) (side ledger.Side, swap bool) {
	if k.local() {
		return ledger.SideA, false
	}
	if own := o.own[k.iface()]; own != 0 {
		if zero, one := k.code(0) == own, k.code(1) == own; zero != one {
			return ledger.SideA, one
		}
	}
	x, y := o.addrs.of(k.code(0)), o.addrs.of(k.code(1))
	c := o.commonOf(k, x, y)
	if c == nil || c.left != 1 || x == y || !x.is4() && !c.wide {
		return ledger.SideOpen, y.less(x)
	}
	return ledger.SideA, y == c.addr[0]
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
				w.day(w.meta, c.day).cover(coverageKey{w.names[i], source}, c.Coverage)
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
		k := &p.key
		b = append(b[:0], w.sum.names.text(w.names[k.iface()])...)
		b = appendWords(b, p.addr[0].hi, p.addr[0].lo, p.addr[1].hi, p.addr[1].lo, uint64(uint32(k.day())),
			uint64(k.port(0))<<48|uint64(k.port(1))<<32|uint64(k.proto())<<8|uint64(k.action())<<2|k.rest&localBit)
		for n := range 2 {
			b = appendWords(b, uint64(p.flows[n]), uint64(p.packets[n]), uint64(p.bytes[n]), uint64(flagsIn(p.last, n)&^sentBit))
		}
		b = appendWords(b, uint64(p.first), uint64(k.day())*86400+p.last&lastBits)
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

// merge adds o, the same connection, to p.
func (p *pair) merge(o *pair) {
	sessions := p.sessions
	p.fold(o, 0)
	p.sessions = sessions
}
