package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/estate/ec2fake"
	"github.com/sgtrim/sgtrim/cmd/world"
	"github.com/sgtrim/sgtrim/recommend"
)

// newServer starts a server that answers as an account with the estate in a folder.
func newServer(dir string, b ec2fake.Behaviour) (*ec2fake.Server, error) {
	s, err := estate.ReadSnapshot(dir)
	if err != nil {
		return nil, err
	}
	one := estate.Snapshot{Scopes: []estate.SnapshotScope{{Scope: s.Scopes[0].Scope, Objects: map[estate.Kind][]json.RawMessage{}}}}
	for _, scope := range s.Scopes { // each file is one
		for kind, list := range scope.Objects {
			one.Scopes[0].Objects[kind] = append(one.Scopes[0].Objects[kind], list...)
		}
	}
	return ec2fake.New(&one, b)
}

// serverEnvironment points the SDK to the server.
func serverEnvironment(f *ec2fake.Server) map[string]string {
	return map[string]string{"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": f.URL}
}

// serveEstate starts a server and points the environment of the test to it.
func serveEstate(t *testing.T, dir string, b ec2fake.Behaviour) {
	t.Helper()
	f, err := newServer(dir, b)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	t.Setenv("AWS_PROFILE", "")
	for _, name := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		t.Setenv(name, filepath.Join(t.TempDir(), "none"))
	}
	for name, value := range serverEnvironment(f) {
		t.Setenv(name, value)
	}
	longestPause = time.Millisecond
	t.Cleanup(func() { longestPause = 0 })
}

// runPlan runs a command that writes a plan, and reads it.
func runPlan(t *testing.T, args ...string) (plan recommend.Plan, stderr string) {
	t.Helper()
	out := t.TempDir()
	var stdout, errors strings.Builder
	if code := run(context.Background(), append(args, "-o", out), streams{strings.NewReader(""), &stdout, &errors}); code != 0 {
		t.Fatalf("%q exits with %d: %s", args, code, errors.String())
	}
	text, err := os.ReadFile(filepath.Join(out, "recommendations.json"))
	if err == nil {
		err = json.Unmarshal(text, &plan)
	}
	if err != nil {
		t.Fatal(err)
	}
	return plan, errors.String()
}

// TestConfigByTheAPI: in a world whose tiers are replaced all the time, the past that AWS Config's API tells makes the
// proposal that its files make, though the API throttles and pages; without it the proposal is another.
func TestConfigByTheAPI(t *testing.T) {
	c := churned(t, world.Options{Seed: 31, Days: 40, Format: world.V5, ChurnDays: 5, AddressReuse: 1, Scenarios: []string{"tiers", "unused", "widepeers"}})
	want := proposals(c.review("config", (*world.World).WriteConfig))
	serveEstate(t, filepath.Join(c.dir, "config"), ec2fake.Behaviour{PageSize: 7, ThrottleEvery: 50})
	logs, since := filepath.Join(c.dir, "logs"), c.w.Start.Format(time.DateOnly)

	plan, stderr := runPlan(t, "review", logs, "--history", "config", "--since", since)
	if diff := cmp.Diff(want, proposals(&judge{plan: plan})); diff != "" {
		t.Errorf("asked by the API the proposal is another than from files (-files +API):\n%s", diff)
	}
	if !strings.Contains(stderr, "asking AWS Config for the past") {
		t.Errorf("stderr does not say what is asked:\n%s", stderr)
	}
	plan, _ = runPlan(t, "review", logs, "--history", "none", "--since", since)
	if plan.History.ConfigItems != 0 || cmp.Equal(want, proposals(&judge{plan: plan})) {
		t.Errorf("without a history: %d items, and the same proposal", plan.History.ConfigItems)
	}
}
