package recommend

import (
	"testing"

	"github.com/sgtrim/sgtrim/analyze"
)

// riskOf reviews a world and returns the one change of sg-a that is no duplicate.
func riskOf(t *testing.T, w *testWorld, opt Options) Change {
	t.Helper()
	opt.MinWindow = 7
	p := w.review(opt)
	for _, c := range p.Changes {
		if c.GroupID == "sg-a" && c.Kind != Duplicate {
			return c
		}
	}
	t.Fatal("no change of sg-a")
	return Change{}
}

func TestRisk(t *testing.T) {
	const days = 40
	world := func(t *testing.T, rule string) *testWorld {
		w := newWorld(t, days)
		w.group("sg-a", rule)
		w.iface("eni-a", "10.0.1.5", "sg-a")
		return w
	}
	t.Run("a steady use is not expected to be cut, though it might", func(t *testing.T) {
		w := world(t, "ingress tcp * 10.0.1.9/32")
		w.see("eni-a", "ingress tcp 443 10.0.1.9")
		c := riskOf(t, w, Options{})
		if r := c.Risk; r.Expected != 0.0063 || r.Low != 0 || r.High != 0.0375 || r.Vague || r.Connections != days || r.PeriodDays != days {
			t.Errorf("got %+v: a quarter of a connection of %d, by the half newcomer that is borrowed", r, days)
		}
	})
	t.Run("what a person is asked to cut off is counted", func(t *testing.T) {
		w := world(t, "ingress tcp 22 0.0.0.0/0")
		w.public(w.e.Interfaces["eni-a"])
		for d := range days {
			w.see("eni-a", "ingress tcp 22 198.51.100.9", d)
			w.seeAs(analyze.Established, analyze.OwnFlags, "eni-a", "ingress tcp 22 203.0.113."+string(rune('1'+d%9))+string(rune('0'+d/9)), d)
		}
		c := riskOf(t, w, Options{})
		if r := c.Risk; c.Status != Review || r.Expected < 0.5 || r.Expected > 0.51 || r.Low >= 0.5 || r.High <= 0.5 {
			t.Errorf("%s, got %+v: want a half", c.Status, r)
		}
	})
	t.Run("ports that kept coming are expected to come again", func(t *testing.T) {
		w := world(t, "ingress tcp * 10.0.1.9/32")
		w.see("eni-a", "ingress tcp 443 10.0.1.9")
		for d, port := range []string{"1201", "2402", "3603", "4804", "6005", "7206", "8407", "9608"} {
			w.see("eni-a", "ingress tcp "+port+" 10.0.1.9", 4*d+5)
		}
		c := riskOf(t, w, Options{Level: "strict"})
		if r := c.Risk; r.Expected < 0.1 || r.Expected > 0.2 || r.High < r.Expected || !r.Vague {
			t.Errorf("got %+v: 8 of 48 connections were to ports seen once", r)
		}
	})
	t.Run("a duplicate risks nothing", func(t *testing.T) {
		w := world(t, "ingress tcp 443 10.0.0.0/16")
		w.group("sg-a", "ingress tcp 443 0.0.0.0/0", "ingress tcp 443 203.0.113.0/24")
		w.public(w.e.Interfaces["eni-a"])
		w.see("eni-a", "ingress tcp 443 203.0.113.9")
		w.see("eni-a", "ingress tcp 443 203.0.114.9")
		p := w.review(Options{})
		if len(p.Changes) != 1 || p.Changes[0].Kind != Duplicate || p.Changes[0].Risk.High != 0 || p.Risk.High != 0 {
			t.Errorf("got %+v, total %+v", p.Changes, p.Risk)
		}
	})
	t.Run("rules used once tell of those never used", func(t *testing.T) {
		w := world(t, "ingress tcp 8000 10.0.1.9/32")
		w.group("sg-a", "ingress tcp 8000 10.0.1.9/32", "ingress tcp 443 10.0.1.9/32")
		w.group("sg-b", "ingress tcp 1 10.0.1.9/32", "ingress tcp 2 10.0.1.9/32")
		w.iface("eni-b", "10.0.1.6", "sg-b")
		w.see("eni-b", "ingress tcp 1 10.0.1.9", 3)
		w.see("eni-b", "ingress tcp 2 10.0.1.9", 30)
		w.see("eni-a", "ingress tcp 443 10.0.1.9")
		c := riskOf(t, w, Options{})
		if r := c.Risk; c.Kind != Unused || r.Expected != 0.0625 {
			t.Errorf("%s, got %+v: want 2 and a half of %d", c.Kind, r, days)
		}
	})
	t.Run("a quiet group borrows from the busy ones", func(t *testing.T) {
		w := world(t, "ingress tcp * 10.0.1.9/32")
		w.see("eni-a", "ingress tcp 443 10.0.1.9", 3, 20)
		if r := riskOf(t, w, Options{}).Risk; !r.Vague || r.High < 0.5 {
			t.Errorf("alone: got %+v: two connections tell nothing", r)
		}
		w.group("sg-b", "ingress tcp * 10.0.1.9/32")
		w.iface("eni-b", "10.0.1.6", "sg-b")
		for port := range 10 {
			w.see("eni-b", "ingress tcp "+itoa(8000+port*100)+" 10.0.1.9")
		}
		if r := riskOf(t, w, Options{}).Risk; r.Vague || r.High > 0.002 {
			t.Errorf("beside 400 connections of its kind without a newcomer: got %+v", r)
		}
	})
	t.Run("a shorter period bears less", func(t *testing.T) {
		w := world(t, "ingress tcp * 10.0.1.9/32")
		w.see("eni-a", "ingress tcp 443 10.0.1.9")
		if r := riskOf(t, w, Options{Period: 10}).Risk; r.PeriodDays != 10 || r.Connections != 10 {
			t.Errorf("got %+v: want 10 connections in 10 days", r)
		}
	})
}

func TestBacktest(t *testing.T) {
	w := newWorld(t, 40)
	w.group("sg-a", "ingress tcp * 10.0.1.9/32", "ingress udp 53 10.0.1.9/32")
	w.iface("eni-a", "10.0.1.5", "sg-a")
	w.see("eni-a", "ingress tcp 443 10.0.1.9")
	w.see("eni-a", "ingress tcp 8443 10.0.1.9", 35, 36)
	w.see("eni-a", "ingress udp 53 10.0.1.9", 37)
	b, err := NewBacktest(w.evidence(), 30, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if b.Learn.Days != 30 || b.Replay.Days != 10 || b.Predicted.PeriodDays != 10 {
		t.Errorf("learned %d days, replayed %d, predicted for %d", b.Learn.Days, b.Replay.Days, b.Predicted.PeriodDays)
	}
	if want := (Loss{Denied: 3, Connections: 13, Share: 0.2308}); b.Actual != want {
		t.Errorf("got %+v in total, want %+v", b.Actual, want)
	}
	got := map[Kind]int64{}
	for _, c := range b.Changes {
		got[c.Kind] = c.Actual.Denied
		if len(c.Denied) != 1 || c.Inside != (c.Predicted.Low <= c.Actual.Share && c.Actual.Share <= c.Predicted.High) {
			t.Errorf("%+v", c)
		}
	}
	if got[NarrowPorts] != 2 || got[Unused] != 1 || len(got) != 2 {
		t.Errorf("got %v denied", got)
	}
	for _, learn := range []int{-1, 40, 41} {
		if _, err := NewBacktest(w.evidence(), learn, Options{}); err == nil {
			t.Errorf("%d of 40 days to learn from: want an error", learn)
		}
	}
	if b, err := NewBacktest(w.evidence(), 0, Options{}); err != nil || b.Learn.Days != 26 {
		t.Errorf("got %v, %v: want two thirds", b, err)
	}
}

// A port that only an unlikely reading of a doubtful connection knows is kept, and is no sign that ports keep coming.
func TestUnlikelyPorts(t *testing.T) {
	for _, tt := range []struct {
		name, once, daily, want string
	}{
		{"a known port besides", "unlikely ingress tcp 41539 10.0.1.9", "ingress tcp 443 10.0.1.9", "proposed narrow-ports: ingress tcp * 10.0.1.9/32 -> tcp 443 10.0.1.9/32, tcp 41539 10.0.1.9/32\n"},
		{"next to a known port", "unlikely ingress tcp 32768 10.0.1.9", "ingress tcp 32767 10.0.1.9", "proposed narrow-ports: ingress tcp * 10.0.1.9/32 -> tcp 32767-32768 10.0.1.9/32\n"},
		{"likely readings are a sign", "ingress tcp 41539 10.0.1.9", "ingress tcp 443 10.0.1.9", "review narrow-ports: ingress tcp * 10.0.1.9/32 -> tcp 443 10.0.1.9/32, tcp 41539 10.0.1.9/32\n"},
		{"nothing else is known", "unlikely ingress tcp 41539 10.0.1.9", "unlikely ingress tcp 44004 10.0.1.9", "review narrow-ports: ingress tcp * 10.0.1.9/32 -> tcp 41539 10.0.1.9/32, tcp 44004 10.0.1.9/32\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, 48)
			w.group("sg-a", "ingress tcp * 10.0.1.9/32")
			w.iface("eni-a", "10.0.1.5", "sg-a")
			w.see("eni-a", tt.daily)
			w.seeAs(analyze.Established, analyze.Ambiguous, "eni-a", tt.once, 30)
			if got := said(w.review(Options{}), "sg-a"); got != tt.want {
				t.Errorf("got %swant %s", got, tt.want)
			}
		})
	}
}
