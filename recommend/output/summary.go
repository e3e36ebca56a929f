package output

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/recommend"
)

// SummaryOptions shape the summary. The zero value is plain text without colour, unwrapped and whole.
type SummaryOptions struct {
	Markdown bool // for summary.md or a pull request; else for a terminal
	Color    bool // of a terminal
	Width    int  // of a terminal's lines; 0 does not wrap
	Groups   int  // show the changes of so many groups at most; 0 is all
}

// maxTraffic is how many rows of seen traffic a list of the summary shows; recommendations.json has them all.
const maxTraffic = 20

// maxDenied is how many rows of traffic that a change would deny the summary shows.
const maxDenied = 5

// Summary writes what a person wants to know of a plan: what it changes and gains, what it rests on, what was not judged.
func Summary(w io.Writer, p *recommend.Plan, o SummaryOptions) error {
	p = Filled(p)
	s := summary{page: page{markdown: o.Markdown, color: o.Color && !o.Markdown, width: o.Width}, p: p, o: o}
	s.headline()
	s.input()
	s.changes()
	s.egress()
	s.held()
	s.decisions()
	s.structure()
	s.traffic("Accepted traffic that no rule explains", p.Unexplained)
	s.traffic("Rejected again and again: rules that may be missing, or scanners", p.Rejected)
	s.notes()
	text := strings.TrimLeft(s.b.String(), "\n")
	if _, err := io.WriteString(w, text); err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}

type summary struct {
	page
	p *recommend.Plan
	o SummaryOptions
}

func (s *summary) headline() {
	t := s.p.Totals
	s.heading(1, "sgtrim: "+several(t.Groups, "group")+", "+several(t.Rules, "rule")+", "+several(t.Interfaces, "interface"))
	s.para(fmt.Sprintf("%s proposed · %s to review · %s held · %s kept as they are",
		s.strong(several(t.Proposed, "change")), s.strong(count(t.Review)), s.strong(count(t.Held)), several(t.Kept, "rule")))
	if s.p.Proof.Holds {
		s.para(fmt.Sprintf("Proof: nothing that was seen and is needed would be denied (%s and %s checked; %s that only a doubtful match allows, all kept).",
			several(s.p.Proof.Needs, "conversation"), several(s.p.Proof.Rules, "rule"), count(s.p.Proof.Doubtful)))
	} else {
		s.para(s.strong(s.paint("The proof does not hold. Do not apply this plan.", red)))
	}
	if s.p.Risk.PeriodDays > 0 {
		s.para(fmt.Sprintf("Expected loss: of the connections of the next %s, the changes in the scripts would deny %s.",
			several(s.p.Risk.PeriodDays, "day"), shareRange(s.p.Risk)))
	}
	s.selection()
	s.heading(2, "Exposure")
	x := s.p.Exposure
	figures := []struct {
		name string
		of   func(f recommend.ExposureFigures) string
	}{
		{"ingress rules", func(f recommend.ExposureFigures) string { return count(f.Rules) }},
		{"rules open to the world, IPv4", func(f recommend.ExposureFigures) string { return count(f.WorldOpenV4) }},
		{"rules open to the world, IPv6", func(f recommend.ExposureFigures) string { return count(f.WorldOpenV6) }},
		{"with admin or database ports", func(f recommend.ExposureFigures) string { return count(f.AdminOpen) }},
		{"interface × port pairs the world reaches", func(f recommend.ExposureFigures) string { return count(f.Reachable) }},
		{"allowed space, IPv4 (log2)", func(f recommend.ExposureFigures) string { return strconv.FormatFloat(f.Log2Space, 'f', 1, 64) }},
		{"allowed space, IPv6 (log2)", func(f recommend.ExposureFigures) string { return strconv.FormatFloat(f.Log2SpaceV6, 'f', 1, 64) }},
	}
	var rows [][]string
	for _, f := range figures {
		rows = append(rows, []string{f.name, f.of(x.Before), f.of(x.After), f.of(x.AfterReview)})
	}
	s.table([]string{"", "before", "after", "with review"}, rows)
}

func (s *summary) input() {
	s.heading(2, "What it rests on")
	p, in := s.p, s.p.Input
	s.para(fmt.Sprintf("Traffic from %s to %s, %s with records; %s, of them %s needed.", stamp(p.Window.Since), stamp(p.Window.Until),
		several(p.Window.Days, "day"), several(p.Totals.Conversations, "conversation"), count(p.Totals.Needs)))
	if p.Totals.AmbiguousFlows > 0 || p.Totals.Unplaced > 0 {
		s.para(fmt.Sprintf("In doubt, and so only ever keeping a permission: %s whose opener is not clear; %s that no interface holds.",
			several(p.Totals.AmbiguousFlows, "conversation"), several(p.Totals.Unplaced, "private peer")))
	}
	s.para(fmt.Sprintf("%s in %s: %s used as evidence + %s for coverage alone + %s outside the window + %s with errors.",
		several(in.Records, "record"), several(in.Objects, "object"), count(in.Used), count(in.CoverageOnly), count(in.Outside), count(in.Errors)))
	if sum := in.Used + in.CoverageOnly + in.Outside + in.Errors; sum != in.Records {
		s.para(s.strong(s.paint(fmt.Sprintf("These do not add up: %s of %s. This is a bug of sgtrim; please report it.", count(sum), count(in.Records)), red)))
	}
	s.list(in.BadRecords, "bad record", "Skipped: ")
	s.list(in.NotFlowLogs, "object", "No flow log: ")
	var problems []string
	for _, q := range in.Problems {
		problems = append(problems, q.Source+": "+q.Object+": "+q.Cause)
	}
	s.list(problems, "object", "Not understood or missing: ")
	var conflicts []string
	for _, c := range p.Conflicts {
		conflicts = append(conflicts, c.String())
	}
	s.list(conflicts, "contradiction", "Sources contradict each other: ")
	s.blank()
}

// list shows the first of some hostile lines.
func (s *summary) list(lines []string, what, prefix string) {
	const shown = 10
	for _, l := range lines[:min(len(lines), shown)] {
		s.item(prefix + s.code(l))
	}
	if n := len(lines) - shown; n > 0 {
		s.item(several(n, "more "+what) + " in recommendations.json")
	}
}

func (s *summary) changes() {
	s.heading(2, "Changes")
	var order []string
	byGroup := map[string][]*recommend.Change{}
	for i := range s.p.Changes {
		c := &s.p.Changes[i]
		if c.Status == recommend.Held || s.onlyReported(c) {
			continue
		}
		if byGroup[c.GroupID] == nil {
			order = append(order, c.GroupID)
		}
		byGroup[c.GroupID] = append(byGroup[c.GroupID], c)
	}
	if len(order) == 0 {
		s.para("None.")
	}
	// What is in the patches comes first: groups with proposed changes, and these first within a group.
	proposedFirst := func(a, b *recommend.Change) int { return cmp.Compare(rank(a), rank(b)) }
	for _, list := range byGroup {
		slices.SortStableFunc(list, proposedFirst)
	}
	slices.SortStableFunc(order, func(a, b string) int { return proposedFirst(byGroup[a][0], byGroup[b][0]) })
	for i, id := range order {
		if s.o.Groups > 0 && i == s.o.Groups {
			s.para(fmt.Sprintf("… and changes of %s more; recommendations.json has them all.", several(len(order)-i, "group")))
			return
		}
		s.group(id, byGroup[id])
	}
}

func rank(c *recommend.Change) int {
	if c.Status == recommend.Proposed {
		return 0
	}
	return 1
}

func (s *summary) group(id string, changes []*recommend.Change) {
	title := s.code(id) + " " + s.code(changes[0].GroupName)
	if i := slices.IndexFunc(s.p.Groups, func(g recommend.Group) bool { return g.ID == id }); i >= 0 {
		g := s.p.Groups[i]
		title += fmt.Sprintf(" · %s %s %s · %s, %s covered", s.text(g.Account), s.text(g.Region), s.text(g.VPC),
			several(len(g.Interfaces), "interface"), percent(g.Coverage))
	}
	s.heading(3, title)
	for _, c := range changes {
		s.change(c)
	}
}

func percent(share float64) string { return shareText(share) + " %" }

// shareText is a share of four digits in hundredths.
func shareText(share float64) string { return strconv.FormatFloat(100*share, 'g', 4, 64) }

func (s *summary) change(c *recommend.Change) {
	status := s.paint(string(c.Status), map[recommend.Status]string{recommend.Proposed: green, recommend.Review: yellow}[c.Status])
	s.para(fmt.Sprintf("%s %s: %s %s", s.strong(status), s.text(string(c.Kind)), s.text(c.Reason), s.paint("("+s.code(c.ID)+")", dim)))
	s.diff(diffRows(c))
	s.detail("seen: " + s.seen(c.Evidence))
	switch {
	case c.Risk.Vague:
		s.detail(fmt.Sprintf("risk: too little traffic to tell: %s through the group in %s", several(int(c.Risk.Connections), "connection"), several(c.Risk.PeriodDays, "day")))
	case c.Risk.High > 0:
		s.detail(fmt.Sprintf("risk: denies %s of the group's %s in the next %s", shareRange(c.Risk), c.Direction, several(c.Risk.PeriodDays, "day")))
	}
	if c.Release != "" {
		label := "to decide: "
		if c.Status == recommend.Held {
			label = "released by: "
		}
		s.detail(label + s.text(c.Release))
	}
	if c.Decision.Verdict != "" {
		s.detail(s.decision(&c.Decision))
	}
	if address := managedBy(c); address != "" {
		s.detail("managed by Terraform: " + s.code(address))
	}
	for _, r := range c.Remarks {
		s.detail(s.text(r))
	}
	for _, d := range c.DependsOn {
		text := "leans on " + s.code(d.Rule)
		if d.Owner != "" {
			text += ", of " + s.text(d.Owner)
		}
		s.detail(text)
	}
	for i, t := range c.Denies {
		if i == maxDenied {
			s.detail("would also deny " + count(len(c.Denies)-i) + " more, listed in recommendations.json")
			break
		}
		s.detail("would deny " + s.row(t))
	}
	s.blank()
}

// whyBeside is why a rule has its peer, where the peer's name beside it does not say so already.
func whyBeside(t *recommend.RuleText) string {
	for word := range strings.FieldsSeq(t.Why) {
		if word != "group" && !strings.Contains(t.PeerName, word) {
			return t.Why
		}
	}
	return ""
}

// diffRows are the rules of a change as rows of a diff.
func diffRows(c *recommend.Change) [][]string {
	var rows [][]string
	add := func(sign string, t recommend.RuleText, note string) {
		rows = append(rows, []string{sign, c.Direction.String(), t.Service, named(t.Peer, t.PeerName), note})
	}
	for _, t := range c.Old {
		add("-", t, strings.TrimSpace(t.ID+" "+t.Description))
	}
	for _, t := range c.New {
		add("+", t, whyBeside(&t))
	}
	if len(rows) == 0 {
		rows = append(rows, []string{" ", "no rule"})
	}
	return rows
}

// seen tells what of a rule's use was seen.
func (s *summary) seen(u recommend.Use) string {
	if u.Flows == 0 && u.Hits == 0 && u.MaybeHits == 0 {
		return "no use in the window"
	}
	parts := []string{several(u.Peers, "peer")}
	if len(u.Ports) > 0 {
		parts = append(parts, s.text(strings.Join(u.Ports, ", ")))
	}
	parts = append(parts, several(u.Flows, "flow"), "on "+several(u.DaysSeen, "day"))
	if !u.LastSeen.IsZero() {
		parts = append(parts, "last on "+date(u.LastSeen))
	}
	if u.MaybeHits > 0 {
		parts = append(parts, several(u.MaybeHits, "doubtful use")+" kept")
	}
	return strings.Join(parts, " · ")
}

func date(t time.Time) string {
	if t.IsZero() {
		return "an unknown day"
	}
	return t.UTC().Format("2006-01-02")
}

// onlyReported: findings on egress that the policy reports and never proposes. A line each is enough: nearly every group has
// the rule for all egress that EC2 gives it.
func (s *summary) onlyReported(c *recommend.Change) bool {
	return c.Direction == analyze.Egress && c.Status == recommend.Review && s.p.Policy.Egress == "report" && !c.Selected
}

func (s *summary) egress() {
	var list []*recommend.Change
	for i := range s.p.Changes {
		if c := &s.p.Changes[i]; s.onlyReported(c) {
			list = append(list, c)
		}
	}
	if len(list) == 0 {
		return
	}
	s.heading(2, "Egress: reported, not proposed (--egress ports or --egress full proposes)")
	shown := len(list)
	if s.o.Groups > 0 {
		shown = min(shown, 5*s.o.Groups)
	}
	for _, c := range list[:shown] {
		s.item(fmt.Sprintf("%s %s, %s: %s (%s)", s.code(c.GroupID), s.code(c.GroupName), s.code(ruleNames(c)), s.text(c.Reason), s.code(c.ID)))
	}
	if n := len(list) - shown; n > 0 {
		s.item(count(n) + " more in recommendations.json")
	}
	s.blank()
}

func ruleNames(c *recommend.Change) string {
	names := make([]string, 0, len(c.Old))
	for _, t := range c.Old {
		names = append(names, c.Direction.String()+" "+t.Service+" "+named(t.Peer, t.PeerName))
	}
	return strings.Join(names, ", ")
}

func (s *summary) held() {
	var list []*recommend.Change
	for i := range s.p.Changes {
		if s.p.Changes[i].Status == recommend.Held {
			list = append(list, &s.p.Changes[i])
		}
	}
	if len(list) == 0 {
		return
	}
	s.heading(2, "Held: the evidence is not enough yet")
	shown := len(list)
	if s.o.Groups > 0 {
		shown = min(shown, 5*s.o.Groups)
	}
	for _, c := range list[:shown] {
		s.item(fmt.Sprintf("%s %s, %s %s: %s %s", s.code(c.GroupID), s.code(c.GroupName), s.text(string(c.Kind)), s.code(ruleNames(c)),
			s.text(sentence(c.Reason)), s.text(release(c))))
	}
	if n := len(list) - shown; n > 0 {
		s.item(count(n) + " more in recommendations.json")
	}
	s.blank()
}

func release(c *recommend.Change) string {
	if c.Release == "" {
		return ""
	}
	return "Released by: " + sentence(c.Release)
}

func sentence(s string) string {
	if s == "" || strings.ContainsRune(".!?", rune(s[len(s)-1])) {
		return s
	}
	return s + "."
}

func (s *summary) traffic(title string, list []recommend.Traffic) {
	if len(list) == 0 {
		return
	}
	s.heading(2, title)
	for _, t := range list[:min(len(list), maxTraffic)] {
		s.item(s.row(t))
	}
	if n := len(list) - maxTraffic; n > 0 {
		s.item(count(n) + " more in recommendations.json")
	}
	s.blank()
}

func (s *summary) row(t recommend.Traffic) string {
	peer := s.code(t.Peer)
	if t.PeerName != "" {
		peer += " (" + s.code(t.PeerName) + ")"
	}
	way := "from"
	if t.Direction.String() == "egress" {
		way = "to"
	}
	text := fmt.Sprintf("%s %s %s %s, %s: %s, %s on %s, last on %s", s.code(t.Interface), s.code(t.Service), way, peer, t.Direction,
		s.text(t.Strength), several(t.Flows, "flow"), several(t.DaysSeen, "day"), date(t.LastSeen))
	if t.Cause != "" {
		text += ": " + s.text(t.Cause)
	}
	return text
}

func (s *summary) notes() {
	if len(s.p.Notes) == 0 && !slices.ContainsFunc(s.p.Groups, func(g recommend.Group) bool { return g.Protected != "" }) {
		return
	}
	s.heading(2, "What was not judged, and why")
	for _, n := range s.p.Notes {
		s.item(s.text(n))
	}
	for _, g := range s.p.Groups {
		if g.Protected != "" {
			s.item(fmt.Sprintf("%s %s is protected: %s", s.code(g.ID), s.code(g.Name), s.text(g.Protected)))
		}
	}
	s.blank()
}
