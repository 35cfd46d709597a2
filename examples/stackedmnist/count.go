package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/datasets/digits"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/metrics"
	"github.com/gander-ml/gander/gan/metrics/mnistfeatures"
	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/gan/rundir"
	"github.com/gander-ml/gander/tensor"
)

const (
	layers = 3       // of a picture, each of them a digit
	pixels = 28 * 28 // of a layer
	modes  = 1000
)

var (
	preset  = flag.String("preset", "half", "recipe, of:\n"+recipe.Usage(recipe.Stacked()))
	data    = flag.String("data", "", "`folder` with MNIST's IDX files, plain or .gz (default: 10,000 digits that are part of the program)")
	out     = flag.String("out", filepath.Join("runs", "stackedmnist"), "`folder` to write to")
	steps   = flag.Int("steps", 0, "training steps (default: the recipe's)")
	seed    = flag.Uint64("seed", 1, "of every random number; the same seed gives the same weights")
	samples = flag.Int("samples", 25_600, "pictures to count modes among at the end")
	looks   = flag.Int("looks", 4, "times to count modes in the course of training, among a tenth")
	threads = flag.Int("threads", 0, "most threads to compute with (default: all cores)")

	resume rundir.Mode
)

func init() {
	flag.Usage = func() { fmt.Fprintln(os.Stderr, "stackedmnist: see -help") } // a wrong flag needs no list of all
	for _, name := range []string{"h", "help"} {
		flag.BoolFunc(name, "list the flags", func(string) error { flag.PrintDefaults(); os.Exit(0); return nil })
	}
	flag.Var(&resume, "resume", "what becomes of a run in that folder: `auto` goes on with it, or starts one; must goes on with it; never moves it aside (default never)")
}

// chosen returns the recipe with the flags applied, or what is wrong with them.
func chosen() (_ recipe.Recipe, wrong string) {
	r, known := recipe.Named(*preset, recipe.Stacked())
	switch {
	case flag.NArg() > 0:
		return r, fmt.Sprintf("unexpected argument %q", flag.Arg(0))
	case !known:
		return r, fmt.Sprintf("there is no preset %q", *preset)
	case *steps < 0 || *looks < 0 || *threads < 0 || *samples < 1 || *samples > 100_000:
		return r, "-steps, -looks and -threads must be 0 or more, -samples 1 to 100000"
	case *out == "":
		return r, "-out must name a folder"
	}
	if *steps > 0 {
		r.Steps = *steps
	}
	r.Seed = *seed
	return r, ""
}

// load returns the digits to stack.
func load() (*datasets.Images, error) {
	if *data == "" {
		return digits.Load()
	}
	images, err := datasets.MNIST(*data, datasets.Train)
	if err == nil && !slices.Equal(images.Shape()[1:], []int{28, 28}) {
		err = fmt.Errorf("the images are %v; these networks take [28 28]", images.Shape()[1:])
	}
	return images, err
}

// looking is a hook that calls say after every so many steps.
func looking(every int, say func(step int, g *gan.Generator) error) gan.Hook {
	var t *gan.Trainer
	return gan.Hook{
		Start: func(r gan.Run) error { t = r.Trainer; return nil },
		Step: func(s *gan.StepInfo) error {
			if s.Step%every != 0 {
				return nil
			}
			return say(s.Step, t.Generator())
		},
	}
}

// count counts the modes among n generated pictures.
func count(ctx context.Context, judge *mnistfeatures.Judge, g *gan.Generator, n int, seed uint64) (metrics.Table, error) {
	x, err := g.Draw(ctx, gan.Request{N: n, Seed: seed})
	if err != nil {
		return nil, err
	}
	return modesOf(ctx, judge, x)
}

// real counts them among n real ones, which training has not seen as such.
func real(ctx context.Context, judge *mnistfeatures.Judge, set datasets.Dataset, n int) (metrics.Table, error) {
	x, err := datasets.AsTensor(datasets.Stack(set, layers, n, 1<<32), tensor.Float32)
	if err != nil {
		return nil, err
	}
	return modesOf(ctx, judge, x)
}

// modesOf counts the modes among pictures, unless the user has had enough.
func modesOf(ctx context.Context, judge *mnistfeatures.Judge, x *tensor.Tensor) (metrics.Table, error) {
	const atATime = 1000
	var seen []int
	for lo := 0; lo < x.Dim(0); lo += atATime {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		part, err := judge.Modes(x.Slice(0, lo, min(lo+atATime, x.Dim(0))))
		if err != nil {
			return nil, err
		}
		seen = append(seen, part...)
	}
	return metrics.Modes(seen, modes), nil
}
