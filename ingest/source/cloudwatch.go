package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sgtrim/sgtrim/ingest"
)

const cloudWatch = "cloudwatch://"

// settle is how long an hour must be over before it is listed: flow logs reach CloudWatch Logs some 5 minutes after the end of
// an aggregation interval of up to 10, best effort (aws-facts §1.8). An hour once taken into a ledger is not read again.
const settle = time.Hour

// older is how long before its group's creation an event may lie: PutLogEvents takes events of the last 14 days.
const older = 14 * 24 * time.Hour

// logGroup is the flow logs of one CloudWatch Logs group. An object is an hour of the group, by the times of its events, which
// are the start of the records (aws-facts §3.3).
type logGroup struct {
	client          *cloudwatchlogs.Client
	name            string
	account, region string
	flowLog         string // the only one that writes here, else ""
	header          string // the field names of its lines; "" when nobody says
	first           time.Time
	opt             Options
}

// openLogGroup finds the group, and the format of the flow logs that write to it.
func openLogGroup(ctx context.Context, name string, opt Options) (ingest.Source, error) {
	g := &logGroup{name: strings.TrimPrefix(name, cloudWatch), opt: opt}
	if g.name == "" {
		return nil, fmt.Errorf("%s: no log group named: cloudwatch:///aws/vpc/flowlogs is the group /aws/vpc/flowlogs", name)
	}
	cfg, err := loadConfig(ctx, opt)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if opt.EndpointURL != "" {
		cfg.BaseEndpoint = aws.String(opt.EndpointURL)
	}
	cfg.Retryer = func() aws.Retryer { return opt.retryer() }
	g.region = cfg.Region
	g.client = cloudwatchlogs.NewFromConfig(cfg)
	if err := g.describe(ctx); err != nil {
		return nil, err
	}
	return g, g.formats(ctx, ec2.NewFromConfig(cfg))
}

// describe finds the group and a time before which it has no events.
func (g *logGroup) describe(ctx context.Context) error {
	pages := cloudwatchlogs.NewDescribeLogGroupsPaginator(g.client, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &g.name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return g.explain("logs:DescribeLogGroups", err)
		}
		for _, found := range page.LogGroups {
			if aws.ToString(found.LogGroupName) == g.name {
				g.found(&found)
				return nil
			}
		}
	}
	return fmt.Errorf("%s: there is no such log group in %s", g.url(), g.region)
}

func (g *logGroup) found(group *logstypes.LogGroup) {
	g.first = time.UnixMilli(aws.ToInt64(group.CreationTime)).UTC().Add(-older)
	if days := aws.ToInt32(group.RetentionInDays); days > 0 {
		if kept := g.opt.clock().AddDate(0, 0, -int(days)); kept.After(g.first) {
			g.first = kept
		}
	}
	if parsed, err := arn.Parse(aws.ToString(group.Arn)); err == nil {
		g.account, g.region = parsed.AccountID, parsed.Region
	}
}

// formats asks EC2 which flow logs write to the group, and in which format. Without that permission the format is what
// --log-fields says, or the default one.
func (g *logGroup) formats(ctx context.Context, client *ec2.Client) error {
	var ids, formats []string
	pages := ec2.NewDescribeFlowLogsPaginator(client, &ec2.DescribeFlowLogsInput{
		Filter: []ec2types.Filter{{Name: aws.String("log-group-name"), Values: []string{g.name}}},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if isDenied(err) {
			return nil
		}
		if err != nil {
			return g.explain("ec2:DescribeFlowLogs", err)
		}
		for _, f := range page.FlowLogs {
			if aws.ToString(f.LogGroupName) == g.name {
				ids, formats = append(ids, aws.ToString(f.FlowLogId)), append(formats, plainNames(aws.ToString(f.LogFormat)))
			}
		}
	}
	slices.Sort(formats)
	switch formats = slices.Compact(formats); {
	case len(formats) > 1 && g.opt.LogFields == "":
		return fmt.Errorf("%s: flow logs of %d formats write to this group, and no line says which is its: %s", g.url(), len(formats), strings.Join(ids, ", "))
	case len(formats) == 1 && g.opt.LogFields == "":
		g.header = formats[0]
	}
	if len(ids) == 1 {
		g.flowLog = ids[0]
	}
	return nil
}

// plainNames turns "${version} ${account-id}" into a header line.
func plainNames(format string) string {
	return strings.Join(strings.Fields(strings.NewReplacer("${", " ", "}", " ").Replace(format)), " ")
}

// url is how a person names the group.
func (g *logGroup) url() string { return cloudWatch + g.name }

const hourFormat = "2006-01-02T15Z"

// Objects lists the hours of the window, padded by an hour, from the group's first to the last that is settled.
func (g *logGroup) Objects(context.Context) listing {
	first, end := g.first, g.opt.clock().Add(-settle)
	if since := g.opt.Since; !since.IsZero() && since.Add(-time.Hour).After(first) {
		first = since.Add(-time.Hour)
	}
	if until := g.opt.Until; !until.IsZero() && until.Before(end) {
		end = until
	}
	return func(yield func(ingest.Object, error) bool) {
		for t := first.UTC().Truncate(time.Hour); !t.Add(time.Hour).After(end); t = t.Add(time.Hour) {
			o := ingest.Object{
				URL: g.url() + "@" + t.Format(hourFormat), Size: -1, Account: g.account, Region: g.region, FlowLog: g.flowLog, Slot: t,
			}
			if !yield(o, nil) {
				return
			}
		}
	}
}

// Open reads an hour as text: a header line if the format is known, then a line an event.
func (g *logGroup) Open(ctx context.Context, o ingest.Object) (io.ReadCloser, error) {
	body := &logEvents{ctx: ctx, g: g, start: o.Slot}
	if g.header != "" {
		body.text = []byte(g.header + "\n")
	}
	return body, body.fetch() // a group that cannot be read fails here, as other objects do
}

// logEvents is the events of one hour as lines, page by page.
type logEvents struct {
	ctx   context.Context
	g     *logGroup
	start time.Time
	token *string
	done  bool
	text  []byte // read, not yet given
}

func (e *logEvents) Read(p []byte) (int, error) {
	for len(e.text) == 0 {
		if e.done {
			return 0, io.EOF
		}
		if err := e.fetch(); err != nil {
			return 0, err
		}
	}
	n := copy(p, e.text)
	e.text = e.text[n:]
	return n, nil
}

// fetch gets a page. A page may be empty and yet not the last.
func (e *logEvents) fetch() error {
	out, err := e.g.client.FilterLogEvents(e.ctx, &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: &e.g.name, NextToken: e.token,
		// EndTime takes events at that very millisecond as well.
		StartTime: aws.Int64(e.start.UnixMilli()), EndTime: aws.Int64(e.start.Add(time.Hour).UnixMilli() - 1),
	})
	if err != nil {
		return e.g.explain("logs:FilterLogEvents", err)
	}
	for _, event := range out.Events {
		line := strings.TrimRight(aws.ToString(event.Message), "\r\n")
		if strings.ContainsAny(line, "\r\n") {
			return fmt.Errorf("%s: a log event of several lines is no flow log: %.80q", e.g.url(), line)
		}
		e.text = append(append(e.text, line...), '\n')
	}
	if e.token = out.NextToken; aws.ToString(e.token) == "" {
		e.done = true
	}
	return nil
}

func (e *logEvents) Close() error { return nil }

// explain says in the user's words what a failed request means.
func (g *logGroup) explain(permission string, err error) error {
	var missing *logstypes.ResourceNotFoundException
	meaning := "request failed"
	switch {
	case isDenied(err):
		meaning = "access denied: " + permission + " is needed"
	case errors.As(err, &missing):
		meaning = "there is no such log group in " + g.region
	}
	return fmt.Errorf("%s: %s: %w", g.url(), meaning, err)
}

// clock is the time of day, or a test's.
func (o Options) clock() time.Time {
	if o.now.IsZero() {
		return time.Now().UTC()
	}
	return o.now
}
