package gan_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/gallery"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/nn/safetensors"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// The same seed gives the same samples, however many are asked for at once.
func TestSamplePrefix(t *testing.T) {
	classicG, classicD := classicNets()
	classic, err := gan.New(classicG, classicD, gan.Config{Latent: 128, Objective: gan.Classic{}})
	require.NoError(t, err)
	for name, trainer := range map[string]*gan.Trainer{"classic": classic, "tiny": newTiny(t, gan.Hinge{}), "float64": newTiny(t, gan.Hinge{}, float64s)} {
		t.Run(name, func(t *testing.T) {
			all := trainer.Sample(600, 5)
			features := all.Dim(1)
			numbers := all.Float64s()
			for _, n := range []int{0, 1, 2, 3, 7, 64, 255, 256, 257, 511, 600} {
				some := trainer.Sample(n, 5)
				require.Equal(t, []int{n, features}, some.Shape())
				if got := some.Float64s(); !equalBits(numbers[:n*features], got) {
					t.Fatalf("%d samples are not the first of 600", n)
				}
			}
			require.False(t, equalBits(numbers[:features], trainer.Sample(1, 6).Float64s()), "another seed, the same sample")
			require.False(t, equalBits(numbers[:features], numbers[features:2*features]), "two samples alike")
		})
	}
}

// product is a layer of a program's own, which multiplies by a matrix [in, out].
type product struct{ matrix *nn.Param }

func (p product) Params() []*nn.Param { return []*nn.Param{p.matrix} }

func (p product) Forward(ctx *nn.Ctx, x *autograd.Var) *autograd.Var {
	return autograd.MatMul(x, ctx.Var(p.matrix))
}

// That is so for every kind of layer, also for those that package nn does not know,
// and on a device that rounds large products.
func TestSamplePrefixOfLayers(t *testing.T) {
	defer tensor.CPU().SetPrecision(tensor.CPU().Precision())
	for name, net := range map[string]nn.Module{
		"norms": nn.Sequential(nn.Linear(64, 256), nn.BatchNorm1D(256), nn.Residual(nn.Sequential(nn.Linear(256, 256), nn.SiLU()), nil),
			nn.LayerNorm([]int{256}), nn.PReLU(1), nn.SpectralNorm(nn.Linear(256, 300)), nn.Softmax(1)),
		"foreign": nn.Sequential(nn.Residual(product{nn.NewParam("matrix", nn.Normal(0.1), 64, 64, 64, 64)}, nil), nn.Linear(64, 70)),
		"images": nn.Sequential(nn.Linear(64, 8*4*4), nn.Reshape(8, 4, 4), nn.ConvTranspose2D(8, 8, 4, nn.Stride(2), nn.Padding(1)),
			nn.GroupNorm(4, 8), nn.UpsampleBilinear(2), nn.Conv2D(8, 4, 3, nn.Padding(1)), nn.PixelShuffle(2), nn.Tanh()),
	} {
		for _, p := range []tensor.Precision{tensor.FullPrecision, tensor.BFloat16} {
			require.NoError(t, tensor.CPU().SetPrecision(p))
			nn.Init(net, 1, tensor.Float32, tensor.CPU())
			g, err := gan.NewGenerator(net, 64)
			require.NoError(t, err)
			numbers := g.Sample(300, 5).Float64s()
			for _, n := range []int{1, 2, 3, 47, 48, 255, 256, 257} {
				require.True(t, equalBits(numbers[:n*len(numbers)/300], g.Sample(n, 5).Float64s()), "%s, %v: %d samples are not the first of 300", name, p, n)
			}
			z := tensor.NewStream(1, "z").Normal(tensor.Float32, 2, 64)
			require.Equal(t, g.Map(z).Slice(0, 0, 1).Float32s(), g.Map(z.Slice(0, 0, 1)).Float32s(), "%s, %v", name, p)
		}
	}
}

func equalBits(a, b []float64) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if math.Float64bits(a[i]) != math.Float64bits(b[i]) {
			return false
		}
	}
	return true
}

func TestMap(t *testing.T) {
	g, d := tiny(gan.Hinge{}.Output())
	trainer, err := gan.New(g, d, tinyConfig(gan.Hinge{}))
	require.NoError(t, err)
	z := tensor.NewStream(1, "z").Normal(tensor.Float32, 300, latentSize)
	want := g.Forward(nil, autograd.Const(z)).Value()
	got := trainer.Generator().Map(z)
	require.Equal(t, want.Float32s(), got.Float32s())
	require.Nil(t, got.Scope(), "a sample is the caller's for ever")
	require.Equal(t, latentSize, trainer.Generator().Latent())

	var shape *tensor.ShapeError
	for _, bad := range []*tensor.Tensor{tensor.New(tensor.Float32, 3), tensor.New(tensor.Float32, 2, 4), tensor.New(tensor.Float32, 1, 1, 3)} {
		require.ErrorAs(t, tensor.Catch(func() { trainer.Generator().Map(bad) }), &shape)
		require.ErrorContains(t, shape, "give [n, 3]")
	}
	var dtype *tensor.DTypeError
	require.ErrorAs(t, tensor.Catch(func() { trainer.Generator().Map(tensor.New(tensor.Float64, 2, 3)) }), &dtype)
	require.ErrorAs(t, tensor.Catch(func() { trainer.Sample(-1, 1) }), &shape)
}

// A generator taken from a trainer stays as it was taken, and taking samples
// changes nothing in the training.
func TestSampleOfATraining(t *testing.T) {
	watched, alone := newTiny(t, gan.Hinge{}), newTiny(t, gan.Hinge{})
	first := watched.Generator()
	before := first.Sample(9, 2).Float32s()
	x := batch(t, tinyNoise(1))
	last := before
	for range 5 {
		_, err := watched.Step(gan.Batch{X: x})
		require.NoError(t, err)
		_, err = alone.Step(gan.Batch{X: x})
		require.NoError(t, err)
		now := watched.Sample(9, 2).Float32s()
		require.NotEqual(t, last, now, "samples do not follow the training")
		last = now
	}
	require.Equal(t, before, first.Sample(9, 2).Float32s())
	same(t, stateOf(t, alone), stateOf(t, watched))
}

// One goroutine trains while ten sample from the newest weights and ten from a
// generator taken before. Each gets whole samples: of the weights after some
// step, never of half-changed ones.
func TestSampleWhileTraining(t *testing.T) {
	average := func(c *gan.Config) { c.EMAHalfLife = 3 }
	t.Run("averages", func(t *testing.T) { sampleWhileTraining(t, newTiny(t, gan.Hinge{}, average)) })
	t.Run("buffers", func(t *testing.T) { sampleWhileTraining(t, spectral(t)) })
}

func sampleWhileTraining(t *testing.T, trainer *gan.Trainer) {
	steps := 100
	if testing.Short() {
		steps = 30
	}
	x := batch(t, tinyNoise(1))
	key := func(s *tensor.Tensor) string { return fmt.Sprint(s.Float32s()) }
	fixed := trainer.Generator()
	want := key(fixed.Sample(5, 3))
	possible := map[string]bool{want: true}

	stop := make(chan struct{})
	var samplers sync.WaitGroup
	var moved atomic.Int64 // of the ten, who have seen the training move
	results := make([]map[string]bool, 20)
	for i := range results {
		results[i] = map[string]bool{}
		samplers.Go(func() {
			for {
				if i < 10 {
					before := len(results[i])
					results[i][key(trainer.Sample(5, 3))] = true
					if before == 1 && len(results[i]) == 2 {
						moved.Add(1)
					}
				} else {
					results[i][key(fixed.Sample(5, 3))] = true
				}
				select {
				case <-stop:
					return
				default:
					runtime.Gosched()
				}
			}
		})
	}
	for i := 0; i < steps || moved.Load() < 10 && i < 1e5; i++ {
		_, err := trainer.Step(gan.Batch{X: x})
		require.NoError(t, err)
		possible[key(trainer.Sample(5, 3))] = true
	}
	close(stop)
	samplers.Wait()
	require.Greater(t, len(possible), steps/2)
	require.EqualValues(t, 10, moved.Load(), "not everybody saw the training move")
	for i, r := range results {
		if i >= 10 {
			require.Equal(t, map[string]bool{want: true}, r)
			continue
		}
		for sample := range r {
			require.True(t, possible[sample], "a sample of no step's weights")
		}
	}
}

// Where averages are kept, samples are the averages'.
func TestSampleOfAverages(t *testing.T) {
	g, d := tiny(gan.Hinge{}.Output())
	c := tinyConfig(gan.Hinge{})
	c.EMAHalfLife = 3
	trainer, err := gan.New(g, d, c)
	require.NoError(t, err)
	var params []*tensor.Tensor
	for _, p := range nn.Params(g) {
		params = append(params, p.Param.Value())
	}
	averages := optim.NewEMAHalfLife(params, 3)
	for range 12 {
		_, err := trainer.Step(gan.Batch{X: batch(t, tinyNoise(1))})
		require.NoError(t, err)
		averages.Update()
	}
	path := filepath.Join(t.TempDir(), "g")
	require.NoError(t, trainer.Generator().Save(path))
	saved, _, err := nn.Load(path)
	require.NoError(t, err)
	for i, p := range nn.Params(saved) {
		require.Equal(t, averages.Values()[i].Float32s(), p.Param.Value().Float32s(), p.Name)
		require.NotEqual(t, params[i].Float32s(), p.Param.Value().Float32s(), p.Name)
	}
}

func TestLoadGenerator(t *testing.T) {
	path := filepath.Join(t.TempDir(), "g.safetensors")
	for _, change := range []func(*gan.Config){func(*gan.Config) {}, float64s} {
		trainer := newTiny(t, gan.Hinge{}, change)
		g := trainer.Generator()
		require.NoError(t, g.Save(path))
		loaded, err := gan.LoadGenerator(path)
		require.NoError(t, err)
		require.Equal(t, latentSize, loaded.Latent())
		a, b := g.Sample(40, 9), loaded.Sample(40, 9)
		require.Equal(t, a.DType(), b.DType())
		require.True(t, equalBits(a.Float64s(), b.Float64s()))
		// What is loaded can be saved, to the same bytes.
		again := filepath.Join(t.TempDir(), "again")
		require.NoError(t, loaded.Save(again))
		one, err := os.ReadFile(path)
		require.NoError(t, err)
		two, err := os.ReadFile(again)
		require.NoError(t, err)
		same(t, string(one), string(two))
	}
}

// quarterTurn is a module of a program's own, which does not tell its shape.
type quarterTurn struct{}

func (quarterTurn) Forward(_ *nn.Ctx, x *autograd.Var) *autograd.Var { return autograd.Neg(x) }
func (quarterTurn) Describe() (string, any)                          { return "gan_test.quarterTurn", nil }

func init() {
	nn.Register("gan_test.quarterTurn", func(struct{}) (nn.Module, error) { return quarterTurn{}, nil })
}

func TestLoadGeneratorOfUnknownShape(t *testing.T) {
	g := nn.Sequential(nn.Linear(latentSize, 4), quarterTurn{})
	_, d := tiny(gan.Logits)
	trainer, err := gan.New(g, d, tinyConfig(gan.Hinge{}))
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "g")
	require.NoError(t, trainer.Generator().Save(path))
	loaded, err := gan.LoadGenerator(path)
	require.NoError(t, err)
	require.Equal(t, trainer.Sample(3, 1).Float32s(), loaded.Sample(3, 1).Float32s())
}

func TestLoadGeneratorRefuses(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	g, _ := tiny(gan.Logits)
	nn.Init(g, 1, tensor.Float32, tensor.CPU())
	save := func(name string, net nn.Module, meta map[string]string) string {
		require.NoError(t, nn.Save(at(name), net, meta))
		return at(name)
	}
	withLatent := func(n string) map[string]string { return map[string]string{"gander.latent": n} }
	require.NoError(t, safetensors.Save(at("weights"), nn.State(g), nil))
	require.NoError(t, newTiny(t, gan.Hinge{}).Checkpoint(at("checkpoint")))
	require.NoError(t, os.WriteFile(at("text"), []byte("these are no weights"), 0o644))
	require.NoError(t, os.WriteFile(at("empty"), nil, 0o644))
	for path, want := range map[string]string{
		at("none"):                               "no such file",
		dir:                                      "",
		at("text"):                               "not a valid safetensors file",
		at("empty"):                              "not a valid safetensors file",
		at("weights"):                            "no architecture",
		at("checkpoint"):                         "no architecture",
		save("no latent", g, nil):                `this is a network, but not a generator: its metadata does not hold "gander.latent"; nn.Load reads it, and NewGenerator makes a generator of it`,
		save("word", g, withLatent("many")):      "not a generator",
		save("zero", g, withLatent("0")):         "not a generator",
		save("wrong", g, withLatent("4")):        "the network does not take 4 latent numbers",
		save("bare", nn.Tanh(), withLatent("4")): "the network has no weights",
	} {
		loaded, err := gan.LoadGenerator(path)
		require.Nil(t, loaded)
		require.ErrorContains(t, err, want, path)
		require.ErrorContains(t, err, filepath.Base(path), "the file is not named")
		require.NotContains(t, err.Error(), "\n")
	}
}

// However a file is damaged, it is refused or makes a generator that works.
func TestLoadGeneratorOfDamagedFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "g")
	require.NoError(t, newTiny(t, gan.Hinge{}).Generator().Save(path))
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	header := 8 + int(binary.LittleEndian.Uint64(whole))
	damaged := filepath.Join(dir, "damaged")
	load := func(b []byte) error {
		require.NoError(t, os.WriteFile(damaged, b, 0o644))
		g, err := gan.LoadGenerator(damaged)
		if err != nil {
			require.Nil(t, g)
			require.ErrorContains(t, err, damaged)
			return err
		}
		if g.Latent() < 1<<16 {
			g.Sample(2, 1)
		}
		return nil
	}
	for n := 0; n < len(whole); n += 1 + n/300 {
		require.Error(t, load(whole[:n]), "cut to %d of %d bytes", n, len(whole))
	}
	require.Error(t, load(append(append([]byte{}, whole...), 0)), "a byte too many")
	stride := 1
	if testing.Short() {
		stride = 7
	}
	refused := 0
	for at := 0; at < header; at += stride {
		for _, flip := range []byte{1, 4, 0x80} {
			b := append([]byte{}, whole...)
			b[at] ^= flip
			if load(b) != nil {
				refused++
			}
		}
	}
	assert.Greater(t, refused, 2*header/stride, "of %d flips", 3*header/stride)
	require.NoError(t, load(whole))
}

// Saving goes on with what it began: the file is there as a whole or not.
func TestSaveNetworksHook(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	trainer := newTiny(t, gan.Hinge{})
	_, err := trainer.Fit(context.Background(), tinyNoise(2), gan.Epochs(2), gan.On(gan.SaveNetworks(dir), gan.Hook{Epoch: func(e gan.EpochInfo) error {
		g, err := gan.LoadGenerator(filepath.Join(dir, "generator.safetensors"))
		require.NoError(t, err)
		require.Equal(t, trainer.Sample(3, 1).Float32s(), g.Sample(3, 1).Float32s(), "epoch %d", e.Epoch)
		return nil
	}}))
	require.NoError(t, err)
	_, d := tiny(gan.Logits)
	require.NoError(t, nn.LoadInto(filepath.Join(dir, "discriminator.safetensors"), d))
	for i, p := range copies(d) {
		require.Equal(t, copies(trainer.Discriminator())[i].Float32s(), p.Float32s())
	}
	var names []string
	for name := range files(t, dir) {
		names = append(names, name)
	}
	require.ElementsMatch(t, []string{"generator.safetensors", "discriminator.safetensors"}, names)
}

// Hooks that write find out before training that they cannot.
func TestHooksOfImpossiblePlaces(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, []byte("old"), 0o644))
	below := filepath.Join(file, "below")
	for name, hook := range map[string]gan.Hook{
		"networks":   gan.SaveNetworks(below),
		"samples":    gallery.SaveSamples(below, 4, 1, gallery.Grid{Height: 2, Width: 2}),
		"log":        gan.Log(filepath.Join(below, "log")),
		"checkpoint": gan.SaveCheckpoint(filepath.Join(below, "checkpoint")),
	} {
		trainer := newTiny(t, gan.Hinge{})
		_, err := trainer.Fit(context.Background(), tinyNoise(2), gan.On(hook))
		require.ErrorContains(t, err, "file", name)
		require.NotContains(t, strings.TrimSpace(err.Error()), "\n")
		require.Zero(t, trainer.Steps(), name)
		require.Equal(t, map[string]string{"file": "old"}, files(t, dir), name)
	}
}
