package unseen

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"

	"github.com/sgtrim/sgtrim/recommend/cover"
)

// Peer is a peer address with the days it was seen on (since 1970-01-01; any order).
type Peer struct {
	Addr netip.Addr
	Days []int32
}

// Options of Widen.
type Options struct {
	// Within are the prefixes of the old rule. Every result lies inside one of them; at worst it is them.
	Within []netip.Prefix
	// Known are networks known apart from the traffic (named networks, subnets).
	Known []netip.Prefix
	Bound Share // the expected loss must be below it; 0: Balanced
	// Unwanted are addresses that knock and are rejected: of networks that would do as well, those are taken that hold none.
	Unwanted []netip.Addr
}

// Widening is the cover that Widen chose.
type Widening struct {
	Prefixes []netip.Prefix // disjoint, sorted
	Exact    Estimate       // of a rule for exactly the peers seen
	Loss     Share          // expected of Prefixes
	Widened  bool           // Prefixes are more than the hosts
	Judged   bool           // false: seen on one day only, which says nothing; the old prefixes stay
}

// A newcomer that a network explains is worth at least leastPrice unseen addresses, whatever the level: below it the result
// would be shreds of the network the newcomers come from. The price grows by priceStep until the loss is below the bound.
const leastPrice, priceStep, mostPrice = 16, 4, 1 << 40

// Widen covers the peers by exact hosts if the expected loss of that is below the bound. Otherwise it takes in the networks
// that newcomers come from, the cheapest that bring the loss below the bound, and leaves the others exact: the optimal cover
// (package cover) where an unseen address costs 1 and a newcomer that no network explains costs more and more. If no such
// cover is found, the old prefixes around the peers stay. What is taken in of one /24 or /64 is taken in as one network: where
// newcomers keep coming from is not known to the last bit.
//
// A newcomer is a peer seen on one day only (of these the later half), or first seen after the first quarter of the days. A
// network explains it if it would have been taken without it: a known network and the old prefixes always; a /24 or /64 if a
// peer of it was seen before that day; any other prefix if peers in both its halves were. So addresses handed out one after
// the other do not explain the next one, and peers that come together do not explain each other. The first peers, of which
// nobody could be a newcomer, want to be explained too where they were seen once only, by others of any day: else those that
// came first would stay as shreds beside the network that they are of.
func Widen(peers []Peer, opt Options) (Widening, error) {
	if opt.Bound < 0 || opt.Bound > 10000 {
		return Widening{}, fmt.Errorf("bound %s: want 0 to 100 %%", opt.Bound)
	}
	if opt.Bound == 0 {
		opt.Bound = Balanced
	}
	if len(opt.Within) == 0 {
		return Widening{}, errors.New("widen: no old prefixes")
	}
	w, err := newWidener(peers, opt)
	if err != nil {
		return Widening{}, err
	}
	return w.choose()
}

type widener struct {
	opt    Options
	addrs  []netip.Addr // sorted, each once
	h      *history
	known  map[netip.Prefix]bool // explain always
	losses map[netip.Prefix]int64
}

func newWidener(peers []Peer, opt Options) (*widener, error) {
	byAddr := make(map[netip.Addr][]int32, len(peers))
	for _, p := range peers {
		if len(p.Days) == 0 {
			return nil, fmt.Errorf("peer %v: no day it was seen on", p.Addr)
		}
		a := p.Addr.Unmap()
		byAddr[a] = append(byAddr[a], p.Days...)
	}
	w := &widener{opt: opt, known: make(map[netip.Prefix]bool), losses: make(map[netip.Prefix]int64)}
	for a := range byAddr {
		w.addrs = append(w.addrs, a)
	}
	slices.SortFunc(w.addrs, netip.Addr.Compare)
	days := make([][]int32, 0, len(w.addrs))
	for _, a := range w.addrs {
		days = append(days, byAddr[a])
	}
	w.h = newHistory(days)
	for _, p := range slices.Concat(opt.Within, opt.Known) {
		w.known[p.Masked()] = true
	}
	return w, nil
}

func (w *widener) choose() (Widening, error) {
	out := Widening{Exact: w.h.estimate()}
	out.Judged, out.Loss = out.Exact.Judged(), out.Exact.Loss()
	exact, err := cover.Addrs(w.addrs, cover.Options{Within: w.opt.Within})
	if err != nil || len(exact) == 0 {
		out.Prefixes = []netip.Prefix{}
		return out, err
	}
	if out.Judged && out.Loss < w.opt.Bound {
		out.Prefixes = exact
		return out, nil
	}
	out.Prefixes, out.Loss, err = w.wider(out.Judged)
	out.Widened = !slices.Equal(out.Prefixes, exact)
	return out, err
}

// wider raises the price of a loss until the cover is below the bound; at the end the old prefixes remain.
func (w *widener) wider(judged bool) ([]netip.Prefix, Share, error) {
	opt := cover.Options{
		Within: w.opt.Within, Preferred: w.opt.Known, Networks: slices.Concat(w.opt.Within, w.conventional()),
		RuleCost: 1, Losses: w.lost, Unwanted: w.opt.Unwanted,
	}
	for opt.LossPrice = leastPrice; judged && opt.LossPrice <= mostPrice; opt.LossPrice *= priceStep {
		c, err := cover.Addrs(w.addrs, opt)
		if err != nil {
			return nil, 0, err
		}
		if w.lossOf(c) < w.opt.Bound {
			c = w.unsplit(c)
			return c, w.lossOf(c), nil
		}
	}
	return w.old(), 0, nil
}

// unsplit joins the networks, and the hosts seen once, of one LAN: holes between them are no knowledge. Hosts seen often stay
// apart, unless they lie between.
func (w *widener) unsplit(c []netip.Prefix) []netip.Prefix {
	joined := map[netip.Prefix]netip.Prefix{} // by LAN
	networks := map[netip.Prefix]bool{}
	for _, p := range c {
		at := lan(p.Addr())
		if !cover.Contains(at, p) || !w.passing(p) {
			continue
		}
		networks[at] = networks[at] || !p.IsSingleIP()
		if j, ok := joined[at]; ok {
			p = around(j, p)
		}
		joined[at] = p
	}
	var out []netip.Prefix
	for _, p := range c {
		at := lan(p.Addr())
		if j, ok := joined[at]; ok && networks[at] && w.allowed(j) && cover.Contains(j, p) && !w.letsIn(j, c) {
			p = j
		}
		if len(out) == 0 || out[len(out)-1] != p {
			out = append(out, p)
		}
	}
	return out
}

// letsIn reports whether p holds an unwanted address that none of c does.
func (w *widener) letsIn(p netip.Prefix, c []netip.Prefix) bool {
	return slices.ContainsFunc(w.opt.Unwanted, func(a netip.Addr) bool {
		return p.Contains(a) && !slices.ContainsFunc(c, func(q netip.Prefix) bool { return q.Contains(a) })
	})
}

// passing reports whether p is a network, or a host seen once.
func (w *widener) passing(p netip.Prefix) bool {
	if !p.IsSingleIP() {
		return true
	}
	i, found := slices.BinarySearchFunc(w.addrs, p.Addr(), netip.Addr.Compare)
	return found && w.h.once[i]
}

// allowed reports whether p lies in an old prefix.
func (w *widener) allowed(p netip.Prefix) bool {
	return slices.ContainsFunc(w.opt.Within, func(q netip.Prefix) bool { return cover.Contains(q.Masked(), p) })
}

// around is the smallest prefix that holds both.
func around(a, b netip.Prefix) netip.Prefix {
	for !cover.Contains(a, b) {
		a = netip.PrefixFrom(a.Addr(), a.Bits()-1).Masked()
	}
	return a
}

// old is the widest old prefixes with a peer inside.
func (w *widener) old() []netip.Prefix {
	var out []netip.Prefix
	for _, p := range w.opt.Within {
		p = p.Masked()
		inside := slices.ContainsFunc(w.opt.Within, func(q netip.Prefix) bool { return q.Masked() != p && cover.Contains(q.Masked(), p) })
		if !inside && !slices.Contains(out, p) && slices.ContainsFunc(w.addrs, p.Contains) {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b netip.Prefix) int { return a.Addr().Compare(b.Addr()) })
	return out
}

// conventional is the /24 and /64 networks around the peers: what a LAN usually is.
func (w *widener) conventional() []netip.Prefix {
	var out []netip.Prefix
	for _, a := range w.addrs {
		if p := lan(a); len(out) == 0 || out[len(out)-1] != p {
			out = append(out, p)
		}
	}
	return out
}

func lan(a netip.Addr) netip.Prefix {
	bits := 64
	if a.Is4() {
		bits = 24
	}
	return netip.PrefixFrom(a, bits).Masked()
}

// lost is the incidences of newcomers inside p that p does not explain.
func (w *widener) lost(p netip.Prefix) int64 {
	n, found := w.losses[p]
	if !found {
		r := w.inside(p)
		for i := r.from; i < r.to; i++ {
			switch {
			case w.h.strange(i) && !r.explains(i):
				n += w.h.weights[i]
			case w.h.former(i) && !r.joins(i):
				n++
			}
		}
		w.losses[p] = n
	}
	return n
}

// lossOf is the expected loss of a cover.
func (w *widener) lossOf(c []netip.Prefix) Share {
	explained, shreds := make([]bool, len(w.addrs)), 0
	for _, p := range c {
		r := w.inside(p)
		for i := r.from; i < r.to; i++ {
			explained[i] = w.h.strange(i) && r.explains(i)
			if w.h.former(i) && !r.joins(i) {
				shreds++
			}
		}
	}
	return max(w.h.loss(func(i int) bool { return explained[i] }), share(shreds, w.h.incidences))
}

// reach is a prefix with its peers: those with index from to to, of which mid is the first in the upper half.
type reach struct {
	w             *widener
	prefix        netip.Prefix
	from, mid, to int
	known, lan    bool
	low, high     int32 // the day of the first peer in each half; the last day there is for none
}

func (w *widener) inside(p netip.Prefix) reach {
	r := reach{w: w, prefix: p, known: w.known[p] && !p.IsSingleIP(), lan: p == lan(p.Addr())}
	r.from, _ = slices.BinarySearchFunc(w.addrs, p.Addr(), netip.Addr.Compare)
	for r.to = r.from; r.to < len(w.addrs) && p.Contains(w.addrs[r.to]); {
		r.to++
	}
	r.mid = r.to
	if !p.IsSingleIP() {
		lower := netip.PrefixFrom(p.Addr(), p.Bits()+1)
		for r.mid = r.from; r.mid < r.to && lower.Contains(w.addrs[r.mid]); {
			r.mid++
		}
	}
	r.low, r.high = w.firstDay(r.from, r.mid), w.firstDay(r.mid, r.to)
	return r
}

func (w *widener) firstDay(from, to int) int32 {
	day := int32(math.MaxInt32)
	for i := from; i < to; i++ {
		day = min(day, w.h.first[i])
	}
	return day
}

// explains reports whether the prefix would have been taken without peer i.
func (r *reach) explains(i int) bool {
	low, high := r.low < r.w.h.first[i], r.high < r.w.h.first[i]
	return r.known || low && high || r.lan && (low || high)
}

// joins reports whether the prefix would have been taken without peer i, one of the first: by others of any day.
func (r *reach) joins(i int) bool {
	low, high := r.mid-r.from, r.to-r.mid
	if i < r.mid {
		low--
	} else {
		high--
	}
	return r.known || low > 0 && high > 0 || r.lan && low+high > 0
}
