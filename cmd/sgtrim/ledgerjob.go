package main

import (
	"context"

	"github.com/spf13/pflag"

	"github.com/sgtrim/sgtrim/analyze/estate"
)

// evidenceFlags are of every command that reads the evidence of ledgers.
type evidenceFlags struct {
	ledgers      []string
	since, until string
}

func (f *evidenceFlags) register(fs *pflag.FlagSet) {
	fs.StringSliceVar(&f.ledgers, "ledger", nil, "`folder` of evidence; may be given several times")
}

func (f *evidenceFlags) registerWindow(fs *pflag.FlagSet) {
	fs.StringVar(&f.since, "since", "", "first `day`: 2026-10-01, or 30d before the end")
	fs.StringVar(&f.until, "until", "", "last `day`: 2026-10-31")
}

func (f *evidenceFlags) check() error {
	if len(f.ledgers) == 0 {
		return withHint(usagef("--ledger is missing"), "sgtrim ingest SOURCE --ledger DIR makes one")
	}
	return nil
}

// ledgerFlags are of every command that judges the evidence of ledgers.
type ledgerFlags struct {
	evidenceFlags
	estatePath string
	aws        awsFlags
}

func (f *ledgerFlags) register(fs *pflag.FlagSet) {
	f.evidenceFlags.register(fs)
	estateFlag(fs, &f.estatePath)
	f.aws.register(fs)
	f.aws.registerEstate(fs)
	f.aws.registerHistory(fs)
}

// ledgerJob is what ledgerFlags name, opened, under a policy.
type ledgerJob struct {
	estate   *estate.Estate
	evidence *evidence
	policy   *policyFile
	close    func()
}

func (a *app) open(ctx context.Context, f *ledgerFlags, p *policyFile) (*ledgerJob, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	ev, closeAll, err := a.evidence(f.ledgers, f.since, f.until, p)
	if err != nil {
		return nil, err
	}
	f.aws.since = startOf(ev.days[0])
	e, err := a.estate(ctx, f.estatePath, f.aws)
	if err != nil {
		closeAll()
		return nil, err
	}
	return &ledgerJob{e, ev, p, closeAll}, nil
}

// networksFlag is --policy of commands that ask the policy only for what decides which traffic is needed.
func networksFlag(fs *pflag.FlagSet, to *string) {
	fs.StringVar(to, "policy", "", "policy `file`: its networks and server_ports count")
}
