package main

import "testing"

// The limit holds as long as what is alive leaves the collector room below it, and then grows with what is alive.
func TestHeapLimit(t *testing.T) {
	for _, c := range []struct {
		live, want int64
	}{{0, heapTarget}, {500 << 20, heapTarget}, {624 << 20, 936 << 20}, {1 << 30, 1<<30 + 320<<20}, {5 << 30, 6 << 30}} {
		if got := heapLimit(c.live); got != c.want {
			t.Errorf("%d alive: got a limit of %d, want %d", c.live, got, c.want)
		}
	}
	for _, c := range []struct {
		memory, want int64
	}{{1 << 30, heapTarget}, {8 << 30, 7 << 30}, {256 << 20, 224 << 20}, {1, 224 << 20}} {
		if got := scanLimit(c.memory); got != c.want {
			t.Errorf("--memory %d: got a limit of %d, want %d", c.memory, got, c.want)
		}
	}
}
