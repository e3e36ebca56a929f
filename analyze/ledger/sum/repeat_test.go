package sum

import (
	"testing"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/ledger/sum/sumtest"
	"github.com/sgtrim/sgtrim/ingest"
)

// A fleet's port folds within its bounds, all of its connections, and not one beyond them.
func TestFleet(t *testing.T) {
	for _, c := range []struct {
		name                      string
		hosts, ports, connections int
		again                     bool // each client's port meets two
		folds                     bool
	}{
		{"enough", fleetAddresses, 1, fleetLeast, false, true},
		{"an address too few", fleetAddresses - 1, 1, fleetLeast, false, false},
		{"a connection too few", fleetAddresses, 1, fleetLeast - 1, false, false},
		{"many ports", fleetAddresses, fleetPorts, fleetLeast, false, true},
		{"a port too many", fleetAddresses, fleetPorts + 1, fleetLeast, false, false},
		{"client ports that met two", fleetAddresses, 2, fleetLeast, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			slot := time.Unix(worldDay*86400, 0).UTC()
			o := sumtest.Object{Object: ingest.Object{URL: "s3://b/o", Account: "111111111111", Region: "eu-west-1", FlowLog: "fl-1", Slot: slot}}
			o.Records = fleet(slot.Unix(), c.hosts, c.ports, func() int { return c.connections })
			for i := range o.Records {
				if r := &o.Records[i]; c.again && r.DstPort == 8444 {
					r.SrcPort -= c.connections
				} else if c.again && r.SrcPort == 8444 {
					r.DstPort -= c.connections
				}
			}
			l := open(t, t.TempDir(), 0)
			s := New(l)
			if err := sumtest.Add(s.Sink(0), 100, o); err != nil {
				t.Fatal(err)
			}
			checkpoint(t, s)
			sessions := map[analyze.Reason]int64{}
			for _, e := range evidence(t, l) {
				sessions[e.Reason] += e.Sessions
			}
			want := map[bool]analyze.Reason{true: analyze.Repetition, false: analyze.Ambiguous}[c.folds]
			if all := int64(c.hosts * c.ports * c.connections); sessions[want] != all {
				t.Errorf("sessions by reason: %v; want all %d as %v", sessions, all, want)
			}
		})
	}
}
