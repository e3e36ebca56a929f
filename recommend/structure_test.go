package recommend

import (
	"fmt"
	"strings"
	"testing"
)

// Clear tiers are told apart; anything short of that is not.
func TestSplitAdvice(t *testing.T) {
	for _, tt := range []struct {
		name string
		days int
		see  map[string]string // by interface: what it is asked for
		want string
	}{
		{"two tiers", 60, map[string]string{"a": "443", "b": "443", "c": "5432", "d": "5432"}, "eni-a eni-b: tcp 443; eni-c eni-d: tcp 5432"},
		{"an agent that all have", 60, map[string]string{"a": "443 9100", "b": "443 9100", "c": "5432 9100", "d": "5432 9100"},
			"eni-a eni-b: tcp 443, tcp 9100; eni-c eni-d: tcp 5432, tcp 9100"},
		{"one serves both", 60, map[string]string{"a": "443", "b": "443 5432", "c": "5432", "d": "5432"}, ""},
		{"all alike", 60, map[string]string{"a": "443", "b": "443", "c": "443", "d": "443"}, ""},
		{"a tier of one", 60, map[string]string{"a": "443", "b": "443", "c": "443", "d": "5432"}, ""},
		{"one never asked", 60, map[string]string{"a": "443", "b": "443", "c": "5432", "d": ""}, ""},
		{"too short", 30, map[string]string{"a": "443", "b": "443", "c": "5432", "d": "5432"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, tt.days)
			w.group("sg-a", "ingress tcp * 10.0.0.0/16")
			for i, name := range []string{"a", "b", "c", "d"} {
				id := "eni-" + name
				w.iface(id, fmt.Sprintf("10.0.1.%d", 5+i), "sg-a")
				for _, port := range strings.Fields(tt.see[name]) {
					w.see(id, "ingress tcp "+port+" 10.0.2.9")
				}
			}
			var got []string
			for _, s := range w.review(Options{}).Structure {
				for _, p := range s.Parts {
					got = append(got, strings.Join(p.Interfaces, " ")+": "+strings.Join(p.Services, ", "))
					if len(p.Rules) != 1 || s.Kind != SplitGroup {
						t.Errorf("%s with rules %q", s.Kind, p.Rules)
					}
				}
			}
			if strings.Join(got, "; ") != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestShareAdvice(t *testing.T) {
	same := []string{"ingress tcp 22 10.0.0.9/32", "ingress tcp 9100 10.0.0.8/32", "ingress udp 161 10.0.0.8/32"}
	w := newWorld(t, 60)
	for i, id := range []string{"sg-a", "sg-b", "sg-c", "sg-d"} {
		rules := same
		if id == "sg-d" {
			rules = same[:2] // all but one
		}
		w.group(id, append([]string{"ingress tcp " + itoa(8000+i) + " 10.0.0.0/16"}, rules...)...)
		w.iface("eni-"+id, fmt.Sprintf("10.0.1.%d", 5+i), id)
	}
	if got := w.review(Options{}).Structure; len(got) != 0 { // three hold a third rule alone, four hold two
		t.Errorf("got %+v", got)
	}
	w.e.Groups["sg-d"].Rules = append(w.e.Groups["sg-d"].Rules, w.rule("sg-d", same[2]))
	got := w.review(Options{}).Structure
	if len(got) != 1 || got[0].Kind != ShareGroup || len(got[0].GroupIDs) != 4 || strings.Join(got[0].Parts[0].Rules, "; ") != strings.Join(same, "; ") || len(got[0].Parts[0].Interfaces) != 4 {
		t.Errorf("got %+v", got)
	}
}
