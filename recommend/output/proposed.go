package output

import (
	"fmt"
	"io"

	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/recommend"
)

// ProposedJSON writes proposed.json: the whole state after the included changes (those that the scripts make), every group of the estate, in the shape of
// aws ec2 describe-security-groups. Rules that the model cannot express are passed on as they were read.
func ProposedJSON(w io.Writer, p *recommend.Plan, e *estate.Estate, include Include) error {
	state := Filled(p).State(e, include)
	groups := make([]*estate.Group, 0, len(e.Groups))
	for id, g := range e.Groups {
		now := *g
		now.Rules = state[id]
		groups = append(groups, &now)
	}
	text, err := estate.DescribeSecurityGroups(groups)
	if err != nil {
		return fmt.Errorf("proposed state: %w", err)
	}
	if _, err := w.Write(text); err != nil {
		return fmt.Errorf("write proposed state: %w", err)
	}
	return nil
}
