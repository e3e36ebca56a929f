package estate

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/sgtrim/sgtrim/analyze"
)

// associated says whether a CIDR block's association is in force; files of before 2017 have no state.
func (s *wireState) associated() bool { return s == nil || s.State == "" || s.State == "associated" }

func (b *builder) vpc(at where, w *wireVPC, _ json.RawMessage) error {
	at.id = w.VpcId
	v := &VPC{ID: w.VpcId, Owner: cmp.Or(w.OwnerId, at.scope.Account), Region: at.scope.Region, IsDefault: w.IsDefault, Tags: tagMap(w.Tags)}
	var blocks []string
	if w.CidrBlock != "" {
		blocks = append(blocks, w.CidrBlock)
	}
	for _, c := range w.CidrBlockAssociationSet {
		if c.CidrBlockState.associated() {
			blocks = append(blocks, c.CidrBlock)
		}
	}
	blocks = append(blocks, ipv6Blocks(w.Ipv6CidrBlockAssociationSet)...)
	var err error
	if v.CIDRs, err = at.prefixes("CidrBlock", blocks); err != nil {
		return err
	}
	_, err = put(b, at, b.e.VPCs, "VpcId", v.ID, v)
	return err
}

func ipv6Blocks(set []wireIPv6Block) (blocks []string) {
	for _, c := range set {
		if c.Ipv6CidrBlockState.associated() {
			blocks = append(blocks, c.Ipv6CidrBlock)
		}
	}
	return blocks
}

func (w where) prefixes(field string, texts []string) ([]netip.Prefix, error) {
	var list []netip.Prefix
	for _, text := range texts {
		p, err := w.prefix(field, text)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return sortedPrefixes(list), nil
}

func (b *builder) subnet(at where, w *wireSubnet, _ json.RawMessage) error {
	at.id = w.SubnetId
	here := whereabouts{AvailabilityZone: w.AvailabilityZone}
	s := &Subnet{
		ID: w.SubnetId, VPC: w.VpcId, Owner: cmp.Or(w.OwnerId, at.scope.Account), Region: cmp.Or(here.region(), at.scope.Region),
		AZ: w.AvailabilityZone, Tags: tagMap(w.Tags),
	}
	blocks := ipv6Blocks(w.Ipv6CidrBlockAssociationSet)
	if w.CidrBlock != "" { // absent from IPv6-only subnets
		blocks = append(blocks, w.CidrBlock)
	}
	var err error
	if s.CIDRs, err = at.prefixes("CidrBlock", blocks); err != nil {
		return err
	}
	_, err = put(b, at, b.e.Subnets, "SubnetId", s.ID, s)
	return err
}

// prefixList merges what describe-managed-prefix-lists, describe-prefix-lists and pages of entries say of one list.
func (b *builder) prefixList(at where, w *wirePrefixList, _ json.RawMessage) error {
	at.id = w.PrefixListId
	if w.PrefixListId == "" {
		return at.err("PrefixListId", errors.New("missing"))
	}
	l := b.e.PrefixLists[w.PrefixListId]
	if l == nil {
		l = &PrefixList{ID: w.PrefixListId}
		b.e.PrefixLists[l.ID] = l
		b.first[objectID{PrefixLists, l.ID}] = at
	}
	here := whereabouts{PrefixListArn: w.PrefixListArn}
	owner := w.OwnerId
	if owner == "" && strings.HasPrefix(w.PrefixListName, "com.amazonaws.") { // describe-prefix-lists names no owner
		owner = "AWS"
	}
	region := cmp.Or(here.region(), at.scope.Region)
	conflict := differ(&l.Name, w.PrefixListName) || differ(&l.Owner, owner) || differ(&l.MaxEntries, w.MaxEntries) || differ(&l.Version, w.Version)
	differ(&l.Region, region)
	if conflict {
		b.problem(at, "differs from the object of the same id in %s, which is used", b.first[objectID{PrefixLists, l.ID}].source())
		return nil
	}
	return l.addEntries(at, w)
}

func (l *PrefixList) addEntries(at where, w *wirePrefixList) error {
	var blocks []string
	if w.Cidrs != nil {
		l.EntriesKnown, blocks = true, *w.Cidrs
	}
	if w.Entries != nil {
		l.EntriesKnown = true
		for _, e := range *w.Entries {
			blocks = append(blocks, e.Cidr)
		}
	}
	entries, err := at.prefixes("Entries.Cidr", blocks)
	if err != nil {
		return err
	}
	l.Entries = sortedPrefixes(append(l.Entries, entries...))
	return nil
}

// differ sets *to where it is not known yet, and reports whether two known values differ.
func differ[T comparable](to *T, value T) bool {
	var zero T
	switch {
	case value == zero || *to == value:
		return false
	case *to == zero:
		*to = value
		return false
	}
	return true
}

func (b *builder) routeTable(at where, w *wireRouteTable, _ json.RawMessage) error {
	at.id = w.RouteTableId
	t := &RouteTable{ID: w.RouteTableId, VPC: w.VpcId}
	for _, a := range w.Associations {
		if !a.AssociationState.associated() {
			continue
		}
		t.Main = t.Main || a.Main
		if a.SubnetId != "" {
			t.Subnets = append(t.Subnets, a.SubnetId)
		}
	}
	t.Subnets = sortedStrings(t.Subnets)
	for n, r := range w.Routes {
		route := Route{PrefixListID: r.DestinationPrefixListId, State: r.State, Target: r.target()}
		if text := cmp.Or(r.DestinationCidrBlock, r.DestinationIpv6CidrBlock); text != "" {
			var err error
			if route.Destination, err = at.prefix(fmt.Sprintf("Routes[%d].Destination", n), text); err != nil {
				return err
			}
		} else if route.PrefixListID == "" {
			return at.err(fmt.Sprintf("Routes[%d].Destination", n), errors.New("missing"))
		}
		t.Routes = append(t.Routes, route)
	}
	_, err := put(b, at, b.tables, "RouteTableId", t.ID, t)
	return err
}

// target is the one gateway of the route. An instance's route names its interface too: the interface says more.
func (r *wireRoute) target() string {
	return cmp.Or(r.NetworkInterfaceId, r.InstanceId, r.NatGatewayId, r.TransitGatewayId, r.VpcPeeringConnectionId,
		r.EgressOnlyInternetGatewayId, r.LocalGatewayId, r.CarrierGatewayId, r.CoreNetworkArn, r.OdbNetworkArn, r.GatewayId)
}

func (b *builder) flowLog(at where, w *wireFlowLog, _ json.RawMessage) error {
	at.id = w.FlowLogId
	created, err := at.time("CreationTime", w.CreationTime)
	if err != nil {
		return err
	}
	f := &FlowLog{
		ID: w.FlowLogId, ResourceID: w.ResourceId, TrafficType: w.TrafficType, LogFormat: w.LogFormat,
		Destination: cmp.Or(w.LogDestination, w.LogGroupName), DestinationType: w.LogDestinationType,
		Aggregation: w.MaxAggregationInterval, Created: created, Status: w.FlowLogStatus,
		DeliverStatus: w.DeliverLogsStatus, DeliverError: w.DeliverLogsErrorMessage,
	}
	_, err = put(b, at, b.e.FlowLogs, "FlowLogId", f.ID, f)
	return err
}

func (b *builder) peering(at where, w *wirePeering, _ json.RawMessage) error {
	at.id = w.VpcPeeringConnectionId
	p := &Peering{ID: w.VpcPeeringConnectionId, Status: w.Status.Code}
	for _, side := range []struct {
		name string
		w    *wirePeeringSide
		to   *PeeringSide
	}{{"RequesterVpcInfo", &w.RequesterVpcInfo, &p.Requester}, {"AccepterVpcInfo", &w.AccepterVpcInfo, &p.Accepter}} {
		*side.to = PeeringSide{VPC: side.w.VpcId, Owner: side.w.OwnerId, Region: side.w.Region}
		var blocks []string
		if side.w.CidrBlock != "" {
			blocks = append(blocks, side.w.CidrBlock)
		}
		for _, c := range side.w.CidrBlockSet {
			blocks = append(blocks, c.CidrBlock)
		}
		for _, c := range side.w.Ipv6CidrBlockSet {
			blocks = append(blocks, c.Ipv6CidrBlock)
		}
		var err error
		if side.to.CIDRs, err = at.prefixes(side.name+".CidrBlock", blocks); err != nil {
			return err
		}
	}
	_, err := put(b, at, b.e.Peerings, "VpcPeeringConnectionId", p.ID, p)
	return err
}

func (b *builder) endpoint(at where, w *wireEndpoint, _ json.RawMessage) error {
	at.id = w.VpcEndpointId
	e := &Endpoint{
		ID: w.VpcEndpointId, VPC: w.VpcId, Type: w.VpcEndpointType, Service: w.ServiceName,
		Interfaces: sortedStrings(w.NetworkInterfaceIds), RouteTables: sortedStrings(w.RouteTableIds),
	}
	for _, g := range w.Groups {
		e.Groups = append(e.Groups, g.GroupId)
	}
	e.Groups = sortedStrings(e.Groups)
	_, err := put(b, at, b.endpoints, "VpcEndpointId", e.ID, e)
	return err
}

func (b *builder) transitGateway(at where, w *wireTransitGateway, _ json.RawMessage) error {
	_, err := put(b, at, b.gateways, "TransitGatewayId", w.TransitGatewayId, w)
	return err
}

// transit is an attachment while it is being read: the option of the attachment, before the gateway's is known.
type transit struct {
	TransitAttachment
	option string
}

// transitAttachment reads both describe-transit-gateway-vpc-attachments and -attachments, which knows no options. What is
// attached to a gateway but is no VPC places nobody.
func (b *builder) transitAttachment(at where, w *wireTransitAttachment, _ json.RawMessage) error {
	at.id = w.TransitGatewayAttachmentId
	if w.TransitGatewayAttachmentId == "" {
		return at.err("TransitGatewayAttachmentId", errors.New("missing"))
	}
	if at.kind == TransitGatewayAttachments && w.ResourceType != "vpc" {
		return nil
	}
	t := &transit{TransitAttachment: TransitAttachment{
		ID: w.TransitGatewayAttachmentId, TransitGateway: w.TransitGatewayId, State: w.State,
		VPC: cmp.Or(w.VpcId, w.ResourceId), Owner: cmp.Or(w.VpcOwnerId, w.ResourceOwnerId),
	}}
	if w.Options != nil {
		t.option = w.Options.SecurityGroupReferencingSupport
	}
	if old := b.attachments[t.ID]; old != nil && at.kind == TransitGatewayAttachments {
		t.option = old.option
	}
	_, err := put(b, at, b.attachments, "TransitGatewayAttachmentId", t.ID, t)
	return err
}

// finish sorts the lists, fills regions from the networks, and says what is missing.
func (b *builder) finish() {
	for _, id := range sortedKeys(b.tables) {
		b.e.RouteTables = append(b.e.RouteTables, b.tables[id])
	}
	for _, id := range sortedKeys(b.endpoints) {
		b.e.Endpoints = append(b.e.Endpoints, b.endpoints[id])
	}
	for _, id := range sortedKeys(b.attachments) {
		t := b.attachments[id]
		gateway := b.gateways[t.TransitGateway]
		// The gateway's default is disable, the attachment's enable [F 5].
		t.GroupReferences = gateway != nil && gateway.Options.SecurityGroupReferencingSupport == "enable" && t.option != "disable"
		b.e.Transit = append(b.e.Transit, &t.TransitAttachment)
	}
	b.e.sortRanges()
	b.fillRegions()
	b.finishGroups()
	b.finishScopes()
	b.reportMissing()
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// fillRegions gives a VPC the region of its subnets or interfaces, and groups and subnets the region of their VPC.
func (b *builder) fillRegions() {
	of := map[string]string{}
	for _, id := range sortedKeys(b.e.Interfaces) {
		i := b.e.Interfaces[id]
		of[i.VPC] = cmp.Or(of[i.VPC], i.Region)
	}
	for _, id := range sortedKeys(b.e.Subnets) {
		s := b.e.Subnets[id]
		of[s.VPC] = cmp.Or(of[s.VPC], s.Region)
	}
	for id, v := range b.e.VPCs {
		v.Region = cmp.Or(v.Region, of[id])
		of[id] = v.Region
	}
	for _, s := range b.e.Subnets {
		s.Region = cmp.Or(s.Region, of[s.VPC])
	}
	for _, i := range b.e.Interfaces {
		i.Region = cmp.Or(i.Region, of[i.VPC])
	}
	for _, g := range b.e.Groups {
		g.Region = cmp.Or(g.Region, of[g.VPC])
	}
}

// finishScopes lists the accounts and regions that own a group or an interface.
func (b *builder) finishScopes() {
	for _, s := range b.scopes {
		if len(s.Objects[SecurityGroups]) > 0 && !slices.Contains(b.e.Accounts, s.Account) {
			b.e.Accounts = append(b.e.Accounts, s.Account)
		}
	}
	slices.Sort(b.e.Accounts)
	partition := map[string]string{}
	for _, s := range b.scopes {
		if s.Partition != "" {
			partition[s.Region] = s.Partition
		}
	}
	seen := map[Scope]bool{}
	note := func(account, region string) {
		seen[Scope{cmp.Or(partition[region], analyze.Partition(region)), account, region}] = true
	}
	for _, g := range b.e.Groups {
		note(g.Owner, g.Region)
	}
	for _, i := range b.e.Interfaces {
		note(i.Owner, i.Region)
	}
	for s := range seen {
		b.e.Scopes = append(b.e.Scopes, s)
	}
	slices.SortFunc(b.e.Scopes, func(x, y Scope) int {
		return cmp.Or(cmp.Compare(x.Partition, y.Partition), cmp.Compare(x.Account, y.Account), cmp.Compare(x.Region, y.Region))
	})
}

// reportMissing names groups and prefix lists that the input uses but does not describe. What is missing concludes nothing.
func (b *builder) reportMissing() {
	carriers, uses := map[string]int{}, map[string]int{}
	for _, i := range b.e.Interfaces {
		for _, g := range i.Groups {
			if b.e.Groups[g] == nil {
				carriers[g]++
			}
		}
	}
	for _, id := range sortedKeys(carriers) {
		b.missing(id, fmt.Sprintf("its rules are not in the input, though interfaces carry it (%d)", carriers[id]))
	}
	for _, g := range b.e.Groups {
		for _, r := range g.Rules {
			if id := r.Peer.PrefixListID; id != "" && (b.e.PrefixLists[id] == nil || !b.e.PrefixLists[id].EntriesKnown) {
				uses[id]++
			}
		}
	}
	for _, id := range sortedKeys(uses) {
		b.missing(id, fmt.Sprintf("its entries are not in the input, though rules use it (%d): whom they match is not known", uses[id]))
	}
}

func (b *builder) missing(id, cause string) {
	b.e.Problems = append(b.e.Problems, Problem{"estate", id, cause})
}
