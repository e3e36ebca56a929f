package usage

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/orient"
)

// However many workers there are, the result is the same to the last index.
func TestWorkers(t *testing.T) {
	for seed := range uint64(20) {
		e, convs := randomPast(seed)
		x := estate.NewIndex(e)
		with := func(workers int) []string {
			r, err := Join(Input{Index: x, Estate: e, Conversations: sequence(convs), Workers: workers})
			if err != nil {
				t.Fatal(err)
			}
			return resultText(r)
		}
		one := with(1)
		for _, workers := range []int{2, 3, 16} {
			if d := cmp.Diff(one, with(workers)); d != "" {
				t.Fatalf("seed %d: -one +%d workers\n%s", seed, workers, d)
			}
		}
	}
}

// An error of the conversations ends the join, whatever is under way.
func TestJoinFails(t *testing.T) {
	e, convs := randomPast(1)
	bad := errors.New("unreadable")
	_, err := Join(Input{Index: estate.NewIndex(e), Estate: e, Conversations: func(yield func(orient.Conversation, error) bool) {
		for range 2000 {
			for _, c := range convs {
				if !yield(c, nil) {
					return
				}
			}
		}
		yield(orient.Conversation{}, bad)
	}})
	if !errors.Is(err, bad) {
		t.Errorf("error %v, want %v", err, bad)
	}
}

// Summed hour by hour, every hour asked of the index anew, the conversations make the same flows.
func TestSumAgainstHours(t *testing.T) {
	for seed := range uint64(40) {
		e, convs := randomPast(seed)
		x := estate.NewIndex(e)
		r, err := Join(Input{Index: x, Estate: e, Conversations: sequence(convs)})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for i := range r.Flows {
			f := &r.Flows[i]
			got = append(got, fmt.Sprint(flowText(f, f.Interface), f.Days, f.First, f.Last, f.Flows, f.Strength, f.Unlikely))
		}
		slices.Sort(got)
		if d := cmp.Diff(hourly(x, convs), got); d != "" {
			t.Fatalf("seed %d: flows (-by hours +got)\n%s", seed, d)
		}
	}
}

// hourly sums conversations into flows the slow way.
func hourly(x *estate.Index, convs []orient.Conversation) (out []string) {
	sums := map[string]*Flow{}
	for _, c := range sided(x, convs) {
		flows := c.Total().Flows
		add := func(subject *estate.Interface, unsure bool, first, last int64) {
			f := &Flow{Subject: subject, Unsure: unsure, Direction: c.Direction, Peer: c.Peer, Proto: c.Proto, Port: c.Port, Action: c.Action, First: first, Last: last, Unlikely: true}
			if subject != nil {
				p := x.Place(subject, c.Peer, unix(first), unix(last))
				f.Place = &p
			}
			k := flowText(f, c.Interface)
			if sums[k] == nil {
				sums[k] = f
			}
			f = sums[k]
			f.First, f.Last = min(f.First, first), max(f.Last, last)
			f.Flows, f.Strength = f.Flows+flows, max(f.Strength, c.Strength())
			f.Unlikely = f.Unlikely && c.Unlikely
			flows = 0 // the records are of the day
			if !slices.Contains(f.Days, c.Day) {
				f.Days = append(f.Days, c.Day)
			}
		}
		if c.Action != analyze.Accept {
			add(nil, false, c.First, c.Last)
			continue
		}
		for h := range 24 {
			if c.Hours>>h&1 == 0 {
				continue
			}
			begin := int64(c.Day)*86400 + int64(h)*3600
			first, last := max(c.First, begin), min(c.Last, begin+3599)
			if h == 0 {
				first = c.First // it may be of the day before
			}
			states, sure, _ := x.StatesOf(c.Interface, unix(first), unix(last))
			for _, one := range states {
				add(one, !sure, first, last)
			}
			if len(states) == 0 {
				add(nil, false, first, last)
			}
		}
	}
	for k, f := range sums {
		slices.Sort(f.Days)
		out = append(out, fmt.Sprint(k, f.Days, f.First, f.Last, f.Flows, f.Strength, f.Unlikely))
	}
	slices.Sort(out)
	return out
}

// sided are the conversations that count, by direction: where it is open, an address that the estate knows as the interface's own
// tells; of an interface that it does not know, one that is its own in any conversation; else it is both.
func sided(x *estate.Index, convs []orient.Conversation) (out []orient.Conversation) {
	own := func(id string, a netip.Addr) bool {
		if x.Recorded(id) {
			return x.IsLocal(id, a)
		}
		return slices.ContainsFunc(convs, func(c orient.Conversation) bool {
			return c.Interface == id && c.Local == a && c.Direction != analyze.DirectionUnknown && c.Strength() != analyze.StrengthNone
		})
	}
	for _, c := range convs {
		if c.Strength() == analyze.StrengthNone {
			continue
		}
		if c.Direction != analyze.DirectionUnknown {
			out = append(out, c)
			continue
		}
		service, client := own(c.Interface, c.Local), own(c.Interface, c.Peer)
		if service || !client {
			in := c
			in.Direction = analyze.Ingress
			out = append(out, in)
		}
		if client || !service {
			c.Direction, c.Local, c.Peer = analyze.Egress, c.Peer, c.Local
			out = append(out, c)
		}
	}
	return out
}

// flowText names a flow. Who its ends were does not matter of what was rejected; of an interface that nobody has recorded, the
// peer is placed when all flows are known.
func flowText(f *Flow, id string) string {
	s := fmt.Sprintln(id, f.Direction, f.Peer, f.Proto, f.Port, f.Action)
	if f.Action == analyze.Accept && f.Subject != nil {
		s += stateText(f)
	}
	return s
}

// resultText is all of a result.
func resultText(r *Result) (out []string) {
	out = append(out, fmt.Sprint(r.Counts, r.Unexplained, r.Unplaced, r.Gone, r.GoneIDs, r.Carriers))
	for i := range r.Flows {
		f := &r.Flows[i]
		out = append(out, fmt.Sprint(flowText(f, f.Interface), stateText(f), f.Days, f.First, f.Last, f.Flows, f.Bytes, f.Strength, f.Orientation, f.Need, f.Unlikely, f.Place.Name, f.Credit))
	}
	for i := range r.Rules {
		u := &r.Rules[i]
		out = append(out, fmt.Sprint(u.RuleKey, u.Hits, u.Sole, u.Maybe, u.OneWay, u.Credited, u.Leans))
	}
	return out
}

// randomPast is an estate with a past, of some seeds with a list that changes, and conversations of four days.
func randomPast(seed uint64) (*estate.Estate, []orient.Conversation) {
	rng := rand.New(rand.NewPCG(seed, 7))
	e := randomHistory(rng)
	if seed%2 == 0 {
		e.PrefixLists = nil
	}
	g := e.Groups["sg-0"]
	for n := range uint16(3) {
		for _, peer := range []analyze.Peer{{GroupID: "sg-0"}, {Prefix: netip.MustParsePrefix("10.0.0.0/30")}, {PrefixListID: "pl-1"}} {
			service := analyze.PortService(analyze.TCP, analyze.PortRange{First: n, Last: n + 1})
			g.Rules = append(g.Rules, analyze.Rule{RuleKey: analyze.RuleKey{GroupID: g.ID, Direction: analyze.Direction(1 + n%2), Peer: peer, Service: service}})
		}
	}
	var convs []orient.Conversation
	for n := range 400 {
		day, begin := int64(20456+n/100), rng.IntN(24)
		end := begin + rng.IntN(24-begin)
		c := orient.Conversation{Key: orient.Key{
			Day: int32(day), Interface: fmt.Sprint("eni-", rng.IntN(4)), Direction: analyze.Direction(1 + rng.IntN(2)), Proto: 6,
			Peer: netip.AddrFrom4([4]byte{10, 0, 0, byte(rng.IntN(6))}), Port: uint16(rng.IntN(3)), Action: analyze.Action(1 + rng.IntN(2)),
		}, Orientation: analyze.OwnFlags}
		c.First, c.Last = day*86400+int64(begin*3600+rng.IntN(3000)), day*86400+int64(end*3600+3000+rng.IntN(600))
		if begin == 0 {
			c.First -= 3000 // on the day before
		}
		c.Hours = rng.Uint32()&(1<<end-1)&^(1<<begin-1) | 1<<begin | 1<<end
		c.Counters[rng.IntN(int(analyze.NumStrengths))] = orient.Counter{Flows: 1, Packets: 3, Bytes: 100}
		c.Unlikely = rng.IntN(2) == 0
		c.Local = netip.AddrFrom4([4]byte{10, 0, 0, byte(rng.IntN(3))})
		if rng.IntN(4) == 0 {
			c.Direction, c.Local = analyze.DirectionUnknown, netip.AddrFrom4([4]byte{10, 0, 0, byte(rng.IntN(6))})
		}
		convs = append(convs, c)
	}
	return e, convs
}
