package estate

// Asking is what became of asking an API for the past of an account and region. The zero value: there was nobody to ask, for
// the estate comes from saved files.
type Asking string

// The answers. They are written to snapshot files.
const (
	NotAsked Asking = "not_asked" // the estate was taken from the live API, so it could have been asked, and was not
	Refused  Asking = "refused"   // it was asked and told nothing: denied, not switched on, or not implemented
	Answered Asking = "answered"  // it was asked and told what it has, be it nothing
)

// CouldHaveTold reports whether the source could have been asked, or asked with more rights, and so would tell more than is
// known.
func (a Asking) CouldHaveTold() bool { return a == NotAsked || a == Refused }

// Asked is what became of asking each source of the past of one account and region.
type Asked struct {
	Config Asking `json:"config,omitempty"`     // AWS Config: GetResourceConfigHistory
	Trail  Asking `json:"cloudtrail,omitempty"` // CloudTrail: LookupEvents
}

// AskedOf is what became of asking for the past of the account and region, which a group has as its Owner and Region.
func (e *Estate) AskedOf(account, region string) Asked {
	return e.Asked[Scope{Account: account, Region: region}]
}

// tells is how much an answer says: more than a refusal, and that more than no question.
var tells = map[Asking]int{NotAsked: 1, Refused: 2, Answered: 3}

// or fills in from o what a does not tell.
func (a Asked) or(o Asked) Asked {
	for _, p := range []struct{ to, from *Asking }{{&a.Config, &o.Config}, {&a.Trail, &o.Trail}} {
		if tells[*p.from] > tells[*p.to] {
			*p.to = *p.from
		}
	}
	return a
}

// asked gathers, of each account and region, what its latest snapshot says; what was asked of its history apart counts too.
func (b *builder) asked(all []*SnapshotScope) {
	for _, s := range all {
		if s.Asked == (Asked{}) {
			continue
		}
		latest := true
		for _, o := range all {
			latest = latest && (o.place() != s.place() || o.Asked == Asked{} || s.captured.IsZero() || !o.captured.After(s.captured))
		}
		if latest {
			b.e.Asked[s.place()] = b.e.Asked[s.place()].or(s.Asked)
		}
	}
}
