package labelled

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"time"

	"github.com/sgtrim/sgtrim/cmd/world"
)

const (
	account = "123456789012"
	region  = "us-east-1"
	slot    = int64(300) // what one object holds
	slots   = int(day/slot) + 4
)

func interfaceID(a netip.Addr) string {
	b := a.As4()
	return fmt.Sprintf("eni-0%016x", uint64(b[1])<<16|uint64(b[2])<<8|uint64(b[3]))
}

// writer cuts connections into records and deals them to objects.
type writer struct {
	Class
	Day
	r      *rand.Rand
	talk   talk
	text   *world.Text
	slots  [slots][]byte
	subnet *world.Subnet
	ifaces map[string]*world.Interface
}

func newWriter(c Class, r *rand.Rand) *writer {
	fields := world.V2Fields
	if c.Full {
		fields = world.V5Fields
	}
	vpc := &world.VPC{ID: "vpc-0123456789abcdef0"}
	return &writer{Class: c, r: r, talk: talk{r: r}, text: world.NewText(account, region, fields),
		subnet: &world.Subnet{ID: "subnet-0123456789abcdef0", AZID: "use1-az1", VPC: vpc}, ifaces: map[string]*world.Interface{}}
}

// write logs a connection at each of its interfaces.
func (w *writer) write(x *drawn) {
	w.talk.make(x, w.Clients)
	c, before := &x.Connection, len(w.Views)
	w.log(c, x.client, true)
	w.log(c, x.server, false)
	if len(w.Views) > before {
		w.Connections++
	}
}

// log cuts the packets at the host's intervals: one record for each interval, direction and action.
func (w *writer) log(c *Connection, h *host, atClient bool) {
	if h.iface == "" {
		return
	}
	v := View{Connection: c, Interface: h.iface, AtClient: atClient}
	var open [4]world.Record
	var used [4]bool
	current := int64(-1)
	flush := func() {
		for i := range open {
			if used[i] {
				w.deliver(&v, &open[i], (current+1)*w.Interval-h.phase)
			}
		}
		used = [4]bool{}
	}
	for _, p := range w.talk.all {
		if p.at >= midnight+day {
			break
		}
		if p.rejected && p.up == atClient {
			p.rejected = false // what leaves passes; the receiver's end rejects it
		}
		if n := (p.at + h.phase) / w.Interval; n != current {
			flush()
			current = n
		}
		i := 0
		if p.up {
			i |= 1
		}
		if p.rejected {
			i |= 2
		}
		if !used[i] {
			used[i], open[i] = true, w.record(c, h, p.up, atClient)
			open[i].Start, open[i].Reject = p.at, p.rejected
		}
		r := &open[i]
		r.End, r.Flags = p.at, r.Flags|p.flags
		r.Packets += p.n
		r.Bytes += p.bytes
	}
	flush()
	if v.Records > 0 {
		w.Views = append(w.Views, v)
	}
}

func (w *writer) record(c *Connection, h *host, up, atClient bool) world.Record {
	m := w.ifaces[h.iface]
	if m == nil {
		m = &world.Interface{ID: h.iface, Subnet: w.subnet, Primary: h.addr, InstanceID: "i-" + strings.TrimPrefix(h.iface, "eni-")}
		w.ifaces[h.iface] = m
	}
	src, dst := c.Client, c.Service
	if !up {
		src, dst = dst, src
	}
	r := world.Record{Interface: m, Protocol: c.Protocol, Egress: up == atClient, SrcPort: src.Port(), DstPort: dst.Port(),
		Src: src.Addr(), Dst: dst.Addr(), PktSrc: src.Addr(), PktDst: dst.Addr()}
	if r.Egress {
		r.Path = 1
	}
	return r
}

// deliver puts a record, whose interval ends at closed, into an object, or loses it.
func (w *writer) deliver(v *View, r *world.Record, closed int64) {
	at := int((closed - midnight) / slot)
	if w.Rough {
		if w.r.Float64() < LoseShare {
			return
		}
		at += w.r.IntN(3)
	}
	at = min(max(at, 0), slots-1)
	if w.slots[at] == nil {
		w.slots[at] = w.text.Header(nil)
	}
	w.slots[at] = w.text.Append(w.slots[at], r)
	w.Day.Records++
	v.Records++
	v.Handshake = v.Handshake || w.Full && r.Flags&syn != 0
	switch {
	case r.Reject:
		v.Late = v.Late || v.Kind == Answered
	case r.Egress == v.AtClient:
		v.Up += r.Packets
	default:
		v.Down += r.Packets
	}
}

// close names the objects. Those of rough delivery come in any order.
func (w *writer) close() *Day {
	for i, text := range w.slots {
		if text == nil {
			continue
		}
		t := time.Unix(midnight+int64(i)*slot, 0).UTC()
		w.Objects = append(w.Objects, Object{Text: text, Key: fmt.Sprintf("AWSLogs/%s/vpcflowlogs/%s/%s/%[1]s_vpcflowlogs_%[2]s_fl-0123456789abcdef0_%s_%08x.log",
			account, region, t.Format("2006/01/02"), t.Format("20060102T1504Z"), i)})
	}
	if w.Rough {
		w.r.Shuffle(len(w.Objects), func(i, j int) { w.Objects[i], w.Objects[j] = w.Objects[j], w.Objects[i] })
	}
	return &w.Day
}
