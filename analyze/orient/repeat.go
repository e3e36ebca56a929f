package orient

import (
	"net/netip"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/ledger"
)

// Repetition over a day: a port that meets three and more ports of its peers, three times as many as the peer's own port
// meets, is a service, unless it met another such port that stands up to it. Services found are taken out with their connections, and the rest is looked at again, so that a
// client port that came round on several services does not hide them.
//
// What could be mistaken for a service is a client port that came round: behind NAT, or on a busy client of services whose
// ports change. So the more connections an address has on ports that met no more than two, the more ports a service must
// have met. If client ports are chosen at random among 16,384 (Windows, the narrowest range), of 700 connections at most one
// in a thousand falls on a port that came up three times, of 3,100 four times, of 7,000 five times, of 12,000 six times and
// of 57,000 twelve times. repeatBounds[d] lies well below, as it is compared with the single connections alone.
//
// TCP counts connections that went both ways, with three packets each way unless flags are logged: a scanner with a fixed
// source port gets no such answers. UDP counts on listed service ports only: one socket of a peer-to-peer program is client
// and service at once. TCP port 20 is an FTP server that opens data connections.
var repeatBounds = [...]int{3: 640, 4: 2100, 5: 4300, 6: 7200, 7: 10600, 8: 14500, 9: 18600, 10: 23000, 11: 27500, 12: 32000}

const (
	repeatLeast    = 3
	repeatRatio    = 3
	candidatesMost = 3000 // a Kubernetes node can serve 2,768 node ports; NAT uses 64,512 ports
	repeatRounds   = 8
	rangeSingles   = 16 // as above, for d = 2
)

// needed is how many ports a service of an address with so many single connections must have met; 0: no number will do.
func needed(singles int) int {
	for d := repeatLeast; d < len(repeatBounds); d++ {
		if singles <= repeatBounds[d] {
			return d
		}
	}
	return 0
}

// fit reports whether an item can show repetition.
func fit(it *item) bool {
	return it.action == analyze.Accept && Answered(it.proto, &it.ab, &it.ba)
}

func mayServe(e endpoint) bool {
	if e.proto == uint8(analyze.UDP) {
		return ServicePort(e.proto, e.port)
	}
	return e.port != ftpData
}

// degrees counts, for each endpoint, the different ports it met.
type degrees struct {
	met   map[endpoint]int
	addrs map[host]*hostDegrees
	// rivals are endpoints that met another candidate which stands up to them: not both can be services.
	rivals map[endpoint]bool
}

type host struct {
	addr  netip.Addr
	proto uint8
}

type hostDegrees struct{ singles, candidates int }

func count(items []*item) degrees {
	type meeting struct {
		end endpoint
		met uint16
	}
	seen := map[meeting]struct{}{}
	d := degrees{map[endpoint]int{}, map[host]*hostDegrees{}, map[endpoint]bool{}}
	pairs := map[endpoint]int{}
	for _, it := range items {
		if !fit(it) {
			continue
		}
		a, b := it.ends()
		pairs[a]++
		pairs[b]++
		for _, m := range [2]meeting{{a, b.port}, {b, a.port}} {
			if _, ok := seen[m]; !ok && m.met >= firstHigh {
				seen[m] = struct{}{}
				d.met[m.end]++
			}
		}
	}
	for _, it := range items {
		a, b := it.ends()
		if fit(it) && d.met[a] >= repeatLeast && d.met[b] >= repeatLeast {
			d.rivals[a] = d.rivals[a] || repeatRatio*d.met[b] > d.met[a]
			d.rivals[b] = d.rivals[b] || repeatRatio*d.met[a] > d.met[b]
		}
	}
	for e, n := range pairs {
		h := host{e.addr, e.proto}
		if d.addrs[h] == nil {
			d.addrs[h] = &hostDegrees{}
		}
		if d.met[e] < repeatLeast {
			d.addrs[h].singles += n
		} else {
			d.addrs[h].candidates++
		}
	}
	return d
}

// serves reports whether s is a service by what it met, seen from client.
func (d *degrees) serves(s, client endpoint) bool {
	h := d.addrs[host{s.addr, s.proto}]
	if h == nil || h.candidates > candidatesMost || d.rivals[s] || client.port < firstHigh || !mayServe(s) {
		return false
	}
	least := needed(h.singles)
	return least > 0 && d.met[s] >= least && d.met[s] >= repeatRatio*d.met[client]
}

// byRepetition decides what repetition tells and returns the rest.
func (n *near) byRepetition(items []*item) []*item {
	items = undecided(items, n.byRepeated)
	for range repeatRounds {
		d := count(items)
		before := len(items)
		items = undecided(items, func(it *item) bool {
			if !fit(it) {
				return false
			}
			a, b := it.ends()
			switch {
			case d.serves(a, b):
				n.repeat(a)
				it.set(ledger.ClientB, analyze.Repetition)
			case d.serves(b, a):
				n.repeat(b)
				it.set(ledger.ClientA, analyze.Repetition)
			default:
				return false
			}
			return true
		})
		if len(items) == before {
			break
		}
	}
	return undecided(items, n.byRepeated)
}

// byRepeated decides a connection with an endpoint that repetition has shown to be a service.
func (n *near) byRepeated(it *item) bool {
	if it.proto == uint8(analyze.UDP) && !it.bothWays() {
		return false
	}
	a, b := it.ends()
	_, x := n.repeated[a]
	_, y := n.repeated[b]
	if x == y {
		return false
	}
	it.toward(y, analyze.Repetition)
	return true
}

// byRanges decides, by the ranges that systems take client ports from, connections of a port below 32768 that met at least
// two ports from there on and none else. One alone is no evidence: NAT takes client ports from 1024 on.
func byRanges(items []*item) []*item {
	d := count(items)
	low := map[endpoint]bool{} // met a port below 32768
	for _, it := range items {
		a, b := it.ends()
		low[a] = low[a] || b.port < firstEphemeral
		low[b] = low[b] || a.port < firstEphemeral
	}
	serves := func(s, client endpoint) bool {
		h := d.addrs[host{s.addr, s.proto}]
		return s.port >= firstHigh && s.port < firstEphemeral && !low[s] && h != nil && h.singles <= rangeSingles && d.met[s] >= 2 && d.met[client] == 1
	}
	return undecided(items, func(it *item) bool {
		if it.proto != uint8(analyze.TCP) || !fit(it) {
			return false
		}
		a, b := it.ends()
		x, y := serves(a, b), serves(b, a)
		if x == y {
			return false
		}
		it.toward(y, analyze.Registry)
		return true
	})
}
