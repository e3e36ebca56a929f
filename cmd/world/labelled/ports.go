package labelled

import (
	"math/rand/v2"
	"net/netip"

	"github.com/sgtrim/sgtrim/cmd/world"
)

// ports gives out the client ports of one host as its system does.
type ports struct {
	os     world.OS
	random bool // Linux behind masquerading with random ports, and systems that draw them
	last   uint16
	near   map[netip.AddrPort]uint16 // Linux: the last port by destination
}

func (p *ports) init(os world.OS, r *rand.Rand) {
	*p = ports{os: os, random: r.IntN(3) == 0, near: map[netip.AddrPort]uint16{}, last: uint16(49152 + r.IntN(16384))}
}

// next is the client port of the next connection to dst.
//   - Linux searches from a secret offset for each destination, upwards in steps of two, so that a port serves for several
//     destinations; or draws at random;
//   - Windows goes upwards, whatever the destination; other programs take ports in between;
//   - translation draws from 1024 on.
func (p *ports) next(dst netip.AddrPort, r *rand.Rand) uint16 {
	switch {
	case p.os == world.NATPort:
		return uint16(1024 + r.IntN(64512))
	case p.os == world.Windows:
		p.last += uint16(1 + r.IntN(6))
		if p.last < 49152 {
			p.last += 49152
		}
		return p.last
	case p.random:
		return uint16(32768 + r.IntN(28232))
	}
	at, known := p.near[dst]
	if !known {
		at = uint16(r.IntN(28232/2)) * 2
	}
	at = (at + 2*uint16(1+r.IntN(3))) % 28232
	p.near[dst] = at
	return 32768 + at
}
