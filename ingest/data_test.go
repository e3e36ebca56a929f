package ingest_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/ingest"
	"github.com/sgtrim/sgtrim/ingest/flowlog"
	"github.com/sgtrim/sgtrim/ingest/source"
)

// samples returns a folder of ../shared/data beside the repository.
func samples(t *testing.T, folder string) string {
	t.Helper()
	path := filepath.Join("..", "..", "shared", "data", folder)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("the sample data is not here: %v", err)
	}
	return path
}

func scanPath(t *testing.T, path string, opt ingest.Options) (ingest.Stats, *total, error) {
	t.Helper()
	src, err := source.Open(context.Background(), path, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	all := newTotal()
	opt.NewSink = all.sink
	stats, err := ingest.Scan(context.Background(), src, opt)
	if len(all.breaches) > 0 {
		t.Errorf("the sink's contract was broken: %v", all.breaches)
	}
	if c := stats.Counts; c.Records != c.OK+c.NoData+c.SkipData+c.Outside+c.Bad {
		t.Errorf("the counts do not add up: %+v", c)
	}
	return stats, all, err
}

// Every folder of real samples, file by file: what README.md there says of them.
func TestRealSamples(t *testing.T) {
	type result struct {
		Counts flowlog.Counts
		Errors string // without the folder
		Reason string // why it is no flow log
	}
	ok := func(n int64) result { return result{Counts: flowlog.Counts{Records: n, OK: n}} }
	lost := func(n int64, why string) result {
		return result{Counts: flowlog.Counts{Records: n, Bad: n}, Errors: why}
	}
	none := result{Reason: "not a VPC flow log"}
	tgw := result{Reason: ingest.ErrTransitGateway.Error()}
	const lacks = "the format lacks required fields: "
	want := map[string]map[string]result{
		"aws-docs-vpc-user-guide": {
			"01-accept-reject.log":          ok(2),
			"02-nodata-skipdata.log":        {Counts: flowlog.Counts{Records: 2, NoData: 1, SkipData: 1}},
			"03-icmp-sg-vs-nacl.log":        ok(2),
			"04-ipv6.log":                   ok(1),
			"05-tcp-flag-sequence.log":      ok(8),
			"06-nat-gateway.log":            lost(6, "06-nat-gateway.log: line 1: "+lacks+"srcport, dstport, protocol, action, start, end"),
			"07-transit-gateway.log":        lost(4, "07-transit-gateway.log: line 1: "+lacks+"start, end"),
			"08-service-path-direction.log": ok(2),
			"LICENSE":                       none, "README.md": none, "flow-logs-records-examples.md": none, "flow-logs.md": none,
		},
		"obsrvbl-flowlogs-reader": {
			// Its third row is NODATA and yet has addresses, and the protocol 8080.
			"flows.parquet": {Counts: flowlog.Counts{Records: 3, OK: 1, NoData: 1, Bad: 1},
				Errors: `flows.parquet:3: field protocol: "8080": above 255`},
			"v2_default_noheader.log": {Counts: flowlog.Counts{Records: 5, OK: 3, NoData: 1, SkipData: 1}},
			"v3_custom.log":           lost(2, "v3_custom.log: line 1: "+lacks+"interface-id, action"),
			"v4_custom.log":           lost(2, "v4_custom.log: line 1: "+lacks+"interface-id, action"),
			"v5_custom.log":           {Counts: flowlog.Counts{Records: 3, OK: 2, Bad: 1}, Errors: "v5_custom.log:4: 2 fields, want 29"},
			"v6_custom.log":           tgw, "LICENSE": none, "README.md": none,
		},
		"otel-collector-contrib": {
			"valid_vpc_flow_log.log":           {Counts: flowlog.Counts{Records: 1, NoData: 1}},
			"valid_vpc_flow_log_ecs.log":       ok(1),
			"valid_vpc_flow_log_multi.log":     ok(2),
			"vpc_flow_log_too_few_fields.log":  lost(1, "vpc_flow_log_too_few_fields.log:2: 13 fields, want 14"),
			"vpc_flow_log_too_many_fields.log": lost(1, "vpc_flow_log_too_many_fields.log:2: 15 fields, want 14"),
			"valid_tgw_flow_log.log":           tgw,
			"valid_vpc_flow_cw.json":           ok(2),
			"valid_vpc_flow_cw_custom.json":    {Errors: "valid_vpc_flow_cw_custom.json: line 1: " + ingest.ErrNoHeader.Error()},
			"README.md":                        none,
		},
	}
	for folder, files := range want {
		t.Run(folder, func(t *testing.T) {
			dir := samples(t, folder)
			got := map[string]result{}
			entries, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				stats, _, err := scanPath(t, filepath.Join(dir, e.Name()), ingest.Options{SkipBad: true})
				r := result{Counts: stats.Counts}
				for _, e := range stats.Errors {
					r.Errors += strings.TrimPrefix(e.Error(), dir+"/")
				}
				if err != nil { // named alone, what is no flow log is an error
					r.Reason = err.Error()[strings.LastIndex(err.Error(), e.Name())+len(e.Name()):]
					r.Reason = strings.TrimPrefix(strings.TrimPrefix(r.Reason, ":1"), ": ")
				}
				got[e.Name()] = r
			}
			if d := cmp.Diff(files, got); d != "" {
				t.Errorf("want, got:\n%s", d)
			}
		})
	}
}
