package simdlapack

import (
	"math"

	"gonum.org/v1/gonum/lapack/gonum"

	"github.com/gander-ml/gander/internal/givens"
)

type rotations = []givens.Rotation

// rotation returns c and s with c·f + s·g = r and c·g − s·f = 0.
func rotation(f, g float64) (c, s, r float64) {
	// If neither the squares nor what they lose to underflow matters, the result is
	// accurate to a few units in the last place.
	if h := f*f + g*g; h > 0x1p-900 && h < 0x1p1020 {
		r = math.Sqrt(h)
		return f / r, g / r, r
	}
	return gonum.Implementation{}.Dlartg(f, g)
}
