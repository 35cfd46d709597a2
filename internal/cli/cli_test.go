package cli_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/internal/cli"
	"github.com/gander-ml/gander/internal/clitest"
)

func TestMain(m *testing.M) { os.Exit(clitest.Main(m, program)) }

// program ends in the way that its flag says.
func program() {
	p := cli.New("program")
	end := p.String("end", "well", "how to end")
	os.Exit(p.Run(func() error {
		if *end == "" {
			return errors.New("-end must not be empty")
		}
		return nil
	}, func() error {
		fmt.Println("end", *end, p.Given("end"), p.Given("help"))
		switch *end {
		case "badly":
			return errors.Join(errors.New("one"), errors.New("two"))
		case "cancelled":
			ctx := cli.UntilInterrupt()
			fmt.Println("ready")
			<-ctx.Done()
			return fmt.Errorf("stopped: %w", context.Cause(ctx))
		case "unsaved":
			return errors.Join(context.Canceled, errors.New("the disk is full"))
		}
		return nil
	}))
}

func TestProgram(t *testing.T) {
	dir := t.TempDir()
	for args, want := range map[string]clitest.Result{
		"":             {Out: "end well false false\n"},
		"-end=well":    {Out: "end well true false\n"},
		"-end badly":   {Status: 1, Out: "end badly true false\n", Errors: "program: one; two\n"},
		"-end unsaved": {Status: 1, Out: "end unsaved true false\n", Errors: "program: context canceled; the disk is full\n"},
		"-end=":        {Status: 2, Errors: "program: -end must not be empty; see -help\n"},
		"-end":         {Status: 2, Errors: "program: flag needs an argument: -end; see -help\n"},
		"-end= more":   {Status: 2, Errors: "program: unexpected argument \"more\"; see -help\n"},
		"-ned x":       {Status: 2, Errors: "program: flag provided but not defined: -ned; see -help\n"},
	} {
		require.Equal(t, want, clitest.Run(t, dir, strings.Fields(args)...), args)
	}
	for _, help := range []string{"-help", "-h"} {
		r := clitest.Run(t, dir, help)
		require.Zero(t, r.Status)
		require.Empty(t, r.Errors)
		require.Contains(t, r.Out, "how to end")
	}
}

func TestInterrupt(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot send Ctrl-C to another")
	}
	cmd := clitest.Command(t, t.TempDir(), "-end", "cancelled")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	var errs strings.Builder
	cmd.Stderr = &errs
	require.NoError(t, cmd.Start())
	defer cmd.Process.Kill()
	for lines := bufio.NewScanner(out); lines.Scan() && lines.Text() != "ready"; {
	}
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	require.NoError(t, cmd.Wait())
	require.Empty(t, errs.String())
}

func TestCancelled(t *testing.T) {
	stopped, full := fmt.Errorf("stopped: %w", context.Canceled), errors.New("the disk is full")
	for _, err := range []error{context.Canceled, stopped, errors.Join(stopped, context.Canceled)} {
		require.True(t, cli.Cancelled(err), "%v", err)
	}
	for _, err := range []error{nil, full, context.DeadlineExceeded, errors.Join(stopped, full), fmt.Errorf("%w: %w", full, stopped)} {
		require.False(t, cli.Cancelled(err), "%v", err)
	}
}
