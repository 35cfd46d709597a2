// Trajectory replays a training run of the classic MNIST GAN that PyTorch has
// recorded, on the same batches from the same weights, and prints the deviations
// of the losses and the final weights.
//
//	go run ./bench/trajectory -data DIR [-tol 1e-9] FILE.safetensors
//
// DIR holds MNIST's training images (train-images-idx3-ubyte, plain or .gz).
// FILE comes from bench/golden/make_trajectory.py, whose header describes it;
// layer sizes, batch and dtype are read from it. It takes seconds, and prints
//
//	seed_gan_small.f64.safetensors: 100 steps of 32 in float64
//	  BCE(D(x),1)      2.2e-16
//	  BCE(D(G(z)),0)   3.3e-16
//	  BCE(D(G(z)),1)   4.4e-16
//	  final weights    1.0e-15
//
// The exit status is 1 if a loss deviates by more than the tolerance or the file
// cannot be replayed, and 2 on wrong usage.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/tensor"
)

func main() {
	var help strings.Builder
	f := flag.NewFlagSet("trajectory", flag.ContinueOnError)
	f.SetOutput(&help)
	f.Usage = func() {
		fmt.Fprintln(&help, "usage: trajectory [-data DIR] [-tol T] FILE.safetensors")
		f.PrintDefaults()
	}
	data := f.String("data", "", "folder with MNIST's training images (default: the folder of examples/mnist -download)")
	tol := f.Float64("tol", 0, "largest deviation of a loss (default: 1e-9 for float64 files, 1e-4 for float32)")
	err := f.Parse(os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Print(help.String())
		os.Exit(0)
	case err != nil:
	case f.NArg() != 1:
		err = errors.New("give one FILE.safetensors, after the flags")
	case !(*tol >= 0):
		err = errors.New("-tol must be 0 or more")
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "trajectory: %v; see -help\n", err)
		os.Exit(2)
	}
	ok, err := run(f.Arg(0), *data, *tol)
	if err != nil {
		fmt.Fprintln(os.Stderr, "trajectory:", err)
	}
	if !ok {
		os.Exit(1)
	}
}

// run replays one file, prints the deviations, and reports whether they are
// within the tolerance.
func run(path, data string, tol float64) (ok bool, err error) {
	r, err := open(path)
	if err != nil {
		return false, err
	}
	if data == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return false, fmt.Errorf("give -data: %w", err)
		}
		data = filepath.Join(cache, "gander", "mnist")
	}
	images, err := datasets.MNIST(data, datasets.Train)
	if err != nil {
		return false, fmt.Errorf("%w (give another folder with -data)", err)
	}
	res, err := r.replay(func(_ int, row int64) ([]uint8, error) {
		if row < 0 || row >= int64(images.Len()) {
			return nil, fmt.Errorf("rows names image %d of %d", row, images.Len())
		}
		return images.Pixels(int(row)), nil
	})
	if err != nil {
		return false, err
	}
	if tol == 0 {
		tol = map[tensor.DType]float64{tensor.Float64: 1e-9, tensor.Float32: 1e-4}[res.dtype]
	}
	fmt.Printf("%s: %d steps of %d in %v\n", filepath.Base(path), res.steps, r.batch, res.dtype)
	ok = true
	for k, d := range res.losses {
		mark := ""
		if !(d <= tol) {
			ok, mark = false, fmt.Sprintf("  above %g", tol)
		}
		fmt.Printf("  %-15s  %.1e%s\n", lossNames[k], d, mark)
	}
	fmt.Printf("  %-15s  %.1e\n", "final weights", res.weights)
	return ok, nil
}
