package usage

import (
	"cmp"
	"runtime"
	"sync"

	"github.com/sgtrim/sgtrim/analyze/orient"
)

// shard sums the conversations of some of the interfaces, on a core of its own.
type shard struct {
	*summer
	filling []orient.Conversation
	full    chan []orient.Conversation
	empty   chan []orient.Conversation // to be filled again
}

// shardBatch is how many conversations are handed over at once.
const shardBatch = 256

// mostWorkers there are unless told: one goroutine deals the conversations to them, and each needs memory of its own.
const mostWorkers = 8

// summed sums all conversations. What is of one interface is summed in one place and in order, so that it does not matter how
// many workers there are.
func summed(in Input) ([]*summer, error) {
	shards := make([]*shard, cmp.Or(in.Workers, min(runtime.GOMAXPROCS(0), mostWorkers)))
	summers := make([]*summer, len(shards))
	var working sync.WaitGroup
	for i := range shards {
		const ahead = 2
		s := &shard{summer: newSummer(in.Index), full: make(chan []orient.Conversation, ahead), empty: make(chan []orient.Conversation, ahead+2)}
		shards[i], summers[i] = s, s.summer
		working.Go(s.run)
	}
	err := deal(in, shards)
	for _, s := range shards {
		s.full <- s.filling
		close(s.full)
	}
	working.Wait()
	return summers, err
}

// deal gives every conversation to the shard of its interface.
func deal(in Input, shards []*shard) error {
	var interfaces numbers[string]
	for c, err := range in.Conversations {
		if err != nil {
			return err
		}
		s := shards[int(interfaces.number(c.Interface))%len(shards)]
		if len(s.filling) == shardBatch {
			s.send()
		}
		s.filling = append(s.filling, c)
	}
	return nil
}

// send hands over what was gathered, and takes a batch that is done with for the next.
func (s *shard) send() {
	s.full <- s.filling
	select {
	case s.filling = <-s.empty:
	default:
		s.filling = make([]orient.Conversation, 0, shardBatch)
	}
}

func (s *shard) run() {
	for batch := range s.full {
		for i := range batch {
			s.add(&batch[i])
		}
		select {
		case s.empty <- batch[:0]:
		default:
		}
	}
	s.settle()
}
