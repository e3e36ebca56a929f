package orient_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/ledger/sum/sumtest"
	"github.com/sgtrim/sgtrim/analyze/orient"
	"github.com/sgtrim/sgtrim/ingest"
)

// connection is a labelled one: the client is known.
type connection struct {
	client, service netip.AddrPort
	proto           int
	start           int64
	seconds         int64
	fwd, back       traffic
	iface           string
	local           netip.Addr // the interface's own address
}

type traffic struct {
	packets, bytes int64
	fin, rst       bool
}

// records are the flow-log rows of a connection: one for each direction and minute.
func (c *connection) records(flags, directions bool) (rows []sumtest.Record) {
	minutes := min(c.seconds/60+1, c.fwd.packets/3+1)
	for m := range minutes {
		for _, forward := range []bool{true, false} {
			from, to, t := c.client, c.service, c.fwd
			if !forward {
				from, to, t = c.service, c.client, c.back
			}
			if t.packets == 0 {
				continue
			}
			share := func(n int64) int64 { return n*(m+1)/minutes - n*m/minutes }
			r := sumtest.Record{Interface: c.iface, Src: from.Addr(), Dst: to.Addr(), SrcPort: int(from.Port()), DstPort: int(to.Port()), Proto: c.proto,
				Packets: share(t.packets), Bytes: share(t.bytes), Start: c.start + m*60, End: c.start + min(m*60+59, c.seconds), Action: analyze.Accept, Flags: -1}
			if r.Packets == 0 {
				continue
			}
			if flags {
				r.Flags = 0
				if c.proto == 6 {
					r.Flags = t.flags(forward, m == 0, m == minutes-1, c.back)
				}
			}
			if directions {
				r.Direction = analyze.Ingress
				if from.Addr() == c.local {
					r.Direction = analyze.Egress
				}
			}
			rows = append(rows, r)
		}
	}
	return rows
}

// flags of one record [aws-facts 1.5].
func (t *traffic) flags(forward, first, last bool, back traffic) (f int) {
	refused := back.rst && back.packets <= 3 && !back.fin && back.bytes <= 60*back.packets
	if first && forward {
		f = 2
	} else if first && !refused {
		f = 18
	}
	if last && t.fin {
		f |= 1
	}
	if last && t.rst {
		f |= 4
	}
	return f
}

// score counts the labelled connections that were read rightly, wrongly, or left in doubt.
// absent ones are in no conversation: all their records were lost.
type score struct{ right, wrong, doubt, absent int }

func (s score) String() string {
	all := float64(max(s.right+s.wrong+s.doubt, 1))
	return fmt.Sprintf("%6d connections: right %.2f %%, wrong %.3f %%, ambiguous %.2f %%", s.right+s.wrong+s.doubt, 100*float64(s.right)/all, 100*float64(s.wrong)/all, 100*float64(s.doubt)/all)
}

type reading struct {
	iface           string
	client, service netip.Addr
	port            uint16
	proto           uint8
}

// judge compares conversations with the labels. Connections between equal ports are left out of it.
func judge(connections []connection, all []orient.Conversation) (s score) {
	sure, doubt := map[reading]bool{}, map[reading]bool{}
	for _, c := range all {
		r := reading{c.Interface, c.Peer, c.Local, c.Port, c.Proto}
		if c.Direction == analyze.Egress {
			r.client, r.service = c.Local, c.Peer
		}
		if c.Link != 0 {
			doubt[r] = true
		} else {
			sure[r] = true
		}
	}
	for _, c := range connections {
		right := reading{c.iface, c.client.Addr(), c.service.Addr(), c.service.Port(), uint8(c.proto)}
		wrong := reading{c.iface, c.service.Addr(), c.client.Addr(), c.client.Port(), uint8(c.proto)}
		switch {
		case c.client.Port() == c.service.Port():
		case sure[wrong]:
			s.wrong++
		case doubt[wrong]:
			s.doubt++
		case sure[right]:
			s.right++
		default:
			s.absent++
		}
	}
	return s
}

// lowerPort judges the habit of other tools: the lower port serves.
func lowerPort(connections []connection) (s score) {
	for _, c := range connections {
		switch {
		case c.client.Port() == c.service.Port():
		case c.client.Port() > c.service.Port():
			s.right++
		default:
			s.wrong++
		}
	}
	return s
}

// objects spreads the records of connections over files of five minutes, as they are published; lose is the share of
// records that get lost.
func objects(rng *rand.Rand, connections []connection, flags, directions bool, lose float64) (all []sumtest.Object) {
	slots := map[int64]int{}
	for i := range connections {
		for _, r := range connections[i].records(flags, directions) {
			if rng.Float64() < lose {
				continue
			}
			slot := r.End / 300 * 300
			at, ok := slots[slot]
			if !ok {
				at = len(all)
				slots[slot] = at
				all = append(all, sumtest.Object{Object: ingest.Object{URL: fmt.Sprint("s3://b/", slot), Slot: time.Unix(slot, 0)}})
			}
			all[at].Records = append(all[at].Records, r)
		}
	}
	for _, o := range all {
		rng.Shuffle(len(o.Records), func(i, j int) { o.Records[i], o.Records[j] = o.Records[j], o.Records[i] })
	}
	return all
}

type zeekConnection struct {
	TS          float64 `json:"ts"`
	Orig        string  `json:"id_orig_h"`
	OrigPort    uint16  `json:"id_orig_p"`
	Resp        string  `json:"id_resp_h"`
	RespPort    uint16  `json:"id_resp_p"`
	Proto       string  `json:"proto"`
	Duration    float64 `json:"duration"`
	History     string  `json:"history"`
	OrigPackets int64   `json:"orig_pkts"`
	RespPackets int64   `json:"resp_pkts"`
	OrigBytes   int64   `json:"orig_ip_bytes"`
	RespBytes   int64   `json:"resp_ip_bytes"`
}

func (z *zeekConnection) connection(t *testing.T, iface string) connection {
	proto, err := analyze.ParseProto(z.Proto)
	if err != nil {
		t.Fatal(err)
	}
	side := func(packets, bytes int64, fin, rst string) traffic {
		return traffic{packets, bytes, strings.Contains(z.History, fin), strings.Contains(z.History, rst)}
	}
	return connection{
		client:  netip.AddrPortFrom(netip.MustParseAddr(z.Orig), z.OrigPort),
		service: netip.AddrPortFrom(netip.MustParseAddr(z.Resp), z.RespPort),
		proto:   int(proto), start: int64(z.TS), seconds: int64(z.Duration), iface: iface,
		fwd: side(z.OrigPackets, z.OrigBytes, "F", "R"), back: side(z.RespPackets, z.RespBytes, "f", "r"),
	}
}

func zeekConnections(t *testing.T) (all []connection) {
	files, err := filepath.Glob(filepath.Join(sharedData, "zeek-otrf", "*", "*_conn.log"))
	if err != nil || len(files) == 0 {
		t.Skip("the labelled connections are not here")
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		hosts := map[string]int{}
		at := len(all)
		for _, line := range strings.Split(strings.TrimSpace(string(b)), "\n") {
			var z zeekConnection
			if err := json.Unmarshal([]byte(line), &z); err != nil {
				t.Fatal(err)
			}
			c := z.connection(t, filepath.Base(name))
			if c.fwd.packets+c.back.packets > 0 {
				all = append(all, c)
				hosts[z.Orig]++
				hosts[z.Resp]++
			}
		}
		most := ""
		for h, n := range hosts {
			if most == "" || n > hosts[most] || n == hosts[most] && h < most {
				most = h
			}
		}
		for i := at; i < len(all); i++ {
			all[i].local = netip.MustParseAddr(most)
		}
	}
	return all
}

// Real connections whose client is on record, as flow logs of every kind.
func TestLabelledConnections(t *testing.T) {
	rng := seeded(t)
	connections := zeekConnections(t)
	var established []connection
	for _, c := range connections {
		if c.fwd.packets >= 3 && c.back.packets >= 3 {
			established = append(established, c)
		}
	}
	t.Logf("lower port, all:                     %v", lowerPort(connections))
	t.Logf("lower port, established:             %v", lowerPort(established))
	for _, directions := range []bool{false, true} {
		withFlags := judge(connections, conversations(t, orient.Options{}, objects(rng, connections, true, directions, 0)...))
		t.Logf("with flags, directions %-5v:        %v", directions, withFlags)
		v2 := judge(connections, conversations(t, orient.Options{}, objects(rng, connections, false, directions, 0)...))
		t.Logf("no flags, directions %-5v:          %v", directions, v2)
		alone := judge(established, conversations(t, orient.Options{}, objects(rng, established, false, directions, 0)...))
		t.Logf("no flags, established, directions %-5v: %v", directions, alone)
		if withFlags.absent+v2.absent+alone.absent > 0 {
			t.Errorf("connections are in no conversation: with flags %d, without %d, established %d", withFlags.absent, v2.absent, alone.absent)
		}
		if withFlags.wrong > 0 || withFlags.doubt > 0 {
			t.Errorf("with flags: %v, want all right", withFlags)
		}
		if v2.wrong > 0 || alone.wrong > 0 {
			t.Errorf("without flags: %v, established %v, want none wrong", v2, alone)
		}
		if 100*alone.right < 99*(alone.right+alone.doubt) {
			t.Errorf("without flags, established: %v, want 99 %% right", alone)
		}
	}
}
