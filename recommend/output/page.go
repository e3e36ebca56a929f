package output

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// page lays out text either as Markdown or for a terminal. Its methods take text that text or code has escaped; diff
// escapes by itself.
type page struct {
	b        strings.Builder
	markdown bool
	color    bool
	width    int // of a terminal's lines; 0 does not wrap
}

// The colours a terminal shows: SGR parameters.
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
)

// text escapes words that may be hostile.
func (p *page) text(s string) string {
	if p.markdown {
		return markdown(s)
	}
	return plain(s)
}

// code escapes an identifier, a name or a rule that may be hostile.
func (p *page) code(s string) string {
	if p.markdown {
		return markdownCode(s)
	}
	return plain(s)
}

func (p *page) paint(s, color string) string {
	if !p.color || s == "" {
		return s
	}
	return "\x1b[" + color + "m" + s + "\x1b[0m"
}

func (p *page) strong(s string) string {
	if p.markdown {
		return "**" + s + "**"
	}
	return p.paint(s, bold)
}

func (p *page) heading(level int, s string) {
	p.blank()
	if p.markdown {
		fmt.Fprintf(&p.b, "%s %s\n\n", strings.Repeat("#", level), s)
		return
	}
	p.b.WriteString(p.paint(s, bold) + "\n")
	if level < 3 {
		line, n := map[int]string{1: "=", 2: "-"}[level], visible(s)
		if p.width > 0 {
			n = min(n, p.width)
		}
		p.b.WriteString(p.paint(strings.Repeat(line, n), dim) + "\n")
	}
}

// blank ends the block above with an empty line, once.
func (p *page) blank() {
	if s := p.b.String(); s != "" && !strings.HasSuffix(s, "\n\n") {
		p.b.WriteString("\n")
	}
}

func (p *page) para(s string) {
	p.wrap(s, "", "")
	if p.markdown {
		p.b.WriteString("\n")
	}
}

func (p *page) item(s string) { p.wrap(s, "- ", "  ") }

// detail is an item that belongs to a diff above it.
func (p *page) detail(s string) {
	if p.markdown {
		p.item(s)
		return
	}
	p.wrap(s, "    ", "      ")
}

func (p *page) wrap(s, first, next string) {
	if p.markdown || p.width <= 0 {
		p.b.WriteString(first + s + "\n")
		return
	}
	line, used := first, visible(first)
	for i, word := range strings.Fields(s) {
		n := visible(word)
		if i > 0 && used+1+n > p.width {
			p.b.WriteString(strings.TrimRight(line, " ") + "\n")
			line, used = next, visible(next)
		} else if i > 0 {
			line, used = line+" ", used+1
		}
		line, used = line+word, used+n
	}
	p.b.WriteString(line + "\n")
}

// diff shows lines that begin with -, + or a space, each a row of cells; cells stand in columns.
func (p *page) diff(rows [][]string) {
	for i := range rows {
		for j := range rows[i] {
			rows[i][j] = plain(rows[i][j])
		}
	}
	if p.markdown {
		p.b.WriteString("```diff\n")
	}
	for _, line := range columns(rows, nil) {
		color := map[byte]string{'-': red, '+': green}[line[0]]
		switch {
		case p.markdown:
			p.b.WriteString(line + "\n")
		case color == "":
			p.b.WriteString("  " + line + "\n")
		default:
			p.b.WriteString("  " + p.paint(line, color) + "\n")
		}
	}
	if p.markdown {
		p.b.WriteString("```\n\n")
	}
}

// table shows rows of our own words under a head; all columns but the first are figures.
func (p *page) table(head []string, rows [][]string) {
	all := append([][]string{head}, rows...)
	if !p.markdown {
		right := make([]bool, len(head))
		for i := 1; i < len(head); i++ {
			right[i] = true
		}
		for i, line := range columns(all, right) {
			if i == 0 {
				line = p.paint(line, dim)
			}
			p.b.WriteString("  " + line + "\n")
		}
		return
	}
	for i, row := range all {
		for j, cell := range row {
			p.b.WriteString("| " + cell + " ")
			if j == len(row)-1 {
				p.b.WriteString("|\n")
			}
		}
		if i == 0 {
			p.b.WriteString("|---" + strings.Repeat("|--:", len(head)-1) + "|\n")
		}
	}
	p.b.WriteString("\n")
}

// columns pads the cells of all rows but the last of each row.
func columns(rows [][]string, right []bool) []string {
	var width []int
	for _, row := range rows {
		for j, cell := range row {
			if j == len(width) {
				width = append(width, 0)
			}
			width[j] = max(width[j], visible(cell))
		}
	}
	lines := make([]string, len(rows))
	for i, row := range rows {
		var b strings.Builder
		for j, cell := range row {
			pad := strings.Repeat(" ", width[j]-visible(cell))
			if j > 0 {
				b.WriteString(" ")
			}
			if right != nil && right[j] {
				b.WriteString(" " + pad + cell)
			} else {
				b.WriteString(cell + pad)
			}
		}
		lines[i] = strings.TrimRight(b.String(), " ")
	}
	return lines
}

// visible is the number of characters that s takes on a terminal, colours apart.
func visible(s string) int {
	n := utf8.RuneCountInString(s)
	for {
		i := strings.Index(s, "\x1b[")
		if i < 0 {
			return n
		}
		j := strings.IndexByte(s[i:], 'm')
		if j < 0 {
			return n
		}
		n -= j + 1
		s = s[i+j+1:]
	}
}

// count prints a number with separators: 1,234,567.
func count[T int | int64](n T) string {
	s := strconv.FormatInt(int64(n), 10)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// several prints "1 rule" or "2 rules".
func several[T int | int64](n T, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return count(n) + " " + what + "s"
}
