package recommend

import (
	"strings"
	"testing"

	"github.com/sgtrim/sgtrim/analyze/estate"
)

// protectedCase is a group sg-a whose first rule a shipped shape protects, and what makes the same rule an ordinary one.
type protectedCase struct {
	shape      string
	rule       string
	make, none func(w *testWorld, g *estate.Group)
}

var protectedCases = []protectedCase{
	{"emr", "ingress tcp 8443 10.0.0.0/8", named("ElasticMapReduce-ServiceAccess"), named("mapreduce")},
	{"eks-cluster", "ingress all sg-b", tagged("aws:eks:cluster-name"), tagged("aws:eks:other")},
	{"eks-cluster", "ingress all sg-b", named("eks-cluster-sg-prod-123"), named("my-eks-cluster-sg")},
	{"load-balancer-controller", "ingress tcp 443 10.0.0.0/8", tagged("elbv2.k8s.aws/cluster"), tagged("elbv2.k8s.aws")},
	{"kubernetes-elb", "ingress tcp 443 10.0.0.0/8", named("k8s-elb-a1b2"), named("elb-k8s")},
	{"firewall-manager", "ingress tcp 443 10.0.0.0/8", named("FMManagedSecurityGroup1234"), named("managed")},
	{"directory-service", "ingress tcp 389 10.0.0.0/8", named("d-9067f1a2b3_controllers"), named("d-day")},
	{"global-accelerator", "ingress tcp 443 10.0.0.0/8", named("GlobalAccelerator"), named("GlobalAccelerators")},
	{"efa-self", "ingress all sg-a", typed("efa"), typed("interface")},
	{"efa-self", "egress all sg-a", typed("efa-only"), typed("trunk")},
	{"glue-self", "ingress tcp * sg-a", named("glue-connections"), named("connections")},
	{"glue-self", "ingress tcp * sg-a", func(w *testWorld, _ *estate.Group) {
		w.e.Interfaces["eni-a"].Description = "Attached to Glue using role: etl"
	}, named("etl")},
	{"health-checks", "ingress tcp 443 pl-1", listed1("com.amazonaws.eu-central-1.route53-healthchecks"), listed1("com.amazonaws.eu-central-1.vpc-lattice")},
	{"health-checks", "ingress tcp 443 pl-1", listed1("com.amazonaws.eu-central-1.ipv6.route53-healthchecks"), listed1("my.route53-healthchecks")},
}

func named(name string) func(*testWorld, *estate.Group) {
	return func(_ *testWorld, g *estate.Group) { g.Name = name }
}

func tagged(key string) func(*testWorld, *estate.Group) {
	return func(_ *testWorld, g *estate.Group) { g.Tags = map[string]string{key: "x"} }
}

func typed(kind string) func(*testWorld, *estate.Group) {
	return func(w *testWorld, _ *estate.Group) { w.e.Interfaces["eni-a"].Type = kind }
}

func listed1(name string) func(*testWorld, *estate.Group) {
	return func(w *testWorld, _ *estate.Group) {
		w.e.PrefixLists["pl-1"] = &estate.PrefixList{ID: "pl-1", Name: name, Owner: "AWS", Region: "eu-central-1", EntriesKnown: true, Entries: prefixes("15.177.0.0/18")}
	}
}

// firstRule is the rule of sg-a that was given first.
func firstRule(t *testing.T, p *Plan) Rule {
	t.Helper()
	for _, g := range p.Groups {
		for _, r := range g.Rules {
			if r.ID == "sgr-a-0" {
				return r
			}
		}
	}
	t.Fatal("no such rule")
	return Rule{}
}

// TestProtectedShapes: what the shipped list names is never touched however unused it is, and what only looks like it is.
func TestProtectedShapes(t *testing.T) {
	tested := map[string]bool{}
	for _, tt := range protectedCases {
		tested[tt.shape] = true
		t.Run(tt.shape+" "+tt.rule, func(t *testing.T) {
			world := func(change func(*testWorld, *estate.Group)) Rule {
				w := newWorld(t, 95)
				g := w.group("sg-a", tt.rule, "ingress tcp 9 10.0.1.9/32")
				w.group("sg-b")
				w.iface("eni-a", "10.0.1.5", "sg-a")
				w.iface("eni-b", "10.0.2.5", "sg-b")
				w.see("eni-a", "ingress tcp 9 10.0.1.9")
				change(w, g)
				return firstRule(t, w.review(Options{Egress: "full"}))
			}
			if r := world(tt.make); !strings.HasPrefix(r.Kept, "protected shape "+tt.shape+": ") || r.Change != "" {
				t.Errorf("kept because %q, in change %q", r.Kept, r.Change)
			}
			if r := world(tt.none); r.Change == "" {
				t.Errorf("what only looks like it is kept: %q", r.Kept)
			}
		})
	}
	for _, s := range shapes {
		if !tested[s.name] {
			t.Errorf("shape %s has no case", s.name)
		}
	}
	if ProtectedVersion == "" {
		t.Error("the list has no version")
	}
}

// TestProtectedInsideAnother: a protected rule does not go as a duplicate either.
func TestProtectedInsideAnother(t *testing.T) {
	w := newWorld(t, 95)
	w.group("sg-a", "ingress tcp * sg-a", "ingress all sg-a").Name = "glue"
	w.iface("eni-a", "10.0.1.5", "sg-a")
	w.iface("eni-b", "10.0.1.6", "sg-a")
	w.see("eni-a", "ingress udp 53 10.0.1.6")
	if got := said(w.review(Options{}), "sg-a"); got != "" {
		t.Errorf("got %s", got)
	}
}

// TestProtectedByPolicy: each field of a protection narrows it.
func TestProtectedByPolicy(t *testing.T) {
	port := func(n uint16) *uint16 { return &n }
	for _, tt := range []struct {
		name string
		p    Protect
		want bool
	}{
		{"nothing", Protect{}, false},
		{"rule", Protect{RuleID: "sgr-a-0"}, true},
		{"another rule", Protect{RuleID: "sgr-a-1"}, false},
		{"group", Protect{GroupID: "sg-a"}, true},
		{"another group", Protect{GroupID: "sg-b"}, false},
		{"tag of the group", Protect{TagKey: "keep"}, true},
		{"another tag", Protect{TagKey: "keeper"}, false},
		{"port", Protect{Port: port(22)}, true},
		{"another port", Protect{Port: port(23)}, false},
		{"group and another port", Protect{GroupID: "sg-a", Port: port(23)}, false},
	} {
		w := newWorld(t, 95)
		w.group("sg-a", "ingress tcp 22 10.0.0.0/8", "ingress tcp 443 10.0.1.9/32").Tags = map[string]string{"keep": ""}
		w.iface("eni-a", "10.0.1.5", "sg-a")
		w.see("eni-a", "ingress tcp 443 10.0.1.9")
		tt.p.Reason = "disaster recovery"
		p := w.review(Options{Protected: []Protect{tt.p}})
		kept := firstRule(t, p).Kept
		if got := kept == "protected by policy: disaster recovery"; got != tt.want || got == (len(p.Changes) > 0) {
			t.Errorf("%s: kept because %q, %d changes", tt.name, kept, len(p.Changes))
		}
	}
}
