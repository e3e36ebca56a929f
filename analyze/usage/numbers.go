package usage

// numbers gives values numbers, from 0 on in the order in which they come. The same value often comes many times in a row, so
// the last is known without a look.
type numbers[K comparable] struct {
	of   map[K]int32
	all  []K // by number
	last K
	n    int32 // of last
}

// number returns that of k.
func (t *numbers[K]) number(k K) int32 {
	if k == t.last && t.of != nil {
		return t.n
	}
	n, ok := t.of[k]
	if !ok {
		if t.of == nil {
			t.of = map[K]int32{}
		}
		n = int32(len(t.all))
		t.of[k] = n
		t.all = append(t.all, k)
	}
	t.last, t.n = k, n
	return n
}
