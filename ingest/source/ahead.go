package source

import (
	"context"
	"io"
	"iter"

	"github.com/sgtrim/sgtrim/ingest"
)

// File is an object with its content.
type File struct {
	ingest.Object
	Body []byte
}

// ahead is how many objects are read before they are wanted.
const ahead = 8

// ReadAll reads the objects of a source whole, in its order, some ahead of the one that is asked for: small objects of a far
// place are read in the time of their bytes, not of their number. After an error there is nothing more.
func ReadAll(ctx context.Context, s ingest.Source) iter.Seq2[File, error] {
	type result struct {
		file File
		err  error
	}
	return func(yield func(File, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		queue := make(chan chan result, ahead-1)
		go func() {
			defer close(queue)
			for o, err := range s.Objects(ctx) {
				slot := make(chan result, 1)
				select {
				case queue <- slot:
				case <-ctx.Done():
					return
				}
				if err != nil {
					slot <- result{err: err}
					return
				}
				go func() {
					body, err := readWhole(ctx, s, o)
					slot <- result{File{o, body}, err}
				}()
			}
		}()
		for slot := range queue {
			if r := <-slot; !yield(r.file, r.err) || r.err != nil {
				return
			}
		}
		if err := ctx.Err(); err != nil { // the listing may have ended for that
			yield(File{}, err)
		}
	}
}

func readWhole(ctx context.Context, s ingest.Source, o ingest.Object) ([]byte, error) {
	r, err := s.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}
