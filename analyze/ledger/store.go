package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// Ledger is an open folder of evidence. The manifest is its root: what the manifest names exists and is whole; any other
// file is left over from an interrupted run and swept when the next writer opens the ledger. Methods that read may be
// called from several goroutines, but not beside Commit.
type Ledger struct {
	dir    string
	opt    Options
	lock   *os.File // nil when a read-only folder holds no lock file
	m      *manifest
	mu     sync.Mutex // guards taken
	taken  map[int32]map[string]Object
	temps  int
	faults func(op, path string) error // tests: called before every step that touches the disk
}

// Options of Open. The zero value opens for writing.
type Options struct {
	ReadOnly bool
	Memory   int64 // bytes that summing may use before it spills; 0 is DefaultMemory
}

// DefaultMemory is used where Options.Memory is 0.
const DefaultMemory = 1 << 30

// Errors that callers tell apart with errors.Is.
var (
	ErrLocked    = errors.New("another process is using this ledger")
	ErrNotLedger = errors.New("not a ledger")
	ErrTaken     = errors.New("object is already in the ledger")
)

var errLocked = errors.New("locked")

const (
	lockName = "lock"
	tempName = "tmp"
)

// Open opens the ledger in dir, and creates it unless opt.ReadOnly. Any number of processes may read, or one may write;
// else the error is ErrLocked. A folder that holds other things is refused with ErrNotLedger.
func Open(dir string, opt Options) (*Ledger, error) {
	if opt.Memory <= 0 {
		opt.Memory = DefaultMemory
	}
	l := &Ledger{dir: dir, opt: opt, taken: map[int32]map[string]Object{}}
	if err := l.open(); err != nil {
		l.Close()
		return nil, fmt.Errorf("ledger %s: %w", dir, err)
	}
	return l, nil
}

func (l *Ledger) open() error {
	if !l.opt.ReadOnly {
		if err := os.MkdirAll(l.dir, 0o777); err != nil {
			return err
		}
		if err := l.mayCreate(); err != nil {
			return err
		}
	}
	if err := l.takeLock(); err != nil {
		return err
	}
	b, err := os.ReadFile(filepath.Join(l.dir, manifestName))
	switch {
	case errors.Is(err, fs.ErrNotExist) && l.opt.ReadOnly:
		if _, err := os.Stat(l.dir); err != nil {
			return err
		}
		return fmt.Errorf("%w: no %s", ErrNotLedger, manifestName)
	case errors.Is(err, fs.ErrNotExist):
		l.m = &manifest{}
	case err != nil:
		return err
	default:
		if l.m, err = readManifest(b); err != nil {
			return fmt.Errorf("%s: %w", manifestName, err)
		}
	}
	if err := l.checkFiles(); err != nil {
		return err
	}
	if l.opt.ReadOnly {
		return nil
	}
	if err := l.sweep(); err != nil {
		return err
	}
	if b == nil {
		return l.writeManifest(l.m)
	}
	return nil
}

// mayCreate refuses a folder that is not empty and not ours: sweeping there could delete someone's files.
func (l *Ledger) mayCreate() error {
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := e.Name()
		if name == manifestName {
			return nil
		}
		if name != lockName && name != tempName && !slices.Contains(kinds, kind(name)) {
			return fmt.Errorf("%w: the folder holds %s and no %s", ErrNotLedger, name, manifestName)
		}
	}
	return nil
}

func (l *Ledger) takeLock() (err error) {
	path := filepath.Join(l.dir, lockName)
	if l.opt.ReadOnly {
		l.lock, err = os.Open(path)
		if err != nil {
			return nil // a copied or read-only ledger: nobody can be writing it through us
		}
	} else if l.lock, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666); err != nil {
		return err
	}
	err = flock(l.lock, !l.opt.ReadOnly)
	if errors.Is(err, errLocked) {
		return ErrLocked
	}
	return err
}

// checkFiles finds lost and cut files early. Whole hashes are checked by Verify.
func (l *Ledger) checkFiles() error {
	for i := range l.m.Files {
		f := &l.m.Files[i]
		info, err := os.Stat(l.path(f))
		if err != nil {
			return fmt.Errorf("a file that %s names: %w", manifestName, err)
		}
		if info.Size() != f.Bytes {
			return fmt.Errorf("%s: %d bytes where %s says %d", f.path(), info.Size(), manifestName, f.Bytes)
		}
	}
	return nil
}

func (l *Ledger) path(f *file) string { return filepath.Join(l.dir, filepath.FromSlash(f.path())) }

// sweep removes what no manifest names.
func (l *Ledger) sweep() error {
	named := map[string]bool{}
	for i := range l.m.Files {
		named[l.path(&l.m.Files[i])] = true
	}
	for _, k := range kinds {
		dir := filepath.Join(l.dir, string(k))
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, e := range entries {
			path := filepath.Join(dir, e.Name())
			if named[path] || filepath.Ext(path) != ".parquet" {
				continue
			}
			if err := l.step("remove", path); err != nil {
				return err
			}
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	return os.RemoveAll(filepath.Join(l.dir, tempName))
}

// Close releases the lock. What was committed stays; nothing else was there.
func (l *Ledger) Close() error {
	if l.lock == nil {
		return nil
	}
	err := l.lock.Close()
	l.lock = nil
	return err
}

// Memory is the budget for summing, in bytes.
func (l *Ledger) Memory() int64 { return l.opt.Memory }

// Dir is the folder, as given to Open.
func (l *Ledger) Dir() string { return l.dir }

// TempDir makes and returns the folder for spilled data, on the ledger's own disk. It is swept at Open.
func (l *Ledger) TempDir() (string, error) {
	dir := filepath.Join(l.dir, tempName)
	return dir, os.MkdirAll(dir, 0o777)
}

// Days lists the days with evidence or coverage, in order.
func (l *Ledger) Days() []int32 {
	var days []int32
	for _, f := range l.m.Files {
		if f.Kind == kindEvidence || f.Kind == kindCoverage {
			days = append(days, f.Day)
		}
	}
	slices.Sort(days)
	return slices.Compact(days)
}

// Sources lists the flow-log ids whose objects were taken, sorted; "" stands for objects whose name does not tell.
func (l *Ledger) Sources() []string { return slices.Clone(l.m.Sources) }

// parts lists the files of one kind and day.
func (l *Ledger) parts(k kind, day int32) (files []file) {
	for _, f := range l.m.Files {
		if f.Kind == k && f.Day == day {
			files = append(files, f)
		}
	}
	return files
}

// Evidence yields the evidence of a day, sorted by Key.Compare, no key twice. It may be ranged over again.
func (l *Ledger) Evidence(day int32) iter.Seq2[Evidence, error] {
	var seqs []iter.Seq2[Evidence, error]
	for _, f := range l.parts(kindEvidence, day) {
		seqs = append(seqs, l.evidence(f))
	}
	return Merge(seqs...)
}

// Keys yields the keys of a day's evidence file by file: one that several files hold comes as often. It reads what keys are
// made of and no more.
func (l *Ledger) Keys(day int32) iter.Seq2[Key, error] {
	return func(yield func(Key, error) bool) {
		stopped := false
		for _, f := range l.parts(kindEvidence, day) {
			err := l.readEvidence(f, true, func(e *Evidence) bool {
				stopped = !yield(e.Key, nil)
				return !stopped
			})
			if err != nil && !stopped {
				yield(Key{}, err)
			}
			if err != nil || stopped {
				return
			}
		}
	}
}

func (l *Ledger) evidence(f file) iter.Seq2[Evidence, error] {
	return func(yield func(Evidence, error) bool) {
		stopped := false
		err := l.readEvidence(f, false, func(e *Evidence) bool {
			stopped = !yield(*e, nil)
			return !stopped
		})
		if err != nil && !stopped {
			yield(Evidence{}, err)
		}
	}
}

// readEvidence yields the rows of a file, each valid until the next; of their fields only the keys, if asked so.
func (l *Ledger) readEvidence(f file, keys bool, yield func(*Evidence) bool) error {
	in, err := os.Open(l.path(&f))
	if err != nil {
		return fmt.Errorf("ledger %s: %s: %w", l.dir, f.path(), err)
	}
	defer in.Close()
	var wrongDay error
	err = guard(yield, func(yield func(*Evidence) bool) error {
		return newDecoder(keys).file(in, f.Rows, func(e *Evidence) bool {
			if e.Day != f.Day {
				wrongDay = fmt.Errorf("day %s in the file of %s", dayText(e.Day), dayText(f.Day))
				return false
			}
			return yield(e)
		})
	})
	if err = errors.Join(err, wrongDay); err != nil {
		return fmt.Errorf("ledger %s: %s: %w", l.dir, f.path(), err)
	}
	return nil
}

// Coverage lists the coverage of a day, sorted by interface and source. A gap of a whole flow log (Interface "") is also set
// on each of its interfaces that the day knows.
func (l *Ledger) Coverage(day int32) ([]Coverage, error) {
	var all []Coverage
	for _, f := range l.parts(kindCoverage, day) {
		rows, err := l.coverage(f)
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
	}
	all = sumCoverage(all)
	whole := map[string]uint32{}
	for _, c := range all {
		if c.Interface == "" {
			whole[c.Source] |= c.Gaps
		}
	}
	for i := range all {
		all[i].Gaps |= whole[all[i].Source]
	}
	return all, nil
}

func (l *Ledger) coverage(f file) (all []Coverage, err error) {
	for r, err := range readRows[coverageRow](l.path(&f), f.Rows) {
		if err != nil {
			return nil, fmt.Errorf("ledger %s: %w", l.dir, err)
		}
		all = append(all, Coverage{Day: r.Day, Source: r.Source, Interface: r.Interface, Covered: uint32(r.Covered), Gaps: uint32(r.Gaps),
			Accepts: r.Accepts, Rejects: r.Rejects, NoData: r.NoData, SkipData: r.SkipData})
	}
	return all, nil
}

// sumCoverage sorts and adds up rows of the same day, source and interface.
func sumCoverage(rows []Coverage) []Coverage {
	slices.SortFunc(rows, func(a, b Coverage) int { return a.compare(&b) })
	var out []Coverage
	for _, c := range rows {
		if n := len(out); n > 0 && out[n-1].compare(&c) == 0 {
			out[n-1].Add(c)
		} else {
			out = append(out, c)
		}
	}
	return out
}

// Attributes returns what the records said of each interface.
func (l *Ledger) Attributes() (map[string]Attributes, error) {
	all := map[string]Attributes{}
	f := l.m.find(kindAttributes, Partition{})
	if f == nil {
		return all, nil
	}
	for r, err := range readRows[attributesRow](l.path(f), f.Rows) {
		if err != nil {
			return nil, fmt.Errorf("ledger %s: %w", l.dir, err)
		}
		all[r.Interface] = Attributes(r)
	}
	return all, nil
}
