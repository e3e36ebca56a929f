package orient_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/analyze/ledger/sum/sumtest"
	"github.com/sgtrim/sgtrim/analyze/orient"
)

const sharedData = "../../../shared/data"

// What AWS's own examples say, read record by record in the user guide.
func TestDocSamples(t *testing.T) {
	dir := filepath.Join(sharedData, "aws-docs-vpc-user-guide")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("the sample data is not here: %v", err)
	}
	for _, tt := range []struct {
		file string
		want []string
	}{
		{"01-accept-reject.log", []string{
			// Two records of different addresses on one interface: the side stays open, the ports tell the services.
			"eni-1235b8ca123456789 unknown < 172.31.9.12 > 172.31.9.69 tcp 3389 REJECT: registry, rejected 1/20/4249",
			"eni-1235b8ca123456789 unknown < 172.31.16.21 > 172.31.16.139 tcp 22 ACCEPT: registry, one-way 1/20/4249",
		}},
		{"02-nodata-skipdata.log", nil},
		{"03-icmp-sg-vs-nacl.log", []string{
			// The ping came in; the network ACL cut the answer. Both are seen.
			"eni-1235b8ca123456789 unknown < 203.0.113.12 > 172.31.16.139 icmp REJECT: portless, none 1/4/336",
			"eni-1235b8ca123456789 unknown < 172.31.16.139 > 203.0.113.12 icmp ACCEPT: portless, one-way 1/4/336",
		}},
		{"04-ipv6.log", []string{
			"eni-1235b8ca123456789 unknown < 2001:db8:1234:a102:3304:8879:34cf:4071 > 2001:db8:1234:a100:8d6e:3477:df66:f105 tcp 22 ACCEPT: registry, one-way 1/54/8855",
		}},
		{"05-tcp-flag-sequence.log", []string{
			"eni-1235b8ca123456789 unknown < 10.0.0.62 > 52.213.180.42 tcp 5001 ACCEPT: flags, established 6/17090/23460253",
			"eni-1235b8ca123456789 unknown < 10.0.0.62 > 52.213.180.42 tcp 5001 ACCEPT: flags, established 2/31/2227", // a day later
		}},
		{"07-transit-gateway.log", []string{
			"eni-11111111111111111 unknown < 10.40.2.236 > 10.40.1.175 tcp 80 ACCEPT: flags, established 1/1/0",
			"eni-22222222222222222 unknown < 10.40.2.236 > 10.40.2.31 tcp 80 ACCEPT: flags, established 1/1/0",
			"eni-33333333333333333 unknown < 10.40.2.236 > 10.20.33.164 tcp 80 ACCEPT: flags, established 2/2/0",
		}},
		{"08-service-path-direction.log", []string{
			"eni-1235b8ca123456789 egress < 10.0.0.71 > 52.95.128.179 tcp 80 ACCEPT: flags, established 2/21/15515",
		}},
	} {
		t.Run(tt.file, func(t *testing.T) {
			b, err := os.ReadFile(filepath.Join(dir, tt.file))
			if err != nil {
				t.Fatal(err)
			}
			rows, err := sumtest.Parse(string(b))
			if err != nil {
				t.Fatal(err)
			}
			got := texts(conversations(t, orient.Options{}, object(rows...)))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
