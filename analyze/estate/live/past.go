package live

import (
	"cmp"
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/sgtrim/sgtrim/analyze/estate"
)

// Past says which APIs are asked for what was so before the capture. The zero value asks none.
type Past struct {
	Config, Trail bool
	// Since is from when on the past of interfaces is asked for; zero is PastDays before now. That of groups, which says how old
	// their rules are, is asked for at least so long.
	Since time.Time
	// Bounded asks in each account and region no more than takes a few minutes, what tells most first. What was left out is a
	// problem of the snapshot.
	Bounded bool
	// Progress, where it is not nil, is kept up to date while the APIs are asked, which may take minutes.
	Progress *Progress
}

// Progress counts what was asked for of the past, over all accounts and regions.
type Progress struct {
	Resources, ResourcesDone atomic.Int64 // of AWS Config: groups and interfaces
	Kinds, KindsDone         atomic.Int64 // of CloudTrail: kinds of events
	Events                   atomic.Int64 // that CloudTrail told
}

// PastDays is how long CloudTrail keeps events for LookupEvents, and as long as the longest default window of evidence.
const PastDays = 90

// History asks the APIs of Options.Past, in every account and region asked for, and nothing of EC2. The snapshot has no time:
// it is to be joined with one that tells of the present.
func History(ctx context.Context, o Options) (*estate.Snapshot, error) {
	s, err := o.take(ctx, func(ctx context.Context, t *taker) error {
		t.scope.Scope = t.identity(ctx)
		return t.past(ctx)
	})
	if err != nil {
		return nil, err
	}
	s.Captured = time.Time{}
	return s, nil
}

// progress is where the counts go; it is never nil.
func (t *taker) progress() *Progress {
	if p := t.options.Past.Progress; p != nil {
		return p
	}
	return new(Progress)
}

// past asks for the past of the place. It fails only when ctx ends: what cannot be asked is a problem.
func (t *taker) past(ctx context.Context) (err error) {
	from := t.captured.AddDate(0, 0, -PastDays)
	since := from
	if s := t.options.Past.Since; !s.IsZero() {
		since = s
		if s.Before(from) {
			from = s
		}
	}
	if t.options.Past.Config {
		if t.scope.Asked.Config, err = t.askConfig(ctx, since, from); err != nil {
			return err
		}
	}
	if t.options.Past.Trail {
		t.scope.Asked.Trail, err = t.askTrail(ctx, since)
	}
	return err
}

// refusal notes a call without which the snapshot does. What follows from it is said too.
func (t *taker) refusal(action, permission string, err error, consequence string) {
	cause, _ := excuse(permission, err)
	t.problem(action, fmt.Sprintf("%s; %s", cmp.Or(cause, err.Error()), consequence))
}

// within is a pause, bounded as Options.MaxBackoff says.
func (o Options) within(pause time.Duration) time.Duration {
	if o.MaxBackoff > 0 {
		return min(pause, o.MaxBackoff)
	}
	return pause
}
