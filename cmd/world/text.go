package world

import "strings"

// Text writes records as AWS writes them into text objects.
type Text struct{ layout }

// NewText returns a writer of records with these fields.
func NewText(account, region string, fields []string) *Text {
	w := &World{Options: Options{Account: account, Region: region, Fields: fields}}
	return &Text{w.layout()}
}

// Header appends the line that names the fields.
func (t *Text) Header(b []byte) []byte {
	return append(append(b, strings.Join(t.w.Fields, " ")...), '\n')
}

// Append appends the record as a line.
func (t *Text) Append(b []byte, r *Record) []byte { return t.appendText(b, r) }
