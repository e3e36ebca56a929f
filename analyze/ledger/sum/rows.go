package sum

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"io"
	"iter"
	"net/netip"
	"os"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/ledger"
)

func word(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

func appendWords(b []byte, words ...uint64) []byte {
	for _, w := range words {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	return b
}

// The order of rows is that of ledger.Key.Compare.
func (o *order) compare(x, y *rowKey) int {
	if x.ids>>32 != y.ids>>32 {
		return cmp.Compare(uint64(o.ranks[x.ids>>32]), uint64(o.ranks[y.ids>>32]))
	}
	if c := x.b.compare(y.b); c != 0 {
		return c
	}
	if c := x.a.compare(y.a); c != 0 {
		return c
	}
	for _, f := range [...]struct{ shift, bits uint64 }{{24, 0xff}, {48, 0xffff}, {32, 0xffff}, {16, 3}, {15, 1}, {12, 3}, {4, 0xff}, {0, 0xf}} {
		if c := cmp.Compare(x.tuple>>f.shift&f.bits, y.tuple>>f.shift&f.bits); c != 0 {
			return c
		}
	}
	return cmp.Compare(uint64(o.ranks[uint32(x.ids)]), uint64(o.ranks[uint32(y.ids)]))
}

// ranked is where a row stands, with the start of its key as words that never contradict compare.
type ranked struct {
	prefix    [2]uint64
	table, at uint32
}

// prefix of a key: interface and the peer's address, then own address, protocol and ports. What a field has no room for
// ends it there, as fields that come later must not decide before it. IPv4 leaves little for compare to tell apart.
func (o *order) prefix(k *rowKey) (p [2]uint64) {
	const ranks = 1 << 28
	rank := uint64(o.ranks[k.ids>>32])
	if rank >= ranks-1 {
		p[0] = (ranks - 1) << 36
		return p
	}
	p[0] = rank<<36 | addrPrefix(k.b)<<2
	if !k.b.is4() {
		return p
	}
	p[1] = addrPrefix(k.a) << 30
	if !k.a.is4() {
		return p
	}
	proto := k.tuple >> 24 & 0xff
	p[1] |= protoRank(proto) << 27
	if analyze.Proto(proto) == analyze.TCP || analyze.Proto(proto) == analyze.UDP {
		p[1] |= k.tuple>>48<<11 | k.tuple>>37&(1<<11-1)
	}
	return p
}

// addrPrefix is the first 34 bits of an address's place in the order: family, and all of IPv4 or the first half of the network.
func addrPrefix(a addr) uint64 {
	switch {
	case a.is4():
		return 1<<32 | a.lo&0xffffffff
	case a.hi == 0 && a.lo>>32 < 0xffff:
		return 0
	}
	return 2<<32 | a.hi>>32
}

// protoRank keeps the order of protocols in three bits.
func protoRank(proto uint64) uint64 {
	const tcp, udp = uint64(analyze.TCP), uint64(analyze.UDP)
	switch {
	case proto < tcp:
		return 0
	case proto == tcp:
		return 1
	case proto < udp:
		return 2
	case proto == udp:
		return 3
	}
	return 4
}

func (p *ranked) compare(q *ranked) int {
	if p.prefix[0] != q.prefix[0] {
		return cmp.Compare(p.prefix[0], q.prefix[0])
	}
	return cmp.Compare(p.prefix[1], q.prefix[1])
}

// rowTables are tables of one day, whose rows are taken together.
type rowTables []*rowTable

func (t rowTables) at(p *ranked) *row { return t[p.table].at(int(p.at)) }

// sorted lists the rows in order, those of one key beside each other. The rows of each interface are sorted for themselves:
// that is less work, and work for all cores.
func (t rowTables) sorted(o *order) []ranked {
	places, ends := t.byInterface(o)
	var sorting errgroup.Group
	sorting.SetLimit(runtime.GOMAXPROCS(0))
	from := 0
	for _, end := range ends {
		if some := places[from:end]; len(some) > 1 {
			sorting.Go(func() error { t.sort(o, some); return nil })
		}
		from = end
	}
	_ = sorting.Wait()
	return places
}

// byInterface lists the rows by the rank of their interface, and where those of each rank end.
func (t rowTables) byInterface(o *order) (places []ranked, ends []int) {
	starts := make([]int, len(o.ranks)+1)
	for _, table := range t {
		for i := range table.store.n {
			starts[o.ranks[table.at(i).key.ids>>32]+1]++
		}
	}
	for rank := range o.ranks {
		starts[rank+1] += starts[rank]
	}
	places, ends = make([]ranked, starts[len(o.ranks)]), starts[:len(o.ranks)] // a start moves to its end below
	for n, table := range t {
		for i := range table.store.n {
			k := &table.at(i).key
			end := &ends[o.ranks[k.ids>>32]]
			places[*end] = ranked{o.prefix(k), uint32(n), uint32(i)}
			*end++
		}
	}
	return places, ends
}

// sort sorts rows of one interface, by the peer's address first: where each row stood goes with it in one number, and those are
// sorted the fastest.
func (t rowTables) sort(o *order, places []ranked) {
	const (
		rankBits  = 28 // of a prefix, before the peer's
		placeBits = 30
	)
	if len(places) >= 1<<placeBits {
		t.sortPeer(o, places)
		return
	}
	peers, were := make([]uint64, len(places)), slices.Clone(places)
	for i := range places {
		peers[i] = places[i].prefix[0]<<rankBits | uint64(i)
	}
	slices.Sort(peers)
	first := 0
	for i, p := range peers {
		places[i] = were[p&(1<<placeBits-1)]
		if peers[first]>>placeBits != p>>placeBits {
			t.sortPeer(o, places[first:i])
			first = i
		}
	}
	t.sortPeer(o, places[first:])
}

// sortPeer sorts any rows; mostly they have one peer.
func (t rowTables) sortPeer(o *order, places []ranked) {
	slices.SortFunc(places, func(x, y ranked) int {
		if c := x.compare(&y); c != 0 {
			return c
		}
		return o.compare(&t.at(&x).key, &t.at(&y).key)
	})
}

// stream gives rows in order, each valid until the next, and nil at the end.
type stream interface {
	next() (*row, error)
	close() error
}

// dayRows are the rows of a day of all workers, in memory and on disk.
type dayRows struct {
	tables rowTables
	runs   []run
}

func (r *dayRows) add(d *day) {
	if d.rows.store.n > 0 {
		r.tables = append(r.tables, &d.rows)
	}
	r.runs = append(r.runs, d.runs...)
}

func (r *dayRows) streams(o *order) (all []stream) {
	if len(r.tables) > 0 {
		all = append(all, &tableStream{tables: r.tables, places: r.tables.sorted(o)})
	}
	for _, r := range r.runs {
		all = append(all, &runStream{runReader: runReader{run: r}})
	}
	return all
}

// tableStream gives the rows of tables. It copies some at a time: they lie anywhere, and so the core waits for several at once.
type tableStream struct {
	tables rowTables
	places []ranked // of the rows to copy
	copies [16]row
	rows   []row // of copies, still to be given
}

func (s *tableStream) next() (*row, error) {
	if len(s.rows) == 0 {
		s.copy()
		if len(s.rows) == 0 {
			return nil, nil
		}
	}
	r := &s.rows[0]
	s.rows = s.rows[1:]
	return r, nil
}

func (s *tableStream) copy() {
	s.rows = s.copies[:min(len(s.places), len(s.copies))]
	for i := range s.rows {
		s.rows[i] = *s.tables.at(&s.places[i])
	}
	s.places = s.places[len(s.rows):]
}

func (s *tableStream) close() error { return nil }

// run is a sorted file of rows or pairs, spilled for want of memory.
type run struct {
	path  string
	count int // of what is still to be read
}

// spill writes the worker's rows to disk, sorted, and empties their tables.
func (w *worker) spill() error {
	o := w.sum.names.order()
	dir, err := w.sum.ledger.TempDir()
	if err != nil {
		return err
	}
	for _, d := range w.days {
		if d.rows.store.n == 0 {
			continue
		}
		rows := rowTables{&d.rows}
		places := rows.sorted(o)
		r, err := writeRun(dir, len(places), func(i int, b []byte) []byte { return rows.at(&places[i]).append(b) })
		if err != nil {
			return err
		}
		d.runs = append(d.runs, r)
		d.rows = rowTable{seed: w.sum.seed}
	}
	w.rowBytes = 0
	return nil
}

// writeRun writes n entries of fixed size, each as appendEntry appends it.
func writeRun(dir string, n int, appendEntry func(i int, b []byte) []byte) (r run, err error) {
	f, err := os.CreateTemp(dir, "*.run")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	out := bufio.NewWriterSize(f, 256<<10)
	var b []byte
	for i := range n {
		b = appendEntry(i, b[:0])
		if _, err := out.Write(b); err != nil {
			return r, err
		}
	}
	return run{f.Name(), n}, out.Flush()
}

func (r *row) append(b []byte) []byte {
	return appendWords(b, r.key.a.hi, r.key.a.lo, r.key.b.hi, r.key.b.lo, r.key.ids, r.key.tuple,
		uint64(r.flows[0]), uint64(r.flows[1]), uint64(r.packets[0]), uint64(r.packets[1]), uint64(r.bytes[0]), uint64(r.bytes[1]),
		uint64(r.sessions), uint64(r.first), r.last)
}

func (r *row) read(b []byte) {
	var w [rowWords]uint64
	for i := range w {
		w[i] = word(b[8*i:])
	}
	*r = row{
		key:   rowKey{addr{w[0], w[1]}, addr{w[2], w[3]}, w[4], w[5]},
		flows: [2]int64{int64(w[6]), int64(w[7])}, packets: [2]int64{int64(w[8]), int64(w[9])}, bytes: [2]int64{int64(w[10]), int64(w[11])},
		sessions: int64(w[12]), first: int64(w[13]), last: w[14],
	}
}

// runReader reads the entries of a run.
type runReader struct {
	run
	file *os.File // nil until the first entry
	in   *bufio.Reader
}

// runBuffer is small: thousands of runs may be open.
const runBuffer = 16 << 10

// next fills b, which has an entry's size, and reports whether there was one.
func (r *runReader) next(b []byte) (bool, error) {
	if r.file == nil {
		var err error
		if r.file, err = os.Open(r.path); err != nil {
			return false, err
		}
		r.in = bufio.NewReaderSize(r.file, runBuffer)
	}
	if r.count == 0 {
		return false, nil
	}
	r.count--
	_, err := io.ReadFull(r.in, b)
	return err == nil, err
}

func (r *runReader) close() error {
	if r.file == nil {
		return nil
	}
	return r.file.Close()
}

// runStream gives the rows of a run.
type runStream struct {
	runReader
	row row
}

func (s *runStream) next() (*row, error) {
	var b [rowBytes]byte
	if more, err := s.runReader.next(b[:]); err != nil || !more {
		return nil, err
	}
	s.row.read(b[:])
	return &s.row, nil
}

// evidence yields the rows as evidence of one day, in order, those of one key added up.
func (r *dayRows) evidence(o *order, day int32) iter.Seq2[ledger.Evidence, error] {
	return func(yield func(ledger.Evidence, error) bool) {
		h := rowHeap{order: o}
		defer h.close()
		err := h.begin(r.streams(o))
		for err == nil && len(h.heads) > 0 {
			sum := *h.heads[0].row
			err = h.step()
			for err == nil && len(h.heads) > 0 && h.heads[0].row.key.equal(&sum.key) {
				sum.merge(h.heads[0].row)
				err = h.step()
			}
			if err == nil && !yield(sum.evidence(o, day), nil) {
				return
			}
		}
		if err != nil {
			yield(ledger.Evidence{}, err)
		}
	}
}

// rowHeap holds the streams with the least row on top.
type rowHeap struct {
	order *order
	heads []rowHead
	all   []stream
}

// rowHead is the next row of a stream.
type rowHead struct {
	ranked
	row    *row
	stream stream
}

func (h *rowHeap) close() {
	for _, s := range h.all {
		_ = s.close() // only read
	}
}

// begin takes the first row of every stream.
func (h *rowHeap) begin(streams []stream) error {
	h.all = streams
	for _, s := range streams {
		head, err := h.head(s)
		if err != nil {
			return err
		}
		if head.row != nil {
			h.heads = append(h.heads, head)
		}
	}
	for i := len(h.heads)/2 - 1; i >= 0; i-- {
		h.down(i)
	}
	return nil
}

func (h *rowHeap) head(s stream) (rowHead, error) {
	r, err := s.next()
	if err != nil || r == nil {
		return rowHead{}, err
	}
	head := rowHead{row: r, stream: s}
	if len(h.all) > 1 { // else there is nothing to compare it with
		head.prefix = h.order.prefix(&r.key)
	}
	return head, nil
}

func (h *rowHeap) less(i, j int) bool {
	x, y := &h.heads[i], &h.heads[j]
	if c := x.compare(&y.ranked); c != 0 {
		return c < 0
	}
	return h.order.compare(&x.row.key, &y.row.key) < 0
}

// step moves the top stream on and restores the order.
func (h *rowHeap) step() error {
	head, err := h.head(h.heads[0].stream)
	if err != nil {
		return err
	}
	if head.row == nil {
		last := len(h.heads) - 1
		head = h.heads[last]
		h.heads = h.heads[:last]
	}
	if len(h.heads) > 0 {
		h.heads[0] = head
		h.down(0)
	}
	return nil
}

// down moves a head to where it belongs among those below it.
func (h *rowHeap) down(i int) {
	for {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < len(h.heads); c++ {
			if h.less(c, least) {
				least = c
			}
		}
		if least == i {
			return
		}
		h.heads[i], h.heads[least] = h.heads[least], h.heads[i]
		i = least
	}
}

func (r *row) evidence(o *order, day int32) ledger.Evidence {
	t := r.key.tuple
	return ledger.Evidence{
		Key: ledger.Key{
			Day: day, Source: o.text(uint32(r.key.ids)), Interface: o.text(uint32(r.key.ids >> 32)),
			A: r.key.a.netip(), B: r.key.b.netip(),
			Proto: uint8(t >> 24), PortA: uint16(t >> 32), PortB: uint16(t >> 48),
			Side: ledger.Side(t >> 15 & 1), Client: ledger.Client(t >> 12 & 3),
			Reason: analyze.Reason(t >> 4 & 0xff), Strength: analyze.Strength(t & 0xf), Action: analyze.Action(t >> 16 & 3),
		},
		AB: r.sums(0), BA: r.sums(1),
		First: r.first, Last: int64(day)*86400 + int64(r.last&lastBits), Hours: uint32(r.last >> hoursAt & hoursBits), Sessions: r.sessions,
	}
}

func (r *row) sums(n int) (s ledger.Sums) {
	setSums(&s, r.flows[n], r.packets[n], r.bytes[n], uint8(r.last>>(flagsAt+7*n)&flagsBits))
	return s
}

func (a addr) netip() netip.Addr {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], a.hi)
	binary.BigEndian.PutUint64(b[8:], a.lo)
	return netip.AddrFrom16(b).Unmap()
}
