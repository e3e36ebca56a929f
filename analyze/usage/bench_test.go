package usage

import (
	"fmt"
	"iter"
	"net/netip"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/orient"
)

// BenchmarkJoin joins conversations of 30 days with an estate of which five addresses in six pass to another interface of
// another tier each four or five days, and AWS Config knows when. SGTRIM_INTERVALS and SGTRIM_CONVERSATIONS set its size;
// `make bench-join` runs it with 100,000 and 10 M.
func BenchmarkJoin(b *testing.B) {
	w := newChurn(b, sizeOf(b, "SGTRIM_INTERVALS", 5_000), sizeOf(b, "SGTRIM_CONVERSATIONS", 200_000))
	x := estate.NewIndex(w.estate)
	b.ReportAllocs()
	for b.Loop() {
		r, err := Join(Input{Index: x, Estate: w.estate, Conversations: w.conversations()})
		if err != nil {
			b.Fatal(err)
		}
		if len(r.Unexplained) > len(r.Flows)/2 {
			b.Fatalf("%d of %d flows are unexplained: no rule of the world is used", len(r.Unexplained), len(r.Flows))
		}
		b.ReportMetric(float64(len(w.estate.Past)+len(w.estate.Interfaces)), "intervals")
		b.ReportMetric(float64(r.Counts.Conversations), "conversations")
		b.ReportMetric(float64(len(r.Flows)), "flows")
	}
}

func sizeOf(b *testing.B, name string, otherwise int) int {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n <= 0 {
		b.Fatalf("%s=%q: want a number", name, text)
	}
	return n
}

const (
	churnDays  = 30
	churnTurns = 8  // interfaces that have an address one after another, the last of them now
	churnPorts = 12 // of a tier
	steady     = 6  // every so many addresses one is a database's, say, which stays
)

// churn is an estate of addresses that pass from interface to interface.
type churn struct {
	estate *estate.Estate
	slots  [][]*estate.Interface // by address, in order of time
	begin  time.Time
	daily  int // conversations of an address and day
}

func newChurn(b *testing.B, intervals, conversations int) *churn {
	w := &churn{begin: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	slots := intervals * steady / ((steady-1)*churnTurns + 1)
	tiers := max(churnPorts+1, intervals/40)
	w.daily = max(1, conversations/churnDays/slots)
	vpc := &estate.VPC{ID: "vpc-1"}
	for n := range slots>>16 + 1 {
		vpc.CIDRs = append(vpc.CIDRs, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(n)}), 16))
	}
	w.estate = &estate.Estate{Groups: map[string]*estate.Group{}, Interfaces: map[string]*estate.Interface{}, VPCs: map[string]*estate.VPC{vpc.ID: vpc}}
	for t := range tiers {
		w.estate.Groups[tierName(t)] = tier(t, tiers)
	}
	life := churnDays * 24 * time.Hour / (churnTurns - 1)
	for s := range slots {
		at := w.begin.Add(-time.Duration(s) * life / time.Duration(slots)) // they do not all turn at one time
		var turns []*estate.Interface
		first := 0
		if s%steady == 0 {
			first, at = churnTurns-1, w.begin.Add(-time.Duration(churnTurns+1)*life)
		}
		for k := first; k < churnTurns; k++ {
			since := at.Add(time.Duration(k) * life)
			i := &estate.Interface{
				ID: fmt.Sprintf("eni-%06d-%d", s, k), VPC: vpc.ID, Primary: addressOf(s), Addrs: []netip.Addr{addressOf(s)},
				Groups: []string{tierName((s*5 + k) % tiers)}, Life: estate.Life{After: since.Add(-time.Minute), Since: since, Until: since.Add(life - 2*time.Minute)},
			}
			i.Life.Before = i.Life.Until.Add(time.Minute)
			if k == churnTurns-1 {
				i.Life.Until, i.Life.Before = time.Time{}, time.Time{}
				w.estate.Interfaces[i.ID] = i
			} else {
				w.estate.Past = append(w.estate.Past, i)
			}
			turns = append(turns, i)
		}
		w.slots = append(w.slots, turns)
	}
	return w
}

func tierName(t int) string { return fmt.Sprintf("sg-%05d", t) }

func addressOf(slot int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(slot >> 16), byte(slot >> 8), byte(slot)})
}

// tier is a group with 26 rules: for the tiers beside it, for subnets that nobody uses any more, and out to everyone.
func tier(t, tiers int) *estate.Group {
	g := &estate.Group{ID: tierName(t), VPC: "vpc-1"}
	add := func(d analyze.Direction, first, last uint16, peer analyze.Peer) {
		service := analyze.PortService(analyze.TCP, analyze.PortRange{First: first, Last: last})
		g.Rules = append(g.Rules, analyze.Rule{RuleKey: analyze.RuleKey{GroupID: g.ID, Direction: d, Service: service, Peer: peer}})
	}
	for n := range churnPorts {
		port := uint16(8000 + n)
		add(analyze.Ingress, port, port, analyze.Peer{GroupID: tierName((t + n) % tiers)})
		add(analyze.Ingress, port, port, analyze.Peer{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 200, byte(n), 0}), 24)})
	}
	add(analyze.Ingress, 8000, 8000+churnPorts, analyze.Peer{Prefix: netip.MustParsePrefix("10.0.0.0/8")})
	add(analyze.Egress, 0, 65535, analyze.Peer{Prefix: netip.MustParsePrefix("0.0.0.0/0")})
	return g
}

// conversations of every day, interface by interface: each address serves some others, uses some that mostly stay, and meets
// strangers. On the day of a turn each of the two interfaces has the hours that it was there.
func (w *churn) conversations() iter.Seq2[orient.Conversation, error] {
	return func(yield func(orient.Conversation, error) bool) {
		for d := range churnDays {
			day := w.begin.AddDate(0, 0, d)
			for s, turns := range w.slots {
				for _, i := range turns {
					c := orient.Conversation{Key: orient.Key{Day: int32(day.Unix() / 86400), Interface: i.ID, Local: addressOf(s), Proto: uint8(analyze.TCP), Action: analyze.Accept}, Orientation: analyze.OwnFlags}
					c.First, c.Last = max(day.Unix(), i.Life.Since.Unix()), day.Unix()+86399
					if !i.Life.Until.IsZero() {
						c.Last = min(c.Last, i.Life.Until.Unix())
					}
					for h := range int64(24) {
						if at := day.Unix() + 3600*h; at+3599 >= c.First && at <= c.Last {
							c.Hours |= 1 << h
						}
					}
					c.Counters[analyze.Established] = orient.Counter{Flows: 40, Packets: 400, Bytes: 40_000}
					if c.First < c.Last && !w.ofOne(s, c, yield) {
						return
					}
				}
			}
		}
	}
}

// ofOne yields the conversations of one interface and day, of which like has all but the other side.
func (w *churn) ofOne(slot int, like orient.Conversation, yield func(orient.Conversation, error) bool) bool {
	for n := range w.daily {
		peer := (slot + (n+1)*(n+1)*7) % len(w.slots)
		like.Direction, like.Port, like.Peer = analyze.Egress, uint16(8000+n%churnPorts), addressOf(peer-peer%steady)
		switch n % 10 {
		case 0, 1, 2:
			like.Direction, like.Peer = analyze.Ingress, addressOf(peer)
		case 9:
			like.Peer, like.Port = netip.AddrFrom4([4]byte{203, byte(n), byte(slot >> 8), byte(slot)}), 443
		}
		if !yield(like, nil) {
			return false
		}
	}
	return true
}
