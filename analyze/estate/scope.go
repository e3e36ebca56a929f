package estate

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/sgtrim/sgtrim/analyze"
)

var (
	accountName = regexp.MustCompile(`^[0-9]{12}$`)
	// us-east-1, us-gov-west-1, eusc-de-east-1, us-isob-east-1 …
	regionName = regexp.MustCompile(`^[a-z]{2,5}(-[a-z]+){1,2}-[0-9]{1,2}$`)
	// The region at the start of a zone's name: us-east-1d, us-west-2-lax-1a, us-east-1-wl1-bos-wlz-1.
	zoneRegion = regexp.MustCompile(`^[a-z]{2,5}(-[a-z]+){1,2}-[0-9]{1,2}`)
)

// scopeOfPath reads account and region from the names of the folders that hold the file; the nearest wins.
func scopeOfPath(root, path string) Scope {
	var s Scope
	full := path
	if abs, err := filepath.Abs(path); err == nil {
		full = abs
	}
	// Above the root, names are chance: only the root's own name counts.
	depth := 1
	if rel, err := filepath.Rel(root, path); err == nil {
		depth += strings.Count(filepath.ToSlash(rel), "/")
	}
	parts := strings.Split(filepath.ToSlash(filepath.Dir(full)), "/")
	for i := len(parts) - 1; i >= 0 && i >= len(parts)-depth; i-- {
		if s.Account == "" && accountName.MatchString(parts[i]) {
			s.Account = parts[i]
		}
		if s.Region == "" && regionName.MatchString(parts[i]) {
			s.Region = parts[i]
		}
	}
	s.Partition = analyze.Partition(s.Region)
	return s
}

// whereabouts are the members from which an object tells its region and owner.
type whereabouts struct {
	AvailabilityZone                                                                              string
	SecurityGroupArn, SecurityGroupRuleArn, PrefixListArn, SubnetArn, NetworkInterfaceArn, VpcArn string
	OwnerId, GroupOwnerId, VpcOwnerId, ResourceOwnerId                                            string
}

// region is "" when the object does not tell.
func (w *whereabouts) region() string {
	for _, arn := range []string{w.SecurityGroupArn, w.SecurityGroupRuleArn, w.PrefixListArn, w.SubnetArn, w.NetworkInterfaceArn, w.VpcArn} {
		if parts := strings.Split(arn, ":"); len(parts) >= 6 && regionName.MatchString(parts[3]) {
			return parts[3]
		}
	}
	return zoneRegion.FindString(w.AvailabilityZone)
}

func (w *whereabouts) owner() string {
	for _, id := range []string{w.OwnerId, w.GroupOwnerId, w.VpcOwnerId, w.ResourceOwnerId} {
		if accountName.MatchString(id) {
			return id
		}
	}
	return ""
}

// inferScopes gives files without a telling folder the region and account that the first telling object in them has, and
// failing that, those that all other files of the folder agree on.
func (s *Snapshot) inferScopes() {
	for i := range s.Scopes {
		s.Scopes[i].inferFromObjects()
	}
	regions, accounts := map[string]map[string]bool{}, map[string]map[string]bool{}
	note := func(m map[string]map[string]bool, dir, value string) {
		if value == "" {
			return
		}
		if m[dir] == nil {
			m[dir] = map[string]bool{}
		}
		m[dir][value] = true
	}
	for i := range s.Scopes {
		note(regions, s.Scopes[i].dir, s.Scopes[i].Region)
		note(accounts, s.Scopes[i].dir, s.Scopes[i].Account)
	}
	for i := range s.Scopes {
		scope := &s.Scopes[i]
		if scope.Region == "" {
			scope.Region = only(regions[scope.dir])
		}
		if scope.Account == "" {
			scope.Account = only(accounts[scope.dir])
		}
		if scope.Partition == "" {
			scope.Partition = analyze.Partition(scope.Region)
		}
	}
}

// only is the one element of a set of one, else "".
func only(set map[string]bool) string {
	if len(set) == 1 {
		for v := range set {
			return v
		}
	}
	return ""
}

// inferFromObjects takes region and account from the objects. The account is the one that owns the most groups of the file: an
// account also describes the few that others share with it.
func (s *SnapshotScope) inferFromObjects() {
	if s.Account == "" {
		s.Account = mostly(s.Objects[SecurityGroups])
	}
	for _, k := range Kinds {
		for _, raw := range s.Objects[k] {
			if s.Region != "" && s.Account != "" {
				return
			}
			var w whereabouts
			if json.Unmarshal(raw, &w) != nil {
				continue // the loader says what is wrong with it
			}
			if s.Region == "" {
				s.Region = w.region()
			}
			if s.Account == "" && k != PrefixLists {
				s.Account = w.owner()
			}
		}
	}
}

// mostly is the account that owns the most of the objects, of several the smallest; "" when none tells.
func mostly(objects []json.RawMessage) (owner string) {
	count := map[string]int{}
	for _, raw := range objects {
		var w whereabouts
		if json.Unmarshal(raw, &w) == nil && w.owner() != "" {
			count[w.owner()]++
		}
	}
	for id, n := range count {
		if owner == "" || n > count[owner] || n == count[owner] && id < owner {
			owner = id
		}
	}
	return owner
}
