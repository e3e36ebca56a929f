package main

import (
	"errors"
	"iter"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/sgtrim/sgtrim/analyze/orient"
)

// Days come one after another, whole and in order, as far as they are asked for; no goroutine is left making more.
func TestAhead(t *testing.T) {
	bad := errors.New("unreadable")
	sizes := []int{3, 0, 1300, aheadBatch, 1}
	days := []int32{0, 1, 2, 3, 4}
	for _, c := range []struct {
		name     string
		stop     int   // conversations to take
		failDay  int32 // -1: none
		failedAt int   // conversations of that day before the error
		want     int
	}{
		{"all", 1 << 20, -1, 0, 3 + 1300 + aheadBatch + 1},
		{"stopped in the first day", 2, -1, 0, 2},
		{"stopped in the middle", 900, -1, 0, 900},
		{"an error in the middle", 1 << 20, 2, 700, 703},
		{"an error of a day not reached", 100, 4, 0, 100},
		{"an error at once", 1 << 20, 0, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var making atomic.Int32
			all := ahead(days, func(day int32) iter.Seq2[orient.Conversation, error] {
				return func(yield func(orient.Conversation, error) bool) {
					making.Add(1)
					defer making.Add(-1)
					for i := range sizes[day] + 1 {
						if day == c.failDay && i == c.failedAt {
							yield(orient.Conversation{}, bad)
							return
						}
						if i < sizes[day] && !yield(orient.Conversation{Key: orient.Key{Day: day, Port: uint16(i)}}, nil) {
							return
						}
					}
				}
			})
			var got [][2]int32
			var failed error
			for conversation, err := range all {
				if failed = err; err != nil {
					continue // nothing may follow
				}
				if got = append(got, [2]int32{conversation.Day, int32(conversation.Port)}); len(got) == c.stop {
					break
				}
			}
			if n := making.Load(); n != 0 {
				t.Errorf("%d goroutines are left", n)
			}
			if wantError := c.failDay >= 0 && c.want < c.stop; wantError != errors.Is(failed, bad) {
				t.Errorf("error %v", failed)
			}
			if len(got) != c.want || !slices.IsSortedFunc(got, func(a, b [2]int32) int { return slices.Compare(a[:], b[:]) }) {
				t.Errorf("got %d conversations, want %d in order", len(got), c.want)
			}
		})
	}
	for range ahead(nil, nil) {
		t.Error("a conversation of no day")
	}
}
