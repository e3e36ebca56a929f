package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"
)

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

// The heap may grow far before the first collection, and then as it is used to; a GOGC of the user's stays what it is.
func TestCollectLater(t *testing.T) {
	const usual = 123
	defer debug.SetGCPercent(debug.SetGCPercent(usual))
	percent := func() uint64 {
		s := []metrics.Sample{{Name: "/gc/gogc:percent"}}
		metrics.Read(s)
		return s[0].Value.Uint64()
	}
	t.Setenv("GOGC", "123")
	collectLater()
	if got := percent(); got != usual {
		t.Errorf("with GOGC: %d %%, want %d", got, usual)
	}
	os.Unsetenv("GOGC")
	collectLater()
	if got := percent(); got != earlyPercent {
		t.Fatalf("before the first collection: %d %%, want %d", got, earlyPercent)
	}
	for end := time.Now().Add(10 * time.Second); percent() != usual; {
		if runtime.GC(); time.Now().After(end) {
			t.Fatalf("after a collection: %d %%, want %d", percent(), usual)
		}
	}
}
