package main

import (
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// newRoot is the program's command tree, wired to nothing.
func newRoot() *cobra.Command {
	a := &app{in: strings.NewReader(""), out: &resultWriter{w: io.Discard}, say: &speaker{w: io.Discard}}
	return a.rootCommand()
}

// commands are all commands of the program but those that cobra makes.
func commands(t *testing.T) []*cobra.Command {
	t.Helper()
	var all []*cobra.Command
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			all = append(all, sub)
			walk(sub)
		}
	}
	walk(newRoot())
	if len(all) < 8 {
		t.Fatalf("only %d commands", len(all))
	}
	return all
}

// takes says why the program would not take a command line, by its command, flags and number of arguments. help, completion
// and flags of the root alone are left to cobra.
func takes(root *cobra.Command, args []string) error {
	found, rest, err := root.Find(args)
	if err != nil || found == root || found.Name() == "help" {
		return err
	}
	if err := found.ParseFlags(rest); err != nil {
		return err
	}
	return found.ValidateArgs(found.Flags().Args())
}

// calls are the arguments of every sgtrim in a line of shell: what stands between it and the next |, > or #.
func calls(line string) [][]string {
	quoted := false
	words := strings.FieldsFunc(line, func(r rune) bool {
		if r == '\'' {
			quoted = !quoted
		}
		return r == '\'' || r == ' ' && !quoted || r == '\n'
	})
	var all [][]string
	inside := false
	for _, w := range words {
		switch {
		case w == "sgtrim":
			all, inside = append(all, nil), true
		case w == "|" || w == ">" || w == "#":
			inside = false
		case inside:
			all[len(all)-1] = append(all[len(all)-1], w)
		}
	}
	return all
}

// Every command has examples, and its examples are command lines that it takes.
func TestExamplesAreCommandLines(t *testing.T) {
	for _, cmd := range commands(t) {
		if cmd.Example == "" {
			t.Errorf("%s has no example", cmd.CommandPath())
		}
		own := 0
		for line := range strings.Lines(cmd.Example) {
			for _, args := range calls(line) {
				if err := takes(newRoot(), args); err != nil {
					t.Errorf("%s: the example %q: %v", cmd.CommandPath(), line, err)
				}
				if len(args) > 0 && args[0] == cmd.Name() {
					own++
				}
			}
		}
		if own == 0 {
			t.Errorf("%s: no example calls it: %q", cmd.CommandPath(), cmd.Example)
		}
	}
}

// Every flag says what it is for, beginning like the others: in lower case, without a full stop.
func TestFlagsAreExplained(t *testing.T) {
	for _, cmd := range commands(t) {
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: short help %q", cmd.CommandPath(), cmd.Short)
		}
		usage := cmd.LocalFlags().FlagUsages()
		for line := range strings.Lines(usage) {
			if strings.HasSuffix(strings.TrimRight(line, "\n"), ".") || len(strings.Fields(line)) < 3 {
				t.Errorf("%s: flag help %q", cmd.CommandPath(), line)
			}
		}
	}
}
