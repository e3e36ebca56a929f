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

	"github.com/sgtrim/sgtrim/cmd/world"
	"github.com/sgtrim/sgtrim/recommend"
)

// TestWorlds reviews generated estates with the whole program and holds the plan against the generator's truth: what is
// needed stays allowed, each planted defect is found with the status that design §7.6 gives it, and what must stay stays.
func TestWorlds(t *testing.T) {
	if testing.Short() {
		t.Skip("reviews whole estates: left out of -short")
	}
	tests := []struct {
		name  string
		logs  world.LogOptions
		world func() (*world.World, error)
	}{
		{"demo", world.DemoLogs, func() (*world.World, error) { return world.Demo(1), nil }},
		{"stable text v5", world.LogOptions{Slot: day}, made(world.Options{Seed: 11, Days: 95, Scenarios: stable(), Format: world.V5})},
		{"stable text v2", world.LogOptions{Slot: day}, made(world.Options{Seed: 12, Days: 95, Format: world.V2, Scenarios: []string{
			"wideports", "widepeers", "unused", "shadowed", "scanners", "ntp", "rpc", "syslog", "standby", "icmp", "office", "batchhosts",
		}})},
		{"stable parquet", world.LogOptions{Slot: day, Parquet: true}, made(world.Options{Seed: 13, Days: 95, Format: world.V5, Scenarios: []string{
			"nlb", "nat", "ipv6", "prefixlists", "peering", "protected", "stale", "broadnarrow", "egress", "sharedgroup", "monthly", "esp",
		}})},
		{"churn text v5", world.LogOptions{Slot: day}, made(world.Options{Seed: 14, Days: 95, Format: world.V5, AddressReuse: 0.3})},
		{"short window", world.LogOptions{Slot: day}, made(world.Options{Seed: 15, Days: 20, Scenarios: stable(), Format: world.V5})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, err := tt.world()
			if err != nil {
				t.Fatal(err)
			}
			j := judge{t: t, w: w, truth: w.Truth()}
			j.review(tt.logs)
			j.needsStay()
			j.defectsFound()
			j.forbiddenStay()
			j.inputAddsUp()
		})
	}
}

const day = 24 * 3600e9

func made(o world.Options) func() (*world.World, error) {
	return func() (*world.World, error) { return world.New(o) }
}

// stable are the scenarios in which no interface goes: with a single snapshot their evidence is whole.
func stable() []string {
	return slices.DeleteFunc(world.ScenarioNames(), func(s string) bool {
		return s == "tiers" || s == "lambda"
	})
}

type judge struct {
	t     *testing.T
	w     *world.World
	truth *world.Truth
	plan  recommend.Plan
	after []world.Rule
}

func (j *judge) review(logs world.LogOptions) {
	j.t.Helper()
	dir := j.t.TempDir()
	if _, err := j.w.WriteLogs(filepath.Join(dir, "logs"), logs); err != nil {
		j.t.Fatal(err)
	}
	if err := j.w.WriteEstate(filepath.Join(dir, "estate")); err != nil {
		j.t.Fatal(err)
	}
	var out, errs strings.Builder
	args := []string{"review", filepath.Join(dir, "logs"), "--estate", filepath.Join(dir, "estate"), "-o", filepath.Join(dir, "out"), "--quiet"}
	if code := run(context.Background(), args, streams{strings.NewReader(""), &out, &errs}); code != 0 {
		j.t.Fatalf("review exits with %d: %s", code, errs.String())
	}
	text, err := os.ReadFile(filepath.Join(dir, "out", "recommendations.json"))
	if err == nil {
		err = json.Unmarshal(text, &j.plan)
	}
	if err != nil {
		j.t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(dir, "out", "proposed.json"))
	if err != nil {
		j.t.Fatal(err)
	}
	defer f.Close()
	if j.after, err = world.ReadState(f); err != nil {
		j.t.Fatal(err)
	}
}

// needsStay: what the old rules allow of the needs, the proposed ones allow too.
func (j *judge) needsStay() {
	before := j.w.Rules()
	cut := map[string]int{}
	for _, n := range j.truth.Needs {
		if j.w.Allows(before, n) && !j.w.Allows(j.after, n) {
			what := fmt.Sprintf("%s (stable %v): %s %s %s %d/%d", n.Scenario, n.Stable, n.Interface.ID, n.Direction(), n.Peer, n.Protocol, n.Port)
			cut[what]++
		}
	}
	for _, what := range recommendKeys(cut) {
		j.t.Errorf("cut: %s", what)
	}
}

// defectsFound: with enough evidence a planted defect has a change of an expected kind and status; without, nothing is
// proposed on the strength of the logs.
func (j *judge) defectsFound() {
	if len(j.truth.Defects) == 0 {
		j.t.Fatal("the world has no planted defects: nothing is judged")
	}
	for _, d := range j.truth.Defects {
		c := j.changeOf(d.Rule)
		got := "no change"
		if c != nil {
			got = fmt.Sprintf("%s %s", c.Status, c.Kind)
		}
		right := c != nil && slices.ContainsFunc(d.Expect, func(o world.Outcome) bool {
			return (o.Kind == "" || o.Kind == string(c.Kind)) && (o.Status == "" || o.Status == string(c.Status))
		})
		switch {
		case d.Sufficient && !right:
			j.t.Errorf("defect of %s: %s: got %s, want one of %v: %s", d.Scenario, d.Rule, got, d.Expect, d.Why)
		case !d.Sufficient && c != nil && c.Status == recommend.Proposed && !right && c.Kind != recommend.Duplicate:
			j.t.Errorf("defect of %s: %s: got %s without enough evidence: %s", d.Scenario, d.Rule, got, d.Why)
		}
	}
}

func (j *judge) forbiddenStay() {
	for _, f := range j.truth.Forbidden {
		if c := j.changeOf(f.Rule); c != nil && len(c.New) == 0 && c.Status != recommend.Held && c.Kind != recommend.Duplicate {
			j.t.Errorf("%s must stay (%s), got %s %s", f.Rule, f.Why, c.Status, c.Kind)
		}
	}
}

func (j *judge) inputAddsUp() {
	in := j.plan.Input
	if in.Records == 0 || in.Records != in.Used+in.CoverageOnly+in.Outside+in.Errors {
		j.t.Errorf("records do not add up: %+v", in)
	}
}

func (j *judge) changeOf(r world.Rule) *recommend.Change {
	for i := range j.plan.Changes {
		c := &j.plan.Changes[i]
		for _, o := range c.Old {
			if fmt.Sprintf("%s %s %s %s", c.GroupID, c.Direction, o.Service, o.Peer) == r.String() {
				return c
			}
		}
	}
	return nil
}

func recommendKeys(m map[string]int) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
