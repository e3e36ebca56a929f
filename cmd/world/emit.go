package world

import "net/netip"

// TCP flags as flow logs show them; ACK and PSH are not logged [F 1.5].
const (
	fin, syn, rst, synAck = 1, 2, 4, 18
)

// emitter turns connections into relations (for the truth) and records (for the logs), one hour at a time.
type emitter struct {
	w         *World
	relations relations     // nil: not asked for
	sink      func(*Record) // nil: not asked for; the record is valid until it returns
	hourDone  func()        // called after each hour; may be nil
	hour      int64
	stopped   bool
	busy      []uint64 // per interface and flow log: bit per aggregation interval of the hour with a record
	rec       Record
}

// maxLogs is how many flow logs cover one interface at most.
const maxLogs = 2

func (e *emitter) begin(h int64) {
	e.hour = h
	if e.sink == nil {
		return
	}
	if n := maxLogs * len(e.w.Interfaces); len(e.busy) != n {
		e.busy = make([]uint64, n)
	}
	clear(e.busy)
}

// volume is what one side sends.
type volume struct {
	packets, bytes int64
	first, last    uint8 // TCP flags in the first and the last interval; what lies between has none [F 1.5]
}

// conn is one connection, or the part of a long one that falls into the hour.
type conn struct {
	flow         *flow
	c, s         endpoint
	cport, sport uint16
	start, end   int64
	up, down     volume // down.packets 0: nobody answers
	rejected     bool   // by the server's interface
}

func (f *flow) conn(c, s endpoint, r *rng, t, seconds int64) conn {
	return conn{flow: f, c: c, s: s, cport: c.os.clientPort(r), sport: f.servicePort(r), start: t, end: t + seconds}
}

// put logs a connection at both of its ends.
func (e *emitter) put(x *conn, v Verdict) {
	if !e.fit(x) {
		return
	}
	e.note(x, v)
	if e.sink == nil {
		return
	}
	if m := x.c.ifc; m != nil {
		e.leg(m, x, true, true)
		if x.down.packets > 0 {
			e.leg(m, x, false, false)
		}
	}
	if m := x.s.ifc; m != nil {
		e.leg(m, x, true, false)
		if x.down.packets > 0 {
			e.leg(m, x, false, true)
		}
	}
}

// fit cuts a connection to the hour and to the lives of its ends; false when nothing is left.
func (e *emitter) fit(x *conn) bool {
	last := e.hour + hour - 1
	for _, m := range [2]*Interface{x.c.ifc, x.s.ifc} {
		if m != nil {
			last = min(last, m.To-1)
		}
	}
	x.end = min(x.end, last)
	return x.start <= x.end
}

func (e *emitter) note(x *conn, v Verdict) {
	if e.relations == nil {
		return
	}
	f, k := x.flow, needKey{proto: x.flow.proto, port: x.sport, attack: x.flow.attack}
	if m := x.c.ifc; m != nil && len(m.Groups) > 0 {
		k.ifc, k.egress, k.peer = m, true, x.s.addr
		e.relations.note(k, x.start, x.s.stable, v, f.scenario)
	}
	if m := x.s.ifc; m != nil && len(m.Groups) > 0 {
		k.ifc, k.egress, k.peer = m, false, x.c.addr
		if f.via != nil && f.via != m && f.via.Kind == NLB {
			k.via = f.via
		}
		e.relations.note(k, x.start, x.c.stable, v, f.scenario)
	}
}

// leg logs one direction of a connection at one interface. up is from client to server; out is away from the interface.
func (e *emitter) leg(m *Interface, x *conn, up, out bool) {
	r := &e.rec
	*r = Record{Interface: m, Protocol: x.flow.proto, Egress: out, Scenario: x.flow.scenario}
	src, dst, vol := &x.c, &x.s, x.up
	r.SrcPort, r.DstPort, r.Opener = x.cport, x.sport, OpenedBySource
	if !up {
		src, dst, vol = dst, src, x.down
		r.SrcPort, r.DstPort, r.Opener = x.sport, x.cport, OpenedByDestination
	}
	r.PktSrc, r.PktDst, r.SrcService, r.DstService = src.addr, dst.addr, src.service, dst.service
	r.Src, r.Dst = r.PktSrc, r.PktDst
	if out {
		r.Src = ownAddr(m, r.Src)
		r.Path = path(m, dst)
	} else {
		r.Dst = ownAddr(m, r.Dst)
		r.Reject = x.rejected
	}
	e.split(r, vol, x.start, x.end)
}

// ownAddr is how an interface's own side is printed: its primary IPv4 address, whatever the packet says; IPv6 as it is
// [F 1.4].
func ownAddr(m *Interface, a netip.Addr) netip.Addr {
	if a.Is6() {
		return a
	}
	return m.Primary
}

// path is AWS's traffic-path of an egress record [F 1.7].
func path(m *Interface, to *endpoint) uint8 {
	switch {
	case to.ifc != nil && to.ifc.VPC() != m.VPC():
		return 4
	case to.where == onPremises:
		return 3
	case to.where == onGateway:
		return 7
	case to.where == onInternet && (m.PublicIP.IsValid() || to.addr.Is6()):
		return 8
	}
	return 1
}

// split cuts a record at the interface's aggregation intervals and writes the parts, once per flow log [F 1.8].
func (e *emitter) split(r *Record, vol volume, start, end int64) {
	m := r.Interface
	for k, log := range m.VPC().FlowLogs {
		r.Log = log
		i0, i1 := e.interval(m, log, start), e.interval(m, log, end)
		vol.packets = max(vol.packets, int64(i1-i0+1))
		left := vol
		for i := i0; i <= i1; i++ {
			r.Start, r.End = max(start, e.intervalStart(m, log, i)), min(end, e.intervalStart(m, log, i+1)-1)
			r.Packets, r.Bytes = left.packets, left.bytes
			if i < i1 {
				r.Packets = vol.packets / int64(i1-i0+1)
				r.Bytes = vol.bytes / int64(i1-i0+1)
			}
			left.packets, left.bytes = left.packets-r.Packets, left.bytes-r.Bytes
			r.Flags = 0
			if i == i0 {
				r.Flags |= vol.first
			}
			if i == i1 {
				r.Flags |= vol.last
			}
			e.write(r, k, i)
		}
	}
}

func (e *emitter) write(r *Record, log, interval int) {
	if interval == skippedInterval && e.skipped(r.Interface) {
		return
	}
	e.busy[maxLogs*r.Interface.index+log] |= 1 << interval
	e.sink(r)
}

// interval is the number of the aggregation interval within the hour that holds second t. Intervals of an interface are
// shifted by its phase; the hour's edges always cut, so that every hour can be made alone.
func (e *emitter) interval(m *Interface, log *FlowLog, t int64) int {
	return int((t - e.hour + log.Aggregation - m.phase%log.Aggregation) / log.Aggregation)
}

func (e *emitter) intervalStart(m *Interface, log *FlowLog, i int) int64 {
	s := e.hour + m.phase%log.Aggregation + int64(i-1)*log.Aggregation
	return min(max(s, e.hour), e.hour+hour)
}

// skippedInterval is the interval of an hour that AWS loses where it says SKIPDATA.
const skippedInterval = 1

func (e *emitter) skipped(m *Interface) bool {
	if e.w.SkipShare == 0 {
		return false
	}
	r := rng(hash(e.w.Seed, hashString("skip"), uint64(m.index), uint64(e.hour)))
	return r.chance(e.w.SkipShare)
}

// idle closes the hour with the rows of interfaces that were silent or skipped.
func (e *emitter) idle() {
	if e.sink == nil {
		return
	}
	for _, m := range e.w.Interfaces {
		if m.To <= e.hour || m.From >= e.hour+hour || e.stopped {
			continue
		}
		for k, log := range m.VPC().FlowLogs {
			if e.skipped(m) {
				e.row(m, log, SkipData, skippedInterval)
				e.busy[maxLogs*m.index+k] |= 1 << skippedInterval
			}
			e.noData(m, log, e.busy[maxLogs*m.index+k])
		}
	}
}

func (e *emitter) noData(m *Interface, log *FlowLog, busy uint64) {
	from, to := max(m.From, e.hour), min(m.To, e.hour+hour)-1
	i0, i1 := e.interval(m, log, from), e.interval(m, log, to)
	switch {
	case e.w.Idle == IdleIntervals:
		for i := i0; i <= i1; i++ {
			if busy>>i&1 == 0 {
				e.row(m, log, NoData, i)
			}
		}
	case e.w.Idle == IdleHours && busy == 0:
		e.row(m, log, NoData, i1)
	}
}

// row writes a row without traffic: only start and end are set [F 1.3].
func (e *emitter) row(m *Interface, log *FlowLog, s Status, i int) {
	e.rec = Record{Interface: m, Log: log, Status: s,
		Start: max(e.intervalStart(m, log, i), m.From), End: min(e.intervalStart(m, log, i+1), m.To) - 1}
	e.sink(&e.rec)
}
