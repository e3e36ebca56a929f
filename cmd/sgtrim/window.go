package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/sgtrim/sgtrim/analyze/ledger"
)

// window is the asked-for part of the logs: [since, until). Zero times are open ends.
type window struct{ since, until time.Time }

// parseWindow reads --since and --until. A date is a whole UTC day at either end; RFC 3339 is an instant; 30d and 12h count
// back from --until, or, without one, from the start of today (UTC), which then belongs to the window with what it has.
func parseWindow(since, until string, now time.Time) (window, error) {
	var w window
	today := now.UTC().Truncate(24 * time.Hour)
	if until != "" {
		day, err := parseInstant(until, today)
		if err != nil {
			return w, usagef("--until %q: %w", until, err)
		}
		w.until = day.end
	}
	if since != "" {
		from := w.until
		if from.IsZero() {
			from = today
		}
		day, err := parseInstant(since, from)
		if err != nil {
			return w, usagef("--since %q: %w", since, err)
		}
		w.since = day.start
	}
	if !w.since.IsZero() && !w.until.IsZero() && !w.since.Before(w.until) {
		return w, usagef("--since %s is not before --until %s", w.since.Format(time.RFC3339), w.until.Format(time.RFC3339))
	}
	return w, nil
}

// span is an instant (start equals end) or a whole day.
type span struct{ start, end time.Time }

func parseInstant(text string, from time.Time) (span, error) {
	if ago, err := parseAge(text); err == nil {
		t := from.Add(-ago)
		return span{t, t}, nil
	}
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return span{day, day.AddDate(0, 0, 1)}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return span{}, fmt.Errorf("want a date (2026-10-31), a time (2026-10-31T15:04:05Z) or an age (30d, 12h)")
	}
	return span{t.UTC(), t.UTC()}, nil
}

// parseAge reads 30d or 12h. Years of days and more are refused as slips of the finger.
func parseAge(text string) (time.Duration, error) {
	unit := 24 * time.Hour
	digits, ok := strings.CutSuffix(text, "d")
	if !ok {
		unit = time.Hour
		digits, ok = strings.CutSuffix(text, "h")
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	if !ok || err != nil {
		return 0, fmt.Errorf("%q: want a number of days or hours, as in 30d or 12h", text)
	}
	return time.Duration(n) * unit, nil
}

// parseDayList reads dates as days since 1970-01-01 UTC.
func parseDayList(texts []string) ([]int32, error) {
	var days []int32
	for _, text := range texts {
		day, err := time.Parse(time.DateOnly, text)
		if err != nil || day.Unix() < 0 {
			return nil, usagef("--rebuild-day %q: want a date, as in 2026-10-31", text)
		}
		days = append(days, ledger.DayOf(day.Unix()))
	}
	return days, nil
}

// parseDays reads a window of whole days: 30d.
func parseDays(text string) (int, error) {
	age, err := parseAge(text)
	if err != nil || age%(24*time.Hour) != 0 || age == 0 {
		return 0, fmt.Errorf("%q: want whole days, as in 30d", text)
	}
	return int(age / (24 * time.Hour)), nil
}

// sizeUnits are the suffixes of --memory.
var sizeUnits = []struct {
	suffix string
	bytes  int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"", 1}}

// parseSize reads 1GiB, 512MiB, 2GB or plain bytes.
func parseSize(text string) (int64, error) {
	for _, unit := range sizeUnits {
		digits, ok := strings.CutSuffix(text, unit.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || n <= 0 || n > (1<<62)/unit.bytes {
			break
		}
		return n * unit.bytes, nil
	}
	return 0, fmt.Errorf("%q: want a size, as in 1GiB or 512MiB", text)
}
