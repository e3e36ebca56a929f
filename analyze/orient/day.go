package orient

import (
	"cmp"
	"errors"
	"iter"
	"net/netip"
	"slices"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/ledger"
)

// Options of Day. The zero value is the default.
type Options struct {
	KnownPorts []uint16 // ports the user says are servers', TCP and UDP
}

// ErrOrder says that the evidence did not come interface by interface, as the ledger yields it.
var ErrOrder = errors.New("evidence is not sorted by interface")

// Source is the evidence of one day.
type Source struct {
	// Evidence comes in the order of ledger.Key.Compare, at least interface by interface.
	Evidence iter.Seq2[ledger.Evidence, error]
	// Keys are those of the evidence, in any order and any number of times. Nil: Evidence is ranged over for them first.
	Keys iter.Seq2[ledger.Key, error]
}

// keys are Keys, or those of Evidence.
func (s *Source) keys() iter.Seq2[ledger.Key, error] {
	if s.Keys != nil {
		return s.Keys
	}
	return func(yield func(ledger.Key, error) bool) {
		for e, err := range s.Evidence {
			if !yield(e.Key, err) {
				return
			}
		}
	}
}

// Day decides who opened each connection of one day, from that day's evidence alone; the result is sorted by Key and Link.
// Equal evidence gives equal conversations, whatever objects and runs it came from.
//
// A decided conversation has Link 0 and its Key to itself. A doubtful connection is two conversations more, one for each
// reading, with a Link of their own; others may have the same Key.
//
// Both ends of portless protocols make a conversation each way in which packets went, and so do datagrams between equal
// ports that went both ways when nothing tells who asked: each carries the packets of its direction.
//
// Of several flow logs on one interface the conversations are the union. Counters of flow logs whose hours overlap are the
// greatest of them, of others the sum; the evidence of a day knows which hours a flow log saw, not how much in each.
func Day(s Source, opt Options) ([]Conversation, error) {
	var out []Conversation
	for c, err := range Each(s, opt) {
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// Each yields what Day returns, one after another, and forgets what it has yielded: for days of millions of conversations,
// in less than half the memory. An error comes alone, before the first conversation.
func Each(s Source, opt Options) iter.Seq2[Conversation, error] {
	return func(yield func(Conversation, error) bool) {
		tables, err := day(s, opt)
		if err != nil {
			yield(Conversation{}, err)
			return
		}
		links := int64(0)
		for i, t := range tables {
			tables[i] = nil
			links = t.number(links)
			for n := range t.done {
				if !yield(t.done[n], nil) {
					return
				}
			}
		}
	}
}

// day returns the conversations by interface, in order, without the numbers of links.
func day(s Source, opt Options) ([]*table, error) {
	known, err := learn(s.keys())
	if err != nil {
		return nil, err
	}
	d := &decider{known: known, user: map[uint16]bool{}, repeated: newServices()}
	for _, p := range opt.KnownPorts {
		d.user[p] = true
	}
	var group []ledger.Evidence
	for e, err := range s.Evidence {
		if err != nil {
			return nil, err
		}
		if len(group) > 0 && group[0].Interface != e.Interface {
			if e.Interface < group[0].Interface {
				return nil, ErrOrder
			}
			d.interfaceDay(group)
			group = group[:0]
		}
		group = append(group, e)
	}
	if len(group) > 0 {
		d.interfaceDay(group)
	}
	d.decideLeft()
	return d.tables, nil
}

// endpoint is an address and port of one protocol.
type endpoint struct {
	addr  netip.Addr
	port  uint16
	proto uint8
}

// service returns the service's end of a folded row.
func service(e *ledger.Key) (s endpoint, client netip.Addr) {
	if e.Client == ledger.ClientA {
		return endpoint{e.B, e.PortB, e.Proto}, e.A
	}
	return endpoint{e.A, e.PortA, e.Proto}, e.B
}

// byFlags reports whether flags decided a folded row.
func byFlags(e *ledger.Key) bool {
	return e.Client != ledger.ClientOpen && (e.Reason == analyze.OwnFlags || e.Reason == analyze.Counterpart)
}

// services are endpoints that answered, by flags.
type services struct {
	ends map[endpoint]struct{}
	// high counts, by address, those from 32768 on. A host that serves many ports there has its own client ports among them.
	high map[netip.Addr]int
}

func newServices() services {
	return services{map[endpoint]struct{}{}, map[netip.Addr]int{}}
}

func (s *services) add(e endpoint) {
	if _, ok := s.ends[e]; ok {
		return
	}
	s.ends[e] = struct{}{}
	if e.port >= firstEphemeral {
		s.high[e.addr]++
	}
}

// dynamicMost bounds the chance that a client port was a service at another time of the day: 16 of 16,384 ports.
const dynamicMost = 16

// known lists the services that has knows.
func (s *services) known() map[endpoint]struct{} {
	all := map[endpoint]struct{}{}
	for e := range s.ends {
		if s.has(e) {
			all[e] = struct{}{}
		}
	}
	return all
}

func (s *services) has(e endpoint) bool {
	_, ok := s.ends[e]
	return ok && (e.port < firstEphemeral || s.high[e.addr] <= dynamicMost)
}

// learn gathers the services that flags show anywhere. Keys of one service often come one after another.
func learn(keys iter.Seq2[ledger.Key, error]) (services, error) {
	all := newServices()
	var last endpoint
	for k, err := range keys {
		if err != nil {
			return all, err
		}
		if k.Strength != analyze.Established || !byFlags(&k) {
			continue
		}
		if s, _ := service(&k); s != last {
			all.add(s)
			last = s
		}
	}
	return all, nil
}

// decider collects the conversations of a day.
type decider struct {
	known    services // by flags
	user     map[uint16]bool
	repeated services // by repetition on some interface
	tables   []*table // by interface
	spare    table    // of an interface that is done: its memory is used again
	// left are connections that the evidence of their own interface does not decide, rejects what hangs on them.
	left    []*item
	rejects [][2]*item // rejected, and accepted packets of the same connection
}

// spareMost is the size of tables that are used again: to clear a larger one takes longer than to make another.
const spareMost = 1 << 12

// newTable is the table of the next interface.
func (d *decider) newTable() *table {
	t := &table{at: d.spare.at, list: d.spare.list[:0]}
	if t.at == nil {
		t.at = map[parties]int32{}
	}
	clear(t.at)
	d.spare = table{}
	d.tables = append(d.tables, t)
	return t
}

// interfaceDay decides the evidence of one interface.
func (d *decider) interfaceDay(rows []ledger.Evidence) {
	findSides(rows)
	t := d.newTable()
	items := map[tuple]*item{}
	var order []*item
	for i := range rows {
		e := &rows[i]
		if e.Client != ledger.ClientOpen {
			t.folded(e)
			if !byFlags(&e.Key) {
				s, _ := service(&e.Key)
				d.repeated.add(s)
			}
			continue
		}
		who := tupleOf(e)
		it := items[who]
		if it == nil {
			it = &item{tuple: who, table: t}
			items[who] = it
			order = append(order, it)
		}
		it.add(e)
	}
	if len(order) > 0 {
		d.decide(t, rows, items, order)
	}
	if t.waits {
		return
	}
	if len(t.list) <= spareMost {
		d.spare = table{at: t.at, list: t.list}
	}
	t.finish()
}

// decide goes through what the objects left open of an interface, of which rows are all the evidence.
func (d *decider) decide(t *table, rows []ledger.Evidence, items map[tuple]*item, order []*item) {
	in := newNear(d)
	for i := range rows {
		if rows[i].Client != ledger.ClientOpen {
			in.learn(&rows[i].Key)
		}
	}
	slices.SortFunc(order, func(a, b *item) int { return a.tuple.compare(&b.tuple) })
	in.decide(order)
	for _, it := range order {
		switch {
		case it.action != analyze.Accept:
		case it.doubtful():
			d.left = append(d.left, it)
			t.waits = true
		default:
			t.item(it)
		}
	}
	for _, it := range order {
		if it.action == analyze.Accept {
			continue
		}
		mirror := it.tuple
		mirror.action = analyze.Accept
		if accepted := items[mirror]; accepted != nil && accepted.doubtful() {
			d.rejects = append(d.rejects, [2]*item{it, accepted})
			t.waits = true
		} else {
			t.reject(it, accepted)
		}
	}
}

// decideLeft looks at the doubtful connections of all interfaces together: a service outside of what is logged may meet
// many clients, each on an interface of its own.
func (d *decider) decideLeft() {
	n := newNear(d)
	n.repeated = d.repeated.known()
	n.findNAT(d.left)
	byRanges(undecided(n.byRepetition(d.left), n.byPort))
	for _, it := range d.left {
		it.table.item(it)
	}
	for _, r := range d.rejects {
		r[0].table.reject(r[0], r[1])
	}
	for _, t := range d.tables {
		if t.waits {
			t.finish()
		}
	}
}

// findSides sets the local side of rows whose object did not tell it, where other rows of the interface tell its address.
func findSides(rows []ledger.Evidence) {
	own := map[netip.Addr]bool{}
	var last netip.Addr
	for i := range rows {
		if a := rows[i].A; rows[i].Side == ledger.SideA && a != last {
			own[a], last = true, a
		}
	}
	for i := range rows {
		e := &rows[i]
		if e.Side == ledger.SideA || own[e.A] == own[e.B] {
			continue
		}
		e.Side = ledger.SideA
		if own[e.B] {
			e.A, e.B, e.PortA, e.PortB, e.AB, e.BA = e.B, e.A, e.PortB, e.PortA, e.BA, e.AB
			switch e.Client {
			case ledger.ClientA:
				e.Client = ledger.ClientB
			case ledger.ClientB:
				e.Client = ledger.ClientA
			}
		}
	}
}

// tuple is the 5-tuple of unfolded rows on one interface, whatever the source.
type tuple struct {
	day          int32
	iface        string
	a, b         netip.Addr
	portA, portB uint16
	proto        uint8
	side         ledger.Side
	action       analyze.Action
}

func tupleOf(e *ledger.Evidence) tuple {
	return tuple{e.Day, e.Interface, e.A, e.B, e.PortA, e.PortB, e.Proto, e.Side, e.Action}
}

func (t *tuple) compare(o *tuple) int {
	return cmp.Or(cmp.Compare(t.day, o.day), t.a.Compare(o.a), t.b.Compare(o.b), cmp.Compare(t.proto, o.proto), cmp.Compare(t.portA, o.portA),
		cmp.Compare(t.portB, o.portB), cmp.Compare(t.side, o.side), cmp.Compare(t.action, o.action))
}

// item is one undecided connection of the day.
type item struct {
	tuple
	table  *table            // of its interface
	rows   []ledger.Evidence // one per source
	ab, ba ledger.Sums       // the greatest of the sources
	client ledger.Client
	reason analyze.Reason
}

func (it *item) add(e *ledger.Evidence) {
	at := slices.IndexFunc(it.rows, func(r ledger.Evidence) bool { return r.Source == e.Source })
	if at < 0 {
		it.rows = append(it.rows, *e)
	} else {
		it.rows[at].Add(e)
	}
	it.ab, it.ba = ledger.Sums{}, ledger.Sums{}
	for i := range it.rows {
		it.ab = union(it.ab, it.rows[i].AB)
		it.ba = union(it.ba, it.rows[i].BA)
	}
}

// union is what two flow logs say of the same packets.
func union(a, b ledger.Sums) ledger.Sums {
	return ledger.Sums{Flows: max(a.Flows, b.Flows), Packets: max(a.Packets, b.Packets), Bytes: max(a.Bytes, b.Bytes),
		Flags: a.Flags | b.Flags, Flagged: a.Flagged || b.Flagged, Opens: a.Opens || b.Opens}
}

// doubtful reports whether the item has an initiator and nothing has decided it.
func (it *item) doubtful() bool {
	equal := it.proto == uint8(analyze.UDP) && it.portA == it.portB
	return it.client == ledger.ClientOpen && (it.proto == uint8(analyze.TCP) || it.proto == uint8(analyze.UDP)) && !equal
}

func (it *item) bothWays() bool { return it.ab.Flows > 0 && it.ba.Flows > 0 }

func (it *item) set(c ledger.Client, r analyze.Reason) { it.client, it.reason = c, r }

// toward sets the client to the end that is not the service: A when b is the service.
func (it *item) toward(b bool, r analyze.Reason) {
	if b {
		it.set(ledger.ClientA, r)
	} else {
		it.set(ledger.ClientB, r)
	}
}

func (it *item) ends() (a, b endpoint) {
	return endpoint{it.a, it.portA, it.proto}, endpoint{it.b, it.portB, it.proto}
}

// strength of the item when c is the client.
func (it *item) strength(c ledger.Client) analyze.Strength {
	if c == ledger.ClientB {
		return Strength(it.proto, it.action, &it.ba, &it.ab)
	}
	return Strength(it.proto, it.action, &it.ab, &it.ba)
}
