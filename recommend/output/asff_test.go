package output

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/recommend"
)

func findingsOf(t *testing.T, w *world, previous []Finding) map[string]Finding {
	t.Helper()
	list, err := Findings(w.p, w.e, previous)
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]Finding{}
	for _, x := range list {
		id := x.ID[strings.LastIndexByte(x.ID, '/')+1:]
		if _, twice := m[id]; twice {
			t.Errorf("two findings of %s", id)
		}
		m[id] = x
	}
	return m
}

// findingsWorld has groups of every state.
func findingsWorld(t *testing.T) *world {
	w := newWorld(t)
	w.group("sg-admin", "admin", "ingress tcp 22 0.0.0.0/0")
	w.group("sg-review", "review", "ingress tcp 8080 0.0.0.0/0")
	w.group("sg-held", "held", "ingress tcp 80 0.0.0.0/0")
	w.group("sg-fine", "fine", "ingress tcp 80 0.0.0.0/0")
	w.group("sg-egress", "egress", "egress all 0.0.0.0/0")
	w.group("sg-rejected", "rejected", "ingress tcp 80 10.0.0.0/8")
	w.change("sg-admin", recommend.Unused, "ingress tcp 22 0.0.0.0/0 =>")
	w.change("sg-review", recommend.NarrowPeers, "ingress tcp 8080 0.0.0.0/0 => ingress tcp 8080 10.0.0.0/8").Status = recommend.Review
	w.change("sg-held", recommend.Unused, "ingress tcp 80 0.0.0.0/0 =>").Status = recommend.Held
	w.change("sg-egress", recommend.NarrowPorts, "egress all 0.0.0.0/0 => egress tcp 443 0.0.0.0/0").Status = recommend.Review
	w.change("sg-rejected", recommend.Unused, "ingress tcp 80 10.0.0.0/8 =>").Decision = recommend.Decision{Verdict: recommend.Reject, Outcome: recommend.NoEffect}
	return w
}

func states(m map[string]Finding) map[string]string {
	s := map[string]string{}
	for id, x := range m {
		s[id] = x.RecordState + " " + x.Compliance.Status + " " + x.Severity.Label
	}
	return s
}

func TestFindings(t *testing.T) {
	w := findingsWorld(t)
	first := findingsOf(t, w, nil)
	want := map[string]string{
		"sg-admin": "ACTIVE FAILED HIGH", "sg-review": "ACTIVE WARNING MEDIUM", "sg-held": "ACTIVE NOT_AVAILABLE INFORMATIONAL",
		"sg-fine": "ARCHIVED PASSED INFORMATIONAL", "sg-egress": "ACTIVE WARNING INFORMATIONAL", "sg-rejected": "ARCHIVED PASSED INFORMATIONAL",
	}
	if diff := cmp.Diff(want, states(first)); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
	var b bytes.Buffer
	if err := ASFF(&b, w.p, w.e, nil); err != nil {
		t.Fatal(err)
	}
	golden(t, "findings.json", b.String())
}

// The second run, after the plan was applied and a group deleted: what is fixed is archived under the same id, with the time
// of its creation kept and a later time of its update, with and without the first run's findings.
func TestFindingsAreArchived(t *testing.T) {
	w := findingsWorld(t)
	var b bytes.Buffer
	if err := ASFF(&b, w.p, w.e, nil); err != nil {
		t.Fatal(err)
	}
	first := findingsOf(t, w, nil)
	other := first["sg-admin"] // of an account that the second plan does not know
	other.ID = strings.ReplaceAll(other.ID, account, "999999999999")

	next := findingsWorld(t)
	next.p.ID, next.p.Captured = "plan-2", w.p.Window.Until.Add(time.Hour)
	next.p.Changes = next.p.Changes[1:]
	delete(next.e.Groups, "sg-held")
	next.p.Groups = slices.DeleteFunc(next.p.Groups, func(g recommend.Group) bool { return g.ID == "sg-held" })
	next.p.Changes = slices.DeleteFunc(next.p.Changes, func(c recommend.Change) bool { return c.GroupID == "sg-held" })

	without := findingsOf(t, next, nil)
	if got := states(without)["sg-admin"]; got != "ARCHIVED PASSED INFORMATIONAL" || without["sg-admin"].ID != first["sg-admin"].ID {
		t.Errorf("fixed: %s, id %s", got, without["sg-admin"].ID)
	}
	for name, text := range map[string]string{"what ASFF wrote": b.String(), "an answer": `{"Findings": ` + b.String() + `, "NextToken": "x"}`} {
		previous, err := ReadFindings(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		second := findingsOf(t, next, append(previous, other))
		want := map[string]string{
			"sg-admin": "ARCHIVED PASSED INFORMATIONAL", "sg-review": "ACTIVE WARNING MEDIUM",
			"sg-held": "ARCHIVED PASSED INFORMATIONAL", "sg-egress": "ACTIVE WARNING INFORMATIONAL",
		}
		if diff := cmp.Diff(want, states(second)); diff != "" {
			t.Errorf("%s: states (-want +got):\n%s", name, diff)
		}
		for id, x := range second {
			if was := first[id]; x.ID != was.ID || !x.Created.Equal(was.Created) || !x.Updated.After(was.Updated) {
				t.Errorf("%s: %s: id %s, created %s, updated %s", name, id, x.ID, x.Created, x.Updated)
			}
		}
	}
}

// Whatever the names and however many the changes, the limits of the format are kept.
func TestFindingsFit(t *testing.T) {
	w := newWorld(t)
	var rules []string
	for i := range 70 {
		rules = append(rules, fmt.Sprintf("ingress tcp %d 10.0.0.0/8", i+1))
	}
	w.group("sg-1", strings.Repeat("ключ\x1b ", 100), rules...)
	w.group("sg-2", "  ", rules[0])
	for _, r := range rules {
		w.change("sg-1", recommend.Unused, r+" =>").Reason = strings.Repeat("long\n", 500)
	}
	w.change("sg-2", recommend.Unused, rules[0]+" =>")
	m := findingsOf(t, w, nil)
	for id, x := range m {
		if len(x.ProductFields) > 50 || len(x.ProductFields) < 2 {
			t.Errorf("%s: %d product fields", id, len(x.ProductFields))
		}
		for what, is := range map[string][2]int{"title": {utf8.RuneCountInString(x.Title), 256}, "description": {utf8.RuneCountInString(x.Description), 1024},
			"recommendation": {utf8.RuneCountInString(x.Remediation.Recommendation.Text), 512}} {
			if is[0] == 0 || is[0] > is[1] {
				t.Errorf("%s: %s of %d characters", id, what, is[0])
			}
		}
		for k, v := range x.ProductFields {
			if len(k) > 128 || utf8.RuneCountInString(v) > 2048 || strings.TrimSpace(v) == "" || strings.ContainsAny(v, "\x1b\n") {
				t.Errorf("%s: product field %q is %q", id, k, v)
			}
		}
		raw, _ := json.Marshal(x)
		if len(raw) > 240_000 || bytes.Contains(raw, []byte(`""`)) || bytes.Contains(raw, []byte(`"  "`)) {
			t.Errorf("%s: %d bytes, or a blank text: %s", id, len(raw), raw)
		}
	}
	if got := m["sg-1"].ProductFields["sgtrim/more"]; got != "22 more changes in recommendations.json" {
		t.Errorf("more: %q", got)
	}
}

func TestFindingsWantAPlace(t *testing.T) {
	w := findingsWorld(t)
	w.p.Groups[0].Region = ""
	if _, err := Findings(w.p, w.e, nil); err == nil || !strings.Contains(err.Error(), "account and region") {
		t.Errorf("got %v", err)
	}
	for _, text := range []string{"", "x", "{}", `{"SecurityGroups": []}`, "3"} {
		if _, err := ReadFindings(strings.NewReader(text)); err == nil {
			t.Errorf("%q was read as findings", text)
		}
	}
}
