package ingest

import (
	"bytes"
	"context"
	"io"
	"os"
	"sync"
	"sync/atomic"
)

// headSize is how much of an object is read ahead of the workers. Most objects of AWS are smaller.
const headSize = 256 << 10

// fetched is an opened object, its first bytes read.
type fetched struct {
	o    Object
	body *body
	err  error // it could not be opened
}

// fetchAll opens objects until there are no more.
func (s *scan) fetchAll(ctx context.Context) {
	for o := range s.tasks {
		f := &fetched{o: o}
		if f.err = ctx.Err(); f.err == nil {
			f.body, f.err = s.open(ctx, o)
		}
		s.ready <- f // the workers take all, also after an error
	}
}

func (s *scan) open(ctx context.Context, o Object) (*body, error) {
	rc, err := s.src.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	b := &body{rc: rc, read: &s.progress.BytesRead}
	if f, ok := rc.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			b.file, b.size = f, info.Size()
			return b, nil // the kernel reads ahead
		}
	}
	b.heads = &s.heads
	b.readHead()
	return b, nil
}

// body is the stored bytes of an object. It tells errors of reading from errors in what was read.
type body struct {
	rc    io.ReadCloser
	file  *os.File // rc, when it can be read at random
	size  int64    // of file
	head  bytes.Reader
	buf   *[headSize]byte // of head
	heads *sync.Pool      // where buf goes
	err   error           // of reading, other than io.EOF; it comes after head
	total int64
	read  *atomic.Int64
}

func (b *body) readHead() {
	var ok bool
	if b.buf, ok = b.heads.Get().(*[headSize]byte); !ok {
		b.buf = new([headSize]byte)
	}
	n, err := 0, error(nil)
	for n < len(b.buf) && err == nil {
		var got int
		got, err = b.rc.Read(b.buf[n:])
		n += got
	}
	b.keep(err)
	b.head.Reset(b.buf[:n])
}

func (b *body) keep(err error) {
	if err != nil && err != io.EOF && b.err == nil {
		b.err = err
	}
}

// Read gives the head and then the rest.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.head.Read(p)
	if err == io.EOF {
		if b.err != nil {
			return 0, b.err
		}
		n, err = b.rc.Read(p)
		b.keep(err)
	}
	b.count(int64(n))
	return n, err
}

func (b *body) count(n int64) {
	b.total += n
	b.read.Add(n)
}

func (b *body) close() {
	b.rc.Close()
	if b.buf != nil {
		b.heads.Put(b.buf)
		b.buf = nil
	}
}
