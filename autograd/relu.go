package autograd

import "github.com/gander-ml/gander/tensor"

// ReLU returns y = max(x, 0); gradient gy where y > 0, else 0, so 0 at the
// kink. At NaN, value and gradient are NaN.
func ReLU(x *Var) *Var { return Apply(relu{}, x) }

type relu struct{}

func (relu) Name() string                            { return "ReLU" }
func (relu) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.ReLU(in[0]) }
func (relu) VJP(b *Back, gy *Var) []*Var             { return []*Var{reluSlope(gy, b.Out())} }

// reluSlope returns g where y > 0, else 0·g; its gradient is the same of gg by
// g, and zero by y, of which it is a step function.
func reluSlope(g, y *Var) *Var { return Apply(reluGrad{}, g, y) }

type reluGrad struct{}

func (reluGrad) Name() string                            { return "ReLUGrad" }
func (reluGrad) Eval(in []*tensor.Tensor) *tensor.Tensor { return tensor.ReLUGrad(in[0], in[1]) }
func (reluGrad) VJP(b *Back, gg *Var) []*Var             { return []*Var{reluSlope(gg, b.In(1)), nil} }

// LeakyReLU returns y = x where x > 0, else slope·x; gradient gy where x > 0,
// else slope·gy, so slope·gy at the kink. At NaN, value and gradient are NaN.
func LeakyReLU(x *Var, slope float64) *Var { return Apply(leakyReLU{slope}, x) }

type leakyReLU struct{ slope float64 }

func (leakyReLU) Name() string { return "LeakyReLU" }
func (o leakyReLU) Eval(in []*tensor.Tensor) *tensor.Tensor {
	return tensor.LeakyReLU(in[0], o.slope)
}
func (o leakyReLU) VJP(b *Back, gy *Var) []*Var {
	return []*Var{leakySlope(gy, b.In(0), o.slope)}
}

// leakySlope returns g where x > 0, else slope·g, under the same rule as
// reluSlope. For a positive slope, x may be the activation's result as well.
func leakySlope(g, x *Var, slope float64) *Var { return Apply(leakyGrad{slope}, g, x) }

type leakyGrad struct{ slope float64 }

func (leakyGrad) Name() string { return "LeakyReLUGrad" }
func (o leakyGrad) Eval(in []*tensor.Tensor) *tensor.Tensor {
	return tensor.LeakyReLUGrad(in[0], in[1], o.slope)
}
func (o leakyGrad) VJP(b *Back, gg *Var) []*Var {
	return []*Var{leakySlope(gg, b.In(1), o.slope), nil}
}
