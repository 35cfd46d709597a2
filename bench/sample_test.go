package bench

import (
	"fmt"
	"testing"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// BenchmarkSample draws samples from a trained generator, n at a time, beside the
// bare forward pass of the same network on the same number of latent vectors.
func BenchmarkSample(b *testing.B) {
	for _, r := range []recipe.Recipe{recipe.Classic(), recipe.Quick()} {
		network, d := r.Networks()
		t, err := gan.New(network, d, r.Config())
		if err != nil {
			b.Fatal(err)
		}
		g := t.Generator()
		for _, n := range []int{1, 64} {
			z := tensor.NewStream(1, "sample").Normal(tensor.Float32, n, g.Latent())
			pass := &nn.Ctx{}
			if k := g.Condition(); k > 0 { // classes: one each in turn
				labels := make([]int, n)
				for i := range labels {
					labels[i] = i % k
				}
				pass.Condition = autograd.Const(tensor.OneHot(tensor.Float32, k, labels))
			}
			b.Run(fmt.Sprintf("recipe=%s/n=%d/impl=Sample", r.Name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					g.Sample(n, 1)
				}
			})
			b.Run(fmt.Sprintf("recipe=%s/n=%d/impl=Forward", r.Name, n), func(b *testing.B) {
				b.ReportAllocs()
				scope := tensor.NewScope()
				for b.Loop() {
					network.Forward(pass, autograd.Const(scope.Adopt(z)))
					scope.Close()
				}
			})
		}
	}
}
