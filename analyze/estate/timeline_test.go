package estate

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestTermsAgainstReplay compares the terms of random marks with an answer found minute by minute: what the mark before and
// the mark after a minute leave possible.
func TestTermsAgainstReplay(t *testing.T) {
	const minutes = 60
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 1))
		marks, present := randomMarks(r, minutes), r.IntN(2) == 0
		all := terms(slices.Clone(marks), present && marks[len(marks)-1].value != nil)
		for m := range int64(minutes) {
			if slices.ContainsFunc(marks, func(o mark[int]) bool { return o.at == m && (o.begins || several(marks, m)) }) {
				continue // the instant of a change is of both states
			}
			sure, maybe := replay(marks, present, m)
			gotSure, gotMaybe := "", map[string]bool{}
			for _, one := range all {
				l, now := one.life, unix(m)
				if !l.Since.After(now) && (l.Until.IsZero() || !l.Until.Before(now)) {
					gotSure = one.key
				}
				if (l.After.IsZero() || l.After.Before(now)) && (l.Before.IsZero() || l.Before.After(now)) {
					gotMaybe[one.key] = true
				}
			}
			if gotSure != sure {
				t.Fatalf("seed %d minute %d: surely %q, want %q\n%s", seed, m, gotSure, sure, describeMarks(marks))
			}
			if sure == "" && !maps.Equal(gotMaybe, maybe) {
				t.Fatalf("seed %d minute %d: maybe %v, want %v\n%s", seed, m, gotMaybe, maybe, describeMarks(marks))
			}
		}
	}
}

// randomMarks are marks of one object, in order; several may be of one time.
func randomMarks(r *rand.Rand, minutes int) []mark[int] {
	var marks []mark[int]
	at := r.IntN(10)
	states := []string{"", "a", "b", "c"}
	for at < minutes {
		m := mark[int]{at: int64(at), origin: origin(r.IntN(3)), key: states[r.IntN(len(states))]}
		if m.key != "" {
			m.value = new(int)
		}
		m.begins = m.origin == fromTrail
		if m.origin == fromConfig {
			m.lag = int64(1 + r.IntN(8))
		}
		marks = append(marks, m)
		if r.IntN(4) > 0 { // else several in one second
			at += 1 + r.IntN(15)
		}
	}
	slices.SortStableFunc(marks, mark[int].compare)
	return marks
}

// several reports whether there is more than one mark of a time.
func several(marks []mark[int], at int64) bool {
	n := 0
	for _, m := range marks {
		if m.at == at {
			n++
		}
	}
	return n > 1
}

// replay says which state surely was at a minute ("" none, or not there), and which may have been.
func replay(marks []mark[int], present bool, minute int64) (sure string, maybe map[string]bool) {
	maybe = map[string]bool{}
	may := func(key string) {
		if key != "" {
			maybe[key] = true
		}
	}
	at := slices.IndexFunc(marks, func(m mark[int]) bool { return m.at > minute })
	if at < 0 {
		at = len(marks)
	}
	if at == 0 { // before all records: only the first state, unless an event began it
		if !marks[0].begins {
			may(marks[0].key)
		}
		return "", maybe
	}
	before := marks[at-1]
	may(before.key)
	switch {
	case before.at == minute:
		return before.key, maybe
	case at < len(marks):
	case present:
		return before.key, maybe
	default:
		return "", maybe
	}
	after := marks[at]
	switch {
	case before.key == after.key && !after.begins, after.begins && before.key != after.key:
		return before.key, maybe
	case recordedByConfig(marks[:at]) && minute <= configDue(marks[at:]) && configDue(marks[at:]) < after.at:
		return before.key, maybe
	}
	if !after.begins {
		may(after.key)
	}
	return "", maybe
}

// configDue is until when the state before these marks surely lasted, if AWS Config recorded it.
func configDue(marks []mark[int]) int64 {
	for _, m := range marks {
		if m.origin == fromConfig {
			return m.at - m.lag
		}
	}
	return -1
}

// recordedByConfig reports whether AWS Config recorded the last state of these marks, in the run that it ends.
func recordedByConfig(marks []mark[int]) bool {
	last := marks[len(marks)-1]
	for k := len(marks) - 1; k >= 0 && marks[k].key == last.key; k-- {
		if marks[k].origin == fromConfig {
			return true
		}
		if marks[k].begins {
			break
		}
	}
	return false
}

func describeMarks(marks []mark[int]) (s string) {
	for _, m := range marks {
		s += fmt.Sprintf("%d: %q origin %d begins %v lag %d\n", m.at, m.key, m.origin, m.begins, m.lag)
	}
	return s
}

// TestTermsOrder: the order in which the sources are read changes nothing.
func TestTermsOrder(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 2))
		marks := randomMarks(r, 100)
		want := fmt.Sprint(lives(terms(slices.Clone(marks), true)))
		r.Shuffle(len(marks), func(i, j int) { marks[i], marks[j] = marks[j], marks[i] })
		if got := fmt.Sprint(lives(terms(marks, true))); got != want {
			t.Fatalf("seed %d: %s\nwant %s", seed, got, want)
		}
	}
}

func lives(all []term[int]) (out []string) {
	for _, t := range all {
		out = append(out, fmt.Sprint(cmp.Or(t.key, "-"), t.life))
	}
	return out
}
