package orient_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/sgtrim/sgtrim/analyze/orient"
)

// Where two kinds of evidence contradict each other, the better one decides (design §4.4). Each day is such that the worse one
// alone would say the opposite; what it would take for that is the second day, without the better evidence.
func TestBetterEvidenceWins(t *testing.T) {
	const (
		elsewhere  = "tcp 10.0.9.9:60000 > 10.0.1.1:50001 f2 in eni-2\ntcp 10.0.1.1:50001 > 10.0.9.9:60000 f18 out eni-2\n---\n"
		connection = "tcp 10.0.1.1:50001 > 10.0.0.1:40404 in\ntcp 10.0.0.1:40404 > 10.0.1.1:50001 out\n"
		repeated   = "tcp 10.0.1.2:50002 > 10.0.0.1:40404 in\ntcp 10.0.0.1:40404 > 10.0.1.2:50002 out\n" +
			"tcp 10.0.1.3:50003 > 10.0.0.1:40404 in\ntcp 10.0.0.1:40404 > 10.0.1.3:50003 out\n"
		ingress = "eni-1 ingress < 10.0.0.1 > 10.0.1.1 tcp 40404 ACCEPT: "
		egress  = "eni-1 egress < 10.0.0.1 > 10.0.1.1 tcp 50001 ACCEPT: "
	)
	answered := strings.Replace(connection, "50001 out", "50001 f18 out", 1)
	opened := strings.Replace(answered, "40404 in", "40404 f2 in", 1)
	for _, c := range []struct {
		name, better, worse string // days
		known               []uint16
		want, without       string
	}{
		{"flags, a service known elsewhere", elsewhere + opened, elsewhere + connection, nil, ingress + "flags", egress + "endpoint"},
		{"the counterpart's flags, a service known elsewhere", elsewhere + answered, elsewhere + connection, nil,
			ingress + "counterpart", egress + "endpoint"},
		{"a service known elsewhere, repetition", elsewhere + connection + repeated, connection + repeated, nil, egress + "endpoint", ingress + "repetition"},
		{"repetition, known ports", connection + repeated, connection, []uint16{50001}, ingress + "repetition", egress + "known-port"},
	} {
		for day, want := range map[string]string{c.better: c.want, c.worse: c.without} {
			got := texts(conversations(t, orient.Options{KnownPorts: c.known}, flows(day)...))
			if !slices.ContainsFunc(got, func(line string) bool { return strings.HasPrefix(line, want+",") }) {
				t.Errorf("%s: got %v, want %s", c.name, got, want)
			}
		}
	}
	day := "tcp 10.0.1.1:5000 > 10.0.0.1:443 in\ntcp 10.0.0.1:443 > 10.0.1.1:5000 out\n"
	for _, c := range []struct {
		known []uint16
		want  string
	}{{[]uint16{5000}, "eni-1 egress < 10.0.0.1 > 10.0.1.1 tcp 5000 ACCEPT: known-port, "}, {nil, "eni-1 ingress < 10.0.0.1 > 10.0.1.1 tcp 443 ACCEPT: registry, "}} {
		if got := texts(conversations(t, orient.Options{KnownPorts: c.known}, flows(day)...)); len(got) != 1 || !strings.HasPrefix(got[0], c.want) {
			t.Errorf("known ports %v: got %v, want %s", c.known, got, c.want)
		}
	}
}
