package integration

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"testing"
)

// TestAccounts makes an Organization in moto with groups in a member account, and takes one snapshot of both accounts in two
// regions, by assuming a role in each; with the quotas that Service Quotas tells.
func TestAccounts(t *testing.T) {
	l := newLab(t)
	l.env = append(l.env, "AWS_ENDPOINT_URL_ORGANIZATIONS="+l.moto, "AWS_ENDPOINT_URL_IAM="+l.moto, "AWS_ENDPOINT_URL_SERVICE_QUOTAS="+l.moto)
	answer := func(env []string, args ...string) (out struct {
		CreateAccountStatus struct{ AccountId string }
		Credentials         struct{ AccessKeyId, SecretAccessKey, SessionToken string }
		Vpc                 struct{ VpcId string }
		GroupId             string
	}) {
		t.Helper()
		if err := json.Unmarshal([]byte(l.run(0, env, "aws", append(args, "--output", "json")...)), &out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	answer(nil, "organizations", "create-organization", "--feature-set", "ALL")
	member := answer(nil, "organizations", "create-account", "--email", "a@example.com", "--account-name", "member").CreateAccountStatus.AccountId
	role := answer(nil, "sts", "assume-role", "--role-arn", "arn:aws:iam::"+member+":role/sgtrim-read", "--role-session-name", "test").Credentials
	asMember := []string{"AWS_ACCESS_KEY_ID=" + role.AccessKeyId, "AWS_SECRET_ACCESS_KEY=" + role.SecretAccessKey, "AWS_SESSION_TOKEN=" + role.SessionToken}

	want := []string{}
	for _, who := range []struct {
		account string
		env     []string
	}{{account, nil}, {member, asMember}} {
		for _, where := range []string{region, "us-east-1"} {
			vpc := answer(who.env, "ec2", "create-vpc", "--cidr-block", "10.0.0.0/16", "--region", where).Vpc.VpcId
			group := answer(who.env, "ec2", "create-security-group", "--group-name", "app", "--description", "app", "--vpc-id", vpc, "--region", where).GroupId
			want = append(want, who.account+" "+where+" "+group)
		}
	}

	out := filepath.Join(l.dir, "estate.json")
	l.run(0, nil, "sgtrim", "snapshot", "--organization-role", "sgtrim-read", "--region", region, "--region", "us-east-1", "-o", out)
	var s struct {
		Scopes []struct {
			Account, Region string
			SecurityGroups  []struct{ GroupId, GroupName string }
			Quotas          []struct {
				QuotaCode string
				Value     float64
			}
		}
	}
	l.read(out, &s)
	got := []string{}
	for _, scope := range s.Scopes {
		quotas := map[string]float64{}
		for _, q := range scope.Quotas {
			quotas[q.QuotaCode] = q.Value
		}
		if quotas["L-0EA8095F"] != 60 || quotas["L-2AFB9258"] != 5 { // rules a group, groups an interface
			t.Errorf("quotas of %s %s: %v", scope.Account, scope.Region, quotas)
		}
		for _, g := range scope.SecurityGroups {
			if g.GroupName == "app" {
				got = append(got, scope.Account+" "+scope.Region+" "+g.GroupId)
			}
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
