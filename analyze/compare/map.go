package compare

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
)

// Map says what addresses and names of before are after. The nil map changes nothing.
type Map struct {
	names    map[string]string
	prefixes []prefixPair
}

type prefixPair struct{ from, to netip.Prefix }

// ReadMap reads lines of two fields, before,after: two addresses, two networks of one size, or two names. Lines that begin
// with # and a first line "before,after" are no entries.
func ReadMap(r io.Reader) (*Map, error) {
	in := csv.NewReader(r)
	in.Comment, in.FieldsPerRecord, in.TrimLeadingSpace = '#', 2, true
	m := &Map{names: map[string]string{}}
	seen := map[string]bool{}
	for first := true; ; first = false {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			return m, nil
		}
		if err != nil {
			return nil, err // it names the line
		}
		line, _ := in.FieldPos(0)
		from, to := strings.TrimSpace(record[0]), strings.TrimSpace(record[1])
		if first && from == "before" && to == "after" {
			continue
		}
		if seen[from] {
			return nil, fmt.Errorf("line %d: %q is named twice", line, from)
		}
		seen[from] = true
		if err := m.add(from, to); err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
	}
}

func (m *Map) add(from, to string) error {
	if from == "" || to == "" {
		return errors.New("an empty field")
	}
	a, isPrefix, err := parsePrefix(from)
	if err != nil {
		return err
	}
	b, both, err := parsePrefix(to)
	switch {
	case err != nil:
		return err
	case isPrefix != both:
		return fmt.Errorf("%q and %q: want two addresses, two networks, or two names", from, to)
	case !isPrefix:
		m.names[from] = to
		return nil
	case a.Bits() != b.Bits() || a.Addr().Is4() != b.Addr().Is4():
		return fmt.Errorf("%q and %q: want networks of one size and family", from, to)
	}
	m.prefixes = append(m.prefixes, prefixPair{a, b})
	return nil
}

// parsePrefix reads an address or a network. What only looks like one is an error, and no name.
func parsePrefix(text string) (p netip.Prefix, ok bool, err error) {
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), true, nil
	}
	p, err = netip.ParsePrefix(text)
	if err == nil {
		if p != p.Masked() {
			return p, false, fmt.Errorf("%q has bits behind its length: want %s", text, p.Masked())
		}
		return p, true, nil
	}
	if strings.Trim(text, "0123456789./") == "" {
		return p, false, fmt.Errorf("%q is neither an address nor a network", text)
	}
	return p, false, nil
}

// name of before, after.
func (m *Map) name(name string) string {
	if m != nil {
		if to, ok := m.names[name]; ok {
			return to
		}
	}
	return name
}

// addr of before, after, by the narrowest entry. An address that a name stands for in the map is renamed with the names.
func (m *Map) addr(a netip.Addr) (netip.Addr, bool) {
	if m == nil {
		return a, false
	}
	best := prefixPair{}
	for _, p := range m.prefixes {
		if p.from.Contains(a) && (!best.from.IsValid() || p.from.Bits() > best.from.Bits()) {
			best = p
		}
	}
	if !best.from.IsValid() {
		return a, false
	}
	return move(a, best), true
}

// move keeps the bits of a behind the network.
func move(a netip.Addr, p prefixPair) netip.Addr {
	host, network := a.AsSlice(), p.to.Addr().AsSlice()
	for bit := range len(host) * 8 {
		if mask := byte(0x80) >> (bit % 8); bit < p.to.Bits() {
			host[bit/8] = host[bit/8]&^mask | network[bit/8]&mask
		}
	}
	moved, _ := netip.AddrFromSlice(host)
	return moved
}
