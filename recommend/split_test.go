package recommend

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// The parts of random worlds hold every change of the plan once, with what it would deny by itself; each is proved, and names the
// teams that its changes lean on.
func TestPartsOfRandomWorlds(t *testing.T) {
	parts, leaning := 0, 0
	for seed := range uint64(60) {
		w := randomWorld(t, seed)
		rng := rand.New(rand.NewPCG(seed, 3))
		team := map[string]string{}
		for _, id := range sortedKeys(w.e.Groups) {
			team[id] = []string{"", "red", "blue"}[rng.IntN(3)]
			if team[id] != "" {
				w.e.Groups[id].Tags = map[string]string{"Owner": team[id]}
			}
		}
		whole := w.review(Options{SplitBy: "Owner", Include: true})
		var got, want []string
		for i := range whole.Changes {
			want = append(want, partLine(&whole.Changes[i]))
		}
		groups := 0
		for _, p := range whole.Parts {
			parts++
			groups += len(p.Plan.Groups)
			if !p.Plan.Proof.Holds || p.Plan.Totals.Proposed+p.Plan.Totals.Review+p.Plan.Totals.Held != len(p.Plan.Changes) {
				t.Errorf("seed %d: %q: proof %+v, totals %+v", seed, p.Team, p.Plan.Proof, p.Plan.Totals)
			}
			for i := range p.Plan.Changes {
				c := &p.Plan.Changes[i]
				got = append(got, partLine(c))
				if team[c.GroupID] != p.Team {
					t.Errorf("seed %d: %s is of %q, not of %q", seed, c.GroupID, team[c.GroupID], p.Team)
				}
				for _, d := range c.DependsOn {
					if (d.Owner != "") != (team[d.GroupID] != p.Team) {
						t.Errorf("seed %d: %s leans on %s of %q, named as %q", seed, c.ID, d.Rule, team[d.GroupID], d.Owner)
					}
					if d.Owner != "" {
						leaning++
						if !slices.ContainsFunc(p.Plan.Notes, func(n string) bool { return strings.Contains(n, d.Owner+" (") }) {
							t.Errorf("seed %d: no note names %s", seed, d.Owner)
						}
					}
				}
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if groups != len(whole.Groups) || !slices.Equal(got, want) {
			t.Errorf("seed %d: the parts hold %d groups and\n%s\nthe whole %d and\n%s", seed, groups, strings.Join(got, "\n"), len(whole.Groups), strings.Join(want, "\n"))
		}
		if t.Failed() {
			t.FailNow()
		}
	}
	if parts < 100 || leaning == 0 {
		t.Errorf("%d parts, %d changes that lean on another team's rules: the test tests little", parts, leaning)
	}
}

func partLine(c *Change) string {
	return fmt.Sprint(c.ID, c.Status, c.Selected, len(c.Denies))
}
