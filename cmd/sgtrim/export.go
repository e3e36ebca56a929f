package main

import (
	"bufio"
	"cmp"
	"context"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/ledger"
	"github.com/sgtrim/sgtrim/analyze/orient"
	"github.com/sgtrim/sgtrim/analyze/usage"
	"github.com/sgtrim/sgtrim/recommend/output"
)

func (a *app) exportCommand() *cobra.Command {
	var in evidenceFlags
	var estatePath, policyPath, format, to string
	cmd := &cobra.Command{
		Use:   "export --ledger DIR --format parquet|csv|jsonl [-o FILE]",
		Short: "Write the conversations of ledgers for other tools",
		Long: `Writes one row for each conversation of a day: who spoke with whom, over which service, how often, and how surely. Several
ledgers count as one. With an estate, local sides that the logs leave open are told, and accounts, regions and VPCs that the
logs do not name. The columns are in docs/ledger.md.`,
		Example: `  sgtrim export --ledger evidence --format parquet -o conversations.parquet
  sgtrim export --ledger evidence --format csv --since 30d --estate estate.json > conversations.csv
  sgtrim export --ledger evidence --format jsonl | jq 'select(.orientation == "ambiguous")'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains(output.ConversationFormats, format) {
				return usagef("export wants --format %s", strings.Join(output.ConversationFormats, "|"))
			}
			if format == "parquet" && to == "" && terminalWidth(a.out.w) > 0 {
				return usagef("Parquet is not for a terminal: give -o FILE, or redirect standard output")
			}
			if err := in.check(); err != nil {
				return err
			}
			return a.export(cmd.Context(), &in, exporting{estatePath, policyPath, format, to})
		},
	}
	fs := cmd.Flags()
	in.register(fs)
	in.registerWindow(fs)
	fs.StringVar(&estatePath, "estate", "", "`path` of a snapshot, or of a folder of saved AWS CLI outputs (default: none is needed)")
	fs.StringVar(&policyPath, "policy", "", "policy `file`: its server_ports count")
	fs.StringVar(&format, "format", "", "what is written: `"+strings.Join(output.ConversationFormats, "|")+"`")
	fs.StringVarP(&to, "output", "o", "", "`file` to write (default: standard output)")
	return cmd
}

// exporting is what is exported, and how.
type exporting struct {
	estatePath, policyPath, format, to string // estatePath "" is no estate; to "" is standard output
}

func (a *app) export(ctx context.Context, in *evidenceFlags, x exporting) error {
	policy, err := readPolicyFile(x.policyPath)
	if err != nil {
		return err
	}
	var index *estate.Index
	if x.estatePath != "" {
		e, err := a.estate(ctx, x.estatePath, awsFlags{})
		if err != nil {
			return err
		}
		index = estate.NewIndex(e)
	}
	ev, closeAll, err := a.evidence(in.ledgers, in.since, in.until, policy)
	if err != nil {
		return err
	}
	defer closeAll()
	attributes, err := ev.attributes()
	if err != nil {
		return err
	}
	all := output.Conversations{Oriented: until(ctx, ev.conversations()), Attributes: attributes}
	if index != nil {
		all.Oriented = settled(index, all.Oriented)
		describe(attributes, index.Estate())
	}
	if x.to != "" {
		return writeFile(x.to, func(w io.Writer) error { return all.Write(w, x.format) })
	}
	w := bufio.NewWriterSize(a.out, 1<<16)
	if err := all.Write(w, x.format); err != nil {
		return err
	}
	return w.Flush()
}

// settled tells the local side of conversations by the estate, where the evidence leaves it open.
func settled(x *estate.Index, seq iter.Seq2[orient.Conversation, error]) iter.Seq2[orient.Conversation, error] {
	return func(yield func(orient.Conversation, error) bool) {
		for c, err := range seq {
			if err != nil {
				yield(c, err)
				return
			}
			for _, reading := range usage.Readings(x, &c) {
				if !yield(reading, nil) {
					return
				}
			}
		}
	}
}

// describe fills what the logs do not say of interfaces from the estate.
func describe(all map[string]ledger.Attributes, e *estate.Estate) {
	for id, a := range all {
		if i := e.Interfaces[id]; i != nil {
			a.Account, a.Region = cmp.Or(a.Account, i.Owner), cmp.Or(a.Region, i.Region)
			a.VPC, a.Subnet = cmp.Or(a.VPC, i.VPC), cmp.Or(a.Subnet, i.Subnet)
			all[id] = a
		}
	}
}
