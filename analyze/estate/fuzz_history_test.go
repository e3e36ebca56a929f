package estate

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fuzzHistory loads a source of history beside a present, and holds the estate to what must be true of any.
func fuzzHistory(t *testing.T, data []byte) {
	dir := t.TempDir()
	now := snapshotOf("2026-01-10T00:00:00Z", `"NetworkInterfaces":[`+eniJSON("eni-1", "10.0.0.7", "sg-app")+`],"SecurityGroups":[`+groupJSON("sg-1", "10.1.0.0/16 10.3.0.0/16")+`],
	 "PrefixLists":[{"PrefixListId":"pl-1","OwnerId":"123456789012","MaxEntries":5,"Entries":[{"Cidr":"10.2.0.0/16"}]}]`)
	for name, text := range map[string][]byte{"now.json": []byte(now), "past.json": data} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	e, err := Load(dir)
	if err != nil {
		if !bytes.Contains([]byte(err.Error()), []byte("past.json")) {
			t.Errorf("the error does not name the file: %v", err)
		}
		return
	}
	again, err := Load(dir)
	if err != nil || strings.Join(statesOf(e), "\n") != strings.Join(statesOf(again), "\n") || strings.Join(conflictLines(e), "\n") != strings.Join(conflictLines(again), "\n") {
		t.Errorf("read again it is another estate: %v", err)
	}
	ordered := func(what string, l Life) {
		for _, pair := range []struct {
			name string
			a, b func(Life) bool
		}{
			{"it begins before it may have", func(l Life) bool { return !l.After.IsZero() && !l.Since.IsZero() }, func(l Life) bool { return l.Since.Before(l.After) }},
			{"it ends after it may have", func(l Life) bool { return !l.Until.IsZero() && !l.Before.IsZero() }, func(l Life) bool { return l.Before.Before(l.Until) }},
			{"it ends before it begins", func(l Life) bool { return !l.Since.IsZero() && !l.Until.IsZero() }, func(l Life) bool { return l.Until.Before(l.Since) }},
		} {
			if pair.a(l) && pair.b(l) {
				t.Errorf("%s: %s: %+v", what, pair.name, l)
			}
		}
	}
	for _, i := range e.Past {
		ordered(i.ID, i.Life)
	}
	for _, i := range e.Interfaces {
		ordered(i.ID, i.Life)
	}
	for _, g := range e.Groups {
		for k, l := range g.Lives {
			ordered(k.String(), l)
		}
		for _, p := range g.PastRules {
			ordered(p.String(), p.Life)
		}
	}
	for _, l := range e.PrefixLists {
		ordered(l.ID, l.Life)
		for _, p := range l.Past {
			ordered(l.ID, p.Life)
		}
	}
	NewIndex(e)
}

// seedFiles are the files of shared data whose top-level key is one of the names, if the data is there.
func seedFiles(f *testing.F, keys ...string) {
	_ = filepath.WalkDir("../../../shared/data", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".json") {
			return nil // the data need not be there
		}
		text, err := os.ReadFile(path)
		var members map[string]json.RawMessage
		if err != nil || len(text) > 1<<16 || json.Unmarshal(text, &members) != nil {
			return nil
		}
		for _, k := range keys {
			if members[k] != nil {
				f.Add(text)
			}
		}
		return nil
	})
}

// FuzzConfig: whatever a file of AWS Config holds, an estate or an error that names it comes of it.
func FuzzConfig(f *testing.F) {
	items := func(list ...string) []byte {
		return []byte(`{"fileVersion":"1.0","configurationItems":[` + strings.Join(list, ",") + `]}`)
	}
	for _, when := range []string{"2026-01-01T00:00:00.000Z", "2026-01-09T23:59:30Z", "2026-02-01T00:00:00Z"} {
		f.Add(items(configItemJSON("NetworkInterface", "eni-1", when, "OK", configENI("eni-1", "10.0.0.7", "sg-web")), configItemJSON("NetworkInterface", "eni-1", when, "ResourceDeleted", "null")))
		f.Add(items(configItemJSON("SecurityGroup", "sg-1", when, "ResourceDiscovered", configGroup("sg-1", "10.2.0.0/16"))))
		f.Add(items(configItemJSON("PrefixList", "pl-1", when, "OK", `"{\"PrefixListId\":\"pl-1\",\"Entries\":[{\"Cidr\":\"10.9.0.0/16\"}]}"`)))
	}
	f.Add([]byte(`{"configurationItems":[` + configItemJSON("NetworkInterface", "eni-1", "2026-01-05T00:00:00Z", "ResourceNotRecorded", "null") + `],"ConfigurationRecordersStatus":[{"lastStartTime":1767830400.5,"lastStopTime":"2026-01-05T00:00:00Z"}]}`))
	f.Add([]byte(`{"configurationItems":[{"resourceType":"AWS::EC2::VPC","configurationItemCaptureTime":1767225600.5,"recordingFrequency":"DAILY","configuration":{"vpcId":"vpc-1","cidrBlock":"10.0.0.0/16"}}]}`))
	seedFiles(f, "configurationItems")
	f.Fuzz(fuzzHistory)
}

// FuzzTrail is the same of CloudTrail's files and lookups.
func FuzzTrail(f *testing.F) {
	for _, e := range []string{
		eventJSON("RunInstances", "2026-01-02T08:00:00Z", `{}`, `{"instancesSet":{"items":[{"instanceId":"i-1","networkInterfaceSet":{"items":[{"networkInterfaceId":"eni-1","privateIpAddress":"10.0.0.7","groupSet":{"items":[{"groupId":"sg-app"}]},"privateIpAddressesSet":{"item":[{"privateIpAddress":"10.0.0.7","primary":true}]}}]}}]}}`),
		eventJSON("ModifyNetworkInterfaceAttribute", "2026-01-03T08:00:00Z", `{"networkInterfaceId":"eni-1","groupSet":{"items":[{"groupId":"sg-web"}]}}`, `{}`),
		eventJSON("ModifyInstanceAttribute", "2026-01-03T08:00:00Z", `{"instanceId":"i-1","groupSet":{"items":[{"groupId":"sg-web"}]}}`, `{}`),
		eventJSON("DeleteNetworkInterface", "2026-01-04T08:00:00Z", `{"networkInterfaceId":"eni-1"}`, `{}`),
		eventJSON("TerminateInstances", "2026-01-04T08:00:00Z", `{"instancesSet":{"items":[{"instanceId":"i-1"}]}}`, `{}`),
		eventJSON("AssignPrivateIpAddresses", "2026-01-03T08:00:00Z", `{"networkInterfaceId":"eni-1"}`, `{"assignedPrivateIpAddressesSet":{"items":[{"privateIpAddress":"10.0.0.9"}]}}`),
		eventJSON("UnassignIpv6Addresses", "2026-01-03T09:00:00Z", `{"UnassignIpv6AddressesRequest":{"NetworkInterfaceId":"eni-1","Ipv6Prefix":"2001:db8::/80","Ipv6Addresses":"2001:db8::1"}}`, `{}`),
		strings.Replace(eventJSON("StopConfigurationRecorder", "2026-01-03T08:00:00Z", `{}`, `null`), "ec2.", "config.", 1),
		eventJSON("RevokeSecurityGroupIngress", "2026-01-06T08:00:00Z", `{"groupId":"sg-1","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":443,"toPort":443,"groups":{},"ipRanges":{"items":[{"cidrIp":"10.1.0.0/16"}]},"ipv6Ranges":{},"prefixListIds":{}}]}}`, `{"_return":true}`),
		eventJSON("AuthorizeSecurityGroupIngress", "2026-01-07T08:00:00Z", `{"groupId":"sg-1"}`, `{"securityGroupRuleSet":{"items":[{"groupId":"sg-1","securityGroupRuleId":"sgr-3","isEgress":false,"ipProtocol":"tcp","fromPort":443,"toPort":443,"cidrIpv4":"10.3.0.0/16"}]}}`),
		eventJSON("ModifySecurityGroupRules", "2026-01-08T08:00:00Z", `{"ModifySecurityGroupRulesRequest":{"GroupId":"sg-1","SecurityGroupRule":{"SecurityGroupRuleId":"sgr-3","SecurityGroupRule":{"IpProtocol":"-1","CidrIpv4":"10.3.0.0/16"},"tag":1}}}`, `{}`),
		eventJSON("ModifyManagedPrefixList", "2026-01-08T08:00:00Z", `{"ModifyManagedPrefixListRequest":{"PrefixListId":"pl-1","MaxEntries":9,"AddEntry":{"Cidr":"10.2.0.0/16","tag":1},"RemoveEntry":[{"Cidr":"10.7.0.0/16"}]}}`, `{}`),
		eventJSON("RestoreManagedPrefixListVersion", "2026-01-09T08:00:00Z", `{"PrefixListId":"pl-1","PreviousVersion":1}`, `{}`),
	} {
		f.Add([]byte(`{"Records":[` + e + `]}`))
		text, err := json.Marshal(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(`{"Events":[{"EventName":"X","CloudTrailEvent":` + string(text) + `}]}`))
	}
	seedFiles(f, "Records", "Events")
	f.Fuzz(fuzzHistory)
}

// FuzzSeries is the same of a snapshot of another time.
func FuzzSeries(f *testing.F) {
	for _, text := range seriesFiles() {
		f.Add([]byte(text))
	}
	f.Add([]byte(strings.ReplaceAll(snapshotOf("2026-01-10T00:00:30Z", `"NetworkInterfaces":[],"PrefixLists":[{"PrefixListId":"pl-1"}],"SecurityGroups":[]`), "aws", "aws-cn")))
	seedFiles(f, "SecurityGroups", "NetworkInterfaces")
	f.Fuzz(fuzzHistory)
}
