//go:build !purego

package flowlog

import (
	"slices"
	"testing"
)

// Too little room stops it before anything is written.
func TestSeparatorsNeedRoom(t *testing.T) {
	for name, room := range map[string]struct{ buf, off int }{
		"text": {100 + 62, 100 + 1 + spareOff}, "positions": {100 + 63, 100 + spareOff},
	} {
		all := separatorsFuncs()
		for _, f := range all[:len(all)-1] { // all but the plain one
			off := slices.Repeat([]uint32{rubbish}, room.off)
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s: did not stop", name)
					}
				}()
				f(make([]byte, room.buf), 100, off)
			}()
			if off[0] != rubbish {
				t.Errorf("%s: wrote", name)
			}
		}
	}
}
