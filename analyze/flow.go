package analyze

import "fmt"

// Direction of traffic as seen from the interface that logged it (AWS's flow-direction).
type Direction uint8

const (
	DirectionUnknown Direction = iota // the local side is not known yet
	Ingress
	Egress
)

func (d Direction) String() string {
	switch d {
	case Ingress:
		return "ingress"
	case Egress:
		return "egress"
	}
	return "unknown"
}

// MarshalText writes the AWS word.
func (d Direction) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (d *Direction) UnmarshalText(b []byte) error {
	switch string(b) {
	case "ingress":
		*d = Ingress
	case "egress":
		*d = Egress
	case "unknown", "":
		*d = DirectionUnknown
	default:
		return fmt.Errorf("direction %q: want ingress or egress", b)
	}
	return nil
}

// Action is the verdict of security groups and network ACLs together; there is no field telling which of them rejected.
type Action uint8

const (
	ActionUnknown Action = iota
	Accept
	Reject
)

func (a Action) String() string {
	switch a {
	case Accept:
		return "ACCEPT"
	case Reject:
		return "REJECT"
	}
	return "-"
}

// MarshalText writes AWS's word.
func (a Action) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// Strength says how well a conversation is attested. The order is by weight: a stronger one wins where several meet.
type Strength uint8

const (
	StrengthNone Strength = iota
	Rejected              // SYN-only REJECT (or REJECT of UDP, ICMP); late packets of closed connections are none
	Attempt               // SYN answered by RST or by nothing; claimed only on flag evidence
	OneWay                // packets one way only (UDP requests without answer)
	Weak                  // both ways, but without flags and with fewer than 3 TCP packets each way
	Established           // SYN-ACK seen, or both ways
	NumStrengths
)

var strengthNames = [NumStrengths]string{"none", "rejected", "attempt", "one-way", "weak", "established"}

func (s Strength) String() string {
	if s < NumStrengths {
		return strengthNames[s]
	}
	return fmt.Sprintf("strength(%d)", uint8(s))
}

// MarshalText writes the strength's word.
func (s Strength) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Reason says what decided who opened a conversation, best evidence first (a smaller value is better evidence).
type Reason uint8

const (
	Ambiguous   Reason = iota // nothing decided: two linked conversations stand for both readings
	OwnFlags                  // SYN without ACK, or SYN-ACK, on the record itself
	Counterpart               // flags of the counterpart record in the same object
	Endpoint                  // the service endpoint is known by flags elsewhere that day
	Repetition                // one port meeting many peer ports
	KnownPort                 // a port the user named as a server port
	Registry                  // IANA registry and ephemeral ranges
	OneWayUDP                 // a one-way datagram is a request
	EqualPorts                // both ports equal (123, 500): the one conversation
	Portless                  // ICMP and protocols without ports: both sides
	Handshake                 // no flags are logged, but all packets have the size of a SYN, or of a SYN and the RST that answers it
	NumReasons
)

var reasonNames = [NumReasons]string{
	"ambiguous", "flags", "counterpart", "endpoint", "repetition", "known-port", "registry", "one-way-udp", "equal-ports", "portless", "handshake",
}

func (r Reason) String() string {
	if r < NumReasons {
		return reasonNames[r]
	}
	return fmt.Sprintf("reason(%d)", uint8(r))
}

// MarshalText writes the reason's word.
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Better reports whether r is better evidence than o.
func (r Reason) Better(o Reason) bool {
	if r == Ambiguous || o == Ambiguous {
		return o == Ambiguous && r != Ambiguous
	}
	return r < o
}

// Match is the three-valued answer to "does this rule allow this conversation".
type Match uint8

const (
	No Match = iota
	Maybe
	Yes
)

func (m Match) String() string { return [...]string{"no", "maybe", "yes"}[m] }
