//go:build integration

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/estate/ec2fake"
	"github.com/sgtrim/sgtrim/cmd/world"
	"github.com/sgtrim/sgtrim/recommend"
)

// TestRandomSubsetsOfAPlan applies random subsets of a plan, by decisions, --only and stages, with the real AWS CLI to a fake EC2
// that holds the estate. Each time the rules that it then has are asked for, and held against the evidence by the independent
// evaluator and against the generator's truth: nothing that is needed may be denied.
func TestRandomSubsetsOfAPlan(t *testing.T) {
	for _, program := range []string{"aws", "bash"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not on the PATH: run testdata/integration/run.sh", program)
		}
	}
	w, err := world.New(world.Options{Seed: 21, Days: 95, Format: world.V5, Scenarios: []string{"wideports", "widepeers", "unused", "shadowed"}})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if _, err := w.WriteLogs(at("logs"), world.LogOptions{Slot: day}); err != nil {
		t.Fatal(err)
	}
	if err := w.WriteEstate(at("estate")); err != nil {
		t.Fatal(err)
	}
	must := func(args ...string) {
		t.Helper()
		if code, out, errs := runArgs(t.Context(), append(args, "--quiet")...); code != 0 {
			t.Fatalf("sgtrim %v: exit code %d\n%s%s", args, code, out, errs)
		}
	}
	must("snapshot", "--estate", at("estate"), "-o", at("estate.json"))
	must("review", at("logs"), "--estate", at("estate.json"), "--ledger", at("ledger"), "-o", at("whole"))
	j := judge{t: t, w: w, truth: w.Truth()}
	readInto(t, at("whole/recommendations.json"), &j.plan)
	proposed := slices.DeleteFunc(slices.Clone(j.plan.Changes), func(c recommend.Change) bool { return c.Status != recommend.Proposed })
	if len(proposed) < 3 {
		t.Fatalf("only %d changes are proposed: no subsets to speak of", len(proposed))
	}
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 5))
			writeRejections(t, at("decisions.json"), rnd, proposed)
			must("recommend", "--ledger", at("ledger"), "--estate", at("estate.json"), "--decisions", at("decisions.json"), "-o", at(fmt.Sprint("part", seed)))
			fake := fakeOf(t, at("estate.json"))
			args := []string{at(fmt.Sprint("part", seed, "/apply.sh")), "--apply", "--ignore-expiry"}
			if seed%2 == 1 {
				args = append(args, "--stage", "narrow")
			}
			cmd := exec.Command("bash", args...)
			cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+fake.URL, "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b", "AWS_REGION=", "AWS_DEFAULT_REGION=",
				"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "SGTRIM_WAIT=0")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %v\n%s", args, err, out)
			}
			j.t = t
			j.after = stateOf(t, fake, at("after.json"))
			j.needsStay()
			must("check", "--ledger", at("ledger"), "--estate", at("estate.json"), "--state", at("after.json"), "--fail-on", "denied")
		})
	}
}

func readInto(t *testing.T, path string, v any) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(raw, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// writeRejections rejects a random half of the changes.
func writeRejections(t *testing.T, path string, rnd *rand.Rand, changes []recommend.Change) {
	t.Helper()
	decisions := []any{}
	for _, c := range changes {
		if rnd.IntN(2) == 0 {
			decisions = append(decisions, map[string]string{"change_id": c.ID, "decision": "reject", "by": "a coin"})
		}
	}
	raw, err := json.Marshal(map[string]any{"schema_version": 1, "decisions": decisions})
	if err == nil {
		err = os.WriteFile(path, raw, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// fakeOf is an EC2 that holds what a snapshot file does.
func fakeOf(t *testing.T, path string) *ec2fake.Server {
	t.Helper()
	var file struct{ Scopes []map[string]json.RawMessage }
	readInto(t, path, &file)
	var s estate.Snapshot
	for _, in := range file.Scopes {
		scope := estate.SnapshotScope{Objects: map[estate.Kind][]json.RawMessage{}}
		for key, to := range map[string]*string{"partition": &scope.Partition, "account": &scope.Account, "region": &scope.Region} {
			if err := json.Unmarshal(in[key], to); err != nil {
				t.Fatalf("%s: %v", key, err)
			}
		}
		for _, k := range estate.Kinds {
			if in[string(k)] == nil {
				continue
			}
			var list []json.RawMessage
			if err := json.Unmarshal(in[string(k)], &list); err != nil {
				t.Fatalf("%s: %v", k, err)
			}
			scope.Objects[k] = list
		}
		s.Scopes = append(s.Scopes, scope)
	}
	fake, err := ec2fake.New(&s, ec2fake.Behaviour{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	return fake
}

// stateOf writes the rules that an EC2 has now as a snapshot, and returns them in the generator's words.
func stateOf(t *testing.T, fake *ec2fake.Server, path string) []world.Rule {
	t.Helper()
	s, err := fake.Dump()
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := estate.WriteSnapshot(&file, s); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	e, err := s.Estate()
	if err != nil {
		t.Fatal(err)
	}
	groups := []*estate.Group{}
	for _, g := range e.Groups {
		groups = append(groups, g)
	}
	text, err := estate.DescribeSecurityGroups(groups)
	if err != nil {
		t.Fatal(err)
	}
	rules, err := world.ReadState(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return rules
}
