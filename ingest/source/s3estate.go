package source

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"github.com/sgtrim/sgtrim/ingest"
	"github.com/sgtrim/sgtrim/ingest/layout"
)

// estateBucket is the files of an estate below a prefix: those of AWS Config and CloudTrail in AWS's layout, and whatever lies
// outside any AWSLogs folder, such as snapshots and saved outputs.
type estateBucket struct {
	*bucket
	regions []string // whose files are listed; none is all
}

// OpenEstate makes the source of the files of an estate below s3://bucket/prefix. Options.Since prunes those of AWS Config and
// CloudTrail: days before it are left out, but of AWS Config those back to a whole snapshot, which says what was in force
// when the time begins.
func OpenEstate(ctx context.Context, name string, regions []string, opt Options) (ingest.Source, error) {
	s, err := openS3(ctx, name, opt)
	if err != nil {
		return nil, err
	}
	return &estateBucket{s.(*bucket), regions}, nil
}

// early is by how much files may be of a day before what they tell of: CloudTrail delivers minutes late, AWS Config hours.
const early = 24 * time.Hour

// Objects lists the objects in the order of their keys.
func (e *estateBucket) Objects(ctx context.Context) listing {
	if e.single != nil {
		return each([]ingest.Object{*e.single})
	}
	w := estateWalk{e: e, days: map[layout.History][]dayFolder{}}
	if err := w.run(ctx); err != nil {
		return failed(err)
	}
	slices.SortFunc(w.objects, func(a, b ingest.Object) int { return cmp.Compare(a.URL, b.URL) })
	return each(w.objects)
}

// dayFolder is a day of a service in an account and region.
type dayFolder struct {
	prefix string
	day    time.Time
}

// estateWalk finds the objects.
type estateWalk struct {
	e       *estateBucket
	mu      sync.Mutex
	objects []ingest.Object
	days    map[layout.History][]dayFolder // by account, service and region
}

func (w *estateWalk) run(ctx context.Context) error {
	if w.e.raw {
		return w.take(ctx, w.e.prefix)
	}
	level := []string{w.e.prefix}
	for depth, folders := 0, 0; len(level) > 0; depth++ {
		var enter []string
		for _, prefix := range level {
			at := layout.LocateHistory(prefix)
			switch {
			case at.Level == layout.Elsewhere, at.Region != "" && len(w.e.regions) > 0 && !slices.Contains(w.e.regions, at.Region):
			case at.Level == layout.Day:
				of := layout.History{Account: at.Account, Service: at.Service, Region: at.Region}
				w.days[of] = append(w.days[of], dayFolder{prefix, at.Day})
			case at.Level > layout.Above:
				enter = append(enter, prefix)
			default:
				if folders++; folders > maxFolders || depth > maxDepth {
					return fmt.Errorf("%s: too many folders to look into (more than %d, or %d deep): name the folder of the estate, or that above AWSLogs", w.e.url(w.e.prefix), maxFolders, maxDepth)
				}
				enter = append(enter, prefix)
			}
		}
		var err error
		if level, err = w.enter(ctx, enter); err != nil {
			return err
		}
	}
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for of, days := range w.days {
		group.Go(func() error { return w.takeDays(gctx, of.Service, days) })
	}
	return group.Wait()
}

// enter lists folders, many at once, takes the objects in them that are of nobody's layout, and returns the folders below.
func (w *estateWalk) enter(ctx context.Context, folders []string) (below []string, err error) {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, prefix := range folders {
		group.Go(func() error {
			found, objects, err := w.e.entries(ctx, prefix, aws.String("/"))
			w.mu.Lock()
			defer w.mu.Unlock()
			below = append(below, found...)
			if layout.LocateHistory(prefix).Level == layout.Above {
				w.objects = append(w.objects, objects...)
			}
			return err
		})
	}
	err = group.Wait()
	slices.Sort(below)
	return below, err
}

// takeDays takes the days of the window, and of AWS Config those before it back to one with a whole snapshot.
func (w *estateWalk) takeDays(ctx context.Context, service string, days []dayFolder) error {
	slices.SortFunc(days, func(a, b dayFolder) int { return b.day.Compare(a.day) })
	first := w.e.opt.Since.Add(-early).Truncate(24 * time.Hour)
	for _, d := range days {
		if w.e.opt.Since.IsZero() || !d.day.Before(first) {
			if err := w.take(ctx, d.prefix); err != nil {
				return err
			}
			continue
		}
		if service != layout.ConfigService {
			return nil
		}
		_, objects, err := w.e.entries(ctx, d.prefix, nil)
		if err != nil {
			return err
		}
		w.add(objects)
		if slices.ContainsFunc(objects, func(o ingest.Object) bool { return layout.LocateHistory(o.URL).Kind == layout.ConfigSnapshot }) {
			return nil
		}
	}
	return nil
}

func (w *estateWalk) take(ctx context.Context, prefix string) error {
	_, objects, err := w.e.entries(ctx, prefix, nil)
	w.add(objects)
	return err
}

func (w *estateWalk) add(objects []ingest.Object) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.objects = append(w.objects, objects...)
}

// entries lists what is below a prefix; with a delimiter only what is in the folder, and the folders below.
func (b *bucket) entries(ctx context.Context, prefix string, delimiter *string) (below []string, objects []ingest.Object, err error) {
	pages := s3.NewListObjectsV2Paginator(b.client, &s3.ListObjectsV2Input{
		Bucket: &b.name, Prefix: &prefix, Delimiter: delimiter, RequestPayer: b.payer(),
	})
	for pages.HasMorePages() {
		out, err := pages.NextPage(ctx)
		if err != nil {
			return nil, nil, b.explain(listKeys, prefix, err)
		}
		for _, p := range out.CommonPrefixes {
			below = append(below, aws.ToString(p.Prefix))
		}
		for i := range out.Contents {
			if o := b.object(&out.Contents[i]); !strings.HasSuffix(o.URL, "/") {
				objects = append(objects, o)
			}
		}
	}
	return below, objects, nil
}
