package main

import (
	"iter"
	"sync"

	"github.com/sgtrim/sgtrim/analyze/orient"
)

// aheadBatch is how many conversations are handed over at once.
const aheadBatch = 512

// batch is some conversations of a day, or the error that ends it.
type batch struct {
	list []orient.Conversation
	err  error
}

// ahead yields what each yields for day after day. While one day's conversations are used, those of the next are made in a
// goroutine of its own, so that two cores have work and two days are in memory. It has ended when the iteration has.
func ahead(days []int32, each func(day int32) iter.Seq2[orient.Conversation, error]) iter.Seq2[orient.Conversation, error] {
	return func(yield func(orient.Conversation, error) bool) {
		if len(days) == 0 {
			return
		}
		done := make(chan struct{})
		var making sync.WaitGroup
		defer making.Wait()
		defer close(done)
		start := func(day int32) <-chan batch {
			made := make(chan batch, 2)
			making.Go(func() {
				defer close(made)
				deliver(each(day), made, done)
			})
			return made
		}
		next := start(days[0])
		for i := range days {
			today := next
			if i+1 < len(days) {
				next = start(days[i+1])
			}
			if !use(today, yield) {
				return
			}
			fitHeap()
		}
	}
}

// deliver sends the conversations in batches until they end, fail, or done is closed.
func deliver(all iter.Seq2[orient.Conversation, error], to chan<- batch, done <-chan struct{}) {
	var b batch
	send := func() bool {
		select {
		case to <- b:
			b = batch{}
			return true
		case <-done:
			return false
		}
	}
	for c, err := range all {
		if err != nil {
			b.err = err
			break
		}
		if b.list == nil {
			b.list = make([]orient.Conversation, 0, aheadBatch)
		}
		if b.list = append(b.list, c); len(b.list) == aheadBatch && !send() {
			return
		}
	}
	send()
}

// use yields a day's conversations and reports whether to go on.
func use(day <-chan batch, yield func(orient.Conversation, error) bool) bool {
	for b := range day {
		for i := range b.list {
			if !yield(b.list[i], nil) {
				return false
			}
		}
		if b.err != nil {
			yield(orient.Conversation{}, b.err)
			return false
		}
	}
	return true
}
