package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sgtrim/sgtrim/recommend"
)

// site is a small estate made by hand, with what goes on in it every day of a window.
type site struct {
	enis   []siteENI
	groups []siteGroup
	flows  []siteFlow
	more   map[string][]object // further objects, by the key of describe
}

// siteENI is an interface of a service, or of an instance. Its subnet is the /24 of its address.
type siteENI struct {
	id, addr, group   string // group "": it has none
	kind, description string
	prefix            string // delegated, "" for none
	from, to          int    // days of the window in which it is there; to 0: the end
	instance          bool
	account, vpc      string // "": siteAccount and siteVPC
}

// siteGroup is a group with its rules: direction, TCP port, peer.
type siteGroup struct {
	id, account, vpc string // "": siteAccount and siteVPC
	rules            []string
}

// siteFlow is a connection a day from each of the clients.
type siteFlow struct {
	clients              []string
	server               string
	port                 int
	clientVPC, serverVPC string // "": siteVPC
	path, service        string // AWS's traffic-path of what goes out, and pkt-dst-aws-service
	from, to             int    // days; to 0: the end
}

const (
	siteAccount, siteVPC = "123456789012", "vpc-0a"
	siteDays             = 95 // enough for every kind of change
)

var siteStart = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func (e *siteENI) there(d int) bool { return d >= e.from && (e.to == 0 || d < e.to) }

func (e *siteENI) has(vpc, addr string) bool {
	return cmp.Or(e.vpc, siteVPC) == cmp.Or(vpc, siteVPC) && (e.addr == addr || e.prefix != "" && netip.MustParsePrefix(e.prefix).Contains(netip.MustParseAddr(addr)))
}

func (e *siteENI) subnet() string {
	return "subnet-" + cmp.Or(e.vpc, siteVPC)[4:] + "-" + strings.Split(e.addr, ".")[2]
}

// writeLogs writes the flow logs as AWS does: both ends of a connection, both ways, and a NODATA row for every other hour.
func (s *site) writeLogs(t *testing.T, dir string) {
	t.Helper()
	var b strings.Builder
	b.WriteString("version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status tcp-flags pkt-srcaddr pkt-dstaddr pkt-dst-aws-service flow-direction traffic-path\n")
	for d := range siteDays {
		for i := range s.enis {
			e := &s.enis[i]
			for h := 0; e.there(d) && h < 24; h++ {
				at := siteStart.AddDate(0, 0, d).Unix() + int64(h)*3600
				if h != 10 || !s.rows(&b, e, d, at) {
					fmt.Fprintf(&b, "5 %s %s - - - - - - - %d %d - NODATA - - - - - -\n", cmp.Or(e.account, siteAccount), e.id, at+60, at+600)
				}
			}
		}
	}
	writeText(t, filepath.Join(dir, "flows.log"), []byte(b.String()))
}

// rows writes those of the interface for one hour of traffic, and reports whether there were any.
func (s *site) rows(b *strings.Builder, e *siteENI, d int, at int64) (any bool) {
	row := func(src, dst string, sport, dport int, flags, direction, path, service string, pktSrc, pktDst string) {
		any = true
		fmt.Fprintf(b, "5 %s %s %s %s %d %d 6 9 4000 %d %d ACCEPT OK %s %s %s %s %s %s\n", cmp.Or(e.account, siteAccount), e.id, src, dst, sport, dport, at+60, at+90, flags, pktSrc, pktDst, service, direction, path)
	}
	for n, f := range s.flows {
		if d < f.from || f.to > 0 && d >= f.to {
			continue
		}
		for k, client := range f.clients {
			sport := 40000 + (d*97+n*13+k)%20000
			switch { // of a pod the interface's primary address is logged [aws-facts 1.4]
			case e.has(f.serverVPC, f.server):
				row(client, e.addr, sport, f.port, "3", "ingress", "-", "-", client, f.server)
				row(e.addr, client, f.port, sport, "19", "egress", "1", "-", f.server, client)
			case e.has(f.clientVPC, client):
				row(e.addr, f.server, sport, f.port, "3", "egress", cmp.Or(f.path, "1"), cmp.Or(f.service, "-"), client, f.server)
				row(f.server, e.addr, f.port, sport, "19", "ingress", "-", "-", f.server, client)
			}
		}
	}
	return any
}

// writeEstate writes the estate of the window's end as each of its accounts describes it, in a folder for each, and what AWS
// Config has of the interfaces.
func (s *site) writeEstate(t *testing.T, dir string) {
	t.Helper()
	parts := map[string]map[string]any{} // file by account
	part := func(account, kind string, o object) {
		account = cmp.Or(account, siteAccount)
		if parts[account] == nil {
			parts[account] = map[string]any{"SecurityGroups": []object{}, "NetworkInterfaces": []object{}}
		}
		list, _ := parts[account][kind].([]object)
		parts[account][kind] = append(list, o)
	}
	var items []object
	subnets := map[string]bool{}
	for i := range s.enis {
		e := &s.enis[i]
		o, attached := e.describe()
		item := func(at time.Time, status string, configuration any) {
			items = append(items, object{"resourceType": "AWS::EC2::NetworkInterface", "resourceId": e.id, "awsAccountId": cmp.Or(e.account, siteAccount), "awsRegion": "us-east-1",
				"configurationItemCaptureTime": at.Format(time.RFC3339), "configurationItemStatus": status, "configuration": configuration})
		}
		item(attached.Add(time.Minute), "ResourceDiscovered", o)
		if e.to > 0 {
			item(siteStart.AddDate(0, 0, e.to), "ResourceDeleted", nil)
		} else {
			part(e.account, "NetworkInterfaces", o)
		}
		if !subnets[e.subnet()] {
			subnets[e.subnet()] = true
			network := netip.PrefixFrom(netip.MustParseAddr(e.addr), 24).Masked()
			part("", "Subnets", object{"SubnetId": e.subnet(), "VpcId": cmp.Or(e.vpc, siteVPC), "CidrBlock": network.String(), "AvailabilityZone": "us-east-1a"})
		}
	}
	for _, g := range s.groups {
		part(g.account, "SecurityGroups", g.describe(t))
	}
	for kind, list := range s.more {
		for _, o := range list {
			part("", kind, o)
		}
	}
	for account, content := range parts {
		writeJSON(t, filepath.Join(dir, account, "us-east-1", "now.json"), content)
	}
	writeJSON(t, filepath.Join(dir, "config.json"), object{"fileVersion": "1.0", "configurationItems": items})
}

func (e *siteENI) describe() (o object, attached time.Time) {
	attached = siteStart.AddDate(0, 0, -1)
	if e.from > 0 {
		attached = siteStart.AddDate(0, 0, e.from)
	}
	attachment := object{"AttachTime": attached.Format(time.RFC3339)}
	if e.instance {
		attachment["InstanceId"] = "i-" + e.id[4:]
	}
	o = object{"NetworkInterfaceId": e.id, "OwnerId": cmp.Or(e.account, siteAccount), "VpcId": cmp.Or(e.vpc, siteVPC), "SubnetId": e.subnet(), "AvailabilityZone": "us-east-1a",
		"Description": e.description, "InterfaceType": cmp.Or(e.kind, "interface"), "RequesterManaged": !e.instance, "Status": "in-use", "PrivateIpAddress": e.addr,
		"PrivateIpAddresses": []object{{"PrivateIpAddress": e.addr, "Primary": true}}, "Groups": []object{}, "Attachment": attachment}
	if e.group != "" {
		o["Groups"] = []object{{"GroupId": e.group, "GroupName": e.group}}
	}
	if e.prefix != "" {
		o["Ipv4Prefixes"] = []object{{"Ipv4Prefix": e.prefix}}
	}
	return o, attached
}

func (g *siteGroup) describe(t *testing.T) object {
	t.Helper()
	sides := map[string][]object{"in": {}, "out": {}}
	for _, text := range g.rules {
		var dir, peer string
		var port int
		if _, err := fmt.Sscan(text, &dir, &port, &peer); err != nil {
			t.Fatal(err)
		}
		p := object{"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": []object{}, "UserIdGroupPairs": []object{}}
		if strings.HasPrefix(peer, "sg-") {
			p["UserIdGroupPairs"] = []object{{"GroupId": peer, "UserId": cmp.Or(g.account, siteAccount)}}
		} else {
			p["IpRanges"] = []object{{"CidrIp": peer}}
		}
		sides[dir] = append(sides[dir], p)
	}
	return object{"GroupId": g.id, "GroupName": g.id[3:], "Description": "d", "OwnerId": cmp.Or(g.account, siteAccount), "VpcId": cmp.Or(g.vpc, siteVPC),
		"IpPermissions": sides["in"], "IpPermissionsEgress": sides["out"]}
}

func writeJSON(t *testing.T, path string, content any) {
	t.Helper()
	text, err := json.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	writeText(t, path, text)
}

func writeText(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// changeLines are the changes of a plan, one rule each, sorted.
func changeLines(plan *recommend.Plan) (out []string) {
	for _, c := range plan.Changes {
		var to []string
		for _, n := range c.New {
			to = append(to, n.Peer)
		}
		slices.Sort(to)
		for _, o := range c.Old {
			out = append(out, fmt.Sprintf("%s %s %s %s %s → %s", c.Status, c.GroupID, c.Direction, o.Service, o.Peer, strings.Join(to, " ")))
		}
	}
	slices.Sort(out)
	return out
}
