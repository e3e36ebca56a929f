package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// input is a day of flow logs of 300 interfaces in one format.
type input struct {
	fields string // v2: AWS's default; v5: all fields of versions 2 to 5
	keys   string // few: some thousand relations carry everything; many: nearly every visitor of public services is new
	codec  string // of Parquet; "text" is gzip text
}

var inputs = []input{
	{"v2", "few", "text"}, {"v2", "many", "text"}, {"v5", "few", "text"}, {"v5", "many", "text"},
	{"v5", "few", "gzip"}, {"v5", "few", "zstd"}, {"v5", "few", "snappy"},
	{"v5", "many", "gzip"}, {"v5", "many", "zstd"}, {"v5", "many", "snappy"},
}

func (in input) parquet() bool { return in.codec != "text" }

func (in input) name() string {
	if in.parquet() {
		return fmt.Sprintf("%s %s parquet-%s", in.fields, in.keys, in.codec)
	}
	return fmt.Sprintf("%s %s gzip-text", in.fields, in.keys)
}

func (in input) dir(s *settings) string {
	return filepath.Join(s.dir, fmt.Sprintf("%s-%d-%s", strings.ReplaceAll(in.name(), " ", "-"), s.records, s.slot))
}

func (in input) logs(s *settings) string { return filepath.Join(in.dir(s), "logs") }

// make writes the world, if it is not there from an earlier run.
func (in input) make(ctx context.Context, s *settings) error {
	done := filepath.Join(in.dir(s), "done")
	if _, err := os.Stat(done); err == nil {
		return nil
	}
	if err := os.RemoveAll(in.dir(s)); err != nil {
		return err
	}
	visitors := "500"
	if in.keys == "many" {
		visitors = "40000000"
	}
	args := []string{"-out", in.dir(s), "-days", "1", "-interfaces", "300", "-records", fmt.Sprint(s.records), "-format", in.fields,
		"-visitors", visitors, "-slot", s.slot, "-scenarios", "tiers,scanners,longlived,syslog,nat,highports,ipv6"}
	if in.parquet() {
		args = append(args, "-parquet", "-codec", in.codec)
	}
	cmd := exec.CommandContext(ctx, s.worlds, args...)
	cmd.Stderr = os.Stderr
	fmt.Fprintf(os.Stderr, "making %s\n", in.name())
	if err := cmd.Run(); err != nil {
		return err
	}
	return os.WriteFile(done, nil, 0o644)
}
