package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/estate/live"
)

// The words of --history; anything else is a place.
const (
	historyAuto   = "auto"
	historyNone   = "none"
	historyConfig = "config"
	historyTrail  = "cloudtrail"
)

// longestPause bounds the pauses between calls, which keep to the rates that AWS allows; 0 does not. Tests cannot wait.
var longestPause time.Duration

// registerHistory adds the flag of commands that judge the past.
func (f *awsFlags) registerHistory(fs *pflag.FlagSet) {
	fs.StringSliceVar(&f.history, "history", []string{historyAuto}, "`sources` of what was so before: config, cloudtrail (APIs), s3://bucket/prefix, a folder; auto asks the APIs for a few minutes where the estate is asked of them; none")
}

// past is what --history means for the APIs, and the places it names besides. live says that the estate is asked of the API.
func (f *awsFlags) past(fromAPI bool) (p live.Past, places []string, err error) {
	p.Since = f.since
	for _, word := range f.history {
		switch word {
		case historyAuto:
			if fromAPI {
				p.Config, p.Trail, p.Bounded = true, true, true
			}
		case historyNone:
			if len(f.history) > 1 {
				return p, nil, usagef("--history none and another source: give one or the other")
			}
		case historyConfig:
			p.Config = true
		case historyTrail:
			p.Trail = true
		case "":
			return p, nil, usagef("--history: a source is empty")
		default:
			places = append(places, word)
		}
	}
	if slices.Contains(f.history, historyConfig) || slices.Contains(f.history, historyTrail) {
		p.Bounded = false
	}
	return p, places, nil
}

// besides reads the places that tell of the past, and AWS's ranges: what is quickly read and may be a slip, before an API is
// asked.
func (a *app) besides(ctx context.Context, places []string, aws *awsFlags) (all []*estate.Snapshot, err error) {
	for _, place := range places {
		s, err := a.saved(ctx, place, aws)
		if err != nil {
			err = fmt.Errorf("--history: %w", err)
			if hintFor(err) != "" {
				return nil, err
			}
			return nil, withHint(err, "--history takes auto, none, config, cloudtrail, s3://bucket/prefix or a folder")
		}
		all = append(all, s)
	}
	if aws.ipRanges != "" {
		s, err := estate.ReadSnapshot(aws.ipRanges)
		if err != nil {
			return nil, fmt.Errorf("--ip-ranges: %w", err)
		}
		all = append(all, s)
	}
	return all, nil
}

// asking tells that the APIs are asked for the past, and shows how far that is, for it may take minutes; the function it returns
// ends that.
func (a *app) asking(p *live.Past) (stop func()) {
	var of []string
	if p.Config {
		of = append(of, "AWS Config")
	}
	if p.Trail {
		of = append(of, "CloudTrail")
	}
	if len(of) == 0 {
		return func() {}
	}
	a.say.note("asking %s for the past of the estate (--history none leaves that out)", strings.Join(of, " and "))
	p.Progress = new(live.Progress)
	return a.say.waiting(func() shown { return askedSoFar{p.Progress} })
}

// askedSoFar is how far the APIs were asked for the past.
type askedSoFar struct{ *live.Progress }

func (p askedSoFar) line(_ time.Duration, width int) string {
	parts := []string{"the past:"}
	if n := p.Resources.Load(); n > 0 {
		parts = append(parts, fmt.Sprintf("%d/%d groups and interfaces of AWS Config", p.ResourcesDone.Load(), n))
	}
	if n := p.Kinds.Load(); n > 0 {
		parts = append(parts, fmt.Sprintf("%d/%d kinds of events of CloudTrail, %s events", p.KindsDone.Load(), n, short(float64(p.Events.Load()), 1000, "")))
	}
	if len(parts) == 1 {
		parts = append(parts, "waiting for the first answers")
	}
	return fitting(parts, width)
}

func (p askedSoFar) attrs(time.Duration) []any {
	return []any{"config_resources", p.ResourcesDone.Load(), "config_resources_total", p.Resources.Load(),
		"trail_kinds", p.KindsDone.Load(), "trail_kinds_total", p.Kinds.Load(), "trail_events", p.Events.Load()}
}
