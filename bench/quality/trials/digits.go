package main

import (
	"context"
	"math"
	"strings"

	"github.com/gander-ml/gander/bench/quality/subject"
	"github.com/gander-ml/gander/bench/quality/table"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/metrics/mnistfeatures"
	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
)

// The usual numbers of digits are those of the recipe "quick" when the search began.
var digits = &kind{
	name: "digits", about: "Digits of 28×28 pixels",
	says: " Distances are Fréchet distances from the test digits and from the training digits. TFLOP are those of the matrix products of the whole training. " +
		"No class fits a digit to which the judge gives no class a probability of one half.",
	words: []word{
		integer("steps", "length of the run", 3000),
		integer("batch", "digits in a step", 64),
		integer("latent", "random numbers of a digit", 100),
		number("lr", "learning rate", 0.002),
		number("dlr", "that of D; 0: as lr", 0),
		number("fall", "the last part of the run, over which rates fall", 0.2),
		number("end", "what is left of them", 0.1),
		choice("cosine", "1: rates fall along a cosine; 0: along a line", 0, 1),
		number("beta2", "β₂ rises from here", 0.9),
		number("beta2end", "to there, along a cosine", 0.99),
		number("beta2fall", "over this first part of the run", 1),
		number("halflife", "of the averages, in steps", 200),
		number("gamma", "γ of R1 and R2", 0.5),
		number("gammaend", "γ at the end, which it goes to in equal ratios; 0: the same", 0),
		number("gammafrom", "after this part of the run", 0),
		number("r2", "times γ is the weight of R2", 1),
		choice("classes", "1: networks know ten classes", 1, 1),
		number("glabel", "scale of the one-hot beside G's latent vector", 1.5),
		number("dlabel", "scale of the one-hot beside the features of D's convolutions; 0: none", 3),
		number("gagain", "scale of another beside the features of G's first layer; 0: none", 0),
		number("dagain", "scale of another, with a hidden layer more, at D's end; 0: none", 0),
		number("dplanes", "scale of one-hots as planes beside the image; 0: none", 0),
		integer("g1", "channels of G at 7×7", 32),
		integer("g2", "channels of G at 14×14", 16),
		integer("d1", "channels of D at 14×14", 16),
		integer("d2", "channels of D at 7×7", 32),
		integer("ghid", "units of G's hidden linear layer", 256),
		integer("dhid", "units of D's hidden linear layer", 128),
		{name: "gdeep", means: "more such layers in G; -1: none at all", least: -1, whole: true},
		integer("ddeep", "more such layers in D", 0),
		choice("glow", "1: a convolution more at 7×7 in G", 0, 1),
		choice("gmid", "1: a convolution more at 14×14 in G", 0, 1),
		integer("gfine", "channels of a convolution more at 28×28 in G; 0: none", 0),
		choice("dmid", "1: a convolution more at 7×7 in D", 0, 1),
		number("shift", "DiffAugment shifts by up to this part of the image; 0: not at all", 0),
		number("faint", "scale of the first weights of G's last convolution", 0.3),
		number("slope", "of LeakyReLU in G", 0.2),
		number("gskip", "gain of a linear layer beside G's hidden ones; 0: none", 0),
		number("temperature", "of the samples (nn.Temperature)", 1),
	},
	columns: []table.Column{{Name: mnistfeatures.Distance, Less: true}, {Name: mnistfeatures.DistanceTraining, Less: true}, {Name: mnistfeatures.Fidelity, Percent: 1},
		{Name: mnistfeatures.Precision}, {Name: mnistfeatures.Recall}, {Name: mnistfeatures.RarestDigit, Percent: 1}, {Name: subject.Unclear, Less: true, Percent: 2}},
	// The distance from digits that were not seen.
	best: func(split string) string {
		if split == subject.Full {
			return mnistfeatures.Distance
		}
		return mnistfeatures.DistanceTraining
	},
	tera: func(c choices) float64 { return c.products() * c["steps"] / 1e12 },
	recipe: func(c choices) recipe.Recipe {
		return recipe.Recipe{Name: "trial", Latent: c.n("latent"), Batch: c.n("batch"), Steps: c.n("steps"), LR: c["lr"], Seed: 1,
			Build:    func(recipe.Recipe) (g, d nn.Module) { return c.digitsNetworks() },
			Settings: func(recipe.Recipe) gan.Config { return c.digitsConfig() }}
	},
	load: func(_ context.Context, folder string) (*subject.Subject, error) {
		d, err := subject.Load(folder)
		if err != nil {
			return nil, err
		}
		return d.Digits()
	},
}

func (c choices) digitsConfig() gan.Config {
	fall := max(int(c["fall"]*float64(c.n("steps"))), 1)
	var end optim.Schedule = optim.Linear{From: 1, To: c["end"], Steps: fall}
	if c.is("cosine") {
		end = optim.Cosine{From: 1, To: c["end"], Steps: fall}
	}
	rate := optim.ScheduleFunc(func(step int) float64 { return end.At(max(step-(c.n("steps")-fall), 0)) })
	adam := func(lr float64) optim.Adam {
		return optim.Adam{LR: lr, Betas: [2]float64{0, c["beta2"]}, Schedule: rate,
			Beta2Schedule: optim.Cosine{From: c["beta2"], To: c["beta2end"], Steps: max(int(c["beta2fall"]*float64(c.n("steps"))), 1)}}
	}
	from := int(c["gammafrom"] * float64(c.n("steps")))
	last := c["gammaend"]
	if last == 0 {
		last = c["gamma"]
	}
	gamma := optim.ScheduleFunc(func(step int) float64 {
		return c["gamma"] * math.Pow(last/c["gamma"], float64(max(step-from, 0))/float64(max(c.n("steps")-from, 1)))
	})
	config := gan.Config{Objective: gan.Relativistic{}, Optimizer: adam(c["lr"]), FreshLatent: true, EMAHalfLife: c["halflife"], SampleShape: []int{1, 28, 28},
		Penalties: []gan.Penalty{gan.R1{Gamma: 1, Schedule: gamma}}}
	if c["r2"] != 0 {
		config.Penalties = append(config.Penalties, gan.R2{Gamma: c["r2"], Schedule: gamma})
	}
	if c["dlr"] > 0 {
		config.GeneratorOptimizer, config.DiscriminatorOptimizer = adam(c["lr"]), adam(c["dlr"])
	}
	if c.is("classes") {
		config.Classes = strings.Split("0123456789", "")
	}
	return config
}

func (c choices) digitsNetworks() (g, d nn.Module) {
	zero := nn.BiasInit(nn.Constant(0))
	he := func(gain float64) nn.LinearOption { return nn.WeightInit(nn.HeNormal(gain)) }
	weight, root := he(math.Sqrt(2/1.04)), math.Sqrt(2/1.04)
	k := 0
	if c.is("classes") {
		k = 10
	}
	act := func() nn.Module { return nn.LeakyReLU(c["slope"]) }
	var draw, deep, look []nn.Module
	if c["temperature"] != 1 {
		draw = append(draw, nn.Temperature(c["temperature"]))
	}
	if c.is("classes") {
		draw = append(draw, nn.ConcatCondition(k, c["glabel"]))
	}
	wide := c.n("latent") + k
	for range c.n("gdeep") + 1 {
		deep, wide = append(deep, nn.Linear(wide, c.n("ghid"), weight, zero), act()), c.n("ghid")
	}
	if c.is("classes") && c["gagain"] > 0 {
		deep, wide = append(deep, nn.ConcatCondition(k, c["gagain"])), wide+k
	}
	deep = append(deep, nn.Linear(wide, c.n("g1")*49, weight, zero))
	if c["gskip"] > 0 {
		deep = []nn.Module{nn.Residual(nn.Sequential(deep...), nn.Linear(c.n("latent")+k, c.n("g1")*49, he(c["gskip"]*root), nn.NoBias()))}
	}
	draw = append(append(draw, deep...), act(), nn.Reshape(c.n("g1"), 7, 7))
	if c.is("glow") {
		draw = append(draw, nn.Conv2D(c.n("g1"), c.n("g1"), 3, nn.Padding(1), weight, zero), act())
	}
	draw = append(draw, nn.UpsampleNearest(2), nn.Conv2D(c.n("g1"), c.n("g2"), 3, nn.Padding(1), weight, zero), act())
	if c.is("gmid") {
		draw = append(draw, nn.Conv2D(c.n("g2"), c.n("g2"), 3, nn.Padding(1), weight, zero), act())
	}
	draw = append(draw, nn.UpsampleNearest(2))
	out := c.n("g2")
	if c.n("gfine") > 0 {
		draw = append(draw, nn.Conv2D(out, c.n("gfine"), 3, nn.Padding(1), weight, zero), act())
		out = c.n("gfine")
	}
	draw = append(draw, nn.Conv2D(out, 1, 3, nn.Padding(1), he(c["faint"]*root), zero), nn.Tanh(), nn.Flatten())

	look = append(look, nn.Reshape(1, 28, 28))
	if c["shift"] > 0 {
		look = append(look, nn.DiffAugment(nn.Augmentations{Shift: c["shift"]}))
	}
	in := 1
	if c.is("classes") && c["dplanes"] > 0 {
		look, in = append(look, nn.ConcatCondition(k, c["dplanes"])), 1+k
	}
	look = append(look, nn.Conv2D(in, c.n("d1"), 4, nn.Stride(2), nn.Padding(1), weight, zero), nn.LeakyReLU(0.2),
		nn.Conv2D(c.n("d1"), c.n("d2"), 4, nn.Stride(2), nn.Padding(1), weight, zero), nn.LeakyReLU(0.2))
	if c.is("dmid") {
		look = append(look, nn.Conv2D(c.n("d2"), c.n("d2"), 3, nn.Padding(1), weight, zero), nn.LeakyReLU(0.2))
	}
	look = append(look, nn.Flatten())
	if c.is("classes") && c["dlabel"] > 0 {
		look = append(look, nn.ConcatCondition(k, c["dlabel"]))
	} else {
		k = 0
	}
	look = append(look, nn.Linear(c.n("d2")*49+k, c.n("dhid"), weight, zero), nn.LeakyReLU(0.2))
	for range c.n("ddeep") {
		look = append(look, nn.Linear(c.n("dhid"), c.n("dhid"), weight, zero), nn.LeakyReLU(0.2))
	}
	wide = c.n("dhid")
	if c.is("classes") && c["dagain"] > 0 {
		look, wide = append(look, nn.ConcatCondition(10, c["dagain"]), nn.Linear(wide+10, c.n("dhid"), weight, zero), nn.LeakyReLU(0.2)), c.n("dhid")
	}
	look = append(look, nn.Linear(wide, 1, he(1), zero))
	return nn.Sequential(draw...), nn.Sequential(look...)
}

// products returns the floating point operations of a step's matrix products. A
// convolution after an enlargement by 2 has four kernels of 2×2 (nn.Sequential).
func (c choices) products() float64 {
	k, beside := 0, 0
	if c.is("classes") {
		k = 10
	}
	in, g := c.n("latent")+k, 0
	for range c.n("gdeep") + 1 {
		g, in = g+in*c.n("ghid"), c.n("ghid")
	}
	if c["gagain"] > 0 {
		in += k
	}
	if c["gskip"] > 0 {
		g += (c.n("latent") + k) * c.n("g1") * 49
	}
	g += in*c.n("g1")*49 + 4*196*c.n("g1")*c.n("g2")
	if c.is("glow") {
		g += 9 * 49 * c.n("g1") * c.n("g1")
	}
	if c.is("gmid") {
		g += 9 * 196 * c.n("g2") * c.n("g2")
	}
	if c.n("gfine") > 0 {
		g += 784 * c.n("gfine") * (4*c.n("g2") + 9)
	} else {
		g += 4 * 784 * c.n("g2")
	}
	planes := 1
	if c["dplanes"] > 0 {
		planes += k
	}
	if c["dlabel"] > 0 {
		beside = k
	}
	d := 16*196*planes*c.n("d1") + 16*49*c.n("d1")*c.n("d2") + (49*c.n("d2")+beside)*c.n("dhid") + c.n("ddeep")*c.n("dhid")*c.n("dhid") + c.n("dhid")
	if c.is("dmid") {
		d += 9 * 49 * c.n("d2") * c.n("d2")
	}
	if c.is("classes") && c["dagain"] > 0 {
		d += (c.n("dhid") + k) * c.n("dhid")
	}
	// G runs for D's step and its own, where its gradient is two products more. D has
	// four for each of two batches in its step, and two in G's.
	return 2 * float64(c.n("batch")) * (4*float64(g) + 10*float64(d))
}
