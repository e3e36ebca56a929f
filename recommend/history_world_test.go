package recommend_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
)

// A small estate over two days, second by second: clients come, go, change groups, and take each other's addresses; a prefix list
// is edited; a rule is revoked and another made. What really was is a plain list of facts with times; what the sources of an
// estate's history tell of it is written from those.

const (
	began   = int64(20513 * 86400) // of the world, unix seconds: the start of a day
	ended   = began + 2*86400      // when the present was captured
	account = "123456789012"
	region  = "us-east-1"
)

// fact is one state of one thing: of an interface its groups, of the list its entries, of a rule that it was there.
type fact struct {
	id       string
	from, to int64 // [from, to)
	born     int64 // of an interface
	addr     string
	values   []string
	first    bool // of the thing
	last     bool
}

type pastWorld struct {
	r          *rand.Rand
	interfaces []fact
	list       []fact
	rules      map[string][]fact // by peer, of sg-web ingress tcp 443
	recorded   object            // by AWS Config
}

var (
	tiers     = []string{"sg-a", "sg-b", "sg-c"}
	addresses = []string{"10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.20"}
	peers     = []string{"sg-a", "sg-b", "pl-0aa", "10.0.0.0/29"}
)

func newPastWorld(seed uint64) *pastWorld {
	w := &pastWorld{r: rand.New(rand.NewPCG(seed, 7)), rules: map[string][]fact{}}
	for n, addr := range addresses {
		w.holders(n, addr)
	}
	for t, version := began-86400, 0; t < ended; version++ {
		to := w.later(t)
		w.list = append(w.list, fact{id: "pl-0aa", from: t, to: to, values: w.some(addresses), first: version == 0, last: to >= ended})
		t = to
	}
	for _, p := range peers {
		from, to := began-86400, ended+1
		if w.r.IntN(3) == 0 {
			from = began + w.r.Int64N(2*86400)
		}
		if w.r.IntN(4) == 0 {
			to = max(from, began) + w.r.Int64N(ended-max(from, began))
		}
		w.rules[p] = []fact{{id: p, from: from, to: to, first: true, last: true}}
	}
	w.recorded = w.config()
	return w
}

// holders are the interfaces that have an address one after the other, each in one or two sets of groups.
func (w *pastWorld) holders(n int, addr string) {
	for t, k := began-86400, 0; t < ended; k++ {
		gone := w.later(t)
		id, from, first, born := fmt.Sprintf("eni-%d%02d", n, k), t, true, t
		if gone-t > 400 && w.r.IntN(3) == 0 {
			change := t + 200 + w.r.Int64N(gone-t-300)
			w.interfaces = append(w.interfaces, fact{id, from, change, born, addr, w.some(tiers), true, false})
			from, first = change, false
		}
		w.interfaces = append(w.interfaces, fact{id, from, gone, born, addr, w.some(tiers), first, true})
		t = gone + 60*w.r.Int64N(20) // another tier has it within the hour
		if w.r.IntN(4) == 0 {
			t += w.r.Int64N(6 * 3600)
		}
	}
}

// later is a time after t: minutes to a day.
func (w *pastWorld) later(t int64) int64 {
	return t + 120 + w.r.Int64N([]int64{1800, 7200, 90000}[w.r.IntN(3)])
}

func (w *pastWorld) some(all []string) []string {
	out := slices.DeleteFunc(slices.Clone(all), func(string) bool { return w.r.IntN(2) == 0 })
	if len(out) == 0 {
		out = append(out, all[w.r.IntN(len(all))])
	}
	return out
}

func at(facts []fact, t int64) *fact {
	for i := range facts {
		if facts[i].from <= t && t < facts[i].to {
			return &facts[i]
		}
	}
	return nil
}

func (w *pastWorld) holder(addr string, t int64) *fact {
	return at(slices.DeleteFunc(slices.Clone(w.interfaces), func(f fact) bool { return f.addr != addr }), t)
}

// allowed is the truth about a rule of the present for traffic from an address in one second: whether its peer then was, or is
// now, the one that sent. A rule with a list has that of then and that of now, which may differ.
func (w *pastWorld) allowed(peer, addr string, t int64) (then, now bool) {
	switch {
	case peer == "pl-0aa":
		return slices.Contains(at(w.list, t).values, addr), slices.Contains(at(w.list, ended-1).values, addr)
	case peer[:3] == "sg-":
		f := w.holder(addr, t)
		yes := f != nil && slices.Contains(f.values, peer)
		return yes, yes
	}
	yes := netip.MustParsePrefix(peer).Contains(netip.MustParseAddr(addr))
	return yes, yes
}

// over asks allowed of every second from first to last in which somebody had the address.
func (w *pastWorld) over(peer, addr string, first, last int64) (always, never bool) {
	always, never = true, true
	for t := first; t <= last; t++ {
		if t > first && !w.turns(t) { // only then can the answer be another
			continue
		}
		if w.holder(addr, t) != nil {
			then, now := w.allowed(peer, addr, t)
			always, never = always && then && now, never && !then && !now
		}
	}
	return always, never
}

func (w *pastWorld) turns(t int64) bool {
	begins := func(f fact) bool { return f.from == t || f.to == t }
	return slices.ContainsFunc(w.interfaces, begins) || slices.ContainsFunc(w.list, begins)
}

// settled reports whether what the rule depends on was one and the same thing from first to last.
func (w *pastWorld) settled(peer, addr string, first, last int64) bool {
	one, other := w.holder(addr, first), w.holder(addr, last)
	entries, later := at(w.list, max(first, w.list[0].from)), at(w.list, min(last, ended-1))
	return one != nil && other != nil && one.id == other.id && one.from == other.from && entries == later
}

type object = map[string]any

func stamp(t int64) string { return time.Unix(t, 0).UTC().Format(time.RFC3339) }

func eniObject(f *fact) object {
	groups := []object{}
	for _, g := range f.values {
		groups = append(groups, object{"GroupId": g, "GroupName": g})
	}
	return object{"NetworkInterfaceId": f.id, "OwnerId": account, "VpcId": "vpc-1", "SubnetId": "subnet-1", "AvailabilityZone": region + "a", "InterfaceType": "interface",
		"Attachment":       object{"InstanceId": "i-" + f.id, "InstanceOwnerId": account, "AttachTime": stamp(f.born)},
		"PrivateIpAddress": f.addr, "PrivateIpAddresses": []object{{"Primary": true, "PrivateIpAddress": f.addr}}, "Groups": groups}
}

func permission(peer string) object {
	p := object{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": []object{}, "Ipv6Ranges": []object{}, "PrefixListIds": []object{}, "UserIdGroupPairs": []object{}}
	switch peer[:3] {
	case "sg-":
		p["UserIdGroupPairs"] = []object{{"GroupId": peer, "UserId": account}}
	case "pl-":
		p["PrefixListIds"] = []object{{"PrefixListId": peer}}
	default:
		p["IpRanges"] = []object{{"CidrIp": peer}}
	}
	return p
}

// described is a snapshot file of one time.
func (w *pastWorld) described(t int64) object {
	enis := []object{eniObject(&fact{id: "eni-web", born: began - 90000, addr: "10.0.0.100", values: []string{"sg-web"}})}
	for _, addr := range addresses {
		if f := w.holder(addr, t); f != nil {
			enis = append(enis, eniObject(f))
		}
	}
	permissions := []object{}
	for _, p := range peers {
		if at(w.rules[p], t) != nil {
			permissions = append(permissions, permission(p))
		}
	}
	groups := []object{{"GroupId": "sg-web", "GroupName": "web", "OwnerId": account, "VpcId": "vpc-1", "IpPermissions": permissions, "IpPermissionsEgress": []object{}}}
	for _, id := range tiers {
		groups = append(groups, object{"GroupId": id, "GroupName": id, "OwnerId": account, "VpcId": "vpc-1", "IpPermissions": []object{}, "IpPermissionsEgress": []object{}})
	}
	entries := []object{}
	for _, a := range at(w.list, t).values {
		entries = append(entries, object{"Cidr": a + "/32"})
	}
	return object{"schema_version": 1, "captured_at": stamp(t), "scopes": []object{{"partition": "aws", "account": account, "region": region,
		"SecurityGroups": groups, "NetworkInterfaces": enis,
		"PrefixLists":                  []object{{"PrefixListId": "pl-0aa", "PrefixListName": "partners", "OwnerId": account, "MaxEntries": 10, "Entries": entries}},
		"Vpcs":                         []object{{"VpcId": "vpc-1", "OwnerId": account, "CidrBlock": "10.0.0.0/24"}},
		"Subnets":                      []object{{"SubnetId": "subnet-1", "VpcId": "vpc-1", "OwnerId": account, "AvailabilityZone": region + "a", "CidrBlock": "10.0.0.0/24"}},
		"RouteTables":                  []object{{"RouteTableId": "rtb-1", "VpcId": "vpc-1", "Associations": []object{{"Main": true}}, "Routes": []object{{"DestinationCidrBlock": "10.0.0.0/24", "GatewayId": "local", "State": "active"}}}},
		"SecurityGroupVpcAssociations": []object{}}}, "problems": []object{}}
}

// config is what AWS Config recorded of the interfaces and the list, each change up to four minutes late.
func (w *pastWorld) config() object {
	items := []object{}
	add := func(kind, id string, t int64, status string, configuration object) {
		items = append(items, object{"resourceType": "AWS::EC2::" + kind, "resourceId": id, "configurationItemCaptureTime": stamp(t), "configurationItemStatus": status,
			"awsAccountId": account, "awsRegion": region, "configuration": configuration})
	}
	late := map[string]int64{}
	when := func(f fact, t int64) int64 {
		late[f.id] = max(t+w.r.Int64N(240), late[f.id]+1)
		return late[f.id]
	}
	add("NetworkInterface", "eni-web", began-90000, "OK", eniObject(&fact{id: "eni-web", born: began - 90000, addr: "10.0.0.100", values: []string{"sg-web"}}))
	for _, f := range w.interfaces {
		if t := when(f, f.from); t < ended {
			add("NetworkInterface", f.id, t, "OK", eniObject(&f))
		}
		if f.last && f.to < ended-600 {
			add("NetworkInterface", f.id, when(f, f.to), "ResourceDeleted", nil)
		}
	}
	for _, f := range w.list {
		entries := []object{}
		for _, a := range f.values {
			entries = append(entries, object{"Cidr": a + "/32"})
		}
		if t := when(f, f.from); t < ended {
			add("PrefixList", f.id, t, "OK", object{"PrefixListId": f.id, "PrefixListName": "partners", "OwnerId": account, "MaxEntries": 10, "Entries": entries})
		}
	}
	return object{"fileVersion": "1.0", "configurationItems": items}
}

// trail is what CloudTrail recorded, to the second, from before the world began.
func (w *pastWorld) trail() object {
	records := []object{}
	add := func(name string, t int64, request, response object) {
		if t < ended {
			records = append(records, object{"eventSource": "ec2.amazonaws.com", "eventName": name, "eventTime": stamp(t), "awsRegion": region, "recipientAccountId": account,
				"requestParameters": request, "responseElements": response})
		}
	}
	items := func(key string, values []string) object {
		list := []object{}
		for _, v := range values {
			list = append(list, object{key: v})
		}
		return object{"items": list}
	}
	for _, f := range w.interfaces {
		if f.first {
			o := eniObject(&f)
			delete(o, "Groups")
			delete(o, "Attachment")
			o["groupSet"] = items("groupId", f.values)
			add("CreateNetworkInterface", f.from, object{}, object{"networkInterface": o})
		} else {
			add("ModifyNetworkInterfaceAttribute", f.from, object{"networkInterfaceId": f.id, "groupSet": items("groupId", f.values)}, object{})
		}
		if f.last {
			add("DeleteNetworkInterface", f.to, object{"networkInterfaceId": f.id}, object{})
		}
	}
	for k, f := range w.list[1:] {
		entries := func(of, without []string) (out []object) {
			for _, a := range of {
				if !slices.Contains(without, a) {
					out = append(out, object{"Cidr": a + "/32", "tag": len(out) + 1})
				}
			}
			return out
		}
		old := w.list[k].values
		add("ModifyManagedPrefixList", f.from, object{"ModifyManagedPrefixListRequest": object{"PrefixListId": f.id, "AddEntry": entries(f.values, old), "RemoveEntry": entries(old, f.values)}}, object{})
	}
	for peer, facts := range w.rules {
		for _, f := range facts {
			request := object{"groupId": "sg-web", "ipPermissions": object{"items": []object{permission(peer)}}}
			add("AuthorizeSecurityGroupIngress", f.from, request, object{})
			add("RevokeSecurityGroupIngress", f.to, request, object{})
		}
	}
	return object{"Records": records}
}

// load writes the sources of these names in an order of the names' own, and reads the estate.
func (w *pastWorld) load(t *testing.T, sources []string) *estate.Estate {
	t.Helper()
	dir := t.TempDir()
	n := 0
	write := func(o object) {
		text, err := json.Marshal(o)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, fmt.Sprintf("%03d.json", n)), text, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	for _, s := range sources {
		switch s {
		case "now":
			write(w.described(ended))
		case "config":
			write(w.recorded)
		case "trail":
			write(w.trail())
		case "snapshots":
			for at := began; at < ended; at += 6 * 3600 {
				write(w.described(at))
			}
		}
	}
	e, err := estate.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func ruleFor(peer string) analyze.Rule {
	r := analyze.Rule{RuleKey: analyze.RuleKey{GroupID: "sg-web", Direction: analyze.Ingress, Service: analyze.PortService(analyze.TCP, analyze.PortRange{First: 443, Last: 443})}}
	switch peer[:3] {
	case "sg-":
		r.Peer.GroupID = peer
	case "pl-":
		r.Peer.PrefixListID = peer
	default:
		r.Peer.Prefix = netip.MustParsePrefix(peer)
	}
	return r
}
