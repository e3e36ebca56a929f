package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sgtrim/sgtrim/analyze/estate/live"
)

func TestProgressLine(t *testing.T) {
	half := counts{objects: 5, objectsTotal: 10, bytes: 50 << 20, bytesTotal: 100 << 20, rows: 1_234_567, listed: true}
	listing := counts{objects: 5, objectsTotal: 10, bytes: 50 << 20, bytesTotal: 100 << 20, rows: 1_234_567}
	for _, tt := range []struct {
		name  string
		c     counts
		took  time.Duration
		width int
		want  string
	}{
		{"wide", half, 10 * time.Second, 100, "5/10 objects  1.2M rows  50 MiB  123k rows/s  10s left  [##########..........]"},
		{"narrow: parts go, none is cut", half, 10 * time.Second, 30, "5/10 objects  1.2M rows"},
		{"too narrow for anything", half, 10 * time.Second, 5, ""},
		{"still listing: no estimate", listing, 10 * time.Second, 100, "5/10+ objects  1.2M rows  50 MiB  123k rows/s"},
		{"start", counts{}, 0, 100, "0/0+ objects  0 rows  0 B  0 rows/s"},
		{"done", counts{objects: 1, objectsTotal: 1, bytes: 9, bytesTotal: 9, rows: 3, listed: true}, 3 * time.Second, 100,
			"1/1 objects  3 rows  9 B  1 rows/s  [####################]"},
		{"stdin has no size", counts{objectsTotal: 1, bytes: 2048, rows: 8, listed: true}, 4 * time.Second, 100,
			"0/1 objects  8 rows  2.0 KiB  2 rows/s"},
	} {
		if got := tt.c.line(tt.took, tt.width); got != tt.want {
			t.Errorf("%s:\ngot  %q\nwant %q", tt.name, got, tt.want)
		}
	}
}

func TestProgressWithoutTerminal(t *testing.T) {
	var w bytes.Buffer
	s := &speaker{w: &w}
	stop := s.progress(func() shown { return counts{objects: 2, objectsTotal: 2, listed: true} })
	s.note("a note while it runs")
	stop()
	stop()
	if got := w.String(); !strings.HasPrefix(got, "sgtrim: a note while it runs\nsgtrim: 2/2 objects  0 rows") ||
		strings.Count(got, "\n") != 2 || strings.ContainsAny(got, "\r\x1b") {
		t.Errorf("got %q", got)
	}
	w.Reset()
	quiet := &speaker{w: &w, quiet: true}
	quiet.progress(func() shown { return counts{} })()
	quiet.note("unheard")
	if w.Len() > 0 {
		t.Errorf("quiet wrote %q", w.String())
	}
}

func TestProgressAsJSON(t *testing.T) {
	var w bytes.Buffer
	s := &speaker{w: &w}
	if err := s.setup(globalFlags{logFormat: "json"}); err != nil {
		t.Fatal(err)
	}
	s.progress(func() shown { return counts{objects: 2, objectsTotal: 3, rows: 7, listed: true} })()
	s.failure(withHint(usagef("bad"), "better"))
	lines := strings.Split(strings.TrimSpace(w.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("got %q", w.String())
	}
	var progress, failure map[string]any
	for i, to := range []*map[string]any{&progress, &failure} {
		if err := json.Unmarshal([]byte(lines[i]), to); err != nil {
			t.Fatal(err)
		}
	}
	if progress["msg"] != "progress" || progress["rows"] != 7.0 || progress["objects_total"] != 3.0 {
		t.Errorf("progress %v", progress)
	}
	if failure["level"] != "ERROR" || failure["msg"] != "bad" || failure["hint"] != "better" {
		t.Errorf("failure %v", failure)
	}
}

// Of the past that is asked for, progress tells how many questions are answered; and nothing where it took no time.
func TestProgressOfAsking(t *testing.T) {
	var w bytes.Buffer
	p := askedSoFar{new(live.Progress)}
	(&speaker{w: &w}).waiting(func() shown { return p })()
	if w.Len() > 0 {
		t.Errorf("what took no time left %q", w.String())
	}
	if got := p.line(0, 1000); got != "the past:  waiting for the first answers" {
		t.Errorf("got %q", got)
	}
	p.Resources.Store(2000)
	p.ResourcesDone.Store(120)
	p.Kinds.Store(20)
	p.KindsDone.Store(3)
	p.Events.Store(4150)
	const want = "the past:  120/2000 groups and interfaces of AWS Config  3/20 kinds of events of CloudTrail, 4.2k events"
	if got := p.line(time.Minute, 1000); got != want {
		t.Errorf("got %q", got)
	}
	if got := p.line(time.Minute, 60); got != "the past:  120/2000 groups and interfaces of AWS Config" {
		t.Errorf("in 60 columns: %q", got)
	}
	s := &speaker{w: &w}
	if err := s.setup(globalFlags{logFormat: "json"}); err != nil {
		t.Fatal(err)
	}
	(&progressLine{say: s, read: func() shown { return p }, start: time.Now()}).plain()
	var line map[string]any
	if err := json.Unmarshal(w.Bytes(), &line); err != nil || line["config_resources"] != 120.0 || line["trail_events"] != 4150.0 {
		t.Errorf("as JSON: %v: %s", err, w.String())
	}
}

// Lines written while the progress line is redrawn never share a line with it.
func TestRedrawAndNotesDoNotMix(t *testing.T) {
	var w bytes.Buffer
	s := &speaker{w: &w}
	p := &progressLine{say: s, read: func() shown { return counts{objects: 1} }, start: time.Now()}
	var all sync.WaitGroup
	all.Go(func() {
		for range 200 {
			p.redraw()
		}
	})
	all.Go(func() {
		for range 200 {
			s.note("note")
		}
	})
	all.Wait()
	for line := range strings.SplitSeq(w.String(), "\n") {
		shown := line[strings.LastIndex(line, "\r\x1b[K")+1:]
		if strings.Contains(shown, "objects") && strings.Contains(shown, "note") {
			t.Fatalf("mixed: %q", line)
		}
	}
}

func TestErrorsCannotSteerTheTerminal(t *testing.T) {
	var w bytes.Buffer
	s := &speaker{w: &w}
	s.failure(usagef("name \x1b[2J\u202e\x07\r tag"))
	if got := w.String(); strings.ContainsAny(got, "\x1b\x07\r\u202e") || !strings.Contains(got, `\u001b[2J\u202e\u0007\u000d tag`) {
		t.Errorf("got %q", got)
	}
}
