package terraform

import (
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/sgtrim/sgtrim/analyze"
)

// testdata/state.json is what Terraform 1.11 with provider aws 5.100 prints of groups of every style, with readable ids.
func testState(t *testing.T) *State {
	t.Helper()
	f, err := os.Open("testdata/state.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := new(State)
	if err := s.Read(f); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestOwner(t *testing.T) {
	s := testState(t)
	for _, tt := range []struct{ id, group, direction, service, peer, want string }{
		{"sgr-0ingress-100008", "sg-0db", "ingress", "tcp 5432", "10.0.0.0/8", `module.db.aws_vpc_security_group_ingress_rule.db["10.0.0.0/8"]`},
		{"", "sg-0db", "ingress", "tcp 5432", "172.16.0.0/12", `module.db.aws_vpc_security_group_ingress_rule.db["172.16.0.0/12"]`},
		{"sgr-0egress-0", "sg-0db", "egress", "all", "0.0.0.0/0", `module.db.aws_vpc_security_group_egress_rule.db[0]`},
		{"sgr-other", "sg-0db", "ingress", "tcp 22", "10.0.0.0/8", ""}, // by hand, beside rules that have resources
		{"sgr-any", "sg-0legacy", "ingress", "tcp 22", "10.2.0.0/16", "aws_security_group_rule.several"},
		{"sgr-any", "sg-0legacy", "ingress", "tcp 22", "10.3.0.0/16", ""},
		{"sgr-0self", "sg-0legacy", "ingress", "all", "sg-0legacy", "aws_security_group_rule.self"},
		{"sgr-any", "sg-0legacy", "ingress", "udp 53", "sg-0bare", "aws_security_group_rule.source"},
		{"sgr-any", "sg-0legacy", "egress", "icmp 8", "0.0.0.0/0", "aws_security_group_rule.ping"},
		{"sgr-any", "sg-0inline", "ingress", "tcp 443", "192.168.0.0/16", "aws_security_group.inline"},
		{"sgr-any", "sg-0inline", "ingress", "tcp 23", "192.168.0.0/16", "aws_security_group.inline"}, // its next apply removes it
		{"sgr-any", "sg-0dynamic", "ingress", "tcp 80", "10.0.0.0/8", "aws_security_group.dynamic"},
		{"sgr-any", "sg-0dynamic", "egress", "all", "0.0.0.0/0", ""},
		{"sgr-any", "sg-0bare", "ingress", "tcp 3389", "10.0.0.0/8", "aws_security_group.bare"}, // cannot be told from inline
		{"sgr-any", "sg-0bare", "egress", "all", "0.0.0.0/0", ""},
		{"sgr-any", "sg-0default", "ingress", "tcp 1", "10.0.0.0/8", "aws_default_security_group.default"},
		{"sgr-any", "sg-0elsewhere", "ingress", "tcp 1", "10.0.0.0/8", ""},
	} {
		r := analyze.Rule{ID: tt.id}
		r.GroupID = tt.group
		var err error
		if err = r.Direction.UnmarshalText([]byte(tt.direction)); err == nil {
			r.Service, err = analyze.ParseService(tt.service)
		}
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(tt.peer, "sg-") {
			r.Peer.GroupID = tt.peer
		} else {
			r.Peer.Prefix = netip.MustParsePrefix(tt.peer)
		}
		if got, ok := s.Owner(&r); got.Address != tt.want || ok != (tt.want != "") {
			t.Errorf("%s %s: owner %q, want %q", tt.id, r.RuleKey, got.Address, tt.want)
		}
	}
	if _, ok := new(State).Owner(&analyze.Rule{}); ok {
		t.Error("no state, and yet an owner")
	}
}

func TestReadRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":   "no JSON",
		"[]": "no JSON",
		"{}": "format_version is missing",
		`{"planned_values": {}, "format_version": "1.2"}`: "this is a plan",
		`{"version": 4, "resources": []}`:                 "this is a state file",
		one(`{"address": "a.b", "mode": "managed", "type": "aws_security_group_rule", "values": {"type": "sideways", "protocol": "tcp"}}`):             "a.b: direction",
		one(`{"address": "a.b", "mode": "managed", "type": "aws_vpc_security_group_ingress_rule", "values": {"ip_protocol": "x"}}`):                    "a.b: protocol",
		one(`{"address": "a.b", "mode": "managed", "type": "aws_vpc_security_group_ingress_rule", "values": {"ip_protocol": "-1", "cidr_ipv4": "x"}}`): "a.b: ",
		one(`{"address": "a.b", "mode": "managed", "type": "aws_security_group", "values": []}`):                                                       "a.b: ",
	} {
		if err := new(State).Read(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
	for _, text := range []string{`{"format_version": "1.0"}`, one(`{"address": "data.x.y", "mode": "data", "type": "aws_security_group", "values": []}`)} {
		if err := new(State).Read(strings.NewReader(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func one(resource string) string {
	return `{"format_version": "1.0", "values": {"root_module": {"child_modules": [{"resources": [` + resource + `]}]}}}`
}

// Several states add up.
func TestSeveralStates(t *testing.T) {
	s := testState(t)
	n := s.Rules()
	if err := s.Read(strings.NewReader(one(`{"address": "x.y", "mode": "managed", "type": "aws_vpc_security_group_ingress_rule", "values":
		{"security_group_rule_id": "sgr-1", "security_group_id": "sg-1", "ip_protocol": "-1", "cidr_ipv4": "10.0.0.0/8"}}`))); err != nil {
		t.Fatal(err)
	}
	if o, ok := s.Owner(&analyze.Rule{ID: "sgr-1"}); !ok || o.Address != "x.y" || s.Rules() != n+1 {
		t.Errorf("got %v, %v, %d rules after %d", o, ok, s.Rules(), n)
	}
}

func FuzzRead(f *testing.F) {
	raw, err := os.ReadFile("testdata/state.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte(`{"format_version": "1.0", "values": null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s := new(State)
		if s.Read(strings.NewReader(string(text))) == nil {
			s.Owner(&analyze.Rule{ID: "sgr-1"})
		}
	})
}
