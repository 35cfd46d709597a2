// Hello trains a GAN on handwritten digits, saves it, and has it draw 0 to 9, twice.
package main

import (
	"context"
	"log"
	"os"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/datasets/digits"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/gallery"
	"github.com/gander-ml/gander/gan/progress"
	"github.com/gander-ml/gander/gan/recipe"
)

func main() {
	if len(os.Args) > 1 {
		log.Fatal("hello takes no arguments")
	}
	images, err := digits.Load() // 10,000 digits, which are part of the program
	if err != nil {
		log.Fatal(err)
	}
	r := recipe.Quick()
	g, d := r.Networks()
	t, err := gan.New(g, d, r.Config())
	if err != nil {
		log.Fatal(err)
	}
	grid := gallery.Grid{Height: 28, Width: 28, Columns: 10, Scale: 4, Gap: 8}
	asked := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	draw := func() error { return grid.Save("digits.png", t.Generator().SampleOf(asked, 1)) }
	if err := draw(); err != nil { // of noise, but who cannot write hears of it now
		log.Fatal(err)
	}
	ctx, stop := gan.Signals(context.Background()) // Ctrl-C ends training early
	defer stop()
	loader := datasets.NewLoader(images, r.Batch, datasets.Seed(r.Seed), datasets.Conditions())
	_, err = t.Fit(ctx, loader, gan.Steps(r.Steps), gan.On(progress.Bar(os.Stderr)))
	if err != nil && !gan.Cancelled(err) {
		log.Fatal(err)
	}
	if err := t.Generator().Save("generator.safetensors"); err != nil {
		log.Fatal(err)
	}
	if err := draw(); err != nil {
		log.Fatal(err)
	}
}
