// Hello trains a GAN on handwritten digits, and saves and shows what it draws.
package main

import (
	"context"
	"log"
	"os"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/datasets/digits"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/progress"
	"github.com/gander-ml/gander/gan/recipe"
)

func main() {
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
	ctx, stop := gan.Signals(context.Background()) // Ctrl-C ends training early
	defer stop()
	loader := datasets.NewLoader(images, r.Batch, datasets.Seed(r.Seed))
	_, err = t.Fit(ctx, loader, gan.Steps(r.Steps), gan.On(progress.Bar(os.Stderr)))
	if err != nil && !gan.Cancelled(err) {
		log.Fatal(err)
	}
	if err := t.Generator().Save("generator.safetensors"); err != nil {
		log.Fatal(err)
	}
	grid := gan.ImageGrid{Height: 28, Width: 28, Columns: 5, Scale: 4, Gap: 8}
	if err := grid.WritePNG("digits.png", t.Sample(10, 1)); err != nil {
		log.Fatal(err)
	}
}
