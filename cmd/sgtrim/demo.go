package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/sgtrim/sgtrim/cmd/world"
)

// demoMark is the file that says a folder is the demo's own.
const demoMark = ".sgtrim-demo"

func (a *app) demoCommand() *cobra.Command {
	var dir string
	var seed uint64
	cmd := &cobra.Command{
		Use:   "demo [-o DIR]",
		Short: "Make an example estate and its logs, and review them",
		Long: `Makes up a small shop in AWS with the usual faults in its security groups, and 95 days of its flow logs, as files. Then it
does what review does. Nothing is asked of AWS.`,
		Example: "  sgtrim demo -o demo",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.demo(cmd.Context(), dir, seed)
		},
	}
	cmd.Flags().StringVarP(&dir, "output", "o", "sgtrim-demo", "`folder` for the example and the result")
	cmd.Flags().Uint64Var(&seed, "seed", 1, "`number` of the example: each makes another, and always the same")
	return cmd
}

func (a *app) demo(ctx context.Context, dir string, seed uint64) error {
	if err := prepareDemo(dir); err != nil {
		return err
	}
	logs, estate, result := filepath.Join(dir, "logs"), filepath.Join(dir, "estate"), filepath.Join(dir, "review")
	w := world.Demo(seed)
	if err := w.WriteEstate(estate); err != nil {
		return err
	}
	made, err := w.WriteLogs(logs, world.DemoLogs)
	if err != nil {
		return err
	}
	a.say.note("made an example: %d flow-log records of %d days in %s, its estate in %s", made.Records, w.Days, logs, estate)
	read, err := a.reading(&logFlags{memory: "1GiB"}, &awsFlags{})
	if err != nil {
		return err
	}
	job := &reviewJob{sources: []string{logs}, read: read, estatePath: estate, policy: new(policyFile), output: outputFlags{dir: result}}
	if err := a.review(ctx, job); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.out, `
The example and the result are in %[1]s:
  logs/                        flow logs as AWS delivers them to S3
  estate/                      saved outputs of aws ec2 describe-…
  review/report.html           the page to decide in: open it in a browser
  review/summary.md            what you have just read
  review/recommendations.json  the whole plan, every change with its evidence
  review/apply.sh              what it would do; does it with --apply
  review/rollback.sh           takes it back
  review/proposed.json         the rules as they would be
The same by hand: sgtrim review %[2]s --estate %[3]s -o %[4]s
`, dir, logs, estate, result)
	return err
}

// prepareDemo makes the folder, or empties one of a former demo. A folder with anything else in it is refused.
func prepareDemo(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if len(entries) > 0 {
		if _, err := os.Stat(filepath.Join(dir, demoMark)); err != nil {
			return withHint(fmt.Errorf("%s is not empty, and not from a former demo", dir), "name another folder with -o")
		}
		for _, made := range []string{"logs", "estate"} {
			if err := os.RemoveAll(filepath.Join(dir, made)); err != nil {
				return err
			}
		}
	}
	return writeFile(filepath.Join(dir, demoMark), func(w io.Writer) error { return nil })
}
