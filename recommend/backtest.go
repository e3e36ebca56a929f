package recommend

import (
	"fmt"
	"iter"
	"slices"

	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/ledger"
	"github.com/sgtrim/sgtrim/analyze/orient"
	"github.com/sgtrim/sgtrim/analyze/usage"
	"github.com/sgtrim/sgtrim/recommend/proof"
)

// NewBacktest makes a plan of the first days of the evidence that have records (learn of them; 0: two thirds) and replays the
// needed traffic of the days after on it. The learned days suffice for every kind of change, so that all are put to the test; a
// shorter MinWindow stands. The estate is the one described, on all days. It is the independent evaluator that judges the
// replay.
func NewBacktest(ev Evidence, learn int, opt Options) (*Backtest, error) {
	days := recordedDays(ev.Coverage)
	if learn == 0 {
		learn = 2 * len(days) / 3
	}
	if learn < 1 || learn >= len(days) {
		return nil, fmt.Errorf("backtest: %d days to learn from, of %d with records: want some, and some left to replay", learn, len(days))
	}
	first, rest := ev.on(days[:learn]), ev.on(days[learn:])
	if opt.MinWindow == 0 || opt.MinWindow > learn {
		opt.MinWindow = learn
	}
	opt.Period = len(days) - learn
	plan, err := Make(first, opt)
	if err != nil {
		return nil, err
	}
	b := &Backtest{Learn: plan.Window, Replay: newCoverer(rest.Coverage, rest.Estate).recordedWindow(), Predicted: plan.Risk, Changes: []BacktestChange{}}
	if err := b.replay(plan, rest, opt); err != nil {
		return nil, err
	}
	return b, nil
}

// recordedDays are the days with a record of any kind.
func recordedDays(rows []ledger.Coverage) []int32 {
	var days []int32
	for i := range rows {
		if rows[i].Covered|rows[i].Gaps != 0 {
			days = append(days, rows[i].Day)
		}
	}
	slices.Sort(days)
	return slices.Compact(days)
}

// on is the evidence of some days, sorted.
func (ev Evidence) on(days []int32) Evidence {
	among := func(day int32) bool {
		_, ok := slices.BinarySearch(days, day)
		return ok
	}
	out := ev
	out.Coverage = slices.DeleteFunc(slices.Clone(ev.Coverage), func(c ledger.Coverage) bool { return !among(c.Day) })
	out.Conversations = func() iter.Seq2[orient.Conversation, error] {
		return func(yield func(orient.Conversation, error) bool) {
			for c, err := range ev.Conversations() {
				if (err != nil || among(c.Day)) && !yield(c, err) {
					return
				}
			}
		}
	}
	return out
}

// replay counts what the plan would have denied: each change alone, and all proposed ones together.
func (b *Backtest) replay(plan *Plan, rest Evidence, opt Options) error {
	x, named := estate.NewIndex(rest.Estate), opt.namedPrefixes()
	use, err := usage.Join(usage.Input{
		Index: x, Estate: rest.Estate, Conversations: rest.Conversations(), Attributes: rest.Attributes, Named: named,
	})
	if err != nil {
		return err
	}
	total := countConnections(use)
	alone, err := deniedAlone(plan, rest, opt)
	if err != nil {
		return err
	}
	together, err := proof.Denied(proof.StateInput{
		Estate: rest.Estate, State: plan.State(rest.Estate, func(c *Change) bool { return c.Selected }),
		Conversations: rest.Conversations(), KnownNetworks: named,
	})
	if err != nil {
		return err
	}
	b.Actual = lossOf(together, total.all)
	b.Inside = b.Predicted.holds(b.Actual)
	for i := range plan.Changes {
		c := &plan.Changes[i]
		if c.Status == Held {
			continue
		}
		out := BacktestChange{
			ID: c.ID, Kind: c.Kind, Status: c.Status, GroupID: c.GroupID, GroupName: c.GroupName, Direction: c.Direction,
			Old: c.Old, New: c.New, Predicted: c.Risk, Denied: []Traffic{},
			Actual: lossOf(alone[c.ID], total.through[throughKey{c.GroupID, c.Direction}]),
		}
		out.Inside = out.Predicted.holds(out.Actual)
		for _, d := range alone[c.ID] {
			out.Denied = append(out.Denied, denied(x, d))
		}
		b.Changes = append(b.Changes, out)
	}
	return nil
}

// deniedAlone asks the proof what each change denies by itself: that is what it lists of changes for review.
func deniedAlone(plan *Plan, rest Evidence, opt Options) (map[string][]proof.Traffic, error) {
	in := proof.Input{Estate: rest.Estate, Conversations: rest.Conversations(), KnownNetworks: opt.namedPrefixes()}
	for i := range plan.Changes {
		if c := &plan.Changes[i]; c.Status != Held {
			one := c.ForProof()
			one.Review = true
			in.Changes = append(in.Changes, one)
		}
	}
	res, err := proof.Check(in)
	return res.Denied, err
}

func lossOf(denied []proof.Traffic, connections int64) Loss {
	l := Loss{Connections: connections}
	for i := range denied {
		l.Denied += int64(denied[i].Days)
	}
	l.Share = round4(float64(l.Denied) / float64(max(1, l.Connections)))
	return l
}

// holds reports whether the interval holds what came.
func (r *Risk) holds(l Loss) bool { return r.Low <= l.Share && l.Share <= r.High }
