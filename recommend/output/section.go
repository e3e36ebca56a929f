package output

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/recommend"
)

// section is what a script must know of one group.
type section struct {
	id, name, vpc, owner string
	plan                 string // the plan's id
	estate               *estate.Estate
	carriers             map[string][]string // interfaces by group, of the whole estate
	changes              []*recommend.Change // none: other groups lean on it
	before, after        map[analyze.RuleKey]analyze.Rule
	exempt               []string        // ids of rules that the model cannot express
	unguarded            string          // why the group's changes cannot be guarded, and so are left out
	leans                map[string]bool // other groups
}

// read takes the group's rules from the estate.
func (x *section) read() {
	x.name, x.before, x.leans = "?", map[analyze.RuleKey]analyze.Rule{}, map[string]bool{}
	g := x.estate.Groups[x.id]
	if g == nil {
		x.unguarded = "the estate does not know it"
		return
	}
	x.name, x.vpc, x.owner = g.Name, g.VPC, g.Owner
	for _, r := range g.Rules {
		switch {
		case r.Unsupported == "":
			x.before[r.RuleKey] = r
		case r.ID != "":
			x.exempt = append(x.exempt, r.ID)
		default:
			x.unguarded = "it has a rule that sgtrim cannot express and whose id is not known (" + r.Unsupported + ")"
		}
	}
}

// settle works out the state after the changes, and what they lean on.
func (x *section) settle() {
	x.after = map[analyze.RuleKey]analyze.Rule{}
	for _, r := range recommend.After(slices.Collect(maps.Values(x.before)), x.changes) {
		x.after[r.RuleKey] = r
	}
	for _, c := range x.changes {
		for _, d := range c.DependsOn {
			if d.GroupID != "" && d.GroupID != x.id {
				x.leans[d.GroupID] = true
			}
		}
	}
}

// data is the body of the group's function in a script.
func (x *section) data(mode string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  group %s %s %s\n", shell(plain(x.id)), shell(plain(x.name)), shell(plain(x.vpc)))
	for _, id := range slices.Sorted(slices.Values(x.exempt)) {
		fmt.Fprintf(&b, "  exempt %s\n", shell(plain(id)))
	}
	if mode == "apply" {
		x.surroundings(&b)
	}
	for _, k := range slices.SortedFunc(maps.Keys(x.before), analyze.RuleKey.Compare) {
		if _, stays := x.after[k]; stays {
			fmt.Fprintf(&b, "  keeps %s\n", word(line(k), comment(x.before[k])))
		}
	}
	for _, c := range x.changes {
		if mode == "apply" {
			x.apply(&b, c)
		} else {
			x.rollback(&b, c)
		}
	}
	return b.String()
}

// word is a shell word, with a comment where there is one.
func word(s, comment string) string {
	if comment == "" {
		return shell(plain(s))
	}
	return shell(plain(s)) + " # " + comment
}

func comment(r analyze.Rule) string {
	return plain(strings.TrimSpace(r.ID + " " + r.Description))
}

// moves are the rules that the change really takes and brings, given that other changes of the group may bring or keep them.
func (x *section) moves(c *recommend.Change) (gone, come []analyze.Rule) {
	for _, t := range c.Old {
		if _, stays := x.after[t.Rule.RuleKey]; stays {
			continue
		}
		r, ok := x.before[t.Rule.RuleKey]
		if !ok {
			r = t.Rule
		}
		gone = append(gone, r)
	}
	for _, t := range c.New {
		if _, was := x.before[t.Rule.RuleKey]; !was {
			come = append(come, x.after[t.Rule.RuleKey])
		}
	}
	return gone, come
}

func (x *section) apply(b *strings.Builder, c *recommend.Change) {
	gone, come := x.moves(c)
	if len(gone)+len(come) == 0 {
		return
	}
	changeLine(b, c)
	for _, r := range gone {
		fmt.Fprintf(b, "    old %s %s\n", shell(line(r.RuleKey)), word(jsonASCII(permission(r, x.owner)), comment(r)))
	}
	for _, r := range come {
		fmt.Fprintf(b, "    new %s %s%s\n", shell(line(r.RuleKey)), shell(jsonASCII(permission(r, x.owner))), x.newTags(r))
	}
	x.inPlace(b, gone, come)
}

// newTags is the further argument of a new rule that carries on tags of the old one; without such, the plan's tag is given
// by the script.
func (x *section) newTags(r analyze.Rule) string {
	tags := maps.Clone(r.Tags)
	if len(tags) == 0 || tagSpecification(tags) == "" {
		return ""
	}
	tags[planTag] = x.plan
	return " " + shell(tagSpecification(tags))
}

func (x *section) rollback(b *strings.Builder, c *recommend.Change) {
	gone, come := x.moves(c)
	if len(gone)+len(come) == 0 {
		return
	}
	changeLine(b, c)
	lost := false
	for _, r := range gone {
		if why := x.lost(r); why != "" {
			lost = true
			fmt.Fprintf(b, "    either %s\n    loses %s\n", shell(line(r.RuleKey)),
				shell(plain("cannot come back: "+r.RuleKey.String()+": "+why)))
		}
	}
	for _, r := range come {
		if lost { // what stands in for a rule that cannot come back must stay
			fmt.Fprintf(b, "    either %s\n", shell(line(r.RuleKey)))
			continue
		}
		fmt.Fprintf(b, "    old %s %s\n", shell(line(r.RuleKey)), shell(jsonASCII(permission(r, x.owner))))
	}
	for _, r := range gone {
		if x.lost(r) != "" {
			continue
		}
		fmt.Fprintf(b, "    new %s %s %s\n", shell(line(r.RuleKey)), shell(jsonASCII(permission(r, x.owner))),
			word(tagSpecification(r.Tags), comment(r)))
		for _, k := range slices.Sorted(maps.Keys(r.Tags)) {
			if strings.HasPrefix(k, "aws:") {
				fmt.Fprintf(b, "    loses %s\n", shell(plain("cannot come back: tag "+k+" of "+r.RuleKey.String()+": only AWS sets it")))
			}
		}
	}
	if !lost {
		x.inPlace(b, come, gone)
	}
}

func changeLine(b *strings.Builder, c *recommend.Change) {
	fmt.Fprintf(b, "  change %s %s %s\n", shell(plain(c.ID)), shell(plain(string(c.Kind))), shell(plain(c.Reason)))
}

// inPlace adds the form of modify-security-group-rules where one rule becomes one that the call can make of it; others are left
// to authorize and revoke.
func (x *section) inPlace(b *strings.Builder, gone, come []analyze.Rule) {
	if len(gone) != 1 || len(come) != 1 || !recommend.InPlace(gone[0], come[0], x.owner) {
		return
	}
	fmt.Fprintf(b, "    in_place %s\n", shell(jsonASCII(modified(come[0]))))
}

// lost says why a removed rule cannot come back, "" when it can.
func (x *section) lost(r analyze.Rule) string {
	switch {
	case r.PeeringStatus != "" && r.PeeringStatus != "active":
		return "its peering connection is " + r.PeeringStatus
	case r.Peer.GroupID != "" && x.estate.Groups[r.Peer.GroupID] == nil && (r.PeerAccount == "" || r.PeerAccount == x.owner):
		return "the group it refers to is gone"
	}
	return ""
}

// surroundings writes what must hold outside the group's own rules for its changes to be safe.
func (x *section) surroundings(b *strings.Builder) {
	if len(x.changes) == 0 {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(x.leans)) {
		fmt.Fprintf(b, "  leans_on %s\n", shell(plain(id)))
	}
	if len(x.estate.Interfaces) > 0 {
		// A duplicate goes whoever carries the group: what it allowed, another rule of the group allows.
		if slices.ContainsFunc(x.changes, func(c *recommend.Change) bool { return c.Kind != recommend.Duplicate }) {
			writeSet(b, "carried_by", x.carriers[x.id])
		}
		exactly, kept := x.references()
		for _, id := range slices.Sorted(maps.Keys(exactly)) {
			writeSet(b, "members exactly "+shell(plain(id)), x.carriers[id])
		}
		for _, id := range slices.Sorted(maps.Keys(kept)) {
			writeSet(b, "members kept "+shell(plain(id)), kept[id])
		}
	}
	for _, id := range x.lists() {
		if l := x.estate.PrefixLists[id]; l != nil && l.Version > 0 {
			fmt.Fprintf(b, "  list_version %s %d # %s\n", shell(plain(id)), l.Version, plain(l.Name))
		}
	}
}

func writeSet(b *strings.Builder, name string, set []string) {
	b.WriteString("  " + name)
	for _, s := range set {
		b.WriteString(" " + shell(plain(s)))
	}
	b.WriteString("\n")
}

// carriersOf lists the interfaces that carry each group of the estate, sorted.
func carriersOf(e *estate.Estate) map[string][]string {
	carriers := map[string][]string{}
	for _, id := range slices.Sorted(maps.Keys(e.Interfaces)) {
		for _, g := range e.Interfaces[id].Groups {
			carriers[g] = append(carriers[g], id)
		}
	}
	return carriers
}

// references are the groups whose membership matters: exactly as it was where a change introduces the reference; kept (the
// listed interfaces must still carry it) where a change leans on a reference, or on the rules of another group that the
// same interfaces carry.
func (x *section) references() (exactly map[string]bool, kept map[string][]string) {
	exactly, kept = map[string]bool{}, map[string][]string{}
	for _, p := range x.introduced() {
		if p.GroupID != "" {
			exactly[p.GroupID] = true
		}
	}
	own := x.carriers[x.id]
	for id := range x.leans {
		kept[id] = slices.DeleteFunc(slices.Clone(x.carriers[id]), func(eni string) bool { return !slices.Contains(own, eni) })
	}
	for _, p := range x.leanedPeers() {
		if p.GroupID != "" {
			kept[p.GroupID] = x.carriers[p.GroupID]
		}
	}
	for id, set := range kept {
		if exactly[id] || len(set) == 0 {
			delete(kept, id)
		}
	}
	return exactly, kept
}

// lists are the prefix lists that a change introduces or leans on, sorted.
func (x *section) lists() []string {
	set := map[string]bool{}
	for _, p := range slices.Concat(x.introduced(), x.leanedPeers()) {
		if p.PrefixListID != "" {
			set[p.PrefixListID] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// introduced are the peers of new rules that no old rule of the same change had.
func (x *section) introduced() []analyze.Peer {
	var peers []analyze.Peer
	for _, c := range x.changes {
		for _, n := range c.New {
			if !slices.ContainsFunc(c.Old, func(o recommend.RuleText) bool { return o.Rule.Peer == n.Rule.Peer }) {
				peers = append(peers, n.Rule.Peer)
			}
		}
	}
	return peers
}

// leanedPeers are the peers of the rules that the changes lean on, as the estate has them or as the plan makes them.
func (x *section) leanedPeers() []analyze.Peer {
	var peers []analyze.Peer
	for _, c := range x.changes {
		for _, d := range c.DependsOn {
			switch id := d.Rule[strings.LastIndexByte(d.Rule, ' ')+1:]; {
			case strings.HasPrefix(id, "sg-"):
				peers = append(peers, analyze.Peer{GroupID: id})
			case strings.HasPrefix(id, "pl-"):
				peers = append(peers, analyze.Peer{PrefixListID: id})
			}
		}
	}
	return peers
}
