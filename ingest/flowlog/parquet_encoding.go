package flowlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/parquet-go/bitpack"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

var errPage = errors.New("damaged page")

// hybridRun is one run of Parquet's RLE / bit-packing hybrid: count times a value, or packed values.
type hybridRun struct {
	count  int
	value  uint32
	packed []byte // nil for a repeated value
}

// nextRun reads a run of values of width bits.
func nextRun(b []byte, width uint) (hybridRun, []byte, error) {
	head, n := binary.Uvarint(b)
	if n <= 0 {
		return hybridRun{}, nil, errPage
	}
	b = b[n:]
	if head&1 == 1 {
		groups := head >> 1
		if groups == 0 || groups > math.MaxInt32/8 {
			return hybridRun{}, nil, errPage
		}
		// The last run may be cut off: writers need not pad it to whole groups.
		size := min(groups*uint64(width), uint64(len(b)))
		return hybridRun{count: int(groups) * 8, packed: b[:size]}, b[size:], nil
	}
	size := int(width+7) / 8
	if head == 0 || head>>1 > math.MaxInt32 || len(b) < size {
		return hybridRun{}, nil, errPage
	}
	v := uint32(0)
	for i := range size {
		v |= uint32(b[i]) << (8 * i)
	}
	return hybridRun{count: int(head >> 1), value: v}, b[size:], nil
}

// unpack writes the first values of a packed run to dst.
func (r hybridRun) unpack(dst []uint32, width uint) error {
	if uint64(len(dst))*uint64(width) > uint64(len(r.packed))*8 {
		return errPage
	}
	packed := r.packed
	if width == 0 {
		clear(dst)
		return nil
	}
	if size := bitpack.ByteCount(width*uint(len(dst))) + bitpack.PaddingInt32; width <= 32 && cap(packed) >= size {
		bitpack.Unpack(dst, packed[:size], width) // on some processors it needs the length, too
		return nil
	}
	mask := uint64(1)<<width - 1
	bit := uint(0)
	for i := range dst {
		at := bit >> 3
		var w uint64
		if at+8 <= uint(len(packed)) {
			w = binary.LittleEndian.Uint64(packed[at:])
		} else {
			var last [8]byte
			copy(last[:], packed[min(uint(len(packed)), at):])
			w = binary.LittleEndian.Uint64(last[:])
		}
		dst[i] = uint32(w >> (bit & 7) & mask)
		bit += width
	}
	return nil
}

// decodeIndexes reads len(dst) dictionary indexes. Whether there are so many entries is looked at when they are used.
func decodeIndexes(dst []uint32, b []byte) error {
	if len(dst) == 0 {
		return nil
	}
	if len(b) == 0 || b[0] > 32 {
		return errPage
	}
	width := uint(b[0])
	b = b[1:]
	for at := 0; at < len(dst); {
		run, rest, err := nextRun(b, width)
		if err != nil {
			return err
		}
		b = rest
		part := dst[at:min(len(dst), at+run.count)]
		at += len(part)
		if run.packed == nil {
			for i := range part {
				part[i] = run.value
			}
		} else if err := run.unpack(part, width); err != nil {
			return err
		}
	}
	return nil
}

// decodeNulls reads n definition levels of an optional column and appends the places where it is null.
func decodeNulls(nulls []uint32, n int, b []byte) ([]uint32, error) {
	var bits [64]uint32
	for at := 0; at < n; {
		run, rest, err := nextRun(b, 1)
		if err != nil {
			return nil, err
		}
		b = rest
		end := min(n, at+run.count)
		if run.packed == nil {
			if run.value == 0 {
				for ; at < end; at++ {
					nulls = append(nulls, uint32(at))
				}
			}
			at = end
			continue
		}
		for at < end {
			part := bits[:min(len(bits), end-at)]
			if err := run.unpack(part, 1); err != nil {
				return nil, err
			}
			run.packed = run.packed[len(part)/8:]
			for _, level := range part {
				if level == 0 {
					nulls = append(nulls, uint32(at))
				}
				at++
			}
		}
	}
	return nulls, nil
}

// values are the non-null values of a page: whole numbers, or texts as one run of bytes with n+1 offsets.
type values struct {
	ints    []int64
	bare    bare   // whole numbers as the page stores them: ints are made of it on demand
	bytes   []byte // of the page, where texts lie there one after another, else own
	head    uint32 // bytes before each text that are not of it
	offsets []uint32
	own     []byte
	isText  bool
}

func (v *values) len() int {
	if v.isText {
		return len(v.offsets) - 1
	}
	return max(len(v.ints), v.bare.len())
}

// whole returns the whole numbers.
func (v *values) whole() []int64 {
	if n := v.bare.len(); n > len(v.ints) {
		v.ints = slices.Grow(v.ints, n)[:n]
		take(v.ints, v.bare, 0)
	}
	return v.ints
}

// bare are whole numbers one after another, each of 4 or 8 bytes.
type bare struct {
	bytes []byte
	width int // 0: there are none
}

func (b bare) len() int { return len(b.bytes) / max(b.width, 1) }

// all are the bits of all numbers joined: what is small and not negative shows no high bit.
func (b bare) all() (all uint64) {
	if b.width == 4 {
		for from := b.bytes; len(from) >= 4; from = from[4:] {
			all |= uint64(int32(binary.LittleEndian.Uint32(from)))
		}
		return all
	}
	for from := b.bytes; len(from) >= 8; from = from[8:] {
		all |= binary.LittleEndian.Uint64(from)
	}
	return all
}

// take sets dst to the numbers from the first on.
func take[T uint8 | uint16 | int64](dst []T, b bare, first int) {
	if b.width == 4 {
		from := b.bytes[4*first:][:4*len(dst)]
		for i := range dst {
			dst[i] = T(int32(binary.LittleEndian.Uint32(from[4*i : 4*i+4])))
		}
		return
	}
	from := b.bytes[8*first:][:8*len(dst)]
	for i := range dst {
		dst[i] = T(binary.LittleEndian.Uint64(from[8*i : 8*i+8]))
	}
}

// text is good for as long as the page's bytes are.
func (v *values) text(i int) []byte { return v.bytes[v.offsets[i]+v.head : v.offsets[i+1]] }

func (v *values) reset(text bool) {
	v.ints, v.bare, v.bytes, v.head, v.offsets, v.own, v.isText = v.ints[:0], bare{}, nil, 0, v.offsets[:0], v.own[:0], text
	if text {
		v.offsets = append(v.offsets, 0)
	}
}

func (v *values) add(text []byte) error {
	if len(v.own)+len(text) > maxPage {
		return fmt.Errorf("%w: more than %d bytes of text", errPage, maxPage)
	}
	v.own = append(v.own, text...)
	v.bytes = v.own
	v.offsets = append(v.offsets, uint32(len(v.own)))
	return nil
}

// decode reads n values.
func (v *values) decode(kind parquet.Kind, encoding format.Encoding, n int, b []byte) error {
	v.reset(kind != parquet.Int32 && kind != parquet.Int64)
	switch encoding {
	case format.Plain:
		return v.plain(kind, n, b)
	case format.DeltaBinaryPacked:
		if !v.isText {
			var err error
			v.ints, _, err = deltas(v.ints, n, b)
			return err
		}
	case format.DeltaLengthByteArray:
		if kind == parquet.ByteArray {
			lengths, rest, err := deltas(v.ints, n, b)
			v.ints = lengths
			if err != nil {
				return err
			}
			return v.cut(lengths, rest)
		}
	case format.DeltaByteArray:
		if kind == parquet.ByteArray {
			return v.prefixed(n, b)
		}
	}
	return fmt.Errorf("encoding %s of %s is not read", encoding, kind)
}

func (v *values) plain(kind parquet.Kind, n int, b []byte) error {
	width := map[parquet.Kind]int{parquet.Int32: 4, parquet.Int64: 8, parquet.Float: 4, parquet.Double: 8, parquet.ByteArray: 4}[kind]
	if width == 0 {
		return fmt.Errorf("columns of type %s are not read", kind)
	}
	if n > len(b)/width {
		return errPage
	}
	switch kind {
	case parquet.Int32, parquet.Int64:
		v.bare = bare{b[:n*width], width}
	case parquet.Float:
		for i := range n {
			if err := v.addFloat(float64(math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:])))); err != nil {
				return err
			}
		}
	case parquet.Double:
		for i := range n {
			if err := v.addFloat(math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))); err != nil {
				return err
			}
		}
	case parquet.ByteArray:
		return v.prefixedByLength(n, b)
	}
	return nil
}

// prefixedByLength takes texts, each after its length in 4 bytes, where they lie.
func (v *values) prefixedByLength(n int, b []byte) error {
	v.bytes, v.head, v.offsets = b, 4, slices.Grow(v.offsets, n)
	at := 0
	for range n {
		if len(b)-at < 4 || uint64(binary.LittleEndian.Uint32(b[at:])) > uint64(len(b)-at-4) {
			return errPage
		}
		at += 4 + int(binary.LittleEndian.Uint32(b[at:]))
		v.offsets = append(v.offsets, uint32(at))
	}
	return nil
}

// addFloat takes what pandas makes of whole numbers with gaps, where NaN is a gap.
func (v *values) addFloat(f float64) error {
	if math.IsNaN(f) {
		return v.add(nil)
	}
	return v.add(strconv.AppendFloat(nil, f, 'f', -1, 64))
}

// cut takes texts that stand one after another.
func (v *values) cut(lengths []int64, b []byte) error {
	for _, n := range lengths {
		if n < 0 || n > int64(len(b)) {
			return errPage
		}
		if err := v.add(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// prefixed reads texts of which each repeats the start of the one before.
func (v *values) prefixed(n int, b []byte) error {
	prefixes, b, err := deltas(nil, n, b)
	if err != nil {
		return err
	}
	lengths, b, err := deltas(nil, n, b)
	if err != nil {
		return err
	}
	var last []byte
	for i, size := range lengths {
		if size < 0 || size > int64(len(b)) || prefixes[i] < 0 || prefixes[i] > int64(len(last)) {
			return errPage
		}
		last = append(last[:prefixes[i]], b[:size]...)
		b = b[size:]
		if err := v.add(last); err != nil {
			return err
		}
	}
	return nil
}

// deltas reads n numbers of the encoding DELTA_BINARY_PACKED and returns what follows.
func deltas(dst []int64, n int, b []byte) ([]int64, []byte, error) {
	head := [3]uint64{} // block size, miniblocks of a block, values
	for i := range head {
		v, size := binary.Uvarint(b)
		if size <= 0 {
			return dst, nil, errPage
		}
		head[i], b = v, b[size:]
	}
	value, size := binary.Varint(b)
	if size <= 0 || head[2] != uint64(n) || head[1] == 0 || head[1] > 512 || head[0] > 1<<20 || head[0]%(head[1]*8) != 0 {
		return dst, nil, errPage
	}
	b = b[size:]
	if n == 0 {
		return dst, b, nil
	}
	dst = append(dst, value)
	minis, each := int(head[1]), int(head[0]/head[1])
	for left := n - 1; left > 0; {
		least, size := binary.Varint(b)
		if size <= 0 || len(b)-size < minis {
			return dst, nil, errPage
		}
		widths := b[size : size+minis]
		b = b[size+minis:]
		for _, width := range widths {
			if left == 0 {
				break // the rest of the block is not there
			}
			bytes := each * int(width) / 8
			if width > 64 || bytes > len(b) || each == 0 {
				return dst, nil, errPage
			}
			for i := range min(each, left) {
				value += least + int64(bitsAt(b[:bytes], i*int(width), int(width)))
				dst = append(dst, value)
			}
			left -= min(each, left)
			b = b[bytes:]
		}
	}
	return dst, b, nil
}

// bitsAt reads width bits, up to 64, from a bit position.
func bitsAt(b []byte, at, width int) uint64 {
	v := uint64(0)
	for got := 0; got < width; {
		from := (at + got) & 7
		take := min(8-from, width-got)
		v |= uint64(b[(at+got)>>3]>>from) & (1<<take - 1) << got
		got += take
	}
	return v
}
