package output

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// The test binary, called by the name aws, stands in for the AWS CLI: EC2's part of it keeps its state in the file named by
// FAKE_AWS and behaves as aws-facts 4.3 and 4.7 say. It refuses every form of a command that the scripts are not meant to use.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) != "aws" {
		os.Exit(m.Run())
	}
	out, err := fakeAWS(os.Args[1:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "\n%v\n", err)
		os.Exit(254)
	}
	fmt.Print(out)
}

type fakeRule struct {
	ID, Line, Description string
	Tags                  map[string]string
}

type fakeEC2 struct {
	Account    string
	Rules      map[string][]fakeRule
	Interfaces map[string][]string
	Lists      map[string]string // id: version
	DefaultVPC bool
	NoIDs      bool // describe gives no rule ids
	Quota      int  // rules per group, direction and family; 0 is none
	Stale      int  // so many describe calls after a write still show what was before it
	KillAt     int  // the n-th call, once done, kills the script
	FailWith   map[string]string

	Calls   int
	NextID  int
	Log     []string
	History []map[string][]string // the rules of every group after every write
	Before  map[string][]fakeRule // what stale reads show
	Reads   int                   // stale ones left
}

func (f *fakeEC2) save(path string) error {
	raw, err := json.Marshal(f)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", raw, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func loadFake(path string) (*fakeEC2, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f := &fakeEC2{}
	return f, json.Unmarshal(raw, f)
}

func ec2Error(code, op string) error {
	return fmt.Errorf("An error occurred (%s) when calling the %s operation: no", code, op)
}

func fakeAWS(args []string) (string, error) {
	path := os.Getenv("FAKE_AWS")
	f, err := loadFake(path)
	if err != nil {
		return "", err
	}
	if len(args) < 2 || os.Getenv("AWS_PAGER") != "" {
		return "", errors.New("usage")
	}
	f.Calls++
	f.Log = append(f.Log, strings.Join(args, " "))
	flags := map[string][]string{}
	for name, rest := "", args[2:]; len(rest) > 0; rest = rest[1:] {
		if strings.HasPrefix(rest[0], "--") {
			name = rest[0]
			flags[name] = []string{}
		} else {
			flags[name] = append(flags[name], rest[0])
		}
	}
	out, opErr := f.do(args[0]+" "+args[1], flags)
	kill := f.Calls == f.KillAt
	if err := f.save(path); err != nil {
		return "", err
	}
	if kill {
		syscall.Kill(0, syscall.SIGKILL) // the script and this process: one process group
	}
	return out, opErr
}

func (f *fakeEC2) do(op string, flags map[string][]string) (string, error) {
	one := func(name string) string { return strings.Join(flags[name], "\x00") }
	if one("--region") != "eu-west-1" || one("--output") != "text" {
		return "", errors.New("want --region and --output text")
	}
	if code := f.FailWith[op]; code != "" {
		return "", ec2Error(code, op)
	}
	id := one("--group-id")
	switch op {
	case "sts get-caller-identity":
		return f.Account + "\n", nil
	case "ec2 describe-security-group-rules":
		return f.describe(strings.TrimPrefix(one("--filters"), "Name=group-id,Values="), one("--query"))
	case "ec2 describe-network-interfaces":
		return f.interfaces(one("--filters"), one("--query"))
	case "ec2 describe-managed-prefix-lists":
		var b strings.Builder
		for _, l := range flags["--prefix-list-ids"] {
			if f.Lists[l] == "" {
				return "", ec2Error("InvalidPrefixListID.NotFound", op)
			}
			fmt.Fprintf(&b, "%s\t%s\n", l, f.Lists[l])
		}
		return b.String(), nil
	}
	f.Before, f.Reads = maps.Clone(f.Rules), f.Stale
	defer func() {
		state := map[string][]string{}
		for g, rules := range f.Rules {
			for _, r := range rules {
				state[g] = append(state[g], r.Line)
			}
		}
		f.History = append(f.History, state)
	}()
	direction := op[strings.LastIndexByte(op, '-')+1:]
	switch op {
	case "ec2 authorize-security-group-ingress", "ec2 authorize-security-group-egress":
		return f.authorize(id, direction, one("--ip-permissions"), one("--tag-specifications"))
	case "ec2 revoke-security-group-ingress", "ec2 revoke-security-group-egress":
		if ids := flags["--security-group-rule-ids"]; len(ids) > 0 {
			return f.revokeIDs(id, direction, ids)
		}
		return f.revokePermissions(id, direction, one("--ip-permissions"))
	case "ec2 modify-security-group-rules":
		return f.modify(id, one("--security-group-rules"))
	}
	return "", fmt.Errorf("no such operation: %s", op)
}

func (f *fakeEC2) describe(groups, query string) (string, error) {
	want := "SecurityGroupRules[].[GroupId,SecurityGroupRuleId,IsEgress,IpProtocol,FromPort,ToPort,CidrIpv4,CidrIpv6,PrefixListId,ReferencedGroupInfo.GroupId]"
	if query != want {
		return "", fmt.Errorf("query %q", query)
	}
	rules := f.Rules
	if f.Reads > 0 {
		f.Reads--
		rules = f.Before
	}
	var b strings.Builder
	for _, g := range strings.Split(groups, ",") {
		if _, ok := f.Rules[g]; !ok {
			return "", ec2Error("InvalidGroup.NotFound", "DescribeSecurityGroupRules")
		}
		for _, r := range rules[g] {
			w := strings.Fields(r.Line)
			source := []string{"None", "None", "None", "None"}
			source[slices.Index([]string{"v4", "v6", "pl", "sg"}, lineKind(r.Line))] = w[4]
			egress := map[string]string{"ingress": "False", "egress": "True"}[w[0]]
			rid := r.ID
			if f.NoIDs {
				rid = "None"
			}
			fmt.Fprintf(&b, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", g, rid, egress, w[1], w[2], w[3], strings.Join(source, "\t"))
		}
	}
	return b.String(), nil
}

func lineKind(line string) string {
	s := line[strings.LastIndexByte(line, ' ')+1:]
	switch {
	case strings.HasPrefix(s, "pl-"), strings.HasPrefix(s, "sg-"):
		return s[:2]
	case strings.Contains(s, ":"):
		return "v6"
	}
	return "v4"
}

func (f *fakeEC2) interfaces(filter, query string) (string, error) {
	var b strings.Builder
	byGroup := strings.HasPrefix(filter, "Name=group-id,")
	ids := strings.Split(filter[strings.Index(filter, "Values=")+7:], ",")
	for _, eni := range slices.Sorted(maps.Keys(f.Interfaces)) {
		switch {
		case byGroup && query != "NetworkInterfaces[].[NetworkInterfaceId,join(',',Groups[].GroupId)]",
			!byGroup && query != "NetworkInterfaces[].[NetworkInterfaceId]":
			return "", fmt.Errorf("query %q", query)
		case byGroup && slices.ContainsFunc(f.Interfaces[eni], func(g string) bool { return slices.Contains(ids, g) }):
			fmt.Fprintf(&b, "%s\t%s\n", eni, strings.Join(f.Interfaces[eni], ","))
		case !byGroup && slices.Contains(ids, eni):
			fmt.Fprintln(&b, eni)
		}
	}
	return b.String(), nil
}

type fakePermission struct {
	IpProtocol       string
	FromPort, ToPort *int
	IpRanges         []struct{ CidrIp, Description string }
	Ipv6Ranges       []struct{ CidrIpv6, Description string }
	PrefixListIds    []struct{ PrefixListId, Description string }
	UserIdGroupPairs []struct{ GroupId, UserId, VpcPeeringConnectionId, Description string }
}

func readParam(param string, v any) error {
	name, ok := strings.CutPrefix(param, "file://")
	if !ok {
		return fmt.Errorf("want a file, got %q", param)
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

func parsePermissions(direction, param string) ([]fakeRule, error) {
	var list []fakePermission
	if err := readParam(param, &list); err != nil {
		return nil, err
	}
	var rules []fakeRule
	for _, p := range list {
		from, to := -1, -1
		if p.FromPort != nil {
			from, to = *p.FromPort, *p.ToPort
		}
		add := func(source, description string) {
			rules = append(rules, fakeRule{Line: fmt.Sprintf("%s %s %d %d %s", direction, p.IpProtocol, from, to, source), Description: description})
		}
		for _, s := range p.IpRanges {
			add(s.CidrIp, s.Description)
		}
		for _, s := range p.Ipv6Ranges {
			add(s.CidrIpv6, s.Description)
		}
		for _, s := range p.PrefixListIds {
			add(s.PrefixListId, s.Description)
		}
		for _, s := range p.UserIdGroupPairs {
			add(s.GroupId, s.Description)
		}
	}
	return rules, nil
}

func (f *fakeEC2) find(group, line string) int {
	return slices.IndexFunc(f.Rules[group], func(r fakeRule) bool { return r.Line == line })
}

func (f *fakeEC2) authorize(group, direction, param, tagParam string) (string, error) {
	fresh, err := parsePermissions(direction, param)
	if err != nil {
		return "", err
	}
	var specs []struct {
		ResourceType string
		Tags         []struct{ Key, Value string }
	}
	tags := map[string]string{}
	if tagParam != "" {
		if err := readParam(tagParam, &specs); err != nil || specs[0].ResourceType != "security-group-rule" {
			return "", cmp.Or(err, errors.New("bad tags"))
		}
		for _, t := range specs[0].Tags {
			tags[t.Key] = t.Value
		}
	}
	count := map[string]int{}
	for _, r := range append(slices.Clone(f.Rules[group]), fresh...) {
		if strings.HasPrefix(r.Line, direction) {
			count[lineKind(r.Line)]++
		}
	}
	if shared := count["sg"] + count["pl"]; f.Quota > 0 && max(count["v4"], count["v6"])+shared > f.Quota {
		return "", ec2Error("RulesPerSecurityGroupLimitExceeded", "Authorize")
	}
	for i, r := range fresh {
		if f.find(group, r.Line) >= 0 {
			return "", ec2Error("InvalidPermission.Duplicate", "Authorize")
		}
		f.NextID++
		fresh[i].ID, fresh[i].Tags = fmt.Sprintf("sgr-new%d", f.NextID), tags
	}
	f.Rules[group] = append(slices.Clone(f.Rules[group]), fresh...)
	return "True\n", nil
}

func (f *fakeEC2) revokeIDs(group, direction string, ids []string) (string, error) {
	for _, id := range ids {
		if !slices.ContainsFunc(f.Rules[group], func(r fakeRule) bool { return r.ID == id && strings.HasPrefix(r.Line, direction) }) {
			return "", ec2Error("InvalidSecurityGroupRuleId.NotFound", "Revoke")
		}
	}
	f.Rules[group] = slices.DeleteFunc(slices.Clone(f.Rules[group]), func(r fakeRule) bool { return slices.Contains(ids, r.ID) })
	return "None\n", nil
}

func (f *fakeEC2) revokePermissions(group, direction, param string) (string, error) {
	gone, err := parsePermissions(direction, param)
	if err != nil {
		return "", err
	}
	unknown := "None"
	rules := slices.Clone(f.Rules[group])
	for _, g := range gone {
		n := len(rules)
		rules = slices.DeleteFunc(rules, func(r fakeRule) bool { return r.Line == g.Line })
		if len(rules) == n {
			if !f.DefaultVPC {
				return "", ec2Error("InvalidPermission.NotFound", "Revoke")
			}
			unknown = "tcp\t1\t1"
		}
	}
	f.Rules[group] = rules
	return unknown + "\n", nil
}

func (f *fakeEC2) modify(group, param string) (string, error) {
	var list []struct {
		SecurityGroupRuleId string
		SecurityGroupRule   struct {
			IpProtocol                                                       string
			FromPort, ToPort                                                 int
			CidrIpv4, CidrIpv6, PrefixListId, ReferencedGroupId, Description string
		}
	}
	if err := readParam(param, &list); err != nil {
		return "", err
	}
	rules := slices.Clone(f.Rules[group])
	for _, m := range list {
		i := slices.IndexFunc(rules, func(r fakeRule) bool { return r.ID == m.SecurityGroupRuleId })
		if i < 0 {
			return "", ec2Error("InvalidSecurityGroupRuleId.NotFound", "Modify")
		}
		n := m.SecurityGroupRule
		direction, _, _ := strings.Cut(rules[i].Line, " ")
		text := fmt.Sprintf("%s %s %d %d %s%s%s%s", direction, n.IpProtocol, n.FromPort, n.ToPort, n.CidrIpv4, n.CidrIpv6, n.PrefixListId, n.ReferencedGroupId)
		if lineKind(text) != lineKind(rules[i].Line) {
			return "", ec2Error("InvalidParameterValue", "Modify")
		}
		if slices.ContainsFunc(rules, func(r fakeRule) bool { return r.Line == text }) {
			return "", ec2Error("InvalidPermission.Duplicate", "Modify")
		}
		rules[i].Line, rules[i].Description = text, n.Description
	}
	f.Rules[group] = rules
	return "True\n", nil
}
