package recommend

import (
	"net/netip"

	"github.com/sgtrim/sgtrim/analyze/usage"
	covers "github.com/sgtrim/sgtrim/recommend/cover"
)

// widen covers peers that no network of the estate holds by the addresses seen.
func (r *reviewer) widen(rule *usage.Rule, peers []peerUse) []netip.Prefix {
	addrs := make([]netip.Addr, 0, len(peers))
	for _, p := range peers {
		addrs = append(addrs, p.addr)
	}
	out, err := covers.Addrs(addrs, covers.Options{Within: []netip.Prefix{rule.Peer.Prefix}})
	if err != nil {
		return []netip.Prefix{rule.Peer.Prefix} // doubt keeps
	}
	return out
}
