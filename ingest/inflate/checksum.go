package inflate

// checksum is the CRC-32 of a member (RFC 1952, 8).
type checksum struct {
	sum    uint32
	folded [foldSize]byte // a block that others were folded into: here, since it would be allocated each time
}

const foldSize = 128 // bytes of a block
