package inflate

import "encoding/binary"

// What one round of the fast loop may take and write at most.
const (
	roundInput  = 24                       // three loads of 8 bytes, none of which moves on by more than 7
	copyStep    = 32                       // matches are copied in steps of this size, the last one too
	roundOutput = 3 + 258 + copyStep       // three literals and the longest match
	windowFull  = windowSize - roundOutput // at or beyond this, Next returns
)

// load returns the 8 bytes of input at index i.
func (r *Reader) load(i uint) uint64 {
	i &= inputSize - 1
	return binary.LittleEndian.Uint64(r.in[i : i+8])
}

// fastSymbols decodes symbols of a block until it ends, the window is full, or less than a round's input is left,
// of which there must be enough for one.
func (r *Reader) fastSymbols() error {
	var (
		buf    = r.bits
		n      = uint(r.nbits) // only the low 6 bits count; what is above is rubbish
		in     = uint(r.inPos)
		inLast = uint(r.inEnd - roundInput + 8)
		out    = uint(r.pos)
		ended  bool
		reason string
	)
	buf |= r.load(in) << (n & 63)
	in += 7 - n>>3&7
	n |= 56
	e := r.lit[buf&(1<<litBits-1)]
	for in <= inLast && out < windowFull {
		if e&entryLiteral != 0 {
			r.window[out] = byte(e >> 16)
			out++
			buf >>= e & 63
			n -= uint(e)
			e = r.lit[buf&(1<<litBits-1)]
			if e&entryLiteral != 0 {
				r.window[out] = byte(e >> 16)
				out++
				buf >>= e & 63
				n -= uint(e)
				e = r.lit[buf&(1<<litBits-1)]
				if e&entryLiteral != 0 {
					r.window[out] = byte(e >> 16)
					out++
					buf >>= e & 63
					n -= uint(e)
					e = r.lit[buf&(1<<litBits-1)]
					buf |= r.load(in) << (n & 63)
					in += 7 - n>>3&7
					n |= 56
					continue
				}
			}
		}
		if e&entrySpecial != 0 {
			if e&entrySub != 0 {
				e = r.lit[(e>>16+uint32(buf>>litBits)&(1<<(e>>8&15)-1))&litTableMask]
			}
			if e&entryLiteral != 0 {
				r.window[out] = byte(e >> 16)
				out++
				buf >>= e & 63
				n -= uint(e)
				buf |= r.load(in) << (n & 63)
				in += 7 - n>>3&7
				n |= 56
				e = r.lit[buf&(1<<litBits-1)]
				continue
			}
			if e&entrySpecial != 0 {
				buf >>= e & 63
				n -= uint(e)
				if e&entryEnd == 0 {
					reason = invalidCode
				} else {
					ended = true
				}
				break
			}
		}
		length := uint(e>>16) + uint(buf&(1<<(e&63)-1)>>(e>>8&15))
		buf >>= e & 63
		n -= uint(e)
		if n&63 < 28 {
			buf |= r.load(in) << (n & 63)
			in += 7 - n>>3&7
			n |= 56
		}
		d := r.dist[buf&(1<<distBits-1)]
		if d&entrySpecial != 0 {
			if d&entrySub != 0 {
				d = r.dist[(d>>16+uint32(buf>>distBits)&(1<<(d>>8&15)-1))&distTableMask]
			}
			if d&entrySpecial != 0 {
				reason = invalidCode
				break
			}
		}
		dist := uint(d>>16) + uint(buf&(1<<(d&63)-1)>>(d>>8&15))
		buf >>= d & 63
		n -= uint(d)
		buf |= r.load(in) << (n & 63)
		in += 7 - n>>3&7
		n |= 56
		e = r.lit[buf&(1<<litBits-1)]

		if dist > out-uint(r.member) {
			reason = tooFar
			break
		}
		from, to := out-dist, out
		out += length
		if dist < 8 {
			for to < out {
				r.window[to] = r.window[to-dist]
				to++
			}
			continue
		}
		for {
			from, to = from&windowMask, to&windowMask
			s, t := (*[copyStep]byte)(r.window[from:from+copyStep]), (*[copyStep]byte)(r.window[to:to+copyStep])
			binary.LittleEndian.PutUint64(t[0:8], binary.LittleEndian.Uint64(s[0:8]))
			binary.LittleEndian.PutUint64(t[8:16], binary.LittleEndian.Uint64(s[8:16]))
			binary.LittleEndian.PutUint64(t[16:24], binary.LittleEndian.Uint64(s[16:24]))
			binary.LittleEndian.PutUint64(t[24:32], binary.LittleEndian.Uint64(s[24:32]))
			from += copyStep
			to += copyStep
			if to >= out {
				break
			}
		}
	}
	// Whole bytes go back.
	n &= 63
	in -= n >> 3
	n &= 7
	r.bits, r.nbits = buf&(1<<n-1), n
	r.inPos, r.pos = int(in), int(out)
	if reason != "" {
		return r.corrupt(ErrData, reason)
	}
	if ended {
		r.endBlock()
	}
	return nil
}
