// Package cli is what the programs of this module have in common towards their
// users:
//
//	func main() {
//		p := cli.New("digits")
//		n := p.Int("n", 10, "number of digits")
//		os.Exit(p.Run(func() error {
//			if *n < 1 {
//				return errors.New("-n must be 1 or more")
//			}
//			return nil
//		}, func() error { return draw(cli.UntilInterrupt(), *n) }))
//	}
//
// -help prints the flags, with exit status 0. Wrong usage is told in one line on
// standard error, with status 2, and other errors likewise, with status 1. A
// program that Ctrl-C has ended early has done what it was told: status 0.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
)

// Program is a program: its name, and its flags to add to.
type Program struct {
	*flag.FlagSet
	help strings.Builder
}

// New returns a program without flags. It takes no arguments besides them.
func New(name string) *Program {
	p := &Program{FlagSet: flag.NewFlagSet(name, flag.ContinueOnError)}
	p.SetOutput(&p.help)
	return p
}

// Given reports whether the command line has the flag.
func (p *Program) Given(name string) (given bool) {
	p.Visit(func(f *flag.Flag) { given = given || f.Name == name })
	return given
}

// Run parses the command line, has check say whether the flags make sense
// together, and runs the program. It returns the exit status.
func (p *Program) Run(check, run func() error) (status int) {
	err := p.Parse(os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(os.Stdout, p.help.String())
		return 0
	case err == nil && p.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", p.Arg(0))
	case err == nil:
		err = check()
	}
	if err != nil {
		return p.fail(fmt.Errorf("%w; see -help", err), 2)
	}
	if err := run(); err != nil && !Cancelled(err) {
		return p.fail(err, 1)
	}
	return 0
}

// UntilInterrupt returns a context that Ctrl-C cancels, for programs that have
// something to save then. A second Ctrl-C ends the program at once.
func UntilInterrupt() context.Context {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop)
	return ctx
}

// Cancelled reports whether an error is nothing but that of a cancelled context:
// joined with another, which saving has led to, it is not.
func Cancelled(err error) bool {
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		return Cancelled(e.Unwrap())
	case interface{ Unwrap() []error }:
		return !slices.ContainsFunc(e.Unwrap(), func(e error) bool { return !Cancelled(e) })
	}
	return errors.Is(err, context.Canceled) // the cause of UntilInterrupt says that it is
}

// fail tells an error in one line; joined ones have several.
func (p *Program) fail(err error, status int) int {
	fmt.Fprintf(os.Stderr, "%s: %s\n", p.Name(), strings.ReplaceAll(err.Error(), "\n", "; "))
	return status
}
