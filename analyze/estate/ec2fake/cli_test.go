//go:build integration

package ec2fake_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/estate/ec2fake"
)

// TestAWSCommand drives the real CLI: the fake must speak its dialect too.
func TestAWSCommand(t *testing.T) {
	cli, err := exec.LookPath("aws")
	if err != nil {
		t.Skip("the aws CLI is not installed")
	}
	f := start(t, ec2fake.Behaviour{PageSize: 4})
	none := filepath.Join(t.TempDir(), "none")
	run := func(args ...string) (string, error) {
		cmd := exec.Command(cli, append([]string{"--endpoint-url", f.URL, "--region", "eu-west-1", "--output", "json"}, args...)...)
		cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=key", "AWS_SECRET_ACCESS_KEY=secret", "AWS_CONFIG_FILE="+none, "AWS_SHARED_CREDENTIALS_FILE="+none, "AWS_PAGER=")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	dir := t.TempDir()
	for name, args := range map[string][]string{
		"groups":     {"ec2", "describe-security-groups", "--page-size", "5"},
		"rules":      {"ec2", "describe-security-group-rules"},
		"enis":       {"ec2", "describe-network-interfaces"},
		"lists":      {"ec2", "describe-managed-prefix-lists"},
		"vpcs":       {"ec2", "describe-vpcs"},
		"pl-0office": {"ec2", "get-managed-prefix-list-entries", "--prefix-list-id", "pl-0office"},
		"pcx":        {"ec2", "describe-vpc-peering-connections"},
	} {
		out, err := run(args...)
		if err != nil {
			t.Fatalf("aws %v: %v\n%s", args, err, out)
		}
		if err := os.WriteFile(filepath.Join(dir, name+".json"), []byte(out), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	e, err := estate.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	want, err := estate.Load("../testdata/shop.json")
	if err != nil {
		t.Fatal(err)
	}
	for id, g := range want.Groups {
		got := e.Groups[id]
		if got == nil || len(got.Rules) != len(g.Rules) || !got.HasRuleIDs || got.Description != g.Description {
			t.Errorf("group %s: got %+v want %+v", id, got, g)
		}
	}
	if len(e.Interfaces) != len(want.Interfaces) || len(e.PrefixLists["pl-0office"].Entries) != 2 || len(e.Peerings["pcx-0ab"].Accepter.CIDRs) != 1 {
		t.Errorf("interfaces %d, lists %v, peerings %v", len(e.Interfaces), e.PrefixLists["pl-0office"], e.Peerings)
	}

	perms := `[{"IpProtocol":"tcp","FromPort":5000,"ToPort":5001,"IpRanges":[{"CidrIp":"10.5.0.0/16","Description":"a b"}],"UserIdGroupPairs":[{"GroupId":"sg-0alb","UserId":"111122223333"}]}]`
	out, err := run("ec2", "authorize-security-group-ingress", "--group-id", "sg-0nlb", "--ip-permissions", perms, "--tag-specifications", "ResourceType=security-group-rule,Tags=[{Key=plan,Value=p1}]")
	if err != nil {
		t.Fatalf("authorize: %v\n%s", err, out)
	}
	var answer struct {
		SecurityGroupRules []struct{ SecurityGroupRuleId string }
	}
	if err := json.Unmarshal([]byte(out), &answer); err != nil || len(answer.SecurityGroupRules) != 2 {
		t.Fatalf("authorize answered %s (%v)", out, err)
	}
	if out, err := run("ec2", "authorize-security-group-ingress", "--group-id", "sg-0nlb", "--ip-permissions", perms); err == nil || !strings.Contains(out, "InvalidPermission.Duplicate") {
		t.Errorf("authorize again: %v\n%s", err, out)
	}
	first := answer.SecurityGroupRules[0].SecurityGroupRuleId
	modify := `[{"SecurityGroupRuleId":"` + first + `","SecurityGroupRule":{"IpProtocol":"tcp","FromPort":5000,"ToPort":5000,"CidrIpv4":"10.5.1.0/24","Description":"c"}}]`
	if out, err := run("ec2", "modify-security-group-rules", "--group-id", "sg-0nlb", "--security-group-rules", modify); err != nil {
		t.Errorf("modify: %v\n%s", err, out)
	}
	if out, err := run("ec2", "revoke-security-group-ingress", "--group-id", "sg-0nlb", "--security-group-rule-ids", answer.SecurityGroupRules[1].SecurityGroupRuleId); err != nil || !strings.Contains(out, "RevokedSecurityGroupRules") {
		t.Errorf("revoke: %v\n%s", err, out)
	}
	if out, err := run("ec2", "revoke-security-group-egress", "--group-id", "sg-0nlb", "--ip-permissions", `[{"IpProtocol":"-1","IpRanges":[{"CidrIp":"0.0.0.0/0"}]}]`); err != nil {
		t.Errorf("revoke egress: %v\n%s", err, out)
	}
	if out, err := run("ec2", "authorize-security-group-ingress", "--dry-run", "--group-id", "sg-0nlb", "--ip-permissions", perms); err == nil || !strings.Contains(out, "DryRunOperation") {
		t.Errorf("dry run: %v\n%s", err, out)
	}
	want2 := []string{`sgr-0015 ingress tcp 443 0.0.0.0/0 "" map[owner:team a]`, first + ` ingress tcp 5000 10.5.1.0/24 "c" map[plan:p1]`}
	slices.Sort(want2)
	if got := f.rules("sg-0nlb", true); !slices.Equal(got, want2) {
		t.Errorf("got %q want %q", got, want2)
	}
	if out, err := run("sts", "get-caller-identity"); err != nil || !strings.Contains(out, "111122223333") {
		t.Errorf("sts: %v\n%s", err, out)
	}
}
