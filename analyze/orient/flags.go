package orient

import (
	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/ledger"
)

// Bits of tcp-flags as AWS logs them: OR-ed over the interval and direction; the ACK bit only ever with SYN [aws-facts 1.5].
const (
	FIN = 1
	SYN = 2
	RST = 4
	ACK = 16
)

// ByFlags says from TCP flags alone which end opened a connection: the one that sent SYN without ACK, or the one that did
// not send SYN-ACK. ClientOpen with Ambiguous when no flag tells, or when flags contradict each other (clash).
func ByFlags(ab, ba *ledger.Sums) (c ledger.Client, r analyze.Reason, clash bool) {
	a := ab.Opens || ba.Flags&ACK != 0
	b := ba.Opens || ab.Flags&ACK != 0
	switch {
	case a && b:
		return ledger.ClientOpen, analyze.Ambiguous, true
	case a:
		c = ledger.ClientA
	case b:
		c = ledger.ClientB
	default:
		return ledger.ClientOpen, analyze.Ambiguous, false
	}
	if tells(ab) && tells(ba) {
		return c, analyze.OwnFlags, false
	}
	return c, analyze.Counterpart, false
}

// tells reports whether a direction needs no other record to say who opened the connection.
func tells(s *ledger.Sums) bool { return s.Flows == 0 || s.Opens || s.Flags&ACK != 0 }

// Strength says how well a connection is attested by its records, client to service (fwd) and back (design §4.5).
func Strength(proto uint8, action analyze.Action, fwd, back *ledger.Sums) analyze.Strength {
	switch {
	case action == analyze.Reject:
		return rejectStrength(proto, fwd, back)
	case proto != uint8(analyze.TCP):
		return eitherWay(fwd, back, analyze.Established)
	case !fwd.Flagged && !back.Flagged:
		if Answered(proto, fwd, back) {
			return analyze.Established
		}
		return eitherWay(fwd, back, analyze.Weak)
	case back.Flags&ACK != 0:
		if halfOpenScan(fwd, back) {
			return analyze.Attempt
		}
		return analyze.Established
	case fwd.Opens:
		if refused(fwd, back) {
			return analyze.Attempt
		}
		return analyze.Established
	case fwd.Flows == 0 && onlyResets(back):
		return analyze.Attempt
	}
	return eitherWay(fwd, back, analyze.Established)
}

// onlyResets reports whether all that is on record of a connection are resets, each of 40 to 60 bytes: the answer to SYNs
// whose record stands in another object.
func onlyResets(s *ledger.Sums) bool {
	return s.Flags == RST && s.Bytes <= 60*s.Packets && s.Packets <= synMost*s.Flows
}

func eitherWay(fwd, back *ledger.Sums, both analyze.Strength) analyze.Strength {
	if fwd.Flows > 0 && back.Flows > 0 {
		return both
	}
	return analyze.OneWay
}

// rejectStrength: REJECT also covers packets that come after a connection was closed, and replies that a network ACL cut;
// neither is an attempt to open one [aws-facts 2.3].
func rejectStrength(proto uint8, fwd, back *ledger.Sums) analyze.Strength {
	late := proto == uint8(analyze.TCP) && (fwd.Flagged || back.Flagged) && !fwd.Opens
	if late || fwd.Flows == 0 {
		return analyze.StrengthNone
	}
	return analyze.Rejected
}

// A system that gets no answer sends up to seven SYNs (Linux, tcp_syn_retries 6) of at most 100 bytes each.
const (
	synMost      = 7
	synMostBytes = 100
)

// refused reports whether a SYN met RST or nothing. The client then sends nothing but SYNs: a FIN, more packets, or larger
// ones show that it was answered, though the answer's record stands elsewhere or was lost. So does its own RST, unless all
// it sent is a SYN and a RST: a scan.
func refused(fwd, back *ledger.Sums) bool {
	if fwd.Flags&FIN != 0 || fwd.Packets > synMost*fwd.Flows || fwd.Bytes > synMostBytes*fwd.Packets {
		return false
	}
	if fwd.Flags&RST != 0 && !onlySynRst(fwd, back) {
		return false
	}
	return back.Flows == 0 || back.Flags&RST != 0 && back.Packets <= fwd.Packets
}

// halfOpenScan reports whether the client answered SYN-ACK with RST at once: two packets, no third that carries data. It is
// how scanners probe an open port.
func halfOpenScan(fwd, back *ledger.Sums) bool {
	return fwd.Flags == SYN|RST && onlySynRst(fwd, back) && back.Flags&FIN == 0 && back.Packets <= synMost*back.Flows
}

// onlySynRst reports whether the client sent a SYN and a RST and no more, or that pair in each of three records and more. A
// client that opens, acknowledges and resets, as health checks do, sends three packets or, with one sent again, four; the end
// of an interval may part them.
func onlySynRst(fwd, back *ledger.Sums) bool {
	return fwd.Packets <= 2 || fwd.Flows >= 3 && fwd.Packets == 2*fwd.Flows && fwd.Flows == back.Flows
}
