// Package compare holds the traffic of two times side by side, before and after a migration: who spoke with whom, by names
// that outlive addresses, interfaces and accounts.
package compare

import (
	"cmp"
	"iter"
	"slices"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/ledger"
	"github.com/sgtrim/sgtrim/analyze/orient"
)

// Side is what was seen before, or after.
type Side struct {
	Conversations iter.Seq2[orient.Conversation, error] // day by day
	Coverage      []ledger.Coverage
	Attributes    map[string]ledger.Attributes
	Index         *estate.Index // nil where no estate is known
	Days          []int32       // since 1970-01-01 UTC, ascending
}

// Options of Compare.
type Options struct {
	By       By
	Map      *Map // nil: nothing has another name or address after
	Networks []Network
}

// Link is one service that one party asks of another. Clients that have no name but a private address are their /24 or /64
// together: laptops come and go.
type Link struct {
	Client, Service string
	Proto           uint8
	Ports           analyze.PortRange // one port; all from 32768 on where a pair uses many of those; 0 of protocols without ports
}

func (l *Link) compare(o *Link) int {
	return cmp.Or(cmp.Compare(l.Client, o.Client), cmp.Compare(l.Service, o.Service), cmp.Compare(l.Proto, o.Proto),
		cmp.Compare(l.Ports.First, o.Ports.First), cmp.Compare(l.Ports.Last, o.Ports.Last))
}

// Status says what became of a link.
type Status string

const (
	Lost    Status = "lost"    // worked before, and not after
	Blocked Status = "blocked" // did not work before nor after, but was tried after and failed
	Gained  Status = "gained"  // works after, and did not before
	Moved   Status = "moved"   // works on both sides, but client or service are at other places
	Same    Status = "same"    // works on both sides, where it was
)

// Statuses in the order of a report.
var Statuses = []Status{Lost, Blocked, Gained, Moved, Same}

// Why says what is known of a link that does not work after. The order is that of a report: what must be looked at first.
type Why string

const (
	WhyNone      Why = ""
	WhyRejected  Why = "rejected"   // it was tried after, and a group or network ACL rejected it
	WhyRefused   Why = "refused"    // it was tried after, and nobody answered, or with a reset
	WhySilent    Why = "silent"     // it was not even tried, though by what it did before it should have been
	WhyDoubtful  Why = "doubtful"   // between the two there is traffic after of which nobody can tell who opened it
	WhyNotDue    Why = "not due"    // it was not tried, but it was rare enough before for that to mean nothing yet
	WhyNotLogged Why = "not logged" // neither of the two has an interface with logs after
)

var whys = []Why{WhyRejected, WhyRefused, WhySilent, WhyDoubtful, WhyNotDue, WhyNotLogged, WhyNone}

// Change is a link with what was seen of it on both sides.
type Change struct {
	Link
	Status        Status
	Why           Why     // of lost and blocked ones
	SilentChance  float64 // of a lost one that was not tried: that chance alone kept it silent; 4 digits
	Before, After Seen
}

// Seen is what one side saw of a link. Both ends may have logged it: then the greater count of the two stands.
type Seen struct {
	Flows, Bytes int64 // flow records and bytes of what worked
	Days         int   // on which it worked
	First, Last  int64 // unix seconds; 0 where it did not work
	PeakFlows    Peak
	PeakBytes    Peak
	Refused      int64 // records of attempts that nobody answered, or with a reset
	Rejected     int64 // records
	Clients      []string
	Services     []string // places: subnets and networks, sorted, at most maxPlaces
}

// Peak is the busiest hour.
type Peak struct {
	Count int64
	Hour  int64 // unix seconds of its start
}

// Result of Compare. Read-only.
type Result struct {
	Changes []Change // by status, by why, the busiest before first
	// Left out, as records: of parties that the estate does not know any more or does not know yet, and of readings that
	// nothing decided.
	UnknownBefore, UnknownAfter   int64
	DoubtfulBefore, DoubtfulAfter int64
}

// Compare says what became of every link. The only errors are those of the conversations.
func Compare(before, after Side, opt Options) (*Result, error) {
	c := newComparer(before, after, opt)
	for n, side := range []Side{before, after} {
		for conv, err := range side.Conversations {
			if err != nil {
				return nil, err
			}
			c.add(n, &conv)
		}
	}
	return c.finish(), nil
}

// comparer sums the links of both sides.
type comparer struct {
	sides    [2]Side
	labels   [2]*labeler
	links    map[Link]*link
	doubtful map[pair]bool // after
	result   Result
}

type pair struct{ client, service string }

func newComparer(before, after Side, opt Options) *comparer {
	c := &comparer{sides: [2]Side{before, after}, links: map[Link]*link{}, doubtful: map[pair]bool{}}
	c.labels[1] = newLabeler(opt, after, nil)
	c.labels[0] = newLabeler(opt, before, c.labels[1])
	return c
}

// add sums one conversation of side 0, before, or 1, after.
func (c *comparer) add(side int, conv *orient.Conversation) {
	own, peer := c.labels[side].parties(conv)
	client, service := peer, own
	if conv.Direction == analyze.Egress {
		client, service = own, peer
	}
	client.name = cmp.Or(client.among, client.name)
	total := conv.Total()
	switch {
	case client.unknown || service.unknown:
		*[2]*int64{&c.result.UnknownBefore, &c.result.UnknownAfter}[side] += total.Flows
		return
	case conv.Orientation == analyze.Ambiguous:
		*[2]*int64{&c.result.DoubtfulBefore, &c.result.DoubtfulAfter}[side] += total.Flows
		if side == 1 {
			c.doubtful[pair{client.name, service.name}] = true
		}
		return
	}
	s := conv.Strength()
	if client.outside && s < analyze.Established || s == analyze.StrengthNone {
		return // scans, and late packets
	}
	at := Link{client.name, service.name, conv.Proto, analyze.PortRange{First: conv.Port, Last: conv.Port}}
	l := c.links[at]
	if l == nil {
		l = &link{}
		c.links[at] = l
	}
	l.sides[side].add(conv, s, client, service)
}

// finish folds dynamic ports and judges the links.
func (c *comparer) finish() *Result {
	c.fold()
	watched := c.watched()
	for at, l := range c.links {
		ch := Change{Link: at, Before: l.sides[0].seen(), After: l.sides[1].seen()}
		if c.judge(&ch, l, watched) {
			c.result.Changes = append(c.result.Changes, ch)
		}
	}
	slices.SortFunc(c.result.Changes, func(a, b Change) int { return a.compare(&b) })
	return &c.result
}

func (c *Change) compare(o *Change) int {
	return cmp.Or(cmp.Compare(slices.Index(Statuses, c.Status), slices.Index(Statuses, o.Status)),
		cmp.Compare(slices.Index(whys, c.Why), slices.Index(whys, o.Why)),
		cmp.Compare(o.Before.Flows, c.Before.Flows), cmp.Compare(o.After.Flows, c.After.Flows), c.Link.compare(&o.Link))
}
