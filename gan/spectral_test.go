package gan_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/mat"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/datasets/digits"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// spectral returns a trainer of tiny networks, both with normalised layers.
func spectral(t testing.TB, change ...func(*gan.Config)) *gan.Trainer {
	t.Helper()
	c := tinyConfig(gan.Hinge{})
	for _, f := range change {
		f(&c)
	}
	g := nn.Sequential(nn.Linear(latentSize, 8), nn.BatchNorm1D(8), nn.ReLU(), nn.SpectralNorm(nn.Linear(8, 4), nn.PowerIterations(2)))
	d := nn.Sequential(nn.SpectralNorm(nn.Linear(4, 8)), nn.LeakyReLU(0.2), nn.SpectralNorm(nn.Linear(8, 1)))
	trainer, err := gan.New(g, d, c)
	require.NoError(t, err)
	return trainer
}

// A step moves the vectors by one iteration, however often the discriminator
// runs in it: from those before the step, at the weights of its last pass. That
// is the generator's, after the update, or the discriminator's own.
func TestSpectralNormInAStep(t *testing.T) {
	const every = 2
	for _, penalties := range append(everyPenalty, nil) {
		d := nn.Sequential(nn.SpectralNorm(nn.Linear(4, 3)), nn.LeakyReLU(0.2), nn.Linear(3, 1))
		trainer, err := gan.New(nn.Linear(1, 4), d, gan.Config{Latent: 1, Objective: gan.Hinge{}, Penalties: penalties, GeneratorEvery: every,
			DType: tensor.Float64, Optimizer: optim.SGD{LR: 0.1}})
		require.NoError(t, err)
		state := nn.State(d)
		weight := func() *mat.Dense {
			return mat.NewDense(3, 4, state["0.parametrizations.weight.original"].Float64s())
		}
		u, v := mat.NewVecDense(3, nil), mat.NewVecDense(4, state["0.parametrizations.weight.0._v"].Float64s())
		for step := 1; step <= 2*every; step++ {
			w := weight()
			_, err := trainer.Step(gan.Batch{X: tensor.NewStream(uint64(step), "samples").Normal(tensor.Float64, 5, 4)})
			require.NoError(t, err)
			if step%every == 0 {
				require.NotEqual(t, w, weight())
				w = weight()
			}
			u.MulVec(w, v)
			u.ScaleVec(1/mat.Norm(u, 2), u)
			v.MulVec(w.T(), u)
			v.ScaleVec(1/mat.Norm(v, 2), v)
			require.InDeltaSlice(t, u.RawVector().Data, state["0.parametrizations.weight.0._u"].Float64s(), 1e-14, "step %d", step)
			require.InDeltaSlice(t, v.RawVector().Data, state["0.parametrizations.weight.0._v"].Float64s(), 1e-14, "step %d", step)
		}
	}
}

// Training that is taken up again, after any step, is the same as training
// without a stop, byte for byte, and samples are those of the newest buffers.
func TestResumeWithSpectralNorm(t *testing.T) {
	const steps = 6
	x := batch(t, tinyNoise(1))
	for name, change := range map[string]func(*gan.Config){
		"plain": func(c *gan.Config) { c.GeneratorEvery = 2 }, "everything": everything,
	} {
		t.Run(name, func(t *testing.T) {
			run := func(trainer *gan.Trainer, steps int) *gan.Trainer {
				for range steps {
					_, err := trainer.Step(gan.Batch{X: x})
					require.NoError(t, err)
					trainer.Sample(2, 1)
				}
				return trainer
			}
			want := stateOf(t, run(spectral(t, change), steps))
			for stop := range steps {
				path := filepath.Join(t.TempDir(), "checkpoint")
				first := run(spectral(t, change), stop)
				require.NoError(t, first.Checkpoint(path))
				second := spectral(t, change, func(c *gan.Config) { c.Seed = 99 })
				require.NoError(t, second.Resume(path, gan.Allow("seed")))
				require.Equal(t, first.Sample(5, 1).Float32s(), second.Sample(5, 1).Float32s(), "step %d", stop)
				same(t, want, stateOf(t, run(second, steps-stop)), stop)
			}
		})
	}
}

// A step that fails leaves the vectors as they are, and nothing for the next.
func TestFailedStepWithSpectralNorm(t *testing.T) {
	x := batch(t, tinyNoise(1))
	one, two := spectral(t), spectral(t)
	before := stateOf(t, one)
	_, err := one.Step(gan.Batch{X: tensor.New(tensor.Float32, 5, 3)})
	var misfit tensor.Misuse
	require.ErrorAs(t, err, &misfit)
	same(t, before, stateOf(t, one))
	for range 3 {
		_, err := one.Step(gan.Batch{X: x})
		require.NoError(t, err)
		_, err = two.Step(gan.Batch{X: x})
		require.NoError(t, err)
	}
	same(t, stateOf(t, two), stateOf(t, one))
}

// A generator with normalised layers is saved and loaded with its vectors, and
// any number of goroutines may sample from it while training goes on.
func TestGeneratorWithSpectralNorm(t *testing.T) {
	trainer := spectral(t, func(c *gan.Config) { c.EMAHalfLife = 3 })
	x := batch(t, tinyNoise(1))
	for range 5 {
		_, err := trainer.Step(gan.Batch{X: x})
		require.NoError(t, err)
	}
	fixed := trainer.Generator()
	want := fixed.Sample(9, 1).Float32s()
	path := filepath.Join(t.TempDir(), "generator")
	require.NoError(t, fixed.Save(path))
	loaded, err := gan.LoadGenerator(path)
	require.NoError(t, err)
	var samplers sync.WaitGroup
	for i := range 8 {
		samplers.Go(func() {
			g := []*gan.Generator{fixed, loaded}[i%2]
			for range 10 {
				if got := g.Sample(9, 1).Float32s(); fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("sampler %d got %v, not %v", i, got, want)
				}
			}
		})
	}
	for range 20 {
		_, err := trainer.Step(gan.Batch{X: x})
		require.NoError(t, err)
	}
	samplers.Wait()
	require.NotEqual(t, want, trainer.Sample(9, 1).Float32s())
}

// On a network for pictures that is being trained, one iteration in each step
// keeps every weight's largest singular value near 1, as another method finds it;
// at weights that stay, it goes to 1.
func TestSpectralNormHolds(t *testing.T) {
	images, err := digits.Load()
	require.NoError(t, err)
	layers := []nn.Module{
		nn.SpectralNorm(nn.Conv2D(1, 8, 4, nn.Stride(4))),
		nn.SpectralNorm(nn.ConvTranspose2D(8, 6, 2, nn.Stride(2))),
		nn.SpectralNorm(nn.Linear(6*14*14, 24)),
		nn.SpectralNorm(nn.Linear(24, 1)),
	}
	d := nn.Sequential(nn.Reshape(1, 28, 28), layers[0], nn.LeakyReLU(0.2), layers[1], nn.LeakyReLU(0.2), nn.Flatten(), layers[2], nn.LeakyReLU(0.2), layers[3])
	g := nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 784), nn.Tanh())
	trainer, err := gan.New(g, d, gan.Config{Latent: 8, Objective: gan.Hinge{}, Seed: 1})
	require.NoError(t, err)
	_, err = trainer.Fit(context.Background(), datasets.NewLoader(images.Subset(0, 16*40), 16))
	require.NoError(t, err)
	holds := func(near float64) {
		for k, layer := range layers {
			s := nn.State(layer)
			w, u, v := s["parametrizations.weight.original"], s["parametrizations.weight.0._u"].Float64s(), s["parametrizations.weight.0._v"].Float64s()
			if k == 1 {
				w = w.Permute(1, 0, 2, 3)
			}
			m := mat.NewDense(len(u), len(v), w.Reshape(-1).Float64s())
			var svd mat.SVD
			require.True(t, svd.Factorize(m, mat.SVDNone))
			sigma := mat.Inner(mat.NewVecDense(len(u), u), m, mat.NewVecDense(len(v), v))
			require.InDelta(t, 1, svd.Values(nil)[0]/sigma, near, "layer %d", k)
		}
	}
	holds(0.03)
	ctx := &nn.Ctx{Train: true, Updates: new(nn.Updates)}
	for range 300 {
		d.Forward(ctx, autograd.Const(tensor.New(tensor.Float32, 1, 784)))
		ctx.Updates.Apply()
	}
	holds(1e-5)

	// The last layer's weight is what evaluation makes of the unit vectors.
	identity := tensor.New(tensor.Float32, 24, 24)
	for i := range 24 {
		identity.Slice(0, i, i+1).Slice(1, i, i+1).Fill(1)
	}
	bias := nn.State(layers[3])["bias"].Item()
	row := tensor.Shift(layers[3].Forward(nil, autograd.Const(identity)).Value(), -bias)
	require.InDelta(t, 1, mat.Norm(mat.NewVecDense(24, row.Float64s()), 2), 1e-5)
}
