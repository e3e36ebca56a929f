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

// Day decides who opened each connection of one day, from that day's evidence alone. The evidence is ranged over twice and
// comes in the order of ledger.Key.Compare, at least interface by interface; the result is sorted by Key and Link. Equal
// evidence gives equal conversations, whatever objects and runs it came from.
//
// A decided conversation has Link 0 and its Key to itself. A doubtful connection is two conversations more, one for each
// reading, with a Link of their own; others may have the same Key.
//
// Both ends of portless protocols make a conversation each way in which packets went, and so do datagrams between equal
// ports that went both ways when nothing tells who asked: each carries the packets of its direction.
//
// Of several flow logs on one interface the conversations are the union. Counters of flow logs whose hours overlap are the
// greatest of them, of others the sum; the evidence of a day knows which hours a flow log saw, not how much in each.
func Day(evidence iter.Seq2[ledger.Evidence, error], opt Options) ([]Conversation, error) {
	list, err := day(evidence, opt)
	if err != nil {
		return nil, err
	}
	var out []Conversation
	for _, c := range list {
		out = append(out, *c)
	}
	return out, nil
}

// Each yields what Day returns, one after another, and forgets what it has yielded: for days of millions of conversations,
// in less than half the memory. An error comes alone, before the first conversation.
func Each(evidence iter.Seq2[ledger.Evidence, error], opt Options) iter.Seq2[Conversation, error] {
	return func(yield func(Conversation, error) bool) {
		list, err := day(evidence, opt)
		if err != nil {
			yield(Conversation{}, err)
			return
		}
		for i, c := range list {
			list[i] = nil
			if !yield(*c, nil) {
				return
			}
		}
	}
}

func day(evidence iter.Seq2[ledger.Evidence, error], opt Options) ([]*Conversation, error) {
	known, err := learn(evidence)
	if err != nil {
		return nil, err
	}
	d := &decider{known: known, user: map[uint16]bool{}, convs: map[Key]*summing{}, repeated: newServices()}
	for _, p := range opt.KnownPorts {
		d.user[p] = true
	}
	var group []ledger.Evidence
	for e, err := range evidence {
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
	return d.finish(), nil
}

// endpoint is an address and port of one protocol.
type endpoint struct {
	addr  netip.Addr
	port  uint16
	proto uint8
}

// service returns the service's end of a folded row.
func service(e *ledger.Evidence) (s endpoint, client netip.Addr) {
	if e.Client == ledger.ClientA {
		return endpoint{e.B, e.PortB, e.Proto}, e.A
	}
	return endpoint{e.A, e.PortA, e.Proto}, e.B
}

// byFlags reports whether flags decided a folded row.
func byFlags(e *ledger.Evidence) bool {
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

// learn gathers the services that flags show anywhere.
func learn(evidence iter.Seq2[ledger.Evidence, error]) (services, error) {
	all := newServices()
	for e, err := range evidence {
		if err != nil {
			return all, err
		}
		if byFlags(&e) && e.Strength == analyze.Established {
			s, _ := service(&e)
			all.add(s)
		}
	}
	return all, nil
}

// decider collects the conversations of a day.
type decider struct {
	known    services // by flags
	user     map[uint16]bool
	repeated services // by repetition on some interface
	convs    map[Key]*summing
	// left are connections that the evidence of their own interface does not decide, rejects what hangs on them.
	left    []*item
	rejects [][2]*item // rejected, and accepted packets of the same connection
	pairs   [][2]Conversation
}

// interfaceDay decides the evidence of one interface.
func (d *decider) interfaceDay(rows []ledger.Evidence) {
	findSides(rows)
	in := newNear(d)
	items := map[tuple]*item{}
	var order []*item
	for i := range rows {
		e := &rows[i]
		if e.Client != ledger.ClientOpen {
			in.learn(e)
			d.folded(e)
			continue
		}
		t := tupleOf(e)
		it := items[t]
		if it == nil {
			it = &item{tuple: t}
			items[t] = it
			order = append(order, it)
		}
		it.add(e)
	}
	slices.SortFunc(order, func(a, b *item) int { return a.tuple.compare(&b.tuple) })
	in.decide(order)
	for _, it := range order {
		switch {
		case it.action != analyze.Accept:
		case it.doubtful():
			d.left = append(d.left, it)
		default:
			d.item(it)
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
		} else {
			d.reject(it, accepted)
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
		d.item(it)
	}
	for _, r := range d.rejects {
		d.reject(r[0], r[1])
	}
}

// findSides sets the local side of rows whose object did not tell it, where other rows of the interface tell its address.
func findSides(rows []ledger.Evidence) {
	own := map[netip.Addr]bool{}
	for i := range rows {
		if rows[i].Side == ledger.SideA {
			own[rows[i].A] = true
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
