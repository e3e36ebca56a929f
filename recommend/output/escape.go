package output

import (
	"encoding/json"
	"fmt"
	"html"
	"strings"
	"unicode"
	"unicode/utf8"
)

// plain makes hostile text safe to show on a terminal or in a line of a file: what does not print (control characters,
// line breaks, bidirectional overrides, invalid UTF-8) is shown as \x1b or \u{202e}. What prints is left as it is.
func plain(s string) string {
	if !strings.ContainsFunc(s, unprintable) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && invalidAt(s, i):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case !unprintable(r):
			b.WriteRune(r)
		case r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u{%x}`, r)
		}
	}
	return b.String()
}

func unprintable(r rune) bool { return r != ' ' && !unicode.IsPrint(r) }

// invalidAt reports whether byte i starts no valid rune, so that a real U+FFFD is told from a broken byte.
func invalidAt(s string, i int) bool {
	_, n := utf8.DecodeRuneInString(s[i:])
	return n == 1
}

// markdown makes hostile text safe in running Markdown: it reads as plain words, whatever it contains. It links nothing and
// calls nobody.
func markdown(s string) string {
	s = unlinked(plain(s))
	var b strings.Builder
	for i, r := range s {
		if strings.ContainsRune("\\`*_[]<>&~|#$", r) || strings.ContainsRune("-+=.)", r) && strings.Trim(s[:i], "0123456789") == "" {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// markdownHTML makes hostile text safe inside an HTML element of Markdown, whether or not Markdown is read there.
func markdownHTML(s string) string { return entities.Replace(html.EscapeString(unlinked(plain(s)))) }

var entities = strings.NewReplacer("`", "&#96;", "*", "&#42;", "_", "&#95;", "[", "&#91;", "]", "&#93;")

// unlinked parts with a zero-width space what a page would make a link or a mention of: @ from what follows, and addresses.
func unlinked(s string) string {
	var b strings.Builder
	for i, r := range s {
		b.WriteRune(r)
		if r == '@' || r == ':' && strings.HasPrefix(s[i:], "://") || r == '.' && strings.HasSuffix(strings.ToLower(s[:i]), "www") {
			b.WriteRune('\u200b')
		}
	}
	return b.String()
}

// markdownCode makes hostile text a code span, in which Markdown reads no links, mentions or HTML.
func markdownCode(s string) string {
	s = plain(s)
	longest, run := 0, 0
	for _, r := range s {
		if r == '`' {
			run++
			longest = max(longest, run)
		} else {
			run = 0
		}
	}
	fence := strings.Repeat("`", longest+1)
	if s == "" || strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") {
		s = " " + s + " "
	}
	return fence + s + fence
}

// shell makes one word of bash of s, whatever it contains. Line breaks are kept: use plain first for text to be shown.
func shell(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !safeInShell(r) }) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func safeInShell(r rune) bool {
	return r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_-./:,@", r))
}

// jsonASCII is v as one line of JSON in ASCII only, so that no locale of a shell or of the AWS CLI can change it.
func jsonASCII(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // values of our own making: strings, numbers, maps of strings
	}
	var b strings.Builder
	for _, r := range string(raw) {
		switch {
		case r < 0x80:
			b.WriteRune(r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		}
	}
	return b.String()
}

// csvCell makes a cell that no spreadsheet takes for a formula [OWASP: a cell that begins with = + - @; plain has dealt with tab and CR].
func csvCell(s string) string {
	s = plain(s)
	if s != "" && strings.ContainsRune("=+-@", rune(s[0])) {
		return "'" + s
	}
	return s
}
