package estate

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

func at(t testing.TB, text string) time.Time {
	t.Helper()
	when, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return when
}

// snapshotOf is a snapshot file of 123456789012 us-east-1.
func snapshotOf(captured, objects string) string {
	return fmt.Sprintf(`{"schema_version":1,"captured_at":%q,"scopes":[{"partition":"aws","account":"123456789012","region":"us-east-1",%s}]}`, captured, objects)
}

func eniJSON(id, addr, group string) string {
	return fmt.Sprintf(`{"NetworkInterfaceId":%q,"VpcId":"vpc-1","SubnetId":"subnet-1","PrivateIpAddress":%q,"Groups":[{"GroupId":%q}],"OwnerId":"123456789012","AvailabilityZone":"us-east-1a"}`, id, addr, group)
}

func groupJSON(id, cidrs string) string {
	ranges := []string{}
	for _, c := range strings.Fields(cidrs) {
		ranges = append(ranges, fmt.Sprintf(`{"CidrIp":%q}`, c))
	}
	return fmt.Sprintf(`{"GroupId":%q,"GroupName":"g","VpcId":"vpc-1","OwnerId":"123456789012","IpPermissionsEgress":[],
	  "IpPermissions":[{"IpProtocol":"tcp","FromPort":443,"ToPort":443,"IpRanges":[%s],"Ipv6Ranges":[],"PrefixListIds":[],"UserIdGroupPairs":[]}]}`, id, strings.Join(ranges, ","))
}

// lifeText prints a life shortly: what may have been, and what was, in days and hours of January 2026.
func lifeText(l Life) string {
	show := func(t time.Time) string {
		if t.IsZero() {
			return "-"
		}
		return t.Format("02T15:04")
	}
	return fmt.Sprintf("%s (%s %s) %s", show(l.After), show(l.Since), show(l.Until), show(l.Before))
}

func statesOf(e *Estate) (out []string) {
	line := func(i *Interface, now string) string {
		return strings.TrimSpace(fmt.Sprintf("%s %s %s %s %s", i.ID, i.Primary, strings.Join(i.Groups, ","), lifeText(i.Life), now))
	}
	for _, i := range e.Past {
		out = append(out, line(i, ""))
	}
	for _, id := range sortedKeys(e.Interfaces) {
		out = append(out, line(e.Interfaces[id], "now"))
	}
	return out
}

func rulesOverTime(g *Group) (out []string) {
	for _, r := range g.PastRules {
		out = append(out, fmt.Sprintf("%s %s", r.Peer, lifeText(r.Life)))
	}
	for _, r := range g.Rules {
		if l, ok := g.Lives[r.RuleKey]; ok {
			out = append(out, fmt.Sprintf("%s %s now", r.Peer, lifeText(l)))
		}
	}
	return out
}

func wantLines(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// series is three daily snapshots in which one interface goes, another takes its address, and a rule comes and goes.
func seriesFiles() map[string]string {
	return map[string]string{
		"1.json": snapshotOf("2026-01-01T00:00:00Z", `"NetworkInterfaces":[`+eniJSON("eni-1", "10.0.0.7", "sg-app")+`],"SecurityGroups":[`+groupJSON("sg-1", "10.1.0.0/16 10.2.0.0/16")+`]`),
		"2.json": snapshotOf("2026-01-02T00:00:00Z", `"NetworkInterfaces":[`+eniJSON("eni-1", "10.0.0.7", "sg-app")+`],"SecurityGroups":[`+groupJSON("sg-1", "10.1.0.0/16")+`]`),
		"3.json": snapshotOf("2026-01-03T00:00:00Z", `"NetworkInterfaces":[`+eniJSON("eni-2", "10.0.0.7", "sg-web")+`],"SecurityGroups":[`+groupJSON("sg-1", "10.1.0.0/16 10.3.0.0/16")+`]`),
	}
}

func TestSnapshotSeries(t *testing.T) {
	e := load(t, seriesFiles())
	wantLines(t, "interfaces", statesOf(e),
		"eni-1 10.0.0.7 sg-app - (- 02T00:00) 03T00:00",
		"eni-2 10.0.0.7 sg-web 02T00:00 (03T00:00 -) - now")
	wantLines(t, "rules", rulesOverTime(e.Groups["sg-1"]),
		"10.2.0.0/16 - (01T00:00 01T00:00) 02T00:00",
		"10.1.0.0/16 - (01T00:00 -) - now",
		"10.3.0.0/16 02T00:00 (03T00:00 -) - now")
	if e.History.Snapshots != 2 || !e.Captured.Equal(at(t, "2026-01-03T00:00:00Z")) || len(e.Problems) != 1 {
		t.Errorf("history %+v, captured %v, problems %v", e.History, e.Captured, e.Problems)
	}
}

func configItemJSON(kind, id, when, status, configuration string) string {
	return fmt.Sprintf(`{"resourceType":"AWS::EC2::%s","resourceId":%q,"configurationItemCaptureTime":%q,"configurationItemStatus":%q,
	 "awsAccountId":"123456789012","awsRegion":"us-east-1","configuration":%s}`, kind, id, when, status, configuration)
}

// configENI is the configuration as history files have it: an object in lower camel case.
func configENI(id, addr, group string) string {
	return fmt.Sprintf(`{"networkInterfaceId":%q,"vpcId":"vpc-1","subnetId":"subnet-1","ownerId":"123456789012","availabilityZone":"us-east-1a",
	 "privateIpAddress":%q,"privateIpAddresses":[{"primary":true,"privateIpAddress":%q}],"groups":[{"groupId":%q,"groupName":"g"}]}`, id, addr, addr, group)
}

// configGroup gives the ranges twice, as AWS Config does.
func configGroup(id, cidr string) string {
	return fmt.Sprintf(`{"groupId":%q,"groupName":"g","vpcId":"vpc-1","ownerId":"123456789012","ipPermissionsEgress":[],"ipPermissions":[{"ipProtocol":"tcp",
	 "fromPort":443,"toPort":443,"ipRanges":[%q],"ipv4Ranges":[{"cidrIp":%q,"description":"d"}],"ipv6Ranges":[],"prefixListIds":[],"userIdGroupPairs":[]}]}`, id, cidr, cidr)
}

func TestConfigItems(t *testing.T) {
	items := func(list ...string) string {
		return `{"fileVersion":"1.0","configurationItems":[` + strings.Join(list, ",") + `]}`
	}
	files := map[string]string{
		"now.json": `{"NetworkInterfaces":[` + eniJSON("eni-2", "10.0.0.7", "sg-web") + `],"SecurityGroups":[` + groupJSON("sg-1", "10.3.0.0/16") + `]}`,
		"history.json": items(
			configItemJSON("NetworkInterface", "eni-1", "2026-01-01T00:00:00.000Z", "ResourceDiscovered", configENI("eni-1", "10.0.0.7", "sg-app")),
			configItemJSON("NetworkInterface", "eni-1", "2026-01-05T12:00:00.000Z", "ResourceDeleted", `null`),
			configItemJSON("NetworkInterface", "eni-2", "2026-01-05T13:00:00.000Z", "ResourceDiscovered", configENI("eni-2", "10.0.0.7", "sg-app")),
			configItemJSON("NetworkInterface", "eni-2", "2026-01-06T13:00:00.000Z", "OK", configENI("eni-2", "10.0.0.7", "sg-web")),
			// The item of its discovery is not at hand.
			configItemJSON("NetworkInterface", "eni-3", "2026-01-05T13:00:00.000Z", "OK", configENI("eni-3", "10.0.0.8", "sg-app")),
			configItemJSON("NetworkInterface", "eni-3", "2026-01-06T13:00:00.000Z", "ResourceDeleted", `null`),
			configItemJSON("SecurityGroup", "sg-1", "2026-01-01T00:00:00.000Z", "OK", configGroup("sg-1", "10.2.0.0/16")),
			configItemJSON("Bucket", "b", "2026-01-01T00:00:00.000Z", "OK", `{}`),
		),
		// As the API gives it: the configuration is a text.
		"api.json": items(configItemJSON("SecurityGroup", "sg-1", "2026-01-04T00:00:00.000Z", "OK", fmt.Sprintf("%q", configGroup("sg-1", "10.3.0.0/16")))),
	}
	e := load(t, files)
	wantLines(t, "interfaces", statesOf(e),
		"eni-1 10.0.0.7 sg-app - (01T00:00 05T11:50) 05T12:00",
		"eni-2 10.0.0.7 sg-app 05T12:50 (05T13:00 06T12:50) 06T13:00",
		"eni-3 10.0.0.8 sg-app - (05T13:00 06T12:50) 06T13:00",
		"eni-2 10.0.0.7 sg-web 06T12:50 (06T13:00 -) - now")
	wantLines(t, "rules", rulesOverTime(e.Groups["sg-1"]),
		"10.2.0.0/16 - (01T00:00 03T23:50) 04T00:00",
		"10.3.0.0/16 03T23:50 (04T00:00 -) - now")

	delete(files, "now.json") // AWS Config alone is an estate too
	e = load(t, files)
	if len(e.Interfaces) != 1 || len(e.Groups) != 1 || len(e.Groups["sg-1"].Rules) != 1 {
		t.Errorf("from AWS Config alone: interfaces %v, groups %v", e.Interfaces, e.Groups)
	}
	wantLines(t, "rules from AWS Config alone", rulesOverTime(e.Groups["sg-1"]),
		"10.2.0.0/16 - (01T00:00 03T23:50) 04T00:00",
		"10.3.0.0/16 03T23:50 (04T00:00 -) - now")
}

func eventJSON(name, when, request, response string) string {
	return fmt.Sprintf(`{"eventSource":"ec2.amazonaws.com","eventName":%q,"eventTime":%q,"awsRegion":"us-east-1","recipientAccountId":"123456789012",
	 "requestParameters":%s,"responseElements":%s}`, name, when, request, response)
}

func TestTrail(t *testing.T) {
	permissions := func(cidr string) string {
		return `{"groupId":"sg-1","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":443,"toPort":443,"groups":{},"ipRanges":{"items":[{"cidrIp":"` + cidr + `"}]},"ipv6Ranges":{},"prefixListIds":{}}]}}`
	}
	records := []string{
		eventJSON("RunInstances", "2026-01-02T08:00:00Z", `{}`, `{"instancesSet":{"items":[{"instanceId":"i-1","networkInterfaceSet":{"items":[{"networkInterfaceId":"eni-1","subnetId":"subnet-1","vpcId":"vpc-1","ownerId":"123456789012",
		 "privateIpAddress":"10.0.0.7","groupSet":{"items":[{"groupId":"sg-app"}]},"privateIpAddressesSet":{"item":[{"privateIpAddress":"10.0.0.7","primary":true}]}}]}}]}}`),
		eventJSON("ModifyNetworkInterfaceAttribute", "2026-01-03T08:00:00Z", `{"networkInterfaceId":"eni-1","groupSet":{"items":[{"groupId":"sg-web"}]}}`, `{}`),
		eventJSON("DeleteNetworkInterface", "2026-01-04T08:00:00Z", `{"networkInterfaceId":"eni-1"}`, `{}`),
		eventJSON("AuthorizeSecurityGroupIngress", "2026-01-05T08:00:00Z", permissions("10.2.0.0/16"), `{"_return":true}`),
		eventJSON("RevokeSecurityGroupIngress", "2026-01-06T08:00:00Z", permissions("10.2.0.0/16"), `{"_return":true}`),
		eventJSON("AuthorizeSecurityGroupIngress", "2026-01-07T08:00:00Z", `{"groupId":"sg-1"}`, `{"securityGroupRuleSet":{"items":[{"groupId":"sg-1","securityGroupRuleId":"sgr-3","isEgress":false,"ipProtocol":"tcp","fromPort":443,"toPort":443,"cidrIpv4":"10.9.0.0/16"}]}}`),
		eventJSON("ModifySecurityGroupRules", "2026-01-08T08:00:00Z", `{"ModifySecurityGroupRulesRequest":{"GroupId":"sg-1","SecurityGroupRule":{"SecurityGroupRuleId":"sgr-3","SecurityGroupRule":{"IpProtocol":"tcp","FromPort":443,"ToPort":443,"CidrIpv4":"10.3.0.0/16"},"tag":1}}}`, `{}`),
		`{"eventSource":"ec2.amazonaws.com","eventName":"AuthorizeSecurityGroupIngress","errorCode":"Client.InvalidPermission.Duplicate","eventTime":"2026-01-09T08:00:00Z","requestParameters":` + permissions("10.8.0.0/16") + `}`,
		`{"eventSource":"s3.amazonaws.com","eventName":"PutObject","eventTime":"2026-01-01T00:00:00Z"}`,
	}
	now := snapshotOf("2026-01-10T00:00:00Z", `"NetworkInterfaces":[],"SecurityGroups":[`+groupJSON("sg-1", "10.1.0.0/16 10.3.0.0/16")+`]`)
	want := func(t *testing.T, e *Estate) {
		t.Helper()
		wantLines(t, "interfaces", statesOf(e),
			"eni-1 10.0.0.7 sg-app 02T08:00 (02T08:00 03T08:00) 03T08:00",
			"eni-1 10.0.0.7 sg-web 03T08:00 (03T08:00 04T08:00) 04T08:00")
		wantLines(t, "rules", rulesOverTime(e.Groups["sg-1"]),
			"10.2.0.0/16 05T08:00 (05T08:00 06T08:00) 06T08:00",
			"10.9.0.0/16 07T08:00 (07T08:00 08T08:00) 08T08:00",
			"10.1.0.0/16 - (02T08:00 -) - now",
			"10.3.0.0/16 08T08:00 (08T08:00 -) - now")
		if len(e.Problems) != 0 {
			t.Errorf("problems %v", e.Problems)
		}
	}
	file := `{"Records":[` + strings.Join(records, ",") + `]}`
	want(t, load(t, map[string]string{"now.json": now, "trail.json": file}))

	lookedUp := []string{}
	for _, r := range records {
		lookedUp = append(lookedUp, fmt.Sprintf(`{"EventName":"AuthorizeSecurityGroupIngress","CloudTrailEvent":%q}`, r))
	}
	slices.Reverse(lookedUp) // lookup-events gives the newest first
	want(t, load(t, map[string]string{"now.json": now, "lookup.json": `{"Events":[` + strings.Join(lookedUp, ",") + `]}`}))
	want(t, load(t, map[string]string{"now.json": now, "trail.json": file, "lookup.json": `{"Events":[` + strings.Join(lookedUp, ",") + `]}`}))
}

// TestListHistory: entries of a prefix list are known over time, and an event tells when they changed.
func TestListHistory(t *testing.T) {
	list := func(entry string) string {
		return `"PrefixLists":[{"PrefixListId":"pl-1","PrefixListName":"office","MaxEntries":5,"Entries":[{"Cidr":"` + entry + `"}]}],"SecurityGroups":[]`
	}
	e := load(t, map[string]string{
		"1.json":     snapshotOf("2026-01-01T00:00:00Z", list("10.1.0.0/16")),
		"2.json":     snapshotOf("2026-01-03T00:00:00Z", list("10.2.0.0/16")),
		"trail.json": `{"Records":[` + eventJSON("ModifyManagedPrefixList", "2026-01-02T12:00:00Z", `{"ModifyManagedPrefixListRequest":{"PrefixListId":"pl-1"}}`, `{}`) + `]}`,
	})
	l := e.PrefixLists["pl-1"]
	if len(l.Past) != 1 || l.Past[0].Entries[0] != netip.MustParsePrefix("10.1.0.0/16") || l.Entries[0] != netip.MustParsePrefix("10.2.0.0/16") {
		t.Fatalf("list %+v", l)
	}
	if got := lifeText(l.Past[0].Life) + " / " + lifeText(l.Life); got != "- (- 02T12:00) 02T12:00 / 02T12:00 (02T12:00 -) -" {
		t.Errorf("lives %s", got)
	}
}

// TestListSizes: a list counts by its maximum of entries, which is known over time; one resized when it was just being described
// counts by the larger.
func TestListSizes(t *testing.T) {
	list := func(day string, most int) string {
		return snapshotOf("2026-01-"+day+"T00:00:00Z", fmt.Sprintf(`"PrefixLists":[{"PrefixListId":"pl-1","OwnerId":"123456789012","MaxEntries":%d,"Entries":[{"Cidr":"10.1.0.0/16"}]}],"SecurityGroups":[]`, most))
	}
	resize := func(when string, most int) string {
		return trailFile(eventJSON("ModifyManagedPrefixList", when, fmt.Sprintf(`{"ModifyManagedPrefixListRequest":{"PrefixListId":"pl-1","MaxEntries":%d}}`, most), `{}`))
	}
	for name, c := range map[string]struct {
		files  []string
		want   []string
		weight int
	}{
		"snapshots alone":   {[]string{list("01", 5), list("03", 20)}, []string{"5 - (01T00:00 01T00:00) 03T00:00", "20 01T00:00 (03T00:00 03T00:00) -"}, 20},
		"an event tells":    {[]string{list("01", 5), list("03", 20), resize("2026-01-02T12:00:00Z", 20)}, []string{"5 - (01T00:00 02T12:00) 02T12:00", "20 02T12:00 (02T12:00 03T00:00) -"}, 20},
		"made smaller":      {[]string{list("01", 20), list("03", 5)}, []string{"20 - (01T00:00 01T00:00) 03T00:00", "5 01T00:00 (03T00:00 03T00:00) -"}, 5},
		"resized afterward": {[]string{list("01", 5), resize("2026-01-01T00:00:40Z", 30)}, []string{"5 - (01T00:00 01T00:00) 01T00:00", "30 01T00:00 (01T00:00 01T00:00) -"}, 30},
	} {
		files := map[string]string{}
		for k, text := range c.files {
			files[fmt.Sprintf("%d.json", k)] = text
		}
		e := load(t, files)
		var got []string
		for _, s := range e.PrefixLists["pl-1"].Sizes {
			got = append(got, fmt.Sprintf("%d %s", s.MaxEntries, lifeText(s.Life)))
		}
		wantLines(t, name, got, c.want...)
		if n := NewIndex(e).ListWeight("pl-1"); n != c.weight {
			t.Errorf("%s: it counts %d, want %d", name, n, c.weight)
		}
	}
}

// TestSourcesInAnyOrder: the names of the files, and with them the order in which they are read, change nothing.
func TestSourcesInAnyOrder(t *testing.T) {
	files := seriesFiles()
	want := load(t, files)
	renamed := map[string]string{"c.json": files["1.json"], "b.json": files["2.json"], "a.json": files["3.json"]}
	got := load(t, renamed)
	if !slices.Equal(statesOf(got), statesOf(want)) || !slices.Equal(rulesOverTime(got.Groups["sg-1"]), rulesOverTime(want.Groups["sg-1"])) {
		t.Errorf("got\n%v\nwant\n%v", statesOf(got), statesOf(want))
	}
}

// TestLife is the arithmetic of lives near their ends.
func TestLife(t *testing.T) {
	l := Life{After: unix(1500), Since: unix(2000), Until: unix(9000), Before: unix(9500)}
	for _, c := range []struct {
		first, last             int64
		covers, touches, isHour bool
	}{
		{3000, 4000, true, true, true},
		{2060, 8940, true, true, true},
		{2059, 4000, false, true, true},
		{3000, 8941, false, true, true},
		{0, 1439, false, false, true},
		{0, 1441, false, true, true},
		{9559, 9600, false, true, true},
		{9560, 9600, false, false, true},
	} {
		covers, touches := l.Covers(unix(c.first), unix(c.last)), l.Touches(unix(c.first), unix(c.last))
		if covers != c.covers || touches != c.touches || l.Sharp(unix(c.first), unix(c.last)) != c.isHour {
			t.Errorf("%d to %d: covers %v, touches %v, sharp %v", c.first, c.last, covers, touches, l.Sharp(unix(c.first), unix(c.last)))
		}
	}
	if wide := (Life{Since: unix(9000)}); wide.Sharp(unix(0), unix(10)) {
		t.Error("a life whose beginning is open is sharp there")
	}
}
