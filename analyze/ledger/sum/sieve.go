package sum

// sieve tells endpoints that met one port from those that met several, without a look at the table. Its cells are shared by
// endpoints of like hashes, so it may let an endpoint through that met one, never the other way round.
type sieve struct {
	// cells: 0, the portPlace + 1 of the port that was met, or sieveSeveral.
	cells  [1 << sieveBits]uint8
	opened bool
}

const (
	sieveBits    = 17 // of a hash
	sieveSeveral = 0xff
)

// open lets all endpoints through.
func (s *sieve) open() { s.opened = true }

// close lets none through that does not meet several.
func (s *sieve) close() {
	clear(s.cells[:])
	s.opened = false
}

// meet notes a port that the endpoint with that hash met.
func (s *sieve) meet(hash uint64, port uint16) {
	c := &s.cells[hash>>(64-sieveBits)]
	was, is := uint32(*c), portPlace(port)+1
	met := is
	if was != met {
		is = sieveSeveral
	}
	if was == 0 {
		is = met
	}
	*c = uint8(is)
}

// several is 1 where the endpoint with that hash may have met several ports, else 0.
func (s *sieve) several(hash uint64) int {
	n := 0
	if s.cells[hash>>(64-sieveBits)] == sieveSeveral {
		n = 1
	}
	if s.opened {
		n = 1
	}
	return n
}
