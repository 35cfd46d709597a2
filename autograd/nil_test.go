package autograd_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// TestNilOperands: a Var that was forgotten is told as other misuse is.
func TestNilOperands(t *testing.T) {
	x := autograd.Leaf(tensor.New(tensor.Float32, 2, 2))
	for op, f := range map[string]func(){
		"Add": func() { autograd.Add(x, nil) }, "MatMul": func() { autograd.MatMul(nil, x) }, "Tanh": func() { autograd.Tanh(nil) },
		"Concat": func() { autograd.Concat(0, x, nil) }, "Linear": func() { autograd.Linear(x, nil, nil, tensor.Activation{}) }, "Sum": func() { autograd.Sum(nil) },
		"Softmax": func() { autograd.Softmax(nil, 0) }, "LogSoftmax": func() { autograd.LogSoftmax(nil, 0) }, "LogSumExp": func() { autograd.LogSumExp(nil, 0) },
		"Grad": func() { autograd.Grad(nil, []*autograd.Var{x}, autograd.Opts{}) }, "Trace": func() { autograd.Trace(nil) },
		"Check": func() { autograd.Check(nil, []*tensor.Tensor{nil}, autograd.CheckOptions{}) },
		"Value": func() { (*autograd.Var)(nil).Value() },
	} {
		var misuse tensor.Misuse
		require.ErrorAs(t, tensor.Catch(f), &misuse, op)
		require.ErrorContains(t, misuse, op)
		require.ErrorContains(t, misuse, "nil")
	}
	one := autograd.Sum(x)
	require.ErrorContains(t, tensor.Catch(func() { autograd.Grad(one, []*autograd.Var{x, nil}, autograd.Opts{}) }), "Grad: an operand is nil")
	require.Error(t, tensor.Catch(func() { autograd.Leaf(nil) }))
	require.Error(t, tensor.Catch(func() { autograd.Const(nil) }))
}
