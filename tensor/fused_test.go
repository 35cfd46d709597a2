package tensor_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/internal/op"
	"github.com/gander-ml/gander/tensor"
)

// activations are functions of x, with the derivative by x from x and the value
// y.
var activations = map[tensor.Activation]struct {
	name       string
	f          func(x *tensor.Tensor) *tensor.Tensor
	derivative func(x, y float64) float64
	linear     bool // piecewise, so that x in place of y will do
}{
	{}:                         {"None", func(x *tensor.Tensor) *tensor.Tensor { return x }, func(_, _ float64) float64 { return 1 }, true},
	tensor.TanhActivation():    {"Tanh", tensor.Tanh, func(_, y float64) float64 { return 1 - y*y }, false},
	tensor.SigmoidActivation(): {"Sigmoid", tensor.Sigmoid, func(_, y float64) float64 { return y * (1 - y) }, false},
	tensor.ReLUActivation():    {"ReLU", tensor.ReLU, func(x, _ float64) float64 { return truth(x > 0) }, true},
	tensor.LeakyReLUActivation(0.2): {"LeakyReLU", func(x *tensor.Tensor) *tensor.Tensor { return tensor.LeakyReLU(x, 0.2) },
		func(x, _ float64) float64 { return 0.2 + 0.8*truth(x > 0) }, true},
}

// TestActivationsAreComplete: there is one for each function that a product can
// apply.
func TestActivationsAreComplete(t *testing.T) {
	var want, got []string
	for f := range op.NumUnary {
		if _, ok := f.Grad(); ok || f == op.None {
			want = append(want, f.String())
		}
	}
	for act := range activations {
		got = append(got, act.String())
	}
	require.ElementsMatch(t, want, got)
}

// TestActivations: what they are called, their values and derivatives.
func TestActivations(t *testing.T) {
	for _, dt := range dtypes {
		x := tensor.FromFloat64(points).Cast(dt)
		for act, c := range activations {
			require.Equal(t, c.name, act.String())
			require.True(t, act.Fuses())
			require.Equal(t, c.linear, act.IsPiecewiseLinear())
			y := tensor.Activate(x, act)
			require.Equal(t, c.f(x).Float64s(), y.Float64s(), c.name)
			g := tensor.Full(dt, 3, len(points))
			want := make([]float64, len(points))
			for i, v := range y.Float64s() {
				want[i] = 3 * c.derivative(points[i], v)
			}
			near(t, dt, want, tensor.ActivationGrad(g, y, act).Float64s(), c.name)
			if c.linear {
				near(t, dt, want, tensor.ActivationGrad(g, x, act).Float64s(), c.name)
			}
		}
		falling := tensor.LeakyReLUActivation(-0.5)
		require.False(t, falling.Fuses(), "its value does not tell the sign")
		require.Equal(t, tensor.LeakyReLU(x, -0.5).Float64s(), tensor.Activate(x, falling).Float64s())
		near(t, dt, []float64{-0.5, 1}, tensor.ActivationGrad(tensor.Full(dt, 1, 2), tensor.FromFloat64([]float64{-1, 1}).Cast(dt), falling).Float64s())
	}
}

// TestEpilogues: a convolution, and a transposed one, with bias and activation is
// bit for bit its parts one after another, on a device that fuses them and on
// one that does not.
func TestEpilogues(t *testing.T) {
	params := tensor.ConvParams{Stride: [2]int{2, 2}, Pad: [2]int{1, 1}}
	for _, d := range []*tensor.Device{tensor.CPU(), device(t)} {
		for _, dt := range dtypes {
			r := tensor.NewStream(1, "test")
			for _, channels := range []int{1, 3, 16} {
				for _, groups := range []int{1, channels} {
					p := params
					p.Groups = groups
					x, w := r.Normal(dt, 2, groups, 9, 7).To(d), r.Normal(dt, channels, 1, 4, 4).To(d)
					gy, b, c := r.Normal(dt, 2, channels, 4, 3).To(d), r.Normal(dt, channels).To(d), r.Normal(dt, groups).To(d)
					none := tensor.Activation{}
					for act, row := range activations {
						y := tensor.Conv2D(x, w, nil, p, none)
						require.Equal(t, row.f(y).Float64s(), tensor.Conv2D(x, w, nil, p, act).Float64s(), row.name)
						y = tensor.Add(y, b.Reshape(channels, 1, 1))
						require.Equal(t, row.f(y).Float64s(), tensor.Conv2D(x, w, b, p, act).Float64s(), row.name)

						y = tensor.Conv2DInputGrad(gy, w, nil, 9, 7, p, none)
						require.Equal(t, row.f(y).Float64s(), tensor.Conv2DInputGrad(gy, w, nil, 9, 7, p, act).Float64s(), row.name)
						y = tensor.Add(y, c.Reshape(groups, 1, 1))
						require.Equal(t, row.f(y).Float64s(), tensor.Conv2DInputGrad(gy, w, c, 9, 7, p, act).Float64s(), row.name)
					}
				}
			}
		}
	}
}

// TestEpilogueGrad holds the gradient in one pass to its composition, which is
// what the reference device computes.
func TestEpilogueGrad(t *testing.T) {
	ref := device(t)
	random := tensor.NewStream(1, "test")
	for _, dt := range dtypes {
		tol := map[tensor.DType]float64{tensor.Float32: 2e-5, tensor.Float64: 1e-13}[dt]
		for _, shape := range [][]int{{0, 3}, {1, 1}, {5, 3}, {64, 784}, {300, 130}, {2, 0}, {3, 1, 9, 9}, {3, 16, 8, 9}, {2, 0, 3, 3}, {0, 3, 2, 2}} {
			y := random.Normal(dt, shape...)
			axes := append([]int{0}, []int{2, 3}[:len(shape)-2]...)
			gradients := []*tensor.Tensor{
				random.Normal(dt, shape...),
				random.Normal(dt, append([]int{1}, shape[1:]...)...).BroadcastTo(shape...), // repeated, as a sum's is
			}
			if len(shape) == 4 {
				last := func(x *tensor.Tensor) *tensor.Tensor { return x.Permute(0, 2, 3, 1).Clone().Permute(0, 3, 1, 2) }
				y = last(y)
				gradients = append(gradients, last(gradients[0]))
			}
			for act, row := range activations {
				for _, gy := range gradients {
					gz, gb := tensor.EpilogueGrad(gy, y, act)
					closeTo(t, tensor.ActivationGrad(gy, y, act), gz, 0)
					closeTo(t, tensor.Sum(gz, axes...), gb, tol)
					wantZ, wantB := tensor.EpilogueGrad(gy.To(ref), y.To(ref), act)
					require.Equal(t, wantB.Shape(), gb.Shape(), row.name)
					closeTo(t, wantZ, gz, tol)
					closeTo(t, wantB, gb, tol)
				}
			}
		}
	}
}

func closeTo(t *testing.T, want, got *tensor.Tensor, tol float64) {
	t.Helper()
	require.Equal(t, want.Shape(), got.Shape())
	g := got.Float64s()
	for i, w := range want.Float64s() {
		if !(math.Abs(w-g[i]) <= tol*max(1, math.Abs(w))) {
			t.Fatalf("element %d is %v, want %v", i, g[i], w)
		}
	}
}

// TestEpilogueMisuse names the shapes and a repair.
func TestEpilogueMisuse(t *testing.T) {
	f32 := func(shape ...int) *tensor.Tensor { return tensor.New(tensor.Float32, shape...) }
	for want, f := range map[string]func(){
		"EpilogueGrad of [2 3] and [3 2]: these are not":     func() { tensor.EpilogueGrad(f32(2, 3), f32(3, 2), tensor.TanhActivation()) },
		"EpilogueGrad of [2 3 1] and [2 3 1]: these are not": func() { tensor.EpilogueGrad(f32(2, 3, 1), f32(2, 3, 1), tensor.TanhActivation()) },
		"Conv2D of [1 2 3 3] and [4 2 1 1] and [3]: the bias does not match the 4 channels of the result": func() {
			tensor.Conv2D(f32(1, 2, 3, 3), f32(4, 2, 1, 1), f32(3), tensor.ConvParams{}, tensor.Activation{})
		},
		"Conv2DInputGrad of [1 4 3 3] and [4 2 1 1] and [4]: the bias does not match the 2 channels of the result": func() {
			tensor.Conv2DInputGrad(f32(1, 4, 3, 3), f32(4, 2, 1, 1), f32(4), 3, 3, tensor.ConvParams{}, tensor.Activation{})
		},
	} {
		require.ErrorContains(t, tensor.Catch(f), want)
	}
}

// TestLinearAddIsItsParts: bit for bit what Linear, Add and Activate give one after
// another, on the CPU and on a device that fuses nothing, for what is added in any
// layout, NaN and infinities among it, and x itself.
func TestLinearAddIsItsParts(t *testing.T) {
	bits := func(x *tensor.Tensor) []uint64 {
		out := make([]uint64, x.Len())
		for i, v := range x.Float64s() {
			out[i] = math.Float64bits(v)
		}
		return out
	}
	far, err := tensor.OpenDevice("far")
	require.NoError(t, err)
	r := tensor.NewStream(1, "test")
	for _, dt := range dtypes {
		for _, n := range []int{0, 1, 5, 200} {
			x, w, b := r.Normal(dt, n, 37), r.Normal(dt, 37, 37), r.Normal(dt, 37)
			special := r.Normal(dt, n, 37)
			for i, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1)} {
				if n > 0 {
					special.Set(v, n-1, i)
				}
			}
			for layout, add := range map[string]*tensor.Tensor{
				"by rows": r.Normal(dt, n, 37), "by columns": r.Normal(dt, 37, n).T(), "a row": r.Normal(dt, 37).BroadcastTo(n, 37),
				"apart": r.Normal(dt, n, 50).Slice(1, 3, 40), "special": special, "x": x,
			} {
				for act := range activations {
					for _, bias := range []*tensor.Tensor{b, nil} {
						want := tensor.Activate(tensor.Add(tensor.Linear(x, w, bias, tensor.Activation{}), add), act)
						got := tensor.LinearAdd(x, w, bias, add, act)
						require.Equal(t, bits(want), bits(got), "%v %d %s %v, bias %v", dt, n, layout, act, bias != nil)
						if n > 5 || bias == nil {
							continue
						}
						there := func(x *tensor.Tensor) *tensor.Tensor { return x.To(far) }
						want = tensor.Activate(tensor.Add(tensor.Linear(there(x), there(w), there(b), tensor.Activation{}), there(add)), act)
						got = tensor.LinearAdd(there(x), there(w), there(b), there(add), act)
						require.Equal(t, bits(want.To(tensor.CPU())), bits(got.To(tensor.CPU())), "far: %v %d %s %v", dt, n, layout, act)
					}
				}
			}
		}
	}
}
