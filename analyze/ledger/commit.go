package ledger

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Delta is what a checkpoint adds to a ledger: objects, and everything they said.
type Delta struct {
	Objects    []Object
	Sources    []string
	Parts      []Part
	Attributes []Attributes // one row per interface
	// Rebuild lists days whose evidence and coverage are not added to: the delta's take their place. All objects that the
	// ledger holds of these days must be in the delta again, with their share in these days alone; else nothing is done and
	// the error is a *MissingError.
	Rebuild []int32
}

// MissingError says which objects a rebuilt day would lose.
type MissingError struct{ Objects []Object }

func (e *MissingError) Error() string {
	return fmt.Sprintf("%d objects that the ledger took of the days to rebuild were not read again, the first %s", len(e.Objects), e.Objects[0].ID)
}

// Part is what the objects said of one day, account and region.
type Part struct {
	Partition
	// Evidence is sorted by Key.Compare with no key twice, or nil. It is ranged over once, beside those of other parts.
	Evidence iter.Seq2[Evidence, error]
	Coverage []Coverage // in any order; rows of one interface and source are added up
}

// Commit adds a delta: all of it or, when it fails or the process ends at any moment, nothing. (When only the last sync of
// the folder fails, the delta may turn out to be there; whoever opens the ledger next sees which.) Counters add to those of
// the same keys, so neither order nor splitting of deltas changes the bytes. An object that was taken before is ErrTaken.
func (l *Ledger) Commit(ctx context.Context, d Delta) error {
	if err := l.commit(ctx, d); err != nil {
		return fmt.Errorf("ledger %s: %w", l.dir, err)
	}
	return nil
}

func (l *Ledger) commit(ctx context.Context, d Delta) error {
	if l.opt.ReadOnly {
		return errors.New("opened for reading only")
	}
	byDay, err := l.checkObjects(&d)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var files []file
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	add := func(write func(context.Context) (file, error)) {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			f, err := write(ctx)
			mu.Lock()
			files = append(files, f)
			mu.Unlock()
			return err
		})
	}
	for _, p := range d.Parts {
		if p.Evidence != nil {
			add(func(ctx context.Context) (file, error) { return l.writeEvidence(ctx, p, d.rebuilds(p.Day)) })
		}
		if len(p.Coverage) > 0 {
			add(func(context.Context) (file, error) { return l.writeCoverage(p, d.rebuilds(p.Day)) })
		}
	}
	for day, objects := range byDay {
		add(func(context.Context) (file, error) { return l.writeObjects(day, objects) })
	}
	if len(d.Attributes) > 0 {
		add(func(context.Context) (file, error) { return l.writeAttributes(d.Attributes) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return l.publish(files, &d, byDay)
}

func (d *Delta) rebuilds(day int32) bool { return slices.Contains(d.Rebuild, day) }

// publish makes the new files part of the ledger; the rename of the manifest is the one moment that counts.
func (l *Ledger) publish(files []file, d *Delta, byDay map[int32]map[string]Object) error {
	for _, k := range kinds {
		if slices.ContainsFunc(files, func(f file) bool { return f.Kind == k }) {
			if err := l.syncFolder(filepath.Join(l.dir, string(k))); err != nil {
				return err
			}
		}
	}
	old := l.m
	next := old.without(d.Rebuild).with(files, d.Sources)
	if err := l.writeManifest(next); err != nil {
		return err
	}
	l.m = next
	l.mu.Lock()
	maps.Copy(l.taken, byDay)
	l.mu.Unlock()
	for i := range old.Files {
		f := &old.Files[i]
		if now := next.find(f.Kind, f.Partition); now == nil || now.SHA256 != f.SHA256 {
			if l.step("remove", l.path(f)) == nil {
				_ = os.Remove(l.path(f)) // if it stays, the next Open sweeps it
			}
		}
	}
	return nil
}

// checkObjects returns, for each day of slots touched, the objects taken before and now.
func (l *Ledger) checkObjects(d *Delta) (map[int32]map[string]Object, error) {
	again, err := l.Held(d.Rebuild)
	if err != nil {
		return nil, err
	}
	byDay := map[int32]map[string]Object{}
	for _, o := range d.Objects {
		day := byDay[o.Day]
		if day == nil {
			before, err := l.objects(o.Day)
			if err != nil {
				return nil, err
			}
			day = maps.Clone(before)
			byDay[o.Day] = day
		}
		_, rebuilt := again[o.Key()]
		if _, ok := day[o.ID]; ok && !rebuilt {
			return nil, fmt.Errorf("%s: %w", o.ID, ErrTaken)
		}
		delete(again, o.Key())
		day[o.ID] = o
	}
	if len(again) > 0 {
		return nil, &MissingError{slices.SortedFunc(maps.Values(again), func(a, b Object) int { return a.compare(&b) })}
	}
	return byDay, nil
}

func (l *Ledger) writeEvidence(ctx context.Context, p Part, anew bool) (file, error) {
	seq := p.Evidence
	if f := l.m.find(kindEvidence, p.Partition); f != nil && !anew {
		seq = Merge(l.evidence(*f), seq)
	}
	encoder := func(w io.Writer) (encoder[Evidence], error) { return newEvidenceEncoder(w, p.Partition) }
	return writeFile(l, file{Kind: kindEvidence, Partition: p.Partition}, encoder, func(yield func(Evidence, error) bool) {
		var last Key
		n := 0
		for e, err := range seq {
			if n++; n%batchRows == 0 && err == nil {
				err = ctx.Err()
			}
			if err == nil && e.Day != p.Day {
				err = fmt.Errorf("evidence of %s in the part of %s", dayText(e.Day), dayText(p.Day))
			}
			if err == nil && n > 1 && last.Compare(&e.Key) >= 0 {
				err = errUnsorted
			}
			last = e.Key
			if !yield(e, err) || err != nil {
				return
			}
		}
	})
}

func (l *Ledger) writeCoverage(p Part, anew bool) (file, error) {
	rows := slices.Clone(p.Coverage)
	if f := l.m.find(kindCoverage, p.Partition); f != nil && !anew {
		old, err := l.coverage(*f)
		if err != nil {
			return file{}, err
		}
		rows = append(rows, old...)
	}
	return writeFile(l, file{Kind: kindCoverage, Partition: p.Partition}, newRowEncoder[coverageRow], func(yield func(coverageRow, error) bool) {
		for _, c := range sumCoverage(rows) {
			r := coverageRow{Day: c.Day, Account: p.Account, Region: p.Region, Source: c.Source, Interface: c.Interface,
				Covered: int32(c.Covered), Gaps: int32(c.Gaps), Accepts: c.Accepts, Rejects: c.Rejects, NoData: c.NoData, SkipData: c.SkipData}
			if !yield(r, nil) {
				return
			}
		}
	})
}

func (l *Ledger) writeObjects(day int32, objects map[string]Object) (file, error) {
	ids := slices.Sorted(maps.Keys(objects))
	return writeFile(l, file{Kind: kindObjects, Partition: Partition{Day: day}}, newRowEncoder[objectRow], func(yield func(objectRow, error) bool) {
		for _, id := range ids {
			o := objects[id]
			r := objectRow{ID: o.ID, ETag: o.ETag, Size: o.Size, Account: o.Account, Region: o.Region, First: o.First, Last: o.Last}
			if !yield(r, nil) {
				return
			}
		}
	})
}

func (l *Ledger) writeAttributes(rows []Attributes) (file, error) {
	all, err := l.Attributes()
	if err != nil {
		return file{}, err
	}
	for _, a := range rows {
		old := all[a.Interface]
		old.Interface = a.Interface
		old.Merge(a)
		all[a.Interface] = old
	}
	sorted := slices.SortedFunc(maps.Values(all), func(a, b Attributes) int { return cmp.Compare(a.Interface, b.Interface) })
	return writeFile(l, file{Kind: kindAttributes}, newRowEncoder[attributesRow], func(yield func(attributesRow, error) bool) {
		for _, a := range sorted {
			if !yield(attributesRow(a), nil) {
				return
			}
		}
	})
}

// writeFile writes rows under a temporary name, makes them durable, and gives the file the name of its content.
func writeFile[R any](l *Ledger, f file, newEncoder func(io.Writer) (encoder[R], error), rows iter.Seq2[R, error]) (file, error) {
	temp, out, err := l.createTemp()
	if err != nil {
		return f, err
	}
	defer os.Remove(temp) // nothing is there after a rename
	defer out.Close()
	w := &hashWriter{w: out, h: sha256.New()}
	to, err := newEncoder(w)
	if err != nil {
		return f, err
	}
	if f.Rows, err = writeRows(to, rows); err != nil {
		return f, err
	}
	f.SHA256, f.Bytes = hex.EncodeToString(w.h.Sum(nil)), w.n
	if err := l.finish(out); err != nil {
		return f, err
	}
	path := l.path(&f)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return f, err
	}
	return f, l.rename(temp, path)
}

func (l *Ledger) createTemp() (string, *os.File, error) {
	dir, err := l.TempDir()
	if err != nil {
		return "", nil, err
	}
	l.mu.Lock()
	l.temps++
	temp := filepath.Join(dir, fmt.Sprintf("%d.new", l.temps))
	l.mu.Unlock()
	if err := l.step("create", temp); err != nil {
		return "", nil, err
	}
	out, err := os.Create(temp)
	return temp, out, err
}

// finish makes a written file durable and closes it.
func (l *Ledger) finish(out *os.File) error {
	if err := l.step("sync", out.Name()); err != nil {
		return err
	}
	if err := out.Sync(); err != nil {
		return err
	}
	return out.Close()
}

func (l *Ledger) rename(from, to string) error {
	if err := l.step("rename", to); err != nil {
		return err
	}
	return os.Rename(from, to)
}

func (l *Ledger) syncFolder(dir string) error {
	if err := l.step("sync", dir); err != nil {
		return err
	}
	return syncDir(dir)
}

func (l *Ledger) writeManifest(m *manifest) error {
	b, err := m.marshal()
	if err != nil {
		return err
	}
	temp, out, err := l.createTemp()
	if err != nil {
		return err
	}
	defer os.Remove(temp)
	defer out.Close()
	if _, err := io.Copy(out, bytes.NewReader(b)); err != nil {
		return err
	}
	if err := l.finish(out); err != nil {
		return err
	}
	if err := l.rename(temp, filepath.Join(l.dir, manifestName)); err != nil {
		return err
	}
	return l.syncFolder(l.dir)
}

// step is where tests make the disk fail or the process end.
func (l *Ledger) step(op, path string) error {
	if l.faults == nil {
		return nil
	}
	return l.faults(op, path)
}

type hashWriter struct {
	w io.Writer
	h hash.Hash
	n int64
}

func (w *hashWriter) Write(b []byte) (int, error) {
	n, err := w.w.Write(b)
	w.h.Write(b[:n])
	w.n += int64(n)
	return n, err
}

// Verify reads every file of the ledger and compares it with the manifest's hash.
func (l *Ledger) Verify(ctx context.Context) error {
	for i := range l.m.Files {
		if err := ctx.Err(); err != nil {
			return err
		}
		f := &l.m.Files[i]
		if err := verifyFile(l.path(f), f.SHA256); err != nil {
			return fmt.Errorf("ledger %s: %s: %w", l.dir, f.path(), err)
		}
	}
	return nil
}

func verifyFile(path, want string) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	h := sha256.New()
	if _, err := io.Copy(h, in); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); !strings.EqualFold(got, want) {
		return fmt.Errorf("content has hash %s where %s says %s", got, manifestName, want)
	}
	return nil
}
