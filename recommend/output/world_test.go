package output

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/recommend"
)

const account = "123456789012"

// rule reads "ingress tcp 443 10.0.0.0/8 | description" as a rule of a group.
func rule(t testing.TB, group, text string) analyze.Rule {
	t.Helper()
	text, description, _ := strings.Cut(text, " | ")
	words := strings.Fields(text)
	r := analyze.Rule{Description: description}
	r.GroupID = group
	if err := r.Direction.UnmarshalText([]byte(words[0])); err != nil {
		t.Fatal(err)
	}
	var err error
	if r.Service, err = analyze.ParseService(strings.Join(words[1:len(words)-1], " ")); err != nil {
		t.Fatal(err)
	}
	switch peer := words[len(words)-1]; {
	case strings.HasPrefix(peer, "sg-"):
		r.Peer.GroupID = peer
	case strings.HasPrefix(peer, "pl-"):
		r.Peer.PrefixListID = peer
	default:
		r.Peer.Prefix = netip.MustParsePrefix(peer)
	}
	return r
}

// world is an estate under construction, and a plan for it.
type world struct {
	t testing.TB
	e *estate.Estate
	p *recommend.Plan
}

func newWorld(t testing.TB) *world {
	return &world{t: t,
		e: &estate.Estate{
			Scopes:      []estate.Scope{{Partition: "aws", Account: account, Region: "eu-west-1"}},
			Groups:      map[string]*estate.Group{},
			Interfaces:  map[string]*estate.Interface{},
			PrefixLists: map[string]*estate.PrefixList{},
		},
		p: &recommend.Plan{SchemaVersion: recommend.SchemaVersion, ID: "plan-1", Tool: "sgtrim test",
			Window:  recommend.Window{Since: day(1), Until: day(91), Days: 90},
			Expires: time.Now().Add(time.Hour), Proof: recommend.Proof{Holds: true}},
	}
}

func day(n int) time.Time { return time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, n-1) }

func (w *world) group(id, name string, rules ...string) *estate.Group {
	g := &estate.Group{ID: id, Name: name, Description: "of " + id, VPC: "vpc-1", Owner: account, Region: "eu-west-1", HasRuleIDs: true}
	for i, text := range rules {
		r := rule(w.t, id, text)
		r.ID = fmt.Sprintf("sgr-%s%02d", strings.TrimPrefix(id, "sg-"), i)
		g.Rules = append(g.Rules, r)
	}
	w.e.Groups[id] = g
	w.p.Groups = append(w.p.Groups, recommend.Group{ID: id, Name: name, Account: account, Region: "eu-west-1", VPC: "vpc-1", Coverage: 1})
	return g
}

func (w *world) eni(id string, groups ...string) {
	w.e.Interfaces[id] = &estate.Interface{ID: id, Owner: account, Groups: groups}
}

// change adds a change of a group: rules before " => " go, rules after it come; rules are separated by " + ".
func (w *world) change(group string, kind recommend.Kind, text string) *recommend.Change {
	c := recommend.Change{ID: fmt.Sprintf("c-%d", len(w.p.Changes)+1), Kind: kind, Status: recommend.Proposed, Account: account,
		Region: "eu-west-1", GroupID: group, GroupName: w.e.Groups[group].Name, Reason: "nothing seen needs more"}
	before, now, _ := strings.Cut(text, "=>")
	c.Old, c.New = w.texts(group, before), w.texts(group, now)
	for _, r := range append(c.Old, c.New...) {
		c.Direction = r.Rule.Direction
	}
	w.p.Changes = append(w.p.Changes, c)
	return &w.p.Changes[len(w.p.Changes)-1]
}

func (w *world) texts(group, list string) (texts []recommend.RuleText) {
	for _, text := range strings.Split(list, " + ") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		r := rule(w.t, group, text)
		for _, known := range w.e.Groups[group].Rules {
			if known.RuleKey == r.RuleKey {
				r = known
			}
		}
		texts = append(texts, recommend.RuleText{ID: r.ID, Service: r.Service.String(), Peer: r.Peer.String(),
			Description: r.Description, Tags: r.Tags, Rule: r})
	}
	return texts
}

// fake is the EC2 of the world.
func (w *world) fake() *fakeEC2 {
	f := &fakeEC2{Account: account, Rules: map[string][]fakeRule{}, Interfaces: map[string][]string{}, Lists: map[string]string{}}
	for id, g := range w.e.Groups {
		f.Rules[id] = []fakeRule{}
		for _, r := range g.Rules {
			f.Rules[id] = append(f.Rules[id], fakeRule{ID: r.ID, Line: line(r.RuleKey), Description: r.Description, Tags: r.Tags})
		}
	}
	for id, i := range w.e.Interfaces {
		f.Interfaces[id] = i.Groups
	}
	for id, l := range w.e.PrefixLists {
		f.Lists[id] = fmt.Sprint(l.Version)
	}
	return f
}

// randomWorld has groups with random changes of every shape that a plan may hold.
func randomWorld(t testing.TB, seed uint64, groups int) *world {
	rnd := rand.New(rand.NewPCG(seed, 1))
	w := newWorld(t)
	w.e.PrefixLists["pl-1"] = &estate.PrefixList{ID: "pl-1", Version: 3}
	for i := range groups {
		id := fmt.Sprintf("sg-%d", i)
		w.eni(fmt.Sprintf("eni-%d", i), id, "sg-0")
		var rules, kinds []string
		for j := range 2 + rnd.IntN(5) {
			d := []string{"ingress", "egress"}[rnd.IntN(2)]
			rules = append(rules, fmt.Sprintf("%s tcp %d-%d 10.%d.0.0/16 | d%d", d, 1000*j, 1000*j+999, i, j))
			narrow := func(n int) string { return fmt.Sprintf("%s tcp %d 10.%d.0.0/16", d, 1000*j+n, i) }
			switch rnd.IntN(6) {
			case 0:
				kinds = append(kinds, rules[j]+" =>")
			case 1:
				kinds = append(kinds, rules[j]+" => "+narrow(1))
			case 2:
				kinds = append(kinds, rules[j]+" => "+narrow(1)+" + "+narrow(2))
			case 3:
				kinds = append(kinds, rules[j]+fmt.Sprintf(" => %s tcp %d sg-%d", d, 1000*j+7, rnd.IntN(groups)))
			case 4:
				kinds = append(kinds, rules[j]+fmt.Sprintf(" => %s tcp %d pl-1", d, 1000*j+8))
			}
		}
		w.group(id, "g", rules...)
		for _, k := range kinds {
			c := w.change(id, recommend.NarrowPorts, k)
			if rnd.IntN(4) == 0 {
				c.Status = recommend.Review
			}
			if i > 0 && rnd.IntN(3) == 0 {
				r := w.e.Groups["sg-0"].Rules[0]
				c.DependsOn = []recommend.Dependency{{GroupID: "sg-0", RuleID: r.ID, Rule: r.RuleKey.String()}}
			}
		}
	}
	return w
}

// fillIn gives the plan figures, traffic and notes.
func (w *world) fillIn(seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 2))
	p := w.p
	use := func() recommend.Use {
		if rnd.IntN(3) == 0 {
			return recommend.Use{}
		}
		return recommend.Use{Hits: 12, Credited: 12, Peers: 3, Ports: []string{"tcp 443", "tcp 8000-8010"}, Flows: rnd.Int64N(1e7), Bytes: rnd.Int64N(1e12),
			DaysSeen: 1 + rnd.IntN(90), FirstSeen: day(2), LastSeen: day(90)}
	}
	traffic := func(cause string) recommend.Traffic {
		return recommend.Traffic{Interface: "eni-1", Direction: analyze.Ingress, Peer: "203.0.113.9", PeerName: "office", Service: "tcp 443",
			Strength: "established", Flows: 1200, DaysSeen: 4, LastSeen: day(80), Cause: cause}
	}
	for i := range p.Changes {
		c := &p.Changes[i]
		c.Evidence = use()
		c.Risk = recommend.Risk{Expected: 0.0007, Low: 0.0001, High: 0.0123, Connections: 1200, PeriodDays: 95}
		switch c.Status {
		case recommend.Review:
			c.Release, c.Denies = "somebody who knows the service says so", []recommend.Traffic{traffic("")}
			p.Totals.Review++
		case recommend.Held:
			p.Totals.Held++
		default:
			c.Selected = true
			p.Totals.Proposed++
			p.Proof.Selected++
		}
	}
	p.Risk = recommend.Risk{Expected: 0.0001, High: 0.002, Connections: 50112, PeriodDays: 95}
	p.Input = recommend.Input{Objects: 2160, Bytes: 1 << 30, Records: 1000100, Used: 1000000, CoverageOnly: 60, Outside: 30, Errors: 10,
		BadRecords: []string{"s3://b/k.log.gz:812: field srcaddr: no address"}, NotFlowLogs: []string{"s3://b/readme.txt"},
		Problems: []recommend.EstateProblem{{Source: "groups.json", Object: "sg-9", Cause: "an unknown source kind"}}}
	p.Totals.Groups, p.Totals.Rules, p.Totals.Interfaces, p.Totals.Conversations, p.Totals.Needs = len(p.Groups), 14, 3, 52340, 50112
	p.Totals.AmbiguousFlows, p.Totals.Unplaced, p.Totals.Kept = 12, 3, 4
	p.Exposure = recommend.Exposure{Before: recommend.ExposureFigures{Rules: 14, WorldOpenV4: 3, AdminOpen: 1, Reachable: 131072, Log2Space: 48.1234},
		After: recommend.ExposureFigures{Rules: 12, WorldOpenV4: 1, Reachable: 2, Log2Space: 31.5}, AfterReview: recommend.ExposureFigures{Rules: 11, Log2Space: 30}}
	p.Proof.Holds, p.Proof.Needs, p.Proof.Rules, p.Proof.Doubtful = true, 50112, 11, 2
	p.Unexplained = []recommend.Traffic{traffic("the connection is older than the window")}
	p.Rejected = []recommend.Traffic{traffic("")}
	p.Notes = []string{"No log covers eni-7: its groups sg-5 and sg-6 were not judged."}
}
