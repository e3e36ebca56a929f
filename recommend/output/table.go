package output

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/sgtrim/sgtrim/recommend"
)

// Table writes the changes of a plan as plain text, a line each under a head, for eyes and for grep: no colours, no wrapping,
// columns parted by two spaces at least.
func Table(w io.Writer, p *recommend.Plan) error {
	rows := [][]string{{"STATUS", "KIND", "GROUP", "NAME", "CHANGE", "FLOWS", "DAYS", "DIRECTION", "RULES", "WHY"}}
	for _, c := range Filled(p).Changes {
		rows = append(rows, []string{string(c.Status), string(c.Kind), c.GroupID, c.GroupName, c.ID, strconv.FormatInt(c.Evidence.Flows, 10),
			strconv.Itoa(c.Evidence.DaysSeen), c.Direction.String(), becomes(&c), c.Reason})
	}
	for i := range rows {
		for j := range rows[i] {
			rows[i][j] = plain(rows[i][j])
			if j < len(rows[i])-1 {
				rows[i][j] += " "
			}
		}
	}
	for _, line := range columns(rows, nil) {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return fmt.Errorf("write table: %w", err)
		}
	}
	return nil
}

// becomes is what a change makes of its rules, in one line, with the names of their peers.
func becomes(c *recommend.Change) string {
	text := func(rules []recommend.RuleText) string {
		var list []string
		for _, t := range rules {
			list = append(list, t.Service+" "+named(t.Peer, t.PeerName))
		}
		return strings.Join(list, "; ")
	}
	before, after := text(c.Old), text(c.New)
	switch {
	case after == "":
		return before + " goes"
	case before == "":
		return after + " comes"
	}
	return before + " becomes " + after
}
