package main

import (
	_ "embed"
	"io"

	"github.com/spf13/cobra"

	"github.com/sgtrim/sgtrim/recommend/output"
)

//go:embed policy.schema.json
var policySchema []byte

// schemas are the published JSON Schemas by the word that asks for them.
var schemas = map[string]func(io.Writer) error{
	"recommendations": func(w io.Writer) error { _, err := w.Write(output.Schema()); return err },
	"policy":          func(w io.Writer) error { _, err := w.Write(policySchema); return err },
}

func (a *app) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema {recommendations|policy}",
		Short: "Print the JSON Schema of a file format",
		Long:  "Prints the JSON Schema (draft 2020-12) of recommendations.json or of the policy file sgtrim.yaml.",
		Example: `  sgtrim schema recommendations > recommendations.schema.json
  sgtrim schema policy > sgtrim.schema.json`,
		Args:      cobra.ExactArgs(1),
		ValidArgs: []string{"recommendations", "policy"},
		RunE: func(_ *cobra.Command, args []string) error {
			write, ok := schemas[args[0]]
			if !ok {
				return usagef("schema %q: want recommendations or policy", args[0])
			}
			return write(a.out)
		},
	}
}
