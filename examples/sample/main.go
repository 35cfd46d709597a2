// Sample draws images from a saved generator.
//
//	go run ./examples/sample -model runs/mnist/generator.safetensors -n 10 -seed 1 -o digits.png
//
// It takes a moment, and the same seed gives the same images. A generator that knows
// classes draws those that -label names, in turn: by name, or several with commas
// between, "-label 7" or "-label 0,1,2". What is written, the name given by -o says:
//
//	digits.png   one image with a grid of n
//	digits/      a new folder with a PNG for each, as tools that compute the FID read
//	digits.npy   the numbers, as a NumPy array: a row per image, [n, 784] in [−1, 1]
//	             for digits
//	digits.onnx  not samples but the generator itself, for onnxruntime and others, with
//	             inputs "latent" and, if it knows classes, "label", and output "samples"
//
// The generator's file carries the network's architecture, so no other code is needed
// to load it. Exit status 1 means that a file could not be read or written, in one
// line; 2, wrong usage.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/gallery"
	"github.com/gander-ml/gander/tensor"
)

func main() {
	model := flag.String("model", filepath.Join("runs", "mnist", "generator.safetensors"), "generator to load")
	n := flag.Int("n", 10, "number of images")
	label := flag.String("label", "", "`classes` to draw, by their names with commas between, over and over (default: as often as the training data had them)")
	seed := flag.Uint64("seed", 1, "of the latent vectors; the same seed gives the same images")
	out := flag.String("o", "digits.png", "`what` to write: a grid of images, or a folder of them if the name ends in /, an array (.npy), or the generator itself (.onnx)")
	columns := flag.Int("columns", 5, "images in a row")
	scale := flag.Int("scale", 0, "side of the block that shows one pixel (default 4 in a grid, 1 in a folder)")
	device := flag.String("device", "auto", "where to draw: cpu, or another device that the program was built for; auto is the fastest that works")
	flag.Usage = func() { fmt.Fprintln(os.Stderr, "sample: see -help") } // a wrong flag needs no list of all
	for _, name := range []string{"h", "help"} {
		flag.BoolFunc(name, "list the flags", func(string) error { flag.PrintDefaults(); os.Exit(0); return nil })
	}
	flag.Parse()
	wrong := ""
	switch {
	case flag.NArg() > 0:
		wrong = fmt.Sprintf("unexpected argument %q", flag.Arg(0))
	case *n < 1 || *n > 100_000:
		wrong = "-n must lie between 1 and 100000"
	case *model == "":
		wrong = "-model must name a file"
	case *columns < 1:
		wrong = "-columns must be 1 or more"
	case *scale < 0 || *scale > 64:
		wrong = "-scale must lie between 1 and 64"
	case !known(*out):
		wrong = "-o must name a file in .png, .npy or .onnx, or end in / for a folder"
	}
	if wrong != "" {
		fmt.Fprintf(os.Stderr, "sample: %s; see -help\n", wrong)
		os.Exit(2)
	}
	grid := gallery.Grid{Columns: *columns, Scale: *scale}
	ctx, stop := gan.Signals(context.Background())
	err := draw(ctx, *model, *device, *n, *label, *seed, *out, grid)
	stop()
	if err != nil {
		if gan.Cancelled(err) {
			err = errors.New("stopped before anything was written")
		}
		fmt.Fprintln(os.Stderr, "sample:", err)
		os.Exit(1)
	}
}

func draw(ctx context.Context, model, device string, n int, label string, seed uint64, out string, grid gallery.Grid) error {
	d, err := tensor.OpenDevice(device)
	if err != nil {
		return err
	}
	g, err := gan.LoadGenerator(model, gan.OnDevice(d))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w; -model names a file that an example has saved, as go run ./examples/mnist does", err)
	}
	if err != nil {
		return err
	}
	if filepath.Ext(out) == ".onnx" {
		if err := export(out, g); err != nil {
			return fmt.Errorf("%s: %w", model, err)
		}
		fmt.Fprintf(os.Stderr, "the generator, in %s\n", out)
		return nil
	}
	numbers := int64(n)
	for _, d := range g.SampleShape() {
		numbers *= int64(d) // of one sample: at most a gigabyte
	}
	if numbers > 1<<29 {
		return fmt.Errorf("%s: %d samples of %v take more than 2 GiB; ask for fewer", model, n, g.SampleShape())
	}
	labels, err := wanted(g.Classes(), label, n)
	if err != nil {
		return fmt.Errorf("%s: %w", model, err)
	}
	samples, err := g.Draw(ctx, gan.Request{N: n, Labels: labels, Seed: seed})
	if err != nil {
		return fmt.Errorf("%s: %w", model, err)
	}
	if err = write(ctx, out, samples, g.SampleShape(), grid); err == nil {
		drawn := fmt.Sprint(n, " samples")
		if n == 1 {
			drawn = "1 sample"
		}
		fmt.Fprintf(os.Stderr, "%s, drawn on %v, in %s\n", drawn, d, out)
	}
	return err
}

// wanted returns the classes of n samples: those in a list of names over and over,
// or nil if there is no list.
func wanted(classes []string, list string, n int) ([]int, error) {
	if list == "" {
		return nil, nil
	}
	if classes == nil {
		return nil, errors.New("the generator knows no classes; leave out -label")
	}
	var chosen []int
	for name := range strings.SplitSeq(list, ",") {
		i := slices.Index(classes, strings.TrimSpace(name))
		if i < 0 {
			return nil, fmt.Errorf("there is no class %q; there are %s", name, strings.Trim(fmt.Sprintf("%q", classes[:min(len(classes), 20)]), "[]"))
		}
		chosen = append(chosen, i)
	}
	labels := make([]int, n)
	for i := range labels {
		labels[i] = chosen[i%len(chosen)]
	}
	return labels, nil
}
