package main

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
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

// serveFolder answers ListObjectsV2 and GetObject for a bucket that holds the files of a folder, and returns its endpoint.
func serveFolder(t *testing.T, dir string) string {
	t.Helper()
	var keys []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			keys = append(keys, filepath.ToSlash(strings.TrimPrefix(path, dir+string(filepath.Separator))))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(keys)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		q := r.URL.Query()
		if !q.Has("list-type") {
			http.ServeFile(w, r, filepath.Join(dir, key))
			return
		}
		type entry struct{ Key string }
		var out struct {
			XMLName        xml.Name `xml:"ListBucketResult"`
			Contents       []entry
			CommonPrefixes []struct{ Prefix string }
		}
		for _, k := range keys {
			rest, ok := strings.CutPrefix(k, q.Get("prefix"))
			folder, _, below := strings.Cut(rest, "/")
			switch folder = q.Get("prefix") + folder + "/"; {
			case !ok:
			case !below || !q.Has("delimiter"):
				out.Contents = append(out.Contents, entry{k})
			case len(out.CommonPrefixes) == 0 || out.CommonPrefixes[len(out.CommonPrefixes)-1].Prefix != folder:
				out.CommonPrefixes = append(out.CommonPrefixes, struct{ Prefix string }{folder})
			}
		}
		if err := xml.NewEncoder(w).Encode(out); err != nil {
			panic(http.ErrAbortHandler)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
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
	t.Setenv("AWS_ENDPOINT_URL_S3", serveFolder(t, filepath.Join(c.dir, "config")))
	for name, args := range map[string][]string{
		"all of it in S3":                   {"--estate", "s3://b"},
		"saved outputs, and the past in S3": {"--estate", filepath.Join(c.dir, "config", "now"), "--history", "s3://b/config"},
	} {
		plan, stderr = runPlan(t, append([]string{"review", logs, "--since", since}, args...)...)
		if diff := cmp.Diff(want, proposals(&judge{plan: plan})); diff != "" || strings.Contains(stderr, "asking") {
			t.Errorf("%s: the proposal is another than from files (-files +S3):\n%s\n%s", name, diff, stderr)
		}
	}
	plan, _ = runPlan(t, "review", logs, "--history", "none", "--since", since)
	if plan.History.ConfigItems != 0 || cmp.Equal(want, proposals(&judge{plan: plan})) {
		t.Errorf("without a history: %d items, and the same proposal", plan.History.ConfigItems)
	}
}
