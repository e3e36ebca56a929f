// Package proof is the independent evaluator of a plan (design §8). It shares no matching code with the recommender: it
// reads the plain data of the estate, matches rules and traffic in its own way, and refuses what it cannot confirm. It
// imports only the vocabulary (analyze), the estate, the ledger and the conversations; a test checks that.
//
// Check shows three things of a plan:
//
//   - it opens nothing: every new rule lies inside the union of the old rules of its group, direction and family (opens.go);
//   - it cuts nothing that is needed: what the old rules of an interface's groups surely allowed stays surely allowed, and
//     what only doubtful rules may have allowed keeps every one of them (need.go, match.go);
//   - both hold for every subset of the changes, since any of them may be left out, refused or fail (closure.go).
package proof

import (
	"errors"
	"iter"
	"net/netip"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/orient"
)

// Change takes the rules Old out of one group and direction, and puts the rules New in. Changes are independent: each is
// applied or not.
type Change struct {
	ID        string
	GroupID   string
	Direction analyze.Direction
	Old, New  []analyze.Rule
	// Leans are the rules of other groups that the change leans on, as RuleKey.String prints them. Whoever applies it makes sure
	// that they are still there.
	Leans []string
	// Review marks a change that a person decides. It may deny needed traffic, but then Denied lists it.
	Review bool
}

// Input of Check.
type Input struct {
	Estate  *estate.Estate
	Changes []Change
	// Conversations of all days. Those of unknown direction are resolved by the interface's addresses; where these do not
	// tell, both readings count. Both readings of an ambiguous one are rows of their own and count both.
	Conversations iter.Seq2[orient.Conversation, error]
	// KnownNetworks are the named networks: their peers make a need of one-way and attempted traffic (design §4.6).
	KnownNetworks []netip.Prefix
	// Pins also refuses changes that do not name the rules of other groups that they lean on. The maker of a plan names them as it
	// goes; one who is handed a plan asks.
	Pins bool
}

// Result of Check.
type Result struct {
	Holds    bool
	Needs    int // needed conversations that the old rules allow or may allow
	Doubtful int // of them, those that only a maybe allows
	// Unexplained counts needed conversations that no rule explains, on interfaces with groups. Nothing can be kept for them.
	Unexplained int
	Rules       int         // new rules checked to lie inside the old ones
	Violations  []Violation // sorted; at most maxViolations, the rest is counted in More
	More        int
	// Denied is, by change id, the seen needed traffic that a review change denies when it is applied with any subset of the
	// changes that are not for review. Every review change has an entry; an empty list is part of the claim.
	Denied map[string][]Traffic
}

// Kind of a violation.
type Kind string

const (
	Opens       Kind = "opens"        // a new rule allows something that no old rule of the group allows
	Cuts        Kind = "cuts"         // needed traffic would be denied once the changes are applied
	CutsSubset  Kind = "cuts-subset"  // needed traffic would be denied if only some of the changes are applied
	CutsMaybe   Kind = "cuts-maybe"   // a rule that may have allowed needed traffic is not kept
	UnknownRule Kind = "unknown-rule" // an old rule that the group does not have (drift, or a made-up rule)
	Conflict    Kind = "conflict"     // changes that are not independent: one rule removed twice, or removed and added
	Unsupported Kind = "unsupported"  // a rule that the model cannot express is touched
	Unpinned    Kind = "unpinned"     // needed traffic is left to a rule of another group that the change does not name
	Malformed   Kind = "malformed"    // a change that is none: no id, unknown group, rule of another group or direction …
)

// Violation is one reason to refuse a plan.
type Violation struct {
	Kind    Kind
	Changes []string // ids of the changes at fault
	Rule    string   // the rule at fault, "" where traffic is
	Traffic *Traffic // the traffic at fault, nil where a rule is
	Detail  string   // one sentence
}

// Traffic is seen traffic of one interface, peer and service, summed over the days.
type Traffic struct {
	Interface   string
	Direction   analyze.Direction
	Peer        netip.Addr
	Proto       uint8
	Port        uint16
	Strength    analyze.Strength // the strongest
	Flows       int64
	Days        int
	First, Last int64 // unix seconds
	// Before and After say how surely the rules allow it, before and with the changes.
	Before, After analyze.Match
}

// maxViolations bounds the list: a broken plan may cut millions of conversations.
const maxViolations = 1000

// Check proves or refuses a plan. An error means that it could not be checked; a refusal is a Result that does not hold.
func Check(in Input) (Result, error) {
	if in.Estate == nil {
		return Result{}, errors.New("proof: no estate")
	}
	c := newChecker(in)
	c.register(in.Changes)
	c.checkOpens()
	if in.Conversations != nil {
		if err := c.checkNeeds(in.Conversations); err != nil {
			return Result{}, err
		}
	}
	return c.result(), nil
}

// checker holds one run of Check.
type checker struct {
	world   *world
	rules   *ruleSet
	changes []Change
	pins    bool
	res     Result
	found   *findings
	denied  []*tally // by change; nil for changes not for review
}

func newChecker(in Input) *checker {
	w := newWorld(in.Estate, in.KnownNetworks)
	return &checker{world: w, rules: newRuleSet(w), changes: in.Changes, pins: in.Pins, found: newFindings()}
}

func (c *checker) checkNeeds(conversations iter.Seq2[orient.Conversation, error]) error {
	var p probe
	for conv, err := range conversations {
		if err != nil {
			return err
		}
		for _, n := range p.readings(c.world, conv) {
			c.judge(&p, n)
			if c.pins {
				c.pin(&p, n)
			}
		}
	}
	return nil
}

func (c *checker) result() Result {
	c.res.Violations, c.res.More = c.found.list()
	c.res.Holds = len(c.res.Violations) == 0
	c.res.Denied = make(map[string][]Traffic)
	for i, t := range c.denied {
		if t != nil {
			c.res.Denied[c.changes[i].ID] = t.list()
		}
	}
	return c.res
}
