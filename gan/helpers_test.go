package gan_test

import (
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// latentSize is that of the tiny networks.
const latentSize = 3

// tiny returns networks for samples of four numbers, with a discriminator of
// probabilities or of logits.
func tiny(out gan.Output) (g, d nn.Module) {
	g = nn.Sequential(nn.Linear(latentSize, 8), nn.Tanh(), nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 4), nn.Tanh())
	layers := []nn.Module{nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1)}
	if out == gan.Probabilities {
		layers = append(layers, nn.Sigmoid())
	}
	return g, nn.Sequential(layers...)
}

// classicNets returns the networks of the main example.
func classicNets() (g, d nn.Module) {
	g = nn.Sequential(nn.Linear(128, 256), nn.Tanh(), nn.Linear(256, 512), nn.ReLU(), nn.Linear(512, 784), nn.Tanh())
	d = nn.Sequential(nn.Linear(784, 512), nn.Tanh(), nn.Linear(512, 256), nn.Tanh(),
		nn.Linear(256, 128), nn.Tanh(), nn.Linear(128, 1), nn.Sigmoid())
	return g, d
}

// tinyConfig trains the tiny networks fast enough for a few steps to matter.
func tinyConfig(o gan.Objective) gan.Config {
	return gan.Config{Latent: latentSize, Objective: o, Optimizer: optim.Adam{LR: 1e-2}, Seed: 7}
}

// newTiny returns a trainer of the tiny networks.
func newTiny(t testing.TB, o gan.Objective, change ...func(*gan.Config)) *gan.Trainer {
	t.Helper()
	c := tinyConfig(o)
	for _, f := range change {
		f(&c)
	}
	g, d := tiny(o.Output())
	trainer, err := gan.New(g, d, c)
	require.NoError(t, err)
	return trainer
}

// float64s is a change of newTiny.
func float64s(c *gan.Config) { c.DType = tensor.Float64 }

// noise is a source of normal numbers: batches [size, features] of a dtype. Its
// batches share memory, as a loader's do.
type noise struct {
	batches, size, features int
	dtype                   tensor.DType
	edit                    func(epoch, batch int, x *tensor.Tensor) error // nil: nothing
}

// tinyNoise suits the tiny networks.
func tinyNoise(batches int) *noise { return &noise{batches: batches, size: 5, features: 4} }

func (s *noise) Batches() int { return s.batches }

func (s *noise) Epoch(ctx context.Context, epoch, from int) iter.Seq2[gan.Batch, error] {
	return func(yield func(gan.Batch, error) bool) {
		x := tensor.New(s.dtype, s.size, s.features)
		for k := from; k < s.batches; k++ {
			if ctx.Err() != nil {
				yield(gan.Batch{}, context.Cause(ctx))
				return
			}
			tensor.NewStream(uint64(epoch), fmt.Sprint("noise ", k)).NormalInto(x)
			if s.edit != nil {
				if err := s.edit(epoch, k, x); err != nil {
					yield(gan.Batch{}, err)
					return
				}
			}
			if !yield(gan.Batch{X: x}, nil) {
				return
			}
		}
	}
}

// batch returns one batch of a source to keep.
func batch(t testing.TB, s gan.Source) *tensor.Tensor {
	t.Helper()
	for b, err := range s.Epoch(context.Background(), 0, 0) {
		x := b.X
		require.NoError(t, err)
		return x.Clone()
	}
	t.Fatal("the source is empty")
	return nil
}

// stateOf returns everything that a trainer's future depends on: the bytes of
// its checkpoint.
func stateOf(t testing.TB, trainer *gan.Trainer) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "state")
	require.NoError(t, trainer.Checkpoint(path))
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(b)
}

// same fails where two long strings of bytes differ, without printing them.
func same(t testing.TB, want, got string, what ...any) {
	t.Helper()
	if want != got {
		require.Fail(t, "bytes differ", what...)
	}
}

// sameLines fails at the first line that differs.
func sameLines(t testing.TB, want, got string, what ...any) {
	t.Helper()
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		require.Equal(t, w[i], g[i], what...)
	}
	require.Equal(t, len(w), len(g), what...)
}

// files returns the contents of a folder and those below, by path.
func files(t testing.TB, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		out[filepath.ToSlash(rel)] = string(b)
		return err
	}))
	return out
}
