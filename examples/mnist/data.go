package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/datasets/digits"
	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/tensor"
)

// load returns the digits to train on.
func load(ctx context.Context) (*datasets.Images, error) {
	dir := *data
	if *fetch {
		var err error
		if dir, err = fetched(ctx); err != nil {
			return nil, err
		}
	}
	if dir == "" {
		return digits.Load()
	}
	images, err := datasets.MNIST(dir, datasets.Train)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w; -download, without -data, fetches the digits, and without either flag 10,000 are there", err)
	}
	if err == nil && !slices.Equal(images.Shape()[1:], []int{28, 28}) {
		err = fmt.Errorf("the images are %v; these networks take [28 28]", images.Shape()[1:])
	}
	return images, err
}

// batches returns the digits, or a process's part of them, as a recipe wants them,
// with their classes if its networks know them.
func batches(images *datasets.Images, r recipe.Recipe, shard datasets.LoaderOption) (l *datasets.Loader, err error) {
	options := []datasets.LoaderOption{datasets.Seed(r.Seed), shard}
	if r.Config().Classes != nil {
		options = append(options, datasets.Conditions())
	}
	err = tensor.Catch(func() { l = datasets.NewLoader(images, r.Batch, options...) }) // a batch may be too small for a group
	return l, err
}
