package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/ledger"
	"github.com/sgtrim/sgtrim/recommend"
)

// reviewJob is the main job with everything it needs.
type reviewJob struct {
	sources    []string
	read       reading
	aws        awsFlags
	estatePath string // "" asks the live EC2 API
	ledgerDir  string // "" is a temporary one
	policy     *policyFile
	output     outputFlags
	failOn     failFlags
}

func (a *app) reviewCommand() *cobra.Command {
	var job reviewJob
	var logs logFlags
	var policy policyFlags
	cmd := &cobra.Command{
		Use:   "review SOURCE...",
		Short: "Read flow logs and propose tighter rules: the main job",
		Long: `Reads the flow logs of every SOURCE (s3://bucket/prefix, cloudwatch://log-group, a folder, a file, or - for standard input),
joins them with the security groups, and prints a summary of what can be tightened. With -o it writes the plan (recommendations.json), the
scripts that apply it and take it back (apply.sh, rollback.sh: dry runs unless given --apply), the state that it leads to
(proposed.json), a page to review it in (report.html), the summary (summary.md), and the decisions it was given, which the next
review into that folder remembers (decisions.json). It changes nothing itself.`,
		Example: `  sgtrim review s3://my-flow-logs/prefix --since 90d -o review
  sgtrim review ./logs --estate ./describe-outputs -o review
  sgtrim review ./logs --estate estate.json --format markdown --fail-on proposed,'exposure>100'
  sgtrim review ./logs --estate estate.json --tfstate state.json -o review
  zcat *.log.gz | sgtrim review - --estate estate.json`,
		Args: sources,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			job.sources = args
			if job.read, err = a.reading(&logs, &job.aws); err != nil {
				return err
			}
			if job.policy, err = a.policy(&policy, job.output.dir); err != nil {
				return err
			}
			if err := job.output.check(job.policy); err != nil {
				return err
			}
			if err := job.failOn.check(); err != nil {
				return err
			}
			return a.review(cmd.Context(), &job)
		},
	}
	fs := cmd.Flags()
	estateFlag(fs, &job.estatePath)
	fs.StringVar(&job.ledgerDir, "ledger", "", "`folder` that keeps the evidence for the next review (default: none is kept)")
	job.output.register(fs)
	logs.register(fs)
	policy.register(fs)
	policy.registerBacktest(fs)
	job.aws.register(fs)
	job.aws.registerEstate(fs)
	job.aws.registerHistory(fs)
	job.failOn.register(fs, planCounts, planMeasures...)
	return cmd
}

func (a *app) review(ctx context.Context, job *reviewJob) error {
	job.aws.since = job.read.window.since
	e, err := a.estate(ctx, job.estatePath, job.aws)
	if err != nil {
		return err
	}
	plan, read, err := a.readAndPlan(ctx, job, e)
	if err != nil {
		return err
	}
	if err := a.deliver(plan, e, &job.output); err != nil {
		return err
	}
	return errors.Join(job.failOn.result(planFigures(plan)), skipped(read))
}

// readAndPlan reads the logs into a ledger and makes the plan. A temporary ledger is gone when it returns, so that nothing is
// left behind when the summary meets a closed pipe.
func (a *app) readAndPlan(ctx context.Context, job *reviewJob, e *estate.Estate) (plan *recommend.Plan, read scanned, err error) {
	dir, cleanup, err := ledgerDir(job.ledgerDir)
	if err != nil {
		return nil, read, err
	}
	defer cleanup()
	l, err := ledger.Open(dir, ledger.Options{Memory: job.read.memory})
	if err != nil {
		return nil, read, err
	}
	defer l.Close()
	job.read.whole = job.ledgerDir != ""
	if read, err = a.scan(ctx, l, job.sources, job.read); err != nil {
		return nil, read, err
	}
	ev := newEvidence(job.read.window, job.policy.orient(), l)
	if len(ev.days) == 0 {
		return nil, read, noEvidence(read)
	}
	in := read.input()
	if job.ledgerDir != "" {
		if in, err = ev.inputWith(in); err != nil {
			return nil, read, err
		}
	}
	plan, err = a.plan(ev, e, job.policy, in)
	return plan, read, err
}

// noEvidence says why there is nothing to review.
func noEvidence(s scanned) error {
	switch {
	case s.Records == 0:
		return withHint(errors.New("no flow-log records found"),
			"check the SOURCE and --since/--until; sgtrim looks for AWS's layout, …/AWSLogs/ACCOUNT/vpcflowlogs/REGION/YYYY/MM/DD/")
	case s.Outside == s.Records:
		return withHint(fmt.Errorf("all %d flow-log records are outside the window", s.Records), "check --since and --until; times are UTC")
	}
	return fmt.Errorf("none of the %d flow-log records could be used: %d outside the window, %d bad", s.Records, s.Outside, s.Bad)
}

// ledgerDir is the folder asked for, or a temporary one that cleanup removes.
func ledgerDir(asked string) (dir string, cleanup func(), err error) {
	if asked != "" {
		return asked, func() {}, nil
	}
	dir, err = os.MkdirTemp("", "sgtrim-ledger-")
	if err != nil {
		return "", nil, withHint(fmt.Errorf("temporary ledger: %w", err), "set TMPDIR to a folder with space, or keep the evidence with --ledger")
	}
	return dir, func() { os.RemoveAll(dir) }, nil
}

// plan makes the plan, proof included.
func (a *app) plan(ev *evidence, e *estate.Estate, p *policyFile, in recommend.Input) (*recommend.Plan, error) {
	for _, stray := range p.strays(e) {
		a.say.note("%s", stray)
	}
	judged, err := ev.toJudge(e, in)
	if err != nil {
		return nil, err
	}
	plan, err := recommend.Make(judged, p.options(e))
	if err != nil {
		return nil, err
	}
	a.strayDecisions(plan)
	if p.backtest {
		plan.Backtest, err = recommend.NewBacktest(judged, 0, p.options(e))
	}
	return plan, err
}
