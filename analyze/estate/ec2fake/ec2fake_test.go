package ec2fake_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"

	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/estate/ec2fake"
)

type fake struct {
	*ec2fake.Server
	*ec2.Client
	t *testing.T
}

// onlyClosed retries nothing but a connection that the client's own transport closed under a response, which happens now and
// then on a busy loopback and says nothing of the server.
func onlyClosed() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = 3
		o.Retryables = []retry.IsErrorRetryable{retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
			return aws.BoolTernary(errors.Is(err, net.ErrClosed))
		})}
	})
}

func start(t *testing.T, b ec2fake.Behaviour) *fake {
	t.Helper()
	s, err := estate.ReadSnapshot("../testdata/shop.json")
	if err != nil {
		t.Fatal(err)
	}
	f, err := ec2fake.New(s, b)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	client := ec2.New(ec2.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String(f.URL), Retryer: onlyClosed(),
		Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
	})
	return &fake{f, client, t}
}

// rules are the rules of a group as text, with ids and descriptions when asked for.
func (f *fake) rules(group string, full bool) []string {
	f.t.Helper()
	s, err := f.Dump()
	if err != nil {
		f.t.Fatal(err)
	}
	e, err := s.Estate()
	if err != nil {
		f.t.Fatal(err)
	}
	if len(e.Problems) > 0 {
		f.t.Errorf("the dump has problems: %v", e.Problems)
	}
	var out []string
	for _, r := range e.Groups[group].Rules {
		text := strings.TrimPrefix(r.RuleKey.String(), group+" ")
		if full {
			text = fmt.Sprintf("%s %s %q %v", r.ID, text, r.Description, r.Tags)
		}
		out = append(out, text)
	}
	slices.Sort(out)
	return out
}

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// perm reads "tcp 22 22 10.0.0.0/8 sg-1 pl-1 ::/0": protocol, two ports (- is absent), sources; "#text" is the description
// of the source before it.
func perm(text string) types.IpPermission {
	w := strings.Fields(text)
	p := types.IpPermission{IpProtocol: aws.String(w[0])}
	port := func(s string) *int32 {
		if s == "-" {
			return nil
		}
		var n int32
		fmt.Sscan(s, &n)
		return &n
	}
	p.FromPort, p.ToPort = port(w[1]), port(w[2])
	for i := 3; i < len(w); i++ {
		var description *string
		if i+1 < len(w) && strings.HasPrefix(w[i+1], "#") {
			description = aws.String(w[i+1][1:])
		}
		switch {
		case strings.HasPrefix(w[i], "#"):
		case strings.HasPrefix(w[i], "sg-"):
			p.UserIdGroupPairs = append(p.UserIdGroupPairs, types.UserIdGroupPair{GroupId: aws.String(w[i]), Description: description})
		case strings.HasPrefix(w[i], "pl-"):
			p.PrefixListIds = append(p.PrefixListIds, types.PrefixListId{PrefixListId: aws.String(w[i]), Description: description})
		case strings.Contains(w[i], ":"):
			p.Ipv6Ranges = append(p.Ipv6Ranges, types.Ipv6Range{CidrIpv6: aws.String(w[i]), Description: description})
		default:
			p.IpRanges = append(p.IpRanges, types.IpRange{CidrIp: aws.String(w[i]), Description: description})
		}
	}
	return p
}

func perms(texts []string) (out []types.IpPermission) {
	for _, t := range texts {
		out = append(out, perm(t))
	}
	return out
}

func TestAuthorize(t *testing.T) {
	for _, c := range []struct {
		name, group string
		perms       []string
		code        string
		adds        []string
	}{
		{"one rule of every source", "sg-0far", []string{"tcp 22 23 10.0.0.1/8 2001:db8::1/32 pl-0office sg-0far"}, "",
			[]string{"ingress tcp 22-23 10.0.0.0/8", "ingress tcp 22-23 2001:db8::/32", "ingress tcp 22-23 pl-0office", "ingress tcp 22-23 sg-0far"}},
		{"all of tcp by -1", "sg-0far", []string{"tcp -1 -1 10.0.0.0/8"}, "", []string{"ingress tcp * 10.0.0.0/8"}},
		{"protocols", "sg-0far", []string{"all - - 10.0.0.0/8", "50 - - 10.0.0.0/8", "icmpv6 - - ::/0", "icmp 3 4 10.0.0.0/8", "17 53 53 10.0.0.0/8"}, "",
			[]string{"ingress all 10.0.0.0/8", "ingress 50 10.0.0.0/8", "ingress icmpv6 ::/0", "ingress icmp 3/4 10.0.0.0/8", "ingress udp 53 10.0.0.0/8"}},
		{"there already", "sg-0nlb", []string{"tcp 443 443 0.0.0.0/0"}, "InvalidPermission.Duplicate", nil},
		{"there already, not canonical, other description", "sg-0nlb", []string{"6 443 443 1.2.3.4/0 #x"}, "InvalidPermission.Duplicate", nil},
		{"one is there already, none is added", "sg-0nlb", []string{"tcp 444 444 10.0.0.0/8", "tcp 443 443 0.0.0.0/0"}, "InvalidPermission.Duplicate", nil},
		{"twice in one call", "sg-0nlb", []string{"tcp 1 1 10.0.0.0/8", "tcp 1 1 10.1.0.0/8"}, "InvalidParameterValue", nil},
		{"bad CIDR", "sg-0nlb", []string{"tcp 1 1 10.0.0.0/33"}, "InvalidParameterValue", nil},
		{"ports the wrong way round", "sg-0nlb", []string{"tcp 9 1 10.0.0.0/8"}, "InvalidParameterValue", nil},
		{"no ports", "sg-0nlb", []string{"tcp - - 10.0.0.0/8"}, "InvalidParameterValue", nil},
		{"no source", "sg-0nlb", []string{"tcp 1 1"}, "MissingParameter", nil},
		{"no permission", "sg-0nlb", nil, "MissingParameter", nil},
		{"unknown protocol", "sg-0nlb", []string{"bogus 1 1 10.0.0.0/8"}, "InvalidPermission.Malformed", nil},
		{"unknown group", "sg-none", []string{"tcp 1 1 10.0.0.0/8"}, "InvalidGroup.NotFound", nil},
		{"malformed group", "none", []string{"tcp 1 1 10.0.0.0/8"}, "InvalidGroupId.Malformed", nil},
		{"unknown referenced group", "sg-0nlb", []string{"tcp 1 1 sg-none"}, "InvalidGroup.NotFound", nil},
		{"unknown prefix list", "sg-0nlb", []string{"tcp 1 1 pl-none"}, "InvalidPrefixListID.NotFound", nil},
		{"group of a peered VPC", "sg-0web", []string{"tcp 1 1 sg-0peer"}, "", []string{"ingress tcp 1 sg-0peer"}},
		{"group across the transit gateway", "sg-0web", []string{"tcp 1 1 sg-0far"}, "", []string{"ingress tcp 1 sg-0far"}},
		{"group of a VPC without a way", "sg-0peer", []string{"tcp 1 1 sg-0far"}, "InvalidGroup.NotFound", nil},
		{"description too odd", "sg-0nlb", []string{"tcp 1 1 10.0.0.0/8 #it's"}, "InvalidParameterValue", nil},
		{"description too long", "sg-0nlb", []string{"tcp 1 1 10.0.0.0/8 #" + strings.Repeat("x", 256)}, "InvalidParameterValue", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := start(t, ec2fake.Behaviour{})
			var before []string
			if strings.HasPrefix(c.group, "sg-0") {
				before = f.rules(c.group, false)
			}
			out, err := f.AuthorizeSecurityGroupIngress(context.Background(), &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &c.group, IpPermissions: perms(c.perms)})
			if code(err) != c.code {
				t.Fatalf("got %v, want code %q", err, c.code)
			}
			if err == nil && len(out.SecurityGroupRules) != len(c.adds) {
				t.Errorf("answered %d rules, want %d", len(out.SecurityGroupRules), len(c.adds))
			}
			if before == nil {
				return
			}
			want := append(before, c.adds...)
			slices.Sort(want)
			if got := f.rules(c.group, false); !slices.Equal(got, want) {
				t.Errorf("got %q want %q", got, want)
			}
		})
	}
}

func TestAuthorizeEgressThroughTransitGateway(t *testing.T) {
	f := start(t, ec2fake.Behaviour{})
	for peer, want := range map[string]string{"sg-0far": "InvalidGroup.NotFound", "sg-0peer": ""} {
		_, err := f.AuthorizeSecurityGroupEgress(context.Background(), &ec2.AuthorizeSecurityGroupEgressInput{GroupId: aws.String("sg-0db"), IpPermissions: perms([]string{"tcp 1 1 " + peer})})
		if code(err) != want {
			t.Errorf("%s: got %v want %q", peer, err, want)
		}
	}
}

func TestFlatIngressParametersAndTags(t *testing.T) {
	f := start(t, ec2fake.Behaviour{})
	_, err := f.AuthorizeSecurityGroupIngress(context.Background(), &ec2.AuthorizeSecurityGroupIngressInput{
		GroupId: aws.String("sg-0far"), IpProtocol: aws.String("tcp"), FromPort: aws.Int32(7), ToPort: aws.Int32(8), CidrIp: aws.String("10.7.0.0/16"),
		TagSpecifications: []types.TagSpecification{{ResourceType: "security-group-rule", Tags: []types.Tag{{Key: aws.String("plan"), Value: aws.String("p-1")}}}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := f.rules("sg-0far", true); !slices.ContainsFunc(got, func(s string) bool {
		return strings.Contains(s, "ingress tcp 7-8 10.7.0.0/16") && strings.Contains(s, "map[plan:p-1]")
	}) {
		t.Errorf("got %q", got)
	}
}

func TestQuota(t *testing.T) {
	f := start(t, ec2fake.Behaviour{RulesPerGroup: 12})
	add := func(group, text string) string {
		_, err := f.AuthorizeSecurityGroupIngress(context.Background(), &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &group, IpPermissions: perms([]string{text})})
		return code(err)
	}
	const over = "RulesPerSecurityGroupLimitExceeded"
	// sg-0nlb holds one IPv4 rule. The office list counts its 10 entries at most, in both families.
	for _, c := range []struct{ text, want string }{
		{"tcp 1 1 pl-0office", ""}, {"tcp 2 2 10.0.0.0/8", ""}, {"tcp 3 3 10.0.0.0/8", over}, {"tcp 3 3 ::/0", ""},
		{"tcp 4 4 sg-0nlb", over}, {"tcp 4 4 ::/0", ""}, {"tcp 5 5 ::/0", over},
	} {
		if got := add("sg-0nlb", c.text); got != c.want {
			t.Errorf("%s: got %q want %q", c.text, got, c.want)
		}
	}
	if got := add("sg-0far", "tcp 1 1 pl-0cf"); got != over {
		t.Errorf("CloudFront's list weighs 55: got %q", got)
	}
	// Ingress and egress count apart.
	_, err := f.AuthorizeSecurityGroupEgress(context.Background(), &ec2.AuthorizeSecurityGroupEgressInput{GroupId: aws.String("sg-0nlb"), IpPermissions: perms([]string{"tcp 3 3 10.0.0.0/8"})})
	if err != nil {
		t.Error(err)
	}
}

func TestRevoke(t *testing.T) {
	for _, c := range []struct {
		name, group string
		ids         []string
		perms       []string
		code        string
		gone        []string
		unknown     int
	}{
		{"by id", "sg-0nlb", []string{"sgr-0015"}, nil, "", []string{"ingress tcp 443 0.0.0.0/0"}, 0},
		{"id of nobody", "sg-0nlb", []string{"sgr-9999"}, nil, "InvalidSecurityGroupRuleId.NotFound", nil, 0},
		{"malformed id", "sg-0nlb", []string{"x"}, nil, "InvalidSecurityGroupRuleId.Malformed", nil, 0},
		{"id of another group", "sg-0nlb", []string{"sgr-0001"}, nil, "InvalidSecurityGroupRuleId.NotFound", nil, 0},
		{"by properties", "sg-0nlb", nil, []string{"tcp 443 443 0.0.0.0/0 #any"}, "", []string{"ingress tcp 443 0.0.0.0/0"}, 0},
		{"properties of nobody", "sg-0nlb", nil, []string{"tcp 443 443 10.0.0.0/8"}, "InvalidPermission.NotFound", nil, 0},
		{"one of two is unknown: none goes", "sg-0nlb", nil, []string{"tcp 443 443 0.0.0.0/0", "tcp 1 1 10.0.0.0/8"}, "InvalidPermission.NotFound", nil, 0},
		{"default VPC: unknown is no error", "sg-0def", nil, []string{"tcp 1 1 10.0.0.0/8"}, "", nil, 1},
		{"default VPC: the known one goes", "sg-0def", nil, []string{"tcp 1 1 10.0.0.0/8", "-1 - - sg-0def"}, "", []string{"ingress all sg-0def"}, 1},
		{"stale reference by properties", "sg-0db", nil, []string{"tcp 5432 5432 sg-0gone"}, "", []string{"ingress tcp 5432 sg-0gone"}, 0},
		{"neither", "sg-0nlb", nil, nil, "MissingParameter", nil, 0},
		{"both", "sg-0nlb", []string{"sgr-0015"}, []string{"tcp 443 443 0.0.0.0/0"}, "InvalidParameterCombination", nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := start(t, ec2fake.Behaviour{})
			before := f.rules(c.group, false)
			out, err := f.RevokeSecurityGroupIngress(context.Background(), &ec2.RevokeSecurityGroupIngressInput{GroupId: &c.group, SecurityGroupRuleIds: c.ids, IpPermissions: perms(c.perms)})
			if code(err) != c.code {
				t.Fatalf("got %v, want code %q", err, c.code)
			}
			if err == nil && (len(out.RevokedSecurityGroupRules) != len(c.gone) || len(out.UnknownIpPermissions) != c.unknown) {
				t.Errorf("answered %d revoked, %d unknown; want %d, %d", len(out.RevokedSecurityGroupRules), len(out.UnknownIpPermissions), len(c.gone), c.unknown)
			}
			want := slices.DeleteFunc(before, func(s string) bool { return slices.Contains(c.gone, s) })
			if got := f.rules(c.group, false); !slices.Equal(got, want) {
				t.Errorf("got %q want %q", got, want)
			}
		})
	}
}

func TestModify(t *testing.T) {
	rule := func(text string) *types.SecurityGroupRuleRequest {
		p := perm(text)
		r := &types.SecurityGroupRuleRequest{IpProtocol: p.IpProtocol, FromPort: p.FromPort, ToPort: p.ToPort}
		for _, x := range p.IpRanges {
			r.CidrIpv4, r.Description = x.CidrIp, x.Description
		}
		for _, x := range p.Ipv6Ranges {
			r.CidrIpv6 = x.CidrIpv6
		}
		for _, x := range p.UserIdGroupPairs {
			r.ReferencedGroupId = x.GroupId
		}
		for _, x := range p.PrefixListIds {
			r.PrefixListId = x.PrefixListId
		}
		return r
	}
	// sgr-0001 is tcp 443 0.0.0.0/0 with a description, sgr-0005 a reference with a tag.
	for _, c := range []struct {
		name, id string
		rule     *types.SecurityGroupRuleRequest
		code     string
		now      string
	}{
		{"narrower, with a description", "sgr-0001", rule("tcp 443 443 10.0.0.0/8 #less"), "", `sgr-0001 ingress tcp 443 10.0.0.0/8 "less" map[]`},
		{"without the description: cleared", "sgr-0001", rule("tcp 443 443 10.0.0.0/8"), "", `sgr-0001 ingress tcp 443 10.0.0.0/8 "" map[]`},
		{"another group, tags stay", "sgr-0005", rule("tcp 1 1 sg-0db"), "", `sgr-0005 ingress tcp 1 sg-0db "" map[owner:team a]`},
		{"to a group", "sgr-0001", rule("tcp 443 443 sg-0alb"), "InvalidParameterValue", ""},
		{"to the other family", "sgr-0001", rule("tcp 443 443 ::/0"), "InvalidParameterValue", ""},
		{"to a prefix list", "sgr-0001", rule("tcp 443 443 pl-0cf"), "InvalidParameterValue", ""},
		{"without source", "sgr-0001", rule("tcp 443 443"), "InvalidParameterValue", ""},
		{"without protocol", "sgr-0001", &types.SecurityGroupRuleRequest{CidrIpv4: aws.String("10.0.0.0/8")}, "MissingParameter", ""},
		{"into one that is there", "sgr-0004", rule("tcp 8080 8090 sg-0nlb"), "InvalidPermission.Duplicate", ""},
		{"of another group", "sgr-0014", rule("tcp 443 443 10.0.0.0/8"), "InvalidSecurityGroupRuleId.NotFound", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := start(t, ec2fake.Behaviour{})
			before := f.rules("sg-0web", true)
			_, err := f.ModifySecurityGroupRules(context.Background(), &ec2.ModifySecurityGroupRulesInput{GroupId: aws.String("sg-0web"),
				SecurityGroupRules: []types.SecurityGroupRuleUpdate{{SecurityGroupRuleId: &c.id, SecurityGroupRule: c.rule}}})
			if code(err) != c.code {
				t.Fatalf("got %v, want code %q", err, c.code)
			}
			got := f.rules("sg-0web", true)
			if c.code != "" && !slices.Equal(got, before) {
				t.Errorf("refused, but changed: %q", got)
			}
			if c.code == "" && (!slices.Contains(got, c.now) || len(got) != len(before)) {
				t.Errorf("got %q, want among them %s", got, c.now)
			}
		})
	}
}

func firstRule(t *testing.T, f *fake, group string) *string {
	t.Helper()
	out, err := f.DescribeSecurityGroupRules(context.Background(), &ec2.DescribeSecurityGroupRulesInput{Filters: []types.Filter{{Name: aws.String("group-id"), Values: []string{group}}}})
	if err != nil || len(out.SecurityGroupRules) == 0 {
		t.Fatalf("rules of %s: %v %v", group, out, err)
	}
	return out.SecurityGroupRules[0].SecurityGroupRuleId
}

func TestDescriptionsAndTags(t *testing.T) {
	f := start(t, ec2fake.Behaviour{})
	ctx := context.Background()
	id := firstRule(t, f, "sg-0web")
	for _, want := range []string{"new", ""} {
		d := types.SecurityGroupRuleDescription{SecurityGroupRuleId: id}
		if want != "" {
			d.Description = &want
		}
		if _, err := f.UpdateSecurityGroupRuleDescriptionsIngress(ctx, &ec2.UpdateSecurityGroupRuleDescriptionsIngressInput{GroupId: aws.String("sg-0web"), SecurityGroupRuleDescriptions: []types.SecurityGroupRuleDescription{d}}); err != nil {
			t.Fatal(err)
		}
		if got := f.rules("sg-0web", true)[0]; !strings.Contains(got, fmt.Sprintf("%q", want)) {
			t.Errorf("got %s want description %q", got, want)
		}
	}
	if _, err := f.UpdateSecurityGroupRuleDescriptionsEgress(ctx, &ec2.UpdateSecurityGroupRuleDescriptionsEgressInput{GroupId: aws.String("sg-0web"), IpPermissions: perms([]string{"-1 - - 0.0.0.0/0 #out"})}); err != nil {
		t.Fatal(err)
	}
	if got := f.rules("sg-0web", true); !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, `egress all 0.0.0.0/0 "out"`) }) {
		t.Errorf("got %q", got)
	}
	tag := func(resource, value string) string {
		_, err := f.CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{resource}, Tags: []types.Tag{{Key: aws.String("k"), Value: &value}}})
		return code(err)
	}
	if a, b, c := tag(*id, "1"), tag(*id, "2"), tag("sg-0web", "3"); a+b+c != "" {
		t.Errorf("tags: %s %s %s", a, b, c)
	}
	if got := tag("sgr-none", "1"); got != "InvalidSecurityGroupRuleId.NotFound" {
		t.Errorf("tag of nobody: got %q", got)
	}
	if got := f.rules("sg-0web", true)[0]; !strings.HasSuffix(got, "map[k:2]") {
		t.Errorf("got %s", got)
	}
}

func TestDescribeParameters(t *testing.T) {
	f := start(t, ec2fake.Behaviour{})
	ctx := context.Background()
	filter := func(name string, values ...string) []types.Filter {
		return []types.Filter{{Name: &name, Values: values}}
	}
	for _, c := range []struct {
		name string
		in   ec2.DescribeSecurityGroupsInput
		n    int
		code string
	}{
		{"all", ec2.DescribeSecurityGroupsInput{}, 9, ""},
		{"by id", ec2.DescribeSecurityGroupsInput{GroupIds: []string{"sg-0web", "sg-0db"}}, 2, ""},
		{"id of nobody", ec2.DescribeSecurityGroupsInput{GroupIds: []string{"sg-none"}}, 0, "InvalidGroup.NotFound"},
		{"ids and pages", ec2.DescribeSecurityGroupsInput{GroupIds: []string{"sg-0web"}, MaxResults: aws.Int32(5)}, 0, "InvalidParameterCombination"},
		{"a page", ec2.DescribeSecurityGroupsInput{MaxResults: aws.Int32(5)}, 5, ""},
		{"page too small", ec2.DescribeSecurityGroupsInput{MaxResults: aws.Int32(4)}, 0, "InvalidParameterValue"},
		{"page too large", ec2.DescribeSecurityGroupsInput{MaxResults: aws.Int32(1001)}, 0, "InvalidParameterValue"},
		{"bad token", ec2.DescribeSecurityGroupsInput{NextToken: aws.String("x")}, 0, "InvalidParameterValue"},
		{"by VPC", ec2.DescribeSecurityGroupsInput{Filters: filter("vpc-id", "vpc-0b", "vpc-0c")}, 2, ""},
		{"by tag", ec2.DescribeSecurityGroupsInput{Filters: filter("tag:tier", "we*")}, 1, ""},
		{"unknown filter", ec2.DescribeSecurityGroupsInput{Filters: filter("colour", "red")}, 0, "InvalidParameterValue"},
		{"dry run", ec2.DescribeSecurityGroupsInput{DryRun: aws.Bool(true)}, 0, "DryRunOperation"},
	} {
		out, err := f.DescribeSecurityGroups(ctx, &c.in)
		if code(err) != c.code || err == nil && len(out.SecurityGroups) != c.n {
			t.Errorf("%s: got %v %v, want %d groups, code %q", c.name, out, err, c.n, c.code)
		}
	}
	out, err := f.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{Filters: filter("group-id", "sg-0web")})
	if err != nil || len(out.NetworkInterfaces) != 3 {
		t.Errorf("interfaces of sg-0web: %v %v", out, err)
	}
}

func TestDryRunChangesNothing(t *testing.T) {
	f := start(t, ec2fake.Behaviour{})
	before := f.rules("sg-0nlb", true)
	_, err := f.AuthorizeSecurityGroupIngress(context.Background(), &ec2.AuthorizeSecurityGroupIngressInput{DryRun: aws.Bool(true), GroupId: aws.String("sg-none")})
	if code(err) != "DryRunOperation" {
		t.Errorf("dry run looks at permissions only: got %v", err)
	}
	f.SetBehaviour(ec2fake.Behaviour{Denied: []string{"AuthorizeSecurityGroupIngress"}})
	_, err = f.AuthorizeSecurityGroupIngress(context.Background(), &ec2.AuthorizeSecurityGroupIngressInput{DryRun: aws.Bool(true), GroupId: aws.String("sg-0nlb")})
	if code(err) != "UnauthorizedOperation" {
		t.Errorf("dry run without permission: got %v", err)
	}
	if got := f.rules("sg-0nlb", true); !slices.Equal(got, before) {
		t.Errorf("got %q want %q", got, before)
	}
}

// TestAfter cuts the connection after the second call has taken effect: the client cannot know that it has.
func TestAfter(t *testing.T) {
	f := start(t, ec2fake.Behaviour{After: func(n int, _ string) bool { return n != 2 }})
	add := func(text string) error {
		_, err := f.AuthorizeSecurityGroupIngress(context.Background(), &ec2.AuthorizeSecurityGroupIngressInput{GroupId: aws.String("sg-0nlb"), IpPermissions: perms([]string{text})})
		return err
	}
	if err := add("tcp 1 1 10.0.0.0/8"); err != nil {
		t.Fatal(err)
	}
	if err := add("tcp 2 2 10.0.0.0/8"); err == nil {
		t.Errorf("the second call was answered")
	}
	if err := add("tcp 2 2 10.0.0.0/8"); code(err) != "InvalidPermission.Duplicate" {
		t.Errorf("the second call took no effect: %v", err)
	}
}
