package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkRerun is ingest over 100,000 objects that the ledger holds but for those of one day, and none of them.
func BenchmarkRerun(b *testing.B) {
	logs, dir := b.TempDir(), filepath.Join(b.TempDir(), "ledger")
	const days, perDay = 347, 288 // an object every 5 minutes: 99,936
	first := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	for n := range days {
		writeDay(b, logs, first.AddDate(0, 0, n), perDay)
	}
	ingest := func() { mustRun(b, "ingest", logs, "--ledger", dir, "--quiet") }
	ingest()
	b.Run("nothing new", func(b *testing.B) {
		for b.Loop() {
			ingest()
		}
	})
	next := days
	b.Run("one new day", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			writeDay(b, logs, first.AddDate(0, 0, next), perDay)
			next++
			b.StartTimer()
			ingest()
		}
	})
}

// writeDay writes the objects of a day, all with the same record.
func writeDay(b *testing.B, logs string, day time.Time, objects int) {
	folder := filepath.Join(logs, "AWSLogs/123456789012/vpcflowlogs/us-east-1", day.Format("2006/01/02"))
	if err := os.MkdirAll(folder, 0o755); err != nil {
		b.Fatal(err)
	}
	var text bytes.Buffer
	w := gzip.NewWriter(&text)
	at := day.Unix() + 3600
	fmt.Fprintf(w, "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status\n"+
		"2 123456789012 eni-0a 10.0.0.1 10.0.0.2 443 40000 6 5 400 %d %d ACCEPT OK\n", at, at+40)
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	source := ""
	for n := range objects {
		slot := day.Add(time.Duration(n) * 24 * time.Hour / time.Duration(objects))
		name := filepath.Join(folder, fmt.Sprintf("123456789012_vpcflowlogs_us-east-1_fl-0123456789abcdef0_%s_%08x.log.gz", slot.Format("20060102T1504Z"), n))
		var err error
		if source == "" {
			source, err = name, os.WriteFile(name, text.Bytes(), 0o644)
		} else {
			err = os.Link(source, name)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
