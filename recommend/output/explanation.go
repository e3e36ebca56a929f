package output

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/recommend"
	"github.com/sgtrim/sgtrim/recommend/explain"
)

// How many users of a rule are shown: of one asked about, and of one of many in a group. JSON has them all.
const (
	maxUsers      = 20
	maxGroupUsers = 3
)

// Explanation writes the answers to questions about a plan.
func Explanation(w io.Writer, a *explain.Answer, o SummaryOptions) error {
	s := explanation{summary{page: page{markdown: o.Markdown, color: o.Color && !o.Markdown, width: o.Width}, o: o}}
	for i := range a.Groups {
		s.group(&a.Groups[i])
	}
	for i := range a.Rules {
		s.rule(&a.Rules[i], maxUsers)
	}
	for i := range a.Flows {
		s.flow(&a.Flows[i])
	}
	if _, err := io.WriteString(w, strings.TrimLeft(s.b.String(), "\n")); err != nil {
		return fmt.Errorf("write explanation: %w", err)
	}
	return nil
}

// ExplanationJSON writes the answers as JSON.
func ExplanationJSON(w io.Writer, a *explain.Answer) error { return writeJSON(w, a) }

type explanation struct{ summary }

func (s *explanation) group(g *explain.Group) {
	s.heading(1, fmt.Sprintf("%s %s · %s %s %s", s.code(g.ID), s.code(g.Name), s.text(g.Account), s.text(g.Region), s.text(g.VPC)))
	if len(g.Interfaces) == 0 {
		s.para("No interface carries it: nothing can be seen of its use.")
	} else {
		s.para(fmt.Sprintf("Carried by %s, %s covered: %s.", several(len(g.Interfaces), "interface"), percent(g.Coverage), s.text(firstOf(g.Interfaces, 5))))
	}
	if len(g.Rules) == 0 {
		s.para("It has no rules.")
	}
	for i := range g.Rules {
		s.rule(&g.Rules[i], maxGroupUsers)
	}
}

// firstOf joins the first n texts and says how many more there are.
func firstOf(texts []string, n int) string {
	if len(texts) <= n {
		return strings.Join(texts, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(texts[:n], ", "), len(texts)-n)
}

func (s *explanation) rule(r *explain.Rule, users int) {
	s.heading(3, s.ref(&r.RuleRef))
	color := map[explain.Fate]string{explain.Removed: red, explain.Narrowed: yellow, explain.Kept: green}[r.Fate]
	s.para(s.strong(s.paint(string(r.Fate), color)) + ": " + s.text(r.Why))
	if c := &r.Change; c.ID != "" {
		s.change(c)
	}
	use := s.seen(r.Use)
	if r.Use.Hits+r.Use.MaybeHits > 0 {
		use += fmt.Sprintf(" · surely allows %s, of them %s that nothing else allows", several(r.Use.Hits, "conversation"), count(r.Use.SoleHits))
	}
	s.detail("seen: " + use)
	folded := foldUsers(r.Users)
	for i := range folded[:min(len(folded), users)] {
		s.detail(s.user(&folded[i], r.Direction))
	}
	if n := len(folded) - users; n > 0 {
		s.detail(count(n) + " more; --format json has them all")
	}
	s.blank()
}

// change says what the plan would make of the rule, and whether it does.
func (s *explanation) change(c *explain.Change) {
	text := fmt.Sprintf("%s %s %s, ", s.text(string(c.Status)), s.text(string(c.Kind)), s.code(c.ID))
	if c.Selected { // its reason is said above
		s.detail(text + "in the scripts")
	} else {
		s.detail(text + "not in the scripts: " + s.text(c.Reason))
	}
	var rows [][]string
	for _, n := range c.New {
		rows = append(rows, []string{"+", n.Service, named(n.Peer, n.PeerName), whyBeside(&n)})
	}
	if len(rows) > 0 {
		s.diff(rows)
	}
	if c.Release != "" {
		word := "released by: "
		if c.Status == recommend.Review {
			word = "to decide: "
		}
		s.detail(word + s.text(c.Release))
	}
	if c.Decision.Verdict != "" {
		s.detail(s.decision(&c.Decision))
	}
}

func named(id, name string) string {
	if name == "" || name == id {
		return id
	}
	return id + " (" + name + ")"
}

// ref is a rule in one line.
func (s *explanation) ref(r *explain.RuleRef) string {
	text := fmt.Sprintf("%s %s %s %s", s.code(named(r.GroupID, r.GroupName)), r.Direction, s.code(r.Service), s.code(named(r.Peer, r.PeerName)))
	if r.RuleID != "" {
		text += " " + s.code(r.RuleID)
	}
	if r.Description != "" {
		text += " " + s.text("“"+r.Description+"”")
	}
	return text
}

// folded are the uses of a rule by one peer and service for which the same holds, on all interfaces.
type folded struct {
	explain.User
	on int // interfaces
}

// foldUsers keeps the order of the heaviest of each.
func foldUsers(users []explain.User) []folded {
	type key struct{ peer, service, allowed, after, withReview string }
	at := map[key]int{}
	var out []folded
	for _, u := range users {
		k := key{u.Peer, u.Service, u.Allowed, u.After, u.WithReview}
		i, ok := at[k]
		if !ok {
			at[k] = len(out)
			out = append(out, folded{u, 1})
			continue
		}
		f := &out[i]
		f.on++
		f.Flows, f.DaysSeen, f.Others = f.Flows+u.Flows, max(f.DaysSeen, u.DaysSeen), min(f.Others, u.Others)
		if u.LastSeen.After(f.LastSeen) {
			f.LastSeen = u.LastSeen
		}
	}
	return out
}

func (s *explanation) user(u *folded, d analyze.Direction) string {
	way := "from"
	if d == analyze.Egress {
		way = "to"
	}
	on, days := named(u.Interface, u.InterfaceName), several(u.DaysSeen, "day")
	if u.on > 1 {
		on, days = several(u.on, "interface"), "up to "+days
	}
	text := fmt.Sprintf("%s %s %s on %s: %s, %s on %s, last on %s", s.code(u.Service), way, s.code(named(u.Peer, u.PeerName)), s.code(on),
		s.text(u.Strength), several(u.Flows, "flow"), days, date(u.LastSeen))
	switch {
	case u.Allowed != "yes":
		text += "; perhaps by this rule"
	case u.Others == 1:
		text += "; 1 more rule of the interface allows it"
	case u.Others > 1:
		text += fmt.Sprintf("; %s more rules of the interface allow it", count(u.Others))
	}
	if u.After != u.Allowed || u.WithReview != u.After {
		text += "; " + s.then(u.After, u.WithReview)
	}
	return text
}

// then says what is allowed after the plan, and with review where that differs.
func (s *explanation) then(after, withReview string) string {
	text := "after the plan: " + s.verdict(after)
	if withReview != after {
		text += ", with all for review: " + s.verdict(withReview)
	}
	return text
}

var verdictWords = map[string]string{
	"yes": "allowed", "maybe": "perhaps allowed", "no": "denied", "partly": "allowed for some", "unknown": "not known",
}

func (s *explanation) verdict(v string) string {
	color := map[string]string{"yes": green, "no": red}[v]
	if color == "" {
		color = yellow
	}
	return s.paint(verdictWords[v], color)
}

func (s *explanation) flow(f *explain.FlowAnswer) {
	s.heading(1, s.code(f.Flow))
	s.para("Now: " + s.strong(s.verdict(f.Now)) + " · " + s.then(f.After, f.WithReview))
	for i := range f.Sides {
		s.side(&f.Sides[i])
	}
	for _, n := range f.Notes {
		s.item("Note: " + s.text(n))
	}
	s.blank()
}

func (s *explanation) side(d *explain.Side) {
	way, other := "Into", "from"
	if d.Direction.String() == "egress" {
		way, other = "Out of", "to"
	}
	s.heading(3, fmt.Sprintf("%s %s, %s %s", way, s.code(firstOf(d.Interfaces, 3)), other, s.code(firstOf(d.Peers, 3))))
	s.rules("now", &d.Now)
	if same(&d.Now, &d.After) {
		s.detail("after the plan: the same")
	} else {
		s.rules("after the plan", &d.After)
	}
	if !same(&d.After, &d.WithReview) {
		s.rules("with all for review", &d.WithReview)
	}
	for i := range d.Lost {
		l := &d.Lost[i]
		s.detail(fmt.Sprintf("%s (%s %s) takes %s: %s", s.code(l.ChangeID), l.Status, l.Kind, s.ref(&l.RuleRef), s.text(l.Reason)))
	}
	for i := range d.Near {
		s.detail("comes near: " + s.ref(&d.Near[i].RuleRef) + ", but " + s.text(d.Near[i].But))
	}
	switch x := &d.Seen; {
	case x.Flows > 0:
		s.detail(fmt.Sprintf("seen: %s on %s, last on %s (%s)", several(x.Flows, "flow"), several(x.DaysSeen, "day"), date(x.LastSeen), s.text(x.Strength)))
	case x.Rejected > 0:
		s.detail(fmt.Sprintf("seen: rejected, %s", several(x.Rejected, "flow")))
	default:
		s.detail("seen: never in the window")
	}
	s.blank()
}

func same(a, b *explain.Verdict) bool {
	return a.Allowed == b.Allowed && slices.Equal(a.By, b.By)
}

func (s *explanation) rules(when string, v *explain.Verdict) {
	if len(v.By) == 0 {
		s.detail(when + ": " + s.verdict(v.Allowed) + ", no rule allows it")
		return
	}
	for i := range v.By {
		text := when + ": " + s.verdict(v.Allowed) + " by " + s.ref(&v.By[i])
		if v.By[i].ChangeID != "" {
			text += ", new with " + s.code(v.By[i].ChangeID)
		}
		s.detail(text)
	}
}
