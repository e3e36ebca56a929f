package analyze

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"
)

// Peer is the other side of a rule: exactly one of the three is set.
type Peer struct {
	Prefix       netip.Prefix // masked
	GroupID      string       // reference to a security group
	PrefixListID string
}

// IsCIDR reports whether the peer is an address prefix.
func (p Peer) IsCIDR() bool { return p.Prefix.IsValid() }

// IsWorld reports whether the peer is 0.0.0.0/0 or ::/0.
func (p Peer) IsWorld() bool { return p.Prefix.IsValid() && p.Prefix.Bits() == 0 }

// PeerKind is a kind of source that EC2 tells apart: a rule keeps its kind for life.
type PeerKind string

const (
	GroupPeer PeerKind = "group"
	ListPeer  PeerKind = "list"
	IPv4Peer  PeerKind = "v4"
	IPv6Peer  PeerKind = "v6"
)

// Kind of the peer.
func (p Peer) Kind() PeerKind {
	switch {
	case p.GroupID != "":
		return GroupPeer
	case p.PrefixListID != "":
		return ListPeer
	case p.Prefix.Addr().Is6():
		return IPv6Peer
	}
	return IPv4Peer
}

func (p Peer) String() string {
	switch {
	case p.GroupID != "":
		return p.GroupID
	case p.PrefixListID != "":
		return p.PrefixListID
	}
	return p.Prefix.String()
}

// ParsePeer reads what String writes. Host bits are dropped.
func ParsePeer(text string) (Peer, error) {
	switch {
	case strings.HasPrefix(text, "sg-"):
		return Peer{GroupID: text}, nil
	case strings.HasPrefix(text, "pl-"):
		return Peer{PrefixListID: text}, nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return Peer{}, fmt.Errorf("peer %q: want a CIDR, sg-… or pl-…", text)
	}
	return Peer{Prefix: prefix.Masked()}, nil
}

// Compare orders prefixes (by address, then length), then lists, then groups.
func (p Peer) Compare(o Peer) int {
	return cmp.Or(
		cmp.Compare(p.GroupID, o.GroupID),
		cmp.Compare(p.PrefixListID, o.PrefixListID),
		p.Prefix.Addr().Compare(o.Prefix.Addr()),
		cmp.Compare(p.Prefix.Bits(), o.Prefix.Bits()))
}

// RuleKey is the meaning of a rule: what EC2 compares when it looks for duplicates. Ids, descriptions and tags are not
// part of it. Comparable, fixed and normalised.
type RuleKey struct {
	GroupID   string // the group that holds the rule
	Direction Direction
	Service   Service
	Peer      Peer
}

// Compare is a total order for output.
func (k RuleKey) Compare(o RuleKey) int {
	return cmp.Or(cmp.Compare(k.GroupID, o.GroupID), cmp.Compare(k.Direction, o.Direction), k.Service.Compare(o.Service), k.Peer.Compare(o.Peer))
}

// String prints "sg-1 ingress tcp 443 10.0.0.0/8".
func (k RuleKey) String() string {
	return k.GroupID + " " + k.Direction.String() + " " + k.Service.String() + " " + k.Peer.String()
}

// Rule is one security-group rule: one source or destination for one service.
type Rule struct {
	RuleKey
	ID          string // sgr-…; "" where the describe output had none
	Description string
	Tags        map[string]string // nil when unknown
	// Of a reference: the account that owns the referenced group, its VPC and the peering between, as EC2 returns them.
	PeerAccount   string
	PeerVPC       string
	PeeringID     string
	PeeringStatus string
	// Unsupported says why the model cannot express the rule ("" when it can). Such a rule is listed and never touched; it
	// matches nothing here and counts as Maybe for everything in its group and direction.
	Unsupported string
}

// PrivateAddr reports whether a is of private use: RFC 1918, RFC 6598 shared space, RFC 4193 ULA, and link-local.
func PrivateAddr(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsPrivate() || a.IsLinkLocalUnicast() || a.IsLoopback() || sharedSpace.Contains(a)
}

var sharedSpace = netip.MustParsePrefix("100.64.0.0/10")
