package recommend

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/terraform"
)

// Options is the policy of a review. The zero value is the default.
type Options struct {
	Level     string  // strict, balanced (default), loose: how much loss is accepted before a peer network is widened
	Egress    string  // report (default): findings only; ports: keep the world, narrow ports; full
	MinWindow int     // days; 0: the windows of design §7.6
	Windows   Windows // by kind, where MinWindow is 0
	Floors    Floors
	MaxRules  int // most rules one rule may become; 0: 10, or as many as the quota has room for where ten would let in too many
	Quota     int // rules per direction and family of a group; 0: what Service Quotas told, else AWS's default
	Only      []string
	Include   bool // review changes go into the patches too
	Period    int  // days that risks are stated for; 0: as many as the window has
	Protected []Protect
	Named     []Network
	Decisions []Decision      // at most one about a change
	SplitBy   string          // key of a tag of groups: the plan has a part for each of its values
	Terraform terraform.State // the rules that Terraform manages: their changes are to be made there
	AllowIaC  bool            // they go into the patches all the same

	scattered bool // MaxRules was not given: hosts far apart may become more rules than it
}

// Windows are days of evidence that suffice, by kind of change; 0: those of design §7.6.
type Windows struct{ Ports, Peers, Unused int }

// Floors are the longest prefix lengths of proposed CIDRs, by family; 0: single addresses.
type Floors struct{ IPv4, IPv6 int }

// Protect names rules that are never touched. Every field that is set must fit.
type Protect struct {
	RuleID  string
	GroupID string
	TagKey  string // of the group or the rule
	Port    *uint16
	Reason  string
}

// Network is a network the user gave a name, on-premises or other.
type Network struct {
	Name  string
	CIDRs []netip.Prefix
}

// Windows of design §7.6 in days, and what counts as enough coverage.
const (
	portsDays  = 30
	peersDays  = 45
	unusedDays = 90

	minCoverage = 0.95
	maxGapHours = 24

	defaultMaxRules = 10
	planLifeDays    = 7
)

func (o *Options) check() error {
	if o.Level == "" {
		o.Level = "balanced"
	}
	if o.Egress == "" {
		o.Egress = "report"
	}
	if !slices.Contains([]string{"strict", "balanced", "loose"}, o.Level) {
		return fmt.Errorf("level %q: want strict, balanced or loose", o.Level)
	}
	if !slices.Contains([]string{"report", "ports", "full"}, o.Egress) {
		return fmt.Errorf("egress %q: want report, ports or full", o.Egress)
	}
	if o.MinWindow < 0 || o.MaxRules < 0 || o.Quota < 0 {
		return fmt.Errorf("min-window, max-rules and quota must not be negative")
	}
	about := map[string]bool{}
	for i := range o.Decisions {
		d := &o.Decisions[i]
		if err := d.check(); err != nil {
			return err
		}
		if about[d.ChangeID] {
			return fmt.Errorf("two decisions about %s", d.ChangeID)
		}
		about[d.ChangeID] = true
	}
	if o.Windows.Ports < 0 || o.Windows.Peers < 0 || o.Windows.Unused < 0 {
		return fmt.Errorf("windows %+v: must not be negative", o.Windows)
	}
	if f := o.Floors; f.IPv4 < 0 || f.IPv4 > 32 || f.IPv6 < 0 || f.IPv6 > 128 {
		return fmt.Errorf("floors %+v: want prefix lengths", f)
	}
	if o.MaxRules == 0 {
		o.MaxRules, o.scattered = defaultMaxRules, true
	}
	return nil
}

// days of evidence a kind needs before it can be proposed; 0 where containment alone decides.
func (o *Options) days(k Kind) int {
	need := 0
	switch k {
	case NarrowPorts:
		need = cmp.Or(o.Windows.Ports, portsDays)
	case NarrowPeers:
		need = cmp.Or(o.Windows.Peers, peersDays)
	case Unused, Redundant:
		need = cmp.Or(o.Windows.Unused, unusedDays)
	}
	if need > 0 && o.MinWindow > 0 {
		return o.MinWindow
	}
	return need
}

// wants reports whether changes of the group may go into the patches.
func (o *Options) wants(group string) bool {
	return len(o.Only) == 0 || slices.Contains(o.Only, group)
}

// chooses reports whether the patches hold another selection than the proposed changes.
func (o *Options) chooses() bool { return len(o.Only) > 0 || o.Include || len(o.Decisions) > 0 }

func (o *Options) policy() Policy {
	return Policy{
		Level: o.Level, Egress: o.Egress, PortsDays: o.days(NarrowPorts), PeersDays: o.days(NarrowPeers),
		UnusedDays: o.days(Unused), MinWindow: o.MinWindow > 0, MaxRules: o.MaxRules,
	}
}

// adminPorts are remote administration and databases: open to the world they are the first thing an attacker tries.
var adminPorts = map[uint16]string{
	22: "SSH", 23: "telnet", 135: "RPC", 139: "NetBIOS", 445: "SMB", 1433: "SQL Server", 1521: "Oracle", 2049: "NFS",
	2375: "Docker", 2379: "etcd", 3306: "MySQL", 3389: "RDP", 5432: "PostgreSQL", 5439: "Redshift", 5900: "VNC",
	5984: "CouchDB", 5985: "WinRM", 5986: "WinRM", 6379: "Redis", 6443: "Kubernetes", 7001: "WebLogic", 8086: "InfluxDB",
	9042: "Cassandra", 9092: "Kafka", 9200: "Elasticsearch", 9300: "Elasticsearch", 10250: "kubelet", 11211: "memcached",
	27017: "MongoDB", 27018: "MongoDB", 50070: "HDFS",
}

// allowsAdmin reports whether a service allows one of the admin ports over TCP, and whether it allows nothing else.
func allowsAdmin(s analyze.Service) (some, only bool) {
	if !s.Overlaps(analyze.ProtoService(analyze.TCP)) {
		return false, false
	}
	if s.Proto == analyze.AllProtocols {
		return true, false
	}
	n := 0
	for p := range adminPorts {
		if s.Ports.Contains(p) {
			n++
		}
	}
	return n > 0, n == s.Ports.Len()
}

// isWorld reports whether a prefix counts as open to the world: /0, its halves, and public CIDRs of /8 and shorter (of
// IPv6 /16 and shorter).
func isWorld(p netip.Prefix) bool {
	if !p.IsValid() {
		return false
	}
	if p.Bits() <= 1 {
		return true
	}
	if p.Addr().Is4() {
		return p.Bits() <= 8 && !privatePrefix(p)
	}
	return p.Bits() <= 16 && !privatePrefix(p)
}

// privatePrefix reports whether all of p is of private use.
func privatePrefix(p netip.Prefix) bool {
	for _, q := range privateSpace {
		if within(p, q) {
			return true
		}
	}
	return false
}

var privateSpace = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("fc00::/7"), netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("::1/128"),
}
