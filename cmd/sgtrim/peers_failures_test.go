package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/recommend"
)

// handMade is an account with one group under review, app, and its flow logs, written by hand: four days, of which the last is the
// end of a month.
type handMade struct {
	t          *testing.T
	rules      []string // of group sg-app: "tcp 443 10.0.0.0/8"
	interfaces []string // "eni-app 10.0.1.5 sg-app", or with a type at the end
	log        strings.Builder
}

const handDays = 4

var handStart = time.Date(2026, 3, 28, 0, 0, 0, 0, time.UTC)

// record is one line for every day: "eni-app 10.0.2.9 10.0.1.5 40001 443 6 3 ingress", with packets and action as given.
func (h *handMade) record(line string, packets int, action string) {
	f := strings.Fields(line)
	for d := range handDays {
		at := handStart.AddDate(0, 0, d).Add(9 * time.Hour).Unix()
		fmt.Fprintf(&h.log, "5 %s %s %s %s %s %s %d %d %d %d %s OK %s %s\n", f[0], f[1], f[2], f[3], f[4], f[5], packets, 80*packets, at, at+50, action, f[6], f[7])
	}
}

// tcp is a connection that came to stand, every day.
func (h *handMade) tcp(eni, client, server, port string) {
	h.record(fmt.Sprintf("%s %s %s 40001 %s 6 3 ingress", eni, client, server, port), 9, "ACCEPT")
	h.record(fmt.Sprintf("%s %s %s %s 40001 6 19 egress", eni, server, client, port), 9, "ACCEPT")
}

// udp is a question with its answer.
func (h *handMade) udp(eni, client, server, port string) {
	h.record(fmt.Sprintf("%s %s %s 40001 %s 17 0 ingress", eni, client, server, port), 1, "ACCEPT")
	h.record(fmt.Sprintf("%s %s %s %s 40001 17 0 egress", eni, server, client, port), 1, "ACCEPT")
}

func (h *handMade) write(dir string) {
	var text strings.Builder
	text.WriteString("version interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status tcp-flags flow-direction\n")
	for hour := range handDays * 24 {
		at := handStart.Add(time.Duration(hour) * time.Hour).Unix()
		for _, i := range h.interfaces {
			fmt.Fprintf(&text, "5 %s - - - - - - - %d %d - NODATA - -\n", strings.Fields(i)[0], at, at+3590)
		}
	}
	text.WriteString(h.log.String())
	files := map[string]any{
		"logs/a.log":        text.String(),
		"estate/groups":     map[string]any{"SecurityGroups": h.groups()},
		"estate/interfaces": map[string]any{"NetworkInterfaces": h.enis()},
		"estate/vpcs": map[string]any{"Vpcs": []any{map[string]any{"VpcId": "vpc-1", "OwnerId": "123456789012", "CidrBlock": "10.0.0.0/16",
			"CidrBlockAssociationSet": []any{map[string]any{"CidrBlock": "10.0.0.0/16", "CidrBlockState": map[string]any{"State": "associated"}}}}}},
		"estate/subnets": map[string]any{"Subnets": []any{map[string]any{"SubnetId": "subnet-1", "VpcId": "vpc-1", "OwnerId": "123456789012", "CidrBlock": "10.0.0.0/17"}}},
		"estate/routes": map[string]any{"RouteTables": []any{map[string]any{"RouteTableId": "rtb-1", "VpcId": "vpc-1", "OwnerId": "123456789012",
			"Associations": []any{map[string]any{"Main": true}},
			"Routes":       []any{map[string]any{"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"}}}}},
	}
	for name, content := range files {
		path := filepath.Join(dir, name)
		data, isText := content.(string)
		if !isText {
			b, err := json.Marshal(content)
			if err != nil {
				h.t.Fatal(err)
			}
			data, path = string(b), path+".json"
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			h.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			h.t.Fatal(err)
		}
	}
}

func (h *handMade) groups() []any {
	ids := map[string]bool{"sg-app": true}
	for _, i := range h.interfaces {
		ids[strings.Fields(i)[2]] = true
	}
	var out []any
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		permissions := []any{}
		for _, r := range h.rules {
			if id == "sg-app" {
				permissions = append(permissions, permissionOf(r))
			}
		}
		out = append(out, map[string]any{"GroupId": id, "GroupName": strings.TrimPrefix(id, "sg-"), "OwnerId": "123456789012", "VpcId": "vpc-1",
			"Description": id, "IpPermissions": permissions, "IpPermissionsEgress": []any{}})
	}
	return out
}

// permissionOf reads "tcp 443 10.0.0.0/8" or "tcp 0-65535 sg-lb".
func permissionOf(rule string) map[string]any {
	f := strings.Fields(rule)
	var from, to int
	if n, _ := fmt.Sscanf(f[1], "%d-%d", &from, &to); n == 1 {
		to = from
	}
	p := map[string]any{"IpProtocol": f[0], "FromPort": from, "ToPort": to}
	switch {
	case strings.HasPrefix(f[2], "sg-"):
		p["UserIdGroupPairs"] = []any{map[string]any{"GroupId": f[2], "UserId": "123456789012"}}
	case strings.Contains(f[2], ":"):
		p["Ipv6Ranges"] = []any{map[string]any{"CidrIpv6": f[2]}}
	default:
		p["IpRanges"] = []any{map[string]any{"CidrIp": f[2]}}
	}
	return p
}

func (h *handMade) enis() []any {
	var out []any
	for _, line := range h.interfaces {
		f := append(strings.Fields(line), "interface")
		out = append(out, map[string]any{"NetworkInterfaceId": f[0], "OwnerId": "123456789012", "VpcId": "vpc-1", "SubnetId": "subnet-1", "InterfaceType": f[3],
			"Status": "in-use", "PrivateIpAddress": f[1], "PrivateIpAddresses": []any{map[string]any{"PrivateIpAddress": f[1], "Primary": true}},
			"Groups":     []any{map[string]any{"GroupId": f[2], "GroupName": "x"}},
			"Attachment": map[string]any{"InstanceId": "i-" + f[0], "InstanceOwnerId": "123456789012", "AttachTime": "2025-01-01T00:00:00Z", "Status": "attached"}})
	}
	return out
}

// review runs the program on the files and reads its plan.
func (h *handMade) review(args ...string) *recommend.Plan {
	h.t.Helper()
	dir := h.t.TempDir()
	h.write(dir)
	var out, errs strings.Builder
	args = append([]string{"review", filepath.Join(dir, "logs"), "--estate", filepath.Join(dir, "estate"), "-o", filepath.Join(dir, "out"), "--quiet", "--min-window", "4d"}, args...)
	if code := run(context.Background(), args, streams{strings.NewReader(""), &out, &errs}); code != 0 {
		h.t.Fatalf("review exits with %d: %s", code, errs.String())
	}
	plan, err := readPlan(filepath.Join(dir, "out", "recommendations.json"))
	if err != nil {
		h.t.Fatal(err)
	}
	return plan
}

// lines are the changes of the plan, one each.
func lines(p *recommend.Plan) []string {
	out := []string{}
	for _, c := range p.Changes {
		line := fmt.Sprintf("%s %s: %s %s ->", c.Status, c.Kind, c.Old[0].Service, c.Old[0].Peer)
		for _, n := range c.New {
			line += " " + n.Service + " " + n.Peer
		}
		out = append(out, line)
	}
	return out
}

// TestFailuresOfPeers are errors that other tools of this field are known for, through the whole program: flow-log files in, plan out.
func TestFailuresOfPeers(t *testing.T) {
	app := "eni-app 10.0.1.5 sg-app"
	for _, tt := range []struct {
		name       string
		rules      []string
		interfaces []string
		traffic    func(h *handMade)
		want       []string
	}{
		{"UDP/53 and TCP/53 both stay", []string{"tcp 53 10.0.2.9/32", "udp 53 10.0.2.9/32"}, []string{app}, func(h *handMade) {
			h.tcp("eni-app", "10.0.2.9", "10.0.1.5", "53")
			h.udp("eni-app", "10.0.2.9", "10.0.1.5", "53")
		}, nil},
		{"an IPv6 host is a /128", []string{"tcp 22 fd00:10::/32"}, []string{app}, func(h *handMade) {
			h.tcp("eni-app", "fd00:10::9", "fd00:1::5", "22")
		}, []string{"proposed narrow-peers: tcp 22 fd00:10::/32 -> tcp 22 fd00:10::9/128"}},
		{"a rule is used only if the peer matches too", []string{"tcp 443 10.9.0.0/16", "tcp 443 192.168.7.9/32"}, []string{app}, func(h *handMade) {
			h.tcp("eni-app", "192.168.7.9", "10.0.1.5", "443")
		}, []string{"proposed unused: tcp 443 10.9.0.0/16 ->"}},
		{"REJECT is not use", []string{"tcp 8080 10.9.0.0/16", "tcp 443 192.168.7.9/32"}, []string{app}, func(h *handMade) {
			h.tcp("eni-app", "192.168.7.9", "10.0.1.5", "443")
			h.record("eni-app 10.9.0.9 10.0.1.5 40001 8080 6 2 ingress", 1, "REJECT")
		}, []string{"proposed unused: tcp 8080 10.9.0.0/16 ->"}},
		{"a reference behind a network load balancer is not unused", []string{"tcp 8443 sg-lb", "tcp 443 192.168.7.9/32"},
			[]string{app, "eni-lb 10.0.1.9 sg-lb network_load_balancer"}, func(h *handMade) {
				h.tcp("eni-app", "192.168.7.9", "10.0.1.5", "443")
				h.tcp("eni-app", "203.0.113.9", "10.0.1.5", "8443")
			}, nil},
		{"a broad rule that shadows a narrow one is no reason to drop the narrow one", []string{"tcp 0-65535 10.0.0.0/8", "tcp 7301 10.9.0.9/32"}, []string{app}, func(h *handMade) {
			h.tcp("eni-app", "10.9.0.9", "10.0.1.5", "7301")
		}, []string{"proposed redundant: tcp * 10.0.0.0/8 ->"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := &handMade{t: t, rules: tt.rules, interfaces: tt.interfaces}
			tt.traffic(h)
			p := h.review()
			if diff := cmp.Diff(append([]string{}, tt.want...), lines(p)); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
			if p.Proof.Needs == 0 {
				t.Error("no need was checked: the files tell nothing")
			}
		})
	}
	t.Run("100 single hosts do not become 65,246 addresses", func(t *testing.T) {
		h := &handMade{t: t, rules: []string{"tcp 443 192.168.0.0/16"}, interfaces: []string{app}}
		rng := rand.New(rand.NewPCG(100, 1))
		for range 100 {
			h.tcp("eni-app", fmt.Sprintf("192.168.%d.%d", rng.IntN(256), rng.IntN(256)), "10.0.1.5", "443")
		}
		for args, want := range map[string]struct {
			most   int
			status recommend.Status
		}{"--quiet": {12000, recommend.Proposed}, "--max-rules=100": {120, recommend.Held}} { // a hundred rules are more than the quota
			p := h.review(args)
			if len(p.Changes) != 1 || p.Changes[0].Kind != recommend.NarrowPeers || p.Changes[0].Status != want.status {
				t.Fatalf("%s: got %v", args, lines(p))
			}
			addresses := 0
			for _, n := range p.Changes[0].New {
				var bits int
				if _, err := fmt.Sscanf(n.Peer[strings.IndexByte(n.Peer, '/'):], "/%d", &bits); err != nil {
					t.Fatal(err)
				}
				addresses += 1 << (32 - bits)
			}
			if addresses < 100 || addresses > want.most {
				t.Errorf("%s: %d addresses in %d rules, want at most %d", args, addresses, len(p.Changes[0].New), want.most)
			}
		}
	})
}
