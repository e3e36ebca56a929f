package main

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// counts is the state of a scan at one moment. Totals are what the listing has found so far; until it has ended there is
// no estimate of the time left.
type counts struct {
	objects, objectsTotal int64
	bytes, bytesTotal     int64
	rows                  int64
	listed                bool
}

// shown is a state that progress can show.
type shown interface {
	line(took time.Duration, width int) string // what does not fit the width is left out
	attrs(took time.Duration) []any            // for JSON: names and values
}

// progressLine shows a state on stderr while something runs: one line redrawn in place on a terminal, else a plain (or
// JSON) line now and then.
type progressLine struct {
	say   *speaker
	read  func() shown
	start time.Time
}

const (
	redrawEvery = 200 * time.Millisecond
	plainEvery  = 10 * time.Second
)

// progress starts showing what read returns; the function it returns ends that and leaves a last line.
func (s *speaker) progress(read func() shown) (stop func()) { return s.showing(read, true) }

// waiting is progress of what mostly takes no time: it leaves no last line.
func (s *speaker) waiting(read func() shown) (stop func()) { return s.showing(read, false) }

func (s *speaker) showing(read func() shown, last bool) (stop func()) {
	if s.quiet {
		return func() {}
	}
	p := &progressLine{say: s, read: read, start: time.Now()}
	show, every := p.plain, plainEvery
	if s.json == nil && terminalWidth(s.w) > 0 {
		show, every = p.redraw, redrawEvery
	}
	ended := make(chan struct{})
	var loop sync.WaitGroup
	loop.Go(func() { repeat(show, every, ended) })
	return sync.OnceFunc(func() {
		close(ended)
		loop.Wait()
		if last {
			p.plain()
		} else {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.clear()
		}
	})
}

func repeat(show func(), every time.Duration, ended <-chan struct{}) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return
		case <-tick.C:
			show()
		}
	}
}

// redraw asks for the width every time: the window may have been resized.
func (p *progressLine) redraw() {
	p.say.mu.Lock()
	defer p.say.mu.Unlock()
	p.say.clear()
	fmt.Fprint(p.say.w, p.read().line(time.Since(p.start), terminalWidth(p.say.w)-1))
	p.say.drawn = true
}

func (p *progressLine) plain() {
	p.say.mu.Lock()
	defer p.say.mu.Unlock()
	p.say.clear()
	c, took := p.read(), time.Since(p.start)
	if p.say.json == nil {
		fmt.Fprintf(p.say.w, "sgtrim: %s\n", c.line(took, 1000))
		return
	}
	p.say.json.Info("progress", c.attrs(took)...)
}

func (c counts) attrs(took time.Duration) []any {
	attrs := []any{"objects", c.objects, "objects_total", c.objectsTotal, "bytes", c.bytes, "bytes_total", c.bytesTotal,
		"rows", c.rows, "rows_per_second", int64(rate(c.rows, took))}
	if left, ok := c.left(took); ok {
		attrs = append(attrs, "eta_seconds", int64(left.Seconds()))
	}
	return attrs
}

// line is the counts as text of at most width columns: what does not fit is left out from the end, part by part.
func (c counts) line(took time.Duration, width int) string {
	more := ""
	if !c.listed {
		more = "+"
	}
	parts := []string{
		fmt.Sprintf("%d/%d%s objects", c.objects, c.objectsTotal, more),
		short(float64(c.rows), 1000, "") + " rows",
		short(float64(c.bytes), 1024, "B"),
		short(rate(c.rows, took), 1000, "") + " rows/s",
	}
	if left, ok := c.left(took); ok {
		parts = append(parts, left.Round(time.Second).String()+" left")
	}
	if done := c.share(); done > 0 && c.listed {
		parts = append(parts, bar(done))
	}
	return fitting(parts, width)
}

// fitting joins as many parts as fit the width.
func fitting(parts []string, width int) (line string) {
	for i, part := range parts {
		if i > 0 {
			part = "  " + part
		}
		if len(line)+len(part) > width {
			break
		}
		line += part
	}
	return line
}

// share of the work done, 0 to 1, by bytes where sizes are known.
func (c counts) share() float64 {
	switch {
	case c.bytesTotal > 0:
		return min(1, float64(c.bytes)/float64(c.bytesTotal))
	case c.objectsTotal > 0:
		return min(1, float64(c.objects)/float64(c.objectsTotal))
	}
	return 0
}

// left is the time to go at the rate so far; unknown at the very start, before the listing has ended, and when done.
func (c counts) left(took time.Duration) (time.Duration, bool) {
	done := c.share()
	if !c.listed || done < 0.01 || done >= 1 || took < time.Second {
		return 0, false
	}
	return time.Duration(float64(took) * (1 - done) / done), true
}

func bar(done float64) string {
	const cells = 20
	full := int(done * cells)
	return "[" + strings.Repeat("#", full) + strings.Repeat(".", cells-full) + "]"
}

func rate(n int64, took time.Duration) float64 {
	if took <= 0 {
		return 0
	}
	return float64(n) / took.Seconds()
}

// short prints 999, 1.2k, 34M: three digits or fewer, by powers of base.
func short(n, base float64, unit string) string {
	prefixes := []string{"", "k", "M", "G", "T", "P"}
	i := 0
	for n >= base && i < len(prefixes)-1 {
		n /= base
		i++
	}
	prefix := prefixes[i]
	if base == 1024 && i > 0 {
		prefix = strings.ToUpper(prefix) + "i"
	}
	format := "%.0f%s%s"
	if i > 0 && n < 10 {
		format = "%.1f%s%s"
	}
	if unit != "" {
		prefix = " " + prefix
	}
	return fmt.Sprintf(format, n, prefix, unit)
}
