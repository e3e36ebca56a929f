package live

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"golang.org/x/time/rate"

	"github.com/sgtrim/sgtrim/analyze/estate"
)

// trailAPI is what is called of CloudTrail.
type trailAPI interface {
	LookupEvents(context.Context, *cloudtrail.LookupEventsInput, ...func(*cloudtrail.Options)) (*cloudtrail.LookupEventsOutput, error)
}

const (
	lookupPage  = 50                     // the most that LookupEvents gives at once
	lookupPause = 500 * time.Millisecond // it takes two requests a second in each account and region
	// mostLookups is how many pages of one kind of event a bounded question reads: a minute and 6,000 events.
	mostLookups = 120
)

// lookup asks CloudTrail in one place.
type lookup struct {
	*taker
	api  trailAPI
	pace *rate.Limiter
}

// askTrail asks for the changes of rules, groups and prefix lists of as long as LookupEvents tells of, and for those of
// interfaces since the time asked for. The question is put for each kind of event: it can be about one attribute only, and all
// that an account does is far more.
func (t *taker) askTrail(ctx context.Context, since time.Time) (estate.Asking, error) {
	l := &lookup{
		taker: t, api: cloudtrail.NewFromConfig(t.place.cfg),
		pace: rate.NewLimiter(rate.Every(t.options.within(lookupPause)), 1),
	}
	kept := t.captured.AddDate(0, 0, -PastDays)
	if since.Before(kept) {
		since = kept
	}
	events := []json.RawMessage{}
	names := estate.TrailEventNames()
	l.progress().Kinds.Add(int64(len(names)))
	for _, name := range names {
		from, most := kept, 0
		if estate.OfInterfaces(name) {
			from = since
			if t.options.Past.Bounded {
				most = mostLookups
			}
		}
		found, err := l.events(ctx, name, from, most)
		if err != nil {
			if ctx.Err() != nil {
				return estate.Refused, ctx.Err()
			}
			t.refusal("LookupEvents", "cloudtrail:LookupEvents", err, "CloudTrail tells nothing of how old the rules are")
			return estate.Refused, nil
		}
		l.progress().KindsDone.Add(1)
		events = append(events, found...)
	}
	t.scope.Objects[estate.TrailEvents] = events
	t.scope.TrailSince, t.scope.TrailUntil = kept, t.captured
	return estate.Answered, nil
}

// events asks for the events of one name, the latest first; most is the most pages, 0 for all.
func (l *lookup) events(ctx context.Context, name string, from time.Time, most int) ([]json.RawMessage, error) {
	in := &cloudtrail.LookupEventsInput{
		LookupAttributes: []types.LookupAttribute{{AttributeKey: types.LookupAttributeKeyEventName, AttributeValue: aws.String(name)}},
		StartTime:        aws.Time(from), EndTime: aws.Time(l.captured), MaxResults: aws.Int32(lookupPage),
	}
	var all []json.RawMessage
	for page := 1; ; page++ {
		if err := l.pace.Wait(ctx); err != nil {
			return nil, err
		}
		out, err := l.api.LookupEvents(ctx, in, func(o *cloudtrail.Options) { o.Retryer = l.options.retryer() })
		if err != nil {
			return nil, err
		}
		l.progress().Events.Add(int64(len(out.Events)))
		var last time.Time
		for _, e := range out.Events {
			raw, err := json.Marshal(savedEvent{aws.ToString(e.EventId), aws.ToString(e.EventName), aws.ToTime(e.EventTime).UTC(), aws.ToString(e.CloudTrailEvent)})
			if err != nil {
				return nil, err
			}
			all, last = append(all, raw), aws.ToTime(e.EventTime)
		}
		if in.NextToken = out.NextToken; aws.ToString(in.NextToken) == "" {
			return all, nil
		}
		if page == most {
			l.problem("LookupEvents "+name, fmt.Sprintf("there are more than the latest %d: those before %s were not asked for; --history cloudtrail asks for all",
				len(all), last.UTC().Format(time.RFC3339)))
			return all, nil
		}
	}
}

// savedEvent is an event as the AWS CLI prints it, but for what an estate does not need.
type savedEvent struct {
	EventID         string `json:"EventId"`
	EventName       string
	EventTime       time.Time
	CloudTrailEvent string // JSON
}
