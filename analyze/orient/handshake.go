package orient

import (
	"slices"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/ledger"
)

// Where no flags are logged, the sizes of packets tell an attempt that came to nothing. A SYN carries options that no other
// small packet does: 44 (maximum segment size alone), 48, or 60 bytes (Linux, BSD), 64 and 80 over IPv6. The RST that answers
// it carries none: 40 bytes, 60 over IPv6. Windows' SYN of 52 bytes is left out, as an ACK with a time stamp is as long, and a
// SYN without options, as only scanners send it, is as long as a RST.
var (
	synSizes4, synSizes6 = []int64{44, 48, 60}, []int64{64, 80}
	rstSize4, rstSize6   = int64(40), int64(60)
)

// ofSize reports whether all packets can have one of the sizes.
func ofSize(s *ledger.Sums, sizes ...int64) bool {
	return s.Packets > 0 && s.Packets <= synMost*s.Flows && s.Bytes%s.Packets == 0 && slices.Contains(sizes, s.Bytes/s.Packets)
}

// refusedBySize reports whether fwd is SYNs and back the RSTs that answered them.
func refusedBySize(fwd, back *ledger.Sums) bool {
	return back.Packets <= fwd.Packets &&
		(ofSize(fwd, synSizes4...) && ofSize(back, rstSize4) || ofSize(fwd, synSizes6...) && ofSize(back, rstSize6))
}

// Answered reports whether the packets of a connection went both ways as in one that was established: three and more each
// way that are not a refusal repeated, or any where flags are logged.
func Answered(proto uint8, ab, ba *ledger.Sums) bool {
	switch {
	case ab.Flows == 0 || ba.Flows == 0:
		return false
	case proto != uint8(analyze.TCP) || ab.Flagged || ba.Flagged:
		return true
	}
	return ab.Packets >= 3 && ba.Packets >= 3 && !refusedBySize(ab, ba) && !refusedBySize(ba, ab)
}

// byHandshake decides attempts without flags by the sizes of their packets.
func byHandshake(it *item) bool {
	if it.proto != uint8(analyze.TCP) || it.ab.Flagged || it.ba.Flagged {
		return false
	}
	sizes := synSizes4
	if it.a.Is6() {
		sizes = synSizes6
	}
	asks := func(fwd, back *ledger.Sums) bool {
		return back.Flows == 0 && ofSize(fwd, sizes...) || back.Flows > 0 && refusedBySize(fwd, back)
	}
	x, y := asks(&it.ab, &it.ba), asks(&it.ba, &it.ab)
	if x == y {
		return false
	}
	it.toward(x, analyze.Handshake)
	return true
}
