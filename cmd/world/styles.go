package world

// Styles of connections. Each makes one connection of a flow that starts at second t; packets and bytes are plausible.

// short is an ordinary TCP connection: client 3 (SYN|FIN), server 19 (SYN-ACK|FIN) within one interval [F 1.5]; one in
// forty ends with a reset.
func short(e *emitter, f *flow, c, s endpoint, r *rng, t int64) {
	x := f.conn(c, s, r, t, int64(r.n(8)))
	up, down := int64(r.between(6, 14)), int64(r.between(5, 30))
	x.up = volume{up, up*52 + int64(r.n(1200)), syn, fin}
	x.down = volume{down, down*52 + int64(r.n(20000)), synAck, fin}
	if r.n(40) == 0 {
		x.up.last |= rst
	}
	e.put(&x, WasAnswered)
}

// bulk is a TCP connection of some minutes: 2/18, then 0, then 1.
func bulk(e *emitter, f *flow, c, s endpoint, r *rng, t int64) {
	x := f.conn(c, s, r, t, int64(r.between(60, 1500)))
	up, down := int64(r.between(400, 4000)), int64(r.between(900, 20000))
	x.up = volume{up, up * 90, syn, fin}
	x.down = volume{down, down * int64(r.between(300, 1400)), synAck, fin}
	e.put(&x, WasAnswered)
}

// login is a TCP connection that the server ends after a failed password.
func login(e *emitter, f *flow, c, s endpoint, r *rng, t int64) {
	x := f.conn(c, s, r, t, int64(r.between(2, 6)))
	x.up = volume{int64(r.between(12, 16)), int64(r.between(1600, 2100)), syn, fin}
	x.down = volume{int64(r.between(11, 15)), int64(r.between(1900, 2500)), synAck, fin}
	e.put(&x, WasAnswered)
}

// refused is a SYN that meets a closed port: answered by RST.
func refused(e *emitter, f *flow, c, s endpoint, r *rng, t int64) {
	x := f.conn(c, s, r, t, 0)
	x.up = volume{1, 60, syn, 0}
	x.down = volume{1, 40, rst, 0}
	e.put(&x, WasRefused)
}

// silent is a SYN, sent again twice, that the security groups let through and nobody answers.
func silent(e *emitter, f *flow, c, s endpoint, r *rng, t int64) {
	x := f.conn(c, s, r, t, 3)
	x.up = volume{int64(r.between(1, 3)), 60, syn, 0}
	x.up.bytes *= x.up.packets
	e.put(&x, WasSilent)
}

// rejected is a SYN that the security groups stop.
func rejected(e *emitter, f *flow, c, s endpoint, r *rng, t int64) {
	x := f.conn(c, s, r, t, 0)
	x.up = volume{1, 44, syn, 0}
	x.rejected = true
	e.put(&x, WasRejected)
}

// datagram is a UDP question with its answer.
func datagram(e *emitter, f *flow, c, s endpoint, r *rng, t int64) {
	x := f.conn(c, s, r, t, int64(r.n(2)))
	x.up = volume{packets: 1, bytes: int64(r.between(55, 120))}
	x.down = volume{packets: 1, bytes: int64(r.between(80, 400))}
	e.put(&x, WasAnswered)
}

// oneWay is UDP that asks for no answer: syslog, statsd.
func oneWay(e *emitter, f *flow, c, s endpoint, r *rng, t int64) {
	x := f.conn(c, s, r, t, int64(r.n(20)))
	n := int64(r.between(1, 20))
	x.up = volume{packets: n, bytes: n * int64(r.between(90, 300))}
	e.put(&x, WasOneWay)
}

// equalPorts is UDP with the service's port at both ends: NTP, IKE.
func equalPorts(e *emitter, f *flow, c, s endpoint, r *rng, t int64) {
	x := f.conn(c, s, r, t, 1)
	x.cport = x.sport
	x.up = volume{packets: 1, bytes: 76}
	x.down = volume{packets: 1, bytes: 76}
	e.put(&x, WasAnswered)
}

// ping has no ports, and no type in the log: request and reply look alike [F 1.9].
func ping(e *emitter, f *flow, c, s endpoint, r *rng, t int64) {
	x := f.conn(c, s, r, t, 3)
	x.cport, x.sport = 0, 0
	x.up = volume{packets: 4, bytes: 336}
	x.down = volume{packets: 4, bytes: 336}
	e.put(&x, WasAnswered)
}

// tunnel is a protocol without ports that talks all the time: ESP, GRE.
func tunnel(e *emitter, f *flow, c, s endpoint, r *rng, t int64) {
	x := f.conn(c, s, r, t, int64(r.between(30, 1200)))
	x.cport, x.sport = 0, 0
	n := int64(r.between(50, 5000))
	x.up = volume{packets: n, bytes: n * 600}
	x.down = volume{packets: n, bytes: n * 500}
	e.put(&x, WasAnswered)
}

// late is short, and a packet that arrives at the client after the connection was forgotten: REJECT with flags other than
// SYN, no blocked attempt [F 2.3].
func late(e *emitter, f *flow, c, s endpoint, r *rng, t int64) {
	x := f.conn(c, s, r, t, 2)
	x.up = volume{8, 900, syn, fin}
	x.down = volume{7, 4000, synAck, fin}
	e.put(&x, WasAnswered)
	if c.ifc == nil || e.sink == nil || s.ifc != nil && !s.ifc.Alive(t+30) {
		return
	}
	y := x
	y.start += int64(r.between(5, 40))
	y.end = y.start
	if !e.fit(&y) {
		return
	}
	y.down = volume{packets: 1, bytes: 40, first: [...]uint8{0, fin, rst}[r.n(3)]}
	if y.s.ifc != nil {
		e.leg(y.s.ifc, &y, false, true)
	}
	y.rejected = true
	e.leg(c.ifc, &y, false, false)
}

// throughNAT is a TCP connection to the Internet by way of a NAT gateway, whose interface has no groups. The instance logs
// the real remote address; the gateway logs each hop, and only pkt-* tell the whole story there [F 1.4].
func throughNAT(e *emitter, f *flow, c, s endpoint, r *rng, t int64) {
	x := f.conn(c, s, r, t, int64(r.n(6)))
	x.up = volume{int64(r.between(7, 12)), int64(r.between(800, 3000)), syn, fin}
	x.down = volume{int64(r.between(6, 20)), int64(r.between(2000, 20000)), synAck, fin}
	if !e.fit(&x) {
		return
	}
	e.put(&x, WasAnswered)
	if e.sink == nil {
		return
	}
	gw := f.via
	inside, outside := x, x
	inside.s.ifc, outside.c = gw, endpoint{ifc: gw, addr: gw.Primary, os: NATPort}
	outside.cport = NATPort.clientPort(r)
	e.leg(gw, &inside, true, false)   // instance → gateway: dstaddr is the gateway, pkt-dstaddr the remote
	e.leg(gw, &outside, true, true)   // gateway → remote
	e.leg(gw, &outside, false, false) // remote → gateway
	e.leg(gw, &inside, false, true)   // gateway → instance: srcaddr is the gateway, pkt-srcaddr the remote
}

// throughNLB is a TCP connection from the Internet to a network load balancer that keeps client addresses: the target's
// log shows the client, though a rule that references the balancer's group let it in [F 2.5].
func throughNLB(e *emitter, f *flow, c, s endpoint, r *rng, t int64) {
	x := f.conn(c, s, r, t, int64(r.n(20)))
	x.up = volume{int64(r.between(7, 20)), int64(r.between(900, 6000)), syn, fin}
	x.down = volume{int64(r.between(6, 30)), int64(r.between(900, 30000)), synAck, fin}
	front := x
	front.s = endpoint{ifc: f.via, addr: f.via.Primary, stable: true}
	front.sport = f.listen
	e.put(&front, WasAnswered)
	e.put(&x, WasAnswered)
}

// longHour plays the hour's part of connections that outlive hours.
func (f *flow) longHour(e *emitter, h int64, _ *rng) {
	for j := range f.long {
		if f.life == 0 {
			r := rng(hash(f.key, uint64(j)))
			f.longPart(e, &r, span{math64min, math64max}, h)
			continue
		}
		offset := int64(hash(f.key, uint64(j)) % uint64(f.life))
		origin := e.w.start - offset
		first, last := (h-origin)/f.life, (h+hour-1-origin)/f.life
		for k := first; k <= last; k++ {
			r := rng(hash(f.key, uint64(j), uint64(k)))
			open := origin + k*f.life
			f.longPart(e, &r, span{open, open + f.life - 60}, h)
		}
	}
}

// span is the life of a long connection, both ends included.
type span struct{ open, close int64 }

const (
	math64min = -1 << 62
	math64max = 1 << 62
)

func (f *flow) longPart(e *emitter, r *rng, life span, h int64) {
	c, ok1 := f.from(r, h)
	s, ok2 := f.to(r, h)
	if !ok1 || !ok2 || c.addr == s.addr {
		return
	}
	x := f.conn(c, s, r, h, 0)
	x.start, x.end = max(life.open, h), min(life.close, h+hour-1)
	if x.start > x.end {
		return
	}
	n := int64(r.between(24, 600))
	x.up = volume{packets: n, bytes: n * 80}
	x.down = volume{packets: n, bytes: n * int64(r.between(60, 400))}
	if x.start == life.open {
		x.up.first, x.down.first = syn, synAck
	}
	if x.end == life.close {
		x.up.last, x.down.last = fin, fin
	}
	e.put(&x, WasAnswered)
}
