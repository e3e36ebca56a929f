package source

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// stall is how long a connection may be silent while it is read, before it is given up and made anew.
const stall = time.Minute

// s3Body reads an object once from start to end, whatever happens to the connections: after a break it asks for the rest.
type s3Body struct {
	ctx  context.Context
	b    *bucket
	key  string
	etag string // of the listing: what is resumed must be the same object
	size int64  // by the listing, then by S3's answer; -1 unknown

	body   io.ReadCloser
	cancel context.CancelFunc
	off    int64
	broken int // connections that broke since the last byte
}

// connect asks for the object from off on. Requests that fail are repeated by the SDK.
func (r *s3Body) connect() error {
	ctx, cancel := context.WithCancel(r.ctx)
	in := &s3.GetObjectInput{Bucket: &r.b.name, Key: &r.key, RequestPayer: r.b.payer()}
	if r.etag != "" {
		in.IfMatch = aws.String(`"` + r.etag + `"`)
	}
	if r.off > 0 {
		in.Range = aws.String(fmt.Sprintf("bytes=%d-", r.off))
	}
	out, err := r.b.client.GetObject(ctx, in)
	if err != nil {
		cancel()
		return r.b.explain(getObject, r.key, err)
	}
	if r.off > 0 && out.ContentRange == nil { // the server does not know ranges: skip what we have
		if _, err := io.CopyN(io.Discard, out.Body, r.off); err != nil {
			out.Body.Close()
			cancel()
			return r.fail(err)
		}
	}
	if r.off == 0 && out.ContentLength != nil && *out.ContentLength >= 0 {
		if r.size >= 0 && r.size != *out.ContentLength {
			out.Body.Close()
			cancel()
			return r.fail(errChanged)
		}
		r.size = *out.ContentLength
	}
	r.body, r.cancel = out.Body, cancel
	return nil
}

func (r *s3Body) fail(err error) error { return fmt.Errorf("%s: %w", r.b.url(r.key), err) }

// Read gives each byte once.
func (r *s3Body) Read(p []byte) (int, error) {
	for {
		if r.body == nil {
			if err := r.connect(); err != nil {
				return 0, err
			}
		}
		timer := time.AfterFunc(stall, r.cancel)
		n, err := r.body.Read(p)
		timer.Stop()
		r.off += int64(n)
		if r.size >= 0 && r.off > r.size {
			return 0, r.fail(fmt.Errorf("longer than its %d bytes", r.size))
		}
		if n > 0 {
			r.broken = 0
			if err != nil && err != io.EOF {
				r.hangUp()
			}
			return n, nil // an end comes again, with nothing before it
		}
		switch {
		case err == nil:
			return 0, nil
		case err == io.EOF && (r.size < 0 || r.off == r.size):
			return 0, io.EOF
		case r.ctx.Err() != nil:
			return 0, r.ctx.Err()
		}
		if err = r.again(err); err != nil {
			return 0, err
		}
	}
}

// again waits before the rest is asked for, unless it has been asked for too often.
func (r *s3Body) again(cause error) error {
	r.hangUp()
	if cause == io.EOF {
		cause = io.ErrUnexpectedEOF
	}
	r.broken++
	if r.broken == attempts {
		return r.fail(fmt.Errorf("the connection broke %d times at byte %d: %w", r.broken, r.off, cause))
	}
	select {
	case <-r.ctx.Done():
		return r.ctx.Err()
	case <-time.After(r.b.opt.backoff(r.broken - 1)):
		return nil
	}
}

func (r *s3Body) hangUp() {
	if r.body != nil {
		r.cancel()
		r.body.Close()
		r.body = nil
	}
}

// Close ends the connection, read to the end or not.
func (r *s3Body) Close() error {
	r.hangUp()
	return nil
}
