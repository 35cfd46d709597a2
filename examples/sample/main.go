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
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/internal/npy"
)

func main() {
	var help strings.Builder
	f := flag.NewFlagSet("sample", flag.ContinueOnError)
	f.SetOutput(&help)
	model := f.String("model", filepath.Join("runs", "mnist", "generator.safetensors"), "generator to load")
	n := f.Int("n", 10, "number of pictures")
	seed := f.Uint64("seed", 1, "of the latent vectors; the same seed gives the same pictures")
	out := f.String("o", "digits.png", "PNG file to write, or NumPy file where the name ends in .npy")
	columns := f.Int("columns", 5, "pictures in a row")
	scale := f.Int("scale", 4, "side of the block that shows one pixel")
	err := f.Parse(os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Print(help.String())
		os.Exit(0)
	case err != nil:
	case f.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", f.Arg(0))
	case *n < 1 || *n > 100_000:
		err = errors.New("-n must lie between 1 and 100000")
	case *columns < 1:
		err = errors.New("-columns must be 1 or more")
	case *scale < 1 || *scale > 64:
		err = errors.New("-scale must lie between 1 and 64")
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "sample: %v; see -help\n", err)
		os.Exit(2)
	}
	if err := run(*model, *n, *seed, *out, gan.Grid{Columns: *columns, Scale: *scale, Gap: 2 * *scale}); err != nil {
		fmt.Fprintln(os.Stderr, "sample:", err)
		os.Exit(1)
	}
}

func run(model string, n int, seed uint64, out string, grid gan.Grid) error {
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
