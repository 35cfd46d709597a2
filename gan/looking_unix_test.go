//go:build unix

package gan_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/tensor"
)

// BenchmarkLooking tells what looking at a step's numbers and being able to undo it
// cost in two recipes, on one thread.
func BenchmarkLooking(b *testing.B) {
	for _, r := range []recipe.Recipe{recipe.Classic(), recipe.Quick()} {
		b.Run(r.Name, func(b *testing.B) {
			tensor.CPU().SetThreads(1)
			defer tensor.CPU().SetThreads(0)
			g, d := r.Networks()
			trainer, err := gan.New(g, d, r.Config())
			require.NoError(b, err)
			batch := gan.Batch{X: tensor.NewStream(1, "digits").Uniform(tensor.Float32, r.Batch, 784)}
			if classes := len(r.Config().Classes); classes > 0 {
				batch.Condition = tensor.OneHot(tensor.Float32, classes, make([]int, r.Batch))
			}
			trainer.Looking(b, batch)
		})
	}
}
