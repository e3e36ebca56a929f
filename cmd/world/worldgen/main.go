// Command worldgen writes a pretended AWS estate and its flow logs.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sgtrim/sgtrim/cmd/world"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintf(os.Stderr, "worldgen: error: %v\n", err)
		os.Exit(1)
	}
}

// settings are the flags.
type settings struct {
	world.Options
	world.LogOptions
	out, start, scenarios, format, order string
	after                                int
	demo, list, intervals, truth         bool
	history                              string
}

func parse(args []string, stderr io.Writer) (*settings, error) {
	s := &settings{}
	f := flag.NewFlagSet("worldgen", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&s.out, "out", "", "folder for estate/, logs/ and truth.json (required)")
	f.BoolVar(&s.demo, "demo", false, "the small example estate of `sgtrim demo`")
	f.BoolVar(&s.list, "list", false, "list the scenarios and stop")
	f.Uint64Var(&s.Seed, "seed", 1, "seed")
	f.StringVar(&s.start, "start", "2026-01-01", "first day of the window")
	f.IntVar(&s.Days, "days", 30, "days of the window")
	f.IntVar(&s.after, "after", 0, "also write so many days after the window, below after/")
	f.IntVar(&s.Options.Interfaces, "interfaces", 0, "about how many interfaces; 0: as the scenarios need")
	f.IntVar(&s.Conversations, "conversations", 0, "about how many ordinary connections in the window; 0: natural rates")
	f.IntVar(&s.RecordTarget, "records", 0, "about how many records in the window; wins over -conversations")
	f.IntVar(&s.Network, "network", 0, "second octet of the first VPC's network; 0: 20")
	f.Float64Var(&s.Busy, "busy", 1, "multiplies all traffic")
	f.StringVar(&s.scenarios, "scenarios", "", "comma-separated names; empty: all")
	f.StringVar(&s.format, "format", "v2", "fields: v2, v5, or a comma-separated list")
	f.IntVar(&s.Aggregation, "aggregation", 600, "aggregation interval in seconds: 60 or 600")
	f.BoolVar(&s.Overlap, "overlap", false, "a second flow log with the other interval")
	f.BoolVar(&s.intervals, "nodata", false, "one NODATA row an idle interval instead of one an idle hour")
	f.Float64Var(&s.SkipShare, "skip", 0, "share of interface-hours with SKIPDATA")
	f.Float64Var(&s.ChurnDays, "churn", 0, "life of autoscaled members in days")
	f.Float64Var(&s.AddressReuse, "reuse", 0, "share of new members that take a released address")
	f.IntVar(&s.Visitors, "visitors", 0, "size of the Internet public")
	f.Float64Var(&s.Crowd, "crowd", 1, "multiplies the public's visits to the tiers' load balancers: with many visitors, many distinct keys")
	f.IntVar(&s.Services, "services", 0, "services of the microservices scenario")
	f.IntVar(&s.RulesPerGroup, "rules", 0, "fill the services' groups up to so many rules")
	f.BoolVar(&s.Parquet, "parquet", false, "Parquet instead of text")
	f.StringVar(&s.Codec, "codec", "", "gzip or none (text); gzip, zstd or snappy (Parquet)")
	f.BoolVar(&s.PlainNumbers, "plain-numbers", false, "Parquet: numbers without dictionaries")
	f.IntVar(&s.Level, "level", 0, "gzip level of text")
	f.StringVar(&s.Prefix, "prefix", "", "prefix before AWSLogs/")
	f.BoolVar(&s.Hive, "hive", false, "Hive-compatible partitions")
	f.BoolVar(&s.Hourly, "hourly", false, "a folder an hour")
	f.DurationVar(&s.Slot, "slot", time.Hour, "what one file holds, from 5m to 24h")
	f.StringVar(&s.order, "order", "mixed", "records of a file: mixed, made (connections side by side), shuffled")
	f.StringVar(&s.history, "history", "", "also write what was there before: comma-separated of config, snapshots, trail")
	f.BoolVar(&s.truth, "truth", true, "write truth.json; it takes memory for every peer")
	f.Float64Var(&s.LoseShare, "lose", 0, "share of records that get lost")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if s.out == "" && !s.list {
		return nil, fmt.Errorf("-out is required")
	}
	return s, s.finish()
}

// finish reads the flags that are not plain values.
func (s *settings) finish() (err error) {
	if s.Start, err = time.Parse(time.DateOnly, s.start); err != nil {
		return fmt.Errorf("-start: %w", err)
	}
	if s.scenarios != "" {
		s.Scenarios = strings.Split(s.scenarios, ",")
	}
	switch s.format {
	case "v2":
	case "v5":
		s.Format = world.V5
	default:
		s.Fields = strings.Split(s.format, ",")
	}
	orders := map[string]world.Order{"mixed": world.Mixed, "made": world.AsMade, "shuffled": world.Shuffled}
	var known bool
	if s.Order, known = orders[s.order]; !known {
		return fmt.Errorf("-order %q: want mixed, made or shuffled", s.order)
	}
	if s.intervals {
		s.Idle = world.IdleIntervals
	}
	s.AfterDays = max(s.after, 1)
	return nil
}

func run(args []string, stdout, stderr io.Writer) error {
	s, err := parse(args, stderr)
	if err != nil {
		return err
	}
	if s.list {
		for _, n := range world.ScenarioNames() {
			fmt.Fprintf(stdout, "%-14s %s\n", n, world.ScenarioAbout(n))
		}
		return nil
	}
	w, err := makeWorld(s)
	if err != nil {
		return err
	}
	return write(w, s, stdout)
}

func makeWorld(s *settings) (*world.World, error) {
	if s.demo {
		s.LogOptions = world.DemoLogs
		return world.Demo(s.Seed), nil
	}
	return world.New(s.Options)
}

func write(w *world.World, s *settings, stdout io.Writer) error {
	if err := w.WriteEstate(filepath.Join(s.out, "estate")); err != nil {
		return err
	}
	if err := writeHistory(w, s); err != nil {
		return err
	}
	began := time.Now()
	n, err := w.WriteLogs(filepath.Join(s.out, "logs"), s.LogOptions)
	if err != nil {
		return err
	}
	took := time.Since(began).Seconds()
	fmt.Fprintf(stdout, "logs: %d records in %d files, %d bytes, %d lost; %.2f s, %.2f M records/s\n", n.Records, n.Files, n.Bytes, n.Lost, took,
		float64(n.Records)/took/1e6)
	if s.after > 0 {
		if _, err := w.After(s.after).WriteLogs(filepath.Join(s.out, "after"), s.LogOptions); err != nil {
			return err
		}
	}
	if !s.truth {
		return nil
	}
	return writeTruth(w, filepath.Join(s.out, "truth.json"), stdout)
}

// writeHistory writes the sources of history asked for, each into a folder of its own.
func writeHistory(w *world.World, s *settings) error {
	writers := map[string]func(string) error{"config": w.WriteConfig, "snapshots": w.WriteSnapshots, "trail": w.WriteTrail}
	for _, name := range strings.FieldsFunc(s.history, func(r rune) bool { return r == ',' }) {
		write, known := writers[name]
		if !known {
			return fmt.Errorf("-history %q: want config, snapshots or trail", name)
		}
		if err := write(filepath.Join(s.out, name)); err != nil {
			return err
		}
	}
	return nil
}

// writeTruth writes the labels of rules, and counts of what was needed.
func writeTruth(w *world.World, name string, stdout io.Writer) error {
	t := w.Truth()
	fmt.Fprintf(stdout, "truth: %d needs, %d attacks, %d defects, %d rules to keep\n", len(t.Needs), len(t.Attacks), len(t.Defects), len(t.Forbidden))
	b, err := json.MarshalIndent(map[string]any{"needs": len(t.Needs), "attacks": len(t.Attacks), "defects": t.Defects, "forbidden": t.Forbidden}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(b, '\n'), 0o644)
}
