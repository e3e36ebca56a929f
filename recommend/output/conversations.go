package output

import (
	"cmp"
	"iter"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/ledger"
	"github.com/sgtrim/sgtrim/analyze/orient"
)

// Conversations are what a ledger holds, as rows for other tools.
type Conversations struct {
	Oriented   iter.Seq2[orient.Conversation, error] // day by day, and interface by interface
	Attributes map[string]ledger.Attributes
}

// ConversationFormats are what Conversations.Write knows.
var ConversationFormats = []string{"parquet", "csv", "jsonl"}

// conversationRow is one conversation of one day. Its json names are the columns of every format.
type conversationRow struct {
	Day         isoDay    `json:"day" parquet:"day,date"`
	Account     string    `json:"account_id" parquet:"account_id,dict"`
	Region      string    `json:"region" parquet:"region,dict"`
	VPC         string    `json:"vpc_id" parquet:"vpc_id,dict"`
	Interface   string    `json:"interface_id" parquet:"interface_id,dict"`
	Direction   string    `json:"direction" parquet:"direction,dict"`
	Peer        string    `json:"peer" parquet:"peer,dict"`
	Protocol    int32     `json:"protocol" parquet:"protocol"`
	Port        int32     `json:"port" parquet:"port"`
	Action      string    `json:"action" parquet:"action,dict"`
	Strength    string    `json:"strength" parquet:"strength,dict"`
	Orientation string    `json:"orientation" parquet:"orientation,dict"`
	Flows       int64     `json:"flows" parquet:"flows"`
	Packets     int64     `json:"packets" parquet:"packets"`
	Bytes       int64     `json:"bytes" parquet:"bytes"`
	Hours       int32     `json:"hours" parquet:"hours"`
	First       time.Time `json:"first_seen" parquet:"first_seen,timestamp(millisecond)"`
	Last        time.Time `json:"last_seen" parquet:"last_seen,timestamp(millisecond)"`
}

// isoDay is days since 1970-01-01 UTC.
type isoDay int32

func (d isoDay) String() string { return time.Unix(int64(d)*86400, 0).UTC().Format(time.DateOnly) }

// MarshalText writes YYYY-MM-DD.
func (d isoDay) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// conversationKey is what makes a conversation one (design §2). Readings that nothing decided stand apart from decided ones.
type conversationKey struct {
	direction analyze.Direction
	peer      netip.Addr
	proto     uint8
	port      uint16
	action    analyze.Action
	ambiguous bool
}

func (k *conversationKey) compare(o *conversationKey) int {
	ambiguous := 0
	switch {
	case k.ambiguous && !o.ambiguous:
		ambiguous = 1
	case o.ambiguous && !k.ambiguous:
		ambiguous = -1
	}
	return cmp.Or(cmp.Compare(k.direction, o.direction), k.peer.Compare(o.peer), cmp.Compare(k.proto, o.proto), cmp.Compare(k.port, o.port),
		cmp.Compare(k.action, o.action), ambiguous)
}

// rows yields one row a conversation, sorted by day, interface, direction, peer, protocol, port and action. It holds the
// rows of one interface and day.
func (c *Conversations) rows() iter.Seq2[conversationRow, error] {
	return func(yield func(conversationRow, error) bool) {
		var day int32
		var iface string
		group := map[conversationKey]*orient.Conversation{}
		flush := func() bool {
			for _, k := range slices.SortedFunc(maps.Keys(group), func(a, b conversationKey) int { return a.compare(&b) }) {
				if !yield(c.row(group[k]), nil) {
					return false
				}
			}
			clear(group)
			return true
		}
		for found, err := range c.Oriented {
			if err != nil {
				yield(conversationRow{}, err)
				return
			}
			if found.Day != day || found.Interface != iface {
				if !flush() {
					return
				}
				day, iface = found.Day, found.Interface
			}
			add(group, &found)
		}
		flush()
	}
}

// add sums conversations that differ in the interface's own address only.
func add(group map[conversationKey]*orient.Conversation, c *orient.Conversation) {
	k := conversationKey{c.Direction, c.Peer, c.Proto, c.Port, c.Action, c.Orientation == analyze.Ambiguous}
	sum := group[k]
	if sum == nil {
		copied := *c
		group[k] = &copied
		return
	}
	sum.Merge(c)
}

func (c *Conversations) row(v *orient.Conversation) conversationRow {
	at := c.Attributes[v.Interface]
	total := v.Total()
	return conversationRow{
		Day: isoDay(v.Day), Account: plain(at.Account), Region: plain(at.Region), VPC: plain(at.VPC), Interface: plain(v.Interface),
		Direction: v.Direction.String(), Peer: v.Peer.String(), Protocol: int32(v.Proto), Port: int32(v.Port), Action: v.Action.String(),
		Strength: v.Strength().String(), Orientation: v.Orientation.String(), Flows: total.Flows, Packets: total.Packets, Bytes: total.Bytes,
		Hours: int32(v.Hours), First: time.Unix(v.First, 0).UTC(), Last: time.Unix(v.Last, 0).UTC(),
	}
}
