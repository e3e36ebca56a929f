package output

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/recommend"
)

func summaryOf(t *testing.T, p *recommend.Plan, o SummaryOptions) string {
	t.Helper()
	var b bytes.Buffer
	if err := Summary(&b, p, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func goldenWorld(t testing.TB) *world {
	w := randomWorld(t, 3, 2)
	w.fillIn(3)
	w.p.Changes[1].Status, w.p.Changes[1].Release, w.p.Changes[1].Selected = recommend.Held, "29 more days of logs", false
	c := &w.p.Changes[0]
	w.p.Proof.Selected -= 2
	c.Selected, c.Decision = false, recommend.Decision{ChangeID: c.ID, Verdict: recommend.Except, By: "ann", Reason: "the vendor needs it",
		Until: "2026-12-31", About: "sg-1 ingress tcp 22 10.0.0.0/8", Outcome: recommend.Applied, Effect: "kept out of the scripts"}
	w.p.Decisions = []recommend.Decision{c.Decision, {ChangeID: "chg-0123456789ab", Verdict: recommend.Accept, By: "ben", Reason: "agreed",
		Outcome: recommend.Unknown, Effect: "no change has this id"}}
	w.p.Groups[1].Protected = "cluster group of EKS"
	return w
}

func TestGolden(t *testing.T) {
	w := goldenWorld(t)
	summary := func(o SummaryOptions) func(io.Writer, *recommend.Plan) error {
		return func(b io.Writer, p *recommend.Plan) error { return Summary(b, p, o) }
	}
	for name, write := range map[string]func(io.Writer, *recommend.Plan) error{
		"summary.md": summary(SummaryOptions{Markdown: true}), "summary.txt": summary(SummaryOptions{Width: 80}),
		"summary.ansi": summary(SummaryOptions{Width: 120, Color: true, Groups: 1}),
		"comment.md":   Markdown, "table.txt": Table, "changes.csv": CSV,
	} {
		var b strings.Builder
		if err := write(&b, w.p); err != nil {
			t.Fatal(err)
		}
		golden(t, name, b.String())
	}
}

// golden holds text against a file of testdata, or with -update writes it there.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestSummaryWidth(t *testing.T) {
	for _, line := range strings.Split(summaryOf(t, goldenWorld(t).p, SummaryOptions{Width: 80, Color: true}), "\n") {
		if n := visible(line); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

func TestSummarySaysWhatDoesNotAddUp(t *testing.T) {
	w := goldenWorld(t)
	if text := summaryOf(t, w.p, SummaryOptions{}); strings.Contains(text, "do not add up") {
		t.Errorf("it does add up:\n%s", text)
	}
	w.p.Input.Used--
	w.p.Proof.Holds = false
	text := summaryOf(t, w.p, SummaryOptions{})
	for _, want := range []string{"do not add up: 1,000,099 of 1,000,100", "Do not apply this plan"} {
		if !strings.Contains(text, want) {
			t.Errorf("lacks %q:\n%s", want, text)
		}
	}
}

// Every change of a plan is in every form of it: one struct feeds them all.
func TestEveryChangeInEveryForm(t *testing.T) {
	w := goldenWorld(t)
	forms := map[string]func(io.Writer) error{
		"JSON":     func(b io.Writer) error { return JSON(b, w.p) },
		"CSV":      func(b io.Writer) error { return CSV(b, w.p) },
		"table":    func(b io.Writer) error { return Table(b, w.p) },
		"Markdown": func(b io.Writer) error { return Markdown(b, w.p) },
		"summary":  func(b io.Writer) error { return Summary(b, w.p, SummaryOptions{}) },
		"ASFF":     func(b io.Writer) error { return ASFF(b, w.p, w.e, nil) },
		"Terraform": func(b io.Writer) error {
			for _, f := range Terraform(w.p, w.e, Proposed) {
				b.Write(f.Body)
			}
			return nil
		},
	}
	for name, write := range forms {
		var b strings.Builder
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		for _, c := range w.p.Changes {
			if n := len(regexp.MustCompile(`\b`+c.ID+`\b`).FindAllString(b.String(), -1)); n == 0 && !(name == "summary" && c.Status == recommend.Held) {
				t.Errorf("%s: %s is missing", name, c.ID)
			}
			if c.Status == recommend.Held && strings.Count(b.String(), c.Release) == 0 && name != "table" && name != "Terraform" && name != "ASFF" {
				t.Errorf("%s: %s does not say what would release it", name, c.ID)
			}
			for _, r := range slices.Concat(c.Old, c.New) {
				if name != "Terraform" && !strings.Contains(b.String(), r.Service) || !strings.Contains(b.String(), r.Peer) {
					t.Errorf("%s: %s lacks the rule %s %s", name, c.ID, r.Service, r.Peer)
				}
			}
		}
	}
	scripts := ""
	for _, f := range Scripts(w.p, w.e, WithReview) {
		scripts += string(f.Body)
	}
	for _, c := range w.p.Changes {
		if n := strings.Count(scripts, "\n  change "+c.ID+" "); c.Status != recommend.Held && n != 2 || c.Status == recommend.Held && n != 0 {
			t.Errorf("%s (%s) is %d times in the two scripts", c.ID, c.Status, n)
		}
	}
}

// What one comment has no room for is counted, and the rest of the plan is still there.
func TestMarkdownFitsAComment(t *testing.T) {
	w := newWorld(t)
	const groups = 400
	for i := range groups {
		id := fmt.Sprintf("sg-%d", i)
		w.group(id, "group", "ingress tcp 22 10.0.0.0/8")
		w.change(id, recommend.Unused, "ingress tcp 22 10.0.0.0/8 =>")
	}
	var b strings.Builder
	if err := Markdown(&b, w.p); err != nil {
		t.Fatal(err)
	}
	shown := strings.Count(b.String(), "<details>")
	if shown == 0 || shown == groups || b.Len() > 65536 || !strings.Contains(b.String(), fmt.Sprintf("… and %d changes more", groups-shown)) {
		t.Errorf("%d of %d groups in %d bytes:\n%s", shown, groups, b.Len(), b.String()[max(0, b.Len()-200):])
	}
}

func TestHostileText(t *testing.T) {
	attacks := []string{"\x1b]0;owned\x07", "a\r\nb", "\u202eevil", "<script>alert(1)</script>", "</summary><img src=x>", "[x](javascript:alert(1))", "```\n# owned\n```", "| a | b |",
		"@everyone", "https://evil.example", "www.evil.example", "# owned", "1. owned", "- owned", "=1+cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", "\t=1", "\xff", "`x`", "``"}
	for _, a := range attacks {
		w := goldenWorld(t)
		for i := range w.p.Groups {
			w.p.Groups[i].Name, w.p.Groups[i].Protected = a, a
		}
		for i := range w.p.Changes {
			c := &w.p.Changes[i]
			c.GroupName, c.Reason, c.Release, c.Remarks, c.ID = a, a, a, []string{a}, a
			c.Decision = recommend.Decision{ChangeID: a, Verdict: recommend.Verdict(a), By: a, Reason: a, Until: a, About: a, Effect: a}
			for j := range c.New {
				c.New[j].Why, c.New[j].PeerName = a, a
			}
			for j := range c.Old {
				c.Old[j].Description, c.Old[j].PeerName = a, a
			}
		}
		w.p.Decisions = []recommend.Decision{w.p.Changes[0].Decision}
		w.p.Notes, w.p.Input.BadRecords, w.p.Input.NotFlowLogs = []string{a}, []string{a}, []string{a}
		w.p.Rejected[0].PeerName, w.p.Rejected[0].Cause = a, a
		var table, comment strings.Builder
		if err := errors.Join(Table(&table, w.p), Markdown(&comment, w.p)); err != nil {
			t.Fatal(err)
		}
		texts := map[string]string{"table": table.String(), "comment": comment.String(), "summary": summaryOf(t, w.p, SummaryOptions{}),
			"summary.md": summaryOf(t, w.p, SummaryOptions{Markdown: true})}
		for name, text := range texts {
			if i := strings.IndexFunc(strings.ReplaceAll(text, "\u200b", ""), func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); i >= 0 {
				t.Errorf("%q: unprintable text in %s: %q", a, name, text[max(0, i-20):i+20])
			}
			if name == "comment" || name == "summary.md" {
				checkMarkdown(t, a, text)
			}
		}
		var b bytes.Buffer
		if err := CSV(&b, w.p); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(&b).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			for _, cell := range row {
				if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
					t.Errorf("%q: a formula in a cell: %q", a, cell)
				}
			}
		}
	}
}

// checkMarkdown takes out code spans and diff blocks; what is left must hold no markup but ours.
func checkMarkdown(t *testing.T, attack, text string) {
	t.Helper()
	inDiff := false
	for _, line := range strings.Split(text, "\n") {
		switch {
		case inDiff && line == "```":
			inDiff = false
		case inDiff:
			if line == "" || !strings.ContainsRune("-+ ", rune(line[0])) {
				t.Errorf("%q: a diff has the line %q", attack, line)
			}
		case line == "```diff":
			inDiff = true
		default:
			bare := withoutCode(strings.NewReplacer("<details><summary>", "", "</summary>", "", "</details>", "").Replace(line))
			for _, bad := range []string{"<script", "](", "```", "@everyone", "https://", "www.evil", "@SUM", "<img", "</summary"} {
				if strings.Contains(strings.ReplaceAll(bare, `\`+bad[:1], ""), bad) {
					t.Errorf("%q: %q in %q", attack, bad, line)
				}
			}
			if strings.HasPrefix(line, "# ") && !strings.HasPrefix(line, "# sgtrim") || strings.HasPrefix(line, "- # ") || strings.HasPrefix(line, "- 1. ") || strings.HasPrefix(line, "- - ") {
				t.Errorf("%q: a block of its own: %q", attack, line)
			}
		}
	}
	if inDiff {
		t.Errorf("%q: a diff block does not end", attack)
	}
}

// withoutCode takes the code spans out of a line: a run of backticks up to the next run of equal length.
func withoutCode(line string) string {
	var b strings.Builder
	for i := 0; i < len(line); {
		if line[i] == '\\' && i+1 < len(line) {
			b.WriteString(line[i : i+2])
			i += 2
			continue
		}
		n := len(line[i:]) - len(strings.TrimLeft(line[i:], "`"))
		if n == 0 {
			b.WriteByte(line[i])
			i++
			continue
		}
		end := -1
		for j := i + n; j < len(line); {
			m := len(line[j:]) - len(strings.TrimLeft(line[j:], "`"))
			if m == n {
				end = j + n
				break
			}
			j += max(m, 1)
		}
		if end < 0 {
			b.WriteString(line[i : i+n])
			i += n
			continue
		}
		i = end
	}
	return b.String()
}

func FuzzEscapes(f *testing.F) {
	for _, s := range []string{"", "a", "`", "it's", "\x1b[0m", "\xff", "\u202e", "$(x)", "ключ", "a\nb"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p := plain(s)
		if i := strings.IndexFunc(p, unprintable); i >= 0 || plain(p) != p {
			t.Errorf("plain(%q) = %q", s, p)
		}
		word := shell(s)
		if word != s { // quoted: all that is between quotes is literal, and quotes are balanced
			parts := strings.Split(word, `'\''`)
			for i, part := range parts {
				if i == 0 {
					part = strings.TrimPrefix(part, "'")
				}
				if i == len(parts)-1 {
					part = strings.TrimSuffix(part, "'")
				}
				if strings.Contains(part, "'") {
					t.Errorf("shell(%q) = %q", s, word)
				}
				parts[i] = part
			}
			if strings.Join(parts, "'") != s {
				t.Errorf("shell(%q) = %q", s, word)
			}
		} else if s == "" || strings.ContainsAny(s, " '\"$`\\;&|<>()*?[]#~=%!{}\n\t") {
			t.Errorf("shell(%q) is not quoted", s)
		}
		if d := ec2Description(s); len(d) > 255 || strings.ContainsAny(d, "&'\"<>%|\n") || ec2Description(d) != d {
			t.Errorf("ec2Description(%q) = %q", s, d)
		}
		if code := withoutCode(markdownCode(s)); code != "" {
			t.Errorf("markdownCode(%q) leaves %q outside", s, code)
		}
	})
}
