package output

import (
	"fmt"
	"io"
	"strings"

	"github.com/sgtrim/sgtrim/recommend"
)

// maxMarkdown is how long Markdown for a pull request may get, in bytes: GitHub refuses comments of more than 65,536 characters.
const maxMarkdown = 60000

// Markdown writes a plan as a comment on a pull request: the headline, what is gained, and every change with its rules as a
// diff, folded away by group. What is too much for one comment is counted at its end.
func Markdown(w io.Writer, p *recommend.Plan) error {
	p = Filled(p)
	s := summary{page: page{markdown: true}, p: p}
	s.headline()
	left := 0
	for _, status := range []recommend.Status{recommend.Proposed, recommend.Review, recommend.Held} {
		left += s.folded(status)
	}
	if left > 0 {
		s.para(fmt.Sprintf("… and %s more: too long for one comment. recommendations.json has them all.", several(left, "change")))
	}
	if _, err := io.WriteString(w, strings.TrimLeft(s.b.String(), "\n")); err != nil {
		return fmt.Errorf("write markdown: %w", err)
	}
	return nil
}

var markdownHeads = map[recommend.Status]string{
	recommend.Proposed: "Proposed: in apply.sh", recommend.Review: "For review: a person decides", recommend.Held: "Held: the evidence is not enough yet",
}

// folded writes the changes of one status, a fold for each group, and returns how many there was no room for.
func (s *summary) folded(status recommend.Status) (left int) {
	var groups [][]*recommend.Change
	for i := range s.p.Changes {
		c := &s.p.Changes[i]
		switch n := len(groups); {
		case c.Status != status:
		case n > 0 && groups[n-1][0].GroupID == c.GroupID:
			groups[n-1] = append(groups[n-1], c)
		default:
			groups = append(groups, []*recommend.Change{c})
		}
	}
	if len(groups) == 0 {
		return 0
	}
	s.heading(2, markdownHeads[status])
	for _, list := range groups {
		fold := summary{page: page{markdown: true}, p: s.p}
		fmt.Fprintf(&fold.b, "<details><summary>%s %s: %s</summary>\n\n", markdownHTML(list[0].GroupID), markdownHTML(list[0].GroupName), several(len(list), "change"))
		for _, c := range list {
			fold.change(c)
		}
		fold.b.WriteString("</details>\n\n")
		if s.b.Len()+fold.b.Len() > maxMarkdown {
			left += len(list)
			continue
		}
		s.b.WriteString(fold.b.String())
	}
	return left
}
