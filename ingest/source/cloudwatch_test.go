package source

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/ingest"
)

// fakeLogs answers DescribeLogGroups and FilterLogEvents (JSON 1.1) and DescribeFlowLogs (EC2 query) for one log group, page by
// page. Every third page of events is empty, as AWS allows; it can be made to throttle and to deny.
type fakeLogs struct {
	*httptest.Server
	mu       sync.Mutex
	group    string
	created  time.Time
	events   []event           // ascending by time
	formats  map[string]string // flow-log id -> LogFormat
	denied   string            // operation
	throttle int               // so many calls out of ten
	calls    int
}

type event struct {
	at      time.Time
	message string
}

func newFakeLogs(t *testing.T) *fakeLogs {
	f := &fakeLogs{group: "/aws/vpc/flow logs", formats: map[string]string{}}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	t.Setenv("AWS_ACCESS_KEY_ID", "k")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "s")
	return f
}

func (f *fakeLogs) options(now time.Time) Options {
	return Options{EndpointURL: f.URL, Region: "eu-west-1", now: now, retryDelay: time.Millisecond}
}

func (f *fakeLogs) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	operation := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "Logs_20140328.")
	if operation == "" {
		f.flowLogs(w)
		return
	}
	var in struct {
		LogGroupName, LogGroupNamePrefix, NextToken string
		StartTime, EndTime                          int64
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		panic(err)
	}
	fail := func(code string) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"__type":%q,"message":"no"}`, code)
	}
	switch {
	case operation == f.denied:
		fail("AccessDeniedException")
	case f.calls%10 < f.throttle:
		fail("ThrottlingException")
	case operation == "DescribeLogGroups":
		groups := []any{}
		for _, name := range []string{f.group + "-other", f.group} {
			if strings.HasPrefix(name, in.LogGroupNamePrefix) {
				groups = append(groups, map[string]any{"logGroupName": name, "creationTime": f.created.UnixMilli(),
					"arn": "arn:aws:logs:eu-west-1:123456789012:log-group:" + name + ":*"})
			}
		}
		put(w, map[string]any{"logGroups": groups})
	case operation == "FilterLogEvents" && in.LogGroupName == f.group:
		put(w, f.page(in.StartTime, in.EndTime, in.NextToken))
	default:
		fail("ResourceNotFoundException")
	}
}

// page is three events, or none on every third page.
func (f *fakeLogs) page(start, end int64, token string) map[string]any {
	n, _ := strconv.Atoi(token)
	var all []any
	for _, e := range f.events {
		if ms := e.at.UnixMilli(); ms >= start && ms <= end {
			all = append(all, map[string]any{"message": e.message, "timestamp": ms, "logStreamName": "eni-1-all"})
		}
	}
	from, to := n/3*6+n%3*3, n/3*6+n%3*3+3 // pages 0 and 1 of each three hold three events each
	if n%3 == 2 {
		from, to = 0, 0
	}
	out := map[string]any{"events": all[min(from, len(all)):min(to, len(all))]}
	if n/3*6+min(n%3+1, 2)*3 < len(all) {
		out["nextToken"] = strconv.Itoa(n + 1)
	}
	return out
}

func (f *fakeLogs) flowLogs(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/xml")
	if f.denied == "DescribeFlowLogs" {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors></Response>`)
		return
	}
	fmt.Fprint(w, `<DescribeFlowLogsResponse><flowLogSet>`)
	for id, format := range f.formats {
		fmt.Fprintf(w, `<item><flowLogId>%s</flowLogId><logGroupName>%s</logGroupName><logFormat>%s</logFormat></item>`, id, f.group, format)
	}
	fmt.Fprint(w, `</flowLogSet></DescribeFlowLogsResponse>`)
}

func put(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		panic(err)
	}
}

// readHours reads every object of a source, by URL.
func readHours(t *testing.T, src ingest.Source) (urls []string, text map[string]string) {
	t.Helper()
	text = map[string]string{}
	for o, err := range src.Objects(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		body, err := src.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		urls, text[o.URL] = append(urls, o.URL), string(b)
	}
	return urls, text
}

// Every event comes exactly once, in the object of its hour, under the header that DescribeFlowLogs gives; empty pages and
// throttling lose nothing.
func TestLogGroup(t *testing.T) {
	f := newFakeLogs(t)
	f.created = time.Date(2026, 3, 1, 22, 10, 0, 0, time.UTC)
	f.formats["fl-1"] = "${version} ${interface-id} ${srcaddr}"
	f.throttle = 3
	want := map[string]string{}
	for i := range 40 {
		at := f.created.Add(time.Duration(i*i) * 10 * time.Second)
		message := fmt.Sprintf("5 eni-%d 10.0.0.%d", i, i)
		f.events = append(f.events, event{at, message})
		want[at.Format(hourFormat)] += message + "\n"
	}
	now := time.Date(2026, 3, 2, 5, 30, 0, 0, time.UTC)
	opt := f.options(now)
	opt.Since = f.created
	src := open(t, "cloudwatch:///aws/vpc/flow logs", opt)
	urls, got := readHours(t, src)
	var hours []string
	for h := f.created.Truncate(time.Hour).Add(-time.Hour); h.Hour() != 4; h = h.Add(time.Hour) { // 04 to 05 is over since half an hour only
		hours = append(hours, "cloudwatch:///aws/vpc/flow logs@"+h.Format(hourFormat))
	}
	if d := cmp.Diff(hours, urls); d != "" {
		t.Errorf("hours: -want +got\n%s", d)
	}
	for _, url := range urls {
		_, hour, _ := strings.Cut(url, "@")
		if d := cmp.Diff("version interface-id srcaddr\n"+want[hour], got[url]); d != "" {
			t.Errorf("%s: -want +got\n%s", url, d)
		}
	}
	for o := range src.Objects(t.Context()) {
		if o.Account != "123456789012" || o.Region != "eu-west-1" || o.FlowLog != "fl-1" || o.Slot.IsZero() {
			t.Errorf("object %+v", o)
		}
	}
}

func TestLogGroupWindow(t *testing.T) {
	f := newFakeLogs(t)
	f.created = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	opt := f.options(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC))
	opt.Since, opt.Until = time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 4, 2, 0, 0, 0, 0, time.UTC)
	urls, _ := readHours(t, open(t, "cloudwatch://"+f.group, opt))
	if len(urls) != 25 || !strings.HasSuffix(urls[0], "@2026-03-31T23Z") || !strings.HasSuffix(urls[24], "@2026-04-01T23Z") {
		t.Errorf("%d objects: %q", len(urls), urls)
	}
}

// Without the permission to ask for the format, lines come bare; --log-fields then says it.
func TestLogGroupFormats(t *testing.T) {
	f := newFakeLogs(t)
	f.created = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	f.events = []event{{f.created, "a line"}}
	opt := f.options(f.created.Add(3 * time.Hour))
	first := func() string {
		urls, got := readHours(t, open(t, "cloudwatch://"+f.group, opt))
		return got[urls[14*24]] // the hour of the group's creation
	}
	f.formats["fl-1"], f.formats["fl-2"] = "${version} ${start}", "${version}  ${start}"
	if got := first(); got != "version start\na line\n" {
		t.Errorf("two flow logs of one format: %q", got)
	}
	f.formats["fl-2"] = "${start} ${version}"
	if _, err := Open(t.Context(), "cloudwatch://"+f.group, opt); err == nil || !strings.Contains(err.Error(), "2 formats") {
		t.Errorf("two formats: got %v", err)
	}
	opt.LogFields = "version start"
	if got := first(); got != "a line\n" {
		t.Errorf("--log-fields: %q", got)
	}
	opt.LogFields, f.denied = "", "DescribeFlowLogs"
	if got := first(); got != "a line\n" {
		t.Errorf("denied: %q", got)
	}
}

func TestLogGroupErrors(t *testing.T) {
	f := newFakeLogs(t)
	f.created = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	opt := f.options(f.created.Add(3 * time.Hour))
	for name, want := range map[string]string{
		"cloudwatch://":         "no log group named",
		"cloudwatch:///aws/vpc": "there is no such log group in eu-west-1",
	} {
		if _, err := Open(t.Context(), name, opt); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
	f.denied = "DescribeLogGroups"
	if _, err := Open(t.Context(), "cloudwatch://"+f.group, opt); err == nil || !strings.Contains(err.Error(), "logs:DescribeLogGroups is needed") {
		t.Errorf("denied: got %v", err)
	}
	f.denied = "FilterLogEvents"
	src := open(t, "cloudwatch://"+f.group, opt)
	for o := range src.Objects(t.Context()) {
		if _, err := src.Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), "logs:FilterLogEvents is needed") {
			t.Errorf("denied: got %v", err)
		}
	}
	f.denied = ""
	f.events = []event{{f.created, "one\ntwo"}}
	if _, err := src.Open(t.Context(), ingest.Object{Slot: f.created}); err == nil || !strings.Contains(err.Error(), "several lines") {
		t.Errorf("two lines: got %v", err)
	}
}
