package proof

import (
	"errors"
	"go/parser"
	"go/token"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/orient"
)

// The evaluator is worth something because it shares nothing with what it judges.
func TestImports(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	allowed := []string{"analyze", "analyze/estate", "analyze/ledger", "analyze/orient"}
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), f, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range parsed.Imports {
			path, _ := strconv.Unquote(i.Path.Value)
			own, ours := strings.CutPrefix(path, "github.com/sgtrim/sgtrim/")
			if ours && !slices.Contains(allowed, own) || !ours && strings.Contains(path, ".") {
				t.Errorf("%s imports %s", f, path)
			}
		}
	}
}

// plan is a small good plan in every respect: narrowed peers and ports, a removal that others cover, a reference.
func plan() Input {
	e := mkEstate(
		"eni-web vpc-1 sg-web,sg-base 10.0.0.1,fd00::1",
		"eni-db vpc-1 sg-db 10.0.1.1,10.0.2.0/28",
		"eni-pod vpc-1 sg-pod 10.0.3.1",
		"sg-web ingress tcp * 10.0.0.0/8",
		"sg-web ingress tcp 443 10.0.9.0/24",
		"sg-web ingress udp 53 0.0.0.0/0",
		"sg-base ingress tcp 22 10.0.0.0/8",
		"sg-base egress all 0.0.0.0/0",
		"sg-base egress all ::/0",
		"sg-db ingress tcp 5432 10.0.0.0/16",
		"sg-db ingress tcp 9999 10.0.0.0/16",
		"sg-db ingress tcp 7000 sg-gone",
		"sg-db ingress icmp 3/4 10.0.0.0/8",
		"sg-pod ingress tcp 80 10.5.0.0/24",
		"sg-pod ingress tcp 80 10.5.0.0/25",
		"sg-pod ingress tcp 80 10.5.0.128/25",
	)
	return Input{
		Estate: e,
		Changes: []Change{
			mkChange("c1", "- sg-web ingress tcp * 10.0.0.0/8", "+ sg-web ingress tcp 8000-8010 10.0.0.0/24", "+ sg-web ingress tcp 22 10.0.7.7/32"),
			mkChange("c2", "- sg-db ingress tcp 5432 10.0.0.0/16", "+ sg-db ingress tcp 5432 10.0.0.1/32"),
			mkChange("c3", "- sg-db ingress tcp 9999 10.0.0.0/16"),
			mkChange("c4", "- sg-web ingress udp 53 0.0.0.0/0", "+ sg-web ingress udp 53 203.0.113.0/24"),
		},
		Conversations: traffics(
			"eni-web ingress tcp 8003 10.0.0.9", "eni-web ingress tcp 22 10.0.7.7", "eni-web ingress tcp 443 10.0.9.4",
			"eni-web ingress udp 53 203.0.113.5", "eni-db ingress tcp 5432 10.0.0.1", "eni-web egress tcp 5432 10.0.1.1",
			"eni-web egress tcp 443 2001:db8::1", "eni-db ingress tcp 7000 10.99.0.1", "eni-db ingress icmp 10.0.0.1",
			"eni-pod ingress tcp 80 10.5.0.7", "eni-pod ingress tcp 80 10.5.0.200"),
	}
}

func TestGoodPlanHolds(t *testing.T) {
	res, err := Check(plan())
	if err != nil || !res.Holds || res.Needs != 11 || res.Doubtful != 2 || res.Rules != 4 || res.Unexplained != 0 {
		t.Errorf("got %+v, %v; want it to hold with 11 needs, 2 of them doubtful, 4 rules", res, err)
	}
}

// Every planted defect is refused, each with its kind.
func TestMutations(t *testing.T) {
	for _, tt := range []struct {
		name  string
		plant func(*Input)
		want  []Kind
	}{
		{"widen a peer", func(in *Input) { in.Changes[1].New = mkRules("sg-db ingress tcp 5432 10.0.0.0/15") }, []Kind{Opens}},
		{"widen a port", func(in *Input) { in.Changes[1].New = mkRules("sg-db ingress tcp 5432-5433 10.0.0.1/32") }, []Kind{Opens}},
		{"widen the protocol", func(in *Input) { in.Changes[1].New = mkRules("sg-db ingress all 10.0.0.1/32") }, []Kind{Opens}},
		{"open UDP beside TCP", func(in *Input) {
			in.Changes[0].New = append(in.Changes[0].New, mkRule("sg-web ingress udp 8000 10.0.0.0/24"))
		}, []Kind{Opens}},
		{"drop a needed rule", func(in *Input) { in.Changes[1].New = nil }, []Kind{Cuts}},
		{"drop a needed port", func(in *Input) { in.Changes[0].New = in.Changes[0].New[1:] }, []Kind{Cuts}},
		{"drop the sole rule of a group", func(in *Input) {
			in.Changes = append(in.Changes, mkChange("c5", "- sg-web ingress tcp 443 10.0.9.0/24"))
		}, []Kind{Cuts}},
		{"narrow past a peer", func(in *Input) { in.Changes[1].New = mkRules("sg-db ingress tcp 5432 10.0.0.2/32") }, []Kind{Cuts}},
		{"swap the family", func(in *Input) { in.Changes[1].New = mkRules("sg-db ingress tcp 5432 fd00::1/128") }, []Kind{Cuts, Opens}},
		{"a reference whose member has IPv6", func(in *Input) { in.Changes[1].New = mkRules("sg-db ingress tcp 5432 sg-web") }, []Kind{Opens}},
		{"swap the direction", func(in *Input) { in.Changes[1].New = mkRules("sg-db egress tcp 5432 10.0.0.1/32") }, []Kind{Cuts, Malformed}},
		{"a rule of another group", func(in *Input) { in.Changes[1].New = mkRules("sg-web ingress tcp 5432 10.0.0.1/32") }, []Kind{Cuts, Malformed}},
		{"drop a reference that may be used", func(in *Input) {
			in.Changes = append(in.Changes, mkChange("c5", "- sg-db ingress tcp 7000 sg-gone"))
		}, []Kind{CutsMaybe}},
		{"narrow the ports of a reference that may be used", func(in *Input) {
			in.Changes = append(in.Changes, mkChange("c5", "- sg-db ingress tcp 7000 sg-gone", "+ sg-db ingress tcp 7001 sg-gone"))
		}, []Kind{CutsMaybe, Opens}},
		{"drop an ICMP type", func(in *Input) {
			in.Changes = append(in.Changes, mkChange("c5", "- sg-db ingress icmp 3/4 10.0.0.0/8"))
		}, []Kind{CutsMaybe}},
		{"change an ICMP code", func(in *Input) {
			in.Changes = append(in.Changes, mkChange("c5", "- sg-db ingress icmp 3/4 10.0.0.0/8", "+ sg-db ingress icmp 3/3 10.0.0.0/8"))
		}, []Kind{CutsMaybe, Opens}},
		{"remove two rules redundant because of each other", func(in *Input) {
			in.Changes = append(in.Changes, mkChange("c5", "- sg-pod ingress tcp 80 10.5.0.0/24"), mkChange("c6", "- sg-pod ingress tcp 80 10.5.0.0/25"))
		}, []Kind{Cuts}},
		{"lean on what another change adds", func(in *Input) {
			in.Changes = append(in.Changes, mkChange("c5", "- sg-base ingress tcp 22 10.0.0.0/8"))
			in.Changes[0] = mkChange("c1", "- sg-web ingress tcp * 10.0.0.0/8", "+ sg-web ingress tcp 8000-8010 10.0.0.0/24")
			in.Changes = append(in.Changes, mkChange("c6", "+ sg-web ingress tcp 22 10.0.7.7/32"))
		}, []Kind{CutsSubset}},
		{"an old rule that is not there", func(in *Input) { in.Changes[2].Old = mkRules("sg-db ingress tcp 9998 10.0.0.0/16") }, []Kind{UnknownRule}},
		{"an old rule with another id", func(in *Input) { in.Changes[2].Old[0].ID = "sgr-other" }, []Kind{UnknownRule}},
		{"a rule removed twice", func(in *Input) {
			in.Changes = append(in.Changes, mkChange("c5", "- sg-db ingress tcp 9999 10.0.0.0/16"))
		}, []Kind{Conflict}},
		{"a rule added and removed", func(in *Input) {
			in.Changes = append(in.Changes, mkChange("c5", "+ sg-db ingress tcp 9999 10.0.0.0/16"))
		}, []Kind{Conflict}},
		{"a change without id", func(in *Input) { in.Changes[2].ID = "" }, []Kind{Malformed}},
		{"one id twice", func(in *Input) { in.Changes[2].ID = "c1" }, []Kind{Malformed}},
		{"an unknown group", func(in *Input) { in.Changes[2].GroupID = "sg-none" }, []Kind{Malformed}},
		{"no peer", func(in *Input) {
			in.Changes[2].New = []analyze.Rule{{RuleKey: analyze.RuleKey{GroupID: "sg-db", Direction: analyze.Ingress}}}
		}, []Kind{Malformed}},
		{"host bits", func(in *Input) { in.Changes[1].New[0].Peer.Prefix = netip.MustParsePrefix("10.0.0.1/31") }, []Kind{Cuts, Malformed}},
		{"touch a rule the model cannot express", func(in *Input) { in.Estate.Groups["sg-db"].Rules[1].Unsupported = "odd" }, []Kind{Unsupported}},
		{"a list nobody knows", func(in *Input) {
			in.Changes[3].New = mkRules("sg-web ingress udp 53 pl-1")
		}, []Kind{Cuts, Opens}},
		{"a list with an entry outside", func(in *Input) {
			in.Estate.PrefixLists["pl-1"] = list("10.0.0.1/32", "10.1.0.0/32")
			in.Changes[1].New = mkRules("sg-db ingress tcp 5432 pl-1")
		}, []Kind{Opens}},
	} {
		in := plan()
		tt.plant(&in)
		res, err := Check(in)
		if err != nil || res.Holds || !slices.Equal(kinds(res), tt.want) {
			t.Errorf("%s: got %v, %v (%+v); want %v", tt.name, kinds(res), err, res.Violations, tt.want)
		}
	}
}

func list(entries ...string) *estate.PrefixList {
	l := &estate.PrefixList{EntriesKnown: true}
	for _, p := range entries {
		l.Entries = append(l.Entries, netip.MustParsePrefix(p))
	}
	return l
}

// What is inside the old rules as a union, and only as a union, opens nothing.
func TestOpensUnion(t *testing.T) {
	base := []string{
		"eni-a vpc-1 sg-a 10.0.0.1", "eni-b vpc-1 sg-b 10.0.0.2,10.0.8.0/28", "eni-c vpc-2 sg-c 10.0.0.3", "eni-n vpc-1 sg-nlb 10.0.0.4",
		"eni-six vpc-1 sg-six 10.0.0.5,fd00::5",
	}
	for _, tt := range []struct {
		name  string
		old   string // separated by ;
		new   string
		holds bool
	}{
		{"itself in halves", "tcp 80 10.0.0.0/25; tcp 80 10.0.0.128/25", "tcp 80 10.0.0.0/24", true},
		{"a quarter is missing", "tcp 80 10.0.0.0/25; tcp 80 10.0.0.128/26", "tcp 80 10.0.0.0/24", false},
		{"ports side by side", "tcp 1-10 10.0.0.0/8; tcp 11-20 10.0.0.0/8", "tcp 5-15 10.0.0.0/16", true},
		{"one port is missing", "tcp 1-10 10.0.0.0/8; tcp 12-20 10.0.0.0/8", "tcp 5-15 10.0.0.0/16", false},
		{"ports and peers crosswise", "tcp 1-10 10.0.0.0/25; tcp 1-5 10.0.0.128/25; tcp 6-10 10.0.0.128/25", "tcp 1-10 10.0.0.0/24", true},
		{"ports and peers crosswise with a hole", "tcp 1-10 10.0.0.0/25; tcp 1-5 10.0.0.128/25; tcp 7-10 10.0.0.128/25", "tcp 1-10 10.0.0.0/24", false},
		{"all protocols hold one", "all 10.0.0.0/8", "50 10.0.0.0/9", true},
		{"one protocol does not hold all", "tcp * 10.0.0.0/8; udp * 10.0.0.0/8; icmp 10.0.0.0/8", "all 10.0.0.0/8", false},
		{"all of one family only", "all 0.0.0.0/0", "tcp 80 ::/0", false},
		{"icmp type in all types", "icmp 10.0.0.0/8", "icmp 3/4 10.0.0.1/32", true},
		{"icmp code in all codes", "icmp 3 10.0.0.0/8", "icmp 3/4 10.0.0.1/32", true},
		{"icmp all codes in one", "icmp 3/4 10.0.0.0/8", "icmp 3 10.0.0.1/32", false},
		{"icmp all types in one", "icmp 3 10.0.0.0/8", "icmp 10.0.0.1/32", false},
		{"icmp is not icmpv6", "icmp fd00::/8", "icmpv6 fd00::/16", false},
		{"a reference by id, ports narrowed", "tcp * sg-b", "tcp 80 sg-b", true},
		{"a reference by id, ports widened", "tcp 80 sg-b", "tcp * sg-b", false},
		{"a reference inside a prefix", "tcp 80 10.0.0.0/16", "tcp 80 sg-b", true},
		{"a delegated prefix outside", "tcp 80 10.0.0.0/24", "tcp 80 sg-b", false},
		{"a member's IPv6 inside too", "tcp 80 10.0.0.0/24; tcp 80 fd00::/64", "tcp 80 sg-six", true},
		{"a host inside a reference", "tcp 80 sg-b", "tcp 80 10.0.0.2/32", true},
		{"a host of another VPC, where the reference does not reach", "tcp 80 sg-c", "tcp 80 10.0.0.3/32", false},
		{"two hosts inside a reference", "tcp 80 sg-b", "tcp 80 10.0.0.2/31", false},
		{"a reference inside another", "tcp 80 sg-b; tcp 80 10.0.0.1/32", "tcp 80 sg-a", true},
		{"a balancer passes any client", "tcp 80 10.0.0.0/8", "tcp 80 sg-nlb", false},
		{"a balancer inside the world", "tcp 80 0.0.0.0/0", "tcp 80 sg-nlb", true},
		{"a group without members", "tcp 80 10.0.0.0/8", "tcp 80 sg-empty", false},
		{"a group the estate does not know", "tcp 80 0.0.0.0/0; tcp 80 ::/0", "tcp 80 sg-none", false},
		{"a list inside", "tcp 80 10.0.0.0/8", "tcp 80 pl-in", true},
		{"a list by id", "tcp 1-90 pl-unknown", "tcp 80 pl-unknown", true},
		{"part of a list", "tcp 80 pl-in", "tcp 80 10.0.0.0/26", true},
		{"more than a list", "tcp 80 pl-in", "tcp 80 10.0.0.0/23", false},
		{"the other direction does not count", "tcp 80 10.0.0.0/9", "tcp 80 10.0.0.0/8", false},
	} {
		lines := slices.Clone(base)
		lines = append(lines, "sg-a egress all 0.0.0.0/0", "sg-empty egress all 0.0.0.0/0")
		for _, o := range strings.Split(tt.old, "; ") {
			lines = append(lines, "sg-a ingress "+o)
		}
		e := mkEstate(lines...)
		e.Interfaces["eni-n"].Type = "network_load_balancer"
		e.PrefixLists["pl-in"] = list("10.0.0.0/25", "10.0.0.128/25")
		e.PrefixLists["pl-unknown"] = &estate.PrefixList{}
		res, err := Check(Input{Estate: e, Changes: []Change{mkChange("c", "+ sg-a ingress "+tt.new)}})
		if err != nil || res.Holds != tt.holds || res.Rules != 1 {
			t.Errorf("%s: got %+v, %v; want holds %v", tt.name, res, err, tt.holds)
		}
	}
}

// All 256 protocols, types or codes named one by one are as good as "all".
func TestOpensNamedOneByOne(t *testing.T) {
	each := func(service func(n int) analyze.Service) *estate.Estate {
		e := mkEstate("eni-a vpc-1 sg-a 10.0.0.1")
		for n := range 256 {
			r := mkRule("sg-a ingress all 10.0.0.0/8")
			r.Service = service(n)
			e.Groups["sg-a"].Rules = append(e.Groups["sg-a"].Rules, r)
		}
		return e
	}
	for _, tt := range []struct {
		new string
		e   *estate.Estate
	}{
		{"all", each(func(n int) analyze.Service { return analyze.ProtoService(analyze.Proto(n)) })},
		{"icmp", each(func(n int) analyze.Service { return analyze.ICMPService(analyze.ICMP, int16(n), -1) })},
		{"icmpv6 3", each(func(n int) analyze.Service { return analyze.ICMPService(analyze.ICMPv6, 3, int16(n)) })},
	} {
		in := Input{Estate: tt.e, Changes: []Change{mkChange("c", "+ sg-a ingress "+tt.new+" 10.0.0.0/9")}}
		if res, err := Check(in); err != nil || !res.Holds {
			t.Errorf("%s in all of them: got %+v, %v", tt.new, res, err)
		}
		rules := tt.e.Groups["sg-a"].Rules
		tt.e.Groups["sg-a"].Rules = slices.Delete(rules, 77, 78)
		if res, err := Check(in); err != nil || res.Holds {
			t.Errorf("%s in all but number 77: got %+v, %v", tt.new, res, err)
		}
	}
}

func TestCheckErrors(t *testing.T) {
	if _, err := Check(Input{}); err == nil {
		t.Error("no estate: want an error")
	}
	bad := errors.New("torn")
	in := plan()
	in.Conversations = func(yield func(orient.Conversation, error) bool) { yield(orient.Conversation{}, bad) }
	if _, err := Check(in); !errors.Is(err, bad) {
		t.Errorf("got %v, want the stream's error", err)
	}
	if _, err := Denied(StateInput{Estate: in.Estate, Conversations: in.Conversations}); !errors.Is(err, bad) {
		t.Errorf("got %v, want the stream's error", err)
	}
}

func TestUntouchedDuplicate(t *testing.T) {
	in := Input{
		Estate:        mkEstate("eni-a vpc-1 sg-a 10.0.0.1", "sg-a ingress tcp 80 10.0.0.0/8", "sg-a ingress tcp 80 10.0.0.0/8"),
		Conversations: traffics("eni-a ingress tcp 80 10.0.0.9"),
		Changes:       []Change{mkChange("c1", "- sg-a ingress tcp 80 10.0.0.0/8")},
	}
	if res, err := Check(in); err != nil || !res.Holds {
		t.Errorf("one of two equal rules: got %+v, %v", res, err)
	}
	in.Changes = append(in.Changes, mkChange("c2", "- sg-a ingress tcp 80 10.0.0.0/8"))
	if res, err := Check(in); err != nil || !slices.Equal(kinds(res), []Kind{Cuts}) {
		t.Errorf("both of two equal rules: got %+v, %v", res, err)
	}
}
