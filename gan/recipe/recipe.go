package recipe

import (
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
