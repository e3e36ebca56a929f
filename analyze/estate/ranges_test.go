package estate

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const ipRanges = `{"syncToken": "1700000000", "createDate": "2026-03-01-00-00-00", "prefixes": [
	{"ip_prefix": "52.92.0.0/15", "region": "us-east-1", "service": "AMAZON", "network_border_group": "us-east-1"},
	{"ip_prefix": "52.92.16.0/20", "region": "us-east-1", "service": "S3", "network_border_group": "us-east-1"},
	{"ip_prefix": "52.92.16.0/24", "region": "us-east-1", "service": "AMAZON", "network_border_group": "us-east-1"},
	{"ip_prefix": "52.93.0.0/24", "region": "us-east-1", "service": "EC2", "network_border_group": "us-east-1"},
	{"ip_prefix": "13.32.0.0/15", "region": "GLOBAL", "service": "CLOUDFRONT", "network_border_group": "GLOBAL"}],
	"ipv6_prefixes": [{"ipv6_prefix": "2600:1f70:4000::/56", "region": "us-west-2", "service": "AMAZON", "network_border_group": "us-west-2"}]}`

// Public addresses are named by AWS's published ranges, and are the Internet all the same; addresses of the estate keep the
// names they have.
func TestAWSRanges(t *testing.T) {
	dir := t.TempDir()
	shop, err := os.ReadFile("testdata/shop.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"shop.json": string(shop), "ip-ranges.json": ipRanges, "ip-ranges-again.json": ipRanges} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	e, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(e.AWSRanges) != 6 {
		t.Errorf("%d ranges of a file given twice: %v", len(e.AWSRanges), e.AWSRanges)
	}
	for _, p := range e.Problems {
		if strings.Contains(p.Source, "ip-ranges") {
			t.Errorf("problem %v", p)
		}
	}
	if slices.ContainsFunc(e.Scopes, func(s Scope) bool { return s.Account == "" || s.Region == "" }) {
		t.Errorf("scopes %v", e.Scopes)
	}
	x := NewIndex(e)
	for a, want := range map[string]string{
		"52.92.17.1":       "AWS S3, us-east-1",
		"52.92.16.9":       "AWS S3, us-east-1", // of AWS's own ranges a narrower one covers it too
		"52.92.99.1":       "AWS, us-east-1",
		"52.93.0.7":        "AWS EC2, any customer's, us-east-1",
		"13.33.0.1":        "AWS CLOUDFRONT",
		"2600:1f70:4000::": "AWS, us-west-2",
		"8.8.8.8":          "Internet",
		"198.51.100.7":     "prefix list office",
	} {
		p := x.Place(e.Interfaces["eni-0web1"], addr(a), july, july.Add(time.Minute))
		if p.Name != want || p.Class != Internet {
			t.Errorf("%s is %q, class %v; want %q on the Internet", a, p.Name, p.Class, want)
		}
	}
}

func TestBadRanges(t *testing.T) {
	for text, want := range map[string]string{
		`{"prefixes": [{"region": "us-east-1", "service": "S3"}]}`:       "ip_prefix: absent",
		`{"prefixes": [{"ip_prefix": "52.92.0.0/33", "service": "S3"}]}`: "ip_prefix",
	} {
		path := filepath.Join(t.TempDir(), "ip-ranges.json")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}
