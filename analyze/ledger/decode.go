package ledger

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"os"

	"github.com/parquet-go/parquet-go"

	"github.com/sgtrim/sgtrim/analyze"
)

// Evidence is read column by column: rebuilding rows through the library's own reader takes five times as long.

// decoder turns the columns of an evidence file into rows. Texts that repeat become one string and one address.
type decoder struct {
	addrs   map[string]netip.Addr
	texts   map[string]string
	setters []setter
	values  []parquet.Value
	rows    []Evidence
}

// setter fills one field of rows from values of its column.
type setter struct {
	name string
	set  func(rows []Evidence, values []parquet.Value) error
}

func newDecoder() *decoder {
	d := &decoder{addrs: map[string]netip.Addr{}, texts: map[string]string{}, values: make([]parquet.Value, batchRows), rows: make([]Evidence, batchRows)}
	skip := func([]Evidence, []parquet.Value) error { return nil }
	actions := words(analyze.Reject+1, analyze.Action.String)
	reasons := words(analyze.NumReasons, analyze.Reason.String)
	strengths := words(analyze.NumStrengths, analyze.Strength.String)
	sides := words(SideA+1, func(s Side) string { return sideWords[s] })
	clients := words(ClientB+1, func(c Client) string { return clientWords[c] })
	d.setters = []setter{
		{"day", number(math.MaxInt32, func(e *Evidence, v int64) { e.Day = int32(v) })},
		{"account_id", skip},
		{"region", skip},
		{"source", d.text(func(e *Evidence) *string { return &e.Source })},
		{"interface_id", d.text(func(e *Evidence) *string { return &e.Interface })},
		{"a", d.addr(func(e *Evidence) *netip.Addr { return &e.A })},
		{"b", d.addr(func(e *Evidence) *netip.Addr { return &e.B })},
		{"protocol", number(math.MaxUint8, func(e *Evidence, v int64) { e.Proto = uint8(v) })},
		{"port_a", number(math.MaxUint16, func(e *Evidence, v int64) { e.PortA = uint16(v) })},
		{"port_b", number(math.MaxUint16, func(e *Evidence, v int64) { e.PortB = uint16(v) })},
		{"action", word(actions, func(e *Evidence, v uint8) { e.Action = analyze.Action(v) })},
		{"side", word(sides, func(e *Evidence, v uint8) { e.Side = Side(v) })},
		{"client", word(clients, func(e *Evidence, v uint8) { e.Client = Client(v) })},
		{"reason", word(reasons, func(e *Evidence, v uint8) { e.Reason = analyze.Reason(v) })},
		{"strength", word(strengths, func(e *Evidence, v uint8) { e.Strength = analyze.Strength(v) })},
	}
	d.setters = append(d.setters, sums("ab_", func(e *Evidence) *Sums { return &e.AB })...)
	d.setters = append(d.setters, sums("ba_", func(e *Evidence) *Sums { return &e.BA })...)
	d.setters = append(d.setters,
		setter{"first_seen", number(math.MaxInt64, func(e *Evidence, v int64) { e.First = v })},
		setter{"last_seen", number(math.MaxInt64, func(e *Evidence, v int64) { e.Last = v })},
		setter{"hours", number(1<<24-1, func(e *Evidence, v int64) { e.Hours = uint32(v) })},
		setter{"sessions", number(math.MaxInt64, func(e *Evidence, v int64) { e.Sessions = v })})
	return d
}

func sums(prefix string, of func(*Evidence) *Sums) []setter {
	return []setter{
		{prefix + "flows", number(math.MaxInt64, func(e *Evidence, v int64) { of(e).Flows = v })},
		{prefix + "packets", number(math.MaxInt64, func(e *Evidence, v int64) { of(e).Packets = v })},
		{prefix + "bytes", number(math.MaxInt64, func(e *Evidence, v int64) { of(e).Bytes = v })},
		{prefix + "flags", number(math.MaxUint8, func(e *Evidence, v int64) { of(e).Flags = uint8(v) })},
		{prefix + "flagged", flag(func(e *Evidence, v bool) { of(e).Flagged = v })},
		{prefix + "opens", flag(func(e *Evidence, v bool) { of(e).Opens = v })},
	}
}

// number reads integers from 0 to most.
func number(most int64, set func(*Evidence, int64)) func([]Evidence, []parquet.Value) error {
	return func(rows []Evidence, values []parquet.Value) error {
		for i := range values {
			v := values[i].Int64()
			if values[i].Kind() == parquet.Int32 {
				v = int64(values[i].Int32())
			}
			if v < 0 || v > most {
				return fmt.Errorf("%d is out of range", v)
			}
			set(&rows[i], v)
		}
		return nil
	}
}

func flag(set func(*Evidence, bool)) func([]Evidence, []parquet.Value) error {
	return func(rows []Evidence, values []parquet.Value) error {
		for i := range values {
			set(&rows[i], values[i].Boolean())
		}
		return nil
	}
}

// words lists the words of an enumeration.
func words[E ~uint8](n E, text func(E) string) map[string]uint8 {
	all := map[string]uint8{}
	for e := E(0); e < n; e++ {
		all[text(e)] = uint8(e)
	}
	return all
}

func word(words map[string]uint8, set func(*Evidence, uint8)) func([]Evidence, []parquet.Value) error {
	return func(rows []Evidence, values []parquet.Value) error {
		for i := range values {
			v, ok := words[string(values[i].ByteArray())]
			if !ok {
				return fmt.Errorf("word %q is unknown", values[i].ByteArray())
			}
			set(&rows[i], v)
		}
		return nil
	}
}

func (d *decoder) text(of func(*Evidence) *string) func([]Evidence, []parquet.Value) error {
	return func(rows []Evidence, values []parquet.Value) error {
		for i := range values {
			b := values[i].ByteArray()
			t, ok := d.texts[string(b)]
			if !ok {
				t = string(b)
				d.texts[t] = t
			}
			*of(&rows[i]) = t
		}
		return nil
	}
}

func (d *decoder) addr(of func(*Evidence) *netip.Addr) func([]Evidence, []parquet.Value) error {
	return func(rows []Evidence, values []parquet.Value) error {
		for i := range values {
			b := values[i].ByteArray()
			a, ok := d.addrs[string(b)]
			if !ok {
				var err error
				if a, err = netip.ParseAddr(string(b)); err != nil {
					return err
				}
				if len(d.addrs) >= addrCacheMost {
					clear(d.addrs)
				}
				d.addrs[string(b)] = a
			}
			*of(&rows[i]) = a
		}
		return nil
	}
}

// file yields the rows of an evidence file, each valid until the next.
func (d *decoder) file(f *os.File, want int64, yield func(*Evidence) bool) error {
	pf, err := openParquet(f, want)
	if err != nil {
		return err
	}
	fields := pf.Schema().Fields()
	if len(fields) != len(d.setters) {
		return fmt.Errorf("%d columns, want %d", len(fields), len(d.setters))
	}
	for i, s := range d.setters {
		if fields[i].Name() != s.name || !fields[i].Leaf() || !fields[i].Required() {
			return fmt.Errorf("column %d is %s, want %s", i, fields[i].Name(), s.name)
		}
	}
	for _, g := range pf.RowGroups() {
		if more, err := d.rowGroup(g, yield); err != nil || !more {
			return err
		}
	}
	return nil
}

func (d *decoder) rowGroup(g parquet.RowGroup, yield func(*Evidence) bool) (more bool, err error) {
	columns := make([]column, len(d.setters))
	for i, c := range g.ColumnChunks() {
		columns[i] = column{setter: d.setters[i], pages: c.Pages()}
		defer columns[i].close()
	}
	for left := g.NumRows(); left > 0; {
		n := min(left, batchRows)
		rows := d.rows[:n]
		for i := range columns {
			if err := columns[i].read(rows, d.values); err != nil {
				return false, fmt.Errorf("column %s: %w", columns[i].name, err)
			}
		}
		for i := range rows {
			if !yield(&rows[i]) {
				return false, nil
			}
		}
		left -= n
	}
	return true, nil
}

// column reads one column of a row group, page by page.
type column struct {
	setter
	pages  parquet.Pages
	page   parquet.Page
	values parquet.ValueReader // of page
}

// read fills the column's field of all rows.
func (c *column) read(rows []Evidence, buf []parquet.Value) error {
	for len(rows) > 0 {
		if c.page == nil {
			var err error
			if c.page, err = c.pages.ReadPage(); err != nil {
				if errors.Is(err, io.EOF) {
					return io.ErrUnexpectedEOF
				}
				return err
			}
			c.values = c.page.Values()
		}
		n, err := c.values.ReadValues(buf[:len(rows)])
		if setErr := c.set(rows[:n], buf[:n]); setErr != nil {
			return setErr
		}
		rows = rows[n:]
		switch {
		case errors.Is(err, io.EOF):
			parquet.Release(c.page)
			c.page = nil
		case err != nil:
			return err
		}
	}
	return nil
}

func (c *column) close() {
	if c.page != nil {
		parquet.Release(c.page)
	}
	_ = c.pages.Close()
}
