package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/sgtrim/sgtrim/ingest/inflate"
)

// read are the columns of Parquet that sgtrim reads; the others are not inflated by anybody.
var read = strings.Fields(`interface_id account_id vpc_id subnet_id srcaddr dstaddr pkt_srcaddr pkt_dstaddr srcport dstport protocol packets bytes
	start end action log_status tcp_flags flow_direction`)

// inflateAll inflates the files below logs and does nothing with what they hold.
func inflateAll(threads int, logs, _ string) (int64, error) {
	files, err := filesBelow(logs)
	if err != nil {
		return 0, err
	}
	var next atomic.Int64
	var working sync.WaitGroup
	errs := make([]error, threads)
	for t := range threads {
		working.Go(func() {
			f := floor{gz: inflate.NewReader(nil), out: make([]byte, 256<<10)}
			for i := int(next.Add(1)); i <= len(files) && errs[t] == nil; i = int(next.Add(1)) {
				if errs[t] = f.file(files[i-1]); errs[t] != nil {
					errs[t] = fmt.Errorf("%s: %w", files[i-1], errs[t])
				}
			}
		})
	}
	working.Wait()
	for _, err := range errs {
		if err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// floor is what one worker inflates with.
type floor struct {
	gz     *inflate.Reader
	zstd   *zstd.Decoder
	stored []byte
	out    []byte
}

func (f *floor) file(name string) error {
	in, err := os.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	if strings.HasSuffix(name, ".parquet") {
		return f.parquet(in)
	}
	return f.gunzip(in)
}

func (f *floor) gunzip(r io.Reader) error {
	f.gz.Reset(r)
	for {
		if _, err := f.gz.Read(f.out); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func (f *floor) parquet(in *os.File) error {
	info, err := in.Stat()
	if err != nil {
		return err
	}
	p, err := parquet.OpenFile(in, info.Size(), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return err
	}
	for _, g := range p.Metadata().RowGroups {
		for i := range g.Columns {
			m := &g.Columns[i].MetaData
			if !slices.Contains(read, m.PathInSchema[0]) {
				continue
			}
			off := m.DataPageOffset
			if m.DictionaryPageOffset > 0 {
				off = min(off, m.DictionaryPageOffset)
			}
			f.stored = slices.Grow(f.stored[:0], int(m.TotalCompressedSize))[:m.TotalCompressedSize]
			if _, err := in.ReadAt(f.stored, off); err != nil {
				return err
			}
			if err := f.pages(m.Codec, f.stored); err != nil {
				return err
			}
		}
	}
	return nil
}

// pages inflates the pages of a column chunk.
func (f *floor) pages(codec format.CompressionCodec, b []byte) error {
	for len(b) > 0 {
		var protocol thrift.CompactProtocol
		in := protocol.NewReaderFromBytes(b)
		var h format.PageHeader
		if err := thrift.NewDecoder(in).Decode(&h); err != nil {
			return err
		}
		body := b[in.BytesRead():][:h.CompressedPageSize]
		b = b[in.BytesRead():][h.CompressedPageSize:]
		if v2 := h.DataPageHeaderV2; v2.Valid {
			body = body[v2.V.RepetitionLevelsByteLength+v2.V.DefinitionLevelsByteLength:]
		}
		if err := f.page(codec, body); err != nil {
			return err
		}
	}
	return nil
}

func (f *floor) page(codec format.CompressionCodec, body []byte) (err error) {
	switch codec {
	case format.Gzip:
		return f.gunzip(bytes.NewReader(body))
	case format.Snappy:
		f.out, err = snappy.Decode(f.out[:cap(f.out)], body)
	case format.Zstd:
		if f.zstd == nil {
			if f.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1)); err != nil {
				return err
			}
		}
		f.out, err = f.zstd.DecodeAll(body, f.out[:0])
	default:
		err = fmt.Errorf("codec %s", codec)
	}
	return err
}
