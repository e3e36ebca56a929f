package estate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/netip"
)

func (b *builder) iface(at where, w *wireInterface, _ json.RawMessage) error {
	i, err := readInterface(at, w)
	if err != nil {
		return err
	}
	_, err = put(b, at, b.e.Interfaces, "NetworkInterfaceId", i.ID, i)
	return err
}

func readInterface(at where, w *wireInterface) (*Interface, error) {
	at.id = w.NetworkInterfaceId
	here := whereabouts{AvailabilityZone: w.AvailabilityZone}
	i := &Interface{
		ID: w.NetworkInterfaceId, Owner: cmp.Or(w.OwnerId, at.scope.Account), Region: cmp.Or(here.region(), at.scope.Region),
		VPC: w.VpcId, Subnet: w.SubnetId, AZ: w.AvailabilityZone, Type: w.InterfaceType, Description: w.Description,
		RequesterID: w.RequesterId, RequesterManaged: w.RequesterManaged, Status: w.Status,
		SourceDestCheck: w.SourceDestCheck == nil || *w.SourceDestCheck,
		Tags:            tagMap(append(w.TagSet, w.Tags...)),
	}
	if w.Operator != nil {
		i.Operator = w.Operator.Principal
		i.RequesterManaged = i.RequesterManaged || w.Operator.Managed
	}
	for _, g := range w.Groups {
		if g.GroupId == "" {
			return nil, at.err("Groups", fmt.Errorf("an element without GroupId"))
		}
		i.Groups = append(i.Groups, g.GroupId)
	}
	i.Groups = sortedStrings(i.Groups)
	if err := i.setAddrs(at, w); err != nil {
		return nil, err
	}
	if a := w.Attachment; a != nil {
		i.InstanceID, i.InstanceOwner = a.InstanceId, a.InstanceOwnerId
		i.Kept = a.DeleteOnTermination != nil && !*a.DeleteOnTermination
		var err error
		if i.Attached, err = at.time("Attachment.AttachTime", a.AttachTime); err != nil {
			return nil, err
		}
	}
	return i, nil
}

// setAddrs reads private addresses, delegated prefixes, and the public addresses that AWS maps to private ones.
func (i *Interface) setAddrs(at where, w *wireInterface) error {
	add := func(list *[]netip.Addr, field, text string) error {
		if text == "" {
			return nil
		}
		a, err := at.addr(field, text)
		if err == nil {
			*list = append(*list, a)
		}
		return err
	}
	public := func(a *wireAssociation) error {
		if a == nil {
			return nil
		}
		for _, text := range []string{a.PublicIp, a.CarrierIp, a.CustomerOwnedIp} {
			if err := add(&i.PublicAddrs, "Association", text); err != nil {
				return err
			}
		}
		return nil
	}
	primary := w.PrivateIpAddress
	for n, p := range w.PrivateIpAddresses {
		if p.Primary {
			primary = cmp.Or(primary, p.PrivateIpAddress)
		}
		if err := add(&i.Addrs, fmt.Sprintf("PrivateIpAddresses[%d].PrivateIpAddress", n), p.PrivateIpAddress); err != nil {
			return err
		}
		if err := public(p.Association); err != nil {
			return err
		}
	}
	if err := public(w.Association); err != nil {
		return err
	}
	if primary != "" {
		a, err := at.addr("PrivateIpAddress", primary)
		if err != nil {
			return err
		}
		i.Addrs = append(i.Addrs, a)
		if a.Is4() {
			i.Primary = a
		}
	}
	for n, a := range w.Ipv6Addresses {
		if err := add(&i.Addrs, fmt.Sprintf("Ipv6Addresses[%d].Ipv6Address", n), a.Ipv6Address); err != nil {
			return err
		}
	}
	i.Addrs, i.PublicAddrs = sortedAddrs(i.Addrs), sortedAddrs(i.PublicAddrs)
	return i.setPrefixes(at, w)
}

func (i *Interface) setPrefixes(at where, w *wireInterface) error {
	add := func(field, text string) error {
		p, err := at.prefix(field, text)
		if err == nil {
			i.Prefixes = append(i.Prefixes, p)
		}
		return err
	}
	for n, p := range w.Ipv4Prefixes {
		if err := add(fmt.Sprintf("Ipv4Prefixes[%d].Ipv4Prefix", n), p.Ipv4Prefix); err != nil {
			return err
		}
	}
	for n, p := range w.Ipv6Prefixes {
		if err := add(fmt.Sprintf("Ipv6Prefixes[%d].Ipv6Prefix", n), p.Ipv6Prefix); err != nil {
			return err
		}
	}
	i.Prefixes = sortedPrefixes(i.Prefixes)
	return nil
}
