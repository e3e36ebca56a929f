package flowlog

import (
	"encoding/binary"
	"fmt"

	"github.com/sgtrim/sgtrim/analyze"
)

// vocabulary maps the words of one column, each of at most 8 bytes, to their codes. Every word has the place that the low
// bits of its first byte say, so that looking one up takes no branch that depends on which it is.
type vocabulary struct{ places *[16]vocable }

type vocable struct {
	text string
	word uint64 // text as a little-endian word, filled by newVocabulary
	code uint8
}

func newVocabulary(words ...vocable) vocabulary {
	v := vocabulary{new([16]vocable)}
	for _, w := range words {
		var b [8]byte
		copy(b[:], w.text)
		w.word = binary.LittleEndian.Uint64(b[:])
		place := &v.places[w.word%16]
		if place.word != 0 {
			panic("two words in one place: " + place.text + " and " + w.text)
		}
		*place = w
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

func (v vocabulary) parse(text []byte) (uint8, error) {
	if len(text) > 0 {
		if w := &v.places[text[0]%16]; w.text == string(text) {
			return w.code, nil
		}
	}
	return 0, fmt.Errorf("%s: unknown word", quote(text))
}

// wordColumn parses a column of words. It is false for an unknown one.
func (l *lines) wordColumn(v vocabulary, field int, dst []uint8) bool {
	buf, off, at := l.buf, l.off, field
	for r := range dst {
		s, n := fieldAt(off, at)
		at += l.stride
		if n > 8 {
			return false
		}
		word := binary.LittleEndian.Uint64(buf[s:s+8]) & keyMask[n]
		w := &v.places[word%16]
		if w.word != word {
			return false
		}
		dst[r] = w.code
	}
	return true
}
