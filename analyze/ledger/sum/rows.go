package sum

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"iter"
	"net/netip"
	"os"
	"slices"

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
		return compareWords(uint64(o.ranks[x.ids>>32]), uint64(o.ranks[y.ids>>32]))
	}
	if c := x.b.compare(y.b); c != 0 {
		return c
	}
	if c := x.a.compare(y.a); c != 0 {
		return c
	}
	for _, f := range [...]struct{ shift, bits uint64 }{{24, 0xff}, {48, 0xffff}, {32, 0xffff}, {16, 3}, {15, 1}, {12, 3}, {4, 0xff}, {0, 0xf}} {
		if c := compareWords(x.tuple>>f.shift&f.bits, y.tuple>>f.shift&f.bits); c != 0 {
			return c
		}
	}
	return compareWords(uint64(o.ranks[uint32(x.ids)]), uint64(o.ranks[uint32(y.ids)]))
}

func compareWords(x, y uint64) int {
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// prefix is a word that never contradicts compare: interface, and most of the peer's address.
func (o *order) prefix(k *rowKey) uint64 {
	p := uint64(min(o.ranks[k.ids>>32], 1<<28-1)) << 36
	switch {
	case k.b.is4():
		return p | 1<<34 | k.b.lo&0xffffffff
	case k.b.hi == 0 && k.b.lo>>32 < 0xffff:
		return p
	}
	return p | 2<<34 | k.b.hi>>32
}

// sorted lists the positions of the rows in order.
func (t *rowTable) sorted(o *order) []uint32 {
	type place struct {
		prefix uint64
		at     uint32
	}
	places := make([]place, t.store.n)
	for i := range places {
		places[i] = place{o.prefix(&t.at(i).key), uint32(i)}
	}
	slices.SortFunc(places, func(x, y place) int {
		if c := compareWords(x.prefix, y.prefix); c != 0 {
			return c
		}
		return o.compare(&t.at(int(x.at)).key, &t.at(int(y.at)).key)
	})
	positions := make([]uint32, len(places))
	for i, p := range places {
		positions[i] = p.at
	}
	return positions
}

// stream yields rows in order.
type stream = iter.Seq2[*row, error]

// streams are the rows of a day in memory and on disk, each in order.
func (d *day) streams(o *order) (all []stream) {
	if d.rows.store.n > 0 {
		all = append(all, func(yield func(*row, error) bool) {
			for _, i := range d.rows.sorted(o) {
				if !yield(d.rows.at(int(i)), nil) {
					return
				}
			}
		})
	}
	for _, r := range d.runs {
		all = append(all, r.rows())
	}
	return all
}

// run is a sorted file of rows, spilled for want of memory.
type run struct {
	path  string
	count int
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
		r, err := writeRun(dir, &d.rows, o)
		if err != nil {
			return err
		}
		d.runs = append(d.runs, r)
		d.rows = rowTable{seed: w.sum.seed}
	}
	w.rowBytes = 0
	return nil
}

func writeRun(dir string, t *rowTable, o *order) (r run, err error) {
	f, err := os.CreateTemp(dir, "*.run")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	out := bufio.NewWriterSize(f, 256<<10)
	b := make([]byte, 0, rowBytes)
	for _, i := range t.sorted(o) {
		b = t.at(int(i)).append(b[:0])
		if _, err := out.Write(b); err != nil {
			return r, err
		}
	}
	return run{f.Name(), t.store.n}, out.Flush()
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

// rows yields the rows of the file. Each is valid until the next.
func (r run) rows() stream {
	return func(yield func(*row, error) bool) {
		f, err := os.Open(r.path)
		if err != nil {
			yield(nil, err)
			return
		}
		defer f.Close()
		in := bufio.NewReaderSize(f, 64<<10)
		var b [rowBytes]byte
		var v row
		for range r.count {
			if _, err := io.ReadFull(in, b[:]); err != nil {
				yield(nil, err)
				return
			}
			v.read(b[:])
			if !yield(&v, nil) {
				return
			}
		}
	}
}

// mergeRows yields the rows of several streams as evidence of one day, in order, rows of one key added up.
func mergeRows(o *order, day int32, streams []stream) iter.Seq2[ledger.Evidence, error] {
	return func(yield func(ledger.Evidence, error) bool) {
		h := heap{order: o}
		defer func() { h.stop() }()
		for _, s := range streams {
			if err := h.push(s); err != nil {
				yield(ledger.Evidence{}, err)
				return
			}
		}
		for len(h.heads) > 0 {
			sum := *h.heads[0].row
			err := h.step()
			for err == nil && len(h.heads) > 0 && h.heads[0].row.key == sum.key {
				sum.merge(h.heads[0].row)
				err = h.step()
			}
			if err != nil {
				yield(ledger.Evidence{}, err)
				return
			}
			if !yield(sum.evidence(o, day), nil) {
				return
			}
		}
	}
}

// heap holds the streams with the least row on top.
type heap struct {
	order *order
	heads []rowHead
	stops []func()
}

type rowHead struct {
	row  *row
	next func() (*row, error, bool)
}

func (h *heap) stop() {
	for _, s := range h.stops {
		s()
	}
}

func (h *heap) push(s stream) error {
	next, stop := iter.Pull2(s)
	h.stops = append(h.stops, stop)
	r, err, ok := next()
	if err != nil || !ok {
		return err
	}
	h.heads = append(h.heads, rowHead{r, next})
	for i := len(h.heads) - 1; i > 0 && h.less(i, (i-1)/2); i = (i - 1) / 2 {
		h.heads[i], h.heads[(i-1)/2] = h.heads[(i-1)/2], h.heads[i]
	}
	return nil
}

func (h *heap) less(i, j int) bool {
	return h.order.compare(&h.heads[i].row.key, &h.heads[j].row.key) < 0
}

// step moves the top stream on and restores the order.
func (h *heap) step() error {
	r, err, ok := h.heads[0].next()
	if err != nil {
		return err
	}
	if ok {
		h.heads[0].row = r
	} else {
		last := len(h.heads) - 1
		h.heads[0] = h.heads[last]
		h.heads = h.heads[:last]
	}
	for i := 0; ; {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < len(h.heads); c++ {
			if h.less(c, least) {
				least = c
			}
		}
		if least == i {
			return nil
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

func (r *row) sums(n int) ledger.Sums {
	c := counts{r.flows[n], r.packets[n], r.bytes[n], r.last >> (flagsAt + 7*n) & flagsBits}
	return c.sums()
}

func (a addr) netip() netip.Addr {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], a.hi)
	binary.BigEndian.PutUint64(b[8:], a.lo)
	return netip.AddrFrom16(b).Unmap()
}
