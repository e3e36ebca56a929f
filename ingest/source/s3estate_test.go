package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sgtrim/sgtrim/ingest"
)

const ourConfig, ourTrail = "AWSLogs/123456789012/Config/eu-west-1/", "p/AWSLogs/o-abc/123456789012/CloudTrail/eu-west-1/"

// estateKeys are what a bucket holds: 100 days of AWS Config, with whole snapshots on some of them, and of CloudTrail, beside other
// services and files of nobody's layout.
func estateKeys(snapshots ...int) (keys []string, day func(int) time.Time) {
	last := time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)
	day = func(ago int) time.Time { return last.AddDate(0, 0, -ago) }
	for ago := range 100 {
		d := day(ago)
		keys = append(keys, ourConfig+d.Format("2006/1/2/")+"ConfigHistory/123456789012_Config_eu-west-1_ConfigHistory_AWS::EC2::SecurityGroup_x.json.gz",
			ourTrail+d.Format("2006/01/02/")+"123456789012_CloudTrail_eu-west-1_x.json.gz")
		if slices.Contains(snapshots, ago) {
			keys = append(keys, ourConfig+d.Format("2006/1/2/")+"ConfigSnapshot/123456789012_Config_eu-west-1_ConfigSnapshot_x.json.gz")
		}
	}
	return append(keys, "estate/now.json", "notes.txt",
		"AWSLogs/123456789012/Config/ConfigWritabilityCheckFile", "AWSLogs/123456789012/vpcflowlogs/eu-west-1/2026/03/01/x.log.gz",
		"AWSLogs/123456789012/CloudTrail-Digest/eu-west-1/2026/03/01/x.json.gz", "AWSLogs/123456789012/Config/us-east-1/2026/3/1/ConfigHistory/x.json.gz"), day
}

func listEstate(t *testing.T, f *fakeS3, name string, regions []string, since time.Time) (keys []string) {
	t.Helper()
	s, err := OpenEstate(t.Context(), name, regions, Options{Since: since, EndpointURL: f.URL, Region: "us-east-1", NoSignRequest: true, retryDelay: 1})
	if err != nil {
		t.Fatal(err)
	}
	for o, err := range s.Objects(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, strings.TrimPrefix(o.URL, "s3://b/"))
	}
	return keys
}

// What is listed is what the rule says, key by key: the days of the window and one before, and of AWS Config those back to a whole
// snapshot; nothing of other services.
func TestEstateInS3(t *testing.T) {
	for name, c := range map[string]struct {
		snapshots   []int // days ago
		since       int   // days ago; -1: no bound
		config      int   // the earliest day of AWS Config
		trail       int   // and of CloudTrail
		only, below string
	}{
		"window":               {snapshots: []int{0, 7, 40, 60}, since: 30, config: 40, trail: 31},
		"snapshot at the edge": {snapshots: []int{31, 60}, since: 30, config: 60, trail: 31},
		"no snapshot":          {since: 30, config: 99, trail: 31},
		"no bound":             {snapshots: []int{40}, since: -1, config: 99, trail: 99},
		"one region":           {snapshots: []int{40}, since: 30, config: 40, trail: 31, only: "eu-west-1"},
		"folder of a service":  {snapshots: []int{40}, since: 30, config: 40, trail: -1, below: ourConfig},
	} {
		f := newFakeS3(t)
		f.pageSize = 7
		keys, day := estateKeys(c.snapshots...)
		for _, k := range keys {
			f.objects[k] = []byte("{}")
		}
		var since time.Time
		if c.since >= 0 {
			since = day(c.since)
		}
		var want []string
		for ago := range 100 {
			d := day(ago)
			for _, k := range keys {
				if strings.HasPrefix(k, ourConfig+d.Format("2006/1/2/")) && ago <= c.config || strings.HasPrefix(k, ourTrail+d.Format("2006/01/02/")) && ago <= c.trail {
					want = append(want, k)
				}
			}
		}
		var regions []string
		if c.only != "" {
			regions = []string{c.only}
		} else if c.below == "" && since.Before(day(9)) {
			want = append(want, "AWSLogs/123456789012/Config/us-east-1/2026/3/1/ConfigHistory/x.json.gz")
		}
		if c.below == "" {
			want = append(want, "estate/now.json", "notes.txt")
		}
		slices.Sort(want)
		if got := listEstate(t, f, "s3://b/"+c.below, regions, since); !slices.Equal(got, want) {
			t.Errorf("%s: %d keys, want %d:\ngot  %q\nwant %q", name, len(got), len(want), got, want)
		}
	}
}

// ReadAll gives every object in order with its content, and stops at the first error.
func TestReadAll(t *testing.T) {
	f := newFakeS3(t)
	for n := range 40 {
		f.objects[fmt.Sprintf("e/%02d.json", n)] = fmt.Appendf(nil, "%d", n)
	}
	s, err := OpenEstate(t.Context(), "s3://b/e/", nil, Options{EndpointURL: f.URL, Region: "us-east-1", NoSignRequest: true, retryDelay: 1})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for file, err := range ReadAll(t.Context(), s) {
		if err != nil || string(file.Body) != fmt.Sprint(n) || !strings.HasSuffix(file.URL, fmt.Sprintf("%02d.json", n)) {
			t.Fatalf("file %d: %s %q %v", n, file.URL, file.Body, err)
		}
		n++
	}
	if n != 40 {
		t.Errorf("%d files", n)
	}
	n = 0
	for _, err := range ReadAll(t.Context(), broken{s}) {
		if n++; n == 4 != (err != nil) {
			t.Fatalf("file %d: %v", n, err)
		}
	}
	if n != 4 {
		t.Errorf("went on after the error, to %d", n)
	}
	for range ReadAll(t.Context(), s) {
		break // what is read ahead is given up
	}
}

// broken is a source whose fourth object cannot be read.
type broken struct{ ingest.Source }

func (b broken) Open(ctx context.Context, o ingest.Object) (io.ReadCloser, error) {
	if strings.HasSuffix(o.URL, "03.json") {
		return nil, errors.New("gone")
	}
	return b.Source.Open(ctx, o)
}
