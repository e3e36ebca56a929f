package main

import (
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/recommend"
)

// serviceSite has one or two interfaces of each service [aws-facts 6], and rules wider than what is used. Subnets: 10.0.1.0/24 of
// instances, 10.0.2.0/24 of services, 10.0.3.0/24 of pods.
var serviceSite = site{
	enis: []siteENI{
		{id: "eni-app", addr: "10.0.1.10", group: "sg-app", instance: true},
		{id: "eni-web", addr: "10.0.1.11", group: "sg-web", instance: true},
		{id: "eni-alb1", addr: "10.0.2.21", group: "sg-alb", description: "ELB app/shop/50dc6c495c0c9188"},
		{id: "eni-alb2", addr: "10.0.2.22", group: "sg-alb", description: "ELB app/shop/50dc6c495c0c9188"},
		{id: "eni-nlb", addr: "10.0.2.30", group: "sg-nlb", kind: "network_load_balancer", description: "ELB net/edge/1234567890abcdef"},
		{id: "eni-db1", addr: "10.0.2.40", group: "sg-db", description: "RDSNetworkInterface", to: 50},
		{id: "eni-db2", addr: "10.0.2.41", group: "sg-db", description: "RDSNetworkInterface", from: 50},
		{id: "eni-wh", addr: "10.0.2.50", group: "sg-wh", description: "RedshiftNetworkInterface"},
		{id: "eni-fn", addr: "10.0.1.60", group: "sg-fn", kind: "lambda", description: "AWS Lambda VPC ENI-orders-1b2c3d4e-aaaa-bbbb-cccc-0123456789ab"},
		{id: "eni-cache", addr: "10.0.2.70", group: "sg-cache", description: "ElastiCache sessions-001"},
		{id: "eni-efs", addr: "10.0.2.80", group: "sg-efs", kind: "efs", description: "EFS mount target for fs-0123 (fsmt-0123)"},
		{id: "eni-task", addr: "10.0.1.90", group: "sg-task", description: "arn:aws:ecs:us-east-1:123456789012:attachment/0a1b"},
		{id: "eni-node", addr: "10.0.3.5", group: "sg-node", description: "aws-K8S-i-0123456789abcdef0", prefix: "10.0.3.16/28", instance: true},
		{id: "eni-nat", addr: "10.0.2.100", kind: "nat_gateway", description: "Interface for NAT Gateway nat-0123"},
		{id: "eni-tgw", addr: "10.0.2.110", kind: "transit_gateway", description: "Network Interface for Transit Gateway Attachment tgw-attach-0123"},
	},
	groups: []siteGroup{
		{id: "sg-app", rules: []string{"in 8080 10.0.0.0/8", "in 9000 10.0.0.0/8", "in 9001 10.0.0.0/8", "in 9002 10.0.0.0/8", "in 9003 10.0.0.0/8", "in 9004 172.16.0.0/12",
			"out 5432 10.0.0.0/8", "out 5439 10.0.0.0/8", "out 6379 10.0.0.0/8", "out 2049 10.0.0.0/8", "out 443 0.0.0.0/0"}},
		{id: "sg-web", rules: []string{"in 443 sg-nlb"}},
		{id: "sg-alb", rules: []string{"out 8080 sg-app"}},
		{id: "sg-nlb", rules: []string{"in 443 0.0.0.0/0"}},
		{id: "sg-db", rules: []string{"in 5432 10.0.0.0/8"}},
		{id: "sg-wh", rules: []string{"in 5439 10.0.0.0/8"}},
		{id: "sg-fn", rules: []string{"out 9000 sg-app"}},
		{id: "sg-cache", rules: []string{"in 6379 10.0.0.0/8"}},
		{id: "sg-efs", rules: []string{"in 2049 10.0.0.0/8"}},
		{id: "sg-task", rules: []string{"out 9001 sg-app"}},
		{id: "sg-node", rules: []string{"out 9002 sg-app"}},
	},
	flows: []siteFlow{
		{clients: []string{"10.0.2.21", "10.0.2.22"}, server: "10.0.1.10", port: 8080},              // ALB → app
		{clients: []string{"198.51.100.7", "203.0.113.80"}, server: "10.0.1.11", port: 443},         // NLB → web, the clients' addresses kept
		{clients: []string{"198.51.100.7", "203.0.113.80"}, server: "10.0.2.30", port: 443},         // the same, at the NLB
		{clients: []string{"10.0.1.10"}, server: "10.0.2.40", port: 5432, to: 50},                   // app → RDS
		{clients: []string{"10.0.1.10"}, server: "10.0.2.41", port: 5432, from: 50},                 // … after the failover
		{clients: []string{"10.0.1.10"}, server: "10.0.2.50", port: 5439},                           // app → Redshift
		{clients: []string{"10.0.1.60"}, server: "10.0.1.10", port: 9000},                           // functions that share an interface → app
		{clients: []string{"10.0.1.90"}, server: "10.0.1.10", port: 9001},                           // task → app
		{clients: []string{"10.0.3.17", "10.0.3.29"}, server: "10.0.1.10", port: 9002},              // pods → app
		{clients: []string{"10.0.2.100"}, server: "10.0.1.10", port: 9003},                          // NAT gateway → app
		{clients: []string{"172.16.4.9", "172.16.4.77"}, server: "10.0.1.10", port: 9004},           // through the TGW → app
		{clients: []string{"10.0.1.10"}, server: "10.0.2.70", port: 6379},                           // app → ElastiCache
		{clients: []string{"10.0.1.10"}, server: "10.0.2.80", port: 2049},                           // app → EFS
		{clients: []string{"10.0.1.10"}, server: "52.216.7.9", port: 443, path: "7", service: "S3"}, // app → S3, by the gateway endpoint
	},
	more: map[string][]object{
		"Vpcs": {{"VpcId": siteVPC, "OwnerId": siteAccount, "CidrBlock": "10.0.0.0/16"}},
		"RouteTables": {{"RouteTableId": "rtb-1", "VpcId": siteVPC, "Associations": []object{{"Main": true}}, "Routes": []object{
			{"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"}, {"DestinationPrefixListId": "pl-63a5400a", "GatewayId": "vpce-1", "State": "active"},
			{"DestinationCidrBlock": "172.16.0.0/12", "TransitGatewayId": "tgw-1", "State": "active"}}}},
		"PrefixLists": {{"PrefixListId": "pl-63a5400a", "PrefixListName": "com.amazonaws.us-east-1.s3", "OwnerId": "AWS", "AddressFamily": "IPv4",
			"Entries": []object{{"Cidr": "52.216.0.0/15"}, {"Cidr": "54.231.0.0/16"}}}},
		"VpcEndpoints": {{"VpcEndpointId": "vpce-1", "VpcId": siteVPC, "VpcEndpointType": "Gateway", "ServiceName": "com.amazonaws.us-east-1.s3", "RouteTableIds": []string{"rtb-1"}}},
	},
}

// TestServices: each AWS service with the peculiarity that makes a tool wrong that goes by addresses alone.
func TestServices(t *testing.T) {
	dir := t.TempDir()
	logs, estate := filepath.Join(dir, "logs"), filepath.Join(dir, "estate")
	serviceSite.writeLogs(t, logs)
	serviceSite.writeEstate(t, estate)
	plan, _ := runPlan(t, "review", logs, "--estate", estate, "--egress", "full", "--min-window", "14d")
	if diff := cmp.Diff([]string{
		"proposed sg-app egress tcp 2049 10.0.0.0/8 → sg-efs",
		"proposed sg-app egress tcp 5432 10.0.0.0/8 → sg-db", // one address before the failover, another since: of neither
		"proposed sg-app egress tcp 5439 10.0.0.0/8 → sg-wh",
		"proposed sg-app egress tcp 6379 10.0.0.0/8 → sg-cache",
		"proposed sg-app ingress tcp 8080 10.0.0.0/8 → sg-alb", // its nodes' addresses change
		"proposed sg-app ingress tcp 9000 10.0.0.0/8 → sg-fn",  // of all functions that share the interface
		"proposed sg-app ingress tcp 9001 10.0.0.0/8 → sg-task",
		"proposed sg-app ingress tcp 9002 10.0.0.0/8 → sg-node",     // pods have addresses of a prefix of the node
		"proposed sg-app ingress tcp 9003 10.0.0.0/8 → 10.0.2.0/24", // a NAT gateway has no group
		"proposed sg-app ingress tcp 9004 172.16.0.0/12 → 172.16.4.77/32 172.16.4.9/32",
		"proposed sg-cache ingress tcp 6379 10.0.0.0/8 → sg-app",
		"proposed sg-db ingress tcp 5432 10.0.0.0/8 → sg-app",
		"proposed sg-efs ingress tcp 2049 10.0.0.0/8 → sg-app",
		"proposed sg-wh ingress tcp 5439 10.0.0.0/8 → sg-app",
		"review sg-app egress tcp 443 0.0.0.0/0 → pl-63a5400a", // the gateway endpoint's list, not the addresses seen
		// Of sg-web and sg-nlb nothing: the reference to the NLB's group lets in whoever the NLB hands on.
	}, changeLines(&plan)); diff != "" {
		t.Errorf("the proposals (-want +got):\n%s", diff)
	}
	for _, g := range plan.Groups {
		if slices.ContainsFunc(g.Interfaces, func(id string) bool { return id == "eni-nat" || id == "eni-tgw" }) {
			t.Errorf("group %s: an interface without groups is a subject", g.ID)
		}
	}
	names := []string{"ALB app/shop/50dc6c495c0c9188", "RDS eni-db1", "RDS eni-db2", "Redshift eni-wh", "Lambda eni-fn", "ElastiCache sessions-001", "EFS fs-0123", "ECS task eni-task", "EKS pods i-node",
		"NAT gateway nat-0123", "com.amazonaws.us-east-1.s3"}
	ledger := filepath.Join(dir, "ledger")
	if code := run(t.Context(), []string{"ingest", logs, "--ledger", ledger, "--quiet"}, streams{strings.NewReader(""), io.Discard, io.Discard}); code != exitDone {
		t.Fatalf("ingest exits with %d", code)
	}
	for _, format := range []string{"summary", "html", "json", "table", "csv", "asff", "markdown"} {
		var stdout, stderr strings.Builder
		args := []string{"recommend", "--ledger", ledger, "--estate", estate, "--egress", "full", "--min-window", "14d", "--format", format}
		if code := run(t.Context(), args, streams{strings.NewReader(""), &stdout, &stderr}); code != exitDone {
			t.Fatalf("%s: exit code %d: %s", format, code, stderr.String())
		}
		for k, name := range names {
			if format == "asff" && k > 0 {
				break // a finding has room for the first few [aws-facts 9.3]
			}
			if !strings.Contains(stdout.String(), name) {
				t.Errorf("%s does not name %s", format, name)
			}
		}
	}
}

// TestServicesWithoutAPast: without AWS Config nobody knows whose the address was that RDS left, and no rule narrows past it.
func TestServicesWithoutAPast(t *testing.T) {
	dir := t.TempDir()
	logs, estate := filepath.Join(dir, "logs"), filepath.Join(dir, "estate")
	serviceSite.writeLogs(t, logs)
	serviceSite.writeEstate(t, estate)
	if err := os.Remove(filepath.Join(estate, "config.json")); err != nil {
		t.Fatal(err)
	}
	plan, _ := runPlan(t, "review", logs, "--estate", estate, "--egress", "full", "--min-window", "14d")
	for _, c := range plan.Changes {
		for _, o := range c.Old {
			if c.GroupID != "sg-app" || o.Service != "tcp 5432" {
				continue
			}
			if !slices.ContainsFunc(c.New, func(n recommend.RuleText) bool {
				p, err := netip.ParsePrefix(n.Peer)
				return err == nil && p.Contains(netip.MustParseAddr("10.0.2.40")) && p.Contains(netip.MustParseAddr("10.0.2.41"))
			}) {
				t.Errorf("%s %s: %v → %v", c.Status, c.Kind, c.Old, c.New)
			}
		}
	}
}
