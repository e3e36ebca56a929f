package recommend

// Picture is what a report draws beside the changes. It is folded and cut, so that it stays small however much was seen;
// what was cut off is counted.
type Picture struct {
	Talks        []Talk        `json:"talks"` // who was seen to need whom, most conversations first
	TalksLeft    int           `json:"talks_left"`
	Coverage     []CoverageRow `json:"coverage"` // of the interfaces that carry groups, the least covered first
	CoverageLeft int           `json:"coverage_left"`
	MapsLeft     int           `json:"maps_left"` // rules in use without a map, because there were too many
	Tradeoff     []Tradeoff    `json:"tradeoff"`  // empty for estates of more than 5,000 rules
}

// Talk is needed traffic between two parties. A party is the group with the fewest members that an interface carries, or
// where no group is known the name of the place.
type Talk struct {
	From          string   `json:"from"` // sg-… or a name: who opened the connections
	FromName      string   `json:"from_name,omitempty"`
	To            string   `json:"to"`
	ToName        string   `json:"to_name,omitempty"`
	Services      []string `json:"services"`      // at most 8
	Conversations int      `json:"conversations"` // as the end saw them that saw more
	Flows         int64    `json:"flows"`
}

// CoverageRow is how many hours of each day of the window are covered for an interface.
type CoverageRow struct {
	Interface string   `json:"interface_id"`
	Groups    []string `json:"groups"`
	Share     float64  `json:"share"` // of the hours since it was attached, 0 to 1, 4 digits
	Runs      []int    `json:"runs"`  // first day, last day, covered hours of each of them: from 0, the window's first day
}

// UseMap is who uses which ports of a rule: of what it allows, what is needed.
type UseMap struct {
	Peers     []MapPeer `json:"peers"`     // most addresses first; the last may stand for all others
	Ports     []string  `json:"ports"`     // services, most addresses first; the last may stand for all others
	Addresses [][]int   `json:"addresses"` // by peer and port: how many addresses of that peer used that port
}

// MapPeer is a party that uses a rule.
type MapPeer struct {
	Name      string `json:"name"`
	Addresses int    `json:"addresses"`
}

// Space is the size of what a rule allows, and of what was needed of it: log2 of the pairs of address and port, IPv4 and
// IPv6 together, 2 digits; -1 for nothing.
type Space struct {
	Before float64 `json:"before"`
	After  float64 `json:"after"`
	Used   float64 `json:"used"`
}

// Tradeoff is what the plan would be with another --max-rules.
type Tradeoff struct {
	MaxRules  int     `json:"max_rules"`
	Rules     int     `json:"rules"`      // ingress rules after the proposed and the review changes
	Log2Space float64 `json:"log2_space"` // as in exposure, IPv4
}

// Limits of the picture.
const (
	maxTalks       = 2000
	maxTalkPorts   = 8
	maxCovered     = 5000
	maxMaps        = 5000
	maxMapPeers    = 12
	maxMapPorts    = 8
	maxTradedRules = 5000
	otherPeers     = "others"
	otherPorts     = "other ports"
)
