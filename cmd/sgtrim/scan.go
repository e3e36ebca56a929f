package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/sgtrim/sgtrim/analyze/ledger"
	"github.com/sgtrim/sgtrim/analyze/ledger/sum"
	"github.com/sgtrim/sgtrim/ingest"
	"github.com/sgtrim/sgtrim/ingest/source"
	"github.com/sgtrim/sgtrim/recommend"
)

// scanned is what a scan read, and what became of it.
type scanned struct {
	ingest.Stats
	sums sum.Stats
}

// scan reads the sources into the ledger, with progress on stderr.
func (a *app) scan(ctx context.Context, l *ledger.Ledger, names []string, r reading) (scanned, error) {
	if slices.Contains(names, "-") {
		r.source.Stdin = interruptible(ctx, a.in)
	}
	src, err := source.OpenAll(ctx, names, r.source)
	if err != nil {
		return scanned{}, err
	}
	sums := sum.New(l, names...)
	if err := sums.Rebuild(r.rebuild); err != nil {
		return scanned{}, err
	}
	progress := new(ingest.Progress)
	stop := a.say.progress(func() shown {
		return counts{
			objects: progress.ObjectsDone.Load(), objectsTotal: progress.ObjectsListed.Load(),
			bytes: progress.BytesRead.Load(), bytesTotal: progress.BytesListed.Load(),
			rows: progress.Rows.Load(), listed: progress.ListingDone.Load(),
		}
	})
	if r.memory < leastMemory {
		a.say.note("--memory is less than the process itself takes: up to 256MiB will be used")
	}
	defer limitScan(r.memory)()
	records := r.window
	if r.whole {
		records = window{}
	}
	stats, err := ingest.Scan(ctx, src, ingest.Options{
		Workers: r.workers, Since: records.since, Until: records.until, SkipBad: r.skipBad, LogFields: r.logFields,
		NewSink: sums.Sink, Skip: sums.Skip, Checkpoint: sums.Checkpoint, Progress: progress,
	})
	if err == nil {
		err = sums.Finish(ctx)
	}
	stop()
	if err != nil {
		return scanned{}, scanHint(err)
	}
	a.scanNotes(stats)
	for _, o := range sums.Replaced() {
		a.say.warn("%s has changed since the ledger took it; the ledger keeps what it took; ingest with --rebuild-day %s takes it anew",
			o.URL, daysText(o.First, o.Last))
	}
	return scanned{stats, sums.Stats()}, nil
}

// interruptible reads r until ctx ends. A read of a terminal or a pipe may block for ever; what is left behind then is one
// goroutine of a program that is about to exit.
func interruptible(ctx context.Context, r io.Reader) io.Reader {
	reader, writer := io.Pipe()
	context.AfterFunc(ctx, func() { reader.CloseWithError(context.Cause(ctx)) })
	go func() {
		_, err := io.Copy(writer, r)
		writer.CloseWithError(err) // nil is io.EOF
	}()
	return reader
}

// scanNotes says what was found beside flow logs, and what was left out.
func (a *app) scanNotes(s ingest.Stats) {
	for i, name := range s.NotFlowLogs {
		if i == 10 {
			a.say.note("… and %d more that are no VPC flow logs", len(s.NotFlowLogs)-i)
			break
		}
		a.say.note("left alone: %s", name)
	}
	if s.Skipped > 0 {
		a.say.note("%d objects were in the ledger already", s.Skipped)
	}
	for i, e := range s.Errors {
		if i == 10 {
			a.say.note("… and more; the output lists the first %d", len(s.Errors))
			break
		}
		a.say.note("skipped: %v", e)
	}
}

// skipped is what --skip-bad left out, as the error that makes the exit code 3; nil when nothing was.
func skipped(s scanned) error {
	var parts []string
	if s.Bad > 0 {
		parts = append(parts, fmt.Sprintf("%d records", s.Bad))
	}
	if s.BadObjects > 0 {
		parts = append(parts, fmt.Sprintf("%d objects", s.BadObjects))
	}
	if s.sums.Incomplete > 0 {
		parts = append(parts, fmt.Sprintf("%d records without an address, port or action", s.sums.Incomplete))
	}
	if len(parts) == 0 {
		return nil
	}
	return withHint(&skippedError{strings.Join(parts, " and ") + " could not be read and were skipped"},
		"they count as gaps of coverage; the output lists them")
}

// input is what a scan read, for the plan. Records of regional NAT gateways, which have no interface, say nothing of any
// security group; they and incomplete ones are counted with what only covers.
func (s scanned) input() recommend.Input {
	in := recommend.Input{
		Objects: s.Objects, Bytes: s.Bytes, Records: s.Records, Used: s.sums.Used, Outside: s.Outside, Errors: s.Bad,
		NotFlowLogs: s.NotFlowLogs,
	}
	in.CoverageOnly = in.Records - in.Used - in.Outside - in.Errors
	for _, e := range s.Errors {
		in.BadRecords = append(in.BadRecords, e.Error())
	}
	return in
}

// scanHint adds the next step to the errors of reading that have one.
func scanHint(err error) error {
	var bad *ingest.RecordError
	var beyond *sum.BeyondError
	var missing *ledger.MissingError
	switch {
	case errors.As(err, &beyond):
		return withHint(err, "rebuild all its days: --rebuild-day %s", daysText(beyond.First, beyond.Last))
	case errors.As(err, &missing):
		return withHint(err, "name all sources that the days came from, with --since and --until wide enough; nothing was changed")
	case errors.Is(err, ingest.ErrNoHeader):
		return withHint(err, "give the field names in order, as in --log-fields 'version account-id interface-id srcaddr …'; "+
			"the LogFormat of describe-flow-logs has them")
	case errors.Is(err, ingest.ErrTransitGateway):
		return withHint(err, "point sgtrim at the flow logs of VPCs, subnets or interfaces; --skip-bad leaves this object out")
	case errors.As(err, &bad):
		return withHint(err, "--skip-bad counts such records as gaps of coverage and goes on")
	}
	return err
}
