package vec

import (
	"math"

	"github.com/gander-ml/gander/internal/op"
)

// Adam updates parameters p and their first and second moments m and v from
// gradients g, all of one length, in one pass (PyTorch's arithmetic, each
// operation rounded, none fused; λ is the weight decay):
//
//	g ← g + λ·p                       (0·p if decoupled; g itself is not changed)
//	p ← p·(1 − lr·λ)                  (if decoupled)
//	m ← m + (1−β₁)·(g − m)
//	v ← β₂·v + ((1−β₂)·g)·g
//	p ← p + (−lr/c₁ · m) / (√v · 1/√c₂ + ε)
//
// PyTorch divides by √c₂; this multiplies by its inverse, because a second
// division costs a third of the time.
func Adam[T Float](p, g, m, v []T, c op.AdamParams) {
	n := len(p)
	g, m, v = g[:n], m[:n], v[:n]
	k := adamConstants(c)
	for i := 0; i < n; i += chunk {
		end := min(i+chunk, n)
		args := vecArgs{dst: pointer(p[i:]), x: pointer(g[i:]), y: pointer(m[i:]), z: pointer(v[i:]), n: end - i, k: round[float32](k)}
		if !vectors[T]() || !callAdam(&args) {
			adamGeneric(p[i:end], g[i:end], m[i:end], v[i:end], round[T](k))
		}
	}
}

// adamConstants are the constants of the inner loop, in the order of their use.
// They are combined in float64 and rounded once to the parameters' type.
func adamConstants(c op.AdamParams) [8]float64 {
	l2, decay := c.WeightDecay, 1.0
	if c.Decoupled {
		l2, decay = 0, 1-c.LR*c.WeightDecay
	}
	return [8]float64{l2, decay, 1 - c.Beta1, c.Beta2, 1 - c.Beta2, 1 / math.Sqrt(c.Correction2), c.Eps, -c.LR / c.Correction1}
}

func round[T Float](k [8]float64) (r [8]T) {
	for i, v := range k {
		r[i] = T(v)
	}
	return r
}

// adamGeneric is Adam as a plain loop, and its definition.
func adamGeneric[T Float](p, g, m, v []T, k [8]T) {
	l2, decay, w1, beta2, w2, root, eps, step := k[0], k[1], k[2], k[3], k[4], k[5], k[6], k[7]
	for i, param := range p {
		grad := g[i] + T(l2*param)
		m1 := m[i] + T(w1*(grad-m[i]))
		v1 := T(beta2*v[i]) + T(T(w2*grad)*grad)
		denom := T(T(math.Sqrt(float64(v1)))*root) + eps
		m[i], v[i], p[i] = m1, v1, T(param*decay)+T(step*m1)/denom
	}
}
