package live

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	"github.com/aws/aws-sdk-go-v2/service/organizations/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/sgtrim/sgtrim/analyze/estate"
)

// AllRegions stands among Options.Regions for every region that the account has switched on.
const AllRegions = "all"

// roleSession is what CloudTrail shows as the session of an assumed role.
const roleSession = "sgtrim"

// place is one account in one region, as one set of credentials sees it.
type place struct {
	name string // of the credentials: a profile, a role, or "" for the default ones
	cfg  aws.Config
}

func (p place) String() string {
	if p.name == "" {
		return p.cfg.Region
	}
	return p.name + " in " + p.cfg.Region
}

// places are the accounts times the regions asked for. An account whose role cannot be assumed becomes a problem.
func (o Options) places(ctx context.Context) ([]place, []estate.Problem, error) {
	accounts, problems, err := o.accounts(ctx)
	if err != nil {
		return nil, nil, err
	}
	var all []place
	for _, account := range accounts {
		if o.assumes() {
			if _, err := account.cfg.Credentials.Retrieve(ctx); err != nil {
				problems = append(problems, estate.Problem{Source: "STS", Object: account.name, Cause: fmt.Sprintf("not read, its role cannot be assumed (sts:AssumeRole): %v", err)})
				continue
			}
		}
		regions, err := o.regionsOf(ctx, account)
		if err != nil {
			return nil, nil, err
		}
		for _, region := range regions {
			cfg := account.cfg.Copy()
			cfg.Region = region
			all = append(all, place{account.name, cfg})
		}
	}
	if len(all) == 0 {
		return nil, nil, fmt.Errorf("no account can be read: %s: %s", problems[0].Object, problems[0].Cause)
	}
	return all, problems, nil
}

func (o Options) assumes() bool { return len(o.RoleARNs) > 0 || o.OrganizationRole != "" }

// accounts are the profiles, or the roles that the first of them assumes.
func (o Options) accounts(ctx context.Context) ([]place, []estate.Problem, error) {
	profiles := o.Profiles
	if len(profiles) == 0 {
		profiles = []string{""}
	}
	var all []place
	for _, profile := range profiles {
		cfg, err := o.config(ctx, profile)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, place{profile, cfg})
	}
	if !o.assumes() {
		return all, nil, nil
	}
	base := all[0].cfg
	roles := slices.Clone(o.RoleARNs)
	if o.OrganizationRole != "" {
		found, err := o.organization(ctx, base)
		if err != nil {
			return nil, nil, err
		}
		roles = append(roles, found...)
	}
	all = all[:0]
	client := sts.NewFromConfig(base, func(so *sts.Options) { so.Retryer = o.retryer() })
	for _, role := range roles {
		cfg := base.Copy()
		cfg.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(client, role, func(ro *stscreds.AssumeRoleOptions) {
			ro.RoleSessionName = roleSession
			if o.ExternalID != "" {
				ro.ExternalID = aws.String(o.ExternalID)
			}
		}))
		all = append(all, place{role, cfg})
	}
	return all, nil, nil
}

// organization lists the role of every active account of the Organization.
func (o Options) organization(ctx context.Context, cfg aws.Config) ([]string, error) {
	who, err := sts.NewFromConfig(cfg, func(so *sts.Options) { so.Retryer = o.retryer() }).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return nil, fmt.Errorf("GetCallerIdentity: %w", err)
	}
	partition, _, _ := strings.Cut(strings.TrimPrefix(aws.ToString(who.Arn), "arn:"), ":")
	client := organizations.NewFromConfig(cfg, func(oo *organizations.Options) { oo.Retryer = o.retryer() })
	var roles []string
	pages := organizations.NewListAccountsPaginator(client, &organizations.ListAccountsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("organizations:ListAccounts (it answers the management account and delegated administrators only): %w", err)
		}
		for _, account := range page.Accounts {
			if account.Status == types.AccountStatusActive || account.State == types.AccountStateActive {
				roles = append(roles, fmt.Sprintf("arn:%s:iam::%s:role/%s", partition, aws.ToString(account.Id), o.OrganizationRole))
			}
		}
	}
	if len(roles) == 0 {
		return nil, errors.New("the Organization lists no active account")
	}
	slices.Sort(roles)
	return roles, nil
}

// regionsOf are the regions asked for, in the order of their names where they are discovered.
func (o Options) regionsOf(ctx context.Context, account place) ([]string, error) {
	if !slices.Contains(o.Regions, AllRegions) {
		if len(o.Regions) == 0 {
			return []string{account.cfg.Region}, nil
		}
		return o.Regions, nil
	}
	out, err := ec2.NewFromConfig(account.cfg, func(eo *ec2.Options) { eo.Retryer = o.retryer() }).DescribeRegions(ctx, &ec2.DescribeRegionsInput{})
	if err != nil {
		cause, _ := excuse("ec2:DescribeRegions", err)
		return nil, fmt.Errorf("DescribeRegions as %s: %s: %w", account, cause, err)
	}
	var regions []string
	for _, r := range out.Regions { // without AllRegions these are the ones switched on
		regions = append(regions, aws.ToString(r.RegionName))
	}
	slices.Sort(regions)
	return regions, nil
}

// config is the credentials of a profile, "" for the default ones, in the first region asked for.
func (o Options) config(ctx context.Context, profile string) (aws.Config, error) {
	load := []func(*config.LoadOptions) error{}
	if profile != "" {
		load = append(load, config.WithSharedConfigProfile(profile))
	}
	if len(o.Regions) > 0 && o.Regions[0] != AllRegions {
		load = append(load, config.WithRegion(o.Regions[0]))
	}
	if o.EndpointURL != "" {
		load = append(load, config.WithBaseEndpoint(o.EndpointURL))
	}
	if o.HTTPClient != nil {
		load = append(load, config.WithHTTPClient(o.HTTPClient))
	}
	cfg, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return cfg, fmt.Errorf("AWS configuration: %w", err)
	}
	if cfg.Region == "" && slices.Contains(o.Regions, AllRegions) {
		cfg.Region = "us-east-1" // any region can name the others; aws-cn and aws-us-gov name one in the profile
	}
	if cfg.Region == "" {
		return cfg, errors.New("AWS configuration: no region; give --region or set AWS_REGION")
	}
	return cfg, nil
}
