package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/estate/live"
	"github.com/sgtrim/sgtrim/ingest/source"
)

// estateFlag is --estate of every command that has one.
func estateFlag(fs *pflag.FlagSet, to *string) {
	fs.StringVar(to, "estate", "", "`path` of a snapshot, or of a folder or s3://bucket/prefix of snapshots, saved AWS CLI outputs, AWS Config and CloudTrail files (default: ask the EC2 API)")
}

// estate loads the estate from a path, or from the live EC2 API when there is none.
func (a *app) estate(ctx context.Context, path string, aws awsFlags) (*estate.Estate, error) {
	s, err := a.snapshot(ctx, path, aws)
	if err != nil {
		return nil, err
	}
	return s.Estate()
}

// snapshot reads or asks, and adds what was so before and the ranges that name AWS's own addresses.
func (a *app) snapshot(ctx context.Context, path string, aws awsFlags) (*estate.Snapshot, error) {
	past, places, err := aws.past(path == "")
	if err != nil {
		return nil, err
	}
	besides, err := a.besides(ctx, places, &aws)
	if err != nil {
		return nil, err
	}
	s, err := a.present(ctx, path, &aws, past)
	if err != nil {
		return nil, err
	}
	for _, o := range besides {
		s.Join(o)
	}
	return s, nil
}

// present is the estate of the path or of the live API, with what the APIs tell of its past.
func (a *app) present(ctx context.Context, path string, aws *awsFlags, past live.Past) (*estate.Snapshot, error) {
	defer a.asking(&past)()
	options := aws.live()
	options.Past = past
	if path == "" {
		s, err := live.Snapshot(ctx, options)
		return s, withHint(err, "give saved outputs with --estate, or credentials that may describe EC2 (docs/iam.md)")
	}
	s, err := a.saved(ctx, path, aws)
	if err != nil || !past.Config && !past.Trail {
		return s, err
	}
	told, err := live.History(ctx, options)
	if err != nil {
		return nil, withHint(fmt.Errorf("--history: %w", err), "--history none leaves out what was so before")
	}
	s.Join(told)
	return s, nil
}

// saved reads what was saved in a file, a folder or an S3 prefix. The files of AWS Config and CloudTrail in S3 are of the regions
// asked for, and of as long as their APIs would be asked.
func (a *app) saved(ctx context.Context, path string, aws *awsFlags) (*estate.Snapshot, error) {
	if !strings.HasPrefix(path, "s3://") {
		return estate.ReadSnapshot(path)
	}
	since := a.now().AddDate(0, 0, -live.PastDays)
	if !aws.since.IsZero() && aws.since.Before(since) {
		since = aws.since
	}
	regions := aws.regions
	if slices.Contains(regions, live.AllRegions) {
		regions = nil
	}
	bucket, err := aws.bucket()
	if err != nil {
		return nil, err
	}
	bucket.Since = since
	files, err := source.OpenEstate(ctx, path, regions, bucket)
	if err != nil {
		return nil, err
	}
	return estate.ReadFiles(path, func(yield func(estate.File, error) bool) {
		for f, err := range source.ReadAll(ctx, files) {
			if err != nil && f.URL != "" {
				err = withHint(err, "every file counts, for what a missing one would tell passes for what did not happen: make it readable, or copy what can be read to a folder and name that")
			}
			if !yield(estate.File{Name: f.URL, Body: bytes.NewReader(f.Body)}, err) {
				return
			}
		}
	})
}

// snapshotJob says what to capture, and where to put it.
type snapshotJob struct {
	estate   string
	output   string // file; "" is standard output
	appendTo string // folder of a series
	aws      awsFlags
}

func (a *app) snapshotCommand() *cobra.Command {
	var job snapshotJob
	cmd := &cobra.Command{
		Use:   "snapshot [-o FILE | --append DIR]",
		Short: "Save the estate: groups, rules, interfaces and networks",
		Long: `Captures the estate of an account and region from the EC2 API, or of several as one, or turns saved outputs of the AWS CLI
into one file. Other commands take the file as --estate.

With --append the file gets a name of its own in a folder, and the folder is an --estate too: its latest snapshot is the
present, and those before say which interface had an address on which day, and how old each rule is. Run it every day.
A file is of one time: of a series that is given with --estate, the latest snapshot is written, and it is said.`,
		Example: `  sgtrim snapshot --region eu-west-1 -o estate.json
  sgtrim snapshot --organization-role sgtrim-read --region all -o estate.json
  sgtrim snapshot --estate ./describe-outputs -o estate.json
  sgtrim snapshot --append /var/lib/sgtrim/estate --quiet`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if job.output != "" && job.appendTo != "" {
				return usagef("-o names a file, --append a folder of a series: give one of the two")
			}
			return a.takeSnapshot(cmd.Context(), &job)
		},
	}
	estateFlag(cmd.Flags(), &job.estate)
	cmd.Flags().StringVarP(&job.output, "output", "o", "", "`file` to write (default: standard output)")
	cmd.Flags().StringVar(&job.appendTo, "append", "", "`folder` of a series of snapshots: add this one")
	job.aws.register(cmd.Flags())
	job.aws.registerEstate(cmd.Flags())
	job.aws.registerHistory(cmd.Flags())
	return cmd
}

func (a *app) takeSnapshot(ctx context.Context, job *snapshotJob) error {
	s, err := a.snapshot(ctx, job.estate, job.aws)
	if err != nil {
		return err
	}
	for _, p := range s.Problems {
		a.say.note("%s: %s: %s", p.Source, p.Object, p.Cause)
	}
	if earlier := s.Earlier(); len(earlier) > 0 {
		a.say.note("%s holds %d earlier snapshots, from %s on, and a file is of one time: what is written is the present. To keep the past, give the folder itself as --estate.",
			job.estate, len(earlier), earlier[0].UTC().Format(time.RFC3339))
	}
	switch {
	case job.appendTo != "":
		return a.appendSnapshot(s, job.appendTo)
	case job.output == "":
		w := bufio.NewWriter(a.out)
		if err := estate.WriteSnapshot(w, s); err != nil {
			return err
		}
		return w.Flush()
	}
	return writeFile(job.output, func(w io.Writer) error { return estate.WriteSnapshot(w, s) })
}

// appendSnapshot adds a file to a series. One of the same second is not overwritten: it may be another account's.
func (a *app) appendSnapshot(s *estate.Snapshot, dir string) error {
	name := s.FileName()
	if name == "" {
		return withHint(errors.New("the saved outputs do not say when they were captured, so they have no place in a series"),
			"let snapshot ask the EC2 API, or give a snapshot file with --estate")
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err == nil {
		return fmt.Errorf("%s is there already", path)
	}
	err := writeFile(path, func(w io.Writer) error {
		z := gzip.NewWriter(w)
		if err := estate.WriteSnapshot(z, s); err != nil {
			return err
		}
		return z.Close()
	})
	if err == nil {
		a.say.note("added %s", path)
	}
	return err
}
