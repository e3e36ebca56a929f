package layout

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func utc(s string) time.Time {
	t, err := time.Parse("2006-01-02T15:04", s)
	if err != nil {
		panic(err)
	}
	return t
}

func TestParse(t *testing.T) {
	const name = "123456789012_vpcflowlogs_us-east-1_fl-1234abcd_20180620T1620Z_fe123456.log.gz"
	whole := Facts{"123456789012", "us-east-1", "fl-1234abcd", utc("2018-06-20T16:20")}
	for key, want := range map[string]Facts{
		"AWSLogs/123456789012/vpcflowlogs/us-east-1/2018/06/20/" + name:                                                          whole,
		"a/b/AWSLogs/123456789012/vpcflowlogs/us-east-1/2018/06/20/16/" + name:                                                   whole,
		"AWSLogs/aws-account-id=123456789012/aws-service=vpcflowlogs/aws-region=us-east-1/year=2018/month=06/day=20/" + name:     whole,
		"AWSLogs/aws-account-id=123456789012/service=vpcflowlogs/aws-region=us-east-1/year=2018/month=06/day=20/hour=16/" + name: whole,
		name: whole,
		"copied/" + strings.Replace(name, ".gz", ".parquet", 1):         whole,
		"AWSLogs/123456789012/vpcflowlogs/eu-west-1/2018/06/20/x.gz":    {"123456789012", "eu-west-1", "", utc("2018-06-20T00:00")},
		"AWSLogs/123456789012/vpcflowlogs/eu-west-1/2018/06/20/07/x.gz": {"123456789012", "eu-west-1", "", utc("2018-06-20T07:00")},
		"AWSLogs/123456789012/vpcflowlogs/eu-west-1/2018/06/x.gz":       {Account: "123456789012", Region: "eu-west-1"},
		"AWSLogs/123456789012/vpcflowlogs/eu-west-1/2018/02/31/x.gz":    {Account: "123456789012", Region: "eu-west-1"},
		"logs/flow.log": {},
		"":              {},
		"123456789012_vpcflowlogs_us-east-1_fl-1_20181320T1620Z_a.log.gz": {},
		"123456789012_vpcdnsquerylogs_vpc-1_20180620T1620Z_a.log.gz":      {},
	} {
		if d := cmp.Diff(want, Parse(key)); d != "" {
			t.Errorf("%s: -want +got\n%s", key, d)
		}
	}
}

func TestIsSibling(t *testing.T) {
	for key, want := range map[string]bool{
		"AWSLogs/123456789012/vpcflowlogs/":                                                 false,
		"AWSLogs/123456789012/vpcflowlogs/us-east-1/2018/06/20/x":                           false,
		"AWSLogs/aws-account-id=123456789012/aws-service=vpcflowlogs/aws-region=us-east-1/": false,
		"AWSLogs/123456789012/":                                                             false,
		"AWSLogs/":                                                                          false,
		"AWSLogs/123456789012/CloudTrail/":                                                  true,
		"p/AWSLogs/123456789012/CloudTrail-Digest/us-east-1/":                               true,
		"AWSLogs/123456789012/elasticloadbalancing/x.log.gz":                                true,
		"AWSLogs/123456789012/Config/us-east-1/2018/6/20/x.json":                            true,
		"AWSLogs/123456789012/vpcdnsquerylogs/vpc-1/":                                       true,
		"AWSLogs/123456789012/network-firewall/flow/":                                       true,
		"AWSLogs/o-abc123/123456789012/CloudTrail/":                                         true,
		"AWSLogs/aws-account-id=123456789012/aws-service=vpcdnsquerylogs/":                  true,
		"AWSLogs/123456789012/vpcflowlogs/not-a-date/":                                      true,
		"copied/123456789012_CloudTrail_us-east-1_20180620T1620Z_abc.json.gz":               true,
		"copied/123456789012_elasticloadbalancing_us-east-1_app.lb_20180620_x.gz":           true,
		"copied/123456789012_vpcflowlogs_us-east-1_fl-1_20180620T1620Z_abc.log.gz":          false,
		"logs/flow.log":     false,
		"some/other/folder": false,
		"":                  false,
	} {
		if got := IsSibling(key); got != want {
			t.Errorf("%s: got %v", key, got)
		}
	}
}

func TestLocate(t *testing.T) {
	const plain, hive = "x/AWSLogs/123456789012/vpcflowlogs/us-east-1/", "AWSLogs/aws-account-id=123456789012/aws-service=vpcflowlogs/aws-region=us-east-1/"
	for prefix, want := range map[string]struct {
		level Level
		base  string
		hive  bool
	}{
		"": {}, "x/y/": {}, "x/AWSLogs/": {level: AWSLogs}, "AWSLogs/123456789012/": {level: Account},
		"AWSLogs/123456789012/vpcflowlogs/": {level: Service},
		plain:                               {Region, plain, false}, plain + "2024/": {Year, plain, false}, plain + "2024/02/": {Month, plain, false},
		plain + "2024/02/29/": {Day, plain, false}, plain + "2024/02/29/23/": {Hour, plain, false}, plain + "2024/02/29/23/x/": {Hour, plain, false},
		hive: {Region, hive, true}, hive + "year=2024/month=02/day=29/": {Day, hive, true},
		"AWSLogs/aws-account-id=123456789012/": {level: Account, hive: true},
		plain + "24/":                          {Elsewhere, plain, false}, plain + "2024/13/": {Elsewhere, plain, false},
	} {
		p := Locate(prefix)
		if p.Level != want.level || p.Base != want.base || p.Hive != want.hive {
			t.Errorf("%s: got %+v", prefix, p)
		}
	}
}

func TestSpan(t *testing.T) {
	p := Locate("AWSLogs/123456789012/vpcflowlogs/us-east-1/")
	h := Locate("AWSLogs/aws-account-id=123456789012/aws-service=vpcflowlogs/aws-region=us-east-1/")
	for _, c := range []struct {
		place        Place
		since, until time.Time
		first, end   string
	}{
		{p, utc("2024-03-02T12:00"), utc("2024-03-05T12:00"), "2024/03/02/", "2024/03/06/"},
		{p, utc("2024-03-02T00:30"), utc("2024-03-05T23:30"), "2024/03/01/", "2024/03/07/"}, // the padding reaches the next days
		{p, utc("2024-03-02T00:00"), utc("2024-03-05T00:00"), "2024/03/01/", "2024/03/06/"},
		{p, utc("2024-03-02T01:00"), utc("2024-03-05T23:00"), "2024/03/02/", "2024/03/06/"}, // just not
		{p, time.Time{}, utc("2023-12-31T23:30"), "", "2024/01/02/"},
		{h, utc("2024-03-02T12:00"), time.Time{}, "year=2024/month=03/day=02/", ""},
	} {
		first, end := c.place.Span(c.since, c.until)
		if got, want := [2]string{first, end}, [2]string{in(c.place, c.first), in(c.place, c.end)}; got != want {
			t.Errorf("%s to %s: got %v, want %v", c.since, c.until, got, want)
		}
	}
}

func in(p Place, s string) string {
	if s == "" {
		return ""
	}
	return p.Base + s
}

// The span of keys and the judgement of slots must prune to the same days.
func TestSpanAgreesWithInWindow(t *testing.T) {
	p := Locate("AWSLogs/123456789012/vpcflowlogs/us-east-1/")
	start := utc("2024-02-27T00:00")
	for from := 0; from < 60; from += 7 {
		for length := 1; length < 60; length += 11 {
			since := start.Add(time.Duration(from) * time.Hour)
			until := since.Add(time.Duration(length) * time.Hour)
			first, end := p.Span(since, until)
			for h := -60; h < 180; h++ {
				slot := start.Add(time.Duration(h)*time.Hour + 5*time.Minute)
				key := p.Base + slot.Format("2006/01/02/") + "x"
				if listed, want := key > first && key < end, InWindow(slot, since, until); listed != want {
					t.Fatalf("[%s, %s), slot %s: listed %v, in the window %v", since, until, slot, listed, want)
				}
				if inside := !slot.Before(since.Add(-Pad)) && slot.Before(until.Add(Pad)); inside && !InWindow(slot, since, until) {
					t.Fatalf("[%s, %s): slot %s is pruned", since, until, slot)
				}
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("AWSLogs/123456789012/vpcflowlogs/us-east-1/2018/06/20/123456789012_vpcflowlogs_us-east-1_fl-1_20180620T1620Z_a.log.gz")
	f.Add("AWSLogs/aws-account-id=1/service=/aws-region=/year=/x")
	f.Fuzz(func(t *testing.T, key string) {
		facts := Parse(key)
		if facts.FlowLog != "" && (facts.Slot.IsZero() || facts.Account == "" || facts.Region == "") {
			t.Errorf("a flow log without the rest: %+v", facts)
		}
		if !facts.Slot.IsZero() && !InWindow(facts.Slot, facts.Slot, facts.Slot.Add(1)) {
			t.Error("a slot is not in its own window")
		}
		if IsSibling(key) && facts.FlowLog != "" && Locate(key[:strings.LastIndexByte(key, '/')+1]).Level != Elsewhere {
			t.Error("a flow log's file name is a sibling's")
		}
	})
}
