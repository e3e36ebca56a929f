package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	cdp "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/recommend"
	"github.com/sgtrim/sgtrim/recommend/output/report/plantest"
)

// bucket is where a change stands in the report, told anew.
func bucket(c *recommend.Change) string {
	switch {
	case c.Status == recommend.Proposed:
		return "ready"
	case c.Status == recommend.Held:
		return "held"
	case c.Direction == analyze.Egress: // the plans of these tests only report egress
		return "egress"
	}
	return "decide"
}

// found says what the page says it found, told anew from the plan.
func found(p *recommend.Plan, matches func(*recommend.Change) bool) string {
	changes, groups := 0, map[string]bool{}
	for i := range p.Changes {
		if c := &p.Changes[i]; matches(c) {
			changes++
			groups[c.GroupID] = true
		}
	}
	return several(changes, "change") + " in " + several(len(groups), "group")
}

func several(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprint(n, " ", what)
}

const foundText = `document.getElementById("found").textContent`

func TestFilters(t *testing.T) {
	p := plantest.Big(30, 1)
	b := open(t, p)
	text := func(c *recommend.Change) string {
		all, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		return strings.ToLower(string(all))
	}
	usual := func(c *recommend.Change) bool { return bucket(c) == "ready" || bucket(c) == "decide" }
	for _, c := range []struct {
		do      string
		matches func(*recommend.Change) bool
	}{
		{``, usual},
		{`location.hash = "changes?show=held"`, func(c *recommend.Change) bool { return bucket(c) == "held" }},
		{`document.querySelector(".chip.egress").click()`, func(c *recommend.Change) bool { return bucket(c) == "held" || bucket(c) == "egress" }},
		{`document.getElementById("reset").click()`, usual},
		{`type("search", "OPS-1 tcp 1074")`, func(c *recommend.Change) bool {
			s := text(c)
			return usual(c) && strings.Contains(s, "ops-1") && strings.Contains(s, "tcp") && strings.Contains(s, "1074")
		}},
		{`type("search", "nothing has this")`, func(*recommend.Change) bool { return false }},
		{`type("search", "")`, usual},
		{`choose("kind", "unused")`, func(c *recommend.Change) bool { return usual(c) && c.Kind == recommend.Unused }},
		{`choose("direction", "egress")`, func(c *recommend.Change) bool {
			return usual(c) && c.Kind == recommend.Unused && c.Direction == analyze.Egress
		}},
	} {
		b.script(`
			const type = (id, text) => { const e = document.getElementById(id); e.value = text; e.dispatchEvent(new Event("input")); };
			const choose = (key, value) => { const e = document.querySelector('select[data-key="' + key + '"]'); e.value = value; e.dispatchEvent(new Event("change")); };
			` + c.do)
		want := found(p, c.matches)
		b.run(b.until(foundText + ` === "` + want + `"`))
		// The address holds the filter: opened anew, it shows the same.
		before := value[string](b, foundText)
		hash := value[string](b, "location.hash")
		b.visit(hash)
		if after := value[string](b, foundText); after != before {
			t.Errorf("%s: the address %s shows %q, not %q", c.do, hash, after, before)
		}
	}
	b.quiet()
}

// The list grows to its end, holds every change once, and is in the order that was asked for.
func TestSortedListIsWhole(t *testing.T) {
	p := plantest.Big(20, 2)
	b := open(t, p)
	b.visit("#changes?sort=name&show=ready,decide,held,egress")
	b.script(`while (!document.getElementById("more").hidden) document.getElementById("more").click()`)
	ids := value[[]string](b, `[...document.querySelectorAll("#groups .change")].map((e) => e.id)`)
	var want []string
	for i := range p.Changes {
		want = append(want, p.Changes[i].ID)
	}
	slices.Sort(ids)
	slices.Sort(want)
	if !slices.Equal(ids, want) {
		t.Errorf("the list has %d changes, the plan %d, or others", len(ids), len(want))
	}
	names := value[[]string](b, `[...document.querySelectorAll(".group h3 > bdi")].map((e) => e.textContent)`)
	if !slices.IsSorted(names) || len(names) != len(p.Groups) {
		t.Errorf("%d of %d groups, sorted: %v", len(names), len(p.Groups), names)
	}
	b.quiet()
}

func TestDeepLinks(t *testing.T) {
	p := plantest.Big(120, 3)
	b := open(t, p)
	for _, at := range []int{0, len(p.Changes) / 2, len(p.Changes) - 1} {
		for _, id := range []string{p.Changes[at].ID, p.Changes[at].GroupID} {
			b.visit("#" + id)
			if got := value[string](b, "document.activeElement.id"); got != id {
				t.Errorf("#%s: the focus is on %q", id, got)
			}
			if top := value[float64](b, "document.activeElement.getBoundingClientRect().top"); top < 0 || top > 600 {
				t.Errorf("#%s: shown at %v px", id, top)
			}
		}
	}
	for _, stray := range []string{"#chg-nothing", "#%E0%A4%A", "#changes?show=bananas&sort=__proto__", "#toString"} {
		b.visit(stray)
		if value[bool](b, `document.getElementById("changes").hidden`) {
			t.Errorf("%s: the changes are not shown", stray)
		}
	}
	b.quiet()
}

func TestDecisionsAreExported(t *testing.T) {
	p := plantest.Big(5, 4)
	b := open(t, p)
	dir := t.TempDir()
	ids := value[[]string](b, `[...document.querySelectorAll(".change")].filter((c) => c.querySelector(".decision")).slice(0, 2).map((c) => c.id)`)
	b.run(cdp.SetDownloadBehavior(cdp.SetDownloadBehaviorBehaviorAllow).WithDownloadPath(dir))
	b.click(`#` + ids[0] + ` button.accept`)
	b.click(`#` + ids[1] + ` button.accept`)
	b.click(`#` + ids[1] + ` button.reject`)
	b.click(`#` + ids[1] + ` .why`)
	b.keys(`needed: "by hand" # once a year`)
	b.visit("") // decisions outlive the page
	b.click("#export")
	b.keys("Kim O'Hara\r")
	var text []byte
	for deadline := time.Now().Add(time.Minute); text == nil; time.Sleep(10 * time.Millisecond) {
		var err error
		if text, err = os.ReadFile(filepath.Join(dir, "decisions.json")); err != nil && time.Now().After(deadline) {
			t.Fatalf("no download: %v", err)
		}
	}
	checkDecisions(t, text, ids)
	b.quiet()
}

// checkDecisions reads the exported file, which is YAML that is JSON as well.
func checkDecisions(t *testing.T, text []byte, ids []string) {
	t.Helper()
	type row struct {
		ChangeID string `json:"change_id"`
		Decision string `json:"decision"`
		By       string `json:"by"`
		Reason   string `json:"reason"`
	}
	var file struct {
		Decisions []row `json:"decisions"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	want := []row{{ids[0], "accept", "Kim O'Hara", ""}, {ids[1], "reject", "Kim O'Hara", `needed: "by hand" # once a year`}}
	if !slices.Equal(file.Decisions, want) {
		t.Errorf("got %+v, want %+v", file.Decisions, want)
	}
}

// Everything can be reached and done without a pointer.
func TestKeyboard(t *testing.T) {
	b := open(t, plantest.Big(5, 5))
	b.keys(kb.Tab)
	if got := value[string](b, "document.activeElement.className"); got != "skip" {
		t.Errorf("the first stop is %q, not the link that skips the head", got)
	}
	b.keys("a") // outside the list a letter does nothing
	if !value[bool](b, `document.getElementById("basket").hidden`) {
		t.Error("a letter decided something while no change had the focus")
	}
	first := value[string](b, `document.querySelector("#groups .change").id`)
	b.visit("#" + first)
	b.keys("jajrk")
	if got := value[string](b, `[...document.querySelectorAll('[aria-pressed="true"][data-verdict]')].map((e) => e.dataset.verdict).join()`); got != "accept,reject" {
		t.Errorf("the keys decided %q", got)
	}
	if got := value[int](b, `[...document.querySelectorAll("#groups .change")].indexOf(document.activeElement)`); got != 1 {
		t.Errorf("the focus is on change %d, want 1", got)
	}
	b.script(`document.getElementById("export").focus()`)
	b.keys(kb.Enter)
	b.run(b.until(`document.querySelector("dialog[open]")?.contains(document.activeElement)`))
	b.keys(kb.Escape)
	b.run(b.until(`!document.querySelector("dialog")`))
	if got := value[string](b, "document.activeElement.id"); got != "export" {
		t.Errorf("after the dialog the focus is on %q", got)
	}
	b.quiet()
}

// Paper has every change that the filter finds.
func TestPrintIsWhole(t *testing.T) {
	p := plantest.Big(12, 6)
	b := open(t, p)
	b.run(chromedp.ActionFunc(func(ctx context.Context) error { _, _, err := page.PrintToPDF().Do(ctx); return err }))
	got := value[int](b, `document.querySelectorAll("#groups .change").length`)
	want := 0
	for i := range p.Changes {
		if s := bucket(&p.Changes[i]); s == "ready" || s == "decide" {
			want++
		}
	}
	if got != want {
		t.Errorf("%d changes on paper, want %d", got, want)
	}
	b.quiet()
}

// A viewer that runs no scripts shows the summary.
func TestWithoutScripts(t *testing.T) {
	b := open(t, plantest.Big(3, 7))
	b.run(emulation.SetScriptExecutionDisabled(true))
	b.load("")
	b.run(emulation.SetScriptExecutionDisabled(false)) // of the page; ours can ask
	text := value[string](b, `document.getElementById("summary").innerText`)
	if !strings.Contains(text, "3 groups, 60 rules") {
		t.Errorf("the summary begins %.200q", text)
	}
}
