package estate

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
)

// Estate reads the objects of the snapshot. An object that is malformed is an error; one that is well formed but not
// understood, or stands twice in different words, is a problem.
func (s *Snapshot) Estate() (*Estate, error) {
	b := &builder{
		e: &Estate{
			Captured: s.Captured, Groups: map[string]*Group{}, Interfaces: map[string]*Interface{}, PrefixLists: map[string]*PrefixList{},
			VPCs: map[string]*VPC{}, Subnets: map[string]*Subnet{}, FlowLogs: map[string]*FlowLog{}, Peerings: map[string]*Peering{},
			Asked: map[Scope]Asked{}, Quotas: map[Scope]Quotas{},
			Problems: slices.Clone(s.Problems),
		},
		first: map[objectID]where{}, tables: map[string]*RouteTable{}, endpoints: map[string]*Endpoint{},
		attachments: map[string]*transit{}, gateways: map[string]*wireTransitGateway{}, ruleIDs: map[string]analyze.RuleKey{},
	}
	all := make([]*SnapshotScope, len(s.Scopes))
	for i := range s.Scopes {
		all[i] = &s.Scopes[i]
		if all[i].file == "" && all[i].captured.IsZero() { // of the live API
			all[i].captured = s.Captured
		}
	}
	recorded, err := configPresent(all)
	if err != nil {
		return nil, err
	}
	b.scopes = append(s.present(), recorded...)
	for _, step := range []func() error{
		func() error { return each(b, VPCs, b.vpc) },
		func() error { return each(b, Subnets, b.subnet) },
		func() error { return each(b, NetworkInterfaces, b.iface) },
		func() error { return each(b, SecurityGroups, b.group) },
		func() error { return each(b, SecurityGroupRules, b.rule) },
		func() error { return each(b, SecurityGroupVPCAssociations, b.association) },
		func() error { return each(b, PrefixLists, b.prefixList) },
		func() error { return each(b, RouteTables, b.routeTable) },
		func() error { return each(b, FlowLogs, b.flowLog) },
		func() error { return each(b, VPCPeeringConnections, b.peering) },
		func() error { return each(b, VPCEndpoints, b.endpoint) },
		func() error { return each(b, TransitGateways, b.transitGateway) },
		func() error { return each(b, TransitGatewayVPCAttachments, b.transitAttachment) },
		func() error { return each(b, TransitGatewayAttachments, b.transitAttachment) },
		func() error { return each(b, ServiceQuotas, b.quota) },
		func() error { return each(b, IPRanges, b.awsRange) },
		func() error { return each(b, IPv6Ranges, b.awsRange) },
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	for _, scope := range b.scopes {
		_, asked := scope.Objects[SecurityGroupVPCAssociations]
		b.e.AssociationsKnown = b.e.AssociationsKnown || asked
	}
	if err := b.history(all); err != nil {
		return nil, err
	}
	b.asked(all)
	b.finish()
	return b.e, nil
}

// present is the scopes with what is so now: of each kind, account and region the latest snapshot that has it, and all files
// without a time, in the order of their paths; and what tells of the past by itself.
func (s *Snapshot) present() []*SnapshotScope {
	type part struct {
		Scope
		kind Kind
	}
	latest := map[part]time.Time{}
	for i := range s.Scopes {
		for k := range s.Scopes[i].Objects {
			p := part{s.Scopes[i].Scope, k}
			if t := s.Scopes[i].captured; t.After(latest[p]) {
				latest[p] = t
			}
		}
	}
	var out []*SnapshotScope
	for i := range s.Scopes {
		now := s.Scopes[i]
		now.Objects = map[Kind][]json.RawMessage{}
		for k, list := range s.Scopes[i].Objects {
			if now.captured.IsZero() || k.ofHistory() || now.captured.Equal(latest[part{now.Scope, k}]) {
				now.Objects[k] = list
			}
		}
		out = append(out, &now)
	}
	slices.SortStableFunc(out, func(x, y *SnapshotScope) int { return y.captured.Compare(x.captured) })
	return out
}

type objectID struct {
	kind Kind
	id   string
}

type builder struct {
	e           *Estate
	scopes      []*SnapshotScope
	first       map[objectID]where // where an object stood first
	tables      map[string]*RouteTable
	endpoints   map[string]*Endpoint
	attachments map[string]*transit
	gateways    map[string]*wireTransitGateway
	ruleIDs     map[string]analyze.RuleKey
}

// where is the place of one object in the input.
type where struct {
	scope *SnapshotScope
	kind  Kind
	index int
	id    string
}

func (w where) source() string {
	if w.scope.file != "" {
		return w.scope.file
	}
	return strings.Trim(w.scope.Account+" "+w.scope.Region, " ")
}

func (w where) object() string {
	s := fmt.Sprintf("%s[%d]", w.kind, w.index)
	if w.id != "" {
		s += " " + w.id
	}
	return s
}

func (w where) err(field string, err error) error {
	return &LoadError{Source: w.source(), Object: w.object(), Field: field, Err: err}
}

func (b *builder) problem(w where, format string, args ...any) {
	b.e.Problems = append(b.e.Problems, Problem{w.source(), w.object(), fmt.Sprintf(format, args...)})
}

// each decodes all objects of a kind, over all scopes.
func each[T any](b *builder, kind Kind, add func(where, *T, json.RawMessage) error) error {
	for _, scope := range b.scopes {
		for i, raw := range scope.Objects[kind] {
			at := where{scope: scope, kind: kind, index: i}
			v := new(T)
			if err := at.decode(raw, v); err != nil {
				return err
			}
			if err := add(at, v, raw); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w where) decode(raw json.RawMessage, v any) error {
	err := json.Unmarshal(raw, v)
	var t *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &t):
		return w.err(t.Field, fmt.Errorf("want %s, got a JSON %s", t.Type, t.Value))
	}
	return w.err("", err)
}

// put adds an object once. It reports whether it was new; an object that stands twice in different words is a problem.
func put[T any](b *builder, at where, m map[string]*T, field, id string, v *T) (bool, error) {
	if id == "" {
		return false, at.err(field, errors.New("missing"))
	}
	at.id = id
	old, ok := m[id]
	if !ok {
		m[id] = v
		b.first[objectID{at.kind, id}] = at
		return true, nil
	}
	if !equalApartFromRegion(*old, *v) {
		b.problem(at, "differs from the object of the same id in %s, which is used", b.first[objectID{at.kind, id}].source())
	}
	return false, nil
}

// equalApartFromRegion also leaves Raw aside. The region may be known of one of them only, from the folder it lay in.
func equalApartFromRegion[T any](a, b T) bool {
	for _, v := range []reflect.Value{reflect.ValueOf(&a).Elem(), reflect.ValueOf(&b).Elem()} {
		for _, name := range []string{"Region", "Raw"} {
			if f := v.FieldByName(name); f.IsValid() {
				f.SetZero()
			}
		}
	}
	return reflect.DeepEqual(a, b)
}

func (w where) addr(field, text string) (netip.Addr, error) {
	a, err := netip.ParseAddr(text)
	if err != nil {
		return a, w.err(field, err)
	}
	return a.Unmap(), nil
}

func (w where) prefix(field, text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return p, w.err(field, err)
	}
	return p.Masked(), nil
}

var timeLayouts = []string{time.RFC3339Nano, "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02 15:04:05"}

// time reads the spellings that AWS tools print; without a zone it is UTC.
func (w where) time(field, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, w.err(field, fmt.Errorf("%q is no time", text))
}

func comparePrefix(a, b netip.Prefix) int {
	if c := a.Addr().Compare(b.Addr()); c != 0 {
		return c
	}
	return a.Bits() - b.Bits()
}

func sortedPrefixes(list []netip.Prefix) []netip.Prefix {
	slices.SortFunc(list, comparePrefix)
	return slices.Compact(list)
}

func sortedAddrs(list []netip.Addr) []netip.Addr {
	slices.SortFunc(list, netip.Addr.Compare)
	return slices.Compact(list)
}

func sortedStrings(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}
