package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sgtrim/sgtrim/cmd/world"
)

// object is a JSON object of a saved plan.
type object = map[string]any

// rulesIn is the rules of one side of a change.
func rulesIn(c object, side string) []object {
	var out []object
	for _, t := range c[side].([]any) {
		out = append(out, t.(object))
	}
	return out
}

// defect is a way to spoil a saved plan: of the first change that it fits, fit says so and spoils it.
type defect struct {
	name string
	want string // in what verify prints
	fit  func(p, c object) bool
}

// rewrite spoils the first new rule of a change as told; false where it tells nothing, or the old rule allows so much that nothing
// opens it further.
func rewrite(change func(service, peer string) (string, string)) func(p, c object) bool {
	return func(_, c object) bool {
		if old := rulesIn(c, "old")[0]; old["service"] == "all" || old["peer"] == "0.0.0.0/0" || c["status"] != "proposed" {
			return false
		}
		for _, n := range rulesIn(c, "new") {
			s, q := n["service"].(string), n["peer"].(string)
			if s2, q2 := change(s, q); s2 != s || q2 != q {
				n["service"], n["peer"] = s2, q2
				return true
			}
		}
		return false
	}
}

// withoutOne takes a rule with ports out of the new ones of a proposed change that has two; nil where it has not.
func withoutOne(c object) (taken object, rest []any) {
	ported := 0
	for _, n := range rulesIn(c, "new") {
		if s := n["service"].(string); c["status"] == "proposed" && (strings.HasPrefix(s, "tcp") || strings.HasPrefix(s, "udp")) {
			if ported++; ported == 1 {
				taken = n
				continue
			}
		}
		rest = append(rest, n)
	}
	if ported < 2 {
		return nil, nil
	}
	return taken, rest
}

var defects = []defect{
	{"a wider network", "opens", rewrite(func(s, q string) (string, string) {
		if strings.HasSuffix(q, "/32") {
			q = "10.0.0.0/7"
		}
		return s, q
	})},
	{"all protocols for one", "opens", rewrite(func(s, q string) (string, string) {
		if strings.HasPrefix(s, "tcp") {
			s = "all"
		}
		return s, q
	})},
	{"UDP for TCP", "cuts", rewrite(func(s, q string) (string, string) { return strings.Replace(s, "tcp ", "udp ", 1), q })},
	{"one port beside", "cuts", rewrite(func(s, q string) (string, string) { return strings.Replace(s, "tcp 443", "tcp 444", 1), q })},
	{"IPv6 for IPv4", "cuts", rewrite(func(s, q string) (string, string) {
		if strings.HasSuffix(q, "/32") {
			q = "fd00::1/128"
		}
		return s, q
	})},
	{"another group for the one referred to", "cuts|opens", func(p, c object) bool {
		for _, n := range rulesIn(c, "new") {
			if strings.HasPrefix(n["peer"].(string), "sg-") && n["peer"] != c["group_id"] {
				n["peer"] = c["group_id"]
				return true
			}
		}
		return false
	}},
	{"a group that is gone", "opens", rewrite(func(s, q string) (string, string) {
		if strings.HasPrefix(q, "sg-") {
			q = "sg-0000000000000dead"
		}
		return s, q
	})},
	{"a list that nobody knows", "opens", rewrite(func(s, q string) (string, string) {
		if strings.HasPrefix(q, "sg-") {
			q = "pl-0000000000000dead"
		}
		return s, q
	})},
	{"path MTU widened to all of ICMP's third type, in a rule for one network", "opens", func(_, c object) bool {
		if strings.HasPrefix(rulesIn(c, "old")[0]["service"].(string), "all") {
			return false
		}
		c["new"] = append(c["new"].([]any), object{"service": "icmp 3", "peer": rulesIn(c, "old")[0]["peer"], "description": ""})
		return true
	}},
	{"a needed rule left out", "cuts", func(_, c object) bool {
		_, rest := withoutOne(c)
		if rest == nil {
			return false
		}
		c["new"] = rest
		return true
	}},
	{"everything left out", "cuts", func(_, c object) bool {
		if len(rulesIn(c, "new")) == 0 || c["status"] != "proposed" {
			return false
		}
		c["new"] = []any{}
		return true
	}},
	{"egress for ingress", "malformed|unknown-rule", func(_, c object) bool {
		was := c["direction"]
		c["direction"] = "egress"
		return was == "ingress"
	}},
	{"another group's", "unknown-rule", func(p, c object) bool {
		for _, o := range p["changes"].([]any) {
			if id := o.(object)["group_id"]; id != c["group_id"] && len(rulesIn(c, "new")) == 0 {
				c["group_id"] = id
				return true
			}
		}
		return false
	}},
	{"the id of another rule", "unknown-rule", func(_, c object) bool { rulesIn(c, "old")[0]["rule_id"] = "sgr-0000000000000dead"; return true }},
	{"a rule that is not there", "unknown-rule", func(_, c object) bool { rulesIn(c, "old")[0]["service"] = "tcp 9"; return true }},
	{"one change twice", "malformed", func(p, c object) bool { p["changes"] = append(p["changes"].([]any), c); return true }},
	{"one rule removed by two changes", "conflict", func(p, c object) bool {
		two := object{}
		for k, v := range c {
			two[k] = v
		}
		two["change_id"] = "chg-000000000000"
		p["changes"] = append(p["changes"].([]any), two)
		return true
	}},
	{"two changes that are right only together", "cuts-subset", func(p, c object) bool {
		taken, rest := withoutOne(c)
		if rest == nil {
			return false
		}
		two := object{"change_id": "chg-000000000000", "status": "proposed", "group_id": c["group_id"], "direction": c["direction"], "kind": "narrow-ports",
			"old": []any{}, "new": []any{taken}, "depends_on": []any{}, "denies": []any{}}
		c["new"] = rest
		p["changes"] = append(p["changes"].([]any), two)
		return true
	}},
	{"a change for review that denies, as proposed", "cuts", func(_, c object) bool {
		if c["status"] != "review" || len(c["denies"].([]any)) == 0 {
			return false
		}
		c["status"] = "proposed"
		return true
	}},
	{"denials not listed", "undeclared", func(_, c object) bool {
		if len(c["denies"].([]any)) == 0 {
			return false
		}
		c["denies"] = []any{}
		return true
	}},
	{"a rule of another group that it leans on, not named", "unpinned", func(_, c object) bool {
		for _, d := range c["depends_on"].([]any) {
			if d.(object)["group_id"] != c["group_id"] {
				c["depends_on"] = []any{}
				return true
			}
		}
		return false
	}},
	{"a window in which little was seen", "evidence: ", func(p, _ object) bool {
		w := p["window"].(object)
		since, err := time.Parse(time.RFC3339, w["since"].(string))
		w["until"] = since.AddDate(0, 0, 1)
		return err == nil
	}},
}

// TestSpoiledPlans: verify lets the plan pass as it was made, and refuses it with any one defect.
func TestSpoiledPlans(t *testing.T) {
	w, err := world.New(world.Options{Seed: 21, Days: 8, Format: world.V5, Scenarios: []string{
		"sharedgroup", "prefixlists", "icmp", "widepeers", "wideports", "broadnarrow", "bruteforce", "shadowed", "unused", "highports", "batchhosts",
	}})
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
	leanOnOthers(t, at("estate"))
	sgtrim := func(args ...string) (int, string) {
		var out, errs strings.Builder
		code := run(context.Background(), append(args, "--quiet"), streams{strings.NewReader(""), &out, &errs})
		return code, out.String() + errs.String()
	}
	for _, args := range [][]string{
		{"ingest", at("logs"), "--ledger", at("ledger")},
		{"recommend", "--ledger", at("ledger"), "--estate", at("estate"), "-o", at("out"), "--min-window", "7d", "--egress", "full"},
	} {
		if code, said := sgtrim(args...); code != 0 {
			t.Fatalf("%s exits with %d: %s", args[0], code, said)
		}
	}
	text, err := os.ReadFile(at("out/recommendations.json"))
	if err != nil {
		t.Fatal(err)
	}
	verify := func(plan []byte) (int, string) {
		if err := os.WriteFile(at("plan.json"), plan, 0o644); err != nil {
			t.Fatal(err)
		}
		return sgtrim("verify", at("plan.json"), "--ledger", at("ledger"), "--estate", at("estate"))
	}
	if code, said := verify(text); code != 0 {
		t.Fatalf("the plan as made is refused: %s", said)
	}
	for _, d := range defects {
		t.Run(d.name, func(t *testing.T) {
			var p object
			if err := json.Unmarshal(text, &p); err != nil {
				t.Fatal(err)
			}
			tried := 0
			for _, one := range p["changes"].([]any) {
				c := one.(object)
				if c["status"] == "held" || !d.fit(p, c) {
					continue
				}
				tried++
				spoiled, err := json.Marshal(p)
				if err != nil {
					t.Fatal(err)
				}
				code, said := verify(spoiled)
				wanted := false
				for _, want := range strings.Split(d.want, "|") {
					wanted = wanted || strings.Contains(said, "\n  "+want)
				}
				if code != 1 || !wanted {
					t.Errorf("%v with the defect: exit code %d, want %s:\n%s", c["change_id"], code, d.want, said)
				}
				break
			}
			if tried == 0 {
				t.Error("the plan has no change that this defect fits")
			}
		})
	}
	t.Run("a key twice", func(t *testing.T) {
		for _, key := range []string{"changes", "Changes"} {
			if code, said := verify(bytes.Replace(text, []byte(`"changes": [`), []byte(`"`+key+`": [], "changes": [`), 1)); code != 1 || !strings.Contains(said, "is there twice") {
				t.Errorf("%s: exit code %d: %s", key, code, said)
			}
		}
	})
}

// leanOnOthers gives the group billing a wide rule for what its interfaces are let in to by base-linux: a removal that leans on that.
func leanOnOthers(t *testing.T, dir string) {
	t.Helper()
	path := filepath.Join(dir, "describe-security-groups.json")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all struct{ SecurityGroups []object }
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for _, g := range all.SecurityGroups {
		if g["GroupName"] == "billing" {
			g["IpPermissions"] = append(g["IpPermissions"].([]any), permissionOf("tcp 9100-9110 10.0.0.0/8"))
		}
	}
	if text, err = json.Marshal(all); err == nil {
		err = os.WriteFile(path, text, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}
