package output

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/recommend"
)

// bench runs scripts against a fake EC2.
type bench struct {
	t    testing.TB
	dir  string
	w    *world
	fake *fakeEC2
	env  []string // further variables of the script
}

func newBench(t testing.TB, w *world) *bench {
	t.Helper()
	if testing.Short() {
		t.Skip("runs the scripts in bash, hundreds of processes: left out of -short")
	}
	b := &bench{t: t, dir: t.TempDir(), w: w, fake: w.fake()}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(b.dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(b.dir, "bin", "aws")); err != nil {
		t.Fatal(err)
	}
	b.write(Proposed)
	return b
}

func (b *bench) write(include Include) {
	for _, f := range Scripts(b.w.p, b.w.e, include) {
		if err := os.WriteFile(filepath.Join(b.dir, f.Name), f.Body, 0o755); err != nil {
			b.t.Fatal(err)
		}
	}
}

// run runs a script on the fake and returns its exit code (-1: killed) and what it printed.
func (b *bench) run(script string, args ...string) (code int, stdout, stderr string) {
	b.t.Helper()
	state := filepath.Join(b.dir, "state.json")
	if err := b.fake.save(state); err != nil {
		b.t.Fatal(err)
	}
	cmd := exec.Command("bash", append([]string{filepath.Join(b.dir, script)}, args...)...)
	cmd.Env = []string{"PATH=" + filepath.Join(b.dir, "bin") + ":" + os.Getenv("PATH"), "FAKE_AWS=" + state, "SGTRIM_WAIT=0", "TMPDIR=" + b.dir,
		"LANG=C.UTF-8", "PWNED=" + filepath.Join(b.dir, "pwned")}
	cmd.Env = append(cmd.Env, b.env...)
	cmd.Dir = b.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		b.t.Fatal(err)
	}
	if b.fake, err = loadFake(state); err != nil {
		b.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

func (b *bench) want(code int, script string, args ...string) (stdout, stderr string) {
	b.t.Helper()
	got, stdout, stderr := b.run(script, args...)
	if got != code {
		b.t.Fatalf("%s %v: exit code %d, want %d\n%s%s\ncalls:\n%s", script, args, got, code, stdout, stderr, strings.Join(b.fake.Log, "\n"))
	}
	return stdout, stderr
}

// lines is the state of the fake as sets of rules.
func (b *bench) lines() map[string][]string {
	m := map[string][]string{}
	for g, rules := range b.fake.Rules {
		m[g] = []string{}
		for _, r := range rules {
			m[g] = append(m[g], r.Line)
		}
		slices.Sort(m[g])
	}
	return m
}

func none(*recommend.Change) bool { return false }

// planned is the state after the included changes, as sets of rules.
func planned(w *world, include Include) map[string][]string {
	m := map[string][]string{}
	for g, rules := range Filled(w.p).State(w.e, include) {
		m[g] = []string{}
		for _, r := range rules {
			m[g] = append(m[g], line(r.RuleKey))
		}
		slices.Sort(m[g])
	}
	return m
}

// Case is one kind of change on one group. The same table runs against the AWS CLI and moto in make integration.
type Case struct {
	Name   string
	Before []string // rules of sg-1
	Change []string // OLD + … => NEW + …
	Calls  []string // the writes it takes, without their arguments
	NoMoto string   // what moto does otherwise than EC2, so that the case cannot run there
}

var cases = []Case{
	{"an unused rule goes", []string{"ingress tcp 22 10.0.0.0/8 | ssh", "egress all 0.0.0.0/0"},
		[]string{"ingress tcp 22 10.0.0.0/8 =>"}, []string{"revoke-security-group-ingress"}, ""},
	{"ports are narrowed in place", []string{"ingress tcp * 10.0.0.0/8 | all ports"},
		[]string{"ingress tcp * 10.0.0.0/8 => ingress tcp 443 10.0.0.0/8"}, []string{"modify-security-group-rules"}, ""},
	{"a protocol is narrowed in place", []string{"ingress all 10.0.0.0/8 | everything"},
		[]string{"ingress all 10.0.0.0/8 => ingress tcp 443-444 10.0.0.0/8"}, []string{"modify-security-group-rules"}, ""},
	{"one rule becomes three", []string{"ingress tcp 5432 10.0.0.0/8 | db"},
		[]string{"ingress tcp 5432 10.0.0.0/8 => ingress tcp 5432 10.0.1.0/24 + ingress tcp 5432 10.0.2.0/24 + ingress icmp 3/4 10.0.1.0/24"},
		[]string{"authorize-security-group-ingress", "revoke-security-group-ingress"}, ""},
	{"a range becomes a reference", []string{"ingress tcp 5432 10.0.0.0/8 | db"},
		[]string{"ingress tcp 5432 10.0.0.0/8 => ingress tcp 5432 sg-2"},
		[]string{"authorize-security-group-ingress", "revoke-security-group-ingress"}, ""},
	{"a range becomes a prefix list", []string{"ingress tcp 443 0.0.0.0/0 | cdn"},
		[]string{"ingress tcp 443 0.0.0.0/0 => ingress tcp 443 pl-1"},
		[]string{"authorize-security-group-ingress", "revoke-security-group-ingress"}, ""},
	{"IPv6 ranges are narrowed", []string{"ingress tcp 443 ::/0", "ingress tcp 443 0.0.0.0/0"},
		[]string{"ingress tcp 443 ::/0 => ingress tcp 443 2001:db8::/32"}, []string{"modify-security-group-rules"},
		"modify keeps an IPv6 source as it was"},
	{"egress is narrowed", []string{"egress all 0.0.0.0/0"},
		[]string{"egress all 0.0.0.0/0 => egress tcp 443 0.0.0.0/0 + egress udp 123 0.0.0.0/0"},
		[]string{"authorize-security-group-egress", "revoke-security-group-egress"}, ""},
	{"two rules merge into one", []string{"ingress udp 53 10.0.0.0/25", "ingress udp 53 10.0.0.128/25"},
		[]string{"ingress udp 53 10.0.0.0/25 + ingress udp 53 10.0.0.128/25 => ingress udp 53 10.0.0.0/24"},
		[]string{"authorize-security-group-ingress", "revoke-security-group-ingress"}, ""},
	{"icmp is narrowed to a type", []string{"ingress icmp 10.0.0.0/8", "ingress icmpv6 ::/0"},
		[]string{"ingress icmp 10.0.0.0/8 => ingress icmp 8 10.0.0.0/8", "ingress icmpv6 ::/0 =>"},
		[]string{"revoke-security-group-ingress", "modify-security-group-rules"}, ""},
	{"a protocol by number", []string{"ingress 50 10.0.0.0/8 | esp", "ingress 47 10.0.0.0/8 | gre"},
		[]string{"ingress 50 10.0.0.0/8 => ingress 50 10.1.0.0/16", "ingress 47 10.0.0.0/8 => ingress 47 10.1.0.0/16 + ingress 47 10.2.0.0/16"},
		[]string{"authorize-security-group-ingress", "modify-security-group-rules", "revoke-security-group-ingress"}, "a protocol number without ports is HTTP 500"},
	{"removals, additions, changes in place and replacements in one group",
		[]string{"ingress tcp 22 0.0.0.0/0", "ingress tcp * 10.0.0.0/8", "ingress tcp 80 0.0.0.0/0", "egress all 0.0.0.0/0", "egress tcp 25 0.0.0.0/0"},
		[]string{"ingress tcp 22 0.0.0.0/0 =>", "ingress tcp * 10.0.0.0/8 => ingress tcp 443 10.0.0.0/8", "ingress tcp 80 0.0.0.0/0 => ingress tcp 80 sg-2",
			"egress all 0.0.0.0/0 => egress tcp 443 0.0.0.0/0", "egress tcp 25 0.0.0.0/0 =>"},
		[]string{"revoke-security-group-ingress", "revoke-security-group-egress", "authorize-security-group-ingress", "modify-security-group-rules",
			"revoke-security-group-ingress"}, ""},
}

func (c Case) world(t testing.TB) *world {
	w := newWorld(t)
	w.group("sg-1", "case", c.Before...)
	w.group("sg-2", "other")
	w.e.PrefixLists["pl-1"] = &estate.PrefixList{ID: "pl-1", Version: 2}
	w.eni("eni-1", "sg-1")
	w.eni("eni-2", "sg-2")
	for _, text := range c.Change {
		w.change("sg-1", recommend.NarrowPorts, text)
	}
	return w
}

func writes(log []string) []string {
	list := []string{}
	for _, call := range log {
		if op := strings.Fields(call)[1]; !strings.HasPrefix(op, "describe-") && op != "get-caller-identity" {
			list = append(list, op)
		}
	}
	return list
}

func TestCases(t *testing.T) {
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			w := c.world(t)
			b := newBench(t, w)
			before := b.fake.Rules

			out, _ := b.want(0, "apply.sh")
			if got := writes(b.fake.Log); len(got) != 0 || !strings.Contains(out, "dry run") {
				t.Fatalf("a dry run wrote: %v\n%s", got, out)
			}
			b.want(0, "apply.sh", "--apply")
			if diff := cmp.Diff(planned(w, Proposed), b.lines()); diff != "" {
				t.Errorf("after apply (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.Calls, writes(b.fake.Log)); diff != "" {
				t.Errorf("writes (-want +got):\n%s", diff)
			}
			b.fake.Log = nil
			out, _ = b.want(0, "apply.sh", "--apply")
			if got := writes(b.fake.Log); len(got) != 0 || !strings.Contains(out, "it is so already") {
				t.Errorf("applied twice, it wrote %v\n%s", got, out)
			}
			b.want(0, "rollback.sh", "--apply")
			sameMeaning(t, before, b.fake.Rules)
		})
	}
}

// sameMeaning compares rules, descriptions and tags, and not ids.
func sameMeaning(t *testing.T, want, got map[string][]fakeRule) {
	t.Helper()
	strip := func(m map[string][]fakeRule) map[string][]fakeRule {
		m = maps.Clone(m)
		for g, rules := range m {
			m[g] = slices.Clone(rules)
			for i := range m[g] {
				m[g][i].ID = ""
				if m[g][i].Tags == nil {
					m[g][i].Tags = map[string]string{}
				}
			}
			slices.SortFunc(m[g], func(a, b fakeRule) int { return strings.Compare(a.Line, b.Line) })
		}
		return m
	}
	if diff := cmp.Diff(strip(want), strip(got)); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
}

func TestNewRulesNameThePlan(t *testing.T) {
	w := cases[3].world(t)
	w.p.Changes[0].New[1].Rule.Tags = map[string]string{"team": "db", "sgtrim:plan": "older", "aws:x": "y"}
	b := newBench(t, w)
	b.want(0, "apply.sh", "--apply")
	i := b.fake.find("sg-1", line(w.p.Changes[0].New[1].Rule.RuleKey))
	if diff := cmp.Diff(map[string]string{"team": "db", "sgtrim:plan": "plan-1"}, b.fake.Rules["sg-1"][i].Tags); diff != "" {
		t.Errorf("tags carried on (-want +got):\n%s", diff)
	}
	b.fake.Rules["sg-1"] = slices.Delete(b.fake.Rules["sg-1"], i, i+1)
	for _, r := range b.fake.Rules["sg-1"] {
		if diff := cmp.Diff(map[string]string{"sgtrim:plan": "plan-1"}, r.Tags); diff != "" || r.Description != "db (sgtrim plan-1)" {
			t.Errorf("%s: description %q, tags %s", r.Line, r.Description, diff)
		}
	}
}

// Killed after any call and run again, the end is the same; on the way, every change always had all its old rules or all its
// new ones in force; and the rollback brings everything back.
func TestKilledAnywhere(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			for kill, reached := 1, true; reached; kill++ {
				w := randomWorld(t, seed, 2)
				b := newBench(t, w)
				before := b.fake.Rules
				b.fake.Stale = int(seed % 3)
				for _, script := range []string{"apply.sh", "rollback.sh"} {
					b.fake.KillAt = b.fake.Calls + kill
					code, out, errs := b.run(script, "--apply")
					if reached = code == -1; !reached && code != 0 {
						t.Fatalf("seed %d, call %d of %s: exit code %d\n%s%s", seed, kill, script, code, out, errs)
					}
					b.fake.KillAt = 0
					b.want(0, script, "--apply")
					if script == "apply.sh" {
						if diff := cmp.Diff(planned(w, Proposed), b.lines()); diff != "" {
							t.Fatalf("seed %d, killed at call %d (-want +got):\n%s", seed, kill, diff)
						}
					}
				}
				sameMeaning(t, before, b.fake.Rules)
				checkHistory(t, w, b.fake.History)
				if t.Failed() {
					t.Fatalf("seed %d, killed at call %d", seed, kill)
				}
			}
		})
	}
}

func checkHistory(t *testing.T, w *world, history []map[string][]string) {
	t.Helper()
	for _, state := range history {
		for _, c := range Filled(w.p).Changes {
			all := func(texts []recommend.RuleText) bool {
				return !slices.ContainsFunc(texts, func(r recommend.RuleText) bool {
					return !slices.Contains(state[c.GroupID], line(r.Rule.RuleKey))
				})
			}
			if !all(c.Old) && !all(c.New) {
				t.Errorf("change %s of %s: neither its old nor its new rules are all in force: %v", c.ID, c.GroupID, state[c.GroupID])
			}
		}
	}
}

func TestDrift(t *testing.T) {
	// sg-2's change leans on sg-1; sg-3 is apart.
	build := func() *world {
		w := newWorld(t)
		w.group("sg-1", "one", "ingress tcp 22 10.0.0.0/8", "ingress tcp 443 10.0.0.0/8")
		w.group("sg-2", "two", "ingress tcp 443 10.1.0.0/16", "ingress tcp 5432 10.0.0.0/8")
		w.group("sg-3", "three", "ingress tcp 22 10.0.0.0/8")
		w.group("sg-4", "four")
		w.e.PrefixLists["pl-1"] = &estate.PrefixList{ID: "pl-1", Version: 7}
		w.eni("eni-1", "sg-1", "sg-2")
		w.eni("eni-3", "sg-3")
		w.eni("eni-4", "sg-4")
		w.change("sg-1", recommend.Unused, "ingress tcp 22 10.0.0.0/8 =>")
		c := w.change("sg-2", recommend.Redundant, "ingress tcp 443 10.1.0.0/16 =>")
		c.DependsOn = []recommend.Dependency{{GroupID: "sg-1", Rule: "sg-1 ingress tcp 443 10.0.0.0/8"}}
		w.change("sg-2", recommend.NarrowPeers, "ingress tcp 5432 10.0.0.0/8 => ingress tcp 5432 sg-4 + ingress tcp 5432 pl-1")
		w.change("sg-3", recommend.Unused, "ingress tcp 22 10.0.0.0/8 =>")
		return w
	}
	tests := []struct {
		name    string
		edit    func(f *fakeEC2)
		args    []string
		skipped []string
		says    string
	}{
		{"nothing", func(f *fakeEC2) {}, nil, nil, ""},
		{"a rule added by hand", func(f *fakeEC2) {
			f.Rules["sg-1"] = append(f.Rules["sg-1"], fakeRule{ID: "sgr-x", Line: "ingress tcp 3389 3389 0.0.0.0/0"})
		}, nil, []string{"sg-1", "sg-2"}, "sg-1 skipped: a rule the plan does not know: ingress tcp 3389 from 0.0.0.0/0"},
		{"a kept rule removed by hand", func(f *fakeEC2) { f.Rules["sg-1"] = f.Rules["sg-1"][:1] }, nil, []string{"sg-1", "sg-2"},
			"sg-2 skipped: the changes lean on sg-1: a rule is missing: ingress tcp 443 from 10.0.0.0/8"},
		{"an old rule edited by hand", func(f *fakeEC2) { f.Rules["sg-2"][1].Line = "ingress tcp 5432 5432 10.0.0.0/9" }, nil,
			[]string{"sg-2"}, "change c-3: its old rules are not all there any more"},
		{"another interface carries the group", func(f *fakeEC2) { f.Interfaces["eni-9"] = []string{"sg-3"} }, nil, []string{"sg-3"},
			"interface eni-9 carries sg-3 since the plan was made"},
		{"another interface, and it is fine", func(f *fakeEC2) { f.Interfaces["eni-9"] = []string{"sg-3"} }, []string{"--allow-new-interfaces"}, nil, ""},
		{"an interface of the group ended", func(f *fakeEC2) { delete(f.Interfaces, "eni-3") }, nil, nil, ""},
		{"another member of a reference", func(f *fakeEC2) { f.Interfaces["eni-9"] = []string{"sg-4"} }, nil, []string{"sg-2"}, "interface eni-9 carries sg-4"},
		{"a member left a reference", func(f *fakeEC2) { f.Interfaces["eni-4"] = []string{"sg-0"} }, nil, []string{"sg-2"},
			"no longer carried by an interface the plan counts on: sg-4 by eni-4"},
		{"a member of a reference ended", func(f *fakeEC2) { delete(f.Interfaces, "eni-4") }, nil, nil, ""},
		{"the group leaned on is no longer carried", func(f *fakeEC2) { f.Interfaces["eni-1"] = []string{"sg-2"} }, nil, []string{"sg-2"}, "sg-1 by eni-1"},
		{"a prefix list changed", func(f *fakeEC2) { f.Lists["pl-1"] = "8" }, nil, []string{"sg-2"}, "prefix list pl-1 is no longer at version 7"},
		{"a prefix list is gone", func(f *fakeEC2) { delete(f.Lists, "pl-1") }, nil, []string{"sg-2"}, "prefix list pl-1"},
		{"a group is gone", func(f *fakeEC2) { delete(f.Rules, "sg-1") }, nil, []string{"sg-1", "sg-2"}, "the group is gone"},
		{"only one group", func(f *fakeEC2) {}, []string{"--only", "sg-3"}, []string{"sg-1", "sg-2"}, ""},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := build()
			b := newBench(t, w)
			tc.edit(b.fake)
			want := planned(w, func(c *recommend.Change) bool { return !slices.Contains(tc.skipped, c.GroupID) })
			for g, rules := range b.lines() {
				if slices.Contains(tc.skipped, g) {
					want[g] = rules
				}
			}
			for g := range want {
				if _, ok := b.fake.Rules[g]; !ok {
					delete(want, g)
				}
			}
			code := 0
			if tc.says != "" {
				code = 3
			}
			for _, args := range [][]string{{}, {"--apply"}} {
				_, errs := b.want(code, "apply.sh", append(args, tc.args...)...)
				if !strings.Contains(errs, tc.says) {
					t.Errorf("%v: stderr lacks %q:\n%s", args, tc.says, errs)
				}
			}
			if diff := cmp.Diff(want, b.lines()); diff != "" {
				t.Errorf("rules (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRollbackRefusesEdits(t *testing.T) {
	w := cases[3].world(t)
	b := newBench(t, w)
	b.want(0, "apply.sh", "--apply")
	b.fake.Rules["sg-1"] = append(b.fake.Rules["sg-1"], fakeRule{ID: "sgr-x", Line: "ingress tcp 1 1 10.0.0.0/8"})
	was := b.lines()
	_, errs := b.want(3, "rollback.sh", "--apply")
	if diff := cmp.Diff(was, b.lines()); diff != "" || !strings.Contains(errs, "a rule the plan does not know: ingress tcp 1 from 10.0.0.0/8") {
		t.Errorf("rules %s\nstderr %s", diff, errs)
	}
}

func TestWhatCannotComeBack(t *testing.T) {
	w := newWorld(t)
	g := w.group("sg-1", "one", "ingress tcp 22 sg-gone", "ingress tcp 80 10.0.0.0/8 | web", "ingress tcp 443 sg-far")
	g.Rules[1].Tags = map[string]string{"aws:cloudformation:stack-name": "x", "team": "web"}
	g.Rules[2].PeerAccount, g.Rules[2].PeeringID, g.Rules[2].PeeringStatus = "999999999999", "pcx-1", "deleted"
	w.eni("eni-1", "sg-1")
	for _, r := range []string{"ingress tcp 22 sg-gone =>", "ingress tcp 80 10.0.0.0/8 =>", "ingress tcp 443 sg-far => ingress tcp 443 10.9.0.0/16"} {
		w.change("sg-1", recommend.Unused, r)
	}
	b := newBench(t, w)
	b.want(0, "apply.sh", "--apply")
	out, _ := b.want(0, "rollback.sh", "--apply")
	for _, want := range []string{"cannot come back: sg-1 ingress tcp 22 sg-gone: the group it refers to is gone",
		"cannot come back: sg-1 ingress tcp 443 sg-far: its peering connection is deleted", "tag aws:cloudformation:stack-name"} {
		if !strings.Contains(out, want) {
			t.Errorf("stdout lacks %q:\n%s", want, out)
		}
	}
	want := []string{"ingress tcp 443 443 10.9.0.0/16", "ingress tcp 80 80 10.0.0.0/8"}
	if diff := cmp.Diff(want, b.lines()["sg-1"]); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	i := b.fake.find("sg-1", want[1])
	if diff := cmp.Diff(map[string]string{"team": "web"}, b.fake.Rules["sg-1"][i].Tags); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	b.want(0, "rollback.sh", "--apply")
}

func TestPlaceAndTime(t *testing.T) {
	fresh := func(t *testing.T) *bench { return newBench(t, cases[0].world(t)) }
	t.Run("another account", func(t *testing.T) {
		b := fresh(t)
		b.fake.Account = "999999999999"
		if _, errs := b.want(1, "apply.sh", "--apply"); !strings.Contains(errs, "these credentials are of 999999999999") {
			t.Error(errs)
		}
	})
	t.Run("another region", func(t *testing.T) {
		b := fresh(t)
		if _, errs := b.want(1, "apply.sh", "--apply", "--region", "us-east-1"); !strings.Contains(errs, "the plan is for region eu-west-1") {
			t.Error(errs)
		}
		b.env = []string{"AWS_REGION=us-east-1"}
		if _, errs := b.want(1, "apply.sh", "--apply"); !strings.Contains(errs, "the environment says us-east-1") || len(b.fake.Log) > 0 {
			t.Error(errs)
		}
	})
	t.Run("expired", func(t *testing.T) {
		w := cases[0].world(t)
		w.p.Expires = day(1).AddDate(-1, 0, 0)
		b := newBench(t, w)
		if _, errs := b.want(1, "apply.sh", "--apply"); !strings.Contains(errs, "expired") || len(b.fake.Log) > 0 {
			t.Error(errs, b.fake.Log)
		}
		if _, errs := b.want(0, "apply.sh"); !strings.Contains(errs, "has expired") || len(writes(b.fake.Log)) > 0 {
			t.Error(errs, b.fake.Log)
		}
		b.want(0, "apply.sh", "--apply", "--ignore-expiry")
	})
	t.Run("region and account unknown", func(t *testing.T) {
		w := cases[0].world(t)
		w.p.Groups[0].Account, w.p.Groups[0].Region, w.p.Groups[1].Account, w.p.Groups[1].Region = "", "", "", ""
		w.p.Changes[0].Account, w.p.Changes[0].Region = "", ""
		b := newBench(t, w)
		b.want(2, "apply.sh", "--apply", "--account", account)
		b.want(0, "apply.sh", "--apply", "--account", account, "--region", "eu-west-1")
	})
	t.Run("usage", func(t *testing.T) {
		b := fresh(t)
		b.want(2, "apply.sh", "--aply")
		b.want(2, "apply.sh", "--only")
		b.want(2, "apply.sh", "--only", "sg-2") // no change of it
		out, _ := b.want(0, "apply.sh", "--help")
		if !strings.Contains(out, "--ignore-expiry") || len(b.fake.Log) > 0 {
			t.Error(out)
		}
	})
	t.Run("throttled", func(t *testing.T) {
		for _, op := range []string{"describe-security-group-rules", "describe-network-interfaces", "revoke-security-group-ingress"} {
			b := fresh(t)
			b.fake.FailWith = map[string]string{"ec2 " + op: "RequestLimitExceeded"}
			if _, errs := b.want(1, "apply.sh", "--apply"); !strings.Contains(errs, "RequestLimitExceeded") || strings.Contains(errs, "skipped") {
				t.Error(errs)
			}
		}
	})
	t.Run("denied", func(t *testing.T) {
		b := fresh(t)
		b.fake.FailWith = map[string]string{"ec2 revoke-security-group-ingress": "UnauthorizedOperation"}
		if _, errs := b.want(1, "apply.sh", "--apply"); !strings.Contains(errs, "UnauthorizedOperation") || !strings.Contains(errs, "Run the script again") {
			t.Error(errs)
		}
	})
}

// EC2 says Duplicate and NotFound of what is as wanted; in a default VPC it keeps silent.
func TestAsWantedAlready(t *testing.T) {
	w := cases[3].world(t)
	b := newBench(t, w)
	b.fake.Stale = 50 // describe goes on showing the old state: nothing may be removed on its word
	b.want(1, "apply.sh", "--apply")
	if got := b.lines()["sg-1"]; len(got) != 4 {
		t.Fatalf("new rules were never shown, yet old ones went: %v", got)
	}
	b.fake.Stale, b.fake.Reads = 1, 1
	b.fake.Before = w.fake().Rules // the next read is stale: the script adds again what is there
	b.want(0, "apply.sh", "--apply")
	if diff := cmp.Diff(planned(w, Proposed), b.lines()); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	for _, d := range []bool{false, true} {
		w := cases[0].world(t)
		b := newBench(t, w)
		b.fake.NoIDs, b.fake.DefaultVPC = true, d
		b.fake.Reads, b.fake.Before = 1, b.fake.Rules
		b.fake.Rules = map[string][]fakeRule{"sg-1": b.fake.Rules["sg-1"][1:], "sg-2": {}}
		if _, errs := b.want(0, "apply.sh", "--apply"); d && !strings.Contains(errs, "did not find") {
			t.Errorf("default VPC: stderr %q", errs)
		}
	}
}

func TestNoRuleIDs(t *testing.T) {
	for _, c := range cases {
		w := c.world(t)
		b := newBench(t, w)
		b.fake.NoIDs = true
		b.want(0, "apply.sh", "--apply")
		if diff := cmp.Diff(planned(w, Proposed), b.lines()); diff != "" {
			t.Errorf("%s: rules (-want +got):\n%s", c.Name, diff)
		}
	}
}

func TestQuota(t *testing.T) {
	w := newWorld(t)
	w.group("sg-1", "full", "ingress tcp 1 10.0.0.0/8", "ingress tcp 2 10.0.0.0/8", "ingress tcp 3 10.0.0.0/8", "ingress tcp 4 10.0.0.0/8", "ingress tcp 5 10.0.0.0/8")
	w.eni("eni-1", "sg-1")
	w.change("sg-1", recommend.NarrowPeers, "ingress tcp 1 10.0.0.0/8 => ingress tcp 1 10.1.0.0/16 + ingress tcp 1 10.2.0.0/16")
	w.change("sg-1", recommend.NarrowPeers, "ingress tcp 2 10.0.0.0/8 + ingress tcp 3 10.0.0.0/8 => ingress tcp 2-3 10.0.0.0/9")
	b := newBench(t, w)
	b.fake.Quota = 6 // room for one more: the second change must make the room for the first
	b.want(0, "apply.sh", "--apply")
	if diff := cmp.Diff(planned(w, Proposed), b.lines()); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	b = newBench(t, w)
	b.fake.Quota = 6
	if _, errs := b.want(1, "apply.sh", "--apply", "--stage", "narrow"); !strings.Contains(errs, "run without --stage") {
		t.Errorf("stderr %s", errs)
	}
	b.want(0, "apply.sh", "--apply")
	if diff := cmp.Diff(planned(w, Proposed), b.lines()); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	b = newBench(t, w)
	b.fake.Quota = 5
	if _, errs := b.want(1, "apply.sh", "--apply"); !strings.Contains(errs, "change c-1 is not made: the quota") {
		t.Errorf("stderr %s", errs)
	}
	checkHistory(t, w, b.fake.History)
}

func TestReviewOnlyWhenAsked(t *testing.T) {
	w := cases[0].world(t)
	w.p.Changes[0].Status = recommend.Review
	b := newBench(t, w)
	b.want(0, "apply.sh", "--apply")
	if got := writes(b.fake.Log); len(got) != 0 {
		t.Errorf("a review change was applied: %v", got)
	}
	b.write(WithReview)
	b.want(0, "apply.sh", "--apply")
	if diff := cmp.Diff(planned(w, WithReview), b.lines()); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
}

func TestUnsupportedRules(t *testing.T) {
	w := cases[0].world(t)
	g := w.e.Groups["sg-1"]
	odd := analyze.Rule{ID: "sgr-odd", Unsupported: "a source of a kind that is new"}
	odd.GroupID, odd.Direction = "sg-1", analyze.Ingress
	g.Rules = append(g.Rules, odd)
	b := newBench(t, w)
	for i, r := range b.fake.Rules["sg-1"] {
		if r.ID == "sgr-odd" {
			b.fake.Rules["sg-1"][i].Line = "ingress tcp 1 2 odd"
		}
	}
	b.want(0, "apply.sh", "--apply")
	if b.fake.find("sg-1", "ingress tcp 1 2 odd") < 0 || len(b.fake.Rules["sg-1"]) != 2 {
		t.Errorf("rules %v", b.fake.Rules["sg-1"])
	}
	g.Rules[len(g.Rules)-1].ID = ""
	b = newBench(t, w)
	if _, errs := b.want(3, "apply.sh", "--apply"); !strings.Contains(errs, "sg-1 is left out") || len(writes(b.fake.Log)) > 0 {
		t.Errorf("stderr %s", errs)
	}
}

func TestSeveralPlaces(t *testing.T) {
	w := newWorld(t)
	w.group("sg-1", "one", "ingress tcp 22 10.0.0.0/8")
	w.group("sg-2", "two", "ingress tcp 22 10.0.0.0/8")
	w.change("sg-1", recommend.Unused, "ingress tcp 22 10.0.0.0/8 =>")
	w.change("sg-2", recommend.Unused, "ingress tcp 22 10.0.0.0/8 =>").Region = "us-east-1"
	var names []string
	for _, f := range Scripts(w.p, w.e, Proposed) {
		names = append(names, f.Name)
		has1, has2 := bytes.Contains(f.Body, []byte("sg-1")), bytes.Contains(f.Body, []byte("sg-2"))
		if us := strings.Contains(f.Name, "us-east-1"); has1 == us || has2 != us {
			t.Errorf("%s: sg-1 %v, sg-2 %v", f.Name, has1, has2)
		}
	}
	want := []string{"apply-123456789012-eu-west-1.sh", "rollback-123456789012-eu-west-1.sh", "apply-123456789012-us-east-1.sh", "rollback-123456789012-us-east-1.sh"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

// Names, descriptions, tags, reasons and ids try to get out of their quotes, with a real bash.
func TestInjection(t *testing.T) {
	attacks := []string{`$(touch "$PWNED")`, "`touch $PWNED`", `'; touch "$PWNED"; '`, `"; touch "$PWNED"; "`, "x\ntouch \"$PWNED\"\n", "x\r\ntouch $PWNED #",
		"END\ntouch \"$PWNED\"\n", `\'; touch "$PWNED" #`, "${PWNED:=$(touch $PWNED)}", "\x1b[2J\x1b]0;x\x07", "a\x00b", "\u202egnp.exe", "-n --apply", "*", "~", "ключ 鍵 🔑", "\xff\xfe"}
	for i, attack := range attacks {
		w := newWorld(t)
		g := w.group("sg-1", attack, "ingress tcp 22 10.0.0.0/8", "ingress tcp 80 10.0.0.0/8", "ingress tcp 81 10.0.0.0/8")
		g.VPC = attack
		for j := range g.Rules {
			g.Rules[j].Description, g.Rules[j].Tags = attack, map[string]string{attack: attack}
		}
		w.eni("eni-1", "sg-1")
		for _, text := range []string{"ingress tcp 22 10.0.0.0/8 =>", "ingress tcp 80 10.0.0.0/8 => ingress tcp 80 10.1.0.0/16",
			"ingress tcp 81 10.0.0.0/8 => ingress tcp 81 10.1.0.0/16 + ingress tcp 81 10.2.0.0/16"} {
			c := w.change("sg-1", recommend.Kind(attack), text)
			c.ID, c.Reason = attack, attack
		}
		w.p.ID = attack
		b := newBench(t, w)
		before := b.fake.Rules
		b.want(0, "apply.sh", "--apply")
		b.want(0, "rollback.sh", "--apply")
		if _, err := os.Stat(filepath.Join(b.dir, "pwned")); err == nil {
			t.Fatalf("attack %d got out: %q", i, attack)
		}
		if attack != "\xff\xfe" && !strings.Contains(attack, "\x00") {
			sameMeaning(t, before, b.fake.Rules)
		}
		out, errs := b.want(0, "apply.sh")
		if strings.ContainsAny(out+errs, "\x1b\x00\r\a\u202e") {
			t.Errorf("attack %d reaches the terminal: %q", i, out)
		}
	}
	// Ids come from input files too.
	w := newWorld(t)
	id := `sg-$(touch "$PWNED")'; touch "$PWNED"`
	w.group(id, "x", "ingress tcp 22 10.0.0.0/8")
	w.eni(`eni-$(touch "$PWNED")`, id)
	w.change(id, recommend.Unused, "ingress tcp 22 10.0.0.0/8 =>")
	b := newBench(t, w)
	b.want(0, "apply.sh")
	if _, err := os.Stat(filepath.Join(b.dir, "pwned")); err == nil {
		t.Fatal("an id got out")
	}
}

func TestShellcheck(t *testing.T) {
	tool, err := exec.LookPath("shellcheck")
	if err != nil {
		t.Skip("shellcheck is not installed: the scripts are not linted here")
	}
	w := randomWorld(t, 7, 3)
	w.group("sg-9", `it's "odd"`, "ingress tcp 22 sg-gone | o'clock")
	w.change("sg-9", recommend.Stale, "ingress tcp 22 sg-gone =>")
	files := Scripts(w.p, w.e, WithReview)
	files = append(files, Scripts(newWorld(t).p, newWorld(t).e, Proposed)...)
	for _, f := range files {
		name := filepath.Join(t.TempDir(), f.Name)
		if err := os.WriteFile(name, f.Body, 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(tool, name).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", f.Name, err, out)
		}
	}
}

// The two stages: after narrow everything new is in force and nothing is gone, but what was changed in place; after revoke it
// is as planned. Each may be repeated, killed anywhere, and rolled back from.
func TestStages(t *testing.T) {
	// lines of a state that the narrow stage leads to: all that was, but for what changes in place, and all that is new.
	narrowed := func(w *world) map[string][]string {
		m := planned(w, none)
		for _, c := range Filled(w.p).Changes {
			for _, r := range c.New {
				if l := line(r.Rule.RuleKey); Proposed(&c) && !slices.Contains(m[c.GroupID], l) {
					m[c.GroupID] = append(m[c.GroupID], l)
				}
			}
			if Proposed(&c) && len(c.Old) == 1 && len(c.New) == 1 && c.Old[0].Rule.Peer.Kind() == c.New[0].Rule.Peer.Kind() {
				m[c.GroupID] = slices.DeleteFunc(m[c.GroupID], func(l string) bool { return l == line(c.Old[0].Rule.RuleKey) })
			}
		}
		for g := range m {
			slices.Sort(m[g])
		}
		return m
	}
	for kill := range 6 {
		t.Run(fmt.Sprint("killed at call ", kill), func(t *testing.T) {
			t.Parallel()
			w := cases[len(cases)-1].world(t)
			b := newBench(t, w)
			before := b.fake.Rules
			if _, errs := b.want(3, "apply.sh", "--apply", "--stage", "revoke"); !strings.Contains(errs, "--stage narrow comes first") || len(writes(b.fake.Log)) > 0 {
				t.Fatalf("revoke before narrow: %s", errs)
			}
			run := func(stage string, want map[string][]string) {
				t.Helper()
				if kill > 0 {
					b.fake.KillAt = b.fake.Calls + kill
					b.run("apply.sh", "--apply", "--stage", stage)
					b.fake.KillAt = 0
				}
				b.want(0, "apply.sh", "--apply", "--stage", stage)
				if diff := cmp.Diff(want, b.lines()); diff != "" {
					t.Fatalf("after %s (-want +got):\n%s", stage, diff)
				}
				b.fake.Log = nil
				if out, _ := b.want(0, "apply.sh", "--apply", "--stage", stage); len(writes(b.fake.Log)) > 0 || !strings.Contains(out, "it is so already") {
					t.Fatalf("%s again: %v\n%s", stage, writes(b.fake.Log), out)
				}
			}
			run("narrow", narrowed(w))
			if kill%2 == 1 {
				run("revoke", planned(w, Proposed))
			}
			b.want(0, "rollback.sh", "--apply")
			sameMeaning(t, before, b.fake.Rules)
			checkHistory(t, w, b.fake.History)
		})
	}
}

func TestStageUsage(t *testing.T) {
	b := newBench(t, cases[0].world(t))
	for _, args := range [][]string{{"--stage"}, {"--stage", "all"}} {
		b.want(2, "apply.sh", args...)
	}
	b.want(2, "rollback.sh", "--stage", "narrow")
}
