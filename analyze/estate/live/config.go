package live

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/configservice"
	"github.com/aws/aws-sdk-go-v2/service/configservice/types"
	"golang.org/x/sync/errgroup"

	"github.com/sgtrim/sgtrim/analyze/estate"
)

// configAPI is what is called of AWS Config.
type configAPI interface {
	DescribeConfigurationRecorderStatus(context.Context, *configservice.DescribeConfigurationRecorderStatusInput, ...func(*configservice.Options)) (*configservice.DescribeConfigurationRecorderStatusOutput, error)
	ListDiscoveredResources(context.Context, *configservice.ListDiscoveredResourcesInput, ...func(*configservice.Options)) (*configservice.ListDiscoveredResourcesOutput, error)
	GetResourceConfigHistory(context.Context, *configservice.GetResourceConfigHistoryInput, ...func(*configservice.Options)) (*configservice.GetResourceConfigHistoryOutput, error)
}

const (
	configPage  = 100 // the most that AWS Config gives at once [F 7.1]
	configCalls = 4   // at once in one account and region: AWS publishes no rate for these calls, and throttles soon
	// mostResources is how many resources a bounded question is about: at some ten calls a second, a few minutes.
	mostResources = 2000
	// mostEmpty is how many empty pages in a row are followed: AWS Config walks through all the time it keeps, in pages that may
	// hold nothing and yet not be the last.
	mostEmpty = 20
	// lateDeletion is by how much the deletion of a resource may be on record late: a recorder may be a daily one [F 7.1].
	lateDeletion = 25 * time.Hour
)

// nothingRecorded is what follows where AWS Config does not answer.
const nothingRecorded = "it tells nothing of interfaces that are gone, nor of earlier rules"

// recorder asks AWS Config in one place.
type recorder struct {
	*taker
	api    configAPI
	since  time.Time // of interfaces
	groups time.Time // of groups
}

// askConfig asks for the past of interfaces, those that are gone among them, and of groups.
func (t *taker) askConfig(ctx context.Context, since, groups time.Time) (estate.Asking, error) {
	c := &recorder{taker: t, since: since, groups: groups, api: configservice.NewFromConfig(t.place.cfg)}
	if on, err := c.status(ctx); err != nil || !on {
		return estate.Refused, err
	}
	found, err := c.discovered(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return estate.Refused, ctx.Err()
		}
		t.refusal("ListDiscoveredResources", "config:ListDiscoveredResources", err, nothingRecorded)
		return estate.Refused, nil
	}
	items, err := c.histories(ctx, c.bounded(found))
	t.scope.Objects[estate.ConfigurationItems] = items
	switch {
	case ctx.Err() != nil:
		return estate.Refused, ctx.Err()
	case err != nil:
		if len(items) == 0 {
			t.refusal("GetResourceConfigHistory", "config:GetResourceConfigHistory", err, nothingRecorded)
			return estate.Refused, nil
		}
		t.refusal("GetResourceConfigHistory", "config:GetResourceConfigHistory", err, fmt.Sprintf("of the past of %d groups and interfaces only a part was told", len(found)))
	}
	return estate.Answered, nil
}

func (c *recorder) option(o *configservice.Options) { o.Retryer = c.options.retryer() }

// status asks whether there is a recorder, and since when it records. Without the permission it goes on.
func (c *recorder) status(ctx context.Context) (on bool, err error) {
	out, err := c.api.DescribeConfigurationRecorderStatus(ctx, &configservice.DescribeConfigurationRecorderStatusInput{}, c.option)
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case err != nil:
		c.refusal("DescribeConfigurationRecorderStatus", "config:DescribeConfigurationRecorderStatus", err, "whether AWS Config was recording all the time is not known")
		return true, nil
	case len(out.ConfigurationRecordersStatus) == 0:
		c.problem("AWS Config", "not switched on here; "+nothingRecorded)
		return false, nil
	}
	for _, r := range out.ConfigurationRecordersStatus {
		switch {
		case !r.Recording:
			c.problem("AWS Config", "not recording"+sinceText(r.LastStopTime)+": what changed then is not on its record")
		case r.LastStatus == types.RecorderStatusFailure:
			c.problem("AWS Config", fmt.Sprintf("the last recording failed (%s: %s): what changed since is not on its record", aws.ToString(r.LastErrorCode), aws.ToString(r.LastErrorMessage)))
		}
	}
	c.scope.Objects[estate.ConfigurationRecorders], err = shape(out.ConfigurationRecordersStatus)
	return true, err
}

func sinceText(t *time.Time) string {
	if t == nil {
		return ""
	}
	return " since " + t.UTC().Format(time.RFC3339)
}

// discovered lists the groups of now, and the interfaces of now and those deleted since the time asked for, in the order in
// which they tell most: groups, then the interfaces that are gone, the latest first, then the others. Deleted groups tell
// nothing that a review is about.
func (c *recorder) discovered(ctx context.Context) ([]types.ResourceIdentifier, error) {
	all, err := c.list(ctx, types.ResourceTypeSecurityGroup, false)
	if err != nil {
		return nil, err
	}
	interfaces, err := c.list(ctx, types.ResourceTypeNetworkInterface, true)
	if err != nil {
		return nil, err
	}
	if len(interfaces) == 0 && len(c.scope.Objects[estate.NetworkInterfaces]) > 0 {
		c.problem("AWS Config", "no network interfaces are recorded here: who held an address before is not on its record")
	}
	slices.SortStableFunc(interfaces, func(a, b types.ResourceIdentifier) int {
		return cmp.Or(aws.ToTime(b.ResourceDeletionTime).Compare(aws.ToTime(a.ResourceDeletionTime)), cmp.Compare(*a.ResourceId, *b.ResourceId))
	})
	return append(all, interfaces...), nil
}

func (c *recorder) list(ctx context.Context, kind types.ResourceType, deleted bool) ([]types.ResourceIdentifier, error) {
	var all []types.ResourceIdentifier
	in := &configservice.ListDiscoveredResourcesInput{ResourceType: kind, IncludeDeletedResources: deleted, Limit: configPage}
	for {
		out, err := c.api.ListDiscoveredResources(ctx, in, c.option)
		if err != nil {
			return nil, err
		}
		for _, r := range out.ResourceIdentifiers {
			gone := aws.ToTime(r.ResourceDeletionTime)
			if r.ResourceId != nil && (gone.IsZero() || gone.After(c.since.Add(-lateDeletion))) {
				all = append(all, r)
			}
		}
		if in.NextToken = out.NextToken; aws.ToString(in.NextToken) == "" {
			return all, nil
		}
	}
}

// bounded cuts the list where the question is bounded, and says so.
func (c *recorder) bounded(all []types.ResourceIdentifier) []types.ResourceIdentifier {
	if !c.options.Past.Bounded || len(all) <= mostResources {
		return all
	}
	c.problem("AWS Config", fmt.Sprintf("%d groups and interfaces of the window are recorded, and each takes a call: it was asked for %d, groups first, then the interfaces that went last; --history config asks for all",
		len(all), mostResources))
	return all[:mostResources]
}

// histories asks for the items of every resource. It returns what was told even when a call fails.
func (c *recorder) histories(ctx context.Context, resources []types.ResourceIdentifier) ([]json.RawMessage, error) {
	lists := make([][]json.RawMessage, len(resources))
	progress := c.progress()
	progress.Resources.Add(int64(len(resources)))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(configCalls)
	for i, r := range resources {
		g.Go(func() (err error) {
			lists[i], err = c.history(ctx, r)
			progress.ResourcesDone.Add(1)
			var unknown *types.ResourceNotDiscoveredException
			if errors.As(err, &unknown) { // it is known by name alone: nobody recorded it
				return nil
			}
			return err
		})
	}
	err := g.Wait()
	all := []json.RawMessage{}
	for _, items := range lists {
		all = append(all, items...)
	}
	return all, err
}

// history asks for the items of one resource, the latest first, back to the one that was in force when the window began: the
// first that is no younger, or the first of all. A bound on the earlier time would leave that one out.
func (c *recorder) history(ctx context.Context, r types.ResourceIdentifier) ([]json.RawMessage, error) {
	since := c.since
	if r.ResourceType == types.ResourceTypeSecurityGroup {
		since = c.groups
	}
	in := &configservice.GetResourceConfigHistoryInput{ResourceType: r.ResourceType, ResourceId: r.ResourceId, Limit: configPage,
		ChronologicalOrder: types.ChronologicalOrderReverse}
	var all []json.RawMessage
	for empty := 0; ; {
		out, err := c.api.GetResourceConfigHistory(ctx, in, c.option)
		if err != nil {
			return all, err
		}
		for i := range out.ConfigurationItems {
			item := &out.ConfigurationItems[i]
			raw, err := json.Marshal(saved(item))
			if err != nil {
				return all, err
			}
			all = append(all, raw)
			if !aws.ToTime(item.ConfigurationItemCaptureTime).After(since) || item.ConfigurationItemStatus == types.ConfigurationItemStatusResourceDiscovered {
				return all, nil
			}
		}
		if empty++; len(out.ConfigurationItems) > 0 {
			empty = 0
		}
		if in.NextToken = out.NextToken; aws.ToString(in.NextToken) == "" || empty == mostEmpty {
			return all, nil
		}
	}
}

// savedItem is an item as the AWS CLI prints it, but for what an estate does not need.
type savedItem struct {
	AccountID          string    `json:"accountId,omitempty"`
	Region             string    `json:"awsRegion,omitempty"`
	ResourceType       string    `json:"resourceType"`
	ResourceID         string    `json:"resourceId"`
	Captured           time.Time `json:"configurationItemCaptureTime"`
	Status             string    `json:"configurationItemStatus"`
	RecordingFrequency string    `json:"recordingFrequency,omitempty"`
	Configuration      string    `json:"configuration,omitempty"` // JSON
}

func saved(i *types.ConfigurationItem) savedItem {
	return savedItem{
		AccountID: aws.ToString(i.AccountId), Region: aws.ToString(i.AwsRegion), ResourceType: string(i.ResourceType), ResourceID: aws.ToString(i.ResourceId),
		Captured: aws.ToTime(i.ConfigurationItemCaptureTime).UTC(), Status: string(i.ConfigurationItemStatus),
		RecordingFrequency: string(i.RecordingFrequency), Configuration: aws.ToString(i.Configuration),
	}
}
