package main

import (
	"bufio"
	"context"
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/estate/live"
)

// estateFlag is --estate of every command that has one.
func estateFlag(fs *pflag.FlagSet, to *string) {
	fs.StringVar(to, "estate", "", "`path` of a snapshot, or of a folder of saved AWS CLI outputs (default: ask the EC2 API)")
}

// estate loads the estate from a path, or from the live EC2 API when there is none.
func (a *app) estate(ctx context.Context, path string, aws awsFlags) (*estate.Estate, error) {
	s, err := a.snapshot(ctx, path, aws)
	if err != nil {
		return nil, err
	}
	return s.Estate()
}

func (a *app) snapshot(ctx context.Context, path string, aws awsFlags) (*estate.Snapshot, error) {
	if path != "" {
		return estate.ReadSnapshot(path)
	}
	s, err := live.Snapshot(ctx, live.Options{Profile: aws.profile, Region: aws.region, EndpointURL: aws.endpointURL})
	if err != nil {
		return nil, withHint(err, "give saved outputs with --estate, or credentials that may describe EC2 (docs/iam.md)")
	}
	return s, nil
}

func (a *app) snapshotCommand() *cobra.Command {
	var path, to string
	var aws awsFlags
	cmd := &cobra.Command{
		Use:   "snapshot [-o FILE]",
		Short: "Save the estate: groups, rules, interfaces and networks",
		Long: `Captures the estate of one account and region from the EC2 API, or turns saved outputs of the AWS CLI into one file. Other
commands take the file as --estate.`,
		Example: `  sgtrim snapshot --region eu-west-1 -o estate.json
  sgtrim snapshot --estate ./describe-outputs -o estate.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.snapshot(cmd.Context(), path, aws)
			if err != nil {
				return err
			}
			for _, p := range s.Problems {
				a.say.note("%s: %s: %s", p.Source, p.Object, p.Cause)
			}
			if to == "" {
				w := bufio.NewWriter(a.out)
				if err := estate.WriteSnapshot(w, s); err != nil {
					return err
				}
				return w.Flush()
			}
			return writeFile(to, func(w io.Writer) error { return estate.WriteSnapshot(w, s) })
		},
	}
	estateFlag(cmd.Flags(), &path)
	cmd.Flags().StringVarP(&to, "output", "o", "", "`file` to write (default: standard output)")
	aws.register(cmd.Flags())
	return cmd
}
