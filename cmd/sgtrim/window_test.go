package main

import (
	"errors"
	"testing"
	"time"
)

func TestParseWindow(t *testing.T) {
	now := time.Date(2026, 11, 23, 15, 4, 5, 0, time.UTC)
	const open = "0001-01-01T00:00:00Z"
	for _, tt := range []struct{ since, until, wantSince, wantUntil string }{
		{"", "", open, open},
		{"2026-10-01", "", "2026-10-01T00:00:00Z", open},
		{"", "2026-10-31", open, "2026-11-01T00:00:00Z"}, // the day named is in
		{"2026-10-31", "2026-10-31", "2026-10-31T00:00:00Z", "2026-11-01T00:00:00Z"},
		{"2026-10-01T12:30:00Z", "2026-10-01T13:30:00+01:00", "", ""}, // the same instant: empty
		{"2026-10-01T12:30:00Z", "2026-10-01T14:30:00+01:00", "2026-10-01T12:30:00Z", "2026-10-01T13:30:00Z"},
		{"30d", "2026-10-31", "2026-10-02T00:00:00Z", "2026-11-01T00:00:00Z"},
		{"12h", "2026-10-31T06:00:00Z", "2026-10-30T18:00:00Z", "2026-10-31T06:00:00Z"},
		{"30d", "", "2026-10-24T00:00:00Z", open},
		{"30d", "7d", "2026-10-17T00:00:00Z", "2026-11-16T00:00:00Z"},
		{"2026-11-02", "2026-10-31", "", ""},
		{"yesterday", "", "", ""},
		{"", "31.10.2026", "", ""},
		{"-3d", "", "", ""},
		{"d", "", "", ""},
		{"99999d", "", "", ""},
		{"2026-02-30", "", "", ""},
	} {
		got, err := parseWindow(tt.since, tt.until, now)
		if tt.wantSince == "" {
			var usage *usageError
			if !errors.As(err, &usage) {
				t.Errorf("%q to %q: got %v, %v, want a usage error", tt.since, tt.until, got, err)
			}
			continue
		}
		since, until := got.since.Format(time.RFC3339), got.until.Format(time.RFC3339)
		if err != nil || since != tt.wantSince || until != tt.wantUntil {
			t.Errorf("%q to %q: got %s to %s, %v, want %s to %s", tt.since, tt.until, since, until, err, tt.wantSince, tt.wantUntil)
		}
	}
}

func TestParseDays(t *testing.T) {
	for text, want := range map[string]int{"30d": 30, "48h": 2, "1d": 1, "0d": 0, "30": 0, "36h": 0, "": 0, "1w": 0} {
		got, err := parseDays(text)
		if got != want || (err == nil) != (want > 0) {
			t.Errorf("parseDays(%q) = %d, %v, want %d", text, got, err, want)
		}
	}
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"1GiB": 1 << 30, "512MiB": 512 << 20, "64KiB": 64 << 10, "2GB": 2e9, "5kB": 5000, "100": 100, "3TiB": 3 << 40,
		"": 0, "0": 0, "-1GiB": 0, "1.5GiB": 0, "GiB": 0, "1G": 0, "9999999999TiB": 0, "1 GiB": 0,
	} {
		got, err := parseSize(text)
		if got != want || (err == nil) != (want > 0) {
			t.Errorf("parseSize(%q) = %d, %v, want %d", text, got, err, want)
		}
	}
}
