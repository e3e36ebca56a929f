package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sgtrim/sgtrim/recommend"
)

// TestSharedData reviews flow logs that nobody here wrote: every record is used, coverage, or an error with its place, and
// files that are no flow logs are listed.
func TestSharedData(t *testing.T) {
	root := filepath.Join("..", "..", "..", "shared", "data")
	if _, err := os.Stat(root); err != nil {
		t.Skip("../shared/data is not here: its files are not tested")
	}
	tests := []struct {
		folder                 string
		used, coverage, errors int64
		notFlowLogs, bad       []string // parts that must be named, in order
	}{
		{"aws-docs-vpc-user-guide", 15, 2, 10,
			[]string{"LICENSE", "README.md", "flow-logs-records-examples.md", "flow-logs.md"},
			[]string{"06-nat-gateway.log: line 1: the format lacks required fields: srcport", "07-transit-gateway.log: line 1: the format lacks required fields: start"}},
		{"obsrvbl-flowlogs-reader", 6, 3, 6,
			[]string{"LICENSE", "README.md", "v6_custom.log: transit gateway flow log"},
			[]string{"flows.parquet:3: field protocol", "v3_custom.log: line 1", "v4_custom.log: line 1", "v5_custom.log:4: 2 fields, want 29"}},
		{"otel-collector-contrib", 5, 1, 2,
			[]string{"README.md", "valid_tgw_flow_log.log: transit gateway flow log"},
			[]string{"valid_vpc_flow_cw_custom.json: line 1: no header line", "vpc_flow_log_too_few_fields.log:2: 13 fields, want 14", "vpc_flow_log_too_many_fields.log:2: 15 fields, want 14"}},
	}
	for _, tt := range tests {
		t.Run(tt.folder, func(t *testing.T) {
			dir := t.TempDir()
			var out, errs strings.Builder
			args := []string{"review", filepath.Join(root, tt.folder), "--estate", filepath.Join(root, "cloudmapper-demo"), "--skip-bad", "-o", dir, "--quiet"}
			if code := run(context.Background(), args, streams{strings.NewReader(""), &out, &errs}); code != 3 {
				t.Fatalf("exit code %d, want 3 (input was skipped): %s", code, errs.String())
			}
			text, err := os.ReadFile(filepath.Join(dir, "recommendations.json"))
			if err != nil {
				t.Fatal(err)
			}
			var p recommend.Plan
			if err := json.Unmarshal(text, &p); err != nil {
				t.Fatal(err)
			}
			in := p.Input
			if in.Used != tt.used || in.CoverageOnly != tt.coverage || in.Errors != tt.errors || in.Outside != 0 {
				t.Errorf("used %d, coverage %d, errors %d, outside %d; want %d, %d, %d, 0", in.Used, in.CoverageOnly, in.Errors, in.Outside, tt.used, tt.coverage, tt.errors)
			}
			if in.Records != in.Used+in.CoverageOnly+in.Outside+in.Errors {
				t.Errorf("records do not add up: %+v", in)
			}
			named(t, "no flow log", in.NotFlowLogs, tt.notFlowLogs)
			named(t, "bad record", in.BadRecords, tt.bad)
			if p.Totals.Proposed != 0 {
				t.Errorf("%d changes proposed on a handful of records", p.Totals.Proposed)
			}
		})
	}
}

func named(t *testing.T, what string, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: got %d, want %d:\n%s", what, len(got), len(want), strings.Join(got, "\n"))
		return
	}
	for i := range want {
		if !strings.Contains(got[i], want[i]) {
			t.Errorf("%s: got %q, want it to hold %q", what, got[i], want[i])
		}
	}
}
