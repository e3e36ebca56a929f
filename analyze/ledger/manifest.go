package ledger

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"
)

// SchemaVersion of the manifest and the columns.
const SchemaVersion = 4

const manifestName = "manifest.json"

// kind is what a data file holds; it is also the folder it lies in.
type kind string

const (
	kindEvidence   kind = "evidence"
	kindCoverage   kind = "coverage"
	kindObjects    kind = "objects"
	kindAttributes kind = "interfaces"
)

var kinds = []kind{kindAttributes, kindCoverage, kindEvidence, kindObjects}

// Partition is what one file of evidence or coverage is about. Account and Region are those of the flow log, from the
// object's key; "" where it does not tell.
type Partition struct {
	Day             int32
	Account, Region string
}

// Compare orders by day, account and region.
func (p Partition) Compare(o Partition) int {
	return cmp.Or(cmp.Compare(p.Day, o.Day), cmp.Compare(p.Account, o.Account), cmp.Compare(p.Region, o.Region))
}

// file is one data file as the manifest names it. Its place on disk follows from these values, so a manifest cannot point
// outside of its ledger.
type file struct {
	Kind kind
	Partition
	SHA256 string // of the whole file
	Rows   int64
	Bytes  int64
}

func (f *file) compare(o *file) int {
	return cmp.Or(cmp.Compare(f.Kind, o.Kind), f.Partition.Compare(o.Partition))
}

// path of the file below the ledger, with slashes.
func (f *file) path() string {
	name := f.SHA256[:16] + ".parquet"
	if f.Kind == kindAttributes {
		return string(f.Kind) + "/" + name
	}
	parts := []string{dayText(f.Day)}
	if f.Kind != kindObjects {
		parts = append(parts, fileWord(f.Account), fileWord(f.Region))
	}
	return string(f.Kind) + "/" + strings.Join(append(parts, name), "_")
}

// fileWord makes a word from an object's key safe as part of a file name.
func fileWord(s string) string {
	if s == "" {
		return "unknown"
	}
	return strings.NewReplacer("_", "%5F", ".", "%2E").Replace(url.QueryEscape(s))
}

func dayText(day int32) string { return time.Unix(int64(day)*86400, 0).UTC().Format(time.DateOnly) }

func parseDay(s string) (int32, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return 0, fmt.Errorf("day %q: want YYYY-MM-DD", s)
	}
	if t.Unix() < 0 {
		return 0, fmt.Errorf("day %q: before 1970", s)
	}
	return int32(t.Unix() / 86400), nil
}

// manifest is the root of a ledger: what it names exists, everything else is rubbish of an interrupted run.
type manifest struct {
	Sources []string // flow-log ids, sorted
	Files   []file   // sorted; one per kind and partition
}

type manifestJSON struct {
	Format  string     `json:"format"`
	Version int        `json:"schema_version"`
	Sources []string   `json:"sources"`
	Files   []fileJSON `json:"files"`
}

type fileJSON struct {
	Kind    kind   `json:"kind"`
	Day     string `json:"day,omitempty"`
	Account string `json:"account_id,omitempty"`
	Region  string `json:"region,omitempty"`
	SHA256  string `json:"sha256"`
	Rows    int64  `json:"rows"`
	Bytes   int64  `json:"bytes"`
}

const manifestFormat = "sgtrim ledger"

// marshal writes the manifest; the same content is the same bytes.
func (m *manifest) marshal() ([]byte, error) {
	j := manifestJSON{Format: manifestFormat, Version: SchemaVersion, Sources: m.Sources, Files: []fileJSON{}}
	if j.Sources == nil {
		j.Sources = []string{}
	}
	for _, f := range m.Files {
		g := fileJSON{Kind: f.Kind, Account: f.Account, Region: f.Region, SHA256: f.SHA256, Rows: f.Rows, Bytes: f.Bytes}
		if f.Kind != kindAttributes {
			g.Day = dayText(f.Day)
		}
		j.Files = append(j.Files, g)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", " ")
	enc.SetEscapeHTML(false)
	err := enc.Encode(j)
	return b.Bytes(), err
}

// readManifest reads what marshal writes and refuses anything that this version would misunderstand.
func readManifest(b []byte) (*manifest, error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	var j manifestJSON
	if err := dec.Decode(&j); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("text after the end of the manifest")
	}
	if j.Format != manifestFormat {
		return nil, fmt.Errorf("field format: %q: want %q", j.Format, manifestFormat)
	}
	if j.Version != SchemaVersion {
		return nil, fmt.Errorf("field schema_version: %d: this program reads %d; ingest the logs into a new ledger", j.Version, SchemaVersion)
	}
	m := &manifest{Sources: j.Sources}
	if !increasing(j.Sources, strings.Compare) {
		return nil, errors.New("field sources: not sorted")
	}
	for i, g := range j.Files {
		f, err := g.file()
		if err != nil {
			return nil, fmt.Errorf("files[%d]: %w", i, err)
		}
		m.Files = append(m.Files, f)
	}
	if !increasing(m.Files, func(a, b file) int { return a.compare(&b) }) {
		return nil, errors.New("field files: not sorted, or a partition named twice")
	}
	return m, nil
}

func increasing[T any](s []T, compare func(a, b T) int) bool {
	for i := 1; i < len(s); i++ {
		if compare(s[i-1], s[i]) >= 0 {
			return false
		}
	}
	return true
}

func (g *fileJSON) file() (f file, err error) {
	if !slices.Contains(kinds, g.Kind) {
		return f, fmt.Errorf("field kind: %q is unknown", g.Kind)
	}
	f = file{Kind: g.Kind, Partition: Partition{Account: g.Account, Region: g.Region}, SHA256: g.SHA256, Rows: g.Rows, Bytes: g.Bytes}
	if g.Kind == kindAttributes {
		if g.Day != "" {
			return f, errors.New("field day: interfaces have none")
		}
	} else if f.Day, err = parseDay(g.Day); err != nil {
		return f, fmt.Errorf("field day: %w", err)
	}
	if (g.Kind == kindAttributes || g.Kind == kindObjects) && (g.Account != "" || g.Region != "") {
		return f, fmt.Errorf("field account_id or region: %s have none", g.Kind)
	}
	if b, err := hex.DecodeString(g.SHA256); err != nil || len(b) != 32 || strings.ToLower(g.SHA256) != g.SHA256 {
		return f, fmt.Errorf("field sha256: %q: want 64 lower-case hexadecimal digits", g.SHA256)
	}
	if g.Rows < 0 || g.Bytes < 0 {
		return f, errors.New("field rows or bytes: negative")
	}
	return f, nil
}

// find returns the file of a kind and partition, or nil.
func (m *manifest) find(k kind, p Partition) *file {
	want := file{Kind: k, Partition: p}
	i, ok := slices.BinarySearchFunc(m.Files, want, func(a, b file) int { return a.compare(&b) })
	if !ok {
		return nil
	}
	return &m.Files[i]
}

// without returns a copy in which no evidence and no coverage of the days is left.
func (m *manifest) without(days []int32) *manifest {
	n := &manifest{Sources: m.Sources, Files: slices.Clone(m.Files)}
	n.Files = slices.DeleteFunc(n.Files, func(f file) bool {
		return (f.Kind == kindEvidence || f.Kind == kindCoverage) && slices.Contains(days, f.Day)
	})
	return n
}

// with returns a copy in which the files given stand in the place of those of their kind and partition.
func (m *manifest) with(files []file, sources []string) *manifest {
	n := &manifest{Files: slices.Clone(m.Files), Sources: slices.Concat(m.Sources, sources)}
	for _, f := range files {
		i, ok := slices.BinarySearchFunc(n.Files, f, func(a, b file) int { return a.compare(&b) })
		if ok {
			n.Files[i] = f
		} else {
			n.Files = slices.Insert(n.Files, i, f)
		}
	}
	slices.Sort(n.Sources)
	n.Sources = slices.Compact(n.Sources)
	return n
}
