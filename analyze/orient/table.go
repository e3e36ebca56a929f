package orient

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/ledger"
)

// table sums the conversations of one interface and day.
type table struct {
	at    map[parties]int32
	list  []summing
	pairs [][2]Conversation // of doubtful connections: the two readings
	waits bool              // some connections are decided when the whole day is known
	done  []Conversation    // sorted; see finish
}

// parties are what tells the conversations of an interface and day apart.
type parties struct {
	local, peer netip.Addr
	port        uint16
	proto       uint8
	direction   analyze.Direction
	action      analyze.Action
}

func partiesOf(k *Key) parties {
	return parties{k.Local, k.Peer, k.Port, k.Proto, k.Direction, k.Action}
}

// add sums a sighting. Those of one conversation often come one after another.
func (t *table) add(k Key, s sighting) {
	if n := len(t.list); n > 0 && t.list[n-1].Key == k {
		t.list[n-1].add(s)
		return
	}
	who := partiesOf(&k)
	i, ok := t.at[who]
	if !ok {
		i = int32(len(t.list))
		t.at[who] = i
		t.list = append(t.list, summing{Conversation: Conversation{Key: k}})
	}
	t.list[i].add(s)
}

// established reports whether the accepted twin of a rejected TCP conversation was established: what was rejected besides
// came late.
func (t *table) established(k Key) bool {
	k.Action = analyze.Accept
	i, ok := t.at[partiesOf(&k)]
	return ok && k.Proto == uint8(analyze.TCP) && t.list[i].established()
}

// folded adds a row that its object decided.
func (t *table) folded(e *ledger.Evidence) {
	from := tupleOf(e)
	t.add(from.key(e.Client), sight(e, e.Reason, e.Strength, counter(e.AB, e.BA)))
}

// item adds a connection that the day decided, or its two readings.
func (t *table) item(it *item) {
	switch {
	case it.client != ledger.ClientOpen:
		t.decided(it, it.strength(it.client))
	case it.doubtful():
		t.doubtful(it, it.strength(ledger.ClientA), it.strength(ledger.ClientB))
	default:
		t.each(it, it.eachWay(), it.strength(ledger.ClientA))
	}
}

// eachWay is why both directions of the item are conversations.
func (it *item) eachWay() analyze.Reason {
	if it.proto == uint8(analyze.UDP) {
		return analyze.EqualPorts
	}
	return analyze.Portless
}

func (t *table) decided(it *item, s analyze.Strength) {
	for i := range it.rows {
		e := &it.rows[i]
		t.add(it.key(it.client), sight(e, it.reason, s, counter(e.AB, e.BA)))
	}
}

// each adds a conversation for either direction in which packets went, with the packets of that direction.
func (t *table) each(it *item, r analyze.Reason, s analyze.Strength) {
	for i := range it.rows {
		e := &it.rows[i]
		if e.AB.Flows > 0 {
			t.add(it.key(ledger.ClientA), sight(e, r, s, counter(e.AB)))
		}
		if e.BA.Flows > 0 {
			t.add(it.key(ledger.ClientB), sight(e, r, s, counter(e.BA)))
		}
	}
}

// doubtful adds both readings, linked: with A as the client, and with B.
func (t *table) doubtful(it *item, a, b analyze.Strength) {
	var pair [2]Conversation
	for n, c := range [2]ledger.Client{ledger.ClientA, ledger.ClientB} {
		reading := summing{Conversation: Conversation{Key: it.key(c)}}
		for i := range it.rows {
			e := &it.rows[i]
			reading.add(sight(e, analyze.Ambiguous, [2]analyze.Strength{a, b}[n], counter(e.AB, e.BA)))
		}
		pair[n] = *reading.conversation()
		pair[n].Unlikely = it.unlikely(c)
	}
	t.pairs = append(t.pairs, pair)
}

// unlikely reports whether the ports speak against c as the client; see Conversation.
func (it *item) unlikely(c ledger.Client) bool {
	client, service := it.portA, it.portB
	if c == ledger.ClientB {
		client, service = service, client
	}
	return client < firstEphemeral && service >= firstEphemeral
}

// reject adds rejected packets. Where packets of the same connection were accepted, the rejected ones are late, or replies
// that a network ACL cut: they are shown without strength, and who opened the connection is known from the others.
func (t *table) reject(it *item, accepted *item) {
	if accepted != nil && accepted.client != ledger.ClientOpen && it.reason != analyze.OwnFlags {
		it.set(accepted.client, accepted.reason)
	}
	strength := func(c ledger.Client) analyze.Strength {
		if accepted != nil || !it.ab.Flagged && !it.ba.Flagged && t.established(it.key(c)) {
			return analyze.StrengthNone
		}
		return it.strength(c)
	}
	switch {
	case it.client != ledger.ClientOpen:
		t.decided(it, strength(it.client))
	case it.doubtful():
		t.doubtful(it, strength(ledger.ClientA), strength(ledger.ClientB))
	case accepted != nil:
		t.each(it, it.eachWay(), analyze.StrengthNone)
	default:
		t.each(it, it.eachWay(), analyze.Rejected)
	}
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

// finish sorts what was summed into done. The links of doubtful pairs are numbered later: see number.
func (t *table) finish() {
	order := make([]*Conversation, 0, len(t.list))
	for i := range t.list {
		order = append(order, t.list[i].conversation())
	}
	slices.SortFunc(order, func(a, b *Conversation) int { return a.Compare(&b.Key) })
	t.done = make([]Conversation, 0, len(order)+2*len(t.pairs))
	for _, c := range order {
		t.done = append(t.done, *c)
	}
	t.at, t.list = nil, nil
}

// number links the readings of doubtful pairs by the day and a running number, in their order, and sorts them in. Last is the
// number that the interface before came to; the new one is returned.
func (t *table) number(last int64) int64 {
	if len(t.pairs) == 0 {
		return last
	}
	slices.SortFunc(t.pairs, func(a, b [2]Conversation) int {
		return cmp.Or(a[0].Compare(&b[0].Key), a[1].Compare(&b[1].Key))
	})
	for i := range t.pairs {
		last++
		for n := range t.pairs[i] {
			c := &t.pairs[i][n]
			c.Link = int64(c.Day)<<32 | last
			t.done = append(t.done, *c)
		}
	}
	t.pairs = nil
	slices.SortFunc(t.done, func(a, b Conversation) int { return cmp.Or(a.Compare(&b.Key), cmp.Compare(a.Link, b.Link)) })
	return last
}
