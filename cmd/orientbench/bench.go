package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/sgtrim/sgtrim/analyze/orient"
	"github.com/sgtrim/sgtrim/cmd/world"
	"github.com/sgtrim/sgtrim/cmd/world/labelled"
)

// bench is what to measure.
type bench struct {
	connections int
	only        string
	seed        uint64
	perDay      int // connections of a day at most: it bounds the memory, and a cell of more is several days
	zeek        string
}

// cell is one class and what became of its connections.
type cell struct {
	labelled.Class
	connections int    // to make
	made        int    // with a record that arrived
	repeated    bool   // each service endpoint meets at least three client ports
	zeek        string // folder of Zeek's logs, "" for generated connections
	verdicts
}

var clientKinds = []world.OS{world.Linux, world.Windows, world.NATPort}

// variations of each service, kind of client and format: by interval, ends and delivery.
const variations = 8

// real is the name of the real connections among the services.
const real = "Zeek"

// cells lists all classes, in the order of the tables.
func (b *bench) cells() (all []cell, err error) {
	names := labelled.Services()
	if b.only != "" {
		names = strings.Split(b.only, ",")
	}
	for _, name := range names {
		if !slices.Contains(labelled.Services(), name) {
			return nil, fmt.Errorf("service %q: want some of %s", name, strings.Join(labelled.Services(), ", "))
		}
		for _, kind := range clientKinds {
			for n := range 2 * variations {
				c := labelled.Class{Service: name, Clients: kind, Interval: interval(n), BothEnds: n&2 != 0, Rough: n&4 != 0, Full: n&8 != 0}
				all = append(all, cell{Class: c, connections: (b.connections + 2*variations - 1) / (2 * variations), repeated: labelled.Repeated(name)})
			}
		}
	}
	if _, err := os.Stat(b.zeek); err == nil && b.only == "" {
		for n := range 8 {
			c := labelled.Class{Service: real, Interval: interval(n), Rough: n&2 != 0, Full: n&4 != 0}
			all = append(all, cell{Class: c, connections: 1, repeated: true, zeek: b.zeek})
		}
	}
	return all, nil
}

func interval(n int) int64 { return [...]int64{60, 600}[n%2] }

// run measures the cells on all cores.
func (b *bench) run(ctx context.Context, progress io.Writer) ([]cell, error) {
	all, err := b.cells()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var workers sync.WaitGroup
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := range next {
				if err := all[i].measure(ctx, b.perDay, b.seed+uint64(i)<<32); err != nil {
					cancel(err)
				}
			}
		})
	}
	for i := range all {
		if i%(2*variations) == 0 {
			fmt.Fprintf(progress, "%d of %d classes\n", i/(2*variations), len(all)/(2*variations))
		}
		select {
		case next <- i:
		case <-ctx.Done():
		}
	}
	close(next)
	workers.Wait()
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return nil, err
	}
	return all, ctx.Err()
}

func (c *cell) measure(ctx context.Context, perDay int, seed uint64) error {
	for done := 0; done < c.connections; done += perDay {
		day, err := c.day(min(perDay, c.connections-done), seed+uint64(done))
		if err != nil {
			return err
		}
		r, s := readings{}, strengths{}
		if err := oriented(ctx, day.Objects, func(conv *orient.Conversation) { r.see(conv); s.see(conv) }); err != nil {
			return fmt.Errorf("%s: %w", c, err)
		}
		c.made += day.Connections
		if !c.Rough {
			c.strength.add(s.compare(expected(day.Views, r)))
		}
		c.add(judge(day.Views, r, !c.repeated || c.zeek != ""))
	}
	return nil
}

func (c *cell) day(n int, seed uint64) (*labelled.Day, error) {
	if c.zeek != "" {
		return labelled.Zeek(c.Class, c.zeek, seed)
	}
	return labelled.New(c.Class, n, seed), nil
}

// String names what the class says.
func (c *cell) String() string {
	words := []string{c.Service, kindName(c.Clients), map[bool]string{false: "v2", true: "full"}[c.Full]}
	if c.Interval > 0 {
		words = append(words, fmt.Sprint(c.Interval, " s"), logged(c), delivery(c))
	}
	return strings.Join(words, ", ")
}

func kindName(k world.OS) string { return [...]string{"Linux", "Windows", "NAT"}[k] }
