package world

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// line is a row of a text log, read back by name.
type line struct {
	file string
	f    map[string]string
}

func (l line) num(t *testing.T, name string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(l.f[name], 10, 64)
	if err != nil {
		t.Fatalf("%s: field %s: %q is no number in %v", l.file, name, l.f[name], l.f)
	}
	return n
}

func logFiles(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// readBack reads every line of every file: the naive reader.
func readBack(t *testing.T, dir string) (lines []line) {
	t.Helper()
	for _, name := range logFiles(t, dir) {
		file, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		var r io.Reader = file
		if strings.HasSuffix(name, ".gz") {
			if r, err = gzip.NewReader(file); err != nil {
				t.Fatal(err)
			}
		}
		sc := bufio.NewScanner(r)
		var header []string
		for sc.Scan() {
			words := strings.Split(sc.Text(), " ")
			if header == nil {
				header = words
				continue
			}
			if len(words) != len(header) {
				t.Fatalf("%s: %d fields, want %d: %q", name, len(words), len(header), sc.Text())
			}
			f := map[string]string{}
			for i, h := range header {
				f[h] = words[i]
			}
			lines = append(lines, line{filepath.Base(name), f})
		}
		if err := sc.Err(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		file.Close()
	}
	return lines
}

func writtenLines(t *testing.T, w *World, o LogOptions) []line {
	t.Helper()
	dir := t.TempDir()
	n, err := w.WriteLogs(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	lines := readBack(t, dir)
	if int64(len(lines)) != n.Records {
		t.Fatalf("read back %d records, want %d", len(lines), n.Records)
	}
	return lines
}

// TestLinesAreFaithful reads every line of a full-field world back and checks it against aws-facts §1.
func TestLinesAreFaithful(t *testing.T) {
	for _, aggregation := range []int{60, 600} {
		o := Options{Seed: 5, Days: 1, Format: V5, Aggregation: aggregation, SkipShare: 0.01}
		if aggregation == 600 { // at 60 s there would be little else
			o.Idle = IdleIntervals
		}
		w := mustNew(t, o)
		byID := map[string]*Interface{}
		for _, m := range w.Interfaces {
			byID[m.ID] = m
		}
		legal := []string{"0", "1", "2", "3", "4", "5", "6", "7", "18", "19", "22", "23"}
		count := map[string]int{}
		for _, l := range writtenLines(t, w, LogOptions{Slot: 5 * time.Minute}) {
			m := byID[l.f["interface-id"]]
			start, end := l.num(t, "start"), l.num(t, "end")
			switch {
			case m == nil:
				t.Fatalf("unknown interface: %v", l.f)
			case start > end || end-start >= int64(aggregation):
				t.Fatalf("record from %d to %d is no part of an interval of %d s: %v", start, end, aggregation, l.f)
			case start < m.From || end >= m.To:
				t.Fatalf("record outside the interface's life: %v", l.f)
			case l.f["version"] != "5" || l.f["vpc-id"] != m.VPC().ID || l.f["subnet-id"] != m.Subnet.ID || l.f["region"] != w.Region:
				t.Fatalf("wrong attributes: %v", l.f)
			case (l.f["instance-id"] == "-") != (m.Kind != EC2):
				t.Fatalf("instance-id %q of an interface of kind %d", l.f["instance-id"], m.Kind)
			}
			count[l.f["log-status"]]++
			checkSlot(t, l, end, 300)
			if l.f["log-status"] != "OK" {
				for _, f := range []string{"srcaddr", "dstaddr", "srcport", "packets", "bytes", "action", "tcp-flags", "flow-direction", "pkt-srcaddr"} {
					if l.f[f] != "-" {
						t.Fatalf("%s row with %s %q", l.f["log-status"], f, l.f[f])
					}
				}
				continue
			}
			count[l.f["action"]]++
			if !slices.Contains(legal, l.f["tcp-flags"]) {
				t.Fatalf("flags %s cannot be: %v", l.f["tcp-flags"], l.f)
			}
			if l.num(t, "packets") < 1 || l.num(t, "bytes") < 20 {
				t.Fatalf("empty record: %v", l.f)
			}
			checkLocalSide(t, m, l)
		}
		for _, k := range []string{"OK", "NODATA", "SKIPDATA", "ACCEPT", "REJECT"} {
			if count[k] == 0 {
				t.Errorf("aggregation %d: no %s row: %v", aggregation, k, count)
			}
		}
	}
}

var slotInName = regexp.MustCompile(`_(\d{8}T\d{4})Z_[0-9a-f]{8}\.log`)

func checkSlot(t *testing.T, l line, end, length int64) {
	t.Helper()
	m := slotInName.FindStringSubmatch(l.file)
	slot, err := time.Parse("20060102T1504", m[1])
	if err != nil || end < slot.Unix() || end >= slot.Unix()+length {
		t.Fatalf("%s: record ends at %d, outside the slot", l.file, end)
	}
}

// checkLocalSide: the interface's own side is its primary IPv4 or own IPv6 address [F 1.4], traffic-path is set for
// egress only [F 1.7].
func checkLocalSide(t *testing.T, m *Interface, l line) {
	t.Helper()
	own, pkt := l.f["dstaddr"], l.f["pkt-dstaddr"]
	if l.f["flow-direction"] == "egress" {
		own, pkt = l.f["srcaddr"], l.f["pkt-srcaddr"]
	}
	a, err := netip.ParseAddr(own)
	if err != nil || a != m.Primary && a != m.Primary6 {
		t.Fatalf("own address %q, want one of the interface's: %v", own, l.f)
	}
	if p := netip.MustParseAddr(pkt); p != a && m.Kind != NAT && !slices.Contains(m.Secondary, p) {
		t.Fatalf("packet address %q is none of the interface's: %v", pkt, l.f)
	}
	if (l.f["traffic-path"] == "-") != (l.f["flow-direction"] == "ingress") {
		t.Fatalf("traffic-path %q of %s", l.f["traffic-path"], l.f["flow-direction"])
	}
	if want := map[bool]string{true: "IPv6", false: "IPv4"}[a.Is6()]; l.f["type"] != want {
		t.Fatalf("type %q, want %s", l.f["type"], want)
	}
}

// tuple is a 5-tuple at packet level, from the opener's side.
type tuple struct {
	src, dst     netip.Addr
	sport, dport uint16
	proto        uint8
}

func (r Record) tuple() tuple {
	if r.Opener == OpenedByDestination {
		return tuple{r.PktDst, r.PktSrc, r.DstPort, r.SrcPort, r.Protocol}
	}
	return tuple{r.PktSrc, r.PktDst, r.SrcPort, r.DstPort, r.Protocol}
}

// TestBothEndsAndBothWays: a connection between two interfaces of the estate is logged at both; an answered one has a
// record each way at each of them; SYN without ACK is the client's and SYN-ACK the server's [F 1.5].
func TestBothEndsAndBothWays(t *testing.T) {
	w := mustNew(t, Options{Seed: 6, Days: 1, Format: V5, Idle: IdleNone})
	held := map[netip.Addr]*Interface{}
	for _, m := range w.InterfacesAt(w.end - 1) {
		for _, a := range append([]netip.Addr{m.Primary, m.Primary6}, m.Secondary...) {
			held[a] = m
		}
	}
	type seen struct {
		m   *Interface
		key string
	}
	at := map[tuple]map[seen]int{}
	flags := map[tuple]uint8{}
	for r := range w.Records() {
		if r.Interface.Kind == NAT {
			continue
		}
		k := r.tuple()
		if at[k] == nil {
			at[k] = map[seen]int{}
		}
		at[k][seen{r.Interface, fmt.Sprint(r.Egress, r.Opener)}]++
		if r.Flags&syn != 0 && (r.Flags&16 != 0) != (r.Opener == OpenedByDestination) {
			t.Fatalf("flags %d on a record opened by %d", r.Flags, r.Opener)
		}
		if r.Opener == OpenedByDestination {
			flags[k] |= r.Flags
		}
		if r.Reject && r.Egress {
			t.Fatalf("an egress reject: %+v", r)
		}
	}
	checked := 0
	for k, ends := range at {
		c, s := held[k.src], held[k.dst]
		if c == nil || s == nil || flags[k]&16 == 0 || !c.Alive(w.start) || !s.Alive(w.start) {
			continue
		}
		checked++
		for _, want := range []seen{{c, "true 1"}, {c, "false 2"}, {s, "false 1"}, {s, "true 2"}} {
			if ends[want] == 0 {
				t.Fatalf("%v: no record at %s, egress and opener %s", k, want.m.Name, want.key)
			}
		}
	}
	if checked < 1000 {
		t.Errorf("only %d connections within the estate", checked)
	}
}

// TestRecordsObeyTheRules: replaying the records, a packet that opens something is accepted exactly where a rule of the
// interface allows it. Late packets of closed connections are rejected whatever the rules say [F 2.3].
func TestRecordsObeyTheRules(t *testing.T) {
	w := mustNew(t, Options{Seed: 9, Days: 2})
	rules := byGroup(w.Rules())
	via := map[*Interface]*Interface{}
	for _, f := range w.flows {
		if f.via == nil || f.via.Kind != NLB {
			continue
		}
		for _, m := range w.fleet(w.VPCs[0], "edge-target").slots {
			via[m[0]] = f.via
		}
	}
	accepted, rejects := 0, 0
	verdicts := map[needKey]bool{}
	for r := range w.Records() {
		if r.Status != OK || len(r.Interface.Groups) == 0 || r.Opener != OpenedBySource {
			if r.Reject && (r.Flags&syn != 0 || r.Scenario != "latepackets") {
				t.Fatalf("reject of a reply that is no late packet: %+v", r)
			}
			continue
		}
		n := Need{Interface: r.Interface, Egress: r.Egress, Peer: r.PktSrc, Protocol: r.Protocol, Port: r.DstPort, First: r.Start}
		if r.Egress {
			n.Peer = r.PktDst
		} else if r.PktSrc.Is4() && !r.PktSrc.IsPrivate() {
			n.Via = via[r.Interface]
		}
		k := needKey{ifc: n.Interface, egress: n.Egress, peer: n.Peer, proto: n.Protocol, port: n.Port}
		allowed, known := verdicts[k]
		if !known {
			allowed = w.Allows(rules.of(n.Interface), n)
			verdicts[k] = allowed
		}
		if allowed == r.Reject {
			t.Fatalf("allowed is %v, rejected is %v: %+v", allowed, r.Reject, r)
		}
		if r.Reject {
			rejects++
		} else {
			accepted++
		}
	}
	if accepted < 10_000 || rejects < 50 {
		t.Errorf("%d accepted, %d rejected: too few to mean anything", accepted, rejects)
	}
}

// TestEveryInterfaceHourIsCovered by traffic or a NODATA row, for as long as the interface lives.
func TestEveryInterfaceHourIsCovered(t *testing.T) {
	w := mustNew(t, Options{Seed: 1, Days: 2, Overlap: true})
	type cell struct {
		m    *Interface
		log  *FlowLog
		hour int64
	}
	covered := map[cell]bool{}
	for r := range w.Records() {
		covered[cell{r.Interface, r.Log, r.Start / hour}] = true
	}
	for h := w.start; h < w.end; h += hour {
		for _, m := range w.Interfaces {
			if m.To <= h || m.From >= h+hour {
				continue
			}
			for _, log := range m.VPC().FlowLogs {
				if !covered[cell{m, log, h / hour}] {
					t.Fatalf("%s: hour %d is not covered in %s", m.Name, h, log.ID)
				}
			}
		}
	}
	if got, want := len(w.FlowLogs), 2*len(w.VPCs); got != want {
		t.Errorf("flow logs: got %d, want %d", got, want)
	}
}

// TestOverlapCountsTheSame: both flow logs of a VPC saw the same packets.
func TestOverlapCountsTheSame(t *testing.T) {
	w := mustNew(t, Options{Seed: 1, Days: 1, Overlap: true, Scenarios: []string{"tiers"}})
	bytes := map[int64]int64{}
	for r := range w.Records() {
		bytes[r.Log.Aggregation] += r.Bytes
	}
	if bytes[60] != bytes[600] || bytes[60] == 0 {
		t.Errorf("bytes by aggregation interval: %v, want equal sums", bytes)
	}
}

func TestLoseAndOrder(t *testing.T) {
	w := mustNew(t, Options{Seed: 1, Days: 1, Scenarios: []string{"tiers"}})
	text := func(ls []line) (s []string) {
		for _, l := range ls {
			s = append(s, fmt.Sprint(l.file, l.f))
		}
		return s
	}
	whole := text(writtenLines(t, w, LogOptions{Order: AsMade}))
	sorted := slices.Sorted(slices.Values(whole))
	for _, order := range []Order{Mixed, Shuffled} {
		other := text(writtenLines(t, w, LogOptions{Order: order}))
		if slices.Equal(whole, other) {
			t.Errorf("order %d kept the order", order)
		}
		slices.Sort(other)
		if !slices.Equal(sorted, other) {
			t.Errorf("order %d changed the records", order)
		}
	}
	lost := 1 - float64(len(writtenLines(t, w, LogOptions{LoseShare: 0.1})))/float64(len(whole))
	if lost < 0.08 || lost > 0.12 {
		t.Errorf("lost %.3f of the records, want about 0.1", lost)
	}
}
