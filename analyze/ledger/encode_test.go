package ledger

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What is written is what the library reads, and the decoder: with no row, with pages and row groups that are full and that
// are not.
func TestEncode(t *testing.T) {
	rng := seeded(t)
	part := Partition{Day: 3, Account: "1", Region: "r"}
	all := make([]Evidence, rowGroupRows+2*pageRows+101)
	for i := range all {
		all[i] = randomEvidence(rng, 3)
		e := &all[i]
		e.Interface = fmt.Sprintf("eni-%04d", i/1000)
		e.B = netip.AddrFrom16([16]byte{0x20, 1, byte(i >> 16), byte(i >> 8), byte(i), 15: byte(rng.Uint32())})
		e.Proto, e.PortA, e.PortB, e.Hours = uint8(rng.Uint32()), uint16(rng.Uint32()), uint16(rng.Uint32()), rng.Uint32()>>8
		e.BA.Flows = rng.Int64N(smallMost + 1 + int64(i/pageRows%2))                               // every second page has no codes
		e.AB = Sums{rng.Int64(), rng.Int64(), rng.Int64(), uint8(rng.Uint32()), i%3 == 0, i%7 < 3} // bits that no byte repeats
		e.First, e.Last, e.Sessions = rng.Int64(), rng.Int64(), rng.Int64()
	}
	for _, n := range []int{0, 1, pageRows, pageRows + 1, rowGroupRows, len(all)} {
		f := encoded(t, part, all[:n])
		var want []evidenceRow
		for i := range all[:n] {
			want = append(want, rowOf(part, &all[i]))
		}
		var got []evidenceRow
		if err := eachRow(f, int64(n), func(r evidenceRow) bool { got = append(got, r); return true }); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("%d rows: -want +got\n%s", n, d)
		}
		n := 0
		if err := newDecoder(false).file(f, int64(len(want)), func(e *Evidence) bool {
			if *e != all[n] {
				t.Errorf("row %d is %+v, want %+v", n, *e, all[n])
				return false
			}
			n++
			return true
		}); err != nil || n != len(want) {
			t.Errorf("%d rows of %d, error %v", n, len(want), err)
		}
		checkBounds(t, f, want)
	}
}

// The bytes are the same on every processor: the library's encodings are its own code on one and Go on another. Should they
// change, it is for SchemaVersion to say so.
func TestEncodeGolden(t *testing.T) {
	const want = "0f2694808a625863873caf35084fc9d00c57c7dc9c261689a78170d4a7d50af6"
	rng := rand.New(rand.NewPCG(1, 2))
	rows := make([]Evidence, pageRows+pageRows/2+3)
	for i := range rows {
		rows[i] = randomEvidence(rng, 3)
		rows[i].Interface = fmt.Sprintf("eni-%04d", i/300)
		rows[i].B = netip.AddrFrom4([4]byte{10, byte(i >> 10), byte(rng.IntN(4))})
		rows[i].PortB = uint16(rng.IntN(100))
	}
	got, err := os.ReadFile(encoded(t, Partition{Day: 3, Account: "1", Region: "r"}, rows).Name())
	if err != nil {
		t.Fatal(err)
	}
	if h := fmt.Sprintf("%x", sha256.Sum256(got)); h != want {
		t.Errorf("bytes have hash %s, want %s", h, want)
	}
}

// checkBounds: by its least and greatest interface readers pass over a row group.
func checkBounds(t *testing.T, f *os.File, rows []evidenceRow) {
	pf, err := openParquet(f, int64(len(rows)))
	if err != nil {
		t.Fatal(err)
	}
	groups := pf.Metadata().RowGroups
	if want := (len(rows) + rowGroupRows - 1) / rowGroupRows; len(groups) != want {
		t.Errorf("%d row groups, want %d", len(groups), want)
	}
	for _, g := range groups {
		c := g.Columns[interfaceColumn].MetaData
		least, greatest := rows[0].Interface, rows[g.NumRows-1].Interface
		if got := c.Statistics; c.PathInSchema[0] != "interface_id" || string(got.MinValue) != least || string(got.MaxValue) != greatest {
			t.Errorf("column %v is from %q to %q, want %q to %q", c.PathInSchema, got.MinValue, got.MaxValue, least, greatest)
		}
		rows = rows[g.NumRows:]
	}
}

func encoded(t *testing.T, part Partition, rows []Evidence) *os.File {
	f := tempFile(t)
	e, err := newEvidenceEncoder(f, part)
	if err != nil {
		t.Fatal(err)
	}
	for some := range slices.Chunk(rows, 1000) {
		if err := e.write(some); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.close(); err != nil {
		t.Fatal(err)
	}
	return f
}

// rowOf is what the columns are to hold, said plainly.
func rowOf(p Partition, e *Evidence) evidenceRow {
	return evidenceRow{
		Day: e.Day, Account: p.Account, Region: p.Region, Source: e.Source, Interface: e.Interface,
		A: e.A.String(), B: e.B.String(), Proto: int32(e.Proto), PortA: int32(e.PortA), PortB: int32(e.PortB),
		Action: e.Action.String(), Side: sideWords[e.Side], Client: clientWords[e.Client],
		Reason: e.Reason.String(), Strength: e.Strength.String(),
		ABFlows: e.AB.Flows, ABPackets: e.AB.Packets, ABBytes: e.AB.Bytes, ABFlags: int32(e.AB.Flags), ABFlagged: e.AB.Flagged, ABOpens: e.AB.Opens,
		BAFlows: e.BA.Flows, BAPackets: e.BA.Packets, BABytes: e.BA.Bytes, BAFlags: int32(e.BA.Flags), BAFlagged: e.BA.Flagged, BAOpens: e.BA.Opens,
		First: e.First, Last: e.Last, Hours: int32(e.Hours), Sessions: e.Sessions,
	}
}
