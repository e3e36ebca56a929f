package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const otherAccount = "222222222222"

// reachSite is two accounts: VPCs that are connected by peering and by transit gateways, one that has the addresses of another
// and is connected to nothing, a subnet and a group shared with the other account, and a group associated with a second VPC.
var reachSite = site{
	enis: []siteENI{
		{id: "eni-app", addr: "10.0.1.10", group: "sg-app", instance: true},
		{id: "eni-peer", addr: "10.1.1.20", group: "sg-peer", instance: true, account: otherAccount, vpc: "vpc-0b"},
		{id: "eni-stranger", addr: "10.1.1.20", group: "sg-stranger", instance: true, account: otherAccount, vpc: "vpc-0d"},
		{id: "eni-spoke", addr: "10.2.1.20", group: "sg-spoke", instance: true, account: otherAccount, vpc: "vpc-0c"},
		{id: "eni-mute", addr: "10.3.1.20", group: "sg-mute", instance: true, account: otherAccount, vpc: "vpc-0e"},
		{id: "eni-part", addr: "10.0.2.30", group: "sg-shared", instance: true, account: otherAccount}, // in the owner's VPC
		{id: "eni-m1", addr: "10.0.3.40", group: "sg-multi", instance: true},
		{id: "eni-m2", addr: "10.4.1.40", group: "sg-multi", instance: true, vpc: "vpc-0f"},
		{id: "eni-near", addr: "10.4.1.50", group: "sg-near", instance: true, vpc: "vpc-0f"},
	},
	groups: []siteGroup{
		{id: "sg-app", rules: []string{"in 8080 10.0.0.0/8", "in 8081 10.0.0.0/8", "in 8082 10.0.0.0/8"}},
		{id: "sg-peer", account: otherAccount, vpc: "vpc-0b"}, {id: "sg-stranger", account: otherAccount, vpc: "vpc-0d"},
		{id: "sg-spoke", account: otherAccount, vpc: "vpc-0c"}, {id: "sg-mute", account: otherAccount, vpc: "vpc-0e"},
		{id: "sg-shared", rules: []string{"in 9100 10.0.0.0/8"}},
		{id: "sg-multi", rules: []string{"in 9200 10.0.0.0/8"}}, {id: "sg-near", vpc: "vpc-0f"},
	},
	flows: []siteFlow{
		{clients: []string{"10.1.1.20"}, clientVPC: "vpc-0b", server: "10.0.1.10", port: 8080},
		{clients: []string{"10.2.1.20"}, clientVPC: "vpc-0c", server: "10.0.1.10", port: 8081},
		{clients: []string{"10.3.1.20"}, clientVPC: "vpc-0e", server: "10.0.1.10", port: 8082},
		{clients: []string{"10.0.1.10"}, server: "10.0.2.30", port: 9100},
		{clients: []string{"10.0.1.10"}, server: "10.0.3.40", port: 9200},
		{clients: []string{"10.4.1.50"}, clientVPC: "vpc-0f", server: "10.4.1.40", serverVPC: "vpc-0f", port: 9200},
	},
	more: map[string][]object{
		"Vpcs": {reachVPC("vpc-0a", "10.0.0.0/16"), reachVPC("vpc-0b", "10.1.0.0/16"), reachVPC("vpc-0c", "10.2.0.0/16"), reachVPC("vpc-0d", "10.1.0.0/16"),
			reachVPC("vpc-0e", "10.3.0.0/16"), reachVPC("vpc-0f", "10.4.0.0/16")},
		"VpcPeeringConnections": {{"VpcPeeringConnectionId": "pcx-1", "Status": object{"Code": "active"},
			"RequesterVpcInfo": object{"VpcId": "vpc-0a", "OwnerId": siteAccount, "Region": "us-east-1", "CidrBlock": "10.0.0.0/16"},
			"AccepterVpcInfo":  object{"VpcId": "vpc-0b", "OwnerId": otherAccount, "Region": "us-east-1", "CidrBlock": "10.1.0.0/16"}}},
		"TransitGateways": {{"TransitGatewayId": "tgw-1", "Options": object{"SecurityGroupReferencingSupport": "enable"}}},
		"TransitGatewayVpcAttachments": {reachAttachment("tgw-attach-a", "vpc-0a", "enable"), reachAttachment("tgw-attach-c", "vpc-0c", "enable"),
			reachAttachment("tgw-attach-e", "vpc-0e", "disable")},
		"SecurityGroupVpcAssociations": {{"GroupId": "sg-multi", "GroupOwnerId": siteAccount, "VpcId": "vpc-0f", "State": "associated"}},
		"RouteTables": {
			reachRoutes("vpc-0a", "10.0.0.0/16", object{"DestinationCidrBlock": "10.1.0.0/16", "VpcPeeringConnectionId": "pcx-1", "State": "active"}),
			reachRoutes("vpc-0b", "10.1.0.0/16", object{"DestinationCidrBlock": "10.0.0.0/16", "VpcPeeringConnectionId": "pcx-1", "State": "active"}),
			reachRoutes("vpc-0c", "10.2.0.0/16"), reachRoutes("vpc-0d", "10.1.0.0/16"), reachRoutes("vpc-0e", "10.3.0.0/16"), reachRoutes("vpc-0f", "10.4.0.0/16")},
	},
}

func reachVPC(id, cidr string) object { return object{"VpcId": id, "CidrBlock": cidr} }

// reachRoutes is the main route table of a VPC: what is not its own or another route's goes to the transit gateway.
func reachRoutes(vpc, cidr string, more ...object) object {
	routes := append([]object{{"DestinationCidrBlock": cidr, "GatewayId": "local", "State": "active"}, {"DestinationCidrBlock": "10.0.0.0/8", "TransitGatewayId": "tgw-1", "State": "active"}}, more...)
	return object{"RouteTableId": "rtb-" + vpc[4:], "VpcId": vpc, "Associations": []object{{"Main": true}}, "Routes": routes}
}

func reachAttachment(id, vpc, references string) object {
	return object{"TransitGatewayAttachmentId": id, "TransitGatewayId": "tgw-1", "VpcId": vpc, "State": "available", "Options": object{"SecurityGroupReferencingSupport": references}}
}

// TestReach: a peer is looked up where it can be reached from, references are proposed where they work, and only the owner's
// script edits a shared group.
func TestReach(t *testing.T) {
	dir := t.TempDir()
	logs, estate, out := filepath.Join(dir, "logs"), filepath.Join(dir, "estate"), filepath.Join(dir, "out")
	reachSite.writeLogs(t, logs)
	reachSite.writeEstate(t, estate)
	args := []string{"review", logs, "--min-window", "14d"}
	plan, _ := runPlan(t, append(args, "--estate", estate)...)
	if diff := cmp.Diff([]string{
		"proposed sg-app ingress tcp 8080 10.0.0.0/8 → sg-peer",                     // by the peering; not the stranger of the same address
		"proposed sg-app ingress tcp 8081 10.0.0.0/8 → sg-spoke",                    // the transit gateway and both attachments support references
		"proposed sg-app ingress tcp 8082 10.0.0.0/8 → 10.3.1.20/32",                // one attachment does not
		"proposed sg-multi ingress tcp 9200 10.0.0.0/8 → 10.0.1.10/32 10.4.1.50/32", // of both VPCs, which nothing connects: no reference serves both
		"proposed sg-shared ingress tcp 9100 10.0.0.0/8 → sg-app",                   // carried by an interface of the other account
	}, changeLines(&plan)); diff != "" {
		t.Errorf("the proposals (-want +got):\n%s", diff)
	}

	if code := run(t.Context(), append(args, "--estate", estate, "-o", out, "--quiet"), streams{strings.NewReader(""), &strings.Builder{}, &strings.Builder{}}); code != exitDone {
		t.Fatalf("review exits with %d", code)
	}
	scripts, err := filepath.Glob(filepath.Join(out, "apply*.sh"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range scripts {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if owners := strings.Contains(filepath.Base(path), siteAccount) || len(scripts) == 1; strings.Contains(string(text), "sg-shared") != owners {
			t.Errorf("%s edits sg-shared: %v", filepath.Base(path), !owners)
		}
		if strings.Contains(filepath.Base(path), otherAccount) {
			t.Errorf("there is %s, though the account owns none of the changed groups", filepath.Base(path))
		}
	}
	if len(scripts) == 0 {
		t.Error("there is no apply.sh")
	}
}

// TestSharedGroupSeenByTheOther: the account that a group is shared with describes it too, and may not edit it.
func TestSharedGroupSeenByTheOther(t *testing.T) {
	other := site{more: map[string][]object{"Vpcs": {reachVPC("vpc-0a", "10.0.0.0/16")}}}
	for _, e := range reachSite.enis {
		if e.account == otherAccount {
			other.enis = append(other.enis, e)
		}
	}
	for _, g := range reachSite.groups {
		if g.account == otherAccount {
			other.groups = append(other.groups, g)
		}
	}
	dir := t.TempDir()
	reachSite.writeLogs(t, filepath.Join(dir, "logs"))
	other.writeEstate(t, filepath.Join(dir, "estate"))
	shared := siteGroup{id: "sg-shared", rules: []string{"in 9100 10.0.0.0/8"}}
	writeJSON(t, filepath.Join(dir, "estate", otherAccount, "us-east-1", "shared.json"), object{"SecurityGroups": []object{shared.describe(t)}})
	plan, _ := runPlan(t, "review", filepath.Join(dir, "logs"), "--estate", filepath.Join(dir, "estate"), "--min-window", "14d")
	for _, c := range plan.Changes {
		if c.GroupID == "sg-shared" && (c.Selected || c.Status == "proposed") {
			t.Errorf("%s %s: %v → %v, though another account owns it", c.Status, c.Kind, c.Old, c.New)
		}
	}
	found := false
	for _, g := range plan.Groups {
		found = found || g.ID == "sg-shared" && g.Account == siteAccount
	}
	if !found {
		t.Error("the shared group is not reported")
	}
}
