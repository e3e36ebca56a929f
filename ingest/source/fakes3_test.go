package source

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// fakeS3 answers ListObjectsV2, GetObject and HeadObject for one bucket, in path style. It can be made to fail.
type fakeS3 struct {
	*httptest.Server
	mu       sync.Mutex
	objects  map[string][]byte
	requests []string
	// fault sees each request first; when it answers it, it returns true.
	fault    func(w http.ResponseWriter, r *http.Request, n int) bool
	pageSize int // at most, whatever is asked
	noRanges bool
}

func newFakeS3(t testing.TB) *fakeS3 {
	f := &fakeS3{objects: map[string][]byte{}, pageSize: 1000}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *fakeS3) log() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.requests)
}

func etag(b []byte) string {
	sum := md5.Sum(b)
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

func s3Error(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", code, message)
}

func (f *fakeS3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	q := r.URL.Query()
	what := r.Method + " " + key
	if q.Has("list-type") {
		what = "LIST " + q.Get("prefix") + q.Get("delimiter")
	}
	f.mu.Lock()
	f.requests = append(f.requests, what)
	n := len(f.requests)
	f.mu.Unlock()
	if f.fault != nil && f.fault(w, r, n) {
		return
	}
	switch {
	case bucket != "b":
		s3Error(w, 404, "NoSuchBucket", "no such bucket")
	case q.Has("list-type"):
		f.list(w, q.Get("prefix"), q.Get("delimiter"), max(q.Get("start-after"), q.Get("continuation-token")), q.Get("max-keys"))
	default:
		f.get(w, r, key)
	}
}

type listResult struct {
	XMLName               xml.Name `xml:"ListBucketResult"`
	IsTruncated           bool
	NextContinuationToken string `xml:",omitempty"`
	Contents              []listEntry
	CommonPrefixes        []struct{ Prefix string }
}

type listEntry struct {
	Key, ETag, LastModified string
	Size                    int
}

func (f *fakeS3) list(w http.ResponseWriter, prefix, delimiter, after, maxKeys string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	most := f.pageSize
	if n, err := strconv.Atoi(maxKeys); err == nil {
		most = min(n, most)
	}
	var keys []string
	for k := range f.objects {
		if strings.HasPrefix(k, prefix) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	var out listResult
	last := ""
	for _, k := range keys {
		entry := k
		if i := strings.Index(k[len(prefix):], "/"); delimiter != "" && i >= 0 {
			entry = k[:len(prefix)+i+1]
		}
		if entry <= after || entry == last {
			continue
		}
		if len(out.Contents)+len(out.CommonPrefixes) == most {
			out.IsTruncated, out.NextContinuationToken = true, last
			break
		}
		last = entry
		if entry != k {
			out.CommonPrefixes = append(out.CommonPrefixes, struct{ Prefix string }{entry})
		} else {
			out.Contents = append(out.Contents, listEntry{k, etag(f.objects[k]), "2024-03-01T00:00:00Z", len(f.objects[k])})
		}
	}
	w.Header().Set("Content-Type", "application/xml")
	if err := xml.NewEncoder(w).Encode(out); err != nil {
		panic(err)
	}
}

func (f *fakeS3) get(w http.ResponseWriter, r *http.Request, key string) {
	f.mu.Lock()
	b, ok := f.objects[key]
	f.mu.Unlock()
	if !ok {
		s3Error(w, 404, "NoSuchKey", "no such key")
		return
	}
	if m := r.Header.Get("If-Match"); m != "" && m != etag(b) {
		s3Error(w, 412, "PreconditionFailed", "changed")
		return
	}
	w.Header().Set("ETag", etag(b))
	status := http.StatusOK
	if from, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes="); ok && !f.noRanges {
		n, err := strconv.Atoi(strings.TrimSuffix(from, "-"))
		if err != nil || n >= len(b) {
			s3Error(w, 416, "InvalidRange", "range")
			return
		}
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", n, len(b)-1, len(b)))
		b, status = b[n:], http.StatusPartialContent
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = bytes.NewReader(b).WriteTo(w)
	}
}
