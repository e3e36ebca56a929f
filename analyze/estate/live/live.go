// Package live captures an estate from the EC2 API. It makes the same snapshot that saved AWS CLI outputs make, and package
// estate reads both: there is one loader. Only this package imports the AWS SDK for EC2.
package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"golang.org/x/sync/errgroup"

	"github.com/sgtrim/sgtrim/analyze/estate"
)

// Options say where to ask. The zero value is the default credential chain and region.
type Options struct {
	Profiles []string // of the shared configuration, one account each; none is the default one
	Regions  []string // none is the one of the environment or profile; AllRegions are those the account has switched on
	// RoleARNs are assumed with the first profile's credentials, one account each, instead of reading the profiles' own.
	RoleARNs   []string
	ExternalID string // for the roles, where they ask for one
	// OrganizationRole is the name of a role that is assumed in every active account of the Organization.
	OrganizationRole string
	// Past says what of the time before the capture is asked for.
	Past        Past
	EndpointURL string // of all services; "" is AWS, or what AWS_ENDPOINT_URL_EC2 and the like say
	// MaxBackoff bounds the pause between attempts of one call; 0 is 20 s.
	MaxBackoff time.Duration
	// HTTPClient replaces the SDK's own; nil keeps it.
	HTTPClient aws.HTTPClient
}

// stsTimeout bounds the one call that the snapshot can do without.
const stsTimeout = 15 * time.Second

// concurrency is how many accounts and regions are asked at once: EC2 throttles each of them by itself [F 4.8].
const concurrency = 6

// Snapshot asks the EC2 API for everything an estate is made of, page by page, in every account and region asked for. Groups
// and interfaces are required; any other call that is denied or not implemented becomes a problem that names the permission
// it needs. Where several accounts or regions are asked, one that cannot be read becomes a problem too, if any other can.
func Snapshot(ctx context.Context, o Options) (*estate.Snapshot, error) {
	return o.take(ctx, func(ctx context.Context, t *taker) error {
		if err := t.present(ctx); err != nil {
			return err
		}
		if err := t.quotas(ctx, servicequotas.NewFromConfig(t.place.cfg)); err != nil {
			return err
		}
		return t.past(ctx)
	})
}

// take makes a snapshot of what from takes of every place.
func (o Options) take(ctx context.Context, from func(context.Context, *taker) error) (*estate.Snapshot, error) {
	captured := time.Now().UTC().Truncate(time.Second)
	places, problems, err := o.places(ctx)
	if err != nil {
		return nil, err
	}
	takers := make([]*taker, len(places))
	var g errgroup.Group
	g.SetLimit(concurrency)
	for i, p := range places {
		t := &taker{options: o, place: p, client: ec2.NewFromConfig(p.cfg), source: "AWS API", captured: captured}
		t.scope.Objects = map[estate.Kind][]json.RawMessage{}
		t.scope.Asked = estate.Asked{Config: estate.NotAsked, Trail: estate.NotAsked}
		if len(places) > 1 {
			t.source += ", " + p.String()
		}
		takers[i] = t
		g.Go(func() error {
			err := from(ctx, t)
			if t.refused = refused(err); t.refused && len(places) > 1 {
				t.problem("this account and region", fmt.Sprintf("not read: %v", err))
				return nil
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	s := &estate.Snapshot{Captured: captured, Problems: problems}
	seen := map[estate.Scope]bool{}
	for _, t := range takers {
		s.Problems = append(s.Problems, t.problems...)
		if !t.refused && !seen[t.scope.Scope] { // two profiles may be of one account
			seen[t.scope.Scope] = true
			s.Scopes = append(s.Scopes, t.scope)
		}
	}
	if len(s.Scopes) == 0 {
		return nil, fmt.Errorf("no account and region can be read: %s: %s", s.Problems[0].Object, s.Problems[0].Cause)
	}
	return s, nil
}

// taker captures one place.
type taker struct {
	options  Options
	place    place
	client   *ec2.Client
	source   string // of the problems
	captured time.Time
	scope    estate.SnapshotScope
	problems []estate.Problem
	refused  bool // a required call was
}

// present makes all calls of EC2.
func (t *taker) present(ctx context.Context) error {
	t.scope.Scope = t.identity(ctx)
	for _, c := range calls {
		if err := t.take(ctx, c, &t.scope); err != nil {
			return fmt.Errorf("snapshot of %s: %w", t.place, err)
		}
	}
	if err := t.entries(ctx, &t.scope); err != nil {
		return fmt.Errorf("snapshot of %s: %w", t.place, err)
	}
	if t.scope.Account == "" {
		t.scope.Account = ownerOf(t.scope.Objects[estate.SecurityGroups])
	}
	return nil
}

// problem notes a call that gave nothing.
func (t *taker) problem(action, cause string) {
	t.problems = append(t.problems, estate.Problem{Source: t.source, Object: action, Cause: cause})
}

// identity asks STS who we are. Without an answer the account comes from the groups' owner.
func (t *taker) identity(ctx context.Context) estate.Scope {
	cfg := t.place.cfg
	scope := estate.Scope{Partition: "aws", Region: cfg.Region}
	ctx, cancel := context.WithTimeout(ctx, stsTimeout)
	defer cancel()
	client := sts.NewFromConfig(cfg, func(o *sts.Options) { o.Retryer = t.options.retryer() })
	out, err := client.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		t.problem("GetCallerIdentity", fmt.Sprintf("the account is taken from the groups' owner: %v", err))
		return scope
	}
	scope.Account = aws.ToString(out.Account)
	if parsed, err := arn.Parse(aws.ToString(out.Arn)); err == nil {
		scope.Partition = parsed.Partition
	}
	return scope
}

// take makes one call, all pages of it, and adds what it answered to the scope.
func (t *taker) take(ctx context.Context, c call, scope *estate.SnapshotScope) error {
	objects, err := t.pages(ctx, c.page)
	if err == nil {
		scope.Objects[c.kind] = objects
		return nil
	}
	if cause, optional := excuse("ec2:"+c.action, err); optional && !c.required {
		t.problem(c.action, cause)
		return nil
	} else if optional {
		return fmt.Errorf("%s: %s: %w", c.action, cause, err)
	}
	return fmt.Errorf("%s: %w", c.action, err)
}

// page is one request: it answers a slice of SDK values and the token of the next page.
type page func(ctx context.Context, c *ec2.Client, token *string, o func(*ec2.Options)) (objects any, next *string, err error)

func (t *taker) pages(ctx context.Context, p page) ([]json.RawMessage, error) {
	all := []json.RawMessage{}
	var token *string
	for {
		objects, next, err := p(ctx, t.client, token, func(o *ec2.Options) { o.Retryer = t.options.retryer() })
		if err != nil {
			return nil, err
		}
		list, err := shape(objects)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
		if aws.ToString(next) == "" {
			return all, nil
		}
		if aws.ToString(next) == aws.ToString(token) {
			return nil, fmt.Errorf("the page after %d objects has the token of the page before", len(all))
		}
		token = next
	}
}

// entries puts the entries of every managed prefix list inline into its object.
func (t *taker) entries(ctx context.Context, scope *estate.SnapshotScope) error {
	for i, raw := range scope.Objects[estate.PrefixLists] {
		var list struct{ PrefixListId string }
		if err := json.Unmarshal(raw, &list); err != nil {
			return fmt.Errorf("DescribeManagedPrefixLists: %w", err)
		}
		found, err := t.pages(ctx, entriesOf(list.PrefixListId))
		if err != nil {
			cause, optional := excuse("ec2:GetManagedPrefixListEntries", err)
			if !optional {
				return fmt.Errorf("GetManagedPrefixListEntries of %s: %w", list.PrefixListId, err)
			}
			t.problem("GetManagedPrefixListEntries "+list.PrefixListId, cause)
			continue
		}
		var members map[string]any
		if err := json.Unmarshal(raw, &members); err != nil {
			return fmt.Errorf("DescribeManagedPrefixLists: %w", err)
		}
		members["Entries"] = found
		if scope.Objects[estate.PrefixLists][i], err = json.Marshal(members); err != nil {
			return fmt.Errorf("GetManagedPrefixListEntries of %s: %w", list.PrefixListId, err)
		}
	}
	return nil
}

// shape turns SDK values into the objects that the AWS CLI prints: the members' names are the same, absent ones are left out.
func shape(objects any) ([]json.RawMessage, error) {
	raw, err := json.Marshal(objects)
	if err != nil {
		return nil, err
	}
	var list []any
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, err
	}
	out := make([]json.RawMessage, len(list))
	for i, v := range list {
		if out[i], err = json.Marshal(withoutNulls(v)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func withoutNulls(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, member := range v {
			if member == nil {
				delete(v, k)
			} else if s, ok := member.(string); ok && s == "" {
				delete(v, k) // enumerations are plain strings in the SDK; empty ones were absent
			} else {
				v[k] = withoutNulls(member)
			}
		}
	case []any:
		for i := range v {
			v[i] = withoutNulls(v[i])
		}
	}
	return v
}

func ownerOf(groups []json.RawMessage) string {
	for _, raw := range groups {
		var g struct{ OwnerId string }
		if json.Unmarshal(raw, &g) == nil && g.OwnerId != "" {
			return g.OwnerId
		}
	}
	return ""
}

// refused reports whether a call was denied, or its credentials were not accepted.
func refused(err error) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	code := codeOf(api)
	return denied(code) || code == "AuthFailure" || code == "OptInRequired"
}

// codeOf is the code of an error; EC2 has "Client." before some.
func codeOf(err smithy.APIError) string { return strings.TrimPrefix(err.ErrorCode(), "Client.") }

// denied reports whether a code says that a permission is missing.
func denied(code string) bool {
	return code == "UnauthorizedOperation" || code == "AccessDenied" || code == "AccessDeniedException"
}

// excuse says in a person's words why a call gave nothing, and whether the snapshot can go on without it: it was denied, or
// the endpoint does not know it.
func excuse(permission string, err error) (cause string, optional bool) {
	var api smithy.APIError
	if errors.As(err, &api) {
		code := codeOf(api)
		if denied(code) {
			return fmt.Sprintf("denied (%s): it needs the permission %s", code, permission), true
		}
		switch code {
		case "NoAvailableConfigurationRecorderException":
			return "AWS Config is not switched on here", true
		case "NoSuchResourceException": // of Service Quotas
			return "not on record (" + code + ")", true
		case "InvalidAction", "UnsupportedOperation", "NotImplemented", "UnknownOperationException":
			return fmt.Sprintf("not implemented by the endpoint (%s)", code), true
		case "IncorrectState", "InvalidPrefixListID.NotFound", "InvalidPrefixListId.NotFound":
			return fmt.Sprintf("%s: %s", code, api.ErrorMessage()), true // a list that is being made or has just gone
		}
	}
	var response *awshttp.ResponseError
	if errors.As(err, &response) && response.HTTPStatusCode() >= http.StatusInternalServerError && !throttled(err) {
		return fmt.Sprintf("the endpoint answered HTTP %d; it may not implement the call", response.HTTPStatusCode()), true
	}
	return "", false
}
