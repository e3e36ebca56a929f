package sum

import (
	"math/bits"
	"unsafe"
)

// endpoint is an address and port of one protocol, or (whole) the address with all its ports.
type endpoint struct {
	key        endpointKey
	met        uint64 // bit per hash of a port met: at least as many different ones as bits
	pairs      uint32 // of an address: those of its ports that are no candidates
	candidates uint32 // of an address
	client     bool   // flags show it as a client's
}

// endpointKey: code of the address << 32 | port << 16 | protocol << 1 | whole.
type endpointKey uint64

type endpointTable struct {
	index
	list []endpoint // n of them, the first at lone, and at least one to come
	n    int
	seed uint64
}

// lone is the position of one that stands for all that met one port and are not looked up: see sieve.
const lone int32 = 0

// len is how many endpoints there are, without that at lone.
func (t *endpointTable) len() int { return t.n - 1 }

func (t *endpointTable) at(i int32) *endpoint { return &t.list[i] }

func (t *endpointTable) hash(k endpointKey) uint64 { return mix(t.seed, uint64(k)) }

// reserve makes room for n more endpoints.
func (t *endpointTable) reserve(n int) {
	if t.full(n) {
		t.grow(n, int(lone)+1, func(at int) uint64 { return t.hash(t.list[at].key) })
	}
	t.list = withRoom(t.list, t.n, n)
}

// ahead is called with the hashes that get will be called with next, when there is room for them.
func (t *endpointTable) ahead(hashes []uint64) {
	t.index.ahead(hashes, unsafe.Pointer(&t.list[0]), unsafe.Sizeof(t.list[0]))
}

// find returns the position of an endpoint, or -1 and where it would go.
func (t *endpointTable) find(k endpointKey, hash uint64) (int32, probe) {
	at := t.start(hash)
	for {
		i := t.next(&at)
		if i < 0 || t.list[i].key == k {
			return int32(i), at
		}
	}
}

// get returns the position of an endpoint, made when it is new, for which there must be room. It does without branches as that
// of pairs does.
func (t *endpointTable) get(k endpointKey, hash uint64) int32 {
	t.list[t.n] = endpoint{key: k}
	o := t.offer(t.likely(hash), hash, t.n)
	if t.list[o.at].key != k {
		return t.search(k, hash)
	}
	t.take(o)
	t.n += o.more
	return int32(o.at)
}

// search is get for a key that stands further on than get looks.
func (t *endpointTable) search(k endpointKey, hash uint64) int32 {
	i, at := t.find(k, hash)
	if i >= 0 {
		return i
	}
	t.put(at, t.n)
	t.n++
	return int32(t.n - 1)
}

// have returns the position of an endpoint, made when it is new.
func (t *endpointTable) have(k endpointKey) int32 {
	t.reserve(1)
	return t.get(k, t.hash(k))
}

func (t *endpointTable) reset() {
	t.index.reset()
	t.list = withRoom(t.list, 0, 1)
	t.list[lone], t.n = endpoint{met: 1}, 1
}

// endpoint is the key of endpoint n of a pair. Addresses have codes of their own in meetings where those of the object are given
// anew for each part of it.
func (o *object) endpoint(k *pairKey, n int) endpointKey {
	code := k.code(n)
	if len(o.runs) > 0 {
		code = o.metCode(code)
	}
	return endpointKey(code)<<32 | endpointKey(k.port(n))<<16 | endpointKey(k.proto())<<1
}

// metCode is the code that meetings give an address, by the object's.
func (o *object) metCode(code uint32) uint32 {
	for int(code) >= len(o.metCodes) {
		o.metCodes = append(o.metCodes, 0)
	}
	met := o.metCodes[code]
	if met == 0 {
		met = o.met.addrs.code(o.addrs.of(code))
		o.metCodes[code] = met
	}
	return met
}

// address is the key that stands for all ports of an address.
func (k endpointKey) address() endpointKey { return k&^(0xffff<<16) | 1 }

func portBit(p uint16) uint64 { return 1 << portPlace(p) }

// portPlace says which of 64 a port's bit is.
func portPlace(p uint16) uint32 { return uint32(p) * 0x9e3779b1 >> 26 }

func (e *endpoint) degree() int { return bits.OnesCount64(e.met) }

func (k endpointKey) port() uint16 { return uint16(k >> 16) }

func (k endpointKey) proto() uint8 { return uint8(k >> 1) }
