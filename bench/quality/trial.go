package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/metrics/mnistfeatures"
	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// Variant is a recipe for digits whose parts can be changed one by one, by the words of
// -try, which words explains.
type Variant struct {
	Steps, Batch, Latent                           int
	LR, DLR, Fall, End, Beta2, Beta2End, Beta2Fall float64
	HalfLife, Gamma, GammaEnd, GammaFrom, R2       float64
	Cosine, Classes                                bool
	GLabel, DLabel, GAgain, DAgain, DPlanes        float64
	G, D                                           [2]int
	GHid, DHid, GDeep, DDeep, GFine                int
	GMid, GLow, DMid                               bool
	Shift, Faint, Slope                            float64
}

// first is where the search began: the recipe "quick" of that time.
func first() Variant {
	return Variant{
		Steps: 3000, Batch: 64, Latent: 100,
		LR: 2e-3, Fall: 0.2, End: 0.1, Beta2: 0.9, Beta2End: 0.99, Beta2Fall: 1, HalfLife: 200,
		Gamma: 0.5, R2: 1,
		Classes: true, GLabel: 1.5, DLabel: 3,
		G: [2]int{32, 16}, D: [2]int{16, 32}, GHid: 256, DHid: 128, Faint: 0.3, Slope: 0.2,
	}
}

// words are those that change a variant.
func (v *Variant) words() *flag.FlagSet {
	f := flag.NewFlagSet("-try", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	whole := func(at *int, name, means string) { f.IntVar(at, name, *at, means) }
	number := func(at *float64, name, means string) { f.Float64Var(at, name, *at, means) }
	either := func(at *bool, name, means string) { f.BoolVar(at, name, *at, means) }
	whole(&v.Steps, "steps", "length of the run")
	whole(&v.Batch, "batch", "digits in a step")
	whole(&v.Latent, "latent", "random numbers of a digit")
	number(&v.LR, "lr", "learning rate")
	number(&v.DLR, "dlr", "that of D; 0: as lr")
	number(&v.Fall, "fall", "the last part of the run, over which rates fall")
	number(&v.End, "end", "what is left of them")
	either(&v.Cosine, "cosine", "they fall along a cosine, not a line")
	number(&v.Beta2, "beta2", "β₂ rises from here")
	number(&v.Beta2End, "beta2end", "to there, along a cosine")
	number(&v.Beta2Fall, "beta2fall", "over this first part of the run")
	number(&v.HalfLife, "halflife", "of the averages, in steps")
	number(&v.Gamma, "gamma", "γ of R1 and R2")
	number(&v.GammaEnd, "gammaend", "γ at the end, which it goes to in equal ratios; 0: the same")
	number(&v.GammaFrom, "gammafrom", "after this part of the run")
	number(&v.R2, "r2", "times γ is the weight of R2")
	either(&v.Classes, "classes", "networks know ten classes")
	number(&v.GLabel, "glabel", "scale of the one-hot beside G's latent vector")
	number(&v.DLabel, "dlabel", "scale of the one-hot beside the features of D's convolutions; 0: none")
	number(&v.GAgain, "gagain", "scale of another beside the features of G's first layer; 0: none")
	number(&v.DAgain, "dagain", "scale of another, with a hidden layer more, at D's end; 0: none")
	number(&v.DPlanes, "dplanes", "scale of one-hots as planes beside the image; 0: none")
	whole(&v.G[0], "g1", "channels of G at 7×7")
	whole(&v.G[1], "g2", "channels of G at 14×14")
	whole(&v.D[0], "d1", "channels of D at 14×14")
	whole(&v.D[1], "d2", "channels of D at 7×7")
	whole(&v.GHid, "ghid", "units of G's hidden linear layer")
	whole(&v.DHid, "dhid", "units of D's hidden linear layer")
	whole(&v.GDeep, "gdeep", "more such layers in G; -1: none at all")
	whole(&v.DDeep, "ddeep", "more such layers in D")
	either(&v.GLow, "glow", "a convolution more at 7×7 in G")
	either(&v.GMid, "gmid", "a convolution more at 14×14 in G")
	whole(&v.GFine, "gfine", "channels of a convolution more at 28×28 in G; 0: none")
	either(&v.DMid, "dmid", "a convolution more at 7×7 in D")
	number(&v.Shift, "shift", "DiffAugment shifts by up to this part of the image; 0: not at all")
	number(&v.Faint, "faint", "scale of the first weights of G's last convolution")
	number(&v.Slope, "slope", "of LeakyReLU in G")
	return f
}

// parse reads the words of a trial.
func parse(words string) (Variant, error) {
	v := first()
	f := v.words()
	var args []string
	for _, word := range strings.Fields(words) {
		args = append(args, "-"+word)
	}
	if err := f.Parse(args); err != nil {
		return v, err
	}
	switch {
	case f.NArg() > 0:
		return v, errors.New("words are name=value")
	case v.Steps < 1 || v.Batch < 1 || v.Latent < 1:
		return v, errors.New("steps, batch and latent must be at least 1")
	case !(v.Gamma > 0) || v.GammaEnd < 0:
		return v, errors.New("gamma must be above 0")
	}
	if v.GammaEnd == 0 {
		v.GammaEnd = v.Gamma
	}
	return v, tensor.Catch(func() { v.networks() }) // other numbers that layers do not take
}

// Recipe is the variant as others train it.
func (v Variant) Recipe(seed uint64) recipe.Recipe {
	return recipe.Recipe{Name: "trial", Latent: v.Latent, Batch: v.Batch, Steps: v.Steps, LR: v.LR, Seed: seed,
		Build:    func(recipe.Recipe) (g, d nn.Module) { return v.networks() },
		Settings: func(recipe.Recipe) gan.Config { return v.config() }}
}

func (v Variant) config() gan.Config {
	fall := max(int(v.Fall*float64(v.Steps)), 1)
	var last optim.Schedule = optim.Linear{From: 1, To: v.End, Steps: fall}
	if v.Cosine {
		last = optim.Cosine{From: 1, To: v.End, Steps: fall}
	}
	rate := optim.ScheduleFunc(func(step int) float64 { return last.At(max(step-(v.Steps-fall), 0)) })
	adam := func(lr float64) optim.Adam {
		return optim.Adam{LR: lr, Betas: [2]float64{0, v.Beta2}, Schedule: rate,
			Beta2Schedule: optim.Cosine{From: v.Beta2, To: v.Beta2End, Steps: max(int(v.Beta2Fall*float64(v.Steps)), 1)}}
	}
	from := int(v.GammaFrom * float64(v.Steps))
	gamma := optim.ScheduleFunc(func(step int) float64 {
		return v.Gamma * math.Pow(v.GammaEnd/v.Gamma, float64(max(step-from, 0))/float64(v.Steps-from))
	})
	c := gan.Config{Objective: gan.Relativistic{}, Optimizer: adam(v.LR), FreshLatent: true, EMAHalfLife: v.HalfLife, SampleShape: []int{1, 28, 28},
		Penalties: []gan.Penalty{gan.R1{Gamma: 1, Schedule: gamma}, gan.R2{Gamma: v.R2, Schedule: gamma}}}
	if v.DLR > 0 {
		c.GeneratorOptimizer, c.DiscriminatorOptimizer = adam(v.LR), adam(v.DLR)
	}
	if v.Classes {
		c.Classes = strings.Split("0123456789", "")
	}
	return c
}

func (v Variant) networks() (g, d nn.Module) {
	zero := nn.BiasInit(nn.Constant(0))
	he := func(gain float64) nn.LinearOption { return nn.WeightInit(nn.HeNormal(gain)) }
	weight, root := he(math.Sqrt(2/1.04)), math.Sqrt(2/1.04)
	k := 0
	if v.Classes {
		k = 10
	}
	act := func() nn.Module { return nn.LeakyReLU(v.Slope) }
	var draw, look []nn.Module
	if v.Classes {
		draw = append(draw, nn.ConcatCondition(k, v.GLabel))
	}
	wide := v.Latent + k
	for range v.GDeep + 1 {
		draw, wide = append(draw, nn.Linear(wide, v.GHid, weight, zero), act()), v.GHid
	}
	if v.Classes && v.GAgain > 0 {
		draw, wide = append(draw, nn.ConcatCondition(k, v.GAgain)), wide+k
	}
	draw = append(draw, nn.Linear(wide, v.G[0]*49, weight, zero), act(), nn.Reshape(v.G[0], 7, 7))
	if v.GLow {
		draw = append(draw, nn.Conv2D(v.G[0], v.G[0], 3, nn.Padding(1), weight, zero), act())
	}
	draw = append(draw, nn.UpsampleNearest(2), nn.Conv2D(v.G[0], v.G[1], 3, nn.Padding(1), weight, zero), act())
	if v.GMid {
		draw = append(draw, nn.Conv2D(v.G[1], v.G[1], 3, nn.Padding(1), weight, zero), act())
	}
	draw = append(draw, nn.UpsampleNearest(2))
	out := v.G[1]
	if v.GFine > 0 {
		draw = append(draw, nn.Conv2D(out, v.GFine, 3, nn.Padding(1), weight, zero), act())
		out = v.GFine
	}
	draw = append(draw, nn.Conv2D(out, 1, 3, nn.Padding(1), he(v.Faint*root), zero), nn.Tanh(), nn.Flatten())

	look = append(look, nn.Reshape(1, 28, 28))
	if v.Shift > 0 {
		look = append(look, nn.DiffAugment(nn.Augmentations{Shift: v.Shift}))
	}
	in := 1
	if v.Classes && v.DPlanes > 0 {
		look, in = append(look, nn.ConcatCondition(k, v.DPlanes)), 1+k
	}
	look = append(look, nn.Conv2D(in, v.D[0], 4, nn.Stride(2), nn.Padding(1), weight, zero), nn.LeakyReLU(0.2),
		nn.Conv2D(v.D[0], v.D[1], 4, nn.Stride(2), nn.Padding(1), weight, zero), nn.LeakyReLU(0.2))
	if v.DMid {
		look = append(look, nn.Conv2D(v.D[1], v.D[1], 3, nn.Padding(1), weight, zero), nn.LeakyReLU(0.2))
	}
	look = append(look, nn.Flatten())
	if v.Classes && v.DLabel > 0 {
		look = append(look, nn.ConcatCondition(k, v.DLabel))
	} else {
		k = 0
	}
	look = append(look, nn.Linear(v.D[1]*49+k, v.DHid, weight, zero), nn.LeakyReLU(0.2))
	for range v.DDeep {
		look = append(look, nn.Linear(v.DHid, v.DHid, weight, zero), nn.LeakyReLU(0.2))
	}
	wide = v.DHid
	if v.Classes && v.DAgain > 0 {
		look, wide = append(look, nn.ConcatCondition(10, v.DAgain), nn.Linear(wide+10, v.DHid, weight, zero), nn.LeakyReLU(0.2)), v.DHid
	}
	look = append(look, nn.Linear(wide, 1, he(1), zero))
	return nn.Sequential(draw...), nn.Sequential(look...)
}

// products returns the floating point operations of a step's matrix products. A
// convolution after an enlargement by 2 has four kernels of 2×2 (nn.Sequential).
func (v Variant) products() float64 {
	k, beside := 0, 0
	if v.Classes {
		k = 10
	}
	in, g := v.Latent+k, 0
	for range v.GDeep + 1 {
		g, in = g+in*v.GHid, v.GHid
	}
	if v.GAgain > 0 {
		in += k
	}
	g += in*v.G[0]*49 + 4*196*v.G[0]*v.G[1]
	if v.GLow {
		g += 9 * 49 * v.G[0] * v.G[0]
	}
	if v.GMid {
		g += 9 * 196 * v.G[1] * v.G[1]
	}
	if v.GFine > 0 {
		g += 784 * v.GFine * (4*v.G[1] + 9)
	} else {
		g += 4 * 784 * v.G[1]
	}
	planes := 1
	if v.DPlanes > 0 {
		planes += k
	}
	if v.DLabel > 0 {
		beside = k
	}
	d := 16*196*planes*v.D[0] + 16*49*v.D[0]*v.D[1] + (49*v.D[1]+beside)*v.DHid + v.DDeep*v.DHid*v.DHid + v.DHid
	if v.DMid {
		d += 9 * 49 * v.D[1] * v.D[1]
	}
	if v.Classes && v.DAgain > 0 {
		d += (v.DHid + k) * v.DHid
	}
	// G runs for D's step and its own, where its gradient is two products more. D has
	// four for each of two batches in its step, and two in G's.
	return 2 * float64(v.Batch) * (4*float64(g) + 10*float64(d))
}

// try trains a variant with some seeds and adds it to the table of trials. What is
// there already is not repeated; the table is written anew all the same.
func (m *measurer) try(ctx context.Context, words string, seeds int) error {
	v, err := parse(words)
	if err != nil {
		return fmt.Errorf("-try %q: %w", words, err)
	}
	words = strings.Join(strings.Fields(words), " ")
	done, err := loadTrials(m.out)
	if err != nil {
		return err
	}
	if err := add(m.out); err != nil {
		return err
	}
	done = done.of(words, m.split)
	for seed := uint64(1); seed <= uint64(seeds); seed++ {
		if slices.ContainsFunc(done, func(t Trial) bool { return t.Seed == seed }) {
			continue
		}
		r := v.Recipe(seed)
		r.Steps = m.length(r.Steps)
		g, report, err := m.train(ctx, r)
		if err != nil {
			return err
		}
		values, err := m.judged(g, seed)
		if err != nil {
			return err
		}
		t := Trial{Words: words, Split: m.split, Seed: seed, Steps: report.Steps, Judged: m.settings.digits, Values: map[string]float64{}}
		for _, name := range kept {
			if v := values.Get(name).Value; !math.IsNaN(v) {
				t.Values[name] = math.Round(v*1e5) / 1e5
			}
		}
		fmt.Printf("%s, seed %d: %d steps, %.1f s; distances %s and %s, as asked for %s, precision %s, recall %s\n", words, seed, report.Steps, trainingTime(report),
			number(values.Get(mnistfeatures.Distance).Value), number(values.Get(mnistfeatures.DistanceTraining).Value), percent(values.Get(mnistfeatures.Fidelity).Value),
			number(values.Get(mnistfeatures.Precision).Value), number(values.Get(mnistfeatures.Recall).Value))
		if err := add(m.out, t); err != nil {
			return err
		}
	}
	return nil
}
