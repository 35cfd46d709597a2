package picture

import (
	"fmt"
	"path/filepath"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/internal/atomicfile"
)

// SaveSamples returns a hook that writes n samples of one seed after each
// epoch, as epoch-0001.png and so on, into a folder, which is made if need be.
// The same latent vectors every time show how their images change. A grid that
// does not fit the samples is an error before the first step. An image that
// cannot be written is a [gan.Warning].
func SaveSamples(dir string, n int, seed uint64, g Grid) gan.Hook {
	var t *gan.Trainer
	return gan.Hook{
		Start: func(r gan.Run) error {
			t = r.Trainer
			if _, err := g.Image(t.Sample(n, seed)); err != nil {
				return fmt.Errorf("SaveSamples: %w", err)
			}
			return writable(dir)
		},
		Epoch: func(e gan.EpochInfo) error {
			samples := t.Sample(n, seed)
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
		return fmt.Errorf("picture: %w", err)
	}
	return nil
}
