package sum

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/ledger"
	"github.com/sgtrim/sgtrim/analyze/ledger/sum/sumtest"
	"github.com/sgtrim/sgtrim/ingest"
)

// benchBatches are a day of records of 40 interfaces: few peers with flags (few keys), or as many peers and ports as there
// are connections without flags (many keys).
func benchBatches(many bool) (all []arrow.Record) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 32 {
		var rows []sumtest.Record
		for range 4096 {
			own := rng.IntN(40)
			r := sumtest.Record{Interface: fmt.Sprintf("eni-%017d", own), Dst: netip.AddrFrom4([4]byte{10, 0, 0, byte(own)}), Src: netip.AddrFrom4([4]byte{10, 1, 0, byte(rng.IntN(200))}),
				SrcPort: 32768 + rng.IntN(28000), DstPort: 443, Proto: 6, Packets: 9, Bytes: 900, Start: worldDay*86400 + rng.Int64N(86000), Action: analyze.Accept, Flags: 3}
			r.End = r.Start + 55
			if many {
				r.Src, r.Flags, r.DstPort = netip.AddrFrom4([4]byte{10, byte(rng.IntN(256)), byte(rng.IntN(256)), byte(rng.IntN(256))}), -1, 1024+rng.IntN(60000)
			}
			back := r
			back.Src, back.Dst, back.SrcPort, back.DstPort = r.Dst, r.Src, r.DstPort, r.SrcPort
			if !many {
				back.Flags = 19
			}
			r.Direction, back.Direction = analyze.Ingress, analyze.Egress
			rows = append(rows, r, back)
		}
		all = append(all, sumtest.Batch(rows))
	}
	return all
}

func benchmark(b *testing.B, many bool) {
	batches := benchBatches(many)
	rows := 0
	for b.Loop() {
		l, err := ledger.Open(b.TempDir(), ledger.Options{})
		if err != nil {
			b.Fatal(err)
		}
		s := New(l)
		sink := s.Sink(0)
		for n, rec := range batches {
			if n%8 == 0 {
				_ = sink.Begin(ingest.Object{URL: fmt.Sprint("s3://b/", n)})
			}
			if err := sink.Observe(rec); err != nil {
				b.Fatal(err)
			}
			rows += int(rec.NumRows())
			if n%8 == 7 {
				if err := sink.Commit(); err != nil {
					b.Fatal(err)
				}
			}
		}
		if err := s.Checkpoint(context.Background()); err != nil {
			b.Fatal(err)
		}
		l.Close()
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds()/1e6, "Mrows/s")
	b.ReportAllocs()
}

func BenchmarkFewKeys(b *testing.B)  { benchmark(b, false) }
func BenchmarkManyKeys(b *testing.B) { benchmark(b, true) }
