package gan_test

import (
	"context"
	"fmt"
	"math"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// mishap is an objective whose generator's loss fails when it is told to.
type mishap struct {
	gan.Hinge
	next func(fake *autograd.Var) *autograd.Var // what it does instead, nil: nothing
	once bool
}

func (m *mishap) Generator(fake *autograd.Var, real func() *autograd.Var) *autograd.Var {
	if next := m.next; next != nil {
		if m.once {
			m.next = nil
		}
		return next(fake)
	}
	return m.Hinge.Generator(fake, real)
}

// wide returns networks whose state is too large to be copied before each step.
func wide(parts ...nn.Module) (g, d nn.Module) {
	g = nn.Sequential(nn.Linear(latentSize, 90), nn.BatchNorm1D(90), nn.Tanh(), nn.Linear(90, 4))
	return g, nn.Sequential(append(parts, nn.Linear(4, 90), nn.LeakyReLU(0.2), nn.SpectralNorm(nn.Linear(90, 90)), nn.Tanh(), nn.Linear(90, 1))...)
}

// A step that fails after the discriminator's update leaves everything as it was
// before: after none, few and many steps, of batches of several sizes, whatever
// made it fail; and training continues as if there had been no such step.
func TestFailedStepIsUndone(t *testing.T) {
	failures := map[string]func(fake *autograd.Var) *autograd.Var{
		"loss":     func(fake *autograd.Var) *autograd.Var { return autograd.Scale(fake, math.Inf(1)) },
		"gradient": rootOfZero,
		"misuse":   func(fake *autograd.Var) *autograd.Var { return autograd.Reshape(fake, 7, 7, 7) },
		"panic":    func(*autograd.Var) *autograd.Var { panic("a network of one's own") },
	}
	trainers := map[string]func(o gan.Objective) *gan.Trainer{
		"tiny":       func(o gan.Objective) *gan.Trainer { return newTiny(t, o) },
		"everything": func(o gan.Objective) *gan.Trainer { return newTiny(t, o, everything) },
		"conditional": func(o gan.Objective) *gan.Trainer {
			return newConditional(t, o, func(c *gan.Config) { c.EMAHalfLife = 3 }, vectors)
		},
		"conditional, wide": func(o gan.Objective) *gan.Trainer {
			g, d := wide(nn.ConcatCondition(3, 1), nn.Linear(7, 4))
			c := tinyConfig(o)
			c.Condition, c.EMAHalfLife = 3, 10
			trainer, err := gan.New(nn.Sequential(nn.ConcatCondition(3, 1), nn.Linear(latentSize+3, latentSize), g), d, c)
			require.NoError(t, err)
			return trainer
		},
		"wide": func(o gan.Objective) *gan.Trainer {
			g, d := wide()
			c := tinyConfig(o)
			c.EMAHalfLife, c.FreshLatent, c.GeneratorEvery = 10, true, 1
			trainer, err := gan.New(g, d, c)
			require.NoError(t, err)
			return trainer
		},
	}
	for name, trainer := range trainers {
		for _, before := range []int{0, 1, 3, 66, 130} {
			objective, calm := &mishap{once: true}, &mishap{once: true}
			failing, clean := trainer(objective), trainer(calm)
			random := tensor.NewStream(1, "samples")
			train := func() {
				x := random.Normal(tensor.Float32, 3+failing.Steps()%3, 4)
				b := gan.Batch{X: x, Condition: random.Normal(tensor.Float32, x.Dim(0), 3)}
				for _, tr := range []*gan.Trainer{failing, clean} {
					_, err := tr.Step(b)
					require.NoError(t, err)
				}
				b.X.Fill(9) // a source may overwrite it
				b.Condition.Fill(9)
			}
			for range before {
				train()
			}
			for failure, next := range failures {
				what := fmt.Sprintf("%s: %s after %d steps", name, failure, failing.Steps())
				state := stateOf(t, failing)
				objective.next = next
				step := func() (err error) {
					defer func() {
						if p := recover(); p != nil {
							err = fmt.Errorf("a panic: %v", p)
						}
					}()
					for err == nil && objective.next != nil { // the generator's turn may come later
						state = stateOf(t, failing)
						b := gan.Batch{X: random.Normal(tensor.Float32, 5, 4), Condition: random.Normal(tensor.Float32, 5, 3)}
						if _, err = failing.Step(b); err == nil {
							_, err = clean.Step(b)
						}
					}
					return err
				}
				require.Error(t, step(), what)
				same(t, state, stateOf(t, failing), what)
				train()
				same(t, stateOf(t, clean), stateOf(t, failing), what)
			}
		}
	}
}

// Weights that were changed between steps are what a failed step leads back to.
func TestFailedStepKeepsWeightsFromOutside(t *testing.T) {
	objective := &mishap{once: true}
	g, d := wide()
	trainer, err := gan.New(g, d, tinyConfig(objective))
	require.NoError(t, err)
	x := batch(t, tinyNoise(1))
	for range 3 {
		_, err := trainer.Step(gan.Batch{X: x})
		require.NoError(t, err)
	}
	weight := nn.Params(d)[0].Param.Value()
	weight.Fill(0.25)
	state := stateOf(t, trainer)
	objective.next = rootOfZero
	_, err = trainer.Step(gan.Batch{X: x})
	require.Error(t, err)
	same(t, state, stateOf(t, trainer))
	require.Equal(t, 0.25, weight.At(1, 1))
}

// An objective that has turned bad for good makes replays impossible. That is
// said, and the networks are as the failed step has left them.
func TestFailedStepThatCannotBeUndone(t *testing.T) {
	objective := &mishap{}
	g, d := wide()
	trainer, err := gan.New(g, d, tinyConfig(objective))
	require.NoError(t, err)
	x := batch(t, tinyNoise(1))
	for range 3 {
		_, err := trainer.Step(gan.Batch{X: x})
		require.NoError(t, err)
	}
	sample, weight := trainer.Sample(2, 1).Float32s(), nn.Params(d)[0].Param.Value()
	before := weight.Clone().Float32s()
	objective.next = rootOfZero
	_, err = trainer.Step(gan.Batch{X: x})
	var e *gan.NonFiniteError
	require.ErrorAs(t, err, &e)
	require.ErrorContains(t, err, "could not be undone: step 1 went well and fails when it is done again")
	require.Equal(t, 3, trainer.Steps())
	require.Equal(t, sample, trainer.Sample(2, 1).Float32s())
	require.NotEqual(t, before, weight.Float32s())

	objective.next, objective.once = nil, true // from here on all is well
	_, err = trainer.Step(gan.Batch{X: x})
	require.NoError(t, err)
	state := stateOf(t, trainer)
	objective.next = rootOfZero
	_, err = trainer.Step(gan.Batch{X: x})
	require.Error(t, err)
	same(t, state, stateOf(t, trainer))
}

// Others sample all the time, also while steps are done again, and see weights of
// finished steps only.
func TestSampleWhileStepsAreUndone(t *testing.T) {
	objective := &mishap{once: true}
	g, d := wide()
	trainer, err := gan.New(g, d, tinyConfig(objective))
	require.NoError(t, err)
	good := map[string]bool{fmt.Sprint(trainer.Sample(1, 1).Float32s()): true}
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	var seen []string
	wg.Go(func() {
		for over := false; !over; over = ctx.Err() != nil { // once at least, on one processor
			seen = append(seen, fmt.Sprint(trainer.Sample(1, 1).Float32s()))
		}
	})
	x := batch(t, tinyNoise(1))
	for step := range 30 {
		if step%10 == 9 {
			objective.next = rootOfZero
		}
		_, err := trainer.Step(gan.Batch{X: x})
		require.Equal(t, step%10 == 9, err != nil)
		good[fmt.Sprint(trainer.Sample(1, 1).Float32s())] = true
	}
	stop()
	wg.Wait()
	require.NotEmpty(t, seen)
	for _, s := range seen {
		require.True(t, good[s])
	}
}
