package browser

import (
	"fmt"
	"strings"
	"testing"
	"unicode"

	"github.com/sgtrim/sgtrim/recommend/output/report/plantest"
)

// Hostile texts, each in every place: none runs, fetches or hides anything, and the page shows it as it is.
func TestHostileTextsDoNothing(t *testing.T) {
	b := open(t, plantest.Hostile(0))
	elements := ""
	for round := range plantest.Texts {
		p := plantest.Hostile(round)
		b.show(p)
		for _, view := range []string{"#pictures", "#traffic", "#input", "#changes?show=decide,ready,egress,held,kept"} {
			b.script(`location.hash = "` + view + `"`)
			b.run(b.until(`[...document.querySelectorAll("details")].every((d) => { d.open = true; return d.children.length > 1; })`))
		}
		if title := value[string](b, "document.title"); title == plantest.Owned {
			t.Fatalf("round %d: a text ran", round)
		}
		// What the page is made of does not depend on the texts.
		got := value[string](b, `[...new Set([...document.querySelectorAll("*")].map((e) => e.localName))].sort().join(" ")`)
		if elements == "" {
			elements = got
		} else if got != elements {
			t.Errorf("round %d: the page has %s; before it had %s", round, got, elements)
		}
		if !value[bool](b, `document.querySelector(".change").checkVisibility()`) {
			t.Errorf("round %d: the changes cannot be seen", round)
		}
		names := value[[]string](b, `[...document.querySelectorAll(".group h3 > bdi")].map((e) => e.textContent)`)
		for _, g := range p.Groups {
			if want := shown(g.Name); names[0] != want && names[1] != want {
				t.Errorf("round %d: the page shows the groups %q, but not %q", round, names, want)
			}
		}
	}
	b.quiet()
}

// shown is a text as a page may show it: what does not print is escaped.
func shown(s string) string {
	var b strings.Builder
	for _, r := range s { // of a broken byte, U+FFFD
		switch {
		case r == ' ' || unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u{%x}`, r)
		}
	}
	return b.String()
}
