package autograd

import "github.com/gander-ml/gander/tensor"

// Add returns x+y, broadcasting; gradient gy for both. It panics with a
// [tensor.ShapeError] if the shapes do not broadcast.
func Add(x, y *Var) *Var { return Apply(add{}, x, y) }

type add struct{}

func (add) Name() string                            { return "Add" }
func (add) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.Add(in[0], in[1]) }
func (add) VJP(_ *Back, gy *Var) []*Var             { return []*Var{gy, gy} }

// Sub returns x−y, broadcasting; gradient gy and −gy. It panics with a
// [tensor.ShapeError] if the shapes do not broadcast.
func Sub(x, y *Var) *Var { return Apply(sub{}, x, y) }

type sub struct{}

func (sub) Name() string                            { return "Sub" }
func (sub) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.Sub(in[0], in[1]) }
func (sub) VJP(b *Back, gy *Var) []*Var {
	out := b.Grads()
	out[0] = gy
	if b.Needs(1) {
		out[1] = Neg(gy)
	}
	return out
}

// Mul returns x·y element by element, broadcasting; gradient gy·y and gy·x. It
// panics with a [tensor.ShapeError] if the shapes do not broadcast.
func Mul(x, y *Var) *Var { return Apply(mul{}, x, y) }

type mul struct{}

func (mul) Name() string                            { return "Mul" }
func (mul) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.Mul(in[0], in[1]) }
func (mul) VJP(b *Back, gy *Var) []*Var {
	out := b.Grads()
	if b.Needs(0) {
		out[0] = Mul(gy, b.In(1))
	}
	if b.Needs(1) {
		out[1] = Mul(gy, b.In(0))
	}
	return out
}

// Div returns x/y, broadcasting; gradient gy/y and −gy·(x/y)/y. It panics with a
// [tensor.ShapeError] if the shapes do not broadcast.
func Div(x, y *Var) *Var { return Apply(div{}, x, y) }

type div struct{}

func (div) Name() string                            { return "Div" }
func (div) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.Div(in[0], in[1]) }
func (div) VJP(b *Back, gy *Var) []*Var {
	out := b.Grads()
	g := Div(gy, b.In(1))
	out[0] = g
	if b.Needs(1) {
		out[1] = Neg(Mul(g, b.Out()))
	}
	return out
}

// Neg returns −x; gradient −gy.
func Neg(x *Var) *Var { return Apply(neg{}, x) }

type neg struct{}

func (neg) Name() string                            { return "Neg" }
func (neg) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.Neg(in[0]) }
func (neg) VJP(b *Back, gy *Var) []*Var             { return b.Only(Neg(gy)) }

// Scale returns a·x for a constant a; gradient a·gy.
func Scale(x *Var, a float64) *Var { return Apply(scale{a}, x) }

type scale struct{ a float64 }

func (scale) Name() string                              { return "Scale" }
func (o scale) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.Scale(in[0], o.a) }
func (o scale) VJP(b *Back, gy *Var) []*Var             { return b.Only(Scale(gy, o.a)) }

// Shift returns x+a for a constant a; gradient gy.
func Shift(x *Var, a float64) *Var { return Apply(shift{a}, x) }

type shift struct{ a float64 }

func (shift) Name() string                              { return "Shift" }
func (o shift) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.Shift(in[0], o.a) }
func (shift) VJP(b *Back, gy *Var) []*Var               { return b.Only(gy) }
