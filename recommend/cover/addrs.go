// Package cover finds the cheapest rules that hold what was seen: prefixes over addresses, ranges over ports, and both
// together. Costs are integers and every choice has one stated order, so the same input gives the same rules everywhere.
package cover

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
)

// Options of Addrs. The zero value gives the exact hosts, one /32 or /128 each.
type Options struct {
	// Within are the prefixes that a result may not leave: every result lies inside one of them. Empty: no bound.
	Within []netip.Prefix
	// Preferred are known networks (subnets, named networks). An unseen address inside a result that is exactly one of them
	// weighs less: 2^-PreferredShift of an ordinary one, rounded down over the prefix.
	Preferred      []netip.Prefix
	PreferredShift int // 0: 3, an eighth
	// Networks are further prefixes that a result may be, at full price. (Wider ones than the hosts need are else not tried.)
	Networks []netip.Prefix
	// RuleCost is what one prefix costs, counted in unseen addresses: two prefixes become one only if that takes in fewer
	// than RuleCost unseen addresses. With 0 no unseen address is ever taken in, unless MaxPrefixes forces it.
	RuleCost int64
	// Unwanted are addresses that a result had better not hold: one inside, if not seen, weighs as two unseen addresses.
	Unwanted []netip.Addr
	// MaxPrefixes bounds the result, both families together. 0: no bound.
	MaxPrefixes int
	// MinBits4 and MinBits6 are the shortest prefix lengths allowed in a result.
	MinBits4, MinBits6 int
	// Losses counts what is expected to be missed by a result that is exactly this prefix. Each costs LossPrice unseen
	// addresses; of IPv6 LossPrice·2^56, where a /64 stands for what a /24 is in IPv4. Nil: none.
	Losses    func(netip.Prefix) int64
	LossPrice int64
}

// ErrTooMany is returned where MaxPrefixes cannot be kept within Within and MinBits.
var ErrTooMany = errors.New("more prefixes needed than allowed")

// Addrs returns the prefixes that hold every one of addrs at the least cost: RuleCost for each prefix, plus one for each
// address in it that is not in addrs (less in a preferred network, more where unwanted), plus LossPrice for each of its Losses. The result is optimal, disjoint and sorted, IPv4 first.
// Where two covers cost the same the finer one is taken. An address outside Within, an invalid one, or one with a zone is an
// error; a bound that cannot be kept is ErrTooMany.
func Addrs(addrs []netip.Addr, opt Options) ([]netip.Prefix, error) {
	opt, err := opt.checked()
	if err != nil {
		return nil, err
	}
	seen, err := sortedHosts(addrs, opt.Within)
	if err != nil {
		return nil, err
	}
	if len(seen) == 0 {
		return []netip.Prefix{}, nil
	}
	t := newTrie(seen, opt)
	out := t.cheapest()
	if opt.MaxPrefixes > 0 && len(out) > opt.MaxPrefixes {
		if out = t.cheapestOf(opt.MaxPrefixes); out == nil {
			return nil, fmt.Errorf("%d addresses in %d prefixes: %w", len(seen), opt.MaxPrefixes, ErrTooMany)
		}
	}
	return out, nil
}

func (o Options) checked() (Options, error) {
	if o.RuleCost < 0 || o.MaxPrefixes < 0 || o.PreferredShift < 0 || o.LossPrice < 0 {
		return o, fmt.Errorf("cover options: rule cost %d, most prefixes %d, shift %d, loss price %d: want none below 0",
			o.RuleCost, o.MaxPrefixes, o.PreferredShift, o.LossPrice)
	}
	if o.PreferredShift == 0 {
		o.PreferredShift = 3
	}
	var err error
	if o.Within, err = masked(o.Within); err != nil {
		return o, fmt.Errorf("cover within: %w", err)
	}
	if o.Preferred, err = masked(o.Preferred); err != nil {
		return o, fmt.Errorf("cover preferred: %w", err)
	}
	if o.Networks, err = masked(o.Networks); err != nil {
		return o, fmt.Errorf("cover networks: %w", err)
	}
	return o, nil
}

func masked(ps []netip.Prefix) ([]netip.Prefix, error) {
	out := make([]netip.Prefix, 0, len(ps))
	for _, p := range ps {
		if !p.IsValid() || p.Addr().Is4In6() {
			return nil, fmt.Errorf("prefix %v: want a valid IPv4 or IPv6 prefix", p)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

func sortedHosts(addrs []netip.Addr, within []netip.Prefix) ([]netip.Addr, error) {
	seen := make([]netip.Addr, 0, len(addrs))
	for _, a := range addrs {
		a = a.Unmap()
		if !a.IsValid() || a.Zone() != "" {
			return nil, fmt.Errorf("address %v: want a valid address without zone", a)
		}
		if !inside(netip.PrefixFrom(a, a.BitLen()), within) {
			return nil, fmt.Errorf("address %v lies outside %v", a, within)
		}
		seen = append(seen, a)
	}
	slices.SortFunc(seen, netip.Addr.Compare)
	return slices.Compact(seen), nil
}

// inside reports whether p lies in one of within; an empty list bounds nothing.
func inside(p netip.Prefix, within []netip.Prefix) bool {
	if len(within) == 0 {
		return true
	}
	return slices.ContainsFunc(within, func(w netip.Prefix) bool { return Contains(w, p) })
}

// Contains reports whether every address of p is in w.
func Contains(w, p netip.Prefix) bool { return w.Bits() <= p.Bits() && w.Contains(p.Addr()) }

// common is the longest prefix that holds both a and b, of one family.
func common(a, b netip.Addr) netip.Prefix {
	x, y := a.As16(), b.As16()
	n, skip := 0, 128-a.BitLen()
	for n < 16 && x[n] == y[n] {
		n++
	}
	bits := 8 * n
	if n < 16 {
		for d := x[n] ^ y[n]; d&0x80 == 0; d <<= 1 {
			bits++
		}
	}
	return netip.PrefixFrom(a, bits-skip).Masked()
}
