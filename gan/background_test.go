package gan_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/tensor"
)

// averaged samples from averages, which move after the weights do.
func averaged(c *gan.Config) { c.EMAHalfLife = 4 }

// What is told is that of the step's own generator, in order, and training is
// the same as without anybody looking.
func TestBackground(t *testing.T) {
	source := tinyNoise(7)
	alone := newTiny(t, gan.Hinge{}, averaged)
	want := map[int][]float32{}
	_, err := alone.Fit(context.Background(), source, gan.Epochs(3), gan.On(gan.After(gan.Every(4), func(tr *gan.Trainer) error {
		want[tr.Steps()] = tr.Sample(50, 9).Float32s()
		return nil
	})))
	require.NoError(t, err)
	require.Len(t, want, 5)

	for name, delay := range map[string]time.Duration{"swift": 0, "slower than training": 20 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			watched := newTiny(t, gan.Hinge{}, averaged)
			var steps []int
			hook := gan.Background(gan.Every(4), func(g *gan.Generator) ([]float32, error) {
				time.Sleep(delay)
				return g.Sample(50, 9).Float32s(), nil
			}, func(step int, samples []float32) error {
				steps = append(steps, step) // the race detector sees whether it is the trainer's goroutine
				require.Equal(t, want[step], samples, "step %d", step)
				return nil
			})
			fit := func(o gan.Option) {
				_, err := watched.Fit(context.Background(), source, o, gan.On(hook))
				require.NoError(t, err)
			}
			fit(gan.Epochs(1)) // a hook serves for one run after another
			fit(gan.Epochs(3))
			require.Equal(t, []int{4, 8, 12, 16, 20}, steps)
			same(t, stateOf(t, alone), stateOf(t, watched))
		})
	}
}

// However slow the work is, no step is left out, and memory is bounded.
func TestBackgroundFallsBehind(t *testing.T) {
	trainer := newTiny(t, gan.Hinge{})
	release := make(chan struct{})
	time.AfterFunc(50*time.Millisecond, func() { close(release) })
	told := 0
	_, err := trainer.Fit(context.Background(), tinyNoise(40), gan.On(gan.Background(gan.Every(1), func(*gan.Generator) (int, error) {
		<-release
		return 0, nil
	}, func(step, _ int) error {
		told++
		require.Equal(t, told, step)
		return nil
	}), gan.After(gan.Every(1), func(tr *gan.Trainer) error {
		select {
		case <-release:
		default:
			require.LessOrEqual(t, tr.Steps(), 17, "one is looked at, and 16 wait")
		}
		return nil
	})))
	require.NoError(t, err)
	require.Equal(t, 40, told)
}

// Results are told when an epoch ends, not only at the very end.
func TestBackgroundTellsEarly(t *testing.T) {
	third, release := make(chan struct{}), make(chan struct{})
	var calls atomic.Int32
	told := 0
	_, err := newTiny(t, gan.Hinge{}).Fit(context.Background(), tinyNoise(3), gan.Epochs(2), gan.On(
		gan.Hook{Epoch: func(e gan.EpochInfo) error {
			<-third // so that the first two are finished
			if e.Epoch == 2 {
				close(release)
			}
			return nil
		}},
		gan.Background(func(step int) bool { return step <= 3 }, func(*gan.Generator) (string, error) {
			if calls.Add(1) == 3 {
				close(third)
				<-release
			}
			return "fine", nil
		}, func(step int, result string) error {
			told++
			require.Equal(t, fmt.Sprint(told, " fine"), fmt.Sprint(step, " ", result))
			return nil
		}),
		gan.Hook{Epoch: func(e gan.EpochInfo) error {
			if e.Epoch == 1 {
				require.Equal(t, 2, told)
			}
			return nil
		}}))
	require.NoError(t, err)
	require.Equal(t, 3, told)
}

// Trouble ends training, once, and leaves no goroutine behind.
func TestBackgroundFails(t *testing.T) {
	trouble := errors.New("trouble")
	work := func(*gan.Generator) (int, error) { return 0, nil }
	done := func(int, int) error { return nil }
	fit := func(ctx context.Context, work func(*gan.Generator) (int, error), done func(int, int) error, more ...gan.Hook) (*gan.Report, error) {
		return newTiny(t, gan.Hinge{}).Fit(ctx, tinyNoise(5), gan.Epochs(1000), gan.On(gan.Background(gan.Every(1), work, done)), gan.On(more...))
	}
	before := runtime.NumGoroutine()

	calls := 0
	report, err := fit(context.Background(), func(*gan.Generator) (int, error) {
		calls++
		return 0, trouble
	}, done)
	require.ErrorIs(t, err, trouble)
	require.EqualError(t, err, "gan: examining the generator of step 1: trouble")
	require.Less(t, report.Steps, 5000) // 16 wait at most
	require.Equal(t, 1, calls, "what waits is dropped")

	calls = 0
	_, err = fit(context.Background(), work, func(int, int) error {
		calls++
		return trouble
	})
	require.ErrorIs(t, err, trouble)
	require.Equal(t, 1, calls)

	// Others' trouble, too: what is begun is told.
	told := 0
	ctx, cancel := context.WithCancel(context.Background())
	report, err = fit(ctx, work, func(int, int) error {
		told++
		return nil
	}, gan.After(gan.Every(7), func(*gan.Trainer) error {
		cancel()
		return nil
	}))
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, []int{7, 7}, []int{report.Steps, told})
	_, err = fit(context.Background(), work, done, gan.Hook{Start: func(gan.Run) error { return trouble }})
	require.ErrorIs(t, err, trouble)

	// Eventually has a goroutine of its own; the three runs would have left one each.
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+1 }, time.Minute, time.Millisecond)

	misuse := tensor.Catch(func() {
		fit(context.Background(), func(g *gan.Generator) (int, error) {
			g.Sample(-1, 1)
			return 0, nil
		}, done)
	})
	var shape *tensor.ShapeError
	require.ErrorAs(t, misuse, &shape, "the panic is the trainer's")
	_, err = fit(context.Background(), func(*gan.Generator) (int, error) {
		runtime.Goexit()
		return 0, nil
	}, done)
	require.ErrorContains(t, err, "the work has ended its goroutine")
}

// Where done fails while a copy is looked at, those that wait are dropped still.
func TestBackgroundDropsWhatWaits(t *testing.T) {
	trouble := errors.New("trouble")
	second, release := make(chan struct{}), make(chan struct{})
	calls := 0
	_, err := newTiny(t, gan.Hinge{}).Fit(context.Background(), tinyNoise(5), gan.On(
		gan.Hook{Epoch: func(gan.EpochInfo) error {
			<-second // so that the first is finished
			return nil
		}},
		gan.Background(gan.Every(1), func(*gan.Generator) (int, error) {
			if calls++; calls == 2 {
				close(second)
				<-release
			}
			return 0, nil
		}, func(int, int) error { return trouble }),
		gan.Hook{Epoch: func(gan.EpochInfo) error {
			close(release)
			return nil
		}}))
	require.ErrorIs(t, err, trouble)
	require.Equal(t, 2, calls)
}

// Whatever goes wrong, no goroutine is left waiting, and nothing is kept quiet.
func TestBackgroundEndsItsGoroutines(t *testing.T) {
	before := runtime.NumGoroutine()
	work := func(*gan.Generator) (int, error) { return 0, nil }
	done := func(int, int) error { return nil }
	crash := func() { panic(&tensor.ShapeError{Op: "crash"}) }
	for name, hooks := range map[string][]gan.Hook{
		"work panics": {gan.Background(gan.Every(1), func(*gan.Generator) (int, error) {
			crash()
			return 0, nil
		}, done)},
		"report panics": {gan.Background(gan.Every(1), work, func(int, int) error {
			crash()
			return nil
		})},
		"another hook panics": {gan.Background(gan.Every(1), work, done), gan.After(gan.Every(3), func(*gan.Trainer) error {
			crash()
			return nil
		})},
	} {
		err := tensor.Catch(func() {
			newTiny(t, gan.Hinge{}).Fit(context.Background(), tinyNoise(5), gan.Epochs(1000), gan.On(hooks...))
		})
		require.ErrorContains(t, err, "crash", name)
		if name == "work panics" { // on a goroutine of its own
			require.ErrorContains(t, err, "TestBackgroundEndsItsGoroutines.func", "the place is told")
		}
	}
	told := 0
	_, err := newTiny(t, gan.Hinge{}).Fit(context.Background(), tinyNoise(5), gan.On(gan.Background(gan.Every(4),
		func(*gan.Generator) (int, error) {
			runtime.Goexit() // as require does in a test that fails
			return 0, nil
		}, func(int, int) error {
			told++
			return nil
		})))
	require.EqualError(t, err, "gan: examining the generator of step 4: the work has ended its goroutine")
	require.Zero(t, told)
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+1 }, time.Minute, time.Millisecond)
}

func TestEvery(t *testing.T) {
	var due []int
	for step := 1; step < 10; step++ {
		if gan.Every(3)(step) {
			due = append(due, step)
		}
	}
	require.Equal(t, []int{3, 6, 9}, due)
	require.ErrorContains(t, tensor.Catch(func() { gan.Every(0) }), "every 0 steps")
	work, report := func(*gan.Generator) (int, error) { return 0, nil }, func(int, int) error { return nil }
	for _, forgotten := range []func(){
		func() { gan.After(nil, func(*gan.Trainer) error { return nil }) }, func() { gan.After(gan.Every(1), nil) },
		func() { gan.Background(nil, work, report) }, func() { gan.Background[int](gan.Every(1), nil, report) }, func() { gan.Background(gan.Every(1), work, nil) },
	} {
		require.ErrorContains(t, tensor.Catch(forgotten), "a function is nil")
	}
}

// A run says how far it will go, wherever it starts.
func TestRunSteps(t *testing.T) {
	trainer, source := newTiny(t, gan.Hinge{}), tinyNoise(4)
	for _, c := range []struct {
		length gan.Option
		want   int
	}{{gan.Epochs(1), 4}, {gan.Steps(6), 6}, {gan.Epochs(3), 12}, {gan.Steps(5), 12}, {gan.Epochs(1), 12}, {gan.Steps(13), 13}} {
		_, err := trainer.Fit(context.Background(), source, c.length, gan.On(gan.Hook{Start: func(r gan.Run) error {
			require.Equal(t, c.want, r.Steps)
			return nil
		}}))
		require.NoError(t, err)
		require.Equal(t, c.want, trainer.Steps())
	}
}
