package live_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/estate/ec2fake"
	"github.com/sgtrim/sgtrim/analyze/estate/live"
)

// serve starts a fake on testdata/shop.json with credentials in the environment.
func serve(t *testing.T, b ec2fake.Behaviour) (*ec2fake.Server, *estate.Estate) {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_PROFILE", "")
	s, err := estate.ReadSnapshot("../testdata/shop.json")
	if err != nil {
		t.Fatal(err)
	}
	want, err := s.Estate()
	if err != nil {
		t.Fatal(err)
	}
	f, err := ec2fake.New(s, b)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f, want
}

func take(t *testing.T, f *ec2fake.Server) (*estate.Snapshot, *estate.Estate) {
	t.Helper()
	s, err := live.Snapshot(context.Background(), live.Options{Regions: []string{"eu-west-1"}, EndpointURL: f.URL, MaxBackoff: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	e, err := s.Estate()
	if err != nil {
		t.Fatal(err)
	}
	return s, e
}

// equal compares estates apart from the time, problems, and Raw, which an API answer spells in its own way.
func equal(t *testing.T, got, want *estate.Estate) {
	t.Helper()
	plain := func(e *estate.Estate) estate.Estate {
		c := *e
		c.Problems, c.Captured, c.Asked = nil, time.Time{}, nil
		c.Groups = map[string]*estate.Group{}
		for id, g := range e.Groups {
			copied := *g
			copied.Raw = nil
			c.Groups[id] = &copied
		}
		return c
	}
	g, w := reflect.ValueOf(plain(got)), reflect.ValueOf(plain(want))
	for i := range g.NumField() {
		if !reflect.DeepEqual(g.Field(i).Interface(), w.Field(i).Interface()) {
			t.Errorf("%s:\n got %+v\nwant %+v", g.Type().Field(i).Name, g.Field(i), w.Field(i))
		}
	}
}

func TestSnapshotEqualsTheServersEstate(t *testing.T) {
	f, want := serve(t, ec2fake.Behaviour{})
	s, got := take(t, f)
	equal(t, got, want)
	if len(got.Problems) != 0 || got.Captured.IsZero() {
		t.Errorf("problems %v, captured %v", got.Problems, got.Captured)
	}
	if asked := got.AskedOf("111122223333", "eu-west-1"); !asked.Trail.CouldHaveTold() || !asked.Config.CouldHaveTold() {
		t.Errorf("the live API was at hand and its history was not asked for: got %+v", asked)
	}
	if asked := want.AskedOf("111122223333", "eu-west-1"); asked.Trail.CouldHaveTold() {
		t.Errorf("saved files cannot be asked: got %+v", asked)
	}
	// Through a file it is the same again: one loader for both.
	var b bytes.Buffer
	if err := estate.WriteSnapshot(&b, s); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "estate.json")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	again, err := estate.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(again, got) {
		t.Errorf("the written snapshot reads back as another estate")
	}
	// What the server dumps is what the client saw.
	dump, err := f.Dump()
	if err != nil {
		t.Fatal(err)
	}
	dumped, err := dump.Estate()
	if err != nil {
		t.Fatal(err)
	}
	equal(t, dumped, want)
}

func TestSnapshotTakesAllPages(t *testing.T) {
	f, want := serve(t, ec2fake.Behaviour{PageSize: 2})
	_, got := take(t, f)
	equal(t, got, want)
	n := 0
	for _, call := range f.Calls() {
		if call == "DescribeNetworkInterfaces" {
			n++
		}
	}
	if n != 5 {
		t.Errorf("10 interfaces in pages of 2: got %d calls want 5", n)
	}
}

func TestSnapshotWaitsOutThrottling(t *testing.T) {
	f, want := serve(t, ec2fake.Behaviour{ThrottleEvery: 2, PageSize: 3})
	_, got := take(t, f)
	equal(t, got, want)
	if len(got.Problems) != 0 {
		t.Errorf("problems: %v", got.Problems)
	}
}

func TestSnapshotWithoutOptionalCalls(t *testing.T) {
	optional := []string{"GetCallerIdentity", "DescribeSecurityGroupRules", "DescribeManagedPrefixLists", "DescribeVpcs", "DescribeSubnets",
		"DescribeRouteTables", "DescribeFlowLogs", "DescribeVpcPeeringConnections", "DescribeVpcEndpoints", "DescribeTransitGateways",
		"DescribeTransitGatewayVpcAttachments", "DescribeSecurityGroupVpcAssociations"}
	for _, c := range []struct {
		name      string
		behaviour ec2fake.Behaviour
		says      string
	}{
		{"denied", ec2fake.Behaviour{Denied: optional}, "needs the permission ec2:"},
		{"not implemented", ec2fake.Behaviour{NotImplemented: optional}, "may not implement"},
	} {
		f, want := serve(t, c.behaviour)
		s, got := take(t, f)
		if len(got.Groups) != len(want.Groups) || len(got.Interfaces) != len(want.Interfaces) || s.Scopes[0].Account != "111122223333" {
			t.Errorf("%s: %d groups, %d interfaces, account %q", c.name, len(got.Groups), len(got.Interfaces), s.Scopes[0].Account)
		}
		if got.AssociationsKnown || got.Groups["sg-0web"].HasRuleIDs {
			t.Errorf("%s: what was not told is taken for known", c.name)
		}
		for _, action := range optional {
			i := slices.IndexFunc(s.Problems, func(p estate.Problem) bool { return p.Object == action })
			if i < 0 {
				t.Errorf("%s: no problem names %s", c.name, action)
			} else if cause := s.Problems[i].Cause; action != "GetCallerIdentity" && !strings.Contains(cause, c.says) {
				t.Errorf("%s: %s: got %q want %q", c.name, action, cause, c.says)
			}
		}
	}
	f, _ := serve(t, ec2fake.Behaviour{Denied: []string{"GetManagedPrefixListEntries"}})
	_, got := take(t, f)
	if got.PrefixLists["pl-0office"].EntriesKnown {
		t.Errorf("entries that were denied are taken for known")
	}
	if len(got.Problems) < 3 || !strings.Contains(got.Problems[0].Cause, "ec2:GetManagedPrefixListEntries") {
		t.Errorf("problems: %v", got.Problems)
	}
}

func TestSnapshotNeedsGroupsAndInterfaces(t *testing.T) {
	for _, action := range []string{"DescribeSecurityGroups", "DescribeNetworkInterfaces"} {
		for _, b := range []ec2fake.Behaviour{{Denied: []string{action}}, {NotImplemented: []string{action}}} {
			f, _ := serve(t, b)
			_, err := live.Snapshot(context.Background(), live.Options{Regions: []string{"eu-west-1"}, EndpointURL: f.URL, MaxBackoff: time.Millisecond})
			if err == nil || !strings.Contains(err.Error(), action) {
				t.Errorf("%s: got error %v", action, err)
			}
			f.Close()
		}
	}
	_, err := live.Snapshot(context.Background(), live.Options{})
	if err == nil || !strings.Contains(err.Error(), "no region") {
		t.Errorf("no region: got error %v", err)
	}
}

func TestSnapshotStopsWhenCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	f, _ := serve(t, ec2fake.Behaviour{After: func(n int, _ string) bool {
		if n == 4 {
			cancel()
		}
		return true
	}})
	if _, err := live.Snapshot(ctx, live.Options{Regions: []string{"eu-west-1"}, EndpointURL: f.URL}); err == nil {
		t.Errorf("no error after cancel")
	}
	if n := len(f.Calls()); n > 5 {
		t.Errorf("%d calls after cancel at the 4th", n)
	}
}
