package world

import "time"

// DemoLogs are the log options Demo is meant for.
var DemoLogs = LogOptions{Slot: 24 * time.Hour}

// Demo is a small, readable shop: 95 days, so that every status can appear.
func Demo(seed uint64) *World {
	w, err := New(Options{Seed: seed, Days: 95, Scenarios: []string{"bruteforce", "office", "monthly", "unused", "stale", "shadowed", "wideports"}})
	if err != nil {
		panic(err) // the options are ours
	}
	return w
}
