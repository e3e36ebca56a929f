package inflate

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"io"
	"testing"
)

// FuzzInflate takes its input as a whole file, as the deflate data of a file whose header and checksums are right, and
// as text to be compressed.
func FuzzInflate(f *testing.F) {
	for _, level := range []int{gzip.HuffmanOnly, 0, 1, 6, 9} {
		for _, n := range []int{0, 1, 100, 5000, 40_000} {
			file := compress(f, flowLog(5, n), level)
			f.Add(file)
			f.Add(file[10:])
			f.Add(append(file, file...))
		}
	}
	for _, text := range texts(3000) {
		f.Add(compress(f, text, 6)[10:])
	}
	r := NewReader(nil)
	f.Fuzz(func(t *testing.T, data []byte) {
		agree(t, r, data)

		src := bytes.NewReader(data)
		text, _ := io.ReadAll(flate.NewReader(src)) // up to its end, if it has one, and not a byte more
		var w bitWriter
		w.header()
		w.out = append(w.out, data[:len(data)-src.Len()]...)
		w.trailer(text)
		agree(t, r, w.out)

		file := compress(t, data, 1+len(data)%9)
		if got, end := decode(r, bytes.NewReader(file)); end != "sound" || !bytes.Equal(got, data) {
			t.Fatalf("compressed data came back as %d of %d bytes, %s", len(got), len(data), end)
		}
	})
}

// FuzzHeader takes its input as flags and what follows them in the header of an otherwise sound file, alone and as a
// second member.
func FuzzHeader(f *testing.F) {
	member := compress(f, []byte("text"), 6)
	f.Add(byte(0), []byte{})
	f.Add(byte(4), []byte{2, 0, 1, 2})
	f.Add(byte(8), []byte("name\x00"))
	f.Add(byte(16|8), []byte("name\x00comment\x00"))
	f.Add(byte(2), []byte{0, 0})
	f.Add(byte(31), []byte{2, 0, 1, 2, 'n', 0, 'c', 0, 0, 0})
	r := NewReader(nil)
	f.Fuzz(func(t *testing.T, flags byte, fields []byte) {
		file := append([]byte{0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 255}, fields...)
		file = append(file, member[10:]...)
		agree(t, r, file)
		agree(t, r, append(bytes.Clone(member), file...))
	})
}
