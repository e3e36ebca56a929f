package inflate

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// Sizes of the buffers; the masks are for indexes that are in range anyway, so that the compiler knows it, too.
const (
	historySize = 32 << 10 // the farthest a match may reach back
	windowSize  = 256 << 10
	windowMask  = windowSize - 1
	inputSize   = 64 << 10 // more than the longest field of a header
	inputMask   = inputSize - 1
	loadSlack   = 8 // so that a load may begin at any masked index

	// MaxKeep is how much of a piece may be kept for the next one.
	MaxKeep = historySize
	// Slack is how many bytes behind a piece are the caller's, up to its capacity.
	Slack = 64

	maxNameLen = 512 // of file name and comment with their NUL; compress/gzip has this limit
)

// The parts of a gzip file in which corruption is found; CorruptError wraps one of them.
var (
	ErrHeader   = errors.New("invalid gzip header")
	ErrData     = errors.New("invalid deflate data")
	ErrChecksum = errors.New("invalid gzip checksum or size")
)

// CorruptError says that the input is not gzip, and where that was noticed. Input that merely ends too early is
// io.ErrUnexpectedEOF instead; errors of the source are returned as they are.
type CorruptError struct {
	Offset int64  // of the compressed input, about where the fault was noticed; it may lie before
	Err    error  // ErrHeader, ErrData or ErrChecksum
	Reason string // what is wrong
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("byte %d: %v: %s", e.Offset, e.Err, e.Reason)
}

func (e *CorruptError) Unwrap() error { return e.Err }

// Reader decodes one gzip file of any number of members. It is not safe for concurrent use. It holds all its memory
// (about 400 KiB) from the start, and neither decoding nor Reset allocates; keep Readers and reuse them.
type Reader struct {
	src    io.Reader
	srcErr error // what src ended with; nil while more may come
	inBase int64 // bytes of src that lie before in
	inPos  int   // in[inPos:inEnd] is not yet consumed
	inEnd  int

	// Bits taken from in but not consumed: nbits of them, the next one lowest, zeros above. Fewer than 8 between the
	// parts of a file.
	bits  uint64
	nbits uint

	state  state
	final  bool     // the block in work is the last of its member
	stored int      // bytes left of a stored block
	eobLen uint     // code length of the end-of-block symbol
	fixed  bool     // lit and dist hold the fixed codes
	crc    checksum // of the member's output up to summed
	size   uint32   // of the same, modulo 2³²
	err    error    // what the stream ended with; given once the output before it is taken

	pos    int // window[:pos] is decoded
	start  int // window[start:pos] was not yet returned
	summed int // window[:summed] is in crc
	member int // where the member began in window, at least 0

	unread []byte // rest of the piece that Read gives out

	lens   [maxLitCodes + maxDistCodes]uint8
	code   prefixCode // the last of the block's codes that was read
	lit    [litTableSize]uint32
	dist   [distTableSize]uint32
	fused  [2 << litBits]uint32 // for the fast loop; see level
	in     [inputSize + loadSlack]byte
	window [windowSize + Slack]byte // a copy writes less beyond its end
}

// state is what the input holds next.
type state uint8

const (
	atMember state = iota
	atBlock
	inStored
	inCodes
	atTrailer
)

// NewReader returns a Reader that decodes src. It reads src to its end and never closes it.
func NewReader(src io.Reader) *Reader {
	r := new(Reader)
	r.Reset(src)
	return r
}

// Reset makes r decode src from its beginning, as a new Reader would.
func (r *Reader) Reset(src io.Reader) {
	r.src, r.srcErr = src, nil
	r.inBase, r.inPos, r.inEnd = 0, 0, 0
	r.bits, r.nbits = 0, 0
	r.state, r.final, r.stored = atMember, false, 0
	r.err, r.unread = nil, nil
	r.pos, r.start, r.summed, r.member = 0, 0, 0, 0
}

// Next returns the next piece of the output: at most 256 KiB, valid until the next call of any method. Without an error
// it is never empty; with one it is. At the end of a sound file the error is io.EOF, and all output before an error is
// returned first. A member's checksum stands behind it: what is returned is vouched for only when io.EOF is reached.
func (r *Reader) Next() ([]byte, error) {
	if p := r.unread; len(p) > 0 {
		r.unread = nil
		return p, nil
	}
	r.slide()
	for r.err == nil && r.pos < windowFull {
		r.err = r.step()
	}
	r.sum()
	piece := r.window[r.start:r.pos]
	r.start = r.pos
	if len(piece) > 0 {
		return piece, nil
	}
	return nil, r.err
}

// Keep makes the next piece begin with the last n bytes of the one that Next has just returned, n ≤ MaxKeep. If there is no
// more, it is these alone, and what follows is the error of the end.
func (r *Reader) Keep(n int) { r.start -= n }

// Peek returns what Next or Read will return next, without taking it.
func (r *Reader) Peek() ([]byte, error) {
	if len(r.unread) == 0 {
		piece, err := r.Next()
		if err != nil {
			return nil, err
		}
		r.unread = piece
	}
	return r.unread, nil
}

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) {
	piece, err := r.Peek()
	if err != nil {
		return 0, err
	}
	n := copy(p, piece)
	r.unread = piece[n:]
	return n, nil
}

// slide moves the history, and what was kept of it, to the front of a full window.
func (r *Reader) slide() {
	if r.pos < windowFull {
		return
	}
	by := r.pos - historySize
	copy(r.window[:historySize], r.window[by:r.pos])
	r.pos, r.start, r.summed = historySize, r.start-by, historySize
	r.member = max(r.member-by, 0)
}

// sum brings checksum and size of the member up to what is decoded.
func (r *Reader) sum() {
	fresh := r.window[r.summed:r.pos]
	r.crc.add(fresh)
	r.size += uint32(len(fresh))
	r.summed = r.pos
}

// step decodes one part of the file, or of it what the window has room for.
func (r *Reader) step() error {
	switch r.state {
	case atMember:
		return r.header()
	case atBlock:
		return r.blockHeader()
	case inStored:
		return r.storedBlock()
	case inCodes:
		return r.codedBlock()
	default:
		return r.trailer()
	}
}

// header reads a member's header (RFC 1952, 2.3); io.EOF means that the file ended before it.
func (r *Reader) header() error {
	h, err := r.take(10)
	if err != nil {
		if r.inPos == r.inEnd {
			return r.srcErr // a file of no members is one of no output, as compress/gzip sees it
		}
		return err
	}
	if h[0] != 0x1f || h[1] != 0x8b || h[2] != 8 {
		return r.corrupt(ErrHeader, "no gzip member begins here")
	}
	const flagCRC, flagExtra, flagName, flagComment = 1 << 1, 1 << 2, 1 << 3, 1 << 4 // others are ignored
	flags := h[3]
	sum := crc32.ChecksumIEEE(h)

	if flags&flagExtra != 0 {
		if h, err = r.take(2); err != nil {
			return err
		}
		sum = crc32.Update(sum, crc32.IEEETable, h)
		if h, err = r.take(int(binary.LittleEndian.Uint16(h))); err != nil {
			return err
		}
		sum = crc32.Update(sum, crc32.IEEETable, h)
	}
	for _, flag := range [...]byte{flagName, flagComment} {
		if flags&flag == 0 {
			continue
		}
		if sum, err = r.skipString(sum); err != nil {
			return err
		}
	}
	if flags&flagCRC != 0 {
		if h, err = r.take(2); err != nil {
			return err
		}
		if uint16(sum) != binary.LittleEndian.Uint16(h) {
			return r.corrupt(ErrHeader, "its checksum does not match")
		}
	}
	r.crc.sum, r.size, r.member, r.state = 0, 0, r.pos, atBlock
	return nil
}

// skipString reads a string with its NUL and returns the checksum that includes it.
func (r *Reader) skipString(sum uint32) (uint32, error) {
	for range maxNameLen {
		c, err := r.take(1)
		if err != nil {
			return 0, err
		}
		sum = crc32.Update(sum, crc32.IEEETable, c)
		if c[0] == 0 {
			return sum, nil
		}
	}
	return 0, r.corrupt(ErrHeader, "file name or comment too long")
}

// trailer checks a member's checksum and size.
func (r *Reader) trailer() error {
	r.sum()
	t, err := r.take(8)
	if err != nil {
		return err
	}
	if binary.LittleEndian.Uint32(t) != r.crc.sum {
		return r.corrupt(ErrChecksum, "the member's CRC-32 differs")
	}
	if binary.LittleEndian.Uint32(t[4:]) != r.size {
		return r.corrupt(ErrChecksum, "the member's size differs")
	}
	r.state = atMember
	return nil
}

// take consumes the next n bytes, n ≤ inputSize. They are valid until the next call. On an error nothing is consumed.
func (r *Reader) take(n int) ([]byte, error) {
	for r.inEnd-r.inPos < n {
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
	r.inPos += n
	return r.in[r.inPos-n : r.inPos], nil
}

// fill reads more input, or says why there is none. There must be room in the buffer.
func (r *Reader) fill() error {
	r.inBase += int64(r.inPos)
	r.inEnd = copy(r.in[:], r.in[r.inPos:r.inEnd])
	r.inPos = 0
	for tries := 0; r.srcErr == nil; tries++ {
		n, err := r.src.Read(r.in[r.inEnd:inputSize])
		r.inEnd += n
		r.srcErr = err
		if n > 0 {
			return nil
		}
		if err == nil && tries == 100 {
			r.srcErr = io.ErrNoProgress
		}
	}
	if r.srcErr == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return r.srcErr
}

func (r *Reader) corrupt(part error, reason string) error {
	return &CorruptError{Offset: r.inBase + int64(r.inPos), Err: part, Reason: reason}
}
