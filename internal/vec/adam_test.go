package vec

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/internal/op"
)

// adamParams covers the plain step and both kinds of decay.
var adamParams = map[string]op.AdamParams{
	"plain": {LR: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Correction1: 1 - math.Pow(0.9, 3), Correction2: 1 - math.Pow(0.999, 3)},
	"l2":    {LR: 1e-2, Beta1: 0.5, Beta2: 0.99, Eps: 1e-6, Correction1: 0.75, Correction2: 0.02, WeightDecay: 0.1},
	"adamw": {LR: 1e-2, Beta1: 0, Beta2: 0.9, Eps: 1e-8, Correction1: 1, Correction2: 1, WeightDecay: 0.1, Decoupled: true},
}

// adamOne is the textbook's step of one parameter.
func adamOne(p, g, m, v float64, c op.AdamParams) (float64, float64, float64) {
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

// Every implementation gives the bits of the plain loops, and changes nothing
// else.
func TestAdamEveryLength(t *testing.T) {
	const size = 2*chunk + 17
	p, g, m, v := inputs(size, 1), inputs(size, 2), inputs(size, 3), inputs(size, 4)
	for name, c := range adamParams {
		wantP, wantM, wantV := slices.Clone(p), slices.Clone(m), slices.Clone(v)
		adamGeneric(wantP, g, wantM, wantV, round[float32](adamConstants(c)))
		t.Run(name, func(t *testing.T) {
			underEach(t, func(t *testing.T) {
				run := func(n, o int) {
					gotP, checkP := fenced(p[o:o+n], o)
					gotG, _ := fenced(g[o:o+n], 15-o)
					gotM, checkM := fenced(m[o:o+n], o/2)
					gotV, checkV := fenced(v[o:o+n], 3)
					Adam(gotP, gotG, gotM, gotV, c)
					requireSame(t, wantP[o:o+n], gotP, "p, n %d", n)
					requireSame(t, g[o:o+n], gotG, "g, n %d", n)
					requireSame(t, wantM[o:o+n], gotM, "m, n %d", n)
					requireSame(t, wantV[o:o+n], gotV, "v, n %d", n)
					checkP(t)
					checkM(t)
					checkV(t)
				}
				everyLength(run)
				for _, n := range wideLengths {
					run(n, 0)
				}
			})
		})
	}
}
