package inflate

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// texts are inputs of different character, all of n bytes.
func texts(n int) map[string][]byte {
	rng := rand.New(rand.NewPCG(7, uint64(n)))
	random, few := make([]byte, n), make([]byte, n)
	for i := range n {
		random[i], few[i] = byte(rng.Uint32()), "abc"[rng.IntN(3)]
	}
	all := map[string][]byte{
		"zeros": make([]byte, n), "random": random, "few": few,
		"text": flowLog(5, n)[:n],
	}
	for _, period := range []int{2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 33, 1000} {
		p := make([]byte, n)
		for i := range p {
			p[i] = byte(i % period * 37)
		}
		all[fmt.Sprintf("period %d", period)] = p
	}
	return all
}

func TestAgreesOnSoundFiles(t *testing.T) {
	r := NewReader(nil)
	sizes := []int{0, 1, 2, 3, 7, 8, 9, 31, 32, 33, 257, 258, 259, 1000, 32767, 32768, 32769, 65535, 65536}
	for _, edge := range []int{windowFull, windowSize, 2*windowFull - historySize} {
		sizes = append(sizes, edge-1, edge, edge+1)
	}
	for _, n := range sizes {
		for name, text := range texts(n) {
			for level := gzip.HuffmanOnly; level <= 9; level++ {
				if n > 1000 && level != gzip.HuffmanOnly && level != 0 && level != 6 {
					continue
				}
				file := compress(t, text, level)
				got, end := decode(r, bytes.NewReader(file))
				if end != "sound" || !bytes.Equal(got, text) {
					t.Fatalf("%s, %d bytes, level %d: got %d bytes, %s", name, n, level, len(got), end)
				}
			}
		}
	}
}

// Every place at which a window can fill up, with a match or literals there.
func TestWindowEdge(t *testing.T) {
	r := NewReader(nil)
	lit, dist := fixedCodes()
	prefix := texts(windowSize)["random"]
	for before := windowFull - 300; before <= windowFull+10; before++ {
		var w bitWriter
		w.header()
		w.stored(prefix[:before], false)
		w.blockStart(true, 1)
		for i := range 40 {
			for range i % 5 {
				w.symbol(lit, 'x')
			}
			w.match(lit, dist, 258-(before+i)%255, 1+(before*i)%historySize)
		}
		w.symbol(lit, endOfBlock)
		w.finish()
		agree(t, r, w.out)
		if got, end := decode(r, bytes.NewReader(w.out)); end != "sound" || len(got) < before {
			t.Fatalf("before %d: the file should be sound, is %s", before, end)
		}
	}
}

func TestMatches(t *testing.T) {
	r := NewReader(nil)
	lit, dist := fixedCodes()
	prefix := texts(historySize)["random"]
	distances := []int{historySize, historySize - 1, 24577, 24576, 16385, 16384, 257, 256}
	for d := 1; d <= 70; d++ {
		distances = append(distances, d)
	}
	for length := 3; length <= 258; length++ {
		var w bitWriter
		w.header()
		w.stored(prefix, false)
		w.blockStart(true, 1)
		for _, d := range distances {
			w.match(lit, dist, length, d)
			w.symbol(lit, d%256)
		}
		w.symbol(lit, endOfBlock)
		w.finish()
		agree(t, r, w.out)
		got, end := decode(r, bytes.NewReader(w.out))
		if want := historySize + len(distances)*(length+1); end != "sound" || len(got) != want {
			t.Fatalf("length %d: got %d bytes, %s; want %d", length, len(got), end, want)
		}
	}
}

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

// Symbols that take the most bits, so that a round of the fast loop takes all that it can; cut off anywhere.
func TestLongestCodes(t *testing.T) {
	r := NewReader(nil)
	chain := func(size int, order ...int) []int { // code lengths 1, 2, 3 … and twice the last one
		lens := make([]int, size)
		for i, s := range order {
			lens[s] = min(i+1, len(order)-1)
		}
		return lens
	}
	lit := newCode(chain(maxLitCodes, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', endOfBlock, 'm', 283, 284))
	dist := newCode(chain(maxDistCodes, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 28, 29))
	for seed := range uint64(10) {
		rng := rand.New(rand.NewPCG(seed, 2))
		var w bitWriter
		w.header()
		w.stored(texts(historySize)["few"], false)
		body := len(w.out)
		w.dynamicHeader(true, lit.lens, dist.lens)
		for range 60 {
			for range rng.IntN(4) {
				w.symbol(lit, 'a'+rng.IntN(13))
			}
			w.match(lit, dist, 195+rng.IntN(63), 16385+rng.IntN(16384))
		}
		w.symbol(lit, endOfBlock)
		w.finish()
		if _, end := decode(r, bytes.NewReader(w.out)); end != "sound" {
			t.Fatalf("seed %d: %s", seed, end)
		}
		for n := body; n <= len(w.out); n++ {
			agree(t, r, w.out[:n])
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

// randomCode makes the lengths of a complete code of n of size symbols, which holds the symbols in must.
func randomCode(rng *rand.Rand, size, n int, must ...int) []int {
	lens := []int{1, 1}
	for len(lens) < n { // split a code; deep ones first half of the time
		i := rng.IntN(len(lens))
		if rng.IntN(2) == 0 {
			i = len(lens) - 1
		}
		for lens[i] == maxCodeLen {
			i = rng.IntN(len(lens))
		}
		lens[i]++
		lens = append(lens, lens[i])
	}
	rng.Shuffle(len(lens), func(i, j int) { lens[i], lens[j] = lens[j], lens[i] })
	all := make([]int, size)
	copy(all, lens)
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for _, s := range must {
		for i := 0; all[s] == 0; i++ {
			if all[i] > 0 && !slices.Contains(must, i) {
				all[s], all[i] = all[i], 0
			}
		}
	}
	return all
}

// Blocks of random codes with random symbols: sub-tables of every shape.
func TestRandomCodes(t *testing.T) {
	r := NewReader(nil)
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var w bitWriter
		w.header()
		w.stored(texts(5000)["random"], false)
		for block := range 3 {
			lit := newCode(randomCode(rng, maxLitCodes, 3+rng.IntN(maxLitCodes-2), endOfBlock))
			dist := newCode(randomCode(rng, maxDistCodes, 2+rng.IntN(maxDistCodes-1)))
			w.dynamicHeader(block == 2, lit.lens, dist.lens)
			for range rng.IntN(2000) {
				s := rng.IntN(maxLitCodes)
				if lit.lens[s] == 0 || s == endOfBlock {
					continue
				}
				w.symbol(lit, s)
				if s > endOfBlock {
					w.bits(rng.Uint64()&(1<<(litSymbols[s]&15)-1), uint(litSymbols[s]&15))
					d := rng.IntN(24)
					for dist.lens[d] == 0 {
						d = (d + 1) % maxDistCodes
					}
					w.symbol(dist, d)
					w.bits(rng.Uint64()&(1<<(distSymbols[d]&15)-1), uint(distSymbols[d]&15))
				}
			}
			w.symbol(lit, endOfBlock)
		}
		w.finish()
		agree(t, r, w.out)
	}
}

// The claim of table.go that the tables have room for the codes that need most: as many sub-tables as there can be,
// of two codes each, all as large as one of them needs.
func TestLargestTables(t *testing.T) {
	for _, c := range []struct {
		width, symbols, want int
		table                []uint32
	}{
		{litBits, maxLitCodes, 137, make([]uint32, litTableSize)},
		{distBits, maxDistCodes, 8, make([]uint32, distTableSize)},
	} {
		most := 0
		for twins := 0; ; twins++ {
			lens := bytes.Repeat([]byte{uint8(c.width + 1)}, 2*twins)
			for n := c.width + 1; n < maxCodeLen; n++ {
				lens = append(lens, uint8(n))
			}
			lens = append(lens, maxCodeLen, maxCodeLen)
			for bit, rest := 0, 1<<c.width-twins-1; rest>>bit > 0; bit++ {
				if rest>>bit&1 != 0 {
					lens = append(lens, uint8(c.width-bit))
				}
			}
			if len(lens) > c.symbols {
				break
			}
			if !build(c.table, c.width, lens, make([]uint32, c.symbols)) {
				t.Fatalf("width %d: %v is a complete code", c.width, lens)
			}
			most = twins
		}
		if most+1 != c.want {
			t.Errorf("width %d: %d sub-tables, want %d", c.width, most+1, c.want)
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

func TestMembers(t *testing.T) {
	r := NewReader(nil)
	rng := rand.New(rand.NewPCG(5, 5))
	text := flowLog(5, 1<<20)
	for _, most := range []int{5, 3000, 200_000} {
		var file, want []byte
		for len(want) < 700_000 && len(file) < 200_000 {
			n := rng.IntN(most)
			at := rng.IntN(len(text) - n)
			want = append(want, text[at:at+n]...)
			file = append(file, compress(t, text[at:at+n], rng.IntN(12)-2)...)
		}
		got, end := decode(r, bytes.NewReader(file))
		if end != "sound" || !bytes.Equal(got, want) {
			t.Fatalf("members up to %d: got %d bytes, %s; want %d", most, len(got), end, len(want))
		}
	}
	// One that begins in mid-window and goes on for several windows.
	for _, before := range []int{50_000, 100_000, 150_000} {
		file := slices.Concat(compress(t, text[:before], 6), compress(t, text, 6))
		got, end := decode(r, bytes.NewReader(file))
		if end != "sound" || !bytes.Equal(got, slices.Concat(text[:before], text)) {
			t.Fatalf("after %d bytes: got %d bytes, %s", before, len(got), end)
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
