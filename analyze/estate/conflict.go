package estate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Conflict is a contradiction between two sources of the estate's history about one object. From From to Until either may have
// been so, and neither decides anything.
type Conflict struct {
	Object   string    `json:"object"` // an interface, a rule, a prefix list
	From     time.Time `json:"from"`
	Until    time.Time `json:"until"`
	Claims   []Claim   `json:"claims"` // two, in order of time
	Believed string    `json:"believed"`
	Why      string    `json:"why"`
}

// Claim is what one source says.
type Claim struct {
	Source string    `json:"source"`
	At     time.Time `json:"at"`
	Says   string    `json:"says"`
}

func (c Claim) String() string {
	return fmt.Sprintf("%s of %s: %s", c.Source, c.At.Format(time.RFC3339), c.Says)
}

func (c Conflict) String() string {
	return fmt.Sprintf("%s: %s; %s. From %s to %s sgtrim believes %s, for %s", c.Object, c.Claims[0], c.Claims[1],
		c.From.Format(time.RFC3339), c.Until.Format(time.RFC3339), c.Believed, c.Why)
}

// maxConflicts is how many of them an estate keeps; all are counted.
const maxConflicts = 200

// report notes disputes about one object. Of those that overlap one is told: the time of all, and what the first two said.
func report[T any](h *historian, object string, found []dispute[T], says func(mark[T]) string, believed, why string) {
	slices.SortStableFunc(found, func(a, b dispute[T]) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to), a.one.compare(b.one), a.two.compare(b.two))
	})
	claim := func(m mark[T]) Claim {
		c := Claim{m.origin.String(), unix(m.at), says(m)}
		if m.origin == fromConfig && m.lag > 0 && m.value != nil {
			c.Says += ", and so until the next item"
		}
		return c
	}
	for k := 0; k < len(found); {
		d := found[k]
		for k++; k < len(found) && found[k].from <= d.to; k++ {
			d.to = max(d.to, found[k].to)
		}
		h.conflicts = append(h.conflicts, Conflict{object, unix(d.from), unix(d.to), []Claim{claim(d.one), claim(d.two)}, believed, why})
	}
}

// reportConflicts gives them to the estate, in order of time.
func (h *historian) reportConflicts() {
	slices.SortStableFunc(h.conflicts, func(a, b Conflict) int {
		return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.Object, b.Object), a.Until.Compare(b.Until))
	})
	h.b.e.History.Conflicts = len(h.conflicts)
	h.b.e.Conflicts = h.conflicts[:min(len(h.conflicts), maxConflicts)]
}

const (
	believedEither = "that either may have been so"
	whyEither      = "it cannot tell which of the two is wrong"
	believedThere  = "that it was there all along, as before or as after"
	whyThere       = "the id of an interface is never used again"
)

func interfaceSays(m mark[Interface]) string {
	if m.value == nil {
		return "it is not there"
	}
	s := "groups " + cmp.Or(strings.Join(m.value.Groups, " "), "none")
	if m.origin != fromTrail || !m.begins {
		s = "addresses " + cmp.Or(addrText(m.value), "none") + ", " + s
	}
	return s
}

func addrText(i *Interface) string {
	var out []string
	for _, a := range i.Addrs {
		out = append(out, a.String())
	}
	for _, p := range i.Prefixes {
		out = append(out, p.String())
	}
	return strings.Join(out, " ")
}

func ruleSays(m mark[bool]) string {
	switch {
	case m.value == nil && m.begins:
		return "it was revoked"
	case m.value == nil:
		return "it is not there"
	case m.begins:
		return "it was made"
	}
	return "it is there"
}

func listSays(m mark[PrefixList]) string {
	if m.value == nil {
		return "its entries are not told"
	}
	var entries []string
	for _, p := range m.value.Entries {
		entries = append(entries, p.String())
	}
	const shown = 5
	if n := len(entries) - shown; n > 0 {
		entries = append(entries[:shown:shown], fmt.Sprintf("and %d more", n))
	}
	return "entries " + cmp.Or(strings.Join(entries, " "), "none")
}
