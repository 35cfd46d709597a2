package autograd_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

func TestTrace(t *testing.T) {
	x := autograd.Leaf(tensor.FromFloat64([]float64{2, 3}, 2))
	var lines []string
	of := map[*tensor.Tensor]string{}
	stop := autograd.Trace(func(e autograd.Event) {
		if !e.Backward && e.Rule == "" {
			of[e.Of] = e.Op
		}
		lines = append(lines, fmt.Sprintf("%s %v %q of %s: %d to %d", e.Op, e.Backward, e.Rule, of[e.Of], len(e.In), len(e.Out)))
	})
	y := autograd.Sum(autograd.Mul(x, autograd.Exp(x)))
	autograd.Grad(y, []*autograd.Var{x}, autograd.Opts{CreateGraph: true})
	stop()
	autograd.Exp(x) // is not told
	require.Equal(t, []string{`Exp false "" of Exp: 1 to 1`, `Mul false "" of Mul: 2 to 1`, `Sum false "" of Sum: 1 to 1`}, lines[:3])
	require.Contains(t, lines, `Mul false "Mul" of Mul: 2 to 1`)
	require.Contains(t, lines, `Mul true "" of Mul: 3 to 2`)
	require.Contains(t, lines, `Exp true "" of Exp: 2 to 1`)
	require.Equal(t, `Exp true "" of Exp: 2 to 1`, lines[len(lines)-2], "%v", lines)
}
