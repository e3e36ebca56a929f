package output

import (
	"fmt"
	"strings"
)

// structure lists the advice about groups that would better be others.
func (s *summary) structure() {
	if len(s.p.Structure) == 0 {
		return
	}
	s.heading(2, "Structure: advice, not in the scripts")
	for _, a := range s.p.Structure {
		s.item(fmt.Sprintf("%s %s: %s", s.text(string(a.Kind)), s.code(firstOf(a.GroupIDs, 5)), s.text(a.Reason)))
		for _, p := range a.Parts {
			s.detail(fmt.Sprintf("%s (%s): %s, let in by %s", several(len(p.Interfaces), "interface"), s.code(firstOf(p.Interfaces, 5)),
				s.text(strings.Join(p.Services, ", ")), s.code(strings.Join(p.Rules, "; "))))
		}
	}
	s.blank()
}
