package estate

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Kind is the top-level key under which the AWS CLI prints a list of objects.
type Kind string

// The kinds that an estate is made of.
const (
	SecurityGroups               Kind = "SecurityGroups"
	SecurityGroupRules           Kind = "SecurityGroupRules"
	NetworkInterfaces            Kind = "NetworkInterfaces"
	PrefixLists                  Kind = "PrefixLists" // managed lists, and describe-prefix-lists with its Cidrs
	Entries                      Kind = "Entries"     // of the list that the file's name names
	VPCs                         Kind = "Vpcs"
	Subnets                      Kind = "Subnets"
	RouteTables                  Kind = "RouteTables"
	FlowLogs                     Kind = "FlowLogs"
	VPCPeeringConnections        Kind = "VpcPeeringConnections"
	VPCEndpoints                 Kind = "VpcEndpoints"
	TransitGateways              Kind = "TransitGateways"
	TransitGatewayVPCAttachments Kind = "TransitGatewayVpcAttachments"
	TransitGatewayAttachments    Kind = "TransitGatewayAttachments"
	SecurityGroupVPCAssociations Kind = "SecurityGroupVpcAssociations"
	ServiceQuotas                Kind = "Quotas" // of list-service-quotas

	ConfigurationRecorders Kind = "ConfigurationRecordersStatus" // of describe-configuration-recorder-status

	ConfigurationItems Kind = "configurationItems" // of AWS Config: history and snapshot files, get-resource-config-history
	TrailRecords       Kind = "Records"            // of CloudTrail's files
	TrailEvents        Kind = "Events"             // of lookup-events: records as text

	IPRanges   Kind = "prefixes" // of AWS's ip-ranges.json
	IPv6Ranges Kind = "ipv6_prefixes"
)

// ofHistory says that objects of the kind tell of the past, each with its time.
func (k Kind) ofHistory() bool {
	return k == ConfigurationItems || k == TrailRecords || k == TrailEvents
}

// Further top-level keys: what a saved file may hold besides.
const (
	reservations = "Reservations" // of describe-instances
	nextToken    = "NextToken"
	scopes       = "scopes" // of a snapshot file

	snapshotSchemaVersion = 1
)

// dressing is what files hold around the objects: those of boto3, AWS Config, and ip-ranges.json.
var dressing = []string{"ResponseMetadata", "fileVersion", "requestId", "configSnapshotId", "syncToken", "createDate"}

// Kinds lists the kinds in the order in which a snapshot file holds them.
var Kinds = []Kind{
	SecurityGroups, SecurityGroupRules, NetworkInterfaces, PrefixLists, VPCs, Subnets, RouteTables, FlowLogs,
	VPCPeeringConnections, VPCEndpoints, TransitGateways, TransitGatewayVPCAttachments, TransitGatewayAttachments,
	SecurityGroupVPCAssociations, ServiceQuotas, ConfigurationRecorders, ConfigurationItems, TrailRecords, TrailEvents, IPRanges, IPv6Ranges,
}

// Snapshot is what the describe calls answered, object by object in the shapes of the AWS CLI, before anything is understood.
// Files and the live API both become one, and Estate reads it.
type Snapshot struct {
	Captured time.Time // zero when unknown
	Scopes   []SnapshotScope
	Problems []Problem // files that were not used, calls that were denied
}

// Join adds what another snapshot tells, of the same accounts and regions or of others. The later of the two says when the
// present was.
func (s *Snapshot) Join(o *Snapshot) {
	s.Scopes = append(s.Scopes, o.Scopes...)
	s.Problems = append(s.Problems, o.Problems...)
	if o.Captured.After(s.Captured) {
		s.Captured = o.Captured
	}
}

// SnapshotScope is the objects of one account and region, or of one file whose account and region may be unknown ("").
type SnapshotScope struct {
	Scope
	// TrailSince and TrailUntil are the time that CloudTrail was asked for, and so what it does not tell of did not happen then.
	// They are zero when its records come from files, which do not say.
	TrailSince, TrailUntil time.Time
	// Asked says whether the past was asked for, where the API could have been.
	Asked Asked
	// Objects by kind. An empty list was asked for and is empty; a missing one was not asked for.
	Objects map[Kind][]json.RawMessage

	file     string    // where the objects come from, for errors; "" of a live one
	dir      string    // its folder, for what files say of each other
	captured time.Time // of the snapshot that holds it
}

// place is the account and region, by which what sources say of one is brought together.
func (s *SnapshotScope) place() Scope { return Scope{Account: s.Account, Region: s.Region} }

// MarshalJSON writes partition, account and region, then the kinds in the order of Kinds.
func (s SnapshotScope) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	head, err := json.Marshal(struct {
		Partition  string    `json:"partition"`
		Account    string    `json:"account"`
		Region     string    `json:"region"`
		TrailSince time.Time `json:"trail_since,omitzero"`
		TrailUntil time.Time `json:"trail_until,omitzero"`
		Asked      Asked     `json:"asked,omitzero"`
	}{s.Partition, s.Account, s.Region, s.TrailSince, s.TrailUntil, s.Asked})
	if err != nil {
		return nil, err
	}
	b.Write(head[:len(head)-1])
	for _, k := range Kinds {
		list, ok := s.Objects[k]
		if !ok {
			continue
		}
		fmt.Fprintf(&b, ",%q:[", string(k))
		for i, raw := range list {
			if i > 0 {
				b.WriteByte(',')
			}
			b.Write(raw)
		}
		b.WriteByte(']')
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// WriteSnapshot writes s as a snapshot file. Scopes of the same account and region become one; of several snapshots of one, the
// latest is written, for a file is of one time. Reading the file back with
// Load gives an equal estate, but for the sources that its problems name.
func WriteSnapshot(w io.Writer, s *Snapshot) error {
	problems := s.Problems
	if problems == nil {
		problems = []Problem{}
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	err := enc.Encode(struct {
		SchemaVersion int             `json:"schema_version"`
		Captured      time.Time       `json:"captured_at,omitzero"`
		Scopes        []SnapshotScope `json:"scopes"`
		Problems      []Problem       `json:"problems"`
	}{snapshotSchemaVersion, s.Captured, s.merged(), problems})
	if err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	return nil
}

// Earlier is the times of the snapshots in s that WriteSnapshot leaves out, in order: those of which another is later.
func (s *Snapshot) Earlier() (times []time.Time) {
	written := map[time.Time]bool{}
	for _, scope := range s.present() {
		for k := range scope.Objects {
			if !k.ofHistory() {
				written[scope.captured] = true
			}
		}
	}
	for i := range s.Scopes {
		if t := s.Scopes[i].captured; !t.IsZero() && !written[t] {
			times = append(times, t)
			written[t] = true
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	return times
}

// FileName is a name for the snapshot's file in a series: where and when it was taken. It is "" of a snapshot without a time.
func (s *Snapshot) FileName() string {
	if s.Captured.IsZero() {
		return ""
	}
	name := "estate"
	if all := s.merged(); len(all) == 1 {
		name = strings.Join([]string{name, cmp.Or(all[0].Account, "unknown"), cmp.Or(all[0].Region, "unknown")}, "-")
	}
	return name + "-" + s.Captured.UTC().Format("20060102T150405Z") + ".json.gz"
}

// merged joins scopes of the same account and region, in the order of their first appearance. An object that stands in
// several of them in the same words is written once.
func (s *Snapshot) merged() []SnapshotScope {
	out := []SnapshotScope{}
	at := map[Scope]int{}
	seen := map[Scope]map[string]bool{}
	for _, scope := range s.present() {
		i, ok := at[scope.Scope]
		if !ok {
			i = len(out)
			at[scope.Scope], seen[scope.Scope] = i, map[string]bool{}
			out = append(out, SnapshotScope{Scope: scope.Scope, TrailSince: scope.TrailSince, TrailUntil: scope.TrailUntil, Asked: scope.Asked, Objects: map[Kind][]json.RawMessage{}})
		}
		if t := scope.TrailSince; !t.IsZero() && (out[i].TrailSince.IsZero() || t.Before(out[i].TrailSince)) {
			out[i].TrailSince = t
		}
		if t := scope.TrailUntil; t.After(out[i].TrailUntil) {
			out[i].TrailUntil = t
		}
		out[i].Asked = out[i].Asked.or(scope.Asked)
		for _, k := range Kinds {
			list, ok := scope.Objects[k]
			if !ok {
				continue
			}
			if out[i].Objects[k] == nil {
				out[i].Objects[k] = []json.RawMessage{}
			}
			for _, raw := range list {
				if key := string(k) + string(raw); !seen[scope.Scope][key] {
					seen[scope.Scope][key] = true
					out[i].Objects[k] = append(out[i].Objects[k], raw)
				}
			}
		}
	}
	return out
}
