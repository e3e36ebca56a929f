package estate

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/netip"
	"slices"

	"github.com/gaissmai/bart"
)

// AWSRange is one line of AWS's ip-ranges.json: addresses that a service uses, or AMAZON for all of AWS.
type AWSRange struct {
	Prefix          netip.Prefix
	Service, Region string
}

// wireRange is a line of either of the two lists.
type wireRange struct {
	IPPrefix   string `json:"ip_prefix"`
	IPv6Prefix string `json:"ipv6_prefix"`
	Service    string `json:"service"`
	Region     string `json:"region"`
}

func (b *builder) awsRange(at where, w *wireRange, _ json.RawMessage) error {
	text := cmp.Or(w.IPPrefix, w.IPv6Prefix)
	if text == "" {
		return at.err("ip_prefix", errors.New("absent"))
	}
	p, err := at.prefix("ip_prefix", text)
	if err != nil {
		return err
	}
	b.e.AWSRanges = append(b.e.AWSRanges, AWSRange{p, w.Service, w.Region})
	return nil
}

// sortRanges puts them in one order, each once: the file may have been given twice.
func (e *Estate) sortRanges() {
	slices.SortFunc(e.AWSRanges, func(a, b AWSRange) int {
		return cmp.Or(a.Prefix.Compare(b.Prefix), cmp.Compare(a.Service, b.Service), cmp.Compare(a.Region, b.Region))
	})
	e.AWSRanges = slices.Compact(e.AWSRanges)
}

// rangeNames names public addresses by AWS's published ranges. A name is not a reason to trust: EC2's are any customer's, and
// it decides nothing.
type rangeNames struct {
	services bart.Table[string] // of single services
	amazon   bart.Table[string] // of AMAZON, which covers them all
}

func (x *Index) indexRanges() {
	for _, r := range x.e.AWSRanges { // sorted: of several services of one prefix the first by name stays
		name, into := "AWS "+r.Service, &x.ranges.services
		switch r.Service {
		case "AMAZON":
			name, into = "AWS", &x.ranges.amazon
		case "EC2":
			name = "AWS EC2, any customer's"
		}
		if r.Region != "" && r.Region != "GLOBAL" {
			name += ", " + r.Region
		}
		if _, taken := into.Get(r.Prefix); !taken {
			into.Insert(r.Prefix, name)
		}
	}
}

// lookup is the name of the narrowest range of a service that has the address, else of AWS; "" for none.
func (n *rangeNames) lookup(addr netip.Addr) string {
	if name, ok := n.services.Lookup(addr); ok {
		return name
	}
	name, _ := n.amazon.Lookup(addr)
	return name
}
