package autograd_test

import (
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	ag "github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

func TestGradAddsUpOverPaths(t *testing.T) {
	x := vector(2, 3)
	a, b := ag.Square(x), ag.Scale(x, 5)
	y := ag.Sub(ag.Scale(a, 5), ag.Sub(x, ag.Mul(b, x))) // 10x² − x
	assert.Equal(t, []float64{39, 59}, grad(y, x))

	assert.Equal(t, []float64{4, 6}, grad(ag.Mul(x, x), x), "the same Var twice in one operation")
	assert.Equal(t, []float64{2, 2}, grad(ag.Add(x, x), x))

	// Sixty diamonds, one upon the other: 2⁶⁰ paths, and as many steps as nodes.
	y = x
	for range 60 {
		y = ag.Add(y, y)
	}
	assert.Equal(t, []float64{1 << 60, 1 << 60}, grad(y, x))
}

func TestGradByIntermediates(t *testing.T) {
	x := vector(1, 2)
	u := ag.Square(x)
	v := ag.Scale(u, 3)
	y := ag.Sum(ag.Mul(u, v)) // 3x⁴
	g := ag.Grad(y, []*ag.Var{v, x, u, y, x}, ag.Opts{})
	assert.Equal(t, []float64{1, 4}, g[0].Value().Float64s())
	assert.Equal(t, []float64{12, 96}, g[1].Value().Float64s())
	assert.Equal(t, []float64{6, 24}, g[2].Value().Float64s(), "by way of v as well")
	assert.Equal(t, 1.0, g[3].Item())
	assert.Equal(t, []float64{12, 96}, g[4].Value().Float64s(), "named twice")

	assert.Equal(t, []float64{1, 4}, grad(y, v), "alone, nothing below it is visited")
}

func TestGradOfWhatDoesNotDepend(t *testing.T) {
	x, other := vector(1, 2), vector(3, 4, 5)
	g := ag.Grad(ag.Sum(x), []*ag.Var{other, x}, ag.Opts{})
	assert.Equal(t, []float64{0, 0, 0}, g[0].Value().Float64s())
	assert.Equal(t, []float64{1, 1}, g[1].Value().Float64s())

	// Of all, it is mostly a mistake.
	constant, sum, f32 := ag.Const(tensor.Scalar(tensor.Float64, 7)), ag.Sum(other), ag.Leaf(tensor.New(tensor.Float32, 2, 0))
	for _, y := range []*ag.Var{constant, sum} {
		var e *ag.GradError
		require.ErrorAs(t, tensor.Catch(func() { ag.Grad(y, []*ag.Var{x, f32}, ag.Opts{}) }), &e)
		assert.Contains(t, e.Error(), "does not depend on any of the 2 inputs")
		g := ag.Grad(y, []*ag.Var{x}, ag.Opts{AllowConstant: true})
		assert.Equal(t, []float64{0, 0}, g[0].Value().Float64s())
		assert.Empty(t, ag.Grad(y, nil, ag.Opts{}))
	}
	assert.Equal(t, []float64{1, 1}, grad(x, x))
	z := ag.Grad(ag.Sum(x), []*ag.Var{f32}, ag.Opts{AllowConstant: true})[0]
	assert.Equal(t, tensor.Float32, z.Value().DType())
	assert.Equal(t, []int{2, 0}, z.Shape())
}

func TestGradTwice(t *testing.T) {
	x := vector(1, 2)
	y := ag.Mul(ag.Tanh(x), x)
	assert.Equal(t, grad(y, x), grad(y, x), "the graph is not used up, and nothing is accumulated")
}

func TestSeeds(t *testing.T) {
	x := vector(1, 2)
	y := ag.Square(x)
	by := func(seed *ag.Var, o ag.Opts) *ag.Var {
		o.Seed = seed
		return ag.Grad(y, []*ag.Var{x}, o)[0]
	}
	assert.Equal(t, []float64{2 * 10, 4 * 100}, by(ag.Const(tensor.FromFloat64([]float64{10, 100})), ag.Opts{}).Value().Float64s())

	// A tracked seed can be differentiated by, if a graph was asked for: the
	// way from a gradient to a Jacobian's product with a vector.
	seed := vector(1, 1)
	g := by(seed, ag.Opts{CreateGraph: true})
	assert.Equal(t, []float64{2, 4}, grad(g, seed))
	assert.False(t, by(seed, ag.Opts{}).Tracked(), "without CreateGraph, gradients are constants")

	one := ag.Reshape(ag.Sum(x), 1, 1)
	assert.Equal(t, []float64{1, 1}, ag.Grad(one, []*ag.Var{x}, ag.Opts{})[0].Value().Float64s(), "a single element of any rank needs no seed")
}

func TestGradMisuse(t *testing.T) {
	x := vector(1, 2)
	y := ag.Square(x)
	e := misuse[*ag.GradError](t, func() { ag.Grad(y, []*ag.Var{x}, ag.Opts{}) })
	assert.Contains(t, e.Error(), "Grad: the result has shape [2]")
	e = misuse[*ag.GradError](t, func() { ag.Grad(y, []*ag.Var{x}, ag.Opts{Seed: vector(1)}) })
	assert.Contains(t, e.Error(), "the seed has shape [1], the result [2]")
	e = misuse[*ag.GradError](t, func() {
		ag.Grad(y, []*ag.Var{x}, ag.Opts{Seed: ag.Const(tensor.New(tensor.Float32, 2))})
	})
	assert.Contains(t, e.Error(), "the seed is float32, the result float64")
	e = misuse[*ag.GradError](t, func() { ag.Grad(ag.Sum(y), []*ag.Var{x, x.Detach()}, ag.Opts{}) })
	assert.Contains(t, e.Error(), "input 1 of shape [2] is not tracked")
}

func TestHigherOrders(t *testing.T) {
	// x⁵, differentiated until nothing is left.
	x := scalar(2)
	g := ag.Mul(ag.Square(ag.Square(x)), x)
	for _, want := range []float64{5 * 16, 20 * 8, 60 * 4, 120 * 2, 120, 0} {
		g = recorded(g, x)
		assert.Equal(t, want, g.Item())
	}
	assert.False(t, g.Tracked())

	// The third derivative of tanh at 0 is −2.
	x = scalar(0)
	assert.Equal(t, -2.0, recorded(recorded(recorded(ag.Tanh(x), x), x), x).Item())

	// ∂²/∂x∂y of x²·y³ is 6xy², from either side.
	x, y := scalar(3), scalar(2)
	f := ag.Mul(ag.Square(x), ag.Pow(y, 3))
	assert.Equal(t, 72.0, recorded(recorded(f, x), y).Item())
	assert.Equal(t, 72.0, recorded(recorded(f, y), x).Item())
}

// The gradient by the weights of ‖∂D/∂x‖², for D = a·tanh(W·x), which is
// Σⱼ(Σᵢ aᵢ·(1−tᵢ²)·Wᵢⱼ)². With s = a∘(1−t²) and v = Wᵀs, it is
// by a: 2(1−t²)∘(W·v), and by W: 2·s·vᵀ − 4·(a∘t∘(1−t²)∘(W·v))·xᵀ.
func TestGradientPenalty(t *testing.T) {
	const n, in = 3, 2
	r := tensor.NewStream(1, "test")
	wt, at, xt := r.Normal(tensor.Float64, n, in), r.Normal(tensor.Float64, 1, n), r.Normal(tensor.Float64, 1, in)
	w, a, x := ag.Leaf(wt), ag.Leaf(at), ag.Leaf(xt)
	d := ag.Linear(ag.Linear(x, w, nil, tensor.TanhActivation()), a, nil, tensor.Activation{})
	g := ag.Grad(d, []*ag.Var{x}, ag.Opts{CreateGraph: true})[0]
	got := ag.Grad(ag.Sum(ag.Square(g)), []*ag.Var{w, a}, ag.Opts{})

	tanh := tensor.Tanh(tensor.MatMul(wt, xt.T())) // [n, 1], as are derivative, s and wv
	derivative := tensor.Shift(tensor.Neg(tensor.Square(tanh)), 1)
	s := tensor.Mul(at.T(), derivative)
	v := tensor.MatMul(wt.T(), s)
	wv := tensor.MatMul(wt, v)
	byA := tensor.Scale(tensor.Mul(derivative, wv), 2).T()
	byW := tensor.Sub(tensor.Scale(tensor.MatMul(s, v.T()), 2),
		tensor.Scale(tensor.MatMul(tensor.Mul(tensor.Mul(s, tanh), wv), xt), 4))

	require.Equal(t, v.T().Float64s(), g.Value().Float64s())
	assert.InDeltaSlice(t, byW.Float64s(), got[0].Value().Float64s(), 1e-13)
	assert.InDeltaSlice(t, byA.Float64s(), got[1].Value().Float64s(), 1e-13)
}

// The same penalty on a critic with two hidden layers and a batch, against
// finite differences of the penalty itself.
func TestGradientPenaltyOfACritic(t *testing.T) {
	r := tensor.NewStream(2, "test")
	x := r.Normal(tensor.Float64, 3, 4)
	params := []*tensor.Tensor{r.Normal(tensor.Float64, 5, 4), r.Normal(tensor.Float64, 5), r.Normal(tensor.Float64, 6, 5),
		r.Normal(tensor.Float64, 6), r.Normal(tensor.Float64, 1, 6), r.Normal(tensor.Float64, 1)}
	penalty := func(p []*ag.Var) *ag.Var {
		in := ag.Leaf(x)
		h := ag.Linear(in, p[0], p[1], tensor.TanhActivation())
		h = ag.Linear(h, p[2], p[3], tensor.LeakyReLUActivation(0.2))
		d := ag.Linear(h, p[4], p[5], tensor.Activation{})
		g := recorded(d, in)
		norms := ag.Sqrt(ag.Sum(ag.Square(g), 1))
		return ag.Mean(ag.Square(ag.Shift(norms, -1)))
	}
	require.NoError(t, ag.Check(penalty, params, ag.CheckOptions{Directions: 2, Step: 2.5e-4}))
}

func TestDeepChain(t *testing.T) {
	x := scalar(1)
	y := x
	for range 100_000 {
		y = ag.Shift(y, 1)
	}
	assert.Equal(t, 100_001.0, y.Item())
	assert.Equal(t, []float64{1}, grad(y, x))
}

func TestDetach(t *testing.T) {
	x := vector(3)
	u := ag.Square(x)
	assert.Equal(t, []float64{9}, grad(ag.Mul(u.Detach(), x), x))
	assert.Same(t, u.Value(), u.Detach().Value())
	assert.False(t, u.Detach().Tracked())
	c := ag.Const(u.Value())
	assert.Same(t, c, c.Detach())
	assert.Equal(t, x.Value().String(), x.String())
}

func TestConstantsAreNotRecorded(t *testing.T) {
	params := []*tensor.Tensor{tensor.New(tensor.Float32, 3, 2), tensor.New(tensor.Float32, 3)}
	net := func(wrap func(*tensor.Tensor) *ag.Var, x *ag.Var) *ag.Var {
		return ag.Mean(ag.Tanh(ag.Linear(x, wrap(params[0]), wrap(params[1]), tensor.ReLUActivation())))
	}
	x := tensor.New(tensor.Float32, 4, 2)
	assert.False(t, net(ag.Const, ag.Const(x)).Tracked())
	assert.True(t, net(ag.Const, ag.Leaf(x)).Tracked(), "frozen parameters still pass gradients to the input")
	assert.True(t, net(ag.Leaf, ag.Const(x)).Tracked())
}

// The engine asks rules only for what lies between y and the xs.
func TestOnlyWhatIsNeeded(t *testing.T) {
	var asked [][]bool
	spy := custom{name: "Spy", eval: sum2, vjp: func(b *ag.Back, gy *ag.Var) []*ag.Var {
		asked = append(asked, []bool{b.Needs(0), b.Needs(1)})
		return []*ag.Var{gy, gy} // more than is asked for, which is ignored
	}}
	x, w, c := vector(1), vector(2), ag.Const(tensor.FromFloat64([]float64{3}))
	y := ag.Apply(spy, ag.Apply(spy, x, w), c)
	aside := ag.Apply(spy, w, w)
	y = ag.Add(y, aside)
	ag.Grad(y, []*ag.Var{x}, ag.Opts{})
	assert.Equal(t, [][]bool{{true, false}, {true, false}}, asked, "neither the constant, nor w, nor the branch aside")
}

// A result is freed when nobody holds it: neither constants, nor the engine's
// reused memory, nor gradients keep the record alive.
func TestNothingKeepsTheGraph(t *testing.T) {
	x := vector(1, 2)
	freed := make(chan struct{})
	hold := func() (*ag.Var, *ag.Var) {
		u := ag.Square(x)
		runtime.AddCleanup(u, func(c chan struct{}) { close(c) }, freed)
		y := ag.Sum(ag.Mul(u, u))
		return y.Detach(), ag.Grad(y, []*ag.Var{x}, ag.Opts{})[0]
	}
	constant, gradient := hold()
	for range 10 {
		runtime.GC()
		select {
		case <-freed:
			runtime.KeepAlive(constant)
			runtime.KeepAlive(gradient)
			return
		default:
		}
	}
	t.Fatal("the record is still alive")
}

func TestConcurrentUse(t *testing.T) {
	r := tensor.NewStream(3, "test")
	w, b := ag.Leaf(r.Normal(tensor.Float32, 8, 6)), ag.Leaf(r.Normal(tensor.Float32, 8))
	shared := ag.Tanh(w)
	run := func(x *tensor.Tensor) []float32 {
		y := ag.Linear(ag.Const(x), shared, b, tensor.TanhActivation())
		g := ag.Grad(ag.Sum(ag.Square(y)), []*ag.Var{w, b}, ag.Opts{CreateGraph: true})
		h := ag.Grad(ag.Sum(ag.Square(g[0])), []*ag.Var{w}, ag.Opts{})
		return append(h[0].Value().Float32s(), g[1].Value().Float32s()...)
	}
	const n = 8
	var inputs []*tensor.Tensor
	var want [][]float32
	for range n {
		x := r.Normal(tensor.Float32, 5, 6)
		inputs, want = append(inputs, x), append(want, run(x))
	}
	var wg sync.WaitGroup
	for i, x := range inputs {
		wg.Go(func() {
			for range 20 {
				assert.Equal(t, want[i], run(x))
			}
		})
	}
	wg.Wait()
}

func TestListsBelongToTheOperation(t *testing.T) {
	x := ag.Leaf(tensor.New(tensor.Float64, 2, 3))
	list := []int{1, 0}
	ys := []*ag.Var{ag.Permute(x, list...), ag.Sum(x, list...), ag.MaxOver(x, list...)}
	dims := []int{2, 3}
	ys = append(ys, ag.Reshape(x, dims...), ag.BroadcastTo(x, dims...), ag.SumTo(x, dims...))
	list[0], list[1], dims[0], dims[1] = 7, 7, 7, 7
	for _, y := range ys {
		assert.Len(t, grad(y, x), 6)
	}
}
