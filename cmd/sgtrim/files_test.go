package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func content(text string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, text); return err }
}

// folder is every file of dir with its content and mode.
func folder(t *testing.T, dir string) map[string]string {
	t.Helper()
	got := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		info, _ := e.Info()
		got[e.Name()] = fmt.Sprintf("%s %03o", text, info.Mode().Perm()&0o100)
	}
	return got
}

func TestWriteFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	both := func(a, b string) []outputFile {
		return []outputFile{{"apply.sh", 0o777, content(a)}, {"plan.json", 0o666, content(b)}}
	}
	if err := writeFiles(dir, both("one", "two")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "mine.txt"), []byte("keep"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := writeFiles(dir, both("three", "four")); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"apply.sh": "three 100", "plan.json": "four 000", "mine.txt": "keep 000"}
	if diff := cmp.Diff(want, folder(t, dir)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}

	cause := errors.New("no space left on device")
	failing := []outputFile{{"apply.sh", 0o777, content("five")}, {"plan.json", 0o666, func(w io.Writer) error {
		io.WriteString(w, "half")
		return cause
	}}}
	if err := writeFiles(dir, failing); !errors.Is(err, cause) {
		t.Errorf("got %v, want %v", err, cause)
	}
	if diff := cmp.Diff(want, folder(t, dir)); diff != "" {
		t.Errorf("after a failure (-want +got)\n%s", diff)
	}
}

func TestWriteFilesAfterAKilledRun(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(temporaryName(filepath.Join(dir, "plan.json")), []byte("half of a former plan, longer"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := writeFiles(dir, []outputFile{{"plan.json", 0o666, content("new")}}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"plan.json": "new 000"}, folder(t, dir)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestWriteFilesIntoAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "taken")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := writeFiles(path, nil); err == nil {
		t.Error("a file was taken for a folder")
	}
}
