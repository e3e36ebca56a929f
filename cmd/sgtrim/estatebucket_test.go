package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// trailKey is of a day that is read: those of long ago are not.
func trailKey() string {
	return "AWSLogs/123456789012/CloudTrail/us-east-1/" + time.Now().UTC().AddDate(0, 0, -3).Format("2006/01/02") + "/123456789012_CloudTrail_us-east-1_x.json"
}

// estateBucket is a bucket with a file of the present and one of CloudTrail; what refuses says whether a request is refused.
func estateBucket(t *testing.T, refuses func(*http.Request) bool) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"now.json": `{"SecurityGroups":[{"GroupId":"sg-1","OwnerId":"123456789012"}],"NetworkInterfaces":[]}`,
		trailKey(): `{"Records":[]}`,
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	to, err := url.Parse(serveFolder(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refuses(r) {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		httputil.NewSingleHostReverseProxy(to).ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	for name, value := range map[string]string{"AWS_ENDPOINT_URL_S3": front.URL, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"} {
		t.Setenv(name, value)
	}
}

func runSnapshot(t *testing.T, args ...string) (code int, stderr string) {
	t.Helper()
	var out, errors strings.Builder
	code = run(context.Background(), append([]string{"snapshot"}, args...), streams{strings.NewReader(""), &out, &errors})
	return code, errors.String()
}

// An object of the estate that cannot be read ends the run: what CloudTrail or AWS Config would tell in it must not pass for what
// did not happen. It is named with the permission that is missing.
func TestUnreadableEstateObject(t *testing.T) {
	estateBucket(t, func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "_x.json") })
	code, stderr := runSnapshot(t, "--estate", "s3://b")
	if code != exitFailed {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	for _, want := range []string{"s3://b/" + trailKey(), "s3:GetObject", "sgtrim: hint: every file counts"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("stderr does not say %q:\n%s", want, stderr)
		}
	}
}

// A bucket of an estate may be one of which the requester pays, like one of logs.
func TestRequesterPaysForTheEstate(t *testing.T) {
	estateBucket(t, func(r *http.Request) bool { return r.Header.Get("X-Amz-Request-Payer") != "requester" })
	if code, stderr := runSnapshot(t, "--estate", "s3://b"); code != exitFailed || !strings.Contains(stderr, "s3:ListBucket") {
		t.Errorf("without the flag: exit code %d: %s", code, stderr)
	}
	if code, stderr := runSnapshot(t, "--estate", "s3://b", "--request-payer", "requester"); code != exitDone {
		t.Errorf("with it: exit code %d: %s", code, stderr)
	}
	if code, _ := runSnapshot(t, "--estate", "s3://b", "--request-payer", "me"); code != exitUsage {
		t.Errorf("with another payer: exit code %d", code)
	}
}
