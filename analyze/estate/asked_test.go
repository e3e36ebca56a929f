package estate

import (
	"fmt"
	"testing"
)

// The latest snapshot of an account and region tells; of two of one time the better answer.
func TestAskedOfASeries(t *testing.T) {
	at := func(day int, asked string) string {
		return fmt.Sprintf(`{"schema_version":1,"captured_at":"2026-01-%02dT00:00:00Z","scopes":[{"partition":"aws","account":"123456789012",
			"region":"us-east-1",%s"SecurityGroups":[]}]}`, day, asked)
	}
	const answered, refused, silent = `"asked":{"config":"refused","cloudtrail":"answered"},`, `"asked":{"config":"not_asked","cloudtrail":"refused"},`, ""
	for name, c := range map[string]struct {
		files []string
		want  Asked
	}{
		"older answer":    {[]string{at(1, answered), at(2, refused)}, Asked{NotAsked, Refused}},
		"newer answer":    {[]string{at(1, refused), at(2, answered)}, Asked{Refused, Answered}},
		"one time":        {[]string{at(1, refused), at(1, answered)}, Asked{Refused, Answered}},
		"newer is silent": {[]string{at(1, answered), at(2, silent)}, Asked{Refused, Answered}},
		"nobody asked":    {[]string{at(1, silent)}, Asked{}},
	} {
		files := map[string]string{}
		for i, text := range c.files {
			files[fmt.Sprintf("%d.json", i)] = text
		}
		if got := load(t, files).AskedOf("123456789012", "us-east-1"); got != c.want {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}

// CloudTrail's silence tells the age of a rule only where it was asked until the rule was seen: a later snapshot that asked
// nobody may have a rule that is new.
func TestSilenceReachesAsFarAsWasAsked(t *testing.T) {
	at := func(day int, asked, permissions string) string {
		return fmt.Sprintf(`{"schema_version":1,"captured_at":"2026-03-%02dT00:00:00Z","scopes":[{"partition":"aws","account":"123456789012","region":"us-east-1",%s
			"SecurityGroups":[{"GroupId":"sg-1","OwnerId":"123456789012","IpPermissions":[%s],"IpPermissionsEgress":[]}]}]}`, day, asked, permissions)
	}
	rule := func(port int) string {
		return fmt.Sprintf(`{"IpProtocol":"tcp","FromPort":%d,"ToPort":%d,"IpRanges":[{"CidrIp":"10.0.0.0/8"}]}`, port, port)
	}
	const asked = `"trail_since":"2026-01-01T00:00:00Z","trail_until":"2026-03-05T00:00:00Z",`
	e := load(t, map[string]string{"1.json": at(5, asked, rule(1)), "2.json": at(20, "", rule(1)+","+rule(2))})
	got := map[string]string{}
	for key, life := range e.Groups["sg-1"].Lives {
		got[key.Service.String()] = life.Since.Format("2006-01-02")
	}
	if got["tcp 1"] != "2026-01-01" || got["tcp 2"] != "2026-03-20" {
		t.Errorf("rules are there since %v", got)
	}
}
