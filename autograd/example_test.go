package autograd_test

import (
	"fmt"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

func ExampleGrad() {
	x := autograd.Leaf(tensor.FromFloat64([]float64{1, 2, 3}))
	w := autograd.Leaf(tensor.FromFloat64([]float64{4, 5, 6}))
	y := autograd.Sum(autograd.Mul(x, w))
	g := autograd.Grad(y, []*autograd.Var{x, w}, autograd.Opts{})
	fmt.Println(y.Item())
	fmt.Println(g[0].Value().Float64s(), g[1].Value().Float64s())
	// Output:
	// 32
	// [4 5 6] [1 2 3]
}

// The gradient is a value like any other, and can be differentiated again: here
// the penalty (‖∂y/∂x‖² − 1)² is, by the weight w of y = w·x.
func ExampleGrad_secondOrder() {
	x := autograd.Leaf(tensor.FromFloat64([]float64{1, 2}))
	w := autograd.Leaf(tensor.FromFloat64([]float64{1, 1}))
	y := autograd.Sum(autograd.Mul(x, w))

	g := autograd.Grad(y, []*autograd.Var{x}, autograd.Opts{CreateGraph: true})[0] // = w
	norm := autograd.Sum(autograd.Square(g))
	penalty := autograd.Square(autograd.Shift(norm, -1))

	byW := autograd.Grad(penalty, []*autograd.Var{w}, autograd.Opts{})[0] // 4(‖w‖²−1)·w
	fmt.Println(penalty.Item(), byW.Value().Float64s())
	// Output: 1 [4 4]
}

// The product of a Hessian with a vector is the gradient of ⟨∂y/∂x, v⟩, and so
// costs two gradients, however many elements x has: here y = x₀²·x₁ + x₂³.
func ExampleGrad_hessianVectorProduct() {
	x := autograd.Leaf(tensor.FromFloat64([]float64{1, 2, 3}))
	v := autograd.Const(tensor.FromFloat64([]float64{1, 0, 1}))
	x0, x1, x2 := autograd.Slice(x, 0, 0, 1), autograd.Slice(x, 0, 1, 2), autograd.Slice(x, 0, 2, 3)
	y := autograd.Sum(autograd.Add(autograd.Mul(autograd.Square(x0), x1), autograd.Pow(x2, 3)))

	xs := []*autograd.Var{x}
	g := autograd.Grad(y, xs, autograd.Opts{CreateGraph: true})[0]                        // 2·x₀·x₁, x₀², 3·x₂²
	hv := autograd.Grad(autograd.Sum(autograd.Mul(g, v)), xs, autograd.Opts{})[0].Value() // H·v
	fmt.Println(g.Value().Float64s(), hv.Float64s())
	// Output: [4 1 27] [4 2 18]
}

// hypot is √(x²+y²), an operation that this package does not have. Its
// derivatives are x/z and y/z, for the result z.
type hypot struct{}

func Hypot(x, y *autograd.Var) *autograd.Var { return autograd.Apply(hypot{}, x, y) }

func (hypot) Name() string { return "Hypot" }

func (hypot) Eval(in []*tensor.Tensor) *tensor.Tensor {
	return tensor.Sqrt(tensor.Add(tensor.Square(in[0]), tensor.Square(in[1])))
}

func (hypot) VJP(b *autograd.Back, gz *autograd.Var) []*autograd.Var {
	out := b.Grads()
	for i := range out {
		if b.Needs(i) {
			out[i] = autograd.Mul(gz, autograd.Div(b.In(i), b.Out()))
		}
	}
	return out
}

func ExampleOp() {
	x := autograd.Leaf(tensor.FromFloat64([]float64{3, 6}))
	y := autograd.Leaf(tensor.FromFloat64([]float64{4, 8}))
	z := Hypot(x, y)
	g := autograd.Grad(autograd.Sum(z), []*autograd.Var{x, y}, autograd.Opts{})
	fmt.Println(z.Value().Float64s())
	fmt.Println(g[0].Value().Float64s(), g[1].Value().Float64s())
	// Output:
	// [5 10]
	// [0.6 0.6] [0.8 0.8]
}

// wrong squares its input, with a rule that forgets the factor of 2.
type wrong struct{}

func (wrong) Name() string                            { return "Wrong" }
func (wrong) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.Square(in[0]) }
func (wrong) VJP(b *autograd.Back, gy *autograd.Var) []*autograd.Var {
	return []*autograd.Var{autograd.Mul(gy, b.In(0))}
}

func ExampleCheck() {
	at := []*tensor.Tensor{tensor.FromFloat64([]float64{3, 6}), tensor.FromFloat64([]float64{4, 8})}
	f := func(xs []*autograd.Var) *autograd.Var { return Hypot(xs[0], xs[1]) }
	fmt.Println(autograd.Check(f, at, autograd.CheckOptions{}))

	f = func(xs []*autograd.Var) *autograd.Var { return autograd.Apply(wrong{}, xs[0]) }
	fmt.Println(autograd.Check(f, at[:1], autograd.CheckOptions{}) != nil)
	// Output:
	// <nil>
	// true
}
