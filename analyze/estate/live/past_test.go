package live_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/estate/ec2fake"
	"github.com/sgtrim/sgtrim/analyze/estate/live"
)

// item is a configuration item as AWS Config gives it; of a deleted resource configuration is "".
func item(kind, id string, at time.Time, status, configuration string) json.RawMessage {
	raw, err := json.Marshal(map[string]any{"accountId": "111122223333", "awsRegion": "eu-west-1", "resourceType": "AWS::EC2::" + kind, "resourceId": id,
		"configurationItemCaptureTime": at.Format(time.RFC3339), "configurationItemStatus": status, "configuration": configuration})
	if err != nil {
		panic(err)
	}
	return raw
}

func address(id, addr string) string {
	return fmt.Sprintf(`{"networkInterfaceId":%q,"ownerId":"111122223333","vpcId":"vpc-0a","subnetId":"subnet-0a1","privateIpAddress":%q,"groups":[{"groupId":"sg-0web"}]}`, id, addr)
}

func record(name string, at time.Time, request string) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"eventSource":"ec2.amazonaws.com","eventName":%q,"eventTime":%q,"awsRegion":"eu-west-1","recipientAccountId":"111122223333","requestParameters":%s}`,
		name, at.Format(time.RFC3339), request))
}

// past starts a fake on testdata/shop.json with a past.
func past(t *testing.T, b ec2fake.Behaviour, items, records []json.RawMessage) *ec2fake.Server {
	t.Helper()
	serve(t, b) // for the environment
	s, err := estate.ReadSnapshot("../testdata/shop.json")
	if err != nil {
		t.Fatal(err)
	}
	if items != nil {
		s.Scopes[0].Objects[estate.ConfigurationItems] = items
	}
	s.Scopes[0].Objects[estate.TrailRecords] = records
	f, err := ec2fake.New(s, b)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

func ask(t *testing.T, f *ec2fake.Server, p live.Past) estate.SnapshotScope {
	t.Helper()
	s, problems := askAll(t, f, p)
	if len(problems) > 0 {
		t.Errorf("problems: %v", problems)
	}
	return s
}

func askAll(t *testing.T, f *ec2fake.Server, p live.Past) (estate.SnapshotScope, []estate.Problem) {
	t.Helper()
	s, err := live.Snapshot(context.Background(), live.Options{Regions: []string{"eu-west-1"}, EndpointURL: f.URL, MaxBackoff: time.Millisecond, Past: p})
	if err != nil {
		t.Fatal(err)
	}
	return s.Scopes[0], s.Problems
}

// itemsOf are the times of the items that were told, by resource.
func itemsOf(t *testing.T, s estate.SnapshotScope) map[string][]string {
	t.Helper()
	got := map[string][]string{}
	for _, raw := range s.Objects[estate.ConfigurationItems] {
		var i struct{ ResourceID, ConfigurationItemCaptureTime string }
		if err := json.Unmarshal(raw, &i); err != nil {
			t.Fatal(err)
		}
		got[i.ResourceID] = append(got[i.ResourceID], i.ConfigurationItemCaptureTime)
	}
	return got
}

func days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

// Whatever the pages, the throttling and the empty pages: the items told are, of each resource, those younger than the window's
// begin and the one in force at it, and nothing else. The oracle walks over all items.
func TestConfigTellsTheWindow(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Second)
	for seed := range uint64(3) {
		r := rand.New(rand.NewPCG(seed, 1))
		since := now.Add(-days(30))
		var items []json.RawMessage
		want := map[string][]string{}
		for n := range 60 {
			kind, id, from := "NetworkInterface", fmt.Sprintf("eni-%03d", n), since
			if n%5 == 0 {
				kind, id, from = "SecurityGroup", fmt.Sprintf("sg-%03d", n), now.Add(-days(90))
			}
			at, deleted := now.Add(-time.Duration(r.IntN(120*24))*time.Hour), time.Time{}
			times := []time.Time{at}
			items = append(items, item(kind, id, at, "ResourceDiscovered", address(id, "10.0.0.9")))
			for range r.IntN(150) {
				if at = at.Add(time.Duration(1+r.IntN(40)) * time.Hour); at.After(now) {
					break
				}
				times = append(times, at)
				if r.IntN(20) == 0 {
					items, deleted = append(items, item(kind, id, at, "ResourceDeleted", "")), at
					break
				}
				items = append(items, item(kind, id, at, "OK", address(id, "10.0.0.9")))
			}
			if !deleted.IsZero() && (kind == "SecurityGroup" || !deleted.After(since.Add(-25*time.Hour))) {
				continue // gone before, or a group that is gone
			}
			first := 0
			for k, u := range times {
				if !u.After(from) {
					first = k
				}
			}
			for _, u := range slices.Backward(times[first:]) {
				want[id] = append(want[id], u.Format(time.RFC3339))
			}
		}
		f := past(t, ec2fake.Behaviour{PageSize: 1 + r.IntN(40), ThrottleEvery: 7, EmptyPages: r.IntN(10)}, items, nil)
		got := ask(t, f, live.Past{Config: true, Since: since})
		if diff := cmp.Diff(want, itemsOf(t, got)); diff != "" {
			t.Fatalf("seed %d: -want +got\n%s", seed, diff)
		}
		if got.Asked != (estate.Asked{Config: estate.Answered, Trail: estate.NotAsked}) {
			t.Errorf("asked: %+v", got.Asked)
		}
	}
}

// An interface that is gone before the snapshot is a past interface of the estate, with the times of its items.
func TestConfigBringsBackTheGone(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Second)
	born, died := now.Add(-days(20)), now.Add(-days(5))
	f := past(t, ec2fake.Behaviour{}, []json.RawMessage{
		item("NetworkInterface", "eni-old", born, "ResourceDiscovered", address("eni-old", "10.0.0.77")), item("NetworkInterface", "eni-old", died, "ResourceDeleted", ""),
	}, nil)
	s, err := live.Snapshot(t.Context(), live.Options{Regions: []string{"eu-west-1"}, EndpointURL: f.URL, MaxBackoff: time.Millisecond, Past: live.Past{Config: true}})
	if err != nil {
		t.Fatal(err)
	}
	e, err := s.Estate()
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Past) != 1 || e.Past[0].ID != "eni-old" || !e.Past[0].Life.Since.Equal(born) || !e.Past[0].Life.Before.Equal(died) {
		t.Errorf("past interfaces: %+v", e.Past)
	}
}

// What cannot be asked is told with the permission that it wants, and the rest of the snapshot is there.
func TestPastIsRefused(t *testing.T) {
	now := time.Now().UTC()
	items := []json.RawMessage{item("SecurityGroup", "sg-0web", now.Add(-days(9)), "ResourceDiscovered", `{"groupId":"sg-0web"}`),
		item("NetworkInterface", "eni-0", now.Add(-days(9)), "ResourceDiscovered", address("eni-0", "10.0.0.9"))}
	all := live.Past{Config: true, Trail: true}
	answered := estate.Asked{Config: estate.Answered, Trail: estate.Answered}
	for name, c := range map[string]struct {
		b     ec2fake.Behaviour
		items []json.RawMessage
		want  estate.Asked
		says  []string
	}{
		"all well":        {items: items, want: answered},
		"list denied":     {ec2fake.Behaviour{Denied: []string{"ListDiscoveredResources"}}, items, estate.Asked{Config: estate.Refused, Trail: estate.Answered}, []string{"config:ListDiscoveredResources", "interfaces that are gone"}},
		"history denied":  {ec2fake.Behaviour{Denied: []string{"GetResourceConfigHistory"}}, items, estate.Asked{Config: estate.Refused, Trail: estate.Answered}, []string{"config:GetResourceConfigHistory"}},
		"status denied":   {ec2fake.Behaviour{Denied: []string{"DescribeConfigurationRecorderStatus"}}, items, answered, []string{"config:DescribeConfigurationRecorderStatus"}},
		"no recorder":     {want: estate.Asked{Config: estate.Refused, Trail: estate.Answered}, says: []string{"AWS Config: not switched on here"}},
		"trail denied":    {ec2fake.Behaviour{Denied: []string{"LookupEvents"}}, items, estate.Asked{Config: estate.Answered, Trail: estate.Refused}, []string{"cloudtrail:LookupEvents", "how old the rules are"}},
		"not implemented": {ec2fake.Behaviour{NotImplemented: []string{"LookupEvents", "DescribeConfigurationRecorderStatus", "ListDiscoveredResources"}}, items, estate.Asked{Config: estate.Refused, Trail: estate.Refused}, []string{"HTTP 500"}},
		"quotas denied":   {ec2fake.Behaviour{Denied: []string{"GetServiceQuota"}}, items, answered, []string{"servicequotas:GetServiceQuota", "60 rules a group, 5 groups an interface"}},
		"throttled":       {ec2fake.Behaviour{ThrottleEvery: 1}, items, estate.Asked{}, nil},
	} {
		f := past(t, c.b, c.items, nil)
		if name == "throttled" { // for ever: the groups cannot be read either, and without them there is nothing
			if _, err := live.Snapshot(t.Context(), live.Options{Regions: []string{"eu-west-1"}, EndpointURL: f.URL, MaxBackoff: time.Millisecond, Past: all}); err == nil {
				t.Errorf("%s: no error", name)
			}
			continue
		}
		s, problems := askAll(t, f, all)
		if s.Asked != c.want {
			t.Errorf("%s: asked %+v, want %+v", name, s.Asked, c.want)
		}
		text := ""
		for _, p := range problems {
			text += p.Source + ": " + p.Object + ": " + p.Cause + "\n"
		}
		for _, want := range c.says {
			if !strings.Contains(text, want) {
				t.Errorf("%s: the problems do not say %q:\n%s", name, want, text)
			}
		}
		if len(c.says) == 0 && text != "" {
			t.Errorf("%s: problems:\n%s", name, text)
		}
	}
}

// A recorder that was stopped tells nothing of what changed since.
func TestStoppedRecorderIsSaid(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Second)
	f := past(t, ec2fake.Behaviour{}, []json.RawMessage{}, nil)
	s, err := f.Dump()
	if err != nil {
		t.Fatal(err)
	}
	s.Scopes[0].Objects[estate.ConfigurationItems] = []json.RawMessage{}
	s.Scopes[0].Objects[estate.ConfigurationRecorders] = []json.RawMessage{json.RawMessage(`{"name":"default","recording":false,"lastStopTime":"` + now.Add(-days(3)).Format(time.RFC3339) + `"}`)}
	if f, err = ec2fake.New(s, ec2fake.Behaviour{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	_, problems := askAll(t, f, live.Past{Config: true})
	if text := fmt.Sprint(problems); !strings.Contains(text, "not recording since "+now.Add(-days(3)).Format(time.RFC3339)) || !strings.Contains(text, "no network interfaces are recorded") {
		t.Errorf("problems: %s", text)
	}
}

// Every event that the estate understands is asked for, those of interfaces since the window began and the others for 90 days;
// none twice, whatever the pages.
func TestTrailTellsTheChanges(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Second)
	var records []json.RawMessage
	want := map[string]int{}
	for k, name := range append(estate.TrailEventNames(), "StopInstances") {
		for day := range 120 {
			if name != "StopInstances" && (day < 20 || day < 90 && !estate.OfInterfaces(name)) {
				want[name]++
			}
			records = append(records, record(name, now.Add(-days(day)-time.Duration(k+1)*time.Minute), `{"networkInterfaceId":"eni-1"}`))
		}
	}
	f := past(t, ec2fake.Behaviour{PageSize: 17, ThrottleEvery: 5}, nil, records)
	scope := ask(t, f, live.Past{Trail: true, Since: now.Add(-days(20))})
	got, seen := map[string]int{}, map[string]bool{}
	for _, raw := range scope.Objects[estate.TrailEvents] {
		var e struct{ EventName, EventId, CloudTrailEvent string }
		if err := json.Unmarshal(raw, &e); err != nil || seen[e.EventId] || !strings.Contains(e.CloudTrailEvent, e.EventName) {
			t.Fatalf("%s: %v", raw, err)
		}
		seen[e.EventId] = true
		got[e.EventName]++
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if scope.TrailUntil.Sub(scope.TrailSince) != days(90) || scope.TrailUntil.Before(now) {
		t.Errorf("asked from %s to %s", scope.TrailSince, scope.TrailUntil)
	}
}

// A bounded question leaves out what is most and tells least, and says so; one that is not is about all.
func TestBoundedQuestions(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Second)
	var items, records []json.RawMessage
	for n := range 2100 {
		id := fmt.Sprintf("eni-%04d", n)
		items = append(items, item("NetworkInterface", id, now.Add(-days(40)), "ResourceDiscovered", address(id, "10.0.0.9")))
		if n >= 50 {
			items = append(items, item("NetworkInterface", id, now.Add(-time.Duration(n)*time.Minute), "ResourceDeleted", ""))
		}
	}
	items = append(items, item("SecurityGroup", "sg-0web", now.Add(-days(9)), "ResourceDiscovered", `{"groupId":"sg-0web"}`))
	for n := range 300 {
		records = append(records, record("RunInstances", now.Add(-time.Duration(n)*time.Minute), `{}`), record("RevokeSecurityGroupIngress", now.Add(-time.Duration(n)*time.Minute), `{}`))
	}
	f := past(t, ec2fake.Behaviour{PageSize: 2, Now: now}, items, records)
	s, problems := askAll(t, f, live.Past{Trail: true, Bounded: true})
	if n := len(s.Objects[estate.TrailEvents]); n != 240+300 || !strings.Contains(fmt.Sprint(problems), "RunInstances") {
		t.Errorf("%d events, problems %v", n, problems)
	}
	f.SetBehaviour(ec2fake.Behaviour{})
	s, problems = askAll(t, f, live.Past{Config: true, Bounded: true})
	asked := itemsOf(t, s)
	if len(asked) != 2000 || !strings.Contains(fmt.Sprint(problems), "--history config asks for all") {
		t.Errorf("%d resources, problems %v", len(asked), problems)
	}
	if asked["sg-0web"] == nil || asked["eni-0050"] == nil || asked["eni-0001"] != nil || asked["eni-2099"] != nil {
		t.Errorf("of the groups, the latest gone, those that are there and the earliest gone not the right ones were asked for: %d", len(slices.Collect(maps.Keys(asked))))
	}
	if s = ask(t, f, live.Past{Config: true}); len(itemsOf(t, s)) != 2101 {
		t.Errorf("%d resources without a bound", len(itemsOf(t, s)))
	}
}

// History alone asks nothing of EC2.
func TestHistoryAlone(t *testing.T) {
	now := time.Now().UTC()
	f := past(t, ec2fake.Behaviour{}, []json.RawMessage{item("SecurityGroup", "sg-0web", now.Add(-days(9)), "ResourceDiscovered", `{"groupId":"sg-0web"}`)}, nil)
	progress := new(live.Progress)
	s, err := live.History(t.Context(), live.Options{Regions: []string{"eu-west-1"}, EndpointURL: f.URL, MaxBackoff: time.Millisecond, Past: live.Past{Config: true, Trail: true, Progress: progress}})
	if err != nil {
		t.Fatal(err)
	}
	if !s.Captured.IsZero() || len(s.Scopes) != 1 || s.Scopes[0].Account != "111122223333" || len(s.Scopes[0].Objects[estate.ConfigurationItems]) != 1 {
		t.Errorf("got %+v", s)
	}
	if kinds := int64(len(estate.TrailEventNames())); progress.Resources.Load() != 1 || progress.ResourcesDone.Load() != 1 || progress.Kinds.Load() != kinds || progress.KindsDone.Load() != kinds {
		t.Errorf("progress: %d/%d resources, %d/%d kinds of events", progress.ResourcesDone.Load(), progress.Resources.Load(), progress.KindsDone.Load(), progress.Kinds.Load())
	}
	for _, call := range f.Calls() {
		if strings.HasPrefix(call, "Describe") && call != "DescribeConfigurationRecorderStatus" {
			t.Errorf("it called %s", call)
		}
	}
}

// A cancelled capture stops at once, and is an error, not a refusal.
func TestPastIsCancelled(t *testing.T) {
	now := time.Now().UTC()
	for _, action := range []string{"ListDiscoveredResources", "GetResourceConfigHistory", "LookupEvents", "GetServiceQuota"} {
		ctx, cancel := context.WithCancel(t.Context())
		f := past(t, ec2fake.Behaviour{After: func(_ int, called string) bool {
			if called == action {
				cancel()
			}
			return true
		}}, []json.RawMessage{item("SecurityGroup", "sg-0web", now.Add(-days(9)), "ResourceDiscovered", `{"groupId":"sg-0web"}`)}, nil)
		_, err := live.Snapshot(ctx, live.Options{Regions: []string{"eu-west-1"}, EndpointURL: f.URL, MaxBackoff: time.Millisecond, Past: live.Past{Config: true, Trail: true}})
		if err == nil {
			t.Errorf("%s: no error after cancel", action)
		}
	}
}
