package flowlog

import (
	"errors"
	"fmt"
	"io"
	"math"
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
}

func (m meaning[T]) parse(c *cells[T], from *values) {
	n := from.len()
	c.resize(n)
	if !from.isText {
		m.ints(c, from.ints)
		return
	}
	var zero T
	for i := range n {
		text := from.text(i)
		if isNothing(text) {
			c.vals[i] = zero
			c.mark(i, markNull, nil)
			continue
		}
		v, err := m.text(text)
		if err != nil {
			c.vals[i] = zero
			c.mark(i, markBad, err)
			continue
		}
		c.vals[i] = v
	}
}

// column is one column of a row group being read into the batch.
type column interface {
	// open starts on the column of a row group.
	open(r pageReader, rows int64)
	// fill writes the next n rows to the batch, from its first row on.
	fill(d *Decoder, n int) error
}

// cursor is a column of values of type T.
type cursor[T any] struct {
	column  int
	dst     []T // of the batch
	meaning meaning[T]

	pages pageReader
	left  int64 // rows of the row group that no page was read for
	total int64
	page  page
	row   int // of the page, next to give
	value int // of the page's non-null values, next to give
	null  int // of page.nulls, next to come
	table cells[T]
	plain cells[T]
}

func (c *cursor[T]) open(r pageReader, rows int64) {
	c.pages, c.left, c.total = r, rows, rows
	c.page.rows, c.row = 0, 0
}

func (c *cursor[T]) fill(d *Decoder, n int) error {
	for at := 0; at < n; {
		if c.row == c.page.rows {
			if err := c.turn(); err != nil {
				return err
			}
			continue
		}
		part := min(n-at, c.page.rows-c.row)
		if err := c.give(d, at, part); err != nil {
			return err
		}
		at += part
	}
	return nil
}

// turn reads the next page.
func (c *cursor[T]) turn() error {
	err := c.pages.next(&c.page, c.left, func(v *values) error {
		c.meaning.parse(&c.table, v)
		return nil
	})
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("%w: the column ends after %d of %d rows", errPage, c.total-c.left, c.total)
	}
	if err != nil {
		return &RecordError{Field: fieldNames[c.column], Err: err}
	}
	if c.page.plain != nil {
		c.meaning.parse(&c.plain, c.page.plain) // now: other columns use the same memory
		c.page.plain = nil
		if c.plain.marks == nil && len(c.plain.vals) == 0 && c.page.rows > len(c.page.nulls) {
			return &RecordError{Field: fieldNames[c.column], Err: errPage}
		}
		c.page.indexes = c.page.indexes[:0]
	}
	c.left -= int64(c.page.rows)
	c.row, c.value, c.null = 0, 0, 0
	return nil
}

// give writes rows of the page to the batch, as runs between nulls.
func (c *cursor[T]) give(d *Decoder, at, n int) error {
	var zero T
	for end := c.row + n; c.row < end; {
		run := end - c.row
		if c.null < len(c.page.nulls) {
			run = min(run, int(c.page.nulls[c.null])-c.row)
		}
		if run == 0 {
			c.dst[at] = zero
			d.null(c.column, at)
			c.null++
			c.row++
			at++
			continue
		}
		if err := c.gather(d, at, run); err != nil {
			return &RecordError{Field: fieldNames[c.column], Err: err}
		}
		c.row += run
		c.value += run
		at += run
	}
	return nil
}

// gather writes n non-null values.
func (c *cursor[T]) gather(d *Decoder, at, n int) error {
	dst := c.dst[at : at+n]
	if len(c.page.indexes) == 0 {
		copy(dst, c.plain.vals[c.value:c.value+n])
		c.marks(d, &c.plain, at, n, func(i int) uint32 { return uint32(c.value + i) })
		return nil
	}
	indexes, table := c.page.indexes[c.value:c.value+n], c.table.vals
	if c.pages.dict < 0 {
		table = nil
	}
	dst = dst[:len(indexes)]
	for i, x := range indexes {
		if uint(x) >= uint(len(table)) {
			return fmt.Errorf("%w: index %d of a dictionary of %d", errPage, x, len(table))
		}
		dst[i] = table[x]
	}
	c.marks(d, &c.table, at, n, func(i int) uint32 { return indexes[i] })
	return nil
}

// marks reports the values that are none or bad.
func (c *cursor[T]) marks(d *Decoder, of *cells[T], at, n int, index func(int) uint32) {
	if of.marks == nil {
		return
	}
	for i := range n {
		switch x := index(i); of.marks[x] {
		case markNull:
			d.null(c.column, at+i)
		case markBad:
			d.badCells = append(d.badCells, badCell{uint32(at + i), c.column, of.errs[x]})
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

func addressMeaning(a *addresses) meaning[address] {
	return meaning[address]{ints: notText[address], text: a.parse}
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
