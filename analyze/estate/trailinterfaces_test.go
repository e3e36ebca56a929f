package estate

import (
	"fmt"
	"strings"
	"testing"
)

// fullStates are the states of interfaces with all their addresses.
func fullStates(e *Estate) (out []string) {
	for _, i := range e.Past {
		out = append(out, fmt.Sprintf("%s %s %s", i.ID, addrText(i), lifeText(i.Life)))
	}
	for _, id := range sortedKeys(e.Interfaces) {
		i := e.Interfaces[id]
		out = append(out, fmt.Sprintf("%s %s %s now", i.ID, addrText(i), lifeText(i.Life)))
	}
	return out
}

func trailFile(events ...string) string { return `{"Records":[` + strings.Join(events, ",") + `]}` }

// run is RunInstances of one instance with one interface, which is to be deleted with it or not.
func run(when, instance, id, addr string, deleted bool, more string) string {
	return eventJSON("RunInstances", when, `{}`, fmt.Sprintf(`{"instancesSet":{"items":[{"instanceId":%q,"networkInterfaceSet":{"items":[{"networkInterfaceId":%q,"vpcId":"vpc-1","ownerId":"123456789012",
	 "groupSet":{"items":[{"groupId":"sg-app"}]},"privateIpAddressesSet":{"item":[{"privateIpAddress":%q,"primary":true}]},"attachment":{"deleteOnTermination":%v}%s}]}}]}}`, instance, id, addr, deleted, more))
}

// TestTrailOfAddresses: addresses come and go by events, in IPv4 and IPv6; what EC2 chose stands in the answer.
func TestTrailOfAddresses(t *testing.T) {
	now := func(addrs ...string) string {
		var private []string
		for k, a := range addrs {
			private = append(private, fmt.Sprintf(`{"PrivateIpAddress":%q,"Primary":%v}`, a, k == 0))
		}
		return `{"SecurityGroups":[` + groupJSON("sg-app", "10.0.0.0/8") + `],"NetworkInterfaces":[{"NetworkInterfaceId":"eni-1","VpcId":"vpc-1","OwnerId":"123456789012","AvailabilityZone":"us-east-1a",
		 "PrivateIpAddress":"10.0.0.1","PrivateIpAddresses":[` + strings.Join(private, ",") + `],"Groups":[{"GroupId":"sg-app"}],"Attachment":{"AttachTime":"2026-01-01T00:00:00Z"}}]}`
	}
	assign := eventJSON("AssignPrivateIpAddresses", "2026-01-05T00:00:00Z", `{"networkInterfaceId":"eni-1","secondaryPrivateIpAddressCount":1}`,
		`{"networkInterfaceId":"eni-1","assignedPrivateIpAddressesSet":{"assignedPrivateIpAddressSetType":[{"privateIpAddress":"10.0.0.9"}]}}`)
	unassign := eventJSON("UnassignPrivateIpAddresses", "2026-01-07T00:00:00Z", `{"networkInterfaceId":"eni-1","privateIpAddressesSet":{"items":[{"privateIpAddress":"10.0.0.8"}]}}`, `{"_return":true}`)
	silent := eventJSON("AssignPrivateIpAddresses", "2026-01-05T00:00:00Z", `{"networkInterfaceId":"eni-1","secondaryPrivateIpAddressCount":1}`, `null`)
	for name, c := range map[string]struct {
		files    []string
		want     []string
		problems int
	}{
		"before the first that is on record": {[]string{now("10.0.0.1", "10.0.0.9"), trailFile(assign, unassign)}, []string{
			"eni-1 10.0.0.1 10.0.0.8 - (01T00:00 05T00:00) 05T00:00",
			"eni-1 10.0.0.1 10.0.0.8 10.0.0.9 05T00:00 (05T00:00 07T00:00) 07T00:00",
			"eni-1 10.0.0.1 10.0.0.9 07T00:00 (07T00:00 -) - now"}, 0},
		"after": {[]string{now("10.0.0.1", "10.0.0.9"), trailFile(run("2026-01-02T00:00:00Z", "i-1", "eni-1", "10.0.0.1", true, `,"ipv6AddressesSet":{"items":[{"ipv6Address":"2001:db8::1"}]}`), assign,
			eventJSON("UnassignIpv6Addresses", "2026-01-06T00:00:00Z", `{"UnassignIpv6AddressesRequest":{"NetworkInterfaceId":"eni-1","Ipv6Addresses":{"content":"2001:db8::1","tag":1}}}`, `{}`))}, []string{
			"eni-1 10.0.0.1 2001:db8::1 02T00:00 (02T00:00 05T00:00) 05T00:00",
			"eni-1 10.0.0.1 10.0.0.9 2001:db8::1 05T00:00 (05T00:00 06T00:00) 06T00:00",
			"eni-1 10.0.0.1 10.0.0.9 06T00:00 (06T00:00 -) - now"}, 0},
		"delegated prefixes": {[]string{now("10.0.0.1"), trailFile(eventJSON("AssignIpv6Addresses", "2026-01-05T00:00:00Z", `{"AssignIpv6AddressesRequest":{"NetworkInterfaceId":"eni-1","Ipv6Prefix":"2001:db8:0:1::/80"}}`, `{}`),
			eventJSON("UnassignIpv6Addresses", "2026-01-06T00:00:00Z", `{"UnassignIpv6AddressesRequest":{"NetworkInterfaceId":"eni-1","Ipv6Prefix":"2001:db8:0:1::/80"}}`, `{}`))}, []string{
			"eni-1 10.0.0.1 - (01T00:00 05T00:00) 05T00:00",
			"eni-1 10.0.0.1 2001:db8:0:1::/80 05T00:00 (05T00:00 06T00:00) 06T00:00",
			"eni-1 10.0.0.1 06T00:00 (06T00:00 -) - now"}, 0},
		"not told which": {[]string{now("10.0.0.1", "10.0.0.9"), trailFile(silent)}, []string{"eni-1 10.0.0.1 10.0.0.9 - (- -) - now"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{}
			for k, text := range c.files {
				files[fmt.Sprintf("%d.json", k)] = text
			}
			e := load(t, files)
			wantLines(t, "states", fullStates(e), c.want...)
			if len(e.Problems) != c.problems {
				t.Errorf("problems %v", e.Problems)
			}
		})
	}
}

// TestTrailOfInstances: an interface goes with its instance, unless it is kept, or was seen later.
func TestTrailOfInstances(t *testing.T) {
	now := `{"SecurityGroups":[` + groupJSON("sg-app", "10.0.0.0/8") + `],"NetworkInterfaces":[` + eniJSON("eni-3", "10.0.0.3", "sg-app") + `]}`
	terminate := eventJSON("TerminateInstances", "2026-01-05T00:00:00Z", `{"instancesSet":{"items":[{"instanceId":"i-1"},{"instanceId":"i-2"},{"instanceId":"i-3"}]}}`, `{}`)
	last := eventJSON("DeleteNetworkInterface", "2026-01-09T00:00:00Z", `{"networkInterfaceId":"eni-other"}`, `{}`)
	e := load(t, map[string]string{"now.json": now, "trail.json": trailFile(terminate, last,
		run("2026-01-02T00:00:00Z", "i-1", "eni-1", "10.0.0.1", true, ""), run("2026-01-02T00:00:00Z", "i-2", "eni-2", "10.0.0.2", false, ""), run("2026-01-02T00:00:00Z", "i-3", "eni-3", "10.0.0.3", true, ""))})
	wantLines(t, "states", fullStates(e),
		"eni-1 10.0.0.1 02T00:00 (02T00:00 05T00:00) 05T00:10",
		"eni-2 10.0.0.2 02T00:00 (02T00:00 02T00:00) -",
		"eni-3 10.0.0.3 02T00:00 (02T00:00 02T00:00) 09T00:00",
		"eni-3 10.0.0.3 02T00:00 (09T00:00 -) - now")
}

// TestTrailOfThePresent: outputs without a time are of after all that is on record, and what an event gave their interfaces was
// not so before it.
func TestTrailOfThePresent(t *testing.T) {
	e := load(t, map[string]string{
		"now.json":   `{"SecurityGroups":[],"NetworkInterfaces":[` + eniJSON("eni-1", "10.0.0.1", "sg-web") + `]}`,
		"trail.json": trailFile(eventJSON("ModifyNetworkInterfaceAttribute", "2026-01-03T00:00:00Z", `{"networkInterfaceId":"eni-1","groupSet":{"items":[{"groupId":"sg-web"}]}}`, `{}`)),
	})
	wantLines(t, "states", fullStates(e), "eni-1 10.0.0.1 03T00:00 (03T00:00 -) - now")
}

// TestRecorderThatStoodStill: what AWS Config found changed when it went on may have been so all the time that it did not
// record, and it is said.
func TestRecorderThatStoodStill(t *testing.T) {
	now := `{"SecurityGroups":[` + groupJSON("sg-1", "10.3.0.0/16") + `],"NetworkInterfaces":[` + eniJSON("eni-2", "10.0.0.2", "sg-app") + "," + eniJSON("eni-3", "10.0.0.3", "sg-app") + `]}`
	item := func(kind, id, when, status, configuration string) string {
		return configItemJSON(kind, id, "2026-01-"+when+":00:00Z", status, configuration)
	}
	items := `{"configurationItems":[` + strings.Join([]string{
		item("NetworkInterface", "eni-1", "01T00", "ResourceDiscovered", configENI("eni-1", "10.0.0.1", "sg-app")),
		item("NetworkInterface", "eni-2", "01T00", "ResourceDiscovered", configENI("eni-2", "10.0.0.2", "sg-app")),
		item("SecurityGroup", "sg-1", "01T00", "ResourceDiscovered", configGroup("sg-1", "10.2.0.0/16")),
		item("NetworkInterface", "eni-1", "08T03", "ResourceDeleted", "null"),
		item("NetworkInterface", "eni-3", "08T04", "ResourceDiscovered", configENI("eni-3", "10.0.0.3", "sg-app")),
		item("SecurityGroup", "sg-1", "08T05", "OK", configGroup("sg-1", "10.3.0.0/16")),
	}, ",") + `]}`
	wantStates := []string{
		"eni-1 10.0.0.1 - (01T00:00 04T23:50) 08T03:00",
		"eni-2 10.0.0.2 - (01T00:00 -) - now", // as before, so it stayed
		"eni-3 10.0.0.3 04T23:50 (08T04:00 -) - now"}
	wantRules := []string{
		"10.2.0.0/16 - (01T00:00 04T23:50) 08T05:00",
		"10.3.0.0/16 04T23:50 (08T05:00 -) - now"}
	const said = "recorded nothing from 2026-01-05T00:00:00Z to 2026-01-08T00:00:00Z"
	switched := func(name, when string) string {
		return strings.Replace(eventJSON(name, when, `{"configurationRecorderName":"default"}`, `null`), "ec2.", "config.", 1)
	}
	for name, told := range map[string]string{
		"status":           `{"ConfigurationRecordersStatus":[{"name":"default","recording":true,"lastStartTime":"2026-01-08T00:00:00Z","lastStopTime":1767571200}]}`,
		"CloudTrail":       trailFile(switched("StartConfigurationRecorder", "2026-01-08T00:00:00Z"), switched("StopConfigurationRecorder", "2026-01-05T00:00:00Z")),
		"deleted and made": trailFile(switched("DeleteConfigurationRecorder", "2026-01-05T00:00:00Z"), switched("StartConfigurationRecorder", "2026-01-08T00:00:00Z")),
	} {
		e := load(t, map[string]string{"now.json": now, "config.json": items, "told.json": told})
		wantLines(t, name+": states", fullStates(e), wantStates...)
		if name == "status" { // CloudTrail tells of the rules too
			wantLines(t, name+": rules", rulesOverTime(e.Groups["sg-1"]), wantRules...)
		}
		if !strings.Contains(fmt.Sprint(e.Problems), said) {
			t.Errorf("%s: problems %v", name, e.Problems)
		}
	}

	// The start is not on record: the first item tells of it. And a recorder may leave out interfaces alone.
	e := load(t, map[string]string{"now.json": now, "config.json": items, "told.json": trailFile(switched("StopConfigurationRecorder", "2026-01-05T00:00:00Z"))})
	wantLines(t, "only stopped: states", fullStates(e), wantStates...)
	excluded := item("NetworkInterface", "eni-2", "05T00", "ResourceNotRecorded", "null")
	e = load(t, map[string]string{"now.json": now, "config.json": strings.Replace(items, "[", "["+excluded+",", 1)})
	wantLines(t, "left out: states", fullStates(e), wantStates...)
	wantLines(t, "left out: rules", rulesOverTime(e.Groups["sg-1"]), "10.2.0.0/16 - (01T00:00 08T04:50) 08T05:00", "10.3.0.0/16 08T04:50 (08T05:00 -) - now")
}
