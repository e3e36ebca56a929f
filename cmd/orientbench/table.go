package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/sgtrim/sgtrim/cmd/world/labelled"
)

// Targets, in every cell.
const (
	flaggedRight = 0.9999
	flaggedDoubt = 0.001
	plainRight   = 0.99  // of established connections, where an endpoint meets three client ports
	plainWrong   = 0.001 // of all
	stronger     = 0.001 // of conversations: a scan whose RST came in another object
)

// Of fewer connections these shares are a matter of luck.
const (
	fewest      = 1000   // of a cell, that flags could not decide
	fewestTenth = 10_000 // where a thousandth is asked for
)

func share(n, of int) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}

// judged is what the targets are asked of: the cells, or where these are small the classes that they are variations of.
func judged(cells []cell) (all []cell) {
	at := map[labelled.Class]int{}
	for _, c := range cells {
		if c.connections < fewestTenth && c.zeek == "" {
			c.Class = labelled.Class{Service: c.Service, Clients: c.Clients, Full: c.Full}
		}
		i, ok := at[c.Class]
		if !ok {
			i = len(all)
			at[c.Class] = i
			all = append(all, c)
			continue
		}
		all[i].add(c.verdicts)
	}
	return all
}

// missedTargets says which cells miss which target.
func missedTargets(cells []cell) (missed []string) {
	cells = judged(cells)
	for i := range cells {
		c := &cells[i]
		miss := func(what string, n, of int) {
			missed = append(missed, fmt.Sprintf("%s: %s: %d of %d", c, what, n, of))
		}
		if n := c.flagged.absent + c.plain.absent; n > 0 {
			miss("in no conversation", n, c.flagged.all()+c.plain.all())
		}
		if f := c.flagged; f.all() > 0 {
			if share(f.right, f.all()) < flaggedRight {
				miss("with flags, right", f.right, f.all())
			}
			if f.wrong > 0 {
				miss("with flags, wrong", f.wrong, f.all())
			}
			if share(f.doubt, f.all()) > flaggedDoubt {
				miss("with flags, ambiguous", f.doubt, f.all())
			}
		}
		if s := c.strength; s.wrong+s.absent > 0 {
			miss("weaker than it was", s.wrong+s.absent, s.all())
		} else if share(s.doubt, s.all()) > stronger {
			miss("stronger than it was", s.doubt, s.all())
		}
		if all := c.flagged.all() + c.plain.all(); share(c.plain.wrong, all) > plainWrong {
			miss("without flags, wrong", c.plain.wrong, all)
		}
		if e := c.established; e.all() >= fewest && c.repeated && share(e.right, e.all()) < plainRight {
			miss("established without flags, right", e.right, e.all())
		}
	}
	return missed
}

// group is the cells of one line of a table, added up.
type group struct {
	name        string
	connections int
	full, v2    verdicts
}

// groups adds cells up by name, in the order they come.
func groups(cells []cell, name func(*cell) string) (all []*group) {
	byName := map[string]*group{}
	for i := range cells {
		c := &cells[i]
		g := byName[name(c)]
		if g == nil {
			g = &group{name: name(c)}
			byName[g.name] = g
			all = append(all, g)
		}
		if c.zeek == "" || !c.Full { // the real ones are the same in either format
			g.connections += c.made
		}
		if c.Full {
			g.full.add(c.verdicts)
		} else {
			g.v2.add(c.verdicts)
		}
	}
	return all
}

// tables are the views of the results: each line adds up the cells that have its name.
var tables = []struct {
	title string
	name  func(*cell) string
}{
	{"service · clients", func(c *cell) string { return c.Service + " · " + kindName(c.Clients) }},
	{"interval", func(c *cell) string { return fmt.Sprint(c.Interval, " s") }},
	{"logged", logged},
	{"delivery", delivery},
}

func logged(c *cell) string { return map[bool]string{false: "one end", true: "both ends"}[c.BothEnds] }

func delivery(c *cell) string {
	return map[bool]string{false: "whole", true: "shuffled, 1 % lost"}[c.Rough]
}

func writeTables(w io.Writer, cells []cell) error {
	var b strings.Builder
	made := slices.DeleteFunc(slices.Clone(cells), func(c cell) bool { return c.Service == real })
	for _, t := range tables {
		writeTable(&b, t.title, groups(made, t.name))
	}
	if zeek := slices.DeleteFunc(slices.Clone(cells), func(c cell) bool { return c.Service != real }); len(zeek) > 0 {
		writeTable(&b, "real connections", groups(zeek, func(c *cell) string { return fmt.Sprintf("%d s, %s", c.Interval, delivery(c)) }))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeTable(b *strings.Builder, title string, lines []*group) {
	fmt.Fprintf(b, "| %s | connections | lower port: wrong | SYN logged: right | wrong | ambig. | none: wrong | ambig. | v2, est.: right | wrong | ambig. | v2, all: wrong | ambig. |\n", title)
	fmt.Fprintln(b, "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
	for _, g := range lines {
		g.line(b)
	}
	fmt.Fprintln(b)
}

func (g *group) line(b *strings.Builder) {
	all := func(s score, counts ...int) {
		for _, n := range counts {
			fmt.Fprintf(b, " %s |", percent(n, s.all()))
		}
	}
	fmt.Fprintf(b, "| %s | %d |", g.name, g.connections)
	lower := g.v2.lowerPort
	lower.add(g.full.lowerPort)
	all(lower, lower.wrong)
	flagged, without, established := g.full.flagged, g.full.plain, g.v2.established
	all(flagged, flagged.right, flagged.wrong, flagged.doubt)
	all(without, without.wrong, without.doubt)
	all(established, established.right, established.wrong, established.doubt)
	all(g.v2.plain, g.v2.plain.wrong, g.v2.plain.doubt)
	fmt.Fprintln(b)
}

// percent shows a share. What is next to nothing or next to all, or of few, is a count: it is not to be taken for more.
func percent(n, of int) string {
	switch p := 100 * share(n, of); {
	case of == 0:
		return "–"
	case n == 0:
		return "0"
	case n == of:
		return "100"
	case of < fewest, p < 0.0005:
		return fmt.Sprintf("%d of %d", n, of)
	case p > 99.9995:
		return fmt.Sprintf("all but %d of %d", of-n, of)
	default:
		return fmt.Sprintf("%.3f", p)
	}
}
