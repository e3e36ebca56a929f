package sum

import (
	"github.com/sgtrim/sgtrim/analyze/ledger"
	"github.com/sgtrim/sgtrim/ingest"
)

// folds are pairs under what their verdicts leave of their keys: a client's port is 0, endpoint 0 is A, and in the place of the
// interface of the object stands its code. They gather over objects of one account, region and source: their keys are half of
// those of rows, and so is the work that one more of the same takes.
type folds struct {
	pairTable
	account, region string
	source          uint32
}

const (
	foldsMost     = 1 << 18 // of them, if the worker's share has so much room
	foldShare     = 1 << 10 // bytes of the share for each that there may be; it takes up to 200
	addressesMost = 1 << 16 // of addresses, before the next object
)

func (w *worker) foldsMost() int { return int(min(w.share()/foldShare, foldsMost)) }

// folding is a pair on its way into folds.
type folding struct {
	key  pairKey
	pair *pair
	a    uint8 // endpoint that is A
}

// foldPairs adds the pairs of the object that belong to the share to the folds. Like observe it goes in blocks.
func (w *worker) foldPairs(source uint32, part share) {
	f := &w.folds
	if f.account != w.meta.Account || f.region != w.meta.Region || f.source != source {
		w.flushFolds()
		f.account, f.region, f.source = w.meta.Account, w.meta.Region, source
	}
	var block [blockRecords]folding
	most := w.foldsMost()
	if f.list == nil { // what is not used of it is not there: the system gives memory when it is written
		f.list = make([]pair, most+2*blockRecords)
	}
	for first := 0; first < w.pairs.n; first += blockRecords {
		if f.n > most {
			w.flushFolds()
		}
		n := 0
		for i := first; i < min(first+blockRecords, w.pairs.n); i++ {
			b := &block[n]
			if b.pair = w.pairs.at(i); part.has(b.pair.key.day()) {
				w.fold(b, &w.verdicts[i])
				w.hashes[n] = b.key.hash(f.seed)
				n++
			}
		}
		f.reserve(n)
		f.ahead(w.hashes[:n])
		for i := range block[:n] {
			b := &block[i]
			f.get(&b.key, w.hashes[i]).fold(b.pair, b.a)
		}
	}
}

// fold is given the pair, and notes what its verdict leaves of the key: endpoint 0 is A, a client's port is 0.
func (w *worker) fold(f *folding, v *verdict) {
	k := &f.pair.key
	f.a = 0
	if v.swap {
		f.a = 1
	}
	addrs, ports := k.turned(f.a)
	if v.side == ledger.SideA && k.extra() != 0 {
		if pkt := uint32(w.pkts[k.extra()-1] >> (32 * f.a)); pkt != 0 { // of B
			addrs = addrs&^0xffffffff | uint64(pkt)
		}
	}
	ports &^= clientPort[v.client]
	extra := uint64(v.side)<<14 | uint64(v.client)<<12 | uint64(v.reason)<<4 | uint64(v.strength)
	ports = ports&^0xffffffff | uint64(w.names[k.iface()])
	f.key = pairKey{addrs, ports, extra<<extraAt | k.rest&(1<<extraAt-1)&^localBit}
}

// fold adds pair o, of which endpoint a is A.
func (p *pair) fold(o *pair, a uint8) {
	for i := range p.flows {
		n := (uint8(i) ^ a) & 1
		p.flows[i] += o.flows[n]
		p.packets[i] = ledger.AddCounts(p.packets[i], o.packets[n])
		p.bytes[i] = ledger.AddCounts(p.bytes[i], o.bytes[n])
	}
	p.first = min(p.first, o.first)
	p.last = later(p.last, turnedFlags(o.last, a))
	p.sessions += o.sessions
}

// clientPort is where a key has the port that leaves it.
var clientPort = [...]uint64{ledger.ClientOpen: 0, ledger.ClientA: 0xffff << 48, ledger.ClientB: 0xffff << 32}

// flushFolds adds the folds to the days of the worker, as rows.
func (w *worker) flushFolds() {
	n, left := 0, w.folds.ofDays()
	var today int32
	for i := range w.folds.n {
		f := w.folds.at(i)
		t := f.key.day()
		if n == len(w.rows) || n > 0 && t != today {
			w.addBlock(today, w.rows[:n], left)
			n = 0
		}
		today = t
		w.row(&w.rows[n], f)
		n++
	}
	if n > 0 {
		w.addBlock(today, w.rows[:n], left)
	}
	w.folds.reset()
}

// forgetAddresses makes room for further ones. No pair may be in hand that is still needed.
func (w *worker) forgetAddresses() {
	w.flushFolds() // they have the codes
	w.addrs.reset()
	w.codeOf = w.codeOf[:0]
	clear(w.metCodes)
}

// ofDays is how many there are of each day.
func (f *folds) ofDays() map[int32]int {
	days := map[int32]int{}
	for i := range f.n {
		days[f.at(i).key.day()]++
	}
	return days
}

// addBlock adds rows of one day. Of those and the ones that follow so many are left of each.
func (w *worker) addBlock(today int32, rows []row, left map[int32]int) {
	d := w.day(ingest.Object{Account: w.folds.account, Region: w.folds.region}, today)
	before := d.rows.size()
	left[today] -= len(rows)
	d.rows.addAll(rows, left[today])
	w.rowBytes += d.rows.size() - before
}

func (w *worker) day(o ingest.Object, t int32) *day {
	part := ledger.Partition{Day: t, Account: o.Account, Region: o.Region}
	d := w.days[part]
	if d == nil {
		d = &day{coverage: map[coverageKey]ledger.Coverage{}}
		d.rows.seed = w.sum.seed
		w.days[part] = d
	}
	return d
}

// row makes r the evidence of pairs that were folded.
func (w *worker) row(r *row, f *pair) {
	k := &f.key
	r.key.a, r.key.b = w.addrs.of(k.code(0)), w.addrs.of(k.code(1))
	r.key.ids = uint64(k.iface())<<32 | uint64(w.folds.source)
	x := uint64(k.extra())
	r.key.tuple = uint64(k.port(1))<<48 | uint64(k.port(0))<<32 | uint64(k.proto())<<24 | uint64(k.action())<<16 | x>>14&1<<15 | x&(1<<14-1)
	r.flows, r.packets, r.bytes = f.flows, f.packets, f.bytes
	r.sessions = f.sessions
	r.first = f.first
	r.last = f.last &^ (sentBit<<flagsAt | sentBit<<(flagsAt+7))
}

// merge adds o, which has the same key, to r.
func (r *row) merge(o *row) {
	for i := range r.flows {
		r.flows[i] = ledger.AddCounts(r.flows[i], o.flows[i])
		r.packets[i] = ledger.AddCounts(r.packets[i], o.packets[i])
		r.bytes[i] = ledger.AddCounts(r.bytes[i], o.bytes[i])
	}
	r.sessions = ledger.AddCounts(r.sessions, o.sessions)
	r.first = min(r.first, o.first)
	r.last = later(r.last, o.last)
}
