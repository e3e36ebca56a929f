package orient

import (
	"cmp"
	"slices"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/ledger"
)

// summing is a conversation in the making: what each source counted of it. Nearly all have one source, whose counts are
// those of the conversation.
type summing struct {
	Conversation
	begun   bool
	source  string      // the first
	sources []sourceSum // nil while there is one; then Counters is empty until conversation
}

type sourceSum struct {
	source   string
	counters [analyze.NumStrengths]Counter
	hours    uint32
}

// sighting is what one source saw of one conversation.
type sighting struct {
	source      string
	reason      analyze.Reason
	strength    analyze.Strength
	counter     Counter
	hours       uint32
	first, last int64
}

func sight(e *ledger.Evidence, r analyze.Reason, s analyze.Strength, c Counter) sighting {
	return sighting{e.Source, r, s, c, e.Hours, e.First, e.Last}
}

func counter(sums ...ledger.Sums) (c Counter) {
	for _, s := range sums {
		c.add(Counter{s.Flows, s.Packets, s.Bytes})
	}
	return c
}

func (c *Counter) add(o Counter) {
	c.Flows = ledger.AddCounts(c.Flows, o.Flows)
	c.Packets = ledger.AddCounts(c.Packets, o.Packets)
	c.Bytes = ledger.AddCounts(c.Bytes, o.Bytes)
}

func (c *summing) add(s sighting) {
	if !c.begun {
		c.begun, c.source, c.First, c.Last = true, s.source, s.first, s.last
	}
	c.countersOf(s.source, s.hours)[s.strength].add(s.counter)
	c.First, c.Last = min(c.First, s.first), max(c.Last, s.last)
	c.Hours |= s.hours
	if s.reason.Better(c.Orientation) {
		c.Orientation = s.reason
	}
}

// countersOf returns the counters of a source, which saw these hours too.
func (c *summing) countersOf(source string, hours uint32) *[analyze.NumStrengths]Counter {
	if c.sources == nil {
		if source == c.source {
			return &c.Counters
		}
		c.sources = []sourceSum{{c.source, c.Counters, c.Hours}}
		c.Counters = [analyze.NumStrengths]Counter{}
	}
	at := slices.IndexFunc(c.sources, func(x sourceSum) bool { return x.source == source })
	if at < 0 {
		at = len(c.sources)
		c.sources = append(c.sources, sourceSum{source: source})
	}
	c.sources[at].hours |= hours
	return &c.sources[at].counters
}

// established reports whether a source saw the conversation established.
func (c *summing) established() bool {
	return c.Counters[analyze.Established].Flows > 0 ||
		slices.ContainsFunc(c.sources, func(s sourceSum) bool { return s.counters[analyze.Established].Flows > 0 })
}

// conversation adds the sources up: the greatest of those whose hours overlap, the sum of those whose hours do not. It is
// called once.
func (c *summing) conversation() *Conversation {
	slices.SortFunc(c.sources, func(a, b sourceSum) int { return cmp.Compare(a.source, b.source) })
	for len(c.sources) > 0 {
		group := []sourceSum{c.sources[0]}
		hours, rest := group[0].hours, c.sources[1:]
		for {
			before := len(group)
			var apart []sourceSum
			for _, s := range rest {
				if s.hours&hours != 0 {
					group, hours = append(group, s), hours|s.hours
				} else {
					apart = append(apart, s)
				}
			}
			rest = apart
			if len(group) == before {
				break
			}
		}
		c.addGreatest(group)
		c.sources = rest
	}
	c.sources = nil
	return &c.Conversation
}

// addGreatest adds what several views of the same traffic say: from the strongest strength down, the greatest count of
// that and all stronger ones. So the total is the greatest total, and the strongest sight is not lost.
func (c *summing) addGreatest(views []sourceSum) {
	sums := make([]Counter, len(views))
	var above Counter
	for s := analyze.NumStrengths; s > 0; s-- {
		var most Counter
		for i := range views {
			sums[i].add(views[i].counters[s-1])
			most = Counter{max(most.Flows, sums[i].Flows), max(most.Packets, sums[i].Packets), max(most.Bytes, sums[i].Bytes)}
		}
		c.Counters[s-1].add(Counter{most.Flows - above.Flows, most.Packets - above.Packets, most.Bytes - above.Bytes})
		above = most
	}
}

// key of the conversation in which c is the client.
func (t *tuple) key(c ledger.Client) Key {
	k := Key{Day: t.day, Interface: t.iface, Proto: t.proto, Action: t.action}
	switch {
	case t.side == ledger.SideA && c == ledger.ClientA:
		k.Direction, k.Local, k.Peer, k.Port = analyze.Egress, t.a, t.b, t.portB
	case t.side == ledger.SideA:
		k.Direction, k.Local, k.Peer, k.Port = analyze.Ingress, t.a, t.b, t.portA
	case c == ledger.ClientA:
		k.Local, k.Peer, k.Port = t.b, t.a, t.portB
	default:
		k.Local, k.Peer, k.Port = t.a, t.b, t.portA
	}
	return k
}

func (d *decider) add(k Key, s sighting) {
	c := d.convs[k]
	if c == nil {
		c = &summing{Conversation: Conversation{Key: k}}
		d.convs[k] = c
	}
	c.add(s)
}

// folded adds a row that its object decided.
func (d *decider) folded(e *ledger.Evidence) {
	t := tupleOf(e)
	d.add(t.key(e.Client), sight(e, e.Reason, e.Strength, counter(e.AB, e.BA)))
}

// item adds a connection that the day decided, or its two readings.
func (d *decider) item(it *item) {
	switch {
	case it.client != ledger.ClientOpen:
		d.decided(it, it.strength(it.client))
	case it.doubtful():
		d.doubtful(it, it.strength(ledger.ClientA), it.strength(ledger.ClientB))
	default:
		d.each(it, it.eachWay(), it.strength(ledger.ClientA))
	}
}

// eachWay is why both directions of the item are conversations.
func (it *item) eachWay() analyze.Reason {
	if it.proto == uint8(analyze.UDP) {
		return analyze.EqualPorts
	}
	return analyze.Portless
}

func (d *decider) decided(it *item, s analyze.Strength) {
	for i := range it.rows {
		e := &it.rows[i]
		d.add(it.key(it.client), sight(e, it.reason, s, counter(e.AB, e.BA)))
	}
}

// each adds a conversation for either direction in which packets went, with the packets of that direction.
func (d *decider) each(it *item, r analyze.Reason, s analyze.Strength) {
	for i := range it.rows {
		e := &it.rows[i]
		if e.AB.Flows > 0 {
			d.add(it.key(ledger.ClientA), sight(e, r, s, counter(e.AB)))
		}
		if e.BA.Flows > 0 {
			d.add(it.key(ledger.ClientB), sight(e, r, s, counter(e.BA)))
		}
	}
}

// doubtful adds both readings, linked: with A as the client, and with B.
func (d *decider) doubtful(it *item, a, b analyze.Strength) {
	var pair [2]Conversation
	for n, c := range [2]ledger.Client{ledger.ClientA, ledger.ClientB} {
		reading := summing{Conversation: Conversation{Key: it.key(c)}}
		for i := range it.rows {
			e := &it.rows[i]
			reading.add(sight(e, analyze.Ambiguous, [2]analyze.Strength{a, b}[n], counter(e.AB, e.BA)))
		}
		pair[n] = *reading.conversation()
	}
	d.pairs = append(d.pairs, pair)
}

// reject adds rejected packets. Where packets of the same connection were accepted, the rejected ones are late, or replies
// that a network ACL cut: they are shown without strength, and who opened the connection is known from the others.
func (d *decider) reject(it *item, accepted *item) {
	if accepted != nil && accepted.client != ledger.ClientOpen && it.reason != analyze.OwnFlags {
		it.set(accepted.client, accepted.reason)
	}
	strength := func(c ledger.Client) analyze.Strength {
		if accepted != nil || !it.ab.Flagged && !it.ba.Flagged && d.established(it.key(c)) {
			return analyze.StrengthNone
		}
		return it.strength(c)
	}
	switch {
	case it.client != ledger.ClientOpen:
		d.decided(it, strength(it.client))
	case it.doubtful():
		d.doubtful(it, strength(ledger.ClientA), strength(ledger.ClientB))
	case accepted != nil:
		d.each(it, it.eachWay(), analyze.StrengthNone)
	default:
		d.each(it, it.eachWay(), analyze.Rejected)
	}
}

// established reports whether the accepted twin of a rejected TCP conversation was established: what was rejected besides
// came late.
func (d *decider) established(k Key) bool {
	k.Action = analyze.Accept
	c := d.convs[k]
	return k.Proto == uint8(analyze.TCP) && c != nil && c.established()
}

// Compare is the order of conversations.
func (k *Key) Compare(o *Key) int {
	if c := cmp.Or(cmp.Compare(k.Day, o.Day), cmp.Compare(k.Interface, o.Interface), cmp.Compare(k.Direction, o.Direction)); c != 0 {
		return c
	}
	if c := k.Peer.Compare(o.Peer); c != 0 {
		return c
	}
	return cmp.Or(k.Local.Compare(o.Local), cmp.Compare(k.Proto, o.Proto), cmp.Compare(k.Port, o.Port), cmp.Compare(k.Action, o.Action))
}

// finish sorts, and numbers the links: the day, and a running number in the order of the readings. The conversations stay
// where they were summed: a copy would double a day's memory.
func (d *decider) finish() []*Conversation {
	slices.SortFunc(d.pairs, func(a, b [2]Conversation) int {
		return cmp.Or(a[0].Compare(&b[0].Key), a[1].Compare(&b[1].Key))
	})
	out := make([]*Conversation, 0, len(d.convs)+2*len(d.pairs))
	for _, c := range d.convs {
		out = append(out, c.conversation())
	}
	for i := range d.pairs {
		for n := range d.pairs[i] {
			c := &d.pairs[i][n]
			c.Link = int64(c.Day)<<32 | int64(i+1)
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b *Conversation) int { return cmp.Or(a.Compare(&b.Key), cmp.Compare(a.Link, b.Link)) })
	return out
}
