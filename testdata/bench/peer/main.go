// Command peer measures sgtrim's ingest beside DuckDB on the same generated flow logs, in one run: `make bench-peer`.
//
// Every measurement is a process of its own, so that its CPU seconds and its peak memory are its own, and the competitors take
// turns, so that a load from elsewhere meets all of them. DuckDB runs in this program, which starts itself anew for it.
//
//	sgtrim   `sgtrim ingest`, from files to the written ledger
//	bare     DuckDB: one GROUP BY over the fields that a conversation cannot do without, with its sums and times, of which only
//	         totals are asked
//	count    DuckDB: the same groups without sums and times: the four columns of them are not read
//	key      DuckDB: grouped by the key of the ledger's evidence, with its values, and written to Parquet
//	floor    nothing but inflating what sgtrim reads, with sgtrim's inflater and the codecs' own libraries
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"strconv"
)

// settings are the flags.
type settings struct {
	dir     string // of worlds and results
	sgtrim  string // the program measured
	worlds  string // the program that makes worlds
	records int
	slot    string
	rounds  int
	only    *regexp.Regexp // inputs
	who     *regexp.Regexp // competitors
	threads int
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if len(os.Args) > 3 && os.Args[1] == asChild {
		err = child(os.Args[2], os.Args[3:])
	} else {
		err = parent(ctx, os.Args[1:], os.Stdout)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "peer: error: %v\n", err)
		os.Exit(1)
	}
}

func parse(args []string) (*settings, error) {
	s := &settings{}
	only, who := "", ""
	f := flag.NewFlagSet("peer", flag.ContinueOnError)
	f.StringVar(&s.dir, "dir", "", "folder for worlds and results (required); worlds that are there are used again")
	f.StringVar(&s.sgtrim, "sgtrim", "", "the sgtrim program (required)")
	f.StringVar(&s.worlds, "worldgen", "", "the worldgen program (required)")
	f.IntVar(&s.records, "records", 10_000_000, "about how many records a world has")
	f.StringVar(&s.slot, "slot", "5m", "what one object holds; AWS writes one every 5 minutes")
	f.IntVar(&s.rounds, "rounds", 3, "times that each is measured; the median counts")
	f.StringVar(&only, "only", "", "pattern of the inputs to measure")
	f.StringVar(&who, "who", "", "pattern of the competitors to measure beside sgtrim")
	f.IntVar(&s.threads, "threads", min(2, runtime.NumCPU()), "cores for each")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if s.dir == "" || s.sgtrim == "" || s.worlds == "" {
		return nil, fmt.Errorf("-dir, -sgtrim and -worldgen are required")
	}
	if s.rounds < 1 || s.threads < 1 {
		return nil, fmt.Errorf("-rounds and -threads: want 1 or more")
	}
	var err error
	if s.only, err = regexp.Compile(only); err != nil {
		return nil, err
	}
	s.who, err = regexp.Compile(who)
	return s, err
}

func parent(ctx context.Context, args []string, out io.Writer) error {
	s, err := parse(args)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d threads each, median of %d; s: wall seconds, cpu: user and system seconds, M/s: records of wall time\n\n", s.threads, s.rounds)
	fmt.Fprintf(out, "%-38s %-8s %7s %7s %7s %7s   %s\n", "input", "who", "s", "cpu", "M/s", "MiB", "sgtrim is so many times as fast: wall, cpu")
	for _, in := range inputs {
		if !s.only.MatchString(in.name()) {
			continue
		}
		if err := in.make(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", in.name(), err)
		}
		t, err := s.measure(ctx, in)
		if err != nil {
			return fmt.Errorf("%s: %w", in.name(), err)
		}
		t.print(out)
	}
	return nil
}

// asChild is the first argument of this program as a competitor.
const asChild = "run"

// child runs one competitor and prints how many records it read: what it is, threads, the folder of the logs, and a file for
// what it writes.
func child(who string, args []string) error {
	threads, err := strconv.Atoi(args[0])
	if err != nil || len(args) != 3 {
		return fmt.Errorf("run %s THREADS LOGS OUT", who)
	}
	runtime.GOMAXPROCS(threads)
	read := inflateAll
	if who != "floor" {
		read = duckDB(who)
	}
	n, err := read(threads, args[1], args[2])
	if err == nil {
		fmt.Println(n)
	}
	return err
}
