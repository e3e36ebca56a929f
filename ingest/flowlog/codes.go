package flowlog

import (
	"encoding/binary"
	"math"
	"math/bits"
	"math/rand/v2"
)

const (
	// addressesMost is how many addresses a dictionary may hold before it is begun anew.
	addressesMost = 1 << 16
	// addressesKept is how many it may hold to be kept for the next object: more would be slow to find.
	addressesKept = 1 << 13
)

// codes numbers distinct addresses in the order of their first sight: the dictionary of the address
// columns. The table is seeded by chance, so whoever writes a log cannot choose addresses that meet in it.
type codes struct {
	values []address
	// slots are a power of two, at most half of them taken. A taken one holds, above, 32 bits that tell its address from
	// others: all of an IPv4 one, so that a search need not look at values, else of the hash, which is marked; below, one
	// more than its code. 0 is free.
	slots []uint64
	seed  [3]uint64
}

const (
	leastSlots = 1 << 10
	hashed     = 1 << 31 // mark of a slot
)

func (c *codes) init() {
	c.seed = [3]uint64{rand.Uint64() | 1, rand.Uint64(), rand.Uint64() | 1}
	c.slots = make([]uint64, leastSlots)
}

// of returns the code of an address and adds it on first sight.
func (c *codes) of(a address) int32 {
	tell, at := c.place(a)
	mask := uint64(len(c.slots) - 1)
	for ; ; at++ {
		slot := c.slots[at&mask]
		if slot == 0 {
			return c.add(a, tell, at&mask)
		}
		if (slot^tell)&^(hashed-1) == 0 {
			if k := int32(slot&(hashed-1)) - 1; tell&hashed == 0 || c.values[k] == a {
				return k
			}
		}
	}
}

func (c *codes) add(a address, tell, at uint64) int32 {
	k := int32(len(c.values))
	c.values = append(c.values, a)
	if 2*len(c.values) > len(c.slots) {
		c.keep(len(c.values))
	} else {
		c.slots[at] = tell | uint64(k+1)
	}
	return k
}

// place is what a slot tells of an address, and where the search for it begins, in the lowest bits.
func (c *codes) place(a address) (tell, at uint64) {
	v0, v1 := binary.LittleEndian.Uint64(a[:]), binary.LittleEndian.Uint64(a[8:])
	high, low := bits.Mul64(v0^c.seed[0], v1^c.seed[1])
	high, low = bits.Mul64(high^low, c.seed[2]) // once would leave rows of neighbours
	if v0 == 0 && uint32(v1) == 0xffff0000 {
		return v1 &^ math.MaxUint32, high ^ low
	}
	return low&^math.MaxUint32 | hashed, high ^ low
}

// keep drops all but the first n addresses. The table is made of the size that the addresses before took: the next ones
// are likely to be about as many.
func (c *codes) keep(n int) {
	size := max(leastSlots, 1<<bits.Len(uint(2*len(c.values))))
	if size > cap(c.slots) {
		c.slots = make([]uint64, size)
	}
	c.slots = c.slots[:size]
	clear(c.slots)
	c.values = c.values[:n]
	mask := uint64(size - 1)
	for k, a := range c.values {
		tell, at := c.place(a)
		for c.slots[at&mask] != 0 {
			at++
		}
		c.slots[at&mask] = tell | uint64(k+1)
	}
}
