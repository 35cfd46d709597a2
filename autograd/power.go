package autograd

import "github.com/gander-ml/gander/tensor"

// Square returns x²; gradient 2x·gy.
func Square(x *Var) *Var { return Apply(square{}, x) }

type square struct{}

func (square) Name() string                            { return "Square" }
func (square) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.Square(in[0]) }
func (square) VJP(b *Back, gy *Var) []*Var             { return b.Only(Scale(Mul(gy, b.In(0)), 2)) }

// Sqrt returns √x; gradient gy/(2√x), which is infinite at 0.
func Sqrt(x *Var) *Var { return Apply(sqrt{}, x) }

type sqrt struct{}

func (sqrt) Name() string                            { return "Sqrt" }
func (sqrt) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.Sqrt(in[0]) }
func (sqrt) VJP(b *Back, gy *Var) []*Var             { return b.Only(Div(Scale(gy, 0.5), b.Out())) }

// Reciprocal returns 1/x; gradient −gy/x².
func Reciprocal(x *Var) *Var { return Apply(reciprocal{}, x) }

type reciprocal struct{}

func (reciprocal) Name() string                            { return "Reciprocal" }
func (reciprocal) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.Reciprocal(in[0]) }
func (reciprocal) VJP(b *Back, gy *Var) []*Var {
	return b.Only(Neg(Mul(gy, Square(b.Out()))))
}

// Pow returns xᵖ for a constant p; gradient p·xᵖ⁻¹·gy. It is NaN for a finite negative x
// unless p is whole.
func Pow(x *Var, p float64) *Var { return Apply(pow{p}, x) }

type pow struct{ p float64 }

func (pow) Name() string                              { return "Pow" }
func (o pow) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.PowScalar(in[0], o.p) }
func (o pow) VJP(b *Back, gy *Var) []*Var {
	switch o.p { // for 0 and 1 the rule would multiply 0 by an infinite power at x = 0
	case 0:
		return b.Only(Scale(gy, 0))
	case 1:
		return b.Only(gy)
	}
	// p first: xᵖ⁻¹ may overflow before it is multiplied by a small p.
	return b.Only(Mul(Scale(gy, o.p), Pow(b.In(0), o.p-1)))
}
