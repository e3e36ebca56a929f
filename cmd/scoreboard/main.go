// Command scoreboard judges sgtrim on pretended worlds: it writes the flow logs of some days, lets the program propose rules as a
// user would, and replays the days after, which only the generator knows, on the proposal. The generator (package world) shares
// no code with the program; the program is run as a program.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintf(os.Stderr, "scoreboard: error: %v\n", err)
		os.Exit(1)
	}
}

type settings struct {
	program string
	seeds   int
	first   uint64
	windows []int
	jobs    int
	keep    string
	verbose bool
}

func parse(args []string, stderr io.Writer) (*settings, error) {
	s := &settings{}
	var windows string
	f := flag.NewFlagSet("scoreboard", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&s.program, "sgtrim", "bin/sgtrim", "the program")
	f.IntVar(&s.seeds, "seeds", 50, "number of worlds for each window")
	f.Uint64Var(&s.first, "first", 1, "first seed")
	f.StringVar(&windows, "windows", "7,14,30,90", "windows in days")
	f.IntVar(&s.jobs, "jobs", 2, "worlds at a time")
	f.StringVar(&s.keep, "keep", "", "`folder` to leave the worlds' logs, estates and plans in")
	f.BoolVar(&s.verbose, "v", false, "list every cut and every missed defect")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	for _, text := range strings.Split(windows, ",") {
		d, err := strconv.Atoi(text)
		if err != nil || d < 2 {
			return nil, fmt.Errorf("-windows %q: want numbers of days from 2 on", windows)
		}
		s.windows = append(s.windows, d)
	}
	if s.seeds < 1 || s.jobs < 1 {
		return nil, fmt.Errorf("-seeds and -jobs: want 1 or more")
	}
	return s, nil
}

func run(args []string, stdout, stderr io.Writer) error {
	s, err := parse(args, stderr)
	if err != nil {
		return err
	}
	results, err := s.trials()
	if err != nil {
		return err
	}
	b := board{settings: s, results: results}
	if b.covers, err = coverFigures(); err != nil {
		return err
	}
	if _, err := io.WriteString(stdout, b.text()); err != nil {
		return err
	}
	return b.verdict()
}

// trials runs every seed with every window and sums by window, in the order of seeds.
func (s *settings) trials() ([]result, error) {
	type job struct{ window, seed int }
	all := make([][]trial, len(s.windows))
	jobs := make(chan job)
	var wg sync.WaitGroup
	var failed sync.Once
	var first error
	for i := range all {
		all[i] = make([]trial, s.seeds)
	}
	for range s.jobs {
		wg.Go(func() {
			for j := range jobs {
				t := &all[j.window][j.seed]
				*t = trial{seed: s.first + uint64(j.seed), days: s.windows[j.window], program: s.program, keep: s.keep}
				if err := t.run(); err != nil {
					failed.Do(func() { first = err })
				}
				t.forget()
			}
		})
	}
	for w := range s.windows {
		for i := range s.seeds {
			jobs <- job{w, i}
		}
	}
	close(jobs)
	wg.Wait()
	sums := make([]result, len(s.windows))
	for w := range all {
		for i := range all[w] {
			sums[w].add(&all[w][i].result)
		}
	}
	return sums, first
}

// forget drops all but the result.
func (t *trial) forget() { *t = trial{seed: t.seed, days: t.days, result: t.result} }
