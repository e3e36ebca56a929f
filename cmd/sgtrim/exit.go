package main

import (
	"errors"
	"fmt"
)

// The exit codes are a promise to scripts.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitSkipped     = 3
	exitFailOn      = 4
	exitInterrupted = 130
)

const exitCodeHelp = `Exit codes: 0 done; 1 failed; 2 usage; 3 done, but some input was skipped; 4 a --fail-on condition holds (wins
over 3); 130 interrupted.`

var errInterrupted = errors.New("interrupted")

// usageError is a command line that cannot be run.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// skippedError is a run that came to its end but left input out; what was left out is in its text.
type skippedError struct{ what string }

func (e *skippedError) Error() string { return e.what }

// failOnError is a condition of --fail-on that holds.
type failOnError struct{ what string }

func (e *failOnError) Error() string { return e.what }

// exitCode is the only place where an error becomes a number.
func exitCode(err error) int {
	var (
		usage   *usageError
		skipped *skippedError
		failOn  *failOnError
	)
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &failOn):
		return exitFailOn
	case errors.As(err, &skipped):
		return exitSkipped
	}
	return exitFailed
}
