package flowlog

import (
	"slices"

	"github.com/sgtrim/sgtrim/analyze"
)

// maxRows is the most rows a batch holds.
const maxRows = 16384

// addrColumns are the address columns in the order of columns.addr.
var addrColumns = [4]int{ColSrcAddr, ColDstAddr, ColPktSrcAddr, ColPktDstAddr}

// address is an IPv6 address, or IPv4 as ::ffff:a.b.c.d.
type address [16]byte

// columns is a batch being made: plain slices of maxRows, of which the first n rows are used, and for each column the
// rows that are null, ascending. Parsers write a column in one loop; a null is an exception, so it is kept as a list
// instead of a bitmap that every row would have to touch.
type columns struct {
	n     int
	ids   []int32    // index into the interface dictionaries
	addr  [4][]int32 // index into the dictionary of addresses
	ports [2][]uint16
	proto []uint8
	count [2][]int64 // packets, bytes
	time  [2][]int64 // start, end, unix seconds
	word  struct{ action, status, flags, direction []uint8 }
	nulls [NumColumns][]uint32
	lacks uint32 // a bit for each column of which all rows are null, and which has no list
}

func (c *columns) init() {
	c.ids = make([]int32, maxRows)
	for i := range c.addr {
		c.addr[i] = make([]int32, maxRows)
	}
	for i := range 2 {
		c.ports[i] = make([]uint16, maxRows)
		c.count[i] = make([]int64, maxRows)
		c.time[i] = make([]int64, maxRows)
	}
	c.proto = make([]uint8, maxRows)
	c.word.action = make([]uint8, maxRows)
	c.word.status = make([]uint8, maxRows)
	c.word.flags = make([]uint8, maxRows)
	c.word.direction = make([]uint8, maxRows)
}

func (c *columns) reset() {
	c.n, c.lacks = 0, 0
	for i := range c.nulls {
		c.nulls[i] = c.nulls[i][:0]
	}
}

// rest makes r what is free of the columns.
func (c *columns) rest(r *columns) {
	n := c.n
	r.reset()
	r.ids, r.proto = c.ids[n:], c.proto[n:]
	for i := range c.addr {
		r.addr[i] = c.addr[i][n:]
	}
	for i := range 2 {
		r.ports[i], r.count[i], r.time[i] = c.ports[i][n:], c.count[i][n:], c.time[i][n:]
	}
	w := &c.word
	r.word.action, r.word.status, r.word.flags, r.word.direction = w.action[n:], w.status[n:], w.flags[n:], w.direction[n:]
}

// take adds the rows of what rest has made, which lack the same columns.
func (c *columns) take(r *columns) {
	for column, nulls := range r.nulls {
		for _, row := range nulls {
			c.nulls[column] = append(c.nulls[column], row+uint32(c.n))
		}
	}
	c.n += r.n
	c.lacks = r.lacks
}

// absent fills the first n rows of a column that the format lacks: null, status OK, direction unknown. Strings of the
// dictionaries are no matter of rows.
func (c *columns) absent(column, n int) {
	switch column {
	case ColStatus:
		clear(c.word.status[:n])
		return
	case ColDirection:
		clear(c.word.direction[:n])
		return
	case ColPktSrcAddr:
		clear(c.addr[2][:n])
	case ColPktDstAddr:
		clear(c.addr[3][:n])
	case ColPackets:
		clear(c.count[0][:n])
	case ColBytes:
		clear(c.count[1][:n])
	case ColTCPFlags:
		clear(c.word.flags[:n])
	default:
		return
	}
	c.lacks |= 1 << column
}

// row is one record outside the columns; null holds bit column for each null.
type row struct {
	id        int32
	addr      [4]int32
	ports     [2]uint16
	proto     uint8
	count     [2]int64
	time      [2]int64
	action    analyze.Action
	status    Status
	flags     uint8
	direction analyze.Direction
	null      uint32
}

func (r *row) isNull(column int) bool { return r.null>>column&1 != 0 }

func (c *columns) append(r *row) {
	n := c.n
	c.ids[n] = r.id
	for i := range c.addr {
		c.addr[i][n] = r.addr[i]
	}
	for i := range 2 {
		c.ports[i][n] = r.ports[i]
		c.count[i][n] = r.count[i]
		c.time[i][n] = r.time[i]
	}
	c.proto[n] = r.proto
	c.word.action[n] = uint8(r.action)
	c.word.status[n] = uint8(r.status)
	c.word.flags[n] = r.flags
	c.word.direction[n] = uint8(r.direction)
	if r.null != 0 {
		for column := range c.nulls {
			if r.isNull(column) {
				c.nulls[column] = append(c.nulls[column], uint32(n))
			}
		}
	}
	c.n++
}

// needed are the columns that must not be null in a record with status OK; action, which has a value of its own for
// unknown, is one as well.
var needed = [...]int{ColSrcAddr, ColDstAddr, ColProtocol}

// check hands the rows that are no valid records to bad, with the column at fault and the cause; a row may come more than
// once, its first fault first. Values were checked when parsed; here is what takes two columns to see.
func (c *columns) check(bad func(row uint32, column int, err error)) {
	for _, column := range needed {
		for _, r := range c.nulls[column] {
			if c.word.status[r] == uint8(StatusOK) {
				bad(r, column, errAbsent)
			}
		}
	}
	for r, action := range c.word.action[:c.n] {
		if action == 0 && c.word.status[r] == uint8(StatusOK) {
			bad(uint32(r), ColAction, errAbsent)
		}
	}
	for r, start := range c.time[0][:c.n] {
		if start > c.time[1][r] {
			bad(uint32(r), ColStart, errBackwards)
		}
	}
}

// valid reports whether check has nothing to say.
func (c *columns) valid() bool {
	start, end := c.time[0][:c.n], c.time[1][:c.n]
	action, status := c.word.action[:c.n], c.word.status[:c.n]
	for r := range start {
		if start[r] > end[r] || action[r] == 0 && status[r] == uint8(StatusOK) {
			return false
		}
	}
	for _, column := range needed {
		for _, r := range c.nulls[column] {
			if status[r] == uint8(StatusOK) {
				return false
			}
		}
	}
	return true
}

// settleEmpty gives rows that say nothing of any traffic a status, in a format without log-status. It does not tell
// whether nothing was there or nothing was captured; the latter is the safe reading: a gap.
func (c *columns) settleEmpty() {
	for _, r := range c.nulls[ColSrcAddr] {
		_, dst := slices.BinarySearch(c.nulls[ColDstAddr], r)
		_, proto := slices.BinarySearch(c.nulls[ColProtocol], r)
		if dst && proto && c.word.action[r] == 0 {
			c.word.status[r] = uint8(StatusSkipData)
		}
	}
}

// keep drops all rows but those listed, ascending.
func (c *columns) keep(rows []uint32) {
	for column := range c.nulls {
		c.nulls[column] = keepNulls(c.nulls[column], rows)
	}
	for to, from := range rows {
		from := int(from)
		c.ids[to] = c.ids[from]
		for i := range c.addr {
			c.addr[i][to] = c.addr[i][from]
		}
		for i := range 2 {
			c.ports[i][to] = c.ports[i][from]
			c.count[i][to] = c.count[i][from]
			c.time[i][to] = c.time[i][from]
		}
		c.proto[to] = c.proto[from]
		c.word.action[to] = c.word.action[from]
		c.word.status[to] = c.word.status[from]
		c.word.flags[to] = c.word.flags[from]
		c.word.direction[to] = c.word.direction[from]
	}
	c.n = len(rows)
}

// keepNulls renumbers the null rows that are kept. Both lists ascend.
func keepNulls(nulls, rows []uint32) []uint32 {
	out := nulls[:0]
	to := 0
	for _, r := range nulls {
		for to < len(rows) && rows[to] < r {
			to++
		}
		if to < len(rows) && rows[to] == r {
			out = append(out, uint32(to))
		}
	}
	return out
}
