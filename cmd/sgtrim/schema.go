package main

import (
	_ "embed"
	"io"

	"github.com/spf13/cobra"

	"github.com/sgtrim/sgtrim/recommend/output"
)

//go:embed policy.schema.json
var policySchema []byte

//go:embed decisions.schema.json
var decisionsSchema []byte

// schemas are the published JSON Schemas by the word that asks for them.
var schemas = map[string]func(io.Writer) error{
	"recommendations": func(w io.Writer) error { _, err := w.Write(output.Schema()); return err },
	"policy":          func(w io.Writer) error { _, err := w.Write(policySchema); return err },
	"decisions":       func(w io.Writer) error { _, err := w.Write(decisionsSchema); return err },
}

func (a *app) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema {recommendations|policy|decisions}",
		Short: "Print the JSON Schema of a file format",
		Long:  `Prints the JSON Schema (draft 2020-12) of recommendations.json, of the policy file sgtrim.yaml, or of a decisions file.`,
		Example: `  sgtrim schema recommendations > recommendations.schema.json
  sgtrim schema policy > sgtrim.schema.json`,
		Args:      cobra.ExactArgs(1),
		ValidArgs: []string{"recommendations", "policy", "decisions"},
		RunE: func(_ *cobra.Command, args []string) error {
			write, ok := schemas[args[0]]
			if !ok {
				return usagef("schema %q: want recommendations, policy or decisions", args[0])
			}
			return write(a.out)
		},
	}
}
