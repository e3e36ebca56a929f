package explain

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/sgtrim/sgtrim/analyze"
)

// Flow is one hypothetical flow, from the side that opens it.
type Flow struct {
	Proto  analyze.Proto
	Port   uint16 // of the target; 0 for protocols without ports
	Source End
	Target End
}

// End is one end of a flow: exactly one field is set. A group stands for each of its members.
type End struct {
	Addr      netip.Addr
	GroupID   string
	Interface string
}

func (e End) String() string {
	switch {
	case e.GroupID != "":
		return e.GroupID
	case e.Interface != "":
		return e.Interface
	}
	return e.Addr.String()
}

// String prints what ParseFlow reads.
func (f Flow) String() string {
	target := f.Target.String()
	if f.Proto.HasPorts() {
		if f.Target.Addr.Is6() {
			target = "[" + target + "]"
		}
		target += ":" + strconv.Itoa(int(f.Port))
	}
	return fmt.Sprintf("%s %s -> %s", f.Proto, f.Source, target)
}

// ParseFlow reads "tcp 10.0.1.5 -> sg-0abc:5432", "udp eni-0a -> [2001:db8::1]:53", "icmp sg-0abc -> 10.0.1.9". For the arrow,
// which shells take for themselves, "to" may stand.
func ParseFlow(text string) (Flow, error) {
	var f Flow
	words := strings.Fields(strings.ReplaceAll(text, "->", " to "))
	if len(words) != 4 || words[2] != "to" {
		return f, fmt.Errorf("flow %q: want PROTOCOL SOURCE -> TARGET:PORT, as in tcp 10.0.1.5 -> sg-0abc:5432", text)
	}
	var err error
	if f.Proto, err = analyze.ParseProto(words[0]); err != nil {
		return f, fmt.Errorf("flow %q: %w", text, err)
	}
	if f.Proto == analyze.AllProtocols {
		return f, fmt.Errorf("flow %q: a flow has one protocol, not all", text)
	}
	target := words[3]
	if f.Proto.HasPorts() {
		host, port, ok := cutPort(target)
		if !ok {
			return f, fmt.Errorf("flow %q: want a port from 0 to 65535 after the target: %s:443 (an IPv6 address in brackets)", text, target)
		}
		target, f.Port = host, port
	}
	if f.Source, err = parseEnd(words[1]); err != nil {
		return f, fmt.Errorf("flow %q: source %w", text, err)
	}
	if f.Target, err = parseEnd(target); err != nil {
		return f, fmt.Errorf("flow %q: target %w", text, err)
	}
	if a, b := f.Source.Addr, f.Target.Addr; a.IsValid() && b.IsValid() && a.Is4() != b.Is4() {
		return f, fmt.Errorf("flow %q: an IPv4 and an IPv6 address never meet", text)
	}
	return f, nil
}

// cutPort takes the port off a target. An address with more than one colon and no brackets has none.
func cutPort(target string) (host string, port uint16, ok bool) {
	i := strings.LastIndexByte(target, ':')
	if i < 0 {
		return "", 0, false
	}
	host = target[:i]
	if inner, bracketed := strings.CutPrefix(host, "["); bracketed {
		if host, ok = strings.CutSuffix(inner, "]"); !ok {
			return "", 0, false
		}
	} else if strings.Contains(host, ":") {
		return "", 0, false
	}
	n, err := strconv.ParseUint(target[i+1:], 10, 16)
	return host, uint16(n), err == nil
}

func parseEnd(text string) (End, error) {
	switch {
	case strings.HasPrefix(text, "sg-") && len(text) > len("sg-"):
		return End{GroupID: text}, nil
	case strings.HasPrefix(text, "eni-") && len(text) > len("eni-"):
		return End{Interface: text}, nil
	}
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	if err != nil || a.Zone() != "" {
		return End{}, fmt.Errorf("%q: want an address, sg-… or eni-…", text)
	}
	return End{Addr: a.Unmap()}, nil
}

// ParseRule reads a rule as the plan writes it: "sg-0abc ingress tcp 443 10.0.0.0/8".
func ParseRule(text string) (analyze.RuleKey, error) {
	var k analyze.RuleKey
	words := strings.Fields(text)
	if len(words) < 4 {
		return k, fmt.Errorf("rule %q: want GROUP DIRECTION SERVICE PEER, as in sg-0abc ingress tcp 443 10.0.0.0/8", text)
	}
	k.GroupID = words[0]
	if err := k.Direction.UnmarshalText([]byte(words[1])); err != nil {
		return k, fmt.Errorf("rule %q: %w", text, err)
	}
	last := len(words) - 1
	var err error
	if k.Service, err = analyze.ParseService(strings.Join(words[2:last], " ")); err != nil {
		return k, fmt.Errorf("rule %q: %w", text, err)
	}
	if k.Peer, err = analyze.ParsePeer(words[last]); err != nil {
		return k, fmt.Errorf("rule %q: %w", text, err)
	}
	return k, nil
}
