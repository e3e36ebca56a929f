package output

import (
	"cmp"
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/recommend"
)

// File is one file to be written. Scripts are to be executable.
type File struct {
	Name string
	Body []byte
}

// Scripts makes apply.sh and rollback.sh of the included changes: one pair, or one per account and region where the plan has
// groups in several (apply-ACCOUNT-REGION.sh), in this order. Without changes of an only account and region the pair is
// there and does nothing. What a script cannot guard (a rule of the group that the model cannot express and that has no id)
// is left out of it, and the script says so when it runs.
func Scripts(p *recommend.Plan, e *estate.Estate, include Include) []File {
	p = Filled(p)
	var files []File
	places := placesOf(p, include)
	for _, s := range slices.SortedFunc(maps.Keys(places), scope.compare) {
		if len(places) > 1 && len(places[s]) == 0 {
			continue
		}
		sections := sectionsOf(places[s], p.ID, e)
		for _, mode := range []string{"apply", "rollback"} {
			files = append(files, File{mode + s.suffix(places) + ".sh", []byte(script(mode, p, s, sections))})
		}
	}
	return files
}

// RollbackName is the name of the script that takes a change of the included ones back.
func RollbackName(p *recommend.Plan, c *recommend.Change, include Include) string {
	return "rollback" + scope{c.Account, c.Region}.suffix(placesOf(p, include)) + ".sh"
}

// scope is where one set of credentials works.
type scope struct{ account, region string }

func (s scope) compare(o scope) int {
	return cmp.Or(cmp.Compare(s.account, o.account), cmp.Compare(s.region, o.region))
}

// placesOf are the included changes by account and region, one at least, in the plan's order. Places without a change are
// among them.
func placesOf(p *recommend.Plan, include Include) map[scope][]*recommend.Change {
	places := map[scope][]*recommend.Change{}
	for _, g := range p.Groups {
		places[scope{g.Account, g.Region}] = nil
	}
	for i := range p.Changes {
		c := &p.Changes[i]
		s := scope{c.Account, c.Region}
		list := places[s]
		if include(c) {
			list = append(list, c)
		}
		places[s] = list
	}
	if len(places) == 0 {
		places[scope{}] = nil
	}
	return places
}

// suffix tells the files of one place from those of others, where there are several.
func (s scope) suffix(places map[scope][]*recommend.Change) string {
	if len(places) == 1 {
		return ""
	}
	return "-" + fileWord(s.account) + "-" + fileWord(s.region)
}

// fileWord keeps what is safe in a file name.
func fileWord(s string) string {
	return strings.Map(func(r rune) rune {
		if safeInShell(r) && !strings.ContainsRune("/:,@", r) {
			return r
		}
		return '_'
	}, cmp.Or(s, "unknown"))
}

// machinery is the part of a script that names no group. It stands after the plan, and runs main at its end, so that a
// script cut short in a copy does nothing.
//
//go:embed machinery.sh
var machinery string

// script is the text of apply.sh or rollback.sh for one account and region.
func script(mode string, p *recommend.Plan, s scope, sections []*section) string {
	var b strings.Builder
	expires := p.Expires
	if expires.IsZero() {
		expires = p.Window.Until.AddDate(0, 0, 7)
	}
	fmt.Fprintf(&b, header[mode], plain(cmp.Or(s.account, "?")), plain(cmp.Or(s.region, "?")), plain(p.ID), stamp(p.Window.Since), stamp(p.Window.Until))
	fmt.Fprintf(&b, "MODE=%s\nPLAN=%s\nACCOUNT=%s\nREGION=%s\n", mode, shell(plain(p.ID)), shell(s.account), shell(s.region))
	if mode == "apply" {
		fmt.Fprintf(&b, "EXPIRES=%d # %s\n", max(expires.Unix(), 0), stamp(expires))
	} else {
		b.WriteString("EXPIRES=0 # a rollback does not expire\n")
	}
	fmt.Fprintf(&b, "PLAN_TAGS=%s # of new rules\n", shell(tagSpecification(map[string]string{planTag: p.ID})))
	fmt.Fprintf(&b, "\nusage() {\n  cat <<'END'\n%sEND\n}\n", usage[mode])

	b.WriteString("\n# ---- the plan: every group with what stays, what goes (old) and what comes (new) " + strings.Repeat("-", 43) + "\n")
	var left []*section
	var numbers strings.Builder
	n := 0
	for _, x := range sections {
		if x.unguarded != "" {
			left = append(left, x)
			continue
		}
		n++
		fmt.Fprintf(&numbers, "    %s) NUMBER=%d ;;\n", shell(plain(x.id)), n)
		fmt.Fprintf(&b, "\ngroup_%d() { # %s\n%s}\n", n, plain(x.id+" "+x.name), x.data(mode))
	}
	fmt.Fprintf(&b, "\nGROUP_COUNT=%d\n\ngroup_number() { # GROUP: the number of its function above, into NUMBER\n  case $1 in\n%s    *) NUMBER=0 ;;\n  esac\n}\n", n, numbers.String())
	b.WriteString("\nleft_out() { # groups whose changes this script must not make\n  :\n")
	for _, x := range left {
		fmt.Fprintf(&b, "  warn %s\n  SKIPPED=$((SKIPPED + 1))\n", shell(plain(x.id+" is left out: "+x.unguarded)))
	}
	b.WriteString("}\n\n")
	_, text, _ := strings.Cut(machinery, "\n") // the first line is for shellcheck alone
	b.WriteString(text)
	return b.String()
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "unknown"
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}

var header = map[string]string{
	"apply": `#!/usr/bin/env bash
# Tightens the security groups of account %s in %s by plan %s,
# made by sgtrim from what was seen between %s and %s.
# Needs bash, the AWS CLI (v1 or v2) and coreutils. Without --apply it only looks and tells.

`,
	"rollback": `#!/usr/bin/env bash
# Brings back the rules of account %s in %s as they were before plan %s,
# made by sgtrim from what was seen between %s and %s, was applied. Rules that were removed come back with their
# description and tags, but with a new id. Needs bash, the AWS CLI (v1 or v2) and coreutils. Without --apply it only looks
# and tells.

`,
}

const usageOptions = `  --only sg-…            this group only; may be given again
  --allow-new-interfaces go on although interfaces joined a group since
  --account ID, --region NAME
                         where the plan is to be used; wanted when the plan does not know
Exit codes: 0 done; 1 failed, run it again; 2 wrong usage; 3 some groups were skipped; 130 interrupted.
Environment: SGTRIM_WAIT, seconds between two looks at EC2 (2); the AWS CLI's own variables.
`

var usage = map[string]string{
	"apply": `apply.sh: tightens security groups as planned; a dry run unless --apply is given
  --apply                make the changes
  --stage narrow|revoke  one half only: narrow adds the new rules and narrows in place what can be; revoke then removes
                         the old ones (default: both, in this order)
  --ignore-expiry        although the plan is older than 7 days
` + usageOptions,
	"rollback": `rollback.sh: undoes apply.sh; a dry run unless --apply is given
  --apply                make the changes
` + strings.Replace(usageOptions, "  --allow-new-interfaces go on although interfaces joined a group since\n", "", 1),
}

// sectionsOf collects the groups that the changes touch, in the plan's order, then those that they only lean on.
func sectionsOf(changes []*recommend.Change, plan string, e *estate.Estate) []*section {
	carriers := carriersOf(e)
	var list []*section
	byID := map[string]*section{}
	add := func(id string) *section {
		if byID[id] == nil {
			byID[id] = &section{id: id, plan: plan, estate: e, carriers: carriers}
			byID[id].read()
			list = append(list, byID[id])
		}
		return byID[id]
	}
	for _, c := range changes {
		x := add(c.GroupID)
		x.changes = append(x.changes, c)
	}
	touched := len(list)
	for _, x := range list[:touched] {
		x.settle()
		for _, id := range slices.Sorted(maps.Keys(x.leans)) {
			add(id)
		}
	}
	for _, x := range list[touched:] {
		x.settle()
	}
	for _, x := range list {
		for id := range x.leans {
			if byID[id].unguarded != "" {
				x.unguarded = cmp.Or(x.unguarded, "it leans on "+id+", and "+byID[id].unguarded)
			}
		}
	}
	return list
}
