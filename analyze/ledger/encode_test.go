package ledger

import (
	"bytes"
	stdcmp "cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go/encoding/delta"
)

// What is written is what the library reads, and the decoder: with no row, with pages and row groups that are full and that
// are not.
func TestEncode(t *testing.T) {
	rng := seeded(t)
	part := Partition{Day: 3, Account: "1", Region: "r"}
	all := make([]Evidence, rowGroupRows+(pages+1)*pageRows+101) // pages come again after one that ended a row group
	for i := range all {
		all[i] = randomEvidence(rng, 3)
		e := &all[i]
		e.Interface = fmt.Sprintf("eni-%06d", min(i/3, 10_000)+i/100) // codes of more than 8 bits, packed and in runs
		e.B = netip.AddrFrom16([16]byte{0x20, 1, byte(i >> 16), byte(i >> 8), byte(i), 15: byte(rng.Uint32())})
		e.Proto, e.PortA, e.PortB, e.Hours = uint8(rng.Uint32()), uint16(rng.Uint32()), uint16(rng.Uint32()), rng.Uint32()>>8
		e.BA.Flows = rng.Int64N(smallMost + 1 + int64(i/pageRows%2))                               // every second page has no codes
		e.AB = Sums{rng.Int64(), rng.Int64(), rng.Int64(), uint8(rng.Uint32()), i%3 == 0, i%7 < 3} // bits that no byte repeats
		e.First, e.Last, e.Sessions = rng.Int64(), rng.Int64(), rng.Int64()
		if i >= rowGroupRows {
			e.Proto &= 3 // the codes of another row group are not in the dictionary
		}
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

// Texts of addresses are encoded to the bytes that the library makes of them.
func TestAddrTexts(t *testing.T) {
	rng := seeded(t)
	var texts addrTexts
	for range 200 {
		addrs := make([]netip.Addr, rng.IntN(300))
		for i := range addrs {
			switch rng.IntN(4) {
			case 0:
				addrs[i] = netip.AddrFrom4([4]byte{10, byte(rng.IntN(2)), byte(rng.IntN(256)), byte(rng.IntN(256))})
			case 1:
				addrs[i] = netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 8: byte(rng.IntN(2)), 14: byte(rng.IntN(256)), 15: byte(rng.IntN(256))})
			case 2:
				addrs[i] = netip.MustParseAddr("fe80::1%" + strings.Repeat("z", rng.IntN(40)+1))
			default:
				addrs[i] = addrs[max(i-1, 0)]
			}
		}
		if len(addrs) > 0 && !addrs[0].IsValid() {
			addrs[0] = netip.IPv6Unspecified()
		}
		var all []byte
		offsets := []uint32{0}
		for _, a := range addrs {
			all = a.AppendTo(all)
			offsets = append(offsets, uint32(len(all)))
		}
		want, err := new(delta.ByteArrayEncoding).EncodeByteArray(nil, all, offsets)
		if err != nil {
			t.Fatal(err)
		}
		got, err := texts.encode(nil, addrs)
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%v: %x, want %x, error %v", addrs, got, want, err)
		}
	}
}

// The bytes are the same on every processor: the library's encodings are its own code on one and Go on another. Should they
// change, it is for SchemaVersion to say so.
func TestEncodeGolden(t *testing.T) {
	const want = "93916b371f4040c4bef28b182bd63e2eaea186e77a6fc14f91e45664816ad49d"
	rng := rand.New(rand.NewPCG(1, 2))
	rows := make([]Evidence, pageRows+pageRows/2+3)
	for i := range rows {
		rows[i] = randomEvidence(rng, 3)
		rows[i].Interface = fmt.Sprintf("eni-%06d", min(i/3, 4_000)+i/300)
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

// A row group ends before the names in it are too many for a page.
func TestEncodeLongNames(t *testing.T) {
	rng := seeded(t)
	part := Partition{Day: 3}
	rows := make([]Evidence, 100)
	for i := range rows {
		rows[i] = randomEvidence(rng, 3)
		rows[i].Interface = fmt.Sprintf("%02d", i) + strings.Repeat("x", 1<<20)
	}
	f := encoded(t, part, rows)
	n := 0
	if err := newDecoder(false).file(f, int64(len(rows)), func(e *Evidence) bool {
		if *e != rows[n] {
			t.Errorf("row %d differs", n)
		}
		n++
		return true
	}); err != nil || n != len(rows) {
		t.Errorf("%d rows, error %v", n, err)
	}
	if pf, err := openParquet(f, int64(len(rows))); err != nil || len(pf.RowGroups()) != 2 {
		t.Errorf("%d row groups, error %v", len(pf.RowGroups()), err)
	}
}

var errNoRoom = errors.New("no room")

// failing is a writer with room for so many bytes.
type failing struct{ room int }

func (w *failing) Write(b []byte) (int, error) {
	if len(b) > w.room {
		return 0, errNoRoom
	}
	w.room -= len(b)
	return len(b), nil
}

// Wherever writing fails, that is the error, and nobody waits for anybody.
func TestEncodeFails(t *testing.T) {
	rng := seeded(t)
	rows := make([]Evidence, 2*rowGroupRows)
	for i := range rows {
		rows[i] = randomEvidence(rng, 3)
	}
	write := func(room, n int) error {
		e, err := newEvidenceEncoder(&failing{room}, Partition{Day: 3})
		if err != nil {
			return err
		}
		got, err := writeRows(e, func(yield func(Evidence, error) bool) {
			for _, r := range rows[:n] {
				if !yield(r, nil) {
					return
				}
			}
		})
		if err == nil && got != int64(n) {
			t.Errorf("%d rows of %d, and no error", got, n)
		}
		return err
	}
	const few = 10
	size, err := encoded(t, Partition{Day: 3}, rows[:few]).Seek(0, io.SeekCurrent)
	if err != nil {
		t.Fatal(err)
	}
	for room := range int(size) {
		if err := write(room, few); !errors.Is(err, errNoRoom) {
			t.Fatalf("room for %d bytes of %d: error %v", room, size, err)
		}
	}
	if err := write(int(size), few); err != nil {
		t.Error(err)
	}
	all, err := encoded(t, Partition{Day: 3}, rows).Seek(0, io.SeekCurrent)
	if err != nil {
		t.Fatal(err)
	}
	for _, room := range []int{1000, int(all) / 3, int(all) * 2 / 3, int(all) - 1000, int(all) - 1} {
		if err := write(room, len(rows)); !errors.Is(err, errNoRoom) {
			t.Errorf("many rows, room for %d bytes of %d: error %v", room, all, err)
		}
	}
}

// checkBounds: by its least and greatest interface readers pass over a row group. What else is said of it is where it lies.
func checkBounds(t *testing.T, f *os.File, rows []evidenceRow) {
	pf, err := openParquet(f, int64(len(rows)))
	if err != nil {
		t.Fatal(err)
	}
	groups := pf.Metadata().RowGroups
	if want := (len(rows) + rowGroupRows - 1) / rowGroupRows; len(groups) != want {
		t.Errorf("%d row groups, want %d", len(groups), want)
	}
	at := int64(len(magic))
	for i, g := range groups {
		if g.Ordinal != int16(i) || g.FileOffset != at {
			t.Errorf("row group %d has number %d and begins at %d, want %d", i, g.Ordinal, g.FileOffset, at)
		}
		size := int64(0)
		for _, c := range g.Columns {
			m := c.MetaData
			if first := stdcmp.Or(m.DictionaryPageOffset, m.DataPageOffset); first != at || m.NumValues != g.NumRows {
				t.Errorf("column %v has %d values of %d and begins at %d, want %d", m.PathInSchema, m.NumValues, g.NumRows, first, at)
			}
			at += m.TotalCompressedSize
			size += m.TotalUncompressedSize
		}
		if size != g.TotalByteSize || i > 0 && size >= groups[0].TotalByteSize { // the first is the largest
			t.Errorf("row group %d has %d bytes, said to be %d", i, size, g.TotalByteSize)
		}
		c := g.Columns[interfaceColumn].MetaData
		least, greatest := rows[0].Interface, rows[g.NumRows-1].Interface
		if got := c.Statistics; c.PathInSchema[0] != "interface_id" || string(got.MinValue) != least || string(got.MaxValue) != greatest {
			t.Errorf("column %v is from %q to %q, want %q to %q", c.PathInSchema, got.MinValue, got.MaxValue, least, greatest)
		}
		const protocol = 7
		entries := func(g int) int64 {
			m := groups[g].Columns[protocol].MetaData
			return m.DataPageOffset - m.DictionaryPageOffset
		}
		if i > 0 && len(rows) > 1 && entries(i) >= entries(0) { // the first has more different ones
			t.Errorf("row group %d has %d bytes of protocols, the first %d", i, entries(i), entries(0))
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
	for _, r := range rows {
		if err := e.write(r); err != nil {
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
