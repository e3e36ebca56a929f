package sum

import (
	"math/bits"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/orient"
)

// Strong repetition within one object: a port that meets many ports of its peers is a service, whichever of the object's
// interfaces saw it. What is folded here no later evidence can correct, so the bounds are far from what chance or another
// habit can bring about:
//   - at least repeatLeast different peer ports, the pair's own one from 1024 on, counted on pairs that went both ways (TCP:
//     three packets each way unless flags are logged), while the peer's own port meets at most two. A scanner that keeps one
//     source port gets no three packets back from its many targets;
//   - or fleetLeast of them on a fleet's port, one that at least fleetAddresses addresses keep so, while the peer's own port
//     meets no other. A client port that comes round four times on one address in one object does so on few; where many
//     numbers come round so often, more than fleetPorts, there are no fleets;
//   - no flags in the object show that port as a client's;
//   - TCP port 20 is left out: an FTP server opens its data connections from there;
//   - UDP only on listed service ports: one socket of a peer-to-peer program meets many ports both as client and as service;
//   - an address whose other ports meet more than spreadMost ports, or with more than candidatesMost such ports, is rather a
//     NAT whose client ports came round: with a random choice among 16,384 ports (Windows, the narrowest) and spreadMost
//     connections, less than two connections in 100,000 fall on a port that has come sixteen times;
//   - an object with more than repetitionMost endpoints of such connections decides none of them, as all have to be in memory
//     at once. The day's evidence then shows the repetition, when it is read.
const (
	repeatLeast    = 16
	repeatPeer     = 2
	spreadMost     = 65536
	candidatesMost = 3000 // a Kubernetes node can serve 2,768 node ports
	fleetLeast     = 4
	fleetAddresses = 8
	fleetPorts     = 64
	repetitionMost = 1 << 20
)

// endpoint is an address and port of one protocol, or (whole) the address with all its ports.
type endpoint struct {
	key        endpointKey
	met        uint64 // bit per hash of a port met: at least as many different ones as bits
	pairs      uint64 // of an address: those of its ports that are no candidates
	candidates uint64 // of an address
	client     bool   // flags show it as a client's
}

type endpointKey struct {
	addr addr
	rest uint64 // port << 16 | protocol << 1 | whole
}

type endpointTable struct {
	index
	store[endpoint]
	seed uint64
}

// find returns the position of an endpoint, or -1 and where it would go.
func (t *endpointTable) find(k endpointKey) (int, probe) {
	at := t.start(mix(mix(mix(t.seed, k.addr.lo), k.addr.hi), k.rest))
	for {
		i := t.index.next(&at)
		if i < 0 {
			return -1, at
		}
		if e := t.at(i); e.key.addr.differs(k.addr)|(e.key.rest^k.rest) == 0 {
			return i, at
		}
	}
}

// get returns the position of an endpoint, made when it is new.
func (t *endpointTable) get(k endpointKey) int {
	i, at := t.find(k)
	if i >= 0 {
		return i
	}
	i = t.store.n
	t.put(at, i)
	*t.add() = endpoint{key: k}
	return i
}

func (t *endpointTable) reset() {
	t.index.reset()
	t.store.n = 0
}

// endpoint is the key of endpoint n of a pair, and the other endpoint's port, which it met.
func (p *pair) endpoint(n int) (k endpointKey, met uint16) {
	ports := [2]uint16{uint16(p.key.tuple >> 48), uint16(p.key.tuple >> 32)}
	rest := uint64(ports[n])<<16 | uint64(uint8(p.key.tuple>>8))<<1
	return endpointKey{p.key.addr[n], rest}, ports[1-n]
}

// address is the key that stands for all ports of an address.
func (k endpointKey) address() endpointKey {
	return endpointKey{k.addr, k.rest&^(0xffff<<16) | 1}
}

func portBit(p uint16) uint64 { return 1 << (uint32(p) * 0x9e3779b1 >> 26) }

func (e *endpoint) degree() int { return bits.OnesCount64(e.met) }

func (k endpointKey) port() uint16 { return uint16(k.rest >> 16) }

func (k endpointKey) proto() uint8 { return uint8(k.rest >> 1) }

// fleets finds the TCP ports that many addresses keep.
type fleets struct {
	addresses [1 << 16]uint32 // by port, those that met fleetLeast ports on it; once settled 0 where it is no fleet's
	counted   []uint16        // ports that are not 0
	n         int             // ports of fleets
}

func (f *fleets) reset() {
	for _, p := range f.counted {
		f.addresses[p] = 0
	}
	f.counted, f.n = f.counted[:0], 0
}

func (f *fleets) add(k endpointKey) {
	if k.proto() != uint8(analyze.TCP) {
		return
	}
	if f.addresses[k.port()] == 0 {
		f.counted = append(f.counted, k.port())
	}
	f.addresses[k.port()]++
}

// settle is called when all addresses are counted.
func (f *fleets) settle() {
	for _, p := range f.counted {
		if f.addresses[p] >= fleetAddresses {
			f.n++
		} else {
			f.addresses[p] = 0
		}
	}
	if f.n > fleetPorts {
		f.reset()
	}
}

func (f *fleets) has(k endpointKey) bool {
	return k.proto() == uint8(analyze.TCP) && f.addresses[k.port()] > 0
}

// mostMet is how many ports the peers' own ports may have met for e to be a service of theirs; 0: it is none.
func (o *object) mostMet(e *endpoint) int {
	switch d := e.degree(); {
	case e.client:
		return 0
	case d >= repeatLeast:
		return repeatPeer
	case d >= fleetLeast && o.met.fleets.has(e.key):
		return 1
	}
	return 0
}

// repeating is a pair that flags left open and that repetition may decide, with its endpoints.
type repeating struct {
	pair int
	ends [2]int
}

// findRepetition decides pairs that flags left open. Few objects have a port that came often enough, so most of the work is
// not begun.
func (o *object) findRepetition() {
	o.met.reset()
	o.countMet()
	if !o.metEnough() {
		return
	}
	o.markClients()
	o.foldAll(o.countAddresses())
}

// meetings are what the open pairs of an object add up to.
type meetings struct {
	pairs     int
	often     bool // some endpoint met repeatLeast ports
	many      bool // counting has stopped at more than repetitionMost endpoints
	endpoints endpointTable
	fleets    fleets
}

func (m *meetings) reset() {
	m.endpoints.reset()
	m.fleets.reset()
	m.pairs, m.often, m.many = 0, false, false
}

// countMet lists the pairs in hand that may be decided, and counts the ports that their endpoints met.
func (o *object) countMet() {
	o.repeating = o.repeating[:0]
	for i := range o.verdicts {
		if !o.repeats(i) {
			continue
		}
		if o.met.endpoints.store.n > o.repetitionMost {
			o.met.many = true
			return
		}
		o.list(i)
		o.met.count(o.pairs.at(i), &o.repeating[len(o.repeating)-1])
	}
}

// listCounted lists the pairs in hand that may be decided, when all are counted.
func (o *object) listCounted() {
	o.repeating = o.repeating[:0]
	for i := range o.verdicts {
		if o.repeats(i) {
			o.list(i)
		}
	}
}

// list adds a pair to those that may be decided.
func (o *object) list(i int) {
	r := repeating{pair: i}
	for n := range r.ends {
		k, _ := o.pairs.at(i).endpoint(n)
		r.ends[n] = o.met.endpoints.get(k)
	}
	o.repeating = append(o.repeating, r)
}

// count adds the ports that the endpoints of p met.
func (m *meetings) count(p *pair, r *repeating) {
	m.pairs++
	for n := range r.ends {
		e := m.endpoints.at(r.ends[n])
		_, met := p.endpoint(n)
		e.pairs++
		if e.met&portBit(met) != 0 {
			continue
		}
		e.met |= portBit(met)
		switch e.degree() {
		case fleetLeast:
			m.fleets.add(e.key)
		case repeatLeast:
			m.often = true
		}
	}
}

// metEnough is asked when all pairs are counted: whether some endpoint met enough for repetition.
func (o *object) metEnough() bool {
	o.met.fleets.settle()
	many := o.met.many || o.met.endpoints.store.n > o.repetitionMost
	return !many && (o.met.often || o.met.fleets.n > 0)
}

// repeats reports whether pair i is open and fit to show repetition.
func (o *object) repeats(i int) bool {
	if !o.verdicts[i].open {
		return false
	}
	p := o.pairs.at(i)
	ab, ba := p.dir[0].sums(), p.dir[1].sums()
	return analyze.Action(p.key.tuple>>2&3) == analyze.Accept && orient.Answered(uint8(p.key.tuple>>8), &ab, &ba)
}

// markClients notes the ports that flags show as a client's.
func (o *object) markClients() {
	t := &o.met.endpoints
	for i := range o.verdicts {
		v := &o.verdicts[i]
		if v.reason != analyze.OwnFlags && v.reason != analyze.Counterpart {
			continue
		}
		zero := (v.client == 1) != v.swap
		n := 1
		if zero {
			n = 0
		}
		k, _ := o.pairs.at(i).endpoint(n)
		if at, _ := t.find(k); at >= 0 {
			t.at(at).client = true
		}
	}
}

// countAddresses sums up what the ports of each address met, and reports whether any address may be a NAT's by that. An
// object that is too small for one is spared the work.
func (o *object) countAddresses() (crowded bool) {
	t := &o.met.endpoints
	ports, candidates := t.store.n, 0
	for i := range ports {
		if o.mostMet(t.at(i)) > 0 {
			candidates++
		}
	}
	if 2*o.met.pairs <= spreadMost && candidates <= candidatesMost {
		return false
	}
	for i := range ports {
		e := t.at(i)
		if a := t.at(t.get(e.key.address())); o.mostMet(e) > 0 {
			a.candidates++
		} else {
			a.pairs += e.pairs
		}
	}
	return true
}

// foldAll decides the pairs that countMet has listed.
func (o *object) foldAll(crowded bool) {
	for i := range o.repeating {
		o.foldRepeated(&o.repeating[i], crowded)
	}
}

func (o *object) foldRepeated(r *repeating, crowded bool) {
	t := &o.met.endpoints
	p := o.pairs.at(r.pair)
	proto := uint8(p.key.tuple >> 8)
	ports := [2]uint16{uint16(p.key.tuple >> 48), uint16(p.key.tuple >> 32)}
	for n := range r.ends {
		service, client := t.at(r.ends[n]), t.at(r.ends[1-n])
		most := o.mostMet(service)
		if most == 0 || client.degree() > most || ports[1-n] < 1024 || !mayRepeat(proto, ports[n]) {
			continue
		}
		if crowded {
			if a := t.at(t.get(service.key.address())); a.pairs > spreadMost || a.candidates > candidatesMost {
				continue
			}
		}
		v := &o.verdicts[r.pair]
		v.decide(n == 1, analyze.Repetition)
		fwd, back := p.dir[1-n].sums(), p.dir[n].sums()
		v.strength = p.strength(&fwd, &back)
		return
	}
}

func mayRepeat(proto uint8, service uint16) bool {
	if proto == uint8(analyze.UDP) {
		return orient.ServicePort(proto, service)
	}
	return service != 20
}
