package source

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"github.com/sgtrim/sgtrim/ingest"
	"github.com/sgtrim/sgtrim/ingest/layout"
)

const (
	atOnce     = 16      // requests in flight while discovering
	maxFolders = 1000    // looked into for AWSLogs
	maxDepth   = 6       // of folders above AWSLogs
	firstPages = 100_000 // objects held of the first pages of all regions
)

// Objects lists the objects. Where AWS's layout is found, accounts and regions are discovered level by level and each
// region is listed from the first day of the window to the last, in pages, all regions side by side: other services'
// folders are never listed. A prefix without that layout within six levels and a thousand folders is listed whole, and
// held to be sorted by day.
func (b *bucket) Objects(ctx context.Context) listing {
	if b.single != nil {
		return each([]ingest.Object{*b.single})
	}
	if b.raw {
		return b.everything(ctx)
	}
	d := discovery{b: b}
	if err := d.run(ctx); err != nil {
		return failed(err)
	}
	if len(d.regions) == 0 {
		return b.everything(ctx)
	}
	return d.list(ctx)
}

// discovery finds the regions below a prefix.
type discovery struct {
	b       *bucket
	folders int // looked into above AWSLogs
	regions []region
	loose   []ingest.Object // objects by their names flow logs, above the regions
}

// region is where the objects of one account and region lie.
type region struct {
	place  layout.Place
	prefix string // the region's base, or deeper when the user's prefix is
	first  *page  // read ahead
}

// run looks down from the prefix, level by level. Above AWSLogs it looks into the first folders and levels only.
func (d *discovery) run(ctx context.Context) (err error) {
	level := []string{d.b.prefix}
	for depth := 0; len(level) > 0; depth++ {
		var enter []string
		for _, prefix := range level {
			switch place := layout.Locate(prefix); {
			case place.Level == layout.Elsewhere: // another service's
			case place.Level >= layout.Region:
				d.regions = append(d.regions, region{place: place, prefix: prefix})
			case place.Level > layout.Above:
				enter = append(enter, prefix)
			case depth <= maxDepth && d.folders < maxFolders:
				d.folders++
				enter = append(enter, prefix)
			}
		}
		if level, err = d.enter(ctx, enter); err != nil {
			return err
		}
	}
	slices.SortFunc(d.regions, func(a, b region) int { return strings.Compare(a.prefix, b.prefix) })
	return nil
}

// enter lists folders, many at once, and returns those below them.
func (d *discovery) enter(ctx context.Context, folders []string) (below []string, err error) {
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, prefix := range folders {
		group.Go(func() error {
			found, loose, err := d.b.folder(ctx, prefix)
			mu.Lock()
			defer mu.Unlock()
			below = append(below, found...)
			d.loose = append(d.loose, loose...)
			return err
		})
	}
	err = group.Wait()
	slices.Sort(below)
	return below, err
}

// folder lists one folder: the folders below, and the objects in it that have names of flow logs.
func (b *bucket) folder(ctx context.Context, prefix string) (below []string, loose []ingest.Object, err error) {
	below, objects, err := b.entries(ctx, prefix, aws.String("/"))
	for _, o := range objects {
		if o.FlowLog != "" && b.wanted(o) {
			loose = append(loose, o)
		}
	}
	return below, loose, err
}

// wanted reports whether an object is of the window.
func (b *bucket) wanted(o ingest.Object) bool {
	return layout.InWindow(o.Slot, b.opt.Since, b.opt.Until)
}

// list merges the regions. Their first pages are read at once, as there may be very many regions.
func (d *discovery) list(ctx context.Context) listing {
	keys := int32(min(1000, max(50, firstPages/max(1, len(d.regions)))))
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i := range d.regions {
		r := &d.regions[i]
		group.Go(func() (err error) {
			r.first, err = d.b.regionPage(gctx, r, nil, keys)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return failed(err)
	}
	lists := make([]listing, 0, len(d.regions)+1)
	for i := range d.regions {
		lists = append(lists, d.b.region(ctx, &d.regions[i]))
	}
	if len(d.loose) > 0 {
		sortByDay(d.loose)
		lists = append(lists, each(d.loose))
	}
	return merge(lists)
}

// page is one page of a listing.
type page struct {
	objects []ingest.Object
	next    *string // nil at the end
}

// region lists one region, page by page.
func (b *bucket) region(ctx context.Context, r *region) listing {
	return func(yield func(ingest.Object, error) bool) {
		p := r.first
		r.first = nil // the memory is free once it is listed
		for {
			for _, o := range p.objects {
				if !yield(o, nil) {
					return
				}
			}
			if p.next == nil {
				return
			}
			var err error
			if p, err = b.regionPage(ctx, r, p.next, 1000); err != nil {
				yield(ingest.Object{}, err)
				return
			}
		}
	}
}

// regionPage reads a page of a region's keys that lie within the window. Keys sort by day, so it starts where the window
// does, and ends the listing where the window ends.
func (b *bucket) regionPage(ctx context.Context, r *region, token *string, keys int32) (*page, error) {
	first, end := r.place.Span(b.opt.Since, b.opt.Until)
	in := &s3.ListObjectsV2Input{
		Bucket: &b.name, Prefix: &r.prefix, MaxKeys: &keys, ContinuationToken: token, RequestPayer: b.payer(),
	}
	if first != "" && token == nil {
		in.StartAfter = &first
	}
	out, err := b.client.ListObjectsV2(ctx, in)
	if err != nil {
		return nil, b.explain(listKeys, r.prefix, err)
	}
	p := &page{objects: make([]ingest.Object, 0, len(out.Contents))}
	if aws.ToBool(out.IsTruncated) {
		p.next = out.NextContinuationToken
	}
	for i := range out.Contents {
		c := &out.Contents[i]
		key := aws.ToString(c.Key)
		if end != "" && key >= end {
			p.next = nil
			break
		}
		if o := b.object(c); !strings.HasSuffix(key, "/") && b.wanted(o) {
			p.objects = append(p.objects, o)
		}
	}
	return p, nil
}

// everything lists all below the prefix, but what other services put there.
func (b *bucket) everything(ctx context.Context) listing {
	var all []ingest.Object
	pages := s3.NewListObjectsV2Paginator(b.client, &s3.ListObjectsV2Input{
		Bucket: &b.name, Prefix: &b.prefix, RequestPayer: b.payer(),
	})
	for pages.HasMorePages() {
		out, err := pages.NextPage(ctx)
		if err != nil {
			return failed(b.explain(listKeys, b.prefix, err))
		}
		for i := range out.Contents {
			key := aws.ToString(out.Contents[i].Key)
			if strings.HasSuffix(key, "/") || layout.IsSibling(key) && layout.Locate(b.prefix).Level != layout.Elsewhere {
				continue
			}
			if o := b.object(&out.Contents[i]); b.wanted(o) {
				all = append(all, o)
			}
		}
	}
	sortByDay(all)
	return each(all)
}
