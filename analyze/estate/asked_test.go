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
