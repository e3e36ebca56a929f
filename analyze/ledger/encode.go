package ledger

import (
	"encoding/binary"
	"io"
	"net/netip"
	"sync"

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
