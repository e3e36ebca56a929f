package inflate

// lenOrder is the order in which a dynamic block gives the lengths of the codes for code lengths (RFC 1951, 3.2.7).
var lenOrder = [...]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

const (
	invalidCode = "invalid code"
	tooFar      = "match reaches before the member's beginning"
)

// blockHeader reads what stands before a block's data.
func (r *Reader) blockHeader() error {
	h, err := r.bitsOf(3)
	if err != nil {
		return err
	}
	r.final = h&1 != 0
	switch h >> 1 {
	case 0:
		return r.storedHeader()
	case 1:
		r.fixedCodes()
	case 2:
		if err := r.dynamicCodes(); err != nil {
			return err
		}
	default:
		return r.corrupt(ErrData, "reserved block type")
	}
	r.state = inCodes
	return nil
}

// endBlock goes on to the next block or to the trailer; both it and stored data begin on a byte.
func (r *Reader) endBlock() {
	r.state = atBlock
	if r.final {
		r.bits, r.nbits = 0, 0
		r.state = atTrailer
	}
}

func (r *Reader) storedHeader() error {
	r.bits, r.nbits = 0, 0
	h, err := r.take(4)
	if err != nil {
		return err
	}
	n, inverse := uint16(h[0])|uint16(h[1])<<8, uint16(h[2])|uint16(h[3])<<8
	if n != ^inverse {
		return r.corrupt(ErrData, "length of a stored block differs from its complement")
	}
	r.stored, r.state = int(n), inStored
	return nil
}

func (r *Reader) storedBlock() error {
	if r.stored == 0 {
		r.endBlock()
		return nil
	}
	if r.inPos == r.inEnd {
		if err := r.fill(); err != nil {
			return err
		}
	}
	n := min(r.stored, r.inEnd-r.inPos)
	n = copy(r.window[r.pos:windowSize], r.in[r.inPos:r.inPos+n])
	r.inPos += n
	r.pos += n
	r.stored -= n
	return nil
}

func (r *Reader) fixedCodes() {
	if r.fixed {
		return
	}
	var lens [fixedLitCodes]uint8
	for s := range lens {
		switch {
		case s < 144:
			lens[s] = 8
		case s < 256:
			lens[s] = 9
		case s < 280:
			lens[s] = 7
		default:
			lens[s] = 8
		}
	}
	r.code.build(r.lit[:], litBits, lens[:], litSymbols[:])
	r.fuse(&r.code)
	r.eobLen = uint(lens[endOfBlock])
	for s := range fixedDistCodes {
		lens[s] = 5
	}
	r.code.build(r.dist[:], distBits, lens[:fixedDistCodes], distSymbols[:])
	r.fixed = true
}

// dynamicCodes reads the codes of a block (RFC 1951, 3.2.7).
func (r *Reader) dynamicCodes() error {
	r.fixed = false
	h, err := r.bitsOf(14)
	if err != nil {
		return err
	}
	nlit, ndist, nlen := int(h&31)+257, int(h>>5&31)+1, int(h>>10)+4
	if nlit > maxLitCodes || ndist > maxDistCodes {
		return r.corrupt(ErrData, "too many codes")
	}
	var lens [len(lenOrder)]uint8
	for _, s := range lenOrder[:nlen] {
		n, err := r.bitsOf(3)
		if err != nil {
			return err
		}
		lens[s] = uint8(n)
	}
	// The table of distances is free until theirs is built.
	if !r.code.build(r.dist[:], lenBits, lens[:], lenSymbols[:]) {
		return r.corrupt(ErrData, "no prefix code for code lengths")
	}
	all := r.lens[:nlit+ndist]
	if err := r.codeLens(all); err != nil {
		return err
	}
	if !r.code.build(r.lit[:], litBits, all[:nlit], litSymbols[:]) {
		return r.corrupt(ErrData, "no prefix code for literals and lengths")
	}
	r.fuse(&r.code)
	if !r.code.build(r.dist[:], distBits, all[nlit:], distSymbols[:]) {
		return r.corrupt(ErrData, "no prefix code for distances")
	}
	r.eobLen = uint(all[endOfBlock])
	return nil
}

// codeLens reads the code lengths of both codes of a block; repeats may run from one into the other.
func (r *Reader) codeLens(lens []uint8) error {
	for i := 0; i < len(lens); {
		e, _, err := r.symbol(r.dist[:], lenBits, 0)
		if err != nil {
			return err
		}
		s := e >> baseShift
		if s < 16 {
			lens[i] = uint8(s)
			i++
			continue
		}
		value, least, extra := uint8(0), 3, uint(3)
		switch s {
		case 16:
			if i == 0 {
				return r.corrupt(ErrData, "no code length to repeat")
			}
			value, extra = lens[i-1], 2
		case 18:
			least, extra = 11, 7
		}
		more, err := r.bitsOf(extra)
		if err != nil {
			return err
		}
		n := least + int(more)
		if n > len(lens)-i {
			return r.corrupt(ErrData, "too many code lengths")
		}
		for range n {
			lens[i] = value
			i++
		}
	}
	return nil
}

// codedBlock decodes symbols until the block ends or the window is full.
func (r *Reader) codedBlock() error {
	for r.state == inCodes && r.pos < windowFull {
		var err error
		switch {
		case r.inEnd-r.inPos >= fastInput:
			err = r.fastSymbols()
		case r.srcErr == nil:
			_ = r.fill() // with nothing more to read, the careful way finds out whether it is needed
		default:
			err = r.carefulSymbol()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// carefulSymbol decodes one literal, match or end of block, taking no more of the input than it needs.
func (r *Reader) carefulSymbol() error {
	// Every block has yet to end, so that many bits must be there. compress/flate gives up at the same bit.
	e, extra, err := r.symbol(r.lit[:], litBits, r.eobLen)
	if err != nil {
		return err
	}
	if e&entryLiteral != 0 {
		r.window[r.pos] = byte(e >> baseShift)
		r.pos++
		return nil
	}
	if e&entryEnd != 0 {
		r.endBlock()
		return nil
	}
	length := int(e>>baseShift) + int(extra)
	e, extra, err = r.symbol(r.dist[:], distBits, 0)
	if err != nil {
		return err
	}
	dist := int(e>>baseShift) + int(extra)
	if dist > r.pos-r.member {
		return r.corrupt(ErrData, tooFar)
	}
	for range length {
		r.window[r.pos] = r.window[r.pos-dist]
		r.pos++
	}
	return nil
}

// symbol consumes one symbol of the code in table, whose index has width bits, and its extra bits. It fails unless
// least bits are there.
func (r *Reader) symbol(table []uint32, width, least uint) (entry uint32, extra uint64, err error) {
	if err := r.need(least); err != nil {
		return 0, 0, err
	}
	for {
		// Bits yet unknown are zeros here. The shortest of the codes that go on from the known bits goes on with zeros,
		// so the length found is never more than what is needed.
		e := table[r.bits&(1<<width-1)]
		if e&entrySub != 0 {
			e = table[bitBuffer{bits: r.bits}.sub(e, width)]
		}
		code := uint(e >> codeShift & codeMask)
		if code > r.nbits {
			if err := r.need(r.nbits + 1); err != nil {
				return 0, 0, err
			}
			continue
		}
		if e&(entrySpecial|entryEnd) == entryInvalid {
			return 0, 0, r.corrupt(ErrData, invalidCode)
		}
		total := uint(e & consumeMask)
		if err := r.need(total); err != nil {
			return 0, 0, err
		}
		extra = r.bits & (1<<total - 1) >> code
		r.bits >>= total
		r.nbits -= total
		return e, extra, nil
	}
}

// bitsOf consumes n bits, n ≤ 14.
func (r *Reader) bitsOf(n uint) (uint, error) {
	if err := r.need(n); err != nil {
		return 0, err
	}
	v := uint(r.bits & (1<<n - 1))
	r.bits >>= n
	r.nbits -= n
	return v, nil
}

// need sees to it that at least n bits are there, n ≤ 48, and takes no byte more than it must.
func (r *Reader) need(n uint) error {
	for r.nbits < n {
		if r.inPos == r.inEnd {
			if err := r.fill(); err != nil {
				return err
			}
		}
		r.bits |= uint64(r.in[r.inPos]) << r.nbits
		r.inPos++
		r.nbits += 8
	}
	return nil
}
