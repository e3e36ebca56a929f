package labelled

import (
	"math/rand/v2"
	"slices"

	"github.com/sgtrim/sgtrim/cmd/world"
)

// TCP flags as flow logs show them; ACK and PSH are not logged [F 1.5].
const (
	fin, syn, rst, synAck = 1, 2, 4, 18
)

// packets are some packets of one direction in one second.
type packets struct {
	at       int64
	up       bool // client to service
	rejected bool // by the receiver's security groups
	flags    uint8
	n, bytes int64
}

// talk is the life of a connection as packets.
type talk struct {
	r    *rand.Rand
	all  []packets
	bare int64 // bytes of a packet without data
	syn  int64 // bytes of a SYN
}

func (t *talk) send(at int64, up bool, flags uint8, n, bytes int64) {
	t.all = append(t.all, packets{at: at, up: up, flags: flags, n: n, bytes: bytes})
}

// make fills t.all, in order of time.
func (t *talk) make(x *drawn, os world.OS) {
	t.all, t.bare, t.syn = t.all[:0], 52, 60
	if os == world.Windows {
		t.bare, t.syn = 40, 52
	}
	switch x.Kind {
	case Answered:
		t.answered(x)
	case Refused:
		t.refused(x.start)
	case Silent:
		t.silent(x.start)
	case Probed:
		t.send(x.start, true, syn, 1, 44)
		t.send(x.start, false, synAck, 1, 44)
		t.send(x.start+t.r.Int64N(2), true, rst, 1, 40)
	case Rejected:
		t.silent(x.start)
		for i := range t.all {
			t.all[i].rejected = true
		}
	}
	slices.SortStableFunc(t.all, func(a, b packets) int { return int(a.at - b.at) })
}

// refused: Linux asks once, Windows thrice.
func (t *talk) refused(at int64) {
	tries := int64(1)
	if t.bare == 40 {
		tries = 3
	}
	for k := range tries {
		t.send(at+k, true, syn, 1, t.syn)
		t.send(at+k, false, rst, 1, 40)
	}
}

// silent: SYN again and again, after 1, 3, 7 … seconds, until the program gives up.
func (t *talk) silent(at int64) {
	wait := int64(0)
	for range 1 + t.r.IntN(6) {
		t.send(at+wait, true, syn, 1, t.syn)
		wait = 2*wait + 1
	}
}

func (t *talk) answered(x *drawn) {
	at := x.start
	if !x.old {
		at = t.handshake(at)
	}
	end := max(at, x.start+x.seconds)
	short := !x.old && x.seconds < 20
	switch {
	case short && t.r.IntN(20) == 0: // a health check: open and close
		t.send(at, true, 0, 1, t.bare)
	case short:
		t.exchange(at)
		if t.r.IntN(2) == 0 {
			t.exchange(end)
		}
	default:
		t.exchange(at)
		for range 3 + t.r.IntN(8) {
			t.exchange(at + t.r.Int64N(end-at+1))
		}
	}
	if !x.old || t.r.IntN(20) == 0 {
		t.close(end)
	}
}

// handshake returns when the connection stands. One SYN in fifty, and one SYN-ACK in a hundred, is sent again.
func (t *talk) handshake(at int64) int64 {
	t.send(at, true, syn, 1, t.syn)
	if t.r.IntN(50) == 0 {
		at++
		t.send(at, true, syn, 1, t.syn)
	}
	t.send(at, false, synAck, 1, t.syn)
	if t.r.IntN(100) == 0 {
		at++
		t.send(at, false, synAck, 1, t.syn)
	}
	t.send(at, true, 0, 1, t.bare)
	return at
}

// exchange is a question and its answer, with their acknowledgements; one in fifty is sent again in part.
func (t *talk) exchange(at int64) {
	up, down := 1+t.r.Int64N(6), 1+t.r.Int64N(12)
	if t.r.IntN(50) == 0 {
		up++
	}
	t.send(at, true, 0, up+down/2, (up+down/2)*t.bare+up*t.r.Int64N(900))
	t.send(at, false, 0, down+up/2, (down+up/2)*t.bare+down*t.r.Int64N(1400))
}

// close ends the connection: with FIN from both sides, with a reset of either, or (it is held open) not at all. Of a
// hundred one has a packet too many, which comes when the connection is forgotten [F 2.3].
func (t *talk) close(at int64) {
	clientFirst := t.r.IntN(3) > 0
	switch k := t.r.IntN(20); {
	case k < 15:
		t.send(at, clientFirst, fin, 1, t.bare)
		t.send(at, !clientFirst, fin, 1, t.bare)
		t.send(at, clientFirst, 0, 1, t.bare)
	case k < 17:
		t.send(at, true, fin, 1, t.bare)
		t.send(at, false, fin, 1, t.bare)
		t.send(at, true, rst, 1, 40)
	case k < 18:
		t.send(at, true, rst, 1, 40)
	case k < 19:
		t.send(at, false, rst, 1, 40)
	default:
		return
	}
	if t.r.IntN(100) == 0 {
		t.send(at+30+t.r.Int64N(90), t.r.IntN(2) == 0, [...]uint8{0, fin, rst}[t.r.IntN(3)], 1, 40)
		t.all[len(t.all)-1].rejected = true
	}
}
