package usage

import (
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"net/netip"
	"slices"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/orient"
)

// tally sums the conversations of one interface. A day's come interface by interface, so while one is summed all that is looked
// at is near.
type tally struct {
	own   []netip.Addr          // addresses of its own that rows told, the last one told first
	open  []orient.Conversation // of an interface that nobody has recorded: those whose rows do not tell the local side
	then  []answer[states]
	sums  []sum
	slots []int32 // hash table of the sums by target: 1 + position, 0 is free
	at    int     // of its flows among all
}

// states are the states that an interface may have been in, whether there was but that one, and when.
type states struct {
	all  []*estate.Interface
	sure bool
	same estate.Stretch
}

// sum is a flow while it is summed: small and without pointers, for there may be millions.
type sum struct {
	target
	first, last  int64
	flows, bytes int64
	subject      int32 // number of the interface's state
	place        int32 // number of the placement
	days         int32 // see dayLists
	strength     analyze.Strength
	orientation  analyze.Reason
	unsure       bool
	unlikely     bool
}

// target is what tells the conversations of an interface apart, but for who the ends were.
type target struct {
	high, low uint64 // the peer's address, as IPv6
	service   uint64 // direction << 32, protocol << 24, port << 8, action
}

func targetOf(c *orient.Conversation) target {
	peer := c.Peer.As16()
	return target{
		binary.BigEndian.Uint64(peer[:8]), binary.BigEndian.Uint64(peer[8:]),
		uint64(c.Direction)<<32 | uint64(c.Proto)<<24 | uint64(c.Port)<<8 | uint64(c.Action),
	}
}

func (t *target) peer() netip.Addr {
	var a [16]byte
	binary.BigEndian.PutUint64(a[:8], t.high)
	binary.BigEndian.PutUint64(a[8:], t.low)
	return netip.AddrFrom16(a).Unmap()
}

func (t *target) direction() analyze.Direction { return analyze.Direction(t.service >> 32) }
func (t *target) proto() uint8                 { return uint8(t.service >> 24) }
func (t *target) port() uint16                 { return uint16(t.service >> 8) }
func (t *target) action() analyze.Action       { return analyze.Action(t.service) }

// compare orders the flows of an interface by direction, service, peer and action.
func (t *target) compare(o *target) int {
	if c := cmp.Compare(t.service>>8, o.service>>8); c != 0 {
		return c
	}
	if t.high != o.high || t.low != o.low {
		return t.peer().Compare(o.peer())
	}
	return cmp.Compare(t.service, o.service)
}

// is compares without the call that == makes of so many words.
func (t *target) is(o *target) bool {
	return (t.high^o.high)|(t.low^o.low)|(t.service^o.service) == 0
}

// seed of the hash tables: it changes no result, but nobody can aim at it.
var seed = maphash.MakeSeed()

func (t *target) hash() uint64 { return maphash.Comparable(seed, *t) }

// tell notes an address of the interface's own.
func (t *tally) tell(a netip.Addr) {
	if len(t.own) > 0 && t.own[0] == a {
		return
	}
	at := slices.Index(t.own, a)
	if at < 0 {
		at = len(t.own)
		t.own = append(t.own, a)
	}
	t.own[0], t.own[at] = a, t.own[0]
}

func (t *tally) owns(a netip.Addr) bool { return slices.Contains(t.own, a) }

// local is an address of its own, invalid when none was told.
func (t *tally) local() netip.Addr {
	if len(t.own) == 0 {
		return netip.Addr{}
	}
	return t.own[0]
}

// find returns the sum of a target for which same holds. Where there is none it is nil, and the slot is where it belongs.
func (t *tally) find(to *target, same func(*sum) bool) (f *sum, slot *int32) {
	if 2*(len(t.sums)+1) > len(t.slots) {
		t.grow()
	}
	mask := uint64(len(t.slots) - 1)
	for at := to.hash() & mask; ; at = (at + 1) & mask {
		i := t.slots[at]
		if i == 0 {
			return nil, &t.slots[at]
		}
		if f := &t.sums[i-1]; f.is(to) && same(f) {
			return f, nil
		}
	}
}

func (t *tally) grow() {
	t.slots = make([]int32, max(16, 2*len(t.slots)))
	mask := uint64(len(t.slots) - 1)
	for i := range t.sums {
		at := t.sums[i].hash() & mask
		for t.slots[at] != 0 {
			at = (at + 1) & mask
		}
		t.slots[at] = int32(i + 1)
	}
}
