package orient_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/sgtrim/sgtrim/analyze/orient"
)

// ports chooses client ports as systems do.
var clientPorts = map[string]func(*rand.Rand) uint16{
	"linux":   func(r *rand.Rand) uint16 { return uint16(32768 + r.IntN(28232)) },
	"windows": func(r *rand.Rand) uint16 { return uint16(49152 + r.IntN(16384)) },
	"nat":     func(r *rand.Rand) uint16 { return uint16(1024 + r.IntN(64512)) },
}

// class is one habit of using ports. repeated says that its service endpoints meet three and more client ports.
type class struct {
	name     string
	repeated bool
	service  func(r *rand.Rand, server int) uint16
}

func fixed(ports ...uint16) func(*rand.Rand, int) uint16 {
	return func(r *rand.Rand, server int) uint16 { return ports[(server+r.IntN(2))%len(ports)] }
}

var classes = []class{
	{"well known", true, fixed(22, 443, 53, 389)},
	{"databases", true, fixed(3306, 5432, 27017, 6379)},
	{"grpc", true, fixed(50051)},
	{"kafka", true, fixed(9092, 9093)},
	{"activemq", true, fixed(61616)},
	{"node port", true, func(r *rand.Rand, server int) uint16 { return uint16(30000 + (server*37+r.IntN(6)*327)%2768) }},
	{"unlisted", true, func(r *rand.Rand, server int) uint16 { return uint16(5001 + (server*31+r.IntN(5))%4000) }},
	{"unlisted high", true, func(r *rand.Rand, server int) uint16 { return uint16(40000 + (server*31+r.IntN(5))%4000) }},
	{"dynamic (RPC, passive FTP)", false, func(r *rand.Rand, _ int) uint16 { return uint16(49152 + r.IntN(16384)) }},
	{"dynamic, few ports", false, func(r *rand.Rand, server int) uint16 { return uint16(49664 + server%3 + r.IntN(6)) }},
	{"peer to peer", false, func(_ *rand.Rand, server int) uint16 { return uint16(10000 + uint32(server)*2654435761%50000) }},
}

// generate makes connections of a class: half of the hosts are seen at the services' interfaces, half at the clients'.
func generate(rng *rand.Rand, c class, style string, n int) (all []connection) {
	port := clientPorts[style]
	servers, clients := 20, 60
	if c.name == "peer to peer" {
		servers = 400
	}
	if style == "nat" {
		clients = 3 // many behind one address
	}
	type tuple struct{ client, service netip.AddrPort }
	met := map[tuple]bool{}
	for len(all) < n {
		server := rng.IntN(servers)
		client := netip.AddrFrom4([4]byte{10, 1, byte(rng.IntN(clients)), 1})
		host := netip.AddrFrom4([4]byte{10, 2, byte(server >> 8), byte(server)})
		k := tuple{netip.AddrPortFrom(client, port(rng)), netip.AddrPortFrom(host, c.service(rng, server))}
		if met[k] || k.client.Port() == k.service.Port() {
			continue
		}
		met[k] = true
		seconds := rng.Int64N(90)
		if rng.IntN(20) == 0 {
			seconds = rng.Int64N(3600)
		}
		packets := 4 + rng.Int64N(20) + seconds/10
		conn := connection{client: k.client, service: k.service, proto: 6, start: 86400*20000 + rng.Int64N(80000), seconds: seconds,
			fwd: traffic{packets, packets * 200, true, false}, back: traffic{packets + rng.Int64N(3), packets * 900, true, false},
			iface: "eni-" + host.String(), local: host}
		if server%2 == 0 {
			conn.iface, conn.local = "eni-"+client.String(), client
		}
		all = append(all, conn)
	}
	return all
}

// Every habit, every kind of client port, with flags and without: what is sure is right.
func TestClasses(t *testing.T) {
	n := 3000
	if testing.Short() {
		n = 1000
	}
	rng := rand.New(rand.NewPCG(1, 1)) // a share of a thousandth is a matter of luck: the same luck every time
	for _, c := range classes {
		for _, style := range []string{"linux", "windows", "nat"} {
			connections := generate(rng, c, style, n)
			name := fmt.Sprintf("%-27s %-8s", c.name, style)
			full := judge(connections, conversations(t, orient.Options{}, objects(rng, connections, true, true, 0)...))
			lossy := judge(connections, conversations(t, orient.Options{}, objects(rng, connections, true, true, 0.01)...))
			v2 := judge(connections, conversations(t, orient.Options{}, objects(rng, connections, false, true, 0)...))
			t.Logf("%s lower port:          %v", name, lowerPort(connections))
			t.Logf("%s with flags:          %v", name, full)
			t.Logf("%s with flags, 1 %% lost: %v", name, lossy)
			t.Logf("%s v2:                  %v", name, v2)
			if full.absent+v2.absent > 0 {
				t.Errorf("%s: %d and %d connections are in no conversation", name, full.absent, v2.absent)
			}
			// Where both of a connection's first records are lost, no record of it bears a flag.
			if lossy.wrong > 0 || 1000*lossy.doubt > 2*n {
				t.Errorf("%s with flags, 1 %% lost: %v", name, lossy)
			}
			if full.wrong > 0 || 1000*full.doubt > n {
				t.Errorf("%s with flags: %v", name, full)
			}
			if 1000*v2.wrong > n {
				t.Errorf("%s v2: %v", name, v2)
			}
			if c.repeated && 100*v2.right < 99*n {
				t.Errorf("%s v2: %v", name, v2)
			}
		}
	}
}

// Client ports of one busy address come round on services of ever new ports: such a port is no service, listed or not.
func TestClientPortsComeRound(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	dynamic := class{"dynamic", false, func(r *rand.Rand, _ int) uint16 { return uint16(49152 + r.IntN(16384)) }}
	for _, style := range []string{"windows", "nat"} {
		for _, n := range []int{500, 2000, 8000, 30000} {
			connections := generate(rng, dynamic, style, n)
			one := netip.MustParseAddr("10.1.0.1")
			seen := map[netip.AddrPort]bool{}
			kept := connections[:0]
			for _, c := range connections {
				c.client = netip.AddrPortFrom(one, c.client.Port())
				if pair := netip.AddrPortFrom(c.service.Addr(), c.client.Port()^c.service.Port()<<1); !seen[pair] {
					seen[pair] = true
					c.iface, c.local, c.seconds = "eni-1", one, 30
					kept = append(kept, c)
				}
			}
			s := judge(kept, conversations(t, orient.Options{}, objects(rng, kept, false, true, 0)...))
			t.Logf("%s: %v", style, s)
			if 1000*s.wrong > len(kept)+5000 { // whether one port came round often enough is a matter of luck
				t.Errorf("%s: %v", style, s)
			}
		}
	}
}
