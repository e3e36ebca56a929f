package recommend

import (
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/ledger"
	"github.com/sgtrim/sgtrim/analyze/orient"
)

// testWorld builds a small estate and what was seen in it, so that a case reads as a sentence.
type testWorld struct {
	t     *testing.T
	e     *estate.Estate
	days  int // of the window, which ends at day0 + days
	convs []orient.Conversation
	uncov map[string]bool
	skip  map[string]bool
	dark  map[string][2]int // hours of the window, from and until, without a record
}

// day0 is 2026-01-01.
const day0 = 20454

func newWorld(t *testing.T, days int) *testWorld {
	t.Helper()
	w := &testWorld{t: t, days: days, uncov: map[string]bool{}, skip: map[string]bool{}, dark: map[string][2]int{}, e: &estate.Estate{
		Captured: time.Unix((day0+int64(days))*86400, 0).UTC(),
		Scopes:   []estate.Scope{{Partition: "aws", Account: "111122223333", Region: "eu-central-1"}},
		Groups:   map[string]*estate.Group{}, Interfaces: map[string]*estate.Interface{}, PrefixLists: map[string]*estate.PrefixList{},
		VPCs: map[string]*estate.VPC{}, Subnets: map[string]*estate.Subnet{}, FlowLogs: map[string]*estate.FlowLog{},
		Peerings: map[string]*estate.Peering{},
	}}
	w.e.VPCs["vpc-1"] = &estate.VPC{ID: "vpc-1", Owner: "111122223333", Region: "eu-central-1", CIDRs: prefixes("10.0.0.0/16", "2600:1f14::/64")}
	w.e.RouteTables = []*estate.RouteTable{{ID: "rtb-main", VPC: "vpc-1", Main: true, Routes: []estate.Route{
		{Destination: netip.MustParsePrefix("10.0.0.0/16"), Target: "local", State: "active"},
	}}}
	for i := range 4 {
		id := fmt.Sprintf("subnet-%d", i)
		w.e.Subnets[id] = &estate.Subnet{
			ID: id, VPC: "vpc-1", Owner: "111122223333", Region: "eu-central-1", CIDRs: prefixes(fmt.Sprintf("10.0.%d.0/24", i)),
		}
	}
	return w
}

func prefixes(texts ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range texts {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

// rule reads "ingress tcp 443 10.0.0.0/8".
func (w *testWorld) rule(group, text string) analyze.Rule {
	w.t.Helper()
	f := strings.Fields(text)
	var dir analyze.Direction
	if err := dir.UnmarshalText([]byte(f[0])); err != nil {
		w.t.Fatal(err)
	}
	service, err := analyze.ParseService(strings.Join(f[1:len(f)-1], " "))
	if err != nil {
		w.t.Fatal(err)
	}
	r := analyze.Rule{RuleKey: analyze.RuleKey{GroupID: group, Direction: dir, Service: service}}
	switch peer := f[len(f)-1]; {
	case strings.HasPrefix(peer, "sg-"):
		r.Peer.GroupID, r.PeerAccount = peer, "111122223333"
	case strings.HasPrefix(peer, "pl-"):
		r.Peer.PrefixListID = peer
	default:
		r.Peer.Prefix = netip.MustParsePrefix(peer)
	}
	return r
}

func (w *testWorld) group(id string, rules ...string) *estate.Group {
	w.t.Helper()
	g := &estate.Group{ID: id, Name: strings.TrimPrefix(id, "sg-"), VPC: "vpc-1", Owner: "111122223333", Region: "eu-central-1", HasRuleIDs: true}
	for i, text := range rules {
		r := w.rule(id, text)
		r.ID = fmt.Sprintf("sgr-%s-%d", g.Name, i)
		g.Rules = append(g.Rules, r)
	}
	w.e.Groups[id] = g
	return g
}

// iface makes an instance's interface in subnet-N of 10.0.N.0/24, attached long before the window.
func (w *testWorld) iface(id, addr string, groups ...string) *estate.Interface {
	a := netip.MustParseAddr(addr)
	i := &estate.Interface{
		ID: id, Owner: "111122223333", Region: "eu-central-1", VPC: "vpc-1", Type: "interface", Status: "in-use", SourceDestCheck: true,
		Primary: a, Addrs: []netip.Addr{a}, Groups: groups, InstanceID: "i-" + id, InstanceOwner: "111122223333",
		Attached: time.Unix((day0-400)*86400, 0).UTC(),
	}
	slices.Sort(i.Groups)
	for sid, s := range w.e.Subnets {
		if s.CIDRs[0].Contains(a) {
			i.Subnet = sid
		}
	}
	w.e.Interfaces[id] = i
	return i
}

// public makes the interface reachable from the Internet.
func (w *testWorld) public(i *estate.Interface) {
	i.PublicAddrs = []netip.Addr{netip.MustParseAddr("198.51.100.7")}
	w.e.RouteTables = append(w.e.RouteTables, &estate.RouteTable{
		ID: "rtb-pub", VPC: "vpc-1", Subnets: []string{i.Subnet},
		Routes: []estate.Route{
			{Destination: netip.MustParsePrefix("10.0.0.0/16"), Target: "local", State: "active"},
			{Destination: netip.MustParsePrefix("0.0.0.0/0"), Target: "igw-1", State: "active"},
		},
	})
}

// dayOf is a day of the window.
func dayOf(d int) time.Time { return time.Unix((day0+int64(d))*86400, 0).UTC() }

// list makes a prefix list whose entries are known.
func (w *testWorld) list(id, name, owner string, entries ...string) {
	w.e.PrefixLists[id] = &estate.PrefixList{ID: id, Name: name, Owner: owner, MaxEntries: 5, EntriesKnown: true, Entries: prefixes(entries...)}
}

// see adds established conversations "ingress tcp 443 10.0.0.5" on the given days of the window (all, when none is given).
func (w *testWorld) see(iface, text string, days ...int) {
	w.seeAs(analyze.Established, analyze.OwnFlags, iface, text, days...)
}

func (w *testWorld) seeAs(s analyze.Strength, why analyze.Reason, iface, text string, days ...int) {
	w.t.Helper()
	f := strings.Fields(text)
	c := orient.Conversation{Unlikely: strings.HasPrefix(text, "unlikely ")}
	if c.Unlikely {
		f = f[1:]
	}
	if err := c.Direction.UnmarshalText([]byte(f[0])); err != nil {
		w.t.Fatal(err)
	}
	p, err := analyze.ParseProto(f[1])
	if err != nil {
		w.t.Fatal(err)
	}
	c.Proto, c.Interface, c.Action, c.Orientation = uint8(p), iface, analyze.Accept, why
	if p.HasPorts() {
		pr, err := analyze.ParsePortRange(f[2])
		if err != nil {
			w.t.Fatal(err)
		}
		c.Port = pr.First
	}
	c.Peer = netip.MustParseAddr(f[len(f)-1])
	if i := w.e.Interfaces[iface]; i != nil {
		c.Local = i.Primary
	}
	if s == analyze.Rejected {
		c.Action = analyze.Reject
	}
	c.Counters[s] = orient.Counter{Flows: 10, Packets: 100, Bytes: 10000}
	if len(days) == 0 {
		for d := range w.days {
			days = append(days, d)
		}
	}
	for _, d := range days {
		c.Day = day0 + int32(d)
		c.First = int64(c.Day)*86400 + 3600
		c.Last = c.First + 600
		c.Hours = 1 << 1
		w.convs = append(w.convs, c)
	}
}

func (w *testWorld) coverage() []ledger.Coverage {
	var out []ledger.Coverage
	for _, id := range sortedKeys(w.e.Interfaces) {
		for d := range w.days {
			c := ledger.Coverage{Day: day0 + int32(d), Source: "fl-1", Interface: id, Covered: 1<<24 - 1, Accepts: 1}
			if w.uncov[id] && d%2 == 0 {
				c.Covered = 0
			}
			for h := range 24 {
				if at := 24*d + h; w.dark[id][0] <= at && at < w.dark[id][1] {
					c.Covered &^= 1 << h
				}
			}
			if w.skip[id] && d == 3 {
				c.Gaps = 1 << 5
			}
			out = append(out, c)
		}
	}
	return out
}

func (w *testWorld) review(opt Options) *Plan {
	w.t.Helper()
	p, err := Make(w.evidence(), opt)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

func (w *testWorld) evidence() Evidence {
	slices.SortStableFunc(w.convs, func(a, b orient.Conversation) int { return int(a.Day - b.Day) })
	return Evidence{
		Estate: w.e, Coverage: w.coverage(),
		Conversations: func() iter.Seq2[orient.Conversation, error] {
			return func(yield func(orient.Conversation, error) bool) {
				for _, c := range w.convs {
					if !yield(c, nil) {
						return
					}
				}
			}
		},
	}
}

// said prints a plan's changes of one group as lines: "proposed unused: ingress tcp 22 10.0.0.0/8 -> nothing".
func said(p *Plan, group string) string {
	var b strings.Builder
	for _, c := range p.Changes {
		if c.GroupID != group {
			continue
		}
		fmt.Fprintf(&b, "%s %s: %s %s %s ->", c.Status, c.Kind, c.Direction, c.Old[0].Service, c.Old[0].Peer)
		if len(c.New) == 0 {
			b.WriteString(" nothing")
		}
		for i, n := range c.New {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, " %s %s", n.Service, n.Peer)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
