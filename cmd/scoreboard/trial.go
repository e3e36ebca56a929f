package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/sgtrim/sgtrim/cmd/world"
)

// trial is one world judged with one window.
type trial struct {
	seed    uint64
	days    int
	program string // sgtrim
	keep    string // folder to leave the files in; "" leaves none
	w       *world.World
	fit     *plan // --min-window as long as the window
	policy  *plan // the default windows

	seen, after      *world.Truth
	before, proposed []world.Rule
	reviewed         []world.Rule
	result
}

// afterDays are replayed: as many as were seen, and no less than a month, so that a month's end is among them.
func afterDays(days int) int { return max(31, days) }

// options are of a world of about 200 interfaces and 20,000 conversations. Seeds differ in the start, so that weekdays and month
// ends fall elsewhere, in the format, in how fast members are replaced and in how often addresses are used again.
func options(seed uint64, days int) world.Options {
	o := world.Options{
		Seed: seed, Days: days, AfterDays: afterDays(days), Interfaces: 200, Conversations: 20000,
		Start: time.Date(2026, 1, 1+int(seed*5%31), 0, 0, 0, 0, time.UTC), Format: world.V5, ChurnDays: 2 + float64(seed%5),
		AddressReuse: 0.1 * float64(seed%4),
	}
	if seed%3 == 0 {
		o.Format = world.V2
	}
	if seed%7 == 0 {
		o.Aggregation = 60
	}
	return o
}

// run makes the world, lets sgtrim review it, and judges the plans.
func (t *trial) run() error {
	dir, err := os.MkdirTemp(t.keep, fmt.Sprintf("scoreboard-%d-%dd-", t.seed, t.days))
	if err != nil {
		return err
	}
	if t.keep == "" {
		defer os.RemoveAll(dir)
	}
	if t.w, err = world.New(options(t.seed, t.days)); err != nil {
		return err
	}
	if err := t.review(dir); err != nil {
		return fmt.Errorf("seed %d, %d days: %w", t.seed, t.days, err)
	}
	t.seen, t.after = t.w.Truth(), t.w.After(afterDays(t.days)).Truth()
	t.before = t.w.Rules()
	if t.proposed, err = t.fit.apply(t.before, "proposed"); err == nil {
		t.reviewed, err = t.fit.apply(t.before, "proposed", "review")
	}
	if err != nil {
		return fmt.Errorf("seed %d, %d days: %w", t.seed, t.days, err)
	}
	t.judge()
	return nil
}

// review runs the program as a user would: logs into a ledger, then two plans of it.
func (t *trial) review(dir string) error {
	at := func(name string) string { return filepath.Join(dir, name) }
	if _, err := t.w.WriteLogs(at("logs"), world.LogOptions{Codec: "none", Slot: 24 * time.Hour, Order: world.AsMade}); err != nil {
		return err
	}
	if err := t.w.WriteEstate(at("estate")); err != nil {
		return err
	}
	if err := t.sgtrim("ingest", at("logs"), "--ledger", at("ledger"), "--quiet"); err != nil {
		return err
	}
	read := func(name string, args ...string) (*plan, error) {
		args = append([]string{"recommend", "--ledger", at("ledger"), "--estate", at("estate"), "--quiet", "-o", at(name)}, args...)
		if err := t.sgtrim(args...); err != nil {
			return nil, err
		}
		return readPlan(filepath.Join(at(name), "recommendations.json"))
	}
	var err error
	if t.fit, err = read("fit", "--min-window", strconv.Itoa(t.days)+"d"); err == nil {
		t.policy, err = read("policy")
	}
	return err
}

func (t *trial) sgtrim(args ...string) error {
	cmd := exec.Command(t.program, args...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = nil, &said
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1") // trials run side by side
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("sgtrim %s: %w: %s", args[0], err, said.String())
	}
	return nil
}
