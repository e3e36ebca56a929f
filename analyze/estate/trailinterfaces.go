package estate

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
)

// interfaceCreated marks the interface as CreateNetworkInterface answered it.
func (h *historian) interfaceCreated(ev *trailEvent) error {
	var r struct{ NetworkInterface json.RawMessage }
	if err := json.Unmarshal(ev.resp, &r); err != nil || len(r.NetworkInterface) == 0 {
		h.note(ev, "", "the answer is not on record")
		return nil
	}
	return h.begin(ev, r.NetworkInterface)
}

// begin marks the state of an interface from its creation on.
func (h *historian) begin(ev *trailEvent, raw json.RawMessage) error {
	var w struct {
		wireInterface
		GroupSet              []struct{ GroupId, GroupName string }
		PrivateIpAddressesSet json.RawMessage
	}
	if err := ev.at.decode(raw, &w); err != nil {
		return err
	}
	if w.NetworkInterfaceId == "" {
		h.note(ev, "", "names no interface")
		return nil
	}
	if len(w.GroupSet) > 0 {
		w.Groups = w.GroupSet
	}
	if len(w.PrivateIpAddressesSet) > 0 {
		if err := ev.at.decode(w.PrivateIpAddressesSet, &w.PrivateIpAddresses); err != nil {
			return err
		}
	}
	i, err := readInterface(ev.at, &w.wireInterface)
	if err != nil {
		return err
	}
	var members map[string]any
	if err := ev.at.decode(raw, &members); err != nil {
		return err
	}
	for _, name := range []string{"ipv6AddressesSet", "ipv4PrefixSet", "ipv6PrefixSet"} {
		i = i.exchanged(addressesIn(member(members, name)), nil)
	}
	h.interfaces.add(i.ID, mark[Interface]{at: ev.time, origin: fromTrail, scope: ev.scope.place(), begins: true, value: i, key: i.stateKey()})
	return nil
}

func (h *historian) interfaceDeleted(ev *trailEvent) error {
	var r struct{ NetworkInterfaceId string }
	if err := json.Unmarshal(ev.req, &r); err != nil || r.NetworkInterfaceId == "" {
		h.note(ev, "", "names no interface")
		return nil
	}
	h.interfaces.add(r.NetworkInterfaceId, mark[Interface]{at: ev.time, origin: fromTrail, scope: ev.scope.place(), begins: true})
	return nil
}

// groupIDs reads a groupSet; nil when the event was about something else.
func groupIDs(raw json.RawMessage) (ids []string) {
	var set []struct{ GroupId string }
	if json.Unmarshal(raw, &set) != nil {
		return nil
	}
	for _, g := range set {
		ids = append(ids, g.GroupId)
	}
	return sortedStrings(ids)
}

func (h *historian) interfaceModified(ev *trailEvent) error {
	var r struct {
		NetworkInterfaceId string
		GroupSet           json.RawMessage
	}
	if err := json.Unmarshal(ev.req, &r); err != nil || r.NetworkInterfaceId == "" {
		h.note(ev, "", "names no interface")
		return nil
	}
	if groups := groupIDs(r.GroupSet); len(groups) > 0 {
		h.amend(r.NetworkInterfaceId, amendment{at: ev.time, scope: ev.scope.place(), groups: groups})
	}
	return nil
}

func (h *historian) amend(id string, a amendment) { h.amendments[id] = append(h.amendments[id], a) }

// regrouped is an event that gave other groups to the one interface of an instance.
type regrouped struct {
	ev       *trailEvent
	instance string
	groups   []string
}

func (h *historian) instanceModified(ev *trailEvent) error {
	var r struct {
		InstanceId string
		GroupSet   json.RawMessage
	}
	if err := json.Unmarshal(ev.req, &r); err != nil {
		h.note(ev, "", "names no instance")
		return nil
	}
	if groups := groupIDs(r.GroupSet); len(groups) > 0 {
		h.regrouped = append(h.regrouped, regrouped{ev, r.InstanceId, groups})
	}
	return nil
}

// instanceEvents finds the interfaces of the instances that got other groups.
func (h *historian) instanceEvents() {
	if len(h.regrouped) == 0 {
		return
	}
	own := map[string][]string{}
	for _, id := range h.interfaceIDs() {
		for _, m := range h.interfaceMarks(id) {
			if m.value != nil && m.value.InstanceID != "" {
				own[m.value.InstanceID] = append(own[m.value.InstanceID], id)
			}
		}
	}
	for id, i := range h.b.e.Interfaces {
		own[i.InstanceID] = append(own[i.InstanceID], id)
	}
	for _, r := range h.regrouped {
		ids := sortedStrings(own[r.instance])
		if len(ids) != 1 {
			h.note(r.ev, r.instance, fmt.Sprintf("which of its interfaces got the groups is not known (%d are on record)", len(ids)))
			continue
		}
		h.amend(ids[0], amendment{at: r.ev.time, scope: r.ev.scope.place(), groups: r.groups})
	}
}

// addressesChanged reads which addresses and prefixes an interface got or lost: those that the answer names, which says what
// EC2 chose, else those asked for. They are looked for wherever they stand: of the IPv6 calls the shape is not documented.
func (h *historian) addressesChanged(ev *trailEvent) error {
	var req, resp any
	if err := json.Unmarshal(ev.req, &req); err != nil {
		h.note(ev, "", "the request is not understood: "+err.Error())
		return nil
	}
	_ = json.Unmarshal(ev.resp, &resp) // there need not be an answer
	id := interfaceID.FindString(string(ev.req))
	addresses := addressesIn(resp)
	if len(addresses) == 0 {
		addresses = addressesIn(req)
	}
	if id == "" || len(addresses) == 0 {
		h.note(ev, id, "which addresses they were is not on record")
		return nil
	}
	a := amendment{at: ev.time, scope: ev.scope.place()}
	if strings.HasPrefix(ev.name, "Un") {
		a.lost = addresses
	} else {
		a.gained = addresses
	}
	h.amend(id, a)
	return nil
}

var interfaceID = regexp.MustCompile(`eni-[0-9a-zA-Z]+`)

// addressesIn are the addresses and prefixes among the texts of a value.
func addressesIn(v any) (all []netip.Prefix) {
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			all = append(all, addressesIn(one)...)
		}
	case map[string]any:
		for _, k := range sortedKeys(v) {
			all = append(all, addressesIn(v[k])...)
		}
	case string:
		if a, err := netip.ParseAddr(v); err == nil {
			all = append(all, netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()))
		} else if p, err := netip.ParsePrefix(v); err == nil {
			all = append(all, p.Masked())
		}
	}
	return all
}

// instancesRun marks the interfaces of new instances.
func (h *historian) instancesRun(ev *trailEvent) error {
	var r struct {
		InstancesSet []struct {
			InstanceId          string
			NetworkInterfaceSet []map[string]json.RawMessage
		}
	}
	if err := json.Unmarshal(ev.resp, &r); err != nil || len(r.InstancesSet) == 0 {
		h.note(ev, "", "the answer is not on record")
		return nil
	}
	for _, in := range r.InstancesSet {
		for _, ni := range in.NetworkInterfaceSet {
			var a wireAttachment
			_, was := lookup(ni, "Attachment")
			_ = json.Unmarshal(cmpNull(was), &a) // of it only what the event alone does not tell
			ni["attachment"] = marshal(wireAttachment{InstanceId: in.InstanceId, AttachTime: unix(ev.time).Format(time.RFC3339), DeleteOnTermination: a.DeleteOnTermination})
			if err := h.begin(ev, marshal(ni)); err != nil {
				return err
			}
		}
	}
	return nil
}

// shutdown is how long after the call that terminates an instance its interface may still be there: a system takes minutes to
// go down.
const shutdown = int64(configLag / time.Second)

func (h *historian) instancesTerminated(ev *trailEvent) error {
	type list struct{ InstancesSet []struct{ InstanceId string } }
	var req, resp list
	_ = json.Unmarshal(ev.resp, &resp) // either names them
	if err := json.Unmarshal(ev.req, &req); err != nil && len(resp.InstancesSet) == 0 {
		h.note(ev, "", "names no instances")
		return nil
	}
	for _, in := range append(req.InstancesSet, resp.InstancesSet...) {
		if at, known := h.terminated[in.InstanceId]; in.InstanceId != "" && (!known || ev.time < at) {
			h.terminated[in.InstanceId] = ev.time
		}
	}
	return nil
}

// ended says when an interface went with its instance, if it did: one that was seen later, or is to be kept, did not. Until then
// it was as the last mark has it.
func (h *historian) ended(marks []mark[Interface], present bool) []mark[Interface] {
	slices.SortStableFunc(marks, mark[Interface].compare)
	var last *mark[Interface]
	for k := range marks {
		if marks[k].value != nil {
			last = &marks[k]
		}
	}
	if last == nil || present {
		return nil
	}
	at, terminated := h.terminated[last.value.InstanceID]
	gone := slices.ContainsFunc(marks, func(m mark[Interface]) bool { return m.value == nil && last.at < m.at && m.at <= at })
	if !terminated || last.value.Kept || gone || last.at > at+shutdown {
		return nil
	}
	there := mark[Interface]{at: max(at, last.at), origin: fromTrail, scope: last.scope, value: last.value, key: last.key}
	return []mark[Interface]{there, {at: at + shutdown, origin: fromTrail, scope: last.scope}}
}
