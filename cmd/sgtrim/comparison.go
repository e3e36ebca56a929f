package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/compare"
)

// comparison is compare's result as it is printed. As JSON it is a promise: fields are added, never renamed.
type comparison struct {
	SchemaVersion int             `json:"schema_version"`
	By            string          `json:"by"`
	Before        comparedSide    `json:"before"`
	After         comparedSide    `json:"after"`
	Totals        map[string]int  `json:"totals"`        // by status
	LostBecause   map[string]int  `json:"lost_because"`  // by why
	Conversations []comparedEntry `json:"conversations"` // lost, blocked, gained, moved, same
}

type comparedSide struct {
	First string `json:"first_day"`
	Last  string `json:"last_day"`
	Days  int    `json:"days"` // with evidence
	// Left out of the comparison, as flow records.
	UnknownParties int64 `json:"records_of_unknown_parties"`
	Ambiguous      int64 `json:"records_ambiguous"`
}

type comparedEntry struct {
	Status  compare.Status `json:"status"`
	Why     compare.Why    `json:"why"`
	Client  string         `json:"client"`
	Service string         `json:"service"`
	// Port is protocol and port, as in tcp 443; a range of ports that are given out for a while.
	Port         string       `json:"port"`
	SilentChance float64      `json:"silent_chance"`
	Before       comparedSeen `json:"before"`
	After        comparedSeen `json:"after"`
}

type comparedSeen struct {
	Flows     int64        `json:"flows"`
	Bytes     int64        `json:"bytes"`
	Days      int          `json:"days_seen"`
	First     *time.Time   `json:"first_seen"`
	Last      *time.Time   `json:"last_seen"`
	PeakFlows comparedPeak `json:"peak_flows_per_hour"`
	PeakBytes comparedPeak `json:"peak_bytes_per_hour"`
	Refused   int64        `json:"refused"`
	Rejected  int64        `json:"rejected"`
	Clients   []string     `json:"client_places"`
	Services  []string     `json:"service_places"`
}

type comparedPeak struct {
	Count int64      `json:"count"`
	Hour  *time.Time `json:"hour"`
}

func comparisonOf(r *compare.Result, sides [2]compare.Side, by string) *comparison {
	c := &comparison{
		SchemaVersion: 1, By: by, Totals: map[string]int{}, LostBecause: map[string]int{}, Conversations: []comparedEntry{},
		Before: sideOf(sides[0].Days, r.UnknownBefore, r.DoubtfulBefore), After: sideOf(sides[1].Days, r.UnknownAfter, r.DoubtfulAfter),
	}
	for _, s := range compare.Statuses {
		c.Totals[string(s)] = 0
	}
	for _, ch := range r.Changes {
		c.Totals[string(ch.Status)]++
		if ch.Status == compare.Lost {
			c.LostBecause[string(ch.Why)]++
		}
		c.Conversations = append(c.Conversations, comparedEntry{
			Status: ch.Status, Why: ch.Why, Client: ch.Client, Service: ch.Service, Port: portText(&ch.Link), SilentChance: ch.SilentChance,
			Before: seenOf(&ch.Before), After: seenOf(&ch.After),
		})
	}
	return c
}

func sideOf(days []int32, unknown, ambiguous int64) comparedSide {
	return comparedSide{dayText(days[0]), dayText(days[len(days)-1]), len(days), unknown, ambiguous}
}

func portText(l *compare.Link) string {
	if p := analyze.Proto(l.Proto); p.HasPorts() {
		return analyze.PortService(p, l.Ports).String()
	}
	return serviceOf(l.Proto, 0).String()
}

func seenOf(s *compare.Seen) comparedSeen {
	return comparedSeen{
		Flows: s.Flows, Bytes: s.Bytes, Days: s.Days, First: instant(s.First), Last: instant(s.Last),
		PeakFlows: comparedPeak{s.PeakFlows.Count, instant(s.PeakFlows.Hour)}, PeakBytes: comparedPeak{s.PeakBytes.Count, instant(s.PeakBytes.Hour)},
		Refused: s.Refused, Rejected: s.Rejected, Clients: append([]string{}, s.Clients...), Services: append([]string{}, s.Services...),
	}
}

// instant is nil for 0: not seen.
func instant(unix int64) *time.Time {
	if unix == 0 {
		return nil
	}
	t := time.Unix(unix, 0).UTC()
	return &t
}

// figures are the conditions of --fail-on. What is only not due yet is no loss.
func (c *comparison) figures() map[string]float64 {
	return map[string]float64{
		"lost":    float64(c.Totals[string(compare.Lost)] - c.LostBecause[string(compare.WhyNotDue)]),
		"blocked": float64(c.Totals[string(compare.Blocked)]), "gained": float64(c.Totals[string(compare.Gained)]),
	}
}

func (c *comparison) json(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(c)
}

// table prints the comparison for people: what must be looked at comes first.
func (c *comparison) table(w io.Writer, all bool) error {
	fmt.Fprintf(w, "Before: %s to %s, %d days with evidence. After: %s to %s, %d days. By %s; hours are UTC.\n", c.Before.First, c.Before.Last,
		c.Before.Days, c.After.First, c.After.Last, c.After.Days, printable(c.By))
	fmt.Fprintf(w, "%d lost%s, %d blocked, %d gained, %d moved, %d the same.\n", c.Totals["lost"], c.reasons(), c.Totals["blocked"], c.Totals["gained"],
		c.Totals["moved"], c.Totals["same"])
	for _, s := range compare.Statuses {
		if c.Totals[string(s)] == 0 || s == compare.Same && !all {
			continue
		}
		fmt.Fprintf(w, "\n%s\n", headings[s])
		t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
		columns[s](t, nil)
		for i := range c.Conversations {
			if e := &c.Conversations[i]; e.Status == s {
				columns[s](t, e)
			}
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	return c.leftOut(w)
}

func (c *comparison) reasons() string {
	var parts []string
	for _, why := range []compare.Why{compare.WhyRejected, compare.WhyRefused, compare.WhySilent, compare.WhyDoubtful, compare.WhyNotDue, compare.WhyNotLogged} {
		if n := c.LostBecause[string(why)]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, why))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

func (c *comparison) leftOut(w io.Writer) error {
	if c.Before.UnknownParties+c.After.UnknownParties+c.Before.Ambiguous+c.After.Ambiguous == 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "\nLeft out: records of parties that the estates do not name, %d before and %d after; of connections that nobody can tell who opened, %d and %d.\n",
		c.Before.UnknownParties, c.After.UnknownParties, c.Before.Ambiguous, c.After.Ambiguous)
	if err == nil && c.Before.UnknownParties+c.After.UnknownParties > 0 {
		_, err = io.WriteString(w, "What looks gained or lost may be among the first: an estate of each time (--estate twice), or a history of snapshots, names interfaces that are gone.\n")
	}
	return err
}

var headings = map[compare.Status]string{
	compare.Lost:    "Lost: worked before, and not after",
	compare.Blocked: "Blocked: tried after, not before, and it did not work",
	compare.Gained:  "Gained: works after, and did not before",
	compare.Moved:   "Moved: works on both sides, at other places",
	compare.Same:    "The same",
}

// columns print a row of each section, or its header when there is no entry.
var columns = map[compare.Status]func(io.Writer, *comparedEntry){
	compare.Lost: func(w io.Writer, e *comparedEntry) {
		if e == nil {
			fmt.Fprintln(w, "CLIENT\tSERVICE\tPORT\tDAYS\tFLOWS\tPEAK HOUR\tLAST SEEN\tAFTER")
			return
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s\t%s\n", parties(e), e.Before.Days, e.Before.Flows, peak(&e.Before), stamp(e.Before.Last), afterText(e))
	},
	compare.Blocked: func(w io.Writer, e *comparedEntry) {
		if e == nil {
			fmt.Fprintln(w, "CLIENT\tSERVICE\tPORT\tAFTER")
			return
		}
		fmt.Fprintf(w, "%s\t%s\n", parties(e), afterText(e))
	},
	compare.Gained: func(w io.Writer, e *comparedEntry) {
		if e == nil {
			fmt.Fprintln(w, "CLIENT\tSERVICE\tPORT\tDAYS\tFLOWS\tPEAK HOUR\tFIRST SEEN")
			return
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s\n", parties(e), e.After.Days, e.After.Flows, peak(&e.After), stamp(e.After.First))
	},
	compare.Moved: func(w io.Writer, e *comparedEntry) {
		if e == nil {
			fmt.Fprintln(w, "CLIENT\tSERVICE\tPORT\tPEAK HOUR BEFORE\tPEAK HOUR AFTER\tCLIENT AT\tSERVICE AT")
			return
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", parties(e), peak(&e.Before), peak(&e.After), way(e.Before.Clients, e.After.Clients),
			way(e.Before.Services, e.After.Services))
	},
	compare.Same: func(w io.Writer, e *comparedEntry) {
		if e == nil {
			fmt.Fprintln(w, "CLIENT\tSERVICE\tPORT\tPEAK HOUR BEFORE\tPEAK HOUR AFTER")
			return
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", parties(e), peak(&e.Before), peak(&e.After))
	},
}

func parties(e *comparedEntry) string {
	return printable(e.Client) + "\t" + printable(e.Service) + "\t" + e.Port
}

func stamp(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.Format("2006-01-02 15:04")
}

// peak is the busiest hour, by bytes, with the most flows of an hour.
func peak(s *comparedSeen) string {
	return fmt.Sprintf("%s, %d flows (%s)", short(float64(s.PeakBytes.Count), 1024, "B"), s.PeakFlows.Count, stamp(s.PeakBytes.Hour))
}

// afterText is what is known of a link that does not work after.
func afterText(e *comparedEntry) string {
	switch e.Why {
	case compare.WhyRejected:
		return fmt.Sprintf("rejected: %d records", e.After.Rejected)
	case compare.WhyRefused:
		return fmt.Sprintf("refused: %d records of attempts without answer, or reset", e.After.Refused)
	case compare.WhySilent, compare.WhyNotDue:
		return fmt.Sprintf("%s: chance of such a silence %.4g %%", e.Why, e.SilentChance*100)
	}
	if e.Why == compare.WhyNotLogged {
		return "not logged: no interface of either has logs"
	}
	return "doubtful: nobody can tell who opened what there is"
}

// way is from where to where.
func way(from, to []string) string {
	if placesText(from) == placesText(to) {
		return placesText(to)
	}
	return placesText(from) + " -> " + placesText(to)
}

func placesText(places []string) string {
	const most = 2
	if len(places) > most {
		return fmt.Sprintf("%s and %d more", printable(strings.Join(places[:most], ", ")), len(places)-most)
	}
	return printable(strings.Join(places, ", "))
}
