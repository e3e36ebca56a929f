package usage

import "github.com/sgtrim/sgtrim/analyze/estate"

// answer is what the estate said of one thing. Where nothing changed in the time asked about, it is the answer about any part
// of a stretch around it; else about just that time.
type answer[T any] struct {
	is   T
	time estate.Stretch
	calm bool
}

// mostAnswers are remembered of one thing: what was before a change, at it, and after it.
const mostAnswers = 4

// recall finds what was answered about a time.
func recall[T any](known []answer[T], first, last int64) (is T, ok bool) {
	for i := len(known) - 1; i >= 0; i-- {
		if a := &known[i]; a.calm && a.time.Holds(first, last) || a.time == (estate.Stretch{First: first, Last: last}) {
			return a.is, true
		}
	}
	return is, false
}

// remember notes an answer, and forgets the oldest where there are many.
func remember[T any](known []answer[T], is T, same estate.Stretch, first, last int64) []answer[T] {
	a := answer[T]{is, same, true}
	if !same.Holds(first, last) {
		a.time, a.calm = estate.Stretch{First: first, Last: last}, false
	}
	if len(known) == mostAnswers {
		copy(known, known[1:])
		known = known[:mostAnswers-1]
	}
	return append(known, a)
}
