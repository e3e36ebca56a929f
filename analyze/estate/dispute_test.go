package estate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// conflictLines are the conflicts of an estate, shortly.
func conflictLines(e *Estate) (out []string) {
	for _, c := range e.Conflicts {
		out = append(out, fmt.Sprintf("%s %s-%s: %s %s %q, %s %s %q", c.Object, c.From.Format("02T15:04"), c.Until.Format("02T15:04"),
			c.Claims[0].Source, c.Claims[0].At.Format("02T15:04"), c.Claims[0].Says, c.Claims[1].Source, c.Claims[1].At.Format("02T15:04"), c.Claims[1].Says))
	}
	return out
}

// TestConflicts: what two sources say that cannot both be right is reported, and makes the time between unsure.
func TestConflicts(t *testing.T) {
	eni := func(day, addr, group string) string {
		return snapshotOf("2026-01-"+day+"T00:00:00Z", `"NetworkInterfaces":[`+eniJSON("eni-1", addr, group)+`],"SecurityGroups":[]`)
	}
	group := func(day, cidrs string) string {
		return snapshotOf("2026-01-"+day+"T00:00:00Z", `"NetworkInterfaces":[],"SecurityGroups":[`+groupJSON("sg-1", cidrs)+`]`)
	}
	item := func(day, status, configuration string) string {
		return configItemJSON("NetworkInterface", "eni-1", "2026-01-"+day+"T00:00:00Z", status, configuration)
	}
	groupItem := func(day, cidr string) string {
		return configItemJSON("SecurityGroup", "sg-1", "2026-01-"+day+"T00:00:00Z", "OK", configGroup("sg-1", cidr))
	}
	config := func(items ...string) string { return `{"configurationItems":[` + strings.Join(items, ",") + `]}` }
	trail := func(events ...string) string { return `{"Records":[` + strings.Join(events, ",") + `]}` }
	regroup := func(day, group string) string {
		return eventJSON("ModifyNetworkInterfaceAttribute", "2026-01-"+day+"T00:00:00Z", `{"networkInterfaceId":"eni-1","groupSet":{"items":[{"groupId":"`+group+`"}]}}`, `{}`)
	}
	ingress := func(name, day, cidr string) string {
		return eventJSON(name, "2026-01-"+day+"T00:00:00Z", `{"groupId":"sg-1","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":443,"toPort":443,"ipRanges":{"items":[{"cidrIp":"`+cidr+`"}]}}]}}`, `{"_return":true}`)
	}
	const rule = "sg-1 ingress tcp 443 10.2.0.0/16"
	for name, c := range map[string]struct {
		files                    []string
		interfaces, rules, wants []string
	}{
		"gone by AWS Config, there in a later snapshot": {
			files:      []string{eni("01", "10.0.0.7", "sg-app"), eni("05", "10.0.0.7", "sg-app"), config(item("03", "ResourceDeleted", "null"))},
			interfaces: []string{"eni-1 10.0.0.7 sg-app - (- 01T00:00) 05T00:00", "eni-1 10.0.0.7 sg-app 01T00:00 (05T00:00 -) - now"},
			wants:      []string{`eni-1 01T00:00-05T00:00: AWS Config 03T00:00 "it is not there", snapshot 05T00:00 "addresses 10.0.0.7, groups sg-app"`},
		},
		"other groups in a snapshot than AWS Config has before and after": {
			files: []string{eni("03", "10.0.0.7", "sg-web"), eni("04", "10.0.0.7", "sg-web"), eni("06", "10.0.0.7", "sg-app"),
				config(item("01", "OK", configENI("eni-1", "10.0.0.7", "sg-app")), item("05", "OK", configENI("eni-1", "10.0.0.7", "sg-app")))},
			interfaces: []string{"eni-1 10.0.0.7 sg-app - (01T00:00 01T00:00) 05T00:00", "eni-1 10.0.0.7 sg-web 01T00:00 (03T00:00 03T00:00) 05T00:00",
				"eni-1 10.0.0.7 sg-app 01T00:00 (05T00:00 -) - now"},
			wants: []string{`eni-1 01T00:00-05T00:00: AWS Config 01T00:00 "addresses 10.0.0.7, groups sg-app, and so until the next item", snapshot 03T00:00 "addresses 10.0.0.7, groups sg-web"`},
		},
		"a change that AWS Config recorded between two snapshots is none": {
			files: []string{eni("01", "10.0.0.7", "sg-web"), eni("06", "10.0.0.7", "sg-app"),
				config(item("01", "OK", configENI("eni-1", "10.0.0.7", "sg-web")), item("05", "OK", configENI("eni-1", "10.0.0.7", "sg-app")))},
			interfaces: []string{"eni-1 10.0.0.7 sg-web - (01T00:00 04T23:50) 05T00:00", "eni-1 10.0.0.7 sg-app 04T23:50 (05T00:00 -) - now"},
		},
		"AWS Config is later with a change than it can be": {
			files: []string{eni("06", "10.0.0.7", "sg-app"), trail(regroup("03", "sg-app")),
				config(item("01", "OK", configENI("eni-1", "10.0.0.7", "sg-web")), item("05", "OK", configENI("eni-1", "10.0.0.7", "sg-app")))},
			interfaces: []string{"eni-1 10.0.0.7 sg-web - (01T00:00 03T00:00) 05T00:00", "eni-1 10.0.0.7 sg-app 03T00:00 (05T00:00 -) - now"},
			wants:      []string{`eni-1 03T00:00-05T00:00: AWS Config 01T00:00 "addresses 10.0.0.7, groups sg-web, and so until the next item", CloudTrail 03T00:00 "groups sg-app"`},
		},
		"groups that no event gave": {
			files:      []string{eni("04", "10.0.0.7", "sg-app"), eni("06", "10.0.0.7", "sg-app"), trail(regroup("03", "sg-web"), ingress("AuthorizeSecurityGroupIngress", "05", "10.9.0.0/16"))},
			interfaces: []string{"eni-1 10.0.0.7 sg-web 03T00:00 (03T00:00 03T00:00) 05T00:00", "eni-1 10.0.0.7 sg-app 03T00:00 (05T00:00 -) - now"},
			wants:      []string{`eni-1 03T00:00-05T00:00: CloudTrail 03T00:00 "groups sg-web", snapshot 04T00:00 "addresses 10.0.0.7, groups sg-app"`},
		},
		"a rule that is there before it was made": {
			files: []string{group("01", "10.2.0.0/16"), group("06", "10.2.0.0/16"), trail(ingress("AuthorizeSecurityGroupIngress", "03", "10.2.0.0/16"))},
			rules: []string{"10.2.0.0/16 - (01T00:00 01T00:00) 03T00:00", "10.2.0.0/16 01T00:00 (03T00:00 -) - now"},
			wants: []string{rule + ` 01T00:00-03T00:00: snapshot 01T00:00 "it is there", CloudTrail 03T00:00 "it was made"`},
		},
		"a rule that is there after it was revoked": {
			files: []string{group("02", "10.2.0.0/16"), group("04", "10.2.0.0/16"), group("06", "10.2.0.0/16"),
				trail(ingress("RevokeSecurityGroupIngress", "03", "10.2.0.0/16"), ingress("AuthorizeSecurityGroupIngress", "05", "10.9.0.0/16"))},
			rules: []string{"10.2.0.0/16 - (02T00:00 03T00:00) 05T00:00", "10.9.0.0/16 05T00:00 (05T00:00 05T00:00) 06T00:00", "10.2.0.0/16 03T00:00 (05T00:00 -) - now"},
			wants: []string{rule + ` 03T00:00-05T00:00: CloudTrail 03T00:00 "it was revoked", snapshot 04T00:00 "it is there"`},
		},
		"a rule in one snapshot that AWS Config never had": {
			files: []string{group("02", "10.1.0.0/16"), group("03", "10.1.0.0/16 10.2.0.0/16"), group("06", "10.1.0.0/16"), config(groupItem("01", "10.1.0.0/16"), groupItem("05", "10.1.0.0/16"))},
			rules: []string{"10.2.0.0/16 02T00:00 (03T00:00 03T00:00) 05T00:00", "10.1.0.0/16 - (01T00:00 -) - now"},
			wants: []string{rule + ` 02T00:00-05T00:00: AWS Config 01T00:00 "it is not there", snapshot 03T00:00 "it is there"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{}
			for n, text := range c.files {
				files[fmt.Sprint(n, ".json")] = text
			}
			e := load(t, files)
			wantLines(t, "conflicts", conflictLines(e), c.wants...)
			if e.History.Conflicts != len(c.wants) {
				t.Errorf("%d conflicts are counted", e.History.Conflicts)
			}
			if c.interfaces != nil {
				wantLines(t, "interfaces", statesOf(e), c.interfaces...)
			}
			if c.rules != nil {
				wantLines(t, "rules", rulesOverTime(e.Groups["sg-1"]), c.rules...)
			}
		})
	}
}

// TestDisputesAgainstReplay: at a time at which two sources contradict each other, found minute by minute from what each alone
// says, no state is sure, and those that the two name may have been.
func TestDisputesAgainstReplay(t *testing.T) {
	const minutes = 90
	until := func(origin, Scope, int64) int64 { return (minutes - 5) * 60 }
	differ := func(one, two mark[int]) bool { return one.key != two.key }
	contradictions := 0
	for seed := range uint64(4000) {
		r := rand.New(rand.NewPCG(seed, 3))
		marks := randomMarks(r, minutes)
		for k := range marks { // minutes, so that the error of the clocks matters
			marks[k].at, marks[k].lag = marks[k].at*60, marks[k].lag*60
		}
		slices.SortStableFunc(marks, mark[int].compare)
		all := settle(terms(slices.Clone(marks), false), disputes(marks, until, differ))
		for _, q := range marks {
			claim, ok := deniedBy(marks, q, until(0, Scope{}, 0))
			if !ok {
				continue
			}
			contradictions++
			maybe := map[string]bool{"": true}
			for _, one := range all {
				if one.life.Covers(unix(q.at), unix(q.at)) {
					t.Fatalf("seed %d: %s is sure at %d, which is in dispute\n%s", seed, one.key, q.at, describeMarks(marks))
				}
				if one.life.Touches(unix(q.at), unix(q.at)) {
					maybe[one.key] = true
				}
			}
			if !maybe[q.key] || !maybe[claim] {
				t.Fatalf("seed %d: at %d %v may have been; want %q and %q\n%s", seed, q.at, maybe, q.key, claim, describeMarks(marks))
			}
		}
	}
	if contradictions < 1000 {
		t.Errorf("only %d contradictions: the test is too tame", contradictions)
	}
}

// deniedBy is a state that another source claims for the time of q, as its item before and after say, and q denies.
func deniedBy(marks []mark[int], q mark[int], recording int64) (claim string, ok bool) {
	for _, from := range []origin{fromTrail, fromConfig} {
		if from == q.origin {
			continue
		}
		var before, after *mark[int]
		for k := range marks {
			switch m := &marks[k]; {
			case m.origin != from:
			case m.at <= q.at:
				before = m
			case after == nil:
				after = m
			}
		}
		if before == nil || before.key == q.key || q.at-q.lag <= before.at+60 {
			continue
		}
		end := recording
		if after != nil {
			if end = after.at; from == fromConfig && after.key != before.key {
				end -= after.lag
			}
		}
		if q.at < end-60 {
			return before.key, true
		}
	}
	return "", false
}
