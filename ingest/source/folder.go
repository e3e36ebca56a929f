package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sgtrim/sgtrim/ingest"
	"github.com/sgtrim/sgtrim/ingest/layout"
)

// folder is a file, or all files below a folder.
type folder struct {
	path string
	opt  Options
	file bool
}

func openPath(path string, opt Options) (ingest.Source, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err // it names the path
	}
	return &folder{path: path, opt: opt, file: !info.IsDir()}, nil
}

// Objects walks the folder. Files outside the window by their names, and those of other services, are left out; all others
// are listed, flow logs or not, as only their content tells.
func (f *folder) Objects(ctx context.Context) listing {
	if f.file {
		return f.single()
	}
	w := walk{ctx: ctx, opt: f.opt, seen: map[string]bool{}}
	if err := w.folder(f.path); err != nil {
		return failed(err)
	}
	sortByDay(w.found)
	return each(w.found)
}

func (f *folder) single() listing {
	info, err := os.Stat(f.path)
	if err != nil {
		return failed(err)
	}
	o := fileObject(f.path, info)
	o.Named = true
	return each([]ingest.Object{o})
}

// fileObject describes a file. Its size is unknown when it is a pipe.
func fileObject(path string, info fs.FileInfo) ingest.Object {
	o := ingest.Object{URL: path, Size: -1, LastModified: info.ModTime()}
	if info.Mode().IsRegular() {
		o.Size = info.Size()
	}
	return fill(o, filepath.ToSlash(path))
}

// Open opens a file.
func (f *folder) Open(_ context.Context, o ingest.Object) (io.ReadCloser, error) {
	return os.Open(o.URL)
}

// walk collects the files below a folder. Links are followed; seen holds the real folders on the way, so that a link to
// a folder above ends there.
type walk struct {
	ctx   context.Context
	opt   Options
	seen  map[string]bool
	found []ingest.Object
}

func (w *walk) folder(path string) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	if real, err = filepath.Abs(real); err != nil {
		return err
	}
	if w.seen[real] {
		return nil
	}
	w.seen[real] = true
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := w.entry(filepath.Join(path, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) entry(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w (a link to nothing, or removed just now)", err)
	}
	if err != nil {
		return err
	}
	key := filepath.ToSlash(path)
	switch {
	case info.IsDir():
		if layout.IsSibling(key + "/") {
			return nil
		}
		return w.folder(path)
	case !info.Mode().IsRegular() || layout.IsSibling(key):
		return nil // a socket or pipe holds no logs at rest
	}
	if o := fileObject(path, info); layout.InWindow(o.Slot, w.opt.Since, w.opt.Until) {
		w.found = append(w.found, o)
	}
	return nil
}
