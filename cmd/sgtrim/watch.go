package main

import (
	"context"
	"fmt"
	"math/bits"
	"time"

	"github.com/spf13/cobra"

	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/ledger"
	"github.com/sgtrim/sgtrim/recommend"
	"github.com/sgtrim/sgtrim/recommend/output"
	"github.com/sgtrim/sgtrim/recommend/watch"
)

// watchJob is watch with everything it needs.
type watchJob struct {
	plan    *recommend.Plan
	sources []string
	read    reading
	estate  *estate.Estate
	policy  *policyFile
	applied time.Time
}

func (a *app) watchCommand() *cobra.Command {
	var (
		logs                                    logFlags
		aws                                     awsFlags
		estatePath, policyPath, applied, format string
	)
	cmd := &cobra.Command{
		Use:   "watch PLAN SOURCE... [--estate E] [--applied TIME]",
		Short: "After applying: rejects of what the old rules allowed and the new ones deny",
		Long: `Reads the flow logs since a plan (recommendations.json) was applied and lists the rejected connections, datagrams and ICMP that
the rules before it allowed and those after it deny, with the change at fault and the rollback script that takes it back. There
is one: exit code 4. Late packets of closed connections are none. The estate tells who holds which address; whether its rules are
those of before or after does not matter.`,
		Example: `  sgtrim watch review/recommendations.json s3://my-flow-logs/prefix --applied 2026-11-02T09:30:00Z
  sgtrim watch review/recommendations.json ./new-logs --estate estate.json --format json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("watch wants a PLAN and a SOURCE")
			}
			return sources(cmd, args[1:])
		},
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if format != "text" && format != "json" {
				return usagef("--format %q: want text or json", format)
			}
			job := watchJob{sources: args[1:]}
			if job.plan, err = readPlan(args[0]); err != nil {
				return err
			}
			if job.applied, err = appliedAt(applied, job.plan); err != nil {
				return err
			}
			if logs.since == "" { // the whole day: what was open before tells late packets from new ones
				logs.since = job.applied.Format(time.DateOnly)
			}
			if job.read, err = a.reading(&logs, &aws); err != nil {
				return err
			}
			if job.policy, err = readPolicyFile(policyPath); err != nil {
				return err
			}
			aws.since = job.read.window.since
			if job.estate, err = a.estate(cmd.Context(), estatePath, aws); err != nil {
				return err
			}
			return a.watch(cmd.Context(), &job, format)
		},
	}
	fs := cmd.Flags()
	estateFlag(fs, &estatePath)
	logs.register(fs)
	aws.register(fs)
	aws.registerEstate(fs)
	aws.registerHistory(fs)
	networksFlag(fs, &policyPath)
	fs.StringVar(&applied, "applied", "", "`time` when the scripts were run, RFC 3339 (default: the end of the plan's evidence)")
	fs.StringVar(&format, "format", "text", "`text|json`")
	return cmd
}

func appliedAt(text string, plan *recommend.Plan) (time.Time, error) {
	if text == "" {
		return plan.Window.Until, nil
	}
	at, err := parseInstant(text, plan.Window.Until)
	if err != nil {
		return time.Time{}, usagef("--applied %q: %w", text, err)
	}
	if at.start.Before(plan.Window.Until) {
		return time.Time{}, usagef("--applied %s lies before the end of the plan's evidence, %s", text, plan.Window.Until.Format(time.RFC3339))
	}
	return at.start, nil
}

func (a *app) watch(ctx context.Context, job *watchJob, format string) error {
	if err := bindRules(job.plan, job.estate); err != nil {
		return err
	}
	report, read, err := a.look(ctx, job)
	if err != nil {
		return err
	}
	write := func() error { return output.Watched(a.out, report, job.plan, a.summaryOptions()) }
	if format == "json" {
		write = func() error { return output.WatchedJSON(a.out, report) }
	}
	if err := write(); err != nil {
		return err
	}
	if n := len(report.Rejects); n > 0 {
		return &failOnError{fmt.Sprintf("rejected since, and allowed by the old rules: %d kinds of traffic", n)}
	}
	return skipped(read)
}

// look reads the logs into a temporary ledger and compares.
func (a *app) look(ctx context.Context, job *watchJob) (*watch.Report, scanned, error) {
	dir, cleanup, err := ledgerDir("")
	if err != nil {
		return nil, scanned{}, err
	}
	defer cleanup()
	l, err := ledger.Open(dir, ledger.Options{Memory: job.read.memory})
	if err != nil {
		return nil, scanned{}, err
	}
	defer l.Close()
	read, err := a.scan(ctx, l, job.sources, job.read)
	if err != nil {
		return nil, read, err
	}
	ev := newEvidence(job.read.window, job.policy.orient(), l)
	if len(ev.days) == 0 {
		return nil, read, noEvidence(read)
	}
	end, err := logsEnd(ev)
	if err != nil {
		return nil, read, err
	}
	if !end.After(job.applied) {
		return nil, read, withHint(fmt.Errorf("the logs end on %s, and the changes were applied on %s: nothing can be said yet",
			end.Format(time.RFC3339), job.applied.Format(time.RFC3339)), "flow logs come up to 15 minutes late; --applied says when the scripts were run")
	}
	report, err := watch.Look(watch.Input{
		Plan: job.plan, Estate: job.estate, Old: stateBefore(job.plan, job.estate), Conversations: ev.conversations(),
		Applied: job.applied, LogsEnd: end, Named: job.policy.prefixes(),
	})
	return report, read, err
}

// logsEnd is when the last record that tells of a connection ended, or the last hour with any record began: how far into that
// hour the logs reach is not known.
func logsEnd(ev *evidence) (time.Time, error) {
	rows, err := ev.coverage()
	if err != nil {
		return time.Time{}, err
	}
	var last int64
	for _, r := range rows {
		if all := r.Covered | r.Gaps; all != 0 {
			last = max(last, (int64(r.Day)*24+int64(bits.Len32(all))-1)*3600)
		}
	}
	for c, err := range ev.conversations() {
		if err != nil {
			return time.Time{}, err
		}
		last = max(last, c.Last)
	}
	return time.Unix(last, 0).UTC(), nil
}
