package layout

import (
	"strconv"
	"strings"
	"time"
)

// Level says how deep in AWS's layout a prefix stands.
type Level int

const (
	Above     Level = iota // above or beside any AWSLogs folder
	AWSLogs                // …/AWSLogs/
	Account                // …/AWSLogs/<account>/
	Service                // …/vpcflowlogs/
	Region                 // …/<region>/
	Year                   // …/<YYYY>/
	Month                  // …/<MM>/
	Day                    // …/<DD>/
	Hour                   // …/<HH>/, or deeper
	Elsewhere              // below AWSLogs, but not on the way to flow logs: a sibling
)

// Place is a prefix read as a place in the layout.
type Place struct {
	Level           Level
	Hive            bool
	Account, Region string
	Base            string // the prefix down to the region, with "/"; "" above that
	time            [4]int // year, month, day, hour as far as the level tells
}

// Locate reads a prefix. It must be whole: empty, or end in "/".
func Locate(prefix string) Place {
	var p Place
	rest := prefix
	consumed := 0
	for rest != "" {
		segment, after, whole := strings.Cut(rest, "/")
		if !whole {
			return p
		}
		consumed += len(segment) + 1
		p.enter(segment)
		if p.Level == Region && p.Base == "" {
			p.Base = prefix[:consumed]
		}
		if p.Level == Elsewhere {
			return p
		}
		rest = after
	}
	return p
}

// hiveKeys are the keys of the Hive layout by the level they lead to.
var hiveKeys = map[Level][]string{
	Account: {"aws-account-id="},
	Service: {"aws-service=", "service="}, // the latter in AWS's page on transit gateways
	Region:  {"aws-region=", "region="},
	Year:    {"year="}, Month: {"month="}, Day: {"day="}, Hour: {"hour="},
}

// enter goes one folder down.
func (p *Place) enter(segment string) {
	next := p.Level + 1
	value, hive := segment, false
	for _, key := range hiveKeys[next] {
		if v, ok := strings.CutPrefix(segment, key); ok {
			value, hive = v, true
		}
	}
	ok := false
	switch next {
	case AWSLogs:
		if segment != "AWSLogs" {
			return // still above
		}
		ok = true
	case Account:
		ok = isAccount(value)
		p.Account = value
	case Service:
		ok = value == service
	case Region:
		ok = isRegion(value)
		p.Region = value
	case Year, Month, Day, Hour:
		var n int
		if n, ok = part(value, next); ok {
			p.time[next-Year] = n
		}
	default: // below the hour: whatever it is, it belongs to the hour
		return
	}
	p.Hive = p.Hive || hive
	p.Level = next
	if !ok {
		p.Level = Elsewhere
	}
}

// part reads a folder of a date: zero-padded, in range.
func part(s string, level Level) (int, bool) {
	width, first, last := 2, 1, 12
	switch level {
	case Year:
		width, first, last = 4, 1, 9999
	case Day:
		last = 31
	case Hour:
		first, last = 0, 23
	}
	if len(s) != width || !digits(s) {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= first && n <= last
}

// slot is the start of the day or hour that the place stands for, zero when it stands for neither.
func (p Place) slot() time.Time {
	if p.Level != Day && p.Level != Hour {
		return time.Time{}
	}
	t := time.Date(p.time[0], time.Month(p.time[1]), p.time[2], p.time[3], 0, 0, 0, time.UTC)
	if t.Day() != p.time[2] {
		return time.Time{} // 31 February
	}
	return t
}

// Pad is how far the listing reaches beyond a window at both edges: objects hold records that came late, and a slot says
// when records were published (aws-facts §3.1).
const Pad = time.Hour

// Span returns where the days of a padded window [since, until) lie among the keys below a region's base, which sort by
// day: no key up to first is of the window, and none from end on. An open edge gives "".
func (p Place) Span(since, until time.Time) (first, end string) {
	format := "2006/01/02/"
	if p.Hive {
		format = "year=2006/month=01/day=02/"
	}
	if !since.IsZero() {
		first = p.Base + since.Add(-Pad).UTC().Format(format)
	}
	if !until.IsZero() {
		last := until.Add(Pad).Add(-1).UTC()
		end = p.Base + last.AddDate(0, 0, 1).Format(format)
	}
	return first, end
}

// InWindow reports whether an object of this slot can hold records that end in [since, until); zero times are open, and
// so is an unknown slot. Slots are judged by their day, as the prefixes are: the same objects whatever the source.
func InWindow(slot, since, until time.Time) bool {
	if slot.IsZero() {
		return true
	}
	day := slot.UTC().Truncate(24 * time.Hour)
	if !since.IsZero() && !day.AddDate(0, 0, 1).After(since.Add(-Pad)) {
		return false
	}
	return until.IsZero() || day.Before(until.Add(Pad))
}
