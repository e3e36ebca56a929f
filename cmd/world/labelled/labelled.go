// Package labelled makes a day of connections whose client is known, and the flow logs that AWS would write of them: the
// yardstick of orientation. Connections are made packet by packet, packets are cut into records at each logging interface's
// own intervals [F 1.8], and records are dealt to objects of five minutes [F 3.1].
//
// It judges the rest of the module, so it shares no code with it (nor does package world, whose records it fills). A day is
// a pure function of its class, size and seed.
package labelled

import (
	"math/rand/v2"
	"net/netip"

	"github.com/sgtrim/sgtrim/cmd/world"
)

// Class is one way of making and logging connections.
type Class struct {
	Service  string   // one of Services
	Clients  world.OS // where client ports come from
	Interval int64    // aggregation interval in seconds: 60 or 600
	BothEnds bool     // the interfaces of client and service log; else one of them
	Full     bool     // all fields of versions 2 to 5; else the default format
	// Rough delivery: objects come up to ten minutes late and out of order, so that records of a connection are torn apart;
	// and LoseShare of the records never arrive [F 1.3].
	Rough bool
}

// LoseShare is the share of records that get lost in rough delivery.
const LoseShare = 0.01

// Kind is how a connection went.
type Kind uint8

const (
	Answered Kind = iota // the handshake was completed
	Refused              // SYN met RST
	Silent               // SYN met nothing
	Probed               // SYN met SYN-ACK and RST ended it: how scanners knock on an open port
	Rejected             // the service's security groups stopped the SYN
)

// Connection is one connection, and the truth about it.
type Connection struct {
	Client, Service netip.AddrPort
	Protocol        uint8
	Kind            Kind
}

// View is a connection as one interface logged it. Counts are of the records that arrived.
type View struct {
	*Connection
	Interface string
	AtClient  bool // the interface is the client's
	Records   int
	// Handshake says that a record bears SYN or SYN-ACK: then flags tell who opened the connection.
	Handshake bool
	// Up and Down are accepted packets, client to service and back.
	Up, Down int64
	Late     bool // a packet was rejected that came after the connection was closed
}

// Established reports whether the connection was answered and the records show it without flags: three packets and more
// each way over TCP, any both ways over UDP.
func (v *View) Established() bool {
	least := int64(3)
	if v.Protocol != tcp {
		least = 1
	}
	return v.Kind == Answered && v.Up >= least && v.Down >= least
}

const tcp, udp = 6, 17

// Day is a day of one class.
type Day struct {
	Views       []View // with at least one record
	Connections int    // with at least one view
	Objects     []Object
	Records     int64
}

// Object is a flow-log object, as text with a header line.
type Object struct {
	Key  string // in a bucket, as AWS names it
	Text []byte
}

// midnight is the start of the day, 2026-03-10 UTC, a Tuesday.
const (
	midnight = int64(1773100800)
	day      = int64(86400)
)

// New makes a day of about n connections.
func New(c Class, n int, seed uint64) *Day {
	r := rand.New(rand.NewPCG(seed, 0x6f7269656e74))
	m := newMaker(c, n, r)
	w := newWriter(c, r)
	for range n {
		if x, ok := m.connection(); ok {
			w.write(x)
		}
	}
	return w.close()
}
