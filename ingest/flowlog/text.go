package flowlog

import (
	"bytes"
	"errors"
	"io"
)

// text reads lines. Each chunk is parsed column by column if it proves to hold nothing but whole, plain records, else
// line by line.
func (d *Decoder) text(r io.Reader) error {
	if d.off == nil {
		d.off = make([]uint32, chunkSize+slack)
	}
	var refused error
	err := d.eachChunk(r, func(c *chunk) error {
		if refused != nil {
			d.countLines(c.buf[:c.n])
			return nil
		}
		err := d.chunk(c.buf, c.n)
		if c.err != nil && err == nil {
			err = d.flush()
		}
		if errors.Is(err, ErrMissingFields) && d.skipBad {
			refused = err // every record of the object is lost: they are counted
			d.countLines(d.unread)
			return nil
		}
		return err
	})
	if refused != nil && (err == nil || errors.Is(err, errLineLength)) {
		return refused
	}
	if err != nil && err != refused {
		return d.textError(err)
	}
	return err
}

// textError places an error of reading: a text without lines is no flow log, else the line after the last one read is
// where it broke.
func (d *Decoder) textError(err error) error {
	if errors.Is(err, errLineLength) {
		if d.format == nil {
			return d.objectError(ErrNotFlowLog)
		}
		d.line++
	}
	return d.objectError(err)
}

// countLines counts the records of a text that cannot be read because the format is refused.
func (d *Decoder) countLines(text []byte) {
	for len(text) > 0 {
		line, after, _ := bytes.Cut(text, newline)
		text = after
		d.tokens = tokenize(d.tokens[:0], line)
		if len(d.tokens) > 0 && !isHeader(d.tokens) {
			d.counts.Records++
			d.counts.Bad++
		}
	}
}

// chunk parses the lines of buf[:n].
func (d *Decoder) chunk(buf []byte, n int) error {
	at := 0
	for d.format == nil {
		if at == n {
			return nil
		}
		end := at + bytes.IndexByte(buf[at:n], '\n') + 1
		d.line++
		header, err := d.begin(buf[at : end-1])
		if err != nil {
			d.unread = buf[end:n]
			return d.objectError(err)
		}
		if d.format != nil && !header {
			d.line-- // it is a record as well
			break
		}
		at = end
	}
	buf, n = buf[at:], n-at
	if n == 0 {
		return nil
	}
	plain, err := d.plain(buf, n)
	if plain || err != nil {
		return err
	}
	if d.cols.n > 0 { // else there is nothing to hand on, and no dictionary to settle
		if err := d.flush(); err != nil {
			return err
		}
	}
	err = d.slow(buf, n)
	if flushed := d.flush(); err == nil {
		err = flushed
	}
	return err
}

// begin finds the format by the first line that is not blank, and reports whether that line was a header.
func (d *Decoder) begin(line []byte) (header bool, err error) {
	d.tokens = tokenize(d.tokens[:0], line)
	if len(d.tokens) == 0 {
		return false, nil
	}
	if isHeader(d.tokens) {
		d.format, err = headerFormat(d.tokens)
		return true, err
	}
	d.format, err = guessFormat(d.tokens, d.given)
	return false, err
}

// leastRows is how many rows are gathered before a batch is handed on: it costs as much as some hundred rows.
const leastRows = 4096

// plain parses a chunk of plain lines, column by column. It is false when anything is out of the ordinary; nothing is added
// to the columns then, and to the dictionaries nothing that line-by-line parsing would not put there.
func (d *Decoder) plain(buf []byte, n int) (bool, error) {
	f := d.format
	stride, lead := f.fields, 0
	if f.stamped {
		stride, lead = stride+1, 1
	}
	if len(d.off) < n+1+spareOff {
		return false, nil // a very long line
	}
	var l lines
	if !l.split(buf, n, stride, d.off) || l.rows > maxRows {
		return false, nil
	}
	if d.cols.n+l.rows > maxRows {
		if err := d.flush(); err != nil {
			return false, err
		}
	}
	d.cols.rest(&d.more)
	if !d.plainRows(&l, lead) {
		return false, nil
	}
	d.cols.take(&d.more)
	d.line += int64(l.rows)
	if d.cols.n < leastRows {
		return true, nil
	}
	return true, d.flush()
}

// plainRows fills what is free of the columns.
func (d *Decoder) plainRows(l *lines, lead int) bool {
	f, c := d.format, &d.more
	if f.stamped && !l.stamps() {
		return false
	}
	if !d.columnsOf(l, lead) {
		return false
	}
	if !f.has(ColStatus) {
		c.settleEmpty()
	}
	if !c.valid() {
		return false
	}
	at := [4]int{}
	for i, column := range idColumns {
		at[i] = -1
		if f.has(column) {
			at[i] = f.at[column] + lead
		}
	}
	l.interfaceColumn(&d.ids, at, c.ids[:l.rows])
	return true
}

// stamps checks the times before exported log events.
func (l *lines) stamps() bool {
	for r := range l.rows {
		s, e := l.field(r, 0)
		if !isStamp(l.buf[s:e]) {
			return false
		}
	}
	return true
}

// columnsOf parses all columns but those of the interface, into what is free.
func (d *Decoder) columnsOf(l *lines, lead int) bool {
	c, n := &d.more, l.rows
	c.n = n
	ok := true
	each := func(column int, parse func(field int, nulls []uint32) ([]uint32, bool)) {
		if !ok {
			return
		}
		if !d.format.has(column) {
			c.absent(column, n)
			return
		}
		c.nulls[column], ok = parse(d.format.at[column]+lead, c.nulls[column])
	}
	words := func(column int, v vocabulary, dst []uint8) {
		each(column, func(field int, nulls []uint32) ([]uint32, bool) { return nulls, l.wordColumn(v, field, dst[:n]) })
	}
	words(ColStatus, statusCodes, c.word.status)
	words(ColAction, actionCodes, c.word.action)
	words(ColDirection, directionCodes, c.word.direction)
	for i, column := range [...]int{ColStart, ColEnd} {
		each(column, func(field int, nulls []uint32) ([]uint32, bool) { return nulls, l.timeColumn(field, c.time[i][:n]) })
	}
	for i, column := range addrColumns {
		each(column, func(field int, nulls []uint32) ([]uint32, bool) {
			return l.addrColumn(&d.addrs, field, c.addr[i][:n], nulls)
		})
	}
	for i, column := range [...]int{ColSrcPort, ColDstPort} {
		each(column, func(field int, nulls []uint32) ([]uint32, bool) {
			return smallColumn(l, field, 65535, c.ports[i][:n], nulls)
		})
	}
	for i, column := range [...]int{ColPackets, ColBytes} {
		each(column, func(field int, nulls []uint32) ([]uint32, bool) { return l.countColumn(field, c.count[i][:n], nulls) })
	}
	each(ColProtocol, func(field int, nulls []uint32) ([]uint32, bool) {
		return smallColumn(l, field, 255, c.proto[:n], nulls)
	})
	each(ColTCPFlags, func(field int, nulls []uint32) ([]uint32, bool) {
		return smallColumn(l, field, 255, c.word.flags[:n], nulls)
	})
	return ok
}
