//go:build !purego

package sum

import "unsafe"

// prefetch asks for the first slots of n hashes, and then for the entries whose positions stand in them, each of size bytes, of
// which the first one is at list. It reads hashes and slots alone; mask + 1 is how many slots there are.
//
//go:noescape
func prefetch(slots *uint32, mask uint32, hashes *uint64, n int, list unsafe.Pointer, size uintptr)
