package plantest

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/recommend"
)

const (
	bigDays  = 95
	bigRules = 20 // of a group; EC2 allows 60 a direction unless asked for more
)

// Big is a plan of so many groups with 20 rules each, about half of them with a change, of the shapes that reviews have.
// Equal seeds give equal plans.
func Big(groups int, seed uint64) *recommend.Plan {
	b := big{rnd: rand.New(rand.NewPCG(seed, 0)), since: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	p := &recommend.Plan{
		SchemaVersion: recommend.SchemaVersion, ID: fmt.Sprintf("plan-%012x", seed), Tool: "sgtrim",
		Window: recommend.Window{Since: b.since, Until: b.since.AddDate(0, 0, bigDays), Days: bigDays}, Expires: b.since.AddDate(0, 0, bigDays+7),
		Policy: recommend.Policy{Level: "balanced", Egress: "report", PortsDays: 30, PeersDays: 45, UnusedDays: 90},
		Proof:  recommend.Proof{Holds: true, Needs: 1_000_000, Rules: groups * bigRules, Subsets: "every subset of the changes"},
		Notes:  []string{"Rule age is unknown (no history of the estate was given): a rule made in the last 14 days looks like any other."},
	}
	for i := range groups {
		b.group(p, i)
	}
	t := &p.Totals
	t.Groups, t.Rules, t.Interfaces = groups, groups*bigRules, 2*groups
	t.Kept = t.Rules - len(p.Changes)
	for i := range p.Changes {
		switch p.Changes[i].Status {
		case recommend.Proposed:
			t.Proposed++
		case recommend.Review:
			t.Review++
		case recommend.Held:
			t.Held++
		}
	}
	b.picture(p)
	p.Exposure.Before = recommend.ExposureFigures{Rules: t.Rules / 2, WorldOpenV4: groups, AdminOpen: groups / 10, Reachable: int64(groups) * 40, Log2Space: 48.2}
	p.Exposure.After = recommend.ExposureFigures{Rules: t.Rules / 3, WorldOpenV4: groups / 2, AdminOpen: groups / 90, Reachable: int64(groups), Log2Space: 40.7}
	p.Exposure.AfterReview = p.Exposure.After
	return p
}

type big struct {
	rnd   *rand.Rand
	since time.Time
}

func (b *big) group(p *recommend.Plan, i int) {
	teams := []string{"shop", "payments", "search", "warehouse", "identity", "reporting", "legacy", "platform"}
	tiers := []string{"web", "app", "db", "cache", "queue", "batch", "bastion", "alb"}
	id := func(kind string) string { return fmt.Sprintf("%s-%017x", kind, b.rnd.Uint64()>>4) }
	g := recommend.Group{
		ID: id("sg"), Name: fmt.Sprintf("%s-%s-%d", teams[b.rnd.IntN(len(teams))], tiers[b.rnd.IntN(len(tiers))], i),
		Account: fmt.Sprintf("1234567890%02d", i*8/2500), Region: "eu-central-1", VPC: fmt.Sprintf("vpc-%017x", i%12),
		Interfaces: []string{id("eni"), id("eni")}, Coverage: 1,
	}
	if b.rnd.IntN(20) == 0 {
		g.Coverage = 0.9321
	}
	for j := range bigRules {
		r := recommend.Rule{
			ID: id("sgr"), Direction: analyze.Ingress, Service: fmt.Sprintf("tcp %d", 1000+37*j), Peer: fmt.Sprintf("10.%d.0.0/16", b.rnd.IntN(200)),
			Description: "opened for ticket OPS-" + fmt.Sprint(b.rnd.IntN(9999)), Use: b.use(),
		}
		if j%5 == 4 {
			r.Direction, r.Peer = analyze.Egress, "0.0.0.0/0"
		}
		if b.rnd.IntN(2) == 0 {
			c := b.change(&g, &r)
			r.Change = c.ID
			p.Changes = append(p.Changes, c)
		} else {
			r.Kept = "the reference is in use; members are the group's own affair"
		}
		if r.Use.Peers > 0 && len(p.Groups)*bigRules < 5000 {
			r.Map = &recommend.UseMap{Ports: r.Use.Ports, Addresses: [][]int{{r.Use.Peers, 0}, {3, 1}},
				Peers: []recommend.MapPeer{{Name: "shop-app", Addresses: r.Use.Peers}, {Name: "subnet app-a", Addresses: 4}}}
		}
		g.Rules = append(g.Rules, r)
	}
	p.Groups = append(p.Groups, g)
}

func (b *big) use() recommend.Use {
	if b.rnd.IntN(3) == 0 {
		return recommend.Use{}
	}
	u := recommend.Use{
		Hits: 1 + b.rnd.IntN(400), Peers: 1 + b.rnd.IntN(90), Ports: []string{"tcp 443", "tcp 8443"}, Flows: 1 + b.rnd.Int64N(1e6), Bytes: b.rnd.Int64N(1e11),
		FirstSeen: b.since, LastSeen: b.since.AddDate(0, 0, bigDays-1),
	}
	u.Credited = u.Hits
	for d := b.rnd.IntN(7); d < bigDays; {
		last := min(d+b.rnd.IntN(30), bigDays-1)
		u.DayRuns = append(u.DayRuns, d, last)
		u.DaysSeen += last - d + 1
		d = last + 2 + b.rnd.IntN(20)
	}
	return u
}

func (b *big) change(g *recommend.Group, r *recommend.Rule) recommend.Change {
	old := recommend.RuleText{ID: r.ID, Service: r.Service, Peer: r.Peer, Description: r.Description}
	c := recommend.Change{
		ID: fmt.Sprintf("chg-%012x", b.rnd.Uint64()>>16), Kind: recommend.Unused, Status: recommend.Proposed, Account: g.Account, Region: g.Region,
		GroupID: g.ID, GroupName: g.Name, Direction: r.Direction, Old: []recommend.RuleText{old}, Evidence: r.Use, Selected: true,
		Space: recommend.Space{Before: 16, After: -1, Used: -1}, Risk: recommend.Risk{Connections: 1200, PeriodDays: bigDays},
		Reason: "no needed connection in the window was allowed by this rule",
	}
	if r.Use.Flows > 0 {
		c.Space.After, c.Space.Used, c.Risk.Expected, c.Risk.High = 8, 3.9, 0.0012, 0.004
		c.Kind, c.Reason = recommend.NarrowPeers, r.Peer+" is wider than what was needed: 15 addresses"
		for k := range 1 + b.rnd.IntN(3) {
			c.New = append(c.New, recommend.RuleText{Service: r.Service, Peer: fmt.Sprintf("10.9.%d.0/24", k), Description: r.Description, Why: "subnet"})
		}
	}
	switch n := b.rnd.IntN(10); {
	case r.Direction == analyze.Egress:
		c.Status, c.Release = recommend.Review, "egress is reported only; --egress ports or --egress full proposes it"
	case n < 2:
		c.Status, c.Release = recommend.Review, "a person decides about it"
		for k := range 8 {
			c.Denies = append(c.Denies, recommend.Traffic{Interface: g.Interfaces[0], Direction: r.Direction, Peer: fmt.Sprintf("10.9.8.%d", k),
				Service: r.Service, Strength: "established", Flows: 12, DaysSeen: 3, LastSeen: b.since})
		}
	case n < 4:
		c.Status, c.Release = recommend.Held, "45 days of flow logs (35 more), or --min-window 10d"
	}
	c.Selected = c.Status == recommend.Proposed
	return c
}

// picture fills what the report draws, up to the limits that recommend has.
func (b *big) picture(p *recommend.Plan) {
	draw := &p.Picture
	id := func() string { return p.Groups[b.rnd.IntN(len(p.Groups))].ID }
	for range min(2000, 3*len(p.Groups)) {
		draw.Talks = append(draw.Talks, recommend.Talk{From: id(), To: id(), Services: []string{"tcp 443"}, Conversations: 1 + b.rnd.IntN(500), Flows: 1000})
	}
	for i, g := range p.Groups {
		for _, eni := range g.Interfaces {
			row := recommend.CoverageRow{Interface: eni, Groups: []string{g.ID}, Share: 1, Runs: []int{0, bigDays - 1, 24}}
			if i%9 == 0 {
				row.Share, row.Runs = 0.91, []int{0, 20, 24, 21, 25, 7, 31, bigDays - 1, 24}
			}
			draw.Coverage = append(draw.Coverage, row)
		}
	}
	for n := range 6 {
		draw.Tradeoff = append(draw.Tradeoff, recommend.Tradeoff{MaxRules: 1 << n, Rules: 100 + 17*n, Log2Space: 40.2 - float64(n*n)/10})
	}
	test := &recommend.Backtest{Learn: recommend.Window{Days: 60}, Replay: recommend.Window{Days: 35}, Inside: true,
		Predicted: recommend.Risk{Expected: 0.002, High: 0.004, Connections: 9000, PeriodDays: 35}, Actual: recommend.Loss{Denied: 20, Connections: 9000, Share: 0.0022}}
	for i := range min(40, len(p.Changes)) {
		c := &p.Changes[i]
		x := b.rnd.Float64() / 50
		test.Changes = append(test.Changes, recommend.BacktestChange{ID: c.ID, Kind: c.Kind, Status: c.Status, GroupID: c.GroupID, GroupName: c.GroupName,
			Predicted: recommend.Risk{Expected: x, Low: x / 2, High: 2 * x}, Actual: recommend.Loss{Denied: 9, Connections: 900, Share: b.rnd.Float64() / 50}, Inside: i%7 > 0})
	}
	p.Backtest = test
}
