package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/ledger"
	"github.com/sgtrim/sgtrim/analyze/orient"
	"github.com/sgtrim/sgtrim/recommend"
)

// evidence is what one or several ledgers hold of the days of a window.
type evidence struct {
	ledgers []*ledger.Ledger
	days    []int32 // since 1970-01-01 UTC, ascending
	ports   orient.Options
}

// newEvidence takes the ledgers' days that have a part in the window.
func newEvidence(w window, ports orient.Options, ledgers ...*ledger.Ledger) *evidence {
	e := &evidence{ledgers: ledgers, ports: ports}
	for _, l := range ledgers {
		for _, day := range l.Days() {
			start := startOf(day)
			if (w.since.IsZero() || start.AddDate(0, 0, 1).After(w.since)) && (w.until.IsZero() || start.Before(w.until)) {
				e.days = append(e.days, day)
			}
		}
	}
	slices.Sort(e.days)
	e.days = slices.Compact(e.days)
	return e
}

// evidence opens ledgers for reading and takes the days asked for. The window is cut at whole days, and the end that a
// relative time counts back from is that of the ledgers' last day, not the clock's.
func (a *app) evidence(dirs []string, since, until string, p *policyFile) (e *evidence, closeAll func(), err error) {
	ledgers, closeAll, err := openLedgers(dirs)
	if err != nil {
		return nil, nil, err
	}
	if err := a.twice(ledgers); err != nil {
		closeAll()
		return nil, nil, err
	}
	e = newEvidence(window{}, p.orient(), ledgers...)
	if len(e.days) == 0 {
		closeAll()
		return nil, nil, withHint(errors.New("the ledger holds no evidence"), "sgtrim ingest SOURCE --ledger DIR adds some")
	}
	w, err := parseWindow(since, until, startOf(e.days[len(e.days)-1]+1))
	if err == nil && (!wholeDay(w.since) || !wholeDay(w.until)) {
		err = usagef("the evidence of a ledger is cut at whole days: give --since and --until as days")
	}
	if err == nil {
		e = newEvidence(w, p.orient(), ledgers...)
		if len(e.days) == 0 {
			err = errors.New("the ledger holds no evidence of these days")
		}
	}
	if err != nil {
		closeAll()
		return nil, nil, err
	}
	return e, closeAll, nil
}

// twice tells of objects that several ledgers hold.
func (a *app) twice(ledgers []*ledger.Ledger) error {
	if len(ledgers) < 2 {
		return nil
	}
	seen, n := map[string]bool{}, 0
	for _, l := range ledgers {
		for o, err := range l.Objects() {
			if err != nil {
				return err
			}
			if seen[o.ID] {
				n++
			}
			seen[o.ID] = true
		}
	}
	if n > 0 {
		a.say.note("%d objects are in more than one of the ledgers: their flows and bytes count twice, needs and coverage do not; sgtrim merge takes them once", n)
	}
	return nil
}

func startOf(day int32) time.Time { return time.Unix(int64(day)*86400, 0).UTC() }

func wholeDay(t time.Time) bool { return t.IsZero() || t.Truncate(24*time.Hour).Equal(t) }

// openLedgers opens ledgers for reading; close them all with the function returned.
func openLedgers(dirs []string) (all []*ledger.Ledger, closeAll func(), err error) {
	closeAll = func() {
		for _, l := range all {
			l.Close()
		}
	}
	for _, dir := range dirs {
		l, err := ledger.Open(dir, ledger.Options{ReadOnly: true})
		if err != nil {
			closeAll()
			return nil, nil, err
		}
		all = append(all, l)
	}
	return all, closeAll, nil
}

// day is the evidence of a day from all ledgers, rows of one key added up.
func (e *evidence) day(day int32) iter.Seq2[ledger.Evidence, error] {
	parts := make([]iter.Seq2[ledger.Evidence, error], len(e.ledgers))
	for i, l := range e.ledgers {
		parts[i] = l.Evidence(day)
	}
	return ledger.Merge(parts...)
}

// keys are those of day's evidence, from all ledgers.
func (e *evidence) keys(day int32) iter.Seq2[ledger.Key, error] {
	return func(yield func(ledger.Key, error) bool) {
		for _, l := range e.ledgers {
			for k, err := range l.Keys(day) {
				if !yield(k, err) || err != nil {
					return
				}
			}
		}
	}
}

// conversations orients day by day, one ahead of what is asked for; it may be ranged over again, and every time the days are
// read anew: what is kept between would be the largest thing in memory.
func (e *evidence) conversations() iter.Seq2[orient.Conversation, error] {
	return ahead(e.days, func(day int32) iter.Seq2[orient.Conversation, error] {
		return func(yield func(orient.Conversation, error) bool) {
			for c, err := range orient.Each(orient.Source{Evidence: e.day(day), Keys: e.keys(day)}, e.ports) {
				if err != nil {
					err = fmt.Errorf("evidence of %s: %w", dayText(day), err)
				}
				if !yield(c, err) || err != nil {
					return
				}
			}
		}
	})
}

// until ends a sequence with the context's error once the context is done.
func until[V any](ctx context.Context, seq iter.Seq2[V, error]) iter.Seq2[V, error] {
	return func(yield func(V, error) bool) {
		for v, err := range seq {
			if ended := ctx.Err(); ended != nil {
				yield(v, ended)
				return
			}
			if !yield(v, err) {
				return
			}
		}
	}
}

// daysText lists the days from first to last, as --rebuild-day takes them; of very many the first and the last.
func daysText(first, last int32) string {
	if last-first > 30 {
		return dayText(first) + " … " + dayText(last)
	}
	var days []string
	for day := first; day <= last; day++ {
		days = append(days, dayText(day))
	}
	return strings.Join(days, ",")
}

func dayText(day int32) string {
	return startOf(day).Format(time.DateOnly)
}

// coverage of all days from all ledgers. Rows of one interface and day may come from several ledgers: they are different
// flow logs, or different hours.
func (e *evidence) coverage() ([]ledger.Coverage, error) {
	var all []ledger.Coverage
	for _, day := range e.days {
		for _, l := range e.ledgers {
			rows, err := l.Coverage(day)
			if err != nil {
				return nil, err
			}
			all = append(all, rows...)
		}
	}
	return all, nil
}

// input is what the evidence was summed from. Records outside a window of ingest, and those it skipped, are not in a ledger.
func (e *evidence) input() (recommend.Input, error) {
	var in recommend.Input
	for _, l := range e.ledgers {
		for o, err := range l.Objects() {
			if err != nil {
				return in, err
			}
			if _, ok := slices.BinarySearch(e.days, o.Day); ok || o.Day == 0 {
				in.Objects++
				in.Bytes += max(o.Size, 0)
			}
		}
	}
	rows, err := e.coverage()
	if err != nil {
		return in, err
	}
	for _, c := range rows {
		in.Used += c.Accepts + c.Rejects
		in.CoverageOnly += c.NoData + c.SkipData
	}
	in.Records = in.Used + in.CoverageOnly
	return in, nil
}

// inputWith is input, and what one run of reading left out of the ledger.
func (e *evidence) inputWith(run recommend.Input) (recommend.Input, error) {
	in, err := e.input()
	in.Outside, in.Errors, in.NotFlowLogs, in.BadRecords = run.Outside, run.Errors, run.NotFlowLogs, run.BadRecords
	in.Records += in.Outside + in.Errors
	return in, err
}

// attributes of the interfaces. Where ledgers differ, the first that knows a value wins, field by field.
func (e *evidence) attributes() (map[string]ledger.Attributes, error) {
	all := map[string]ledger.Attributes{}
	for _, l := range e.ledgers {
		some, err := l.Attributes()
		if err != nil {
			return nil, err
		}
		for id, a := range some {
			known, ok := all[id]
			if !ok {
				all[id] = a
				continue
			}
			for _, f := range []struct {
				to   *string
				from string
			}{{&known.Account, a.Account}, {&known.VPC, a.VPC}, {&known.Subnet, a.Subnet}, {&known.Region, a.Region}} {
				if *f.to == "" {
					*f.to = f.from
				}
			}
			all[id] = known
		}
	}
	return all, nil
}

// toJudge is the evidence as the recommendation takes it.
func (e *evidence) toJudge(of *estate.Estate, in recommend.Input) (recommend.Evidence, error) {
	out := recommend.Evidence{Estate: of, Conversations: e.conversations, Input: in}
	var err error
	if out.Coverage, err = e.coverage(); err != nil {
		return out, err
	}
	out.Attributes, err = e.attributes()
	return out, err
}
