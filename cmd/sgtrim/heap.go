package main

import (
	"math"
	"os"
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
