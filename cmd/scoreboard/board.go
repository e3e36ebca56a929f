package main

import (
	"errors"
	"fmt"
	"strings"
)

// board prints the results, a column for each window.
type board struct {
	*settings
	results []result
	covers  []coverFigure
}

// The bars that a run must pass.
const (
	mostChangingCut = 0.0001 // of the connections over relations whose peers change
	leastInside     = 0.85   // of the worlds
)

func (b *board) verdict() error {
	var faults []error
	for i, r := range b.results {
		days := b.windows[i]
		if n := r.needs[seenStable].cut; n > 0 {
			faults = append(faults, fmt.Errorf("%d days: %d relations seen in the window, on peers that stay, are cut", days, n))
		}
		if share := ratio(r.needs[changing].cutConnections, r.needs[changing].connections); share > mostChangingCut {
			faults = append(faults, fmt.Errorf("%d days: %.4f %% of the connections over relations whose peers change are cut", days, 100*share))
		}
		if n := r.fitted.missed + r.byPolicy.missed; n > 0 {
			faults = append(faults, fmt.Errorf("%d days: %d planted defects are missed although the evidence suffices", days, n))
		}
		if s := r.structure; s.found < s.planted || s.unplanted > 0 || s.cut > 0 {
			faults = append(faults, fmt.Errorf("%d days: advice about groups: %d of %d planted cases named, %d others, %d needed connections cut by splits", days, s.found, s.planted, s.unplanted, s.cut))
		}
		if n := r.byPolicy.claimed; n > 0 {
			faults = append(faults, fmt.Errorf("%d days: %d defects are claimed without enough evidence", days, n))
		}
		if n := r.alone.changes - r.alone.vague; n > 0 && ratio(r.alone.inside, n) < leastInside {
			faults = append(faults, fmt.Errorf("%d days: the actual loss of single changes is inside their intervals in %.0f %%", days, 100*ratio(r.alone.inside, n)))
		}
		if share := ratio(r.inside, r.worlds); share < leastInside {
			faults = append(faults, fmt.Errorf("%d days: the actual loss is inside the interval in %.0f %% of the worlds", days, 100*share))
		}
	}
	for _, c := range b.covers {
		if !c.right {
			faults = append(faults, fmt.Errorf("cover: %s: %s", c.name, c.text))
		}
	}
	return errors.Join(faults...)
}

func ratio(n, of int) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}

func (b *board) text() string {
	var out strings.Builder
	row := func(name string, cell func(r *result) string) {
		fmt.Fprintf(&out, "| %s |", name)
		for i := range b.results {
			fmt.Fprintf(&out, " %s |", cell(&b.results[i]))
		}
		out.WriteString("\n")
	}
	head := func(title string) {
		fmt.Fprintf(&out, "\n| %s |", title)
		for _, d := range b.windows {
			fmt.Fprintf(&out, " %d days |", d)
		}
		out.WriteString("\n|---|" + strings.Repeat("--:|", len(b.windows)) + "\n")
	}
	fmt.Fprintf(&out, "%d worlds for each window.\n", b.seeds)
	head("needed connections of the days after")
	for c, name := range []string{"seen in the window, on peers that stay", "not seen in the window, on peers that stay", "on peers that change"} {
		row(name, func(r *result) string { return fmt.Sprint(r.needs[c].connections) })
		row("· cut as proposed", func(r *result) string { return cutText(r.needs[c].cutConnections, r.needs[c].connections) })
		row("· cut with `--include review`", func(r *result) string { return cutText(r.needs[c].reviewCut, r.needs[c].connections) })
	}
	b.defectRows(head, row)
	b.structureRows(head, row)
	b.exposureRows(head, row)
	head("loss: a relation on a day, in as many days as were learned")
	row("predicted, mean", func(r *result) string { return percent(r.expected / float64(r.worlds)) })
	row("90 % interval, mean of the ends", func(r *result) string {
		return percent(r.low/float64(r.worlds)) + " to " + percent(r.high/float64(r.worlds))
	})
	row("actual, mean", func(r *result) string { return percent(r.actual / float64(r.worlds)) })
	row("worlds with the actual inside", func(r *result) string { return fmt.Sprintf("%d of %d", r.inside, r.worlds) })
	b.aloneRows(head, row)
	out.WriteString("\n| covers | |\n|---|---|\n")
	for _, c := range b.covers {
		fmt.Fprintf(&out, "| %s | %s |\n", c.name, c.text)
	}
	if b.verbose {
		for _, r := range b.results {
			for _, line := range append(r.cuts, r.missed...) {
				out.WriteString("\n" + line)
			}
		}
		out.WriteString("\n")
	}
	return out.String()
}

func (b *board) defectRows(head func(string), row func(string, func(*result) string)) {
	for i, title := range []string{"planted defects, `--min-window` as long as the window", "planted defects, default windows"} {
		of := func(r *result) *outcomes {
			if i == 0 {
				return &r.fitted
			}
			return &r.byPolicy
		}
		head(title)
		row("evidence suffices", func(r *result) string { return fmt.Sprint(of(r).sufficient) })
		row("· `proposed` as it should be", func(r *result) string { return fmt.Sprint(of(r).proposed) })
		row("· `review` as it should be", func(r *result) string { return fmt.Sprint(of(r).review) })
		row("· `held` as it should be", func(r *result) string { return fmt.Sprint(of(r).held) })
		row("· missed", func(r *result) string { return fmt.Sprint(of(r).missed) })
		if i == 1 {
			row("evidence does not suffice", func(r *result) string { return fmt.Sprint(of(r).insufficient) })
			row("· claimed all the same", func(r *result) string { return fmt.Sprint(of(r).claimed) })
		}
		for _, status := range []string{"proposed", "review", "held", "kept"} {
			row("all rules: "+status, func(r *result) string {
				s := r.statuses[i]
				return percent(ratio(s[status], s["proposed"]+s["review"]+s["held"]+s["kept"]))
			})
		}
		for dir, name := range []string{"ingress", "egress"} {
			for _, status := range []string{"proposed", "review", "held"} {
				if i == 0 {
					row("· "+name+" rules: "+status, func(r *result) string { return percent(ratio(r.byDirection[dir][status], r.byDirection[dir]["all"])) })
				}
			}
		}
	}
}

// aloneRows are the risks of single changes.
func (b *board) aloneRows(head func(string), row func(string, func(*result) string)) {
	mean := func(r *result, sum float64) string {
		return percent(sum / float64(max(1, r.alone.changes-r.alone.vague)))
	}
	head("loss by each change alone, of its group's connections in its direction")
	row("changes proposed or for review", func(r *result) string { return fmt.Sprint(r.alone.changes) })
	row("· too little traffic to tell", func(r *result) string { return fmt.Sprint(r.alone.vague) })
	row("· of the others, predicted, mean", func(r *result) string { return mean(r, r.alone.expected) })
	row("· actual, mean", func(r *result) string { return mean(r, r.alone.actual) })
	row("· width of the 90 % interval, middle and 95th of a hundred", func(r *result) string {
		return percent(r.alone.width(0.5)) + ", " + percent(r.alone.width(0.95))
	})
	row("· with the actual inside", func(r *result) string {
		return fmt.Sprintf("%d of %d", r.alone.inside, r.alone.changes-r.alone.vague)
	})
	row("· that lost something, with it inside", func(r *result) string { return fmt.Sprintf("%d of %d", r.alone.caught, r.alone.losing) })
}

func (b *board) structureRows(head func(string), row func(string, func(*result) string)) {
	head("advice about groups: split per tier, shared rules")
	row("planted", func(r *result) string { return fmt.Sprint(r.structure.planted) })
	row("· named, with the right interfaces and rules", func(r *result) string { return fmt.Sprint(r.structure.found) })
	row("advice where nothing is planted", func(r *result) string { return fmt.Sprint(r.structure.unplanted) })
	row("needed connections cut by a split carried out as advised", func(r *result) string { return fmt.Sprint(r.structure.cut) })
}

func (b *board) exposureRows(head func(string), row func(string, func(*result) string)) {
	head("exposure: before → proposed → with review (ideal)")
	four := func(cell func(r *result, i int) string) func(r *result) string {
		return func(r *result) string {
			return fmt.Sprintf("%s → %s → %s (%s)", cell(r, 0), cell(r, 1), cell(r, 2), cell(r, 3))
		}
	}
	row("rules open to the world", four(func(r *result, i int) string { return fmt.Sprint(r.exposure[i].open) }))
	row("· with admin or database ports", four(func(r *result, i int) string { return fmt.Sprint(r.exposure[i].admin) }))
	row("interface × port pairs the world reaches", four(func(r *result, i int) string { return fmt.Sprint(r.exposure[i].reachable) }))
	row("allowed space, log2, mean", four(func(r *result, i int) string {
		return fmt.Sprintf("%.2f", r.exposure[i].space/float64(r.worlds))
	}))
	row("ingress rules", four(func(r *result, i int) string { return fmt.Sprint(r.exposure[i].rules) }))
	row("attacks of the days after let in", four(func(r *result, i int) string { return percent(ratio(r.attacks[i], r.attempts)) }))
}

func cutText(cut, of int) string {
	if cut == 0 {
		return "0"
	}
	return fmt.Sprintf("%d (%s)", cut, percent(ratio(cut, of)))
}

func percent(share float64) string { return fmt.Sprintf("%.4g %%", 100*share) }
