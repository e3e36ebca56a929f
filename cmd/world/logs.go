package world

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
)

// Order is the order of the records within a file.
type Order int

const (
	Mixed    Order = iota // neighbours are drawn apart, by a reservoir of some thousand records
	AsMade                // the records of a connection side by side, as Records makes them
	Shuffled              // wholly random; holds the records of the open files in memory
)

// LogOptions say how the logs are delivered. The zero value is AWS's default: gzip text, one folder per day.
type LogOptions struct {
	Parquet bool   // .log.parquet instead of .log.gz
	Codec   string // text: gzip (""), none; Parquet: gzip (""), zstd, snappy
	// PlainNumbers writes Parquet's whole numbers one after another. Writers mostly use dictionaries for them as well:
	// parquet-java, parquet-cpp, arrow-rs and DuckDB do by default.
	PlainNumbers bool
	Level        int           // of gzip text; 0: the default
	Prefix       string        // before AWSLogs/, "" for none
	Hive         bool          // HiveCompatiblePartitions
	Hourly       bool          // PerHourPartition
	Slot         time.Duration // what one file holds: 5m as AWS does, up to 24h; 0: 1h
	Order        Order
	// LoseShare is the share of records that never arrive: delivery is best effort [F 1.3].
	LoseShare float64
}

func (o *LogOptions) check() error {
	slot := int64(o.Slot / time.Second)
	switch {
	case slot < 300 || slot > day || day%slot != 0 || slot < hour && hour%slot != 0 || slot > hour && slot%hour != 0:
		return fmt.Errorf("slot %s: want a divisor of the day from 5m to 24h, whole hours above 1h", o.Slot)
	case o.Hourly && slot > hour:
		return fmt.Errorf("slot %s: with hourly folders at most 1h", o.Slot)
	case o.Parquet && !slices.Contains([]string{"gzip", "zstd", "snappy"}, o.Codec):
		return fmt.Errorf("codec %q: Parquet has gzip, zstd, snappy", o.Codec)
	case !o.Parquet && !slices.Contains([]string{"gzip", "none"}, o.Codec):
		return fmt.Errorf("codec %q: text has gzip, none", o.Codec)
	}
	return nil
}

// Written counts what was written.
type Written struct {
	Files   int
	Records int64
	Lost    int64 // by LoseShare
	Bytes   int64 // of the files
}

// WriteLogs writes the window's logs below dir, in AWS's layout [F 3.1].
func (w *World) WriteLogs(dir string, o LogOptions) (Written, error) {
	return w.Window().WriteLogs(dir, o)
}

// WriteLogs writes the period's logs below dir. Memory does not grow with their number, except with Order
// Shuffled.
func (p Period) WriteLogs(dir string, o LogOptions) (Written, error) {
	if o.Codec == "" {
		o.Codec = "gzip"
	}
	if o.Slot == 0 {
		o.Slot = time.Hour
	}
	if err := o.check(); err != nil {
		return Written{}, fmt.Errorf("world: logs: %w", err)
	}
	lw := &logWriter{w: p.w, layout: p.w.layout(), o: o, dir: dir, slot: int64(o.Slot / time.Second), open: map[slotKey]logFile{}}
	e := &emitter{w: p.w, sink: lw.add}
	e.hourDone = func() {
		if (e.hour+hour)%lw.slot == 0 || lw.slot < hour {
			lw.closeAll()
		}
		e.stopped = lw.err != nil
	}
	p.play(e)
	lw.closeAll()
	return lw.Written, lw.err
}

// logFile takes the records of one object.
type logFile interface {
	add(*Record) error
	close() error
}

type slotKey struct {
	log  *FlowLog
	slot int64
}

// logWriter deals records to the files of their flow log and slot. The first error stops it.
type logWriter struct {
	Written
	w      *World
	layout layout
	o      LogOptions
	dir    string
	slot   int64
	open   map[slotKey]logFile
	last   slotKey // of the record before, and its file
	file   logFile
	seen   uint64
	idle   []*gzip.Writer // compressors of closed files, for the next ones
	err    error
}

func (lw *logWriter) add(r *Record) {
	if lw.err != nil {
		return
	}
	lw.seen++
	if lw.o.LoseShare > 0 {
		lost := rng(hash(lw.w.Seed, lw.seen))
		if lost.chance(lw.o.LoseShare) {
			lw.Lost++
			return
		}
	}
	k := slotKey{r.Log, r.End - r.End%lw.slot}
	if k != lw.last || lw.file == nil {
		lw.file, lw.last = lw.open[k], k
		if lw.file == nil {
			lw.file, lw.err = lw.create(k)
			if lw.err != nil {
				return
			}
			lw.open[k] = lw.file
		}
	}
	lw.Records++
	lw.err = lw.file.add(r)
}

func (lw *logWriter) create(k slotKey) (logFile, error) {
	name := filepath.Join(lw.dir, filepath.FromSlash(lw.key(k)))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return nil, err
	}
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	lw.Files++
	out := &counted{f: f, n: &lw.Bytes}
	var lf logFile
	if lw.o.Parquet {
		lf = newParquetFile(&lw.layout, out, &lw.o)
	} else {
		lf, err = lw.newTextFile(out)
	}
	return lw.ordered(lf, k), err
}

func (lw *logWriter) ordered(lf logFile, k slotKey) logFile {
	m := &mixed{logFile: lf, limit: reservoir, rng: rng(hash(lw.w.Seed, hashString(k.log.ID), uint64(k.slot)))}
	switch lw.o.Order {
	case AsMade:
		return lf
	case Shuffled:
		m.limit = math.MaxInt
	}
	return m
}

// key is the object's key below the bucket [F 3.1].
func (lw *logWriter) key(k slotKey) string {
	t, w := time.Unix(k.slot, 0).UTC(), lw.w
	folder := fmt.Sprintf("AWSLogs/%s/vpcflowlogs/%s/%s", w.Account, w.Region, t.Format("2006/01/02"))
	hourly := t.Format("/15")
	if lw.o.Hive {
		folder = fmt.Sprintf("AWSLogs/aws-account-id=%s/aws-service=vpcflowlogs/aws-region=%s/%s", w.Account, w.Region,
			t.Format("year=2006/month=01/day=02"))
		hourly = t.Format("/hour=15")
	}
	if lw.o.Hourly {
		folder += hourly
	}
	if lw.o.Prefix != "" {
		folder = strings.Trim(lw.o.Prefix, "/") + "/" + folder
	}
	ending := map[bool]string{false: ".log.gz", true: ".log.parquet"}[lw.o.Parquet]
	if !lw.o.Parquet && lw.o.Codec == "none" {
		ending = ".log"
	}
	return fmt.Sprintf("%s/%s_vpcflowlogs_%s_%s_%s_%08x%s", folder, w.Account, w.Region, k.log.ID, t.Format("20060102T1504Z"),
		uint32(hash(w.Seed, uint64(k.slot), hashString(k.log.ID))), ending)
}

// closeAll closes the open files in a fixed order.
func (lw *logWriter) closeAll() {
	keys := make([]slotKey, 0, len(lw.open))
	for k := range lw.open {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b slotKey) int {
		return cmp.Or(cmp.Compare(a.log.index, b.log.index), cmp.Compare(a.slot, b.slot))
	})
	for _, k := range keys {
		if err := lw.open[k].close(); err != nil && lw.err == nil {
			lw.err = err
		}
	}
	clear(lw.open)
	lw.file = nil
}

// counted counts the bytes of a file.
type counted struct {
	f *os.File
	n *int64
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.f.Write(b)
	*c.n += int64(n)
	return n, err
}

// textFile is lines with a header, compressed or not.
type textFile struct {
	lw   *logWriter
	out  *counted
	sink io.Writer
	gz   *gzip.Writer
	buf  []byte
}

// textChunk is how much text is gathered before it is written.
const textChunk = 64 << 10

func (lw *logWriter) newTextFile(out *counted) (logFile, error) {
	t := &textFile{lw: lw, out: out, sink: out, buf: make([]byte, 0, textChunk+4096)}
	if lw.o.Codec == "gzip" {
		if err := t.compress(); err != nil {
			return nil, err
		}
	}
	t.buf = (&Text{lw.layout}).Header(t.buf)
	return t, nil
}

// compress takes a compressor that another file is done with, or makes one.
func (t *textFile) compress() (err error) {
	if n := len(t.lw.idle); n > 0 {
		t.gz, t.lw.idle = t.lw.idle[n-1], t.lw.idle[:n-1]
		t.gz.Reset(t.out)
	} else {
		level := gzip.DefaultCompression
		if t.lw.o.Level != 0 {
			level = t.lw.o.Level
		}
		t.gz, err = gzip.NewWriterLevel(t.out, level)
	}
	t.sink = t.gz
	return err
}

func (t *textFile) add(r *Record) error {
	t.buf = t.lw.layout.appendText(t.buf, r)
	if len(t.buf) < textChunk {
		return nil
	}
	return t.flush()
}

func (t *textFile) flush() error {
	_, err := t.sink.Write(t.buf)
	t.buf = t.buf[:0]
	return err
}

func (t *textFile) close() error {
	err := t.flush()
	if t.gz != nil {
		err = cmp.Or(err, t.gz.Close())
		t.lw.idle = append(t.lw.idle, t.gz)
	}
	return cmp.Or(err, t.out.f.Close())
}
