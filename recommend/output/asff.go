package output

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/recommend"
)

// Finding is one finding of Security Hub in the AWS Security Finding Format, as far as sgtrim fills it [aws-facts 9.3].
type Finding struct {
	SchemaVersion string
	ID            string `json:"Id"`
	ProductARN    string `json:"ProductArn"`
	GeneratorID   string `json:"GeneratorId"`
	AccountID     string `json:"AwsAccountId"`
	Types         []string
	FirstObserved time.Time `json:"FirstObservedAt"`
	LastObserved  time.Time `json:"LastObservedAt"`
	Created       time.Time `json:"CreatedAt"`
	Updated       time.Time `json:"UpdatedAt"`
	Severity      Label
	Title         string
	Description   string
	Remediation   struct{ Recommendation struct{ Text string } }
	ProductFields map[string]string
	Resources     []findingResource
	Compliance    struct{ Status string }
	RecordState   string
	ProviderSays  providerSays `json:"FindingProviderFields"`
}

// Label is a severity: INFORMATIONAL, LOW, MEDIUM, HIGH.
type Label struct{ Label string }

type providerSays struct {
	Severity Label
	Types    []string
}

type findingResource struct {
	Type, Id, Partition, Region string
	Details                     struct {
		AwsEc2SecurityGroup struct {
			GroupName string `json:",omitempty"` // Security Hub takes no blank text
			GroupId   string
			OwnerId   string
			VpcId     string `json:",omitempty"`
		}
	}
}

const (
	active   = "ACTIVE"
	archived = "ARCHIVED"

	generator   = "sgtrim"
	findingType = "Software and Configuration Checks/AWS Security Best Practices/Network Reachability"

	// Limits of the format, in characters and entries.
	maxTitle, maxText, maxRecommendation, maxField, maxFields = 256, 1024, 512, 2048, 50
)

// Findings makes one finding of every group: active while there is something to change, and archived when there is not.
// Security Hub knows a finding by its id, which is made of the group's ARN alone, so that the next plan's finding takes the
// place of this one.
//
// previous are the findings of the last run, as ReadFindings reads them. With them a finding keeps the time it was created,
// groups without a change are left out unless a finding of theirs is still active, and those of groups that are gone from the
// accounts and regions of the plan are archived. With nil every group has its finding, and nothing can be said of groups that
// are gone.
func Findings(p *recommend.Plan, e *estate.Estate, previous []Finding) ([]Finding, error) {
	p = Filled(p)
	f := findings{p: p, e: e, before: map[string]*Finding{}, now: p.Window.Until}
	if p.Captured.After(f.now) {
		f.now = p.Captured // what was applied since the window's end shows in the rules
	}
	for i := range previous {
		f.before[previous[i].ID] = &previous[i]
	}
	changes := map[string][]*recommend.Change{}
	for i := range p.Changes {
		changes[p.Changes[i].GroupID] = append(changes[p.Changes[i].GroupID], &p.Changes[i])
	}
	list := []Finding{}
	for i := range p.Groups {
		g := &p.Groups[i]
		if g.Account == "" || g.Region == "" {
			return nil, fmt.Errorf("group %s: a finding wants account and region, and the estate does not tell them", g.ID)
		}
		x := f.of(g, changes[g.ID])
		if was := f.before[x.ID]; previous != nil && x.RecordState == archived && (was == nil || was.RecordState == archived) {
			continue
		}
		list = append(list, x)
	}
	return append(list, f.gone()...), nil
}

// findings is what all findings of a plan share.
type findings struct {
	p      *recommend.Plan
	e      *estate.Estate
	before map[string]*Finding // by id
	now    time.Time
}

func (f *findings) partition(g *recommend.Group) string {
	i := slices.IndexFunc(f.e.Scopes, func(s estate.Scope) bool { return s.Region == g.Region && s.Partition != "" })
	if i < 0 {
		return cmp.Or(analyze.Partition(g.Region), "aws")
	}
	return f.e.Scopes[i].Partition
}

func (f *findings) of(g *recommend.Group, changes []*recommend.Change) Finding {
	partition := f.partition(g)
	arn := fmt.Sprintf("arn:%s:ec2:%s:%s:security-group/%s", partition, g.Region, g.Account, g.ID)
	x := Finding{
		SchemaVersion: "2018-10-08", ID: "sgtrim/" + arn, GeneratorID: generator, AccountID: g.Account, Types: []string{findingType},
		ProductARN:    fmt.Sprintf("arn:%s:securityhub:%s:%s:product/%s/default", partition, g.Region, g.Account, g.Account),
		FirstObserved: f.p.Window.Since, LastObserved: f.p.Window.Until, Created: f.now, Updated: f.now,
		Title:         cut(fmt.Sprintf("Security group %s (%s) allows more than was needed", plain(g.Name), g.ID), maxTitle),
		ProductFields: map[string]string{"sgtrim/plan": f.p.ID},
	}
	r := findingResource{Type: "AwsEc2SecurityGroup", Id: arn, Partition: partition, Region: g.Region}
	d := &r.Details.AwsEc2SecurityGroup
	d.GroupName, d.GroupId, d.OwnerId, d.VpcId = strings.TrimSpace(plain(g.Name)), g.ID, g.Account, g.VPC
	x.Resources = []findingResource{r}
	f.state(&x, g, changes)
	x.ProviderSays = providerSays{x.Severity, x.Types}
	if was := f.before[x.ID]; was != nil {
		x.Created = was.Created
		x.Updated = later(x.Updated, was.Updated)
	}
	return x
}

// later is now, or a moment after the former time where that is not before now: Security Hub takes an update only with a
// later time.
func later(now, former time.Time) time.Time {
	if former.Before(now) {
		return now
	}
	return former.Add(time.Second)
}

// state says what is to be done about the group. Changes that a decision keeps out are told, and ask for nothing.
func (f *findings) state(x *Finding, g *recommend.Group, changes []*recommend.Change) {
	n := map[recommend.Status]int{}
	level := 0
	var texts []string
	for i, c := range changes {
		text := fmt.Sprintf("%s %s: %s", c.Status, plain(string(c.Kind)), plain(becomes(c)))
		if c.Decision.KeepsOut() {
			text += fmt.Sprintf(" (decided: %s)", c.Decision.Verdict)
		} else {
			n[c.Status]++
			level = max(level, severity(c))
			texts = append(texts, text+" ("+plain(c.Reason)+")")
		}
		if len(changes) <= maxFields-1 || i < maxFields-2 {
			x.ProductFields["sgtrim/"+c.ID] = cut(strings.TrimSpace(c.Direction.String()+" "+text+" "+plain(managedBy(c))), maxField)
		}
	}
	if len(changes) > maxFields-1 {
		x.ProductFields["sgtrim/more"] = several(len(changes)-(maxFields-2), "more change") + " in recommendations.json"
	}
	x.Severity.Label = []string{"INFORMATIONAL", "LOW", "MEDIUM", "HIGH"}[level]
	x.RecordState = active
	switch {
	case n[recommend.Proposed] > 0:
		x.Compliance.Status = "FAILED"
	case n[recommend.Review] > 0:
		x.Compliance.Status = "WARNING"
	case n[recommend.Held] > 0:
		x.Compliance.Status = "NOT_AVAILABLE"
	default:
		f.nothing(x, g)
		return
	}
	x.Description = cut(fmt.Sprintf("By what VPC Flow Logs showed on %s: %s proposed, %s for review, %s held. %s", several(f.p.Window.Days, "day"),
		several(n[recommend.Proposed], "change"), count(n[recommend.Review]), count(n[recommend.Held]), strings.Join(texts, "; ")), maxText)
	text := fmt.Sprintf("Read the plan %s. apply.sh --only %s makes its proposed changes, rollback.sh takes them back.", f.p.ID, g.ID)
	if slices.ContainsFunc(changes, func(c *recommend.Change) bool { return c.InTerraform }) {
		text = fmt.Sprintf("Read the plan %s. Terraform manages rules of this group: sgtrim.tf says what to edit.", f.p.ID)
	}
	x.Remediation.Recommendation.Text = cut(text, maxRecommendation)
}

// nothing is the state of a group without a change.
func (f *findings) nothing(x *Finding, g *recommend.Group) {
	x.RecordState, x.Compliance.Status, x.Severity.Label = archived, "PASSED", "INFORMATIONAL"
	x.Title = cut(fmt.Sprintf("Security group %s (%s): nothing to change", plain(g.Name), g.ID), maxTitle)
	x.Description = "No change of its rules is open."
	if g.Protected != "" {
		x.Compliance.Status = "NOT_AVAILABLE"
		x.Description = cut("It is protected, and was not judged: "+plain(g.Protected), maxText)
	}
	x.Remediation.Recommendation.Text = "Nothing needs to be done."
}

// severity of a change: 3 for an admin or database port open to the world, 2 for other openness to it, 1 for what else is
// proposed or for review, 0 for what is only reported or held.
func severity(c *recommend.Change) int {
	if c.Status == recommend.Held {
		return 0
	}
	level := 1
	if c.Direction.String() == "egress" {
		return 0
	}
	for _, t := range c.Old {
		switch open, admin := recommend.OpenToWorld(&t.Rule); {
		case admin:
			return 3
		case open:
			level = 2
		}
	}
	return level
}

// gone archives the findings of groups that the estate no longer has, in the accounts and regions that it has.
func (f *findings) gone() []Finding {
	here, covered := map[string]bool{}, map[string]bool{}
	for i := range f.p.Groups {
		g := &f.p.Groups[i]
		prefix := fmt.Sprintf("sgtrim/arn:%s:ec2:%s:%s:security-group/", f.partition(g), g.Region, g.Account)
		here[prefix+g.ID], covered[prefix] = true, true
	}
	var list []Finding
	for _, id := range slices.Sorted(maps.Keys(f.before)) {
		if here[id] || !covered[id[:strings.LastIndexByte(id, '/')+1]] || f.before[id].RecordState == archived {
			continue
		}
		x := *f.before[id]
		x.RecordState, x.Compliance.Status, x.Updated = archived, "PASSED", later(f.now, x.Updated)
		x.Description = "The group is gone."
		x.Remediation.Recommendation.Text = "Nothing needs to be done."
		x.ProductFields = map[string]string{"sgtrim/plan": f.p.ID}
		list = append(list, x)
	}
	return list
}

// cut shortens a text to so many characters.
func cut(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

// ASFF writes the findings of a plan as a JSON array, for BatchImportFindings, which takes 100 at a time.
func ASFF(w io.Writer, p *recommend.Plan, e *estate.Estate, previous []Finding) error {
	list, err := Findings(p, e, previous)
	if err != nil {
		return err
	}
	return writeJSON(w, list)
}

// ReadFindings reads the findings of an earlier run: what ASFF wrote, or what aws securityhub get-findings prints. Findings of
// other products are left out.
func ReadFindings(r io.Reader) ([]Finding, error) {
	raw, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	var list []Finding
	if err := json.Unmarshal(raw, &list); err != nil {
		var answer struct{ Findings *[]Finding }
		if json.Unmarshal(raw, &answer) != nil || answer.Findings == nil {
			return nil, fmt.Errorf("neither findings nor an answer of aws securityhub get-findings: %w", err)
		}
		list = *answer.Findings
	}
	list = slices.DeleteFunc(list, func(x Finding) bool { return x.GeneratorID != generator || !strings.HasPrefix(x.ID, "sgtrim/arn:") })
	slices.SortFunc(list, func(a, b Finding) int { return cmp.Compare(a.ID, b.ID) })
	return list, nil
}
