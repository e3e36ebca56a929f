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
	// plain is Parquet with whole numbers one after another. Most writers use dictionaries for them too.
	plain bool
}

var inputs = []input{
	{"v2", "few", "text", false}, {"v2", "many", "text", false}, {"v5", "few", "text", false}, {"v5", "many", "text", false},
	{"v5", "few", "gzip", false}, {"v5", "few", "zstd", false}, {"v5", "few", "snappy", false},
	{"v5", "few", "gzip", true}, {"v5", "few", "zstd", true}, {"v5", "few", "snappy", true},
	{"v5", "many", "gzip", false}, {"v5", "many", "zstd", false}, {"v5", "many", "snappy", false},
}

func (in input) parquet() bool { return in.codec != "text" }

func (in input) name() string {
	switch {
	case in.plain:
		return fmt.Sprintf("%s %s parquet-%s, plain numbers", in.fields, in.keys, in.codec)
	case in.parquet():
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
		args = append(args, "-parquet", "-codec", in.codec, fmt.Sprintf("-plain-numbers=%t", in.plain))
	}
	cmd := exec.CommandContext(ctx, s.worlds, args...)
	cmd.Stderr = os.Stderr
	fmt.Fprintf(os.Stderr, "making %s\n", in.name())
	if err := cmd.Run(); err != nil {
		return err
	}
	return os.WriteFile(done, nil, 0o644)
}
