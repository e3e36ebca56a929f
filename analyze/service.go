package analyze

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Proto is an IANA protocol number, or AllProtocols.
type Proto int16

const (
	AllProtocols Proto = -1
	ICMP         Proto = 1
	TCP          Proto = 6
	UDP          Proto = 17
	ICMPv6       Proto = 58
)

// HasPorts reports whether security-group rules of this protocol carry ports.
func (p Proto) HasPorts() bool { return p == TCP || p == UDP }

// IsICMP reports whether p is ICMP or ICMPv6, whose "ports" in rules are type and code.
func (p Proto) IsICMP() bool { return p == ICMP || p == ICMPv6 }

// String is the form EC2 returns: a name for tcp, udp, icmp and icmpv6, else the number; -1 is all.
func (p Proto) String() string {
	switch p {
	case TCP:
		return "tcp"
	case UDP:
		return "udp"
	case ICMP:
		return "icmp"
	case ICMPv6:
		return "icmpv6"
	}
	return strconv.Itoa(int(p))
}

// ParseProto reads every form the EC2 API and its CLI accept.
func ParseProto(s string) (Proto, error) {
	switch strings.ToLower(s) {
	case "tcp":
		return TCP, nil
	case "udp":
		return UDP, nil
	case "icmp":
		return ICMP, nil
	case "icmpv6", "icmp6":
		return ICMPv6, nil
	case "all", "-1":
		return AllProtocols, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > 255 {
		return 0, fmt.Errorf("protocol %q: want a name or a number from 0 to 255, or -1", s)
	}
	return Proto(n), nil
}

// MarshalText writes String.
func (p Proto) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads what ParseProto reads.
func (p *Proto) UnmarshalText(b []byte) (err error) { *p, err = ParseProto(string(b)); return err }

// PortRange is inclusive at both ends. Ports start at 0.
type PortRange struct {
	First uint16 `json:"first"`
	Last  uint16 `json:"last"`
}

// AllPorts is 0–65535.
var AllPorts = PortRange{0, 65535}

// Contains reports whether port p lies in r.
func (r PortRange) Contains(p uint16) bool { return r.First <= p && p <= r.Last }

// Covers reports whether every port of o lies in r.
func (r PortRange) Covers(o PortRange) bool { return r.First <= o.First && o.Last <= r.Last }

// Len is the number of ports, 1 to 65536.
func (r PortRange) Len() int { return int(r.Last) - int(r.First) + 1 }

// Compare orders by first, then last port.
func (r PortRange) Compare(o PortRange) int {
	return cmp.Or(cmp.Compare(r.First, o.First), cmp.Compare(r.Last, o.Last))
}

// String prints *, 443 or 8000-8010.
func (r PortRange) String() string {
	switch {
	case r == AllPorts:
		return "*"
	case r.First == r.Last:
		return strconv.Itoa(int(r.First))
	}
	return fmt.Sprintf("%d-%d", r.First, r.Last)
}

// Service is what a rule allows apart from the peer: protocol and ports, or ICMP type and code. It is comparable, and
// normalised: equal meanings are equal values. Make one with TCPPorts, UDPPorts, ICMPService, ProtoService or
// ServiceFromEC2.
type Service struct {
	Proto Proto
	Ports PortRange // TCP and UDP; AllPorts for every other protocol
	// ICMP and ICMPv6 only, else -1: type and code, -1 for all [aws-facts 4.4: not a range].
	Type, Code int16
}

// AllTraffic is protocol -1.
var AllTraffic = Service{Proto: AllProtocols, Ports: AllPorts, Type: -1, Code: -1}

// PortService is a TCP or UDP service on a range of ports.
func PortService(p Proto, r PortRange) Service {
	return Service{Proto: p, Ports: r, Type: -1, Code: -1}
}

// ProtoService is all of one protocol (all ports, all types).
func ProtoService(p Proto) Service { return Service{Proto: p, Ports: AllPorts, Type: -1, Code: -1} }

// ICMPService is one ICMP type and code; -1 is all, and type -1 forces code -1.
func ICMPService(p Proto, typ, code int16) Service {
	if typ == -1 {
		code = -1
	}
	return Service{Proto: p, Ports: AllPorts, Type: typ, Code: code}
}

// ServiceFromEC2 reads protocol, FromPort and ToPort as the EC2 API returns them; nil ports are absent ones. Absent and
// -1 both mean all. Ports with protocols other than TCP, UDP, ICMP and ICMPv6 are ignored, as EC2 ignores them.
func ServiceFromEC2(proto string, from, to *int32) (Service, error) {
	p, err := ParseProto(proto)
	if err != nil {
		return Service{}, err
	}
	f, t := int32(-1), int32(-1)
	if from != nil {
		f = *from
	}
	if to != nil {
		t = *to
	}
	switch {
	case p.HasPorts():
		if f == -1 && t == -1 {
			return ProtoService(p), nil
		}
		if f < 0 || t > 65535 || f > t {
			return Service{}, fmt.Errorf("ports %d to %d: want 0 to 65535, first not above last", f, t)
		}
		return PortService(p, PortRange{uint16(f), uint16(t)}), nil
	case p.IsICMP():
		if f < -1 || f > 255 || t < -1 || t > 255 {
			return Service{}, fmt.Errorf("icmp type %d code %d: want -1 to 255", f, t)
		}
		return ICMPService(p, int16(f), int16(t)), nil
	}
	return ProtoService(p), nil
}

// EC2Ports is FromPort and ToPort as EC2 wants them for this service; ok is false where they must be left out.
func (s Service) EC2Ports() (from, to int32, ok bool) {
	switch {
	case s.Proto.HasPorts():
		return int32(s.Ports.First), int32(s.Ports.Last), true
	case s.Proto.IsICMP():
		return int32(s.Type), int32(s.Code), true
	}
	return 0, 0, false
}

// Covers reports whether everything o allows, s allows too (peer apart).
func (s Service) Covers(o Service) bool {
	if s.Proto == AllProtocols {
		return true
	}
	if s.Proto != o.Proto {
		return false
	}
	if s.Proto.IsICMP() {
		return (s.Type == -1 || s.Type == o.Type) && (s.Code == -1 || s.Code == o.Code)
	}
	return s.Ports.Covers(o.Ports)
}

// Overlaps reports whether some packet is of both services.
func (s Service) Overlaps(o Service) bool {
	if s.Proto == AllProtocols || o.Proto == AllProtocols {
		return true
	}
	if s.Proto != o.Proto {
		return false
	}
	if s.Proto.IsICMP() {
		same := func(a, b int16) bool { return a == -1 || b == -1 || a == b }
		return same(s.Type, o.Type) && same(s.Code, o.Code)
	}
	return s.Ports.First <= o.Ports.Last && o.Ports.First <= s.Ports.Last
}

// MatchFlow says whether a logged conversation of this protocol and service port is allowed as to the service. Flow logs
// carry no ICMP type, so a type-specific ICMP service is Maybe for every ICMP conversation.
func (s Service) MatchFlow(proto uint8, port uint16) Match {
	switch {
	case s.Proto == AllProtocols:
		return Yes
	case s.Proto != Proto(proto):
		return No
	case s.Proto.IsICMP():
		if s.Type == -1 {
			return Yes
		}
		return Maybe
	case s.Proto.HasPorts() && !s.Ports.Contains(port):
		return No
	}
	return Yes
}

// Compare is a total order for output.
func (s Service) Compare(o Service) int {
	return cmp.Or(cmp.Compare(s.Proto, o.Proto), s.Ports.Compare(o.Ports), cmp.Compare(s.Type, o.Type), cmp.Compare(s.Code, o.Code))
}

// String prints "tcp 443", "udp *", "icmp 3/4", "icmp", "all", "50".
func (s Service) String() string {
	switch {
	case s.Proto == AllProtocols:
		return "all"
	case s.Proto.HasPorts():
		return s.Proto.String() + " " + s.Ports.String()
	case s.Proto.IsICMP() && s.Type != -1 && s.Code != -1:
		return fmt.Sprintf("%s %d/%d", s.Proto, s.Type, s.Code)
	case s.Proto.IsICMP() && s.Type != -1:
		return fmt.Sprintf("%s %d", s.Proto, s.Type)
	}
	return s.Proto.String()
}

// ParseService reads what String writes.
func ParseService(text string) (Service, error) {
	name, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	p, err := ParseProto(name)
	if err != nil {
		return Service{}, err
	}
	if rest == "" {
		return ProtoService(p), nil
	}
	switch {
	case p.HasPorts():
		r, err := ParsePortRange(rest)
		return PortService(p, r), err
	case p.IsICMP():
		var typ, code int16 = -1, -1
		if strings.Contains(rest, "/") {
			_, err = fmt.Sscanf(rest, "%d/%d", &typ, &code)
		} else {
			_, err = fmt.Sscanf(rest, "%d", &typ)
		}
		if err != nil {
			return Service{}, fmt.Errorf("icmp %q: want TYPE or TYPE/CODE", rest)
		}
		return ICMPService(p, typ, code), nil
	}
	return Service{}, fmt.Errorf("service %q: protocol %s has no ports", text, p)
}

// ParsePortRange reads *, 443 or 8000-8010.
func ParsePortRange(s string) (PortRange, error) {
	if s == "*" {
		return AllPorts, nil
	}
	a, b, two := strings.Cut(s, "-")
	if !two {
		b = a
	}
	first, err1 := strconv.ParseUint(a, 10, 16)
	last, err2 := strconv.ParseUint(b, 10, 16)
	if err1 != nil || err2 != nil || first > last {
		return PortRange{}, fmt.Errorf("ports %q: want *, a port, or FIRST-LAST within 0 to 65535", s)
	}
	return PortRange{uint16(first), uint16(last)}, nil
}
