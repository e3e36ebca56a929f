package proof

import (
	"fmt"
	"slices"

	"github.com/sgtrim/sgtrim/analyze"
)

// cell is one kind of packet: it stands for all packets that the same services allow.
type cell struct {
	proto     int // 0 to 255
	port      int // TCP and UDP
	typ, code int // ICMP and ICMPv6
}

func (c cell) String() string {
	switch p := analyze.Proto(c.proto); {
	case p.HasPorts():
		return fmt.Sprintf("%s %d", p, c.port)
	case p.IsICMP():
		return fmt.Sprintf("%s %d/%d", p, c.typ, c.code)
	default:
		return "protocol " + p.String()
	}
}

// in reports whether the service allows the packet.
func (c cell) in(s analyze.Service) bool {
	if s.Proto == analyze.AllProtocols {
		return true
	}
	if int(s.Proto) != c.proto {
		return false
	}
	switch s.Proto {
	case analyze.TCP, analyze.UDP:
		return int(s.Ports.First) <= c.port && c.port <= int(s.Ports.Last)
	case analyze.ICMP, analyze.ICMPv6:
		return (s.Type == -1 || int(s.Type) == c.typ) && (s.Code == -1 || int(s.Code) == c.code)
	}
	return true
}

// cells are packets of service s, at least one for each set of old rules that some packet of s meets.
func cells(s analyze.Service, old []*rule) []cell {
	if s.Proto != analyze.AllProtocols {
		return cellsOf(s, old)
	}
	var out []cell
	for _, p := range protocols(old) {
		out = append(out, cellsOf(analyze.ProtoService(analyze.Proto(p)), old)...)
	}
	return out
}

// protocols are those that the old rules name, and one that they do not.
func protocols(old []*rule) []int {
	var named []int
	for _, r := range old {
		if r.Service.Proto != analyze.AllProtocols {
			named = append(named, int(r.Service.Proto))
		}
	}
	return withOther(named)
}

// withOther sorts numbers of 0 to 255 and adds the lowest that is missing, if any.
func withOther(named []int) []int {
	slices.Sort(named)
	named = slices.Compact(named)
	for n := range 256 {
		if _, found := slices.BinarySearch(named, n); !found {
			return append(named, n)
		}
	}
	return named
}

func cellsOf(s analyze.Service, old []*rule) []cell {
	proto := int(s.Proto)
	switch {
	case s.Proto.HasPorts():
		var out []cell
		for _, p := range portBorders(s, old) {
			out = append(out, cell{proto: proto, port: p})
		}
		return out
	case s.Proto.IsICMP():
		var out []cell
		for _, t := range numbers(s.Type, old, s.Proto, func(o analyze.Service) int16 { return o.Type }) {
			for _, c := range numbers(s.Code, old, s.Proto, func(o analyze.Service) int16 { return o.Code }) {
				out = append(out, cell{proto: proto, typ: t, code: c})
			}
		}
		return out
	}
	return []cell{{proto: proto}}
}

// portBorders are the first ports of the stretches into which the old rules cut the ports of s.
func portBorders(s analyze.Service, old []*rule) []int {
	first, last := int(s.Ports.First), int(s.Ports.Last)
	out := []int{first}
	for _, r := range old {
		if r.Service.Proto != s.Proto {
			continue
		}
		for _, p := range [2]int{int(r.Service.Ports.First), int(r.Service.Ports.Last) + 1} {
			if first < p && p <= last {
				out = append(out, p)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// numbers are the ICMP types or codes of s to look at: its own, or if it means all, those that old rules name and one other.
func numbers(own int16, old []*rule, proto analyze.Proto, of func(analyze.Service) int16) []int {
	if own != -1 {
		return []int{int(own)}
	}
	var named []int
	for _, r := range old {
		if r.Service.Proto == proto && of(r.Service) != -1 {
			named = append(named, int(of(r.Service)))
		}
	}
	return withOther(named)
}
