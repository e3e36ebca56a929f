package inflate

import "encoding/binary"

// What one round of the fast loop takes and writes at most.
const (
	roundInput  = 16                       // two loads of 8 bytes; the second at most 7 bytes after the first
	roundOutput = 6 + 258 + copyStep + 8   // literals, the longest match, and what its copy writes beyond it
	windowFull  = windowSize - roundOutput // at or beyond this, Next returns
	fastInput   = roundInput + 8           // what must be there to begin: a load, then a round
	copyStep    = 32                       // matches are copied in steps of this size, the last one too
)

// bitBuffer is the bits taken from the input, and the index in Reader.in where the next ones come from. Its low bits
// are the next ones; n counts them in its low 6 bits, and what is in n above is rubbish. Bits above the counted ones
// may hold what comes next in the input: refilling sets them to the same again. Right after it, all 64 are right.
type bitBuffer struct {
	bits uint64
	n    uint
	next uint
}

// refill makes it at least 56 bits.
func (r *Reader) refill(b bitBuffer) bitBuffer {
	at := b.next & inputMask
	b.bits |= binary.LittleEndian.Uint64(r.in[at:at+loadSlack]) << (b.n & 63)
	b.next += 7 - b.n>>3&7
	b.n |= 56
	return b
}

// skip consumes code and extra bits of an entry.
func (b bitBuffer) skip(e uint32) bitBuffer {
	b.bits >>= e & consumeMask
	b.n -= uint(e)
	return b
}

// value is base plus extra bits of an entry that is not yet consumed.
func (b bitBuffer) value(e uint32) uint {
	return uint(e>>baseShift) + uint(b.bits&(1<<(e&consumeMask)-1)>>(e>>codeShift&codeMask))
}

// sub is the index at which entry e, itself found by width bits, continues.
func (b bitBuffer) sub(e uint32, width uint) uint32 {
	return e>>baseShift + uint32(b.bits>>width)&(1<<(e>>codeShift&codeMask)-1)
}

// fusedEntry is what b begins with, which stays there.
func (r *Reader) fusedEntry(b bitBuffer) uint32 { return r.fused[1<<litBits+b.bits&(1<<litBits-1)] }

// literals writes the one or two literals of an entry.
func (r *Reader) literals(e uint32, out uint) uint {
	at := out & windowMask
	binary.LittleEndian.PutUint16(r.window[at:at+2], uint16(e>>fusedFirstShift))
	return out + uint(e>>fusedCountShift&countMask)
}

// chunk is what a step of copying takes of the window.
func (r *Reader) chunk(at uint) *[copyStep]byte {
	at &= windowMask
	return (*[copyStep]byte)(r.window[at : at+copyStep])
}

// fastSymbols decodes symbols of a block until it ends, the window is full, or less than a round's input is left.
// At least fastInput bytes of input must be there, and the window not full.
func (r *Reader) fastSymbols() error {
	b := r.refill(bitBuffer{r.bits, r.nbits, uint(r.inPos)})
	last := uint(r.inEnd - roundInput)
	out := uint(r.pos)
	reason := "" // why the data is corrupt
	ended := false
	e := r.fusedEntry(b)
	for b.next <= last && out < windowFull {
		// Here b has 56 bits, and e is what they begin with.
		if e&fusedLiterals != 0 {
			out = r.literals(e, out)
			b = b.skip(e)
			if e = r.fusedEntry(b); e&fusedLiterals != 0 {
				out = r.literals(e, out)
				b = b.skip(e)
				if e = r.fusedEntry(b); e&fusedLiterals != 0 {
					out = r.literals(e, out)
					b = b.skip(e)
					e = r.fusedEntry(b) // the bits left are enough for that
					b = r.refill(b)
					continue
				}
			}
			b = r.refill(b)
		}
		if e&fusedOther != 0 {
			e = r.lit[b.bits&(1<<litBits-1)]
			if e&entrySub != 0 {
				e = r.lit[b.sub(e, litBits)%litTableSize]
			}
			if e&entryLiteral != 0 {
				r.window[out&windowMask] = byte(e >> baseShift)
				out++
				b = r.refill(b.skip(e))
				e = r.fusedEntry(b)
				continue
			}
			if e&entrySpecial != 0 {
				b = b.skip(e)
				if ended = e&entryEnd != 0; !ended {
					reason = invalidCode
				}
				break
			}
			e = wholeLength(e, b.bits)
		}

		// A length, perhaps after a literal.
		r.window[out&windowMask] = byte(e >> fusedFirstShift)
		out += uint(e >> fusedCountShift & countMask)
		length := uint(e>>fusedSecondShift) + minLength
		b = b.skip(e)
		d := r.dist[b.bits&(1<<distBits-1)]
		if d&entrySpecial != 0 {
			if d&entrySub != 0 {
				d = r.dist[b.sub(d, distBits)%distTableSize]
			}
			if d&entrySpecial != 0 {
				reason = invalidCode
				break
			}
		}
		dist := b.value(d)
		b = b.skip(d)
		e = r.fusedEntry(b) // before refilling, as all that follows waits for it
		b = r.refill(b)

		if dist > out-uint(r.member) {
			reason = tooFar
			break
		}
		from, to := out-dist, out
		out += length
		// Copying 8 bytes at a time needs a distance of 8. A nearer pattern is doubled until it is that far, which takes
		// three times at most and writes within the slack.
		for to-from < 8 {
			copy8(r.chunk(to)[:8], r.chunk(from)[:8])
			to += to - from
		}
		for {
			t, f := r.chunk(to), r.chunk(from)
			copy8(t[0:8], f[0:8])
			copy8(t[8:16], f[8:16])
			copy8(t[16:24], f[16:24])
			copy8(t[24:32], f[24:32])
			from += copyStep
			to += copyStep
			if to >= out {
				break
			}
		}
	}

	// Whole bytes go back.
	b.n &= 63
	r.inPos = int(b.next - b.n>>3)
	r.nbits = b.n & 7
	r.bits = b.bits & (1<<r.nbits - 1)
	r.pos = int(out)
	if reason != "" {
		return r.corrupt(ErrData, reason)
	}
	if ended {
		r.endBlock()
	}
	return nil
}

func copy8(to, from []byte) { binary.LittleEndian.PutUint64(to, binary.LittleEndian.Uint64(from)) }
