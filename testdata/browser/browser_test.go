// Package browser tests report.html in headless Chromium. It is a module of its own, so that the program does not depend on
// what drives the browser; testdata/integration/run.sh runs it, and make bench-report.
package browser

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/sgtrim/sgtrim/recommend"
	"github.com/sgtrim/sgtrim/recommend/output/report"
)

// chromium finds the browser, or skips the test.
func chromium(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no chromium on the PATH")
	return ""
}

// tab is a report open in a browser of its own.
type tab struct {
	t    testing.TB
	ctx  context.Context
	file string

	mu       sync.Mutex
	messages []string // of the console, errors of scripts, dialogs, requests: a report must cause none
}

// open shows the report of a plan in a new browser.
func open(t testing.TB, p *recommend.Plan) *tab {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium(t)), chromedp.NoSandbox, chromedp.WindowSize(1280, 900))
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocator, chromedp.WithErrorf(t.Logf))
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 3*time.Minute)
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx, file: filepath.Join(t.TempDir(), "report.html")}
	chromedp.ListenTarget(ctx, b.listen)
	b.run(network.Enable())
	b.show(p)
	return b
}

// show writes the report of a plan in place of the former one, and opens it.
func (b *tab) show(p *recommend.Plan) {
	b.t.Helper()
	var text bytes.Buffer
	if err := report.Write(&text, p); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(b.file, text.Bytes(), 0o600); err != nil {
		b.t.Fatal(err)
	}
	b.visit("")
}

func (b *tab) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		b.messages = append(b.messages, fmt.Sprintf("console %s: %s", e.Type, e.Args[0].Value))
	case *runtime.EventExceptionThrown:
		b.messages = append(b.messages, "exception: "+e.ExceptionDetails.Error())
	case *page.EventJavascriptDialogOpening:
		b.messages = append(b.messages, "dialog: "+e.Message)
	case *network.EventRequestWillBeSent:
		if e.Request.URL != "about:blank" && !strings.HasPrefix(e.Request.URL, "data:") && e.Request.URL != "file://"+b.file && !strings.HasPrefix(e.Request.URL, "blob:") {
			b.messages = append(b.messages, "request: "+e.Request.URL)
		}
	}
}

// visit loads the page anew, with a fragment, and waits until it stands.
func (b *tab) visit(fragment string) {
	b.t.Helper()
	b.load(fragment)
	b.run(b.until(`performance.getEntriesByName("ready").length > 0`))
}

// load loads the page anew, with a fragment.
func (b *tab) load(fragment string) {
	b.t.Helper()
	b.run(chromedp.Navigate("about:blank"), chromedp.Navigate("file://"+b.file+fragment))
}

func (b *tab) run(actions ...chromedp.Action) {
	b.t.Helper()
	if err := chromedp.Run(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// until waits for a condition of the page. While the browser is between two pages there is nothing to ask.
func (b *tab) until(condition string) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		for {
			var holds bool
			if err := chromedp.Evaluate(condition, &holds).Do(ctx); err == nil && holds {
				return nil
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("waiting for %s: %w", condition, ctx.Err())
			case <-time.After(10 * time.Millisecond):
			}
		}
	})
}

// script runs a script in the page.
func (b *tab) script(text string) {
	b.t.Helper()
	b.run(chromedp.Evaluate("{"+text+"}; undefined", nil))
}

// click clicks in the middle of the element, wherever it has to be scrolled to.
func (b *tab) click(selector string) {
	b.t.Helper()
	at := value[[2]float64](b, `(() => {
		const e = document.querySelector(`+"`"+selector+"`"+`);
		e.scrollIntoView({ block: "center" });
		const r = e.getBoundingClientRect();
		return [r.x + r.width / 2, r.y + r.height / 2];
	})()`)
	b.run(chromedp.MouseClickXY(at[0], at[1]))
}

// keys presses keys, or types a text.
func (b *tab) keys(text string) {
	b.t.Helper()
	b.run(chromedp.KeyEvent(text))
}

// value is what an expression is in the page, as JSON has it.
func value[T any](b *tab, expression string) T {
	b.t.Helper()
	var v T
	b.run(chromedp.Evaluate(expression, &v))
	return v
}

// quiet fails the test if the page has said or asked for anything.
func (b *tab) quiet() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.messages {
		b.t.Errorf("the page caused %s", m)
	}
}
