package sum

import (
	"cmp"
	"container/heap"
	"errors"
	"iter"
	"os"
	"slices"
)

// An object with more different connections than memory has room for is summed like a day: its pairs go to disk as sorted
// runs and come back merged, each whole, a part at a time, as often as deciding needs to see them all. What remains in memory is
// what the interfaces' own addresses and repetition need; see repetitionMost. So what comes out is what would have come out in
// memory.

// pairBytes is what a pair of the object in hand can cost: itself, its place in the index, its verdict, its addresses, and for
// repetition its place in the list and the two endpoints that it may add. What pairs are folded into has a bound of its own.
const pairBytes = 384

// mostPairs is how many pairs of the object in hand one worker may have in memory: a quarter of the budget is for them.
func (w *worker) mostPairs() int {
	return int(max(w.sum.ledger.Memory()/4/max(w.sum.sinks.Load(), 1)/pairBytes, 1))
}

// parted is a pair on its way through a run: there are no codes of addresses there, but these themselves. Endpoint 0 is the
// interface's own when local, else the lesser (address, port).
type parted struct {
	pair // key.addrs is 0, and bit n of key.extra says that pkt[n] differs from addr[n]
	addr [2]addr
	pkt  [2]addr
}

const (
	partedWords = 18
	partedBytes = partedWords * 8
)

func (p *parted) compare(q *parted) int {
	return cmp.Or(cmp.Compare(p.key.ports, q.key.ports), p.addr[0].compare(q.addr[0]), p.addr[1].compare(q.addr[1]), cmp.Compare(p.key.rest, q.key.rest),
		p.pkt[0].compare(q.pkt[0]), p.pkt[1].compare(q.pkt[1]))
}

func (p *parted) append(b []byte) []byte {
	return appendWords(b, p.addr[0].hi, p.addr[0].lo, p.addr[1].hi, p.addr[1].lo, p.pkt[0].hi, p.pkt[0].lo, p.pkt[1].hi, p.pkt[1].lo,
		p.key.ports, p.key.rest, uint64(p.flows[0]), uint64(p.flows[1]), uint64(p.packets[0]), uint64(p.packets[1]), uint64(p.bytes[0]), uint64(p.bytes[1]),
		uint64(p.first), p.last)
}

func (p *parted) read(b []byte) {
	var w [partedWords]uint64
	for i := range w {
		w[i] = word(b[8*i:])
	}
	*p = parted{
		addr: [2]addr{{w[0], w[1]}, {w[2], w[3]}}, pkt: [2]addr{{w[4], w[5]}, {w[6], w[7]}},
		pair: pair{key: pairKey{ports: w[8], rest: w[9]}, flows: [2]int64{int64(w[10]), int64(w[11])}, packets: [2]int64{int64(w[12]), int64(w[13])},
			bytes: [2]int64{int64(w[14]), int64(w[15])}, first: int64(w[16]), last: w[17], sessions: 1},
	}
}

// part replaces the codes of a pair by what they stand for.
func (o *object) part(p *pair) parted {
	q := parted{pair: *p, addr: [2]addr{o.addrs.of(p.key.code(0)), o.addrs.of(p.key.code(1))}}
	present := uint64(0)
	if pkts := p.key.extra(); pkts != 0 {
		for n := range q.pkt {
			if code := uint32(o.pkts[pkts-1] >> (32 * (1 - n))); code != 0 {
				q.pkt[n] = o.addrs.of(code)
				present |= 1 << n
			}
		}
	}
	if !p.key.local() && q.addr[1].less(q.addr[0]) {
		q.flip()
		present = present<<1&2 | present>>1
	}
	q.key.addrs, q.key.rest = 0, q.key.rest&(1<<extraAt-1)|present<<extraAt
	return q
}

// flip exchanges the endpoints.
func (p *parted) flip() {
	p.key.addrs, p.key.ports = p.key.turned(1)
	p.addr[0], p.addr[1], p.pkt[0], p.pkt[1] = p.addr[1], p.addr[0], p.pkt[1], p.pkt[0]
	p.flows[0], p.flows[1], p.packets[0], p.packets[1] = p.flows[1], p.flows[0], p.packets[1], p.packets[0]
	p.bytes[0], p.bytes[1], p.last = p.bytes[1], p.bytes[0], turnedFlags(p.last, 1)
}

// load adds a merged pair to the table, which must not be asked for keys then.
func (o *object) load(q *parted) {
	p := o.pairs.add(&q.pair)
	p.key.addrs = uint64(o.addrs.code(q.addr[0]))<<32 | uint64(o.addrs.code(q.addr[1]))
	var pkts [2]uint32
	for n := range pkts {
		if q.key.extra()>>n&1 != 0 {
			pkts[n] = o.addrs.code(q.pkt[n])
		}
	}
	p.key.rest = q.key.rest&(1<<extraAt-1) | o.pktPairOf(pkts[0], pkts[1])<<extraAt
}

// dropPairs empties the table for further pairs.
func (o *object) dropPairs() {
	o.pairs.reset()
	o.sixes = o.sixes[:0]
	o.pkts = o.pkts[:0]
	clear(o.pktCodes)
}

// partPlace is where a pair stands, with what parted.compare looks at first: ports and interface, which few pairs share.
type partPlace struct {
	ports uint64
	at    uint32
}

// spillPairs writes the pairs in hand to disk, sorted, and forgets their addresses.
func (w *worker) spillPairs() error {
	if w.pairs.n == 0 {
		w.forgetAddresses()
		return nil
	}
	dir, err := w.sum.ledger.TempDir()
	if err != nil {
		return err
	}
	places := make([]partPlace, w.pairs.n)
	for i := range places {
		places[i] = partPlace{w.part(w.pairs.at(i)).key.ports, uint32(i)}
	}
	slices.SortFunc(places, func(x, y partPlace) int {
		if x.ports != y.ports {
			return cmp.Compare(x.ports, y.ports)
		}
		p, q := w.part(w.pairs.at(int(x.at))), w.part(w.pairs.at(int(y.at)))
		return p.compare(&q)
	})
	r, err := writeRun(dir, len(places), func(i int, b []byte) []byte {
		p := w.part(w.pairs.at(int(places[i].at)))
		return p.append(b)
	})
	w.runs = append(w.runs, r)
	w.dropPairs()
	w.forgetAddresses()
	return err
}

// addLarge does what decide and foldPairs do, for an object of which pairs were spilled.
func (w *worker) addLarge(source uint32, part share) error {
	if err := w.spillPairs(); err != nil {
		return err
	}
	w.sum.large.Lock() // one at a time: repetition may take more than a worker's share
	defer w.sum.large.Unlock()
	defer w.shrink()
	if err := w.meetOthersOnDisk(); err != nil {
		return err
	}
	w.resetMet()
	if err := w.eachPart(func() error { w.countMet(); return nil }); err != nil {
		return err
	}
	repetition, crowded := w.metEnough(), false
	if repetition {
		if err := w.eachPart(func() error { w.markClients(); return nil }); err != nil {
			return err
		}
		crowded = w.settleMet()
	}
	return w.eachPart(func() error {
		if repetition {
			w.lookUp(func(*ends) bool { return true })
			w.foldAll(crowded)
		}
		w.foldPairs(source, part)
		return w.fit()
	})
}

// eachPart calls visit with parts of the spilled pairs in the table, judged by flags.
func (w *worker) eachPart(visit func() error) error {
	most := max(w.mostPairs()/2, 1)
	judged := func() error {
		w.judgeAll()
		err := visit()
		w.dropPairs()
		w.forgetAddresses()
		return err
	}
	for p, err := range w.mergedPairs() {
		if err != nil {
			return err
		}
		if w.load(p); w.pairs.n >= most {
			if err := judged(); err != nil {
				return err
			}
		}
	}
	return judged()
}

// shrink gives back what a large object took beyond the worker's share.
func (w *worker) shrink() {
	if len(w.met.endpoints.list) > 2*w.mostPairs() {
		w.met.endpoints, w.met.addrs = endpointTable{seed: w.sum.seed}, addresses{seed: w.sum.seed}
	}
}

// meetOthersOnDisk is meetOthers for the pairs of all runs.
func (w *worker) meetOthersOnDisk() error {
	for _, r := range w.runs {
		in := runReader{run: r}
		var b [partedBytes]byte
		var p parted
		for {
			more, err := in.next(b[:])
			if err != nil {
				return errors.Join(err, in.close())
			}
			if !more {
				break
			}
			p.read(b[:])
			w.meetOther(&p.key, p.addr[0], p.addr[1])
		}
		if err := in.close(); err != nil {
			return err
		}
	}
	return nil
}

// allPairs are the pairs of the object, each whole and once, in any order. Each is valid until the next.
func (w *worker) allPairs() iter.Seq2[*parted, error] {
	return func(yield func(*parted, error) bool) {
		for i := range w.pairs.n {
			if p := w.part(w.pairs.at(i)); !yield(&p, nil) {
				return
			}
		}
		for p, err := range w.mergedPairs() {
			if !yield(p, err) {
				return
			}
		}
	}
}

// mergedPairs are the pairs of all runs, sorted, those of one key added up. Each is valid until the next.
func (w *worker) mergedPairs() iter.Seq2[*parted, error] {
	return func(yield func(*parted, error) bool) {
		var h partedHeap
		defer func() { h.close() }()
		for _, r := range w.runs {
			s := &partedStream{runReader: runReader{run: r}}
			h.all = append(h.all, s)
			if !s.step() {
				continue
			}
			h.heads = append(h.heads, s)
		}
		heap.Init(&h)
		for len(h.heads) > 0 {
			sum := h.heads[0].parted
			h.step()
			for len(h.heads) > 0 && h.heads[0].compare(&sum) == 0 {
				sum.merge(&h.heads[0].pair)
				h.step()
			}
			if !yield(&sum, nil) {
				return
			}
		}
		for _, s := range h.all {
			if s.err != nil {
				yield(&parted{}, s.err)
				return
			}
		}
	}
}

// partedStream is a run with its next pair.
type partedStream struct {
	runReader
	parted
	err error
}

// step reports whether there is a next pair.
func (s *partedStream) step() bool {
	var b [partedBytes]byte
	more, err := s.next(b[:])
	if s.err = err; err != nil || !more {
		return false
	}
	s.parted.read(b[:])
	return true
}

// partedHeap holds the streams with the least pair on top.
type partedHeap struct {
	heads, all []*partedStream
}

func (h *partedHeap) Len() int           { return len(h.heads) }
func (h *partedHeap) Less(i, j int) bool { return h.heads[i].compare(&h.heads[j].parted) < 0 }
func (h *partedHeap) Swap(i, j int)      { h.heads[i], h.heads[j] = h.heads[j], h.heads[i] }
func (h *partedHeap) Push(any)           {} // streams only leave
func (h *partedHeap) Pop() any {
	h.heads = h.heads[:len(h.heads)-1]
	return nil
}

// step moves the top stream on and restores the order.
func (h *partedHeap) step() {
	if h.heads[0].step() {
		heap.Fix(h, 0)
	} else {
		heap.Pop(h)
	}
}

func (h *partedHeap) close() {
	for _, s := range h.all {
		_ = s.close() // only read
	}
}

// dropRuns removes what the object in hand has on disk.
func (o *object) dropRuns() (err error) {
	for _, r := range o.runs {
		err = errors.Join(err, os.Remove(r.path))
	}
	o.runs = o.runs[:0]
	return err
}
