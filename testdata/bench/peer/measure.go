package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// cost is what one process took.
type cost struct {
	wall, cpu float64 // seconds
	rss       float64 // MiB at the peak
}

// table is what the competitors took on one input.
type table struct {
	name    string
	records int64
	rows    []tableRow
}

type tableRow struct {
	who  string
	cost // medians
}

// competitors in the order they are printed. A 1 says: with one thread.
var competitors = []string{"sgtrim", "bare", "count", "key", "floor", "sgtrim1", "floor1"}

// measure lets the competitors take turns. Each round another one begins: whoever follows one that wrote much takes longer.
func (s *settings) measure(ctx context.Context, in input) (*table, error) {
	t := &table{name: in.name()}
	all := slices.DeleteFunc(slices.Clone(competitors), func(who string) bool { return who != "sgtrim" && !s.who.MatchString(who) })
	costs := map[string][]cost{}
	for round := range s.rounds {
		first := round % len(all)
		for _, who := range slices.Concat(all[first:], all[:first]) {
			c, records, err := s.run(ctx, who, in)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", who, err)
			}
			if records > 0 && t.records > 0 && records != t.records {
				return nil, fmt.Errorf("%s read %d records, another %d", who, records, t.records)
			}
			t.records = max(t.records, records)
			costs[who] = append(costs[who], c)
		}
	}
	for _, who := range all {
		t.rows = append(t.rows, tableRow{who, median(costs[who])})
	}
	return t, nil
}

var ingested = regexp.MustCompile(`records (\d+)`)

// run runs one competitor once. The records are 0 where it does not count them.
func (s *settings) run(ctx context.Context, who string, in input) (c cost, records int64, err error) {
	threads := s.threads
	name := who
	if name[len(name)-1] == '1' {
		threads, name = 1, name[:len(name)-1]
	}
	out, err := os.MkdirTemp(s.dir, "out")
	if err != nil {
		return c, 0, err
	}
	defer os.RemoveAll(out)
	var cmd *exec.Cmd
	if name == "sgtrim" {
		cmd = exec.CommandContext(ctx, s.sgtrim, "ingest", in.logs(s), "--ledger", filepath.Join(out, "ledger"), "--quiet")
	} else {
		self, err := os.Executable()
		if err != nil {
			return c, 0, err
		}
		cmd = exec.CommandContext(ctx, self, asChild, name, fmt.Sprint(threads), in.logs(s), filepath.Join(out, "key.parquet"))
	}
	cmd.Env = append(os.Environ(), fmt.Sprintf("GOMAXPROCS=%d", threads))
	var stdout bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, os.Stderr
	began := time.Now()
	if err := cmd.Run(); err != nil {
		return c, 0, err
	}
	c.wall = time.Since(began).Seconds()
	c.cpu = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		c.rss = float64(usage.Maxrss) / 1024
	}
	text := bytes.TrimSpace(stdout.Bytes())
	if name == "sgtrim" {
		m := ingested.FindSubmatch(text)
		if m == nil {
			return c, 0, fmt.Errorf("said %q", text)
		}
		text = m[1]
	}
	records, err = strconv.ParseInt(string(text), 10, 64)
	return c, records, err
}

// median of each figure on its own.
func median(all []cost) cost {
	of := func(figure func(cost) float64) float64 {
		list := make([]float64, len(all))
		for i, c := range all {
			list[i] = figure(c)
		}
		slices.SortFunc(list, cmp.Compare[float64])
		return (list[(len(list)-1)/2] + list[len(list)/2]) / 2
	}
	return cost{
		wall: of(func(c cost) float64 { return c.wall }),
		cpu:  of(func(c cost) float64 { return c.cpu }),
		rss:  of(func(c cost) float64 { return c.rss }),
	}
}

func (t *table) cost(who string) cost {
	for _, r := range t.rows {
		if r.who == who {
			return r.cost
		}
	}
	return cost{}
}

// print writes the table. What more workers gain is compared with what inflating gains from as many.
func (t *table) print(out io.Writer) {
	own := t.cost("sgtrim")
	name := t.name
	for _, r := range t.rows {
		fmt.Fprintf(out, "%-38s %-8s %7.2f %7.2f %7.2f %7.0f", name, r.who, r.wall, r.cpu, float64(t.records)/r.wall/1e6, r.rss)
		if r.who == "bare" || r.who == "count" || r.who == "key" || r.who == "floor" {
			fmt.Fprintf(out, "   %5.2f %5.2f", r.wall/own.wall, r.cpu/own.cpu)
		}
		fmt.Fprintln(out)
		name = ""
	}
	fmt.Fprintf(out, "%-38s %d records", "", t.records)
	one, floor, floor1 := t.cost("sgtrim1").wall, t.cost("floor").wall, t.cost("floor1").wall
	if min(one, floor, floor1) > 0 { // all were measured
		gain, floor := one/own.wall, floor1/floor
		fmt.Fprintf(out, "; all workers against one: sgtrim %.2f times, inflating alone %.2f: %.0f %%", gain, floor, 100*gain/floor)
	}
	fmt.Fprint(out, "\n\n")
}
