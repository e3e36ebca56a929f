package estate

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

const sharedData = "../../../shared/data/"

// TestSharedData loads every describe output among the public samples, and says what is left over.
func TestSharedData(t *testing.T) {
	if _, err := os.Stat(sharedData); err != nil {
		t.Skip("the public samples are not at " + sharedData)
	}
	for _, c := range []struct {
		folder                    string
		groups, rules, interfaces int
		problems                  []string // causes by their beginning, with counts
	}{
		{"aws-cli-examples", 2, 6, 3, []string{"1 instances are not used", "1 of which prefix list", "1 files that are not JSON were not used (2)", "1 group sg-1234567890abcdef0", "2 its rules are not in the input"}},
		{"batfish/test-load-balancer", 3, 7, 5, []string{"6 not used", "1 instances are not used"}},
		{"batfish/test-nat-gateway", 3, 7, 4, []string{"3 not used", "1 instances are not used"}},
		{"batfish/test-vpc-peering", 6, 12, 3, []string{"2 not used", "1 instances are not used"}},
		{"batfish/test-vpc-endpoint-interface", 2, 7, 3, []string{"10 not used", "1 instances are not used"}},
		{"cloud-custodian", 20, 44, 20, []string{"2 instances are not used", "2 of which prefix list", "1 files that are not JSON were not used (2)", "1 differs from", "11 its rules are not in the input"}},
		{"cloudmapper-demo", 8, 19, 1, []string{"7 not used", "1 instances are not used", "1 files that are not JSON were not used (2)"}},
	} {
		t.Run(c.folder, func(t *testing.T) {
			e, err := Load(sharedData + c.folder)
			if err != nil {
				t.Fatal(err)
			}
			rules := 0
			for _, g := range e.Groups {
				rules += len(g.Rules)
				for _, r := range g.Rules {
					if r.Unsupported != "" {
						t.Errorf("unsupported: %+v", r)
					}
				}
			}
			if got, want := []int{len(e.Groups), rules, len(e.Interfaces)}, []int{c.groups, c.rules, c.interfaces}; !slices.Equal(got, want) {
				t.Errorf("groups, rules, interfaces: got %v want %v", got, want)
			}
			left := slices.Clone(e.Problems)
			for _, want := range c.problems {
				var n int
				count, cause, _ := strings.Cut(want, " ")
				fmt.Sscan(count, &n)
				before := len(left)
				left = slices.DeleteFunc(left, func(p Problem) bool { return strings.HasPrefix(p.Cause, cause) })
				if before-len(left) != n {
					t.Errorf("problems %q: got %d want %d", cause, before-len(left), n)
				}
			}
			for _, p := range left {
				t.Errorf("further problem: %+v", p)
			}
			roundTrip(t, sharedData+c.folder)
		})
	}
}
