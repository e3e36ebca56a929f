package compare

import (
	"fmt"
	"iter"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/ledger"
	"github.com/sgtrim/sgtrim/analyze/orient"
)

func TestMap(t *testing.T) {
	m, err := ReadMap(strings.NewReader("before,after\n# servers\n10.1.0.0/16, 10.9.0.0/16\n10.1.2.3,192.168.0.7\n2001:db8:1::/48,2001:db8:9::/48\nold web,web\n"))
	if err != nil {
		t.Fatal(err)
	}
	for from, want := range map[string]string{
		"10.1.4.5": "10.9.4.5", "10.1.2.3": "192.168.0.7", "10.1.255.255": "10.9.255.255", "2001:db8:1:2::3": "2001:db8:9:2::3", "10.2.0.1": "",
	} {
		got, ok := m.addr(netip.MustParseAddr(from))
		if ok != (want != "") || ok && got != netip.MustParseAddr(want) {
			t.Errorf("%s becomes %v, %v; want %q", from, got, ok, want)
		}
	}
	if m.name("old web") != "web" || m.name("db") != "db" || (*Map)(nil).name("db") != "db" {
		t.Error("names are not mapped as they should be")
	}
	for text, want := range map[string]string{
		"10.0.0.1\n":                          "line 1",
		"10.0.0.0/8,10.0.0.0/16\n":            "line 1: \"10.0.0.0/8\" and \"10.0.0.0/16\": want networks of one size and family",
		"a,b\n10.0.0.1,db\n":                  "line 2: \"10.0.0.1\" and \"db\": want two addresses, two networks, or two names",
		"a,b\na,c\n":                          "line 2: \"a\" is named twice",
		"10.0.0.300,10.0.0.1\n":               "line 1: \"10.0.0.300\" is neither an address nor a network",
		"10.0.0.1/8,11.0.0.0/8\n":             "want 10.0.0.0/8",
		"10.0.0.1,::1\n":                      "one size and family",
		"x,\n":                                "line 1: an empty field",
		"\"unclosed,10.0.0.0/8\n10.0.0.0/8\n": "line 1",
	} {
		if _, err := ReadMap(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
}

// saw is a short form: "day client > service:port strength flows" with what is logged at the service, "<" at the client.
func saw(t *testing.T, lines ...string) iter.Seq2[orient.Conversation, error] {
	t.Helper()
	var all []orient.Conversation
	for _, line := range lines {
		var day int32
		var client, at, service, strength string
		var port uint16
		var flows int64
		if _, err := fmt.Sscan(strings.Replace(line, ":", " ", 1), &day, &client, &at, &service, &port, &strength, &flows); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		c := orient.Conversation{Key: orient.Key{Day: day, Interface: "eni-" + service, Direction: analyze.Ingress, Local: netip.MustParseAddr(service),
			Peer: netip.MustParseAddr(client), Proto: 6, Port: port, Action: analyze.Accept}, Hours: 1 << 10, First: int64(day)*86400 + 36000, Last: int64(day)*86400 + 36060,
			Orientation: analyze.OwnFlags}
		if at == "<" {
			c.Interface, c.Direction, c.Local, c.Peer = "eni-"+client, analyze.Egress, c.Peer, c.Local
		}
		s, known := map[string]analyze.Strength{"established": analyze.Established, "attempt": analyze.Attempt, "one-way": analyze.OneWay,
			"rejected": analyze.Rejected, "ambiguous": analyze.Established}[strength]
		if !known {
			t.Fatalf("%s: strength %s", line, strength)
		}
		if strength == "ambiguous" {
			c.Orientation = analyze.Ambiguous
		}
		if s == analyze.Rejected {
			c.Action = analyze.Reject
		}
		c.Counters[s] = orient.Counter{Flows: flows, Packets: flows, Bytes: flows * 1000}
		all = append(all, c)
	}
	return func(yield func(orient.Conversation, error) bool) {
		for _, c := range all {
			if !yield(c, nil) {
				return
			}
		}
	}
}

func days(first, last int32) (all []int32) {
	for day := first; day <= last; day++ {
		all = append(all, day)
	}
	return all
}

// logged is coverage of whole days of the interfaces.
func logged(days []int32, interfaces ...string) (rows []ledger.Coverage) {
	for _, day := range days {
		for _, id := range interfaces {
			rows = append(rows, ledger.Coverage{Day: day, Interface: id, Covered: 1<<24 - 1})
		}
	}
	return rows
}

// What became of each link, and why, case by case. Day 4 was a Monday; 11 and 18 were, too.
func TestStatus(t *testing.T) {
	network := func(name, cidr string) Network { return Network{name, []netip.Prefix{netip.MustParsePrefix(cidr)}} }
	opt := Options{By: By{What: ByNetwork}, Networks: []Network{network("web", "10.0.1.0/24"), network("db", "10.0.2.0/24"), network("web", "10.9.1.0/24"),
		network("db", "10.9.2.0/24"), network("far", "10.7.0.0/16")}}
	var daily, weekday []string
	for day := int32(4); day < 18; day++ {
		daily = append(daily, fmt.Sprintf("%d 10.0.1.1 > 10.0.2.1:5432 established 10", day))
		if !weekend(day) {
			weekday = append(weekday, fmt.Sprintf("%d 10.0.1.1 > 10.0.2.1:5432 established 10", day))
		}
	}
	const now = "18 10.9.1.1 > 10.9.2.1:443 established 1" // so that there is an interface of the service after
	for _, tt := range []struct {
		name          string
		before, after []string
		first, last   int32 // of after
		want          string
	}{
		{"moved", daily, []string{"18 10.9.1.1 > 10.9.2.1:5432 established 5"}, 18, 18, "moved 140 5"},
		{"same", daily, []string{"18 10.0.1.7 > 10.0.2.1:5432 established 5"}, 18, 18, "same 140 5"},
		{"silent", daily, []string{now}, 18, 18, "lost silent 0.0455"},
		{"rejected", daily, []string{now, "18 10.9.1.1 > 10.9.2.1:5432 rejected 3"}, 18, 18, "lost rejected 0"},
		{"refused", daily, []string{now, "18 10.9.1.1 > 10.9.2.1:5432 attempt 3"}, 18, 18, "lost refused 0"},
		{"doubtful", daily, []string{now, "18 10.9.1.1 > 10.9.2.1:5432 ambiguous 3"}, 18, 18, "lost doubtful 0"},
		{"weekend", weekday, []string{strings.Replace(now, "18", "16", 1)}, 16, 17, "lost not due 0.81"},
		{"weekday", weekday, []string{now}, 18, 18, "lost silent 0.0455"},
		{"once", daily[3:4], []string{now}, 18, 18, "lost not due 0.8636"},
		{"not logged", []string{"4 10.7.0.1 > 10.8.0.1:22 established 1"}, []string{now}, 18, 18, "lost not logged 0"},
		{"blocked", []string{"4 10.7.0.1 > 10.8.0.1:22 attempt 1"}, []string{now, "18 10.7.0.1 > 10.9.2.1:22 rejected 2"}, 18, 18, "blocked rejected"},
		{"as blocked as before", []string{"4 10.7.0.1 > 10.0.2.1:22 rejected 1"}, []string{"18 10.7.0.1 > 10.9.2.1:22 rejected 2"}, 18, 18, ""},
		{"gained", []string{"4 10.7.0.1 > 10.8.0.1:22 attempt 1"}, []string{"18 10.7.0.1 > 10.9.2.1:22 established 2"}, 18, 18, "gained 0 2"},
		{"scan", []string{"4 10.7.0.1 > 10.8.0.1:22 attempt 1"}, []string{"18 8.8.8.8 > 10.9.2.1:23 one-way 2"}, 18, 18, ""},
		{"both ends", []string{"4 10.0.1.1 > 10.0.2.1:22 established 7", "4 10.0.1.1 < 10.0.2.1:22 established 9", "5 10.0.1.1 > 10.0.2.1:22 established 2"},
			[]string{"18 10.0.1.1 > 10.0.2.1:22 established 1"}, 18, 18, "same 11 1"},
	} {
		r, err := Compare(Side{Conversations: saw(t, tt.before...), Days: days(4, 17)},
			Side{Conversations: saw(t, tt.after...), Days: days(tt.first, tt.last), Coverage: logged(days(tt.first, tt.last), "eni-10.9.2.1")}, opt)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, c := range r.Changes {
			switch {
			case c.Ports.First == 443:
				continue
			case c.Status == Lost:
				got += fmt.Sprintf("%s %s %g", c.Status, c.Why, c.SilentChance)
			case c.Status == Blocked:
				got += fmt.Sprintf("%s %s", c.Status, c.Why)
			default:
				got += fmt.Sprintf("%s %d %d", c.Status, c.Before.Flows, c.After.Flows)
			}
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// The peak is the busiest hour: a day's counts lie evenly in the hours in which they were seen. Many dynamic ports are one.
func TestPeaksAndPorts(t *testing.T) {
	var lines []string
	for n := range 20 {
		lines = append(lines, fmt.Sprintf("4 10.0.1.1 > 10.0.2.1:%d established %d", 49152+n*100, n+1))
	}
	r, err := Compare(Side{Conversations: saw(t, lines...), Days: days(4, 4)}, Side{Conversations: saw(t), Days: days(18, 18)}, Options{By: By{What: ByNetwork}})
	if err != nil || len(r.Changes) != 1 {
		t.Fatalf("%d changes, error %v", len(r.Changes), err)
	}
	want := Seen{Flows: 210, Bytes: 210000, Days: 1, First: 4*86400 + 36000, Last: 4*86400 + 36060, PeakFlows: Peak{20, 4*86400 + 36000},
		PeakBytes: Peak{20000, 4*86400 + 36000}, Clients: []string{"10.0.1.0/24"}, Services: []string{"10.0.2.0/24"}}
	if diff := cmp.Diff(want, r.Changes[0].Before); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if p := r.Changes[0].Ports; p != (analyze.PortRange{First: 32768, Last: 65535}) {
		t.Errorf("ports %v", p)
	}
	spread := &view{}
	spread.add(tally{flows: 12, bytes: 1200}, 0b111)
	spread.add(tally{flows: 3, bytes: 300}, 0b100)
	if spread.hours[0] != [2]float64{4, 400} || spread.hours[2] != [2]float64{7, 700} || spread.hours[3] != [2]float64{} {
		t.Errorf("hours %v", spread.hours[:4])
	}
}
