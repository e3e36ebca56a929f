package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/recommend"
	"github.com/sgtrim/sgtrim/recommend/output"
)

// formats are what --format takes.
var formats = []string{"json", "proposed", "summary"}

func (a *app) recommendCommand() *cobra.Command {
	var (
		in          ledgerFlags
		policy      policyFlags
		failOn      failFlags
		dir, format string
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
			if format != "" && dir != "" {
				return usagef("--format prints one format, -o writes all: give one of the two")
			}
			if format != "" && !slices.Contains(formats, format) {
				return usagef("--format %q: want %s", format, strings.Join(formats, ", "))
			}
			if err := failOn.check(); err != nil {
				return err
			}
			p, err := policy.policy()
			if err != nil {
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
			if err := a.deliver(plan, job.estate, dir, format); err != nil {
				return err
			}
			return failOn.result(planCounts(plan))
		},
	}
	fs := cmd.Flags()
	in.register(fs)
	in.registerWindow(fs)
	fs.StringVarP(&dir, "output", "o", "", "`folder` for the files (default: only the summary is printed)")
	fs.StringVar(&format, "format", "", "print `"+strings.Join(formats, "|")+"` to standard output")
	policy.register(fs)
	failOn.register(fs, "proposed", "review", "held")
	return cmd
}

// print writes one format to stdout.
func (a *app) print(plan *recommend.Plan, e *estate.Estate, format string) error {
	switch format {
	case "json":
		return output.JSON(a.out, plan)
	case "proposed":
		return output.ProposedJSON(a.out, plan, e, selected)
	}
	return output.Summary(a.out, plan, a.summaryOptions())
}
