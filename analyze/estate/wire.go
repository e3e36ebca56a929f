package estate

import "encoding/json"

// The shapes of the EC2 API as the AWS CLI prints them [F 4.1, 4.2], as far as the estate needs them. encoding/json matches
// member names without regard to case, so lower-camel tools are read too.

type wireTag struct{ Key, Value string }

type wireGroup struct {
	GroupId, GroupName, Description, VpcId, OwnerId string
	SecurityGroupArn                                string
	Tags                                            []wireTag
	IpPermissions, IpPermissionsEgress              []json.RawMessage
}

type wirePair struct {
	GroupId, UserId, VpcId, VpcPeeringConnectionId, PeeringStatus, Description string
}

type wireRule struct {
	SecurityGroupRuleId, GroupId, GroupOwnerId string
	SecurityGroupRuleArn                       string
	IsEgress                                   *bool
	IpProtocol                                 string
	FromPort, ToPort                           *int32
	CidrIpv4, CidrIpv6, PrefixListId           string
	ReferencedGroupInfo                        *wirePair
	Description                                string
	Tags                                       []wireTag
}

type wireAssociation struct{ PublicIp, CarrierIp, CustomerOwnedIp string }

type wireAttachment struct {
	InstanceId, InstanceOwnerId, AttachTime string
	DeleteOnTermination                     *bool
}

type wireInterface struct {
	NetworkInterfaceId, OwnerId, VpcId, SubnetId, AvailabilityZone string
	Description, InterfaceType, RequesterId, Status                string
	RequesterManaged                                               bool
	Operator                                                       *struct {
		Managed   bool
		Principal string
	}
	SourceDestCheck    *bool
	PrivateIpAddress   string
	PrivateIpAddresses []struct {
		PrivateIpAddress string
		Primary          bool
		Association      *wireAssociation
	}
	Association   *wireAssociation
	Ipv4Prefixes  []struct{ Ipv4Prefix string }
	Ipv6Addresses []struct{ Ipv6Address string }
	Ipv6Prefixes  []struct{ Ipv6Prefix string }
	Attachment    *wireAttachment
	Groups        []struct{ GroupId, GroupName string }
	TagSet, Tags  []wireTag
}

type wirePrefixList struct {
	PrefixListId, PrefixListName, PrefixListArn, OwnerId string
	AddressFamily                                        string
	MaxEntries                                           int
	Version                                              int64
	Entries                                              *[]struct{ Cidr string } // get-managed-prefix-list-entries, inline
	Cidrs                                                *[]string                // describe-prefix-lists
}

type wireState struct{ State string }

type wireVPC struct {
	VpcId, OwnerId          string
	CidrBlock               string
	CidrBlockAssociationSet []struct {
		CidrBlock      string
		CidrBlockState *wireState
	}
	Ipv6CidrBlockAssociationSet []wireIPv6Block
	IsDefault                   bool
	Tags                        []wireTag
}

type wireIPv6Block struct {
	Ipv6CidrBlock      string
	Ipv6CidrBlockState *wireState
}

type wireSubnet struct {
	SubnetId, VpcId, OwnerId, AvailabilityZone string
	CidrBlock                                  string
	Ipv6CidrBlockAssociationSet                []wireIPv6Block
	Tags                                       []wireTag
}

type wireRouteTable struct {
	RouteTableId, VpcId string
	Associations        []struct {
		Main             bool
		SubnetId         string
		GatewayId        string
		AssociationState *wireState
	}
	Routes []wireRoute
}

type wireRoute struct {
	DestinationCidrBlock, DestinationIpv6CidrBlock, DestinationPrefixListId string
	GatewayId, NatGatewayId, TransitGatewayId, VpcPeeringConnectionId       string
	EgressOnlyInternetGatewayId, NetworkInterfaceId, InstanceId             string
	LocalGatewayId, CarrierGatewayId, CoreNetworkArn, OdbNetworkArn         string
	State                                                                   string
}

type wireFlowLog struct {
	FlowLogId, ResourceId, TrafficType, LogFormat  string
	LogDestination, LogDestinationType             string
	LogGroupName                                   string
	MaxAggregationInterval                         int
	CreationTime, FlowLogStatus, DeliverLogsStatus string
	DeliverLogsErrorMessage                        string
}

type wirePeeringSide struct {
	VpcId, OwnerId, Region, CidrBlock string
	CidrBlockSet                      []struct{ CidrBlock string }
	Ipv6CidrBlockSet                  []struct{ Ipv6CidrBlock string }
}

type wirePeering struct {
	VpcPeeringConnectionId            string
	Status                            struct{ Code string }
	RequesterVpcInfo, AccepterVpcInfo wirePeeringSide
}

type wireTransitOptions struct{ SecurityGroupReferencingSupport string }

type wireTransitGateway struct {
	TransitGatewayId string
	Options          wireTransitOptions
}

// wireTransitAttachment is both describe-transit-gateway-vpc-attachments and describe-transit-gateway-attachments.
type wireTransitAttachment struct {
	TransitGatewayAttachmentId, TransitGatewayId, State string
	VpcId, VpcOwnerId                                   string
	ResourceType, ResourceId, ResourceOwnerId           string
	Options                                             *wireTransitOptions
}

type wireEndpoint struct {
	VpcEndpointId, VpcId, VpcEndpointType, ServiceName string
	NetworkInterfaceIds, RouteTableIds                 []string
	Groups                                             []struct{ GroupId string }
}

type wireAssociationVPC struct{ GroupId, VpcId, State string }

// wireQuota is of list-service-quotas.
type wireQuota struct {
	QuotaArn, QuotaCode string
	Value               float64
}
