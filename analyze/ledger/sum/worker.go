package sum

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"os"
	"strings"
	"unsafe"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"github.com/sgtrim/sgtrim/analyze/ledger"
	"github.com/sgtrim/sgtrim/ingest"
	"github.com/sgtrim/sgtrim/ingest/layout"
)

func mapKeys[K comparable, V any](m map[K]V) iter.Seq[K] { return maps.Keys(m) }

// worker is the sink of one worker: the object in hand, and what its committed objects added up to.
type worker struct {
	sum   *Sum
	codes map[string]uint32 // cache of Sum.names
	texts map[string]string // what records say of interfaces, each once
	object
	folds folds
	// Since the last checkpoint.
	days       map[ledger.Partition]*day
	attributes map[uint32]ledger.Attributes // by interface
	objects    []ledger.Object
	sources    map[uint32]struct{}
	rowBytes   int64 // memory of days' rows
	stats      Stats
}

// day is what was summed of one day, account and region.
type day struct {
	rows     rowTable
	coverage map[coverageKey]ledger.Coverage
	runs     []run
}

type coverageKey struct{ iface, source uint32 }

func newWorker(s *Sum) *worker {
	w := &worker{sum: s, codes: map[string]uint32{}, texts: map[string]string{}, days: map[ledger.Partition]*day{}, attributes: map[uint32]ledger.Attributes{}, sources: map[uint32]struct{}{}}
	w.addrs.seed, w.pairs.seed, w.folds.seed = s.seed, s.seed, s.seed
	w.object.ifaceCodes = map[uint32]uint32{}
	w.met.addrs.seed, w.met.endpoints.seed = s.seed, s.seed
	w.repetitionMost = repetitionMost
	w.byFlags = allFlagVerdicts()
	w.span.hours = 1 // of its hour 0
	return w
}

func (w *worker) code(text string) uint32 {
	c, ok := w.codes[text]
	if !ok {
		c = w.sum.names.code(text)
		w.codes[w.sum.names.text(c)] = c
	}
	return c
}

func (n *names) text(code uint32) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.texts[code]
}

// object is the object in hand. Its tables keep their memory from one object to the next.
type object struct {
	open       bool
	meta       ingest.Object
	cols       columns
	dict       []dictEntry       // by index of the batch's dictionaries of interfaces
	dictIfaces []int32           // likewise, interface of the object + 1; 0 is not resolved yet, -1 has no name
	boundTexts [4]textsAt        // the batch's dictionaries of interfaces, as bound
	ifaceCodes map[uint32]uint32 // code of a name → interface of the object
	ifaces     []iface
	names      []uint32  // by interface, code of its name
	addrs      addresses // of the folds as well, so that it outlives the object: see forgetAddresses
	bound      []byte    // the batch's dictionary of addresses; it stays another's, but nothing else can lie in its place
	codeOf     []uint32  // of an address, by its index in the batch's dictionary
	pairs      pairTable
	byFlags    *flagVerdicts
	tally      tally
	span       span
	block      [blockRecords]observed
	hashes     [blockRecords]uint64 // of a block
	rows       [blockRecords]row
	runs       []run             // pairs that were spilled
	pkts       []uint64          // packet addresses that differ, as codes of endpoints 0 and 1; what a key has is their place + 1
	pktCodes   map[uint64]uint32 // what a key has of them
	own        []uint32          // by interface, code of its IPv4 address, 0 while that is open
	sixes      []int32           // IPv6 pairs of records that did not say their direction
	verdicts   []verdict
	met        meetings
	metCodes   []uint32 // of an address in met, by its code; 0 where it was not asked for
	repeating  []repeating
	// repetitionMost is the constant of that name, but in tests.
	repetitionMost int
	skipped        int64
	cut            bool // a record could be placed on no day
	mixed          bool // a record had an IPv4 and an IPv6 address, and did not say its direction
	seen           Stats
}

// iface is one interface within the object in hand.
type iface struct {
	ledger.Attributes
	days []ifaceDay
	// local is the one address common to the open rows of the interface, IPv4 and IPv6 apart.
	local [2]common
}

type ifaceDay struct {
	day             int32
	touched         uint32 // hours of any row
	ledger.Coverage        // without its key
}

var errNotBegun = errors.New("sink: no object was begun")

// Begin starts an object.
func (w *worker) Begin(o ingest.Object) error {
	if w.open {
		return fmt.Errorf("sink: %s was not ended", w.meta.URL)
	}
	if err := w.sum.see(o); err != nil {
		return err
	}
	if err := w.reset(); err != nil {
		return err
	}
	if w.addrs.n > addressesMost {
		w.forgetAddresses()
	}
	w.open, w.meta = true, o
	return nil
}

func (o *object) reset() error {
	o.dropPairs()
	clear(o.ifaceCodes)
	o.ifaces, o.names = o.ifaces[:0], o.names[:0]
	clear(o.dictIfaces)
	o.boundTexts = [4]textsAt{}
	o.tally.reset()
	o.bound = nil
	o.skipped, o.cut, o.mixed, o.seen = 0, false, false, Stats{}
	return o.dropRuns()
}

// Abort drops the object in hand.
func (w *worker) Abort() {
	_ = w.dropRuns() // what stays is swept when the ledger is opened again
	w.open = false
	w.meta = ingest.Object{}
}

// Skip notes a record that could not be read: a gap for every interface of the flow log in all hours of the object, since
// nobody knows whose it was. Outside of Begin and Commit it notes an object that is not taken.
func (w *worker) Skip(e *ingest.RecordError) error {
	if w.open {
		w.skipped++
		return nil
	}
	f := layout.Parse(e.Object)
	w.stats.Skipped++
	if f.Slot.IsZero() {
		w.stats.UnplacedGaps++
		return nil
	}
	o := ingest.Object{URL: e.Object, Account: f.Account, Region: f.Region, FlowLog: f.FlowLog, Slot: f.Slot}
	source := w.code(f.FlowLog)
	w.sources[source] = struct{}{}
	t, hours := slotHours(o)
	w.day(o, t).cover(coverageKey{0, source}, ledger.Coverage{Gaps: hours})
	return nil
}

// slotHours is the day and the hours that an object's records may be of: of a name by AWS the hour of its slot, else the
// whole day.
func slotHours(o ingest.Object) (int32, uint32) {
	slot := o.Slot.Unix()
	t := ledger.DayOf(slot)
	if namedByAWS(o) {
		return t, ledger.Hours(t, slot, slot)
	}
	return t, hoursBits
}

// Observe adds the records of a batch to the object in hand.
func (w *worker) Observe(rec arrow.Record) error {
	if !w.open {
		return errNotBegun
	}
	c := &w.cols
	if err := c.bind(rec); err != nil {
		return err
	}
	w.bindDictionary()
	w.bindAddresses()
	for first := 0; first < c.n; first += blockRecords {
		w.observe(first, min(first+blockRecords, c.n))
	}
	w.tally.settle(w.ifaces)
	w.seen.Records += int64(c.n)
	if w.pairs.n > w.mostPairs() || w.tooManyAddresses() {
		return w.spillPairs()
	}
	return nil
}

// dictEntry is what an index of the dictionaries stands for: interface, account, VPC, subnet, copied; and the code of the
// interface's name.
type dictEntry struct {
	known bool
	texts [4]string
	code  uint32
}

// bindDictionary prepares the way from dictionary indexes to interfaces of the object. Each is resolved when it is met, and
// again where another batch means something else by it.
func (w *worker) bindDictionary() {
	n := w.cols.interfaces.Len()
	if !w.rebind() {
		kept := min(n, len(w.dict))
		w.dict, w.dictIfaces = w.dict[:kept], w.dictIfaces[:kept] // what comes beyond is not looked at when it comes
		for d := range w.dict {
			if w.dict[d].known && !w.cols.means(d, &w.dict[d].texts) {
				w.dict[d].known, w.dictIfaces[d] = false, 0
			}
		}
	}
	for len(w.dict) < n {
		w.dict = append(w.dict, dictEntry{})
		w.dictIfaces = append(w.dictIfaces, 0)
	}
}

// rebind reports whether the batch's dictionaries of interfaces mean what those of the object's batch before meant: they lie
// where those did, and are not shorter.
func (w *worker) rebind() bool {
	same := true
	for i, texts := range w.cols.idTexts() {
		at, was := textsAt{texts.ValueOffsets(), texts.ValueBytes()}, &w.boundTexts[i]
		same = same && len(was.offsets) > 0 && len(at.offsets) >= len(was.offsets) && &at.offsets[0] == &was.offsets[0] && unsafe.SliceData(at.bytes) == unsafe.SliceData(was.bytes)
		*was = at
	}
	return same
}

// textsAt is where a dictionary of texts lies. It stays another's, but nothing else can lie in its place.
type textsAt struct {
	offsets []int32
	bytes   []byte
}

// idTexts are the dictionaries of interfaces, accounts, VPCs and subnets.
func (c *columns) idTexts() [4]*array.String {
	return [4]*array.String{c.interfaces, c.accounts, c.vpcs, c.subnets}
}

// means reports whether index d of the dictionaries stands for these texts.
func (c *columns) means(d int, texts *[4]string) bool {
	return c.interfaces.Value(d) == texts[0] && c.accounts.Value(d) == texts[1] && c.vpcs.Value(d) == texts[2] && c.subnets.Value(d) == texts[3]
}

// ifaceOf returns the interface that index d of the dictionaries stands for, or -1 when it names none.
func (w *worker) ifaceOf(d int32) int32 {
	n := w.dictIfaces[d]
	if n == 0 {
		n = w.resolve(int(d))
	}
	return max(n, 0) - 1
}

// resolve finds the interface that index d of the dictionaries stands for; what it returns is for dictIfaces.
func (w *worker) resolve(d int) int32 {
	e := &w.dict[d]
	if !e.known {
		for i, texts := range w.cols.idTexts() {
			e.texts[i] = w.copied(texts.Value(d))
		}
		e.known = true
		if e.named() {
			e.code = w.code(e.texts[0])
		}
	}
	if !e.named() {
		w.dictIfaces[d] = -1
		return -1
	}
	n, ok := w.ifaceCodes[e.code]
	if !ok {
		n = w.addIface(e.code)
		w.ifaceCodes[e.code] = n
	}
	w.ifaces[n].Attributes.Merge(ledger.Attributes{Account: known(e.texts[1]), VPC: known(e.texts[2]), Subnet: known(e.texts[3]), Region: w.meta.Region})
	w.dictIfaces[d] = int32(n) + 1
	return int32(n) + 1
}

func (e *dictEntry) named() bool { return e.texts[0] != "" && e.texts[0] != "-" }

// known drops AWS's words for "not known".
func known(s string) string {
	if s == "-" || s == "unknown" {
		return ""
	}
	return s
}

// copied returns a copy of a text of the batch, whose memory is another's when the batch is done; of equal texts the same.
func (w *worker) copied(s string) string {
	kept, ok := w.texts[s]
	if !ok {
		kept = strings.Clone(s)
		w.texts[kept] = kept
	}
	return kept
}

func (o *object) addIface(code uint32) uint32 {
	n := len(o.ifaces)
	if n < cap(o.ifaces) {
		o.ifaces = o.ifaces[:n+1]
		days := o.ifaces[n].days[:0]
		o.ifaces[n] = iface{days: days}
	} else {
		o.ifaces = append(o.ifaces, iface{})
	}
	o.names = append(o.names, code)
	return uint32(n)
}

// share is the memory that the rows of one worker may take: three eighths of the budget are for rows, the rest for the
// objects in hand, the reader's batches, the writing of files and the process itself.
func (w *worker) share() int64 {
	return w.sum.ledger.Memory() * 3 / 8 / max(w.sum.sinks.Load(), 1)
}

// fit spills rows beyond the worker's share.
func (w *worker) fit() error {
	if w.rowBytes > w.share() {
		return w.spill()
	}
	return nil
}

// resetDays forgets what a checkpoint has committed, runs on disk included.
func (w *worker) resetDays() error {
	var errs []error
	for _, d := range w.days {
		for _, r := range d.runs {
			errs = append(errs, os.Remove(r.path))
		}
	}
	clear(w.days)
	clear(w.attributes)
	clear(w.sources)
	w.objects = w.objects[:0]
	w.rowBytes = 0
	return errors.Join(errs...)
}
