package main

import "github.com/spf13/cobra"

func (a *app) recommendCommand() *cobra.Command {
	var (
		in     ledgerFlags
		policy policyFlags
		failOn failFlags
		out    outputFlags
	)
	cmd := &cobra.Command{
		Use:   "recommend --ledger DIR --estate E [-o DIR | --format F]",
		Short: "Propose tighter rules from the evidence of ledgers",
		Long: `Does what review does, but from evidence that ingest has kept. Several ledgers count as one. The window is cut at whole
days, and a relative --since counts back from the last day of the evidence.`,
		Example: `  sgtrim recommend --ledger evidence --estate estate.json -o review
  sgtrim recommend --ledger evidence --estate estate.json --format json | jq '.changes[].reason'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.policy(&policy, out.dir)
			if err != nil {
				return err
			}
			if err := out.check(p); err != nil {
				return err
			}
			if err := failOn.check(); err != nil {
				return err
			}
			job, err := a.open(cmd.Context(), &in, p)
			if err != nil {
				return err
			}
			defer job.close()
			read, err := job.evidence.input()
			if err != nil {
				return err
			}
			plan, err := a.plan(job.evidence, job.estate, p, read)
			if err != nil {
				return err
			}
			if err := a.deliver(plan, job.estate, &out); err != nil {
				return err
			}
			return failOn.result(planFigures(plan))
		},
	}
	fs := cmd.Flags()
	in.register(fs)
	in.registerWindow(fs)
	out.register(fs)
	policy.register(fs)
	policy.registerBacktest(fs)
	failOn.register(fs, planCounts, planMeasures...)
	return cmd
}
