package usage

import "slices"

// dayLists are the lists of days that flows were seen on. Many flows share one, so each is there once: a list is a day after
// another list. 0 is the empty one.
type dayLists struct {
	nodes []dayList
	after map[dayList]int32 // number of a list, by what it ends with
	whole map[int32][]int32
}

type dayList struct{ before, day int32 }

func newDayLists() *dayLists {
	return &dayLists{nodes: make([]dayList, 1), after: map[dayList]int32{}, whole: map[int32][]int32{}}
}

// add is the list with one more day.
func (l *dayLists) add(list, day int32) int32 {
	if list != 0 && l.nodes[list].day == day {
		return list
	}
	longer := dayList{list, day}
	n, ok := l.after[longer]
	if !ok {
		n = int32(len(l.nodes))
		l.nodes = append(l.nodes, longer)
		l.after[longer] = n
	}
	return n
}

// days are the days of a list, ascending. Shared: not to be changed.
func (l *dayLists) days(list int32) []int32 {
	days, ok := l.whole[list]
	if !ok {
		for n := list; n != 0; n = l.nodes[n].before {
			days = append(days, l.nodes[n].day)
		}
		slices.Sort(days)
		days = slices.Clip(slices.Compact(days))
		l.whole[list] = days
	}
	return days
}
