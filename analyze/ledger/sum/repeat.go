package sum

import (
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
func (o *object) mostMet(e *endpoint) uint8 {
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

// repeating is a pair that flags left open and that repetition may decide.
type repeating struct {
	keys [2]endpointKey
	pair int32
	ends [2]int32 // where its endpoints stand, once looked up
}

// listRepeating lists a pair that is fit to show repetition.
func (o *object) listRepeating(pair int) {
	k := &o.pairs.at(pair).key
	o.repeating = append(o.repeating, repeating{})
	r := &o.repeating[len(o.repeating)-1] // written in its place: a copy would wait for what it is made of
	r.pair, r.keys[0], r.keys[1] = int32(pair), o.endpoint(k, 0), o.endpoint(k, 1)
}

// findRepetition decides pairs that flags left open. Few objects have a port that came often enough, so most of the work is
// not begun.
func (o *object) findRepetition() {
	o.resetMet()
	if 2*len(o.repeating) <= min(spreadMost, o.repetitionMost) {
		o.sift()
	}
	o.countMet()
	if !o.metEnough() {
		return
	}
	o.markClients()
	o.foldAll(o.settleMet())
}

// meetings are what the open pairs of an object add up to.
type meetings struct {
	pairs int  // that may be decided
	often bool // some endpoint met repeatLeast ports
	many  bool // counting has stopped at more than repetitionMost endpoints
	// addrs has codes of its own, as those of the object are given anew for each part of one that was spilled.
	addrs     addresses
	sieve     sieve
	endpoints endpointTable
	fleets    fleets
	settled   []met // by position in endpoints
}

// resetMet forgets the meetings of the object before.
func (o *object) resetMet() {
	o.met.reset()
	o.metCodes = o.metCodes[:0]
}

func (m *meetings) reset() {
	m.addrs.reset()
	m.sieve.open()
	m.endpoints.reset()
	m.fleets.reset()
	m.pairs, m.often, m.many = 0, false, false
}

// sift keeps the endpoints that met one port out of the table. That is most of them, clients' ports; they are no services, so
// nobody asks for more than that. countAddresses does, of objects with very many pairs, and their sieve stays open.
func (o *object) sift() {
	m := &o.met
	m.sieve.close()
	for i := range o.repeating {
		r := &o.repeating[i]
		m.sieve.meet(m.endpoints.hash(r.keys[0]), r.keys[1].port())
		m.sieve.meet(m.endpoints.hash(r.keys[1]), r.keys[0].port())
	}
}

// ends is a block of endpoints that are to be looked up.
type ends struct {
	n      int
	keys   [2 * blockRecords]endpointKey
	hashes [2 * blockRecords]uint64
	peers  [2 * blockRecords]uint16 // port that it met
	of     [2 * blockRecords]uint8  // pair of the block << 1 | which end of it
	at     [2 * blockRecords]int32  // position, once looked up
}

// fill takes the endpoints of pairs. Which of them the sieve keeps out nobody could foretell, so nothing branches on it.
func (o *object) fill(b *ends, pairs []repeating) {
	n := 0
	for i := range pairs {
		r := &pairs[i]
		for end, key := range r.keys {
			hash := o.met.endpoints.hash(key)
			b.keys[n], b.hashes[n], b.peers[n], b.of[n] = key, hash, r.keys[1-end].port(), uint8(2*i+end)
			r.ends[end] = lone
			n += o.met.sieve.several(hash)
		}
	}
	b.n = n
}

// lookUp finds the endpoints of pairs, made where they are new, in blocks as observe does. It stops where visit says so.
func (o *object) lookUp(visit func(b *ends) bool) {
	t := &o.met.endpoints
	var b ends
	for first := 0; first < len(o.repeating); first += blockRecords {
		pairs := o.repeating[first:min(first+blockRecords, len(o.repeating))]
		o.fill(&b, pairs)
		t.reserve(b.n)
		t.ahead(b.hashes[:b.n])
		for i, hash := range b.hashes[:b.n] {
			at := t.get(b.keys[i], hash)
			b.at[i], pairs[b.of[i]>>1].ends[b.of[i]&1] = at, at
		}
		if !visit(&b) {
			return
		}
	}
}

// countMet counts the ports that the endpoints of the pairs in hand met.
func (o *object) countMet() {
	m := &o.met
	m.pairs += len(o.repeating)
	o.lookUp(func(b *ends) bool {
		for i, at := range b.at[:b.n] {
			m.count(m.endpoints.at(at), b.peers[i])
		}
		m.many = m.endpoints.len() > o.repetitionMost
		return !m.many
	})
}

// count adds a port that an endpoint met.
func (m *meetings) count(e *endpoint, peer uint16) {
	e.pairs++
	bit := portBit(peer)
	if e.met&bit != 0 {
		return
	}
	e.met |= bit
	switch e.degree() {
	case fleetLeast:
		m.fleets.add(e.key)
	case repeatLeast:
		m.often = true
	}
}

// metEnough is asked when all pairs are counted: whether some endpoint met enough for repetition.
func (o *object) metEnough() bool {
	o.met.fleets.settle()
	return !o.met.many && (o.met.often || o.met.fleets.n > 0)
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
		k := o.endpoint(&o.pairs.at(i).key, n)
		if at, _ := t.find(k, t.hash(k)); at >= 0 {
			t.at(at).client = true
		}
	}
}

// met is what counts in the end of an endpoint: how many ports it met, and how many those that it met may have.
type met struct{ degree, most uint8 }

// settleMet is called when all is counted and marked. It reports whether any address may be a NAT's by what its ports met; an
// object that is too small for one is spared the work.
func (o *object) settleMet() (crowded bool) {
	t := &o.met.endpoints
	o.met.settled = o.met.settled[:0]
	candidates := 0
	for i := range t.list[:t.n] {
		e := &t.list[i]
		s := met{uint8(e.degree()), o.mostMet(e)}
		if s.most > 0 {
			candidates++
		}
		o.met.settled = append(o.met.settled, s)
	}
	if 2*o.met.pairs <= spreadMost && candidates <= candidatesMost {
		return false
	}
	o.countAddresses()
	return true
}

// countAddresses sums up what the ports of each address met.
func (o *object) countAddresses() {
	t := &o.met.endpoints
	for i, s := range o.met.settled {
		at := t.have(t.list[i].key.address()) // which may move all of them
		if e, a := &t.list[i], t.at(at); s.most > 0 {
			a.candidates++
		} else {
			a.pairs += e.pairs
		}
	}
}

// foldAll decides the pairs that countMet has looked up.
func (o *object) foldAll(crowded bool) {
	for i := range o.repeating {
		o.foldRepeated(&o.repeating[i], crowded)
	}
}

// foldRepeated decides a pair if its endpoint that met more ports is a service by repetition: the other one cannot be, as a
// service's peers have met few. It is established: it went both ways, and no flag says otherwise.
func (o *object) foldRepeated(r *repeating, crowded bool) {
	n := 0
	if o.met.settled[r.ends[1]].degree > o.met.settled[r.ends[0]].degree {
		n = 1
	}
	k := r.keys[n]
	service, client := o.met.settled[r.ends[n]], o.met.settled[r.ends[1-n]]
	if client.degree > service.most || r.keys[1-n].port() < 1024 || !mayRepeat(k.proto(), k.port()) {
		return
	}
	if crowded {
		t := &o.met.endpoints
		if a := t.at(t.have(k.address())); a.pairs > spreadMost || a.candidates > candidatesMost {
			return
		}
	}
	v := &o.verdicts[r.pair]
	v.decide(n == 1, analyze.Repetition)
	v.strength = analyze.Established
}

func mayRepeat(proto uint8, service uint16) bool {
	if proto == uint8(analyze.UDP) {
		return orient.ServicePort(proto, service)
	}
	return service != 20
}
