package flowlog

import (
	"errors"
	"io"
)

const parquetMagic = "PAR1"

func (d *Decoder) parquet(at io.ReaderAt, size int64) error {
	return d.objectError(errors.New("Parquet is not read yet"))
}
func (d *Decoder) parquetStream(r io.Reader) error {
	return d.objectError(errors.New("Parquet is not read yet"))
}

// IsParquet reports whether a file starts as Parquet does.
func IsParquet(at io.ReaderAt) bool {
	var magic [4]byte
	n, _ := at.ReadAt(magic[:], 0)
	return n == len(magic) && string(magic[:]) == parquetMagic
}
