package sum

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"iter"
	"net/netip"
	"os"

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

// tableStream gives the rows of tables. It loads some at a time: they lie anywhere, and so the core waits for several at once.
type tableStream struct {
	tables rowTables
	places []rowPlace // of the rows to give
	loaded int        // of them
	warm   uint64     // takes what is loaded ahead, so that it is loaded
}

func (s *tableStream) next() (*row, error) {
	if s.loaded == 0 {
		if len(s.places) == 0 {
			return nil, nil
		}
		s.load()
	}
	r := s.tables.at(s.places[0])
	s.places, s.loaded = s.places[1:], s.loaded-1
	return r, nil
}

func (s *tableStream) load() {
	s.loaded = min(len(s.places), 32)
	warm := uint64(0)
	for _, p := range s.places[:s.loaded] {
		warm += s.tables.at(p).touch()
	}
	s.warm = warm
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
		r, err := writeRun(dir, len(places), func(i int, b []byte) []byte { return rows.at(places[i]).append(b) })
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
		e := ledger.Evidence{Key: ledger.Key{Day: day}}
		err := h.begin(r.streams(o))
		for err == nil && len(h.heads) > 0 {
			sum := *h.heads[0].row
			err = h.step()
			for err == nil && len(h.heads) > 0 && h.heads[0].row.key.equal(&sum.key) {
				sum.merge(h.heads[0].row)
				err = h.step()
			}
			if err != nil {
				break
			}
			sum.evidence(&e, o)
			if !yield(e, nil) {
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
	prefix prefix
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
		head := rowHead{stream: s}
		if err := h.advance(&head); err != nil {
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

// advance goes on to the next row of a stream, nil at its end.
func (h *rowHeap) advance(head *rowHead) (err error) {
	if head.row, err = head.stream.next(); err != nil || head.row == nil {
		return err
	}
	if len(h.all) > 1 { // else there is nothing to compare it with
		head.prefix = h.order.prefix(&head.row.key)
	}
	return nil
}

func (h *rowHeap) less(i, j int) bool {
	x, y := &h.heads[i], &h.heads[j]
	if c := x.prefix.compare(&y.prefix); c != 0 {
		return c < 0
	}
	return h.order.compare(&x.row.key, &y.row.key) < 0
}

// step moves the top stream on and restores the order.
func (h *rowHeap) step() error {
	top := &h.heads[0]
	if err := h.advance(top); err != nil {
		return err
	}
	if top.row == nil {
		last := len(h.heads) - 1
		*top, h.heads = h.heads[last], h.heads[:last]
	}
	if len(h.heads) > 1 {
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

// evidence fills e, whose day is set.
func (r *row) evidence(e *ledger.Evidence, o *order) {
	t := r.key.tuple
	e.Source, e.Interface = o.text(uint32(r.key.ids)), o.text(uint32(r.key.ids>>32))
	e.A, e.B = r.key.a.netip(), r.key.b.netip()
	e.Proto, e.PortA, e.PortB = uint8(t>>24), uint16(t>>32), uint16(t>>48)
	e.Side, e.Client = ledger.Side(t>>15&1), ledger.Client(t>>12&3)
	e.Reason, e.Strength, e.Action = analyze.Reason(t>>4&0xff), analyze.Strength(t&0xf), analyze.Action(t>>16&3)
	setSums(&e.AB, r.flows[0], r.packets[0], r.bytes[0], flagsIn(r.last, 0))
	setSums(&e.BA, r.flows[1], r.packets[1], r.bytes[1], flagsIn(r.last, 1))
	e.First, e.Last = r.first, int64(e.Day)*86400+int64(r.last&lastBits)
	e.Hours, e.Sessions = uint32(r.last>>hoursAt&hoursBits), r.sessions
}

// netip makes IPv4 of one word: where two words are read as one of 16 bytes, the core waits until they are stored.
func (a addr) netip() netip.Addr {
	var b [16]byte
	if a.hi == 0 && a.lo>>32 == 0xffff {
		binary.BigEndian.PutUint32(b[:], uint32(a.lo))
		return netip.AddrFrom4([4]byte(b[:4]))
	}
	binary.BigEndian.PutUint64(b[:], a.hi)
	binary.BigEndian.PutUint64(b[8:], a.lo)
	return netip.AddrFrom16(b)
}
