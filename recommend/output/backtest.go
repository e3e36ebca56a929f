package output

import (
	"fmt"
	"io"
	"strings"

	"github.com/sgtrim/sgtrim/recommend"
)

// Backtest writes how a plan of the first days did on the days after: in total, by change, and every change's denied traffic.
func Backtest(w io.Writer, b *recommend.Backtest, o SummaryOptions) error {
	s := summary{page: page{markdown: o.Markdown, color: o.Color && !o.Markdown, width: o.Width}, o: o}
	s.heading(1, fmt.Sprintf("Backtest: %s learned, %s replayed", several(b.Learn.Days, "day"), several(b.Replay.Days, "day")))
	s.para(fmt.Sprintf("Learned from %s to %s; replayed from %s to %s.", stamp(b.Learn.Since), stamp(b.Learn.Until),
		stamp(b.Replay.Since), stamp(b.Replay.Until)))
	s.para(fmt.Sprintf("All proposed changes together: expected to deny %s; denied %s of %s, %s.", shareRange(b.Predicted),
		s.strong(several(b.Actual.Denied, "connection")), count(b.Actual.Connections), inside(b.Inside, b.Actual)))
	s.heading(2, "By change")
	var rows [][]string
	for i := range b.Changes {
		c := &b.Changes[i]
		rows = append(rows, []string{
			s.code(c.ID), string(c.Status), string(c.Kind), s.text(c.GroupName), oldText(c.Old), predicted(c.Predicted),
			fmt.Sprintf("%s of %s", count(c.Actual.Denied), count(c.Actual.Connections)), inside(c.Inside, c.Actual),
		})
	}
	if len(rows) == 0 {
		s.para("None.")
	} else {
		s.table([]string{"change", "status", "kind", "group", "rule", "expected", "denied", ""}, rows)
	}
	for i := range b.Changes {
		if c := &b.Changes[i]; len(c.Denied) > 0 {
			s.traffic(fmt.Sprintf("Denied by %s (%s, %s)", c.ID, c.Status, c.GroupName), c.Denied)
		}
	}
	if _, err := io.WriteString(w, strings.TrimLeft(s.b.String(), "\n")); err != nil {
		return fmt.Errorf("write backtest: %w", err)
	}
	return nil
}

func oldText(old []recommend.RuleText) string {
	texts := make([]string, 0, len(old))
	for _, t := range old {
		texts = append(texts, t.Service+" "+t.Peer)
	}
	return strings.Join(texts, ", ")
}

// shareRange is a risk in a line: 0.02 % (0 to 0.3 %).
func shareRange(r recommend.Risk) string {
	return fmt.Sprintf("%s (%s to %s)", percent(r.Expected), shareText(r.Low), percent(r.High))
}

// predicted is the risk of one change, unless there was too little traffic to tell.
func predicted(r recommend.Risk) string {
	if r.Vague {
		return "too little traffic to tell"
	}
	return shareRange(r)
}

func inside(yes bool, l recommend.Loss) string {
	if yes {
		return percent(l.Share) + ", inside the interval"
	}
	return percent(l.Share) + ", outside the interval"
}
