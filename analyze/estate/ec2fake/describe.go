package ec2fake

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/sgtrim/sgtrim/analyze/estate"
)

// describe is one describe call: which objects it answers, how they are chosen, and in pages of which size [F 4.1].
type describe struct {
	kind      estate.Kind
	idParam   string            // the list parameter with ids, as it stands on the wire; "" when there is none
	idMember  string            // the member that it names
	notFound  string            // the error of an id that does not exist
	filters   map[string]string // filter name → member path; tags are added where tagMember is set
	filter    string            // the parameter of the filters; "" is Filter
	tagMember string
	min, max  int
}

var describes = map[string]describe{
	"DescribeSecurityGroups": {
		kind: estate.SecurityGroups, idParam: "GroupId", idMember: "GroupId", notFound: "InvalidGroup.NotFound", tagMember: "Tags",
		filters: map[string]string{"group-id": "GroupId", "group-name": "GroupName", "vpc-id": "VpcId", "owner-id": "OwnerId"}, min: 5, max: 1000},
	"DescribeSecurityGroupRules": {
		kind: estate.SecurityGroupRules, idParam: "SecurityGroupRuleId", idMember: "SecurityGroupRuleId",
		notFound: "InvalidSecurityGroupRuleId.NotFound", tagMember: "Tags",
		filters: map[string]string{"group-id": "GroupId", "security-group-rule-id": "SecurityGroupRuleId"}, min: 5, max: 1000},
	"DescribeNetworkInterfaces": {
		kind: estate.NetworkInterfaces, idParam: "NetworkInterfaceId", idMember: "NetworkInterfaceId",
		notFound: "InvalidNetworkInterfaceID.NotFound", tagMember: "TagSet",
		filters: map[string]string{"group-id": "Groups.GroupId", "vpc-id": "VpcId", "subnet-id": "SubnetId", "owner-id": "OwnerId",
			"network-interface-id": "NetworkInterfaceId", "addresses.private-ip-address": "PrivateIpAddresses.PrivateIpAddress"}, min: 5, max: 1000},
	"DescribeManagedPrefixLists": {
		kind: estate.PrefixLists, idParam: "PrefixListId", idMember: "PrefixListId", notFound: "InvalidPrefixListID.NotFound",
		filters: map[string]string{"owner-id": "OwnerId", "prefix-list-id": "PrefixListId", "prefix-list-name": "PrefixListName"}, min: 1, max: 100},
	"DescribeVpcs": {
		kind: estate.VPCs, idParam: "VpcId", idMember: "VpcId", notFound: "InvalidVpcID.NotFound", tagMember: "Tags",
		filters: map[string]string{"vpc-id": "VpcId", "owner-id": "OwnerId"}, min: 5, max: 1000},
	"DescribeSubnets": {
		kind: estate.Subnets, idParam: "SubnetId", idMember: "SubnetId", notFound: "InvalidSubnetID.NotFound", tagMember: "Tags",
		filters: map[string]string{"vpc-id": "VpcId", "subnet-id": "SubnetId"}, min: 5, max: 1000},
	"DescribeRouteTables": {
		kind: estate.RouteTables, idParam: "RouteTableId", idMember: "RouteTableId", notFound: "InvalidRouteTableID.NotFound", tagMember: "Tags",
		filters: map[string]string{"vpc-id": "VpcId", "route-table-id": "RouteTableId"}, min: 5, max: 100},
	"DescribeFlowLogs": {
		kind: estate.FlowLogs, idParam: "FlowLogId", idMember: "FlowLogId", notFound: "InvalidFlowLogId.NotFound", tagMember: "Tags",
		filters: map[string]string{"flow-log-id": "FlowLogId", "resource-id": "ResourceId", "traffic-type": "TrafficType"}, min: 1, max: 1000},
	"DescribeVpcPeeringConnections": {
		kind: estate.VPCPeeringConnections, idParam: "VpcPeeringConnectionId", idMember: "VpcPeeringConnectionId",
		notFound: "InvalidVpcPeeringConnectionID.NotFound", tagMember: "Tags",
		filters: map[string]string{"vpc-peering-connection-id": "VpcPeeringConnectionId", "status-code": "Status.Code"}, min: 5, max: 1000},
	"DescribeVpcEndpoints": {
		kind: estate.VPCEndpoints, idParam: "VpcEndpointId", idMember: "VpcEndpointId", notFound: "InvalidVpcEndpointId.NotFound", tagMember: "Tags",
		filters: map[string]string{"vpc-id": "VpcId", "vpc-endpoint-id": "VpcEndpointId"}, min: 1, max: 1000},
	"DescribeTransitGateways": {
		kind: estate.TransitGateways, idParam: "TransitGatewayIds", idMember: "TransitGatewayId",
		notFound: "InvalidTransitGatewayID.NotFound", tagMember: "Tags",
		filters: map[string]string{"transit-gateway-id": "TransitGatewayId"}, min: 5, max: 1000},
	"DescribeTransitGatewayVpcAttachments": {
		kind: estate.TransitGatewayVPCAttachments, idParam: "TransitGatewayAttachmentIds", idMember: "TransitGatewayAttachmentId",
		notFound: "InvalidTransitGatewayAttachmentID.NotFound", tagMember: "Tags",
		filters: map[string]string{"vpc-id": "VpcId", "transit-gateway-id": "TransitGatewayId", "state": "State"}, min: 5, max: 1000},
	"DescribeSecurityGroupVpcAssociations": {
		kind:    estate.SecurityGroupVPCAssociations,
		filters: map[string]string{"group-id": "GroupId", "vpc-id": "VpcId", "state": "State"}, min: 5, max: 1000},
}

func (d describe) handle(st *state, p params) (object, *apiError) {
	ids := p.strings(d.idParam)
	if len(ids) > 0 && p.get("MaxResults").present {
		return nil, fail("InvalidParameterCombination", "The parameter %s cannot be used with the parameter maxResults", d.idParam)
	}
	list := st.objects(d.kind)
	for _, id := range ids {
		if !slices.ContainsFunc(list, func(o object) bool { return o[d.idMember] == id }) {
			return nil, fail(d.notFound, "The ID '%s' does not exist", id)
		}
	}
	var kept []any
	for _, o := range list {
		if len(ids) > 0 && !slices.Contains(ids, text(o, d.idMember)) {
			continue
		}
		ok, e := d.passes(o, p.list(cmp.Or(d.filter, "Filter")))
		if e != nil {
			return nil, e
		}
		if ok {
			kept = append(kept, o)
		}
	}
	return st.page(string(d.kind), kept, p, d.min, d.max)
}

// passes reports whether the object meets every filter; a filter is met by any of its values, with * and ? as wildcards.
func (d describe) passes(o object, filters []params) (bool, *apiError) {
	for _, f := range filters {
		name := f.str("Name")
		var found []string
		switch key, isTag := strings.CutPrefix(name, "tag:"); {
		case isTag && d.tagMember != "":
			tags, _ := o[d.tagMember].([]any)
			for _, t := range tags {
				if tag, ok := t.(object); ok && tag["Key"] == key {
					found = append(found, text(tag, "Value"))
				}
			}
		case d.filters[name] != "":
			found = values(o, strings.Split(d.filters[name], "."))
		default:
			return false, fail("InvalidParameterValue", "The filter '%s' is invalid", name)
		}
		met := slices.ContainsFunc(f.strings("Value"), func(want string) bool {
			return slices.ContainsFunc(found, func(v string) bool {
				ok, err := path.Match(strings.ReplaceAll(want, "/", "|"), strings.ReplaceAll(v, "/", "|"))
				return ok && err == nil
			})
		})
		if !met {
			return false, nil
		}
	}
	return true, nil
}

// values are the strings at a member path, through lists.
func values(v any, path []string) []string {
	switch v := v.(type) {
	case []any:
		var out []string
		for _, item := range v {
			out = append(out, values(item, path)...)
		}
		return out
	case object:
		if len(path) > 0 {
			return values(v[path[0]], path[1:])
		}
	case string:
		return []string{v}
	}
	return nil
}

// page cuts a list as EC2 does: everything when MaxResults is not given, and an opaque token while there is more.
func (st *state) page(member string, list []any, p params, least, most int) (object, *apiError) {
	start := 0
	if token := p.str("NextToken"); token != "" {
		raw, err := base64.StdEncoding.DecodeString(token)
		text, ok := strings.CutPrefix(string(raw), member+":")
		n, err2 := strconv.Atoi(text)
		if err != nil || err2 != nil || !ok || n < 0 || n > len(list) {
			return nil, fail("InvalidParameterValue", "The token '%s' is invalid", token)
		}
		start = n
	}
	end := len(list)
	if p.get("MaxResults").present {
		n, err := strconv.Atoi(p.str("MaxResults"))
		if err != nil || n < least || n > most {
			return nil, fail("InvalidParameterValue", "Value ( %s ) for parameter maxResults is invalid. Expecting a value between %d and %d.", p.str("MaxResults"), least, most)
		}
		if st.pageSize > 0 {
			n = min(n, st.pageSize)
		}
		end = min(end, start+n)
	}
	answer := object{member: append([]any{}, list[start:end]...)}
	if end < len(list) {
		answer["NextToken"] = base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%s:%d", member, end))
	}
	return answer, nil
}

func listEntries(st *state, p params) (object, *apiError) {
	id := p.str("PrefixListId")
	if id == "" {
		return nil, fail("MissingParameter", "The request must contain the parameter PrefixListId")
	}
	o := st.prefixList(id)
	if o == nil {
		return nil, fail("InvalidPrefixListID.NotFound", "The prefix list ID '%s' does not exist", id)
	}
	entries, _ := o["Entries"].([]any)
	return st.page("Entries", entries, p, 1, 100)
}
