package output

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/recommend"
)

func lineSet(rules []analyze.Rule) []string {
	set := []string{}
	for _, r := range rules {
		set = append(set, line(r.RuleKey)+" | "+r.Description)
	}
	slices.Sort(set)
	return set
}

// A rule that one change takes and another brings stays, in the state as in the script.
func TestTakenAndBrought(t *testing.T) {
	w := newWorld(t)
	w.group("sg-1", "one", "ingress tcp 1 10.0.0.0/16 | inner", "ingress tcp 1 10.0.0.0/8 | outer", "ingress tcp 9 10.0.0.0/8 | stays")
	w.eni("eni-1", "sg-1")
	w.change("sg-1", recommend.Duplicate, "ingress tcp 1 10.0.0.0/16 =>")
	w.change("sg-1", recommend.NarrowPeers, "ingress tcp 1 10.0.0.0/8 => ingress tcp 1 10.0.0.0/16")
	want := []string{"ingress tcp 1 1 10.0.0.0/16 | inner", "ingress tcp 9 9 10.0.0.0/8 | stays"}
	if diff := cmp.Diff(want, lineSet(Filled(w.p).State(w.e, Proposed)["sg-1"])); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
	if len(w.e.Groups["sg-1"].Rules) != 3 {
		t.Error("the estate was changed")
	}
	b := newBench(t, w)
	b.want(0, "apply.sh", "--apply")
	if diff := cmp.Diff(planned(w, Proposed), b.lines()); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
}

// What proposed.json says is, read back, the state.
func TestProposedJSONReadsBack(t *testing.T) {
	for seed := range uint64(20) {
		w := randomWorld(t, seed, 3)
		var b bytes.Buffer
		if err := ProposedJSON(&b, w.p, w.e, Proposed); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "proposed.json")
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		e, err := estate.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		for id, rules := range Filled(w.p).State(w.e, Proposed) {
			if diff := cmp.Diff(lineSet(rules), lineSet(e.Groups[id].Rules)); diff != "" {
				t.Errorf("seed %d, group %s (-want +got):\n%s", seed, id, diff)
			}
		}
		if len(e.Groups) != len(w.e.Groups) {
			t.Errorf("seed %d: %d groups, want %d", seed, len(e.Groups), len(w.e.Groups))
		}
	}
}

// EC2 has several ways to print one rule.
func TestFormsOfOneRule(t *testing.T) {
	forms := map[string]string{ // as the plan has it: as EC2 may print it
		"ingress tcp * 10.0.0.0/8":     "ingress tcp -1 -1 10.0.0.0/8",
		"ingress udp * 10.0.0.0/8":     "ingress 17 None None 10.0.0.0/8",
		"ingress tcp 443 10.0.0.0/8":   "ingress 6 443 443 10.0.0.0/8",
		"ingress all 10.0.0.0/8":       "ingress -1 None None 10.0.0.0/8",
		"ingress icmp 10.0.0.0/8":      "ingress 1 -1 -1 10.0.0.0/8",
		"ingress icmp 3 10.0.0.0/8":    "ingress icmp 3 -1 10.0.0.0/8",
		"ingress icmpv6 2001:db8::/32": "ingress 58 None None 2001:db8::/32",
		"ingress 50 10.0.0.0/8":        "ingress 50 0 0 10.0.0.0/8",
	}
	for text, printed := range forms {
		w := newWorld(t)
		w.group("sg-1", "one", text, "ingress tcp 22 10.0.0.0/8")
		w.eni("eni-1", "sg-1")
		w.change("sg-1", recommend.Unused, "ingress tcp 22 10.0.0.0/8 =>")
		b := newBench(t, w)
		b.fake.Rules["sg-1"][0].Line = printed
		b.want(0, "apply.sh", "--apply")
		if got := b.lines()["sg-1"]; len(got) != 1 {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// New rules say which plan made them, whatever they said before, and never twice.
func TestDescriptionsOfNewRules(t *testing.T) {
	long := strings.Repeat("x", 255)
	for _, tt := range []struct{ old, own, why, want string }{
		{"R&D's \"net\" <ключ>", "", "", "R_D_s _net_ ______ (sgtrim plan-b2)"},
		{"", "", "the office's subnet, 5 % to spare", "sgtrim plan-b2: the offices subnet, 5 percent to spare"},
		{"", "", "", "sgtrim plan-b2"},
		{"db", "both", "a subnet", "both (sgtrim plan-b2)"},
		{"db (sgtrim plan-a1)", "", "a subnet", "db (sgtrim plan-b2)"},
		{"db (sgtrim plan-b2)", "", "a subnet", "db (sgtrim plan-b2)"},
		{"sgtrim plan-a1: VPC vpc-1", "", "a subnet", "sgtrim plan-b2: a subnet"},
		{"sgtrim plan-a1", "", "", "sgtrim plan-b2"},
		{"made by (sgtrim plan-a1) for us", "", "", "made by (sgtrim plan-a1) for us (sgtrim plan-b2)"},
		{long, "", "", long[:255-len(" (sgtrim plan-b2)")] + " (sgtrim plan-b2)"},
		{"", "", long, "sgtrim plan-b2: " + long[:255-len("sgtrim plan-b2: ")]},
	} {
		w := newWorld(t)
		w.p.ID = "plan-b2"
		w.group("sg-1", "one", "ingress tcp 1 10.0.0.0/8").Rules[0].Description = tt.old
		fresh := &w.change("sg-1", recommend.NarrowPeers, "ingress tcp 1 10.0.0.0/8 => ingress tcp 1 10.0.0.0/9").New[0]
		fresh.Rule.Description, fresh.Why = tt.own, tt.why
		f := Filled(w.p)
		if got := f.Changes[0].New[0]; got.Description != tt.want || got.Rule.Description != tt.want {
			t.Errorf("%+v: got %q", tt, got.Description)
		}
		if fresh.Why != tt.why || w.p.Changes[0].Old[0].Description != tt.old {
			t.Error("the plan was changed")
		}
		if diff := cmp.Diff(f.Changes, Filled(f).Changes, cmp.Comparer(func(a, b analyze.Peer) bool { return a == b })); diff != "" {
			t.Errorf("filled twice:\n%s", diff)
		}
	}
}
