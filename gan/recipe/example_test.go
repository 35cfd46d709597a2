package recipe_test

import (
	"context"
	"fmt"
	"log"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/recipe"
)

// A recipe with another length and another objective.
func Example() {
	r := recipe.Ring()
	r.Steps, r.Batch = 20, 32
	config := r.Config()
	config.Objective = gan.Hinge{}

	g, d := r.Networks()
	trainer, err := gan.New(g, d, config)
	if err != nil {
		log.Fatal(err)
	}
	points := datasets.Synthetic{From: datasets.Ring(), Batch: r.Batch, PerEpoch: 10, Seed: r.Seed}
	report, err := trainer.Fit(context.Background(), points, gan.Steps(r.Steps))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Steps, "steps,", trainer.Sample(5, 1).Shape())
	// Output: 20 steps, [5 2]
}
