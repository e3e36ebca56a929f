package sum

import "math/bits"

// row is one row of evidence of one day, account and region: 15 words, written as they are when spilled.
type row struct {
	key      rowKey
	flows    [2]int64 // from A to B, from B to A
	packets  [2]int64
	bytes    [2]int64
	sessions int64
	first    int64
	last     uint64 // as that of a pair
}

type rowKey struct {
	a, b addr
	ids  uint64 // code of the interface << 32 | code of the source
	// tuple: port B << 48, port A << 32, protocol << 24, action << 16, side << 15, client << 12, reason << 4, strength
	tuple uint64
}

const (
	rowWords = 15
	rowBytes = rowWords * 8
)

func (k *rowKey) hash(seed uint64) uint64 {
	h := mix(seed, k.a.lo) + mix(seed+1, k.b.lo)
	h = mix(h, k.a.hi^bits.RotateLeft64(k.b.hi, 32))
	return mix(h, k.tuple^bits.RotateLeft64(k.ids, 17))
}

func (k *rowKey) equal(o *rowKey) bool {
	return k.a.differs(o.a)|k.b.differs(o.b)|(k.ids^o.ids)|(k.tuple^o.tuple) == 0
}

// store keeps rows in chunks, so that growing never moves them.
type store struct {
	chunks [][]row
	n      int
}

func (s *store) at(i int) *row { return &s.chunks[i/chunkEntries][i%chunkEntries] }

// add appends a row. What it holds is the caller's to write.
func (s *store) add() *row {
	if s.n == len(s.chunks)*chunkEntries {
		s.chunks = append(s.chunks, make([]row, chunkEntries))
	}
	s.n++
	return s.at(s.n - 1)
}

type rowTable struct {
	index
	store
	seed uint64
	warm uint64 // takes what is loaded ahead, so that it is loaded
}

// touch loads the two or three cache lines that the row lies in.
func (r *row) touch() uint64 { return r.key.a.hi ^ uint64(r.flows[1]) ^ r.last }

// addAll merges rows, at most blockRecords, into the table. So many more may follow.
func (t *rowTable) addAll(rows []row, more int) {
	if t.full(len(rows)) {
		t.grow(len(rows)+more, 0, func(at int) uint64 { return t.at(at).key.hash(t.seed) })
	}
	var hashes [blockRecords]uint64
	warm := uint64(0)
	for i := range rows {
		hashes[i] = rows[i].key.hash(t.seed)
		warm += uint64(t.slots[uint32(hashes[i]>>32)&t.mask()])
	}
	for i := range rows {
		at := t.start(hashes[i])
		if i := t.next(&at); i >= 0 {
			warm += t.at(i).touch()
		}
	}
	t.warm = warm
	for i := range rows {
		t.add(&rows[i], hashes[i])
	}
}

// add merges r into the table, in which there is room.
func (t *rowTable) add(r *row, hash uint64) {
	at := t.start(hash)
	for {
		i := t.next(&at)
		if i < 0 {
			break
		}
		if old := t.at(i); old.key.equal(&r.key) {
			old.merge(r)
			return
		}
	}
	t.put(at, t.store.n)
	*t.store.add() = *r
}

// size is the memory of the rows and of the index, in bytes.
func (t *rowTable) size() int64 {
	return int64(len(t.chunks))*chunkEntries*rowBytes + int64(len(t.slots))*4
}
