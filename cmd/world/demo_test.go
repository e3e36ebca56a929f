package world

import (
	"net/netip"
	"testing"
)

// TestDemo: small enough to read and to make in a moment, rich enough to show every status.
func TestDemo(t *testing.T) {
	w := Demo(1)
	if n := len(w.Groups); n < 12 || n > 20 {
		t.Errorf("groups: got %d, want 12 to 20", n)
	}
	if n := len(w.InterfacesAt(w.end - 1)); n < 30 || n > 45 {
		t.Errorf("interfaces: got %d, want about 40", n)
	}
	n, err := w.WriteLogs(t.TempDir(), DemoLogs)
	if err != nil {
		t.Fatal(err)
	}
	if n.Records < 150_000 || n.Records > 400_000 || n.Bytes > 10<<20 {
		t.Errorf("logs: %d records, %d bytes; want a few hundred thousand, at most 10 MiB", n.Records, n.Bytes)
	}
	status := map[string]int{}
	for _, d := range w.defects {
		for _, o := range d.Expect {
			status[o.Status]++
		}
	}
	for _, s := range []string{"proposed", "review", "held"} {
		if status[s] < 2 {
			t.Errorf("defects that should be %s: got %d, want several", s, status[s])
		}
	}
	if len(w.forbidden) < 4 {
		t.Errorf("rules to keep: got %d, want several", len(w.forbidden))
	}
}

// TestBench: about as many records as asked for; many keys are many more peers than few keys.
func TestBench(t *testing.T) {
	peers := map[bool]int{}
	for _, many := range []bool{false, true} {
		distinct, n := map[netip.Addr]bool{}, 0
		for r := range mustNew(t, Bench(200_000, many)).Records() {
			distinct[r.PktSrc] = true
			n++
		}
		if n < 180_000 || n > 220_000 {
			t.Errorf("many keys %v: got %d records, want about 200,000", many, n)
		}
		peers[many] = len(distinct)
	}
	if peers[true] < 4*peers[false] {
		t.Errorf("addresses: %d with many keys, %d with few", peers[true], peers[false])
	}
}
