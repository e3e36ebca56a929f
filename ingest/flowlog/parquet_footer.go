package flowlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
)

const (
	parquetMagic = "PAR1"
	maxFooter    = 16 << 20
)

// IsParquet reports whether a file starts as Parquet does.
func IsParquet(at io.ReaderAt) bool {
	var magic [4]byte
	n, _ := at.ReadAt(magic[:], 0)
	return n == len(magic) && string(magic[:]) == parquetMagic
}

// openParquet reads the footer. The library trusts the sizes of the lists in it and allocates accordingly, which a damaged
// footer can drive out of memory; so the footer is first walked.
func openParquet(at io.ReaderAt, size int64) (*parquet.File, error) {
	const trailer = 8 // length of the footer, magic
	var tail [trailer]byte
	if size < trailer+4 {
		return nil, errors.New("too short")
	}
	if _, err := at.ReadAt(tail[:], size-trailer); err != nil && err != io.EOF {
		return nil, err
	}
	if string(tail[4:]) != parquetMagic {
		return nil, errors.New("no footer: the file is cut off or encrypted")
	}
	n := int64(binary.LittleEndian.Uint32(tail[:4]))
	if n > size-trailer-4 || n > maxFooter {
		return nil, fmt.Errorf("footer of %d bytes in a file of %d", n, size)
	}
	footer := make([]byte, n)
	if _, err := at.ReadAt(footer, size-trailer-n); err != nil && err != io.EOF {
		return nil, err
	}
	if _, err := skipStruct(footer, 0); err != nil {
		return nil, fmt.Errorf("footer: %w", err)
	}
	return parquet.OpenFile(at, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
}

var errThrift = errors.New("damaged metadata")

// Types of Thrift's compact protocol.
const (
	thriftTrue = iota + 1
	thriftFalse
	thriftByte
	thriftI16
	thriftI32
	thriftI64
	thriftDouble
	thriftBinary
	thriftList
	thriftSet
	thriftMap
	thriftStruct
)

const maxThriftDepth = 16 // Parquet's own metadata is not half as deep

// skipStruct walks one struct of Thrift's compact protocol and returns what follows it. It fails when a size goes beyond
// the data: each element of a list takes a byte at least.
func skipStruct(b []byte, depth int) ([]byte, error) {
	for {
		if len(b) == 0 || depth > maxThriftDepth {
			return nil, errThrift
		}
		head := b[0]
		b = b[1:]
		if head == 0 {
			return b, nil
		}
		var err error
		if head>>4 == 0 { // the field's id follows
			if _, b, err = uvarint(b); err != nil {
				return nil, err
			}
		}
		if kind := head & 15; kind != thriftTrue && kind != thriftFalse { // in a field, the type is the value
			if b, err = skipValue(b, kind, depth); err != nil {
				return nil, err
			}
		}
	}
}

func skipValue(b []byte, kind byte, depth int) ([]byte, error) {
	switch kind {
	case thriftTrue, thriftFalse, thriftByte:
		return skipBytes(b, 1)
	case thriftI16, thriftI32, thriftI64:
		_, rest, err := uvarint(b)
		return rest, err
	case thriftDouble:
		return skipBytes(b, 8)
	case thriftBinary:
		n, rest, err := uvarint(b)
		if err != nil {
			return nil, err
		}
		return skipBytes(rest, n)
	case thriftList, thriftSet:
		return skipList(b, depth)
	case thriftStruct:
		return skipStruct(b, depth+1)
	}
	return nil, errThrift // maps do not occur in Parquet's metadata
}

func skipList(b []byte, depth int) ([]byte, error) {
	if len(b) == 0 || depth > maxThriftDepth {
		return nil, errThrift
	}
	n, kind := uint64(b[0]>>4), b[0]&15
	b = b[1:]
	if n == 15 {
		var err error
		if n, b, err = uvarint(b); err != nil {
			return nil, err
		}
	}
	if n > uint64(len(b)) {
		return nil, errThrift
	}
	for range n {
		var err error
		if b, err = skipValue(b, kind, depth+1); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func skipBytes(b []byte, n uint64) ([]byte, error) {
	if n > uint64(len(b)) {
		return nil, errThrift
	}
	return b[n:], nil
}

func uvarint(b []byte) (uint64, []byte, error) {
	v, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, nil, errThrift
	}
	return v, b[n:], nil
}
