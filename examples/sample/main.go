// Sample draws images from a saved generator into a PNG.
//
//	go run ./examples/sample -model runs/mnist/generator.safetensors -n 10 -seed 1 -o digits.png
//
// It takes a moment, and writes a grid of n images; the same seed gives the same
// ones. With -o digits.npy it writes the numbers themselves, for other tools to
// score, as a NumPy array: a row per image, [n, 784] in [−1, 1] for digits. The
// generator's file carries the network's architecture, so no other code is
// needed to load it. Exit status 1 means that a file could not be read or
// written, in one line; 2, wrong usage.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/tensor"
	"github.com/gander-ml/gander/tensor/npy"
)

func main() {
	model := flag.String("model", filepath.Join("runs", "mnist", "generator.safetensors"), "generator to load")
	n := flag.Int("n", 10, "number of images")
	seed := flag.Uint64("seed", 1, "of the latent vectors; the same seed gives the same images")
	out := flag.String("o", "digits.png", "PNG file to write, or NumPy file if the name ends in .npy")
	columns := flag.Int("columns", 5, "images in a row")
	scale := flag.Int("scale", 4, "side of the block that shows one pixel")
	device := flag.String("device", "auto", "where to draw: cpu, or another device that the program was built for; auto is the fastest that works")
	flag.Parse()
	wrong := ""
	switch {
	case flag.NArg() > 0:
		wrong = fmt.Sprintf("unexpected argument %q", flag.Arg(0))
	case *n < 1 || *n > 100_000:
		wrong = "-n must lie between 1 and 100000"
	case *columns < 1:
		wrong = "-columns must be 1 or more"
	case *scale < 1 || *scale > 64:
		wrong = "-scale must lie between 1 and 64"
	case *out == "":
		wrong = "-o must name a file"
	}
	if wrong != "" {
		fmt.Fprintf(os.Stderr, "sample: %s; see -help\n", wrong)
		os.Exit(2)
	}
	grid := gan.ImageGrid{Columns: *columns, Scale: *scale, Gap: 2 * *scale}
	if err := draw(*model, *device, *n, *seed, *out, grid); err != nil {
		fmt.Fprintln(os.Stderr, "sample:", err)
		os.Exit(1)
	}
}

func draw(model, device string, n int, seed uint64, out string, grid gan.ImageGrid) error {
	d, err := tensor.OpenDevice(device)
	if err != nil {
		return err
	}
	g, err := gan.LoadGenerator(model, gan.OnDevice(d))
	if err != nil {
		return err
	}
	numbers := n
	for _, d := range g.SampleShape() {
		numbers *= d // of one sample: at most a gigabyte
	}
	if numbers > 1<<29 {
		return fmt.Errorf("%s: %d samples of %v take more than 2 GiB; ask for fewer", model, n, g.SampleShape())
	}
	var samples *tensor.Tensor
	// A network from a file may not take the numbers that it gets.
	if err := tensor.Catch(func() { samples = g.Sample(n, seed) }); err != nil {
		return fmt.Errorf("%s: %w", model, err)
	}
	if filepath.Ext(out) == ".npy" {
		err = npy.Save(out, samples.Reshape(n, -1))
	} else {
		if shape := g.SampleShape(); shape != nil {
			samples = samples.Reshape(append([]int{n}, shape...)...)
		}
		err = grid.WritePNG(out, samples)
	}
	if err == nil {
		fmt.Fprintf(os.Stderr, "%d samples, drawn on %v, in %s\n", n, d, out)
	}
	return err
}
