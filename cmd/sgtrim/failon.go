package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/sgtrim/sgtrim/recommend"
)

// failFlags are the conditions of --fail-on. Each names a figure of the result and holds when it is above a bound: proposed,
// and with a bound of its own exposure>100. Counts have the bound 0 where none is given.
type failFlags struct {
	counts, measures []string // the figures that can be named; measures want a bound
	chosen           []string
	conditions       []condition
}

type condition struct {
	text, figure string
	above        float64
}

func (f *failFlags) register(fs *pflag.FlagSet, counts []string, measures ...string) {
	f.counts, f.measures = counts, measures
	fs.StringSliceVar(&f.chosen, "fail-on", nil, fmt.Sprintf("exit with code 4 if there is one, or more than a bound: `%s`", strings.Join(f.words(), "|")))
}

// words are the conditions as help and errors show them.
func (f *failFlags) words() []string {
	words := slices.Clone(f.counts)
	for _, m := range f.measures {
		if !strings.Contains(m, ".") { // the figures that make up another are in the reference
			words = append(words, m+">N")
		}
	}
	return words
}

func (f *failFlags) check() error {
	f.conditions = nil
	for _, text := range f.chosen {
		c, err := f.parse(text)
		if err != nil {
			return err
		}
		f.conditions = append(f.conditions, c)
	}
	return nil
}

func (f *failFlags) parse(text string) (condition, error) {
	figure, bound, bounded := strings.Cut(text, ">")
	c := condition{text: text, figure: strings.TrimSpace(figure)}
	measure := slices.Contains(f.measures, c.figure)
	switch {
	case !measure && !slices.Contains(f.counts, c.figure):
		return c, usagef("--fail-on %q: want %s", text, strings.Join(f.words(), ", "))
	case measure && !bounded:
		return c, withHint(usagef("--fail-on %q wants a bound", text), "in quotes, or the shell takes the > for itself: --fail-on '%s>10'", c.figure)
	case bounded:
		n, err := strconv.ParseFloat(strings.TrimSpace(bound), 64)
		if err != nil || n < 0 {
			return c, usagef("--fail-on %q: %q is no bound: want a number from 0 on", text, bound)
		}
		c.above = n
	}
	return c, nil
}

// result is a failOnError if one of the chosen conditions holds.
func (f *failFlags) result(figures map[string]float64) error {
	for _, c := range f.conditions {
		if n := figures[c.figure]; n > c.above {
			verb := "there are"
			if slices.Contains(f.measures, c.figure) {
				verb = "it is"
			}
			return &failOnError{fmt.Sprintf("--fail-on %s: %s %s", c.text, verb, strconv.FormatFloat(n, 'f', -1, 64))}
		}
	}
	return nil
}

// What --fail-on takes for a plan. exposure is the figure that people watch, reachable; the others have names of their own.
// risk is that of the riskiest change in the scripts, as expected; risk.high the upper end of its interval.
var (
	planCounts   = []string{"proposed", "review", "held", "denied"}
	planMeasures = []string{"exposure", "exposure.rules", "exposure.world_open_v4", "exposure.world_open_v6", "exposure.admin_open",
		"exposure.reachable", "exposure.log2_space", "exposure.log2_space_v6", "risk", "risk.high"}
)

// planFigures are the figures of a plan by the names of planCounts and planMeasures. Exposure is that of the rules in force.
// What would be denied counts the seen and needed traffic that the changes in the scripts cut: none, unless changes for
// review were included or accepted. A change that a decision leaves as it is asks nobody for anything and is not counted.
func planFigures(p *recommend.Plan) map[string]float64 {
	x := p.Exposure.Before
	denied, risk, high := 0, 0.0, 0.0
	open := map[recommend.Status]int{recommend.Proposed: p.Totals.Proposed, recommend.Review: p.Totals.Review, recommend.Held: p.Totals.Held}
	for i := range p.Changes {
		c := &p.Changes[i]
		if c.Selected {
			denied += len(c.Denies)
			risk, high = max(risk, c.Risk.Expected), max(high, c.Risk.High)
		}
		if c.Decision.KeepsOut() {
			open[c.Status]--
		}
	}
	return map[string]float64{
		"proposed": float64(open[recommend.Proposed]), "review": float64(open[recommend.Review]), "held": float64(open[recommend.Held]), "denied": float64(denied),
		"exposure": float64(x.Reachable), "exposure.rules": float64(x.Rules), "exposure.world_open_v4": float64(x.WorldOpenV4),
		"exposure.world_open_v6": float64(x.WorldOpenV6), "exposure.admin_open": float64(x.AdminOpen), "exposure.reachable": float64(x.Reachable),
		"exposure.log2_space": x.Log2Space, "exposure.log2_space_v6": x.Log2SpaceV6, "risk": risk, "risk.high": high,
	}
}
