package usage

import (
	order "cmp"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/orient"
)

// What the timeline keeps is what the index says of any part of the stretch, to the second around every change.
func TestTimelineAgainstIndex(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 5))
		e := randomHistory(rng)
		x := estate.NewIndex(e)
		line, of := newTimeline(x), map[string]*tally{}
		for _, i := range []string{"eni-0", "eni-1", "eni-2"} {
			of[i] = &tally{}
		}
		var edges []int64
		states := append(slices.Clone(e.Past), e.Interfaces["eni-0"], e.Interfaces["eni-1"])
		for _, i := range states {
			for _, at := range []time.Time{i.Life.After, i.Life.Since, i.Life.Until, i.Life.Before} {
				if !at.IsZero() {
					edges = append(edges, at.Unix())
				}
			}
		}
		for _, s := range e.PrefixLists["pl-1"].Past {
			edges = append(edges, s.Life.Since.Unix(), s.Life.Until.Unix())
		}
		near := func() int64 { // seconds around a change, by the clocks' error or a little more or less
			return edges[rng.IntN(len(edges))] + []int64{-3600, -61, -60, -59, 0, 59, 60, 61, 3600}[rng.IntN(9)]
		}
		for range 3000 {
			first, last := near(), near()
			if first > last {
				first, last = last, first
			}
			subject, addr := states[rng.IntN(len(states))], netip.AddrFrom4([4]byte{10, 0, 0, byte(rng.IntN(4))})
			want, got := x.Place(subject, addr, unix(first), unix(last)), line.place(subject, addr, first, last)
			if d := cmp.Diff(placeText(&want), placeText(&got.Placement)); d != "" {
				t.Fatalf("seed %d: %s from %d to %d: -index +timeline\n%s", seed, addr, first, last, d)
			}
			if again := line.whos.number(whoOf(&want)); again != got.who {
				t.Fatalf("seed %d: %s from %d to %d: holders %d and %d", seed, addr, first, last, again, got.who)
			}
			all, sure, _ := x.StatesOf(subject.ID, unix(first), unix(last))
			if kept := line.states(of[subject.ID], subject.ID, first, last); sure != kept.sure || !slices.Equal(all, kept.all) {
				t.Fatalf("seed %d: states of %s from %d to %d: %v %v, want %v %v", seed, subject.ID, first, last, kept.all, kept.sure, all, sure)
			}
		}
	}
}

// stateText names who the ends of a flow were.
func stateText(f *Flow) string {
	s := fmt.Sprint(f.Unsure, f.Place.Class, f.Place.Certain, f.Place.Complete, holderText(f.Place.Interfaces), f.Place.Lists)
	if f.Subject != nil {
		s = holderText([]*estate.Interface{f.Subject}) + s
	}
	return s
}

func placeText(p *estate.Placement) string {
	return fmt.Sprint(p.Class, p.Certain, p.Complete, p.Name, p.Subnet, p.VPC.ID, holderText(p.Interfaces), []byte(p.Lists))
}

// randomHistory has interfaces of a few addresses that pass from one to another, seldom a day apart; some changes are known to
// the minute, some not, and some states overlap.
func randomHistory(rng *rand.Rand) *estate.Estate {
	e := &estate.Estate{
		Groups:     map[string]*estate.Group{"sg-0": {ID: "sg-0", VPC: "vpc-1"}},
		Interfaces: map[string]*estate.Interface{},
		VPCs:       map[string]*estate.VPC{"vpc-1": {ID: "vpc-1", CIDRs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")}}},
	}
	at := time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC)
	for n := range 6 {
		a := netip.AddrFrom4([4]byte{10, 0, 0, byte(rng.IntN(3))})
		i := &estate.Interface{ID: fmt.Sprint("eni-", n%3), VPC: "vpc-1", Primary: a, Addrs: []netip.Addr{a}, Groups: []string{"sg-0"}}
		at = at.Add(time.Duration(1+rng.IntN(36)) * time.Hour / 2)
		i.Life.Since = at
		if rng.IntN(2) == 0 {
			i.Life.After = at.Add(-time.Duration(rng.IntN(900)) * time.Second)
		}
		i.Life.Until = at.Add(time.Duration(1+rng.IntN(50)) * time.Hour / 2)
		if rng.IntN(2) == 0 {
			i.Life.Before = i.Life.Until.Add(time.Duration(rng.IntN(900)) * time.Second)
		}
		if n < 4 {
			e.Past = append(e.Past, i)
		} else {
			i.ID, i.Life.Until, i.Life.Before = fmt.Sprint("eni-", n-4), time.Time{}, time.Time{}
			e.Interfaces[i.ID] = i
		}
	}
	e.PrefixLists = map[string]*estate.PrefixList{"pl-1": randomList(rng)}
	slices.SortFunc(e.Past, func(a, b *estate.Interface) int { return a.Life.Since.Compare(b.Life.Since) })
	return e
}

// randomList has other entries from time to time, and times of which nothing is on record.
func randomList(rng *rand.Rand) *estate.PrefixList {
	l := &estate.PrefixList{ID: "pl-1", EntriesKnown: true}
	entries := func() []netip.Prefix {
		return []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(rng.IntN(4))}), 30+rng.IntN(3)).Masked()}
	}
	at := time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC)
	for range 3 {
		s := estate.ListState{Entries: entries(), Known: rng.IntN(4) > 0, Life: estate.Life{After: at, Since: at}}
		at = at.Add(time.Duration(1+rng.IntN(40)) * time.Hour / 2)
		s.Life.Until, s.Life.Before = at, at
		at = at.Add(time.Duration(rng.IntN(3)) * time.Hour)
		l.Past = append(l.Past, s)
	}
	l.Entries, l.Life = entries(), estate.Life{After: at, Since: at}
	return l
}

// compareFlows orders the flows of an interface, but for who their ends were.
func compareFlows(f, o *Flow) int {
	return order.Or(order.Compare(f.Direction, o.Direction), order.Compare(f.Proto, o.Proto), order.Compare(f.Port, o.Port), f.Peer.Compare(o.Peer), order.Compare(f.Action, o.Action))
}

// Flows come in one order, whatever order the conversations of a day came in, and none is lost on the way.
func TestFlowOrder(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 6))
		e := randomHistory(rng)
		var convs []orient.Conversation
		for range 200 {
			day := int64(20456 + rng.IntN(4))
			c := orient.Conversation{Key: orient.Key{
				Day: int32(day), Interface: fmt.Sprint("eni-", rng.IntN(4)), Direction: analyze.Direction(1 + rng.IntN(2)), Proto: 6,
				Peer: netip.AddrFrom4([4]byte{10, 0, 0, byte(rng.IntN(4))}), Port: uint16(rng.IntN(3)), Action: analyze.Accept,
			}, First: day * 86400, Last: day*86400 + 80000, Hours: rng.Uint32() & (1<<24 - 1)}
			c.Counters[analyze.Established] = orient.Counter{Flows: 1, Packets: 3, Bytes: 100}
			convs = append(convs, c)
		}
		x := estate.NewIndex(e)
		list := func() (out []string) {
			r, err := Join(Input{Index: x, Estate: e, Conversations: sequence(convs)})
			if err != nil {
				t.Fatal(err)
			}
			total := int64(0)
			for i := range r.Flows {
				f := &r.Flows[i]
				total += f.Flows
				out = append(out, fmt.Sprint(f.Interface, f.Direction, f.Proto, f.Port, f.Peer, f.Action, stateText(f), f.Days, f.First, f.Last, f.Flows))
				if o := &r.Flows[max(0, i-1)]; i > 0 && (o.Interface > f.Interface || o.Interface == f.Interface && compareFlows(o, f) > 0) {
					t.Errorf("seed %d: flow %d stands before %d", seed, i-1, i)
				}
			}
			if total != int64(len(convs)) {
				t.Errorf("seed %d: %d records of %d", seed, total, len(convs))
			}
			return out
		}
		want := list()
		rng.Shuffle(len(convs), func(i, j int) { convs[i], convs[j] = convs[j], convs[i] })
		slices.SortStableFunc(convs, func(a, b orient.Conversation) int { return int(a.Day - b.Day) })
		if d := cmp.Diff(want, list()); d != "" {
			t.Errorf("seed %d: -first +shuffled\n%s", seed, d)
		}
	}
}
