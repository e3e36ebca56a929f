package ledger

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"slices"

	"github.com/parquet-go/bitpack"
	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/encoding/plain"
	"github.com/parquet-go/parquet-go/format"
)

// pageColumn is a column of evidencePage.
type pageColumn struct {
	encode     func(to []byte, n int) ([]byte, format.Encoding, error) // the first n values
	dictionary *dictionary                                             // of codes, else nil
}

// always is a column whose pages all have one encoding, and no dictionary.
func always(encoding format.Encoding, encode func(to []byte, n int) ([]byte, error)) pageColumn {
	return pageColumn{func(to []byte, n int) ([]byte, format.Encoding, error) {
		to, err := encode(to, n)
		return to, encoding, err
	}, nil}
}

func whole32(v *[pageRows]int32) pageColumn {
	return always(format.Plain, func(to []byte, n int) ([]byte, error) { return new(plain.Encoding).EncodeInt32(to, v[:n]) })
}

func whole64(v *[pageRows]int64) pageColumn {
	return always(format.Plain, func(to []byte, n int) ([]byte, error) { return new(plain.Encoding).EncodeInt64(to, v[:n]) })
}

func truths(v *truthBits) pageColumn {
	return always(format.Plain, func(to []byte, n int) ([]byte, error) { return new(plain.Encoding).EncodeBoolean(to, v[:(n+7)/8]) })
}

func differences(v *[pageRows]int64) pageColumn {
	return always(format.DeltaBinaryPacked, func(to []byte, n int) ([]byte, error) { return new(delta.BinaryPackedEncoding).EncodeInt64(to, v[:n]) })
}

func (f *evidenceFile) prefixed(v *[pageRows]netip.Addr) pageColumn {
	return always(format.DeltaByteArray, func(to []byte, n int) ([]byte, error) { return f.texts.encode(to, v[:n]) })
}

func coded(v *[pageRows]int32, d *dictionary) pageColumn {
	c := always(format.RLEDictionary, func(to []byte, n int) ([]byte, error) { return appendCodes(to, v[:n]), nil })
	c.dictionary = d
	return c
}

// smallMost is the greatest number that small columns have codes for, one less than a power of two.
const smallMost = 1<<12 - 1

// small32 is a column of numbers most of which are small, and then their own codes. A page with a greater one has them whole.
func (f *evidenceFile) small32(v *[pageRows]int32, d *dictionary) pageColumn {
	return f.small(whole32(v), d, func(n int) bool { return smallCodes(&f.codes, v[:n]) },
		func(to []byte, v int) []byte { return binary.LittleEndian.AppendUint32(to, uint32(v)) })
}

func (f *evidenceFile) small64(v *[pageRows]int64, d *dictionary) pageColumn {
	return f.small(whole64(v), d, func(n int) bool { return smallCodes(&f.codes, v[:n]) },
		func(to []byte, v int) []byte { return binary.LittleEndian.AppendUint64(to, uint64(v)) })
}

// small is a column that is whole where fill says that its first n values are no codes.
func (f *evidenceFile) small(whole pageColumn, d *dictionary, fill func(n int) bool, appendEntry func([]byte, int) []byte) pageColumn {
	return pageColumn{func(to []byte, n int) ([]byte, format.Encoding, error) {
		if !fill(n) {
			return whole.encode(to, n)
		}
		codes := f.codes[:n]
		for most := int(slices.Max(codes)); d.n <= most; d.n++ {
			d.entries = appendEntry(d.entries, d.n)
		}
		return appendCodes(to, codes), format.RLEDictionary, nil
	}, d}
}

// smallCodes makes values codes, if all are small.
func smallCodes[N int32 | int64](codes *[pageRows]int32, values []N) bool {
	all := uint64(0)
	for i, v := range values {
		all |= uint64(v)
		codes[i] = int32(v)
	}
	return all <= smallMost
}

// appendCodes encodes codes as runs of the same one and of packed ones (Parquet's RLE and bit-packing hybrid, behind the number
// of bits). The library knows that, too, but where its runs end depends on the processor.
func appendCodes(to []byte, codes []int32) []byte {
	width := bits.Len32(uint32(slices.Max(codes)))
	to = append(to, byte(width))
	for len(codes) > 0 {
		same := sameCodes(codes)
		if same >= packedGroup || same == len(codes) {
			to = binary.AppendUvarint(to, uint64(same)<<1)
			for bit := 0; bit < width; bit += 8 {
				to = append(to, byte(codes[0]>>bit))
			}
			codes = codes[same:]
			continue
		}
		n := packedGroup
		for n < len(codes) && sameCodes(codes[n:min(n+packedGroup, len(codes))]) < packedGroup {
			n += packedGroup
		}
		to = appendPacked(to, codes[:min(n, len(codes))], n/packedGroup, width)
		codes = codes[min(n, len(codes)):]
	}
	return to
}

const packedGroup = 8 // codes that are packed together

// sameCodes is how many are the same at the beginning.
func sameCodes(codes []int32) int {
	n := 1
	for n < len(codes) && codes[n] == codes[0] {
		n++
	}
	return n
}

// appendPacked packs codes in so many groups, the last of which need not be full.
func appendPacked(to []byte, codes []int32, groups, width int) []byte {
	to = binary.AppendUvarint(to, uint64(groups)<<1|1)
	at, size := len(to), groups*width
	to = append(to, make([]byte, size)...)
	bitpack.Pack(to[at:], codes, uint(width))
	return to
}

// addrTexts makes addresses texts, each as what differs from the one before.
type addrTexts struct {
	prefixes, lengths [pageRows]int32 // bytes that are as before, and those of the rest
	rests             []byte
	text, next        []byte // the last one, and where another goes
	packed            []byte
}

// encode is what the library's delta.ByteArrayEncoding makes of the texts.
func (t *addrTexts) encode(to []byte, addrs []netip.Addr) (_ []byte, err error) {
	t.split(addrs)
	if to, err = new(delta.BinaryPackedEncoding).EncodeInt32(to, t.prefixes[:len(addrs)]); err != nil {
		return nil, err
	}
	if t.packed, err = new(delta.BinaryPackedEncoding).EncodeInt32(t.packed, t.lengths[:len(addrs)]); err != nil {
		return nil, err
	}
	return append(append(to, t.packed...), t.rests...), nil
}

func (t *addrTexts) split(addrs []netip.Addr) {
	t.text, t.rests = t.text[:0], t.rests[:0]
	for i, a := range addrs {
		if i > 0 && a == addrs[i-1] {
			t.prefixes[i], t.lengths[i] = int32(len(t.text)), 0
			continue
		}
		t.next = a.AppendTo(t.next[:0])
		same := prefixLen(t.text, t.next)
		t.rests = append(t.rests, t.next[same:]...)
		t.prefixes[i], t.lengths[i] = int32(same), int32(len(t.next)-same)
		t.text, t.next = t.next, t.text
	}
}

// prefixLen is how many bytes are the same at the beginning.
func prefixLen(a, b []byte) int {
	n, most := 0, min(len(a), len(b))
	for ; n+8 <= most; n += 8 {
		if x := binary.LittleEndian.Uint64(a[n:]) ^ binary.LittleEndian.Uint64(b[n:]); x != 0 {
			return n + bits.TrailingZeros64(x)/8
		}
	}
	for n < most && a[n] == b[n] {
		n++
	}
	return n
}

// dictionary is what codes stand for, as the page of a dictionary has it.
type dictionary struct {
	entries []byte
	n       int
}

// addEntry adds the text of v.
func addEntry[V any](d *dictionary, v V, appendText func([]byte, V) []byte) {
	at := len(d.entries)
	d.entries = appendText(append(d.entries, 0, 0, 0, 0), v)
	binary.LittleEndian.PutUint32(d.entries[at:], uint32(len(d.entries)-at-4))
	d.n++
}

func appendString(to []byte, s string) []byte   { return append(to, s...) }
func appendAddr(to []byte, a netip.Addr) []byte { return a.AppendTo(to) }

func entries[V any](appendText func([]byte, V) []byte, values ...V) *dictionary {
	d := &dictionary{}
	for _, v := range values {
		addEntry(d, v, appendText)
	}
	return d
}

// entriesBelow are those of an enumeration, the values below n.
func entriesBelow[E ~uint8](n E, text func(E) string) *dictionary {
	d := &dictionary{}
	for v := E(0); v < n; v++ {
		addEntry(d, text(v), appendString)
	}
	return d
}

// codes gives values their codes, in the order in which they come first.
type codes[V comparable] struct {
	dictionary
	appendText func([]byte, V) []byte
	all        map[V]int32
	first      V
	last       V // mostly, the next is the same
	lastCode   int32
}

func newCodes[V comparable](appendText func([]byte, V) []byte) codes[V] {
	return codes[V]{appendText: appendText, all: map[V]int32{}}
}

func (c *codes[V]) of(v V) int32 {
	if v == c.last && c.n > 0 {
		return c.lastCode
	}
	code, ok := c.all[v]
	if !ok {
		if code = int32(c.n); code == 0 {
			c.first = v
		}
		c.all[v] = code
		addEntry(&c.dictionary, v, c.appendText)
	}
	c.last, c.lastCode = v, code
	return code
}

// take returns what the codes stand for, and begins anew.
func (c *codes[V]) take() dictionary {
	d := c.dictionary
	clear(c.all)
	c.dictionary = dictionary{}
	return d
}
