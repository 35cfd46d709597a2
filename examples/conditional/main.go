// Conditional trains a GAN that draws the digit it is asked for.
//
//	go run ./examples/conditional
//
// Package gan knows samples and no labels, so the label becomes part of the
// sample: 784 pixels and ten numbers, of which that of the digit is 1 and the
// others are 0. The generator reads the digit off its first ten random numbers, of
// which the largest wins; so all digits are equally frequent in training, and
// whoever raises one of the ten chooses. The discriminator has an answer for each
// digit and gives that of the label.
//
// It trains 2,000 steps, about 40 seconds on two cores, and writes conditional.png,
// five rows of the digits 0 to 9, and conditional.safetensors. At the end it prints
// how many of 1,000 drawn digits a network that recognises digits takes for what
// was asked for.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/datasets/digits"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/metrics/mnistfeatures"
	"github.com/gander-ml/gander/gan/progress"
	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/tensor"
)

// ask returns latent vectors [n, latent] for the given digits: those of the seed
// with the digit's number raised above the others.
func ask(latent int, seed uint64, digits ...int) *tensor.Tensor {
	z := tensor.NewStream(seed, "ask").Normal(tensor.Float32, len(digits), latent)
	for i, d := range digits {
		z.Set(100, i, d)
	}
	return z
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("conditional: ")
	steps := flag.Int("steps", recipe.Quick().Steps, "training `steps`")
	flag.Parse()
	if *steps < 1 || flag.NArg() > 0 {
		log.Print("-steps is at least 1, and there are no other arguments")
		os.Exit(2)
	}
	if err := run(*steps); err != nil {
		log.Fatal(err)
	}
}

func run(steps int) error {
	images, err := digits.Load()
	if err != nil {
		return err
	}
	r := recipe.Quick()
	r.Steps = steps
	g, _ := r.Networks()
	config := r.Config()
	config.SampleShape = nil // a sample is more than the image
	t, err := gan.New(draw{g}, judge{critic()}, config)
	if err != nil {
		return err
	}
	ctx, stop := gan.Signals(context.Background()) // Ctrl-C ends training early
	defer stop()
	loader := datasets.NewLoader(labelled{images}, r.Batch)
	if _, err := t.Fit(ctx, loader, gan.Steps(r.Steps), gan.On(progress.Bar(os.Stderr))); err != nil && !gan.Cancelled(err) {
		return err
	}
	if err := t.Generator().Save("conditional.safetensors"); err != nil {
		return err
	}
	return show(t.Generator())
}

// show draws each digit and counts how many are what was asked for.
func show(g *gan.Generator) error {
	var asked []int
	for i := range 1000 {
		asked = append(asked, i%classes)
	}
	drawn := g.Map(ask(g.Latent(), 1, asked...)).Slice(1, 0, pixels)
	grid := gan.ImageGrid{Height: 28, Width: 28, Columns: classes, Scale: 2, Gap: 2}
	if err := grid.WritePNG("conditional.png", drawn.Slice(0, 0, 5*classes)); err != nil {
		return err
	}
	reader, err := mnistfeatures.Load()
	if err != nil {
		return err
	}
	read, err := reader.Classify(drawn)
	if err != nil {
		return err
	}
	right := 0
	for i, class := range read.Classes {
		if class == asked[i] {
			right++
		}
	}
	fmt.Printf("%d of %d digits are what was asked for\n", right, len(asked))
	return nil
}
