package recipe

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// A discriminator that multiplies samples by weights of their conditions: each real
// sample is compared with the next one, of which the condition is not taken along.
func TestMismatch(t *testing.T) {
	for _, x := range [][]float64{{2}, {2, -3}, {2, -3, 0.5, 4}} {
		n := len(x)
		weights := []float64{1, -0.5, 3, 0.25}[:n]
		w := autograd.Leaf(tensor.FromFloat64(weights, n, 1))
		critic := func(x *autograd.Var) *autograd.Var { return autograd.Mul(x, w) }
		real := autograd.Leaf(tensor.FromFloat64(x, n, 1))
		terms := Mismatch{Lambda: 1}.Terms(&gan.Pass{Real: gan.Samples{X: real, D: critic(real)}, Critic: critic})
		require.Equal(t, []int{n}, terms.Value().Shape())
		slopes := autograd.Grad(autograd.Sum(terms), []*autograd.Var{w}, autograd.Opts{})[0].Value()
		for i := range n {
			apart := x[(i+1)%n] - x[i]
			require.InDelta(t, math.Log1p(math.Exp(weights[i]*apart)), terms.Value().At(i), 1e-12)
			require.InDelta(t, apart/(1+math.Exp(-weights[i]*apart)), slopes.At(i, 0), 1e-12)
		}
	}
	require.Equal(t, 0.5, Mismatch{Lambda: 0.5}.Weight(7))
	require.InDelta(t, 0.25, Mismatch{Lambda: 0.5, Schedule: optim.Linear{From: 1, To: 0, Steps: 10}}.Weight(5), 1e-12)
	require.NotEmpty(t, Mismatch{}.Name())
}
