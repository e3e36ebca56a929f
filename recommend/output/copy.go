package output

import (
	"fmt"
	"io"
	"strings"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/recommend/copy"
)

// CopyJSON writes a copy as JSON.
func CopyJSON(w io.Writer, c *copy.Copy) error { return writeJSON(w, c) }

// CopyScript writes the bash script that makes the copy with the AWS CLI: a dry run unless given --apply. It makes a new group and
// never touches one that is there.
func CopyScript(w io.Writer, c *copy.Copy) error {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p("#!/usr/bin/env bash")
	p("# Made by sgtrim: a copy of %s (%s). A dry run unless given --apply.", plain(c.From), plain(c.Name))
	for _, r := range c.Remarks {
		p("# Note: %s", plain(r))
	}
	for _, r := range c.Unresolved {
		p("# Left out: %s %s %s: %s", r.Direction, plain(r.Service), plain(r.From), plain(r.How))
	}
	p("set -euo pipefail")
	p("from=%s name=%s", shell(plain(c.From)), shell(plain(c.Name)))
	if c.Target.VPC != "" {
		p("vpc=%s", shell(plain(c.Target.VPC)))
	} else {
		p(`vpc=${VPC_ID:?names the VPC to make the group in}`)
	}
	if c.Target.Region != "" {
		p("export AWS_REGION=%s AWS_DEFAULT_REGION=%s", shell(plain(c.Target.Region)), shell(plain(c.Target.Region)))
	}
	p("echo \"A copy of $from named $name in $vpc: %d rules, %d left out\"", len(c.Rules), len(c.Unresolved))
	p(`if [ "${1:-}" != --apply ]; then`)
	for _, r := range c.Rules {
		p("  echo %s", shell(plain(fmt.Sprintf("  %s %s %s (%s)", r.Direction, r.Service, r.Peer, r.How))))
	}
	p(`  echo "Dry run: nothing was made. Run it again with --apply."; exit 0`)
	p("fi")
	if c.Target.Account != "" {
		p(`want=%s account=$(aws sts get-caller-identity --query Account --output text)`, shell(plain(c.Target.Account)))
		p(`[ "$account" = "$want" ] || { echo "these are credentials of $account, not of $want" >&2; exit 1; }`)
	}
	p(`there=$(aws ec2 describe-security-groups --filters "Name=vpc-id,Values=$vpc" "Name=group-name,Values=$name" --query 'SecurityGroups[].GroupId' --output text)`)
	p(`[ -z "$there" ] || { echo "$vpc has a group of that name already: $there" >&2; exit 1; }`)
	p(`id=$(aws ec2 create-security-group --vpc-id "$vpc" --group-name "$name" --description %s%s --query GroupId --output text)`,
		shell(copiedDescription(c)), copiedTags(c))
	p(`trap 'echo "not all rules were made: $id is incomplete" >&2' ERR`)
	p("# A new group allows all egress; the copy allows what the original does.")
	p(`fresh=$(aws ec2 describe-security-group-rules --filters "Name=group-id,Values=$id" --query 'SecurityGroupRules[?IsEgress].SecurityGroupRuleId' --output text)`)
	p(`[ -z "$fresh" ] || aws ec2 revoke-security-group-egress --group-id "$id" --security-group-rule-ids $fresh > /dev/null`)
	for _, d := range []analyze.Direction{analyze.Ingress, analyze.Egress} {
		copiedRules(&b, c, d)
	}
	p(`echo "made $id"`)
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write copy: %w", err)
	}
	return nil
}

// copiedDescription is never empty: EC2 wants one.
func copiedDescription(c *copy.Copy) string {
	if d := ec2Description(c.Description); d != "" {
		return d
	}
	return "copied by sgtrim"
}

func copiedTags(c *copy.Copy) string {
	if spec := tagsOf("security-group", c.Tags); spec != "" {
		return " --tag-specifications " + shell(spec)
	}
	return ""
}

// copiedRules authorises the rules of one direction, a call each, so that a failure names its rule.
func copiedRules(b *strings.Builder, c *copy.Copy, d analyze.Direction) {
	for _, r := range c.Rules {
		if r.Direction != d {
			continue
		}
		text := shell(jsonASCII([]any{permission(r.Rule, c.Target.Account)}))
		if r.Peer == copy.Self {
			named := func(id string) string { return `\"GroupId\":\"` + id + `\"` } // of no description: there quotes are escaped
			text = `"$(printf %s ` + text + ` | sed "s/` + named(copy.Self) + `/` + named("$id") + `/")"`
		}
		fmt.Fprintf(b, "aws ec2 authorize-security-group-%s --group-id \"$id\" --ip-permissions %s > /dev/null\n", d, text)
	}
}
