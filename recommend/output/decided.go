package output

import (
	"fmt"

	"github.com/sgtrim/sgtrim/recommend"
)

// selection says what is in the patches where that is not just what is proposed.
func (s *summary) selection() {
	var reviewed, left int
	for i := range s.p.Changes {
		switch c := &s.p.Changes[i]; {
		case c.Selected && c.Status == recommend.Review:
			reviewed++
		case !c.Selected && c.Status == recommend.Proposed:
			left++
		}
	}
	if reviewed+left == 0 {
		return
	}
	text := fmt.Sprintf("In the scripts: %s, of them %s for review; %s kept out.", several(s.p.Proof.Selected, "change"), count(reviewed),
		several(left, "proposed change"))
	if n := s.p.Proof.SelectedDenies; n > 0 {
		text += " " + s.strong(s.paint(fmt.Sprintf("These deny %s of seen traffic, listed with the changes.", several(n, "row")), yellow))
	}
	s.para(text)
}

// decisions lists what people decided and what came of it; what does not hold any more comes first.
func (s *summary) decisions() {
	if len(s.p.Decisions) == 0 {
		return
	}
	s.heading(2, "Decisions")
	for _, inForce := range []bool{false, true} {
		for i := range s.p.Decisions {
			d := &s.p.Decisions[i]
			if d.InForce() != inForce {
				continue
			}
			name := s.code(d.ChangeID)
			if d.About != "" {
				name += " " + s.code(d.About)
			}
			s.item(name + ": " + s.decision(d))
		}
	}
	s.blank()
}

// decision is one as a sentence: "except until 2026-12-31 by ann (vendor access): kept out of the scripts".
func (s *summary) decision(d *recommend.Decision) string {
	word := string(d.Verdict)
	if d.Until != "" {
		word += " until " + d.Until
	}
	text := s.text(word) + " by " + s.text(d.By)
	if d.Reason != "" {
		text += " (" + s.text(d.Reason) + ")"
	}
	text += ": "
	if !d.InForce() {
		text += s.strong(s.paint(string(d.Outcome), yellow)) + ": "
	}
	return text + s.text(d.Effect)
}
