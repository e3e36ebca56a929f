package proof

import (
	"slices"
	"testing"
)

func TestPins(t *testing.T) {
	e := mkEstate("eni-a vpc-1 sg-a,sg-base 10.0.0.1", "eni-b vpc-1 sg-b 10.0.0.2",
		"sg-a ingress tcp 22 10.0.0.0/8", "sg-a ingress tcp 443 10.0.0.0/8", "sg-a ingress tcp 440-445 10.0.0.0/16", "sg-a ingress tcp 7000 sg-gone",
		"sg-base ingress tcp 22 10.0.9.0/24", "sg-base ingress tcp 7000 10.99.0.0/16")
	seen := []string{"eni-a ingress tcp 22 10.0.9.4", "eni-a ingress tcp 443 10.0.9.4", "eni-a ingress tcp 7000 10.99.0.1"}
	leaning := func(leans ...string) Change {
		c := mkChange("c1", "- sg-a ingress tcp 22 10.0.0.0/8")
		c.Leans = leans
		return c
	}
	for _, tt := range []struct {
		name    string
		changes []Change
		want    []string // of changes
	}{
		{"a removal that leans on another group", []Change{leaning()}, []string{"c1"}},
		{"which it names", []Change{leaning("sg-base ingress tcp 22 10.0.9.0/24")}, nil},
		{"it names another rule", []Change{leaning("sg-base ingress tcp 23 10.0.9.0/24")}, []string{"c1"}},
		{"it gives the need a rule of its own", []Change{mkChange("c1", "- sg-a ingress tcp 22 10.0.0.0/8", "+ sg-a ingress tcp 22 10.0.9.4/32")}, nil},
		{"its own group is looked at anyway", []Change{mkChange("c2", "- sg-a ingress tcp 443 10.0.0.0/8")}, nil},
		{"what another rule only perhaps allows is cut, and Check says so", []Change{mkChange("c3", "- sg-base ingress tcp 7000 10.99.0.0/16")}, nil},
	} {
		res, err := Check(Input{Estate: e, Changes: tt.changes, Conversations: traffics(seen...), Pins: true})
		var got []string
		for _, v := range res.Violations {
			if v.Kind == Unpinned {
				got = append(got, v.Changes...)
			}
		}
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %v, %v; want %v", tt.name, res.Violations, err, tt.want)
		}
	}
}
