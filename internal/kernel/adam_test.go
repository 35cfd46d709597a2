package kernel

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// adamParams covers the plain step and both kinds of decay.
var adamParams = map[string]AdamParams{
	"plain": {LR: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Correction1: 1 - math.Pow(0.9, 3), Correction2: 1 - math.Pow(0.999, 3)},
	"l2":    {LR: 1e-2, Beta1: 0.5, Beta2: 0.99, Eps: 1e-6, Correction1: 0.75, Correction2: 0.02, WeightDecay: 0.1},
	"adamw": {LR: 1e-2, Beta1: 0, Beta2: 0.9, Eps: 1e-8, Correction1: 1, Correction2: 1, WeightDecay: 0.1, Decoupled: true},
}

// adamOne is the textbook's step of one parameter.
func adamOne(p, g, m, v float64, c AdamParams) (float64, float64, float64) {
	if c.Decoupled {
		p -= c.LR * c.WeightDecay * p
	} else {
		g += c.WeightDecay * p
	}
	m = c.Beta1*m + (1-c.Beta1)*g
	v = c.Beta2*v + (1-c.Beta2)*g*g
	return p - c.LR*(m/c.Correction1)/(math.Sqrt(v/c.Correction2)+c.Eps), m, v
}

func random[T Float](r *rand.Rand, n int) []T {
	x := make([]T, n)
	for i := range x {
		x[i] = T(r.NormFloat64())
	}
	return x
}

func testAdamAgainstTextbook[T Float](t *testing.T, eps float64) {
	r := rand.New(rand.NewPCG(1, 2))
	for name, c := range adamParams {
		const n = 1000
		p, g, m, v := random[T](r, n), random[T](r, n), random[T](r, n), random[T](r, n)
		want := make([][3]float64, n)
		for i := range p {
			v[i] *= v[i]
			want[i][0], want[i][1], want[i][2] = adamOne(float64(p[i]), float64(g[i]), float64(m[i]), float64(v[i]), c)
		}
		Adam(p, g, m, v, c)
		for i := range p {
			require.InDelta(t, want[i][0], p[i], eps*4, name)
			require.InDelta(t, want[i][1], m[i], eps*4, name)
			require.InDelta(t, want[i][2], v[i], eps*(4+want[i][2]), name)
		}
	}
}

func TestAdamAgainstTextbook(t *testing.T) {
	t.Run("float32", func(t *testing.T) { testAdamAgainstTextbook[float32](t, 0x1p-22) })
	t.Run("float64", func(t *testing.T) { testAdamAgainstTextbook[float64](t, 0x1p-51) })
}

func TestSGD(t *testing.T) {
	p, g := []float64{1, 2}, []float64{10, 20}
	SGD(p, g, nil, SGDParams{LR: 0.1})
	assert.InDeltaSlice(t, []float64{0, 0}, p, 1e-15)

	p, buf := []float64{1, 2}, []float64{3, 4}
	SGD(p, g, buf, SGDParams{LR: 0.1, Momentum: 0.5, Dampening: 0.25, WeightDecay: 0.5})
	assert.InDeltaSlice(t, []float64{1.5 + 0.75*10.5, 2 + 0.75*21}, buf, 1e-15)
	assert.InDeltaSlice(t, []float64{1 - 0.1*buf[0], 2 - 0.1*buf[1]}, p, 1e-15)

	p, buf = []float64{1, 2}, []float64{3, 4}
	SGD(p, g, buf, SGDParams{LR: 0.1, Momentum: 0.5, Nesterov: true})
	assert.InDeltaSlice(t, []float64{11.5, 22}, buf, 1e-15)
	assert.InDeltaSlice(t, []float64{1 - 0.1*(10+0.5*11.5), 2 - 0.1*(20+0.5*22)}, p, 1e-15)
}
