package main

import (
	"encoding/json"
	"github.com/sgtrim/sgtrim/recommend"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The schema and the reader of the policy file know the same keys in every section.
func TestPolicySchemaKnowsTheKeys(t *testing.T) {
	type object struct {
		Properties map[string]struct {
			Properties map[string]json.RawMessage
			Items      struct{ Properties map[string]json.RawMessage }
		}
	}
	var schema object
	if err := json.Unmarshal(policySchema, &schema); err != nil {
		t.Fatal(err)
	}
	same := func(where string, read keys, published []string) {
		if diff := cmp.Diff(slices.Sorted(maps.Keys(read)), published); diff != "" {
			t.Errorf("%s: (-reader +schema)\n%s", where, diff)
		}
	}
	same("top", policyKeys(new(policyFile)), slices.Sorted(maps.Keys(schema.Properties)))
	same("protect", protectKeys(new(protection)), slices.Sorted(maps.Keys(schema.Properties["protect"].Items.Properties)))
	same("windows", windowKeys(new(recommend.Windows)), slices.Sorted(maps.Keys(schema.Properties["windows"].Properties)))
	same("floors", floorKeys(new(recommend.Floors)), slices.Sorted(maps.Keys(schema.Properties["floors"].Properties)))
	same("exclude", excludeKeys(new(exclusion)), slices.Sorted(maps.Keys(schema.Properties["exclude"].Properties)))
}
