package world

import (
	"fmt"
	"math"
	"net/netip"
	"sort"
)

// Kind is what owns an interface; it decides type, description and who manages it [F 6].
type Kind int

const (
	EC2 Kind = iota
	ALB
	NLB
	RDS
	Cache
	Lambda
	NAT
	Fargate
)

// Interface is a network interface with its lifetime.
type Interface struct {
	ID, Name       string
	Kind           Kind
	Subnet         *Subnet
	Primary        netip.Addr
	Primary6       netip.Addr   // invalid when none
	Secondary      []netip.Addr // further private IPv4 (pods)
	PublicIP       netip.Addr   // invalid when none
	Groups         []*Group
	InstanceID     string // "" for managed interfaces
	OS             OS
	From, To       int64 // alive in [From, To), unix seconds; To is math.MaxInt64 when it outlives the world
	Tags           map[string]string
	index          int
	phase          int64 // of its aggregation intervals, modulo their length
	Description    string
	Type           string // InterfaceType as EC2 prints it
	RequesterID    string
	SourceDestSkip bool // SourceDestCheck is false
}

// OS decides the range of client ports.
type OS int

const (
	Linux   OS = iota // 32768–60999
	Windows           // 49152–65535
	NATPort           // 1024–65535: behind address translation
)

func (o OS) clientPort(r *rng) uint16 {
	switch o {
	case Windows:
		return uint16(r.between(49152, 65535))
	case NATPort:
		return uint16(r.between(1024, 65535))
	}
	return uint16(r.between(32768, 60999))
}

// fleet is a set of interchangeable members: slot i is served by one interface after the other.
type fleet struct {
	name  string
	slots [][]*Interface
	fixed bool // nobody is ever replaced
}

// hosts describes a fleet.
type hosts struct {
	name    string
	n       int
	subnets []*Subnet
	groups  []*Group
	kind    Kind
	os      OS
	life    float64 // days; 0: never replaced
	public  bool    // has a public IPv4 address
	v6      bool
	pods    int // further private addresses
	from    int64
	to      int64
	tags    map[string]string
}

// hosts makes the interfaces of a fleet, all generations up to the horizon.
func (w *World) hosts(h hosts) *fleet {
	f := &fleet{name: h.name, fixed: h.life == 0, slots: make([][]*Interface, h.n)}
	if h.from == 0 {
		h.from = w.start - 40*day
	}
	if h.to == 0 {
		h.to = math.MaxInt64
	}
	life := int64(h.life * float64(day))
	for _, g := range w.generations(h, life) {
		m := w.addInterface(h, g)
		f.slots[g.slot] = append(f.slots[g.slot], m)
	}
	return f
}

// generation is one member's term in a slot.
type generation struct {
	slot, number int
	from, to     int64
}

// generations lists terms in order of time, so that addresses are given out and released in that order.
func (w *World) generations(h hosts, life int64) []generation {
	var gs []generation
	for s := range h.n {
		if life == 0 {
			gs = append(gs, generation{s, 0, h.from, h.to})
			continue
		}
		offset := int64(hash(w.Seed, hashString(h.name), uint64(s)) % uint64(life))
		from := w.start - offset
		for k := 0; from < w.horizon; k++ {
			to := from + life
			if to >= w.horizon {
				to = math.MaxInt64
			}
			gs = append(gs, generation{s, k, from, to})
			from += life
		}
	}
	sort.SliceStable(gs, func(i, j int) bool { return gs[i].from < gs[j].from })
	return gs
}

func (w *World) addInterface(h hosts, g generation) *Interface {
	sub := h.subnets[g.slot%len(h.subnets)]
	key := hash(w.Seed, hashString(sub.VPC.ID), hashString(h.name), uint64(g.slot), uint64(g.number))
	r := rng(key)
	m := &Interface{ID: id("eni", r.next()), Name: fmt.Sprintf("%s-%d", h.name, g.slot+1), Kind: h.kind, Subnet: sub, Groups: h.groups,
		OS: h.os, From: g.from, To: g.to, Tags: h.tags, index: len(w.Interfaces), phase: int64(r.n(600))}
	take := func() netip.Addr {
		a := sub.take(g.from, r.chance(w.AddressReuse))
		if !a.IsValid() {
			w.fail("subnet %s is full: fewer interfaces, fewer days or a longer ChurnDays", sub.Name)
			a = sub.CIDR.Addr()
		}
		if g.to != math.MaxInt64 {
			sub.free = append(sub.free, released{a, g.to})
		}
		return a
	}
	m.Primary = take()
	for range h.pods {
		m.Secondary = append(m.Secondary, take())
	}
	if h.v6 {
		b := sub.CIDR6.Addr().As16()
		for k := range 8 {
			b[8+k] = byte(r.next())
		}
		m.Primary6 = netip.AddrFrom16(b)
	}
	if h.public {
		m.PublicIP = netip.AddrFrom4([4]byte{44, 192 + byte(r.n(32)), byte(r.n(256)), byte(1 + r.n(254))})
	}
	w.dress(m, h.name, r)
	w.Interfaces = append(w.Interfaces, m)
	return m
}

// dress fills in what DescribeNetworkInterfaces says of this kind of owner [F 6].
func (w *World) dress(m *Interface, name string, r rng) {
	m.Type = "interface"
	switch m.Kind {
	case EC2:
		m.InstanceID = id("i", r.next())
	case ALB:
		m.Description, m.RequesterID = fmt.Sprintf("ELB app/%s/%016x", name, hashString(name)), "amazon-elb"
	case NLB:
		m.Description, m.RequesterID = fmt.Sprintf("ELB net/%s/%016x", name, hashString(name)), "amazon-elb"
		m.Type = "network_load_balancer"
	case RDS:
		m.Description, m.RequesterID = "RDSNetworkInterface", "amazon-rds"
	case Cache:
		m.Description, m.RequesterID = "ElastiCache "+name+"-001", "amazon-elasticache"
	case Lambda:
		m.Description, m.RequesterID, m.Type = "AWS Lambda VPC ENI-"+name+"-"+uuid(r.next(), r.next()), "AROAEXAMPLE:"+w.Account, "lambda"
	case NAT:
		m.Description, m.Type, m.SourceDestSkip = "Interface for NAT Gateway "+id("nat", r.next()), "nat_gateway", true
	case Fargate:
		m.Description, m.RequesterID = fmt.Sprintf("arn:%s:ecs:%s:%s:attachment/%s", w.partition(), w.Region, w.Account, uuid(r.next(), r.next())), "578734482556"
	}
}

func uuid(a, b uint64) string {
	return fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", uint32(a>>32), uint16(a>>16), uint16(a)&0xfff, uint16(b>>48)&0xfff, b&0xffffffffffff)
}

// at is the member of a slot at time t, nil when there is none.
func (f *fleet) at(slot int, t int64) *Interface {
	terms := f.slots[slot]
	if len(terms) == 1 {
		if terms[0].From <= t && t < terms[0].To {
			return terms[0]
		}
		return nil
	}
	i := sort.Search(len(terms), func(i int) bool { return terms[i].To > t })
	if i == len(terms) || terms[i].From > t {
		return nil
	}
	return terms[i]
}

// Alive reports whether the interface exists at time t (unix seconds).
func (m *Interface) Alive(t int64) bool { return m.From <= t && t < m.To }

// VPC of the interface.
func (m *Interface) VPC() *VPC { return m.Subnet.VPC }

// InterfacesAt are the interfaces alive at time t, in order of creation.
func (w *World) InterfacesAt(t int64) []*Interface {
	var alive []*Interface
	for _, m := range w.Interfaces {
		if m.Alive(t) {
			alive = append(alive, m)
		}
	}
	return alive
}
