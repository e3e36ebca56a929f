package browser

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/sgtrim/sgtrim/recommend/output/report/plantest"
)

// axe-core finds nothing against WCAG 2.2 AA or its own good practice, in any view, light and dark.
func TestAccessible(t *testing.T) {
	axe, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Skip("no axe-core: run testdata/integration/run.sh")
	}
	b := open(t, plantest.Big(4, 8))
	for _, scheme := range []string{"light", "dark"} {
		b.run(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}))
		for _, view := range []string{"#changes?show=decide,ready,egress,held,kept", "#pictures", "#traffic", "#input"} {
			b.visit(view)
			b.script(`for (const d of document.querySelectorAll("details")) d.open = true; document.querySelector("button.accept")?.click()`)
			b.script(string(axe))
			var found []struct {
				ID, Help string
				Nodes    []struct {
					HTML           string
					FailureSummary string `json:"failureSummary"`
				}
			}
			b.run(chromedp.Evaluate(`axe.run().then((r) => r.violations)`, &found, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
			for _, v := range found {
				t.Errorf("%s, %s: %s (%s), %d times:\n%s", scheme, view, v.ID, v.Help, len(v.Nodes), firstLines(v.Nodes[0].HTML, v.Nodes[0].FailureSummary))
			}
		}
	}
}

func firstLines(texts ...string) string {
	return fmt.Sprintf("%.1500s", strings.Join(texts, "\n"))
}
