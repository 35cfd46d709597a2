package watch_test

import (
	"context"
	"fmt"
	"log"
	"net/http"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/gan/watch"
)

// A run that browsers can look at while it trains.
func Example() {
	r := recipe.Ring()
	r.Steps, r.Batch = 20, 32
	g, d := r.Networks()
	trainer, err := gan.New(g, d, r.Config())
	if err != nil {
		log.Fatal(err)
	}
	page := watch.New(watch.Options{Title: "eight Gaussians"})
	url, err := page.Listen("localhost:0") // any port that is free
	if err != nil {
		log.Fatal(err)
	}
	defer page.Close()
	points := datasets.Synthetic{From: datasets.Ring(), Batch: r.Batch, PerEpoch: 10, Seed: r.Seed}
	if _, err := trainer.Fit(context.Background(), points, gan.Steps(r.Steps), gan.On(page.Hook())); err != nil {
		log.Fatal(err)
	}
	answer, err := http.Get(url)
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	fmt.Println(answer.Status, answer.Header.Get("Content-Type"))
	// Output: 200 OK text/html; charset=utf-8
}
