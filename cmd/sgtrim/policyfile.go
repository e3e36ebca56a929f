package main

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/sgtrim/sgtrim/analyze/terraform"
	"github.com/sgtrim/sgtrim/recommend"
)

// policyFile is sgtrim.yaml as read (docs/reference.md), with the flags that win over it. Zero values mean "not said".
type policyFile struct {
	only            []string // groups; from the flag alone, as are the next four
	includeReview   bool
	backtest        bool             // the plan is to hold a backtest
	terraform       *terraform.State // nil: not asked
	allowIaC        bool
	splitBy         string               // key of a tag; from the flag alone
	decisions       []recommend.Decision // of files of their own
	level, egress   string
	minWindow       int // days
	windows         recommend.Windows
	floors          recommend.Floors
	maxRules, quota int
	protect         []protection
	exclude         exclusion
	networks        []recommend.Network
	serverPorts     []uint16
}

// protection keeps rules as they are: those that match everything it says.
type protection struct {
	rule, group      string // sgr-…, sg-…
	tagKey, tagValue string // of the rule or of its group; an empty value matches any
	port             *uint16
	reason           string
}

// exclusion leaves whole groups out of the review.
type exclusion struct{ groups, vpcs, accounts []string }

// lineError is a fault in a file of ours with the line it stands in.
type lineError struct {
	line int
	err  error
}

func (e *lineError) Error() string { return fmt.Sprintf("%d: %v", e.line, e.err) }
func (e *lineError) Unwrap() error { return e.err }

// readPolicyFile reads a policy; without a path it is the one that says nothing.
func readPolicyFile(path string) (*policyFile, error) {
	if path == "" {
		return new(policyFile), nil
	}
	p := new(policyFile)
	if err := readStrictFile("policy", path, policyKeys(p)); err != nil {
		return nil, err
	}
	return p, nil
}

var (
	levels   = []string{"strict", "balanced", "loose"}
	egresses = []string{"report", "ports", "full"}
)

// keys are the known keys of one mapping, with what reads their values.
type keys map[string]func(*yaml.Node) error

func policyKeys(p *policyFile) keys {
	return keys{
		"level":        word(&p.level, levels...),
		"egress":       word(&p.egress, egresses...),
		"min_window":   days(&p.minWindow),
		"windows":      section(windowKeys(&p.windows)),
		"floors":       section(floorKeys(&p.floors)),
		"max_rules":    number(&p.maxRules, 1, 1000),
		"quota":        number(&p.quota, 1, 1000),
		"exclude":      section(excludeKeys(&p.exclude)),
		"protect":      each(p.readProtection),
		"networks":     p.readNetworks,
		"server_ports": each(p.readServerPort),
	}
}

func windowKeys(w *recommend.Windows) keys {
	return keys{"ports": days(&w.Ports), "peers": days(&w.Peers), "unused": days(&w.Unused)}
}

func floorKeys(f *recommend.Floors) keys {
	return keys{"ipv4": number(&f.IPv4, 8, 32), "ipv6": number(&f.IPv6, 16, 128)}
}

func excludeKeys(e *exclusion) keys {
	return keys{"groups": texts(&e.groups), "vpcs": texts(&e.vpcs), "accounts": texts(&e.accounts)}
}

func protectKeys(p *protection) keys {
	return keys{
		"id":     text(&p.rule),
		"group":  text(&p.group),
		"reason": text(&p.reason),
		"tag": func(n *yaml.Node) error {
			var s string
			if err := text(&s)(n); err != nil {
				return err
			}
			p.tagKey, p.tagValue, _ = strings.Cut(s, "=")
			return nil
		},
		"port": func(n *yaml.Node) error {
			p.port = new(uint16)
			return portNumber(p.port)(n)
		},
	}
}

func (p *policyFile) readProtection(n *yaml.Node) error {
	var pr protection
	if err := readMapping(n, protectKeys(&pr)); err != nil {
		return err
	}
	if pr.rule == "" && pr.group == "" && pr.tagKey == "" && pr.port == nil {
		return at(n, "a protection wants one of id, group, tag, port")
	}
	p.protect = append(p.protect, pr)
	return nil
}

func (p *policyFile) readNetworks(n *yaml.Node) error {
	n = resolve(n)
	if n.Kind != yaml.MappingNode {
		return at(n, "want a name and its CIDRs on every line: office: [198.51.100.0/24]")
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i].Value
		if seen[name] {
			return at(n.Content[i], "network %q stands twice", name)
		}
		seen[name] = true
		network := recommend.Network{Name: name}
		err := each(func(v *yaml.Node) error {
			prefix, err := netip.ParsePrefix(v.Value)
			if err != nil {
				return at(v, "network %q: %w", name, err)
			}
			if prefix != prefix.Masked() {
				return at(v, "network %q: %s has host bits set; did you mean %s?", name, prefix, prefix.Masked())
			}
			network.CIDRs = append(network.CIDRs, prefix)
			return nil
		})(n.Content[i+1])
		if err != nil {
			return err
		}
		p.networks = append(p.networks, network)
	}
	return nil
}

func (p *policyFile) readServerPort(n *yaml.Node) error {
	var port uint16
	err := portNumber(&port)(n)
	p.serverPorts = append(p.serverPorts, port)
	return err
}

// readMapping reads every key of n with its reader. Unknown and repeated keys are errors: a slip in a policy must not
// silently become a looser one.
func readMapping(n *yaml.Node, known keys) error {
	n = resolve(n)
	if n.Kind != yaml.MappingNode {
		return at(n, "want a mapping with keys %s", known)
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		read, ok := known[key.Value]
		switch {
		case !ok:
			return at(key, "unknown key %q; known here: %s", key.Value, known)
		case seen[key.Value]:
			return at(key, "key %q stands twice", key.Value)
		}
		seen[key.Value] = true
		if err := read(value); err != nil {
			return err
		}
	}
	return nil
}

func (k keys) String() string { return strings.Join(slices.Sorted(maps.Keys(k)), ", ") }

func section(known keys) func(*yaml.Node) error {
	return func(n *yaml.Node) error { return readMapping(n, known) }
}

func each(read func(*yaml.Node) error) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		n = resolve(n)
		if n.Kind != yaml.SequenceNode {
			return at(n, "want a list")
		}
		for _, item := range n.Content {
			if err := read(resolve(item)); err != nil {
				return err
			}
		}
		return nil
	}
}

func text(to *string) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		n = resolve(n)
		if n.Kind != yaml.ScalarNode || n.Value == "" || n.Tag == "!!null" {
			return at(n, "want a text")
		}
		*to = n.Value
		return nil
	}
}

func texts(to *[]string) func(*yaml.Node) error {
	return each(func(n *yaml.Node) error {
		var s string
		err := text(&s)(n)
		*to = append(*to, s)
		return err
	})
}

func word(to *string, allowed ...string) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		if n = resolve(n); n.Kind != yaml.ScalarNode || !slices.Contains(allowed, n.Value) {
			return at(n, "%q: want one of %s", n.Value, strings.Join(allowed, ", "))
		}
		*to = n.Value
		return nil
	}
}

func number(to *int, least, most int) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		n = resolve(n)
		v, err := strconv.Atoi(n.Value)
		if err != nil || v < least || v > most {
			return at(n, "%q: want a number from %d to %d", n.Value, least, most)
		}
		*to = v
		return nil
	}
}

func portNumber(to *uint16) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		var port int
		err := number(&port, 0, 65535)(n)
		*to = uint16(port)
		return err
	}
}

func days(to *int) func(*yaml.Node) error {
	return func(n *yaml.Node) (err error) {
		n = resolve(n)
		if *to, err = parseDays(n.Value); err != nil {
			return at(n, "%w", err)
		}
		return nil
	}
}

func at(n *yaml.Node, format string, args ...any) error {
	return &lineError{n.Line, fmt.Errorf(format, args...)}
}

func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}
