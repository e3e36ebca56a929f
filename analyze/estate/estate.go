// Package estate holds the rules in force: groups, rules, interfaces, prefix lists, networks and routes of accounts and
// regions. One loader reads them from files and from the live EC2 API alike.
package estate

import (
	"encoding/json"
	"net/netip"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
)

// Estate is everything known of one or several accounts and regions. It is read-only after loading.
type Estate struct {
	Captured time.Time // when the describe calls ran; zero when the files do not say
	Scopes   []Scope   // accounts and regions seen, sorted
	// Accounts are those that described their groups, sorted; "" among them when one is not known. Groups of other owners are
	// shared with them: such an owner has interfaces that they cannot see.
	Accounts    []string
	Groups      map[string]*Group
	Interfaces  map[string]*Interface
	PrefixLists map[string]*PrefixList
	VPCs        map[string]*VPC
	Subnets     map[string]*Subnet
	RouteTables []*RouteTable
	FlowLogs    map[string]*FlowLog
	Peerings    map[string]*Peering
	Transit     []*TransitAttachment
	Endpoints   []*Endpoint
	AWSRanges   []AWSRange // of the ip-ranges.json that was given, sorted
	// Past holds the earlier states of interfaces, those that are gone among them, sorted by id and time.
	Past    []*Interface
	History History
	// Asked says of the accounts and regions that came from the live API whether AWS Config and CloudTrail were asked for their
	// past; those from saved files are not in it. AskedOf looks up.
	Asked map[Scope]Asked
	// Conflicts are the first contradictions between the sources of the history, in order of time; History counts all.
	Conflicts []Conflict
	// Quotas are those that Service Quotas told, by account and region; QuotasOf looks up.
	Quotas map[Scope]Quotas
	// AssociationsKnown says that the associations of groups with further VPCs were in the input, even if there are none.
	AssociationsKnown bool
	Problems          []Problem // what could not be read or modelled; never dropped silently
}

// Scope is one account in one region. Partition is aws, aws-cn, aws-us-gov …
type Scope struct{ Partition, Account, Region string }

// Problem is an object that was kept but not understood, or is missing.
type Problem struct {
	Source string `json:"source"` // file or API call
	Object string `json:"object"` // id, or JSON path
	Cause  string `json:"cause"`
}

// Group is a security group with its rules (both directions, in the order EC2 gave them).
type Group struct {
	ID, Name, Description string
	VPC                   string // the primary VPC
	Owner                 string // account
	Region                string
	Tags                  map[string]string
	Rules                 []analyze.Rule
	AssociatedVPCs        []string // further VPCs, sorted
	HasRuleIDs            bool     // every supported rule has its sgr-… id
	// Lives says since when each of the rules was there, as far as that is on record; PastRules are those it had before,
	// sorted by key and time.
	Lives     map[analyze.RuleKey]Life
	PastRules []PastRule
	Raw       json.RawMessage `json:"-"` // the describe-security-groups object as read; nil when not from there
	// RawUnsupported holds the rules with Unsupported set as EC2 gave them, so that DescribeSecurityGroups can write them back.
	RawUnsupported []RawPermission `json:"-"`
}

// RawPermission is an IpPermission object of one source that the model cannot express.
type RawPermission struct {
	Direction analyze.Direction
	JSON      json.RawMessage
}

// Interface is an ENI.
type Interface struct {
	ID                             string
	Owner, Region, VPC, Subnet, AZ string
	Type                           string // AWS's InterfaceType; unknown strings pass through
	Description                    string
	RequesterID                    string
	RequesterManaged               bool   // RequesterManaged or Operator.Managed
	Operator                       string // Operator.Principal
	Status                         string
	SourceDestCheck                bool           // true when absent
	Primary                        netip.Addr     // primary IPv4; invalid when none
	Addrs                          []netip.Addr   // all private IPv4 and all IPv6, sorted, primary included
	Prefixes                       []netip.Prefix // delegated IPv4 and IPv6 prefixes (EKS pods)
	PublicAddrs                    []netip.Addr
	Groups                         []string // ids, sorted
	InstanceID                     string
	InstanceOwner                  string    // Attachment.InstanceOwnerId
	Kept                           bool      // Attachment.DeleteOnTermination is false: it outlives its instance
	Attached                       time.Time // Attachment.AttachTime; zero when unknown: it was not there before
	Tags                           map[string]string
	// Life is when the interface was as it is here, as a history tells; When says it of every interface.
	Life Life
	// Recorded says since when the record has it as it is here; zero when only the present does. Before that, secondary
	// addresses may have been another interface's.
	Recorded time.Time
}

// PrefixList is a managed prefix list with its current entries.
type PrefixList struct {
	ID, Name, Owner string // Owner "AWS" for AWS-managed lists
	Region          string
	MaxEntries      int // 0 when absent
	Version         int64
	Entries         []netip.Prefix // masked, sorted
	Life            Life           // of the present entries
	Past            []ListState    // earlier ones, in order of time
	Sizes           []ListSize     // what MaxEntries was and is, in order of time; none without a history
	EntriesKnown    bool           // false: the entries were not in the input; every match is Maybe
}

// VPC is a virtual private cloud.
type VPC struct {
	ID, Owner, Region string
	CIDRs             []netip.Prefix // IPv4 and IPv6, associated ones only, sorted
	IsDefault         bool
	Tags              map[string]string
}

// Subnet is a subnet.
type Subnet struct {
	ID, VPC, Owner, Region, AZ string
	CIDRs                      []netip.Prefix
	Tags                       map[string]string
}

// RouteTable is a route table with its associations.
type RouteTable struct {
	ID, VPC string
	Main    bool
	Subnets []string
	Routes  []Route
}

// Route is one route. Target is the id of the gateway, interface, peering …: local, igw-…, nat-…, eigw-…, tgw-…, pcx-…,
// vgw-…, vpce-…, eni-…, i-….
type Route struct {
	Destination  netip.Prefix // invalid when PrefixListID is set
	PrefixListID string
	Target       string
	State        string // active, blackhole
}

// FlowLog is a flow log configuration.
type FlowLog struct {
	ID, ResourceID  string
	TrafficType     string // ALL, ACCEPT, REJECT
	LogFormat       string
	Destination     string
	DestinationType string
	Aggregation     int // seconds
	Created         time.Time
	Status          string
	DeliverStatus   string
	DeliverError    string
}

// Peering is a VPC peering connection.
type Peering struct {
	ID, Status          string
	Requester, Accepter PeeringSide
}

// PeeringSide is one VPC of a peering.
type PeeringSide struct {
	VPC, Owner, Region string
	CIDRs              []netip.Prefix
}

// TransitAttachment is a VPC attachment to a transit gateway.
type TransitAttachment struct {
	ID, TransitGateway, VPC, Owner, State string
	GroupReferences                       bool // SecurityGroupReferencingSupport on the gateway and the attachment
}

// Endpoint is a VPC endpoint.
type Endpoint struct {
	ID, VPC, Type, Service string
	Interfaces, Groups     []string
	RouteTables            []string
}
