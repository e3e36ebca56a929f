package sum

import (
	"math/bits"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/orient"
)

// Strong repetition within one object: a port that meets many ports of its peers is a service. What is folded here no later
// evidence can correct, so the bounds are far from what chance or another habit can bring about:
//   - at least repeatLeast different peer ports from 1024 on, counted on pairs that went both ways (TCP: three packets
//     each way unless flags are logged), while the peer's own port meets at most two of ours. A scanner that keeps one
//     source port gets no three packets back from its many targets;
//   - no flags in the object show that port as a client's;
//   - TCP port 20 is left out: an FTP server opens its data connections from there;
//   - UDP only on listed service ports: one socket of a peer-to-peer program meets many ports both as client and as service;
//   - an address whose other ports meet more than spreadMost ports, or with more than candidatesMost such ports, is rather a
//     NAT whose client ports came round: with a random choice among 16,384 ports (Windows, the narrowest) and spreadMost
//     connections, less than two connections in 100,000 fall on a port that has come sixteen times.
const (
	repeatLeast    = 16
	repeatPeer     = 2
	spreadMost     = 65536
	candidatesMost = 3000 // a Kubernetes node can serve 2,768 node ports
)

// endpoint is an address and port of one interface and protocol, or (whole) the address with all its ports.
type endpoint struct {
	key        endpointKey
	met        uint64 // bit per hash of a port met: at least as many different ones as bits
	pairs      uint64 // of an address: those of its ports that are no candidates
	candidates uint64 // of an address
	client     bool   // flags show it as a client's
}

type endpointKey struct {
	addr addr
	rest uint64 // interface << 32 | port << 16 | protocol << 1 | whole
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
	rest := p.key.ids>>32<<32 | uint64(ports[n])<<16 | uint64(uint8(p.key.tuple>>8))<<1
	return endpointKey{p.key.addr[n], rest}, ports[1-n]
}

// address is the key that stands for all ports of an address.
func (k endpointKey) address() endpointKey {
	return endpointKey{k.addr, k.rest&^(0xffff<<16) | 1}
}

func portBit(p uint16) uint64 { return 1 << (uint32(p) * 0x9e3779b1 >> 26) }

func (e *endpoint) degree() int { return bits.OnesCount64(e.met) }

func (e *endpoint) candidate() bool { return e.degree() >= repeatLeast && !e.client }

// repeating is a pair that flags left open and that repetition may decide, with its endpoints.
type repeating struct {
	pair int
	ends [2]int
}

// findRepetition decides pairs that flags left open. Few objects have a port that came often enough, so most of the work is
// not begun.
func (o *object) findRepetition() {
	if o.countMet() == 0 {
		return
	}
	o.markClients()
	crowded := o.countAddresses()
	for i := range o.repeating {
		o.foldRepeated(&o.repeating[i], crowded)
	}
}

// countMet lists the pairs that may be decided, counts the ports that their endpoints met, and returns how many endpoints
// met enough.
func (o *object) countMet() (often int) {
	t := &o.endpoints
	t.reset()
	o.repeating = o.repeating[:0]
	for i := range o.verdicts {
		if !o.repeats(i) {
			continue
		}
		r := repeating{pair: i}
		for n := range r.ends {
			k, met := o.pairs.at(i).endpoint(n)
			r.ends[n] = t.get(k)
			e := t.at(r.ends[n])
			before := e.degree()
			e.met |= portBit(met)
			e.pairs++
			if before < repeatLeast && e.degree() >= repeatLeast {
				often++
			}
		}
		o.repeating = append(o.repeating, r)
	}
	return often
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
	t := &o.endpoints
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
	t := &o.endpoints
	ports, candidates := t.store.n, 0
	for i := range ports {
		if t.at(i).candidate() {
			candidates++
		}
	}
	if 2*len(o.repeating) <= spreadMost && candidates <= candidatesMost {
		return false
	}
	for i := range ports {
		e := t.at(i)
		if a := t.at(t.get(e.key.address())); e.candidate() {
			a.candidates++
		} else {
			a.pairs += e.pairs
		}
	}
	return true
}

func (o *object) foldRepeated(r *repeating, crowded bool) {
	t := &o.endpoints
	p := o.pairs.at(r.pair)
	proto := uint8(p.key.tuple >> 8)
	ports := [2]uint16{uint16(p.key.tuple >> 48), uint16(p.key.tuple >> 32)}
	for n := range r.ends {
		service, client := t.at(r.ends[n]), t.at(r.ends[1-n])
		if !service.candidate() || client.degree() > repeatPeer || ports[1-n] < 1024 || !mayRepeat(proto, ports[n]) {
			continue
		}
		if crowded {
			if a := t.at(t.get(service.key.address())); a.pairs > spreadMost || a.candidates > candidatesMost {
				continue
			}
		}
		v := &o.verdicts[r.pair]
		v.decide(n == 1, analyze.Repetition)
		v.strength = p.strength(n == 1)
		return
	}
}

func mayRepeat(proto uint8, service uint16) bool {
	if proto == uint8(analyze.UDP) {
		return orient.ServicePort(proto, service)
	}
	return service != 20
}
