package estate

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Load reads an estate: a file written by `sgtrim snapshot`, one saved output of the AWS CLI, or a folder of such files. Of
// several snapshots the latest is the present and the others are its history, and so are items of AWS Config and events of
// CloudTrail, from files of whatever name.
func Load(path string) (*Estate, error) {
	s, err := ReadSnapshot(path)
	if err != nil {
		return nil, err
	}
	return s.Estate()
}

// ReadSnapshot reads what Load reads, without understanding the objects yet. Files are recognised by their top-level key,
// whatever their name; in a folder, files that are no such output are listed as problems, alone they are errors. JSON that
// breaks off is always an error.
func ReadSnapshot(path string) (*Snapshot, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("estate: %w", err)
	}
	r := &reader{root: path, snapshot: &Snapshot{}}
	if info.IsDir() {
		err = r.folder(path)
	} else {
		err = r.alone(path)
	}
	if err != nil {
		return nil, fmt.Errorf("estate: %w", err)
	}
	r.snapshot.inferScopes()
	return r.snapshot, nil
}

// File is a file that lies elsewhere: its name, which is a path with the account and region that its folders may name, and its
// content.
type File struct {
	Name string
	Body io.Reader
}

// ReadFiles reads files that lie below root, in the order given, as ReadSnapshot reads those of a folder.
func ReadFiles(root string, files iter.Seq2[File, error]) (*Snapshot, error) {
	r := &reader{root: root, snapshot: &Snapshot{}}
	var others strangers
	n := 0
	for f, err := range files {
		if err == nil {
			n++
			err = others.unless(f.Name, r.stream(f.Name, f.Body))
		}
		if err != nil {
			return nil, fmt.Errorf("estate: %w", err)
		}
	}
	others.report(r)
	if len(r.snapshot.Scopes) == 0 {
		return nil, fmt.Errorf("estate: %w", &LoadError{Source: root, Err: fmt.Errorf("none of %d files holds an output of aws ec2 describe-…, items of AWS Config or records of CloudTrail", n)})
	}
	r.snapshot.inferScopes()
	return r.snapshot, nil
}

// strangers are files that are no JSON, by folder.
type strangers map[string][]string

// unless notes a file that is no JSON; err is nil then.
func (s *strangers) unless(path string, err error) error {
	if !errors.Is(err, errNotJSON) || strings.Contains(strings.ToLower(filepath.Base(path)), ".json") {
		return err
	}
	if *s == nil {
		*s = strangers{}
	}
	dir := strings.TrimSuffix(path, filepath.Base(path))
	if dir = strings.TrimSuffix(dir, string(filepath.Separator)); dir == "" {
		dir = "."
	}
	(*s)[dir] = append((*s)[dir], filepath.Base(path))
	return nil
}

func (s strangers) report(r *reader) {
	for _, dir := range sortedKeys(s) {
		r.problem(dir, "", fmt.Sprintf("files that are not JSON were not used (%d), such as %s", len(s[dir]), s[dir][0]))
	}
}

// errNotJSON marks files that do not even start like JSON.
var errNotJSON = errors.New("not JSON")

type reader struct {
	root     string
	snapshot *Snapshot
	past     map[[sha256.Size]byte]bool // what tells of the past and is read already: every snapshot of AWS Config repeats it
}

// again reports whether something that tells of the past was read before in the same words.
func (r *reader) again(raw json.RawMessage) bool {
	if r.past == nil {
		r.past = map[[sha256.Size]byte]bool{}
	}
	sum := sha256.Sum256(raw)
	seen := r.past[sum]
	r.past[sum] = true
	return seen
}

func (r *reader) problem(source, object, cause string) {
	r.snapshot.Problems = append(r.snapshot.Problems, Problem{source, object, cause})
}

// alone reads a file that was named by itself: it must hold something an estate is made of.
func (r *reader) alone(path string) error {
	if err := r.file(path); err != nil {
		return err
	}
	if len(r.snapshot.Scopes) > 0 {
		return nil
	}
	cause := "holds no output of aws ec2 describe-…, of AWS Config or of CloudTrail that an estate is made of"
	if len(r.snapshot.Problems) > 0 {
		p := r.snapshot.Problems[0]
		cause += fmt.Sprintf(" (%s: %s)", p.Object, p.Cause)
	}
	return &LoadError{Source: path, Err: errors.New(cause)}
}

// folder reads every file below dir in the order of their paths.
func (r *reader) folder(dir string) error {
	dir = strings.TrimSuffix(dir, string(filepath.Separator)) + string(filepath.Separator) // so that a symbolic link is followed
	var others strangers
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path != dir && strings.HasPrefix(d.Name(), ".") {
			r.problem(path, "", "hidden, not read")
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			return nil
		}
		if info, err := os.Stat(path); err != nil {
			return err
		} else if !info.Mode().IsRegular() {
			r.problem(path, "", "not a regular file, not read")
			return nil
		}
		return others.unless(path, r.file(path))
	})
	if err != nil {
		return err
	}
	others.report(r)
	if len(r.snapshot.Scopes) == 0 {
		return &LoadError{Source: dir, Err: errors.New("no file holds an output of aws ec2 describe-…, or AWS Config items")}
	}
	return nil
}

// file reads one file of this machine: JSON documents one after the other, plain or gzip.
func (r *reader) file(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return r.stream(path, f)
}

// stream reads the content of a file.
func (r *reader) stream(path string, content io.Reader) error {
	in := bufio.NewReaderSize(content, 1<<16)
	if magic, _ := in.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(in)
		if err != nil {
			return &LoadError{Source: path, Err: err}
		}
		in = bufio.NewReaderSize(z, 1<<16)
	}
	return r.documents(path, in)
}

func (r *reader) documents(path string, in *bufio.Reader) error {
	switch c, err := firstByte(in); {
	case err == io.EOF:
		return &LoadError{Source: path, Err: fmt.Errorf("the file is empty; did the call that should have filled it fail? (%w)", errNotJSON)}
	case err != nil:
		return &LoadError{Source: path, Err: err}
	case c == '[':
		return &LoadError{Source: path, Err: errors.New("a bare list: want the object as the AWS CLI prints it, such as {\"SecurityGroups\": […]}")}
	case c != '{':
		return &LoadError{Source: path, Err: errNotJSON}
	}
	d := &document{r: r, path: path, dec: json.NewDecoder(in)}
	for {
		if err := d.read(); err == io.EOF {
			return nil
		} else if err != nil {
			return d.wrap(err)
		}
	}
}

// firstByte skips a byte order mark and white space, and peeks.
func firstByte(in *bufio.Reader) (byte, error) {
	if mark, _ := in.Peek(3); string(mark) == "\xef\xbb\xbf" {
		in.Discard(3)
	}
	for {
		c, err := in.ReadByte()
		if err != nil {
			return 0, err
		}
		if !unicode.IsSpace(rune(c)) {
			return c, in.UnreadByte()
		}
	}
}

// document reads the top level of one file, streaming its lists.
type document struct {
	r    *reader
	path string
	dec  *json.Decoder
	key  string // the top-level key in work
}

func (d *document) wrap(err error) error {
	var e *LoadError
	if errors.As(err, &e) {
		return err
	}
	if err == io.ErrUnexpectedEOF || err == io.EOF {
		err = errors.New("the JSON breaks off; the file is incomplete")
	}
	return &LoadError{Source: d.path, Object: d.key, Err: fmt.Errorf("at byte %d: %w", d.dec.InputOffset(), err)}
}

// read reads one document; io.EOF when there is none.
func (d *document) read() error {
	t, err := d.dec.Token()
	if err != nil {
		return err
	}
	if t != json.Delim('{') {
		return fmt.Errorf("want an object, got %v", t)
	}
	first := len(d.r.snapshot.Scopes)
	scope := d.newScope()
	var captured time.Time
	version, isSnapshot := 0, false
	err = d.members(func(key string) error {
		switch {
		case key == scopes:
			isSnapshot = true
			return d.list(func() error { return d.snapshotScope() })
		case key == "schema_version":
			return d.dec.Decode(&version)
		case key == "captured_at":
			return d.dec.Decode(&captured)
		case key == "problems":
			var ps []Problem
			err := d.dec.Decode(&ps)
			for _, p := range ps {
				if !slices.Contains(d.r.snapshot.Problems, p) { // every snapshot of a series tells of the same denied call
					d.r.snapshot.Problems = append(d.r.snapshot.Problems, p)
				}
			}
			return err
		}
		return d.kind(key, &scope)
	})
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	if isSnapshot && version != snapshotSchemaVersion {
		return &LoadError{Source: d.path, Object: "schema_version", Err: fmt.Errorf("is %d, this program reads %d", version, snapshotSchemaVersion)}
	}
	if len(scope.Objects) > 0 {
		d.r.snapshot.Scopes = append(d.r.snapshot.Scopes, scope)
	}
	for i := first; i < len(d.r.snapshot.Scopes); i++ {
		d.r.snapshot.Scopes[i].captured = captured
	}
	if captured.After(d.r.snapshot.Captured) {
		d.r.snapshot.Captured = captured
	}
	return nil
}

func (d *document) newScope() SnapshotScope {
	s := SnapshotScope{file: d.path, dir: filepath.Dir(d.path), Objects: map[Kind][]json.RawMessage{}}
	s.Scope = scopeOfPath(d.r.root, d.path)
	return s
}

// members calls f for every member of the object whose brace was just read; f reads the value.
func (d *document) members(f func(key string) error) error {
	for d.dec.More() {
		t, err := d.dec.Token()
		if err != nil {
			return err
		}
		d.key, _ = t.(string)
		if err := f(d.key); err != nil {
			return err
		}
	}
	_, err := d.dec.Token() // the closing brace
	return err
}

// list calls f for every element of a list; f reads the element.
func (d *document) list(f func() error) error {
	t, err := d.dec.Token()
	if err != nil {
		return err
	}
	if t != json.Delim('[') {
		return fmt.Errorf("want a list, got %v", t)
	}
	for d.dec.More() {
		if err := f(); err != nil {
			return err
		}
	}
	_, err = d.dec.Token()
	return err
}

func (d *document) snapshotScope() error {
	t, err := d.dec.Token()
	if err != nil {
		return err
	}
	if t != json.Delim('{') {
		return fmt.Errorf("want an object, got %v", t)
	}
	scope := d.newScope()
	scope.Scope, scope.dir = Scope{}, fmt.Sprintf("%s#%d", d.path, len(d.r.snapshot.Scopes))
	err = d.members(func(key string) error {
		switch key {
		case "partition":
			return d.dec.Decode(&scope.Partition)
		case "account":
			return d.dec.Decode(&scope.Account)
		case "region":
			return d.dec.Decode(&scope.Region)
		case "trail_since":
			return d.dec.Decode(&scope.TrailSince)
		case "trail_until":
			return d.dec.Decode(&scope.TrailUntil)
		case "asked":
			return d.dec.Decode(&scope.Asked)
		}
		return d.kind(key, &scope)
	})
	d.r.snapshot.Scopes = append(d.r.snapshot.Scopes, scope)
	return err
}

// kind reads one top-level list into the scope, or notes that it is not used.
func (d *document) kind(key string, scope *SnapshotScope) error {
	k, known := kindOf(key)
	switch {
	case slices.ContainsFunc(dressing, func(name string) bool { return strings.EqualFold(key, name) }):
		return d.skip()
	case strings.EqualFold(key, nextToken):
		var token any
		if err := d.dec.Decode(&token); err != nil {
			return err
		}
		if token != nil && token != "" {
			d.r.problem(d.path, nextToken, "there are more pages after this one; make sure that they were saved too")
		}
		return nil
	case !known:
		d.r.problem(d.path, key, unusedCause(key))
		return d.skip()
	case k == Entries:
		return d.entries(scope)
	}
	objects := scope.Objects[k]
	if objects == nil {
		objects = []json.RawMessage{}
	}
	err := d.list(func() error {
		var raw json.RawMessage
		if err := d.dec.Decode(&raw); err != nil {
			return err
		}
		if used(k, raw) && !(k.ofHistory() && d.r.again(raw)) {
			objects = append(objects, raw)
		}
		return nil
	})
	scope.Objects[k] = objects
	return err
}

// used reports whether an object can tell anything of the estate. The files of AWS Config and CloudTrail are of all of an
// account, and only some of it is ours.
func used(k Kind, raw json.RawMessage) bool {
	switch k {
	case ConfigurationItems:
		var c struct{ ResourceType string }
		return json.Unmarshal(raw, &c) != nil || configKinds[c.ResourceType] != ""
	case TrailRecords, TrailEvents:
		var r struct{ EventName string }
		return json.Unmarshal(raw, &r) != nil || trailEvents[r.EventName] != nil
	}
	return true
}

func (d *document) skip() error {
	var raw json.RawMessage
	return d.dec.Decode(&raw)
}

func kindOf(key string) (Kind, bool) {
	for _, k := range Kinds {
		if strings.EqualFold(key, string(k)) {
			return k, true
		}
	}
	return Entries, strings.EqualFold(key, string(Entries))
}

func unusedCause(key string) string {
	switch {
	case strings.EqualFold(key, reservations):
		return "instances are not used: their interfaces come from describe-network-interfaces"
	}
	return "not used"
}

var listID = regexp.MustCompile(`pl-[0-9a-zA-Z]+`)

// entries turns the output of get-managed-prefix-list-entries into a prefix list with entries, whose id the file's name holds.
func (d *document) entries(scope *SnapshotScope) error {
	var raw json.RawMessage
	if err := d.dec.Decode(&raw); err != nil {
		return err
	}
	id := listID.FindString(filepath.Base(d.path))
	if id == "" {
		d.r.problem(d.path, string(Entries), "of which prefix list? Name the file <pl-id>.json")
		return nil
	}
	object, err := json.Marshal(map[string]any{"PrefixListId": id, "Entries": raw})
	if err != nil {
		return err
	}
	scope.Objects[PrefixLists] = append(scope.Objects[PrefixLists], object)
	return nil
}
