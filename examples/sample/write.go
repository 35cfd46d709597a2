package main

import (
	"context"
	"errors"
	"fmt"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/gallery"
	"github.com/gander-ml/gander/nn/onnx"
	"github.com/gander-ml/gander/tensor"
	"github.com/gander-ml/gander/tensor/npy"
)

// isFolder reports whether a name asks for a folder of single images.
func isFolder(out string) bool { return out != "" && os.IsPathSeparator(out[len(out)-1]) }

// known reports whether a name says what to write. One without an ending, such as
// /dev/stdout, asks for an image.
func known(out string) bool {
	endings := []string{"", ".", ".png", ".npy", ".onnx"}
	return out != "" && out != "-" && (isFolder(out) || slices.Contains(endings, filepath.Ext(out)))
}

// write makes what out asks for of samples [n, …], each of the given shape; nil if
// that is not known.
func write(ctx context.Context, out string, samples *tensor.Tensor, shape []int, grid gallery.Grid) error {
	n := samples.Dim(0)
	if filepath.Ext(out) == ".npy" {
		return npy.Save(out, samples.Reshape(n, -1))
	}
	if shape != nil {
		samples = samples.Reshape(append([]int{n}, shape...)...)
	}
	if len(shape) < 3 {
		return fmt.Errorf("samples of %v are not images: give a name in .npy, or the generator a shape (gan.Config.SampleShape, or -shape of examples/convert)", samples.Shape()[1:])
	}
	if isFolder(out) {
		return writeFolder(ctx, out, samples, gallery.Grid{Scale: max(grid.Scale, 1)})
	}
	if grid.Scale == 0 {
		grid.Scale = 4
	}
	grid.Gap = 2 * grid.Scale
	return grid.Save(out, samples)
}

// writeFolder makes a folder of one PNG for each sample, 000000.png and so on. It
// comes to be as a whole, under another name first, and replaces none that holds
// something: tools would count what is there already among the samples.
func writeFolder(ctx context.Context, out string, samples *tensor.Tensor, one gallery.Grid) (err error) {
	out = filepath.Clean(out)
	defer func() {
		if p := (*fs.PathError)(nil); errors.As(err, &p) { // of a name that the user has never heard of
			err = fmt.Errorf("writing %s: %w", out, p.Err)
		}
	}()
	if _, err := os.Lstat(out); err == nil { // of a link, the folder that it leads to is replaced
		if _, err := os.Stat(out); err != nil {
			return err
		}
		if out, err = filepath.EvalSymlinks(out); err != nil {
			return err
		}
	}
	if there, err := os.ReadDir(out); len(there) > 0 {
		return fmt.Errorf("writing %s: the folder holds something already; give a new one", out)
	} else if err != nil && !os.IsNotExist(err) {
		return err
	}
	base := filepath.Dir(out) // the nearest folder that is there
	for _, err := os.Stat(base); os.IsNotExist(err) && base != filepath.Dir(base); _, err = os.Stat(base) {
		base = filepath.Dir(base)
	}
	own, err := os.MkdirTemp(base, ".sample-") // which nobody else may enter
	if err != nil {
		return err
	}
	defer os.RemoveAll(own)
	made := filepath.Join(own, "made")
	if err := os.Mkdir(made, 0o755); err != nil {
		return err
	}
	for i := range samples.Dim(0) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		img, err := one.Image(samples.Slice(0, i, i+1))
		if err != nil {
			return err
		}
		f, err := os.Create(filepath.Join(made, fmt.Sprintf("%06d.png", i)))
		if err != nil {
			return err
		}
		err = png.Encode(f, img)
		if closed := f.Close(); err == nil {
			err = closed
		}
		if err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return err
	}
	if err := os.Remove(out); err != nil && !os.IsNotExist(err) { // it is empty
		return err
	}
	return os.Rename(made, out)
}

// export writes the generator itself, for other programs to draw with.
func export(out string, g *gan.Generator) error {
	graph, err := g.Graph()
	if err != nil {
		return err
	}
	return onnx.Save(out, graph)
}
