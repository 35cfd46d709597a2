package givens

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/internal/isa"
)

// plain is what Apply must compute, one number after the other.
func plain(panel []float64, first, step int, rotations []Rotation) {
	for i, r := range rotations {
		x, y := (first+i*step)*Width, (first+(i+1)*step)*Width
		for j := range Width {
			a, b := panel[x+j], panel[y+j]
			panel[x+j], panel[y+j] = r.C*a+r.S*b, r.C*b-r.S*a
		}
	}
}

func TestApply(t *testing.T) {
	for _, set := range isa.Implementations() {
		t.Run(set, func(t *testing.T) {
			defer isa.Use(set)()
			r := rand.New(rand.NewPCG(1, 2))
			for _, n := range []int{0, 1, 2, 3, 4, 5, 7, 8, 31, 100, atOnce, atOnce + 1, 2*atOnce + 3} {
				for _, step := range []int{1, -1} {
					const guard = 3 // vectors before and after that must stay as they are
					panel := make([]float64, (n+1+2*guard)*Width)
					for i := range panel {
						panel[i] = r.NormFloat64()
					}
					rotations := make([]Rotation, n)
					for i := range rotations {
						sin, cos := math.Sincos(r.Float64() * 7)
						rotations[i] = Rotation{cos, sin}
					}
					first := guard
					if step < 0 {
						first += n
					}
					want := append([]float64(nil), panel...)
					plain(want, first, step, rotations)
					before := append([]float64(nil), panel...)
					Apply(panel, first, step, rotations)
					for i, v := range panel {
						if inside := i/Width - guard; n == 0 || inside < 0 || inside > n {
							require.Equal(t, before[i], v, "n %d step %d: number %d is not Apply's", n, step, i)
						} else {
							// Each number is a sum of a few thousand at most, of size 1.
							require.InDelta(t, want[i], v, 1e-12, "n %d step %d: number %d", n, step, i)
						}
					}
				}
			}
		})
	}
}

// TestSpecial has numbers that are none, infinite, and too large or too small to
// be turned without care.
func TestSpecial(t *testing.T) {
	for _, set := range isa.Implementations() {
		t.Run(set, func(t *testing.T) {
			defer isa.Use(set)()
			values := []float64{0, math.Copysign(0, -1), 1, -1, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, 5e-324, -5e-324, 0x1p-1022}
			panel := make([]float64, 3*Width)
			for turn := range len(values) {
				for i := range panel {
					panel[i] = values[(i*(turn+1)+i/Width)%len(values)]
				}
				rotations := []Rotation{{0.6, 0.8}, {0, -1}}
				want := append([]float64(nil), panel...)
				plain(want, 0, 1, rotations)
				Apply(panel, 0, 1, rotations)
				for i := range want {
					switch {
					case math.IsNaN(want[i]):
						assert.True(t, math.IsNaN(panel[i]), "number %d is %v, not NaN", i, panel[i])
					case math.IsInf(want[i], 0):
						assert.Equal(t, want[i], panel[i])
					default:
						assert.InDelta(t, want[i], panel[i], math.Abs(want[i])*1e-15+5e-324, "number %d", i)
					}
				}
			}
		})
	}
}

func TestOutside(t *testing.T) {
	panel := make([]float64, 4*Width)
	rotations := make([]Rotation, 3)
	assert.NotPanics(t, func() { Apply(panel, 0, 1, rotations); Apply(panel, 3, -1, rotations) })
	for _, c := range [][2]int{{1, 1}, {2, -1}, {-1, 1}, {4, -1}, {0, 2}, {0, 0}} {
		assert.Panics(t, func() { Apply(panel, c[0], c[1], rotations) }, "first %d step %d", c[0], c[1])
	}
}

func BenchmarkApply(b *testing.B) {
	for _, set := range isa.Implementations() {
		b.Run("impl="+set, func(b *testing.B) {
			defer isa.Use(set)()
			panel := make([]float64, 301*Width)
			rotations := make([]Rotation, 300)
			for i := range rotations {
				rotations[i] = Rotation{0.6, 0.8}
			}
			for b.Loop() {
				Apply(panel, 0, 1, rotations)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/300, "ns/rotation")
		})
	}
}
