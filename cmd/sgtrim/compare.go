package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sgtrim/sgtrim/analyze/compare"
	"github.com/sgtrim/sgtrim/analyze/estate"
)

// comparing is what is compared, and how.
type comparing struct {
	by                  compare.By
	estates             []string // of before and after; one for both; none
	windows             [2]string
	mapPath, policyPath string
	byText, format      string
	all                 bool
	failOn              failFlags
}

func (a *app) compareCommand() *cobra.Command {
	var job comparing
	cmd := &cobra.Command{
		Use:   "compare BEFORE AFTER --by tag:KEY|group-name|subnet|network",
		Short: "Say what a migration did: conversations lost, gained and moved",
		Long: `Holds the traffic of two ledgers side by side, BEFORE and AFTER: which service does who ask of whom, by names that outlive
addresses and interfaces. --by says what the names are: the value of a tag, the names of security groups, of subnets, or of
networks. Addresses and names that differ after are given by --map, a file of lines before,after.

What is lost is listed with what is known of it: rejected or refused after, silent though it was due, or not due yet by what
it did before. One ledger may stand on both sides, with --before and --after to cut it. The estates are those of the two
times; one given once is that of both. Hours and days are UTC.`,
		Example: `  sgtrim compare ledger-old ledger-new --by tag:app --estate old.json --estate new.json
  sgtrim compare ledger ledger --before 2026-01-01..2026-01-31 --after 2026-02-01..2026-02-02 --by group-name --estate estate.json
  sgtrim compare onprem cloud --by network --policy sgtrim.yaml --map addresses.csv --format json --fail-on lost`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usagef("compare wants two ledgers, before and after")
			}
			if err := job.check(); err != nil {
				return err
			}
			return a.compare(cmd.Context(), [2]string(args), &job)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&job.byText, "by", "", "what parties are called by: `tag:KEY|group-name|subnet|network`")
	fs.StringVar(&job.mapPath, "map", "", "`file` of lines before,after: addresses, networks or names")
	fs.StringArrayVar(&job.estates, "estate", nil, "`path` of a snapshot, or of a folder of saved AWS CLI outputs; twice: before, after")
	fs.StringVar(&job.windows[0], "before", "", "days of BEFORE: `FIRST..LAST`, either may be left out")
	fs.StringVar(&job.windows[1], "after", "", "days of AFTER: `FIRST..LAST`")
	fs.StringVar(&job.policyPath, "policy", "", "policy `file`: its networks and server_ports count")
	fs.StringVar(&job.format, "format", "table", "`table|json`")
	fs.BoolVar(&job.all, "all", false, "list in the table what has not changed, too")
	job.failOn.register(fs, []string{"lost", "blocked", "gained"})
	return cmd
}

func (j *comparing) check() error {
	what, key, hasKey := strings.Cut(j.byText, ":")
	words := map[string]compare.What{"tag": compare.ByTag, "group-name": compare.ByGroupName, "subnet": compare.BySubnet, "network": compare.ByNetwork}
	by, ok := words[what]
	if !ok || hasKey != (by == compare.ByTag) || hasKey && key == "" {
		return usagef("--by %q: want tag:KEY, group-name, subnet or network", j.byText)
	}
	j.by = compare.By{What: by, Key: key}
	switch {
	case j.format != "table" && j.format != "json":
		return usagef("--format %q: want table or json", j.format)
	case len(j.estates) > 2:
		return usagef("--estate may be given twice: before, after")
	case len(j.estates) == 0 && j.by.NeedsEstate():
		return withHint(usagef("--by %s wants --estate", j.byText), "the logs know no tags and names; --by network can do without")
	}
	return j.failOn.check()
}

func (a *app) compare(ctx context.Context, dirs [2]string, job *comparing) error {
	policy, err := readPolicyFile(job.policyPath)
	if err != nil {
		return err
	}
	opt := compare.Options{By: job.by}
	for _, n := range policy.networks {
		opt.Networks = append(opt.Networks, compare.Network{Name: n.Name, CIDRs: n.CIDRs})
	}
	if opt.Map, err = readMap(job.mapPath); err != nil {
		return err
	}
	indexes, err := a.indexes(ctx, job.estates)
	if err != nil {
		return err
	}
	var sides [2]compare.Side
	for i, dir := range dirs {
		since, until, err := dayRange([2]string{"--before", "--after"}[i], job.windows[i])
		if err != nil {
			return err
		}
		ev, closeAll, err := a.evidence([]string{dir}, since, until, policy)
		if err != nil {
			return err
		}
		defer closeAll()
		if sides[i], err = side(ctx, ev, indexes[i]); err != nil {
			return err
		}
	}
	result, err := compare.Compare(sides[0], sides[1], opt)
	if err != nil {
		return err
	}
	report := comparisonOf(result, sides, job.byText)
	if job.format == "json" {
		err = report.json(a.out)
	} else {
		err = report.table(a.out, job.all)
	}
	if err != nil {
		return err
	}
	return job.failOn.result(report.figures())
}

// side is what one ledger saw.
func side(ctx context.Context, ev *evidence, index *estate.Index) (s compare.Side, err error) {
	s = compare.Side{Conversations: until(ctx, ev.conversations()), Index: index, Days: ev.days}
	if s.Coverage, err = ev.coverage(); err != nil {
		return s, err
	}
	if s.Attributes, err = ev.attributes(); err != nil {
		return s, err
	}
	if index != nil {
		s.Conversations = settled(index, s.Conversations)
		describe(s.Attributes, index.Estate())
	}
	return s, nil
}

// indexes of the estates before and after.
func (a *app) indexes(ctx context.Context, paths []string) (x [2]*estate.Index, err error) {
	for i, path := range paths {
		e, err := a.estate(ctx, path, awsFlags{})
		if err != nil {
			return x, err
		}
		x[i] = estate.NewIndex(e)
	}
	x[1] = cmp.Or(x[1], x[0])
	return x, nil
}

func readMap(path string) (*compare.Map, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m, err := compare.ReadMap(f)
	if err != nil {
		return nil, withHint(fmt.Errorf("--map: %s: %w", path, err), "a line is before,after: two addresses, two networks of one size, or two names")
	}
	return m, nil
}

// dayRange reads FIRST..LAST.
func dayRange(flag, text string) (since, until string, err error) {
	if text == "" {
		return "", "", nil
	}
	since, until, ok := strings.Cut(text, "..")
	if !ok || since == "" && until == "" || slices.Contains([]string{since, until}, "..") {
		return "", "", usagef("%s %q: want FIRST..LAST, as in 2026-10-01..2026-10-31", flag, text)
	}
	return since, until, nil
}
