//go:build !amd64 || purego

package sum

import "unsafe"

// prefetch does nothing: what is not there yet is waited for when it is looked at.
func prefetch(slots *uint32, mask uint32, hashes *uint64, n int, list unsafe.Pointer, size uintptr) {}
