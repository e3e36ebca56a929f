package world

import (
	"fmt"
	"slices"
	"time"
)

// Format chooses the fields of the flow logs.
type Format int

const (
	V2 Format = iota // the default format, 14 fields [F 1.3]
	V5               // all fields of versions 2 to 5, 29 of them [F 1.2]
)

// Idle says how an interface without traffic is logged.
type Idle int

const (
	IdleHours     Idle = iota // one NODATA row for each whole hour without traffic: thin, and enough for coverage
	IdleIntervals             // one NODATA row for each idle aggregation interval, as AWS does [F 1.3]
	IdleNone                  // no NODATA rows
)

// Options say what world to make. The zero value is a world of all scenarios, 30 days, default format.
type Options struct {
	Seed      uint64
	Start     time.Time // first day of the window, UTC midnight; zero: 2026-01-01
	Days      int       // of the window; 0: 30
	AfterDays int       // days after the window that can be replayed; 0: 31
	// Interfaces is about how many interfaces are alive at a time; 0: as many as the scenarios need (all of them: about 180).
	// Members of the scenario tiers make up the rest, in one VPC for every 400.
	Interfaces int
	// Conversations is about how many connections the ordinary traffic makes in the window (the traffic that scenarios
	// need for their labels comes on top); 0: natural rates. RecordTarget instead steers by the number of flow-log records.
	Conversations int
	RecordTarget  int
	Network       int      // the first VPC is 10.NETWORK.0.0/16, the second the next, below 10.200; 0: 20
	Account       string   // "": 123456789012
	Region        string   // "": us-east-1
	Scenarios     []string // names as in ScenarioNames; nil: all
	Format        Format
	Fields        []string // AWS's field names in order; overrides Format
	Aggregation   int      // 60 or 600 seconds; 0: 600
	Overlap       bool     // a second flow log on every VPC, with the other aggregation interval and the same fields
	Idle          Idle
	Busy          float64 // multiplies all traffic, that of labels too; 0: 1
	SkipShare     float64 // share of interface-hours in which AWS skipped records: one SKIPDATA row, one interval lost
	ChurnDays     float64 // life of an autoscaled member in days; 0: 4
	AddressReuse  float64 // share of new members that take an address another interface has released
	Visitors      int     // size of the Internet public that visits world-open services; 0: 3000
	Crowd         float64 // multiplies the public's visits to the shops of the tiers; 0: 1
	Services      int     // scenario microservices: number of services, each with a group of its own; 0: 6
	RulesPerGroup int     // scenario microservices: rules a group is filled up to (unused ones); 0: as needed
}

func (o *Options) setDefaults() {
	if o.Start.IsZero() {
		o.Start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	o.Days = orInt(o.Days, 30)
	o.AfterDays = orInt(o.AfterDays, 31)
	o.Aggregation = orInt(o.Aggregation, 600)
	o.Visitors = orInt(o.Visitors, 3000)
	o.Network = orInt(o.Network, 20)
	o.Services = orInt(o.Services, 6)
	if o.Account == "" {
		o.Account = "123456789012"
	}
	if o.Region == "" {
		o.Region = "us-east-1"
	}
	if o.ChurnDays == 0 {
		o.ChurnDays = 4
	}
	if o.Busy == 0 {
		o.Busy = 1
	}
	if o.Crowd == 0 {
		o.Crowd = 1
	}
	if o.Scenarios == nil {
		o.Scenarios = ScenarioNames()
	}
	if o.Fields == nil {
		o.Fields = V2Fields
		if o.Format == V5 {
			o.Fields = V5Fields
		}
	}
}

func orInt(v, zero int) int {
	if v == 0 {
		return zero
	}
	return v
}

func (o *Options) check() error {
	switch {
	case o.Start.UTC().Truncate(24*time.Hour) != o.Start.UTC():
		return fmt.Errorf("start %s: want midnight UTC", o.Start)
	case o.Days < 1 || o.AfterDays < 0:
		return fmt.Errorf("days %d, days after %d: want at least 1 and 0", o.Days, o.AfterDays)
	case o.Aggregation != 60 && o.Aggregation != 600:
		return fmt.Errorf("aggregation %d: want 60 or 600", o.Aggregation)
	case o.ChurnDays < 0.25:
		return fmt.Errorf("churn days %g: want at least 0.25", o.ChurnDays)
	case o.Network < 1 || o.Network > 199:
		return fmt.Errorf("network %d: want 1 to 199", o.Network)
	case o.Services < 2:
		return fmt.Errorf("services %d: want at least 2", o.Services)
	case o.RulesPerGroup > 60:
		return fmt.Errorf("rules per group %d: the quota is 60", o.RulesPerGroup)
	}
	for _, s := range o.Scenarios {
		if !slices.Contains(ScenarioNames(), s) {
			return fmt.Errorf("scenario %q: want one of %v", s, ScenarioNames())
		}
	}
	for _, f := range o.Fields {
		if _, ok := columnByName[f]; !ok {
			return fmt.Errorf("field %q is not of versions 2 to 5", f)
		}
	}
	return nil
}
