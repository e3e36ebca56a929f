package main

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/sgtrim/sgtrim/recommend"
)

func TestFailOn(t *testing.T) {
	p := &recommend.Plan{
		Totals:   recommend.Totals{Proposed: 3},
		Exposure: recommend.Exposure{Before: recommend.ExposureFigures{Reachable: 12, AdminOpen: 1, Log2Space: 31.5}},
		Changes: []recommend.Change{
			{Status: recommend.Review, Denies: make([]recommend.Traffic, 2), Risk: recommend.Risk{Expected: 0.5, High: 0.9}},
			{Status: recommend.Review, Denies: make([]recommend.Traffic, 5), Selected: true, Risk: recommend.Risk{Expected: 0.02, High: 0.1}},
		},
	}
	for _, tt := range []struct {
		on, says string // "" does not hold
		usage    bool
	}{
		{on: "proposed", says: "--fail-on proposed: there are 3"},
		{on: "proposed>2", says: "--fail-on proposed>2: there are 3"},
		{on: "proposed>3"},
		{on: "review"},
		{on: "denied", says: "--fail-on denied: there are 5"},
		{on: "exposure>11", says: "--fail-on exposure>11: it is 12"},
		{on: "exposure > 12"},
		{on: "exposure.admin_open>0", says: "--fail-on exposure.admin_open>0: it is 1"},
		{on: "exposure.log2_space>31.4", says: "--fail-on exposure.log2_space>31.4: it is 31.5"},
		{on: "held,exposure>1", says: "--fail-on exposure>1: it is 12"},
		{on: "risk>0.019", says: "--fail-on risk>0.019: it is 0.02"},
		{on: "risk>0.02"},
		{on: "risk.high>0.05", says: "--fail-on risk.high>0.05: it is 0.1"},
		{on: "exposure", says: "wants a bound", usage: true},
		{on: "exposure>", says: "is no bound", usage: true},
		{on: "exposure>-1", says: "is no bound", usage: true},
		{on: "exposure>x", says: "is no bound", usage: true},
		{on: "bananas>1", says: "want proposed, review, held, denied, exposure>N, risk>N", usage: true},
		{on: "", says: "want proposed", usage: true},
	} {
		f := failFlags{counts: planCounts, measures: planMeasures, chosen: strings.Split(tt.on, ",")}
		err := f.check()
		if err == nil {
			err = f.result(planFigures(p))
		}
		var usage *usageError
		switch {
		case errors.As(err, &usage) != tt.usage:
			t.Errorf("%q: got %v, usage error %v wanted", tt.on, err, tt.usage)
		case (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says):
			t.Errorf("%q: got %v, want %q", tt.on, err, tt.says)
		}
	}
}

// Every word of --fail-on is a figure, and every figure of exposure has its word.
func TestFailOnNamesTheFigures(t *testing.T) {
	figures := planFigures(&recommend.Plan{})
	for _, name := range slices.Concat(planCounts, planMeasures) {
		if _, ok := figures[name]; !ok {
			t.Errorf("%s has no figure", name)
		}
	}
	x := reflect.TypeFor[recommend.ExposureFigures]()
	for i := range x.NumField() {
		if name := "exposure." + x.Field(i).Tag.Get("json"); !slices.Contains(planMeasures, name) {
			t.Errorf("--fail-on does not take %s", name)
		}
	}
}
