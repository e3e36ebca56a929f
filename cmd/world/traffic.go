package world

import (
	"iter"
	"math"
	"net/netip"
	"time"
)

// endpoint is one end of a connection.
type endpoint struct {
	ifc     *Interface // nil outside the estate
	addr    netip.Addr // at packet level
	os      OS
	where   where
	stable  bool
	service string // AWS service code of a public address, "" for none [F 1.6]
}

// where an address outside the estate lies; it decides traffic-path [F 1.7].
type where uint8

const (
	inVPC where = iota
	onInternet
	onPremises
	onGateway // behind a gateway endpoint
)

// chooser picks an end of a connection at time t; ok is false when there is none just then.
type chooser func(r *rng, t int64) (e endpoint, ok bool)

// any picks a member of the fleet.
func (f *fleet) any() chooser {
	return func(r *rng, t int64) (endpoint, bool) {
		m := f.at(r.n(len(f.slots)), t)
		return f.end(m), m != nil
	}
}

// one picks the member of one slot.
func (f *fleet) one(slot int) chooser {
	return func(_ *rng, t int64) (endpoint, bool) {
		m := f.at(slot, t)
		return f.end(m), m != nil
	}
}

// v6 picks a member by its IPv6 address.
func (f *fleet) v6() chooser {
	return func(r *rng, t int64) (endpoint, bool) {
		m := f.at(r.n(len(f.slots)), t)
		e := f.end(m)
		if m != nil {
			e.addr = m.Primary6
		}
		return e, m != nil
	}
}

// pod picks one of the further addresses of a member.
func (f *fleet) pod() chooser {
	return func(r *rng, t int64) (endpoint, bool) {
		m := f.at(r.n(len(f.slots)), t)
		e := f.end(m)
		if m != nil {
			e.addr = m.Secondary[r.n(len(m.Secondary))]
		}
		return e, m != nil
	}
}

func (f *fleet) end(m *Interface) endpoint {
	if m == nil {
		return endpoint{}
	}
	return endpoint{ifc: m, addr: m.Primary, os: m.OS, stable: f.fixed}
}

// visitors are the Internet public: a population of so many addresses, some of which come often.
func visitors(population int, salt uint64) chooser {
	return func(r *rng, _ int64) (endpoint, bool) {
		u := r.float()
		i := uint64(u * u * float64(population))
		return endpoint{addr: publicAddr(salt<<40 + i + 1), os: OS(i % 3), where: onInternet}, true
	}
}

// visitors6 are the same in IPv6.
func visitors6(population int, salt uint64) chooser {
	return func(r *rng, _ int64) (endpoint, bool) {
		u := r.float()
		i := uint64(u * u * float64(population))
		return endpoint{addr: publicAddr6(salt<<40 + i + 1), os: OS(i % 3), where: onInternet}, true
	}
}

// fixedHosts picks one of a few addresses outside the estate that stay as they are.
func fixedHosts(at where, os OS, addrs ...string) chooser {
	parsed := make([]netip.Addr, len(addrs))
	for i, a := range addrs {
		parsed[i] = netip.MustParseAddr(a)
	}
	return func(r *rng, _ int64) (endpoint, bool) {
		return endpoint{addr: parsed[r.n(len(parsed))], os: os, where: at, stable: true}, true
	}
}

// laptops are addresses of a network that change from day to day: each day about a sixth of the network is in use.
func laptops(network netip.Prefix, seed uint64) chooser {
	size := 1 << (network.Addr().BitLen() - network.Bits())
	base := network.Addr().As4()
	return func(r *rng, t int64) (endpoint, bool) {
		k := hash(seed, uint64(t/day), uint64(r.n(max(1, size/6)))) % uint64(size-2)
		a := base
		a[3] += byte(1 + k)
		return endpoint{addr: netip.AddrFrom4(a), os: Windows, where: onPremises}, true
	}
}

// s3Addrs picks a public address of S3.
func s3Addrs(r *rng, _ int64) (endpoint, bool) {
	p := s3Prefixes[r.n(len(s3Prefixes))]
	a := p.Addr().As4()
	a[2] += byte(r.n(8))
	a[3] = byte(1 + r.n(254))
	return endpoint{addr: netip.AddrFrom4(a), where: onGateway, service: "S3"}, true
}

// style makes one connection of a flow starting at second t.
type style func(e *emitter, f *flow, c, s endpoint, r *rng, t int64)

// flow is a recipe: who opens connections to whom, for what, how often, and how they go.
type flow struct {
	key      uint64
	scenario string
	from, to chooser
	proto    uint8
	port     uint16 // of the service; ports overrides it
	ports    func(r *rng) uint16
	perDay   float64 // connections a day
	when     calendar
	style    style
	fixed    bool // not scaled by Options: a label rests on it
	attack   bool
	unstable bool       // the relation is a passing one even between lasting hosts
	via      *Interface // NLB that keeps client addresses, or NAT gateway
	listen   uint16     // port of that NLB
	// Long connections: so many between from and to, each open for life seconds; 0: open all the time, since before the window.
	long int
	life int64
}

const (
	tcp, udp, icmp, icmp6, esp = 6, 17, 1, 58, 50
)

// flow adds a recipe to the world.
func (w *World) flow(f flow) {
	f.scenario = w.scenario
	if f.when == nil {
		f.when = allDay
	}
	if f.style == nil {
		f.style = short
	}
	w.flows = append(w.flows, &f)
}

// calendar gives the share of a day's connections that fall into the hour that starts at t.
type calendar func(t int64) float64

func allDay(int64) float64 { return 1.0 / 24 }

// business is heaviest by day on weekdays, with a thin rest at night and on weekends.
func business(t int64) float64 {
	h, weekend := t/hour%24, (t/day+4)%7 == 0 || (t/day+4)%7 == 6
	switch {
	case weekend:
		return 0.2 / 24
	case h >= 8 && h < 18:
		return 2.0 / 24
	}
	return 0.4 / 24
}

// workHours is business without the rest: people.
func workHours(t int64) float64 {
	if h, d := t/hour%24, (t/day+4)%7; h >= 8 && h < 18 && d != 0 && d != 6 {
		return 0.1
	}
	return 0
}

// atNight is 01:00 to 04:00.
func atNight(t int64) float64 {
	if h := t / hour % 24; h >= 1 && h < 4 {
		return 1.0 / 3
	}
	return 0
}

// monthEnd is 01:00 to 03:00 on the last day of each month.
func monthEnd(t int64) float64 {
	if h := t / hour % 24; isMonthEnd(t-t%day) && h >= 1 && h < 3 {
		return 0.5
	}
	return 0
}

// hour plays one hour of the flow.
func (f *flow) hour(e *emitter, h int64) {
	r := rng(hash(f.key, uint64(h)))
	if f.long > 0 {
		f.longHour(e, h, &r)
		return
	}
	rate := f.perDay * f.when(h) * e.w.Busy
	if !f.fixed {
		rate *= e.w.scale
	}
	n := int(math.Floor(rate + r.float()))
	for range n {
		if e.stopped {
			return
		}
		t := h + int64(r.n(int(hour)-60))
		f.connection(e, &r, t)
	}
}

func (f *flow) connection(e *emitter, r *rng, t int64) {
	c, ok1 := f.from(r, t)
	s, ok2 := f.to(r, t)
	if !ok1 || !ok2 || c.addr == s.addr {
		return
	}
	if f.unstable {
		c.stable, s.stable = false, false
	}
	f.style(e, f, c, s, r, t)
}

func (f *flow) servicePort(r *rng) uint16 {
	if f.ports != nil {
		return f.ports(r)
	}
	return f.port
}

// Period is a stretch of the world's time, whole hours.
type Period struct {
	w        *World
	from, to int64
}

// Start and End of the period.
func (p Period) Start() time.Time { return time.Unix(p.from, 0).UTC() }

// End is exclusive.
func (p Period) End() time.Time { return time.Unix(p.to, 0).UTC() }

// play runs the period hour by hour.
func (p Period) play(e *emitter) {
	for h := p.from; h < p.to && !e.stopped; h += hour {
		e.begin(h)
		for _, f := range p.w.flows {
			f.hour(e, h)
		}
		e.idle()
		if e.hourDone != nil {
			e.hourDone()
		}
	}
}

// Records of the window, in the order of WriteLogs.
func (w *World) Records() iter.Seq[Record] { return w.Window().Records() }

// Records makes the period's records: hour by hour, within an hour by recipe. That is about the order of AWS's files,
// which are not sorted either.
func (p Period) Records() iter.Seq[Record] {
	return func(yield func(Record) bool) {
		e := &emitter{w: p.w}
		e.sink = func(r *Record) {
			if !e.stopped && !yield(*r) {
				e.stopped = true
			}
		}
		p.play(e)
	}
}
