package ledger

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"net/netip"
	"os"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/sgtrim/sgtrim/analyze"
)

// The columns of the ledger's files; docs/ledger.md explains them. Words and addresses are text, so that any tool reads
// them; dictionaries keep them small.
type evidenceRow struct {
	Day       int32  `parquet:"day,date"`
	Account   string `parquet:"account_id,dict"`
	Region    string `parquet:"region,dict"`
	Source    string `parquet:"source,dict"`
	Interface string `parquet:"interface_id,dict"`
	A         string `parquet:"a,dict"`
	B         string `parquet:"b,dict"`
	Proto     int32  `parquet:"protocol"`
	PortA     int32  `parquet:"port_a"`
	PortB     int32  `parquet:"port_b"`
	Action    string `parquet:"action,dict"`
	Side      string `parquet:"side,dict"`
	Client    string `parquet:"client,dict"`
	Reason    string `parquet:"reason,dict"`
	Strength  string `parquet:"strength,dict"`
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

type coverageRow struct {
	Day       int32  `parquet:"day,date"`
	Account   string `parquet:"account_id,dict"`
	Region    string `parquet:"region,dict"`
	Source    string `parquet:"source,dict"`
	Interface string `parquet:"interface_id,dict"`
	Covered   int32  `parquet:"covered"`
	Gaps      int32  `parquet:"gaps"`
	Accepts   int64  `parquet:"accepts"`
	Rejects   int64  `parquet:"rejects"`
	NoData    int64  `parquet:"nodata"`
	SkipData  int64  `parquet:"skipdata"`
}

type attributesRow struct {
	Interface string `parquet:"interface_id"`
	Account   string `parquet:"account_id,dict"`
	VPC       string `parquet:"vpc_id,dict"`
	Subnet    string `parquet:"subnet_id,dict"`
	Region    string `parquet:"region,dict"`
}

type objectRow struct {
	ID   string `parquet:"object"`
	ETag string `parquet:"etag"`
	Size int64  `parquet:"size"`
}

// Everything below is part of the promise "same content, same bytes": change any of it only with SchemaVersion.
const (
	rowGroupRows   = 1 << 17
	pageBytes      = 256 << 10
	dictionaryMost = 4 << 20 // bytes of a dictionary, beyond which a column goes on without one
)

func writerOptions() []parquet.WriterOption {
	return []parquet.WriterOption{
		parquet.CreatedBy("sgtrim", "ledger-1", "0"),
		parquet.Compression(&zstd.Codec{Level: zstd.SpeedFastest, Concurrency: 1}),
		parquet.MaxRowsPerRowGroup(rowGroupRows),
		parquet.PageBufferSize(pageBytes),
		parquet.DictionaryMaxBytes(dictionaryMost),
	}
}

const batchRows = 1024 // rows encoded or decoded at a time

// writeRows encodes rows to w and returns their number.
func writeRows[R any](w io.Writer, rows iter.Seq2[R, error]) (n int64, err error) {
	pw := parquet.NewGenericWriter[R](w, writerOptions()...)
	batch := make([]R, 0, batchRows)
	flush := func() error {
		_, err := pw.Write(batch)
		n += int64(len(batch))
		batch = batch[:0]
		return err
	}
	for r, err := range rows {
		if err != nil {
			return n, err
		}
		if batch = append(batch, r); len(batch) == batchRows {
			if err := flush(); err != nil {
				return n, err
			}
		}
	}
	if err := flush(); err != nil {
		return n, err
	}
	return n, pw.Close()
}

// readRows yields the rows of a file. The rows' strings are valid after the next step.
func readRows[R any](path string, want int64) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		var zero R
		f, err := os.Open(path)
		if err != nil {
			yield(zero, err)
			return
		}
		defer f.Close()
		err = eachRow(f, want, func(r R) bool { return yield(r, nil) })
		if err != nil {
			yield(zero, fmt.Errorf("%s: %w", path, err))
		}
	}
}

func eachRow[R any](f *os.File, want int64, yield func(R) bool) (err error) {
	// The decoder panics on some corrupt files; a damaged ledger is an error like any other.
	inYield := false
	defer func() {
		if p := recover(); p != nil {
			if inYield {
				panic(p)
			}
			err = fmt.Errorf("corrupt Parquet file: %v", p)
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	pf, err := parquet.OpenFile(f, info.Size(), parquet.SkipBloomFilters(true), parquet.SkipPageIndex(true), parquet.ReadBufferSize(64<<10))
	if err != nil {
		return err
	}
	if pf.NumRows() != want {
		return fmt.Errorf("%d rows where the manifest says %d", pf.NumRows(), want)
	}
	pr := parquet.NewGenericReader[R](pf)
	defer pr.Close()
	batch := make([]R, batchRows)
	for {
		n, err := pr.Read(batch)
		inYield = true
		for _, r := range batch[:n] {
			if !yield(r) {
				return nil
			}
		}
		inYield = false
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

var (
	sideWords   = [...]string{SideOpen: "open", SideA: "a"}
	clientWords = [...]string{ClientOpen: "open", ClientA: "a", ClientB: "b"}
)

// rowWriter turns evidence of one partition into rows. It keeps the text of addresses, which repeat much.
type rowWriter struct {
	Partition
	addrs map[netip.Addr]string
}

func (w *rowWriter) addr(a netip.Addr) string {
	s, ok := w.addrs[a]
	if !ok {
		if len(w.addrs) >= addrCacheMost {
			clear(w.addrs)
		}
		s = a.String()
		w.addrs[a] = s
	}
	return s
}

const addrCacheMost = 1 << 16

func (w *rowWriter) row(e *Evidence) evidenceRow {
	return evidenceRow{
		Day: e.Day, Account: w.Account, Region: w.Region, Source: e.Source, Interface: e.Interface,
		A: w.addr(e.A), B: w.addr(e.B), Proto: int32(e.Proto), PortA: int32(e.PortA), PortB: int32(e.PortB),
		Action: e.Action.String(), Side: sideWords[e.Side], Client: clientWords[e.Client],
		Reason: e.Reason.String(), Strength: e.Strength.String(),
		ABFlows: e.AB.Flows, ABPackets: e.AB.Packets, ABBytes: e.AB.Bytes, ABFlags: int32(e.AB.Flags), ABFlagged: e.AB.Flagged, ABOpens: e.AB.Opens,
		BAFlows: e.BA.Flows, BAPackets: e.BA.Packets, BABytes: e.BA.Bytes, BAFlags: int32(e.BA.Flags), BAFlagged: e.BA.Flagged, BAOpens: e.BA.Opens,
		First: e.First, Last: e.Last, Hours: int32(e.Hours), Sessions: e.Sessions,
	}
}

// rowReader turns rows back into evidence. Repeated texts become one string and one address.
type rowReader struct {
	addrs map[string]netip.Addr
	texts map[string]string
}

func newRowReader() *rowReader {
	return &rowReader{addrs: map[string]netip.Addr{}, texts: map[string]string{}}
}

func (r *rowReader) addr(s string) (netip.Addr, error) {
	if a, ok := r.addrs[s]; ok {
		return a, nil
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return a, err
	}
	if len(r.addrs) >= addrCacheMost {
		clear(r.addrs)
	}
	r.addrs[strings.Clone(s)] = a
	return a, nil
}

func (r *rowReader) text(s string) string {
	t, ok := r.texts[s]
	if !ok {
		t = strings.Clone(s)
		r.texts[t] = t
	}
	return t
}

// word finds s among the words of an enumeration.
func word[E ~uint8](s string, n E, text func(E) string) (E, error) {
	for e := E(0); e < n; e++ {
		if text(e) == s {
			return e, nil
		}
	}
	return 0, fmt.Errorf("word %q is unknown", s)
}

func (r *rowReader) evidence(w *evidenceRow) (e Evidence, err error) {
	field := func(name string, cause error) {
		if cause != nil && err == nil {
			err = fmt.Errorf("column %s: %w", name, cause)
		}
	}
	small := func(name string, v int32, most int32) {
		if v < 0 || v > most {
			field(name, fmt.Errorf("%d is out of range", v))
		}
	}
	var cause error
	e.Day, e.Source, e.Interface = w.Day, r.text(w.Source), r.text(w.Interface)
	e.A, cause = r.addr(w.A)
	field("a", cause)
	e.B, cause = r.addr(w.B)
	field("b", cause)
	small("protocol", w.Proto, 255)
	small("port_a", w.PortA, 65535)
	small("port_b", w.PortB, 65535)
	small("ab_flags", w.ABFlags, 255)
	small("ba_flags", w.BAFlags, 255)
	small("hours", w.Hours, 1<<24-1)
	e.Proto, e.PortA, e.PortB = uint8(w.Proto), uint16(w.PortA), uint16(w.PortB)
	e.Action, cause = word(w.Action, analyze.Reject+1, analyze.Action.String)
	field("action", cause)
	e.Side, cause = word(w.Side, SideA+1, func(s Side) string { return sideWords[s] })
	field("side", cause)
	e.Client, cause = word(w.Client, ClientB+1, func(c Client) string { return clientWords[c] })
	field("client", cause)
	e.Reason, cause = word(w.Reason, analyze.NumReasons, analyze.Reason.String)
	field("reason", cause)
	e.Strength, cause = word(w.Strength, analyze.NumStrengths, analyze.Strength.String)
	field("strength", cause)
	e.AB = Sums{w.ABFlows, w.ABPackets, w.ABBytes, uint8(w.ABFlags), w.ABFlagged, w.ABOpens}
	e.BA = Sums{w.BAFlows, w.BAPackets, w.BABytes, uint8(w.BAFlags), w.BAFlagged, w.BAOpens}
	for _, n := range []int64{w.ABFlows, w.ABPackets, w.ABBytes, w.BAFlows, w.BAPackets, w.BABytes, w.Sessions} {
		if n < 0 {
			field("counters", errors.New("negative"))
		}
	}
	e.First, e.Last, e.Hours, e.Sessions = w.First, w.Last, uint32(w.Hours), w.Sessions
	return e, err
}
