// Package ledger keeps evidence: flow-log records summed by a key that never depends on an estate or on a verdict, so that
// order, splitting and merging of the input cannot matter (design §5).
package ledger

import (
	"net/netip"

	"github.com/sgtrim/sgtrim/analyze"
)

// Side says what the evidence itself knows of the local end of a conversation.
type Side uint8

const (
	SideOpen Side = iota // unknown: A is the lower (address as 16 bytes, port); the join decides by the estate
	SideA                // A is the interface's own end
)

// Client says which end's port has left the key, because the object decided who opened the connection.
type Client uint8

const (
	ClientOpen Client = iota // both ports are in the key
	ClientA                  // A opened it; PortA is 0 and not part of the key
	ClientB                  // B opened it; PortB is 0 and not part of the key
)

// Key of one evidence row. Both directions of a 5-tuple are one row; A is the local end where it is known.
type Key struct {
	Day       int32  // days since 1970-01-01 UTC, of the records' end
	Source    string // flow-log id (fl-…), "" when the object's name does not tell
	Interface string
	A, B      netip.Addr // unmapped; B is the peer of design §4.3 where Side is SideA
	Proto     uint8
	PortA     uint16
	PortB     uint16
	Side      Side
	Client    Client
	Reason    analyze.Reason   // why Client was decided; Ambiguous while ClientOpen
	Strength  analyze.Strength // of folded rows, decided within the object; StrengthNone while ClientOpen
	Action    analyze.Action
}

// Sums are the counters of one direction.
type Sums struct {
	Flows   int64 // records
	Packets int64
	Bytes   int64
	Flags   uint8 // OR of tcp-flags
	Flagged bool  // some record carried the tcp-flags field with a value
	// Opens is true when some record had SYN without the ACK bit. The OR alone would hide it behind a SYN-ACK of the same
	// direction, and with it the contradiction.
	Opens bool
}

// Evidence is one row of the ledger.
type Evidence struct {
	Key
	AB, BA      Sums   // from A to B, from B to A
	First, Last int64  // unix seconds: least start, greatest end
	Hours       uint32 // bit h: some record touched hour h of the day
	// Sessions is the number of distinct 5-tuples per object folded into the row; 1 and more.
	Sessions int64
}

// Coverage is what is known of one interface on one day from one flow log. A row with Interface "" speaks of every interface
// of that flow log: an object of it could not be read to its end.
type Coverage struct {
	Day       int32
	Source    string
	Interface string
	Covered   uint32 // bit h: an OK or NODATA row touched hour h
	Gaps      uint32 // bit h: SKIPDATA, or a bad line that was skipped
	Accepts   int64  // OK records with action ACCEPT
	Rejects   int64
	NoData    int64 // rows
	SkipData  int64 // rows
}

// Attributes are what the records say of an interface. Empty strings are unknown.
type Attributes struct {
	Interface, Account, VPC, Subnet, Region string
}
