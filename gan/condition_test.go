package gan_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/diagnose"
	"github.com/gander-ml/gander/gan/gallery"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/nn/safetensors"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// animals are the names of three classes.
var animals = []string{"cat", "dog", "owl"}

// conditional returns networks for samples of four numbers of three classes.
func conditional() (g, d nn.Module) {
	g = nn.Sequential(nn.EmbedCondition(nn.Linear(3, 2, nn.NoBias())), nn.Linear(latentSize+2, 8), nn.BatchNorm1D(8), nn.Tanh(), nn.ConcatCondition(3, 1), nn.Linear(11, 4))
	d = nn.Sequential(nn.ConcatCondition(3, 2), nn.Linear(7, 8), nn.LeakyReLU(0.2), nn.Projection(nn.Linear(8, 1), nn.Linear(3, 8, nn.NoBias())))
	return g, d
}

// newConditional returns a trainer of them.
func newConditional(t testing.TB, o gan.Objective, change ...func(*gan.Config)) *gan.Trainer {
	t.Helper()
	c := tinyConfig(o)
	c.Classes = animals
	for _, f := range change {
		f(&c)
	}
	g, d := conditional()
	trainer, err := gan.New(g, d, c)
	require.NoError(t, err)
	return trainer
}

// vectors is a change of newConditional: conditions are no classes.
func vectors(c *gan.Config) { c.Classes, c.Condition = nil, 3 }

// pets is a dataset of n samples of which the first number tells the class, one of
// three of which the first is rare, and has vectors of the same length if it is
// asked for these.
type pets int

func (n pets) Len() int        { return int(n) }
func (pets) Shape() []int      { return []int{4} }
func (pets) Label(i int) int   { return []int{0, 1, 2, 1, 2, 2, 2, 1, 1, 2}[i%10] }
func (pets) Classes() []string { return animals }
func (p pets) Fill(i int, dst []float32) error {
	copy(dst, tensor.NewStream(uint64(i), "pets").Normal(tensor.Float32, 4).Float32s())
	dst[0] = float32(3*p.Label(i)) - 3 + 0.1*dst[0]
	return nil
}

// weighed are pets with vectors.
type weighed struct{ pets }

func (weighed) ConditionSize() int { return 3 }
func (w weighed) FillCondition(i int, dst []float32) error {
	dst[0], dst[1], dst[2] = float32(w.Label(i))-1, 0.5, float32(math.Sin(float64(i)))
	return nil
}

// petLoader returns a loader in batches of 8, the last of which is smaller.
func petLoader(data datasets.Dataset, options ...datasets.LoaderOption) *datasets.Loader {
	return datasets.NewLoader(data, 8, append(options, datasets.Seed(2), datasets.Conditions())...)
}

// What networks, configuration and data say about conditions has to agree.
func TestConditionsMustFit(t *testing.T) {
	plainG, plainD := tiny(gan.Logits)
	g, d := conditional()
	two := nn.Sequential(nn.ConcatCondition(2, 1), nn.ConcatCondition(3, 1), nn.Linear(9, 1))
	long := strings.Repeat("x", 257)
	for want, c := range map[string]struct {
		g, d   nn.Module
		change gan.Config
	}{
		"the generator reads a condition of 3 numbers, and there is none; set Config.Classes or Config.Condition":    {g, plainD, gan.Config{}},
		"the discriminator reads a condition of 3 numbers, and there is none":                                        {plainG, d, gan.Config{}},
		"the condition is of 3 numbers, but no layer of the generator reads it; add one, such as nn.ConcatCondition": {plainG, d, gan.Config{Classes: animals}},
		"no layer of the discriminator reads it":                                                                     {g, plainD, gan.Config{Condition: 3}},
		"the generator reads a condition of 3 numbers, and the configuration has one of 2":                           {g, d, gan.Config{Condition: 2}},
		"the discriminator: nn: ConcatCondition reads a condition of 2 numbers and ConcatCondition one of 3":         {g, two, gan.Config{Classes: animals}},
		"Config.Condition is 4, and there are 3 Classes":                                                             {g, d, gan.Config{Classes: animals, Condition: 4}},
		"Config.Condition is -1":                                {plainG, plainD, gan.Config{Condition: -1}},
		"Config.Condition is 65537":                             {plainG, plainD, gan.Config{Condition: 1<<16 + 1}},
		`Config.Classes: classes 0 and 2 are both called "cat"`: {g, d, gan.Config{Classes: []string{"cat", "dog", "cat"}}},
		"Config.Classes: class 1 has no name":                   {g, d, gan.Config{Classes: []string{"cat", "", "owl"}}},
		"is not up to 256 bytes of UTF-8":                       {g, d, gan.Config{Classes: []string{"cat", long, "owl"}}},
		`the name of class 2, "\xff", is not up to`:             {g, d, gan.Config{Classes: []string{"cat", "dog", "\xff"}}},
	} {
		c.change.Latent = latentSize
		_, err := gan.New(c.g, c.d, c.change)
		require.ErrorIs(t, err, gan.ErrConfig)
		require.ErrorContains(t, err, want)
	}

	fit := func(trainer *gan.Trainer, src gan.Source) error {
		_, err := trainer.Fit(t.Context(), src)
		return err
	}
	trainer := newConditional(t, gan.Hinge{})
	require.ErrorIs(t, fit(trainer, datasets.NewLoader(pets(20), 8)), gan.ErrConfig)
	require.ErrorContains(t, fit(trainer, datasets.NewLoader(pets(20), 8)), "the networks know 3 classes, and the source yields none; give a datasets.Loader the option datasets.Conditions")
	require.ErrorContains(t, fit(trainer, petLoader(foxes{20})), `the classes of the source are not those of Config.Classes: class 1 is "fox" and not "dog"`)
	require.ErrorContains(t, fit(trainer, petLoader(bats{20})), "there are 4 and not 3")
	require.ErrorContains(t, fit(trainer, petLoader(strays{20})), "the source's samples of each class: no class has a count above 0; labels count from 0")
	// Data whose classes are numbers takes the names of the configuration, unless those
	// are numbers, too.
	labels := make([]int, 20)
	for i := range labels {
		labels[i] = i % 3
	}
	x, err := datasets.AsTensor(pets(20), tensor.Float32)
	require.NoError(t, err)
	unnamed := func(labels []int) gan.Source {
		return datasets.NewLoader(datasets.FromTensor(x, labels), 8, datasets.KeepShape(), datasets.Conditions())
	}
	named := newConditional(t, gan.Hinge{})
	require.NoError(t, fit(named, unnamed(labels)))
	require.Equal(t, animals, named.Generator().Classes())
	require.ErrorContains(t, fit(newConditional(t, gan.Hinge{}), unnamed(make([]int, 20))), "there are 1 and not 3")
	swapped := newConditional(t, gan.Hinge{}, func(c *gan.Config) { c.Classes = []string{"1", "0", "2"} })
	require.ErrorContains(t, fit(swapped, unnamed(labels)), `class 0 is "0" and not "1"`)

	require.ErrorContains(t, fit(newConditional(t, gan.Hinge{}, vectors), datasets.NewLoader(pets(20), 8)), "the networks read a condition of 3 numbers, and the batch has none")
	require.NoError(t, fit(trainer, petLoader(pets(20))))
}

type strays struct{ pets } // of no class

func (strays) Label(int) int { return -1 }

type foxes struct{ pets }

func (foxes) Classes() []string { return []string{"cat", "fox", "owl"} }

type bats struct{ pets }

func (bats) Classes() []string { return append(slices.Clone(animals), "bat") }

func TestStepWithoutItsCondition(t *testing.T) {
	trainer := newConditional(t, gan.Hinge{})
	x := tensor.New(tensor.Float32, 5, 4)
	before := stateOf(t, trainer)
	for want, c := range map[string]*tensor.Tensor{
		"the batch has none":    nil,
		"does not have 3":       tensor.New(tensor.Float32, 5, 2),
		"[5 4] and [4 3]":       tensor.New(tensor.Float32, 4, 3),
		"[5 4] and [15]":        tensor.New(tensor.Float32, 15),
		"in the networks' type": tensor.New(tensor.Float64, 5, 3),
	} {
		_, err := trainer.Step(gan.Batch{X: x, Condition: c})
		require.ErrorContains(t, err, want)
		require.ErrorAs(t, err, new(tensor.Misuse))
		same(t, before, stateOf(t, trainer))
	}
	bad := tensor.New(tensor.Float32, 5, 3)
	bad.Set(math.Inf(1), 2, 1)
	_, err := trainer.Step(gan.Batch{X: x, Condition: bad})
	require.EqualError(t, err, "gan: step 1: the real batch, sample 2, holds in its condition +Inf")
	same(t, before, stateOf(t, trainer))
}

// Networks without a condition train to the same bits whether batches have one or
// not, and do not look at it.
func TestConditionsThatNobodyReads(t *testing.T) {
	with, without := newTiny(t, gan.Hinge{}, everything), newTiny(t, gan.Hinge{}, everything)
	_, err := with.Fit(t.Context(), petLoader(pets(50)), gan.Epochs(2))
	require.NoError(t, err)
	_, err = without.Fit(t.Context(), datasets.NewLoader(pets(50), 8, datasets.Seed(2)), gan.Epochs(2))
	require.NoError(t, err)
	same(t, weightsOf(t, without), weightsOf(t, with))
	require.Nil(t, with.Generator().Classes())
	_, err = with.Step(gan.Batch{X: tensor.New(tensor.Float32, 2, 4), Condition: tensor.New(tensor.Float64, 7)})
	require.NoError(t, err)
}

// weightsOf returns the weights of the two networks.
func weightsOf(t *testing.T, trainer *gan.Trainer) string {
	g, d := trainer.Networks()
	return fmt.Sprint(nn.Params(g)[0].Param.Value().Float32s(), nn.Params(d)[0].Param.Value().Float32s())
}

// A step with conditions is what the formulas say, whether the generator's half draws
// latent vectors of its own or not.
func TestStepWithConditionsByHand(t *testing.T) {
	for _, fresh := range []bool{false, true} {
		g, d := conditional()
		trainer, err := gan.New(g, d, gan.Config{Latent: latentSize, Classes: animals, Objective: gan.Relativistic{}, FreshLatent: fresh,
			Optimizer: optim.SGD{LR: 0.1}, Seed: 5, DType: tensor.Float64})
		require.NoError(t, err)
		g2, d2 := conditional()
		require.NoError(t, nn.LoadState(g2, nn.State(g)))
		require.NoError(t, nn.LoadState(d2, nn.State(d)))
		x := tensor.NewStream(1, "x").Normal(tensor.Float64, 6, 4)
		classes := tensor.OneHot(tensor.Float64, 3, []int{0, 1, 2, 2, 1, 1})
		_, err = trainer.Step(gan.Batch{X: x, Condition: classes})
		require.NoError(t, err)

		latent := tensor.NewStream(5, "latent")
		z := latent.Normal(tensor.Float64, 6, latentSize)
		ctx := &nn.Ctx{Train: true, Track: true, Condition: autograd.Const(classes)}
		descend := func(m nn.Module, loss *autograd.Var) {
			leaves := nn.Leaves(m)
			for i, grad := range autograd.Grad(loss, leaves, autograd.Opts{}) {
				leaves[i].Value().CopyFrom(tensor.Sub(leaves[i].Value(), tensor.Scale(grad.Value(), 0.1)))
			}
		}
		real := autograd.Const(x)
		fake := g2.Forward(ctx, autograd.Const(z)).Detach()
		descend(d2, autograd.Mean(autograd.Softplus(autograd.Sub(d2.Forward(ctx, fake), d2.Forward(ctx, real)))))
		if fresh {
			z = latent.Normal(tensor.Float64, 6, latentSize)
		}
		fake = g2.Forward(ctx, autograd.Const(z))
		descend(g2, autograd.Mean(autograd.Softplus(autograd.Sub(d2.Forward(ctx, real), d2.Forward(ctx, fake)))))
		for _, pair := range [][2]nn.Module{{g, g2}, {d, d2}} {
			want := nn.Params(pair[1])
			for i, p := range nn.Params(pair[0]) {
				if !p.Param.Buffer() {
					require.InDeltaSlice(t, want[i].Param.Value().Float64s(), p.Param.Value().Float64s(), 1e-12, p.Name)
				}
			}
		}
	}
}

// A generator learns what a class looks like, and so that of its condition.
func TestClassesAreLearnt(t *testing.T) {
	for name, data := range map[string]datasets.Dataset{"classes": pets(400), "vectors": weighed{400}} {
		g := nn.Sequential(nn.ConcatCondition(3, 1), nn.Linear(5, 16), nn.LeakyReLU(0.2), nn.Linear(16, 4))
		d := nn.Sequential(nn.Linear(4, 32), nn.LeakyReLU(0.2), nn.ConcatCondition(3, 2), nn.Linear(35, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))
		c := gan.Config{Latent: 2, Condition: 3, Objective: gan.Relativistic{}, Penalties: []gan.Penalty{gan.R1{Gamma: 0.3}, gan.R2{Gamma: 0.3}},
			Optimizer: optim.Adam{LR: 5e-3, Betas: [2]float64{0, 0.95}}, EMAHalfLife: 50, Seed: 1}
		if name == "classes" {
			c.Classes = animals
		}
		trainer, err := gan.New(g, d, c)
		require.NoError(t, err)
		_, err = trainer.Fit(t.Context(), datasets.NewLoader(data, 50, datasets.Conditions()), gan.Steps(700))
		require.NoError(t, err)
		for label := range 3 {
			asked := tensor.OneHot(tensor.Float32, 3, []int{label})
			if name == "vectors" {
				asked = tensor.FromFloat32([]float32{float32(label) - 1, 0.5, 0.3}, 1, 3)
			}
			gen := trainer.Generator()
			x := gen.MapOf(gen.Latents(200, 1), asked.BroadcastTo(200, 3))
			require.InDelta(t, float64(3*label-3), mean(x.Slice(1, 0, 1).Float64s()), 0.5, "%s: %d", name, label)
		}
	}
}

// Training that is stopped and resumed anywhere equals training that was not, with
// labels, for any number of workers; and what is drawn does, too.
func TestResumeWithConditions(t *testing.T) {
	data := map[string]datasets.Dataset{"classes": pets(44), "vectors": weighed{44}} // a last batch of 4
	for name, d := range data {
		build := func() *gan.Trainer {
			changes := []func(*gan.Config){everything}
			if name == "vectors" {
				changes = append(changes, vectors)
			}
			return newConditional(t, gan.Wasserstein{}, changes...)
		}
		samples := func(tr *gan.Trainer) []float32 {
			g := tr.Generator()
			return g.MapOf(g.Latents(9, 1), tensor.OneHot(tensor.Float32, 3, []int{0, 1, 2, 0, 1, 2, 2, 2, 2})).Float32s()
		}
		whole := build()
		_, err := whole.Fit(t.Context(), petLoader(d), gan.Steps(20))
		require.NoError(t, err)
		for _, stop := range []int{1, 3, 5, 6, 7, 11, 19} {
			first := build()
			_, err := first.Fit(t.Context(), petLoader(d, datasets.Workers(1+stop%3)), gan.Steps(stop))
			require.NoError(t, err)
			path := filepath.Join(t.TempDir(), "checkpoint")
			require.NoError(t, first.Checkpoint(path))
			second := build()
			require.NoError(t, second.Resume(path, gan.WithSource(petLoader(d))))
			require.Equal(t, samples(first), samples(second), "%s: after %d", name, stop)
			require.Equal(t, stateOf(t, first), stateOf(t, second))
			if name == "classes" {
				require.Equal(t, first.Sample(30, 2).Float32s(), second.Sample(30, 2).Float32s())
			}
			_, err = second.Fit(t.Context(), petLoader(d, datasets.Workers(1+stop%2)), gan.Steps(20))
			require.NoError(t, err)
			same(t, stateOf(t, whole), stateOf(t, second), "%s: after %d", name, stop)
			require.Equal(t, samples(whole), samples(second))
		}

		// Labels, and their names, are part of what a checkpoint compares.
		path := filepath.Join(t.TempDir(), "checkpoint")
		require.NoError(t, whole.Checkpoint(path))
		var differs *gan.SettingsError
		require.ErrorAs(t, build().Resume(path, gan.WithSource(datasets.NewLoader(d, 8, datasets.Seed(2)))), &differs)
		require.ErrorContains(t, differs, "data.conditions was ")
		if name == "classes" {
			require.ErrorAs(t, build().Resume(path, gan.WithSource(petLoader(others{44}))), &differs)
			require.ErrorContains(t, differs, "data.conditions was ")
			renamed := newConditional(t, gan.Wasserstein{}, everything, func(c *gan.Config) { c.Classes = []string{"cat", "dog", "bat"} })
			require.ErrorAs(t, renamed.Resume(path), &differs)
			require.ErrorContains(t, differs, `classes was "[cat dog owl]" and is "[cat dog bat]"`)
			require.NoError(t, renamed.Resume(path, gan.Allow("classes")))
			require.ErrorAs(t, newConditional(t, gan.Wasserstein{}, everything, vectors).Resume(path), &differs)
			require.ErrorContains(t, differs, `classes was "[cat dog owl]" and is none`)
		}
	}
}

// others are the same samples with other labels.
type others struct{ pets }

func (others) Label(i int) int { return i % 3 }

// A generator draws the classes as often as the data has them, and what is asked
// for, the same for any number and from many goroutines.
func TestSampleOf(t *testing.T) {
	for name, change := range map[string]func(*gan.Config){"float32": func(*gan.Config) {}, "float64": float64s, "averages": func(c *gan.Config) { c.EMAHalfLife = 4 }} {
		trainer := newConditional(t, gan.Hinge{}, change)
		dt := trainer.Sample(1, 1).DType()
		require.Equal(t, animals, trainer.Generator().Classes())
		require.Equal(t, 3, trainer.Generator().Condition())
		_, err := trainer.Fit(t.Context(), petLoader(pets(100), datasets.DType(dt)))
		require.NoError(t, err)
		g := trainer.Generator()
		labels := g.Labels(3000, 5)
		shares := make([]float64, 3)
		for _, l := range labels {
			shares[l] += 1. / 3000
		}
		require.InDeltaSlice(t, []float64{0.1, 0.4, 0.5}, shares, 0.03, name)

		all := g.Sample(600, 5).Float64s()
		require.Equal(t, all, g.SampleOf(labels[:600], 5).Float64s())
		for _, n := range []int{0, 1, 2, 255, 256, 257} {
			require.True(t, equalBits(all[:4*n], g.Sample(n, 5).Float64s()), n)
			require.True(t, equalBits(all[:4*n], g.SampleOf(labels[:n], 5).Float64s()), n)
			require.Equal(t, labels[:n], g.Labels(n, 5))
		}
		z := g.Latents(600, 5)
		require.Equal(t, all, g.MapOf(z, tensor.OneHot(dt, 3, labels[:600])).Float64s())
		require.Equal(t, g.Latents(300, 5).Float64s(), z.Slice(0, 0, 300).Float64s())
		require.NotEqual(t, g.SampleOf([]int{0}, 5).Float64s(), g.SampleOf([]int{1}, 5).Float64s())

		var workers sync.WaitGroup
		for k := range 4 {
			workers.Go(func() {
				x := g.SampleOf(labels[:300+k], 5).Float64s()
				assert.True(t, equalBits(all[:4*(300+k)], x))
			})
		}
		workers.Wait()
		require.Equal(t, []int{0, 1, 2, 0, 1}, g.InTurn(5))

		// The file has all of it.
		path := filepath.Join(t.TempDir(), "g")
		require.NoError(t, g.Save(path))
		loaded, err := gan.LoadGenerator(path)
		require.NoError(t, err)
		require.Equal(t, animals, loaded.Classes())
		require.Equal(t, all, loaded.Sample(600, 5).Float64s())
		again := filepath.Join(t.TempDir(), "g")
		require.NoError(t, loaded.Save(again))
		first, err := os.ReadFile(path)
		require.NoError(t, err)
		second, err := os.ReadFile(again)
		require.NoError(t, err)
		require.True(t, bytes.Equal(first, second))
	}
	plain := newTiny(t, gan.Hinge{}).Generator()
	require.Nil(t, plain.InTurn(3))
	require.Equal(t, plain.Sample(300, 4).Float32s(), plain.Map(plain.Latents(300, 4)).Float32s())
}

// A class of which the data has none is never drawn; without data all are as likely.
func TestClassCounts(t *testing.T) {
	net := nn.Sequential(nn.ConcatCondition(4, 1), nn.Linear(6, 2))
	nn.Init(net, 1, tensor.Float32, tensor.CPU())
	g, err := gan.NewGenerator(net, 2)
	require.NoError(t, err)
	require.Equal(t, 4, g.Condition())
	require.Nil(t, g.Classes())
	names := []string{"a", "b", "c", "d"}
	equal, err := g.WithClasses(names, nil)
	require.NoError(t, err)
	count := func(g *gan.Generator) []int {
		counts := make([]int, 4)
		for _, l := range g.Labels(4000, 9) {
			counts[l]++
		}
		return counts
	}
	for _, n := range count(equal) {
		require.InDelta(t, 1000, n, 120)
	}
	some, err := g.WithClasses(names, []int{0, 1, math.MaxInt32, 0})
	require.NoError(t, err)
	require.Equal(t, []int{0, 0, 4000, 0}, count(some))
	for want, f := range map[string]func() error{
		"3 classes do not fit a condition of 4 numbers": func() error { _, err := g.WithClasses(names[:3], nil); return err },
		"1 counts do not fit 4 classes":                 func() error { _, err := g.WithClasses(names, []int{1}); return err },
		"no class has a count above 0":                  func() error { _, err := g.WithClasses(names, make([]int, 4)); return err },
		"class 1 has a count of -1":                     func() error { _, err := g.WithClasses(names, []int{1, -1, 1, 1}); return err },
		`classes 0 and 3 are both called "a"`:           func() error { _, err := g.WithClasses([]string{"a", "b", "c", "a"}, nil); return err },
		"0 classes do not fit a condition of 0 numbers": func() error { _, err := newTiny(t, gan.Hinge{}).Generator().WithClasses(nil, nil); return err },
	} {
		require.ErrorContains(t, f(), want)
	}
}

// What a request lacks or has too much of is an error of Draw, and a panic of the
// methods that return no error.
func TestDrawMisuse(t *testing.T) {
	classes, plain := newConditional(t, gan.Hinge{}).Generator(), newTiny(t, gan.Hinge{}).Generator()
	vector := newConditional(t, gan.Hinge{}, vectors).Generator()
	z, c := tensor.New(tensor.Float32, 2, latentSize), tensor.New(tensor.Float32, 2, 3)
	for want, f := range map[string]struct {
		g *gan.Generator
		r gan.Request
	}{
		"the number of samples is negative":                               {plain, gan.Request{N: -1}},
		"the generator has no classes":                                    {plain, gan.Request{Labels: []int{1}}},
		"the generator reads no condition":                                {plain, gan.Request{Latent: z, Condition: c}},
		"sample 1 is to be of class 3, and there are 3":                   {classes, gan.Request{Labels: []int{0, 3}}},
		"sample 0 is to be of class -1":                                   {classes, gan.Request{Labels: []int{-1}}},
		"the request is for 3 samples and for 2":                          {classes, gan.Request{N: 3, Labels: []int{0, 1}}},
		"the request is for 1 samples and for 2":                          {classes, gan.Request{Labels: []int{0}, Latent: z}},
		"there are labels and conditions":                                 {classes, gan.Request{Labels: []int{0, 1}, Condition: c}},
		"the generator reads a condition of 3 numbers, and none is given": {classes, gan.Request{Latent: z}},
		"the samples' conditions are vectors of 3 numbers":                {vector, gan.Request{N: 1}},
		"the generator has no classes; ask for samples without labels":    {vector, gan.Request{Labels: []int{1}}},
		"these are not conditions of 3 numbers":                           {vector, gan.Request{Condition: z.Slice(1, 0, 2), N: 2}},
		"no memory holds so many samples":                                 {plain, gan.Request{N: math.MaxInt / 4}},
		"no memory holds so many samples; ask for fewer":                  {classes, gan.Request{N: math.MaxInt / 2}},
		"Generator.Draw of float64 [2 3]":                                 {vector, gan.Request{N: 2, Condition: c.Cast(tensor.Float64)}},
		"these are not latent vectors of 3 numbers":                       {vector, gan.Request{Condition: c, Latent: tensor.New(tensor.Float32, 2)}},
	} {
		_, err := f.g.Draw(t.Context(), f.r)
		require.ErrorContains(t, err, want)
		require.ErrorAs(t, err, new(tensor.Misuse))
	}
	for _, f := range []func(){
		func() { vector.Sample(1, 1) }, func() { classes.SampleOf([]int{9}, 1) }, func() { classes.Map(z) }, func() { vector.MapOf(z, z.Slice(0, 0, 1)) },
		func() { plain.Map(nil) }, func() { vector.MapOf(nil, c) }, func() { classes.Labels(math.MaxInt, 1) }, func() { plain.Latents(math.MaxInt, 1) }, func() { classes.InTurn(math.MaxInt) },
		func() { plain.Labels(1, 1) }, func() { classes.Labels(-1, 1) }, func() { plain.Latents(-1, 1) }, func() { plain.InTurn(-1) },
	} {
		require.ErrorAs(t, tensor.Catch(f), new(tensor.Misuse))
	}
	unknown, err := gan.NewGenerator(ready(nn.Sequential(nn.Linear(2, 4), counted{func() {}})), 2)
	require.NoError(t, err)
	require.Nil(t, unknown.SampleShape())
	for _, f := range []struct {
		g *gan.Generator
		n int
	}{{plain, min(1<<40, math.MaxInt/2)}, {classes, min(1<<40, math.MaxInt/2)}, {unknown, min(1<<37, math.MaxInt/32)}} {
		_, err := f.g.Draw(t.Context(), gan.Request{N: f.n})
		require.ErrorContains(t, err, "no memory holds so many samples")
		require.ErrorAs(t, err, new(tensor.Misuse))
	}
	_, err = classes.Draw(nil, gan.Request{N: 1}) //nolint:staticcheck // that is what is tested
	require.ErrorContains(t, err, "the context is nil")
	require.Equal(t, []int{2, 4}, vector.MapOf(z, c).Shape())
	require.Equal(t, []int{0, 4}, classes.SampleOf(nil, 1).Shape())

	// A context that ends is heard between two passes.
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("enough")
	cancel(reason)
	_, err = classes.Draw(ctx, gan.Request{N: 300})
	require.ErrorIs(t, err, reason)
	_, err = classes.Draw(ctx, gan.Request{N: min(1<<34, math.MaxInt/128)}) // of which no classes are drawn either
	require.ErrorIs(t, err, reason)
	passes := 0
	ctx, cancel = context.WithCancelCause(t.Context())
	slow, err := gan.NewGenerator(ready(nn.Sequential(nn.Linear(2, 2), counted{func() {
		if passes++; passes == 3 {
			cancel(reason)
		}
	}})), 2)
	require.NoError(t, err)
	_, err = slow.Draw(ctx, gan.Request{N: 100_000})
	require.ErrorIs(t, err, reason)
	require.Equal(t, 3, passes)
}

// counted tells of its passes.
type counted struct{ pass func() }

func (c counted) Forward(_ *nn.Ctx, x *autograd.Var) *autograd.Var { c.pass(); return x }

func ready(m nn.Module) nn.Module {
	nn.Init(m, 1, tensor.Float32, tensor.CPU())
	return m
}

// grain adds noise to its input, one number for each sample more than the layer
// before it has drawn.
type grain struct{}

func (grain) Forward(ctx *nn.Ctx, x *autograd.Var) *autograd.Var {
	noise := tensor.EmptyLike(x.Value())
	ctx.Rand.NormalInto(noise)
	return autograd.Add(x, autograd.Const(noise))
}

// A network that draws random numbers has samples that depend on the seed and their
// place alone.
func TestSampleWithNoise(t *testing.T) {
	g, err := gan.NewGenerator(ready(nn.Sequential(nn.Linear(2, 3, nn.WeightInit(nn.Constant(0))), grain{}, nn.Linear(3, 5), grain{})), 2) // of noise alone
	require.NoError(t, err)
	few := g.Sample(3, 5).Float64s() // before the generator is known to do so
	all := g.Sample(600, 5).Float64s()
	require.True(t, equalBits(all[:15], few))
	for _, n := range []int{1, 255, 256, 257, 513} {
		require.True(t, equalBits(all[:5*n], g.Sample(n, 5).Float64s()), n)
	}
	require.NotEqual(t, few, g.Sample(3, 6).Float64s())
	z := g.Latents(4, 5)
	require.Equal(t, g.Map(z).Float64s(), g.Map(z).Float64s())
	noise := map[float64]bool{}
	for _, v := range all {
		noise[v] = true
	}
	require.Greater(t, len(noise), 2990, "it repeats")

	fresh, err := gan.NewGenerator(ready(nn.Sequential(nn.Linear(2, 3, nn.WeightInit(nn.Constant(0))), grain{}, nn.Linear(3, 5), grain{})), 2)
	require.NoError(t, err)
	var workers sync.WaitGroup
	for range 8 { // all of them find out at once
		workers.Go(func() { assert.True(t, equalBits(few, fresh.Sample(3, 5).Float64s())) })
	}
	workers.Wait()
}

// Damaged words about classes are refused.
func TestLoadClasses(t *testing.T) {
	net := ready(nn.Sequential(nn.ConcatCondition(2, 1), nn.Linear(3, 1)))
	read := func(meta map[string]string) (*gan.Generator, error) {
		var b bytes.Buffer
		all := map[string]string{"gander.latent": "1"}
		for k, v := range meta {
			all[k] = v
		}
		require.NoError(t, nn.Write(&b, net, all))
		return gan.ReadGenerator(&b)
	}
	g, err := read(map[string]string{"gander.classes": `["a","b"]`, "gander.class_counts": `[1,3]`})
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, g.Classes())
	g, err = read(nil)
	require.NoError(t, err)
	require.Nil(t, g.Classes())
	require.Equal(t, []int{1, 1}, g.MapOf(tensor.New(tensor.Float32, 1, 1), tensor.New(tensor.Float32, 1, 2)).Shape())
	for _, meta := range []map[string]string{
		{"gander.classes": `["a"]`}, {"gander.classes": `["a","b","c"]`}, {"gander.classes": `["a","a"]`}, {"gander.classes": `["a",""]`},
		{"gander.classes": `["a",1]`}, {"gander.classes": `["a",null]`}, {"gander.classes": `null`}, {"gander.classes": ``}, {"gander.classes": `["a","b"] ` + "x"},
		{"gander.classes": `["a","` + strings.Repeat("b", 257) + `"]`}, {"gander.class_counts": `[1,1]`},
		{"gander.classes": `["a","b"]`, "gander.class_counts": `[1]`}, {"gander.classes": `["a","b"]`, "gander.class_counts": `[0,0]`},
		{"gander.classes": `["a","b"]`, "gander.class_counts": `[1,-1]`}, {"gander.classes": `["a","b"]`, "gander.class_counts": `[1,1e99]`},
		{"gander.classes": `["a","b"]`, "gander.class_counts": `null`}, {"gander.classes": `["a","b"]`, "gander.class_counts": `{}`},
	} {
		_, err := read(meta)
		require.Error(t, err, meta)
		require.Less(t, len(err.Error()), 400)
	}
	// A network without a condition has no classes; one that asks for too much is no
	// generator.
	var b bytes.Buffer
	require.NoError(t, nn.Write(&b, ready(nn.Linear(1, 1)), map[string]string{"gander.latent": "1", "gander.classes": `["a","b"]`}))
	_, err = gan.ReadGenerator(&b)
	require.ErrorContains(t, err, "2 classes do not fit a condition of 0 numbers")
	file := generatorFile(t, `{"type":"Sequential","layers":[{"type":"ConcatCondition","size":70000,"scale":1},{"type":"AdaptiveAvgPool2D","size":[1,1]},{"type":"Linear","in":1,"out":4,"bias":false}]}`, "1",
		map[string]*tensor.Tensor{"2.weight": tensor.New(tensor.Float32, 4, 1)})
	_, err = gan.ReadGenerator(bytes.NewReader(file))
	require.Error(t, err)
}

// The statistics of averages are those of classes as frequent as in the data, and of
// vectors as they were seen last.
func TestAveragesOfConditions(t *testing.T) {
	for name, data := range map[string]datasets.Dataset{"classes": pets(64), "vectors": weighed{64}} {
		changes := []func(*gan.Config){func(c *gan.Config) { c.EMAHalfLife = 5 }}
		if name == "vectors" {
			changes = append(changes, vectors)
		}
		trainer := newConditional(t, gan.Hinge{}, changes...)
		_, err := trainer.Fit(t.Context(), petLoader(data), gan.Epochs(3))
		require.NoError(t, err)
		g := trainer.Generator()
		net, w := g.Network()
		value := func(name string) *tensor.Tensor {
			for _, p := range nn.Params(net) {
				if p.Name == name {
					return (&nn.Ctx{Weights: w}).Var(p.Param).Value()
				}
			}
			t.Fatal(name)
			return nil
		}
		const n = 16 * 256
		z := tensor.NewStream(5, "fresh").Normal(tensor.Float32, n, latentSize)
		var c *tensor.Tensor
		if name == "classes" {
			c = tensor.OneHot(tensor.Float32, 3, g.Labels(n, 3))
		} else {
			var last *tensor.Tensor
			for b, err := range petLoader(data).Epoch(t.Context(), 2, 7) {
				require.NoError(t, err)
				last = b.Condition.Clone()
			}
			require.Equal(t, 8, last.Dim(0))
			c = tensor.Concat(0, slices.Repeat([]*tensor.Tensor{last}, n/8)...)
		}
		input := tensor.Concat(1, z, tensor.MatMul(c, value("0.embedding.weight").T()))
		h := tensor.Add(tensor.MatMul(input, value("1.weight").T()), value("1.bias"))
		want := tensor.Scale(tensor.Sum(h, 0), 1./n).Float64s()
		require.InDeltaSlice(t, want, value("2.running_mean").Float64s(), 0.05, name)
	}
}

// Hooks show each class in turn, and say before the first step that vectors cannot be
// drawn.
func TestSaveSamplesInTurn(t *testing.T) {
	dir := t.TempDir()
	grid := gallery.Grid{Height: 2, Width: 2, Columns: 3}
	trainer := newConditional(t, gan.Hinge{})
	_, err := trainer.Fit(t.Context(), petLoader(pets(20)), gan.On(gallery.SaveSamples(dir, 6, 4, grid)))
	require.NoError(t, err)
	want := filepath.Join(t.TempDir(), "want.png")
	require.NoError(t, grid.Save(want, trainer.Generator().SampleOf([]int{0, 1, 2, 0, 1, 2}, 4)))
	a, err := os.ReadFile(want)
	require.NoError(t, err)
	require.Equal(t, string(a), files(t, dir)["epoch-0001.png"])
	trainer = newConditional(t, gan.Hinge{}, vectors)
	_, err = trainer.Fit(t.Context(), petLoader(weighed{20}), gan.On(gallery.SaveSamples(dir, 6, 4, grid)))
	require.ErrorContains(t, err, "SaveSamples: ")
	require.ErrorContains(t, err, "conditions are vectors of 3 numbers")
	require.Zero(t, trainer.Steps())
}

// A hook sees the condition of a step's samples, and diagnoses use it.
func TestConditionOfAStep(t *testing.T) {
	trainer := newConditional(t, gan.NonSaturating{}, func(c *gan.Config) { c.Penalties = []gan.Penalty{gan.R1{Gamma: 0.1}} })
	_, d := trainer.Networks()
	before := nn.Snapshot(d)
	measured := 0
	_, err := trainer.Fit(t.Context(), petLoader(pets(200)), gan.Steps(24), gan.On(gan.Hook{Step: func(s *gan.StepInfo) error {
		real, fake := s.Samples()
		c := s.Condition()
		assert.Equal(t, []int{8, 3}, c.Shape())
		for i := range 8 {
			assert.InDelta(t, float64(3*tensor.ArgMax(c, 1)[i]-3), real.At(i, 0), 0.6)
		}
		ofReal, ofFake := s.Scores()
		for x, want := range map[*tensor.Tensor]*tensor.Tensor{real: ofReal, fake: ofFake} {
			got := d.Forward(&nn.Ctx{Weights: before, Condition: autograd.Const(c.Clone())}, autograd.Const(x.Clone())).Value()
			assert.InDeltaSlice(t, want.Float64s(), got.Float64s(), 1e-5)
		}
		before = nn.Snapshot(d)
		return nil
	}}, diagnose.Hook(diagnose.Options{Every: 4, Measured: func(m *diagnose.Measurement, g *gan.Generator) {
		measured++
		assert.False(t, math.IsNaN(m.RealSlope) || math.IsNaN(m.FakeSlope) || math.IsNaN(m.Generator.Dead), m)
	}})))
	require.NoError(t, err)
	require.Positive(t, measured)
	plain := newTiny(t, gan.Hinge{})
	_, err = plain.Fit(t.Context(), petLoader(pets(8)), gan.On(gan.Hook{Step: func(s *gan.StepInfo) error {
		assert.Nil(t, s.Condition())
		return nil
	}}))
	require.NoError(t, err)
}

// A step that fails is written down with its condition, and done again with it.
func TestReplayWithConditions(t *testing.T) {
	spoil := func(trainer *gan.Trainer) {
		_, d := trainer.Networks()
		nn.Params(d)[0].Param.Value().Fill(3e38)
	}
	trainer := newConditional(t, gan.Wasserstein{})
	spoil(trainer)
	path := filepath.Join(t.TempDir(), "failure")
	_, err := trainer.Fit(t.Context(), petLoader(pets(20)), gan.RecordFailure(path))
	var failed *gan.NonFiniteError
	require.ErrorAs(t, err, &failed)
	f, err := safetensors.Load(path)
	require.NoError(t, err)
	c, err := f.Tensor("failed.condition")
	require.NoError(t, err)
	require.Equal(t, []int{8, 3}, c.Shape())
	origin, err := newConditional(t, gan.Wasserstein{}).Replay(path)
	require.NoError(t, err)
	require.Equal(t, "discriminator", origin.Network)
	require.NotEmpty(t, origin.Layer)
}

// late fails when its buffer is to change, which is the last thing in a step.
type late struct {
	buffer *nn.Param
	fail   *bool
}

func (l late) Params() []*nn.Param { return []*nn.Param{l.buffer} }

func (l late) Forward(ctx *nn.Ctx, x *autograd.Var) *autograd.Var {
	if ctx != nil && ctx.Updates != nil {
		ctx.Updates.Add(l.buffer, func(*tensor.Tensor) {
			if *l.fail {
				panic(&tensor.ArgumentError{Op: "late", Problem: "too late", Fix: "none"})
			}
		})
	}
	return x
}

// A step that fails at its very end does not leave its condition behind.
func TestLateFailureForgetsItsCondition(t *testing.T) {
	fail := false
	g, d := conditional()
	c := tinyConfig(gan.Hinge{})
	c.Condition, c.EMAHalfLife = 3, 5
	trainer, err := gan.New(nn.Sequential(g, late{nn.NewBuffer("buffer", nn.Constant(0), 1), &fail}), d, c)
	require.NoError(t, err)
	random := tensor.NewStream(1, "late")
	step := func() error {
		_, err := trainer.Step(gan.Batch{X: random.Normal(tensor.Float32, 5, 4), Condition: random.Normal(tensor.Float32, 5, 3)})
		return err
	}
	require.NoError(t, step())
	before := stateOf(t, trainer)
	fail = true
	require.ErrorContains(t, step(), "too late")
	fail = false
	same(t, before, stateOf(t, trainer))
	require.NoError(t, step())
	require.NotEqual(t, before, stateOf(t, trainer))
}

// A module of one's own that reads the condition and does not say whether it mixes
// samples is tried with conditions.
func TestUnknownModulesAreTriedWithConditions(t *testing.T) {
	g, _ := conditional()
	for mixes, f := range map[bool]func(ctx *nn.Ctx, x *autograd.Var) *autograd.Var{
		false: func(ctx *nn.Ctx, x *autograd.Var) *autograd.Var { return autograd.Concat(1, x, ctx.Condition) },
		true: func(ctx *nn.Ctx, x *autograd.Var) *autograd.Var {
			return autograd.Concat(1, centred(ctx, x), ctx.Condition)
		},
	} {
		d := nn.Sequential(reader{unsaid{f: f}}, nn.Linear(7, 1))
		_, err := gan.New(g, d, gan.Config{Latent: latentSize, Classes: animals, Penalties: []gan.Penalty{gan.R1{Gamma: 1}}})
		require.Equal(t, mixes, err != nil, "%v", err)
	}
	// A batch of one is more than a batch norm takes, also with a condition.
	_, err := newConditional(t, gan.Hinge{}).Fit(t.Context(), datasets.NewLoader(pets(9), 8, datasets.Conditions()))
	require.ErrorContains(t, err, "the networks cannot take the smallest batch of the data, of 1")
}

// reader says that it reads three numbers.
type reader struct{ unsaid }

func (reader) ConditionSize() int { return 3 }
