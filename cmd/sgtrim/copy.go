package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/sgtrim/sgtrim/recommend/copy"
	"github.com/sgtrim/sgtrim/recommend/output"
)

func (a *app) copyCommand() *cobra.Command {
	var (
		aws                    awsFlags
		estatePath, to, format string
		renames                []string
	)
	cmd := &cobra.Command{
		Use:   "copy GROUP --to VPC|ACCOUNT|REGION [--estate E]",
		Short: "Carry a group's rules to another VPC, account or region",
		Long: `Prints a script that makes a copy of a security group (its id, or its name) elsewhere: a dry run unless it is given --apply. Rules
for addresses are copied as they are; references become those to the groups of the same name at the target, the group itself to the
copy, prefix lists to those of the same name. What is not known at the target is listed and left out; --map names it.`,
		Example: `  sgtrim copy sg-0abc --to vpc-0def --estate estate.json > copy.sh
  sgtrim copy web --to eu-west-1 --map sg-0aaa=sg-0bbb --format json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("copy wants one GROUP")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if format != "cli" && format != "json" {
				return usagef("--format %q: want cli or json", format)
			}
			if to == "" {
				return usagef("copy wants --to VPC, ACCOUNT or REGION")
			}
			mapped, err := parseRenames(renames)
			if err != nil {
				return err
			}
			e, err := a.estate(cmd.Context(), estatePath, aws)
			if err != nil {
				return err
			}
			id, err := groupNamed(args[0], e)
			if err != nil {
				return err
			}
			target, err := copy.ParseTarget(to, e.Groups[id], e)
			if err != nil {
				return &usageError{err}
			}
			c := copy.Make(e, e.Groups[id], target, mapped)
			for _, r := range c.Unresolved {
				a.say.note("left out: %s %s %s: %s", r.Direction, r.Service, r.From, r.How)
			}
			if c.Exists != "" {
				a.say.note("%s has a group named %s already, %s: the script would refuse", target.VPC, c.Name, c.Exists)
			}
			if format == "json" {
				return output.CopyJSON(a.out, c)
			}
			return output.CopyScript(a.out, c)
		},
	}
	fs := cmd.Flags()
	estateFlag(fs, &estatePath)
	aws.register(fs)
	aws.registerEstate(fs)
	fs.StringVar(&to, "to", "", "`target`: vpc-…, an account's 12 digits, or a region")
	fs.StringArrayVar(&renames, "map", nil, "`FROM=TO`: a group or prefix list and what stands for it at the target; may be given several times")
	fs.StringVar(&format, "format", "cli", "`cli|json`")
	return cmd
}

// parseRenames reads --map sg-1=sg-2, pl-1=pl-2.
func parseRenames(list []string) (map[string]string, error) {
	out := map[string]string{}
	for _, text := range list {
		from, to, ok := strings.Cut(text, "=")
		kind, _, _ := strings.Cut(from, "-")
		if !ok || kind != "sg" && kind != "pl" || !strings.HasPrefix(to, kind+"-") {
			return nil, usagef("--map %q: want sg-FROM=sg-TO or pl-FROM=pl-TO", text)
		}
		if out[from] != "" {
			return nil, usagef("--map: %s stands twice", from)
		}
		out[from] = to
	}
	return out, nil
}
