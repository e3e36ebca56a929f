package flowlog

import (
	"bytes"
	"fmt"
	"math"

	"github.com/sgtrim/sgtrim/analyze"
)

// tokenize appends the fields of a line: what stands between runs of bytes up to space.
func tokenize(tokens [][]byte, line []byte) [][]byte {
	for i := 0; i < len(line); {
		if line[i] <= ' ' {
			i++
			continue
		}
		start := i
		for i < len(line) && line[i] > ' ' {
			i++
		}
		tokens = append(tokens, line[start:i])
	}
	return tokens
}

// controlByte returns the position of a byte below space that is no white space, -1 for none. Such bytes come from damaged
// files: a block of zeros must not pass as an empty line.
func controlByte(line []byte) int {
	for i, c := range line {
		if c < ' ' && (c < '\t' || c > '\r') {
			return i
		}
	}
	return -1
}

// slow parses the lines of buf[:n] one by one, and reports bad ones.
func (d *Decoder) slow(buf []byte, n int) error {
	rest := buf[:n]
	for len(rest) > 0 {
		line, after, _ := bytes.Cut(rest, newline)
		rest = after
		d.line++
		if err := d.oneLine(line); err != nil {
			d.unread = rest
			return err
		}
		if d.cols.n == maxRows {
			if err := d.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *Decoder) oneLine(line []byte) error {
	if at := controlByte(line); at >= 0 {
		return d.bad(d.line, "", fmt.Errorf("byte %#02x at %d: the file is damaged", line[at], at))
	}
	d.tokens = tokenize(d.tokens[:0], line)
	tokens := d.tokens
	if len(tokens) == 0 {
		return nil
	}
	if isHeader(tokens) {
		f, err := headerFormat(tokens)
		if err != nil {
			return d.objectError(err)
		}
		d.format = f
		return nil
	}
	if !d.format.header && len(tokens) == d.format.fields+1 && isStamp(tokens[0]) {
		tokens = tokens[1:]
	}
	if len(tokens) != d.format.fields {
		return d.bad(d.line, "", fmt.Errorf("%d fields, want %d", len(tokens), d.format.fields))
	}
	var r row
	if column, err := r.parse(tokens, d.format, &d.addrs); err != nil {
		return d.bad(d.line, fieldNames[column], err)
	}
	var a attributes
	for i, column := range idColumns {
		if d.format.has(column) {
			a[i] = tokens[d.format.at[column]]
		}
	}
	r.id = d.ids.lookup(a)
	d.cols.append(&r)
	return nil
}

// parse reads all columns of a record but those of the interface. On an error it says which column is at fault.
func (r *row) parse(tokens [][]byte, f *recordFormat, a *addresses) (column int, err error) {
	for column := ColSrcAddr; column < NumColumns; column++ {
		var text []byte
		if f.has(column) {
			text = tokens[f.at[column]]
		}
		if err := r.set(column, text, a); err != nil {
			return column, err
		}
	}
	if !f.has(ColStatus) && r.empty() {
		r.status = StatusSkipData // see settleEmpty
	}
	return r.check()
}

// empty reports whether a record says nothing of any traffic.
func (r *row) empty() bool {
	return r.isNull(ColSrcAddr) && r.isNull(ColDstAddr) && r.isNull(ColProtocol) && r.action == analyze.ActionUnknown
}

// check is columns.check for one record.
func (r *row) check() (column int, err error) {
	if r.status == StatusOK {
		for _, column := range needed {
			if r.isNull(column) {
				return column, errAbsent
			}
		}
		if r.action == analyze.ActionUnknown {
			return ColAction, errAbsent
		}
	}
	if r.time[0] > r.time[1] {
		return ColStart, errBackwards
	}
	return 0, nil
}

// set parses one value; nil text is a column that the format lacks.
func (r *row) set(column int, text []byte, a *addresses) (err error) {
	if text == nil && column != ColStatus && column != ColDirection || len(text) == 1 && text[0] == '-' {
		return r.setNull(column)
	}
	var v int64
	var code uint8
	switch column {
	case ColSrcAddr, ColDstAddr, ColPktSrcAddr, ColPktDstAddr:
		r.addr[column-ColSrcAddr], err = a.code(text)
	case ColSrcPort, ColDstPort:
		v, err = parseNumber(text, math.MaxUint16)
		r.ports[column-ColSrcPort] = uint16(v)
	case ColProtocol:
		v, err = parseNumber(text, math.MaxUint8)
		r.proto = uint8(v)
	case ColTCPFlags:
		v, err = parseNumber(text, math.MaxUint8)
		r.flags = uint8(v)
	case ColPackets, ColBytes:
		r.count[column-ColPackets], err = parseNumber(text, math.MaxInt64)
	case ColStart, ColEnd:
		v, err = parseNumber(text, maxTime)
		r.time[column-ColStart] = seconds(v)
	case ColAction:
		code, err = actionCodes.parse(text)
		r.action = analyze.Action(code)
	case ColStatus:
		if text != nil {
			code, err = statusCodes.parse(text)
		}
		r.status = Status(code)
	case ColDirection:
		if text != nil {
			code, err = directionCodes.parse(text)
		}
		r.direction = analyze.Direction(code)
	}
	return err
}

// setNull takes a "-".
func (r *row) setNull(column int) error {
	switch column {
	case ColStart, ColEnd:
		return errNoTime
	case ColStatus:
		return errNoStatus
	case ColAction:
		r.action = analyze.ActionUnknown
	case ColDirection:
		r.direction = analyze.DirectionUnknown
	default:
		r.null |= 1 << column
	}
	return nil
}
