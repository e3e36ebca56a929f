package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sync/errgroup"
)

// outputFile is one file of a result.
type outputFile struct {
	name  string
	mode  fs.FileMode
	write func(io.Writer) error
}

// writeFiles writes all files into dir, which is made when missing. Every file is complete under another name before the
// first takes its place, so an error or a kill never leaves half a file, and most often leaves the former set. Other files
// of dir are not touched.
func writeFiles(dir string, files []outputFile) (err error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("output folder: %w", err)
	}
	pending, failed := make([]string, len(files)), make([]error, len(files))
	defer func() {
		for _, name := range pending {
			os.Remove(name)
		}
	}()
	var cores errgroup.Group // the files of a large estate take seconds each
	cores.SetLimit(runtime.GOMAXPROCS(0))
	for i, f := range files {
		pending[i] = temporaryName(filepath.Join(dir, f.name))
		cores.Go(func() error {
			failed[i] = writeWhole(pending[i], f)
			return nil
		})
	}
	_ = cores.Wait()
	if err := cmp.Or(failed...); err != nil {
		return err
	}
	for i, f := range files {
		if err := os.Rename(pending[i], filepath.Join(dir, f.name)); err != nil {
			return err
		}
	}
	return nil
}

// writeFile writes one file whole.
func writeFile(path string, write func(io.Writer) error) error {
	return writeFiles(filepath.Dir(path), []outputFile{{filepath.Base(path), 0o666, write}})
}

func temporaryName(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".sgtrim-tmp")
}

// writeWhole makes a new file and returns when its content is on disk. What a killed run left under that name goes.
func writeWhole(name string, f outputFile) (err error) {
	if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
		return err
	}
	file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, f.mode)
	if err != nil {
		return err
	}
	defer func() {
		if closed := file.Close(); err == nil {
			err = closed
		}
	}()
	w := bufio.NewWriterSize(file, 1<<16)
	if err := f.write(w); err != nil {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return file.Sync()
}
