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

func (t *endpointTable) get(k endpointKey) *endpoint {
	at := t.start(mix(mix(mix(t.seed, k.addr.lo), k.addr.hi), k.rest))
	for {
		i := t.index.next(&at)
		if i < 0 {
			break
		}
		if e := t.at(i); e.key == k {
			return e
		}
	}
	t.put(at, t.store.n)
	e := t.add()
	e.key = k
	return e
}

// of returns endpoint n of a pair, which met the other endpoint's port.
func (t *endpointTable) of(p *pair, n int) (e *endpoint, met uint16) {
	ports := [2]uint16{uint16(p.key.tuple >> 48), uint16(p.key.tuple >> 32)}
	rest := p.key.ids>>32<<32 | uint64(ports[n])<<16 | uint64(uint8(p.key.tuple>>8))<<1
	return t.get(endpointKey{p.key.addr[n], rest}), ports[1-n]
}

// address returns the endpoint that stands for all ports of e's address.
func (t *endpointTable) address(e *endpoint) *endpoint {
	return t.get(endpointKey{e.key.addr, e.key.rest&^(0xffff<<16) | 1})
}

func portBit(p uint16) uint64 { return 1 << (uint32(p) * 0x9e3779b1 >> 26) }

func (e *endpoint) degree() int { return bits.OnesCount64(e.met) }

func (e *endpoint) candidate() bool { return e.degree() >= repeatLeast && !e.client }

// findRepetition decides pairs that flags left open.
func (o *object) findRepetition() {
	t := &o.endpoints
	t.index.reset()
	t.store.n = 0
	open := false
	for i := range o.verdicts {
		if o.repeats(i) {
			open = true
			for n := range 2 {
				e, met := t.of(o.pairs.at(i), n)
				e.met |= portBit(met)
				e.pairs++
			}
		}
	}
	if !open {
		return
	}
	o.markClients()
	for i := range t.store.n {
		e := t.at(i)
		if e.key.rest&1 != 0 {
			continue
		}
		if a := t.address(e); e.candidate() {
			a.candidates++
		} else {
			a.pairs += e.pairs
		}
	}
	for i := range o.verdicts {
		if o.repeats(i) {
			o.foldRepeated(i)
		}
	}
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
		e, _ := o.endpoints.of(o.pairs.at(i), n)
		e.client = true
	}
}

func (o *object) foldRepeated(i int) {
	t := &o.endpoints
	p := o.pairs.at(i)
	proto := uint8(p.key.tuple >> 8)
	for n := range 2 {
		service, clientPort := t.of(p, n)
		client, servicePort := t.of(p, 1-n)
		if !service.candidate() || client.degree() > repeatPeer || clientPort < 1024 || !mayRepeat(proto, servicePort) {
			continue
		}
		if a := t.address(service); a.pairs > spreadMost || a.candidates > candidatesMost {
			continue
		}
		v := &o.verdicts[i]
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
