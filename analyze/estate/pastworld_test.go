package estate

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// pastWorld is a few interfaces whose states over time are known to the second, and what the sources make of them. No state ever
// comes back: of one that is the same before and after, the sources may take it that it stayed.
type pastWorld struct {
	r          *rand.Rand
	start, end int64
	lives      map[string][]pastState // by interface, in order of time
	stopped    gap                    // of the recorder of AWS Config
}

// pastState is a state from a time on; one without addresses is that the interface is gone.
type pastState struct {
	at    int64
	event string // what CloudTrail has of it, "" nothing
	addrs []netip.Prefix
	group string
}

func (s *pastState) there() bool { return len(s.addrs) > 0 }

const pastDays = 6

func newPastWorld(seed uint64) *pastWorld {
	w := &pastWorld{r: rand.New(rand.NewPCG(seed, 6)), start: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Unix(), lives: map[string][]pastState{}}
	w.end = w.start + pastDays*86400
	w.stopped = gap{w.start + 2*86400, w.start + 2*86400 + int64(1+w.r.IntN(40*3600))}
	for n := range 4 {
		w.live(n)
	}
	return w
}

// live makes the life of an interface: it is created, most often in the window, changes, and may go.
func (w *pastWorld) live(n int) {
	id := fmt.Sprintf("eni-%d", n)
	at := w.start - 86400
	if n > 0 {
		at = w.start + int64(w.r.IntN(4*86400))
	}
	addrs := []netip.Prefix{netip.MustParsePrefix(fmt.Sprintf("10.0.%d.1/32", n))}
	states := []pastState{{at, w.created(n, at, addrs[0]), addrs, "sg-0"}}
	for k := range 1 + w.r.IntN(6) {
		if w.r.IntN(3) > 0 { // else in the same second
			at += int64(1 + w.r.IntN(30*3600))
		}
		now := states[len(states)-1]
		now.at = at
		switch kind := w.r.IntN(3); {
		case at >= w.end:
			continue
		case kind == 0:
			now.group = fmt.Sprintf("sg-%d", k+1)
			now.event = eventJSON("ModifyNetworkInterfaceAttribute", stamp(at), fmt.Sprintf(`{"networkInterfaceId":%q,"groupSet":{"items":[{"groupId":%q}]}}`, id, now.group), `{}`)
		case kind == 1 && len(now.addrs) > 2: // the oldest: what is left was never so before
			now.event = eventJSON("UnassignPrivateIpAddresses", stamp(at), fmt.Sprintf(`{"networkInterfaceId":%q,"privateIpAddressesSet":{"items":[{"privateIpAddress":%q}]}}`, id, now.addrs[1].Addr()), `{"_return":true}`)
			now.addrs = slices.Delete(slices.Clone(now.addrs), 1, 2)
		default:
			more := netip.MustParsePrefix(fmt.Sprintf("10.0.%d.%d/32", n, k+2))
			now.event = eventJSON("AssignPrivateIpAddresses", stamp(at), fmt.Sprintf(`{"networkInterfaceId":%q,"secondaryPrivateIpAddressCount":1}`, id),
				fmt.Sprintf(`{"networkInterfaceId":%q,"assignedPrivateIpAddressesSet":{"items":[{"privateIpAddress":%q}]}}`, id, more.Addr()))
			now.addrs = append(slices.Clone(now.addrs), more)
		}
		states = append(states, now)
	}
	if at += int64(1 + w.r.IntN(3*86400)); at < w.end {
		states = append(states, w.gone(n, at))
	}
	w.lives[id] = states
}

func (w *pastWorld) created(n int, at int64, primary netip.Prefix) string {
	ni := fmt.Sprintf(`{"networkInterfaceId":"eni-%d","vpcId":"vpc-1","subnetId":"subnet-1","ownerId":"123456789012","privateIpAddress":%q,"groupSet":{"items":[{"groupId":"sg-0"}]},
	 "privateIpAddressesSet":{"item":[{"privateIpAddress":%q,"primary":true}]},"attachment":{"deleteOnTermination":true}}`, n, primary.Addr(), primary.Addr())
	switch {
	case at < w.start:
		return "" // before the trail
	case n%2 == 0:
		return eventJSON("RunInstances", stamp(at), `{}`, fmt.Sprintf(`{"instancesSet":{"items":[{"instanceId":"i-%d","networkInterfaceSet":{"items":[%s]}}]}}`, n, ni))
	}
	return eventJSON("CreateNetworkInterface", stamp(at), `{}`, fmt.Sprintf(`{"networkInterface":%s}`, ni))
}

// gone is the end of an interface: with its instance, which takes minutes to go down, or by itself.
func (w *pastWorld) gone(n int, at int64) pastState {
	if n%2 == 0 {
		request := fmt.Sprintf(`{"instancesSet":{"items":[{"instanceId":"i-%d"}]}}`, n)
		return pastState{at: at + int64(w.r.IntN(int(shutdown))), event: eventJSON("TerminateInstances", stamp(at), request, `{}`)}
	}
	return pastState{at: at, event: eventJSON("DeleteNetworkInterface", stamp(at), fmt.Sprintf(`{"networkInterfaceId":"eni-%d"}`, n), `{"_return":true}`)}
}

func stamp(t int64) string { return unix(t).Format(time.RFC3339) }

// state is how an interface was at a time; ok is false where it was not there, changing where it became so in that second.
func (w *pastWorld) state(id string, at int64) (s pastState, changing, ok bool) {
	for _, o := range w.lives[id] {
		if o.at <= at {
			s, ok, changing = o, o.there(), o.at == at
		}
	}
	return s, changing, ok
}

// describe is an interface in the words of describe-network-interfaces.
func (w *pastWorld) describe(id string, s pastState) string {
	var private []string
	for k, a := range s.addrs {
		private = append(private, fmt.Sprintf(`{"privateIpAddress":%q,"primary":%v}`, a.Addr(), k == 0))
	}
	return fmt.Sprintf(`{"networkInterfaceId":%q,"vpcId":"vpc-1","subnetId":"subnet-1","ownerId":"123456789012","availabilityZone":"us-east-1a","privateIpAddress":%q,
	 "privateIpAddresses":[%s],"groups":[{"groupId":%q}],"attachment":{"instanceId":"i-%s","attachTime":%q}}`, id, s.addrs[0].Addr(), strings.Join(private, ","), s.group, id[4:], stamp(w.lives[id][0].at))
}

func (w *pastWorld) described(at int64) string {
	var all []string
	for _, id := range sortedKeys(w.lives) {
		if s, _, ok := w.state(id, at); ok {
			all = append(all, w.describe(id, s))
		}
	}
	return `"NetworkInterfaces":[` + strings.Join(all, ",") + `],"SecurityGroups":[]`
}

// recording says whether the recorder is on.
func (w *pastWorld) recording(at int64) bool { return at <= w.stopped.from || at >= w.stopped.to }

// items is what AWS Config recorded: all that is there once it was switched on, minutes late every change, and after the gap
// what is other than when it was recorded last.
func (w *pastWorld) items() string {
	var all []string
	for _, id := range sortedKeys(w.lives) {
		times := []int64{}
		for _, s := range w.lives[id] {
			at := max(s.at, w.start-30*86400) + int64(w.r.IntN(540))
			if w.recording(s.at) && w.recording(at) {
				times = append(times, at)
			} else {
				times = append(times, w.stopped.to+int64(w.r.IntN(20*3600)))
			}
		}
		slices.Sort(times)
		recorded := pastState{}
		for _, at := range times {
			s, _, ok := w.state(id, at)
			status, configuration := "OK", "null"
			switch {
			case at >= w.end || !ok && !recorded.there() || ok && recorded.there() && recorded.at == s.at:
				continue
			case !ok:
				status = "ResourceDeleted"
			case !recorded.there():
				status = "ResourceDiscovered"
			}
			if recorded = s; ok {
				configuration = w.describe(id, s)
			}
			all = append(all, configItemJSON("NetworkInterface", id, stamp(at), status, configuration))
		}
	}
	all = append(all, configItemJSON("NetworkInterface", "eni-old", stamp(w.start-30*86400), "ResourceDiscovered", configENI("eni-old", "10.9.9.9", "sg-0")))
	return `{"configurationItems":[` + strings.Join(all, ",") + `]}`
}

// files are the sources that the world was recorded by, a choice of them.
func (w *pastWorld) files() map[string]string {
	files := map[string]string{"now.json": `{` + w.described(w.end) + `}`}
	trail := w.r.IntN(3) > 0
	var records []string
	if w.r.IntN(3) > 0 {
		files["config.json"] = w.items()
		if trail && w.r.IntN(2) == 0 {
			for _, e := range []string{eventJSON("StopConfigurationRecorder", stamp(w.stopped.from), `{}`, `null`), eventJSON("StartConfigurationRecorder", stamp(w.stopped.to), `{}`, `null`)} {
				records = append(records, strings.Replace(e, "ec2.", "config.", 1))
			}
		} else {
			files["recorder.json"] = fmt.Sprintf(`{"ConfigurationRecordersStatus":[{"name":"default","recording":true,"lastStartTime":%q,"lastStopTime":%q}]}`, stamp(w.stopped.to), stamp(w.stopped.from))
		}
	}
	if trail {
		for _, id := range sortedKeys(w.lives) {
			for _, s := range w.lives[id] {
				if s.event != "" {
					records = append(records, s.event)
				}
			}
		}
		files["trail.json"] = `{"Records":[` + strings.Join(records, ",") + `]}`
	}
	if w.r.IntN(2) == 0 {
		return files
	}
	files["now.json"] = snapshotOf(stamp(w.end), w.described(w.end)) // in a series every file has its time
	for k := range w.r.IntN(4) {
		at := w.start + int64(w.r.IntN(pastDays*86400))
		files[fmt.Sprintf("series%d.json", k)] = snapshotOf(stamp(at), w.described(at))
	}
	return files
}

// TestPastAgainstTruth: whatever sources recorded a world, and though a recorder stood still for a while, and several changes
// fell into one second: second by second around every change the estate is sure of nothing but the truth.
func TestPastAgainstTruth(t *testing.T) {
	sure, asked, together := 0, 0, 0
	for seed := range uint64(400) {
		w := newPastWorld(seed)
		files := w.files()
		e := load(t, files)
		if e.History.None() {
			continue
		}
		for _, id := range sortedKeys(w.lives) {
			for k, s := range w.lives[id] {
				if k > 0 && s.at == w.lives[id][k-1].at {
					together++
				}
			}
			for _, at := range w.instants(id) {
				if _, changing, _ := w.state(id, at); changing {
					continue // of that second there are several
				}
				if asked++; w.judge(t, e, id, at) {
					sure++
				}
			}
		}
		if t.Failed() {
			text, _ := json.MarshalIndent(files, "", " ")
			t.Fatalf("seed %d\n%s\n%s", seed, strings.Join(statesOf(e), "\n"), text)
		}
	}
	if sure < asked/4 || together < 1000 {
		t.Errorf("of %d moments %d are sure, %d changes fell into one second: the test is too tame", asked, sure, together)
	}
}

// instants are the seconds around every change, and some others.
func (w *pastWorld) instants(id string) (all []int64) {
	for _, s := range w.lives[id] {
		all = append(all, s.at-601, s.at-1, s.at+1, s.at+601)
	}
	for range 20 {
		all = append(all, w.start+int64(w.r.IntN(pastDays*86400)))
	}
	return slices.DeleteFunc(all, func(at int64) bool { return at < w.start || at > w.end })
}

// judge holds the states of a time to the truth: one that is sure is the true one, and where CloudTrail tells of every change the
// true one is among those that may be. It reports whether one is sure.
func (w *pastWorld) judge(t *testing.T, e *Estate, id string, at int64) (sure bool) {
	t.Helper()
	truth, _, there := w.state(id, at)
	var addrs []string
	for _, a := range truth.addrs {
		addrs = append(addrs, a.Addr().String())
	}
	slices.Sort(addrs)
	want := strings.Join(addrs, " ") + " " + truth.group
	trail := e.History.TrailEvents > 0
	var maybe []string
	known := false // from some time before on
	for _, i := range append(slices.Clone(e.Past), slices.Collect(maps.Values(e.Interfaces))...) {
		if i.ID != id {
			continue
		}
		l, got := i.When(), addrText(i)+" "+strings.Join(i.Groups, " ")
		if !trail {
			l.Since = i.Recorded // before that it is but taken to have been so, where nothing tells of changes
		}
		known = known || !l.Since.After(unix(at))
		if (l.After.IsZero() || !l.After.After(unix(at))) && (l.Before.IsZero() || !l.Before.Before(unix(at))) {
			maybe = append(maybe, got)
		}
		if !l.Since.IsZero() && l.Since.After(unix(at)) || !l.Until.IsZero() && l.Until.Before(unix(at)) {
			continue
		}
		if sure = true; !there || got != want {
			t.Errorf("at %s %s is surely %q; it was %q", stamp(at), id, got, want)
		}
	}
	if trail && there && known && !slices.Contains(maybe, want) {
		t.Errorf("at %s %s may be %q; it was %q", stamp(at), id, maybe, want)
	}
	return sure
}
