package live

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/sgtrim/sgtrim/analyze/estate"
)

// call is one describe call of the snapshot.
type call struct {
	kind     estate.Kind
	action   string
	required bool
	page     page
}

// Page sizes are the largest that EC2 takes [F 4.1]; ids are never given along, which EC2 refuses.
var (
	thousand = aws.Int32(1000)
	hundred  = aws.Int32(100)
)

var calls = []call{
	{estate.SecurityGroups, "DescribeSecurityGroups", true,
		func(ctx context.Context, c *ec2.Client, token *string, o func(*ec2.Options)) (any, *string, error) {
			out, err := c.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{MaxResults: thousand, NextToken: token}, o)
			if err != nil {
				return nil, nil, err
			}
			return out.SecurityGroups, out.NextToken, nil
		}},
	{estate.SecurityGroupRules, "DescribeSecurityGroupRules", false,
		func(ctx context.Context, c *ec2.Client, token *string, o func(*ec2.Options)) (any, *string, error) {
			out, err := c.DescribeSecurityGroupRules(ctx, &ec2.DescribeSecurityGroupRulesInput{MaxResults: thousand, NextToken: token}, o)
			if err != nil {
				return nil, nil, err
			}
			return out.SecurityGroupRules, out.NextToken, nil
		}},
	{estate.NetworkInterfaces, "DescribeNetworkInterfaces", true,
		func(ctx context.Context, c *ec2.Client, token *string, o func(*ec2.Options)) (any, *string, error) {
			out, err := c.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{
				MaxResults: thousand, NextToken: token,
				IncludeManagedResources: aws.Bool(true), // interfaces of service providers may be hidden otherwise [F 4.2]
			}, o)
			if err != nil {
				return nil, nil, err
			}
			return out.NetworkInterfaces, out.NextToken, nil
		}},
	{estate.PrefixLists, "DescribeManagedPrefixLists", false,
		func(ctx context.Context, c *ec2.Client, token *string, o func(*ec2.Options)) (any, *string, error) {
			out, err := c.DescribeManagedPrefixLists(ctx, &ec2.DescribeManagedPrefixListsInput{MaxResults: hundred, NextToken: token}, o)
			if err != nil {
				return nil, nil, err
			}
			return out.PrefixLists, out.NextToken, nil
		}},
	{estate.VPCs, "DescribeVpcs", false,
		func(ctx context.Context, c *ec2.Client, token *string, o func(*ec2.Options)) (any, *string, error) {
			out, err := c.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{MaxResults: thousand, NextToken: token}, o)
			if err != nil {
				return nil, nil, err
			}
			return out.Vpcs, out.NextToken, nil
		}},
	{estate.Subnets, "DescribeSubnets", false,
		func(ctx context.Context, c *ec2.Client, token *string, o func(*ec2.Options)) (any, *string, error) {
			out, err := c.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{MaxResults: thousand, NextToken: token}, o)
			if err != nil {
				return nil, nil, err
			}
			return out.Subnets, out.NextToken, nil
		}},
	{estate.RouteTables, "DescribeRouteTables", false,
		func(ctx context.Context, c *ec2.Client, token *string, o func(*ec2.Options)) (any, *string, error) {
			out, err := c.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{MaxResults: hundred, NextToken: token}, o)
			if err != nil {
				return nil, nil, err
			}
			return out.RouteTables, out.NextToken, nil
		}},
	{estate.FlowLogs, "DescribeFlowLogs", false,
		func(ctx context.Context, c *ec2.Client, token *string, o func(*ec2.Options)) (any, *string, error) {
			out, err := c.DescribeFlowLogs(ctx, &ec2.DescribeFlowLogsInput{MaxResults: thousand, NextToken: token}, o)
			if err != nil {
				return nil, nil, err
			}
			return out.FlowLogs, out.NextToken, nil
		}},
	{estate.VPCPeeringConnections, "DescribeVpcPeeringConnections", false,
		func(ctx context.Context, c *ec2.Client, token *string, o func(*ec2.Options)) (any, *string, error) {
			out, err := c.DescribeVpcPeeringConnections(ctx, &ec2.DescribeVpcPeeringConnectionsInput{MaxResults: thousand, NextToken: token}, o)
			if err != nil {
				return nil, nil, err
			}
			return out.VpcPeeringConnections, out.NextToken, nil
		}},
	{estate.VPCEndpoints, "DescribeVpcEndpoints", false,
		func(ctx context.Context, c *ec2.Client, token *string, o func(*ec2.Options)) (any, *string, error) {
			out, err := c.DescribeVpcEndpoints(ctx, &ec2.DescribeVpcEndpointsInput{MaxResults: thousand, NextToken: token}, o)
			if err != nil {
				return nil, nil, err
			}
			return out.VpcEndpoints, out.NextToken, nil
		}},
	{estate.TransitGateways, "DescribeTransitGateways", false,
		func(ctx context.Context, c *ec2.Client, token *string, o func(*ec2.Options)) (any, *string, error) {
			out, err := c.DescribeTransitGateways(ctx, &ec2.DescribeTransitGatewaysInput{MaxResults: thousand, NextToken: token}, o)
			if err != nil {
				return nil, nil, err
			}
			return out.TransitGateways, out.NextToken, nil
		}},
	{estate.TransitGatewayVPCAttachments, "DescribeTransitGatewayVpcAttachments", false,
		func(ctx context.Context, c *ec2.Client, token *string, o func(*ec2.Options)) (any, *string, error) {
			out, err := c.DescribeTransitGatewayVpcAttachments(ctx, &ec2.DescribeTransitGatewayVpcAttachmentsInput{MaxResults: thousand, NextToken: token}, o)
			if err != nil {
				return nil, nil, err
			}
			return out.TransitGatewayVpcAttachments, out.NextToken, nil
		}},
	{estate.SecurityGroupVPCAssociations, "DescribeSecurityGroupVpcAssociations", false,
		func(ctx context.Context, c *ec2.Client, token *string, o func(*ec2.Options)) (any, *string, error) {
			out, err := c.DescribeSecurityGroupVpcAssociations(ctx, &ec2.DescribeSecurityGroupVpcAssociationsInput{MaxResults: thousand, NextToken: token}, o)
			if err != nil {
				return nil, nil, err
			}
			return out.SecurityGroupVpcAssociations, out.NextToken, nil
		}},
}

// entriesOf asks for the entries of one prefix list.
func entriesOf(id string) page {
	return func(ctx context.Context, c *ec2.Client, token *string, o func(*ec2.Options)) (any, *string, error) {
		out, err := c.GetManagedPrefixListEntries(ctx, &ec2.GetManagedPrefixListEntriesInput{
			PrefixListId: aws.String(id), MaxResults: hundred, NextToken: token,
		}, o)
		if err != nil {
			return nil, nil, err
		}
		return out.Entries, out.NextToken, nil
	}
}
