package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// documents are README.md and every page of docs.
func documents(t *testing.T) []string {
	t.Helper()
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("docs: %v, %d pages", err, len(pages))
	}
	return append(pages, "../../README.md")
}

func readDocument(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// session is one command of a console block with the output that the page shows.
type session struct {
	command string
	want    []string
}

var runnable = regexp.MustCompile("(?ms)^<!-- run -->\n```console\n(.*?)^```$")

// sessions are the commands of a page's console blocks that are marked <!-- run -->.
func sessions(page string) []session {
	var all []session
	for _, block := range runnable.FindAllStringSubmatch(page, -1) {
		for line := range strings.Lines(block[1]) {
			line = strings.TrimSuffix(line, "\n")
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				all = append(all, session{command: command})
				continue
			}
			last := &all[len(all)-1]
			last.want = append(last.want, line)
		}
	}
	return all
}

var (
	ids     = regexp.MustCompile(`[0-9a-f]{8,}`)
	numbers = regexp.MustCompile(`[0-9][0-9.,]*`)
	spaces  = regexp.MustCompile(`\s+`)
)

// shape is a line without its figures, ids and widths: these may drift without making a page wrong.
func shape(line string) string {
	line = numbers.ReplaceAllString(ids.ReplaceAllString(line, "ID"), "N")
	return strings.TrimSpace(spaces.ReplaceAllString(line, " "))
}

// matches reports whether got has the shape of want, in which a line … stands for any lines. It returns the first line of
// want that is not found.
func matches(got, want []string) (missing string, ok bool) {
	skip := false
	for _, line := range want {
		if line == "…" {
			skip = true
			continue
		}
		i := slices.IndexFunc(got, func(g string) bool { return shape(g) == shape(line) })
		if i < 0 || i > 0 && !skip {
			return line, false
		}
		got, skip = got[i+1:], false
	}
	if len(got) > 0 && !skip {
		return "the end, before " + got[0], false
	}
	return "", true
}

func TestDocumentedCommandsRun(t *testing.T) {
	for _, path := range documents(t) {
		all := sessions(readDocument(t, path))
		if len(all) == 0 {
			continue
		}
		t.Run(filepath.Base(path), func(t *testing.T) {
			dir := t.TempDir()
			for _, s := range all {
				cmd := exec.Command("sh", "-c", s.command+" 2>&1")
				cmd.Dir = dir
				out, err := cmd.Output()
				if err != nil {
					t.Fatalf("$ %s: %v\n%s", s.command, err, out)
				}
				got := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
				if missing, ok := matches(got, s.want); !ok {
					t.Errorf("$ %s\nthe page shows %q\nthe output is\n%s", s.command, missing, out)
				}
			}
		})
	}
}

var console = regexp.MustCompile("(?ms)^```console\n(.*?)^```$")

// Command lines that the pages show and no test runs, because they ask AWS, are ones that sgtrim takes at least.
func TestDocumentedCommandLinesParse(t *testing.T) {
	seen := 0
	for _, path := range documents(t) {
		for _, block := range console.FindAllStringSubmatch(readDocument(t, path), -1) {
			for line := range strings.Lines(block[1]) {
				command, ok := strings.CutPrefix(line, "$ ")
				if !ok {
					continue
				}
				for _, args := range calls(command) {
					seen++
					if err := takes(newRoot(), args); err != nil {
						t.Errorf("%s: $ %s: %v", path, command, err)
					}
				}
			}
		}
	}
	if seen < 10 {
		t.Errorf("only %d command lines", seen)
	}
}

func TestMatches(t *testing.T) {
	got := strings.Split("7 changes\nid abcdef0123\n\nlast", "\n")
	for want, ok := range map[string]bool{
		"7 changes\nid abcdef0123\n\nlast":  true,
		"99 changes\nid 0123abcdef\n\nlast": true,
		"7 changes\n…":                      true,
		"…\nlast":                           true,
		"7 changes\n…\nlast":                true,
		"…":                                 true,
		"7 changes":                         false,
		"7 changes\nlast":                   false,
		"…\nlast\n7 changes":                false,
		"7 rules\n…":                        false,
	} {
		if missing, is := matches(got, strings.Split(want, "\n")); is != ok {
			t.Errorf("%q: got %v (%s), want %v", want, is, missing, ok)
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)#]+)(#[^)]*)?\)`)

func TestDocumentLinks(t *testing.T) {
	for _, path := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(readDocument(t, path), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", path, m[1], err)
			}
		}
	}
}

// Every page that lists the exit codes lists those of exit.go.
func TestDocumentedExitCodes(t *testing.T) {
	for _, path := range []string{"../../README.md", "../../docs/reference.md"} {
		page := readDocument(t, path)
		for _, code := range []int{exitDone, exitFailed, exitUsage, exitSkipped, exitFailOn, exitInterrupted} {
			if !strings.Contains(page, fmt.Sprintf("\n| %d | ", code)) {
				t.Errorf("%s does not list exit code %d", path, code)
			}
		}
	}
}

// Every direct dependency has its reason, and nothing else is listed.
func TestDependenciesHaveReasons(t *testing.T) {
	cmd := exec.Command("go", "list", "-pgo=off", "-json=Imports,TestImports,XTestImports,Module", "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	page := readDocument(t, "../../docs/dependencies.md")
	listed := map[string]bool{}
	for _, m := range regexp.MustCompile("`([a-z0-9.]+\\.[a-z]+/[^`]+)`").FindAllStringSubmatch(page, -1) {
		listed[m[1]] = true
	}
	used := map[string]bool{"honnef.co/go/tools": true, "golang.org/x/sys": true} // a tool; only imported on Windows
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var p struct{ Imports, TestImports, XTestImports []string }
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		for _, imported := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			if first, _, _ := strings.Cut(imported, "/"); !strings.Contains(first, ".") || below(imported, strings.TrimSuffix(module, "/")) {
				continue
			}
			name := ""
			for candidate := range listed {
				if below(imported, candidate) && len(candidate) > len(name) {
					name = candidate
				}
			}
			if name == "" {
				t.Errorf("docs/dependencies.md gives no reason for %s", imported)
			}
			used[name] = true
		}
	}
	for name := range listed {
		if !used[name] {
			t.Errorf("docs/dependencies.md lists %s, which nothing imports", name)
		}
	}
}

// The policy for applying allows what the scripts call.
func TestIAMAllowsTheScripts(t *testing.T) {
	_, page, found := strings.Cut(readDocument(t, "../../docs/iam.md"), "\n## Applying\n")
	if !found {
		t.Fatal("docs/iam.md has no part on applying")
	}
	calls := regexp.MustCompile(`\bec2 "?([a-z-]+)`).FindAllStringSubmatch(readDocument(t, "../../recommend/output/machinery.sh"), -1)
	if len(calls) < 7 {
		t.Fatalf("found only %d calls in machinery.sh", len(calls))
	}
	for _, m := range calls {
		action := ""
		for _, word := range strings.Split(strings.TrimSuffix(m[1], "-"), "-") {
			action += strings.ToUpper(word[:1]) + word[1:]
		}
		names := []string{action}
		if strings.HasSuffix(m[1], "-") { // the direction follows
			names = []string{action + "Ingress", action + "Egress"}
		}
		for _, name := range names {
			if !strings.Contains(page, `"ec2:`+name+`"`) {
				t.Errorf("docs/iam.md does not allow ec2:%s for applying", name)
			}
		}
	}
}
