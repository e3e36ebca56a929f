package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/recommend"
	"github.com/sgtrim/sgtrim/recommend/proof"
)

func (a *app) verifyCommand() *cobra.Command {
	var in ledgerFlags
	var policyPath string
	cmd := &cobra.Command{
		Use:   "verify PLAN --ledger DIR --estate E",
		Short: "Re-check the proof of a saved plan",
		Long: `Reads recommendations.json and asks the independent evaluator again: nothing is opened, nothing seen and needed is cut, for
every subset of the changes, and every change for review lists the seen traffic that it would deny. The evidence is that of
the plan's window. A plan that is refused, or whose rules are no longer there, is exit code 1.`,
		Example: `  sgtrim verify review/recommendations.json --ledger evidence --estate estate.json`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			plan, err := readPlan(args[0])
			if err != nil {
				return err
			}
			policy, err := readPolicyFile(policyPath)
			if err != nil {
				return err
			}
			job, err := a.open(cmd.Context(), &in, policy)
			if err != nil {
				return err
			}
			defer job.close()
			return a.verify(plan, job)
		},
	}
	in.register(cmd.Flags())
	networksFlag(cmd.Flags(), &policyPath)
	return cmd
}

func readPlan(path string) (*recommend.Plan, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	plan := new(recommend.Plan)
	if err := json.Unmarshal(text, plan); err != nil {
		return nil, withHint(fmt.Errorf("plan %s: %w", path, err), "a plan is the recommendations.json of review -o DIR")
	}
	if plan.SchemaVersion != recommend.SchemaVersion {
		return nil, fmt.Errorf("plan %s: schema_version %d: this sgtrim reads %d", path, plan.SchemaVersion, recommend.SchemaVersion)
	}
	return plan, nil
}

func (a *app) verify(plan *recommend.Plan, job *ledgerJob) error {
	changes, err := planChanges(plan, job.estate)
	if err != nil {
		return err
	}
	ev := newEvidence(window{plan.Window.Since, plan.Window.Until}, job.policy.orient(), job.evidence.ledgers...)
	if len(ev.days) == 0 {
		return errors.New("the ledger holds no evidence of the plan's window")
	}
	res, err := proof.Check(proof.Input{
		Estate: job.estate, Changes: changes, Conversations: ev.conversations(), KnownNetworks: job.policy.prefixes(),
	})
	if err != nil {
		return err
	}
	undeclared := undeclaredDenials(plan, res.Denied)
	if res.Holds && len(undeclared) == 0 {
		_, err := fmt.Fprintf(a.out, "The proof holds: %d changes, %d rules inside the old ones, %d needed conversations kept (%d by a doubtful match).\n",
			len(changes), res.Rules, res.Needs, res.Doubtful)
		return err
	}
	if err := writeRefusal(a.out, res, undeclared); err != nil {
		return err
	}
	return withHint(errors.New("the proof refuses the plan"), "do not apply it; make a new one with review or recommend")
}

// planChanges rebuilds the changes from a plan's text alone, so that nothing but the file is trusted. Held ones change
// nothing.
func planChanges(plan *recommend.Plan, e *estate.Estate) ([]proof.Change, error) {
	var out []proof.Change
	for i := range plan.Changes {
		c := &plan.Changes[i]
		if c.Status == recommend.Held {
			continue
		}
		change := proof.Change{ID: c.ID, GroupID: c.GroupID, Direction: c.Direction, Review: c.Status == recommend.Review}
		for _, list := range []struct {
			from []recommend.RuleText
			to   *[]analyze.Rule
		}{{c.Old, &change.Old}, {c.New, &change.New}} {
			for _, text := range list.from {
				rule, err := planRule(c, text, e)
				if err != nil {
					return nil, fmt.Errorf("plan: change %s: %w", c.ID, err)
				}
				*list.to = append(*list.to, rule)
			}
		}
		out = append(out, change)
	}
	return out, nil
}

// planRule is a rule of a plan as a value: the estate's own where it has one of that meaning.
func planRule(c *recommend.Change, text recommend.RuleText, e *estate.Estate) (analyze.Rule, error) {
	service, err := analyze.ParseService(text.Service)
	if err != nil {
		return analyze.Rule{}, err
	}
	peer, err := parsePeer(text.Peer)
	if err != nil {
		return analyze.Rule{}, err
	}
	key := analyze.RuleKey{GroupID: c.GroupID, Direction: c.Direction, Service: service, Peer: peer}
	if g := e.Groups[c.GroupID]; g != nil {
		if i := slices.IndexFunc(g.Rules, func(r analyze.Rule) bool { return r.RuleKey == key }); i >= 0 {
			return g.Rules[i], nil
		}
	}
	return analyze.Rule{RuleKey: key, ID: text.ID}, nil
}

func parsePeer(text string) (analyze.Peer, error) {
	switch {
	case strings.HasPrefix(text, "sg-"):
		return analyze.Peer{GroupID: text}, nil
	case strings.HasPrefix(text, "pl-"):
		return analyze.Peer{PrefixListID: text}, nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return analyze.Peer{}, fmt.Errorf("peer %q: want a CIDR, sg-… or pl-…", text)
	}
	return analyze.Peer{Prefix: prefix.Masked()}, nil
}

// undeclaredDenials are the denials of review changes that the plan does not list, as text, sorted.
func undeclaredDenials(plan *recommend.Plan, denied map[string][]proof.Traffic) []string {
	var out []string
	for i := range plan.Changes {
		c := &plan.Changes[i]
		declared := map[string]bool{}
		for _, t := range c.Denies {
			declared[t.Interface+" "+t.Direction.String()+" "+t.Peer+" "+t.Service] = true
		}
		for _, t := range denied[c.ID] {
			r := rowOf(t)
			if key := r.Interface + " " + r.Direction.String() + " " + r.Peer + " " + r.Service; !declared[key] {
				out = append(out, c.ID+" would deny "+key+", and does not list it")
			}
		}
	}
	slices.Sort(out)
	return out
}

func writeRefusal(w io.Writer, res proof.Result, undeclared []string) error {
	fmt.Fprintf(w, "The proof refuses the plan: %d violations.\n", len(res.Violations)+res.More+len(undeclared))
	for _, v := range res.Violations {
		fmt.Fprintf(w, "  %s %s: %s\n", v.Kind, strings.Join(v.Changes, " "), printable(v.Detail))
	}
	for _, text := range undeclared {
		fmt.Fprintf(w, "  undeclared %s\n", printable(text))
	}
	if res.More > 0 {
		fmt.Fprintf(w, "  … and %d more\n", res.More)
	}
	return nil
}
