package gan_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/gan"
)

func TestExitStatus(t *testing.T) {
	term := &gan.Interrupted{Signal: syscall.SIGTERM}
	full := errors.New("the disk is full")
	for want, errs := range map[int][]error{
		0:   {nil, &gan.Interrupted{Signal: os.Interrupt}, context.Canceled},
		1:   {full, errors.Join(term, full), context.DeadlineExceeded},
		143: {term, fmt.Errorf("training: %w", term), errors.Join(term, context.Canceled)},
		129: {&gan.Interrupted{Signal: syscall.Signal(1)}},
	} {
		for _, err := range errs {
			require.Equal(t, want, gan.ExitStatus(err), "%v", err)
		}
	}
	require.True(t, gan.Cancelled(term))
	require.EqualError(t, term, "stopped by a signal: terminated")
}

// child is a program that trains until it is told to stop.
func child(dir string) int {
	ctx, stop := gan.Signals(context.Background())
	defer stop()
	t := &testing.T{}
	trainer := newTiny(t, gan.Hinge{})
	mode := os.Getenv("GANDER_TEST_MODE")
	release := make(chan struct{})
	hooks := []gan.Hook{gan.Checkpoints{Dir: filepath.Join(dir, "checkpoints"), Every: 1000}.Hook(), gan.Hook{Step: func(s *gan.StepInfo) error {
		if s.Step == 30 {
			fmt.Println("training")
		}
		return nil
	}}}
	switch mode {
	case "metric": // that is slow, and of which many wait
		hooks = append(hooks, gan.Background(gan.Every(1), func(*gan.Generator) (int, error) {
			time.Sleep(20 * time.Millisecond)
			return 0, nil
		}, func(int, int) error { return nil }))
	case "endless metrics":
		forever := func(*gan.Generator) (float64, error) { select {} }
		hooks[0] = gan.Checkpoints{Dir: filepath.Join(dir, "checkpoints"), Interval: time.Hour, Best: forever}.Hook()
		hooks = append([]gan.Hook{gan.Background(gan.Every(1), forever, func(int, float64) error { return nil })}, hooks...)
		hooks = append(hooks, gan.Hook{Step: func(s *gan.StepInfo) error {
			if s.Step == 10 {
				fmt.Println("training")
			}
			return nil
		}})
	case "stubborn":
		hooks = append(hooks, gan.Hook{End: func(*gan.Report) error {
			fmt.Println("ending")
			<-release
			return nil
		}})
	}
	report, err := trainer.Fit(ctx, tinyNoise(50), gan.Steps(math.MaxInt-1), gan.On(hooks...))
	fmt.Println("saved", report.Checkpoint)
	return gan.ExitStatus(err)
}

func TestSignals(t *testing.T) {
	if dir := os.Getenv("GANDER_TEST_CHILD"); dir != "" {
		os.Exit(child(dir))
	}
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot send signals to another")
	}
	for _, c := range []struct {
		mode   string
		signal os.Signal
		status int
	}{{"", os.Interrupt, 0}, {"", syscall.SIGTERM, 143}, {"", syscall.Signal(1), 129}, {"metric", syscall.SIGTERM, 143}, {"endless metrics", syscall.SIGTERM, 143}, {"stubborn", os.Interrupt, -1}} {
		dir := t.TempDir()
		cmd := exec.Command(os.Args[0], "-test.run", "^TestSignals$")
		cmd.Env = append(os.Environ(), "GANDER_TEST_CHILD="+dir, "GANDER_TEST_MODE="+c.mode)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		defer cmd.Process.Kill()
		saved := ""
		for lines := bufio.NewScanner(out); lines.Scan(); {
			switch line := lines.Text(); line {
			case "training", "ending": // the second signal
				require.NoError(t, cmd.Process.Signal(c.signal))
			default:
				saved = strings.TrimPrefix(line, "saved ")
			}
		}
		cmd.Wait()
		require.Equal(t, c.status, cmd.ProcessState.ExitCode(), "%+v", c)
		trainer := newTiny(t, gan.Hinge{})
		if c.status < 0 { // killed by the second one, after everything was saved
			saved, err = trainer.ResumeLatest(filepath.Join(dir, "checkpoints"))
			require.NoError(t, err)
		}
		require.NoError(t, trainer.Resume(saved), "%+v", c)
		require.GreaterOrEqual(t, trainer.Steps(), 10)
	}
}
