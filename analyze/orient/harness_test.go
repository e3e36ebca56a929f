package orient_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/ledger"
	"github.com/sgtrim/sgtrim/analyze/ledger/sum"
	"github.com/sgtrim/sgtrim/analyze/ledger/sum/sumtest"
	"github.com/sgtrim/sgtrim/analyze/orient"
)

func seeded(t *testing.T) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

// conversations takes records through the ledger, one object for each list, and orients every day.
func conversations(t *testing.T, opt orient.Options, objects ...sumtest.Object) (all []orient.Conversation) {
	t.Helper()
	l, err := ledger.Open(t.TempDir(), ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := sum.New(l)
	for i := range objects {
		if objects[i].URL == "" {
			objects[i].URL = fmt.Sprint("s3://b/", i)
		}
	}
	if err := sumtest.Add(s.Sink(0), 1000, objects...); err != nil {
		t.Fatal(err)
	}
	if err := s.Checkpoint(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, day := range l.Days() {
		day, err := orient.Day(orient.Source{Evidence: l.Evidence(day), Keys: l.Keys(day)}, opt)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, day...)
	}
	return all
}

func object(records ...sumtest.Record) sumtest.Object { return sumtest.Object{Records: records} }

// text is a conversation as a line: what it is, how strong, why, and how much.
func text(c orient.Conversation) string {
	var counts []string
	for s := analyze.NumStrengths; s > 0; s-- {
		if n := c.Counters[s-1]; n != (orient.Counter{}) {
			counts = append(counts, fmt.Sprintf("%s %d/%d/%d", s-1, n.Flows, n.Packets, n.Bytes))
		}
	}
	line := fmt.Sprintf("%s %s < %s > %s %s %s: %s, %s", c.Interface, c.Direction, c.Local, c.Peer, analyze.PortService(analyze.Proto(c.Proto), analyze.PortRange{First: c.Port, Last: c.Port}),
		c.Action, c.Orientation, strings.Join(counts, ", "))
	if c.Link != 0 {
		line += fmt.Sprint(" linked ", c.Link&0xffffffff)
	}
	if c.Unlikely {
		line += " unlikely"
	}
	return line
}

func texts(all []orient.Conversation) (lines []string) {
	for _, c := range all {
		lines = append(lines, text(c))
	}
	return lines
}
