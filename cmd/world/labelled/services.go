package labelled

import (
	"math/rand/v2"
	"net/netip"

	"github.com/sgtrim/sgtrim/cmd/world"
)

// service is a habit of serving: on which ports, to how many, for how long.
type service struct {
	name string
	// repeated says that every service endpoint meets at least three client ports.
	repeated bool
	// perServer is how many connections a server of the class takes a day on average; 0: 1000. Few take most of them.
	perServer int
	mesh      bool // servers are clients of each other; else clients serve nobody
	// port chooses the port that server number i serves a connection on.
	port func(r *rand.Rand, i int) uint16
	life life
}

// life is how long connections last.
type life uint8

const (
	brief  life = iota // seconds, one in twenty up to an hour
	pooled             // a quarter are held for hours
	older              // nineteen in twenty are open all day, since before it
)

func oneOf(ports ...uint16) func(*rand.Rand, int) uint16 {
	return func(r *rand.Rand, _ int) uint16 { return ports[r.IntN(len(ports))] }
}

// services are the classes of docs/orientation.md, in its order.
var services = []service{
	{name: "gRPC", repeated: true, port: oneOf(50051), life: pooled, mesh: true},
	{name: "NodePort", repeated: true, port: nodePort, perServer: 2000},
	{name: "Kafka", repeated: true, port: oneOf(9092, 9093, 9094), life: pooled, perServer: 200},
	{name: "MongoDB", repeated: true, port: oneOf(27017, 27018, 27019), life: pooled, perServer: 100},
	{name: "ActiveMQ", repeated: true, port: oneOf(61613, 61616, 61617), life: pooled, perServer: 50},
	{name: "own high port", repeated: true, port: ownHighPort, perServer: 100},
	{name: "own high port in a mesh", repeated: true, port: ownHighPort, perServer: 200, mesh: true},
	{name: "own low port", repeated: true, port: ownLowPort, perServer: 100},
	{name: "peer to peer", perServer: 2, port: ownHighPort, mesh: true},
	{name: "FTP", port: ftpPort},
	{name: "RPC", port: rpcPort},
	{name: "keep-alives older than the window", repeated: true, port: keptPort, life: older, perServer: 30},
}

// Services are the names of all services, in the order of the tables.
func Services() (names []string) {
	for _, s := range services {
		names = append(names, s.name)
	}
	return names
}

// Repeated reports whether each endpoint of the service meets at least three client ports a day.
func Repeated(name string) bool { return serviceOf(name).repeated }

func serviceOf(name string) *service {
	for i := range services {
		if services[i].name == name {
			return &services[i]
		}
	}
	panic("labelled: no service " + name)
}

// scatter is a number that depends on i alone.
func scatter(i, k int) uint32 {
	x := uint64(i+1)*0x9e3779b97f4a7c15 + uint64(k)*0xbf58476d1ce4e5b9
	x ^= x >> 31
	x *= 0x94d049bb133111eb
	return uint32(x >> 32)
}

// nodePort: each node answers on the ports of the cluster's twenty services, from Kubernetes' own range.
func nodePort(r *rand.Rand, i int) uint16 { return uint16(30000 + scatter(i/10, r.IntN(20))%2768) }

// ownHighPort: every server has a port of its own choice, which stays.
func ownHighPort(_ *rand.Rand, i int) uint16 { return uint16(32768 + scatter(i, 0)%32768) }

func ownLowPort(_ *rand.Rand, i int) uint16 { return uint16(1024 + scatter(i, 0)%31744) }

// ftpActive stands for a data connection that the server opens, from port 20 to a port the client has named.
const (
	ftpControl = 21
	ftpData    = 20
)

// ftpPort: as many control connections as data connections; half of these are passive, to any port of the server's range.
func ftpPort(r *rand.Rand, i int) uint16 {
	switch r.IntN(4) {
	case 0, 1:
		return ftpControl
	case 2:
		return ftpData
	}
	if i%2 == 0 {
		return uint16(49152 + r.IntN(16384))
	}
	return uint16(21100 + r.IntN(11)*1) // vsftpd as many set it up: a handful of ports
}

// rpcPort: a quarter asks the mapper; the rest goes to one of the server's five dynamic ports of the day, or to one that a
// process took for a moment.
func rpcPort(r *rand.Rand, i int) uint16 {
	switch k := r.IntN(8); {
	case k < 2:
		return 135
	case k < 6:
		return uint16(49664 + scatter(i, r.IntN(5))%64)
	default:
		return uint16(49152 + r.IntN(16384))
	}
}

// keptPort: databases, brokers and services of no registry hold connections for weeks.
func keptPort(_ *rand.Rand, i int) uint16 {
	ports := [...]uint16{5432, 5672, 1521, 61616, 50051, 9092, 389, 27017}
	if k := scatter(i, 1) % 12; k < uint32(len(ports)) {
		return ports[k]
	}
	return ownHighPort(nil, i)
}

// host is a machine or, for clients behind translation, the translator.
type host struct {
	addr  netip.Addr
	iface string // "" when nobody logs it
	phase int64  // of its aggregation intervals
	n     int
	ports ports
}

// maker draws connections.
type maker struct {
	Class
	r                *rand.Rand
	service          *service
	servers, clients [2][]*host // inside: its interfaces are logged; outside
	// roles of (from, to, port): a connection must not look like another one's reverse, or the label would be two.
	roles map[role]bool
}

type role struct {
	from, to netip.Addr
	port     uint16
}

func newMaker(c Class, n int, r *rand.Rand) *maker {
	m := &maker{Class: c, r: r, service: serviceOf(c.Service), roles: map[role]bool{}}
	perServer, perClient := m.service.perServer, 100
	if perServer == 0 {
		perServer = 1000
	}
	if c.Clients == world.NATPort {
		perClient = 20_000
	}
	for side := range 2 {
		m.servers[side] = m.hosts(max(2, n/perServer), 2+4*side, side == 0)
		m.clients[side] = m.hosts(max(2, n/perClient), 3+4*side, side == 0)
		if m.service.mesh {
			m.clients[side] = m.servers[side]
		}
	}
	return m
}

func (m *maker) hosts(n, net int, logged bool) (all []*host) {
	for i := range n {
		h := &host{addr: netip.AddrFrom4([4]byte{10, byte(net<<4 | i>>16), byte(i >> 8), byte(i)}), n: i, phase: m.r.Int64N(600)}
		if logged {
			h.iface = interfaceID(h.addr)
		}
		h.ports.init(m.Clients, m.r)
		all = append(all, h)
	}
	return all
}

// ends draws client and server: both inside where both ends are logged, else one.
func (m *maker) ends() (client, server *host) {
	c, s := 0, 0
	if !m.BothEnds {
		c = m.r.IntN(2)
		s = 1 - c
	}
	u := m.r.Float64()
	return m.clients[c][m.r.IntN(len(m.clients[c]))], m.servers[s][int(u*u*float64(len(m.servers[s])))]
}

// drawn is a connection with its machines and the times of its life.
type drawn struct {
	Connection
	client, server *host
	start, seconds int64
	old            bool // open since before the day
}

func (m *maker) connection() (*drawn, bool) {
	for range 20 {
		client, server := m.ends()
		port := m.service.port(m.r, server.n)
		var clientPort uint16
		switch {
		case client == server:
			continue
		case m.service.name == "FTP" && port == ftpData: // the server opens it
			client, server = server, client
			clientPort, port = ftpData, server.ports.next(netip.AddrPortFrom(client.addr, ftpData), m.r)
		default:
			clientPort = client.ports.next(netip.AddrPortFrom(server.addr, port), m.r)
		}
		right, wrong := role{client.addr, server.addr, port}, role{server.addr, client.addr, clientPort}
		if isWrong := m.roles[right]; isWrong || clientPort == port {
			continue
		}
		if isWrong, used := m.roles[wrong]; used && !isWrong {
			continue
		}
		m.roles[right], m.roles[wrong] = false, true
		x := &drawn{client: client, server: server}
		x.Client, x.Service, x.Protocol = netip.AddrPortFrom(client.addr, clientPort), netip.AddrPortFrom(server.addr, port), tcp
		m.time(x)
		return x, true
	}
	return nil, false
}

// time draws how the connection goes and how long it lives.
func (m *maker) time(x *drawn) {
	r := m.r
	x.start = midnight + r.Int64N(day)
	x.seconds = r.Int64N(20)
	switch k := r.IntN(100); {
	case m.service.life == older && k < 95:
		x.old, x.start, x.seconds = true, midnight, day
		return
	case m.service.life == pooled && k < 25:
		x.seconds = 600 + r.Int64N(6*3600)
	case k < 5:
		x.seconds = r.Int64N(3600)
	}
	switch k := r.IntN(200); {
	case k < 4:
		x.Kind = Refused
	case k < 6:
		x.Kind = Silent
	case k < 7:
		x.Kind = Probed
	case k < 9:
		x.Kind = Rejected
	}
}
