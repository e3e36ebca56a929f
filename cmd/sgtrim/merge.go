package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/sgtrim/sgtrim/analyze/ledger"
)

func (a *app) mergeCommand() *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use:   "merge LEDGER... -o LEDGER",
		Short: "Make one ledger of several, each object once",
		Long: `Writes a new ledger with everything that the others hold: the same bytes as if one ingest had read all their objects. An
object that several hold counts once. The ledgers named are only read.

Evidence is summed, so an object cannot be taken out of a day again. Where of one day, account and region each of two ledgers
holds some of the other's objects and some that only it has, or where an object was taken with different content, that is a
conflict: all are listed, and nothing is written.`,
		Example: `  sgtrim merge ledger-eu ledger-us ledger-other-account -o all
  sgtrim merge january february -o winter`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || to == "" {
				return usagef("merge wants LEDGER... and -o LEDGER")
			}
			return a.merge(cmd.Context(), args, to)
		},
	}
	cmd.Flags().StringVarP(&to, "output", "o", "", "`folder` of the new ledger")
	return cmd
}

func (a *app) merge(ctx context.Context, from []string, to string) error {
	if err := distinct(append([]string{to}, from...)); err != nil {
		return err
	}
	ledgers, closeAll, err := openLedgers(from)
	if err != nil {
		return err
	}
	defer closeAll()
	l, err := ledger.Open(to, ledger.Options{})
	if err != nil {
		return err
	}
	defer l.Close()
	united, err := l.Union(ctx, ledgers...)
	var conflicts *ledger.ConflictError
	switch {
	case errors.As(err, &conflicts):
		return a.conflicts(conflicts)
	case errors.Is(err, ledger.ErrNotEmpty):
		return withHint(err, "name a new folder, and this one among the ledgers to merge")
	case err != nil:
		return err
	}
	_, err = fmt.Fprintf(a.out, "ledgers %d, objects %d, in more than one of them %d, days %d\n", len(ledgers), united.Objects, united.Shared, len(l.Days()))
	return err
}

// distinct refuses one folder under two names: it would be locked by ourselves, or counted twice.
// The first is the one to write.
func distinct(dirs []string) error {
	seen := make([]os.FileInfo, len(dirs))
	for i, dir := range dirs {
		info, err := os.Stat(dir)
		if err != nil {
			continue // whoever opens it says what is wrong
		}
		switch at := slices.IndexFunc(seen, func(o os.FileInfo) bool { return o != nil && os.SameFile(info, o) }); {
		case at == 0:
			return usagef("%s is the ledger to write and one to read: name a new folder", dir)
		case at > 0:
			return usagef("%s is named twice", dir)
		}
		seen[i] = info
	}
	return nil
}

// conflicts lists them and makes the error that ends the run.
func (a *app) conflicts(err *ledger.ConflictError) error {
	const most = 20
	for i, c := range err.Conflicts {
		if i == most {
			a.say.note("… and %d more", len(err.Conflicts)-most)
			break
		}
		a.say.note("conflict: %s", c.String())
	}
	return withHint(fmt.Errorf("%d conflicts: nothing was merged", len(err.Conflicts)),
		"ingest into one of the ledgers what only the other has, with --rebuild-day where an object has changed, and merge again")
}
