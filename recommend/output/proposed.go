package output

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/recommend"
)

// ProposedJSON writes proposed.json: the whole state after the proposed changes, every group of the estate, in the shape of
// aws ec2 describe-security-groups. What a group's describe output held beyond the rules is passed on as it was, and so are
// rules that the model cannot express.
func ProposedJSON(w io.Writer, p *recommend.Plan, e *estate.Estate) error {
	state := State(e, Filled(p).Changes, Proposed)
	groups := make([]map[string]any, 0, len(e.Groups))
	for _, id := range slices.Sorted(maps.Keys(e.Groups)) {
		g, err := describeGroup(e.Groups[id], state[id], partition(e, e.Groups[id]))
		if err != nil {
			return fmt.Errorf("group %s: %w", id, err)
		}
		groups = append(groups, g)
	}
	return writeJSON(w, map[string]any{"SecurityGroups": groups})
}

func partition(e *estate.Estate, g *estate.Group) string {
	for _, s := range e.Scopes {
		if s.Account == g.Owner && s.Region == g.Region && s.Partition != "" {
			return s.Partition
		}
	}
	return "aws"
}

// describeGroup is the describe-security-groups object of g with these rules.
func describeGroup(g *estate.Group, rules []analyze.Rule, partition string) (map[string]any, error) {
	m := map[string]any{}
	if g.Raw != nil {
		if err := json.Unmarshal(g.Raw, &m); err != nil {
			return nil, fmt.Errorf("the object as read: %w", err)
		}
	} else {
		m["GroupId"], m["GroupName"], m["Description"] = g.ID, g.Name, g.Description
		m["VpcId"], m["OwnerId"], m["Tags"] = g.VPC, g.Owner, tagList(g.Tags)
		if g.Region != "" && g.Owner != "" {
			m["SecurityGroupArn"] = fmt.Sprintf("arn:%s:ec2:%s:%s:security-group/%s", partition, g.Region, g.Owner, g.ID)
		}
	}
	for key, d := range map[string]analyze.Direction{"IpPermissions": analyze.Ingress, "IpPermissionsEgress": analyze.Egress} {
		m[key] = append(permissions(rules, d, g.Owner), inexpressible(m[key])...)
	}
	return m, nil
}

func tagList(tags map[string]string) []any {
	list := []any{}
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, map[string]string{"Key": k, "Value": tags[k]})
	}
	return list
}

// permissions folds the rules of one direction as EC2 does: all sources of equal protocol and ports in one IpPermission.
func permissions(rules []analyze.Rule, d analyze.Direction, owner string) []any {
	byService := map[analyze.Service]map[string]any{}
	sorted := slices.SortedFunc(slices.Values(rules), func(a, b analyze.Rule) int { return a.RuleKey.Compare(b.RuleKey) })
	list := []any{}
	for _, r := range sorted {
		if r.Direction != d || r.Unsupported != "" {
			continue
		}
		one := permission(r, "")
		all := byService[r.Service]
		if all == nil {
			all = map[string]any{"IpRanges": []any{}, "Ipv6Ranges": []any{}, "PrefixListIds": []any{}, "UserIdGroupPairs": []any{}}
			byService[r.Service] = all
			list = append(list, all)
		}
		for key, v := range one {
			if sources, ok := v.([]any); ok {
				v = append(all[key].([]any), describedSource(r, sources[0].(map[string]string), owner))
			}
			all[key] = v
		}
	}
	return list
}

// describedSource adds what describe returns of a reference and authorize does not take.
func describedSource(r analyze.Rule, source map[string]string, owner string) map[string]string {
	if r.Peer.GroupID == "" {
		return source
	}
	if source["UserId"] = cmp.Or(r.PeerAccount, owner); source["UserId"] == "" {
		delete(source, "UserId")
	}
	if r.PeerVPC != "" {
		source["VpcId"] = r.PeerVPC
	}
	if r.PeeringStatus != "" {
		source["PeeringStatus"] = r.PeeringStatus
	}
	return source
}

// inexpressible is what of a permission list, as read, the model cannot express: it is passed on.
func inexpressible(raw any) []any {
	list, _ := raw.([]any)
	var kept []any
	for _, item := range list {
		one, ok := item.(map[string]any)
		if !ok {
			continue
		}
		proto, _ := one["IpProtocol"].(string)
		if _, err := analyze.ServiceFromEC2(proto, port(one["FromPort"]), port(one["ToPort"])); err != nil {
			kept = append(kept, item)
		}
	}
	return kept
}

func port(v any) *int32 {
	f, ok := v.(float64)
	if !ok {
		return nil
	}
	n := int32(f)
	return &n
}
