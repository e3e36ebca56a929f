package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/estate/ec2fake"
	"github.com/sgtrim/sgtrim/cmd/world"
)

// TestPastOfManyAccounts: two accounts in two regions of two partitions, whose VPCs have the same addresses and whose tiers are
// replaced all the time. Reviewed in one run, from the files of AWS Config and CloudTrail or by their APIs, they get the proposals
// that each gets alone: neither's past is taken for the other's.
func TestPastOfManyAccounts(t *testing.T) {
	dir := t.TempDir()
	var want []string
	servers := map[string]*ec2fake.Server{}
	since := ""
	for _, o := range []world.Options{{Seed: 31, Account: "111111111111", Region: "us-east-1"}, {Seed: 32, Account: "222222222222", Region: "us-gov-west-1"}} {
		o.Start = time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -20) // CloudTrail's API keeps 90 days
		o.Days, o.Format, o.ChurnDays, o.AddressReuse, o.Scenarios = 20, world.V5, 5, 1, []string{"tiers", "unused", "widepeers"}
		w, err := world.New(o)
		if err != nil {
			t.Fatal(err)
		}
		home := filepath.Join(dir, "estate", o.Account)
		for _, write := range []func() error{
			func() error { return w.WriteEstate(filepath.Join(home, "now")) },
			func() error { return w.WriteConfig(filepath.Join(home, "config")) },
			func() error { return w.WriteTrail(filepath.Join(home, "trail")) },
			func() error {
				_, err := w.WriteLogs(filepath.Join(dir, "logs", o.Account), world.LogOptions{Slot: day})
				return err
			},
		} {
			if err := write(); err != nil {
				t.Fatal(err)
			}
		}
		alone, _ := runPlan(t, "review", filepath.Join(dir, "logs", o.Account), "--estate", home, "--min-window", "14d")
		want = append(want, proposals(&judge{plan: alone})...)
		since = w.Start.Format(time.DateOnly)
		servers[o.Account] = accountServer(t, home, "us-east-1", "us-gov-west-1")
	}
	slices.Sort(want)

	plan, _ := runPlan(t, "review", filepath.Join(dir, "logs"), "--estate", filepath.Join(dir, "estate"), "--min-window", "14d")
	if diff := cmp.Diff(want, proposals(&judge{plan: plan})); diff != "" {
		t.Errorf("together the proposals are other than alone (-alone +together):\n%s", diff)
	}
	if plan.History.Conflicts > 0 || plan.History.ConfigItems == 0 || plan.History.TrailEvents == 0 {
		t.Errorf("history %+v", plan.History)
	}
	serveAccounts(t, servers)
	args := []string{"review", filepath.Join(dir, "logs"), "--min-window", "14d", "--history", "config,cloudtrail", "--since", since, "--region", "us-east-1,us-gov-west-1"}
	for account := range servers {
		args = append(args, "--role-arn", "arn:aws:iam::"+account+":role/sgtrim-read")
	}
	asked, _ := runPlan(t, args...)
	if diff := cmp.Diff(want, proposals(&judge{plan: asked})); diff != "" {
		t.Errorf("by the APIs the proposals are other than from files (-files +APIs):\n%s", diff)
	}
	if asked.History.ConfigItems == 0 || asked.History.TrailEvents == 0 {
		t.Errorf("history by the APIs: %+v", asked.History)
	}
}

// accountServer answers as an account that has the files of a folder, each in the region it is of, and nothing in the other regions.
func accountServer(t *testing.T, dir string, regions ...string) *ec2fake.Server {
	t.Helper()
	s, err := estate.ReadSnapshot(dir)
	if err != nil {
		t.Fatal(err)
	}
	one := &estate.Snapshot{}
	for _, region := range regions {
		scope := estate.SnapshotScope{Scope: s.Scopes[0].Scope, Objects: map[estate.Kind][]json.RawMessage{estate.SecurityGroups: {}, estate.NetworkInterfaces: {}}}
		scope.Region = region
		for _, file := range s.Scopes {
			if file.Region == region {
				for kind, list := range file.Objects {
					scope.Objects[kind] = append(scope.Objects[kind], list...)
				}
			}
		}
		one.Scopes = append(one.Scopes, scope)
	}
	f, err := ec2fake.New(one, ec2fake.Behaviour{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

var accessKey = regexp.MustCompile(`Credential=AKIA(\d{12})/`)

// serveAccounts points the environment to a server that lets the role of each account be assumed, and hands on what is asked
// with its keys. The access key of an account's role is its number behind AKIA.
func serveAccounts(t *testing.T, servers map[string]*ec2fake.Server) {
	t.Helper()
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if form, _ := url.ParseQuery(string(body)); form.Get("Action") == "AssumeRole" {
			w.Header().Set("Content-Type", "text/xml")
			fmt.Fprintf(w, `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>AKIA%s</AccessKeyId><SecretAccessKey>s</SecretAccessKey>`+
				`<SessionToken>t</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
				strings.Split(form.Get("RoleArn"), ":")[4], time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
			return
		}
		signed := accessKey.FindStringSubmatch(r.Header.Get("Authorization"))
		if signed == nil || servers[signed[1]] == nil {
			http.Error(w, "of no account", http.StatusForbidden)
			return
		}
		to, err := url.Parse(servers[signed[1]].URL)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		httputil.NewSingleHostReverseProxy(to).ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	none := filepath.Join(t.TempDir(), "none")
	for name, value := range map[string]string{"AWS_ENDPOINT_URL": front.URL, "AWS_ACCESS_KEY_ID": "AKIA000000000000", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "us-east-1",
		"AWS_PROFILE": "", "AWS_CONFIG_FILE": none, "AWS_SHARED_CREDENTIALS_FILE": none} {
		t.Setenv(name, value)
	}
	longestPause = time.Millisecond
	t.Cleanup(func() { longestPause = 0 })
}
