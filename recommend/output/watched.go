package output

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/sgtrim/sgtrim/recommend"
	"github.com/sgtrim/sgtrim/recommend/watch"
)

// Watched writes what the logs after applying show, and how to take back what went wrong.
func Watched(w io.Writer, r *watch.Report, p *recommend.Plan, o SummaryOptions) error {
	s := watched{summary{page: page{markdown: o.Markdown, color: o.Color && !o.Markdown, width: o.Width}, p: p, o: o}}
	s.heading(1, fmt.Sprintf("%s: %s applied on %s, logs until %s", s.code(r.PlanID), several(r.Changes, "change"), stamp(r.Applied), stamp(r.LogsEnd)))
	if len(r.Rejects) == 0 {
		s.para(s.paint("Nothing that the old rules allowed was rejected by the new ones.", green))
	} else {
		s.para(s.strong(s.paint("Rejected since, and allowed by the old rules: "+several(len(r.Rejects), "kind")+" of traffic.", red)))
		s.rejects(r.Rejects)
		s.takeBack(r.Rejects)
	}
	if len(r.Doubtful) > 0 {
		s.heading(2, "Perhaps rejected by the changes, perhaps not")
		s.rejects(r.Doubtful)
	}
	s.heading(2, "What this says")
	if r.Other > 0 {
		s.item(fmt.Sprintf("Other rejected traffic, in which the changes have no part: %s.", several(r.Other, "kind")))
	}
	if r.LogsEnd.Before(r.WatchUntil) {
		s.item(fmt.Sprintf("Connections that were open outlive their rule for up to 5 days: watch until %s.", stamp(r.WatchUntil)))
	}
	s.item("Flow logs do not tell whether a security group or a network ACL rejected a packet.")
	if _, err := io.WriteString(w, strings.TrimLeft(s.b.String(), "\n")); err != nil {
		return fmt.Errorf("write watch: %w", err)
	}
	return nil
}

// WatchedJSON writes the report as JSON.
func WatchedJSON(w io.Writer, r *watch.Report) error { return writeJSON(w, r) }

type watched struct{ summary }

func (s *watched) rejects(list []watch.Reject) {
	for _, r := range list[:min(len(list), maxTraffic)] {
		way := "from"
		if r.Direction.String() == "egress" {
			way = "to"
		}
		s.item(fmt.Sprintf("%s %s %s on %s, %s: rejected %s, from %s to %s", s.code(r.Service), way, s.code(named(r.Peer, r.PeerName)),
			s.code(named(r.Interface, r.InterfaceName)), r.Direction, several(r.Flows, "time"), stamp(r.FirstSeen), stamp(r.LastSeen)))
		for _, rule := range r.Rules {
			s.detail("was allowed by " + s.code(rule))
		}
		if len(r.Changes) > 0 {
			s.detail("denied since " + s.text(strings.Join(r.Changes, ", ")))
		}
		if r.Doubt != "" {
			s.detail("in doubt: " + s.text(r.Doubt))
		}
	}
	if n := len(list) - maxTraffic; n > 0 {
		s.item(count(n) + " more; --format json has them all")
	}
	s.blank()
}

// takeBack names the rollback of every group at fault.
func (s *watched) takeBack(list []watch.Reject) {
	fault := map[string]bool{}
	for _, r := range list {
		for _, id := range r.Changes {
			fault[id] = true
		}
	}
	var lines []string
	for i := range s.p.Changes {
		c := &s.p.Changes[i]
		if !fault[c.ID] {
			continue
		}
		line := fmt.Sprintf("bash %s --only %s --apply", RollbackName(s.p, c, func(c *recommend.Change) bool { return c.Selected }), plain(c.GroupID))
		if !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	s.heading(2, "To take the changes of these groups back, in the folder of the plan")
	for _, l := range lines {
		s.item(s.code(l))
	}
	s.blank()
}
