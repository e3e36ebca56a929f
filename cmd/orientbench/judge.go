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

// records are those read so, surely and in doubt.
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

// arrived are the records of all connections whose right reading is one.
type arrived map[reading]int64

func arrivedOf(views []labelled.View) arrived {
	all := arrived{}
	for i := range views {
		all[rightly(&views[i])] += int64(views[i].Records)
	}
	return all
}

// judge takes a connection for wrong where the wrong reading of it has records and the right one lacks some. Either alone may be
// another connection's: those of one client to one service share the right reading, and those from one client port, as FTP's
// from port 20, the wrong one.
func (r readings) judge(v *labelled.View, all arrived) score {
	k := rightly(v)
	right, wrong := r[k], r[wrongly(v)]
	switch {
	case wrong.sure > 0 && right.sure+right.doubtful < all[k]:
		return score{wrong: 1}
	case wrong.doubtful > 0 && right.doubtful > 0:
		return score{doubt: 1}
	case right.sure > 0:
		return score{right: 1}
	}
	return score{absent: 1}
}

// rightly and wrongly are the two readings of a connection.
func rightly(v *labelled.View) reading {
	return reading{v.Interface, v.Client.Addr(), v.Service.Addr(), v.Service.Port(), v.Protocol}
}

func wrongly(v *labelled.View) reading {
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
	met, all := clientPorts(views), arrivedOf(views)
	for i := range views {
		view := &views[i]
		if view.Client.Port() == view.Service.Port() {
			continue // its two readings are one (design §4.4)
		}
		s := r.judge(view, all)
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
