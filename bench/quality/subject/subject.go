// Package subject has what the programs of bench/quality train generators on, and how
// they judge what these draw: digits, three digits in one picture, digits of 8×8 pixels,
// and points in the plane.
package subject

import (
	"context"
	"math"

	"github.com/gander-ml/gander/bench/quality/pocket"
	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/datasets/digits"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/metrics"
	"github.com/gander-ml/gander/gan/metrics/mnistfeatures"
	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/tensor"
)

// The splits: what is trained on.
const (
	Embedded = "10,000 test digits"
	Full     = "60,000 training digits"
)

// The names of values.
const (
	Nearest    = "distance from training set" // of [metrics.Copying]
	NearCopies = "near copies"                // also of it
	Unclear    = "no class fits"              // the share of digits to which the judge gives no class a probability of one half
)

// Searched is the number of digits whose nearest training digits are found.
const Searched = 2000

// Subject is something to learn, with a judge of what is drawn.
type Subject struct {
	Split   string // what is trained on; "" if that is no digits
	Samples int    // that are judged usually
	// Source is what a recipe trains on.
	Source func(r recipe.Recipe) gan.Source
	// Judge judges so many samples.
	Judge func(g *gan.Generator, samples int, seed uint64) (metrics.Table, error)
	// Real returns the values of a perfect sampler. It is nil if Judge has them as floors.
	Real func() (metrics.Table, error)
}

// Train trains a recipe. Unless it is nil, course is called ten times on the way.
func (s *Subject) Train(ctx context.Context, r recipe.Recipe, course func(step int, g *gan.Generator) error) (*gan.Generator, *gan.Report, error) {
	g, d := r.Networks()
	trainer, err := gan.New(g, d, r.Config())
	if err != nil {
		return nil, nil, err
	}
	options := []gan.Option{gan.Steps(r.Steps)}
	if course != nil {
		tenth := gan.Every(max(r.Steps/10, 1))
		options = append(options, gan.On(gan.Hook{Step: func(info *gan.StepInfo) error {
			if !tenth(info.Step) {
				return nil
			}
			return course(info.Step, trainer.Generator())
		}}))
	}
	report, err := trainer.Fit(ctx, s.Source(r), options...)
	return trainer.Generator(), report, err
}

// Mixture is the mixture of a recipe of [recipe.Mixtures].
func Mixture(name string) *Subject {
	target := map[string]datasets.Mixture{"ring": datasets.Ring(), "grid": datasets.GaussianGrid()}[name]
	const points = 10_000
	return &Subject{
		Samples: points,
		Source: func(r recipe.Recipe) gan.Source {
			return datasets.Synthetic{From: target, Batch: r.Batch, PerEpoch: 500, Seed: r.Seed}
		},
		Judge: func(g *gan.Generator, samples int, seed uint64) (metrics.Table, error) {
			score, err := metrics.MeasureMixture(target, g.Sample(samples, seed))
			return score.Table(), err
		},
		Real: func() (metrics.Table, error) { return metrics.MixtureFloor(target, points, 20), nil },
	}
}

// Data is digits and a judge of them.
type Data struct {
	Split       string // of what there is to train on
	train, test *datasets.Images
	judge       *mnistfeatures.Judge
}

// Split is the split that [Load] reads.
func Split(folder string) string {
	if folder == "" {
		return Embedded
	}
	return Full
}

// Load reads MNIST's digits in a folder, or without one those that are part of the
// program.
func Load(folder string) (d *Data, err error) {
	d = &Data{Split: Split(folder)}
	if d.test, err = digits.Load(); err != nil {
		return nil, err
	}
	d.train = d.test
	if folder != "" {
		if d.train, err = datasets.MNIST(folder, datasets.Train); err != nil {
			return nil, err
		}
	}
	d.judge, err = mnistfeatures.Load()
	return d, err
}

// shares returns what is trained on, and test digits that stand for digits which
// training has not seen. If training is on the test digits, these are every fifth, and
// seen is the rest of them.
func (d *Data) shares() (seen, unseen datasets.Dataset) {
	var most, fifth []int
	for i := range d.test.Len() {
		if i%5 == 0 {
			fifth = append(fifth, i)
		} else {
			most = append(most, i)
		}
	}
	if unseen = datasets.Subset(d.test, fifth); d.Split == Full {
		return d.train, unseen
	}
	return datasets.Subset(d.test, most), unseen
}

// Digits are digits of 28×28 pixels, with classes if the recipe has them.
func (d *Data) Digits() (*Subject, error) {
	// Distances are from four fifths of the test digits if training is on all of them, so
	// that generated digits and the others are treated alike.
	seen, unseen := d.shares()
	near, err := pixels(seen)
	if err != nil {
		return nil, err
	}
	far, err := pixels(unseen)
	if err != nil {
		return nil, err
	}
	return &Subject{
		Split: d.Split, Samples: 10_000,
		Source: func(r recipe.Recipe) gan.Source {
			options := []datasets.LoaderOption{datasets.Seed(r.Seed)}
			if r.Config().Classes != nil {
				options = append(options, datasets.Conditions())
			}
			return datasets.NewLoader(d.train, r.Batch, options...)
		},
		Judge: func(g *gan.Generator, samples int, seed uint64) (metrics.Table, error) {
			drawn := g.Sample(samples, seed)
			var asked []int
			if g.Classes() != nil {
				asked = g.Labels(samples, seed)
			}
			report, err := d.judge.Evaluate(drawn, asked...)
			if err != nil {
				return nil, err
			}
			few := min(Searched, samples)
			copying, err := metrics.Copying(drawn.Slice(0, 0, few), near, far.Slice(0, 0, few))
			if err != nil {
				return nil, err
			}
			classified, err := d.judge.Classify(drawn)
			if err != nil {
				return nil, err
			}
			real, err := d.judge.Test()
			if err != nil {
				return nil, err
			}
			share := func(c *mnistfeatures.Classified) float64 { return float64(c.Unclear()) / float64(len(c.Classes)) }
			values := append(report.Values, copying...)
			return append(values, metrics.Value{Name: Unclear, Value: share(classified), Floor: share(real), Ceiling: math.NaN(), StdErr: math.NaN()}), nil
		},
	}, nil
}

// pixels returns images as [n, 784].
func pixels(set datasets.Dataset) (*tensor.Tensor, error) {
	x, err := datasets.AsTensor(set, tensor.Float32)
	if err != nil {
		return nil, err
	}
	return x.Reshape(set.Len(), 28*28), nil
}

// Stacked are three digits in one picture, which have 1,000 modes.
func (d *Data) Stacked() *Subject {
	const modes, samples = 1000, 25_600
	count := func(x *tensor.Tensor) (metrics.Table, error) {
		seen, err := d.judge.Modes(x)
		return metrics.Modes(seen, modes), err
	}
	return &Subject{
		Split: d.Split, Samples: samples,
		Source: func(r recipe.Recipe) gan.Source {
			return datasets.NewLoader(datasets.Stack(d.train, 3, 1000*r.Batch, r.Seed), r.Batch, datasets.Seed(r.Seed))
		},
		Judge: func(g *gan.Generator, samples int, seed uint64) (metrics.Table, error) {
			return count(g.Sample(samples, seed))
		},
		Real: func() (metrics.Table, error) {
			x, err := datasets.AsTensor(datasets.Stack(d.train, 3, samples, 1<<32), tensor.Float32)
			if err != nil {
				return nil, err
			}
			return count(x)
		},
	}
}

// Pocket are digits of 8×8 pixels with classes. Its judge is trained now.
func (d *Data) Pocket(ctx context.Context) (*Subject, error) {
	seen, unseen := d.shares()
	if d.Split == Full {
		unseen = d.test
	}
	judge, err := pocket.New(ctx, seen, unseen)
	if err != nil {
		return nil, err
	}
	return &Subject{
		Split: d.Split, Samples: 10_000,
		Source: func(r recipe.Recipe) gan.Source {
			return datasets.NewLoader(pocket.Digits(seen), r.Batch, datasets.Seed(r.Seed), datasets.Conditions())
		},
		Judge: func(g *gan.Generator, samples int, seed uint64) (metrics.Table, error) {
			return judge.Judge(g.Sample(samples, seed), g.Labels(samples, seed))
		},
	}, nil
}
