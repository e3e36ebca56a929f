package flowlog

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

const rubbish = 0xdeadbeef

// checkSeparators compares what f finds in text with what looking at every byte finds. What stands after the text must not
// matter, and nothing may be written past the room that was promised.
func checkSeparators(t *testing.T, f separatorsFunc, text, after []byte) {
	t.Helper()
	want, spaces, adjacent := []uint32{^uint32(0)}, 0, false
	for i, c := range text {
		if c <= 0x20 {
			adjacent = adjacent || want[len(want)-1]+1 == uint32(i)
			want = append(want, uint32(i))
		}
		if c == ' ' {
			spaces++
		}
	}
	n := len(text)
	buf := append(slices.Clone(text), after[:63]...)
	off := slices.Repeat([]uint32{rubbish}, n+1+spareOff+64)
	room := off[: n+1+spareOff : n+1+spareOff]
	count, gotSpaces, gotAdjacent := f(buf[:len(buf):len(buf)], n, room)
	if !slices.Equal(off[:count+1], want) || gotSpaces != spaces || gotAdjacent != adjacent {
		t.Fatalf("%q: got %v %d %v, want %v %d %v", text, off[:count+1], gotSpaces, gotAdjacent, want, spaces, adjacent)
	}
	for i, v := range off[len(room):] {
		if v != rubbish {
			t.Fatalf("%q: wrote %d past the room", text, i)
		}
	}
}

// afters are bytes that may stand after a text.
var afters = [][]byte{slices.Repeat([]byte{' '}, 63), slices.Repeat([]byte{'x'}, 63), make([]byte, 63)}

// The positions are those that looking at every byte finds, whatever the length.
func TestSeparators(t *testing.T) {
	alphabet := []byte{' ', '\n', 0, 0x1f, 0x20, 0x21, 'a', '9', 0x7f, 0x80, 0xa0, 0xa1, 0xff}
	fill := map[string]func(*rand.Rand, int) byte{
		"edges": func(r *rand.Rand, _ int) byte { return alphabet[r.IntN(len(alphabet))] },
		"bytes": func(r *rand.Rand, _ int) byte { return byte(r.Uint32()) },
		"words": func(r *rand.Rand, i int) byte {
			if i%9 == 0 {
				return alphabet[r.IntN(len(alphabet))]
			}
			return 'x'
		},
		"every second": func(_ *rand.Rand, i int) byte { return "- "[i%2] },
		"all":          func(*rand.Rand, int) byte { return ' ' },
		"newlines":     func(*rand.Rand, int) byte { return '\n' },
		"none":         func(*rand.Rand, int) byte { return 'x' },
		"sparse":       func(r *rand.Rand, _ int) byte { return "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n"[r.IntN(32)] },
	}
	for i, f := range separatorsFuncs() {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(5, 5))
			for _, next := range fill {
				for n := range 400 {
					text := make([]byte, n)
					for i := range text {
						text[i] = next(rng, i)
					}
					checkSeparators(t, f, text, afters[n%3])
				}
			}
			for c := range 256 { // at each place of a block
				for at := range 130 {
					text := slices.Repeat([]byte{'x'}, 130)
					text[at] = byte(c)
					checkSeparators(t, f, text, afters[0])
				}
			}
		})
	}
}

func FuzzSeparators(f *testing.F) {
	f.Add([]byte("a b\n"), byte(' '))
	f.Add([]byte(strings.Repeat("- ", 100)), byte('x'))
	f.Fuzz(func(t *testing.T, text []byte, after byte) {
		for _, sep := range separatorsFuncs() {
			checkSeparators(t, sep, text, slices.Repeat([]byte{after}, 63))
		}
	})
}

func BenchmarkSeparators(b *testing.B) {
	const line = "2 123456789012 eni-0a1b2c3d4e5f60718 10.0.12.34 10.1.2.3 49152 443 6 12 3456 1700000000 1700000060 ACCEPT OK " +
		"vpc-0123456789abcdef0 subnet-0123456789abcdef0 - 3 IPv4 10.0.12.34 10.1.2.3 us-east-1 use1-az1 - - - - egress 1\n"
	n := chunkSize / len(line) * len(line)
	buf := make([]byte, n+slack)
	copy(buf, strings.Repeat(line, n/len(line)))
	off := make([]uint32, n+1+spareOff)
	for i, f := range separatorsFuncs() {
		b.Run(fmt.Sprint(i), func(b *testing.B) {
			b.SetBytes(int64(n))
			for b.Loop() {
				if count, _, adjacent := f(buf, n, off); count != n/len(line)*29 || adjacent {
					b.Fatal(count, adjacent)
				}
			}
		})
	}
}
