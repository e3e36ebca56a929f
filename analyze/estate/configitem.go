package estate

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
)

// configItem is an AWS Config item, as the API gives it or as history and snapshot files hold it [F 7.1]. The spellings of
// members differ between the two, not only in case.
type configItem struct {
	ResourceType, ResourceID     string
	ConfigurationItemStatus      string
	ConfigurationItemCaptureTime json.RawMessage // text, or seconds since 1970
	AccountID, AwsAccountID      string
	AwsRegion                    string
	RecordingFrequency           string
	Configuration                json.RawMessage // an object, or an object as text
}

// configKinds are the resource types of which the estate is made, in the shapes of describe.
var configKinds = map[string]Kind{
	"AWS::EC2::SecurityGroup":        SecurityGroups,
	"AWS::EC2::NetworkInterface":     NetworkInterfaces,
	"AWS::EC2::VPC":                  VPCs,
	"AWS::EC2::Subnet":               Subnets,
	"AWS::EC2::PrefixList":           PrefixLists, // in the words of CloudFormation, which are those of describe
	"AWS::EC2::RouteTable":           RouteTables,
	"AWS::EC2::VPCPeeringConnection": VPCPeeringConnections,
}

// configLag is by how much AWS Config may record a change late: minutes, or a day where it records once a day [F 7.1].
const (
	configLag      = 10 * time.Minute
	configLagDaily = 25 * time.Hour
)

func (c *configItem) gone() bool {
	return strings.HasPrefix(c.ConfigurationItemStatus, "ResourceDeleted")
}

// recorded is false of items that say only that nobody records such resources.
func (c *configItem) recorded() bool { return c.ConfigurationItemStatus != "ResourceNotRecorded" }

// excluded is true of items that say that the recorder leaves out such resources.
func (c *configItem) excluded() bool {
	return strings.HasSuffix(c.ConfigurationItemStatus, "NotRecorded")
}

// discovered is true of the first item of a resource. Where that is missing, as in part of a bucket, the earliest item at hand
// is one of a change, and tells nothing of the time before.
func (c *configItem) discovered() bool { return c.ConfigurationItemStatus == "ResourceDiscovered" }

func (c *configItem) lag() int64 {
	if strings.EqualFold(c.RecordingFrequency, "DAILY") {
		return int64(configLagDaily / time.Second)
	}
	return int64(configLag / time.Second)
}

// time is when the item was recorded.
func (c *configItem) time(at where) (time.Time, error) {
	t, err := at.textOrSeconds("configurationItemCaptureTime", c.ConfigurationItemCaptureTime)
	if err == nil && t.IsZero() {
		err = at.err("configurationItemCaptureTime", errors.New("missing"))
	}
	return t, err
}

// textOrSeconds is a time that stands as a text, or as seconds since 1970; zero where it is neither.
func (w where) textOrSeconds(field string, raw json.RawMessage) (time.Time, error) {
	var text string
	if json.Unmarshal(cmpNull(raw), &text) == nil && text != "" {
		return w.time(field, text)
	}
	seconds, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || !(seconds > 0 && seconds <= 1e11) {
		return time.Time{}, nil
	}
	return time.UnixMilli(int64(seconds * 1000)).UTC(), nil
}

// object is the configuration in the shape of describe; nil when there is none.
func (c *configItem) object(at where) (json.RawMessage, error) {
	raw := bytes.TrimSpace(c.Configuration)
	var text string
	if len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &text) == nil {
		raw = []byte(text)
	}
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, at.err("configuration", err)
	}
	if configKinds[c.ResourceType] != SecurityGroups {
		return compacted(raw), nil
	}
	for _, name := range []string{"IpPermissions", "IpPermissionsEgress"} {
		key, value := lookup(members, name)
		var permissions []map[string]json.RawMessage
		if err := json.Unmarshal(cmpNull(value), &permissions); err != nil {
			return nil, at.err("configuration."+key, err)
		}
		for _, p := range permissions {
			plainRanges(p)
		}
		members[key] = marshal(permissions)
	}
	return marshal(members), nil
}

// plainRanges brings the IPv4 ranges of a permission into the shape of describe. AWS Config gives them twice: as bare texts
// and with their descriptions [F 7.1].
func plainRanges(permission map[string]json.RawMessage) {
	bare, texts := lookup(permission, "IpRanges")
	full, objects := lookup(permission, "Ipv4Ranges")
	delete(permission, full)
	var list []string
	switch {
	case json.Unmarshal(cmpNull(texts), &list) != nil: // objects already
	case len(bytes.Trim(objects, "[] \n\t")) > 0 && string(objects) != "null":
		permission[bare] = objects
	default:
		ranges := make([]map[string]string, 0, len(list))
		for _, text := range list {
			ranges = append(ranges, map[string]string{"CidrIp": text})
		}
		permission[bare] = marshal(ranges)
	}
}

// marshal writes what was just read as JSON.
func marshal(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil { // cannot be: texts, and members that were just read
		return json.RawMessage("null")
	}
	return raw
}

// eachItem reads the items of AWS Config in all scopes. scope is the account and region of the item.
func eachItem(all []*SnapshotScope, use func(at where, scope *SnapshotScope, c *configItem) error) error {
	for _, s := range all {
		for i, raw := range s.Objects[ConfigurationItems] {
			at := where{scope: s, kind: ConfigurationItems, index: i}
			var c configItem
			if err := at.decode(raw, &c); err != nil {
				return err
			}
			if _, ours := configKinds[c.ResourceType]; !ours {
				continue
			}
			at.id = c.ResourceID
			own := *s
			own.Account, own.Region = cmp.Or(c.AccountID, c.AwsAccountID, s.Account), cmp.Or(c.AwsRegion, s.Region)
			own.Partition = cmp.Or(s.Partition, analyze.Partition(own.Region))
			at.scope = &own
			if err := use(at, &own, &c); err != nil {
				return err
			}
		}
	}
	return nil
}

// configItems marks what AWS Config recorded of interfaces, groups and prefix lists.
func (h *historian) configItems(all []*SnapshotScope) error {
	return eachItem(all, func(at where, _ *SnapshotScope, c *configItem) error {
		kind := configKinds[c.ResourceType]
		if kind != NetworkInterfaces && kind != SecurityGroups && kind != PrefixLists {
			return nil
		}
		t, err := c.time(at)
		if err != nil {
			return err
		}
		h.latest = max(h.latest, t.Unix())
		h.reaches(fromConfig, at.scope.place(), t.Unix())
		if then := &h.b.e.History.ConfigSince; then.IsZero() || t.Before(*then) {
			*then = t
		}
		h.b.e.History.ConfigItems++
		h.b.e.History.ConfigLate = max(h.b.e.History.ConfigLate, int(c.lag()))
		switch kind {
		case NetworkInterfaces:
			return fromItem(&h.interfaces, at, c, t, h.b.interfaceState)
		case PrefixLists:
			return fromItem(&h.lists, at, c, t, h.b.listState)
		}
		return fromItem(&h.groups, at, c, t, h.b.rulesState)
	})
}

func fromItem[T any](t *timeline[T], at where, c *configItem, when time.Time, read func(where, json.RawMessage) (state[T], error)) error {
	if c.excluded() {
		t.unrecorded[at.scope.place()] = append(t.unrecorded[at.scope.place()], when.Unix())
	}
	if !c.recorded() {
		return nil
	}
	m := mark[T]{at: when.Unix(), nanos: int64(when.Nanosecond()), origin: fromConfig, lag: c.lag(), found: c.discovered(), scope: at.scope.place()}
	if since, ok := t.configSince[m.scope]; !ok || m.at < since {
		t.configSince[m.scope] = m.at
	}
	if c.gone() {
		t.add(c.ResourceID, m)
		return nil
	}
	raw, err := c.object(at)
	if err != nil || raw == nil {
		return err
	}
	one, err := read(at, raw)
	if err != nil {
		return err
	}
	if m.value, m.key = one.value, one.key; m.value != nil && one.id == c.ResourceID {
		t.add(c.ResourceID, m)
	}
	return nil
}

// settlingIn is how long AWS Config may take, once it begins to record a region, to discover what is there already.
const settlingIn = int64(configLagDaily / time.Second)

// discovered is that an object was not there just before AWS Config first recorded it, ok only where AWS Config had been
// recording its like for a while.
func (t *timeline[T]) discovered(marks []mark[T]) (absent mark[T], ok bool) {
	there := slices.DeleteFunc(slices.Clone(marks), func(m mark[T]) bool { return m.value == nil })
	if len(there) == 0 {
		return absent, false
	}
	first := slices.MinFunc(there, mark[T].compare)
	if first.origin != fromConfig || !first.found || first.at < t.configSince[first.scope]+settlingIn {
		return absent, false
	}
	return mark[T]{at: first.at - first.lag, origin: fromConfig, lag: first.lag, scope: first.scope}, true
}

// configPresent is the present as AWS Config has it, of the kinds that no describe output of the account and region holds:
// the latest item of each resource.
func configPresent(all []*SnapshotScope) ([]*SnapshotScope, error) {
	type latest struct {
		at    where
		scope *SnapshotScope
		time  time.Time
		item  configItem
	}
	found := map[string]latest{}
	err := eachItem(all, func(at where, scope *SnapshotScope, c *configItem) error {
		if !c.recorded() || describedIn(all, configKinds[c.ResourceType], scope.Scope) {
			return nil
		}
		t, err := c.time(at)
		if id := c.ResourceType + " " + c.ResourceID; err == nil && !t.Before(found[id].time) {
			found[id] = latest{at, scope, t, *c}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	var out []*SnapshotScope
	for _, id := range sortedKeys(found) {
		l := found[id]
		raw, err := l.item.object(l.at)
		if err != nil {
			return nil, err
		}
		if raw == nil || l.item.gone() {
			continue
		}
		k := slices.IndexFunc(out, func(s *SnapshotScope) bool { return s.Scope == l.scope.Scope })
		if k < 0 {
			k = len(out)
			out = append(out, &SnapshotScope{Scope: l.scope.Scope, file: l.scope.file, Objects: map[Kind][]json.RawMessage{}})
		}
		kind := configKinds[l.item.ResourceType]
		out[k].Objects[kind] = append(out[k].Objects[kind], raw)
	}
	return out, nil
}

// describedIn reports whether some describe output of the account and region, or of unknown ones, holds the kind.
func describedIn(all []*SnapshotScope, kind Kind, of Scope) bool {
	return slices.ContainsFunc(all, func(s *SnapshotScope) bool {
		_, has := s.Objects[kind]
		return has && (s.Account == "" || s.Account == of.Account) && (s.Region == "" || s.Region == of.Region)
	})
}
