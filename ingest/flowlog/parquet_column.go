package flowlog

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// cells are parsed values: those of a dictionary, or of one plain page. A value can be nothing ("-", "", "None") or bad; as
// most pages have neither, marks is nil then and gathering needs no look at it.
type cells[T any] struct {
	vals  []T
	marks []uint8
	errs  map[uint32]error // of the bad ones
}

const (
	markValue = iota
	markNull
	markBad
)

func (c *cells[T]) mark(i int, m uint8, err error) {
	if c.marks == nil {
		c.marks = make([]uint8, len(c.vals))
	}
	c.marks[i] = m
	if err != nil {
		if c.errs == nil {
			c.errs = make(map[uint32]error)
		}
		c.errs[uint32(i)] = err
	}
}

func (c *cells[T]) resize(n int) {
	if cap(c.vals) < n {
		c.vals = make([]T, n)
	}
	c.vals, c.marks, c.errs = c.vals[:n], nil, nil
}

// isNothing reports whether a text stands for no value. "None" is pandas's.
func isNothing(text []byte) bool {
	return len(text) == 0 || len(text) == 1 && text[0] == '-' || string(text) == "None"
}

// meaning turns stored values into those of a column.
type meaning[T any] struct {
	ints func(c *cells[T], from []int64)
	text func(text []byte) (T, error)
	// texts, if there is one, sets vals from the first text on as long as they are the usual ones, and returns the place of the one
	// that is not, or of their end.
	texts func(vals []T, from *values, first int) int
	// Whole numbers up to most that are stored one after another are good as they are, and take sets dst to them.
	most uint64
	take func(dst []T, from bare, first int)
}

func (m meaning[T]) parse(c *cells[T], from *values) {
	n := from.len()
	c.resize(n)
	if !from.isText {
		m.ints(c, from.whole())
		return
	}
	for i := 0; i < n; i++ {
		if m.texts != nil {
			if i = m.texts(c.vals, from, i); i == n {
				return
			}
		}
		m.parseOne(c, i, from.text(i))
	}
}

// parseOne reads text i of those that are not the usual ones.
func (m meaning[T]) parseOne(c *cells[T], i int, text []byte) {
	var zero T
	c.vals[i] = zero
	if isNothing(text) {
		c.mark(i, markNull, nil)
		return
	}
	v, err := m.text(text)
	if err != nil {
		c.mark(i, markBad, err)
		return
	}
	c.vals[i] = v
}

// column is one column of a row group being read into the batch.
type column interface {
	// open starts on the column of a row group.
	open(r pageReader, rows int64)
	// fill writes the next n rows to the batch, from its first row on.
	fill(d *Decoder, n int) error
}

// pages are the pages of a column, as values of type T.
type pages[T any] struct {
	column  int
	meaning meaning[T]

	from  pageReader
	left  int64 // rows of the row group that no page was read for
	total int64
	page  page
	row   int // of the page, next to give
	value int // of the page's non-null values, next to give
	null  int // of page.nulls, next to come
	table cells[T]
	plain cells[T]
	// asStored are the values of a plain page in place of plain, which spares making them twice. Its bytes are the page's own.
	asStored bare
	own      []byte
}

func (p *pages[T]) open(r pageReader, rows int64) {
	p.from, p.left, p.total = r, rows, rows
	p.page.rows, p.row = 0, 0
}

// run goes up to most rows on and returns how many: a run of nulls, or of values, which values then gives.
func (p *pages[T]) run(most int) (n int, null bool, err error) {
	for p.row == p.page.rows {
		if err := p.turn(); err != nil {
			return 0, false, err
		}
	}
	n = min(most, p.page.rows-p.row)
	if p.null < len(p.page.nulls) {
		n = min(n, int(p.page.nulls[p.null])-p.row)
	}
	if n == 0 {
		p.null++
		p.row++
		return 1, true, nil
	}
	p.row += n
	p.value += n
	return n, false, nil
}

// turn reads the next page.
func (p *pages[T]) turn() error {
	err := p.from.next(&p.page, p.left, func(v *values) error {
		p.meaning.parse(&p.table, v)
		return nil
	})
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("%w: the column ends after %d of %d rows", errPage, p.total-p.left, p.total)
	}
	if err != nil {
		return p.wrong(err)
	}
	p.asStored = bare{}
	if plain := p.page.plain; plain != nil && plain.bare.width > 0 && p.meaning.take != nil && plain.bare.all() <= p.meaning.most {
		p.asStored = p.from.keep(&p.page, plain.bare, &p.own)
		p.page.plain = nil
		p.page.indexes = p.page.indexes[:0]
	}
	if p.page.plain != nil {
		p.meaning.parse(&p.plain, p.page.plain) // now: other columns use the same memory
		p.page.plain = nil
		if p.plain.marks == nil && len(p.plain.vals) == 0 && p.page.rows > len(p.page.nulls) {
			return p.wrong(errPage)
		}
		p.page.indexes = p.page.indexes[:0]
	}
	p.left -= int64(p.page.rows)
	p.row, p.value, p.null = 0, 0, 0
	return nil
}

func (p *pages[T]) wrong(err error) error { return &RecordError{Field: fieldNames[p.column], Err: err} }

// indexes are those of the last run of n values into the table, nil when they are plain.
func (p *pages[T]) indexes(n int) []uint32 {
	if len(p.page.indexes) == 0 {
		return nil
	}
	return p.page.indexes[p.value-n : p.value]
}

// beyond is the error of an index that the table does not have.
func (p *pages[T]) beyond(index uint32) error {
	return p.wrong(fmt.Errorf("%w: index %d of a dictionary of %d", errPage, index, max(0, p.from.dict)))
}

// cursor is a column whose values stand in the batch as they are.
type cursor[T any] struct {
	pages[T]
	dst []T // of the batch
}

func newCursor[T any](column int, dst []T, m meaning[T]) *cursor[T] {
	return &cursor[T]{pages: pages[T]{column: column, meaning: m}, dst: dst}
}

func (c *cursor[T]) fill(d *Decoder, n int) error {
	for at := 0; at < n; {
		run, null, err := c.run(n - at)
		if err != nil {
			return err
		}
		if null {
			var zero T
			c.dst[at] = zero
			d.null(c.column, at)
		} else if err := c.gather(d, at, run); err != nil {
			return err
		}
		at += run
	}
	return nil
}

// gather writes n non-null values.
func (c *cursor[T]) gather(d *Decoder, at, n int) error {
	dst, indexes := c.dst[at:at+n], c.indexes(n)
	if indexes == nil {
		first := c.value - n
		if c.asStored.width > 0 {
			c.meaning.take(dst, c.asStored, first)
			return nil
		}
		copy(dst, c.plain.vals[first:c.value])
		c.marks(d, &c.plain, at, n, func(i int) uint32 { return uint32(first + i) })
		return nil
	}
	table := c.table.vals
	if c.from.dict < 0 {
		table = nil
	}
	dst = dst[:len(indexes)]
	for i, x := range indexes {
		if uint(x) >= uint(len(table)) {
			return c.beyond(x)
		}
		dst[i] = table[x]
	}
	c.marks(d, &c.table, at, n, func(i int) uint32 { return indexes[i] })
	return nil
}

// addressCursor is a column of addresses, which stand in the batch as codes. The codes of a table are given as its entries
// come up: a table may hold more addresses than the dictionary may, and its column fewer.
type addressCursor struct {
	pages[address]
	dst   []int32 // of the batch
	addrs *addresses
	codes []int32 // by index of the table, uncoded before an entry came up
	turn  uint32  // of addrs when the codes were given; 0 is none
}

const uncoded = -1

func newAddressCursor(column int, dst []int32, a *addresses) *addressCursor {
	m := meaning[address]{ints: notText[address], text: a.parse, texts: plainIPv4}
	return &addressCursor{pages: pages[address]{column: column, meaning: m}, dst: dst, addrs: a}
}

func (c *addressCursor) open(r pageReader, rows int64) {
	c.pages.open(r, rows)
	c.turn = 0 // there will be another table
}

func (c *addressCursor) fill(d *Decoder, n int) error {
	for at := 0; at < n; {
		run, null, err := c.run(n - at)
		if err != nil {
			return err
		}
		if null {
			c.dst[at] = 0
			d.null(c.column, at)
		} else if indexes := c.indexes(run); indexes == nil {
			c.gatherPlain(d, at, run)
		} else if err := c.gather(d, at, indexes); err != nil {
			return err
		}
		at += run
	}
	return nil
}

// gather writes the codes of values of the table.
func (c *addressCursor) gather(d *Decoder, at int, indexes []uint32) error {
	if c.turn != c.addrs.turn {
		c.uncode()
	}
	dst, codes := c.dst[at:at+len(indexes)], c.codes
	for i, x := range indexes {
		if uint(x) >= uint(len(codes)) {
			return c.beyond(x)
		}
		code := codes[x]
		if code == uncoded {
			code = c.addrs.codes.of(c.table.vals[x])
			codes[x] = code
		}
		dst[i] = code
	}
	c.marks(d, &c.table, at, len(indexes), func(i int) uint32 { return indexes[i] })
	return nil
}

// uncode forgets all codes. Entries that are no addresses have the code of nulls from the start.
func (c *addressCursor) uncode() {
	n := len(c.table.vals)
	if c.from.dict < 0 {
		n = 0
	}
	c.codes, c.turn = slices.Grow(c.codes[:0], n)[:n], c.addrs.turn
	for i := range c.codes {
		c.codes[i] = uncoded
	}
	if n == 0 || c.table.marks == nil {
		return
	}
	for i, mark := range c.table.marks {
		if mark != markValue {
			c.codes[i] = 0
		}
	}
}

// gatherPlain writes the codes of n values of a plain page.
func (c *addressCursor) gatherPlain(d *Decoder, at, n int) {
	first := c.value - n
	dst, marks := c.dst[at:at+n], c.plain.marks
	for i, a := range c.plain.vals[first:c.value] {
		if marks != nil && marks[first+i] != markValue {
			dst[i] = 0
			continue
		}
		dst[i] = c.addrs.codes.of(a)
	}
	c.marks(d, &c.plain, at, n, func(i int) uint32 { return uint32(first + i) })
}

// marks reports the values that are none or bad.
func (p *pages[T]) marks(d *Decoder, of *cells[T], at, n int, index func(int) uint32) {
	if of.marks == nil {
		return
	}
	for i := range n {
		switch x := index(i); of.marks[x] {
		case markNull:
			d.null(p.column, at+i)
		case markBad:
			d.badCells = append(d.badCells, badCell{uint32(at + i), p.column, of.errs[x]})
		}
	}
}

// null notes that a value is none.
func (d *Decoder) null(column, row int) {
	switch column {
	case ColStatus:
		d.badCells = append(d.badCells, badCell{uint32(row), column, errNoStatus})
	case ColStart, ColEnd:
		d.badCells = append(d.badCells, badCell{uint32(row), column, errNoTime})
	case ColAction, ColDirection, ColInterface, ColAccount, ColVPC, ColSubnet: // the zero value says so
	default:
		d.cols.nulls[column] = append(d.cols.nulls[column], uint32(row))
	}
}

// badCell is a value that cannot be read.
type badCell struct {
	row    uint32
	column int
	err    error
}

// wholeNumber is the meaning of numbers up to most. Bad ones are looked for where the bits of all together show that there may
// be one.
func wholeNumber[T uint8 | uint16 | int64](most int64) meaning[T] {
	return meaning[T]{
		ints: func(c *cells[T], from []int64) {
			vals, all := c.vals[:len(from)], uint64(0)
			for i, v := range from {
				vals[i] = T(v)
				all |= uint64(v)
			}
			if all <= uint64(most) {
				return
			}
			for i, v := range from {
				if uint64(v) > uint64(most) {
					vals[i] = 0
					c.mark(i, markBad, outOfRange(v, most))
				}
			}
		},
		text: func(text []byte) (T, error) {
			v, err := parseNumber(text, most)
			return T(v), err
		},
		most: uint64(most),
		take: take[T],
	}
}

func outOfRange(v, most int64) error {
	if v < 0 {
		return fmt.Errorf("%d: negative", v)
	}
	return fmt.Errorf("%d: above %d", v, most)
}

// moment is the meaning of start and end.
func moment() meaning[int64] {
	return meaning[int64]{
		ints: func(c *cells[int64], from []int64) {
			vals, all := c.vals[:len(from)], uint64(0)
			for i, v := range from {
				vals[i] = v
				all |= uint64(v)
			}
			if all <= math.MaxInt32 {
				return // seconds, all of them
			}
			for i, v := range from {
				vals[i] = seconds(v)
				if uint64(v) > maxTime {
					vals[i] = 0
					c.mark(i, markBad, outOfRange(v, maxTime))
				}
			}
		},
		text: func(text []byte) (int64, error) {
			v, err := parseNumber(text, maxTime)
			return seconds(v), err
		},
		most: math.MaxInt32, // seconds
		take: take[int64],
	}
}

// notText is what columns of words make of numbers.
func notText[T any](c *cells[T], from []int64) {
	for i, v := range from {
		var zero T
		c.vals[i] = zero
		c.mark(i, markBad, fmt.Errorf("%d: a number where a word belongs", v))
	}
}

func wordMeaning(v vocabulary) meaning[uint8] {
	return meaning[uint8]{ints: notText[uint8], text: v.parse}
}

// idTexts gives every text of an id column of one object a number; 0 is the unknown one.
type idTexts struct {
	index map[string]int32
	texts [][]byte
}

func (t *idTexts) reset() {
	if t.index == nil {
		t.index = make(map[string]int32)
	}
	clear(t.index)
	t.texts = append(t.texts[:0], nil)
}

func (t *idTexts) id(text []byte) (int32, error) {
	if i, ok := t.index[string(text)]; ok {
		return i, nil
	}
	if len(t.texts) == math.MaxInt32 {
		return 0, errors.New("too many")
	}
	i := int32(len(t.texts))
	t.texts = append(t.texts, []byte(string(text)))
	t.index[string(text)] = i
	return i, nil
}

// idMeaning is the meaning of id columns. An account that was stored as a number has lost its leading zeros.
func idMeaning(t *idTexts) meaning[int32] {
	return meaning[int32]{
		ints: func(c *cells[int32], from []int64) {
			for i, v := range from {
				c.vals[i], _ = t.id(fmt.Appendf(nil, "%012d", v))
			}
		},
		text: t.id,
	}
}
