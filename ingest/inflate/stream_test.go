package inflate

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"testing/iotest"
)

func TestSources(t *testing.T) {
	text := flowLog(5, 600_000)
	file := compress(t, text, 6)
	broken := errors.New("connection lost")
	sources := []struct {
		name string
		src  io.Reader
		want error
		size int
	}{
		{"half reads", iotest.HalfReader(bytes.NewReader(file)), nil, len(text)},
		{"byte by byte", iotest.OneByteReader(bytes.NewReader(file)), nil, len(text)},
		{"end with the data", iotest.DataErrReader(bytes.NewReader(file)), nil, len(text)},
		{"broken at once", iotest.ErrReader(broken), broken, 0},
		{"broken at the end", io.MultiReader(bytes.NewReader(file), iotest.ErrReader(broken)), broken, len(text)},
		{"broken before the end", io.MultiReader(bytes.NewReader(file[:len(file)-3]), iotest.ErrReader(broken)), broken, len(text)},
		{"idle", idle{}, io.ErrNoProgress, 0},
	}
	r := NewReader(nil)
	for _, s := range sources {
		r.Reset(s.src)
		got, err := io.ReadAll(r)
		if err != s.want || !bytes.Equal(got, text[:s.size]) {
			t.Errorf("%s: got %d bytes, %v", s.name, len(got), err)
		}
	}
	if err := iotest.TestReader(NewReader(bytes.NewReader(file)), text); err != nil {
		t.Error(err)
	}
}

// idle never has anything to read.
type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

func TestNextAfterRead(t *testing.T) {
	text := flowLog(2, 400_000)
	r := NewReader(bytes.NewReader(compress(t, text, 6)))
	head := make([]byte, 100)
	if _, err := io.ReadFull(r, head); err != nil {
		t.Fatal(err)
	}
	for {
		p, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		head = append(head, p...)
	}
	if !bytes.Equal(head, text) {
		t.Error("Next must go on where Read stopped")
	}
}

// A piece begins with what was kept of the one before, also at the end and before an error, and has slack behind it.
func TestKeep(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	text := flowLog(2, 900_000)
	r := NewReader(nil)
	for round := range 60 {
		at := rng.IntN(len(text))
		file := slices.Concat(compress(t, text[:at], rng.IntN(12)-2), compress(t, text[at:], rng.IntN(12)-2))
		cut := len(file)
		if round%2 == 1 {
			cut = rng.IntN(len(file))
		}
		want, end := decode(NewReader(nil), bytes.NewReader(file[:cut]))

		r.Reset(bytes.NewReader(file[:cut]))
		taken, kept := 0, 0
		for {
			peeked, peekErr := r.Peek()
			p, err := r.Next()
			if err != peekErr || len(p) != len(peeked) || len(p) > 0 && &p[0] != &peeked[0] {
				t.Fatalf("round %d: at %d another piece was peeked at: %v, %v", round, taken, peekErr, err)
			}
			if err != nil {
				if kept != 0 || verdict(err) != end {
					t.Fatalf("round %d: ended with %d bytes kept and %v, want %s", round, kept, err, end)
				}
				break
			}
			if taken += len(p) - kept; taken > len(want) || !bytes.Equal(p, want[taken-len(p):taken]) {
				t.Fatalf("round %d: another piece before %d, where %d were kept", round, taken, kept)
			}
			if cap(p) < len(p)+Slack {
				t.Fatalf("round %d: a piece of %d has only %d bytes behind it", round, len(p), cap(p)-len(p))
			}
			if len(p) == kept { // no more than those
				kept = 0
				continue
			}
			if kept = min(rng.IntN(MaxKeep+1), len(p)); rng.IntN(4) == 0 {
				kept = min([]int{0, 1, MaxKeep}[rng.IntN(3)], len(p))
			}
			r.Keep(kept)
		}
		if taken != len(want) {
			t.Fatalf("round %d: got %d bytes, want %d", round, taken, len(want))
		}
	}
}

func TestResetForgets(t *testing.T) {
	text := flowLog(2, 1000)
	r := NewReader(nil)
	for _, file := range [][]byte{compress(t, text, 0), compress(t, text, 6), compress(t, text, 6)[:500], []byte("no gzip at all")} {
		r.Reset(bytes.NewReader(file))
		r.Read(make([]byte, 10)) // the rest is left, or the error
		if got, end := decode(r, bytes.NewReader(compress(t, []byte("other"), 6))); end != "sound" || string(got) != "other" {
			t.Errorf("after a Reset: got %q, %s", got, end)
		}
	}
}

func TestNoAllocations(t *testing.T) {
	file := slices.Concat(compress(t, flowLog(5, 1<<20), 6), compress(t, flowLog(2, 1000), 1), compress(t, []byte("x"), 0))
	src := bytes.NewReader(file)
	r := NewReader(src)
	allocs := testing.AllocsPerRun(10, func() {
		src.Reset(file)
		r.Reset(src)
		for {
			if _, err := r.Next(); err != nil {
				if err != io.EOF {
					t.Fatal(err)
				}
				return
			}
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations a stream", allocs)
	}
}

// A file that grows a thousandfold is decoded in the memory that the Reader has.
func TestBomb(t *testing.T) {
	const members, size = 64, 4 << 20
	file := bytes.Repeat(compress(t, make([]byte, size), 9), members)
	r := NewReader(bytes.NewReader(file))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	total := 0
	for {
		p, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		total += len(p)
	}
	runtime.ReadMemStats(&after)
	if total != members*size {
		t.Errorf("%d bytes", total)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<10 {
		t.Errorf("%d bytes allocated on the way", grown)
	}
}
