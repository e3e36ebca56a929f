package flowlog_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/ingest/flowlog"
)

// dictionaries watches the dictionaries of addresses of one object.
type dictionaries struct {
	last  []string // entries of the batch before
	begun int      // dictionaries
}

func (d *dictionaries) observe(t *testing.T, rec arrow.Record) {
	t.Helper()
	first := rec.Column(flowlog.ColSrcAddr).(*array.Dictionary)
	dict := first.Dictionary().(*array.FixedSizeBinary)
	entries, seen := make([]string, dict.Len()), map[string]bool{}
	for i := range entries {
		entries[i] = string(dict.Value(i))
		if seen[entries[i]] {
			t.Errorf("%x stands in the dictionary twice", entries[i])
		}
		seen[entries[i]] = true
	}
	for c := flowlog.ColSrcAddr; c <= flowlog.ColPktDstAddr; c++ {
		column := rec.Column(c).(*array.Dictionary)
		if column.Data().Dictionary() != first.Data().Dictionary() {
			t.Error("the address columns do not share their dictionary")
		}
		for r := range column.Len() {
			if k := column.GetValueIndex(r); column.IsNull(r) && k != 0 || !column.IsNull(r) && (k < 0 || k >= len(entries)) {
				t.Fatalf("column %d, row %d: index %d of %d, null %v", c, r, k, len(entries), column.IsNull(r))
			}
		}
	}
	grown := len(entries) >= len(d.last)
	for i := range d.last {
		grown = grown && entries[i] == d.last[i]
	}
	if !grown || d.last == nil {
		d.begun++
	}
	d.last = entries
}

// watched decodes an object, and returns its rows and what became of the dictionary.
func watched(t *testing.T, d *flowlog.Decoder, body []byte, each func(before, after int, anew bool)) ([]string, int) {
	t.Helper()
	var rows []string
	var dicts dictionaries
	_, err := d.Decode(context.Background(), flowlog.Input{Name: "o", Body: bytes.NewReader(body)}, flowlog.Output{Batch: func(rec arrow.Record) error {
		before, begun := len(dicts.last), dicts.begun
		dicts.observe(t, rec)
		each(before, len(dicts.last), dicts.begun > begun)
		rows = append(rows, rowsOf(rec)...)
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return rows, dicts.begun
}

// Beyond the bound the dictionary is begun anew within an object, and the rows stay what they are: IPv4 and IPv6, nulls, with
// odd lines and bad ones, text and Parquet.
func TestDictionaryBegunAnew(t *testing.T) {
	seed := rand.Uint64()
	w := writer{Rand: rand.New(rand.NewPCG(seed, 1)), wrong: 0.0005}
	usual, small := newDecoder(t, flowlog.Options{SkipBad: true}), newDecoder(t, flowlog.Options{SkipBad: true})
	for i := range 8 {
		var body []byte
		if i%2 == 0 {
			body = []byte(w.log(8000, true))
		} else {
			tab := w.table(20_000) // two batches
			body = w.parquet(t, &tab, how{codec: codecs[i/2%4], pageRows: 20 + w.IntN(20_000), groupRows: 5000 + w.Int64N(20_000), version: 1 + w.IntN(2)})
		}
		most := []int{0, 1, 5000, 20_000}[w.IntN(4)]
		small.MostAddresses(most)
		want, begun := watched(t, usual, body, func(int, int, bool) {})
		if begun != 1 {
			t.Errorf("seed %d, object %d: %d dictionaries within the bound", seed, i, begun)
		}
		got, begun := watched(t, small, body, func(before, after int, anew bool) {
			if anew != (before == 0 || before > most) || after > most+4*16384 {
				t.Errorf("seed %d, object %d: a dictionary of %d after one of %d, begun anew: %v", seed, i, after, before, anew)
			}
		})
		if begun < 2 && most <= 1 {
			t.Errorf("seed %d, object %d: %d dictionaries", seed, i, begun)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d, object %d, at most %d: -usual +small\n%s", seed, i, most, diff)
		}
	}
}

// A dictionary begun anew is shorter than the one before, whatever was not handed on between: batches that lie outside the
// window, lines that are read one by one, bad ones.
func TestDictionaryBegunAnewIsShorter(t *testing.T) {
	var b strings.Builder
	b.WriteString("interface-id srcaddr dstaddr pkt-srcaddr pkt-dstaddr srcport dstport protocol action start end\n")
	r := rand.New(rand.NewPCG(8, 1))
	for i := range 120_000 {
		addr := func() string { return fmt.Sprintf("10.%d.%d.%d", i%97, i/97%256, r.IntN(256)) }
		end := 1000 + i/20_000%2 // every second stretch of 20,000 rows is outside
		line := fmt.Sprintf("eni-1 %s %s %s 2001:db8::%x:%x 1 2 6 ACCEPT 1 %d\n", addr(), addr(), addr(), i>>16, i&0xffff, end)
		if i/5000%4 == 0 && i%1000 == 0 {
			line = " " + line
		}
		if i%10_000 == 9999 {
			line = strings.Replace(line, "ACCEPT", "bad", 1)
		}
		b.WriteString(line)
	}
	text := b.String()
	d := newDecoder(t, flowlog.Options{SkipBad: true, Until: time.Unix(1001, 0)})
	got, begun := watched(t, d, []byte(text), func(before, after int, anew bool) {
		if before > 0 && anew != (after < before) {
			t.Errorf("a dictionary of %d after one of %d, begun anew: %v", after, before, anew)
		}
		if after > flowlog.AddressesMost+4*16384 {
			t.Errorf("a dictionary of %d", after)
		}
	})
	if begun < 3 {
		t.Errorf("%d dictionaries", begun)
	}
	if diff := cmp.Diff(readOracle(text, math.MinInt64, 1001).Rows, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
