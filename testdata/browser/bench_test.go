package browser

import (
	"context"
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/chromedp"

	"github.com/sgtrim/sgtrim/recommend/output/report/plantest"
)

const benchGroups = 2500

// BenchmarkLoad opens the report of 2,500 groups: ready-ms is from the start of the navigation until the page stands, ready-cpu-ms
// the processor time of the page's main thread in it, which does not depend on what else the machine does.
func BenchmarkLoad(b *testing.B) {
	t := open(b, plantest.Big(benchGroups, 1))
	t.run(performance.Enable().WithTimeDomain(performance.EnableTimeDomainThreadTicks))
	var wall, cpu float64
	for b.Loop() {
		t.visit("")
		wall += value[float64](t, `performance.getEntriesByName("ready")[0].startTime`)
		cpu += busy(t)
	}
	b.ReportMetric(wall/float64(b.N), "ready-ms")
	b.ReportMetric(cpu*1000/float64(b.N), "ready-cpu-ms")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkFilter types into the search and presses the filters of that report: shown-ms is until the new list is laid out.
func BenchmarkFilter(b *testing.B) {
	t := open(b, plantest.Big(benchGroups, 1))
	t.run(performance.Enable().WithTimeDomain(performance.EnableTimeDomainThreadTicks))
	for _, search := range []string{"d", "db", "shop-db-12", "tcp 1222", "nothing has this", ""} {
		b.Run(fmt.Sprintf("search=%q", search), func(b *testing.B) {
			t.filter(b, `const e = document.getElementById("search"); e.value = "`+search+`"; e.dispatchEvent(new Event("input"))`)
		})
	}
	b.Run("held", func(b *testing.B) { t.filter(b, `document.querySelector(".chip.held").click()`) })
	b.Run("sort", func(b *testing.B) {
		t.filter(b, `const e = document.querySelector('select[data-key="sort"]'); e.value = e.value === "name" ? "order" : "name"; e.dispatchEvent(new Event("change"))`)
	})
}

func (t *tab) filter(b *testing.B, do string) {
	var wall, cpu float64
	for b.Loop() {
		before := busy(t)
		wall += value[float64](t, `(() => {
			const began = performance.now();
			`+do+`;
			document.body.offsetHeight; // lays out
			return performance.now() - began;
		})()`)
		cpu += busy(t) - before
	}
	b.ReportMetric(wall/float64(b.N), "shown-ms")
	b.ReportMetric(cpu*1000/float64(b.N), "shown-cpu-ms")
	b.ReportMetric(0, "ns/op")
}

// busy is the processor time of the page's main thread so far, in seconds.
func busy(t *tab) float64 {
	t.t.Helper()
	var all []*performance.Metric
	t.run(chromedp.ActionFunc(func(ctx context.Context) (err error) {
		all, err = performance.GetMetrics().Do(ctx)
		return err
	}))
	for _, m := range all {
		if m.Name == "TaskDuration" {
			return m.Value
		}
	}
	t.t.Fatal("the browser tells no TaskDuration")
	return 0
}
