package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/recommend"
)

const wholeDecisions = `# every key once
schema_version: 1
decisions:
  - change_id: chg-0123456789ab
    decision: except
    by: ann
    reason: the vendor's window
    until: 2026-12-31
    about: sg-1 ingress tcp 22 0.0.0.0/0
  - {change_id: chg-00000000000a, decision: accept, by: ben, reason: "agreed, 😀"}
`

// The same in JSON, with what YAML's own parser refuses: tabs and an escaped surrogate pair.
const wholeDecisionsJSON = "{\n\t\"schema_version\": 1,\n\t\"decisions\": [\n" +
	"\t\t{\"change_id\": \"chg-0123456789ab\", \"decision\": \"except\", \"by\": \"ann\", \"reason\": \"the vendor's window\", \"until\": \"2026-12-31\",\n" +
	"\t\t \"about\": \"sg-1 ingress tcp 22 0.0.0.0/0\"},\n" +
	"\t\t{\"change_id\": \"chg-00000000000a\", \"decision\": \"accept\", \"by\": \"ben\", \"reason\": \"agreed, \\ud83d\\ude00\"}\n\t]\n}\n"

func parsedDecisions(text string) ([]recommend.Decision, error) {
	var d decisionsFile
	err := parseStrict([]byte(text), decisionsKeys(&d))
	return d.list, err
}

func TestParseDecisions(t *testing.T) {
	want := []recommend.Decision{
		{ChangeID: "chg-0123456789ab", Verdict: recommend.Except, By: "ann", Reason: "the vendor's window", Until: "2026-12-31", About: "sg-1 ingress tcp 22 0.0.0.0/0"},
		{ChangeID: "chg-00000000000a", Verdict: recommend.Accept, By: "ben", Reason: "agreed, 😀"},
	}
	for name, text := range map[string]string{"yaml": wholeDecisions, "json": wholeDecisionsJSON} {
		got, err := parsedDecisions(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

func TestDecisionsFileIsStrict(t *testing.T) {
	const whole = "change_id: chg-0123456789ab, decision: reject, by: ann, reason: x"
	for text, want := range map[string]string{
		"":                                     "",
		"decisions: []":                        "",
		"decisions:\n- {" + whole + "}":        "",
		"schema_version: 2":                    `1: "2": want a number from 1 to 1`,
		"decision: []":                         `1: unknown key "decision"; known here: decisions, schema_version`,
		"decisions: {}":                        `1: want a list`,
		"decisions:\n- x":                      `2: want a mapping`,
		"decisions:\n- {" + whole + ", on: 1}": `2: unknown key "on"; known here: about, by, change_id, decision, reason, until`,
		"decisions:\n- {" + whole + ", by: b}": `2: key "by" stands twice`,
		"decisions:\n- {" + whole + "}\n- {" + whole + "}":                             `3: a second decision about chg-0123456789ab`,
		"decisions:\n- {" + strings.Replace(whole, "chg-", "chg", 1) + "}":             `2: "chg0123456789ab": want the id of a change`,
		"decisions:\n- {" + strings.Replace(whole, "reject", "refuse", 1) + "}":        `2: "refuse": want one of accept, reject, except`,
		"decisions:\n- {" + strings.Replace(whole, "reject", "except", 1) + "}":        `2: an exception wants a reason, and until, its last day`,
		"decisions:\n- {" + strings.Replace(whole, ", by: ann", "", 1) + "}":           `2: a decision wants change_id, decision and by; by is missing`,
		"decisions:\n- {" + strings.Replace(whole, "by: ann", "by: ''", 1) + "}":       `2: want a text`,
		"decisions:\n- {" + whole + ", until: tomorrow}":                               `2: "tomorrow": want a date, as in 2026-10-31`,
		"decisions:\n- {" + whole + ", until: 2026-02-30}":                             `2: "2026-02-30": want a date`,
		"{\"decisions\": [\n\n{\"by\": null}]}":                                        `3: want a text`,
		"{\"decisions\": [\n{\"by\": \"a\",\n\"by\": \"b\"}]}":                         `3: key "by" stands twice`,
		"decisions:\n- {" + strings.Replace(whole, "reason: x", "reason: ''", 1) + "}": "",
		"decisions:\n- {" + strings.Replace(whole, ", reason: x", "", 1) + "}":         "",
		"decisions:\n- {" + strings.Replace(whole, "reason: x", "reason: ~", 1) + "}":  `2: want a text`,
		"{\"decisions\": true}": `1: want a list`,
	} {
		_, err := parsedDecisions(text)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

// The schema and the reader of the decisions file know the same keys.
func TestDecisionsSchemaKnowsTheKeys(t *testing.T) {
	var schema struct {
		Properties map[string]struct {
			Items struct{ Properties map[string]json.RawMessage }
		}
	}
	if err := json.Unmarshal(decisionsSchema, &schema); err != nil {
		t.Fatal(err)
	}
	for _, same := range []struct{ reader, published []string }{
		{slices.Sorted(maps.Keys(decisionsKeys(new(decisionsFile)))), slices.Sorted(maps.Keys(schema.Properties))},
		{slices.Sorted(maps.Keys(decisionKeys(new(recommend.Decision)))), slices.Sorted(maps.Keys(schema.Properties["decisions"].Items.Properties))},
	} {
		if diff := cmp.Diff(same.reader, same.published); diff != "" {
			t.Errorf("(-reader +schema)\n%s", diff)
		}
	}
}

// What is read can be written, and reads back the same.
func FuzzDecisions(f *testing.F) {
	f.Add(wholeDecisions)
	f.Add(wholeDecisionsJSON)
	f.Add("{\"decisions\": [[[]]]}")
	f.Add("decisions: &a [*a]")
	f.Fuzz(func(t *testing.T, text string) {
		read, err := parsedDecisions(text)
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := writeDecisions(&b, read); err != nil {
			t.Fatal(err)
		}
		again, err := parsedDecisions(b.String())
		if err != nil {
			t.Fatalf("%v\n%s", err, b.String())
		}
		if diff := cmp.Diff(read, again); diff != "" {
			t.Errorf("(-read +again)\n%s", diff)
		}
	})
}
