package world

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// recorded is how long before the window the recorders of the estate's history were switched on.
const recorded = 10 * day

// WriteSnapshots writes a series of snapshot files in the shape of `sgtrim snapshot`: one at 3 o'clock of every day of the
// window, and one at its end.
func (w *World) WriteSnapshots(dir string) error {
	times := []int64{}
	for t := w.start + 3*hour; t < w.end; t += day {
		times = append(times, t)
	}
	for _, t := range append(times, w.end) {
		at := time.Unix(t, 0).UTC()
		scope := object{"partition": w.partition(), "account": w.Account, "region": w.Region,
			"SecurityGroups": w.securityGroups(), "SecurityGroupRules": w.securityGroupRules(), "NetworkInterfaces": w.networkInterfaces(t),
			"PrefixLists": w.prefixListsWithEntries(), "Vpcs": w.vpcs(), "Subnets": w.subnets(), "RouteTables": w.routeTables(), "FlowLogs": w.flowLogs(),
			"VpcPeeringConnections": w.peerings(), "VpcEndpoints": w.endpoints()}
		content := object{"schema_version": 1, "captured_at": at.Format(time.RFC3339), "scopes": []object{scope}, "problems": []object{}}
		name := fmt.Sprintf("estate-%s-%s-%s.json.gz", w.Account, w.Region, at.Format("20060102T150405Z"))
		if err := writeZipped(filepath.Join(dir, name), content); err != nil {
			return err
		}
	}
	return nil
}

func (w *World) prefixListsWithEntries() []object {
	list := w.managedPrefixLists()
	for k, p := range w.PrefixLists {
		list[k]["Entries"] = entries(p)
	}
	return list
}

// WriteConfig writes the history files of AWS Config [F 7.1] of the window and the days before it, one a day: every interface
// when it was discovered and when it was deleted, seconds or minutes late, and every group once.
func (w *World) WriteConfig(dir string) error {
	byDay := map[int64][]object{}
	add := func(kind, id string, t int64, status string, configuration any) {
		o := object{"configurationItemVersion": "1.3", "configurationItemCaptureTime": time.Unix(t, 0).UTC().Format("2006-01-02T15:04:05.000Z"),
			"configurationItemStatus": status, "configurationStateId": t * 1000, "awsAccountId": w.Account, "awsRegion": w.Region,
			"resourceType": "AWS::EC2::" + kind, "resourceId": id, "relationships": []object{}, "tags": object{}, "configuration": configuration}
		d := (t - w.start + 400*day) / day
		byDay[d] = append(byDay[d], o)
	}
	from := w.start - recorded
	for _, g := range w.Groups {
		c := lowerKeys(object{"GroupId": g.ID, "GroupName": g.Name, "Description": g.Description, "VpcId": g.VPC.ID, "OwnerId": w.Account,
			"IpPermissions": w.permissions(g, false), "IpPermissionsEgress": w.permissions(g, true)}).(object)
		rangesTwice(c)
		add("SecurityGroup", g.ID, from, "ResourceDiscovered", c)
	}
	for _, m := range w.Interfaces {
		r := rng(hash(w.Seed, hashString("config"), uint64(m.index)))
		late := func() int64 { return int64(r.n(240)) }
		if m.To <= from || m.From >= w.end {
			continue
		}
		add("NetworkInterface", m.ID, max(m.From+late(), from), "ResourceDiscovered", lowerKeys(w.networkInterface(m)))
		if m.To < w.end {
			add("NetworkInterface", m.ID, m.To+late(), "ResourceDeleted", nil)
		}
	}
	for d, items := range byDay {
		t := time.Unix(w.start+(d-400)*day, 0).UTC()
		name := fmt.Sprintf("AWSLogs/%s/Config/%s/%d/%d/%d/ConfigHistory/%s_Config_%s_ConfigHistory_%s_1.json.gz", w.Account, w.Region,
			t.Year(), t.Month(), t.Day(), w.Account, w.Region, t.Format("20060102T150405Z"))
		if err := writeZipped(filepath.Join(dir, name), object{"fileVersion": "1.0", "requestId": "r", "configurationItems": items}); err != nil {
			return err
		}
	}
	return nil
}

// lowerKeys spells the members of describe outputs as AWS Config does.
func lowerKeys(v any) any {
	switch v := v.(type) {
	case object:
		out := object{}
		for k, member := range v {
			out[strings.ToLower(k[:1])+k[1:]] = lowerKeys(member)
		}
		return out
	case []object:
		out := make([]any, len(v))
		for i := range v {
			out[i] = lowerKeys(v[i])
		}
		return out
	}
	return v
}

// rangesTwice gives the IPv4 ranges as bare texts and as objects, as AWS Config does.
func rangesTwice(group object) {
	for _, side := range []string{"ipPermissions", "ipPermissionsEgress"} {
		for _, p := range group[side].([]any) {
			p := p.(object)
			full := p["ipRanges"].([]any)
			texts := make([]string, len(full))
			for i, r := range full {
				texts[i] = r.(object)["cidrIp"].(string)
			}
			p["ipRanges"], p["ipv4Ranges"] = texts, full
		}
	}
}

// WriteTrail writes what CloudTrail recorded [F 7.2] in the window, one file a day: every interface that was made and
// went.
func (w *World) WriteTrail(dir string) error {
	byDay := map[int64][]object{}
	add := func(name string, t int64, request, response object) {
		d := (t - w.start) / day
		byDay[d] = append(byDay[d], object{"eventVersion": "1.08", "eventSource": "ec2.amazonaws.com", "eventName": name,
			"eventTime": time.Unix(t, 0).UTC().Format(time.RFC3339), "awsRegion": w.Region, "recipientAccountId": w.Account,
			"requestParameters": request, "responseElements": response})
	}
	for _, m := range w.Interfaces {
		if m.From >= w.start && m.From < w.end {
			if m.InstanceID != "" {
				instance := object{"instanceId": m.InstanceID, "networkInterfaceSet": items(w.trailInterface(m))}
				add("RunInstances", m.From, object{}, object{"instancesSet": items(instance)})
			} else {
				add("CreateNetworkInterface", m.From, object{}, object{"networkInterface": w.trailInterface(m)})
			}
		}
		switch {
		case m.To == math.MaxInt64 || m.To < w.start || m.To >= w.end:
		case m.InstanceID != "": // its interface goes with it, and no event says so
			add("TerminateInstances", m.To, object{"instancesSet": items(object{"instanceId": m.InstanceID})}, object{})
		default:
			add("DeleteNetworkInterface", m.To, object{"networkInterfaceId": m.ID}, object{"_return": true})
		}
	}
	for d, records := range byDay {
		t := time.Unix(w.start+d*day, 0).UTC()
		name := fmt.Sprintf("AWSLogs/%s/CloudTrail/%s/%s/%s_CloudTrail_%s_%s.json.gz", w.Account, w.Region, t.Format("2006/01/02"),
			w.Account, w.Region, t.Format("20060102T1504Z"))
		if err := writeZipped(filepath.Join(dir, name), object{"Records": records}); err != nil {
			return err
		}
	}
	return nil
}

// items is a list in CloudTrail's spelling.
func items(list ...object) object { return object{"items": list} }

func (w *World) trailInterface(m *Interface) object {
	o := lowerKeys(w.networkInterface(m)).(object)
	groups := []object{}
	for _, g := range m.Groups {
		groups = append(groups, object{"groupId": g.ID, "groupName": g.Name})
	}
	private := []object{}
	for _, p := range o["privateIpAddresses"].([]any) {
		private = append(private, p.(object))
	}
	o["groupSet"], o["privateIpAddressesSet"] = items(groups...), object{"item": private}
	for _, k := range []string{"groups", "privateIpAddresses", "attachment", "ipv6Addresses", "association"} {
		delete(o, k)
	}
	return o
}

func writeZipped(name string, content any) (err error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return fmt.Errorf("world: history: %w", err)
	}
	f, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("world: history: %w", err)
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	z := gzip.NewWriter(f)
	if err := json.NewEncoder(z).Encode(content); err != nil {
		return fmt.Errorf("world: history: %w", err)
	}
	return z.Close()
}
