package output

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/sgtrim/sgtrim/analyze/terraform"
	"github.com/sgtrim/sgtrim/recommend"
)

// workspace is what Terraform would make of some files, by the parser of its language.
type workspace struct {
	t         testing.TB
	imports   map[string]string   // rule ids by address
	resources map[string]fakeRule // by address; their line begins with the group
}

func (s *workspace) parse(f File) {
	s.t.Helper()
	file, diags := hclsyntax.ParseConfig(f.Body, f.Name, hcl.InitialPos)
	if diags.HasErrors() {
		s.t.Fatalf("%v\n%s", diags, f.Body)
	}
	for _, b := range file.Body.(*hclsyntax.Body).Blocks {
		switch b.Type {
		case "import":
			to, diags := hcl.AbsTraversalForExpr(b.Body.Attributes["to"].Expr)
			if diags.HasErrors() {
				s.t.Fatal(diags)
			}
			s.imports[to.RootName()+"."+to[1].(hcl.TraverseAttr).Name] = s.text(b, "id")
		case "resource":
			address := b.Labels[0] + "." + b.Labels[1]
			if _, twice := s.resources[address]; twice {
				s.t.Errorf("%s stands twice", address)
			}
			s.resources[address] = s.rule(b)
		default:
			s.t.Errorf("a block %q", b.Type)
		}
	}
}

func (s *workspace) text(b *hclsyntax.Block, name string) string {
	a, ok := b.Body.Attributes[name]
	if !ok {
		return ""
	}
	v, diags := a.Expr.Value(nil)
	if diags.HasErrors() {
		s.t.Fatalf("%s: %v", name, diags)
	}
	if v.Type().FriendlyName() == "number" {
		return v.AsBigFloat().String()
	}
	return v.AsString()
}

func (s *workspace) rule(b *hclsyntax.Block) fakeRule {
	s.t.Helper()
	d := map[string]string{terraform.IngressRule: "ingress", terraform.EgressRule: "egress"}[b.Labels[0]]
	port := func(name string) string {
		if v := s.text(b, name); v != "" {
			return v
		}
		return "-1"
	}
	var sources []string
	for _, name := range []string{"cidr_ipv4", "cidr_ipv6", "prefix_list_id", "referenced_security_group_id"} {
		if v := s.text(b, name); v != "" {
			sources = append(sources, v)
		}
	}
	if len(sources) != 1 || d == "" {
		s.t.Fatalf("%v: sources %v", b.Labels, sources)
	}
	r := fakeRule{Description: s.text(b, "description"), Tags: map[string]string{},
		Line: fmt.Sprintf("%s %s %s %s %s %s", s.text(b, "security_group_id"), d, s.text(b, "ip_protocol"), port("from_port"), port("to_port"), sources[0])}
	if a, ok := b.Body.Attributes["tags"]; ok {
		v, diags := a.Expr.Value(nil)
		if diags.HasErrors() {
			s.t.Fatal(diags)
		}
		for k, t := range v.AsValueMap() {
			r.Tags[k] = t.AsString()
		}
	}
	return r
}

// apply is what terraform apply makes of the rules in force, by id: imported ones become what their resource says, the others
// are new.
func (s *workspace) apply(rules map[string]fakeRule) {
	for address, r := range s.resources {
		id := s.imports[address]
		if id == "" {
			id = "new " + address
		} else if _, ok := rules[id]; !ok {
			s.t.Errorf("%s imports %s, which is not there", address, id)
		}
		r.ID = id
		rules[id] = r
	}
	for address := range s.imports {
		if _, ok := s.resources[address]; !ok {
			s.t.Errorf("%s is imported and has no resource", address)
		}
	}
}

func parsed(t testing.TB, files ...File) *workspace {
	s := &workspace{t: t, imports: map[string]string{}, resources: map[string]fakeRule{}}
	for _, f := range files {
		s.parse(f)
	}
	return s
}

// inForce are the rules of a world by id, as terraform sees them.
func inForce(w *world) map[string]fakeRule {
	m := map[string]fakeRule{}
	for id, g := range w.e.Groups {
		for _, r := range g.Rules {
			m[r.ID] = fakeRule{ID: r.ID, Line: id + " " + line(r.RuleKey), Description: r.Description, Tags: maps.Clone(r.Tags)}
		}
	}
	return m
}

func byGroup(rules map[string]fakeRule) map[string][]string {
	m := map[string][]string{}
	for _, r := range rules {
		g, l, _ := strings.Cut(r.Line, " ")
		m[g] = append(m[g], l)
	}
	for g := range m {
		slices.Sort(m[g])
	}
	return m
}

// Applied with both files and then without the second, the rules are as planned; after the first apply no rule is gone, and
// what only waits to be removed is just as it was.
func TestTerraformLeadsToThePlan(t *testing.T) {
	for seed := range uint64(60) {
		w := randomWorld(t, seed, 4)
		for _, g := range w.e.Groups {
			for i := range g.Rules {
				g.Rules[i].Tags = map[string]string{"team": "a", "aws:x": "y"}
			}
		}
		files := Terraform(w.p, w.e, Proposed)
		rules := inForce(w)
		before := maps.Clone(rules)
		parsed(t, files...).apply(rules)
		kept := parsed(t, files[0])
		for id, was := range before {
			now, there := rules[id]
			if !there {
				t.Fatalf("seed %d: %s is gone after the first apply", seed, was.Line)
			}
			now.Tags["aws:x"] = "y" // AWS's own tags are not Terraform's
			if !slices.Contains(slices.Collect(maps.Values(kept.imports)), id) && !cmp.Equal(was, now) {
				t.Errorf("seed %d: to be removed, and yet changed:\n%s", seed, cmp.Diff(was, now))
			}
		}
		if len(files) > 1 {
			for _, id := range parsed(t, files[1]).imports {
				delete(rules, id)
			}
		}
		want := planned(w, Proposed)
		for g := range want {
			if len(want[g]) == 0 {
				delete(want, g)
			}
		}
		if diff := cmp.Diff(want, byGroup(rules)); diff != "" {
			t.Fatalf("seed %d (-want +got):\n%s", seed, diff)
		}
		for id, r := range rules {
			if strings.HasPrefix(id, "new ") && (r.Tags[planTag] != w.p.ID || !strings.Contains(r.Description, w.p.ID)) {
				t.Errorf("seed %d: %s does not name the plan: %q %v", seed, r.Line, r.Description, r.Tags)
			}
		}
	}
}

// Rules that Terraform manages are hints for its resources, and nothing else.
func TestTerraformHints(t *testing.T) {
	w := newWorld(t)
	w.group("sg-1", "one", "ingress tcp 22 10.0.0.0/8", "ingress tcp 80 10.0.0.0/8", "ingress all sg-1", "egress all ::/0", "ingress tcp 443 0.0.0.0/0", "ingress udp 53 sg-2")
	w.group("sg-2", "two")
	w.change("sg-1", recommend.NarrowPeers, "ingress tcp 22 10.0.0.0/8 => ingress tcp 22 10.0.0.0/9")
	w.change("sg-1", recommend.NarrowPeers, "ingress tcp 80 10.0.0.0/8 => ingress tcp 80 sg-2 + ingress tcp 80 pl-1")
	w.change("sg-1", recommend.Unused, "ingress all sg-1 =>")
	w.change("sg-1", recommend.NarrowPorts, "egress all ::/0 => egress tcp 443 ::/0")
	w.change("sg-1", recommend.Unused, "ingress tcp 443 0.0.0.0/0 =>").Status = recommend.Held
	w.change("sg-1", recommend.NarrowPorts, "ingress udp 53 sg-2 => ingress udp 53 10.2.0.0/16")
	for i, o := range []terraform.Owner{
		{Address: "module.a.aws_vpc_security_group_ingress_rule.ssh[\"\x1b\n\"]", Type: terraform.IngressRule}, {Address: "aws_security_group.one", Type: terraform.Group},
		{Address: "aws_security_group_rule.self", Type: terraform.LegacyRule}, {Address: "aws_default_security_group.one", Type: terraform.DefaultGroup},
		{}, {Address: "aws_security_group_rule.dns", Type: terraform.LegacyRule},
	} {
		w.p.Changes[i].Old[0].Terraform = o
	}
	files := Terraform(w.p, w.e, Proposed)
	if len(files) != 1 || len(parsed(t, files...).resources) != 0 {
		t.Fatalf("%d files; the first:\n%s", len(files), files[0].Body)
	}
	golden(t, "hints.tf", string(files[0].Body))
}

func TestTerraformGolden(t *testing.T) {
	w := goldenWorld(t)
	for _, f := range Terraform(w.p, w.e, Proposed) {
		golden(t, f.Name, string(f.Body))
	}
}

// A rule whose id is not known cannot be imported.
func TestTerraformWithoutIDs(t *testing.T) {
	w := newWorld(t)
	g := w.group("sg-1", "one", "ingress tcp 22 10.0.0.0/8")
	g.Rules[0].ID = ""
	w.change("sg-1", recommend.Unused, "ingress tcp 22 10.0.0.0/8 =>")
	files := Terraform(w.p, w.e, Proposed)
	if text := string(files[0].Body); len(files) != 1 || !strings.Contains(text, "cannot be imported") || !strings.Contains(text, "c-1") {
		t.Errorf("%d files:\n%s", len(files), text)
	}
}

// Names, descriptions and tags that try to get out of their quotes come back as they were.
func TestTerraformQuotes(t *testing.T) {
	for _, attack := range []string{`"`, `\`, "${path.module}", "%{ if true }x%{ endif }", "$${x}", "a\nb", "*/", "\"\n}\nresource \"x\" \"y\" {}\n", "EOT\n", "\u202e", "# x", "ключ", "$", "{"} {
		w := newWorld(t)
		g := w.group("sg-1", attack, "ingress tcp 22 10.0.0.0/8", "ingress tcp 80 10.0.0.0/8")
		for i := range g.Rules {
			g.Rules[i].Description, g.Rules[i].Tags = attack, map[string]string{attack: attack}
		}
		w.change("sg-1", recommend.Kind(attack), "ingress tcp 22 10.0.0.0/8 =>").Reason = attack
		w.change("sg-1", recommend.Kind(attack), "ingress tcp 80 10.0.0.0/8 => ingress tcp 80 10.0.0.0/9 + ingress tcp 81 10.128.0.0/9").ID = attack
		w.p.ID = attack
		files := Terraform(w.p, w.e, Proposed)
		for _, r := range parsed(t, files[1]).resources {
			if r.Description != attack || r.Tags[attack] != attack {
				t.Errorf("%q became %q and %q", attack, r.Description, r.Tags)
			}
		}
		for address, r := range parsed(t, files[0]).resources {
			if strings.Contains(address, ".sgr_") && r.Tags[attack] != attack || !strings.Contains(address, ".sgr_") && r.Tags[planTag] != attack {
				t.Errorf("%q became %q", attack, r.Tags)
			}
		}
	}
}

func TestTerraformOtherAccount(t *testing.T) {
	w := newWorld(t)
	w.group("sg-1", "one", "ingress tcp 22 10.0.0.0/8")
	w.change("sg-1", recommend.NarrowPeers, "ingress tcp 22 10.0.0.0/8 => ingress tcp 22 sg-far").New[0].Rule.PeerAccount = "999999999999"
	files := Terraform(w.p, w.e, Proposed)
	if text := string(files[0].Body); !strings.Contains(text, `"999999999999/sg-far"`) {
		t.Error(text)
	}
}
