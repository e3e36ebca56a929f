package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/recommend"
	"github.com/sgtrim/sgtrim/recommend/explain"
	"github.com/sgtrim/sgtrim/recommend/output"
)

func (a *app) explainCommand() *cobra.Command {
	var (
		in               ledgerFlags
		policy           policyFlags
		planPath, format string
	)
	cmd := &cobra.Command{
		Use:   "explain RULE|GROUP|CHANGE|FLOW... --ledger DIR --estate E [--plan PLAN]",
		Short: "Say why a rule is kept or dropped, who uses it, and whether a flow is allowed",
		Long: `Answers questions about a plan (recommendations.json; without --plan it is made as recommend makes it):

  sgr-0abc                              a rule: its fate and why, its use, who uses it, what becomes of each of them
  'sg-0abc ingress tcp 443 10.0.0.0/8'  the same, for rules whose id is not known
  chg-0123456789ab                      the rule that a change is about
  sg-0abc, or a group's name            every rule of a group
  'tcp 10.0.1.5 -> sg-0abc:5432'        one hypothetical flow, from the side that opens it: allowed now, by which rules, and
                                        after the plan; an end is an address, a group by id or name (each of its members) or an interface

After the plan means: with the changes in its scripts.`,
		Example: `  sgtrim explain sgr-0abc --plan review/recommendations.json --ledger evidence --estate estate.json
  sgtrim explain 'tcp 10.0.1.5 -> sg-0abc:5432' --ledger evidence --estate estate.json --format json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("explain wants a rule, a group, a change or a flow")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if format != "text" && format != "json" {
				return usagef("--format %q: want text or json", format)
			}
			p, err := a.policy(&policy, "")
			if err != nil {
				return err
			}
			job, err := a.open(cmd.Context(), &in, p)
			if err != nil {
				return err
			}
			defer job.close()
			answer, err := a.explain(cmd.Context(), args, planPath, job)
			if err != nil {
				return err
			}
			if format == "json" {
				return output.ExplanationJSON(a.out, answer)
			}
			return output.Explanation(a.out, answer, a.summaryOptions())
		},
	}
	fs := cmd.Flags()
	in.register(fs)
	in.registerWindow(fs)
	policy.register(fs)
	fs.StringVar(&planPath, "plan", "", "`file` of a plan, recommendations.json (default: one is made)")
	fs.StringVar(&format, "format", "text", "`text|json`")
	return cmd
}

func (a *app) explain(_ context.Context, args []string, planPath string, job *ledgerJob) (*explain.Answer, error) {
	plan, ev, err := a.planToExplain(planPath, job)
	if err != nil {
		return nil, err
	}
	var q explain.Question
	for _, arg := range args {
		if err := ask(&q, arg, plan, job.estate); err != nil {
			return nil, err
		}
	}
	return explain.Answers(plan, ev, job.policy.prefixes(), q)
}

// planToExplain is a saved plan with the evidence of its window, or one that is made now.
func (a *app) planToExplain(path string, job *ledgerJob) (*recommend.Plan, recommend.Evidence, error) {
	ev, err := job.evidence.toJudge(job.estate, recommend.Input{})
	if err != nil {
		return nil, ev, err
	}
	if path == "" {
		plan, err := a.plan(job.evidence, job.estate, job.policy, recommend.Input{})
		return plan, ev, err
	}
	plan, err := readPlan(path)
	if err == nil {
		err = bindRules(plan, job.estate)
	}
	if err != nil {
		return nil, ev, err
	}
	window, err := planEvidence(plan, job)
	if err != nil {
		return nil, ev, err
	}
	ev, err = window.toJudge(job.estate, recommend.Input{})
	return plan, ev, err
}

// ask reads one argument into the question.
func ask(q *explain.Question, arg string, plan *recommend.Plan, e *estate.Estate) error {
	arg = strings.TrimSpace(arg)
	switch {
	case strings.HasPrefix(arg, "sgr-"):
		for _, g := range e.Groups {
			for _, r := range g.Rules {
				if r.ID == arg {
					q.Rules = append(q.Rules, r.RuleKey)
					return nil
				}
			}
		}
		return withHint(fmt.Errorf("no rule of the estate has the id %s", arg), "a rule can be named by its text too: 'sg-0abc ingress tcp 443 10.0.0.0/8'")
	case strings.HasPrefix(arg, "chg-"):
		for i := range plan.Changes {
			if c := &plan.Changes[i]; c.ID == arg {
				for _, o := range c.Old {
					q.Rules = append(q.Rules, o.Rule.RuleKey)
				}
				return nil
			}
		}
		return fmt.Errorf("the plan has no change %s", arg)
	case strings.Contains(arg, "->") || strings.Contains(arg, " to "):
		f, err := explain.ParseFlow(withGroupIDs(arg, e))
		if err != nil {
			return &usageError{err}
		}
		q.Flows = append(q.Flows, f)
		return knownEnds(f, e)
	case strings.Contains(arg, " ") && strings.HasPrefix(arg, "sg-"):
		k, err := explain.ParseRule(arg)
		if err != nil {
			return &usageError{err}
		}
		q.Rules = append(q.Rules, k)
		return knownRule(k, e)
	}
	id, err := groupNamed(arg, e)
	q.Groups = append(q.Groups, id)
	return err
}

// withGroupIDs puts ids in the place of groups' names at the ends of a flow, "tcp web -> db:5432". A name that no group or more than
// one has stays, and is no end then.
func withGroupIDs(flow string, e *estate.Estate) string {
	words := strings.Fields(strings.ReplaceAll(flow, "->", " -> "))
	for i, w := range words[1:] {
		host, port, colon := strings.Cut(w, ":")
		if id, err := groupNamed(host, e); err == nil {
			words[i+1] = id
			if colon {
				words[i+1] += ":" + port
			}
		}
	}
	return strings.Join(words, " ")
}

func knownRule(k analyze.RuleKey, e *estate.Estate) error {
	g := e.Groups[k.GroupID]
	if g == nil {
		return fmt.Errorf("group %s is not in the estate", k.GroupID)
	}
	if !slices.ContainsFunc(g.Rules, func(r analyze.Rule) bool { return r.RuleKey == k }) {
		return withHint(fmt.Errorf("the estate has no rule %s", k), "sgtrim explain %s lists the rules of the group", k.GroupID)
	}
	return nil
}

func knownEnds(f explain.Flow, e *estate.Estate) error {
	for _, end := range []explain.End{f.Source, f.Target} {
		if end.GroupID != "" && e.Groups[end.GroupID] == nil {
			return fmt.Errorf("flow %s: group %s is not in the estate", f, end.GroupID)
		}
		if end.Interface != "" && e.Interfaces[end.Interface] == nil {
			return fmt.Errorf("flow %s: interface %s is not in the estate", f, end.Interface)
		}
	}
	return nil
}

// groupNamed finds a group by its id, or by its name where one group has it.
func groupNamed(arg string, e *estate.Estate) (string, error) {
	if e.Groups[arg] != nil {
		return arg, nil
	}
	var ids []string
	for id, g := range e.Groups {
		if g.Name == arg {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	switch len(ids) {
	case 1:
		return ids[0], nil
	case 0:
		return "", withHint(fmt.Errorf("%q is no group of the estate", arg),
			"name a rule (sgr-… or its text), a group (sg-… or its name), a change (chg-…) or a flow ('tcp 10.0.1.5 -> sg-0abc:443')")
	}
	return "", fmt.Errorf("several groups are named %q: %s", arg, strings.Join(ids, ", "))
}
