package bench

import (
	"context"
	"fmt"
	"os/exec"
	"testing"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/datasets/digits"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/tensor"
)

// trainerOf returns the trainer of a recipe and real digits in its batches.
func trainerOf(b *testing.B, r recipe.Recipe, config gan.Config) (*gan.Trainer, *datasets.Loader) {
	b.Helper()
	g, d := r.Networks()
	t, err := gan.New(g, d, config)
	if err != nil {
		b.Fatal(err)
	}
	images, err := digits.Load()
	if err != nil {
		b.Fatal(err)
	}
	options := []datasets.LoaderOption{datasets.DropLast()}
	if config.Classes != nil {
		options = append(options, datasets.Conditions())
	}
	return t, datasets.NewLoader(images, r.Batch, options...)
}

// stepOf returns the i-th step of a recipe, with settings that may be others than its
// own. The digits are on the device before.
func stepOf(b *testing.B, r recipe.Recipe, config gan.Config) (step func(i int)) {
	b.Helper()
	t, loader := trainerOf(b, r, config)
	device := config.Device
	if device == nil {
		device = tensor.CPU()
	}
	var batches []gan.Batch
	for real, err := range loader.Epoch(context.Background(), 0, 0) {
		if err != nil {
			b.Fatal(err)
		}
		kept := gan.Batch{X: real.X.Clone().To(device)}
		if real.Condition != nil {
			kept.Condition = real.Condition.Clone().To(device)
		}
		batches = append(batches, kept)
	}
	return func(i int) {
		if _, err := t.Step(batches[i%len(batches)]); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkClassicStep is the trainer's own step on real digits.
func BenchmarkClassicStep(b *testing.B) { steps(b, recipe.Classic()) }

// BenchmarkQuickStep is that of the small convolutional networks under two
// penalties.
func BenchmarkQuickStep(b *testing.B) { steps(b, recipe.Quick()) }

// BenchmarkBFloat16Step is the same step with factors rounded to bfloat16.
func BenchmarkBFloat16Step(b *testing.B) {
	needBFloat16(b)
	if err := tensor.CPU().SetPrecision(tensor.BFloat16); err != nil {
		b.Fatal(err)
	}
	defer tensor.CPU().SetPrecision(tensor.FullPrecision)
	steps(b, recipe.Classic())
}

// BenchmarkBusyNeighbour is the same step while another program keeps a core busy,
// which matters most on a machine with two cores.
func BenchmarkBusyNeighbour(b *testing.B) {
	neighbour := exec.Command("sh", "-c", "while :; do :; done")
	if err := neighbour.Start(); err != nil {
		b.Skip(err)
	}
	defer func() {
		_ = neighbour.Process.Kill()
		_ = neighbour.Wait()
	}()
	steps(b, recipe.Classic())
}

func steps(b *testing.B, r recipe.Recipe) {
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) {
			tensor.CPU().SetThreads(threads)
			defer tensor.CPU().SetThreads(0)
			step := stepOf(b, r, r.Config())
			for i := range 20 {
				step(i)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				step(i)
			}
			perStep := b.Elapsed().Seconds() / float64(b.N)
			b.ReportMetric(perStep*1e3, "ms/step")
			b.ReportMetric(1/perStep, "steps/s")
		})
	}
}

// BenchmarkEpoch is a whole epoch of 156 steps by Fit, the loader included.
func BenchmarkEpoch(b *testing.B) {
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) {
			tensor.CPU().SetThreads(threads)
			defer tensor.CPU().SetThreads(0)
			t, loader := trainerOf(b, recipe.Classic(), recipe.Classic().Config())
			epochs := 1
			fit := func() {
				if _, err := t.Fit(context.Background(), loader, gan.Epochs(epochs)); err != nil {
					b.Fatal(err)
				}
				epochs++
			}
			fit()
			b.ReportAllocs()
			for b.Loop() {
				fit()
			}
			steps := float64(b.N * loader.Batches())
			b.ReportMetric(b.Elapsed().Seconds()/steps*1e3, "ms/step")
		})
	}
}
