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
