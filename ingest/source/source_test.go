package source

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/ingest"
)

// key is an object's key in AWS's layout.
func key(prefix, kind, account, region string, at time.Time, n int) string {
	day := at.Format("2006/01/02/")
	dir := fmt.Sprintf("AWSLogs/%s/vpcflowlogs/%s/", account, region)
	if strings.HasPrefix(kind, "hive") {
		dir = fmt.Sprintf("AWSLogs/aws-account-id=%s/aws-service=vpcflowlogs/aws-region=%s/", account, region)
		day = at.Format("year=2006/month=01/day=02/")
	}
	switch kind {
	case "hourly":
		day += at.Format("15/")
	case "hive hourly":
		day += at.Format("hour=15/")
	}
	return prefix + dir + day + fmt.Sprintf("%s_vpcflowlogs_%s_fl-%d_%s_abcd%d.log.gz", account, region, n, at.Format("20060102T1504Z"), n)
}

// bucketOf is a bucket of two accounts, three regions, five days, and things that are no flow logs.
func bucketOf(prefix, kind string) (flow []string, other []string) {
	start := time.Date(2024, 2, 27, 0, 0, 0, 0, time.UTC)
	for _, place := range [][2]string{{"111111111111", "us-east-1"}, {"111111111111", "eu-west-1"}, {"222222222222", "us-east-1"}} {
		for h := 0; h < 5*24; h += 5 {
			flow = append(flow, key(prefix, kind, place[0], place[1], start.Add(time.Duration(h)*time.Hour), h%3))
		}
	}
	for _, k := range []string{
		"AWSLogs/111111111111/CloudTrail/us-east-1/2024/02/27/111111111111_CloudTrail_us-east-1_20240227T0000Z_a.json.gz",
		"AWSLogs/111111111111/elasticloadbalancing/us-east-1/2024/02/27/x.log.gz",
		"AWSLogs/111111111111/vpcdnsquerylogs/vpc-1/2024/02/27/x.log.gz",
		"AWSLogs/222222222222/network-firewall/flow/x.log.gz",
		"AWSLogs/o-1234567890/111111111111/CloudTrail/us-east-1/x.json.gz",
	} {
		other = append(other, prefix+k)
	}
	return flow, other
}

// place puts objects where a source finds them and names them: one for the folder, one for S3.
type place struct {
	name string
	put  func(t *testing.T, objects map[string]string) (root string, opt Options)
}

var places = []place{
	{"folder", func(t *testing.T, objects map[string]string) (string, Options) {
		dir := t.TempDir()
		for k, v := range objects {
			path := filepath.Join(dir, filepath.FromSlash(k))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(v), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return dir + "/", Options{}
	}},
	{"s3", func(t *testing.T, objects map[string]string) (string, Options) {
		f := newFakeS3(t)
		f.pageSize = 7
		for k, v := range objects {
			f.objects[k] = []byte(v)
		}
		return "s3://b/", s3Options(f)
	}},
}

func s3Options(f *fakeS3) Options {
	return Options{EndpointURL: f.URL, NoSignRequest: true, Region: "us-east-1", retryDelay: time.Microsecond}
}

func content(k string) string { return "content of " + k }

func objectsOf(keys ...string) map[string]string {
	m := map[string]string{}
	for _, k := range keys {
		m[k] = content(k)
	}
	return m
}

func open(t *testing.T, name string, opt Options) ingest.Source {
	t.Helper()
	s, err := Open(t.Context(), name, opt)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// list reads the whole listing, and checks that it goes by day.
func list(t *testing.T, s ingest.Source) []ingest.Object {
	t.Helper()
	var out []ingest.Object
	for o, err := range s.Objects(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if len(out) > 0 && day(o) < day(out[len(out)-1]) {
			t.Errorf("%s comes after %s", o.URL, out[len(out)-1].URL)
		}
		out = append(out, o)
	}
	return out
}

func urls(objects []ingest.Object) []string {
	out := make([]string, len(objects))
	for i, o := range objects {
		out[i] = o.URL
	}
	slices.Sort(out)
	return out
}

func under(root string, keys []string, keep func(string) bool) []string {
	out := []string{}
	for _, k := range keys {
		if keep(k) {
			out = append(out, root+k)
		}
	}
	slices.Sort(out)
	return out
}

// The suite: what holds for every source that holds many objects.
func TestSources(t *testing.T) {
	for _, p := range places {
		for _, kind := range []string{"plain", "hourly", "hive", "hive hourly"} {
			t.Run(p.name+"/"+kind, func(t *testing.T) {
				flow, other := bucketOf("logs/net/", kind)
				root, opt := p.put(t, objectsOf(append(slices.Clone(flow), other...)...))
				for _, prefix := range prefixes(flow) {
					s := open(t, root+prefix, opt)
					objects := list(t, s)
					if d := cmp.Diff(under(root, flow, func(k string) bool { return strings.HasPrefix(k, prefix) }), urls(objects)); d != "" {
						t.Errorf("below %q: -want +got\n%s", prefix, d)
					}
					if again := list(t, s); !slices.Equal(objects, again) {
						t.Errorf("below %q: the second listing differs", prefix)
					}
				}
				testObjects(t, root, opt)
				testWindows(t, root, opt, flow)
			})
		}
	}
}

// prefixes are all folders above the first key, and the key.
func prefixes(keys []string) []string {
	out := []string{"", keys[0], strings.TrimSuffix(keys[0][:strings.LastIndex(keys[0], "/")], "/")}
	for i, c := range keys[0] {
		if c == '/' {
			out = append(out, keys[0][:i+1])
		}
	}
	return out
}

func testObjects(t *testing.T, root string, opt Options) {
	t.Helper()
	s := open(t, root, opt)
	for _, o := range list(t, s) {
		if o.Account == "" || o.Region == "" || o.FlowLog == "" || o.Slot.IsZero() || o.Named {
			t.Errorf("got %+v", o)
		}
		want := content(strings.TrimPrefix(o.URL, root))
		body, err := s.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(body)
		if err != nil || string(b) != want || o.Size != int64(len(want)) {
			t.Errorf("%s: got %q of %d bytes, %v", o.URL, b, o.Size, err)
		}
		if err := body.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Open(t.Context(), ingest.Object{URL: root + "gone", Size: -1}); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Errorf("opened an object that is not there: %v", err)
	}
}

func testWindows(t *testing.T, root string, opt Options, flow []string) {
	t.Helper()
	start := time.Date(2024, 2, 28, 0, 0, 0, 0, time.UTC)
	for _, w := range []struct {
		since, until time.Time
		days         string // in the listing
	}{
		{start.Add(2 * time.Hour), start.Add(10 * time.Hour), "28"},
		{start, start.Add(24 * time.Hour), "27 28 29"}, // padded by an hour at both edges
		{start.Add(36 * time.Hour), time.Time{}, "29 01 02"},
		{time.Time{}, start.Add(-2 * time.Hour), "27"},
		{start.AddDate(1, 0, 0), start.AddDate(2, 0, 0), ""},
	} {
		opt.Since, opt.Until = w.since, w.until
		got := urls(list(t, open(t, root, opt)))
		want := under(root, flow, func(k string) bool {
			i := strings.LastIndex(k, "T")
			return slices.Contains(strings.Fields(w.days), k[i-2:i])
		})
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("[%s, %s): -want +got\n%s", w.since, w.until, d)
		}
	}
}

// What is named alone is listed whatever it is, and said to be named.
func TestNamedObject(t *testing.T) {
	for _, p := range places {
		root, opt := p.put(t, objectsOf("x/AWSLogs/111111111111/CloudTrail/a.gz", "note.txt", "note.txt.more"))
		opt.Since = time.Now()
		for _, k := range []string{"x/AWSLogs/111111111111/CloudTrail/a.gz", "note.txt"} {
			got := list(t, open(t, root+k, opt))
			if len(got) != 1 || got[0].URL != root+k || !got[0].Named {
				t.Errorf("%s: got %+v", p.name, got)
			}
		}
	}
}

// Without AWS's layout, everything is listed, but what bears another service's name; objects without slot come last.
func TestOtherLayouts(t *testing.T) {
	const cloudTrail = "c/111111111111_CloudTrail_us-east-1_20240227T0000Z_a.json.gz"
	copied := "c/111111111111_vpcflowlogs_us-east-1_fl-1_20240227T0000Z_a.log.gz"
	for _, p := range places {
		root, opt := p.put(t, objectsOf("a.log", cloudTrail, copied, "d/e/f/g.log", "z.log"))
		var got []string
		for _, o := range list(t, open(t, root, opt)) {
			got = append(got, strings.TrimPrefix(o.URL, root))
		}
		if d := cmp.Diff([]string{copied, "a.log", "d/e/f/g.log", "z.log"}, got); d != "" {
			t.Errorf("%s: -want +got\n%s", p.name, d)
		}
	}
}

func TestNothingThere(t *testing.T) {
	for _, p := range places {
		root, opt := p.put(t, objectsOf("a.log"))
		if _, err := Open(t.Context(), root+"b", opt); err == nil || !strings.Contains(err.Error(), root+"b") {
			t.Errorf("%s: got %v", p.name, err)
		}
	}
}

func TestStdin(t *testing.T) {
	s := open(t, "-", Options{Stdin: strings.NewReader("hello")})
	objects := list(t, s)
	if len(objects) != 1 || objects[0].URL != "-" || objects[0].Size != -1 || !objects[0].Named {
		t.Fatalf("got %+v", objects)
	}
	body, err := s.Open(t.Context(), objects[0])
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(body); err != nil || string(b) != "hello" {
		t.Errorf("got %q, %v", b, err)
	}
	if _, err := s.Open(t.Context(), objects[0]); err == nil {
		t.Error("it was opened twice")
	}
}

// Links are followed, but not in circles.
func TestFolderLinks(t *testing.T) {
	dir, far := t.TempDir(), t.TempDir()
	for path, text := range map[string]string{filepath.Join(dir, "a"): "a", filepath.Join(far, "b"): "b"} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"far": far, "self": dir, "c": filepath.Join(far, "b")} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	got := urls(list(t, open(t, dir, Options{})))
	want := []string{filepath.Join(dir, "a"), filepath.Join(dir, "c"), filepath.Join(dir, "far", "b")}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	if err := os.Symlink(filepath.Join(dir, "nowhere"), filepath.Join(dir, "broken")); err != nil {
		t.Fatal(err)
	}
	for _, err := range open(t, dir, Options{}).Objects(t.Context()) {
		if err == nil || !strings.Contains(err.Error(), "broken") {
			t.Errorf("a broken link: got %v", err)
		}
	}
}

// Several sources are one by day; what two of them hold is listed once.
func TestOpenAll(t *testing.T) {
	flow, _ := bucketOf("", "plain")
	root, opt := places[0].put(t, objectsOf(flow...))
	bucket, s3opt := places[1].put(t, objectsOf(flow...))
	s3opt.Stdin = bytes.NewReader(nil)
	s, err := OpenAll(t.Context(), []string{root, root + flow[0], bucket, "-"}, s3opt)
	if err != nil {
		t.Fatal(err)
	}
	got := list(t, s)
	if len(got) != 2*len(flow)+1 || got[len(got)-1].URL != "-" {
		t.Errorf("got %d objects", len(got))
	}
	for _, o := range got {
		body, err := s.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		body.Close()
	}
	for _, err := range s.Objects(cancelled(t)) {
		if err != nil {
			return
		}
	}
	_ = opt
	t.Error("a listing with a cancelled context went through")
}

func cancelled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
