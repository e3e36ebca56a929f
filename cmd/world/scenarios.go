package world

// scenario is a part of the world that can be switched on alone.
type scenario struct {
	name  string
	about string
	build func(*World, *VPC)
}

// scenarios in the order they are built: tiers last, because it fills up to Options.Interfaces.
var scenarios = []scenario{
	{"microservices", "many services with a group each that call each other by reference", buildMicroservices},
	{"scanners", "the Internet knocks: SYN without answer, answered by RST, rejected", buildScanners},
	{"bruteforce", "world-open SSH: password guessing beside the office's logins", buildBruteForce},
	{"longlived", "connections older than the window, and connections of days", buildLongLived},
	{"syslog", "one-way UDP", buildSyslog},
	{"rpc", "Windows RPC: port 135, then a dynamic port", buildRPC},
	{"ntp", "equal ports at both ends", buildNTP},
	{"prefixlists", "a customer's prefix list and the S3 gateway endpoint's", buildPrefixLists},
	{"ipv6", "dual-stack front and IPv6 between hosts", buildIPv6},
	{"nat", "private workers reach the Internet through a NAT gateway", buildNAT},
	{"nlb", "a network load balancer that keeps client addresses", buildNLB},
	{"standby", "standby targets that refuse", buildStandby},
	{"latepackets", "packets rejected after the connection was closed", buildLatePackets},
	{"office", "an office /26 with new addresses every day", buildOffice},
	{"batchhosts", "two fixed hosts on premises", buildBatchHosts},
	{"monthly", "a job at the end of each month", buildMonthly},
	{"icmp", "ping, and a path-MTU rule", buildICMP},
	{"esp", "a protocol without ports", buildESP},
	{"sharedgroup", "one group carried by several tiers; the default group", buildSharedGroup},
	{"highports", "Kafka, gRPC, NodePort, MongoDB, ActiveMQ, peer-to-peer: service ports among client ports", buildHighPorts},
	{"peering", "a second VPC and references across the peering", buildPeering},
	{"lambda", "a function that runs rarely", buildLambda},
	{"protected", "shapes that AWS services own", buildProtected},
	{"unused", "defects: unused rules, a group without interfaces, an unused world-open rule", buildUnused},
	{"stale", "defect: a reference to a group that is gone", buildStale},
	{"shadowed", "defects: a rule inside a broader kept one, twice the same meaning", buildShadowed},
	{"wideports", "defects: tcp 0-65535 and all protocols where one or two services are used", buildWidePorts},
	{"widepeers", "defects: 10.0.0.0/8 or the world where one tier is used", buildWidePeers},
	{"broadnarrow", "a broad rule over a narrow used one: the narrow one must stay", buildBroadOverNarrow},
	{"egress", "defect: an unused egress rule", buildEgress},
	{"structure", "groups that would better be others: one of two tiers, and the same rules in four groups", buildStructure},
	{"blocked", "an internal client that keeps knocking at a closed group", buildBlocked},
	{"tiers", "load balancer, web, app, db, cache, bastion; groups that reference groups; members that are replaced", buildTiers},
}

// ScenarioNames are the names for Options.Scenarios.
func ScenarioNames() []string {
	names := make([]string, len(scenarios))
	for i, s := range scenarios {
		names[i] = s.name
	}
	return names
}

// ScenarioAbout says what a scenario shows, "" for an unknown name.
func ScenarioAbout(name string) string {
	for _, s := range scenarios {
		if s.name == name {
			return s.about
		}
	}
	return ""
}

// Windows of the default policy (design §7.6), in days.
const (
	portsWindow  = 30
	peersWindow  = 45
	unusedWindow = 90
)

// Subnets by use; every VPC has them.
func (v *VPC) public() []*Subnet { return v.Subnets[0:2] }
func (v *VPC) app() []*Subnet    { return v.Subnets[2:4] }
func (v *VPC) data() []*Subnet   { return v.Subnets[4:6] }
func (v *VPC) ops() []*Subnet    { return v.Subnets[6:7] }

// fleetOf makes a fleet and remembers it by name.
func (w *World) fleetOf(v *VPC, h hosts) *fleet {
	f := w.hosts(h)
	w.fleets[v.ID+" "+h.name] = f
	return f
}

// clients is a small fixed fleet in the app subnets with a group of its own: somebody to open connections.
func (w *World) clients(v *VPC, name string, n int) (*fleet, *Group) {
	g := w.group(v, name, name+" hosts")
	return w.fleetOf(v, hosts{name: name, n: n, subnets: v.app(), groups: []*Group{g}}), g
}

func group(gs ...*Group) []*Group { return gs }
