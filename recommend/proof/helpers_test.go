package proof

import (
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/orient"
)

// mkRule reads "sg-web ingress tcp 443 10.0.0.0/8"; the last word is the peer.
func mkRule(text string) analyze.Rule {
	f := strings.Fields(text)
	var d analyze.Direction
	if err := d.UnmarshalText([]byte(f[1])); err != nil {
		panic(err)
	}
	s, err := analyze.ParseService(strings.Join(f[2:len(f)-1], " "))
	if err != nil {
		panic(err)
	}
	r := analyze.Rule{RuleKey: analyze.RuleKey{GroupID: f[0], Direction: d, Service: s}}
	switch peer := f[len(f)-1]; {
	case strings.HasPrefix(peer, "sg-"):
		r.Peer.GroupID = peer
	case strings.HasPrefix(peer, "pl-"):
		r.Peer.PrefixListID = peer
	default:
		r.Peer.Prefix = netip.MustParsePrefix(peer)
	}
	return r
}

func mkRules(texts ...string) []analyze.Rule {
	var out []analyze.Rule
	for _, t := range texts {
		out = append(out, mkRule(t))
	}
	return out
}

// mkChange reads rules with a sign: "- sg-web ingress tcp 443 10.0.0.0/8" is an old one, "+ …" a new one.
func mkChange(id string, signed ...string) Change {
	c := Change{ID: id}
	for _, s := range signed {
		r := mkRule(s[2:])
		c.GroupID, c.Direction = r.GroupID, r.Direction
		if s[0] == '-' {
			c.Old = append(c.Old, r)
		} else {
			c.New = append(c.New, r)
		}
	}
	return c
}

func review(c Change) Change { c.Review = true; return c }

// mkInterface reads "eni-1 vpc-1 sg-a,sg-b 10.0.0.1,fd00::1,10.0.1.0/28".
func mkInterface(text string) *estate.Interface {
	f := strings.Fields(text)
	i := &estate.Interface{ID: f[0], VPC: f[1], Type: "interface"}
	if f[2] != "-" {
		i.Groups = strings.Split(f[2], ",")
	}
	for _, a := range strings.Split(f[3], ",") {
		if strings.Contains(a, "/") {
			i.Prefixes = append(i.Prefixes, netip.MustParsePrefix(a))
			continue
		}
		i.Addrs = append(i.Addrs, netip.MustParseAddr(a))
	}
	return i
}

// mkEstate makes an estate of interfaces ("eni-…") and rules; groups appear by being carried or ruled.
func mkEstate(lines ...string) *estate.Estate {
	e := &estate.Estate{
		Groups: map[string]*estate.Group{}, Interfaces: map[string]*estate.Interface{}, PrefixLists: map[string]*estate.PrefixList{},
		VPCs: map[string]*estate.VPC{}, Subnets: map[string]*estate.Subnet{}, Peerings: map[string]*estate.Peering{},
	}
	group := func(id string) *estate.Group {
		if e.Groups[id] == nil {
			e.Groups[id] = &estate.Group{ID: id, VPC: "vpc-1"}
		}
		return e.Groups[id]
	}
	for _, l := range lines {
		if strings.HasPrefix(l, "eni-") {
			i := mkInterface(l)
			e.Interfaces[i.ID] = i
			for _, g := range i.Groups {
				group(g)
			}
			continue
		}
		r := mkRule(l)
		g := group(r.GroupID)
		r.ID = fmt.Sprintf("sgr-%s-%d", r.GroupID, len(g.Rules))
		g.Rules = append(g.Rules, r)
	}
	return e
}

// mkTraffic reads "eni-1 ingress tcp 443 10.0.0.9", accepted and established, on day 100.
func mkTraffic(text string) orient.Conversation {
	f := strings.Fields(text)
	var c orient.Conversation
	c.Interface, c.Day, c.Action = f[0], 100, analyze.Accept
	if err := c.Direction.UnmarshalText([]byte(f[1])); err != nil {
		panic(err)
	}
	s, err := analyze.ParseService(strings.Join(f[2:len(f)-1], " "))
	if err != nil {
		panic(err)
	}
	c.Proto, c.Port = uint8(s.Proto), 0
	if s.Proto.HasPorts() {
		c.Port = s.Ports.First
	}
	c.Peer = netip.MustParseAddr(f[len(f)-1])
	c.First, c.Last = 100*86400+3600, 100*86400+7200
	c.Orientation = analyze.OwnFlags
	c.Counters[analyze.Established] = orient.Counter{Flows: 2, Packets: 10, Bytes: 1000}
	return c
}

func as(s analyze.Strength, c orient.Conversation) orient.Conversation {
	c.Counters = [analyze.NumStrengths]orient.Counter{}
	c.Counters[s] = orient.Counter{Flows: 1, Packets: 1, Bytes: 40}
	return c
}

func stream(cs ...orient.Conversation) iter.Seq2[orient.Conversation, error] {
	return func(yield func(orient.Conversation, error) bool) {
		for _, c := range cs {
			if !yield(c, nil) {
				return
			}
		}
	}
}

func traffics(texts ...string) iter.Seq2[orient.Conversation, error] {
	var cs []orient.Conversation
	for _, t := range texts {
		cs = append(cs, mkTraffic(t))
	}
	return stream(cs...)
}

func kinds(r Result) []Kind {
	out := []Kind{}
	for _, v := range r.Violations {
		if !slices.Contains(out, v.Kind) {
			out = append(out, v.Kind)
		}
	}
	slices.Sort(out)
	return out
}

// dayTime is an hour of day 100.
func dayTime(hour int) time.Time { return time.Unix(100*86400+int64(hour)*3600, 0).UTC() }
