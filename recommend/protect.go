package recommend

import (
	"slices"
	"strings"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
)

// ProtectedVersion is the version of the shipped list of protected shapes.
const ProtectedVersion = "2026-11"

// shape is a pattern of groups whose rules a service needs whatever the logs show: matcher → rule shape → reason.
type shape struct {
	name   string
	group  matcher
	rule   func(r *analyze.Rule, list string) bool // list: the name of the rule's prefix list, "" for other peers
	reason string
}

// matcher says whether a group is of the kind, by its own properties or by the interfaces that carry it.
type matcher func(g *estate.Group, members []*estate.Interface) bool

var shapes = []shape{
	{"emr", nameHas("elasticmapreduce"), anyRule,
		"EMR rewrites the rules of its managed groups and fails without them"},
	{"eks-cluster", tagOrName("aws:eks:cluster-name", "eks-cluster-sg-"), anyRule,
		"EKS reconciles its cluster group; the control plane needs its rules even when nothing was seen"},
	{"load-balancer-controller", tagPrefix("elbv2.k8s.aws/"), anyRule,
		"the AWS Load Balancer Controller owns these rules and writes them back"},
	{"kubernetes-elb", namePrefix("k8s-elb-"), anyRule,
		"the Kubernetes service controller owns these rules and writes them back"},
	{"firewall-manager", nameHas("fmmanagedsecuritygroup"), anyRule,
		"Firewall Manager owns this group and writes its rules back"},
	{"directory-service", directory, anyRule,
		"Directory Service needs these rules between its domain controllers, seen or not"},
	{"global-accelerator", nameIs("GlobalAccelerator"), anyRule,
		"Global Accelerator owns this group"},
	{"efa-self", carriedBy(func(i *estate.Interface) bool { return strings.HasPrefix(i.Type, "efa") }), allSelf,
		"EFA requires all traffic from and to the group itself, and logs do not show it by port"},
	{"glue-self", glue, allSelf, "Glue refuses to run without a rule that allows all TCP from the group itself"},
	{"health-checks", anyGroup, healthChecks,
		"Route 53 takes an endpoint out of DNS whose health checkers it cannot reach, and they may come from any of the list's networks"},
}

// protectedBy says why a rule of the group is never touched: a shipped shape, or the user's policy. "" when it is not.
func (r *reviewer) protectedBy(rule *analyze.Rule, f *facts) string {
	for _, p := range r.opt.Protected {
		if p.fits(rule, f.group) {
			if p.Reason != "" {
				return "protected by policy: " + p.Reason
			}
			return "protected by policy"
		}
	}
	list := ""
	if l := r.x.List(rule.Peer.PrefixListID); l != nil {
		list = l.Name
	}
	for _, s := range shapes {
		if s.group(f.group, f.members) && s.rule(rule, list) {
			return "protected shape " + s.name + ": " + s.reason
		}
	}
	return ""
}

func (p *Protect) fits(r *analyze.Rule, g *estate.Group) bool {
	if p.RuleID == "" && p.GroupID == "" && p.TagKey == "" && p.Port == nil {
		return false
	}
	if p.RuleID != "" && p.RuleID != r.ID || p.GroupID != "" && p.GroupID != g.ID {
		return false
	}
	if p.TagKey != "" {
		_, onGroup := g.Tags[p.TagKey]
		_, onRule := r.Tags[p.TagKey]
		if !onGroup && !onRule {
			return false
		}
	}
	return p.Port == nil || r.Service.Proto == analyze.AllProtocols || r.Service.Proto.HasPorts() && r.Service.Ports.Contains(*p.Port)
}

func anyRule(*analyze.Rule, string) bool { return true }

func anyGroup(*estate.Group, []*estate.Interface) bool { return true }

// healthChecks are rules for the AWS-managed lists of Route 53's health checkers, com.amazonaws.REGION.[ipv6.]route53-healthchecks.
func healthChecks(_ *analyze.Rule, list string) bool {
	return strings.HasPrefix(list, "com.amazonaws.") && strings.HasSuffix(list, ".route53-healthchecks")
}

// allSelf is the rule shape that EFA and Glue ask for: all traffic from, or to, the group itself.
func allSelf(r *analyze.Rule, _ string) bool {
	self := r.Peer.GroupID == r.GroupID
	return self && (r.Service == analyze.AllTraffic || r.Service == analyze.ProtoService(analyze.TCP))
}

func nameHas(part string) matcher {
	return func(g *estate.Group, _ []*estate.Interface) bool {
		return strings.Contains(strings.ToLower(g.Name), part)
	}
}

func nameIs(name string) matcher {
	return func(g *estate.Group, _ []*estate.Interface) bool { return g.Name == name }
}

func namePrefix(prefix string) matcher {
	return func(g *estate.Group, _ []*estate.Interface) bool { return strings.HasPrefix(g.Name, prefix) }
}

func tagPrefix(prefix string) matcher {
	return func(g *estate.Group, _ []*estate.Interface) bool {
		for k := range g.Tags {
			if strings.HasPrefix(k, prefix) {
				return true
			}
		}
		return false
	}
}

func tagOrName(tag, prefix string) matcher {
	return func(g *estate.Group, _ []*estate.Interface) bool {
		_, ok := g.Tags[tag]
		return ok || strings.HasPrefix(g.Name, prefix)
	}
}

// directory groups are named d-0123456789_controllers by Directory Service.
func directory(g *estate.Group, _ []*estate.Interface) bool {
	return strings.HasPrefix(g.Name, "d-") && strings.HasSuffix(g.Name, "_controllers")
}

func carriedBy(is func(*estate.Interface) bool) matcher {
	return func(_ *estate.Group, members []*estate.Interface) bool { return slices.ContainsFunc(members, is) }
}

func glue(g *estate.Group, members []*estate.Interface) bool {
	has := func(s string) bool { return strings.Contains(strings.ToLower(s), "glue") }
	return has(g.Name) || slices.ContainsFunc(members, func(i *estate.Interface) bool { return has(i.Description) })
}
