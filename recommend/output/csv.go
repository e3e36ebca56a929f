package output

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/sgtrim/sgtrim/recommend"
)

// CSV writes the changes of a plan, one row each, under a header. No cell is taken for a formula by a spreadsheet.
func CSV(w io.Writer, p *recommend.Plan) error {
	out := csv.NewWriter(w)
	out.Write([]string{"change_id", "status", "kind", "account_id", "region", "group_id", "group_name", "direction", "old", "new", "reason",
		"release", "hits", "peers", "ports", "flows", "bytes", "days_seen", "first_seen", "last_seen", "selected", "terraform", "old_peer_names", "new_peer_names"})
	for _, c := range Filled(p).Changes {
		u := c.Evidence
		row := []string{c.ID, string(c.Status), string(c.Kind), c.Account, c.Region, c.GroupID, c.GroupName, c.Direction.String(),
			ruleCell(c.Old), ruleCell(c.New), c.Reason, c.Release, strconv.Itoa(u.Hits), strconv.Itoa(u.Peers), strings.Join(u.Ports, "; "),
			strconv.FormatInt(u.Flows, 10), strconv.FormatInt(u.Bytes, 10), strconv.Itoa(u.DaysSeen), timeCell(u.FirstSeen), timeCell(u.LastSeen),
			strconv.FormatBool(c.Selected), managedBy(&c), nameCell(c.Old), nameCell(c.New)}
		for i := range row {
			row[i] = csvCell(row[i])
		}
		out.Write(row)
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("write csv: %w", err)
	}
	return nil
}

// managedBy are the addresses of the Terraform resources that manage the change's rules.
func managedBy(c *recommend.Change) string {
	var list []string
	for _, t := range c.Old {
		if t.Terraform.Address != "" {
			list = append(list, t.Terraform.Address)
		}
	}
	return strings.Join(list, "; ")
}

func ruleCell(rules []recommend.RuleText) string {
	var list []string
	for _, t := range rules {
		list = append(list, t.Service+" "+t.Peer)
	}
	return strings.Join(list, "; ")
}

// nameCell are the names of the rules' peers, in their order; one without a name is left blank.
func nameCell(rules []recommend.RuleText) string {
	var list []string
	for _, t := range rules {
		list = append(list, t.PeerName)
	}
	return strings.Trim(strings.Join(list, "; "), "; ")
}

func timeCell(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
