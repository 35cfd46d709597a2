// Sample draws pictures from a saved generator into a PNG.
//
//	go run ./examples/sample -model runs/mnist/generator.safetensors -n 10 -seed 1 -o digits.png
//
// It takes a moment, and writes a grid of n pictures; the same seed gives the
// same ones. With -o digits.npy it writes the numbers themselves, for other
// tools to score, as a NumPy array: a row per picture, [n, 784] in [−1, 1] for
// digits. The generator's file carries the network's architecture, so no other
// code is needed to load it. Exit status 1 means that a file could not be read
// or written, in one line; 2, wrong usage.
package main

import (
	"errors"
	"math"
	"os"
	"path/filepath"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/internal/cli"
	"github.com/gander-ml/gander/internal/npy"
)

func main() {
	p := cli.New("sample")
	model := p.String("model", filepath.Join("runs", "mnist", "generator.safetensors"), "generator to load")
	n := p.Int("n", 10, "number of pictures")
	seed := p.Uint64("seed", 1, "of the latent vectors; the same seed gives the same pictures")
	out := p.String("o", "digits.png", "PNG file to write, or NumPy file where the name ends in .npy")
	columns := p.Int("columns", 5, "pictures in a row")
	scale := p.Int("scale", 4, "side of the block that shows one pixel")
	os.Exit(p.Run(func() error {
		switch {
		case *n < 1 || *n > 100_000:
			return errors.New("-n must lie between 1 and 100000")
		case *columns < 1:
			return errors.New("-columns must be 1 or more")
		case *scale < 1 || *scale > 64:
			return errors.New("-scale must lie between 1 and 64")
		case *out == "":
			return errors.New("-o must name a file")
		}
		return nil
	}, func() error {
		return run(*model, *n, *seed, *out, gan.ImageGrid{Columns: *columns, Scale: *scale, Gap: 2 * *scale})
	}))
}

func run(model string, n int, seed uint64, out string, grid gan.ImageGrid) error {
	g, err := gan.LoadGenerator(model)
	if err != nil {
		return err
	}
	samples := g.Sample(n, seed)
	if filepath.Ext(out) == ".npy" {
		return npy.Write(out, samples.Reshape(n, -1))
	}
	if samples.Rank() == 2 { // flat pictures are taken for square ones
		side := int(math.Sqrt(float64(samples.Dim(1))))
		grid.Height, grid.Width = side, side
	}
	return grid.WritePNG(out, samples)
}
