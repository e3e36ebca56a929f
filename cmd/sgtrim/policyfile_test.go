package main

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/recommend"
)

const wholePolicy = `# every key once
level: strict
egress: ports
max_rules: 40
quota: 100
min_window: 14d
windows: {ports: 20d, peers: 40d, unused: 120d}
floors: {ipv4: 28, ipv6: 64}
exclude:
  groups: [sg-1]
  vpcs: [vpc-1, vpc-2]
  accounts: ["111122223333"]
protect:
  - id: sgr-1
  - group: sg-2
    port: 22
    reason: break glass
  - tag: Team=storage
  - tag: Keep
networks:
  office: [198.51.100.0/24, "2001:db8::/48"]
  partner: [203.0.113.7/32]
server_ports: [8443, 5000]
`

func TestParsePolicyFile(t *testing.T) {
	got := new(policyFile)
	if err := parseStrict([]byte(wholePolicy), policyKeys(got)); err != nil {
		t.Fatal(err)
	}
	ssh := uint16(22)
	want := &policyFile{
		level: "strict", egress: "ports", maxRules: 40, quota: 100, minWindow: 14,
		windows: recommend.Windows{Ports: 20, Peers: 40, Unused: 120}, floors: recommend.Floors{IPv4: 28, IPv6: 64},
		exclude: exclusion{groups: []string{"sg-1"}, vpcs: []string{"vpc-1", "vpc-2"}, accounts: []string{"111122223333"}},
		protect: []protection{
			{rule: "sgr-1"},
			{group: "sg-2", port: &ssh, reason: "break glass"},
			{tagKey: "Team", tagValue: "storage"},
			{tagKey: "Keep"},
		},
		networks: []recommend.Network{
			{Name: "office", CIDRs: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("2001:db8::/48")}},
			{Name: "partner", CIDRs: []netip.Prefix{netip.MustParsePrefix("203.0.113.7/32")}},
		},
		serverPorts: []uint16{8443, 5000},
	}
	opts := cmp.Options{
		cmp.AllowUnexported(policyFile{}, exclusion{}, protection{}),
		cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
	}
	if diff := cmp.Diff(want, got, opts); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestPolicyFileIsStrict(t *testing.T) {
	for text, want := range map[string]string{
		"":                             "",
		"# only a comment\n":           "",
		"levle: strict":                `1: unknown key "levle"; known here: egress, exclude,`,
		"level: strict\nlevel: loose":  `2: key "level" stands twice`,
		"level: none":                  `1: "none": want one of strict, balanced, loose`,
		"level: [strict]":              `want one of strict, balanced, loose`,
		"min_window: 3":                `1: "3": want whole days, as in 30d`,
		"max_rules: 0":                 `1: "0": want a number from 1 to 1000`,
		"quota: 0":                     `want a number from 1 to 1000`,
		"protect:\n- {}":               `2: a protection wants one of id, group, tag, port`,
		"protect:\n- reason: x":        `2: a protection wants one of id, group, tag, port`,
		"protect:\n- id: [x]":          `2: want a text`,
		"protect: {id: sgr-1}":         `1: want a list`,
		"protect:\n- port: tcp 99999":  `2: "tcp 99999": want a number from 0 to 65535`,
		"networks:\n  a: [10.0.0.1/8]": `2: network "a": 10.0.0.1/8 has host bits set; did you mean 10.0.0.0/8?`,
		"networks:\n  a: [ten]":        `2: network "a": netip.ParsePrefix`,
		"networks: {a: 10.0.0.0/8}":    `want a list`,
		"networks:\n  a: []\n  a: []":  `3: network "a" stands twice`,
		"exclude: 3d":                  `1: want a mapping with keys accounts, groups, vpcs`,
		"exclude:\n  group: [sg-1]":    `2: unknown key "group"; known here: accounts, groups, vpcs`,
		"server_ports: [65536]":        `want a number from 0 to 65535`,
		"server_ports: [icmp]":         `"icmp": want a number from 0 to 65535`,
		"level: strict\n---\nlevel: x": `more than one YAML document`,
		"- level":                      `1: want a mapping`,
		"level: strict\n\t- x":         `yaml: line 2`,
		"exclude: {groups: [sg-1, ~]}": `1: want a text`,
		"x: &a 1\nlevel: *a":           `1: unknown key "x"`,
	} {
		err := parseStrict([]byte(text), policyKeys(new(policyFile)))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

func FuzzParsePolicyFile(f *testing.F) {
	f.Add(wholePolicy)
	f.Add("a: &a [*a]\n")
	f.Add("networks: {a: [::/0]}\n")
	f.Fuzz(func(t *testing.T, text string) {
		p := new(policyFile)
		if parseStrict([]byte(text), policyKeys(p)) != nil {
			return
		}
		for _, network := range p.networks {
			for _, prefix := range network.CIDRs {
				if prefix != prefix.Masked() {
					t.Errorf("network %q holds %s, which is not masked", network.Name, prefix)
				}
			}
		}
	})
}
