package sum

import (
	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/ledger"
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
	pair int32
	ends [2]int32
}

// findRepetition decides pairs that flags left open. Few objects have a port that came often enough, so most of the work is
// not begun.
func (o *object) findRepetition() {
	o.resetMet()
	o.countMet()
	if !o.metEnough() {
		return
	}
	o.markClients()
	o.foldAll(o.countAddresses())
}

// meetings are what the open pairs of an object add up to.
type meetings struct {
	pairs int
	often bool // some endpoint met repeatLeast ports
	many  bool // counting has stopped at more than repetitionMost endpoints
	// addrs has codes of its own, as those of the object are given anew for each part of one that was spilled.
	addrs     addresses
	endpoints endpointTable
	fleets    fleets
}

// resetMet forgets the meetings of the object before.
func (o *object) resetMet() {
	o.met.reset()
	o.metCodes = o.metCodes[:0]
}

func (m *meetings) reset() {
	m.addrs.reset()
	m.endpoints.reset()
	m.fleets.reset()
	m.pairs, m.often, m.many = 0, false, false
}

// countMet lists the pairs in hand that may be decided, and counts the ports that their endpoints met. Like observe it goes in
// blocks.
func (o *object) countMet() {
	o.repeating = o.repeating[:0]
	t := &o.met.endpoints
	var keys [2 * blockRecords]endpointKey
	var hashes [2 * blockRecords]uint64
	for i := 0; i < len(o.verdicts); {
		if t.n > o.repetitionMost {
			o.met.many = true
			return
		}
		listed, n := len(o.repeating), 0
		for ; i < len(o.verdicts) && n < len(keys); i++ {
			if !o.repeats(i) {
				continue
			}
			o.repeating = append(o.repeating, repeating{pair: int32(i)})
			for end := range 2 {
				keys[n] = o.endpoint(&o.pairs.at(i).key, end)
				hashes[n] = t.hash(keys[n])
				n++
			}
		}
		t.reserve(n)
		t.ahead(hashes[:n])
		for at := range o.repeating[listed:] {
			r := &o.repeating[listed+at]
			r.ends = [2]int32{t.get(keys[2*at], hashes[2*at]), t.get(keys[2*at+1], hashes[2*at+1])}
			o.met.count(&o.pairs.at(int(r.pair)).key, r)
		}
	}
}

// listCounted lists the pairs in hand that may be decided, when all are counted.
func (o *object) listCounted() {
	o.repeating = o.repeating[:0]
	for i := range o.verdicts {
		if !o.repeats(i) {
			continue
		}
		k := &o.pairs.at(i).key
		o.repeating = append(o.repeating, repeating{int32(i), [2]int32{o.met.endpoints.have(o.endpoint(k, 0)), o.met.endpoints.have(o.endpoint(k, 1))}})
	}
}

// count adds the ports that the endpoints of a pair met.
func (m *meetings) count(k *pairKey, r *repeating) {
	m.pairs++
	for n := range r.ends {
		e := m.endpoints.at(r.ends[n])
		bit := portBit(k.port(1 - n))
		e.pairs++
		if e.met&bit != 0 {
			continue
		}
		e.met |= bit
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
	many := o.met.many || o.met.endpoints.n > o.repetitionMost
	return !many && (o.met.often || o.met.fleets.n > 0)
}

// repeats reports whether pair i is open and fit to show repetition.
func (o *object) repeats(i int) bool {
	if !o.verdicts[i].open {
		return false
	}
	p := o.pairs.at(i)
	var ab, ba ledger.Sums
	p.sums(&ab, 0)
	p.sums(&ba, 1)
	return p.key.action() == analyze.Accept && orient.Answered(p.key.proto(), &ab, &ba)
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

// countAddresses sums up what the ports of each address met, and reports whether any address may be a NAT's by that. An
// object that is too small for one is spared the work.
func (o *object) countAddresses() (crowded bool) {
	t := &o.met.endpoints
	ports, candidates := int32(t.n), 0
	for i := range ports {
		if o.mostMet(t.at(i)) > 0 {
			candidates++
		}
	}
	if 2*o.met.pairs <= spreadMost && candidates <= candidatesMost {
		return false
	}
	for i := range ports {
		at := t.have(t.at(i).key.address()) // which may move all of them
		if e, a := t.at(i), t.at(at); o.mostMet(e) > 0 {
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

// foldRepeated decides a pair if its endpoint that met more ports is a service by repetition: the other one cannot be, as a
// service's peers have met few.
func (o *object) foldRepeated(r *repeating, crowded bool) {
	t := &o.met.endpoints
	n := 0
	if t.at(r.ends[1]).degree() > t.at(r.ends[0]).degree() {
		n = 1
	}
	service, client := t.at(r.ends[n]), t.at(r.ends[1-n])
	p := o.pairs.at(int(r.pair))
	most := o.mostMet(service)
	if most == 0 || client.degree() > most || p.key.port(1-n) < 1024 || !mayRepeat(p.key.proto(), p.key.port(n)) {
		return
	}
	if crowded {
		if a := t.at(t.have(service.key.address())); a.pairs > spreadMost || a.candidates > candidatesMost {
			return
		}
	}
	v := &o.verdicts[r.pair]
	v.decide(n == 1, analyze.Repetition)
	v.strength = p.strength(1 - n)
}

func mayRepeat(proto uint8, service uint16) bool {
	if proto == uint8(analyze.UDP) {
		return orient.ServicePort(proto, service)
	}
	return service != 20
}
