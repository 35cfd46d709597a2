package gan_test

import (
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// What one step may allocate. Its tensors live in the trainer's scope, so this is
// headers and lists.
const (
	maxAllocsPerStep = 200
	maxBytesPerStep  = 64 << 10
)

// classicTrainer returns the trainer of the main example and a batch.
func classicTrainer(t testing.TB) (*gan.Trainer, *tensor.Tensor) {
	t.Helper()
	g, d := classicNets()
	trainer, err := gan.New(g, d, gan.Config{Latent: 128, Objective: gan.Classic{}, Optimizer: optim.Adam{LR: 1e-4}, Seed: 1})
	require.NoError(t, err)
	return trainer, tensor.NewStream(1, "digits").Uniform(tensor.Float32, 64, 784)
}

func TestStepAllocates(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates too")
	}
	t.Run("classic", func(t *testing.T) {
		trainer, x := classicTrainer(t)
		stepAllocates(t, trainer, gan.Batch{X: x})
	})
	t.Run("quick", func(t *testing.T) {
		r := recipe.Quick()
		g, d := r.Networks()
		trainer, err := gan.New(g, d, r.Config())
		require.NoError(t, err)
		random := tensor.NewStream(1, "digits")
		classes := make([]int, 8)
		stepAllocates(t, trainer, gan.Batch{
			X:         random.Uniform(tensor.Float32, len(classes), 784),
			Condition: tensor.OneHot(tensor.Float32, 10, classes),
		})
	})
}

// stepAllocates fails if a step on a batch allocates more than it may.
func stepAllocates(t *testing.T, trainer *gan.Trainer, b gan.Batch) {
	step := func() {
		_, err := trainer.Step(b)
		require.NoError(t, err)
	}
	const steps = 60
	for range 140 {
		step() // finds its buffers, on each thread, and those for its inputs
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // a collection would empty the pools of workspaces
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	allocs := testing.AllocsPerRun(steps, step) // one more to warm up
	runtime.ReadMemStats(&after)
	bytes := (after.TotalAlloc - before.TotalAlloc) / (steps + 1)
	t.Logf("%.0f allocations and %d bytes per step", allocs, bytes)
	require.LessOrEqual(t, allocs, float64(maxAllocsPerStep))
	require.LessOrEqual(t, bytes, uint64(maxBytesPerStep))
}

// Training for longer takes no more memory, also with all that can be kept from
// step to step.
func TestStepKeepsMemory(t *testing.T) {
	for name, trainer := range map[string]*gan.Trainer{
		"plain": newTiny(t, gan.Classic{}), "everything": newTiny(t, gan.Wasserstein{}, everything),
	} {
		t.Run(name, func(t *testing.T) {
			x := batch(t, tinyNoise(1))
			live := func(steps int) uint64 {
				for range steps {
					_, err := trainer.Step(gan.Batch{X: x})
					require.NoError(t, err)
				}
				var m runtime.MemStats
				runtime.GC()
				runtime.GC() // what pools have let go
				runtime.ReadMemStats(&m)
				return m.HeapAlloc
			}
			before, steps := live(50), 10_000
			if testing.Short() || raceEnabled {
				steps = 300
			}
			after := live(steps)
			require.Less(t, after, before+64<<10, "from %d to %d bytes", before, after)
		})
	}
}
