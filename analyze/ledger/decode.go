package ledger

import (
	"fmt"
	"math"
	"net/netip"
	"os"

	"github.com/parquet-go/parquet-go"

	"github.com/sgtrim/sgtrim/analyze"
)

// Evidence is read column by column: rebuilding rows through the library's own reader takes many times as long.

// decoder turns the columns of an evidence file into rows.
type decoder struct {
	keys   bool // read what the keys are made of, and leave the values as they are
	fields []field
	rows   []Evidence
}

// field is a column and where it goes in Evidence.
type field struct {
	name   string
	column column // nil: not read
	value  bool   // not part of the key
}

func newDecoder(keys bool) *decoder {
	text := interned()
	d := &decoder{keys: keys, rows: make([]Evidence, batchRows)}
	d.fields = []field{
		key("day", &numbers{most: math.MaxInt32, set: func(e *Evidence, v int64) { e.Day = int32(v) }}),
		key("account_id", nil),
		key("region", nil),
		key("source", &texts[string]{parse: text, set: func(e *Evidence, v string) { e.Source = v }}),
		key("interface_id", &texts[string]{parse: text, set: func(e *Evidence, v string) { e.Interface = v }}),
		key("a", &texts[netip.Addr]{parse: address, set: func(e *Evidence, v netip.Addr) { e.A = v }}),
		key("b", &texts[netip.Addr]{parse: address, set: func(e *Evidence, v netip.Addr) { e.B = v }}),
		key("protocol", &numbers{most: math.MaxUint8, set: func(e *Evidence, v int64) { e.Proto = uint8(v) }}),
		key("port_a", &numbers{most: math.MaxUint16, set: func(e *Evidence, v int64) { e.PortA = uint16(v) }}),
		key("port_b", &numbers{most: math.MaxUint16, set: func(e *Evidence, v int64) { e.PortB = uint16(v) }}),
		key("action", words(analyze.Reject+1, analyze.Action.String, func(e *Evidence, v analyze.Action) { e.Action = v })),
		key("side", words(SideA+1, Side.text, func(e *Evidence, v Side) { e.Side = v })),
		key("client", words(ClientB+1, Client.text, func(e *Evidence, v Client) { e.Client = v })),
		key("reason", words(analyze.NumReasons, analyze.Reason.String, func(e *Evidence, v analyze.Reason) { e.Reason = v })),
		key("strength", words(analyze.NumStrengths, analyze.Strength.String, func(e *Evidence, v analyze.Strength) { e.Strength = v })),
	}
	d.fields = append(d.fields, sums("ab_", func(e *Evidence) *Sums { return &e.AB })...)
	d.fields = append(d.fields, sums("ba_", func(e *Evidence) *Sums { return &e.BA })...)
	d.fields = append(d.fields,
		count("first_seen", math.MaxInt64, func(e *Evidence, v int64) { e.First = v }),
		count("last_seen", math.MaxInt64, func(e *Evidence, v int64) { e.Last = v }),
		count("hours", 1<<24-1, func(e *Evidence, v int64) { e.Hours = uint32(v) }),
		count("sessions", math.MaxInt64, func(e *Evidence, v int64) { e.Sessions = v }))
	return d
}

func key(name string, c column) field { return field{name: name, column: c} }

func count(name string, most int64, set func(*Evidence, int64)) field {
	return field{name, &numbers{most: most, set: set}, true}
}

func sums(prefix string, of func(*Evidence) *Sums) []field {
	return []field{
		count(prefix+"flows", math.MaxInt64, func(e *Evidence, v int64) { of(e).Flows = v }),
		count(prefix+"packets", math.MaxInt64, func(e *Evidence, v int64) { of(e).Packets = v }),
		count(prefix+"bytes", math.MaxInt64, func(e *Evidence, v int64) { of(e).Bytes = v }),
		count(prefix+"flags", math.MaxUint8, func(e *Evidence, v int64) { of(e).Flags = uint8(v) }),
		{prefix + "flagged", &flags{set: func(e *Evidence, v bool) { of(e).Flagged = v }}, true},
		{prefix + "opens", &flags{set: func(e *Evidence, v bool) { of(e).Opens = v }}, true},
	}
}

// words is the column of an enumeration of n values.
func words[E ~uint8](n E, text func(E) string, set func(*Evidence, E)) *texts[E] {
	all := map[string]E{}
	for e := E(0); e < n; e++ {
		all[text(e)] = e
	}
	return &texts[E]{set: set, parse: func(b []byte) (E, error) {
		v, ok := all[string(b)]
		if !ok {
			return 0, fmt.Errorf("word %q is unknown", b)
		}
		return v, nil
	}}
}

// interned makes texts that repeat one string.
func interned() func([]byte) (string, error) {
	all := map[string]string{}
	return func(b []byte) (string, error) {
		t, ok := all[string(b)]
		if !ok {
			t = string(b)
			all[t] = t
		}
		return t, nil
	}
}

func address(b []byte) (netip.Addr, error) { return netip.ParseAddr(string(b)) }

// file yields the rows of an evidence file, each valid until the next.
func (d *decoder) file(f *os.File, want int64, yield func(*Evidence) bool) error {
	pf, err := openParquet(f, want)
	if err != nil {
		return err
	}
	have := pf.Schema().Fields()
	if len(have) != len(d.fields) {
		return fmt.Errorf("%d columns, want %d", len(have), len(d.fields))
	}
	for i, f := range d.fields {
		if have[i].Name() != f.name || !have[i].Leaf() || !have[i].Required() {
			return fmt.Errorf("column %d is %s, want %s", i, have[i].Name(), f.name)
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
	var columns []cursor
	for i, chunk := range g.ColumnChunks() {
		if f := d.fields[i]; f.column != nil && !(d.keys && f.value) {
			c := cursor{field: f, pages: chunk.Pages()}
			columns = append(columns, c)
		}
	}
	defer func() {
		for i := range columns {
			columns[i].close()
		}
	}()
	for left := g.NumRows(); left > 0; {
		n := min(left, batchRows)
		rows := d.rows[:n]
		for i := range columns {
			if err := columns[i].read(rows); err != nil {
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
