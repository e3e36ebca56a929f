package ledger

import (
	"cmp"
	"encoding/binary"
	"math"
	"net/netip"
)

// CompareAddr orders addresses by their 16-byte form, IPv4 mapped into IPv6. It is the order of the ledger's files.
func CompareAddr(a, b netip.Addr) int {
	if a.Is4() && b.Is4() {
		return a.Compare(b) // without going through memory
	}
	x, y := a.As16(), b.As16()
	if c := cmp.Compare(binary.BigEndian.Uint64(x[:8]), binary.BigEndian.Uint64(y[:8])); c != 0 {
		return c
	}
	return cmp.Compare(binary.BigEndian.Uint64(x[8:]), binary.BigEndian.Uint64(y[8:]))
}

// Compare is the order of evidence in the ledger's files: by day, interface, peer, own address, and then the rest.
func (k *Key) Compare(o *Key) int {
	if c := cmp.Or(cmp.Compare(k.Day, o.Day), cmp.Compare(k.Interface, o.Interface)); c != 0 {
		return c
	}
	if c := CompareAddr(k.B, o.B); c != 0 {
		return c
	}
	if c := CompareAddr(k.A, o.A); c != 0 {
		return c
	}
	return cmp.Or(
		cmp.Compare(k.Proto, o.Proto), cmp.Compare(k.PortB, o.PortB), cmp.Compare(k.PortA, o.PortA),
		cmp.Compare(k.Action, o.Action), cmp.Compare(k.Side, o.Side), cmp.Compare(k.Client, o.Client),
		cmp.Compare(k.Reason, o.Reason), cmp.Compare(k.Strength, o.Strength), cmp.Compare(k.Source, o.Source))
}

// AddCounts adds two counts that are not negative and stops at the largest int64, so that hostile figures cannot wrap and
// the order of additions cannot matter.
func AddCounts(a, b int64) int64 {
	if s := a + b; s >= 0 {
		return s
	}
	return math.MaxInt64
}

// Add adds o to s.
func (s *Sums) Add(o Sums) {
	s.Flows = AddCounts(s.Flows, o.Flows)
	s.Packets = AddCounts(s.Packets, o.Packets)
	s.Bytes = AddCounts(s.Bytes, o.Bytes)
	s.Flags |= o.Flags
	s.Flagged = s.Flagged || o.Flagged
	s.Opens = s.Opens || o.Opens
}

// Add merges the values of o, which must have the key of e, into e.
func (e *Evidence) Add(o *Evidence) {
	e.AB.Add(o.AB)
	e.BA.Add(o.BA)
	e.First = min(e.First, o.First)
	e.Last = max(e.Last, o.Last)
	e.Hours |= o.Hours
	e.Sessions = AddCounts(e.Sessions, o.Sessions)
}

// Add merges o, of the same day, source and interface, into c.
func (c *Coverage) Add(o Coverage) {
	c.Covered |= o.Covered
	c.Gaps |= o.Gaps
	c.Accepts = AddCounts(c.Accepts, o.Accepts)
	c.Rejects = AddCounts(c.Rejects, o.Rejects)
	c.NoData = AddCounts(c.NoData, o.NoData)
	c.SkipData = AddCounts(c.SkipData, o.SkipData)
}

func (c *Coverage) compare(o *Coverage) int {
	return cmp.Or(cmp.Compare(c.Day, o.Day), cmp.Compare(c.Interface, o.Interface), cmp.Compare(c.Source, o.Source))
}

// Merge takes over what o knows and a does not. Where both know and differ, the lesser text wins, so that the order of
// objects cannot matter; an interface never changes its account, VPC or subnet.
func (a *Attributes) Merge(o Attributes) {
	a.Account = knownLesser(a.Account, o.Account)
	a.VPC = knownLesser(a.VPC, o.VPC)
	a.Subnet = knownLesser(a.Subnet, o.Subnet)
	a.Region = knownLesser(a.Region, o.Region)
}

func knownLesser(a, b string) string {
	if a == "" || (b != "" && b < a) {
		return b
	}
	return a
}

// Hours is the mask of the hours of a day (days since 1970-01-01 UTC) that the seconds first to last touch; a span that
// starts before the day or ends after it is cut.
func Hours(day int32, first, last int64) uint32 {
	start := int64(day) * 86400
	lo := min(max(first, start), start+86399)
	hi := min(max(last, lo), start+86399)
	from, to := uint((lo-start)/3600), uint((hi-start)/3600)
	return uint32(1)<<(to+1) - uint32(1)<<from
}

// DayOf is the UTC day of a unix time. Times before 1970 or beyond the range of days are put on the first or last day.
func DayOf(unix int64) int32 { return int32(min(max(unix/86400, 0), math.MaxInt32)) }
