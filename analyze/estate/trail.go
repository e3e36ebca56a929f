package estate

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
)

// trailRecord is an event of CloudTrail [F 7.2].
type trailRecord struct {
	EventSource, EventName, EventTime   string
	ErrorCode                           string
	AwsRegion, RecipientAccountID       string
	RequestParameters, ResponseElements json.RawMessage
}

// trailEvents are the events that change what an estate is made of, and how each is read.
var trailEvents = map[string]func(*historian, *trailEvent) error{
	"AuthorizeSecurityGroupIngress":   (*historian).authorized,
	"AuthorizeSecurityGroupEgress":    (*historian).authorized,
	"RevokeSecurityGroupIngress":      (*historian).revoked,
	"RevokeSecurityGroupEgress":       (*historian).revoked,
	"ModifySecurityGroupRules":        (*historian).rulesModified,
	"CreateSecurityGroup":             (*historian).groupCreated,
	"DeleteSecurityGroup":             (*historian).groupDeleted,
	"CreateNetworkInterface":          (*historian).interfaceCreated,
	"DeleteNetworkInterface":          (*historian).interfaceDeleted,
	"ModifyNetworkInterfaceAttribute": (*historian).interfaceModified,
	"ModifyInstanceAttribute":         (*historian).instanceModified,
	"AssignPrivateIpAddresses":        (*historian).addressesChanged,
	"UnassignPrivateIpAddresses":      (*historian).addressesChanged,
	"AssignIpv6Addresses":             (*historian).addressesChanged,
	"UnassignIpv6Addresses":           (*historian).addressesChanged,
	"RunInstances":                    (*historian).instancesRun,
	"TerminateInstances":              (*historian).instancesTerminated,
	"ModifyManagedPrefixList":         (*historian).listModified,
	"RestoreManagedPrefixListVersion": (*historian).listModified,
	"StartConfigurationRecorder":      (*historian).recorderSwitched,
	"StopConfigurationRecorder":       (*historian).recorderSwitched,
	"DeleteConfigurationRecorder":     (*historian).recorderSwitched,
}

// sourceOf is the service whose events have the name.
func sourceOf(event string) string {
	if strings.HasSuffix(event, "ConfigurationRecorder") {
		return "config.amazonaws.com"
	}
	return "ec2.amazonaws.com"
}

// TrailEventNames are the events that tell something of an estate, sorted.
func TrailEventNames() []string { return sortedKeys(trailEvents) }

// OfInterfaces reports whether the events of the name tell of interfaces, of which there may be very many, and not of groups,
// lists and recorders.
func OfInterfaces(event string) bool {
	return strings.Contains(event, "Instance") || strings.Contains(event, "NetworkInterface") || strings.Contains(event, "Address")
}

// trailEvent is an event in work.
type trailEvent struct {
	at    where
	name  string
	time  int64
	scope *SnapshotScope
	req   json.RawMessage
	resp  json.RawMessage
}

// trail marks what CloudTrail recorded, in order of time. Events that failed changed nothing.
func (h *historian) trail(all []*SnapshotScope) error {
	var events []*trailEvent
	for _, s := range all {
		for _, t := range []time.Time{s.TrailSince, s.TrailUntil} {
			if !t.IsZero() {
				h.trailReaches(s.place(), t.Unix())
				h.reached[fromTrail][s.place()].asked = true
			}
		}
		for _, kind := range []Kind{TrailRecords, TrailEvents} {
			for i, raw := range s.Objects[kind] {
				ev, err := readEvent(where{scope: s, kind: kind, index: i}, raw)
				if err != nil {
					return err
				}
				if ev != nil {
					events = append(events, ev)
				}
			}
		}
	}
	slices.SortStableFunc(events, func(a, b *trailEvent) int {
		return cmp.Or(compareEvents(a, b), strings.Compare(a.at.source(), b.at.source()))
	})
	events = slices.CompactFunc(events, func(a, b *trailEvent) bool { return compareEvents(a, b) == 0 })
	if len(events) > 0 {
		h.knownRuleIDs(all)
	}
	for _, ev := range events {
		h.latest = max(h.latest, ev.time)
		h.trailReaches(ev.scope.place(), ev.time)
		h.b.e.History.TrailEvents++
		if err := trailEvents[ev.name](h, ev); err != nil {
			return err
		}
	}
	return nil
}

// trailReaches notes that CloudTrail tells of a time in an account and region.
func (h *historian) trailReaches(of Scope, at int64) {
	h.reaches(fromTrail, of, at)
	if then := &h.b.e.History.TrailSince; then.IsZero() || unix(at).Before(*then) {
		*then = unix(at)
	}
}

// compareEvents orders by time, and tells whether two are the same event: LookupEvents and the files have it both.
func compareEvents(a, b *trailEvent) int {
	return cmp.Or(cmp.Compare(a.time, b.time), strings.Compare(a.name, b.name), bytes.Compare(a.req, b.req), bytes.Compare(a.resp, b.resp))
}

// readEvent returns nil for an event that failed or is another service's.
func readEvent(at where, raw json.RawMessage) (*trailEvent, error) {
	var text struct{ CloudTrailEvent string }
	if at.kind == TrailEvents {
		if err := at.decode(raw, &text); err != nil {
			return nil, err
		}
		raw = json.RawMessage(text.CloudTrailEvent)
	}
	var r trailRecord
	if err := at.decode(raw, &r); err != nil {
		return nil, err
	}
	if r.ErrorCode != "" || trailEvents[r.EventName] == nil || r.EventSource != "" && r.EventSource != sourceOf(r.EventName) {
		return nil, nil
	}
	t, err := at.time("eventTime", r.EventTime)
	if err != nil {
		return nil, err
	}
	if t.IsZero() {
		return nil, at.err("eventTime", fmt.Errorf("missing"))
	}
	scope := *at.scope
	scope.Account, scope.Region = cmp.Or(r.RecipientAccountID, scope.Account), cmp.Or(r.AwsRegion, scope.Region)
	at.scope = &scope
	return &trailEvent{at, r.EventName, t.Unix(), &scope, plainItems(r.RequestParameters), plainItems(r.ResponseElements)}, nil
}

// plainItems turns CloudTrail's lists, {"items": […]} and {} when empty, into lists.
func plainItems(raw json.RawMessage) json.RawMessage {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return nil
	}
	return marshal(unwrapItems(v))
}

func unwrapItems(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = unwrapItems(v[i])
		}
	case map[string]any:
		if len(v) == 0 {
			return nil
		}
		for _, name := range []string{"items", "item"} {
			if list, ok := v[name].([]any); ok && len(v) == 1 {
				return unwrapItems(list)
			}
		}
		for k := range v {
			v[k] = unwrapItems(v[k])
		}
	}
	return v
}

// note tells of an event that is not understood: what it changed is not known.
func (h *historian) note(ev *trailEvent, id, what string) {
	h.b.problem(ev.at, "%s of %s at %s: %s", ev.name, cmp.Or(id, "an unnamed object"), unix(ev.time).Format(time.RFC3339), what)
	switch {
	case id != "":
		h.unclear[id] = true
	case strings.Contains(ev.name, "SecurityGroup"):
		h.unclearIn[ev.scope.place()] = true
	}
}

func (h *historian) groupCreated(ev *trailEvent) error {
	var r struct{ GroupId string }
	if err := json.Unmarshal(ev.resp, &r); err != nil || r.GroupId == "" {
		h.note(ev, "", "the answer is not on record")
		return nil
	}
	h.groups.add(r.GroupId, mark[ruleSet]{at: ev.time, origin: fromTrail, scope: ev.scope.place()})
	all := analyze.RuleKey{GroupID: r.GroupId, Direction: analyze.Egress, Service: analyze.ProtoService(analyze.AllProtocols)}
	for _, world := range worlds {
		all.Peer = analyze.Peer{Prefix: world}
		h.ruleMark(ev, all, true)
	}
	return nil
}

func (h *historian) groupDeleted(ev *trailEvent) error {
	var r struct{ GroupId string }
	if json.Unmarshal(ev.req, &r) == nil && r.GroupId != "" {
		h.groups.add(r.GroupId, mark[ruleSet]{at: ev.time, origin: fromTrail, scope: ev.scope.place(), begins: true})
	}
	return nil
}
