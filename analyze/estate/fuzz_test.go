package estate

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// FuzzLoad: whatever a file holds, loading it ends in an estate or an error that names the file; an estate loads again from
// the snapshot written of it, as the same estate.
func FuzzLoad(f *testing.F) {
	whole, err := os.ReadFile("testdata/shop.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	for _, text := range []string{
		withPermissions(`{"IpProtocol":"tcp","FromPort":22,"ToPort":22,"IpRanges":[{"CidrIp":"10.0.0.0/8"}]}`),
		withPermissions(`{"IpProtocol":"x","UserIdGroupPairs":[{}],"New":1}`),
		`{"SecurityGroupRules":[{"SecurityGroupRuleId":"sgr-1","GroupId":"sg-1","IsEgress":true,"IpProtocol":"-1","CidrIpv6":"::/0"}]}`,
		`{"NetworkInterfaces":[{"NetworkInterfaceId":"eni-1","PrivateIpAddress":"10.0.0.1","Ipv4Prefixes":[{"Ipv4Prefix":"10.0.0.0/28"}]}]}{"Vpcs":[]}`,
		`{"PrefixLists":[{"PrefixListId":"pl-1","Cidrs":["10.0.0.0/8"]}],"NextToken":null}`,
		`{"RouteTables":[{"RouteTableId":"rtb-1","Associations":[{"Main":true}],"Routes":[{"DestinationCidrBlock":"0.0.0.0/0","GatewayId":"igw-1"}]}]}`,
		`{"configurationItems":[]}`, "{}", "[", "\xef\xbb\xbf{}", "\x1f\x8b",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "pl-1.json")
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := ReadSnapshot(path)
		if err != nil {
			return
		}
		e, err := s.Estate()
		if err != nil {
			if !bytes.Contains([]byte(err.Error()), []byte("pl-1.json")) {
				t.Errorf("the error does not name the file: %v", err)
			}
			return
		}
		NewIndex(e)
		var groups []*Group
		for _, id := range sortedKeys(e.Groups) {
			groups = append(groups, e.Groups[id])
		}
		if _, err := DescribeSecurityGroups(groups); err != nil {
			t.Errorf("the groups cannot be described: %v", err)
		}
		roundTrip(t, path)
	})
}
