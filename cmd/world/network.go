package world

import (
	"fmt"
	"net/netip"
)

// VPC is a virtual private cloud with the subnets, routes and flow logs every cell of the estate has.
type VPC struct {
	ID, Name     string
	CIDR, CIDR6  netip.Prefix
	Subnets      []*Subnet
	IGW, VGW     string
	Public       *RouteTable
	Private      *RouteTable
	Default      *Group
	FlowLogs     []*FlowLog
	S3           *PrefixList // the gateway endpoint's list
	EndpointID   string
	natInterface *Interface
}

// Subnet is a subnet. Its addresses are given out in order, then reused once released.
type Subnet struct {
	ID, Name, AZ, AZID string
	VPC                *VPC
	CIDR, CIDR6        netip.Prefix
	Table              *RouteTable
	next               netip.Addr
	free               []released // in the order they were released
}

type released struct {
	addr  netip.Addr
	since int64
}

// RouteTable is a route table.
type RouteTable struct {
	ID     string
	VPC    *VPC
	Main   bool
	Routes []Route
}

// Route has a CIDR or a prefix list as destination.
type Route struct{ Destination, Target string }

// PrefixList is a customer's list, or one of AWS's (Owner "AWS").
type PrefixList struct {
	ID, Name, Owner, Family string
	MaxEntries              int
	Entries                 []netip.Prefix
}

// FlowLog is a flow log of a VPC, delivered to S3.
type FlowLog struct {
	ID          string
	VPC         *VPC
	Aggregation int64
	index       int
}

// Peering is an active peering connection of two VPCs of the account.
type Peering struct {
	ID                  string
	Requester, Accepter *VPC
}

// onPrem is the company's network behind the virtual private gateway. Every VPC routes it there.
var (
	onPrem       = netip.MustParsePrefix("10.200.0.0/16")
	office       = netip.MustParsePrefix("10.200.4.0/26")   // people's laptops: new addresses every day
	officeEgress = netip.MustParsePrefix("198.51.100.0/28") // the office as the Internet sees it
)

// s3Prefixes are the addresses of S3 in this pretended region; flows to the gateway endpoint keep them [F 6].
var s3Prefixes = []netip.Prefix{
	netip.MustParsePrefix("3.5.0.0/19"), netip.MustParsePrefix("52.216.0.0/15"), netip.MustParsePrefix("54.231.0.0/17"),
}

// addVPC makes VPC number i: 10.(Network+i).0.0/16 with an IPv6 /56.
func (w *World) addVPC(name string) *VPC {
	i := len(w.VPCs)
	if w.Network+i > 199 {
		w.fail("more than %d VPCs: fewer interfaces or services", 200-w.Network)
		i = 199 - w.Network
	}
	v := &VPC{Name: name,
		CIDR:  netip.MustParsePrefix(fmt.Sprintf("10.%d.0.0/16", w.Network+i)),
		CIDR6: netip.MustParsePrefix(fmt.Sprintf("2600:1f18:4a3:%02x00::/56", (w.Network+236+i)%256)),
	}
	key := func(part string) uint64 { return hash(w.Seed, hashString("vpc"), uint64(i), hashString(part)) }
	v.ID, v.IGW, v.VGW, v.EndpointID = id("vpc", key("vpc")), id("igw", key("igw")), id("vgw", key("vgw")), id("vpce", key("s3"))
	v.S3 = w.s3List()
	local := Route{v.CIDR.String(), "local"}
	toOffice, toS3 := Route{onPrem.String(), v.VGW}, Route{v.S3.ID, v.EndpointID}
	v.Private = &RouteTable{ID: id("rtb", key("private")), VPC: v, Main: true, Routes: []Route{local, toOffice, toS3}}
	v.Public = &RouteTable{ID: id("rtb", key("public")), VPC: v, Routes: []Route{local, {"0.0.0.0/0", v.IGW}, {"::/0", v.IGW}, toOffice, toS3}}
	w.RouteTables = append(w.RouteTables, v.Private, v.Public)
	w.VPCs = append(w.VPCs, v)
	w.addSubnets(v)
	w.addFlowLogs(v)
	v.Default = w.group(v, "default", "default VPC security group")
	v.Default.in("-1", 0, 0, v.Default, "")
	return v
}

// addSubnets makes pairs of subnets: public 0 and 1, app 2 and 3, data 4 and 5, ops 6.
func (w *World) addSubnets(v *VPC) {
	a := v.CIDR.Addr().As4()
	for k, s := range []struct {
		name        string
		third, bits int
		table       *RouteTable
	}{
		{"public-a", 0, 20, v.Public}, {"public-b", 16, 20, v.Public}, {"app-a", 64, 19, v.Private}, {"app-b", 96, 19, v.Private},
		{"data-a", 128, 20, v.Private}, {"data-b", 144, 20, v.Private}, {"ops-a", 160, 20, v.Private},
	} {
		n := &Subnet{Name: s.name, VPC: v, Table: s.table,
			ID:   id("subnet", hash(w.Seed, hashString(v.ID), uint64(k))),
			CIDR: netip.PrefixFrom(netip.AddrFrom4([4]byte{a[0], a[1], byte(s.third), 0}), s.bits)}
		b := v.CIDR6.Addr().As16()
		b[7] = byte(k)
		n.CIDR6 = netip.PrefixFrom(netip.AddrFrom16(b), 64)
		letter := s.name[len(s.name)-1]
		n.AZ, n.AZID = w.Region+string(letter), azID(w.Region, letter)
		n.next = skip(n.CIDR.Addr(), 10)
		v.Subnets = append(v.Subnets, n)
	}
}

// azID abbreviates as AWS does: us-east-1 a is use1-az1.
func azID(region string, letter byte) string {
	short := ""
	for i := range len(region) {
		if i == 0 || i == 1 || region[i-1] == '-' {
			if region[i] != '-' {
				short += string(region[i])
			}
		}
	}
	return fmt.Sprintf("%s-az%d", short, letter-'a'+1)
}

func (w *World) addFlowLogs(v *VPC) {
	intervals := []int64{int64(w.Aggregation)}
	if w.Overlap {
		intervals = append(intervals, 660-int64(w.Aggregation))
	}
	for _, a := range intervals {
		f := &FlowLog{ID: id("fl", hash(w.Seed, hashString(v.ID), uint64(a))), VPC: v, Aggregation: a, index: len(w.FlowLogs)}
		w.FlowLogs, v.FlowLogs = append(w.FlowLogs, f), append(v.FlowLogs, f)
	}
}

// s3List is the AWS-managed list of the region's S3 gateway endpoint.
func (w *World) s3List() *PrefixList {
	name := "com.amazonaws." + w.Region + ".s3"
	for _, p := range w.PrefixLists {
		if p.Name == name {
			return p
		}
	}
	p := &PrefixList{ID: "pl-63a5400a", Name: name, Owner: "AWS", Family: "IPv4", Entries: s3Prefixes}
	w.PrefixLists = append(w.PrefixLists, p)
	return p
}

// prefixList makes a customer-managed list.
func (w *World) prefixList(name string, max int, entries ...string) *PrefixList {
	p := &PrefixList{ID: id("pl", hash(w.Seed, hashString("pl"), hashString(name))), Name: name, Owner: w.Account, Family: "IPv4", MaxEntries: max}
	for _, e := range entries {
		p.Entries = append(p.Entries, netip.MustParsePrefix(e))
	}
	w.PrefixLists = append(w.PrefixLists, p)
	return p
}

// peer connects two VPCs and routes between them.
func (w *World) peer(a, b *VPC) *Peering {
	p := &Peering{ID: id("pcx", hash(w.Seed, hashString(a.ID), hashString(b.ID))), Requester: a, Accepter: b}
	w.Peerings = append(w.Peerings, p)
	for _, x := range [2][2]*VPC{{a, b}, {b, a}} {
		for _, t := range []*RouteTable{x[0].Public, x[0].Private} {
			t.Routes = append(t.Routes, Route{x[1].CIDR.String(), p.ID})
		}
	}
	return p
}

func skip(a netip.Addr, n int) netip.Addr {
	for range n {
		a = a.Next()
	}
	return a
}

// take gives out an address that is free from time t on; reuse prefers one that was released at least an hour before. It
// is invalid when the subnet is full.
func (s *Subnet) take(t int64, reuse bool) netip.Addr {
	last := s.CIDR.Contains(skip(s.next, 2)) // the last address is the broadcast one
	if (reuse || !last) && len(s.free) > 0 && s.free[0].since+3600 < t {
		a := s.free[0].addr
		s.free = s.free[1:]
		return a
	}
	if !last {
		return netip.Addr{}
	}
	a := s.next
	s.next = s.next.Next()
	return a
}
