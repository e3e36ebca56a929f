package recommend

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/analyze/estate"
)

// service turns an interface into an AWS service's.
func service(i *estate.Interface, kind, description string) *estate.Interface {
	i.Type, i.Description, i.RequesterManaged, i.InstanceID, i.InstanceOwner = kind, description, true, "", "amazon-aws"
	return i
}

// TestServices are AWS services with the peculiarity that makes an obvious reading of the logs wrong (aws-facts §2.5, §6).
func TestServices(t *testing.T) {
	tests := []struct {
		name, group string
		make        func(w *testWorld)
		want        string
	}{
		{"RDS: the address moved at a failover, the reference serves both", "sg-app", func(w *testWorld) {
			w.group("sg-app", "ingress tcp 22 10.0.1.9/32", "egress tcp 5432 sg-db")
			w.group("sg-db", "ingress tcp 5432 sg-app")
			w.iface("eni-app", "10.0.1.5", "sg-app")
			service(w.iface("eni-db", "10.0.2.6", "sg-db"), "interface", "RDSNetworkInterface")
			w.see("eni-app", "ingress tcp 22 10.0.1.9")
			w.see("eni-app", "egress tcp 5432 10.0.2.5", 0, 1, 2, 40) // the old address: nobody's now
		}, ""},
		{"RDS: a network is not narrowed to the instance's address of today", "sg-app", func(w *testWorld) {
			w.group("sg-app", "ingress tcp 5000 10.0.0.0/16")
			w.group("sg-db")
			w.iface("eni-app", "10.0.1.5", "sg-app")
			service(w.iface("eni-db", "10.0.2.6", "sg-db"), "interface", "RDSNetworkInterface")
			w.see("eni-app", "ingress tcp 5000 10.0.2.6")
		}, "proposed narrow-peers: ingress tcp 5000 10.0.0.0/16 -> tcp 5000 sg-db\n"},
		{"NLB that keeps the clients' addresses: a reference to its group is used by strangers", "sg-app", func(w *testWorld) {
			w.group("sg-app", "ingress tcp 8443 sg-nlb", "ingress tcp 22 10.0.1.9/32")
			w.group("sg-nlb", "ingress tcp 443 0.0.0.0/0")
			w.iface("eni-app", "10.0.1.5", "sg-app")
			service(w.iface("eni-nlb", "10.0.2.6", "sg-nlb"), "network_load_balancer", "ELB net/front/1")
			w.see("eni-app", "ingress tcp 8443 203.0.113.5")
			w.see("eni-app", "ingress tcp 22 10.0.1.9")
		}, ""},
		{"ALB: nodes come and go, so the group and never an address", "sg-app", func(w *testWorld) {
			w.group("sg-app", "ingress tcp 8080 10.0.0.0/16")
			w.group("sg-alb")
			w.iface("eni-app", "10.0.1.5", "sg-app")
			service(w.iface("eni-alb", "10.0.2.6", "sg-alb"), "interface", "ELB app/front/1")
			w.see("eni-app", "ingress tcp 8080 10.0.2.6")
		}, "proposed narrow-peers: ingress tcp 8080 10.0.0.0/16 -> tcp 8080 sg-alb\n"},
		{"Redshift: the cluster's interface is the service's, its group is ours", "sg-dwh", func(w *testWorld) {
			w.group("sg-dwh", "ingress tcp 5439 10.0.0.0/16", "ingress tcp 5439 192.168.7.0/24")
			w.group("sg-etl")
			service(w.iface("eni-dwh", "10.0.2.6", "sg-dwh"), "interface", "RedshiftNetworkInterface")
			w.iface("eni-etl", "10.0.1.5", "sg-etl")
			w.see("eni-dwh", "ingress tcp 5439 10.0.1.5")
		}, "proposed unused: ingress tcp 5439 192.168.7.0/24 -> nothing\n" +
			"proposed narrow-peers: ingress tcp 5439 10.0.0.0/16 -> tcp 5439 sg-etl\n"},
		{"Lambda: functions of one subnet and group share an interface, so the group", "sg-db", func(w *testWorld) {
			w.group("sg-db", "ingress tcp 5432 10.0.0.0/16")
			w.group("sg-fn")
			w.iface("eni-db", "10.0.2.5", "sg-db")
			service(w.iface("eni-fn", "10.0.1.7", "sg-fn"), "lambda", "AWS Lambda VPC ENI-orders-0a1b")
			w.see("eni-db", "ingress tcp 5432 10.0.1.7")
		}, "proposed narrow-peers: ingress tcp 5432 10.0.0.0/16 -> tcp 5432 sg-fn\n"},
		{"S3 by a gateway endpoint: public addresses, allowed by its prefix list", "sg-app", func(w *testWorld) {
			w.e.PrefixLists["pl-s3"] = &estate.PrefixList{ID: "pl-s3", Name: "com.amazonaws.eu-central-1.s3", Owner: "AWS", Region: "eu-central-1",
				EntriesKnown: true, Entries: prefixes("203.0.113.0/24", "198.51.100.0/25")}
			w.group("sg-app", "ingress tcp 22 10.0.1.9/32", "egress tcp 443 pl-s3", "egress tcp 80 pl-s3")
			w.iface("eni-app", "10.0.1.5", "sg-app")
			w.see("eni-app", "ingress tcp 22 10.0.1.9")
			w.see("eni-app", "egress tcp 443 203.0.113.77")
		}, "review unused: egress tcp 80 pl-s3 -> nothing\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, 92)
			tt.make(w)
			p := w.review(Options{})
			if diff := cmp.Diff(tt.want, said(p, tt.group)); diff != "" {
				t.Errorf("plan for %s (-want +got):\n%s", tt.group, diff)
			}
			leanOnWhatStays(t, p)
		})
	}
}

// TestGatewayEndpoint: a rule to the world that only S3 used over the gateway endpoint becomes the endpoint's list, when egress
// is to be narrowed at all; never the addresses that were seen.
func TestGatewayEndpoint(t *testing.T) {
	w := newWorld(t, 92)
	w.e.PrefixLists["pl-s3"] = &estate.PrefixList{ID: "pl-s3", Name: "com.amazonaws.eu-central-1.s3", Owner: "AWS", Region: "eu-central-1",
		EntriesKnown: true, Entries: prefixes("203.0.113.0/24")}
	w.e.RouteTables[0].Routes = append(w.e.RouteTables[0].Routes, estate.Route{PrefixListID: "pl-s3", Target: "vpce-1", State: "active"})
	w.group("sg-app", "ingress tcp 22 10.0.1.9/32", "egress all 0.0.0.0/0")
	w.iface("eni-app", "10.0.1.5", "sg-app")
	w.see("eni-app", "ingress tcp 22 10.0.1.9")
	w.see("eni-app", "egress tcp 443 203.0.113.77")
	for egress, want := range map[string]string{
		"report": "review narrow-ports: egress all 0.0.0.0/0 -> icmp 3/4 0.0.0.0/0, tcp 443 0.0.0.0/0\n",
		"full":   "review narrow-peers: egress all 0.0.0.0/0 -> icmp 3/4 pl-s3, tcp 443 pl-s3\n",
	} {
		if diff := cmp.Diff(want, said(w.review(Options{Egress: egress}), "sg-app")); diff != "" {
			t.Errorf("--egress %s (-want +got):\n%s", egress, diff)
		}
	}
	w.see("eni-app", "egress tcp 443 192.0.2.1") // somebody else on the Internet, once
	if diff := cmp.Diff("proposed narrow-ports: egress all 0.0.0.0/0 -> icmp 3/4 0.0.0.0/0, tcp 443 0.0.0.0/0\n", said(w.review(Options{Egress: "full"}), "sg-app")); diff != "" {
		t.Errorf("with another peer (-want +got):\n%s", diff)
	}
}

// TestSharing are groups and interfaces of several accounts and VPCs (aws-facts §4.6, §8).
func TestSharing(t *testing.T) {
	tests := []struct {
		name, group string
		make        func(w *testWorld)
		want        string
	}{
		{"an interface of another account carries a shared group: its use counts", "sg-app", func(w *testWorld) {
			w.group("sg-app", "ingress tcp 22 10.0.1.9/32", "ingress tcp 23 10.0.1.9/32")
			w.iface("eni-own", "10.0.1.5", "sg-app")
			w.iface("eni-theirs", "10.0.1.6", "sg-app").Owner = "444455556666"
			w.see("eni-theirs", "ingress tcp 22 10.0.1.9")
		}, "proposed unused: ingress tcp 23 10.0.1.9/32 -> nothing\n"},
		{"a group that another account shares with ours is left to its owner, who has interfaces that we cannot see", "sg-app", func(w *testWorld) {
			w.e.Accounts = []string{"111122223333"}
			w.group("sg-app", "ingress tcp 22 10.0.1.9/32", "ingress tcp 23 10.0.1.9/32").Owner = "444455556666"
			w.iface("eni-own", "10.0.1.5", "sg-app")
			w.see("eni-own", "ingress tcp 22 10.0.1.9")
		}, ""},
		{"an address in another VPC without a way is another machine", "sg-app", func(w *testWorld) {
			w.e.VPCs["vpc-2"] = &estate.VPC{ID: "vpc-2", Owner: "444455556666", Region: "eu-central-1", CIDRs: prefixes("10.0.0.0/16")}
			w.group("sg-app", "ingress tcp 443 10.0.0.0/16")
			w.group("sg-web")
			w.group("sg-far").VPC = "vpc-2"
			w.iface("eni-app", "10.0.1.5", "sg-app")
			w.iface("eni-web", "10.0.2.5", "sg-web")
			w.iface("eni-far", "10.0.2.5", "sg-far").VPC = "vpc-2"
			w.see("eni-app", "ingress tcp 443 10.0.2.5")
		}, "proposed narrow-peers: ingress tcp 443 10.0.0.0/16 -> tcp 443 sg-web\n"},
		{"a group associated with a second VPC is used there", "sg-app", func(w *testWorld) {
			w.e.VPCs["vpc-2"] = &estate.VPC{ID: "vpc-2", Owner: "111122223333", Region: "eu-central-1", CIDRs: prefixes("10.7.0.0/16")}
			w.e.AssociationsKnown = true
			w.group("sg-app", "ingress tcp 22 10.7.1.9/32", "ingress tcp 23 10.0.1.9/32", "ingress tcp 24 10.0.1.9/32").AssociatedVPCs = []string{"vpc-2"}
			w.iface("eni-app", "10.0.1.5", "sg-app")
			second := w.iface("eni-second", "10.7.1.5", "sg-app")
			second.VPC, second.Addrs[0] = "vpc-2", netip.MustParseAddr("10.7.1.5")
			w.see("eni-second", "ingress tcp 22 10.7.1.9")
			w.see("eni-app", "ingress tcp 23 10.0.1.9")
		}, "proposed unused: ingress tcp 24 10.0.1.9/32 -> nothing\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, 92)
			tt.make(w)
			if diff := cmp.Diff(tt.want, said(w.review(Options{}), tt.group)); diff != "" {
				t.Errorf("plan for %s (-want +got):\n%s", tt.group, diff)
			}
		})
	}
}
