package gallery

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/internal/atomicfile"
	"github.com/gander-ml/gander/tensor"
)

// SaveSamples returns a hook that writes n samples of one seed after each
// epoch, as epoch-0001.png and so on, into a folder, which is made if need be.
// The same latent vectors every time show how their images change. If the generator
// has classes, they come in the order of their numbers, over and over: with as many
// columns as classes, each column shows one. If the grid has neither Height nor Width,
// images that the generator makes as rows have the shape that gan.Config.SampleShape
// tells. A grid that does not fit the samples is an error before the first step, and so
// are conditions that are vectors. An image that cannot be written is a [gan.Warning].
func SaveSamples(dir string, n int, seed uint64, g Grid) gan.Hook {
	var t *gan.Trainer
	draw := func() (*tensor.Tensor, error) {
		from := t.Generator()
		samples, err := from.Draw(context.Background(), gan.Request{N: n, Labels: from.InTurn(n), Seed: seed})
		if shape := from.SampleShape(); err == nil && shape != nil && g.Height == 0 && g.Width == 0 {
			samples = samples.Reshape(append([]int{n}, shape...)...)
		}
		return samples, err
	}
	return gan.Hook{
		Start: func(r gan.Run) error {
			t = r.Trainer
			samples, err := draw()
			if err == nil {
				_, err = g.Image(samples)
			}
			if err != nil {
				return fmt.Errorf("SaveSamples: %w", err)
			}
			return writable(dir)
		},
		Epoch: func(e gan.EpochInfo) error {
			samples, err := draw()
			if err != nil {
				return err
			}
			if err := writable(dir); err != nil { // somebody may have removed it
				return gan.Warning(err)
			}
			return gan.Warning(g.Save(filepath.Join(dir, fmt.Sprintf("epoch-%04d.png", e.Epoch)), samples))
		},
	}
}

// writable sees to a folder, so that training does not start in vain.
func writable(dir string) error {
	if err := atomicfile.Writable(dir); err != nil {
		return fmt.Errorf("gallery: %w", err)
	}
	return nil
}
