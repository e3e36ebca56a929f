package source

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sgtrim/sgtrim/ingest"
)

func bigObject() []byte {
	r := rand.New(rand.NewPCG(1, 1))
	b := make([]byte, 1<<20)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// Other services' folders are never listed into, and a window is listed from its first day to its last.
func TestS3Requests(t *testing.T) {
	f := newFakeS3(t)
	f.pageSize = 4
	flow, other := bucketOf("", "plain")
	for _, k := range append(flow, other...) {
		f.objects[k] = []byte("x")
	}
	opt := s3Options(f)
	opt.Since = time.Date(2024, 2, 29, 2, 0, 0, 0, time.UTC)
	opt.Until = opt.Since.Add(10 * time.Hour)
	list(t, open(t, "s3://b", opt))
	whole, pages := 0, 0
	for _, r := range f.log() {
		for _, s := range []string{"CloudTrail", "elasticloadbalancing", "vpcdnsquerylogs", "network-firewall", "o-1234567890"} {
			if strings.Contains(r, s) {
				t.Errorf("asked for %s", r)
			}
		}
		if strings.HasSuffix(r, "/vpcflowlogs/us-east-1/") || strings.HasSuffix(r, "/vpcflowlogs/eu-west-1/") {
			pages++
		}
		if r == "LIST " {
			whole++
		}
	}
	// Each region has 5 objects in the day: two pages of 4, of 24 objects in all.
	if pages != 6 || whole != 1 {
		t.Errorf("%d pages of regions, %d of the bucket (the probe): %q", pages, whole, f.log())
	}
}

// Throttling, resets and torn bodies are retried; each byte comes once.
func TestS3Retries(t *testing.T) {
	want := bigObject()
	hijack := func(w http.ResponseWriter) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		c.Close()
	}
	for name, fault := range map[string]func(f *fakeS3) func(w http.ResponseWriter, r *http.Request, n int) bool{
		"none": func(*fakeS3) func(http.ResponseWriter, *http.Request, int) bool { return nil },
		"SlowDown": func(*fakeS3) func(http.ResponseWriter, *http.Request, int) bool {
			return func(w http.ResponseWriter, _ *http.Request, n int) bool {
				if n%5 != 0 {
					s3Error(w, 503, "SlowDown", "Please reduce your request rate.")
				}
				return n%5 != 0
			}
		},
		"InternalError": func(*fakeS3) func(http.ResponseWriter, *http.Request, int) bool {
			return func(w http.ResponseWriter, _ *http.Request, n int) bool {
				if n%2 != 0 {
					s3Error(w, 500, "InternalError", "We encountered an internal error.")
				}
				return n%2 != 0
			}
		},
		"reset": func(*fakeS3) func(http.ResponseWriter, *http.Request, int) bool {
			return func(w http.ResponseWriter, _ *http.Request, n int) bool {
				if n%3 != 0 {
					hijack(w)
				}
				return n%3 != 0
			}
		},
		"torn bodies": func(f *fakeS3) func(http.ResponseWriter, *http.Request, int) bool {
			return func(w http.ResponseWriter, r *http.Request, n int) bool { return torn(f, w, r, n) }
		},
		"torn bodies, no ranges": func(f *fakeS3) func(http.ResponseWriter, *http.Request, int) bool {
			f.noRanges = true
			return func(w http.ResponseWriter, r *http.Request, n int) bool { return n < 8 && torn(f, w, r, n) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeS3(t)
			f.objects["AWSLogs/111111111111/vpcflowlogs/us-east-1/2024/02/27/x.gz"] = want
			f.fault = fault(f)
			s := open(t, "s3://b", s3Options(f))
			for _, o := range list(t, s) {
				body, err := s.Open(t.Context(), o)
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(body)
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("got %d bytes of %d, the right ones: %v; %v", len(got), len(want), bytes.Equal(got, want), err)
				}
				body.Close()
			}
		})
	}
}

// torn sends a part of what is left of an object, and breaks the connection.
func torn(f *fakeS3, w http.ResponseWriter, r *http.Request, n int) bool {
	if r.Method != http.MethodGet || r.URL.Query().Has("list-type") {
		return false
	}
	part := &partial{ResponseWriter: w, left: 100_000 + 7*n}
	defer func() {
		if part.left == 0 {
			panic(http.ErrAbortHandler)
		}
	}()
	_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	f.get(part, r, key)
	return true
}

type partial struct {
	http.ResponseWriter
	left int
}

func (p *partial) Write(b []byte) (int, error) {
	n, err := p.ResponseWriter.Write(b[:min(len(b), p.left)])
	p.left -= n
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	return n, err
}

// Errors name the bucket, the key, and what is needed.
func TestS3Errors(t *testing.T) {
	const k = "AWSLogs/111111111111/vpcflowlogs/us-east-1/2024/02/27/x.gz"
	isGet := func(r *http.Request) bool { return !r.URL.Query().Has("list-type") }
	isList := func(r *http.Request) bool { return !isGet(r) }
	for name, c := range map[string]struct {
		when          func(r *http.Request) bool
		status        int
		code, message string
		want          []string
	}{
		"may not list":      {isList, 403, "AccessDenied", "Access Denied", []string{"s3://b/", "s3:ListBucket on arn:aws:s3:::b is needed"}},
		"may not read":      {isGet, 403, "AccessDenied", "Access Denied", []string{"s3://b/" + k, "s3:GetObject on arn:aws:s3:::b/" + k + " is needed", "kms:Decrypt"}},
		"may not decrypt":   {isGet, 403, "AccessDenied", "User is not authorized to perform: kms:Decrypt on the resource", []string{"s3://b/" + k, "kms:Decrypt on that key is needed"}},
		"key disabled":      {isGet, 400, "KMS.DisabledException", "disabled", []string{"s3://b/" + k, "kms:Decrypt"}},
		"archived":          {isGet, 403, "InvalidObjectState", "The operation is not valid for the object's storage class", []string{"s3://b/" + k, "archived", "s3:RestoreObject"}},
		"gone":              {isGet, 404, "NoSuchKey", "gone", []string{"s3://b/" + k, "not there (any more)"}},
		"no bucket":         {isList, 404, "NoSuchBucket", "none", []string{"s3://b/", "no bucket b"}},
		"token expired":     {isList, 400, "ExpiredToken", "expired", []string{"s3://b/", "the credentials are not accepted"}},
		"throttled forever": {isGet, 503, "SlowDown", "slow down", []string{"s3://b/" + k, "SlowDown"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeS3(t)
			f.objects[k] = []byte("x")
			f.fault = func(w http.ResponseWriter, r *http.Request, _ int) bool {
				if c.when(r) {
					s3Error(w, c.status, c.code, c.message)
				}
				return c.when(r)
			}
			err := readAll(t.Context(), "s3://b", s3Options(f))
			for _, want := range c.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want it to say %q", err, want)
				}
			}
		})
	}
}

// readAll opens, lists and reads everything.
func readAll(ctx context.Context, name string, opt Options) error {
	s, err := Open(ctx, name, opt)
	if err != nil {
		return err
	}
	for o, err := range s.Objects(ctx) {
		if err != nil {
			return err
		}
		body, err := s.Open(ctx, o)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, body)
		body.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// An object that is replaced after it was listed, or while it is read, is an error: half of each would be neither.
func TestS3ObjectChanges(t *testing.T) {
	for _, while := range []string{"before", "reading"} {
		f := newFakeS3(t)
		f.objects["x.gz"] = bigObject()
		f.fault = func(w http.ResponseWriter, r *http.Request, n int) bool { return torn(f, w, r, n) }
		s := open(t, "s3://b/x.gz", s3Options(f))
		o := list(t, s)[0]
		change := func() {
			f.mu.Lock()
			f.objects["x.gz"] = bytes.Repeat([]byte("y"), 1<<20)
			f.mu.Unlock()
		}
		if while == "before" {
			change()
		}
		body, err := s.Open(t.Context(), o)
		if err == nil {
			change()
			_, err = io.Copy(io.Discard, body)
			body.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "changed since it was listed") || !strings.Contains(err.Error(), "s3://b/x.gz") {
			t.Errorf("%s: got %v", while, err)
		}
	}
}

// A body that breaks again and again without a byte between ends in an error, and a cancelled one at once.
func TestS3Hopeless(t *testing.T) {
	f := newFakeS3(t)
	f.objects["x.gz"] = bigObject()
	f.fault = func(w http.ResponseWriter, r *http.Request, n int) bool {
		if r.Method != http.MethodGet || r.URL.Query().Has("list-type") {
			return false
		}
		w.Header().Set("Content-Length", "1048576")
		w.WriteHeader(200)
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	err := readAll(t.Context(), "s3://b/x.gz", s3Options(f))
	if err == nil || !strings.Contains(err.Error(), "s3://b/x.gz") || !errors.Is(err, io.ErrUnexpectedEOF) && !strings.Contains(err.Error(), "EOF") {
		t.Errorf("got %v", err)
	}
	s := open(t, "s3://b/x.gz", s3Options(f))
	ctx, cancel := context.WithCancel(t.Context())
	body, err := s.Open(ctx, list(t, s)[0])
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := io.ReadAll(body); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// An object may be read by those who may not list the bucket.
func TestS3NamedObjectWithoutListing(t *testing.T) {
	f := newFakeS3(t)
	f.objects["logs/x.gz"] = []byte("hello")
	f.fault = func(w http.ResponseWriter, r *http.Request, _ int) bool {
		if r.URL.Query().Has("list-type") {
			s3Error(w, 403, "AccessDenied", "Access Denied")
			return true
		}
		return false
	}
	got := list(t, open(t, "s3://b/logs/x.gz", s3Options(f)))
	if len(got) != 1 || got[0].Size != 5 || !got[0].Named || got[0].ETag == "" {
		t.Errorf("got %+v", got)
	}
	if _, err := Open(t.Context(), "s3://b/logs/y.gz", s3Options(f)); err == nil || !strings.Contains(err.Error(), "s3:ListBucket") {
		t.Errorf("got %v", err)
	}
}

// Flags reach the requests.
func TestS3Flags(t *testing.T) {
	f := newFakeS3(t)
	f.objects["x.gz"] = []byte("hello")
	var mu = make(chan struct{}, 1)
	var payers, signed []string
	f.fault = func(_ http.ResponseWriter, r *http.Request, _ int) bool {
		mu <- struct{}{}
		payers = append(payers, r.Header.Get("X-Amz-Request-Payer"))
		signed = append(signed, r.Header.Get("Authorization"))
		<-mu
		return false
	}
	opt := s3Options(f)
	opt.RequesterPays = true
	if err := readAll(t.Context(), "s3://b/x.gz", opt); err != nil {
		t.Fatal(err)
	}
	if len(payers) != 2 || payers[0] != "requester" || payers[1] != "requester" || strings.Join(signed, "") != "" {
		t.Errorf("payers %q, signatures %q", payers, signed)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_ENDPOINT_URL_S3", f.URL)
	if err := readAll(t.Context(), "s3://b/x.gz", Options{Region: "eu-west-1"}); err != nil {
		t.Fatal(err)
	}
	if last := signed[len(signed)-1]; !strings.Contains(last, "AKIDEXAMPLE") || !strings.Contains(last, "eu-west-1/s3") {
		t.Errorf("signature %q", last)
	}
	if _, err := Open(t.Context(), "s3://b/x.gz", Options{Profile: "no-such-profile"}); err == nil || !strings.Contains(err.Error(), "no-such-profile") {
		t.Errorf("got %v", err)
	}
	if _, err := Open(t.Context(), "s3:///x.gz", opt); err == nil {
		t.Error("a source without bucket was accepted")
	}
}

// S3 says in which region a bucket is; the next try goes there.
func TestS3RegionOfBucket(t *testing.T) {
	f := newFakeS3(t)
	f.objects["x.gz"] = []byte("hello")
	var regions []string
	f.fault = func(w http.ResponseWriter, r *http.Request, _ int) bool {
		auth := r.Header.Get("Authorization")
		regions = append(regions, auth)
		if strings.Contains(auth, "/eu-north-1/s3") {
			return false
		}
		w.Header().Set("X-Amz-Bucket-Region", "eu-north-1")
		s3Error(w, 400, "AuthorizationHeaderMalformed", "the region 'us-east-1' is wrong; expecting 'eu-north-1'")
		return true
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_ENDPOINT_URL_S3", f.URL)
	if err := readAll(t.Context(), "s3://b/x.gz", Options{Region: "us-east-1"}); err != nil {
		t.Errorf("got %v after %q", err, regions)
	}
}

// A bucket of very many objects is listed page by page, not all at once.
func TestS3ListsLazily(t *testing.T) {
	f := newFakeS3(t)
	f.pageSize = 10
	start := time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC)
	for i := range 200 {
		f.objects[key("", "plain", "111111111111", "us-east-1", start.Add(time.Duration(i)*5*time.Minute), 1)] = []byte("x")
	}
	s := open(t, "s3://b/AWSLogs/", s3Options(f))
	n := 0
	for _, err := range s.Objects(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 15 {
			break
		}
	}
	pages := 0
	for _, r := range f.log() {
		if strings.HasSuffix(r, "us-east-1/") {
			pages++
		}
	}
	if pages != 2 {
		t.Errorf("15 objects took %d pages of 10", pages)
	}
	if got := list(t, s); len(got) != 200 || !slices.IsSortedFunc(got, func(a, b ingest.Object) int { return a.Slot.Compare(b.Slot) }) {
		t.Errorf("got %d objects", len(got))
	}
}

func TestBackoff(t *testing.T) {
	for n := range 40 {
		if d := (Options{}).backoff(n); d <= 0 || d > 20*time.Second {
			t.Errorf("%d: %s", n, d)
		}
	}

}
