package main

import (
	"net/netip"

	"github.com/sgtrim/sgtrim/analyze/orient"
	"github.com/sgtrim/sgtrim/cmd/world/labelled"
)

// score counts connections, each at every interface that logged it, by how orientation read them. A connection whose records
// were read in several ways counts by the worst.
type score struct {
	right, wrong, doubt int
	absent              int // in no conversation: a bug
}

func (s *score) add(o score) {
	s.right += o.right
	s.wrong += o.wrong
	s.doubt += o.doubt
	s.absent += o.absent
}

func (s score) all() int { return s.right + s.wrong + s.doubt + s.absent }

// verdicts are the scores of one cell.
type verdicts struct {
	flagged     score // a record of the connection that arrived bears SYN
	plain       score // none does
	established score // those of plain that their packets show to be established
	lowerPort   score // all, as other tools read them: the lower port serves
	strength    score // conversations, of whole delivery, by their strength: wrong ones are weaker, doubt is stronger
}

func (v *verdicts) add(o verdicts) {
	v.flagged.add(o.flagged)
	v.plain.add(o.plain)
	v.established.add(o.established)
	v.lowerPort.add(o.lowerPort)
	v.strength.add(o.strength)
}

// reading says who served whom, on one interface.
type reading struct {
	iface           string
	client, service netip.Addr
	port            uint16
	proto           uint8
}

// records are those read so, surely and in doubt, that no connection has answered for yet.
type records struct{ sure, doubtful int64 }

// readings are what conversations say.
type readings map[reading]records

func (r readings) see(c *orient.Conversation) {
	k := readingOf(c)
	n := r[k]
	if c.Link != 0 {
		n.doubtful += c.Total().Flows
	} else {
		n.sure += c.Total().Flows
	}
	r[k] = n
}

func (r readings) judge(v *labelled.View) score {
	right := r[reading{v.Interface, v.Client.Addr(), v.Service.Addr(), v.Service.Port(), v.Protocol}]
	wrong := r[reversed(v)]
	switch {
	case wrong.sure > 0:
		return score{wrong: 1}
	case wrong.doubtful > 0:
		return score{doubt: 1}
	case right.sure > 0:
		return score{right: 1}
	}
	return score{absent: 1}
}

// answer takes a record from what stands against the connection. Connections that share a client port, as FTP's from port
// 20, share the wrong reading too: as many of them are wrong as it has records, at most.
func (r readings) answer(v *labelled.View, s score) {
	k := reversed(v)
	n := r[k]
	n.sure -= int64(s.wrong)
	n.doubtful -= int64(s.doubt)
	if s.wrong+s.doubt > 0 {
		r[k] = n
	}
}

// reversed is the wrong reading of a connection.
func reversed(v *labelled.View) reading {
	return reading{v.Interface, v.Service.Addr(), v.Client.Addr(), v.Client.Port(), v.Protocol}
}

func lowerPort(v *labelled.View) score {
	if v.Client.Port() > v.Service.Port() {
		return score{right: 1}
	}
	return score{wrong: 1}
}

// judge compares readings with labels. Where few is false, connections to a service that met less than three client ports in
// all that is logged do not count as established: nothing can repeat there.
func judge(views []labelled.View, r readings, few bool) (v verdicts) {
	met := clientPorts(views)
	for i := range views {
		view := &views[i]
		if view.Client.Port() == view.Service.Port() {
			continue // its two readings are one (design §4.4)
		}
		s := r.judge(view)
		r.answer(view, s)
		v.lowerPort.add(lowerPort(view))
		if view.Handshake {
			v.flagged.add(s)
			continue
		}
		v.plain.add(s)
		if view.Established() && (few || met[view.Service] >= 3) {
			v.established.add(s)
		}
	}
	return v
}

// clientPorts counts the client ports that each service met in established connections.
func clientPorts(views []labelled.View) map[netip.AddrPort]int {
	type meeting struct {
		service netip.AddrPort
		port    uint16
	}
	seen, met := map[meeting]bool{}, map[netip.AddrPort]int{}
	for i := range views {
		m := meeting{views[i].Service, views[i].Client.Port()}
		if views[i].Established() && !seen[m] {
			seen[m] = true
			met[m.service]++
		}
	}
	return met
}
