// Package source lists and opens flow-log objects: in S3, in CloudWatch Logs, in a folder, in a file, on standard input.
//
// Every source lists by day of the publishing slot, objects without slot last, and within a day in an order of its own that
// never changes. Windows are pruned by package layout; keys of other services are left alone.
package source

import (
	"cmp"
	"context"
	"errors"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/sgtrim/sgtrim/ingest"
	"github.com/sgtrim/sgtrim/ingest/layout"
)

// Options of Open. The zero value is right for a folder; the AWS settings follow the AWS CLI.
type Options struct {
	// Since and Until prune the listing to the days of [Since, Until), padded by an hour at both edges. Zero is open.
	Since, Until time.Time
	Stdin        io.Reader // what "-" reads

	Region        string // "" is that of the environment, the profile, or else of the bucket
	Profile       string
	EndpointURL   string // of all services; path style is used with it. "" is AWS's, or AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL
	NoSignRequest bool   // anonymous
	RequesterPays bool
	LogFields     string // the format of a CloudWatch Logs group; "" is what the flow logs that write to it say

	now        time.Time     // the clock of tests; the zero time is the real one. Only CloudWatch Logs needs a "now".
	retryDelay time.Duration // the first delay before a retry; 0 is 100 ms. Tests cannot wait.
}

// Open makes the source that a user names: "s3://bucket/prefix", "cloudwatch://log-group", "-", a folder or a file.
func Open(ctx context.Context, name string, opt Options) (ingest.Source, error) {
	switch {
	case name == "":
		return nil, errors.New("source: empty name")
	case name == "-":
		return newStdin(opt.Stdin), nil
	case strings.HasPrefix(name, "s3://"):
		return openS3(ctx, name, opt)
	case strings.HasPrefix(name, cloudWatch):
		return openLogGroup(ctx, name, opt)
	}
	return openPath(name, opt)
}

// OpenAll opens several sources as one. An object that two of them list is listed once.
func OpenAll(ctx context.Context, names []string, opt Options) (ingest.Source, error) {
	if len(names) == 1 {
		return Open(ctx, names[0], opt)
	}
	var all several
	for _, name := range names {
		s, err := Open(ctx, name, opt)
		if err != nil {
			return nil, err
		}
		all.sources = append(all.sources, s)
	}
	if len(all.sources) == 0 {
		return nil, errors.New("source: none named")
	}
	return &all, nil
}

// fill sets what the key of an object tells.
func fill(o ingest.Object, key string) ingest.Object {
	f := layout.Parse(key)
	o.Account, o.Region, o.FlowLog, o.Slot = f.Account, f.Region, f.FlowLog, f.Slot
	return o
}

// day orders objects for listing: days since 1970 of the slot, objects without slot last.
func day(o ingest.Object) int64 {
	if o.Slot.IsZero() {
		return 1 << 62
	}
	return o.Slot.Unix() / 86400
}

// sortByDay puts objects in the order of listing.
func sortByDay(objects []ingest.Object) {
	slices.SortStableFunc(objects, func(a, b ingest.Object) int {
		return cmp.Or(cmp.Compare(day(a), day(b)), cmp.Compare(a.URL, b.URL))
	})
}

// listing is what Objects returns.
type listing = iter.Seq2[ingest.Object, error]

func each(objects []ingest.Object) listing {
	return func(yield func(ingest.Object, error) bool) {
		for _, o := range objects {
			if !yield(o, nil) {
				return
			}
		}
	}
}

func failed(err error) listing {
	return func(yield func(ingest.Object, error) bool) { yield(ingest.Object{}, err) }
}
