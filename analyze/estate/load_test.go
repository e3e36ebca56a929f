package estate

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/sgtrim/sgtrim/analyze"
)

// folder writes files below a new folder and returns it.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func load(t testing.TB, files map[string]string) *Estate {
	t.Helper()
	e, err := Load(folder(t, files))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func shop(t testing.TB) *Estate {
	t.Helper()
	e, err := Load("testdata/shop.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Problems) > 0 {
		t.Fatalf("problems of testdata/shop.json: %v", e.Problems)
	}
	return e
}

// rulesOf are the rules as text, in the estate's order.
func rulesOf(g *Group) (list []string) {
	for _, r := range g.Rules {
		s := r.RuleKey.String()
		if r.Unsupported != "" {
			s = r.GroupID + " " + r.Direction.String() + " unsupported"
		}
		list = append(list, s)
	}
	return list
}

func TestLoadSnapshotFile(t *testing.T) {
	e := shop(t)
	rules, ids := 0, 0
	for _, g := range e.Groups {
		for _, r := range g.Rules {
			rules++
			if r.ID != "" {
				ids++
			}
		}
		if !g.HasRuleIDs {
			t.Errorf("group %s: HasRuleIDs is false", g.ID)
		}
	}
	got := []int{len(e.Groups), rules, ids, len(e.Interfaces), len(e.PrefixLists), len(e.VPCs), len(e.Subnets), len(e.RouteTables),
		len(e.FlowLogs), len(e.Peerings), len(e.Transit), len(e.Endpoints)}
	want := []int{9, 29, 29, 10, 3, 4, 5, 4, 1, 1, 2, 1}
	if !slices.Equal(got, want) {
		t.Errorf("groups, rules, ids, interfaces …: got %v want %v", got, want)
	}
	if want := []Scope{{"aws", "111122223333", "eu-west-1"}}; !slices.Equal(e.Scopes, want) {
		t.Errorf("scopes: got %v want %v", e.Scopes, want)
	}
	want2 := []string{
		"sg-0ops ingress tcp 22 pl-0office", "sg-0ops ingress 50 198.51.100.0/24", "sg-0ops ingress icmpv6 2600:1f18:1::/56",
		"sg-0ops egress tcp 443 pl-0s3"}
	if got := rulesOf(e.Groups["sg-0ops"]); !slices.Equal(got, want2) {
		t.Errorf("rules: got %q want %q", got, want2)
	}
	if got := e.Groups["sg-0ops"].AssociatedVPCs; !slices.Equal(got, []string{"vpc-0b"}) {
		t.Errorf("associated VPCs: %v", got)
	}
	if got := e.VPCs["vpc-0a"].CIDRs; len(got) != 2 || got[0].String() != "10.0.0.0/16" || got[1].String() != "2600:1f18:1::/56" {
		t.Errorf("CIDRs without the disassociated one: %v", got)
	}
	if !e.Transit[0].GroupReferences || !e.AssociationsKnown || e.Captured.IsZero() {
		t.Errorf("references %v, associations known %v, captured %v", e.Transit[0].GroupReferences, e.AssociationsKnown, e.Captured)
	}
}

// equalEstates compares all but the sources that problems name and the unexported.
func equalEstates(t *testing.T, got, want *Estate) {
	t.Helper()
	strip := func(e *Estate) Estate {
		c := *e
		c.Problems = nil
		return c
	}
	a, b := strip(got), strip(want)
	if !reflect.DeepEqual(a, b) {
		va, vb := reflect.ValueOf(a), reflect.ValueOf(b)
		for i := range va.NumField() {
			if !reflect.DeepEqual(va.Field(i).Interface(), vb.Field(i).Interface()) {
				t.Errorf("%s differs:\n got %+v\nwant %+v", va.Type().Field(i).Name, va.Field(i), vb.Field(i))
			}
		}
	}
	causes := func(e *Estate) (list []string) {
		for _, p := range e.Problems {
			list = append(list, p.Cause[:min(20, len(p.Cause))])
		}
		slices.Sort(list)
		return list
	}
	if g, w := causes(got), causes(want); !slices.Equal(g, w) {
		t.Errorf("problems:\n got %q\nwant %q", g, w)
	}
}

func roundTrip(t *testing.T, path string) {
	t.Helper()
	s, err := ReadSnapshot(path)
	if err != nil {
		t.Fatal(err)
	}
	want, err := s.Estate()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := WriteSnapshot(&b, s); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "estate.json")
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	equalEstates(t, got, want)
	again, err := ReadSnapshot(file)
	if err != nil {
		t.Fatal(err)
	}
	var b2 bytes.Buffer
	if err := WriteSnapshot(&b2, again); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), b2.Bytes()) {
		t.Errorf("written, read and written again is not the same bytes")
	}
}

func TestSnapshotRoundTrip(t *testing.T) { roundTrip(t, "testdata/shop.json") }

func TestDescribeRoundTrip(t *testing.T) {
	e := shop(t)
	var groups []*Group
	for _, g := range e.Groups {
		groups = append(groups, g)
	}
	data, err := DescribeSecurityGroups(groups)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(groups)
	if again, err := DescribeSecurityGroups(groups); err != nil || !bytes.Equal(data, again) {
		t.Errorf("the order of the groups changes the output (%v)", err)
	}
	got := load(t, map[string]string{"proposed.json": string(data)})
	for id, want := range e.Groups {
		g := got.Groups[id]
		if g == nil {
			t.Fatalf("group %s is missing", id)
		}
		if g.Name != want.Name || g.Description != want.Description || g.VPC != want.VPC || g.Owner != want.Owner || !reflect.DeepEqual(g.Tags, want.Tags) {
			t.Errorf("group %s: got %+v", id, g)
		}
		equalRules(t, g.Rules, want.Rules)
	}
	if n := bytes.Count(data, []byte(`"FromPort": 8080`)); n != 1 {
		t.Errorf("tcp 8080-8090 of sg-0web stands in %d permissions, want one for all its sources", n)
	}
	if !bytes.Contains(data, []byte(`the world & <all>`)) {
		t.Errorf("the description is not kept as it is")
	}
}

// equalRules compares as sets, without what describe-security-groups cannot say.
func equalRules(t *testing.T, got, want []analyze.Rule) {
	t.Helper()
	plain := func(rules []analyze.Rule) []analyze.Rule {
		out := slices.Clone(rules)
		for i := range out {
			out[i].ID, out[i].Tags = "", nil
		}
		slices.SortFunc(out, func(a, b analyze.Rule) int {
			return cmp.Or(a.RuleKey.Compare(b.RuleKey), cmp.Compare(a.Unsupported, b.Unsupported))
		})
		return out
	}
	if g, w := plain(got), plain(want); !reflect.DeepEqual(g, w) {
		t.Errorf("rules:\n got %+v\nwant %+v", g, w)
	}
}

const oneGroup = `{"SecurityGroups":[{"GroupId":"sg-1","GroupName":"g","OwnerId":"111122223333","VpcId":"vpc-1","IpPermissions":[%],"IpPermissionsEgress":[]}]}`

func withPermissions(text string) string { return strings.Replace(oneGroup, "%", text, 1) }

func TestUnsupportedRulesAreKept(t *testing.T) {
	for _, c := range []struct{ permission, cause string }{
		{`{"IpProtocol":"gre9","IpRanges":[{"CidrIp":"10.0.0.0/8"}]}`, "protocol"},
		{`{"IpProtocol":"tcp","FromPort":"443","ToPort":"443","IpRanges":[{"CidrIp":"10.0.0.0/8"}]}`, "FromPort"},
		{`{"IpProtocol":"tcp","FromPort":443,"ToPort":80,"IpRanges":[{"CidrIp":"10.0.0.0/8"}]}`, "first not above last"},
		{`{"IpProtocol":"tcp","ToPort":80,"IpRanges":[{"CidrIp":"10.0.0.0/8"}]}`, "ports -1 to 80"},
		{`{"IpProtocol":"tcp","FromPort":1,"ToPort":1,"IpRanges":[{"CidrIp":"10.0.0.0/99"}]}`, "CidrIp"},
		{`{"IpProtocol":"tcp","FromPort":1,"ToPort":1,"IpRanges":[{"CidrIp":"::/0"}]}`, "other address family"},
		{`{"IpProtocol":"tcp","FromPort":1,"ToPort":1,"Ipv6Ranges":[{"CidrIpv6":"10.0.0.0/8"}]}`, "other address family"},
		{`{"IpProtocol":"tcp","FromPort":1,"ToPort":1,"IpRanges":[{"CidrIp":"10.0.0.0/8","Except":"10.1.0.0/16"}]}`, "Except"},
		{`{"IpProtocol":"tcp","FromPort":1,"ToPort":1,"IpRanges":[{"CidrIp":"10.0.0.0/8"}],"DnsNames":["x"]}`, "DnsNames"},
		{`{"IpProtocol":"tcp","FromPort":1,"ToPort":1,"UserIdGroupPairs":[{"UserId":"1","GroupName":"classic"}]}`, "without GroupId"},
		{`{"IpProtocol":"tcp","FromPort":1,"ToPort":1,"PrefixListIds":[{}]}`, "without PrefixListId"},
		{`{"IpProtocol":"tcp","FromPort":1,"ToPort":1}`, "no source"},
		{`"tcp"`, "no object"},
		{`{"IpProtocol":"tcp","FromPort":1,"ToPort":1,"IpRanges":"10.0.0.0/8"}`, "no list"},
	} {
		e := load(t, map[string]string{"a.json": withPermissions(`{"IpProtocol":"udp","FromPort":53,"ToPort":53,"IpRanges":[{"CidrIp":"10.0.0.0/8"}]},` + c.permission)})
		g := e.Groups["sg-1"]
		if len(g.Rules) != 2 || g.Rules[0].Unsupported != "" || !strings.Contains(g.Rules[1].Unsupported, c.cause) {
			t.Errorf("%s: got %+v, want the second rule unsupported for %q", c.permission, g.Rules, c.cause)
			continue
		}
		if !slices.ContainsFunc(e.Problems, func(p Problem) bool { return strings.Contains(p.Cause, c.cause) }) {
			t.Errorf("%s: no problem says %q: %v", c.permission, c.cause, e.Problems)
		}
		data, err := DescribeSecurityGroups([]*Group{g})
		if err != nil {
			t.Errorf("%s: %v", c.permission, err)
			continue
		}
		again := load(t, map[string]string{"a.json": string(data)}).Groups["sg-1"]
		equalRules(t, again.Rules, g.Rules)
		if !reflect.DeepEqual(again.RawUnsupported, g.RawUnsupported) {
			t.Errorf("%s: written back as %s, want %s", c.permission, again.RawUnsupported, g.RawUnsupported)
		}
		g.RawUnsupported = nil
		if _, err := DescribeSecurityGroups([]*Group{g}); err == nil {
			t.Errorf("%s: written without the rule that is not understood", c.permission)
		}
	}
}

func TestNormalisedRules(t *testing.T) {
	for _, c := range []struct{ permission, want string }{
		{`{"IpProtocol":"tcp","FromPort":-1,"ToPort":-1,"IpRanges":[{"CidrIp":"100.68.0.18/18"}]}`, "tcp * 100.68.0.0/18"},
		{`{"IpProtocol":"6","FromPort":0,"ToPort":65535,"IpRanges":[{"CidrIp":"10.0.0.0/8"}]}`, "tcp * 10.0.0.0/8"},
		{`{"IpProtocol":"-1","IpRanges":[{"CidrIp":"0.0.0.0/0"}]}`, "all 0.0.0.0/0"},
		{`{"IpProtocol":"-1","FromPort":-1,"ToPort":-1,"Ipv6Ranges":[{"CidrIpv6":"::/0"}]}`, "all ::/0"},
		{`{"IpProtocol":"icmp","FromPort":3,"ToPort":4,"IpRanges":[{"CidrIp":"10.0.0.1/32"}]}`, "icmp 3/4 10.0.0.1/32"},
		{`{"IpProtocol":"58","Ipv6Ranges":[{"CidrIpv6":"FD00::/8"}]}`, "icmpv6 fd00::/8"},
		{`{"IpProtocol":"50","FromPort":0,"ToPort":0,"IpRanges":[{"CidrIp":"10.0.0.0/8"}]}`, "50 10.0.0.0/8"},
		{`{"ipProtocol":"tcp","fromPort":22,"toPort":22,"userIdGroupPairs":[{"userId":"444455556666","groupId":"sg-9"}]}`, "tcp 22 sg-9"},
		{`{"IpProtocol":"tcp","FromPort":22,"ToPort":22,"UserIdGroupPairs":[{"GroupId":"444455556666/sg-9"}]}`, "tcp 22 sg-9"},
	} {
		g := load(t, map[string]string{"a.json": withPermissions(c.permission)}).Groups["sg-1"]
		if got, want := rulesOf(g), []string{"sg-1 ingress " + c.want}; !slices.Equal(got, want) {
			t.Errorf("%s: got %q want %q", c.permission, got, want)
		}
	}
}

func TestRuleIDs(t *testing.T) {
	groups := withPermissions(`{"IpProtocol":"tcp","FromPort":22,"ToPort":22,"IpRanges":[{"CidrIp":"10.0.0.0/8","Description":"ssh"}]},
		{"IpProtocol":"-1","UserIdGroupPairs":[{"GroupId":"sg-1","UserId":"111122223333"}]}`)
	rule := func(id, rest string) string {
		return `{"SecurityGroupRuleId":"` + id + `","GroupId":"sg-1","GroupOwnerId":"111122223333","IsEgress":false,` + rest + `}`
	}
	ssh := rule("sgr-1", `"IpProtocol":"tcp","FromPort":22,"ToPort":22,"CidrIpv4":"10.0.0.0/8","Tags":[{"Key":"k","Value":"v"}]`)
	all := rule("sgr-2", `"IpProtocol":"-1","FromPort":-1,"ToPort":-1,"ReferencedGroupInfo":{"GroupId":"sg-1","UserId":"111122223333","VpcId":"vpc-1"}`)
	list := func(rules ...string) string { return `{"SecurityGroupRules":[` + strings.Join(rules, ",") + `]}` }

	// Pages in files, in any order, the same rule on two of them.
	e := load(t, map[string]string{"z.json": groups, "a.json": list(ssh), "b.json": list(all, ssh)})
	g := e.Groups["sg-1"]
	if g.Rules[0].ID != "sgr-1" || g.Rules[1].ID != "sgr-2" || !g.HasRuleIDs || len(e.Problems) != 0 {
		t.Errorf("got %+v, problems %v", g.Rules, e.Problems)
	}
	if g.Rules[0].Tags["k"] != "v" || g.Rules[0].Description != "ssh" || g.Rules[1].Tags != nil || g.Rules[1].PeerVPC != "vpc-1" {
		t.Errorf("got %+v", g.Rules)
	}
	// Two spellings of one rule take an id each.
	e = load(t, map[string]string{
		"g.json": withPermissions(`{"IpProtocol":"tcp","FromPort":-1,"ToPort":-1,"IpRanges":[{"CidrIp":"10.0.0.0/8"}]},{"IpProtocol":"tcp","FromPort":0,"ToPort":65535,"IpRanges":[{"CidrIp":"10.0.0.0/8"}]}`),
		"r.json": list(rule("sgr-1", `"IpProtocol":"tcp","FromPort":0,"ToPort":65535,"CidrIpv4":"10.0.0.0/8"`), rule("sgr-2", `"IpProtocol":"tcp","FromPort":-1,"ToPort":-1,"CidrIpv4":"10.0.0.0/8"`)),
	})
	if g := e.Groups["sg-1"]; len(e.Problems) != 0 || !g.HasRuleIDs || g.Rules[0].ID != "sgr-1" || g.Rules[1].ID != "sgr-2" {
		t.Errorf("got %+v, problems %v", e.Groups["sg-1"].Rules, e.Problems)
	}
	for _, c := range []struct{ name, rules, problem string }{
		{"an id is missing", list(ssh), "has no id"},
		{"a rule that the permissions do not have", list(ssh, all, rule("sgr-3", `"IpProtocol":"tcp","FromPort":1,"ToPort":1,"CidrIpv4":"10.0.0.0/8"`)), "was not used"},
		{"one id twice", list(ssh, all, strings.ReplaceAll(ssh, "22", "23")), "same id"},
		{"not understood", list(ssh, all, rule("sgr-3", `"IpProtocol":"tcp","FromPort":1,"ToPort":1`)), "0 sources"},
	} {
		e := load(t, map[string]string{"z.json": groups, "a.json": c.rules})
		if len(e.Problems) != 1 || !strings.Contains(e.Problems[0].Cause, c.problem) || len(e.Groups["sg-1"].Rules) != 2 {
			t.Errorf("%s: problems %v, rules %v", c.name, e.Problems, rulesOf(e.Groups["sg-1"]))
		}
	}

	// Without describe-security-groups, or with a thin one, the rules are all there is.
	for _, files := range []map[string]string{
		{"a.json": list(ssh, all)},
		{"a.json": list(ssh, all), "b.json": `{"SecurityGroups":[{"GroupId":"sg-1","GroupName":"g"}]}`},
	} {
		g := load(t, files).Groups["sg-1"]
		if got, want := rulesOf(g), []string{"sg-1 ingress tcp 22 10.0.0.0/8", "sg-1 ingress all sg-1"}; !slices.Equal(got, want) || !g.HasRuleIDs {
			t.Errorf("got %q want %q", got, want)
		}
	}
	odd := load(t, map[string]string{"a.json": list(ssh, rule("sgr-3", `"IpProtocol":"tcp","FromPort":1,"ToPort":1,"CidrIpv4":"10.0.0.0/8","CidrIpv6":"::/0"`))}).Groups["sg-1"]
	if data, err := DescribeSecurityGroups([]*Group{odd}); err != nil || !bytes.Contains(data, []byte("::/0")) {
		t.Errorf("a rule of two sources is not written back: %v %s", err, data)
	}
}

func TestLoadErrors(t *testing.T) {
	for _, c := range []struct{ name, file, text, want string }{
		{"breaks off", "g.json", `{"SecurityGroups":[{"GroupId":"sg-1"`, "g.json: SecurityGroups: at byte 19: the JSON breaks off"},
		{"garbage after", "g.json", `{"SecurityGroups":[]} x`, "g.json: SecurityGroups: at byte"},
		{"empty", "g.json", "", "g.json: the file is empty"},
		{"blank", "g.json", " \n", "g.json: the file is empty"},
		{"text in a .json", "g.json", "An error occurred (UnauthorizedOperation)", "g.json: not JSON"},
		{"a bare list", "g.json", `[{"GroupId":"sg-1"}]`, "g.json: a bare list"},
		{"no list", "g.json", `{"SecurityGroups":{"GroupId":"sg-1"}}`, "want a list"},
		{"no object", "g.json", `{"SecurityGroups":["sg-1"]}`, "SecurityGroups[0]"},
		{"no id", "g.json", `{"SecurityGroups":[{"GroupName":"x"}]}`, "g.json: SecurityGroups[0]: field GroupId: missing"},
		{"null", "g.json", `{"NetworkInterfaces":[null]}`, "g.json: NetworkInterfaces[0]: field NetworkInterfaceId: missing"},
		{"wrong type", "g.json", `{"SecurityGroups":[{"GroupId":7}]}`, "field GroupId: want string, got a JSON number"},
		{"bad address", "g.json", `{"NetworkInterfaces":[{"NetworkInterfaceId":"eni-1","PrivateIpAddress":"10-0-0-1"}]}`, "NetworkInterfaces[0] eni-1: field PrivateIpAddress"},
		{"bad second address", "g.json", `{"NetworkInterfaces":[{"NetworkInterfaceId":"eni-1","PrivateIpAddresses":[{"PrivateIpAddress":"10.0.0.1"},{"PrivateIpAddress":"x"}]}]}`, "field PrivateIpAddresses[1].PrivateIpAddress"},
		{"bad IPv6", "g.json", `{"NetworkInterfaces":[{"NetworkInterfaceId":"eni-1","Ipv6Addresses":[{"Ipv6Address":"::g"}]}]}`, "field Ipv6Addresses[0].Ipv6Address"},
		{"bad delegated prefix", "g.json", `{"NetworkInterfaces":[{"NetworkInterfaceId":"eni-1","Ipv4Prefixes":[{"Ipv4Prefix":"10.0.0.0"}]}]}`, "field Ipv4Prefixes[0].Ipv4Prefix"},
		{"bad public address", "g.json", `{"NetworkInterfaces":[{"NetworkInterfaceId":"eni-1","Association":{"PublicIp":"x"}}]}`, "field Association"},
		{"bad time", "g.json", `{"NetworkInterfaces":[{"NetworkInterfaceId":"eni-1","Attachment":{"AttachTime":"yesterday"}}]}`, "field Attachment.AttachTime: \"yesterday\" is no time"},
		{"group without id", "g.json", `{"NetworkInterfaces":[{"NetworkInterfaceId":"eni-1","Groups":[{"GroupName":"x"}]}]}`, "field Groups"},
		{"bad VPC", "g.json", `{"Vpcs":[{"VpcId":"vpc-1","CidrBlock":"10.0.0.0/33"}]}`, "Vpcs[0] vpc-1: field CidrBlock"},
		{"bad subnet", "g.json", `{"Subnets":[{"SubnetId":"subnet-1","CidrBlock":"x"}]}`, "Subnets[0] subnet-1: field CidrBlock"},
		{"bad entry", "pl-1.json", `{"Entries":[{"Cidr":"x"}]}`, "PrefixLists[0] pl-1: field Entries.Cidr"},
		{"bad route", "g.json", `{"RouteTables":[{"RouteTableId":"rtb-1","Routes":[{"GatewayId":"local"}]}]}`, "field Routes[0].Destination: missing"},
		{"bad peering", "g.json", `{"VpcPeeringConnections":[{"VpcPeeringConnectionId":"pcx-1","AccepterVpcInfo":{"CidrBlock":"x"}}]}`, "field AccepterVpcInfo.CidrBlock"},
		{"rule without id", "g.json", `{"SecurityGroupRules":[{"GroupId":"sg-1"}]}`, "field SecurityGroupRuleId: missing"},
		{"rule without group", "g.json", `{"SecurityGroupRules":[{"SecurityGroupRuleId":"sgr-1"}]}`, "field GroupId: missing"},
		{"rule without direction", "g.json", `{"SecurityGroupRules":[{"SecurityGroupRuleId":"sgr-1","GroupId":"sg-1"}]}`, "field IsEgress: missing"},
		{"a later version", "g.json", `{"schema_version":9,"scopes":[]}`, "is 9, this program reads 1"},
		{"nothing in it", "g.txt", "hello", "no file holds an output"},
	} {
		dir := folder(t, map[string]string{c.file: c.text})
		_, err := Load(dir)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want %q", c.name, err, c.want)
		}
		if _, err := Load(filepath.Join(dir, c.file)); err == nil {
			t.Errorf("%s: the file named alone: no error", c.name)
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none")); !os.IsNotExist(errorsUnwrapAll(err)) {
		t.Errorf("missing file: got %v", err)
	}
	alone := folder(t, map[string]string{"i.json": `{"Reservations":[]}`})
	if _, err := Load(filepath.Join(alone, "i.json")); err == nil || !strings.Contains(err.Error(), "Reservations") {
		t.Errorf("a file of another kind, alone: got %v", err)
	}
}

func errorsUnwrapAll(err error) error {
	for {
		u, ok := err.(interface{ Unwrap() error })
		if !ok {
			return err
		}
		err = u.Unwrap()
	}
}

func TestLoadProblems(t *testing.T) {
	eni := func(ip string) string {
		return `{"NetworkInterfaces":[{"NetworkInterfaceId":"eni-1","VpcId":"vpc-1","PrivateIpAddress":"` + ip + `"}]}`
	}
	for _, c := range []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"the same twice", map[string]string{"a.json": eni("10.0.0.1"), "b.json": eni("10.0.0.1")}, nil},
		{"the same twice, the region known of one", map[string]string{"us-east-1/a.json": eni("10.0.0.1"), "eu-west-1/b.json": eni("10.0.0.1")}, nil},
		{"twice in other words", map[string]string{"a.json": eni("10.0.0.1"), "b.json": eni("10.0.0.2")}, []string{"differs from the object of the same id in"}},
		{"unknown kind", map[string]string{"a.json": eni("10.0.0.1"), "b.json": `{"NatGateways":[]}`}, []string{"not used"}},
		{"Config", map[string]string{"a.json": eni("10.0.0.1"), "b.json": `{"fileVersion":"1.0","configurationItems":[]}`}, nil},
		{"another page", map[string]string{"a.json": `{"NextToken":"x",` + eni("10.0.0.1")[1:]}, []string{"more pages"}},
		{"entries of nobody", map[string]string{"a.json": eni("10.0.0.1"), "entries.json": `{"Entries":[{"Cidr":"10.0.0.0/8"}]}`}, []string{"of which prefix list?"}},
		{"other files", map[string]string{"a.json": eni("10.0.0.1"), "README": "hello", "x.log": "2 1234"}, []string{"were not used (2)"}},
		{"hidden", map[string]string{"a.json": eni("10.0.0.1"), ".git/x.json": "{"}, []string{"hidden"}},
		{"groups that nobody described", map[string]string{"a.json": `{"NetworkInterfaces":[{"NetworkInterfaceId":"eni-1","Groups":[{"GroupId":"sg-1"}]}]}`}, []string{"its rules are not in the input"}},
		{"lists that nobody described", map[string]string{"a.json": withPermissions(`{"IpProtocol":"-1","PrefixListIds":[{"PrefixListId":"pl-1"}]}`)}, []string{"its entries are not in the input"}},
		{"association of nobody", map[string]string{"a.json": `{"SecurityGroupVpcAssociations":[{"GroupId":"sg-1","VpcId":"vpc-1","State":"associated"}]}`}, []string{"the group is not in the input"}},
		{"a list in other words", map[string]string{"a.json": `{"PrefixLists":[{"PrefixListId":"pl-1","MaxEntries":5}]}`, "b.json": `{"PrefixLists":[{"PrefixListId":"pl-1","MaxEntries":6}]}`}, []string{"differs"}},
	} {
		e := load(t, c.files)
		var got []string
		for _, p := range e.Problems {
			got = append(got, p.Cause)
		}
		ok := len(got) == len(c.want)
		for i := range min(len(got), len(c.want)) {
			ok = ok && strings.Contains(got[i], c.want[i])
		}
		if !ok {
			t.Errorf("%s: got %q want %q", c.name, got, c.want)
		}
	}
}

func TestPrefixListShapes(t *testing.T) {
	e := load(t, map[string]string{
		"lists.json":    `{"PrefixLists":[{"PrefixListId":"pl-1","PrefixListName":"office","OwnerId":"111122223333","MaxEntries":9,"Version":2},{"PrefixListId":"pl-3","MaxEntries":4},{"PrefixListId":"pl-4","Entries":[]}]}`,
		"pl-1.json":     `{"Entries":[{"Cidr":"10.2.3.4/16"}]}`,
		"pl-1.p2.json":  `{"Entries":[{"Cidr":"10.1.0.0/16","Description":"x"}]}`,
		"gateways.json": `{"PrefixLists":[{"PrefixListId":"pl-2","PrefixListName":"com.amazonaws.us-east-1.s3","Cidrs":["3.5.0.0/20"]}]}`,
	})
	l := e.PrefixLists["pl-1"]
	if !l.EntriesKnown || len(l.Entries) != 2 || l.Entries[0].String() != "10.1.0.0/16" || l.Entries[1].String() != "10.2.0.0/16" || l.MaxEntries != 9 || l.Version != 2 {
		t.Errorf("pl-1: %+v", l)
	}
	if l := e.PrefixLists["pl-2"]; !l.EntriesKnown || l.Owner != "AWS" || len(l.Entries) != 1 {
		t.Errorf("pl-2: %+v", l)
	}
	if e.PrefixLists["pl-3"].EntriesKnown || !e.PrefixLists["pl-4"].EntriesKnown {
		t.Errorf("entries known: pl-3 %v (want false), pl-4 %v (want true)", e.PrefixLists["pl-3"].EntriesKnown, e.PrefixLists["pl-4"].EntriesKnown)
	}
}

func TestScopesOfFiles(t *testing.T) {
	group := func(id, vpc string) string {
		return `{"SecurityGroups":[{"GroupId":"` + id + `","VpcId":"` + vpc + `","OwnerId":"111122223333","IpPermissions":[]}]}`
	}
	e := load(t, map[string]string{
		"111122223333/cn-north-1/sg.json": group("sg-1", "vpc-1"), // by the folder
		"b/sg.json":                       group("sg-2", "vpc-2"), // by the folder's other file
		"b/sub.json":                      `{"Subnets":[{"SubnetId":"subnet-1","VpcId":"vpc-9","AvailabilityZone":"us-gov-west-1b"}]}`,
		"c/sg.json":                       strings.Replace(group("sg-3", "vpc-3"), `"VpcId"`, `"SecurityGroupArn":"arn:aws:ec2:us-west-2:111122223333:security-group/sg-3","VpcId"`, 1),
		"d/sg.json":                       group("sg-4", "vpc-4"), // by an interface of the VPC elsewhere
		"e/eni.json":                      `{"NetworkInterfaces":[{"NetworkInterfaceId":"eni-1","OwnerId":"444455556666","VpcId":"vpc-4","AvailabilityZone":"us-west-2-lax-1a"}]}`,
		"f/sg.json":                       group("sg-5", "vpc-5"), // nobody tells
	})
	for id, want := range map[string]string{"sg-1": "cn-north-1", "sg-2": "us-gov-west-1", "sg-3": "us-west-2", "sg-4": "us-west-2", "sg-5": ""} {
		if got := e.Groups[id].Region; got != want {
			t.Errorf("region of %s: got %q want %q", id, got, want)
		}
	}
	want := []Scope{{"", "111122223333", ""}, {"aws", "111122223333", "us-west-2"}, {"aws", "444455556666", "us-west-2"},
		{"aws-cn", "111122223333", "cn-north-1"}, {"aws-us-gov", "111122223333", "us-gov-west-1"}}
	if !slices.Equal(e.Scopes, want) {
		t.Errorf("scopes: got %v want %v", e.Scopes, want)
	}
}

func TestLoadFolderThroughLink(t *testing.T) {
	dir := folder(t, map[string]string{"us-east-1/a.json": withPermissions("")})
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(filepath.Join(dir, "us-east-1"), link); err != nil {
		t.Fatal(err)
	}
	for path, region := range map[string]string{link: "", dir: "us-east-1", filepath.Join(dir, "us-east-1"): "us-east-1", filepath.Join(dir, "us-east-1", "a.json"): "us-east-1"} {
		e, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		if e.Groups["sg-1"] == nil || e.Groups["sg-1"].Region != region || len(e.Problems) > 0 {
			t.Errorf("%s: got %+v, problems %v", path, e.Groups["sg-1"], e.Problems)
		}
	}
}

func TestLatestSnapshotWins(t *testing.T) {
	snap := func(day, ip string) string {
		return `{"schema_version":1,"captured_at":"2026-01-` + day + `T00:00:00Z","scopes":[{"partition":"aws","account":"1","region":"r","NetworkInterfaces":[{"NetworkInterfaceId":"eni-1","PrivateIpAddress":"` + ip + `"}]}]}`
	}
	e := load(t, map[string]string{"a.json": snap("01", "10.0.0.1"), "b.json": snap("03", "10.0.0.3"), "c.json": snap("02", "10.0.0.2")})
	if got := e.Interfaces["eni-1"].Primary.String(); got != "10.0.0.3" || len(e.Problems) != 0 || e.Captured.Day() != 3 {
		t.Errorf("got %s, captured %v, problems %v", got, e.Captured, e.Problems)
	}
}

func TestTransitAttachments(t *testing.T) {
	e := load(t, map[string]string{"a.json": `{"TransitGateways":[{"TransitGatewayId":"tgw-1","Options":{"SecurityGroupReferencingSupport":"enable"}},{"TransitGatewayId":"tgw-2","Options":{}}],
	 "TransitGatewayVpcAttachments":[{"TransitGatewayAttachmentId":"a1","TransitGatewayId":"tgw-1","VpcId":"vpc-1","State":"available"},
	  {"TransitGatewayAttachmentId":"a2","TransitGatewayId":"tgw-1","VpcId":"vpc-2","State":"available","Options":{"SecurityGroupReferencingSupport":"disable"}},
	  {"TransitGatewayAttachmentId":"a3","TransitGatewayId":"tgw-2","VpcId":"vpc-3","State":"available","Options":{"SecurityGroupReferencingSupport":"enable"}}],
	 "TransitGatewayAttachments":[{"TransitGatewayAttachmentId":"a1","TransitGatewayId":"tgw-1","ResourceType":"vpc","ResourceId":"vpc-1","State":"available"},
	  {"TransitGatewayAttachmentId":"a4","TransitGatewayId":"tgw-1","ResourceType":"vpn","ResourceId":"vpn-1","State":"available"}]}`})
	var got []bool
	for _, t := range e.Transit {
		got = append(got, t.GroupReferences)
	}
	if !slices.Equal(got, []bool{true, false, false}) || len(e.Problems) != 0 {
		t.Errorf("references of a1, a2, a3: got %v, problems %v", got, e.Problems)
	}
}

// An account also describes the groups that others share with it: those are not its own.
func TestAccountsThatDescribe(t *testing.T) {
	group := func(id, owner string) string {
		return fmt.Sprintf(`{"GroupId": %q, "GroupName": %q, "OwnerId": %q, "VpcId": "vpc-1", "IpPermissions": [], "IpPermissionsEgress": []}`, id, id, owner)
	}
	file := `{"SecurityGroups": [` + group("sg-0a", "999999999999") + `,` + group("sg-0b", "111111111111") + `,` + group("sg-0c", "111111111111") + `]}`
	for name, want := range map[string][]string{
		"groups.json":                             {"111111111111"},
		"222222222222/eu-west-1/sg.json":          {"222222222222"}, // the folder says who asked
		"999999999999/eu-west-1/shared-view.json": {"999999999999"},
	} {
		e, err := Load(folder(t, map[string]string{name: file}))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(e.Accounts, want) {
			t.Errorf("%s: accounts %q, want %q", name, e.Accounts, want)
		}
	}
}
