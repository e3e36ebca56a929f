// Package ledgertest compares ledgers, for tests.
package ledgertest

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// Files are the contents of all files below a folder, by their path from there.
func Files(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		files[rel] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
