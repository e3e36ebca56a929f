package ledger

import (
	"errors"
	"iter"
)

// Merge yields the rows of several sequences, each sorted by Key.Compare, in that order; rows of one key are added up. An
// error ends it, and so does a sequence that is not sorted. It may be ranged over again if its parts may.
func Merge(seqs ...iter.Seq2[Evidence, error]) iter.Seq2[Evidence, error] {
	if len(seqs) == 1 {
		return seqs[0]
	}
	return func(yield func(Evidence, error) bool) {
		heads, stop, err := pullAll(seqs)
		defer stop()
		for err == nil && len(heads) > 0 {
			least := leastHead(heads)
			e := heads[least].e
			for i := range heads {
				if i != least && heads[i].e.Key == e.Key {
					e.Add(&heads[i].e)
				}
			}
			if !yield(e, nil) {
				return
			}
			heads, err = advance(heads, &e.Key)
		}
		if err != nil {
			yield(Evidence{}, err)
		}
	}
}

// head is the next row of one sequence.
type head struct {
	e    Evidence
	next func() (Evidence, error, bool)
}

var errUnsorted = errors.New("evidence is not sorted by its key")

// advance steps over key in every sequence that stands at it, and drops those that end.
func advance(heads []head, key *Key) ([]head, error) {
	kept := heads[:0]
	for _, h := range heads {
		if h.e.Key == *key {
			e, err, ok := h.next()
			if err != nil {
				return nil, err
			}
			if !ok {
				continue
			}
			if h.e = e; e.Compare(key) <= 0 {
				return nil, errUnsorted
			}
		}
		kept = append(kept, h)
	}
	return kept, nil
}

func pullAll(seqs []iter.Seq2[Evidence, error]) (heads []head, stop func(), err error) {
	var stops []func()
	stop = func() {
		for _, s := range stops {
			s()
		}
	}
	for _, s := range seqs {
		next, end := iter.Pull2(s)
		stops = append(stops, end)
		e, err, ok := next()
		if err != nil {
			return nil, stop, err
		}
		if ok {
			heads = append(heads, head{e, next})
		}
	}
	return heads, stop, nil
}

func leastHead(heads []head) int {
	least := 0
	for i := range heads {
		if heads[i].e.Compare(&heads[least].e.Key) < 0 {
			least = i
		}
	}
	return least
}
