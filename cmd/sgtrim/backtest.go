package main

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/sgtrim/sgtrim/recommend"
	"github.com/sgtrim/sgtrim/recommend/output"
)

func (a *app) backtestCommand() *cobra.Command {
	var (
		in            ledgerFlags
		policy        policyFlags
		failOn        failFlags
		learn, format string
	)
	cmd := &cobra.Command{
		Use:   "backtest --ledger DIR --estate E [--learn D]",
		Short: "Learn on the first days of the evidence, replay the rest on the plan",
		Long: `Makes a plan of the first days of the evidence and asks the independent evaluator which needed traffic of the days after it
would have denied: for each change and in total, beside what the plan expected. The learned days suffice for every kind of
change, whatever the policy's windows, so that all are put to the test. The estate is taken to have been as described on all
days.`,
		Example: `  sgtrim backtest --ledger evidence --estate estate.json
  sgtrim backtest --ledger evidence --estate estate.json --learn 60d --fail-on denied`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains(backtestFormats, format) {
				return usagef("--format %q: want table or json", format)
			}
			days := 0
			if learn != "" {
				var err error
				if days, err = parseDays(learn); err != nil {
					return usagef("--learn %w", err)
				}
			}
			if err := failOn.check(); err != nil {
				return err
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
			ev, err := job.evidence.toJudge(job.estate, recommend.Input{})
			if err != nil {
				return err
			}
			b, err := recommend.NewBacktest(ev, days, p.options(job.estate))
			if err != nil {
				return err
			}
			if err := a.printBacktest(b, format); err != nil {
				return err
			}
			return failOn.result(backtestFigures(b))
		},
	}
	fs := cmd.Flags()
	in.register(fs)
	in.registerWindow(fs)
	fs.StringVar(&learn, "learn", "", "`days` to learn from, as in 60d (default two thirds)")
	fs.StringVar(&format, "format", "table", "`table|json`")
	policy.register(fs)
	failOn.register(fs, []string{"denied", "outside"})
	return cmd
}

var backtestFormats = []string{"table", "json"}

func (a *app) printBacktest(b *recommend.Backtest, format string) error {
	if format == "json" {
		return output.BacktestJSON(a.out, b)
	}
	return output.Backtest(a.out, b, a.summaryOptions())
}

// backtestFigures are what --fail-on names: connections that the proposed changes would have denied, and changes that
// did worse or better than expected.
func backtestFigures(b *recommend.Backtest) map[string]float64 {
	outside := 0.0
	for i := range b.Changes {
		if !b.Changes[i].Inside {
			outside++
		}
	}
	return map[string]float64{"denied": float64(b.Actual.Denied), "outside": outside}
}
