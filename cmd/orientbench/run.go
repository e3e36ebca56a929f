package main

import (
	"bytes"
	"context"
	"io"
	"iter"
	"os"

	"github.com/sgtrim/sgtrim/analyze/ledger"
	"github.com/sgtrim/sgtrim/analyze/ledger/sum"
	"github.com/sgtrim/sgtrim/analyze/orient"
	"github.com/sgtrim/sgtrim/cmd/world/labelled"
	"github.com/sgtrim/sgtrim/ingest"
	"github.com/sgtrim/sgtrim/ingest/layout"
)

// objects is a source of flow logs in memory.
type objects []labelled.Object

func (o objects) Objects(context.Context) iter.Seq2[ingest.Object, error] {
	return func(yield func(ingest.Object, error) bool) {
		for i := range o {
			f := layout.Parse(o[i].Key)
			if !yield(ingest.Object{URL: o[i].Key, Size: int64(len(o[i].Text)), Account: f.Account, Region: f.Region, FlowLog: f.FlowLog, Slot: f.Slot}, nil) {
				return
			}
		}
	}
}

func (o objects) Open(_ context.Context, want ingest.Object) (io.ReadCloser, error) {
	for i := range o {
		if o[i].Key == want.URL {
			return io.NopCloser(bytes.NewReader(o[i].Text)), nil
		}
	}
	return nil, os.ErrNotExist
}

// oriented takes objects the way a review does: text, batches, sums of each object, the ledger's evidence, conversations.
func oriented(ctx context.Context, logs []labelled.Object, see func(*orient.Conversation)) error {
	dir, err := os.MkdirTemp("", "orientbench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	l, err := ledger.Open(dir, ledger.Options{})
	if err != nil {
		return err
	}
	defer l.Close()
	sums := sum.New(l)
	if _, err := ingest.Scan(ctx, objects(logs), ingest.Options{Workers: 1, NewSink: sums.Sink, Skip: sums.Skip, Checkpoint: sums.Checkpoint}); err != nil {
		return err
	}
	for _, day := range l.Days() {
		for c, err := range orient.Each(orient.Source{Evidence: l.Evidence(day), Keys: l.Keys(day)}, orient.Options{}) {
			if err != nil {
				return err
			}
			see(&c)
		}
	}
	return nil
}
