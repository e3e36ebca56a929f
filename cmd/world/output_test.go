package world

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
)

// TestKeys: folders and names as in aws-facts §3.1.
func TestKeys(t *testing.T) {
	w := mustNew(t, Options{Seed: 1, Days: 1, Scenarios: []string{"syslog"}})
	name := `123456789012_vpcflowlogs_us-east-1_fl-[0-9a-f]{17}_20260101T\d{2}00Z_[0-9a-f]{8}`
	for want, o := range map[string]LogOptions{
		`AWSLogs/123456789012/vpcflowlogs/us-east-1/2026/01/01/` + name + `\.log\.gz`:      {},
		`a/b/AWSLogs/123456789012/vpcflowlogs/us-east-1/2026/01/01/\d\d/` + name + `\.log`: {Prefix: "a/b", Hourly: true, Codec: "none"},
		`AWSLogs/aws-account-id=123456789012/aws-service=vpcflowlogs/aws-region=us-east-1/year=2026/month=01/day=01/hour=\d\d/` + name + `\.log\.parquet`: {
			Hive: true, Hourly: true, Parquet: true, Codec: "snappy"},
	} {
		dir := t.TempDir()
		n, err := w.WriteLogs(dir, o)
		if err != nil {
			t.Fatal(err)
		}
		files := logFiles(t, dir)
		if len(files) != 24 || n.Files != 24 {
			t.Errorf("files: got %d, counted %d, want 24", len(files), n.Files)
		}
		size := int64(0)
		for _, f := range files {
			if key := filepath.ToSlash(f[len(dir)+1:]); !regexp.MustCompile("^" + want + "$").MatchString(key) {
				t.Fatalf("key %s does not match %s", key, want)
			}
			if s, err := os.Stat(f); err == nil {
				size += s.Size()
			}
		}
		if size != n.Bytes {
			t.Errorf("bytes: counted %d, want %d", n.Bytes, size)
		}
	}
}

func TestLogOptionErrors(t *testing.T) {
	w := mustNew(t, Options{Days: 1, Scenarios: []string{"syslog"}})
	for _, o := range []LogOptions{{Slot: 7 * time.Minute}, {Slot: 24 * time.Hour, Hourly: true}, {Codec: "zstd"}, {Parquet: true, Codec: "none"}} {
		if _, err := w.WriteLogs(t.TempDir(), o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
}

// TestParquetHoldsTheSame: Parquet rows, printed as text, are the lines of the text logs; integers have AWS's widths.
func TestParquetHoldsTheSame(t *testing.T) {
	for _, format := range []Format{V2, V5} {
		w := mustNew(t, Options{Seed: 2, Days: 1, Format: format, SkipShare: 0.05, Scenarios: []string{"tiers", "nat", "ipv6", "prefixlists"}})
		var want []string
		for _, l := range writtenLines(t, w, LogOptions{}) {
			want = append(want, joined(w.Fields, l.f))
		}
		for _, codec := range []string{"gzip", "zstd", "snappy"} {
			dir := t.TempDir()
			if _, err := w.WriteLogs(dir, LogOptions{Parquet: true, Codec: codec}); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range logFiles(t, dir) {
				got = append(got, parquetLines(t, f, w.Fields)...)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: %d Parquet rows differ from %d lines", codec, len(got), len(want))
			}
		}
	}
}

func joined(fields []string, f map[string]string) string {
	words := make([]string, len(fields))
	for i, name := range fields {
		words[i] = f[name]
	}
	return strings.Join(words, " ")
}

func parquetLines(t *testing.T, name string, fields []string) (lines []string) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	f, err := parquet.OpenFile(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	wide := []string{"packets", "bytes", "start", "end"}
	narrow := []string{"version", "srcport", "dstport", "protocol", "tcp_flags", "traffic_path"}
	for _, c := range f.Root().Columns() {
		kind := parquet.ByteArray
		if slices.Contains(wide, c.Name()) {
			kind = parquet.Int64
		} else if slices.Contains(narrow, c.Name()) {
			kind = parquet.Int32
		}
		if c.Type().Kind() != kind {
			t.Fatalf("column %s is %s, want %s", c.Name(), c.Type().Kind(), kind)
		}
	}
	r := parquet.NewReader(f)
	for {
		row := map[string]any{}
		if err := r.Read(&row); errors.Is(err, io.EOF) {
			return lines
		} else if err != nil {
			t.Fatal(err)
		}
		text := map[string]string{}
		for _, name := range fields {
			text[name] = "-"
			switch v := row[columnName(name)].(type) {
			case nil:
			case []byte:
				text[name] = string(v)
			default:
				text[name] = fmt.Sprint(v)
			}
		}
		lines = append(lines, joined(fields, text))
	}
}

// TestEstate reads the describe files back: rules mean what the world's rules mean, ids have their shape and are unique,
// and everything that is referred to is there.
func TestEstate(t *testing.T) {
	w := mustNew(t, Options{Seed: 1, Days: 3, Interfaces: 300})
	dir := t.TempDir()
	if err := w.WriteEstate(dir); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(dir, "describe-security-groups.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rules, err := ReadState(f)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := ruleTexts(rules), ruleTexts(w.Rules()); !slices.Equal(got, want) {
		t.Errorf("describe-security-groups.json holds %d rules that differ from the world's %d", len(got), len(want))
	}
	var byID struct {
		SecurityGroupRules []struct {
			SecurityGroupRuleId, GroupId, IpProtocol, CidrIpv4, CidrIpv6, PrefixListId string
			IsEgress                                                                   bool
			FromPort, ToPort                                                           int
			ReferencedGroupInfo                                                        struct{ GroupId string }
		}
	}
	readJSON(t, filepath.Join(dir, "describe-security-group-rules.json"), &byID)
	var texts []string
	ids := map[string]bool{}
	for _, r := range byID.SecurityGroupRules {
		rule := Rule{GroupID: r.GroupId, Egress: r.IsEgress, Protocol: r.IpProtocol, From: r.FromPort, To: r.ToPort,
			Peer: r.CidrIpv4 + r.CidrIpv6 + r.PrefixListId + r.ReferencedGroupInfo.GroupId}
		texts = append(texts, rule.String())
		if ids[r.SecurityGroupRuleId] || !regexp.MustCompile(`^sgr-0[0-9a-f]{16}$`).MatchString(r.SecurityGroupRuleId) {
			t.Fatalf("rule id %q", r.SecurityGroupRuleId)
		}
		ids[r.SecurityGroupRuleId] = true
	}
	slices.Sort(texts)
	if !slices.Equal(texts, ruleTexts(w.Rules())) {
		t.Error("describe-security-group-rules.json differs from the world's rules")
	}
	checkInterfaces(t, w, dir)
	for _, p := range w.PrefixLists {
		var list struct{ Entries []struct{ Cidr string } }
		readJSON(t, filepath.Join(dir, p.ID+".json"), &list)
		if len(list.Entries) != len(p.Entries) {
			t.Errorf("%s: %d entries, want %d", p.Name, len(list.Entries), len(p.Entries))
		}
	}
}

func ruleTexts(rules []Rule) (texts []string) {
	for _, r := range rules {
		texts = append(texts, r.String())
	}
	slices.Sort(texts)
	return texts
}

func readJSON(t *testing.T, name string, into any) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// checkInterfaces: only those alive at the window's end, in their subnets, with groups of their VPC, within the quotas.
func checkInterfaces(t *testing.T, w *World, dir string) {
	t.Helper()
	var enis struct {
		NetworkInterfaces []struct {
			NetworkInterfaceId, PrivateIpAddress string
			Groups                               []struct{ GroupId string }
		}
	}
	readJSON(t, filepath.Join(dir, "describe-network-interfaces.json"), &enis)
	alive := w.InterfacesAt(w.end)
	if len(enis.NetworkInterfaces) != len(alive) {
		t.Fatalf("interfaces: got %d, want %d", len(enis.NetworkInterfaces), len(alive))
	}
	for i, e := range enis.NetworkInterfaces {
		m := alive[i]
		if e.NetworkInterfaceId != m.ID || e.PrivateIpAddress != m.Primary.String() || len(e.Groups) != len(m.Groups) || len(e.Groups) > 5 {
			t.Fatalf("interface %+v, want %s with %d groups", e, m.ID, len(m.Groups))
		}
		if !m.Subnet.CIDR.Contains(m.Primary) {
			t.Fatalf("%s: %s lies outside %s", m.Name, m.Primary, m.Subnet.CIDR)
		}
		for _, g := range m.Groups {
			if g.VPC != m.VPC() {
				t.Fatalf("%s carries %s of another VPC", m.Name, g.Name)
			}
		}
	}
	for _, g := range w.Groups {
		for _, egress := range []bool{false, true} {
			n := 0
			for _, r := range g.Rules {
				if r.Egress == egress {
					n++
				}
			}
			if n > 60 {
				t.Errorf("%s: %d rules in one direction, the quota is 60", g.Name, n)
			}
		}
	}
}
