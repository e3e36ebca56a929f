package main

import (
	"fmt"
	"os"

	"github.com/sgtrim/sgtrim/analyze/terraform"
)

// readTerraform reads what Terraform manages; nil without a file.
func readTerraform(paths []string) (*terraform.State, error) {
	if len(paths) == 0 {
		return nil, nil
	}
	s := new(terraform.State)
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("--tfstate: %w", err)
		}
		err = s.Read(f)
		f.Close()
		if err != nil {
			return nil, withHint(fmt.Errorf("--tfstate %s: %w", path, err), "terraform show -json > state.json writes such a file")
		}
	}
	return s, nil
}
