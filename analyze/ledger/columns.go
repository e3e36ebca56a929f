package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding"
)

// column fills one field of evidence from the pages of its column. A page's values are used as they lie in its buffer, and
// the entries of a dictionary are made into texts and addresses once, not row by row.
type column interface {
	// open takes the values of a page, which stays in memory until the next.
	open(page parquet.Page) error
	// fill sets the field of all rows from the values of the page that begin with number from.
	fill(rows []Evidence, from int) error
}

// numbers are a column of integers from 0 to most.
type numbers struct {
	most    int64
	set     func(*Evidence, int64)
	short   []int32
	long    []int64
	entries entriesOf[int64]
	decoded []int64
}

func (c *numbers) open(page parquet.Page) error {
	c.short, c.long = nil, nil
	values := page.Data()
	if dictionary := page.Dictionary(); dictionary != nil {
		if err := c.entries.open(dictionary, wholeValue); err != nil {
			return err
		}
		c.decoded = c.decoded[:0]
		for _, code := range values.Int32() {
			c.decoded = append(c.decoded, c.entries.all[code])
		}
		c.long = c.decoded
	} else if values.Kind() == encoding.Int32 {
		c.short = values.Int32()
	} else {
		c.long = values.Int64()
	}
	return nil
}

func wholeValue(v parquet.Value) (int64, error) {
	if v.Kind() == parquet.Int32 {
		return int64(v.Int32()), nil
	}
	return v.Int64(), nil
}

// entriesOf are the entries of a dictionary, each parsed once.
type entriesOf[V any] struct {
	dictionary parquet.Dictionary
	all        []V
}

func (e *entriesOf[V]) open(dictionary parquet.Dictionary, parse func(parquet.Value) (V, error)) error {
	if dictionary == e.dictionary {
		return nil
	}
	e.dictionary, e.all = dictionary, e.all[:0]
	for i := range dictionary.Len() {
		v, err := parse(dictionary.Index(int32(i)))
		if err != nil {
			return err
		}
		e.all = append(e.all, v)
	}
	return nil
}

func (c *numbers) fill(rows []Evidence, from int) error {
	if c.long == nil {
		return setNumbers(c, rows, c.short[from:])
	}
	return setNumbers(c, rows, c.long[from:])
}

func setNumbers[N int32 | int64](c *numbers, rows []Evidence, values []N) error {
	values = values[:len(rows)]
	for i := range rows {
		v := int64(values[i])
		if v < 0 || v > c.most {
			return fmt.Errorf("%d is out of range", v)
		}
		c.set(&rows[i], v)
	}
	return nil
}

// flags are a column of truth values.
type flags struct {
	set  func(*Evidence, bool)
	bits []byte
}

func (c *flags) open(page parquet.Page) error {
	values := page.Data()
	c.bits = values.Boolean()
	return nil
}

func (c *flags) fill(rows []Evidence, from int) error {
	for i := range rows {
		at := from + i
		c.set(&rows[i], c.bits[at/8]>>(at%8)&1 != 0)
	}
	return nil
}

// texts are a column of byte strings, with or without a dictionary, each parsed to a V.
type texts[V any] struct {
	parse   func([]byte) (V, error)
	set     func(*Evidence, V)
	entries entriesOf[V]
	codes   []int32 // of the page's values; nil when the page has no dictionary, and plain is its values
	plain   []V
}

func (c *texts[V]) open(page parquet.Page) error {
	values := page.Data()
	if dictionary := page.Dictionary(); dictionary != nil {
		c.codes = values.Int32()
		return c.entries.open(dictionary, func(v parquet.Value) (V, error) { return c.parse(v.ByteArray()) })
	}
	c.codes, c.plain = nil, c.plain[:0]
	data, offsets := values.ByteArray()
	var v V
	var last []byte
	for i := range max(0, len(offsets)-1) {
		if text := data[offsets[i]:offsets[i+1]]; i == 0 || !bytes.Equal(text, last) {
			var err error
			if v, err = c.parse(text); err != nil {
				return err
			}
			last = text
		}
		c.plain = append(c.plain, v)
	}
	return nil
}

func (c *texts[V]) fill(rows []Evidence, from int) error {
	if c.codes == nil {
		for i, v := range c.plain[from : from+len(rows)] {
			c.set(&rows[i], v)
		}
		return nil
	}
	for i, code := range c.codes[from : from+len(rows)] {
		c.set(&rows[i], c.entries.all[code])
	}
	return nil
}

// cursor goes through the pages of one column of a row group.
type cursor struct {
	field
	pages parquet.Pages
	page  parquet.Page
	used  int // values of page
}

// read fills the column's field of all rows.
func (c *cursor) read(rows []Evidence) error {
	for len(rows) > 0 {
		if c.page == nil {
			if err := c.next(); err != nil {
				return err
			}
		}
		left := int(c.page.NumValues()) - c.used
		n := min(left, len(rows))
		if err := c.column.fill(rows[:n], c.used); err != nil {
			return err
		}
		rows = rows[n:]
		if c.used += n; n == left {
			parquet.Release(c.page)
			c.page = nil
		}
	}
	return nil
}

func (c *cursor) next() (err error) {
	if c.page, err = c.pages.ReadPage(); err != nil {
		if errors.Is(err, io.EOF) {
			return io.ErrUnexpectedEOF
		}
		return err
	}
	c.used = 0
	return c.column.open(c.page)
}

func (c *cursor) close() {
	if c.page != nil {
		parquet.Release(c.page)
	}
	_ = c.pages.Close()
}
