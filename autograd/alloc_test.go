package autograd_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"

	ag "github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// step is one training step of two small multi-layer perceptrons against each
// other, by the classic recipe, less the optimizers: 15 linear layers forward
// and back, with their losses, in a scope.
type step struct {
	scope   *tensor.Scope
	g, d    []*tensor.Tensor // weight, bias, weight, …
	real, z *tensor.Tensor
}

func newStep() *step {
	r := tensor.NewStream(1, "test")
	params := func(dims ...int) (ps []*tensor.Tensor) {
		for i := 1; i < len(dims); i++ {
			ps = append(ps, r.Normal(tensor.Float32, dims[i], dims[i-1]), tensor.New(tensor.Float32, dims[i]))
		}
		return ps
	}
	return &step{
		scope: tensor.NewScope(),
		g:     params(12, 16, 16, 24),
		d:     params(24, 16, 16, 16, 1),
		real:  r.Normal(tensor.Float32, 4, 24),
		z:     r.Normal(tensor.Float32, 4, 12),
	}
}

func wrapAll(wrap func(*tensor.Tensor) *ag.Var, ts []*tensor.Tensor) []*ag.Var {
	out := make([]*ag.Var, len(ts))
	for i, t := range ts {
		out[i] = wrap(t)
	}
	return out
}

func forward(x *ag.Var, params []*ag.Var, last tensor.Activation) *ag.Var {
	for i := 0; i < len(params); i += 2 {
		act := tensor.TanhActivation()
		if i+2 == len(params) {
			act = last
		}
		x = ag.Linear(x, params[i], params[i+1], act)
	}
	return x
}

// surprise is −mean ln p, with each logarithm held above −100.
func surprise(p *ag.Var) *ag.Var { return ag.Neg(ag.Mean(ag.Clamp(ag.Log(p), -100, 0))) }

func (s *step) run() {
	g, d := wrapAll(ag.Leaf, s.g), wrapAll(ag.Leaf, s.d)
	fake := forward(ag.Const(s.scope.Adopt(s.z)), g, tensor.TanhActivation())
	onReal := forward(ag.Const(s.scope.Adopt(s.real)), d, tensor.SigmoidActivation())
	onFake := forward(fake.Detach(), d, tensor.SigmoidActivation())
	ag.Grad(ag.Add(surprise(onReal), surprise(ag.Shift(ag.Neg(onFake), 1))), d, ag.Opts{})
	ag.Grad(surprise(forward(fake, wrapAll(ag.Const, s.d), tensor.SigmoidActivation())), g, ag.Opts{})
	s.scope.Close()
}

// The record of a step is small: a few short allocations per layer, and none of
// the size of a layer.
func TestAllocationsOfAStep(t *testing.T) {
	if raceDetector || os.Getenv("GANDER_POISON") == "1" {
		t.Skip("both allocate on their own account")
	}
	s := newStep()
	assert.LessOrEqual(t, testing.AllocsPerRun(50, s.run), 110.0)
}

func BenchmarkStepOverhead(b *testing.B) {
	s := newStep()
	b.ReportAllocs()
	for b.Loop() {
		s.run()
	}
}
