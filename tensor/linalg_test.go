package tensor_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/tensor"
)

func TestMatMul(t *testing.T) {
	for _, dt := range dtypes {
		x, y := tensor.Arange(dt, 6).Reshape(2, 3), tensor.Arange(dt, 12).Reshape(3, 4)
		z := tensor.MatMul(x, y)
		require.Equal(t, []int{2, 4}, z.Shape())
		require.Equal(t, []float64{20, 23, 26, 29, 56, 68, 80, 92}, z.Float64s())
		require.Equal(t, z.Float64s(), tensor.MatMul(y.T(), x.T()).T().Float64s())
		require.Equal(t, []float64{0, 0, 0, 0}, tensor.MatMul(tensor.New(dt, 2, 0), tensor.New(dt, 0, 2)).Float64s())
		require.Equal(t, []int{0, 4}, tensor.MatMul(tensor.New(dt, 0, 3), y).Shape())
		require.Equal(t, []int{5, 0, 4}, tensor.MatMul(tensor.New(dt, 5, 0, 3), y).Shape())
	}
}

// TestMatMulBatches: leading axes broadcast against each other.
func TestMatMulBatches(t *testing.T) {
	for _, dt := range dtypes {
		r := tensor.NewStream(1, "test")
		x, y := r.Uniform(dt, 2, 1, 3, 4), r.Uniform(dt, 5, 4, 2)
		z := tensor.MatMul(x, y)
		require.Equal(t, []int{2, 5, 3, 2}, z.Shape())
		for i := range 2 {
			for j := range 5 {
				one := tensor.MatMul(x.Slice(0, i, i+1).Reshape(3, 4), y.Slice(0, j, j+1).Reshape(4, 2))
				near(t, dt, one.Float64s(), z.Slice(0, i, i+1).Slice(1, j, j+1).Float64s())
			}
		}
	}
}

// TestLinear: the same as from its parts, on a device that fuses it and on one that
// does not.
func TestLinear(t *testing.T) {
	for _, d := range []*tensor.Device{tensor.CPU(), device(t)} {
		for _, dt := range dtypes {
			r := tensor.NewStream(1, "test")
			for _, n := range []int{0, 1, 5} {
				x, w, b := r.Normal(dt, n, 7).To(d), r.Normal(dt, 4, 7).To(d), r.Normal(dt, 4).To(d)
				for act, row := range activations {
					f := row.f
					z := tensor.MatMul(x, w.T())
					near(t, dt, f(z).Float64s(), tensor.Linear(x, w, nil, act).Float64s(), "%v", act)
					z = tensor.Add(z, b)
					y := tensor.Linear(x, w, b, act)
					require.Equal(t, []int{n, 4}, y.Shape())
					near(t, dt, f(z).Float64s(), y.Float64s(), "%v", act)
					strided := tensor.Linear(x.T().Clone().T(), w.T().Clone().T(), tensor.Concat(0, b, b).Slice(0, 0, 4), act)
					near(t, dt, y.Float64s(), strided.Float64s(), "%v", act)
				}
			}
			none := tensor.Linear(d.New(dt, 2, 0), d.New(dt, 3, 0), tensor.Arange(dt, 3).To(d), tensor.Activation{})
			require.Equal(t, []float64{0, 1, 2, 0, 1, 2}, none.Float64s())
		}
	}
}

// TestAdamInto against the formulas of the papers, step by step.
func TestAdamInto(t *testing.T) {
	for _, d := range []*tensor.Device{tensor.CPU(), device(t)} {
		for _, dt := range dtypes {
			for _, decay := range []struct {
				l2, decoupled float64
			}{{0, 0}, {0.1, 0}, {0, 0.1}} {
				for _, strided := range []bool{false, true} {
					p := tensor.FromFloat64([]float64{1, -2, 3, 0.5, -0.25, 4}, 2, 3).Cast(dt).To(d)
					if strided {
						p = p.T().Clone().T()
					}
					m, v := d.New(dt, 2, 3), d.New(dt, 2, 3)
					ps, ms, vs := p.Float64s(), make([]float64, 6), make([]float64, 6)
					for step := 1.0; step <= 3; step++ {
						g := tensor.FromFloat64([]float64{0.5, -1, 0, 2, -0.125, 1}, 3, 2).Cast(dt).To(d).T()
						c := tensor.AdamParams{LR: 0.1, Beta1: 0.9, Beta2: 0.99, Eps: 1e-3,
							Correction1: 1 - math.Pow(0.9, step), Correction2: 1 - math.Pow(0.99, step),
							WeightDecay: decay.l2 + decay.decoupled, Decoupled: decay.decoupled > 0}
						for i, grad := range g.Float64s() {
							grad += decay.l2 * ps[i]
							ps[i] -= 0.1 * decay.decoupled * ps[i]
							ms[i] = 0.9*ms[i] + 0.1*grad
							vs[i] = 0.99*vs[i] + 0.01*grad*grad
							ps[i] -= 0.1 * (ms[i] / c.Correction1) / (math.Sqrt(vs[i]/c.Correction2) + 1e-3)
						}
						tensor.AdamInto(list(p), list(g), list(m), list(v), c)
						near(t, dt, ps, p.Float64s())
						near(t, dt, ms, m.Float64s())
						near(t, dt, vs, v.Float64s())
					}
				}
			}
		}
	}
}
