package estate

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/sgtrim/sgtrim/analyze"
)

// service recognises the AWS service behind an interface [F 6]. A rule of the table holds when all its members that are set
// hold; the first one wins.
type service struct {
	name    string
	types   []string // InterfaceType
	prefix  string   // of the description
	exact   string   // the whole description
	within  string   // somewhere in the description
	ownedBy string   // Attachment.InstanceOwnerId
}

var services = []service{
	{name: "ALB", prefix: "ELB app/"},
	{name: "NLB", prefix: "ELB net/"},
	{name: "NLB", types: []string{"network_load_balancer"}},
	{name: "GWLB", prefix: "ELB gwy/"},
	{name: "GWLB", types: []string{"gateway_load_balancer"}},
	{name: "GWLB endpoint", types: []string{"gateway_load_balancer_endpoint"}},
	{name: "Classic ELB", prefix: "ELB "},
	{name: "RDS", exact: "RDSNetworkInterface"},
	{name: "Redshift", exact: "RedshiftNetworkInterface"},
	{name: "ElastiCache", prefix: "ElastiCache"},
	{name: "Lambda", types: []string{"lambda"}},
	{name: "Lambda", prefix: "AWS Lambda VPC ENI"},
	{name: "NAT gateway", types: []string{"nat_gateway", "natGateway", "regional_nat_gateway"}},
	{name: "NAT gateway", prefix: "Interface for NAT Gateway "},
	{name: "VPC endpoint", types: []string{"vpc_endpoint"}},
	{name: "VPC endpoint", prefix: "VPC Endpoint Interface "},
	{name: "EFS", types: []string{"efs"}},
	{name: "EFS", prefix: "EFS mount target for "},
	{name: "ECS task", prefix: "arn:aws:ecs:"},
	{name: "ECS task", prefix: "arn:aws-cn:ecs:"},
	{name: "ECS task", prefix: "arn:aws-us-gov:ecs:"},
	{name: "ECS task", prefix: "arn:aws", within: ":ecs:"},
	{name: "EKS pods", types: []string{"trunk", "branch"}},
	{name: "EKS pods", prefix: "aws-k8s-"},
	{name: "EKS pods", prefix: "aws-K8S-"},
	{name: "EKS control plane", prefix: "Amazon EKS "},
	{name: "Transit gateway", types: []string{"transit_gateway"}},
	{name: "Transit gateway", prefix: "Network Interface for Transit Gateway Attachment "},
	{name: "Global Accelerator", types: []string{"global_accelerator_managed"}},
	{name: "EMR", prefix: "AWS ElasticMapReduce"},
	{name: "Directory Service", prefix: "AWS created network interface for directory "},
	{name: "DMS", exact: "DMSNetworkInterface"},
	{name: "CloudHSM", prefix: "CloudHSM"},
	{name: "CloudHSM", prefix: "CloudHsm"},
	{name: "API Gateway", types: []string{"api_gateway_managed"}},
	{name: "EC2 Instance Connect endpoint", types: []string{"ec2_instance_connect_endpoint"}},
	{name: "QuickSight", types: []string{"quicksight"}},
	{name: "IoT rules", types: []string{"iot_rules_managed"}},
	{name: "CodeStar connections", types: []string{"aws_codestar_connections_managed"}},
	{name: "EVS", types: []string{"evs"}},
	{name: "ELB", ownedBy: "amazon-elb"},
	{name: "RDS", ownedBy: "amazon-rds"},
	{name: "Redshift", ownedBy: "amazon-redshift"},
	{name: "ElastiCache", ownedBy: "amazon-elasticache"},
	{name: "AWS service", ownedBy: "amazon-aws"},
}

func (s *service) is(i *Interface) bool {
	if s.types != nil {
		found := false
		for _, t := range s.types {
			found = found || t == i.Type
		}
		if !found {
			return false
		}
	}
	return strings.HasPrefix(i.Description, s.prefix) && (s.exact == "" || s.exact == i.Description) &&
		strings.Contains(i.Description, s.within) && (s.ownedBy == "" || s.ownedBy == i.InstanceOwner)
}

// autoscalingTag is the tag that Auto Scaling puts on what it launches.
const autoscalingTag = "aws:autoscaling:groupName"

// Managed names the service that owns the interface and moves its addresses as it likes: never pin a rule to them [F 6].
// Instances of an account's own are not managed, unless a tag on the interface itself says Auto Scaling.
func (x *Index) Managed(i *Interface) (service string, managed bool) { return managedBy(i) }

func managedBy(i *Interface) (string, bool) {
	for k := range services {
		if services[k].is(i) {
			return services[k].name, true
		}
	}
	switch i.Type {
	case "", "interface", "efa", "efa-only":
	default:
		return i.Type, true
	}
	if i.RequesterManaged {
		return cmp.Or(i.Operator, "AWS service"), true
	}
	if i.Tags[autoscalingTag] != "" {
		return "Auto Scaling", true
	}
	if i.InstanceID != "" {
		return "EC2 instance", false
	}
	return "", false
}

// Autoscaling reports whether the interface's instance comes from Auto Scaling: Yes by the interface's tag; Maybe for other
// instances, because the tags of instances are not in the estate; No where there is no instance.
func (x *Index) Autoscaling(i *Interface) analyze.Match {
	switch {
	case i.Tags[autoscalingTag] != "":
		return analyze.Yes
	case i.InstanceID != "":
		return analyze.Maybe
	}
	return analyze.No
}

// interfaceName is what people call the machine behind the interface.
func interfaceName(i *Interface) string {
	name, managed := managedBy(i)
	detail := cmp.Or(i.Tags["Name"], i.InstanceID, i.ID)
	switch {
	case !managed && i.InstanceID != "" && i.Tags["Name"] != "":
		return i.Tags["Name"] + " (" + i.InstanceID + ")"
	case !managed && i.InstanceID != "":
		return i.InstanceID
	case name == "":
		return detail
	}
	for _, prefix := range []string{"ELB ", "Interface for NAT Gateway ", "VPC Endpoint Interface ", "EFS mount target for ", "Amazon EKS ", "ElastiCache ", "ElastiCache+"} {
		if rest, ok := strings.CutPrefix(i.Description, prefix); ok {
			detail = rest
		}
	}
	return name + " " + detail
}

// networkName is what people call the place of an address that nobody holds now.
func networkName(s *Subnet, v *VPC) string {
	switch {
	case s != nil && s.Tags["Name"] != "":
		return "subnet " + s.Tags["Name"] + " (" + s.ID + ")"
	case s != nil:
		return "subnet " + s.ID
	case v != nil && v.Tags["Name"] != "":
		return "VPC " + v.Tags["Name"] + " (" + v.ID + ")"
	case v != nil && v.ID != "":
		return v.ID
	}
	return "private address"
}

// PrefixName is what people call the addresses of a rule of a group in the VPC: the machine of now behind a single one, a subnet
// or VPC that they are the whole of, the AWS service that owns a single public one. "" where there is no such name.
func (x *Index) PrefixName(vpc string, p netip.Prefix) string {
	if n := x.networks[vpc]; n != nil {
		if p.IsSingleIP() {
			for _, i := range n.holders(p.Addr()) {
				if x.e.Interfaces[i.ID] == i {
					return x.names[i]
				}
			}
		}
		if s, ok := n.subnets.Get(p); ok && s.Tags["Name"] != "" {
			return networkName(s, nil)
		}
		if slices.Contains(n.vpc.CIDRs, p) && n.vpc.Tags["Name"] != "" {
			return networkName(nil, n.vpc)
		}
	}
	if !p.IsSingleIP() {
		return ""
	}
	if name, ok := x.public[p.Addr()]; ok {
		return "public address of " + name
	}
	return x.ranges.lookup(p.Addr())
}
