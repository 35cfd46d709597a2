package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/datasets/digits"
	"github.com/gander-ml/gander/gan/recipe"
)

// load returns the digits to train on.
func load(ctx context.Context) (*datasets.Images, error) {
	dir := *data
	if *download {
		var err error
		if dir, err = datasets.DownloadMNIST(ctx, datasets.DownloadOptions{}); err != nil {
			return nil, err
		}
	}
	if dir == "" {
		return digits.Load()
	}
	images, err := datasets.MNIST(dir, datasets.Train)
	if err == nil && !slices.Equal(images.Shape()[1:], []int{28, 28}) {
		err = fmt.Errorf("the images are %v; these networks take [28 28]", images.Shape()[1:])
	}
	return images, err
}

// batches returns the digits as a recipe wants them, with their classes if its
// networks know them.
func batches(images *datasets.Images, r recipe.Recipe) *datasets.Loader {
	options := []datasets.LoaderOption{datasets.Seed(r.Seed)}
	if r.Config().Classes != nil {
		options = append(options, datasets.Conditions())
	}
	return datasets.NewLoader(images, r.Batch, options...)
}
