package flowlog

import (
	"bytes"
	"context"
	"io"

	"github.com/sgtrim/sgtrim/ingest/inflate"
)

const (
	chunkSize     = 256 << 10
	maxLine       = 1 << 20
	overlapChunks = 3
)

// chunk is a piece of text that ends with a line, in a buffer that has slack after it.
type chunk struct {
	buf []byte
	n   int
	err error // why there is no more; io.EOF at the end. The chunk is still good.
}

// chunker cuts a text into chunks of whole lines.
type chunker struct {
	r     io.Reader
	carry []byte // the start of the line that the chunk before broke off
}

// next fills c. A last line without newline gets one, and before a line that is too long the text ends.
func (k *chunker) next(c *chunk) {
	k.fill(c)
	if c.n <= maxLine {
		return
	}
	for at := 0; at < c.n; { // whether a buffer has room for it must not matter
		length := bytes.IndexByte(c.buf[at:c.n], '\n')
		if length > maxLine {
			c.n, c.err = at, errLineLength
			return
		}
		at += length + 1
	}
}

// fill is next without a limit for lines that the buffer has room for.
func (k *chunker) fill(c *chunk) {
	if len(c.buf) == 0 {
		c.buf = make([]byte, chunkSize+slack)
	}
	c.n, c.err = 0, nil
	have := k.takeCarry(c)
	for {
		n, err := k.r.Read(c.buf[have : len(c.buf)-slack])
		have += n
		if err != nil {
			last(c, have, err)
			return
		}
		if have < len(c.buf)-slack {
			continue
		}
		if end := bytes.LastIndexByte(c.buf[:have], '\n'); end >= 0 {
			c.n = end + 1
			k.carry = append(k.carry, c.buf[c.n:have]...)
			return
		}
		if have > maxLine {
			c.err = errLineLength
			return
		}
		c.buf = append(make([]byte, 0, 2*len(c.buf)), c.buf...)[:2*len(c.buf)]
	}
}

func (k *chunker) takeCarry(c *chunk) int {
	if need := len(k.carry) + slack + 1; len(c.buf) < need {
		c.buf = make([]byte, 2*need)
	}
	have := copy(c.buf, k.carry)
	k.carry = k.carry[:0]
	return have
}

// last ends the text: whole if err is io.EOF, else cut off, and then the broken line is not looked at.
func last(c *chunk, have int, err error) {
	c.err = err
	if err != io.EOF {
		c.n = bytes.LastIndexByte(c.buf[:have], '\n') + 1
		return
	}
	if have > 0 && c.buf[have-1] != '\n' {
		c.buf[have] = '\n' // in the slack
		have++
	}
	c.n = have
}

// eachChunk calls use for every chunk of r in order. With overlap, the reading (and so the inflating) of the next chunks
// goes on in a goroutine of its own, which has ended when eachChunk returns.
func (d *Decoder) eachChunk(r io.Reader, use func(c *chunk) error) error {
	if d.in.Overlap {
		return d.overlapped(&chunker{r: r}, use)
	}
	if g, ok := r.(gzipErrors); ok {
		return d.eachPiece(g, use)
	}
	return d.oneByOne(&chunker{r: r}, use)
}

func (d *Decoder) oneByOne(k *chunker, use func(c *chunk) error) error {
	for {
		if err := d.ctx.Err(); err != nil {
			return err
		}
		c := &d.chunks[0]
		k.next(c)
		if err := use(c); err != nil || c.err != nil {
			return firstError(err, c.err)
		}
	}
}

// eachPiece takes the text where it lies in the inflater's window. A line that a piece breaks off is kept there; one that is too
// long for that, and what comes after it, is copied as from any reader.
func (d *Decoder) eachPiece(g gzipErrors, use func(c *chunk) error) error {
	for kept := 0; ; {
		if err := d.ctx.Err(); err != nil {
			return err
		}
		piece, err := g.next()
		c := chunk{buf: piece[:cap(piece)], err: err}
		if err == nil && len(piece) == kept { // there is no more
			_, err = g.next()
			last(&c, kept, err)
		} else {
			c.n = bytes.LastIndexByte(piece, '\n') + 1
		}
		if kept = len(piece) - c.n; kept > inflate.MaxKeep {
			k := &chunker{r: g, carry: bytes.Clone(piece[c.n:])}
			if err := use(&c); err != nil {
				return err
			}
			return d.oneByOne(k, use)
		}
		if err := use(&c); err != nil || c.err != nil {
			return firstError(err, c.err)
		}
		g.r.Keep(kept)
	}
}

func (d *Decoder) overlapped(k *chunker, use func(c *chunk) error) error {
	ctx, cancel := context.WithCancel(d.ctx)
	full, free := make(chan *chunk, overlapChunks), make(chan *chunk, overlapChunks)
	for i := range d.chunks {
		free <- &d.chunks[i]
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		fill(ctx, k, free, full)
	}()
	defer func() {
		cancel()
		<-done
	}()
	for c := range full {
		if err := use(c); err != nil || c.err != nil {
			return firstError(err, c.err)
		}
		free <- c
	}
	return ctx.Err()
}

// fill reads chunks until the text ends or ctx does, and then closes full.
func fill(ctx context.Context, k *chunker, free <-chan *chunk, full chan<- *chunk) {
	defer close(full)
	for {
		select {
		case <-ctx.Done():
			return
		case c := <-free:
			k.next(c)
			full <- c // never blocks: there are no more chunks than places
			if c.err != nil {
				return
			}
		}
	}
}

// firstError picks the error of the consumer before the reader's, where the end of the text is none.
func firstError(use, read error) error {
	if use != nil || read == io.EOF {
		return use
	}
	return read
}
