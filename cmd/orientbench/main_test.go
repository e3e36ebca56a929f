package main

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/orient"
	"github.com/sgtrim/sgtrim/cmd/world"
	"github.com/sgtrim/sgtrim/cmd/world/labelled"
)

// The benchmark of docs/orientation.md, small: the same classes, the same targets.
func TestTargets(t *testing.T) {
	b := bench{connections: 12_000, seed: 1, perDay: 25_000, zeek: "../../../shared/data/zeek-otrf"}
	if testing.Short() {
		b.connections = 3200
	}
	cells, err := b.run(t.Context(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var tables strings.Builder
	if err := writeTables(&tables, cells); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", tables.String())
	for _, m := range missedTargets(cells) {
		t.Error("missed: ", m)
	}
	if made := len(labelled.Services()) * len(clientKinds) * 2 * variations; len(cells) != made && len(cells) != made+8 {
		t.Errorf("%d cells", len(cells))
	}
	for i := range cells {
		c := &cells[i]
		if n := c.flagged.all() + c.plain.all(); n == 0 || c.Full != (c.flagged.all() > 0) {
			t.Errorf("%s: %d connections, %d with flags", c, n, c.flagged.all())
		}
	}
}

// A day is a pure function of its class, size and seed.
func TestDayIsPure(t *testing.T) {
	c := labelled.Class{Service: "RPC", Clients: world.NATPort, Interval: 60, BothEnds: true, Full: true, Rough: true}
	first, again, other := labelled.New(c, 500, 7), labelled.New(c, 500, 7), labelled.New(c, 500, 8)
	if !slices.EqualFunc(first.Objects, again.Objects, sameObject) {
		t.Error("the same seed made other objects")
	}
	if slices.EqualFunc(first.Objects, other.Objects, sameObject) {
		t.Error("another seed made the same objects")
	}
}

func sameObject(a, b labelled.Object) bool { return a.Key == b.Key && bytes.Equal(a.Text, b.Text) }

// Each outcome is told from the others: the worst reading counts.
func TestJudge(t *testing.T) {
	client, service := netip.MustParseAddrPort("10.1.0.1:40000"), netip.MustParseAddrPort("10.2.0.1:50051")
	view := labelled.View{Connection: &labelled.Connection{Client: client, Service: service, Protocol: 6}, Interface: "eni-1"}
	conversation := func(link int64, direction analyze.Direction, local, peer netip.Addr, port uint16) *orient.Conversation {
		return &orient.Conversation{Key: orient.Key{Interface: "eni-1", Direction: direction, Local: local, Peer: peer, Proto: 6, Port: port}, Link: link,
			Counters: [analyze.NumStrengths]orient.Counter{analyze.Established: {Flows: 1}}}
	}
	right := conversation(0, analyze.Ingress, service.Addr(), client.Addr(), 50051)
	side := conversation(0, analyze.DirectionUnknown, service.Addr(), client.Addr(), 50051)
	atClient := conversation(0, analyze.Egress, client.Addr(), service.Addr(), 50051)
	wrong := conversation(0, analyze.Egress, service.Addr(), client.Addr(), 40000)
	doubt1, doubt2 := conversation(1, analyze.Ingress, service.Addr(), client.Addr(), 50051), conversation(1, analyze.Egress, service.Addr(), client.Addr(), 40000)
	for _, tt := range []struct {
		all     []*orient.Conversation
		records int
		want    score
	}{
		{[]*orient.Conversation{right}, 1, score{right: 1}},
		{[]*orient.Conversation{side}, 1, score{right: 1}},
		{[]*orient.Conversation{atClient}, 1, score{right: 1}},
		{[]*orient.Conversation{doubt1, doubt2}, 1, score{doubt: 1}},
		{[]*orient.Conversation{right, doubt1, doubt2}, 2, score{doubt: 1}},
		{[]*orient.Conversation{right, doubt1, doubt2, wrong}, 3, score{wrong: 1}},
		{[]*orient.Conversation{wrong}, 1, score{wrong: 1}},
		{nil, 1, score{absent: 1}},
	} {
		r := readings{}
		for _, c := range tt.all {
			r.see(c)
		}
		view.Records = tt.records
		if got := judge([]labelled.View{view}, r, true).plain; got != tt.want {
			t.Errorf("%v: got %+v, want %+v", tt.all, got, tt.want)
		}
	}
}

// Connections that a server opens from one port, as FTP's, share the wrong reading: only the one that was read so is wrong.
func TestJudgeSharedPort(t *testing.T) {
	server, client := netip.MustParseAddr("10.1.0.1"), netip.MustParseAddr("10.2.0.1")
	data := func(port uint16, syn bool) labelled.View {
		c := labelled.Connection{Client: netip.AddrPortFrom(server, 20), Service: netip.AddrPortFrom(client, port), Protocol: 6}
		return labelled.View{Connection: &c, Interface: "eni-1", Records: 2, Handshake: syn}
	}
	conversation := func(direction analyze.Direction, port uint16) *orient.Conversation {
		return &orient.Conversation{Key: orient.Key{Interface: "eni-1", Direction: direction, Local: client, Peer: server, Proto: 6, Port: port},
			Counters: [analyze.NumStrengths]orient.Counter{analyze.Established: {Flows: 2}}}
	}
	r := readings{}
	r.see(conversation(analyze.Ingress, 40001))
	r.see(conversation(analyze.Egress, 20)) // of 40002
	got := judge([]labelled.View{data(40001, true), data(40002, false)}, r, true)
	if want := (score{right: 1}); got.flagged != want {
		t.Errorf("the one with SYN: got %+v, want %+v", got.flagged, want)
	}
	if want := (score{wrong: 1}); got.plain != want {
		t.Errorf("the one without: got %+v, want %+v", got.plain, want)
	}
}

// Every target can be missed.
func TestMissedTargets(t *testing.T) {
	good := func() cell {
		return cell{Class: labelled.Class{Service: "gRPC", Interval: 60}, connections: 100_000, repeated: true, verdicts: verdicts{
			flagged: score{right: 99_990, doubt: 10}, plain: score{right: 99_900, wrong: 100}, established: score{right: 99_000, doubt: 1000}}}
	}
	for name, spoil := range map[string]func(*cell){
		"":                                 func(*cell) {},
		"with flags, wrong":                func(c *cell) { c.flagged.wrong++; c.flagged.doubt = 0 },
		"with flags, right":                func(c *cell) { c.flagged.doubt += 2 },
		"with flags, ambiguous":            func(c *cell) { c.flagged.doubt = 200 },
		"without flags, wrong":             func(c *cell) { c.plain.wrong += 101 },
		"established without flags, right": func(c *cell) { c.established.doubt += 11 },
		"weaker than it was":               func(c *cell) { c.strength = score{right: 1e6, wrong: 1} },
		"stronger than it was":             func(c *cell) { c.strength = score{right: 998, doubt: 2} },
		"in no conversation":               func(c *cell) { c.plain.absent++ },
	} {
		c := good()
		spoil(&c)
		missed := fmt.Sprint(missedTargets([]cell{c}))
		if name == "" && missed != "[]" || !strings.Contains(missed, name) {
			t.Errorf("%q: missed %s", name, missed)
		}
	}
}

func TestUnknownService(t *testing.T) {
	if err := run(t.Context(), []string{"-only", "gopher"}, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "gRPC") {
		t.Errorf("error %v, want one that names the services", err)
	}
}
