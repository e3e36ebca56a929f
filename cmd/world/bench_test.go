package world

import "testing"

func BenchmarkRecords(b *testing.B) {
	w := mustNew(b, Bench(300_000, false))
	n := 0
	for b.Loop() {
		for range w.Records() {
			n++
		}
	}
	report(b, n)
}

func BenchmarkLogs(b *testing.B) {
	for _, c := range []struct {
		name     string
		manyKeys bool
		format   Format
		o        LogOptions
	}{
		{"v2/plain", false, V2, LogOptions{Codec: "none"}},
		{"v5/plain", false, V5, LogOptions{Codec: "none"}},
		{"v5/plain/many-keys", true, V5, LogOptions{Codec: "none"}},
		{"v2/gzip", false, V2, LogOptions{}},
		{"v5/gzip", false, V5, LogOptions{}},
		{"v5/parquet-zstd", false, V5, LogOptions{Parquet: true, Codec: "zstd"}},
	} {
		b.Run(c.name, func(b *testing.B) {
			o := Bench(300_000, c.manyKeys)
			o.Format = c.format
			w := mustNew(b, o)
			n := 0
			for b.Loop() {
				written, err := w.WriteLogs(b.TempDir(), c.o)
				if err != nil {
					b.Fatal(err)
				}
				n += int(written.Records)
			}
			report(b, n)
		})
	}
}

func report(b *testing.B, records int) {
	b.ReportAllocs()
	b.ReportMetric(float64(records)/b.Elapsed().Seconds()/1e6, "Mrec/s")
}
