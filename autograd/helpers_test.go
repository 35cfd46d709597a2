package autograd_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	ag "github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// vector returns a tracked float64 vector.
func vector(x ...float64) *ag.Var { return ag.Leaf(tensor.FromFloat64(x)) }

func scalar(x float64) *ag.Var { return ag.Leaf(tensor.Scalar(tensor.Float64, x)) }

// grad returns the gradient of y's sum by one x.
func grad(y, x *ag.Var) []float64 {
	return ag.Grad(ag.Sum(y), []*ag.Var{x}, ag.Opts{})[0].Value().Float64s()
}

// recorded returns the gradient of y's sum by one x, differentiable.
func recorded(y, x *ag.Var) *ag.Var {
	return ag.Grad(ag.Sum(y), []*ag.Var{x}, ag.Opts{CreateGraph: true, AllowConstant: true})[0]
}

// misuse runs f, which must panic with an E, and returns it.
func misuse[E tensor.Misuse](t *testing.T, f func()) E {
	t.Helper()
	var e E
	err := tensor.Catch(f)
	require.ErrorAs(t, err, &e)
	require.Contains(t, err.Error(), e.Misuse())
	return e
}

// custom is an operation made in a test, as a program would.
type custom struct {
	name string
	eval func(in []*tensor.Tensor) *tensor.Tensor
	vjp  func(b *ag.Back, gy *ag.Var) []*ag.Var
}

func (c custom) Name() string                            { return c.name }
func (c custom) Eval(in []*tensor.Tensor) *tensor.Tensor { return c.eval(in) }
func (c custom) VJP(b *ag.Back, gy *ag.Var) []*ag.Var    { return c.vjp(b, gy) }
func first(in []*tensor.Tensor) *tensor.Tensor           { return in[0] }
func sum2(in []*tensor.Tensor) *tensor.Tensor            { return tensor.Add(in[0], in[1]) }
func returns(gs ...*ag.Var) func(*ag.Back, *ag.Var) []*ag.Var {
	return func(*ag.Back, *ag.Var) []*ag.Var { return gs }
}
