// Command sgtrim reads VPC Flow Logs, joins what was really seen with the security-group rules in force, and proposes
// tighter rules that keep every flow that is needed.
//
// This package holds flags, wiring, progress and exit codes; everything that judges lives in the packages it calls.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

func main() {
	limitHeap()
	collectLater()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	code := run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// streams are the standard ones, or a test's.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// app is what the commands share: the streams, and how to speak on stderr.
type app struct {
	in   io.Reader
	out  *resultWriter
	say  *speaker
	now  func() time.Time // for a relative --since without --until; nothing else asks the clock
	flag globalFlags
}

// globalFlags hold for every command.
type globalFlags struct {
	quiet     bool
	logFormat string
}

// run is the whole program but for the process: it returns the exit code, after saying on stderr what went wrong.
func run(ctx context.Context, args []string, std streams) int {
	a := &app{in: std.in, out: &resultWriter{w: std.out}, say: &speaker{w: std.err}, now: time.Now}
	err := a.execute(ctx, args)
	if err == nil {
		err = a.out.err
	}
	if err != nil && ctx.Err() != nil {
		err = errInterrupted
	}
	a.say.failure(err)
	return exitCode(err)
}

// execute parses the arguments and runs one command. Whatever cobra refuses before a command starts is a usage error.
func (a *app) execute(ctx context.Context, args []string) error {
	started := false
	root := a.rootCommand()
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		if err := a.say.setup(a.flag); err != nil {
			return err
		}
		started = true
		return nil
	}
	root.SetArgs(args)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.say.w)
	err := root.ExecuteContext(ctx)
	if err == nil || started {
		return err
	}
	if a.say.json == nil {
		_ = a.say.setup(a.flag) // as far as the flags were read before one was refused
	}
	var usage *usageError
	if errors.As(err, &usage) {
		return err
	}
	return &usageError{err}
}

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "sgtrim",
		Short: "Tighten security groups to what VPC Flow Logs show",
		Long: `sgtrim reads VPC Flow Logs, joins what was really seen with the security-group rules in force, and proposes
tighter rules that keep every flow that is needed. It changes nothing in AWS: it writes scripts that do, when asked.

` + exitCodeHelp,
		SilenceErrors:              true,
		SilenceUsage:               true,
		SuggestionsMinimumDistance: 2,
		Args:                       cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return cmd.Help()
		},
	}
	root.PersistentFlags().BoolVar(&a.flag.quiet, "quiet", false, "no progress and no notes on stderr; errors still show")
	root.PersistentFlags().StringVar(&a.flag.logFormat, "log-format", "text", "stderr as `text|json`")
	root.SetHelpCommand(helpCommand())
	root.AddCommand(
		a.reviewCommand(),
		a.snapshotCommand(),
		a.ingestCommand(),
		a.recommendCommand(),
		a.checkCommand(),
		a.explainCommand(),
		a.verifyCommand(),
		a.watchCommand(),
		a.backtestCommand(),
		a.compareCommand(),
		a.mergeCommand(),
		a.exportCommand(),
		a.copyCommand(),
		a.demoCommand(),
		a.schemaCommand(),
		a.versionCommand(),
	)
	completeFlags(root)
	return root
}

// unknownCommand is the usage error for a command that does not exist, with the nearest names that do.
func unknownCommand(root *cobra.Command, name string) error {
	err := usagef("unknown command %q", name)
	if near := root.SuggestionsFor(name); len(near) > 0 {
		return withHint(err, "did you mean %q?", near[0])
	}
	return withHint(err, "sgtrim help lists the commands")
}

func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [command]",
		Short: "Help about any command",
		RunE: func(cmd *cobra.Command, args []string) error {
			topic, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return unknownCommand(cmd.Root(), args[0])
			}
			return topic.Help()
		},
	}
}

// resultWriter is stdout. It keeps the first failed write, which makes the whole run a failure.
type resultWriter struct {
	w   io.Writer
	err error
}

func (r *resultWriter) Write(p []byte) (int, error) {
	n, err := r.w.Write(p)
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("write to standard output: %w", err)
	}
	return n, r.err
}
