package inflate

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestDistanceBeforeTheBeginning(t *testing.T) {
	r := NewReader(nil)
	lit, dist := fixedCodes()
	for _, have := range []int{0, 1, 2, 100, historySize - 1} {
		for _, back := range []int{have, have + 1} {
			if back == 0 {
				continue
			}
			for _, tail := range []int{0, 100} { // decoded with care, and fast
				var w bitWriter
				w.out = compress(t, []byte("the history of another member is out of reach"), 6)
				w.header()
				w.stored(make([]byte, have), false)
				w.blockStart(true, 1)
				w.match(lit, dist, 3, back)
				for range tail {
					w.symbol(lit, 'x')
				}
				w.symbol(lit, endOfBlock)
				w.trailer(append(make([]byte, have+3), strings.Repeat("x", tail)...))
				agree(t, r, w.out)
				if _, end := decode(r, bytes.NewReader(w.out)); (end == "sound") != (back <= have) {
					t.Errorf("%d back with %d bytes there: %s", back, have, end)
				}
			}
		}
	}
}

// The same when the member began in the window before it slid.
func TestDistanceBeforeTheBeginningOfAnEarlierWindow(t *testing.T) {
	r := NewReader(nil)
	lit, dist := fixedCodes()
	first := compress(t, flowLog(5, windowFull-20_000)[:windowFull-20_000], 6)
	have := texts(21_000)["random"]
	for _, back := range []int{len(have) - 1, len(have), len(have) + 1, len(have) + 2, historySize} {
		for _, tail := range []int{0, 100} {
			var w bitWriter
			w.out = bytes.Clone(first)
			w.header()
			w.stored(have, false)
			w.blockStart(true, 1)
			w.match(lit, dist, 3, back)
			for range tail {
				w.symbol(lit, 'x')
			}
			w.symbol(lit, endOfBlock)
			at := len(have) - back
			text := bytes.Clone(have)
			if at >= 0 {
				text = append(text, slices.Concat(have, have)[at:at+3]...)
			}
			w.trailer(append(text, strings.Repeat("x", tail)...))
			agree(t, r, w.out)
			if _, end := decode(r, bytes.NewReader(w.out)); (end == "sound") != (at >= 0) {
				t.Errorf("%d back with %d bytes there: %s", back, len(have), end)
			}
		}
	}
}

// smallFiles have every kind of block and every header field.
func smallFiles(t *testing.T) map[string][]byte {
	text := flowLog(2, 1500)
	files := map[string][]byte{"empty": {}, "two members": slices.Concat(compress(t, text, 6), compress(t, text[:30], 6))}
	for _, level := range []int{gzip.HuffmanOnly, 0, 1, 9} {
		files[fmt.Sprint("level ", level)] = compress(t, text, level)
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Extra, z.Name, z.Comment, z.ModTime = []byte("extra"), "näme", "comment", time.Unix(1e9, 0)
	z.Write([]byte("header"))
	z.Close()
	files["header"] = b.Bytes()

	lit, dist := fixedCodes()
	var w bitWriter
	w.header()
	w.stored([]byte("some"), false)
	w.stored(nil, false)
	w.blockStart(false, 1)
	w.match(lit, dist, 258, 3)
	w.symbol(lit, 'f')
	w.symbol(lit, endOfBlock)
	w.dynamicHeader(true, degenerate(286, 'a', 1, endOfBlock, 2, 258, 3, 285, 3), degenerate(30, 2, 1))
	l := newCode(degenerate(286, 'a', 1, endOfBlock, 2, 258, 3, 285, 3))
	d := newCode(degenerate(30, 2, 1))
	w.match(l, d, 4, 3)
	w.symbol(l, 'a')
	w.match(l, d, 258, 3)
	w.symbol(l, endOfBlock)
	w.finish()
	files["made"] = w.out
	return files
}

// degenerate makes n code lengths, all 0 but for pairs of symbol and length.
func degenerate(n int, pairs ...int) []int {
	lens := make([]int, n)
	for i := 0; i < len(pairs); i += 2 {
		lens[pairs[i]] = pairs[i+1]
	}
	return lens
}

func TestTruncationAndGarbage(t *testing.T) {
	r := NewReader(nil)
	for name, file := range smallFiles(t) {
		if _, end := decode(r, bytes.NewReader(file)); end != "sound" {
			t.Fatalf("%s: %s", name, end)
		}
		for n := range file {
			agree(t, r, file[:n])
		}
		for _, tail := range []string{"\x00", "\x1f\x8b", "garbage", "more garbage", strings.Repeat("\x00", 512)} {
			agree(t, r, slices.Concat(file, []byte(tail)))
		}
	}
}

func TestBitFlips(t *testing.T) {
	r := NewReader(nil)
	for _, file := range smallFiles(t) {
		for bit := range len(file) * 8 {
			file[bit/8] ^= 1 << (bit % 8)
			agree(t, r, file)
			file[bit/8] ^= 1 << (bit % 8)
		}
	}
	file := compress(t, flowLog(5, 1<<19), 6)
	rng := rand.New(rand.NewPCG(3, 3))
	for range 100 {
		bit := rng.IntN(len(file) * 8)
		file[bit/8] ^= 1 << (bit % 8)
		agree(t, r, file)
		file[bit/8] ^= 1 << (bit % 8)
	}
}

// Codes that are no prefix codes, or hardly any. Each is tried alone and with enough behind it for the fast loop.
func TestDegenerateCodes(t *testing.T) {
	r := NewReader(nil)
	end := endOfBlock
	full := degenerate(286, 'a', 1, end, 2, 257, 2)
	cases := []struct {
		name      string
		lit, dist []int
		bits      []uint64 // one symbol's bits each, written as they are
		want      string
	}{
		{"one distance", full, degenerate(1, 0, 1), []uint64{0, 0b11, 0, 0b01}, "sound"},
		{"one distance, the other bit", full, degenerate(1, 0, 1), []uint64{0, 0b11, 1, 0b01}, "bad data"},
		{"no distance, none used", full, degenerate(1), []uint64{0, 0b01}, "sound"},
		{"no distance, one used", full, degenerate(1), []uint64{0, 0b11, 0, 0b01}, "bad data"},
		{"one distance of two bits", full, degenerate(1, 0, 2), []uint64{0, 0b01}, "bad data"},
		{"end alone", degenerate(257, end, 1), degenerate(1), []uint64{0}, "sound"},
		{"end alone, the other bit", degenerate(257, end, 1), degenerate(1), []uint64{1}, "bad data"},
		{"literal alone", degenerate(257, 'a', 1), degenerate(1), []uint64{0, 0, 1}, "bad data"},
		{"no literals", degenerate(257), degenerate(1), []uint64{0}, "bad data"},
		{"incomplete literals", degenerate(257, 'a', 2, end, 1), degenerate(1), []uint64{0}, "bad data"},
		{"over-subscribed literals", degenerate(257, 'a', 1, 'b', 1, end, 1), degenerate(1), []uint64{0}, "bad data"},
		{"over-subscribed by long codes", degenerate(257, 'a', 1, 'b', 1, end, 15), degenerate(1), []uint64{0}, "bad data"},
		{"incomplete distances", full, degenerate(3, 0, 2, 1, 2, 2, 2), []uint64{0}, "bad data"},
		{"over-subscribed distances", full, degenerate(3, 0, 1, 1, 1, 2, 1), []uint64{0}, "bad data"},
	}
	for _, c := range cases {
		width := func(i int) uint { // of the bits as they stand in the cases
			if c.bits[i] > 1 || i+1 == len(c.bits) && c.lit[end] == 2 {
				return 2
			}
			return 1
		}
		for _, tail := range []int{0, 1, 50} {
			var w bitWriter
			w.header()
			w.dynamicHeader(true, c.lit, c.dist)
			for i, b := range c.bits {
				w.bits(b, width(i))
			}
			w.finish()
			w.out = append(w.out, bytes.Repeat(compress(t, nil, 6), tail)...)
			agree(t, r, w.out)
			if _, got := decode(r, bytes.NewReader(w.out)); got != c.want {
				t.Errorf("%s: got %s, want %s", c.name, got, c.want)
			}
		}
	}
}

// The fixed codes have symbols that must not occur.
func TestReservedSymbols(t *testing.T) {
	r := NewReader(nil)
	lit, dist := fixedCodes()
	for _, tail := range []int{0, 100} {
		for s := 280; s < fixedLitCodes; s++ {
			for d := 26; d < fixedDistCodes; d++ {
				var w bitWriter
				w.header()
				w.stored(make([]byte, historySize), false)
				w.blockStart(true, 1)
				w.symbol(lit, s)
				w.bits(0, uint(litSymbols[s]&consumeMask))
				w.symbol(dist, d)
				w.bits(0, 13)
				for range tail {
					w.symbol(lit, 'x')
				}
				w.symbol(lit, endOfBlock)
				w.finish()
				agree(t, r, w.out)
				if _, end := decode(r, bytes.NewReader(w.out)); s < 285 && (end == "bad data") != (d >= 30) {
					t.Errorf("length symbol %d, distance symbol %d: %s", s, d, end)
				}
			}
		}
	}
}

func TestHeaders(t *testing.T) {
	r := NewReader(nil)
	body := compress(t, []byte("body"), 6)[10:]
	text := func(n int) []byte { return append(bytes.Repeat([]byte("n"), n), 0) }
	member := func(flags byte, fields ...[]byte) []byte {
		head := []byte{0x1f, 0x8b, 8, flags, 1, 2, 3, 4, 5, 6}
		return slices.Concat(head, slices.Concat(fields...), body)
	}
	crc := func(file []byte, right bool) []byte {
		head := file[:len(file)-len(body)]
		sum := crc32.ChecksumIEEE(head)
		if !right {
			sum++
		}
		return slices.Concat(head, []byte{byte(sum), byte(sum >> 8)}, body)
	}
	big := append([]byte{0xff, 0xff}, make([]byte, 0xffff)...)
	cases := []struct {
		name string
		file []byte
		want string
	}{
		{"plain", member(0), "sound"},
		{"text flag", member(1), "sound"},
		{"reserved flags", member(0xe0), "sound"},
		{"wrong magic", append([]byte{0x1f, 0x8c}, member(0)[2:]...), "bad header"},
		{"wrong method", append([]byte{0x1f, 0x8b, 7}, member(0)[3:]...), "bad header"},
		{"short and wrong", []byte("hello"), "truncated"},
		{"empty extra", member(4, []byte{0, 0}), "sound"},
		{"largest extra", member(4, big), "sound"},
		{"name", member(8, text(5)), "sound"},
		{"empty name", member(8, text(0)), "sound"},
		{"longest name", member(8, text(511)), "sound"},
		{"too long name", member(8, text(512)), "bad header"},
		{"longest comment", member(16, text(511)), "sound"},
		{"too long comment", member(16, text(512)), "bad header"},
		{"all", crc(member(0x1e, big, text(511), text(511)), true), "sound"},
		{"all, bad sum", crc(member(0x1e, big, text(511), text(511)), false), "bad header"},
		{"sum alone", crc(member(2), true), "sound"},
		{"sum alone, bad", crc(member(2), false), "bad header"},
		{"second member", append(member(8, text(5)), crc(member(0x1e, big, text(1), text(2)), true)...), "sound"},
	}
	for _, c := range cases {
		agree(t, r, c.file)
		if _, got := decode(r, bytes.NewReader(c.file)); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestCorruptErrorSaysWhere(t *testing.T) {
	file := compress(t, []byte("body"), 6)
	file[len(file)-8] ^= 1
	r := NewReader(bytes.NewReader(file))
	got, err := io.ReadAll(r)
	var e *CorruptError
	if string(got) != "body" || !errors.As(err, &e) || e.Offset != int64(len(file)) || e.Err != ErrChecksum {
		t.Fatalf("got %q, %v", got, err)
	}
	if want := fmt.Sprintf("byte %d: invalid gzip checksum or size: the member's CRC-32 differs", len(file)); err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	if _, again := r.Next(); again != err {
		t.Errorf("the error must stay, got %v", again)
	}
}
