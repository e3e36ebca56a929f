package source

import (
	"context"
	"errors"
	"io"
	"sync/atomic"

	"github.com/sgtrim/sgtrim/ingest"
)

// stdin is one object that can be read once.
type stdin struct {
	r    io.Reader
	used atomic.Bool
}

func newStdin(r io.Reader) *stdin { return &stdin{r: r} }

// Objects lists the one object.
func (s *stdin) Objects(context.Context) listing {
	return each([]ingest.Object{{URL: "-", Size: -1, Named: true}})
}

// Open gives the input, the first time.
func (s *stdin) Open(context.Context, ingest.Object) (io.ReadCloser, error) {
	if s.r == nil {
		return nil, errors.New("-: no standard input")
	}
	if s.used.Swap(true) {
		return nil, errors.New("-: standard input can be read once only")
	}
	return io.NopCloser(s.r), nil
}
