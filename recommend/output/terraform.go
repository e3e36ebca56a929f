package output

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/terraform"
	"github.com/sgtrim/sgtrim/recommend"
)

// Terraform makes of the included changes what Terraform needs: sgtrim.tf, and sgtrim-remove.tf where rules go (one pair for
// each account and region where there are several).
//
// A change of a rule that Terraform manages is a hint, in comments: which resource to edit, and how. Rules that nobody manages
// become resources of their own, in their new form, that take over the rule in force by an import block: one with the same
// kind of source is then changed in place. Terraform cannot remove what it does not manage, so rules that go are imported as
// they are by sgtrim-remove.tf; once that file is deleted, the next apply removes them. So new rules always come first.
func Terraform(p *recommend.Plan, e *estate.Estate, include Include) []File {
	p = Filled(p)
	var files []File
	places := placesOf(p, include)
	for _, s := range slices.SortedFunc(maps.Keys(places), scope.compare) {
		t := &terraformFiles{plan: p.ID}
		for _, x := range sectionsOf(places[s], p.ID, e) {
			t.group(x)
		}
		t.left(p, s, places[s])
		if len(places) > 1 && len(places[s]) == 0 && t.absent.Len() == 0 {
			continue
		}
		files = append(files, File{"sgtrim" + s.suffix(places) + ".tf", t.main(s)})
		if t.remove.Len() > 0 {
			files = append(files, File{"sgtrim-remove" + s.suffix(places) + ".tf", []byte(fmt.Sprintf(removeHead, plain(p.ID)) + t.remove.String())})
		}
	}
	return files
}

// terraformFiles is the text of one pair of files, by its parts.
type terraformFiles struct {
	plan                        string
	hints, keep, remove, absent strings.Builder
}

const mainHead = `# Plan %s of sgtrim, for account %s in %s.
#
# Apply this with sgtrim-remove.tf, where there is one, beside it: rules are imported, narrowed in place or added. Then delete
# sgtrim-remove.tf and apply again: the old rules go. apply.sh does the same for rules that nobody manages: use one of the two.
`

const removeHead = `# Plan %s of sgtrim: rules that go. Apply once with this file, so that Terraform knows them; delete it and apply again,
# and they are gone.
`

func (t *terraformFiles) main(s scope) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, mainHead, plain(t.plan), plain(cmp.Or(s.account, "?")), plain(cmp.Or(s.region, "?")))
	for _, part := range []struct {
		head string
		text *strings.Builder
	}{
		{"Managed by Terraform already: edit these", &t.hints},
		{"Managed by nobody: Terraform takes them over", &t.keep},
		{"Not here", &t.absent},
	} {
		if part.text.Len() > 0 {
			fmt.Fprintf(&b, "\n# ---- %s ----\n%s", part.head, part.text)
		}
	}
	return []byte(b.String())
}

func (t *terraformFiles) group(x *section) {
	for _, c := range x.changes {
		if i := slices.IndexFunc(c.Old, func(r recommend.RuleText) bool { return r.Terraform.Address != "" }); i >= 0 {
			t.hint(c, c.Old[i].Terraform)
			continue
		}
		t.takeOver(x, c)
	}
}

// hint says how to edit the resource that manages the change's rules.
func (t *terraformFiles) hint(c *recommend.Change, o terraform.Owner) {
	b := &t.hints
	about(b, c)
	fmt.Fprintf(b, "# in %s:\n", plain(o.Address))
	for _, r := range c.Old {
		fmt.Fprintf(b, "#   - %s\n", plain(named(inHCL(r.Rule, o.Type), r.PeerName)))
	}
	for _, r := range c.New {
		fmt.Fprintf(b, "#   + %s\n", plain(named(inHCL(r.Rule, o.Type), r.PeerName)))
	}
	switch {
	case o.Type == terraform.Group || o.Type == terraform.DefaultGroup:
		fmt.Fprintf(b, "# The group's rules are inline, as far as its state tells: edit its %s blocks. Resources for single rules cannot be used\n# beside them.\n",
			c.Direction)
	case len(c.New) == 0:
		b.WriteString("# Remove the source, or the resource where no source is left.\n")
	case len(c.New) > 1:
		b.WriteString("# The first may take the place of the old one; the others are resources of their own.\n")
	}
}

// inHCL is a rule as arguments of the resource type that manages it, in one line.
func inHCL(r analyze.Rule, kind string) string {
	list := func(s string) string { return fmt.Sprintf("[%q]", s) }
	proto, source := "protocol", "cidr_blocks = "+list(r.Peer.String())
	single := kind == terraform.IngressRule || kind == terraform.EgressRule
	switch r.Peer.Kind() {
	case analyze.IPv6Peer:
		source = "ipv6_cidr_blocks = " + list(r.Peer.String())
	case analyze.ListPeer:
		source = "prefix_list_ids = " + list(r.Peer.String())
	case analyze.GroupPeer:
		source = "security_groups = " + list(r.Peer.GroupID)
		if r.Peer.GroupID == r.GroupID {
			source = "self = true"
		} else if kind == terraform.LegacyRule {
			source = fmt.Sprintf("source_security_group_id = %q", r.Peer.GroupID)
		}
	}
	from, to, ok := r.Service.EC2Ports()
	if single {
		proto, source = "ip_protocol", fmt.Sprintf("%s = %q", sourceArgument(r.Peer), r.Peer)
	} else if !ok {
		ok = true // the older forms want 0 where there are no ports
	}
	text := fmt.Sprintf("%s = %q, ", proto, r.Service.Proto)
	if ok {
		text += fmt.Sprintf("from_port = %d, to_port = %d, ", from, to)
	}
	return text + source
}

func sourceArgument(p analyze.Peer) string {
	return map[analyze.PeerKind]string{
		analyze.GroupPeer: "referenced_security_group_id", analyze.ListPeer: "prefix_list_id", analyze.IPv6Peer: "cidr_ipv6", analyze.IPv4Peer: "cidr_ipv4",
	}[p.Kind()]
}

// takeOver makes resources of the rules of a change that nobody manages.
func (t *terraformFiles) takeOver(x *section, c *recommend.Change) {
	gone, come := x.moves(c)
	if slices.ContainsFunc(gone, func(r analyze.Rule) bool { return r.ID == "" }) {
		about(&t.absent, c)
		t.absent.WriteString("# The id of its rule is not known, so that it cannot be imported; apply.sh does without.\n")
		return
	}
	if len(come) > 0 {
		about(&t.keep, c)
	}
	for i, r := range come {
		k := slices.IndexFunc(gone, func(o analyze.Rule) bool { return o.Peer.Kind() == r.Peer.Kind() && o.Direction == r.Direction })
		if k < 0 {
			r.Tags = withPlan(r.Tags, t.plan)
			t.keep.Write(resourceOf(x, &r, fmt.Sprintf("%s_%d", c.ID, i+1)))
			continue
		}
		id := gone[k].ID
		r.Tags = gone[k].Tags // a rule narrowed in place keeps them
		gone = slices.Delete(slices.Clone(gone), k, k+1)
		t.keep.Write(importOf(&r, id))
		t.keep.Write(resourceOf(x, &r, id))
	}
	if len(gone) > 0 {
		about(&t.remove, c)
	}
	for _, r := range gone {
		t.remove.Write(importOf(&r, r.ID))
		t.remove.Write(resourceOf(x, &r, r.ID))
	}
}

// withPlan is tags with the tag that new rules carry.
func withPlan(tags map[string]string, plan string) map[string]string {
	out := map[string]string{planTag: plan}
	for k, v := range tags {
		if k != planTag {
			out[k] = v
		}
	}
	return out
}

// about names a change in a comment above what it makes.
func about(b *strings.Builder, c *recommend.Change) {
	fmt.Fprintf(b, "\n# %s %s %s of %s %s: %s\n# %s\n", plain(c.ID), c.Status, plain(string(c.Kind)), plain(c.GroupID), plain(c.GroupName), plain(c.Reason), plain(becomes(c)))
}

// left lists the changes of this place that are not included.
func (t *terraformFiles) left(p *recommend.Plan, s scope, included []*recommend.Change) {
	for i := range p.Changes {
		if c := &p.Changes[i]; (scope{c.Account, c.Region}) == s && !slices.ContainsFunc(included, func(in *recommend.Change) bool { return in.ID == c.ID }) {
			fmt.Fprintf(&t.absent, "# %s %s %s of %s %s: %s\n", plain(c.ID), c.Status, plain(string(c.Kind)), plain(c.GroupID), plain(c.GroupName), plain(becomes(c)))
		}
	}
}

func resourceType(d analyze.Direction) string {
	if d == analyze.Egress {
		return terraform.EgressRule
	}
	return terraform.IngressRule
}

// identifier keeps what Terraform takes in a name.
func identifier(s string) string {
	name := strings.Map(func(r rune) rune {
		if r < 0x80 && (r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z') {
			return r
		}
		return '_'
	}, s)
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		name = "_" + name
	}
	return name
}

// importOf is the block by which the resource named after the rule's id takes over the rule in force.
func importOf(r *analyze.Rule, id string) []byte {
	f := hclwrite.NewEmptyFile()
	b := f.Body().AppendNewBlock("import", nil).Body()
	b.SetAttributeRaw("to", hclwrite.TokensForIdentifier(resourceType(r.Direction)+"."+identifier(id)))
	b.SetAttributeValue("id", cty.StringVal(id))
	return f.Bytes()
}

// resourceOf is a rule as a resource. Arguments that are absent in EC2 are left out, so that a plan after an import is empty.
func resourceOf(x *section, r *analyze.Rule, name string) []byte {
	f := hclwrite.NewEmptyFile()
	b := f.Body().AppendNewBlock("resource", []string{resourceType(r.Direction), identifier(name)}).Body()
	b.SetAttributeValue("security_group_id", cty.StringVal(x.id))
	b.SetAttributeValue("ip_protocol", cty.StringVal(r.Service.Proto.String()))
	if from, to, ok := r.Service.EC2Ports(); ok {
		b.SetAttributeValue("from_port", cty.NumberIntVal(int64(from)))
		b.SetAttributeValue("to_port", cty.NumberIntVal(int64(to)))
	}
	peer := r.Peer.String()
	if r.Peer.GroupID != "" && r.PeerAccount != "" && r.PeerAccount != x.owner {
		peer = r.PeerAccount + "/" + peer
	}
	b.SetAttributeValue(sourceArgument(r.Peer), cty.StringVal(peer))
	if r.Description != "" {
		b.SetAttributeValue("description", cty.StringVal(r.Description))
	}
	tags := map[string]cty.Value{}
	for k, v := range r.Tags {
		if !strings.HasPrefix(k, "aws:") {
			tags[k] = cty.StringVal(v)
		}
	}
	if len(tags) > 0 {
		b.SetAttributeValue("tags", cty.MapVal(tags))
	}
	return f.Bytes()
}
