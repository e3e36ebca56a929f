package ledger

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
)

// plainRow has the columns of evidenceRow without dictionaries: pages as a column has them whose dictionary grew too large.
type plainRow struct {
	Day       int32  `parquet:"day,date"`
	Account   string `parquet:"account_id"`
	Region    string `parquet:"region"`
	Source    string `parquet:"source"`
	Interface string `parquet:"interface_id"`
	A         string `parquet:"a"`
	B         string `parquet:"b"`
	Proto     int32  `parquet:"protocol"`
	PortA     int32  `parquet:"port_a"`
	PortB     int32  `parquet:"port_b"`
	Action    string `parquet:"action"`
	Side      string `parquet:"side"`
	Client    string `parquet:"client"`
	Reason    string `parquet:"reason"`
	Strength  string `parquet:"strength"`
	ABFlows   int64  `parquet:"ab_flows"`
	ABPackets int64  `parquet:"ab_packets"`
	ABBytes   int64  `parquet:"ab_bytes"`
	ABFlags   int32  `parquet:"ab_flags"`
	ABFlagged bool   `parquet:"ab_flagged"`
	ABOpens   bool   `parquet:"ab_opens"`
	BAFlows   int64  `parquet:"ba_flows"`
	BAPackets int64  `parquet:"ba_packets"`
	BABytes   int64  `parquet:"ba_bytes"`
	BAFlags   int32  `parquet:"ba_flags"`
	BAFlagged bool   `parquet:"ba_flagged"`
	BAOpens   bool   `parquet:"ba_opens"`
	First     int64  `parquet:"first_seen"`
	Last      int64  `parquet:"last_seen"`
	Hours     int32  `parquet:"hours"`
	Sessions  int64  `parquet:"sessions"`
}

// What is written is read again: pages of any size, several row groups, columns with dictionaries, without, and with one
// that ends in the middle; and of every row at least the key where keys are asked for.
func TestDecode(t *testing.T) {
	rng := seeded(t)
	var want []Evidence
	for range 5000 {
		e := randomEvidence(rng, 3)
		e.AB.Flagged, e.BA.Opens = len(want)%3 == 0, len(want)%7 < 3 // bits that no byte repeats
		want = append(want, e)
	}
	part := Partition{Day: 3, Account: "1", Region: "r"}
	var rows []evidenceRow
	var plain []plainRow
	for i := range want {
		rows = append(rows, rowOf(part, &want[i]))
		plain = append(plain, plainRow(rows[i]))
	}
	for name, file := range map[string]*os.File{
		"as written":       encoded(t, part, want),
		"one page":         parquetFile(t, rows),
		"small pages":      parquetFile(t, rows, parquet.PageBufferSize(100), parquet.MaxRowsPerRowGroup(1777)),
		"no dictionaries":  parquetFile(t, plain, parquet.PageBufferSize(1000)),
		"dictionaries end": parquetFile(t, rows, parquet.PageBufferSize(500), parquet.DictionaryMaxBytes(20)),
	} {
		for _, keys := range []bool{false, true} {
			var got []Evidence
			if err := newDecoder(keys).file(file, int64(len(want)), func(e *Evidence) bool {
				got = append(got, *e)
				return true
			}); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			expected := want
			if keys {
				expected = nil
				for _, e := range want {
					expected = append(expected, Evidence{Key: e.Key})
				}
			}
			if d := cmp.Diff(expected, got, compareAddrs); d != "" {
				t.Errorf("%s, keys %v: -want +got\n%s", name, keys, d)
			}
		}
	}
}

// Values that no ledger writes are errors, in the dictionary and without one.
func TestDecodeRefuses(t *testing.T) {
	good := rowOf(Partition{}, &Evidence{Key: Key{A: netip.IPv6Unspecified(), B: netip.IPv6Unspecified()}})
	for name, spoil := range map[string]func(*evidenceRow){
		"column action: word \"ACCEPTED\" is unknown":       func(r *evidenceRow) { r.Action = "ACCEPTED" },
		"column port_b: 65536 is out of range":              func(r *evidenceRow) { r.PortB = 65536 },
		"column ab_bytes: -1 is out of range":               func(r *evidenceRow) { r.ABBytes = -1 },
		"column hours: 16777216 is out of range":            func(r *evidenceRow) { r.Hours = 1 << 24 },
		"column a: ParseAddr(\"\"): unable to parse IP":     func(r *evidenceRow) { r.A = "" },
		"column a: ParseAddr(\"10.0.0\"): IPv4 address too": func(r *evidenceRow) { r.A = "10.0.0" },
	} {
		bad := good
		spoil(&bad)
		for _, f := range []*os.File{
			parquetFile(t, []evidenceRow{good, bad}), parquetFile(t, []plainRow{plainRow(good), plainRow(bad)}),
			parquetFile(t, []evidenceRow{bad, good}), parquetFile(t, []plainRow{plainRow(bad), plainRow(good)}),
		} {
			err := newDecoder(false).file(f, 2, func(*Evidence) bool { return true })
			if err == nil || !strings.HasPrefix(err.Error(), name) {
				t.Errorf("got %v, want %s", err, name)
			}
		}
	}
}

func tempFile(t *testing.T) *os.File {
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func parquetFile[R any](t *testing.T, rows []R, options ...parquet.WriterOption) *os.File {
	f := tempFile(t)
	w := parquet.NewGenericWriter[R](f, append(writerOptions(), options...)...)
	for part := range slices.Chunk(rows, 300) {
		if _, err := w.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return f
}

// The keys are those of the evidence, whatever files hold it.
func TestKeys(t *testing.T) {
	l := open(t, t.TempDir())
	deltas, _ := randomDeltas(seeded(t), 6)
	commit(t, l, deltas...)
	for _, day := range l.Days() {
		want, got := map[Key]bool{}, map[Key]bool{}
		for e, err := range l.Evidence(day) {
			if err != nil {
				t.Fatal(err)
			}
			want[e.Key] = true
		}
		for k, err := range l.Keys(day) {
			if err != nil {
				t.Fatal(err)
			}
			got[k] = true
		}
		if d := cmp.Diff(want, got, compareAddrs); d != "" || len(want) == 0 {
			t.Errorf("day %d: -want +got\n%s", day, d)
		}
	}
}
