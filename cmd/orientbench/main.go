// Command orientbench measures who orientation says has opened a connection, against connections whose client is known
// (docs/orientation.md).
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "orientbench: error: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := flag.NewFlagSet("orientbench", flag.ContinueOnError)
	f.SetOutput(stderr)
	b := bench{}
	f.IntVar(&b.connections, "connections", 1_000_000, "connections of each class (a service and a kind of client), half in either format")
	f.StringVar(&b.only, "only", "", "services to measure, with commas between; empty: all")
	f.IntVar(&b.perDay, "day", 25_000, "connections of one day at most; memory grows with it")
	f.Uint64Var(&b.seed, "seed", 1, "seed")
	f.StringVar(&b.zeek, "zeek", "../shared/data/zeek-otrf", "folder of Zeek connection logs; left out where it is absent")
	if err := f.Parse(args); err != nil {
		return err
	}
	results, err := b.run(ctx, stderr)
	if err != nil {
		return err
	}
	if err := writeTables(stdout, results); err != nil {
		return err
	}
	if missed := missedTargets(results); len(missed) > 0 {
		for _, m := range missed {
			fmt.Fprintln(stderr, "missed:", m)
		}
		return fmt.Errorf("%d targets missed", len(missed))
	}
	return nil
}
