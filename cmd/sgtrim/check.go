package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/recommend"
	"github.com/sgtrim/sgtrim/recommend/proof"
)

func (a *app) checkCommand() *cobra.Command {
	var (
		in                        ledgerFlags
		state, format, policyPath string
		failOn                    failFlags
	)
	cmd := &cobra.Command{
		Use:   "check --ledger DIR --estate E --state FILE",
		Short: "List the seen traffic that another state of the rules would deny",
		Long: `Asks the independent evaluator which seen and needed traffic the rules in force allow and another state of the rules would
not: whose, since when, and by which rules it is allowed now. The state is any output of aws ec2 describe-security-groups: our proposed.json, an edited one, or someone else's. Groups
that it does not name keep their rules.`,
		Example: `  sgtrim check --ledger evidence --estate estate.json --state review/proposed.json --fail-on denied`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if state == "" {
				return withHint(usagef("check wants --state FILE"), "review -o DIR writes one: DIR/proposed.json")
			}
			if format != "table" && format != "json" {
				return usagef("--format %q: want table or json", format)
			}
			if err := failOn.check(); err != nil {
				return err
			}
			policy, err := readPolicyFile(policyPath)
			if err != nil {
				return err
			}
			job, err := a.open(cmd.Context(), &in, policy)
			if err != nil {
				return err
			}
			defer job.close()
			proposed, err := estate.Load(state)
			if err != nil {
				return fmt.Errorf("--state: %w", err)
			}
			denied, err := proof.Denied(proof.StateInput{
				Estate: job.estate, State: a.rulesOf(proposed, job.estate), Conversations: job.evidence.conversations(),
				KnownNetworks: job.policy.prefixes(),
			})
			if err != nil {
				return err
			}
			if err := writeDenied(a.out, deniedRows(denied, job.estate), format); err != nil {
				return err
			}
			return failOn.result(map[string]float64{"denied": float64(len(denied))})
		},
	}
	fs := cmd.Flags()
	in.register(fs)
	in.registerWindow(fs)
	networksFlag(fs, &policyPath)
	fs.StringVar(&state, "state", "", "`file` of the rules as they would be")
	fs.StringVar(&format, "format", "table", "`table|json`")
	failOn.register(fs, []string{"denied"})
	return cmd
}

// rulesOf is the state by group. Groups that the estate does not have cannot be judged, and are said.
func (a *app) rulesOf(state, now *estate.Estate) map[string][]analyze.Rule {
	out := map[string][]analyze.Rule{}
	for id, g := range state.Groups {
		if now.Groups[id] == nil {
			a.say.note("--state: group %s is not in the estate", id)
			continue
		}
		out[id] = append([]analyze.Rule{}, g.Rules...)
	}
	for id := range now.Groups {
		if out[id] == nil {
			a.say.note("--state: group %s is not named and keeps its rules", id)
		}
	}
	return out
}

// deniedRow is one row of check's output.
type deniedRow struct {
	Interface string            `json:"interface_id"`
	Name      string            `json:"interface_name,omitempty"`
	Direction analyze.Direction `json:"direction"`
	Peer      string            `json:"peer"`
	PeerName  string            `json:"peer_name,omitempty"`
	Service   string            `json:"service"`
	Strength  string            `json:"strength"`
	Flows     int64             `json:"flows"`
	Days      int               `json:"days_seen"`
	First     time.Time         `json:"first_seen"`
	Last      time.Time         `json:"last_seen"`
	Before    string            `json:"before"` // how surely the rules allow it: yes, maybe, no
	After     string            `json:"after"`
	Rules     []string          `json:"rules"` // in force, that allow it so
}

// deniedRows adds to what the proof finds the names of both ends, and the rules in force.
func deniedRows(denied []proof.Traffic, e *estate.Estate) []deniedRow {
	x := estate.NewIndex(e)
	now := recommend.State{}
	for id, g := range e.Groups {
		now[id] = g.Rules
	}
	rows := make([]deniedRow, 0, len(denied))
	for _, t := range denied {
		r := rowOf(t)
		r.Rules = []string{}
		if on := x.Subject(t.Interface); on != nil {
			r.Name, r.PeerName = x.Name(on), x.Place(on, t.Peer, r.First, r.Last).Name
			_, by := now.Allows(x, on, recommend.Packet{
				Direction: t.Direction, Proto: analyze.Proto(t.Proto), Port: t.Port, Peer: t.Peer, First: r.First, Last: r.Last,
			})
			for _, rule := range by {
				r.Rules = append(r.Rules, rule.RuleKey.String())
			}
		}
		rows = append(rows, r)
	}
	return rows
}

func rowOf(t proof.Traffic) deniedRow {
	return deniedRow{
		Interface: t.Interface, Direction: t.Direction, Peer: t.Peer.String(), Service: serviceOf(t.Proto, t.Port).String(),
		Strength: t.Strength.String(), Flows: t.Flows, Days: t.Days,
		First: time.Unix(t.First, 0).UTC(), Last: time.Unix(t.Last, 0).UTC(), Before: t.Before.String(), After: t.After.String(),
	}
}

func serviceOf(proto uint8, port uint16) analyze.Service {
	if p := analyze.Proto(proto); p.HasPorts() {
		return analyze.PortService(p, analyze.PortRange{First: port, Last: port})
	}
	return analyze.ProtoService(analyze.Proto(proto))
}

// cell is an id with its name, safe in a line of a table.
func cell(id, name string) string {
	if name != "" && name != id {
		id += " (" + name + ")"
	}
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return ' '
		}
		return r
	}, printable(id))
}

func writeDenied(w io.Writer, rows []deniedRow, format string) error {
	if format == "json" {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(struct {
			SchemaVersion int         `json:"schema_version"`
			Denied        []deniedRow `json:"denied"`
		}{1, rows})
	}
	if len(rows) == 0 {
		_, err := fmt.Fprintln(w, "Nothing that was seen and is needed would be denied.")
		return err
	}
	fmt.Fprintf(w, "%d kinds of traffic that were seen and are needed would be denied:\n\n", len(rows))
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "INTERFACE\tDIRECTION\tPEER\tSERVICE\tSTRENGTH\tFLOWS\tDAYS\tFIRST SEEN\tLAST SEEN\tALLOWED\tBY")
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\t%d\t%s\t%s\t%s, then %s\t%s\n", cell(r.Interface, r.Name), r.Direction, cell(r.Peer, r.PeerName),
			r.Service, r.Strength, r.Flows, r.Days, r.First.Format(time.RFC3339), r.Last.Format(time.RFC3339), r.Before, r.After,
			cell(strings.Join(r.Rules, ", "), ""))
	}
	return t.Flush()
}
