package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/cmd/world"
)

// TestChurn: in a world in which a fifth of two tiers is replaced every day and the new members take the addresses that
// others have left, AWS Config makes the proposal of the same world without churn; with less, nothing needed is cut and the
// plan says what it lacks.
func TestChurn(t *testing.T) {
	o := world.Options{Seed: 31, Days: 95, Format: world.V5, ChurnDays: 30000,
		Scenarios: []string{"tiers", "unused", "shadowed", "wideports", "widepeers", "broadnarrow"}}
	want := proposals(churned(t, o).review("estate", nil))
	o.ChurnDays, o.AddressReuse = 5, 1
	c := churned(t, o)
	for name, write := range map[string]func(*world.World, string) error{
		"config":    (*world.World).WriteConfig,
		"trail":     (*world.World).WriteTrail,
		"snapshots": (*world.World).WriteSnapshots,
		"nothing":   nil,
	} {
		c.judge = judge{t: t, w: c.judge.w, truth: c.judge.truth}
		got := proposals(c.review(name, write))
		if name == "config" {
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: the proposal is another than without churn (-without +with):\n%s", name, diff)
			}
			continue
		}
		c.judge.needsStay()
		c.judge.forbiddenStay()
		if c.judge.plan.Totals.UnplacedNeeds == 0 {
			t.Errorf("%s: every need is said to be placed", name)
		}
		if !slices.ContainsFunc(c.judge.plan.Notes, func(n string) bool { return strings.Contains(n, "could not be placed") }) {
			t.Errorf("%s: the notes do not say what share of the traffic could not be placed: %q", name, c.judge.plan.Notes)
		}
	}
}

// churn is a world with its logs, reviewed with one source of its estate's history after the other.
type churn struct {
	judge
	dir string
}

func churned(t *testing.T, o world.Options) *churn {
	t.Helper()
	w, err := world.New(o)
	if err != nil {
		t.Fatal(err)
	}
	c := &churn{judge: judge{t: t, w: w, truth: w.Truth()}, dir: t.TempDir()}
	if _, err := w.WriteLogs(filepath.Join(c.dir, "logs"), world.LogOptions{Slot: day}); err != nil {
		t.Fatal(err)
	}
	return c
}

// review makes the plan with what is there now and one source of history.
func (c *churn) review(name string, history func(*world.World, string) error) *judge {
	c.t.Helper()
	estate, out := filepath.Join(c.dir, name), filepath.Join(c.dir, name+"-out")
	var err error
	if name != "snapshots" { // they hold the present too
		err = c.w.WriteEstate(filepath.Join(estate, "now"))
	}
	if err == nil && history != nil {
		err = history(c.w, filepath.Join(estate, name))
	}
	if err != nil {
		c.t.Fatal(err)
	}
	var stdout, stderr strings.Builder
	args := []string{"review", filepath.Join(c.dir, "logs"), "--estate", estate, "-o", out, "--quiet"}
	if code := run(context.Background(), args, streams{strings.NewReader(""), &stdout, &stderr}); code != 0 {
		c.t.Fatalf("%s: review exits with %d: %s", name, code, stderr.String())
	}
	text, err := os.ReadFile(filepath.Join(out, "recommendations.json"))
	if err == nil {
		err = json.Unmarshal(text, &c.plan)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(out, "proposed.json"))
	if err != nil {
		c.t.Fatal(err)
	}
	defer f.Close()
	if c.after, err = world.ReadState(f); err != nil {
		c.t.Fatal(err)
	}
	return &c.judge
}

// proposals are the changes with what becomes of each rule.
func proposals(j *judge) []string {
	var out []string
	for _, c := range j.plan.Changes {
		line := fmt.Sprintf("%s %s %s %s", c.Status, c.Kind, c.GroupName, c.Direction)
		for _, o := range c.Old {
			line += fmt.Sprintf(" -%s %s", o.Service, o.Peer)
		}
		for _, n := range c.New {
			line += fmt.Sprintf(" +%s %s", n.Service, n.Peer)
		}
		out = append(out, line)
	}
	slices.Sort(out)
	return out
}
