package world

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

type object = map[string]any

// WriteEstate writes the estate as it stands at the window's end, as a folder of saved AWS CLI outputs [F 4.1, 4.2]. Only
// interfaces alive then are in it, as in EC2's answers.
func (w *World) WriteEstate(dir string) error { return w.WriteEstateAt(dir, w.Window().End()) }

// WriteEstateAt writes the estate with the interfaces alive at time t. Rules are the same all the time.
func (w *World) WriteEstateAt(dir string, t time.Time) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("world: estate: %w", err)
	}
	files := map[string]object{
		"describe-security-groups":         {"SecurityGroups": w.securityGroups()},
		"describe-security-group-rules":    {"SecurityGroupRules": w.securityGroupRules()},
		"describe-network-interfaces":      {"NetworkInterfaces": w.networkInterfaces(t.Unix())},
		"describe-managed-prefix-lists":    {"PrefixLists": w.managedPrefixLists()},
		"describe-vpcs":                    {"Vpcs": w.vpcs()},
		"describe-subnets":                 {"Subnets": w.subnets()},
		"describe-route-tables":            {"RouteTables": w.routeTables()},
		"describe-flow-logs":               {"FlowLogs": w.flowLogs()},
		"describe-vpc-peering-connections": {"VpcPeeringConnections": w.peerings()},
		"describe-vpc-endpoints":           {"VpcEndpoints": w.endpoints()},
	}
	for _, p := range w.PrefixLists {
		files[p.ID] = object{"Entries": entries(p)}
	}
	for name, content := range files {
		b, err := json.MarshalIndent(content, "", "    ")
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name+".json"), append(b, '\n'), 0o644)
		}
		if err != nil {
			return fmt.Errorf("world: estate: %w", err)
		}
	}
	return nil
}

func tags(m map[string]string) []object {
	list := []object{}
	for k, v := range m {
		list = append(list, object{"Key": k, "Value": v})
	}
	slices.SortFunc(list, func(a, b object) int { return strings.Compare(a["Key"].(string), b["Key"].(string)) })
	return list
}

func withName(m map[string]string, name string) map[string]string {
	t := map[string]string{"Name": name}
	for k, v := range m {
		t[k] = v
	}
	return t
}

func (w *World) arn(kind, id string) string {
	return fmt.Sprintf("arn:%s:ec2:%s:%s:%s/%s", w.partition(), w.Region, w.Account, kind, id)
}

// partition is that of the region [F 8].
func (w *World) partition() string {
	switch {
	case strings.HasPrefix(w.Region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(w.Region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

func (w *World) securityGroups() []object {
	list := []object{}
	for _, g := range w.Groups {
		list = append(list, object{"GroupId": g.ID, "GroupName": g.Name, "Description": g.Description, "VpcId": g.VPC.ID, "OwnerId": w.Account,
			"SecurityGroupArn": w.arn("security-group", g.ID), "Tags": tags(g.Tags),
			"IpPermissions": w.permissions(g, false), "IpPermissionsEgress": w.permissions(g, true)})
	}
	return list
}

// permissions groups sources by protocol and ports, as EC2 does [F 4.1].
func (w *World) permissions(g *Group, egress bool) []object {
	type service struct {
		proto    string
		from, to int
	}
	list, at := []object{}, map[service]object{}
	for _, r := range g.Rules {
		if r.Egress != egress {
			continue
		}
		s := service{r.Protocol, r.From, r.To}
		p := at[s]
		if p == nil {
			p = object{"IpProtocol": r.Protocol, "IpRanges": []object{}, "Ipv6Ranges": []object{}, "PrefixListIds": []object{}, "UserIdGroupPairs": []object{}}
			if hasPorts(r.Protocol) {
				p["FromPort"], p["ToPort"] = r.From, r.To
			}
			at[s] = p
			list = append(list, p)
		}
		kind, source := w.source(r)
		if r.Description != "" {
			source["Description"] = r.Description
		}
		p[kind] = append(p[kind].([]object), source)
	}
	return list
}

func hasPorts(proto string) bool {
	return slices.Contains([]string{"tcp", "udp", "icmp", "icmpv6"}, proto)
}

// source is a rule's peer in the shape of an IpPermission.
func (w *World) source(r *Rule) (kind string, o object) {
	switch {
	case strings.HasPrefix(r.Peer, "pl-"):
		return "PrefixListIds", object{"PrefixListId": r.Peer}
	case strings.HasPrefix(r.Peer, "sg-"):
		o = object{"GroupId": r.Peer, "UserId": w.Account}
		if r.PeeringID != "" {
			o["VpcPeeringConnectionId"], o["PeeringStatus"], o["VpcId"] = r.PeeringID, "active", w.groupByID(r.Peer).VPC.ID
		}
		return "UserIdGroupPairs", o
	case strings.Contains(r.Peer, ":"):
		return "Ipv6Ranges", object{"CidrIpv6": r.Peer}
	}
	return "IpRanges", object{"CidrIp": r.Peer}
}

func (w *World) groupByID(id string) *Group {
	for _, g := range w.Groups {
		if g.ID == id {
			return g
		}
	}
	return nil
}

func (w *World) securityGroupRules() []object {
	list := []object{}
	for _, g := range w.Groups {
		for _, r := range g.Rules {
			o := object{"SecurityGroupRuleId": r.ID, "GroupId": g.ID, "GroupOwnerId": w.Account, "IsEgress": r.Egress, "IpProtocol": r.Protocol,
				"FromPort": -1, "ToPort": -1, "Tags": []object{}, "SecurityGroupRuleArn": w.arn("security-group-rule", r.ID)}
			if hasPorts(r.Protocol) {
				o["FromPort"], o["ToPort"] = r.From, r.To
			}
			if r.Description != "" {
				o["Description"] = r.Description
			}
			kind, source := w.source(r)
			if kind == "UserIdGroupPairs" {
				o["ReferencedGroupInfo"] = source
			}
			for from, to := range map[string]string{"CidrIp": "CidrIpv4", "CidrIpv6": "CidrIpv6", "PrefixListId": "PrefixListId"} {
				if v, ok := source[from]; ok {
					o[to] = v
				}
			}
			list = append(list, o)
		}
	}
	return list
}

func (w *World) networkInterfaces(t int64) []object {
	list := []object{}
	for _, m := range w.InterfacesAt(t) {
		list = append(list, w.networkInterface(m))
	}
	return list
}

func (w *World) networkInterface(m *Interface) object {
	groups, v6, private := []object{}, []object{}, []object{{"PrivateIpAddress": m.Primary.String(), "Primary": true}}
	for _, g := range m.Groups {
		groups = append(groups, object{"GroupId": g.ID, "GroupName": g.Name})
	}
	if m.Primary6.IsValid() {
		v6 = append(v6, object{"Ipv6Address": m.Primary6.String(), "IsPrimaryIpv6": true})
	}
	for _, a := range m.Secondary {
		private = append(private, object{"PrivateIpAddress": a.String(), "Primary": false})
	}
	o := object{"NetworkInterfaceId": m.ID, "OwnerId": w.Account, "VpcId": m.VPC().ID, "SubnetId": m.Subnet.ID, "AvailabilityZone": m.Subnet.AZ,
		"Description": m.Description, "InterfaceType": m.Type, "RequesterManaged": m.RequesterID != "", "Status": "in-use",
		"SourceDestCheck": !m.SourceDestSkip, "PrivateIpAddress": m.Primary.String(), "PrivateIpAddresses": private, "Ipv6Addresses": v6,
		"Groups": groups, "TagSet": tags(withName(m.Tags, m.Name)),
		"MacAddress": fmt.Sprintf("02:%02x:%02x:%02x:%02x:%02x", byte(m.index>>16), byte(m.index>>8), byte(m.index), byte(m.phase>>8), byte(m.phase))}
	if m.PublicIP.IsValid() {
		a := object{"PublicIp": m.PublicIP.String(), "IpOwnerId": w.Account}
		o["Association"], private[0]["Association"] = a, a
	}
	attach := object{"Status": "attached", "DeviceIndex": 0, "AttachTime": time.Unix(m.From, 0).UTC().Format(time.RFC3339),
		"InstanceOwnerId": w.Account, "AttachmentId": "eni-attach-" + m.ID[len("eni-"):]}
	if m.InstanceID != "" {
		attach["InstanceId"] = m.InstanceID
	}
	if m.RequesterID != "" {
		o["RequesterId"], attach["InstanceOwnerId"] = m.RequesterID, "amazon-aws"
		if strings.HasPrefix(m.RequesterID, "amazon-") {
			attach["InstanceOwnerId"] = m.RequesterID
		}
	}
	o["Attachment"] = attach
	return o
}

func (w *World) managedPrefixLists() []object {
	list := []object{}
	for _, p := range w.PrefixLists {
		o := object{"PrefixListId": p.ID, "PrefixListName": p.Name, "OwnerId": p.Owner, "AddressFamily": p.Family, "State": "create-complete"}
		account := "aws"
		if p.Owner != "AWS" {
			account = w.Account
			o["MaxEntries"], o["Version"], o["Tags"] = p.MaxEntries, 1, []object{}
		}
		o["PrefixListArn"] = fmt.Sprintf("arn:%s:ec2:%s:%s:prefix-list/%s", w.partition(), w.Region, account, p.ID)
		list = append(list, o)
	}
	return list
}

func entries(p *PrefixList) []object {
	list := []object{}
	for _, e := range p.Entries {
		list = append(list, object{"Cidr": e.String(), "Description": ""})
	}
	return list
}

func (w *World) vpcs() []object {
	list := []object{}
	for _, v := range w.VPCs {
		list = append(list, object{"VpcId": v.ID, "OwnerId": w.Account, "CidrBlock": v.CIDR.String(), "IsDefault": false, "State": "available",
			"CidrBlockAssociationSet":     []object{{"CidrBlock": v.CIDR.String(), "CidrBlockState": object{"State": "associated"}}},
			"Ipv6CidrBlockAssociationSet": []object{{"Ipv6CidrBlock": v.CIDR6.String(), "Ipv6CidrBlockState": object{"State": "associated"}}},
			"Tags":                        tags(withName(nil, v.Name))})
	}
	return list
}

func (w *World) subnets() []object {
	list := []object{}
	for _, v := range w.VPCs {
		for _, s := range v.Subnets {
			list = append(list, object{"SubnetId": s.ID, "VpcId": v.ID, "OwnerId": w.Account, "CidrBlock": s.CIDR.String(), "State": "available",
				"AvailabilityZone": s.AZ, "AvailabilityZoneId": s.AZID, "MapPublicIpOnLaunch": s.Table == v.Public,
				"Ipv6CidrBlockAssociationSet": []object{{"Ipv6CidrBlock": s.CIDR6.String(), "Ipv6CidrBlockState": object{"State": "associated"}}},
				"Tags":                        tags(withName(nil, v.Name+"-"+s.Name))})
		}
	}
	return list
}

func (w *World) routeTables() []object {
	list := []object{}
	for _, t := range w.RouteTables {
		associations, routes := []object{}, []object{}
		if t.Main {
			associations = append(associations, object{"Main": true, "RouteTableId": t.ID, "AssociationState": object{"State": "associated"}})
		}
		for _, s := range t.VPC.Subnets {
			if s.Table == t {
				associations = append(associations, object{"Main": false, "RouteTableId": t.ID, "SubnetId": s.ID, "AssociationState": object{"State": "associated"}})
			}
		}
		for _, r := range t.Routes {
			routes = append(routes, route(r))
		}
		list = append(list, object{"RouteTableId": t.ID, "VpcId": t.VPC.ID, "OwnerId": w.Account, "Associations": associations, "Routes": routes, "Tags": []object{}})
	}
	return list
}

func route(r Route) object {
	o := object{"State": "active", "Origin": "CreateRoute"}
	if r.Target == "local" {
		o["Origin"] = "CreateRouteTable"
	}
	if p, err := netip.ParsePrefix(r.Destination); err != nil {
		o["DestinationPrefixListId"] = r.Destination
	} else if p.Addr().Is6() {
		o["DestinationIpv6CidrBlock"] = r.Destination
	} else {
		o["DestinationCidrBlock"] = r.Destination
	}
	switch prefix, _, _ := strings.Cut(r.Target, "-"); prefix {
	case "nat":
		o["NatGatewayId"] = r.Target
	case "pcx":
		o["VpcPeeringConnectionId"] = r.Target
	default:
		o["GatewayId"] = r.Target
	}
	return o
}

func (w *World) flowLogs() []object {
	list := []object{}
	format := "${" + strings.Join(w.Fields, "} ${") + "}"
	for _, f := range w.FlowLogs {
		list = append(list, object{"FlowLogId": f.ID, "ResourceId": f.VPC.ID, "TrafficType": "ALL", "LogDestinationType": "s3",
			"LogDestination": "arn:" + w.partition() + ":s3:::flow-logs-" + w.Account, "LogFormat": format, "MaxAggregationInterval": f.Aggregation,
			"CreationTime": w.Start.AddDate(0, 0, -1).UTC().Format(time.RFC3339), "FlowLogStatus": "ACTIVE", "DeliverLogsStatus": "SUCCESS",
			"Tags": []object{}})
	}
	return list
}

func (w *World) peerings() []object {
	side := func(v *VPC) object {
		return object{"VpcId": v.ID, "OwnerId": w.Account, "Region": w.Region, "CidrBlock": v.CIDR.String(),
			"CidrBlockSet": []object{{"CidrBlock": v.CIDR.String()}}, "Ipv6CidrBlockSet": []object{{"Ipv6CidrBlock": v.CIDR6.String()}}}
	}
	list := []object{}
	for _, p := range w.Peerings {
		list = append(list, object{"VpcPeeringConnectionId": p.ID, "Status": object{"Code": "active", "Message": "Active"},
			"RequesterVpcInfo": side(p.Requester), "AccepterVpcInfo": side(p.Accepter), "Tags": []object{}})
	}
	return list
}

func (w *World) endpoints() []object {
	list := []object{}
	for _, v := range w.VPCs {
		list = append(list, object{"VpcEndpointId": v.EndpointID, "VpcId": v.ID, "OwnerId": w.Account, "VpcEndpointType": "Gateway", "State": "available",
			"ServiceName": "com.amazonaws." + w.Region + ".s3", "RouteTableIds": []string{v.Public.ID, v.Private.ID},
			"NetworkInterfaceIds": []string{}, "SubnetIds": []string{}, "Groups": []object{}})
	}
	return list
}
