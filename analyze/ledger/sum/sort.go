package sum

import (
	"math/bits"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// rowTables are tables of one day, whose rows are taken together.
type rowTables []*rowTable

// rowPlace is where a row stands.
type rowPlace struct{ table, at uint32 }

func (t rowTables) at(p rowPlace) *row { return t[p.table].at(int(p.at)) }

// sorted lists the rows in order, those of one key beside each other. The rows of each interface are sorted for themselves:
// that is less work, and work for all cores.
func (t rowTables) sorted(o *order) []rowPlace {
	peers, places, ends := t.byInterface(o)
	var next atomic.Int64
	var sorting sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		sorting.Go(func() {
			s := sorter{tables: t, order: o}
			for i := int(next.Add(1)) - 1; i < len(ends); i = int(next.Add(1)) - 1 {
				first := 0
				if i > 0 {
					first = ends[i-1]
				}
				s.sort(peers[first:ends[i]], places[first:ends[i]])
			}
		})
	}
	sorting.Wait()
	return places
}

// A peer is a word with the prefix of the peer's address above, and below the place of its row in the list.
const (
	placeBits = 30
	placeMask = 1<<placeBits - 1
)

// byInterface lists the rows by the rank of their interface, their peers beside them, and where those of each rank end.
func (t rowTables) byInterface(o *order) (peers []uint64, places []rowPlace, ends []int) {
	next := make([][]uint32, len(t)) // of each table, where its next row of a rank goes
	t.each(func(n int, table *rowTable) {
		next[n] = make([]uint32, len(o.ranks))
		for i := range table.store.n {
			next[n][o.ranks[table.at(i).key.ids>>32]]++
		}
	})
	ends = make([]int, len(o.ranks))
	sum := uint32(0)
	for rank := range ends {
		for n := range next {
			next[n][rank], sum = sum, sum+next[n][rank]
		}
		ends[rank] = int(sum)
	}
	peers, places = make([]uint64, sum), make([]rowPlace, sum)
	t.each(func(n int, table *rowTable) {
		for i := range table.store.n {
			k := &table.at(i).key
			at := &next[n][o.ranks[k.ids>>32]]
			peers[*at], places[*at] = addrPrefix(k.b)<<placeBits, rowPlace{uint32(n), uint32(i)}
			*at++
		}
	})
	return peers, places, ends
}

// each visits all tables, beside each other: there is one for each worker.
func (t rowTables) each(visit func(n int, table *rowTable)) {
	var all sync.WaitGroup
	for n, table := range t {
		all.Go(func() { visit(n, table) })
	}
	all.Wait()
}

// sorter sorts rows of one interface at a time.
type sorter struct {
	tables rowTables
	order  *order
	spare  []uint64
	same   []prefixed
}

// prefixed is a row with the prefix of its key.
type prefixed struct {
	prefix
	rowPlace
}

// sort sorts by the peer's address first: where each row stood goes with it in one number, and those are sorted the fastest.
func (s *sorter) sort(peers []uint64, places []rowPlace) {
	if len(places) > placeMask {
		s.sortSame(places)
		return
	}
	for i := range peers {
		peers[i] |= uint64(i)
	}
	s.spare = sortPeers(peers, s.spare)
	move(places, peers)
	first := 0
	for i, p := range peers {
		if peers[first]>>placeBits != p>>placeBits {
			s.sortSame(places[first:i])
			first = i
		}
	}
	s.sortSame(places[first:])
}

// sortSame sorts any rows; mostly they have one peer.
func (s *sorter) sortSame(places []rowPlace) {
	if len(places) < 2 {
		return
	}
	s.same = s.same[:0]
	for _, p := range places {
		s.same = append(s.same, prefixed{s.order.prefix(&s.tables.at(p).key), p})
	}
	slices.SortFunc(s.same, func(x, y prefixed) int {
		if c := x.compare(&y.prefix); c != 0 {
			return c
		}
		return s.order.compare(&s.tables.at(x.rowPlace).key, &s.tables.at(y.rowPlace).key)
	})
	for i := range s.same {
		places[i] = s.same[i].rowPlace
	}
}

// move puts at each place what stood where the peer there says.
func move(places []rowPlace, peers []uint64) {
	for first := range places {
		to, moved := first, places[first]
		for {
			from := int(peers[to] & placeMask)
			peers[to] = peers[to]&^placeMask | uint64(to) // so that it is not moved again
			if from == first {
				break
			}
			places[to] = places[from]
			to = from
		}
		places[to] = moved
	}
}

// sortPeers sorts words that differ in their lowest bits and are in order of these. It returns the memory that it took, for the next
// time.
func sortPeers(words, spare []uint64) []uint64 {
	const digit, few = 12, 1 << 9 // counting takes longer for few
	if len(words) < few {
		slices.Sort(words)
		return spare
	}
	spare = slices.Grow(spare[:0], len(words))[:len(words)]
	differ := uint64(0)
	for _, w := range words {
		differ |= w ^ words[0]
	}
	from, to := words, spare
	for shift := placeBits; shift < bits.Len64(differ); shift += digit {
		if differ>>shift&(1<<digit-1) == 0 {
			continue
		}
		var ends [1 << digit]uint32
		for _, w := range from {
			ends[w>>shift&(1<<digit-1)]++
		}
		sum := uint32(0)
		for i, n := range ends {
			ends[i] = sum
			sum += n
		}
		for _, w := range from {
			end := &ends[w>>shift&(1<<digit-1)]
			to[*end] = w
			*end++
		}
		from, to = to, from
	}
	copy(words, from)
	return spare
}
