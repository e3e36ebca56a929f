package flowlog

import (
	"encoding/binary"
	"fmt"

	"github.com/sgtrim/sgtrim/analyze"
)

// vocabulary maps the words of one column, each of at most 8 bytes, to their codes.
type vocabulary []vocable

type vocable struct {
	text string
	word uint64 // text as a little-endian word, filled by newVocabulary
	code uint8
}

func newVocabulary(v ...vocable) vocabulary {
	for i := range v {
		var b [8]byte
		copy(b[:], v[i].text)
		v[i].word = binary.LittleEndian.Uint64(b[:])
	}
	return v
}

// The words of the three columns that are words. "-" is an unknown action and an unknown direction.
var (
	actionCodes = newVocabulary(
		vocable{text: "ACCEPT", code: uint8(analyze.Accept)},
		vocable{text: "REJECT", code: uint8(analyze.Reject)},
		vocable{text: "-", code: uint8(analyze.ActionUnknown)})
	statusCodes = newVocabulary(
		vocable{text: "OK", code: uint8(StatusOK)},
		vocable{text: "NODATA", code: uint8(StatusNoData)},
		vocable{text: "SKIPDATA", code: uint8(StatusSkipData)})
	directionCodes = newVocabulary(
		vocable{text: "ingress", code: uint8(analyze.Ingress)},
		vocable{text: "egress", code: uint8(analyze.Egress)},
		vocable{text: "-", code: uint8(analyze.DirectionUnknown)})
)

func (v vocabulary) find(word uint64) (uint8, bool) {
	for i := range v {
		if v[i].word == word {
			return v[i].code, true
		}
	}
	return 0, false
}

func (v vocabulary) parse(text []byte) (uint8, error) {
	for i := range v {
		if v[i].text == string(text) {
			return v[i].code, nil
		}
	}
	return 0, fmt.Errorf("%s: unknown word", quote(text))
}

// wordColumn parses a column of words. Rows mostly repeat the word of the row before. It is false for an unknown word.
func (l *lines) wordColumn(v vocabulary, field int, dst []uint8) bool {
	last, code := uint64(0), uint8(0)
	for r := range dst {
		s, e := l.field(r, field)
		if e-s > 8 {
			return false
		}
		word := binary.LittleEndian.Uint64(l.buf[s:s+8]) & keyMask[e-s]
		if word != last {
			var ok bool
			if code, ok = v.find(word); !ok {
				return false
			}
			last = word
		}
		dst[r] = code
	}
	return true
}
