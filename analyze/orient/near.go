package orient

import (
	"net/netip"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/ledger"
)

// near is what the evidence of one interface tells of its services.
type near struct {
	d        *decider
	ends     services
	pairs    map[pairing]bool      // by flags; true: established, false: attempts only
	attempts map[[2]netip.Addr]int // service and client: ports that met attempts only
	repeated map[endpoint]struct{}
	lowPorts map[host]int
}

// pairing is a service as one client uses it.
type pairing struct {
	service endpoint
	client  netip.Addr
}

func newNear(d *decider) *near {
	return &near{d: d, ends: newServices(), pairs: map[pairing]bool{}, attempts: map[[2]netip.Addr]int{}, repeated: map[endpoint]struct{}{}, lowPorts: map[host]int{}}
}

// learn takes what a folded row tells.
func (n *near) learn(e *ledger.Key) {
	s, client := service(e)
	if !byFlags(e) { // the day knows it already
		n.repeated[s] = struct{}{}
		return
	}
	p := pairing{s, client}
	old, ok := n.pairs[p]
	if !ok {
		n.attempts[[2]netip.Addr{s.addr, client}]++
	}
	n.pairs[p] = old || e.Strength == analyze.Established
	if e.Strength == analyze.Established {
		n.ends.add(s)
	}
}

// repeat notes a service that repetition has shown.
func (n *near) repeat(s endpoint) {
	n.repeated[s] = struct{}{}
	n.d.repeated.add(s)
}

// scanMost is how many ports of one address a client may have tried before a mere attempt is no sign of a service.
const scanMost = 8

// How closely flags elsewhere that day know a reading.
const (
	unknown   = iota
	attempted // this client tried this service, and no answer is on record
	anywhere  // the service answered someone, on some interface
	here      // the service answered someone on this interface
	between   // the service answered this very client on this interface
)

// tier of the reading in which s serves client. Refusals are all that is on record of the connection, if they come from s:
// then an attempt is sign enough.
func (n *near) tier(s endpoint, client netip.Addr, refusals bool) int {
	answered, ok := n.pairs[pairing{s, client}]
	switch {
	case answered:
		return between
	case n.ends.has(s):
		return here
	case n.d.known.has(s):
		return anywhere
	case ok && (refusals || n.attempts[[2]netip.Addr{s.addr, client}] <= scanMost):
		return attempted
	}
	return unknown
}

// decide goes through the evidence of design §4.4, best first, for connections of one interface in a fixed order.
func (n *near) decide(items []*item) {
	open := items[:0:0]
	for _, it := range items {
		if it.proto != uint8(analyze.TCP) && it.proto != uint8(analyze.UDP) {
			continue // portless: both sides
		}
		decided, clash := byOwnFlags(it)
		if decided || clash || n.byEndpoint(it) {
			continue // ends that both opened stay doubtful: it may have been two connections
		}
		open = append(open, it)
	}
	open = n.byRepetition(open)
	n.findNAT(open)
	open = undecided(open, func(it *item) bool { return !it.waits() && n.byPort(it) })
	open = undecided(open, byHandshake)
	open = byRanges(open)
	n.byAsking(items, open)
}

// undecided keeps the items that decide does not decide.
func undecided(items []*item, decide func(*item) bool) []*item {
	kept := items[:0:0]
	for _, it := range items {
		if !decide(it) {
			kept = append(kept, it)
		}
	}
	return kept
}

func byOwnFlags(it *item) (decided, clash bool) {
	if it.proto != uint8(analyze.TCP) {
		return false, false
	}
	c, r, clash := ByFlags(&it.ab, &it.ba)
	it.set(c, r)
	return c != ledger.ClientOpen, clash
}

func (n *near) byEndpoint(it *item) bool {
	a, b := it.ends()
	x := n.tier(a, it.b, it.ba.Flows == 0 && onlyResets(&it.ab))
	y := n.tier(b, it.a, it.ab.Flows == 0 && onlyResets(&it.ba))
	// Two known ends contradict each other, unless one is known for this very pair and the other is not. A mere attempt is
	// enough to contradict: a port that serves somebody may be the one that this connection was opened from.
	if x == y || min(x, y) > unknown && max(x, y) < between {
		return false
	}
	it.toward(y > x, analyze.Endpoint)
	return true
}

// byPort asks the user's known ports, then the registry. Datagrams that went one way are left: their sender asked.
func (n *near) byPort(it *item) bool {
	if it.proto == uint8(analyze.UDP) && !it.bothWays() {
		return false
	}
	if a, b := n.d.user[it.portA], n.d.user[it.portB]; a != b {
		it.toward(b, analyze.KnownPort)
		return true
	}
	r := byRegistry(it.proto, it.portA, it.portB)
	s, _ := it.ends()
	if r > 0 {
		_, s = it.ends()
	}
	if r == 0 || s.port >= firstHigh && n.lowPorts[host{s.addr, s.proto}] > lowPortsMost {
		return false
	}
	it.toward(r > 0, analyze.Registry)
	return true
}

// waits reports whether the registry is asked only when the day's repetition has been: a listed port from 32768 on may be a
// client's, of a service that other interfaces know.
func (it *item) waits() bool {
	listed := func(p uint16) bool { return p >= firstEphemeral && ServicePort(it.proto, p) }
	return it.action == analyze.Accept && (listed(it.portA) || listed(it.portB)) && min(it.portA, it.portB) >= firstHigh
}

// lowPortsMost is how many doubtful connections of unlisted ports from 1024 to 32767 an address may have before a listed one
// among them is rather a NAT's client port.
const lowPortsMost = 8

// findNAT counts, by address, the doubtful connections that use such ports.
func (n *near) findNAT(open []*item) {
	for _, it := range open {
		a, b := it.ends()
		for _, e := range [2]endpoint{a, b} {
			if e.port >= firstHigh && e.port < firstEphemeral && !ServicePort(e.proto, e.port) {
				n.lowPorts[host{e.addr, e.proto}]++
			}
		}
	}
}

// byAsking decides datagrams: one way is a request, unless it comes from a service that the same client asked at another
// time of the day. Where the ports say that it is the answer to a request without record, it stays doubtful.
func (n *near) byAsking(all, open []*item) {
	asked := map[pairing]bool{}
	for _, it := range all {
		if it.proto != uint8(analyze.UDP) || !it.bothWays() {
			continue
		}
		a, b := it.ends()
		switch it.client {
		case ledger.ClientA:
			asked[pairing{b, it.a}] = true
		case ledger.ClientB:
			asked[pairing{a, it.b}] = true
		}
	}
	for _, it := range open {
		if it.proto != uint8(analyze.UDP) || it.bothWays() {
			continue
		}
		fromA := it.ab.Flows > 0
		sender, receiver := it.ends()
		if !fromA {
			sender, receiver = receiver, sender
		}
		reply := byRegistry(it.proto, sender.port, receiver.port) < 0
		switch {
		case sender.port == receiver.port:
			it.toward(fromA, analyze.EqualPorts)
		case asked[pairing{sender, receiver.addr}] && !asked[pairing{receiver, sender.addr}]:
			it.toward(!fromA, analyze.Endpoint)
		case n.d.user[receiver.port] != n.d.user[sender.port]:
			it.toward(fromA == n.d.user[receiver.port], analyze.KnownPort)
		case !reply:
			it.toward(fromA, analyze.OneWayUDP)
		}
	}
}
