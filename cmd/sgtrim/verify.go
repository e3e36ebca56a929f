package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

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

func (a *app) verify(plan *recommend.Plan, job *ledgerJob) error {
	if err := bindRules(plan, job.estate); err != nil {
		return err
	}
	changes := planChanges(plan)
	ev, err := planEvidence(plan, job)
	if err != nil {
		return err
	}
	in := proof.Input{Estate: job.estate, Changes: changes, Conversations: ev.conversations(), KnownNetworks: job.policy.prefixes(), Pins: true}
	res, err := proof.Check(in)
	if err != nil {
		return err
	}
	undeclared := append(undeclaredDenials(plan, res.Denied), otherEvidence(plan, res)...)
	if len(res.Violations)+len(undeclared) == 0 {
		_, err := fmt.Fprintf(a.out, "The proof holds: %d changes, %d rules inside the old ones, %d needed conversations kept (%d by a doubtful match)%s.\n",
			len(changes), res.Rules, res.Needs, res.Doubtful, windowWords(plan.Window))
		return err
	}
	if err := writeRefusal(a.out, res, undeclared); err != nil {
		return err
	}
	return withHint(errors.New("the proof refuses the plan"), "do not apply it; make a new one with review or recommend")
}

// planChanges are the changes of a plan whose rules are bound, as the proof takes them. Held ones change nothing.
func planChanges(plan *recommend.Plan) []proof.Change {
	var out []proof.Change
	for i := range plan.Changes {
		c := &plan.Changes[i]
		if c.Status == recommend.Held {
			continue
		}
		out = append(out, c.ForProof())
	}
	return out
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
				out = append(out, "undeclared "+c.ID+": would deny "+key+", and does not list it")
			}
		}
	}
	slices.Sort(out)
	return out
}

// windowWords is the window of the evidence, "" for a plan that has none.
func windowWords(w recommend.Window) string {
	if w.Since.IsZero() {
		return ""
	}
	return fmt.Sprintf(", seen on %d days from %s to %s", w.Days, w.Since.Format(time.DateOnly), w.Until.Format(time.DateOnly))
}

// otherEvidence says where the plan's proof had other evidence than is judged now: another ledger, other named networks, or a window
// that somebody changed. What holds for less evidence is no proof of the plan.
func otherEvidence(plan *recommend.Plan, res proof.Result) []string {
	if !plan.Proof.Holds || plan.Proof.Needs == res.Needs {
		return nil
	}
	return []string{fmt.Sprintf("evidence: the plan's proof had %d needed conversations, this ledger and policy have %d in its window", plan.Proof.Needs, res.Needs)}
}

func writeRefusal(w io.Writer, res proof.Result, undeclared []string) error {
	fmt.Fprintf(w, "The proof refuses the plan: %d violations.\n", len(res.Violations)+res.More+len(undeclared))
	for _, v := range res.Violations {
		fmt.Fprintf(w, "  %s %s: %s\n", v.Kind, strings.Join(v.Changes, " "), printable(v.Detail))
	}
	for _, text := range undeclared {
		fmt.Fprintf(w, "  %s\n", printable(text))
	}
	if res.More > 0 {
		fmt.Fprintf(w, "  … and %d more\n", res.More)
	}
	return nil
}
