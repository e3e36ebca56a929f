package cover

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/sgtrim/sgtrim/analyze"
)

// Block is the rules of one service: one rule for each peer.
type Block struct {
	Service analyze.Service
	Peers   []analyze.Peer
}

// Allowed is what an old rule allows; merged rules stay inside one of them.
type Allowed struct {
	Service analyze.Service
	Peer    analyze.Peer
}

// MergeOptions of Merge.
type MergeOptions struct {
	// MaxRules is the budget. 0: no bound, only what costs nothing is merged.
	MaxRules int
	// Within are the old rules: every merged rule lies inside one of them. Empty: no bound.
	Within []Allowed
	// MinBits4 and MinBits6 are the shortest prefixes that merging may make.
	MinBits4, MinBits6 int
}

// Merge makes fewer rules of blocks, so that ports × peers fit a budget.
//
// First what costs nothing: blocks of one service become one; port ranges side by side with equal peers become one range.
// Then, while there are more rules than MaxRules, the merge that adds the fewest cells (ports × addresses) for each rule it
// saves: of two blocks of one protocol (the hull of their ports for the peers of both, neighbouring prefixes joined where
// that alone saves no rule), or of two neighbouring prefixes of a block (their common prefix). It is a heuristic: greedy choices are
// not the optimum of both dimensions, which is a hard problem; on 298 small random cases it was optimal in 216 and allowed
// 5.3 % more cells in all than brute force (the test prints it). References and lists count as one address each.
// Where no merge is left inside the old rules, ErrTooMany. The result is sorted.
func Merge(blocks []Block, opt MergeOptions) ([]Block, error) {
	m := merger{opt: opt, steps: make(map[[2]analyze.Service]merge)}
	for _, b := range blocks {
		if err := m.take(b); err != nil {
			return nil, err
		}
	}
	m.free()
	for opt.MaxRules > 0 && Rules(m.blocks) > opt.MaxRules {
		best, at := m.best()
		if best.saved == 0 {
			return nil, fmt.Errorf("%d rules where %d are allowed: %w", Rules(m.blocks), opt.MaxRules, ErrTooMany)
		}
		m.replace(at[0], at[1], best.to)
		m.free()
	}
	return m.blocks, nil
}

// Rules counts the rules of blocks.
func Rules(blocks []Block) int {
	n := 0
	for _, b := range blocks {
		n += len(b.Peers)
	}
	return n
}

type merger struct {
	opt    MergeOptions
	blocks []Block // sorted by service, no service twice
	// steps remembers the best step of one service, or of two: a step changes few blocks, the others' steps stay.
	steps map[[2]analyze.Service]merge
}

// near is how many blocks further on in the order of services a block may be merged with: those with ports far away add
// more cells, and 400 services would make 80,000 pairs.
const near = 8

func (m *merger) take(b Block) error {
	b.Peers = slices.Clone(b.Peers)
	for i, p := range b.Peers {
		if p.IsCIDR() {
			b.Peers[i].Prefix = p.Prefix.Masked()
		} else if p == (analyze.Peer{}) {
			return fmt.Errorf("merge %s: a peer is empty", b.Service)
		}
	}
	b.Peers = withoutContained(b.Peers)
	if len(b.Peers) == 0 {
		return nil
	}
	i, found := slices.BinarySearchFunc(m.blocks, b.Service, func(x Block, s analyze.Service) int { return x.Service.Compare(s) })
	if found {
		m.blocks[i].Peers = withoutContained(slices.Concat(m.blocks[i].Peers, b.Peers))
		return nil
	}
	m.blocks = slices.Insert(m.blocks, i, b)
	return nil
}

// withoutContained sorts peers and drops repeats and prefixes inside others.
func withoutContained(peers []analyze.Peer) []analyze.Peer {
	slices.SortFunc(peers, analyze.Peer.Compare)
	var out []analyze.Peer
	for _, p := range peers {
		if n := len(out); n > 0 && (out[n-1] == p || out[n-1].IsCIDR() && p.IsCIDR() && Contains(out[n-1].Prefix, p.Prefix)) {
			continue
		}
		out = append(out, p)
	}
	return out
}

// free joins port ranges that touch or overlap and have equal peers.
func (m *merger) free() {
	for i := 0; i < len(m.blocks); i++ {
		for j := i + 1; j < min(i+near, len(m.blocks)); j++ {
			a, b := m.blocks[i], m.blocks[j]
			touch := a.Service.Proto == b.Service.Proto && a.Service.Proto.HasPorts() &&
				int(b.Service.Ports.First) <= int(a.Service.Ports.Last)+1 && int(a.Service.Ports.First) <= int(b.Service.Ports.Last)+1
			if touch && slices.Equal(a.Peers, b.Peers) && m.allowed(joined(a, b)) {
				m.replace(i, j, joined(a, b))
				i, j = -1, len(m.blocks)
			}
		}
	}
}

// joined is the block of both: the hull of the ports, the peers of both.
func joined(a, b Block) Block {
	s := a.Service
	s.Ports = hull(s.Ports, b.Service.Ports)
	return Block{s, withoutContained(slices.Concat(a.Peers, b.Peers))}
}

// allowed reports whether each rule of b lies inside one old rule.
func (m *merger) allowed(b Block) bool {
	if len(m.opt.Within) == 0 {
		return true
	}
	for _, p := range b.Peers {
		if !slices.ContainsFunc(m.opt.Within, func(w Allowed) bool {
			return w.Service.Covers(b.Service) && (w.Peer == p || w.Peer.IsCIDR() && p.IsCIDR() && Contains(w.Peer.Prefix, p.Prefix))
		}) {
			return false
		}
	}
	return true
}

// merge is one possible step: the blocks become to. saved is 0 where there is none.
type merge struct {
	to     Block
	growth cost
	saved  uint64
}

// better prefers less growth for each rule saved, then more saved; the first found wins a tie.
func (a merge) better(b merge) bool {
	x, y := a.growth.times(b.saved), b.growth.times(a.saved)
	return x.less(y) || x == y && a.saved > b.saved
}

// best is the best step and the places of its blocks, the same place twice where it is one block.
func (m *merger) best() (best merge, at [2]int) {
	for i := range m.blocks {
		for j := i; j < min(i+near, len(m.blocks)); j++ {
			n := m.stepOf(i, j)
			if n.saved > 0 && (best.saved == 0 || n.better(best)) {
				best, at = n, [2]int{i, j}
			}
		}
	}
	return best, at
}

func (m *merger) stepOf(i, j int) merge {
	key := [2]analyze.Service{m.blocks[i].Service, m.blocks[j].Service}
	n, found := m.steps[key]
	if !found {
		if i == j {
			n = m.within(m.blocks[i])
		} else {
			n = m.between(m.blocks[i], m.blocks[j])
		}
		m.steps[key] = n
	}
	return n
}

// within is the best step inside one block.
func (m *merger) within(b Block) (best merge) {
	for k := range b.Peers {
		to, ok := m.neighbours(b, k)
		if !ok || !m.allowed(to) {
			continue
		}
		if n := step(to, b); n.saved > 0 && (best.saved == 0 || n.better(best)) {
			best = n
		}
	}
	return best
}

// between is the step that makes one block of two.
func (m *merger) between(a, b Block) merge {
	if a.Service.Proto != b.Service.Proto || !a.Service.Proto.HasPorts() {
		return merge{}
	}
	to, ok := joined(a, b), true
	for ok && len(to.Peers) >= len(a.Peers)+len(b.Peers) { // nothing shared: prefixes must give way too
		to, ok = m.nearest(to)
	}
	if !ok || !m.allowed(to) {
		return merge{}
	}
	return step(to, a, b)
}

// step is the merge of the blocks from into to.
func step(to Block, from ...Block) merge {
	was := small(0)
	for _, b := range from {
		was = was.plus(b.cells())
	}
	now := to.cells()
	n := merge{to: to}
	if was.less(now) {
		n.growth = now.minus(was)
	}
	n.saved = uint64(max(0, Rules(from)-len(to.Peers)))
	return n
}

// nearest joins the two neighbouring prefixes of a block that add the fewest addresses.
func (m *merger) nearest(b Block) (best Block, found bool) {
	for k := range b.Peers {
		if to, ok := m.neighbours(b, k); ok && (!found || to.cells().less(best.cells())) {
			best, found = to, true
		}
	}
	return best, found
}

// neighbours joins peer k of the block with the next one, if both are prefixes of one family.
func (m *merger) neighbours(b Block, k int) (Block, bool) {
	if k+1 >= len(b.Peers) || !b.Peers[k].IsCIDR() || !b.Peers[k+1].IsCIDR() {
		return b, false
	}
	p, q := b.Peers[k].Prefix, b.Peers[k+1].Prefix
	if p.Addr().BitLen() != q.Addr().BitLen() {
		return b, false
	}
	both := common(p.Addr(), q.Addr())
	if both.Addr().Is4() && both.Bits() < m.opt.MinBits4 || both.Addr().Is6() && both.Bits() < m.opt.MinBits6 {
		return b, false
	}
	to := Block{b.Service, withoutContained(append(slices.Clone(b.Peers), analyze.Peer{Prefix: both}))}
	return to, true
}

// cells is ports × addresses.
func (b Block) cells() cost {
	sum := small(0)
	for _, p := range b.Peers {
		n := small(1)
		if p.IsCIDR() {
			n = size(p.Prefix)
		}
		sum = sum.plus(n)
	}
	return sum.times(uint64(b.Service.Ports.Len()))
}

// replace puts to in the place of blocks i and j; where its service is there already, the two are one.
func (m *merger) replace(i, j int, to Block) {
	var rest []Block
	for k, b := range m.blocks {
		switch {
		case k == i || k == j:
		case b.Service == to.Service:
			to.Peers = withoutContained(slices.Concat(to.Peers, b.Peers))
		default:
			rest = append(rest, b)
		}
	}
	for key := range m.steps {
		for _, s := range []analyze.Service{m.blocks[i].Service, m.blocks[j].Service, to.Service} {
			if key[0] == s || key[1] == s {
				delete(m.steps, key)
			}
		}
	}
	m.blocks = append(rest, to)
	slices.SortFunc(m.blocks, func(a, b Block) int { return cmp.Or(a.Service.Compare(b.Service), len(a.Peers)-len(b.Peers)) })
}
