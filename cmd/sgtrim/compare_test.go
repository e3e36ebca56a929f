package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sgtrim/sgtrim/analyze/compare"
	"github.com/sgtrim/sgtrim/cmd/world"
)

// migration is a world before and one after: every VPC, subnet, group, interface and address is another, and some services
// were left behind.
type migration struct {
	t     *testing.T
	dir   string
	sides [2]*world.World
}

func newMigration(t *testing.T) *migration {
	t.Helper()
	if testing.Short() {
		t.Skip("makes two worlds: left out of -short")
	}
	m := &migration{t: t, dir: t.TempDir()}
	for i, o := range []world.Options{
		{Seed: 31, Days: 15, Network: 20, Scenarios: []string{"tiers", "wideports", "ntp", "icmp", "batchhosts", "standby", "syslog", "scanners"}},
		{Seed: 32, Days: 7, Network: 90, Scenarios: []string{"tiers", "wideports", "icmp", "standby", "syslog", "scanners", "office"},
			Start: time.Date(2026, 1, 16, 0, 0, 0, 0, time.UTC)},
	} {
		o.ChurnDays, o.Format = 1000, world.V5
		w, err := world.New(o)
		if err != nil {
			t.Fatal(err)
		}
		m.sides[i] = w
		if err := w.WriteEstate(m.path(i, "estate")); err != nil {
			t.Fatal(err)
		}
		if _, err := w.WriteLogs(m.path(i, "logs"), world.LogOptions{Slot: day}); err != nil {
			t.Fatal(err)
		}
		m.run("ingest", m.path(i, "logs"), "--ledger", m.path(i, "ledger"), "--quiet")
	}
	return m
}

func (m *migration) path(side int, name string) string {
	return filepath.Join(m.dir, []string{"before", "after"}[side], name)
}

func (m *migration) run(args ...string) string {
	m.t.Helper()
	code, out, stderr := runArgs(m.t.Context(), args...)
	if code != exitDone {
		m.t.Fatalf("sgtrim %v: code %d\n%s", args, code, stderr)
	}
	return out
}

func (m *migration) compare(args ...string) *comparison {
	m.t.Helper()
	out := m.run(append([]string{"compare", m.path(0, "ledger"), m.path(1, "ledger"), "--format", "json"}, args...)...)
	var c comparison
	if err := json.Unmarshal([]byte(out), &c); err != nil {
		m.t.Fatal(err)
	}
	return &c
}

// links are the relations of a world by the names of groups, as the generator knows them: those that worked.
func (m *migration) links(side int) map[string]bool {
	w := m.sides[side]
	holders := map[netip.Addr]*world.Interface{}
	for _, i := range w.Interfaces {
		for _, a := range append([]netip.Addr{i.Primary, i.Primary6}, i.Secondary...) {
			if a.IsValid() {
				holders[a] = i
			}
		}
	}
	name := func(i *world.Interface) string {
		var names []string
		for _, g := range i.Groups {
			names = append(names, g.Name)
		}
		slices.Sort(names)
		if len(names) == 0 {
			return "without group: " + i.Type
		}
		return strings.Join(names, "+")
	}
	links := map[string]bool{}
	truth := w.Truth()
	for _, n := range slices.Concat(truth.Needs, truth.Attacks) {
		peer := n.Peer.String()
		outside := !n.Peer.IsPrivate()
		if i := holders[n.Peer]; i != nil {
			peer, outside = name(i), false
		}
		if outside {
			peer = "internet"
		}
		client, service := peer, name(n.Interface)
		if !n.Egress && holders[n.Peer] == nil && !outside {
			client = netip.PrefixFrom(n.Peer, 24).Masked().String()
		}
		if n.Egress {
			client, service = service, client
			if outside {
				continue // AWS's own networks have names of their own
			}
		}
		if n.Verdict == world.WasAnswered || n.Verdict == world.WasOneWay && client != "internet" {
			links[fmt.Sprintf("%s > %s %d %d", client, service, n.Protocol, n.Port)] = true
			if n.Port == 0 || n.Port == 123 { // nobody can tell who asked: both ways
				if n.Egress && holders[n.Peer] == nil {
					service = netip.PrefixFrom(n.Peer, 24).Masked().String()
				} else if holders[n.Peer] == nil {
					client = peer
				}
				links[fmt.Sprintf("%s > %s %d %d", service, client, n.Protocol, n.Port)] = true
			}
		}
	}
	return links
}

// A renumbered estate, by group names: nothing is lost or gained but what the generator left out or added, and all else has
// moved.
func TestCompareMigration(t *testing.T) {
	m := newMigration(t)
	c := m.compare("--by", "group-name", "--estate", m.path(0, "estate"), "--estate", m.path(1, "estate"))
	before, after := m.links(0), m.links(1)
	got := map[string]compare.Status{}
	for _, e := range c.Conversations {
		if e.Service == "internet" || strings.HasPrefix(e.Service, "com.amazonaws.") || e.Status == compare.Blocked {
			continue
		}
		got[linkText(t, &e)] = e.Status
	}
	want := map[string]compare.Status{}
	for l := range before {
		want[l] = compare.Moved
		if !after[l] {
			want[l] = compare.Lost
		}
	}
	for l := range after {
		if !before[l] {
			want[l] = compare.Gained
		}
	}
	counts := map[compare.Status]int{}
	for _, l := range slices.Sorted(maps.Keys(want)) {
		counts[want[l]]++
		if got[l] != want[l] && !(want[l] == compare.Moved && got[l] == compare.Same) {
			t.Errorf("%s: %q, want %s", l, got[l], want[l])
		}
		delete(got, l)
	}
	for l, s := range got {
		t.Errorf("%s: %s, and the generator made no such thing", l, s)
	}
	if counts[compare.Lost] < 3 || counts[compare.Gained] < 1 || counts[compare.Moved] < 10 {
		t.Errorf("%v: the worlds are too much alike to test it", counts)
	}
	if c.Before.UnknownParties+c.After.UnknownParties > 0 {
		t.Errorf("parties without names: %d records before, %d after", c.Before.UnknownParties, c.After.UnknownParties)
	}
}

// By subnets, whose names are the same on both sides, and by networks that a policy and a map name: the same services are
// lost, whatever the parties are called.
func TestCompareNames(t *testing.T) {
	m := newMigration(t)
	estates := []string{"--estate", m.path(0, "estate"), "--estate", m.path(1, "estate")}
	lost := func(c *comparison, port string) (n int) {
		for _, e := range c.Conversations {
			if e.Status == compare.Lost && e.Port == port && !strings.Contains(e.Client+e.Service, "10.20.") {
				n++
			}
		}
		return n
	}
	policy, addresses := filepath.Join(m.dir, "sgtrim.yaml"), filepath.Join(m.dir, "map.csv")
	write := func(path, text string) {
		if err := writeFile(path, func(w io.Writer) error { _, err := io.WriteString(w, text); return err }); err != nil {
			t.Fatal(err)
		}
	}
	write(policy, "networks: {shop: [10.20.0.0/16, 10.90.0.0/16], company: [10.200.0.0/16]}\n")
	write(addresses, "before,after\n10.20.0.0/16,10.90.0.0/16\n")
	for name, args := range map[string][]string{
		"subnet":             append([]string{"--by", "subnet", "--policy", policy}, estates...),
		"network":            append([]string{"--by", "network", "--policy", policy}, estates...),
		"network, no estate": {"--by", "network", "--policy", policy},
		"map":                {"--by", "network", "--map", addresses},
	} {
		c := m.compare(args...)
		if lost(c, "udp 123") == 0 {
			t.Errorf("%s: the lost time service is not listed", name)
		}
		if n := lost(c, "tcp 8080"); n > 0 {
			t.Errorf("%s: %d conversations of the web tier are lost", name, n)
		}
	}
}

// linkText writes an entry as migration.links does.
func linkText(t *testing.T, e *comparedEntry) string {
	t.Helper()
	word, port, _ := strings.Cut(e.Port, " ")
	proto, ok := map[string]string{"tcp": "6", "udp": "17", "icmp": "1", "icmpv6": "58"}[word]
	if !ok {
		t.Fatalf("port %q", e.Port)
	}
	if port == "" || port == "*" {
		port = "0"
	}
	return fmt.Sprintf("%s > %s %s %s", e.Client, e.Service, proto, port)
}
