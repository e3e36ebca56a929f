package ingest_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/ingest"
)

const header = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status\n"

// memory is a source of objects in memory. Bodies may break or block.
type memory struct {
	objects []ingest.Object
	content map[string][]byte
	openErr map[string]error
	readErr map[string]error // after the content
	listErr error            // after the objects
	block   map[string]bool  // Read waits for the context, or for close
	opened  atomic.Int64
	closed  atomic.Int64
}

func newMemory() *memory {
	return &memory{content: map[string][]byte{}, openErr: map[string]error{}, readErr: map[string]error{}, block: map[string]bool{}}
}

func (m *memory) add(o ingest.Object, text string) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(text))
	w.Close()
	o.Size = int64(b.Len())
	m.objects = append(m.objects, o)
	m.content[o.URL] = b.Bytes()
}

func (m *memory) Objects(context.Context) iter.Seq2[ingest.Object, error] {
	return func(yield func(ingest.Object, error) bool) {
		for _, o := range m.objects {
			if !yield(o, nil) {
				return
			}
		}
		if m.listErr != nil {
			yield(ingest.Object{}, m.listErr)
		}
	}
}

func (m *memory) Open(ctx context.Context, o ingest.Object) (io.ReadCloser, error) {
	if err := m.openErr[o.URL]; err != nil {
		return nil, err
	}
	m.opened.Add(1)
	return &memoryBody{m: m, ctx: ctx, r: bytes.NewReader(m.content[o.URL]), url: o.URL}, nil
}

type memoryBody struct {
	m   *memory
	ctx context.Context
	r   io.Reader
	url string
}

func (b *memoryBody) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err == io.EOF && b.m.block[b.url] {
		<-b.ctx.Done()
		return 0, b.ctx.Err()
	}
	if err == io.EOF && b.m.readErr[b.url] != nil {
		err = b.m.readErr[b.url]
	}
	return n, err
}

func (b *memoryBody) Close() error {
	b.m.closed.Add(1)
	return nil
}

// at is an object of a five-minute slot.
func at(name string, day, slot int) ingest.Object {
	t := time.Date(2024, 3, day, 0, 0, 0, 0, time.UTC).Add(time.Duration(slot) * 5 * time.Minute)
	return ingest.Object{URL: fmt.Sprintf("%s-%02d-%03d", name, day, slot), Slot: t, FlowLog: "fl-1"}
}

// logOf is a log of n records in which nothing but the addresses and ends changes.
func logOf(r *rand.Rand, n int) string {
	var b strings.Builder
	b.WriteString(header)
	for range n {
		status, action := "OK", "ACCEPT"
		src := fmt.Sprintf("10.0.%d.%d", r.IntN(256), r.IntN(256))
		if r.IntN(50) == 0 {
			status, action, src = []string{"NODATA", "SKIPDATA"}[r.IntN(2)], "-", "-"
		}
		end := 1_700_000_000 + r.IntN(86400)
		fmt.Fprintf(&b, "2 123456789012 eni-%d %s 10.1.0.1 %d 443 6 1 40 %d %d %s %s\n", r.IntN(9), src, r.IntN(65536), end-60, end, action, status)
	}
	return b.String()
}

// noLeak fails the test if it leaves goroutines behind.
func noLeak(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		deadline := time.Now().Add(5 * time.Second)
		for runtime.NumGoroutine() > before && time.Now().Before(deadline) {
			runtime.Gosched()
		}
		if n := runtime.NumGoroutine(); n > before {
			stack := make([]byte, 1<<20)
			t.Errorf("%d goroutines are left, %d were there before:\n%s", n, before, stack[:runtime.Stack(stack, true)])
		}
	})
}

func scanMemory(t *testing.T, ctx context.Context, m *memory, opt ingest.Options) (ingest.Stats, *total, error) {
	t.Helper()
	all := newTotal()
	if opt.NewSink == nil {
		opt.NewSink = all.sink
	}
	stats, err := ingest.Scan(ctx, m, opt)
	if len(all.breaches) > 0 {
		t.Errorf("the sink's contract was broken: %v", all.breaches)
	}
	if c := stats.Counts; c.Records != c.OK+c.NoData+c.SkipData+c.Outside+c.Bad {
		t.Errorf("the counts do not add up: %+v", c)
	}
	if o, c := m.opened.Load(), m.closed.Load(); o != c {
		t.Errorf("%d bodies opened, %d closed", o, c)
	}
	if all.largest > 16384 {
		t.Errorf("a batch of %d rows", all.largest)
	}
	return stats, all, err
}

// Any number of workers gives the same rows and figures, in any order of objects.
func TestScanIsDeterministic(t *testing.T) {
	noLeak(t)
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	m := newMemory()
	for i := range 40 {
		text := logOf(r, r.IntN(1500))
		if i%5 == 0 {
			text += "bad line\nanother\n"
		}
		m.add(at("o", 1+i/10, i%10), text)
	}
	m.objects = append(m.objects, ingest.Object{URL: "none", Size: 5})
	m.content["none"] = []byte("hello")
	opt := ingest.Options{SkipBad: true, Since: time.Unix(1_700_010_000, 0), Until: time.Unix(1_700_070_000, 0)}
	opt.Workers = 1
	want, wantAll, err := scanMemory(t, t.Context(), m, opt)
	if err != nil {
		t.Fatal(err)
	}
	if want.Objects != 40 || want.Bad != 16 || want.Outside == 0 || want.OK == 0 || want.NoData == 0 || want.SkipData == 0 || len(want.Errors) != 16 {
		t.Errorf("seed %d: got %+v", seed, want)
	}
	if d := cmp.Diff([]string{"none: not a VPC flow log"}, want.NotFlowLogs); d != "" {
		t.Error(d)
	}
	for _, workers := range []int{2, 3, 8} {
		opt.Workers = workers
		r.Shuffle(len(m.objects), func(i, j int) { m.objects[i], m.objects[j] = m.objects[j], m.objects[i] })
		got, all, err := scanMemory(t, t.Context(), m, opt)
		if err != nil {
			t.Fatal(err)
		}
		messages := func(s ingest.Stats) (out []string) {
			for _, e := range s.Errors {
				out = append(out, e.Error())
			}
			return out
		}
		if d := cmp.Diff(messages(want), messages(got)); d != "" {
			t.Errorf("seed %d, %d workers: errors -1 worker +more\n%s", seed, workers, d)
		}
		if want.Counts != got.Counts || want.Bytes != got.Bytes || want.Objects != got.Objects {
			t.Errorf("seed %d, %d workers: got %+v, want %+v", seed, workers, got, want)
		}
		slices.Sort(all.skips)
		slices.Sort(wantAll.skips)
		if d := cmp.Diff(wantAll.rows, all.rows); d != "" || !slices.Equal(all.skips, wantAll.skips) {
			t.Errorf("seed %d, %d workers: rows -1 worker +more\n%s", seed, workers, d)
		}
	}
}

// Groups are days, objects without slot come last, and no worker is busy at a checkpoint.
func TestScanGroups(t *testing.T) {
	noLeak(t)
	r := rand.New(rand.NewPCG(1, 1))
	m := newMemory()
	for i := range 30 {
		m.add(at("o", 1+i/10, i%10), logOf(r, 100))
		if i%7 == 0 {
			m.add(ingest.Object{URL: fmt.Sprint("x-", i)}, logOf(r, 100))
		}
	}
	var mu sync.Mutex
	var log []string
	opt := ingest.Options{Workers: 4}
	all := newTotal()
	opt.NewSink = func(i int) ingest.Sink { return loggingSink{all.sink(i), &mu, &log} }
	opt.Checkpoint = func(context.Context) error {
		mu.Lock()
		defer mu.Unlock()
		log = append(log, "checkpoint")
		return nil
	}
	progress := new(ingest.Progress)
	opt.Progress = progress
	stats, _, err := scanMemory(t, t.Context(), m, opt)
	if err != nil {
		t.Fatal(err)
	}
	var groups []string
	group := map[string]bool{}
	for _, l := range log {
		if l != "checkpoint" {
			group[l] = true
			continue
		}
		var names []string
		for n := range group {
			names = append(names, n)
		}
		slices.Sort(names)
		groups = append(groups, strings.Join(names, " "))
		clear(group)
	}
	if d := cmp.Diff([]string{"begin o-01 end o-01", "begin o-02 end o-02", "begin o-03 end o-03", "begin x end x"}, groups); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	if progress.ObjectsDone.Load() != 35 || progress.ObjectsListed.Load() != 35 || progress.Rows.Load() != stats.Records ||
		progress.BytesRead.Load() != stats.Bytes || progress.BytesListed.Load() != stats.Bytes || !progress.ListingDone.Load() {
		t.Errorf("progress does not fit %+v", stats)
	}
}

type loggingSink struct {
	ingest.Sink
	mu  *sync.Mutex
	log *[]string
}

func (s loggingSink) note(what, url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*s.log = append(*s.log, what+url)
}

func (s loggingSink) Begin(o ingest.Object) error {
	group, _, _ := strings.Cut(o.URL, "-")
	if group == "o" {
		group = o.URL[:len("o-01")]
	}
	s.note("begin ", group)
	defer s.note("end ", group)
	return s.Sink.Begin(o)
}

// One failure stops all: nothing is left running or open, and the cause is returned.
func TestScanStopsAtFirstError(t *testing.T) {
	errFault := errors.New("fault")
	r := rand.New(rand.NewPCG(2, 1))
	text := logOf(r, 200)
	base := func() *memory {
		m := newMemory()
		for i := range 60 {
			m.add(at("o", 1, i), text)
		}
		return m
	}
	bad := "o-01-030"
	for name, c := range map[string]struct {
		spoil func(m *memory, all *total, opt *ingest.Options)
		want  string
	}{
		"open":      {func(m *memory, _ *total, _ *ingest.Options) { m.openErr[bad] = errFault }, "fault"},
		"read":      {func(m *memory, _ *total, _ *ingest.Options) { m.readErr[bad] = errFault }, "fault"},
		"list":      {func(m *memory, _ *total, _ *ingest.Options) { m.listErr = errFault }, "fault"},
		"bad line":  {func(m *memory, _ *total, _ *ingest.Options) { m.content[bad] = []byte(header + "rubbish\n") }, bad + ":2: 1 fields, want 14"},
		"bad gzip":  {func(m *memory, _ *total, _ *ingest.Options) { m.content[bad] = m.content[bad][:1000] }, bad + ":"},
		"no format": {func(m *memory, _ *total, _ *ingest.Options) { m.content[bad] = []byte("rubbish\n") }, bad + ": not a VPC flow log"},
		"observe": {func(_ *memory, all *total, _ *ingest.Options) {
			all.onRecord = func(arrow.Record) error { return errFault }
		}, "fault"},
		"begin": {func(_ *memory, all *total, _ *ingest.Options) {
			all.onBegin = func(ingest.Object) error { return errFault }
		}, "fault"},
		"checkpoint": {func(_ *memory, _ *total, opt *ingest.Options) {
			opt.Checkpoint = func(context.Context) error { return errFault }
		}, "fault"},
		"skip": {func(_ *memory, _ *total, opt *ingest.Options) {
			opt.Skip = func(ingest.Object) (bool, error) { return false, errFault }
		}, "fault"},
	} {
		t.Run(name, func(t *testing.T) {
			noLeak(t)
			m, all := base(), newTotal()
			for i := 40; i < 60; i++ {
				m.block[fmt.Sprintf("o-01-%03d", i)] = name != "list" && name != "checkpoint" // they end only by the cancellation
			}
			opt := ingest.Options{Workers: 3, NewSink: all.sink}
			c.spoil(m, all, &opt)
			_, _, err := scanMemory(t, t.Context(), m, opt)
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got error %v, want %s", err, c.want)
			}
			if len(all.breaches) > 0 || all.objects[bad] > 0 && strings.HasPrefix(c.want, bad) {
				t.Errorf("the bad object was taken, or: %v", all.breaches)
			}
		})
	}
}

func TestScanCancelled(t *testing.T) {
	noLeak(t)
	m := newMemory()
	r := rand.New(rand.NewPCG(3, 1))
	for i := range 20 {
		m.add(at("o", 1, i), logOf(r, 500))
		m.block[m.objects[i].URL] = i > 3
	}
	ctx, cancel := context.WithCancel(t.Context())
	all := newTotal()
	all.onRecord = func(arrow.Record) error { cancel(); return nil }
	_, _, err := scanMemory(t, ctx, m, ingest.Options{Workers: 2, NewSink: all.sink})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v", err)
	}
}

// With SkipBad, an object that cannot be read whole is not taken at all, and every record seen of it is counted as bad.
func TestScanSkipsUnreadableObjects(t *testing.T) {
	noLeak(t)
	r := rand.New(rand.NewPCG(4, 1))
	m := newMemory()
	for i := range 6 {
		m.add(at("o", 1, i), logOf(r, 10_000))
	}
	m.content["o-01-002"] = m.content["o-01-002"][:len(m.content["o-01-002"])-5]
	m.content["o-01-003"] = []byte("garbage where a flow log should be\n")
	m.content["o-01-004"] = []byte("version srcaddr dstaddr\n2 1.1.1.1 2.2.2.2\n2 1.1.1.1 2.2.2.2\n")
	stats, all, err := scanMemory(t, t.Context(), m, ingest.Options{Workers: 2, SkipBad: true})
	if err != nil {
		t.Fatal(err)
	}
	want := ingest.Stats{Objects: 3, BadObjects: 3}
	if stats.Objects != want.Objects || stats.BadObjects != want.BadObjects || len(all.objects) != 3 || all.aborts != 1 {
		t.Errorf("got %+v, aborted %d", stats, all.aborts)
	}
	if stats.OK+stats.NoData+stats.SkipData != 30_000 || stats.Bad != 10_002 {
		t.Errorf("got %+v", stats.Counts)
	}
	var got []string
	for _, e := range stats.Errors {
		got = append(got, fmt.Sprintf("%d %s", e.Line, e))
	}
	messages := []string{
		"o-01-002: line 10001: gzip: unexpected EOF", "o-01-003: not a VPC flow log",
		"o-01-004: line 1: the format lacks required fields: interface-id, srcport, dstport, protocol, action, start, end",
	}
	slices.Sort(all.skips)
	if d := cmp.Diff(messages, all.skips); d != "" {
		t.Errorf("skips: -want +got\n%s", d)
	}
	for i := range messages {
		messages[i] = "0 " + messages[i]
	}
	if d := cmp.Diff(messages, got); d != "" {
		t.Errorf("errors: -want +got\n%s", d)
	}
}

// What the user named himself must be a flow log, SkipBad or not; what lay in a folder is listed.
func TestScanNotFlowLogs(t *testing.T) {
	for _, named := range []bool{false, true} {
		for name, c := range map[string]struct{ text, want string }{
			"text": {"hello world\n", "not a VPC flow log"},
			"tgw":  {"version tgw-id srcaddr\n", ingest.ErrTransitGateway.Error()},
		} {
			m := newMemory()
			m.add(ingest.Object{URL: name, Named: named}, c.text)
			stats, _, err := scanMemory(t, t.Context(), m, ingest.Options{SkipBad: true})
			switch {
			case named && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("%s, named: got %v", name, err)
			case !named && (err != nil || !slices.Equal(stats.NotFlowLogs, []string{name + ": " + c.want})):
				t.Errorf("%s: got %v, %v", name, stats.NotFlowLogs, err)
			}
		}
	}
}

func TestScanSkipsWhatIsTaken(t *testing.T) {
	m := newMemory()
	r := rand.New(rand.NewPCG(5, 1))
	for i := range 10 {
		m.add(at("o", 1, i), logOf(r, 10))
	}
	stats, all, err := scanMemory(t, t.Context(), m, ingest.Options{Skip: func(o ingest.Object) (bool, error) { return o.Slot.Minute() == 0, nil }})
	if err != nil || stats.Skipped != 1 || stats.Objects != 9 || all.objects["o-01-000"] != 0 || m.opened.Load() != 9 {
		t.Errorf("got %+v, %v", stats, err)
	}
}

// A batch's memory is used again: who keeps a batch must copy it.
func TestBatchesAreReused(t *testing.T) {
	m := newMemory()
	r := rand.New(rand.NewPCG(6, 1))
	m.add(at("o", 1, 1), logOf(r, 20_000))
	var kept arrow.Record
	var then string
	ports := func() string { return kept.Column(ingest.ColSrcPort).String() } // an index may lie beyond the dictionary by then
	all := newTotal()
	all.onRecord = func(rec arrow.Record) error {
		if kept == nil {
			rec.Retain()
			kept = rec
			then = ports()
		}
		return nil
	}
	if _, _, err := scanMemory(t, t.Context(), m, ingest.Options{Workers: 1, NewSink: all.sink}); err != nil {
		t.Fatal(err)
	}
	if ports() == then {
		t.Error("the first batch still holds its rows: the test of reuse tests nothing")
	}
	kept.Release()
}

// Errors are the first hundred by object and line, whatever came first.
func TestScanKeepsFirstErrors(t *testing.T) {
	m := newMemory()
	for i := range 20 {
		m.add(at("o", 1, 19-i), header+strings.Repeat("bad\n", 30))
	}
	stats, _, err := scanMemory(t, t.Context(), m, ingest.Options{SkipBad: true, Workers: 4})
	if err != nil || stats.Bad != 600 || len(stats.Errors) != 100 {
		t.Fatalf("got %d bad, %d errors, %v", stats.Bad, len(stats.Errors), err)
	}
	for i, e := range stats.Errors {
		if want := fmt.Sprintf("o-01-%03d:%d: 1 fields, want 14", i/30, i%30+2); e.Error() != want {
			t.Fatalf("error %d: got %s, want %s", i, e, want)
		}
	}
}
