package main

import (
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// heapTarget keeps the process within 1 GiB, with room for what is no heap. Left alone, the collector lets the heap grow to
// twice what is alive.
const heapTarget = 896 << 20

// limitHeap makes the collector work harder above the target. Who sets GOMEMLIMIT has decided otherwise.
func limitHeap() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(heapTarget)
	}
}

// earlyPercent is how much the heap may grow, in percent of the some 6 MB that libraries begin with, before it is collected first.
const earlyPercent = 1000

// collectLater spares the program collections while it sets itself up and nothing is garbage yet: two of seven in ten million
// records. From the first on the collector goes on as usual. Who sets GOGC has decided otherwise.
func collectLater() {
	if os.Getenv("GOGC") != "" {
		return
	}
	usual := debug.SetGCPercent(earlyPercent)
	first := new([2]uint64) // which the first collection finds unused
	runtime.AddCleanup(first, func(percent int) { debug.SetGCPercent(percent) }, usual)
}

// leastMemory is the least --memory that is kept: the process takes some 100 MiB of it for itself and what it reads ahead.
const leastMemory = 256 << 20

// limitScan makes the collector keep the process within so many bytes while logs are read, and returns what ends that.
func limitScan(memory int64) (end func()) {
	if os.Getenv("GOMEMLIMIT") != "" || debug.SetMemoryLimit(-1) == math.MaxInt64 {
		return func() {}
	}
	before := debug.SetMemoryLimit(scanLimit(memory))
	return func() { debug.SetMemoryLimit(before) }
}

// scanLimit leaves room for what is no heap: the program's own pages, and what the system maps for it.
func scanLimit(memory int64) int64 {
	memory = max(memory, leastMemory)
	return memory - max(memory/8, 32<<20)
}

// fitHeap raises a limit that what is alive has come near to: the collector would find nothing and take half the CPU. It
// is called now and then, between large steps.
func fitHeap() {
	if os.Getenv("GOMEMLIMIT") != "" || debug.SetMemoryLimit(-1) == math.MaxInt64 {
		return
	}
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	if live[0].Value.Kind() == metrics.KindUint64 {
		debug.SetMemoryLimit(heapLimit(int64(live[0].Value.Uint64())))
	}
}

// heapLimit leaves room of half of what is alive, and of large estates of a fifth: the more is alive the fewer collections a
// share of it takes, and memory is what they lack first (make bench-scale).
func heapLimit(live int64) int64 {
	const room = 320 << 20
	return max(heapTarget, live+min(live/2, max(room, live/5)))
}
