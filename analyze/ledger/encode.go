package ledger

import (
	"encoding/binary"
	"io"
	"math/bits"
	"net/netip"
	"slices"
	"sync"

	"github.com/parquet-go/bitpack"
	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/encoding/plain"
	"github.com/parquet-go/parquet-go/format"

	"github.com/sgtrim/sgtrim/analyze"
)

// evidenceEncoder writes the evidence of one partition, as evidenceRow has its columns. While a page is encoded, in a goroutine of
// its own, the next is filled, which takes about as long.
type evidenceEncoder struct {
	page          *evidencePage // that rows are added to
	rows          int           // of the row group, without those of page
	source, iface codes[string]
	a             codes[netip.Addr]
	to            *evidenceFile
	made          int                // pages
	full, free    chan *evidencePage // free is closed when encoding fails
	encoded       chan error         // has what encoding ended with, once
}

// pages is how many there may be: one is filled, one is encoded, and one evens out which of both takes longer.
const pages = 3

func newEvidenceEncoder(w io.Writer, p Partition) (*evidenceEncoder, error) {
	file, err := newColumnFile(w, evidenceColumns)
	if err != nil {
		return nil, err
	}
	e := &evidenceEncoder{
		source: newCodes(appendString), iface: newCodes(appendString), a: newCodes(appendAddr), to: &evidenceFile{file: file, partition: p},
		full: make(chan *evidencePage, pages), free: make(chan *evidencePage, pages), encoded: make(chan error, 1),
	}
	e.page = e.next()
	go func() {
		defer close(e.encoded)
		e.encoded <- e.to.encode(e.full, e.free)
	}()
	return e, nil
}

// next is a page without rows, nil when encoding has failed.
func (e *evidenceEncoder) next() *evidencePage {
	if e.made < pages && len(e.free) == 0 {
		e.made++
		return e.to.newPage()
	}
	return <-e.free
}

// write adds a row. After an error there is only close.
func (e *evidenceEncoder) write(r Evidence) error {
	e.add(&r)
	large := len(e.source.entries)+len(e.iface.entries) > dictionaryMost
	if e.page.n < pageRows && !large {
		return nil
	}
	e.rows += e.page.n
	if e.rows == rowGroupRows || large {
		e.endRowGroup()
	}
	e.full <- e.page // never blocks: there are no more pages than places
	if e.page = e.next(); e.page == nil {
		return <-e.encoded
	}
	return nil
}

func (e *evidenceEncoder) add(r *Evidence) {
	p := e.page
	i := p.n
	p.n++
	p.proto[i], p.portA[i], p.portB[i] = int32(r.Proto), int32(r.PortA), int32(r.PortB)
	p.source[i], p.iface[i], p.a[i] = e.source.of(r.Source), e.iface.of(r.Interface), e.a.of(r.A)
	p.b[i] = r.B
	p.action[i], p.side[i], p.client[i], p.reason[i], p.strength[i] = int32(r.Action), int32(r.Side), int32(r.Client), int32(r.Reason), int32(r.Strength)
	p.ab.set(i, &r.AB)
	p.ba.set(i, &r.BA)
	p.first[i], p.last[i], p.hours[i], p.sessions[i] = r.First, r.Last, int32(r.Hours), r.Sessions
}

// endRowGroup makes the page the last of the row group.
func (e *evidenceEncoder) endRowGroup() {
	e.page.ends = &groupNames{e.iface.first, e.iface.last, e.source.take(), e.iface.take(), e.a.take()}
	e.rows = 0
}

// close encodes what is left and ends the file, unless encoding has failed.
func (e *evidenceEncoder) close() error {
	if e.page != nil {
		if e.rows += e.page.n; e.rows > 0 {
			e.endRowGroup()
		}
		e.full <- e.page
	}
	close(e.full)
	return <-e.encoded
}

// evidenceFile encodes pages.
type evidenceFile struct {
	file      *columnFile
	partition Partition
	names     groupNames      // of the row group, when it ends
	smalls    [6]dictionary   // of small columns: protocol, flows and flags of both directions, sessions
	codes     [pageRows]int32 // of the column in hand, if it is a small one
	texts     addrTexts
	body      []byte
}

func (f *evidenceFile) newPage() *evidencePage {
	p := &evidencePage{}
	p.columns = f.columnsOf(p)
	return p
}

// evidenceColumns are the columns of evidenceRow.
var evidenceColumns = sync.OnceValues(columnsLike[evidenceRow])

// interfaceColumn is the column that rows are sorted by, so that readers can pass over row groups.
const interfaceColumn = 4

// columnsOf are the columns of evidenceRow in a page. Packets, bytes and times have many digits, and peers are sorted, so of these
// the difference to the row before is shorter; other numbers are small, or come again, of which compression makes more when they
// are whole.
func (f *evidenceFile) columnsOf(p *evidencePage) []pageColumn {
	columns := []pageColumn{
		coded(&p.same, &dictionary{binary.LittleEndian.AppendUint32(nil, uint32(f.partition.Day)), 1}),
		coded(&p.same, entries(appendString, f.partition.Account)),
		coded(&p.same, entries(appendString, f.partition.Region)),
		coded(&p.source, &f.names.source),
		coded(&p.iface, &f.names.iface),
		coded(&p.a, &f.names.a),
		f.prefixed(&p.b),
		f.small32(&p.proto, &f.smalls[0]),
		whole32(&p.portA),
		whole32(&p.portB),
		coded(&p.action, entriesBelow(analyze.Reject+1, analyze.Action.String)),
		coded(&p.side, entriesBelow(SideA+1, Side.text)),
		coded(&p.client, entriesBelow(ClientB+1, Client.text)),
		coded(&p.reason, entriesBelow(analyze.NumReasons, analyze.Reason.String)),
		coded(&p.strength, entriesBelow(analyze.NumStrengths, analyze.Strength.String)),
	}
	for i, s := range []*sumsPage{&p.ab, &p.ba} {
		columns = append(columns, f.small64(&s.flows, &f.smalls[1+2*i]), differences(&s.packets), differences(&s.bytes), f.small32(&s.flags, &f.smalls[2+2*i]), truths(&s.flagged), truths(&s.opens))
	}
	return append(columns, differences(&p.first), differences(&p.last), whole32(&p.hours), f.small64(&p.sessions, &f.smalls[5]))
}

// encode writes the pages of full and hands them back. When one fails, it closes free.
func (f *evidenceFile) encode(full <-chan *evidencePage, free chan<- *evidencePage) error {
	for p := range full {
		if err := f.page(p); err != nil {
			close(free)
			return err
		}
		p.n, p.ends = 0, nil
		free <- p
	}
	return f.file.close()
}

// page adds a page, which may be without rows and only end the row group.
func (f *evidenceFile) page(p *evidencePage) error {
	if p.n > 0 {
		if err := f.values(p); err != nil {
			return err
		}
	}
	if p.ends != nil {
		return f.endRowGroup(p)
	}
	return nil
}

func (f *evidenceFile) values(p *evidencePage) (err error) {
	for i := range p.columns {
		var encoding format.Encoding
		if f.body, encoding, err = p.columns[i].encode(f.body[:0], p.n); err != nil {
			return err
		}
		if err := f.file.page(i, p.n, encoding, f.body); err != nil {
			return err
		}
	}
	return nil
}

func (f *evidenceFile) endRowGroup(p *evidencePage) error {
	f.names = *p.ends
	for i := range p.columns {
		if d := p.columns[i].dictionary; d != nil && d.n > 0 {
			if err := f.file.dictionary(i, d.n, d.entries); err != nil {
				return err
			}
		}
	}
	f.file.bounds(interfaceColumn, f.names.first, f.names.last)
	for i := range f.smalls {
		d := &f.smalls[i]
		d.entries, d.n = d.entries[:0], 0
	}
	return f.file.endRowGroup()
}

// evidencePage holds the values of rows, column by column, until there are enough for a page of each.
type evidencePage struct {
	n                                      int // rows
	columns                                []pageColumn
	ends                                   *groupNames     // of the row group, if the page is its last
	proto, portA, portB                    [pageRows]int32 // values
	source, iface, a                       [pageRows]int32 // codes
	b                                      [pageRows]netip.Addr
	action, side, client, reason, strength [pageRows]int32 // values, which are their own codes
	ab, ba                                 sumsPage
	first, last, sessions                  [pageRows]int64
	hours                                  [pageRows]int32
	same                                   [pageRows]int32 // code of what is the same in all rows
}

// groupNames are the names of a row group.
type groupNames struct {
	first, last      string // interfaces
	source, iface, a dictionary
}

type sumsPage struct {
	flows, packets, bytes [pageRows]int64
	flags                 [pageRows]int32
	flagged, opens        truthBits
}

func (p *sumsPage) set(i int, s *Sums) {
	p.flows[i], p.packets[i], p.bytes[i], p.flags[i] = s.Flows, s.Packets, s.Bytes, int32(s.Flags)
	p.flagged.set(i, s.Flagged)
	p.opens.set(i, s.Opens)
}

// addrTexts makes addresses texts, each as what differs from the one before.
type addrTexts struct {
	prefixes, lengths [pageRows]int32 // bytes that are as before, and those of the rest
	rests             []byte
	text, next        []byte // the last one, and where another goes
	packed            []byte
}

// encode is what the library's delta.ByteArrayEncoding makes of the texts.
func (t *addrTexts) encode(to []byte, addrs []netip.Addr) (_ []byte, err error) {
	t.split(addrs)
	if to, err = new(delta.BinaryPackedEncoding).EncodeInt32(to, t.prefixes[:len(addrs)]); err != nil {
		return nil, err
	}
	if t.packed, err = new(delta.BinaryPackedEncoding).EncodeInt32(t.packed, t.lengths[:len(addrs)]); err != nil {
		return nil, err
	}
	return append(append(to, t.packed...), t.rests...), nil
}

func (t *addrTexts) split(addrs []netip.Addr) {
	t.text, t.rests = t.text[:0], t.rests[:0]
	for i, a := range addrs {
		if i > 0 && a == addrs[i-1] {
			t.prefixes[i], t.lengths[i] = int32(len(t.text)), 0
			continue
		}
		t.next = a.AppendTo(t.next[:0])
		same := prefixLen(t.text, t.next)
		t.rests = append(t.rests, t.next[same:]...)
		t.prefixes[i], t.lengths[i] = int32(same), int32(len(t.next)-same)
		t.text, t.next = t.next, t.text
	}
}

// prefixLen is how many bytes are the same at the beginning.
func prefixLen(a, b []byte) int {
	n, most := 0, min(len(a), len(b))
	for ; n+8 <= most; n += 8 {
		if x := binary.LittleEndian.Uint64(a[n:]) ^ binary.LittleEndian.Uint64(b[n:]); x != 0 {
			return n + bits.TrailingZeros64(x)/8
		}
	}
	for n < most && a[n] == b[n] {
		n++
	}
	return n
}

type truthBits [pageRows / 8]byte

// set sets bit i. Those before must have been set.
func (b *truthBits) set(i int, v bool) {
	if i%8 == 0 {
		b[i/8] = 0
	}
	if v {
		b[i/8] |= 1 << (i % 8)
	}
}

// pageColumn is a column of evidencePage.
type pageColumn struct {
	encode     func(to []byte, n int) ([]byte, format.Encoding, error) // the first n values
	dictionary *dictionary                                             // of codes, else nil
}

// always is a column whose pages all have one encoding, and no dictionary.
func always(encoding format.Encoding, encode func(to []byte, n int) ([]byte, error)) pageColumn {
	return pageColumn{func(to []byte, n int) ([]byte, format.Encoding, error) {
		to, err := encode(to, n)
		return to, encoding, err
	}, nil}
}

func whole32(v *[pageRows]int32) pageColumn {
	return always(format.Plain, func(to []byte, n int) ([]byte, error) { return new(plain.Encoding).EncodeInt32(to, v[:n]) })
}

func whole64(v *[pageRows]int64) pageColumn {
	return always(format.Plain, func(to []byte, n int) ([]byte, error) { return new(plain.Encoding).EncodeInt64(to, v[:n]) })
}

func truths(v *truthBits) pageColumn {
	return always(format.Plain, func(to []byte, n int) ([]byte, error) { return new(plain.Encoding).EncodeBoolean(to, v[:(n+7)/8]) })
}

func differences(v *[pageRows]int64) pageColumn {
	return always(format.DeltaBinaryPacked, func(to []byte, n int) ([]byte, error) { return new(delta.BinaryPackedEncoding).EncodeInt64(to, v[:n]) })
}

func (f *evidenceFile) prefixed(v *[pageRows]netip.Addr) pageColumn {
	return always(format.DeltaByteArray, func(to []byte, n int) ([]byte, error) { return f.texts.encode(to, v[:n]) })
}

func coded(v *[pageRows]int32, d *dictionary) pageColumn {
	c := always(format.RLEDictionary, func(to []byte, n int) ([]byte, error) { return appendCodes(to, v[:n]), nil })
	c.dictionary = d
	return c
}

// smallMost is the greatest number that small columns have codes for, one less than a power of two.
const smallMost = 1<<12 - 1

// small32 is a column of numbers most of which are small, and then their own codes. A page with a greater one has them whole.
func (f *evidenceFile) small32(v *[pageRows]int32, d *dictionary) pageColumn {
	return f.small(whole32(v), d, func(n int) bool { return smallCodes(&f.codes, v[:n]) },
		func(to []byte, v int) []byte { return binary.LittleEndian.AppendUint32(to, uint32(v)) })
}

func (f *evidenceFile) small64(v *[pageRows]int64, d *dictionary) pageColumn {
	return f.small(whole64(v), d, func(n int) bool { return smallCodes(&f.codes, v[:n]) },
		func(to []byte, v int) []byte { return binary.LittleEndian.AppendUint64(to, uint64(v)) })
}

// small is a column that is whole where fill says that its first n values are no codes.
func (f *evidenceFile) small(whole pageColumn, d *dictionary, fill func(n int) bool, appendEntry func([]byte, int) []byte) pageColumn {
	return pageColumn{func(to []byte, n int) ([]byte, format.Encoding, error) {
		if !fill(n) {
			return whole.encode(to, n)
		}
		codes := f.codes[:n]
		for most := int(slices.Max(codes)); d.n <= most; d.n++ {
			d.entries = appendEntry(d.entries, d.n)
		}
		return appendCodes(to, codes), format.RLEDictionary, nil
	}, d}
}

// smallCodes makes values codes, if all are small.
func smallCodes[N int32 | int64](codes *[pageRows]int32, values []N) bool {
	all := uint64(0)
	for i, v := range values {
		all |= uint64(v)
		codes[i] = int32(v)
	}
	return all <= smallMost
}

// appendCodes encodes codes as runs of the same one and of packed ones (Parquet's RLE and bit-packing hybrid, behind the number
// of bits). The library knows that, too, but where its runs end depends on the processor.
func appendCodes(to []byte, codes []int32) []byte {
	width := bits.Len32(uint32(slices.Max(codes)))
	to = append(to, byte(width))
	for len(codes) > 0 {
		same := sameCodes(codes)
		if same >= packedGroup || same == len(codes) {
			to = binary.AppendUvarint(to, uint64(same)<<1)
			for bit := 0; bit < width; bit += 8 {
				to = append(to, byte(codes[0]>>bit))
			}
			codes = codes[same:]
			continue
		}
		n := packedGroup
		for n < len(codes) && sameCodes(codes[n:min(n+packedGroup, len(codes))]) < packedGroup {
			n += packedGroup
		}
		to = appendPacked(to, codes[:min(n, len(codes))], n/packedGroup, width)
		codes = codes[min(n, len(codes)):]
	}
	return to
}

const packedGroup = 8 // codes that are packed together

// sameCodes is how many are the same at the beginning.
func sameCodes(codes []int32) int {
	n := 1
	for n < len(codes) && codes[n] == codes[0] {
		n++
	}
	return n
}

// appendPacked packs codes in so many groups, the last of which need not be full.
func appendPacked(to []byte, codes []int32, groups, width int) []byte {
	to = binary.AppendUvarint(to, uint64(groups)<<1|1)
	at, size := len(to), groups*width
	to = append(to, make([]byte, size)...)
	bitpack.Pack(to[at:], codes, uint(width))
	return to
}

// dictionary is what codes stand for, as the page of a dictionary has it.
type dictionary struct {
	entries []byte
	n       int
}

// addEntry adds the text of v.
func addEntry[V any](d *dictionary, v V, appendText func([]byte, V) []byte) {
	at := len(d.entries)
	d.entries = appendText(append(d.entries, 0, 0, 0, 0), v)
	binary.LittleEndian.PutUint32(d.entries[at:], uint32(len(d.entries)-at-4))
	d.n++
}

func appendString(to []byte, s string) []byte   { return append(to, s...) }
func appendAddr(to []byte, a netip.Addr) []byte { return a.AppendTo(to) }

func entries[V any](appendText func([]byte, V) []byte, values ...V) *dictionary {
	d := &dictionary{}
	for _, v := range values {
		addEntry(d, v, appendText)
	}
	return d
}

// entriesBelow are those of an enumeration, the values below n.
func entriesBelow[E ~uint8](n E, text func(E) string) *dictionary {
	d := &dictionary{}
	for v := E(0); v < n; v++ {
		addEntry(d, text(v), appendString)
	}
	return d
}

// codes gives values their codes, in the order in which they come first.
type codes[V comparable] struct {
	dictionary
	appendText func([]byte, V) []byte
	all        map[V]int32
	first      V
	last       V // mostly, the next is the same
	lastCode   int32
}

func newCodes[V comparable](appendText func([]byte, V) []byte) codes[V] {
	return codes[V]{appendText: appendText, all: map[V]int32{}}
}

func (c *codes[V]) of(v V) int32 {
	if v == c.last && c.n > 0 {
		return c.lastCode
	}
	code, ok := c.all[v]
	if !ok {
		if code = int32(c.n); code == 0 {
			c.first = v
		}
		c.all[v] = code
		addEntry(&c.dictionary, v, c.appendText)
	}
	c.last, c.lastCode = v, code
	return code
}

// take returns what the codes stand for, and begins anew.
func (c *codes[V]) take() dictionary {
	d := c.dictionary
	clear(c.all)
	c.dictionary = dictionary{}
	return d
}
