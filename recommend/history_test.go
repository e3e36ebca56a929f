package recommend_test

import (
	"fmt"
	"iter"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/ledger"
	"github.com/sgtrim/sgtrim/analyze/orient"
	"github.com/sgtrim/sgtrim/analyze/usage"
	"github.com/sgtrim/sgtrim/recommend"
	"github.com/sgtrim/sgtrim/recommend/proof"
)

// histories are what may be known of the past, from nothing to everything.
var histories = [][]string{{"now"}, {"now", "snapshots"}, {"now", "config"}, {"now", "trail"}, {"now", "snapshots", "config"}, {"now", "config", "trail", "snapshots"}}

// seeds is how many worlds a property is tried on; SGTRIM_SEEDS multiplies them.
func seeds(n uint64) uint64 {
	if more, err := strconv.ParseUint(os.Getenv("SGTRIM_SEEDS"), 10, 16); err == nil {
		return n * more
	}
	return n
}

// record is a connection from an address to sg-web, as a flow log tells it: its times are off by up to a minute.
type record struct {
	addr        string
	first, last int64
}

func (w *pastWorld) records(n int) (out []record) {
	for len(out) < n {
		addr := addresses[w.r.IntN(len(addresses))]
		first := began + w.r.Int64N(2*86400-1200)
		if w.r.IntN(2) == 0 { // about a change
			first = w.interfaces[w.r.IntN(len(w.interfaces))].from + w.r.Int64N(1200) - 600
		}
		last := first + w.r.Int64N(600)
		if first < began+60 || last > ended-60 || first/86400 != last/86400 || w.holder(addr, first) == nil || w.holder(addr, last) == nil {
			continue
		}
		jitter := func() int64 { return w.r.Int64N(119) - 59 }
		r := record{addr, first + jitter(), last + jitter()}
		r.last = max(r.last, r.first)
		if (r.first-began)/86400 == (r.last-began)/86400 && r.last < ended {
			out = append(out, r)
		}
	}
	return out
}

func (r record) conversation() orient.Conversation {
	c := orient.Conversation{Key: orient.Key{Day: int32(r.last / 86400), Interface: "eni-web", Direction: analyze.Ingress, Local: netip.MustParseAddr("10.0.0.100"),
		Peer: netip.MustParseAddr(r.addr), Proto: uint8(analyze.TCP), Port: 443, Action: analyze.Accept}, First: r.first, Last: r.last, Orientation: analyze.OwnFlags}
	for h := r.first % 86400 / 3600; h <= r.last%86400/3600; h++ {
		c.Hours |= 1 << h
	}
	c.Counters[analyze.Established] = orient.Counter{Flows: 1, Packets: 10, Bytes: 1000}
	return c
}

func conversations(rs ...record) func() iter.Seq2[orient.Conversation, error] {
	slices.SortStableFunc(rs, func(a, b record) int { return int(a.last/86400 - b.last/86400) })
	return func() iter.Seq2[orient.Conversation, error] {
		return func(yield func(orient.Conversation, error) bool) {
			for _, r := range rs {
				if !yield(r.conversation(), nil) {
					return
				}
			}
		}
	}
}

// onlyRule is the estate in which sg-web has just this rule.
func onlyRule(e *estate.Estate, peer string) *estate.Estate {
	one, web := *e, *e.Groups["sg-web"]
	web.Rules = []analyze.Rule{ruleFor(peer)}
	one.Groups = map[string]*estate.Group{"sg-web": &web}
	for _, id := range tiers {
		one.Groups[id] = e.Groups[id]
	}
	return &one
}

// proofSays asks package proof for what a rule allows: what would be denied without it.
func proofSays(t *testing.T, e *estate.Estate, peer string, r record) analyze.Match {
	t.Helper()
	denied, err := proof.Denied(proof.StateInput{Estate: onlyRule(e, peer), State: map[string][]analyze.Rule{"sg-web": {}}, Conversations: conversations(r)()})
	if err != nil {
		t.Fatal(err)
	}
	if len(denied) == 0 {
		return analyze.No
	}
	return denied[0].Before
}

// joinSays asks the join: what part of the conversation a rule allows. In an hour of a change parts of it are of either state.
func joinSays(t *testing.T, e *estate.Estate, peer string, r record) (answers []analyze.Match, sole int) {
	t.Helper()
	one := onlyRule(e, peer)
	res, err := usage.Join(usage.Input{Index: estate.NewIndex(one), Estate: one, Conversations: conversations(r)()})
	if err != nil {
		t.Fatal(err)
	}
	rule := &res.Rules[res.RulesOf("sg-web")[0]]
	for i := range res.Flows {
		switch {
		case slices.Contains(rule.Hits, int32(i)):
			answers = append(answers, analyze.Yes)
		case slices.Contains(rule.Maybe, int32(i)):
			answers = append(answers, analyze.Maybe)
		default:
			answers = append(answers, analyze.No)
		}
	}
	return answers, rule.Sole
}

// TestHistoryAgainstOracle: whatever is known of the past, the join and the proof say of a rule and a record yes or no only
// where that is the truth in every second in which the record can have been, and so never about a change that matters; and
// where the sources tell of every change and none was near, they do say it.
func TestHistoryAgainstOracle(t *testing.T) {
	counts := map[string]map[analyze.Match]int{}
	for seed := range seeds(12) {
		w := newPastWorld(seed)
		records := w.records(30)
		for _, sources := range histories {
			e := w.load(t, sources)
			if e.History.Conflicts > 0 {
				t.Fatalf("seed %d, %v: sources that tell the truth contradict each other: %v", seed, sources, e.Conflicts[0])
			}
			name := strings.Join(sources, "+")
			if counts[name] == nil {
				counts[name] = map[analyze.Match]int{}
			}
			for _, r := range records {
				for _, peer := range peers {
					always, never := w.over(peer, r.addr, r.first-59, r.last+59)
					where := fmt.Sprintf("seed %d, %v: %s for %s from %s to %s", seed, sources, peer, r.addr, stamp(r.first), stamp(r.last))
					if !recorded(sources) && !w.plain(peer, r) {
						continue
					}
					told := proofSays(t, e, peer, r)
					answers, sole := joinSays(t, e, peer, r)
					counts[name][told]++
					exact := !slices.Contains(sources, "now") || slices.Contains(sources, "trail") && w.settled(peer, r.addr, r.first-61, r.last+61) ||
						slices.Contains(sources, "config") && w.settled(peer, r.addr, r.first-700, r.last+700)
					for who, answers := range map[string][]analyze.Match{"the proof": {told}, "the join": answers} {
						for _, a := range answers {
							whole := len(answers) == 1 && r.first/3600 == r.last/3600 // else the hours are judged apart
							switch {
							case len(sources) > 1 && whole && (a == analyze.Yes && !always || a == analyze.No && !never):
								t.Fatalf("%s: %s says %v; in truth always %v, never %v", where, who, a, always, never)
							case exact && (always || never) && a == analyze.Maybe:
								t.Fatalf("%s: %s says maybe; in truth always %v, never %v, and no change is near", where, who, always, never)
							}
						}
					}
					if !always && sole > 0 && len(answers) == 1 && len(sources) > 1 {
						t.Fatalf("%s: sole evidence, though it was not always so", where)
					}
				}
			}
		}
	}
	for name, c := range counts {
		if c[analyze.Yes] < 100 || c[analyze.No] < 100 {
			t.Errorf("%s: the worlds are too tame: %v", name, c)
		}
	}
	for more, less := range map[string]string{"now+snapshots+config": "now+config", "now+config+trail+snapshots": "now+trail"} {
		if counts[more][analyze.Maybe] > counts[less][analyze.Maybe] {
			t.Errorf("%s is in doubt more often than %s: %v and %v", more, less, counts[more], counts[less])
		}
	}
}

// recorded reports whether the sources tell of every change.
func recorded(sources []string) bool {
	return slices.Contains(sources, "config") || slices.Contains(sources, "trail")
}

// plain reports whether what the rule depends on is as is assumed of what lies between two snapshots: an interface is in the groups
// that it is seen in, and between two equal states of a list there was no other.
func (w *pastWorld) plain(peer string, r record) bool {
	versions := 0
	for _, f := range w.list {
		if f.from <= r.last+6*3600 && f.to >= r.first-6*3600 {
			versions++
		}
	}
	regrouped := slices.ContainsFunc(w.interfaces, func(f fact) bool {
		return f.addr == r.addr && f.from <= r.last+60 && f.to >= r.first-60 && !(f.first && f.last)
	})
	return !regrouped && (peer[:3] != "pl-" || versions <= 2)
}

// TestSourcesInAnyOrder: the order in which sources are read changes nothing of the estate.
func TestSourcesInAnyOrder(t *testing.T) {
	same := cmp.Options{cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
		cmpopts.IgnoreFields(estate.Estate{}, "Problems"), cmpopts.IgnoreFields(estate.Group{}, "Raw")}
	for seed := range seeds(6) {
		w := newPastWorld(seed)
		sources := []string{"now", "config", "trail", "snapshots"}
		want := w.load(t, sources)
		for range 3 {
			w.r.Shuffle(len(sources), func(i, j int) { sources[i], sources[j] = sources[j], sources[i] })
			if diff := cmp.Diff(want, w.load(t, sources), same); diff != "" {
				t.Fatalf("seed %d, %v: another estate (-want +got):\n%s", seed, sources, diff)
			}
		}
	}
}

// TestLessHistoryCutsNothing: whatever is known of the past, the rules after the plan allow what the rules before it in truth
// allowed, of all that was seen. So no history makes a plan tighter where that would cut a need.
func TestLessHistoryCutsNothing(t *testing.T) {
	changed := 0
	for seed := range seeds(25) {
		w := newPastWorld(seed)
		records := w.records(1 + w.r.IntN(20))
		for _, sources := range histories {
			e := w.load(t, sources)
			plan, err := recommend.Make(recommend.Evidence{Estate: e, Coverage: w.coverage(), Conversations: conversations(records...)}, recommend.Options{MinWindow: 1})
			if err != nil {
				t.Fatalf("seed %d, %v: %v", seed, sources, err)
			}
			after := plan.State(e, func(c *recommend.Change) bool { return c.Status == recommend.Proposed })["sg-web"]
			changed += len(plan.Changes)
			for _, r := range records {
				for _, rule := range e.Groups["sg-web"].Rules {
					if !w.lets(rule.Peer.String(), r) || slices.ContainsFunc(after, func(n analyze.Rule) bool { return w.lets(n.Peer.String(), r) }) {
						continue
					}
					t.Fatalf("seed %d, %v: %s allowed %s from %s to %s; after the plan nothing does: %v", seed, sources, rule.Peer, r.addr, stamp(r.first), stamp(r.last), after)
				}
			}
		}
	}
	if changed < 60 {
		t.Errorf("only %d changes: the worlds are too tame", changed)
	}
}

// lets is the truth: the rule, as it is now, allows what was sent all through the record. Whoever is there still, in other groups,
// it allows no more: that was cut when the groups changed.
func (w *pastWorld) lets(peer string, r record) bool {
	if then, now := w.holder(r.addr, r.first), w.holder(r.addr, ended-1); then != nil && now != nil && then.id == now.id {
		r.first = ended - 1
	}
	for _, t := range []int64{r.first, max(r.first, (r.first+r.last)/2), max(r.first, r.last)} {
		if _, now := w.allowed(peer, r.addr, t); !now {
			return false
		}
	}
	return true
}

func (w *pastWorld) coverage() (out []ledger.Coverage) {
	ids := map[string]bool{"eni-web": true}
	for _, f := range w.interfaces {
		ids[f.id] = true
	}
	for id := range ids {
		for d := began / 86400; d < ended/86400; d++ {
			out = append(out, ledger.Coverage{Day: int32(d), Source: "fl-1", Interface: id, Covered: 1<<24 - 1, Accepts: 1})
		}
	}
	return out
}
