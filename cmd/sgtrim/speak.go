package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
	"syscall"
	"unicode"

	"golang.org/x/term"

	"github.com/sgtrim/sgtrim/analyze/ledger"
)

// speaker writes to stderr: errors with a hint, warnings, notes and progress; as text lines or as JSON lines. It uses no
// colour, and it escapes control characters, because names in logs and tags are written by others.
type speaker struct {
	w     io.Writer
	quiet bool
	json  *slog.Logger // nil: text
	mu    sync.Mutex   // of everything below, and of writing to w
	drawn bool         // a progress line stands on the terminal's last line
}

func (s *speaker) setup(f globalFlags) error {
	switch f.logFormat {
	case "text":
	case "json":
		s.json = slog.New(slog.NewJSONHandler(s.w, nil))
	default:
		return usagef("--log-format %q: want text or json", f.logFormat)
	}
	s.quiet = f.quiet
	return nil
}

// failure says what ended the run, and what to do next. A run that came to its end but skipped input is a warning.
func (s *speaker) failure(err error) {
	if err == nil {
		return
	}
	var skipped *skippedError
	var failOn *failOnError
	if errors.As(err, &skipped) && !errors.As(err, &failOn) {
		s.line(slog.LevelWarn, "warning", err.Error(), hintFor(err))
		return
	}
	s.line(slog.LevelError, "error", err.Error(), hintFor(err))
}

// note tells the user something that is no result and no failure; --quiet silences it.
func (s *speaker) note(format string, args ...any) {
	if !s.quiet {
		s.line(slog.LevelInfo, "", fmt.Sprintf(format, args...), "")
	}
}

// warn tells the user of something that should not be overlooked; --quiet does not silence it.
func (s *speaker) warn(format string, args ...any) {
	s.line(slog.LevelWarn, "warning", fmt.Sprintf(format, args...), "")
}

func (s *speaker) line(level slog.Level, kind, msg, hint string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	if s.json != nil {
		var attrs []any
		if hint != "" {
			attrs = append(attrs, "hint", hint)
		}
		s.json.Log(context.Background(), level, msg, attrs...)
		return
	}
	if kind != "" {
		kind += ": "
	}
	fmt.Fprintf(s.w, "sgtrim: %s%s\n", kind, printable(msg))
	if hint != "" {
		fmt.Fprintf(s.w, "sgtrim: hint: %s\n", printable(hint))
	}
}

// clear removes the progress line, so that another line can be written in its place. The caller holds mu.
func (s *speaker) clear() {
	if s.drawn {
		fmt.Fprint(s.w, "\r\x1b[K")
		s.drawn = false
	}
}

// terminalWidth is the width in columns of the terminal that w is, or 0 where it is none that can redraw a line.
func terminalWidth(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" || !term.IsTerminal(int(f.Fd())) {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width <= 0 {
		return 80
	}
	return width
}

// printable escapes what could steer a terminal; line feeds and tabs stay.
func printable(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\n' || r == '\t' || unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "\\u%04x", r)
		}
	}
	return b.String()
}

// hintedError carries the advice of the place where the error arose.
type hintedError struct {
	err  error
	hint string
}

func (e *hintedError) Error() string { return e.err.Error() }
func (e *hintedError) Unwrap() error { return e.err }

func withHint(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &hintedError{err, fmt.Sprintf(format, args...)}
}

// hintFor is the next step for a failure, or "" when there is none worth saying.
func hintFor(err error) string {
	var hinted *hintedError
	var usage *usageError
	switch {
	case errors.As(err, &hinted):
		return hinted.hint
	case errors.As(err, &usage):
		return "add --help to the command to see its flags and examples"
	case errors.Is(err, ledger.ErrLocked):
		return "wait until the other run has ended, or use another ledger"
	case errors.Is(err, ledger.ErrNotLedger):
		return "name a new or empty folder, or one that ingest has made"
	case errors.Is(err, syscall.ENOSPC):
		return "free some space there and run again: what was committed stays, and the run goes on"
	case errors.Is(err, fs.ErrPermission):
		return "check the permissions of that path, and of the folders above it"
	}
	return ""
}
