package output

import (
	"io"
	"strings"
	"testing"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/terraform"
	"github.com/sgtrim/sgtrim/recommend"
)

// TestNamesInEveryFormat: the name of a rule's peer stands in each format that a person reads.
func TestNamesInEveryFormat(t *testing.T) {
	key := func(peer analyze.Peer) analyze.Rule {
		return analyze.Rule{RuleKey: analyze.RuleKey{GroupID: "sg-1", Direction: analyze.Ingress, Service: analyze.ProtoService(analyze.TCP), Peer: peer}}
	}
	old, fresh := key(analyze.Peer{PrefixListID: "pl-9"}), key(analyze.Peer{GroupID: "sg-7"})
	old.ID = "sgr-1"
	change := recommend.Change{ID: "chg-1", Kind: recommend.NarrowPeers, Status: recommend.Proposed, Account: "123456789012", Region: "eu-west-1", GroupID: "sg-1", GroupName: "web",
		Direction: analyze.Ingress, Selected: true, Reason: "r",
		Old: []recommend.RuleText{{ID: "sgr-1", Service: "tcp", Peer: "pl-9", PeerName: "head-office", Rule: old}},
		New: []recommend.RuleText{{Service: "tcp", Peer: "sg-7", PeerName: "app-tier", Rule: fresh}}}
	held, managed := change, change
	held.Status, held.Selected, held.ID = recommend.Held, false, "chg-2"
	managed.ID, managed.InTerraform, managed.Old = "chg-3", true, []recommend.RuleText{change.Old[0]}
	managed.Old[0].Terraform = terraform.Owner{Address: "aws_security_group_rule.x", Type: "aws_security_group_rule"}
	p := &recommend.Plan{ID: "plan-1", Changes: []recommend.Change{change, held, managed},
		Groups: []recommend.Group{{ID: "sg-1", Name: "web", Account: "123456789012", Region: "eu-west-1"}}}
	e := &estate.Estate{Groups: map[string]*estate.Group{"sg-1": {ID: "sg-1", Name: "web", Owner: "123456789012", Region: "eu-west-1", HasRuleIDs: true, Rules: []analyze.Rule{old}}}}
	for name, write := range map[string]func(io.Writer) error{
		"table":    func(w io.Writer) error { return Table(w, p) },
		"csv":      func(w io.Writer) error { return CSV(w, p) },
		"json":     func(w io.Writer) error { return JSON(w, p) },
		"markdown": func(w io.Writer) error { return Markdown(w, p) },
		"summary":  func(w io.Writer) error { return Summary(w, p, SummaryOptions{}) },
		"asff":     func(w io.Writer) error { return ASFF(w, p, e, nil) },
		"terraform": func(w io.Writer) error {
			for _, f := range Terraform(p, e, func(*recommend.Change) bool { return true }) {
				if _, err := w.Write(f.Body); err != nil {
					return err
				}
			}
			return nil
		},
	} {
		var b strings.Builder
		if err := write(&b); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, want := range []string{"head-office", "app-tier"} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s does not name %s:\n%s", name, want, b.String())
			}
		}
	}
}
