package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sgtrim/sgtrim/analyze/ledger"
)

func (a *app) ingestCommand() *cobra.Command {
	var dir string
	var rebuild []string
	var logs logFlags
	var aws awsFlags
	cmd := &cobra.Command{
		Use:   "ingest SOURCE... --ledger DIR",
		Short: "Add flow logs to a ledger; what it already holds is skipped",
		Long: `Sums the flow logs of every SOURCE into the ledger, a folder of Parquet files. Objects that the ledger holds already are
not read again, so it can run every day over the same prefix. Interrupted anywhere, it goes on at the next run.

An object whose size or ETag has changed since it was taken is reported and left as it was. --rebuild-day reads all objects
of a day again, in place of what the ledger has of that day; if one of them is not there any more, nothing is changed.`,
		Example: `  sgtrim ingest s3://my-flow-logs/prefix --ledger evidence --since 90d
  sgtrim ingest ./logs --ledger evidence --skip-bad
  sgtrim ingest s3://my-flow-logs/prefix --ledger evidence --rebuild-day 2026-10-31`,
		Args: sources,
		RunE: func(cmd *cobra.Command, args []string) error {
			if dir == "" {
				return usagef("ingest wants --ledger DIR")
			}
			r, err := a.reading(&logs, &aws)
			if err != nil {
				return err
			}
			r.whole = true
			if r.rebuild, err = parseDayList(rebuild); err != nil {
				return err
			}
			l, err := ledger.Open(dir, ledger.Options{Memory: r.memory})
			if err != nil {
				return err
			}
			defer l.Close()
			stats, err := a.scan(cmd.Context(), l, args, r)
			if err != nil {
				return err
			}
			in := stats.input()
			_, err = fmt.Fprintf(a.out, "objects %d, already there %d, records %d: used %d, coverage only %d, outside the window %d, bad %d\n",
				in.Objects, stats.Skipped, in.Records, in.Used, in.CoverageOnly, in.Outside, in.Errors)
			if err != nil {
				return err
			}
			return skipped(stats)
		},
	}
	cmd.Flags().StringVar(&dir, "ledger", "", "`folder` of the evidence; made when missing")
	cmd.Flags().StringSliceVar(&rebuild, "rebuild-day", nil, "`day` to take anew from all its objects: 2026-10-31; may be given several times")
	logs.register(cmd.Flags())
	aws.register(cmd.Flags())
	return cmd
}
