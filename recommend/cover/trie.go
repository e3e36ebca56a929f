package cover

import (
	"cmp"
	"net/netip"
	"slices"
)

// A trie holds the only prefixes an optimal cover can use: the seen hosts, the longest common prefix of any two of them
// (anything wider over the same hosts only adds unseen addresses), and the networks given with a host inside. They are
// in the order of their addresses, a prefix before what it contains, so a parent's index is below its children's. Node 0
// stands above both families and is no prefix.
type trie struct{ nodes []node }

type node struct {
	prefix netip.Prefix
	seen   uint64   // hosts inside
	own    cost     // of the prefix itself; infinite where it may not be used
	kids   [2]int32 // indexes, 0 for none
}

const none = 0

func newTrie(seen []netip.Addr, opt Options) *trie {
	t := &trie{nodes: []node{{own: infinite, seen: uint64(len(seen))}}}
	for _, p := range candidates(seen, slices.Concat(opt.Preferred, opt.Networks)) {
		t.nodes = append(t.nodes, node{prefix: p})
	}
	t.link()
	unwanted := opt.unwanted(seen)
	for i := 1; i < len(t.nodes); i++ {
		n := &t.nodes[i]
		n.seen = hostsIn(seen, n.prefix)
		n.own = opt.price(n.prefix, n.seen).plus(small(hostsIn(unwanted, n.prefix)))
	}
	return t
}

// candidates are the prefixes of the trie, sorted, without repeats.
func candidates(seen []netip.Addr, networks []netip.Prefix) []netip.Prefix {
	var out []netip.Prefix
	for i, a := range seen {
		out = append(out, netip.PrefixFrom(a, a.BitLen()))
		if i > 0 && seen[i-1].BitLen() == a.BitLen() {
			out = append(out, common(seen[i-1], a))
		}
	}
	for _, p := range networks {
		if hostsIn(seen, p) > 0 {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, comparePrefixes)
	return slices.Compact(out)
}

// comparePrefixes puts IPv4 first, then lower addresses, then wider prefixes.
func comparePrefixes(a, b netip.Prefix) int {
	return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
}

// hostsIn counts the sorted hosts inside p.
func hostsIn(seen []netip.Addr, p netip.Prefix) uint64 {
	from, _ := slices.BinarySearchFunc(seen, p.Addr(), netip.Addr.Compare)
	after, _ := slices.BinarySearchFunc(seen[from:], p, func(a netip.Addr, p netip.Prefix) int {
		if p.Contains(a) {
			return -1
		}
		return 1
	})
	return uint64(after)
}

// link fills kids. A node has at most two: of three disjoint prefixes two share a longer common prefix, which is a node.
func (t *trie) link() {
	var stack []int32
	for i := int32(1); i < int32(len(t.nodes)); i++ {
		p := t.nodes[i].prefix
		for len(stack) > 0 && !Contains(t.nodes[stack[len(stack)-1]].prefix, p) {
			stack = stack[:len(stack)-1]
		}
		parent := int32(0)
		if len(stack) > 0 {
			parent = stack[len(stack)-1]
		}
		kids := &t.nodes[parent].kids
		if kids[0] == none {
			kids[0] = i
		} else {
			kids[1] = i
		}
		stack = append(stack, i)
	}
}

// unwanted are the unwanted addresses that were not seen, sorted.
func (o Options) unwanted(seen []netip.Addr) []netip.Addr {
	var out []netip.Addr
	for _, a := range o.Unwanted {
		if _, found := slices.BinarySearchFunc(seen, a.Unmap(), netip.Addr.Compare); !found {
			out = append(out, a.Unmap())
		}
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return slices.Compact(out)
}

// price is what p costs as one result with this many seen hosts inside.
func (o Options) price(p netip.Prefix, seen uint64) cost {
	least := o.MinBits4
	if p.Addr().Is6() {
		least = o.MinBits6
	}
	if !p.IsSingleIP() && p.Bits() < least || !inside(p, o.Within) {
		return infinite
	}
	unseen := size(p).minus(small(seen))
	if slices.Contains(o.Preferred, p) {
		unseen = unseen.shiftRight(uint(o.PreferredShift))
	}
	return unseen.plus(small(uint64(o.RuleCost))).plus(o.loss(p))
}

func (o Options) loss(p netip.Prefix) cost {
	if o.Losses == nil {
		return cost{}
	}
	c := small(uint64(o.LossPrice))
	if p.Addr().Is6() {
		c = c.times(1 << 56)
	}
	return c.times(uint64(max(0, o.Losses(p))))
}

// cheapest is the optimum without a bound on the number of prefixes.
func (t *trie) cheapest() []netip.Prefix {
	best := make([]cost, len(t.nodes))
	whole := make([]bool, len(t.nodes)) // the node itself, not its parts
	for i := len(t.nodes) - 1; i >= 0; i-- {
		n := &t.nodes[i]
		best[i], whole[i] = n.own, true
		if n.kids[0] == none {
			continue
		}
		parts := best[n.kids[0]]
		if n.kids[1] != none {
			parts = parts.plus(best[n.kids[1]])
		}
		if !n.own.less(parts) {
			best[i], whole[i] = parts, false
		}
	}
	var out []netip.Prefix
	var take func(i int32)
	take = func(i int32) {
		n := &t.nodes[i]
		if whole[i] {
			out = append(out, n.prefix)
			return
		}
		for _, k := range n.kids {
			if k != none {
				take(k)
			}
		}
	}
	take(0)
	return out
}

// bounded is the table of one node: cost[k-1] is the least cost of exactly k prefixes, left[k-1] how many of them go to the
// first kid, wholeNode where the node itself is the one.
type bounded struct {
	cost []cost
	left []int32
}

const wholeNode = -1

// cheapestOf is the optimum with at most most prefixes, nil when there is none. The knapsack over the trie takes time and
// space in proportion to hosts × most.
func (t *trie) cheapestOf(most int) []netip.Prefix {
	tables := make([]bounded, len(t.nodes))
	for i := len(t.nodes) - 1; i >= 0; i-- {
		n := &t.nodes[i]
		tables[i] = n.table(tables, most)
		for _, k := range n.kids {
			if k != none {
				tables[k].cost = nil // only left is needed from here on
			}
		}
	}
	count, best := 0, infinite
	for k, c := range tables[0].cost {
		if c != infinite && !best.less(c) {
			count, best = k+1, c
		}
	}
	if count == 0 {
		return nil
	}
	var out []netip.Prefix
	t.take(tables, 0, count, &out)
	return out
}

func (n *node) table(tables []bounded, most int) bounded {
	var b bounded
	switch {
	case n.kids[0] == none:
		return bounded{cost: []cost{n.own}, left: []int32{wholeNode}}
	case n.kids[1] == none:
		only := tables[n.kids[0]]
		b = bounded{cost: slices.Clone(only.cost), left: make([]int32, len(only.cost))}
		for k := range b.left {
			b.left[k] = int32(k + 1)
		}
	default:
		b = join(tables[n.kids[0]].cost, tables[n.kids[1]].cost, most)
	}
	if len(b.cost) > 0 && n.own.less(b.cost[0]) {
		b.cost[0], b.left[0] = n.own, wholeNode
	}
	return b
}

// join is the min-plus product of two tables.
func join(x, y []cost, most int) bounded {
	n := min(most, len(x)+len(y))
	b := bounded{cost: make([]cost, n), left: make([]int32, n)}
	for k := range b.cost {
		b.cost[k] = infinite
	}
	for i, c := range x {
		for j, d := range y {
			k := i + j + 1 // i+1 and j+1 prefixes
			if k >= n {
				break
			}
			if sum := c.plus(d); sum.less(b.cost[k]) {
				b.cost[k], b.left[k] = sum, int32(i+1)
			}
		}
	}
	return b
}

func (t *trie) take(tables []bounded, i int32, count int, out *[]netip.Prefix) {
	n, left := &t.nodes[i], tables[i].left[count-1]
	if left == wholeNode {
		*out = append(*out, n.prefix)
		return
	}
	t.take(tables, n.kids[0], int(left), out)
	if n.kids[1] != none {
		t.take(tables, n.kids[1], count-int(left), out)
	}
}
