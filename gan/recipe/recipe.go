package recipe

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/nn"
)

// Recipe is a pair of networks with the settings that train them.
type Recipe struct {
	Name  string // "quick"
	About string // what it is, in one line

	Latent int     // inputs of the generator
	Batch  int     // samples per step
	Steps  int     // length of the run, along which schedules stretch
	LR     float64 // learning rate of both networks at the beginning
	Seed   uint64  // of every random number; the recipes of this package have 1

	// Build returns new networks for the recipe as it is now.
	Build func(r Recipe) (g, d nn.Module)
	// Settings returns a configuration for the recipe as it is now, without
	// Latent and Seed.
	Settings func(r Recipe) gan.Config
}

// All returns the recipes of this package: those of [Digits], [Mixtures] and [Stacked],
// and [Pocket].
func All() []Recipe {
	return slices.Concat(Digits(), Mixtures(), Stacked(), []Recipe{Pocket()})
}

// Named returns the recipe of that name among some, such as [All] or [Digits]; known is
// false if there is none.
func Named(name string, among []Recipe) (r Recipe, known bool) {
	i := slices.IndexFunc(among, func(r Recipe) bool { return r.Name == name })
	if i < 0 {
		return Recipe{}, false
	}
	return among[i], true
}

// Usage returns a line for each of some recipes, with its name and what it is: for the
// help of a flag.
func Usage(recipes []Recipe) string {
	width := 0
	for _, r := range recipes {
		width = max(width, len(r.Name))
	}
	var b strings.Builder
	for _, r := range recipes {
		fmt.Fprintf(&b, "%-*s %s\n", width, r.Name, r.About)
	}
	return b.String()
}

// Networks returns a new generator, from [n, Latent] to samples, and a new
// discriminator, from samples to [n, 1]. They have no weights yet; gan.New gives
// them some.
func (r Recipe) Networks() (g, d nn.Module) { return r.Build(r) }

// Config returns the configuration for [gan.New].
func (r Recipe) Config() gan.Config {
	c := r.Settings(r)
	c.Latent, c.Seed = r.Latent, r.Seed
	return c
}
