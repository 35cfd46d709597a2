package kernel

import "math"

// AdamParams are the constants of one Adam step, with PyTorch's names. They are
// combined in float64 and rounded once to the parameters' type.
type AdamParams struct {
	LR, Beta1, Beta2, Eps float64
	Correction1           float64 // 1 − β₁ᵗ
	Correction2           float64 // 1 − β₂ᵗ
	WeightDecay           float64
	Decoupled             bool // AdamW: the decay multiplies p and skips the moments
}

// Adam updates parameters p and their first and second moments m and v from
// gradients g, all of one length, in one pass (PyTorch's arithmetic, each
// operation rounded, none fused):
//
//	g ← g + λ·p                       (L2 decay only; g itself is not changed)
//	p ← p·(1 − lr·λ)                  (decoupled decay only)
//	m ← m + (1−β₁)·(g − m)
//	v ← β₂·v + ((1−β₂)·g)·g
//	p ← p + (−lr/c₁ · m) / (√v/√c₂ + ε)
func Adam[T Float](p, g, m, v []T, c AdamParams) {
	adamGeneric(p, g, m, v, adamRound[T](c))
}

// adamConsts are the constants that the inner loop uses.
type adamConsts[T Float] struct {
	l2, decay, w1, beta2, w2, root, eps, step T
}

func adamRound[T Float](c AdamParams) adamConsts[T] {
	l2, decay := c.WeightDecay, 1.0
	if c.Decoupled {
		l2, decay = 0, 1-c.LR*c.WeightDecay
	}
	return adamConsts[T]{
		l2: T(l2), decay: T(decay),
		w1: T(1 - c.Beta1), beta2: T(c.Beta2), w2: T(1 - c.Beta2),
		root: T(math.Sqrt(c.Correction2)), eps: T(c.Eps), step: T(-c.LR / c.Correction1),
	}
}

// adamGeneric is Adam as a plain loop, and its definition. Multiplying by a
// decay of 1 changes nothing; adding an l2 of 0 could (0·Inf), so it is left
// out.
func adamGeneric[T Float](p, g, m, v []T, k adamConsts[T]) {
	n := len(p)
	g, m, v = g[:n], m[:n], v[:n]
	for i := range p {
		grad, param := g[i], p[i]
		if k.l2 != 0 {
			grad += T(k.l2 * param)
		}
		m1 := m[i] + T(k.w1*(grad-m[i]))
		v1 := T(k.beta2*v[i]) + T(T(k.w2*grad)*grad)
		denom := T(math.Sqrt(float64(v1)))/k.root + k.eps
		m[i], v[i], p[i] = m1, v1, T(param*k.decay)+T(k.step*m1)/denom
	}
}

// SGDParams are the constants of one step of gradient descent, with PyTorch's
// names.
type SGDParams struct {
	LR, Momentum, Dampening, WeightDecay float64
	Nesterov                             bool
}

// SGD updates parameters p and the momentum buffer buf from gradients g, all of
// one length (PyTorch's arithmetic, each operation rounded, none fused):
//
//	g   ← g + λ·p                      (g itself is not changed)
//	buf ← μ·buf + (1−dampening)·g
//	d   ← g + μ·buf if Nesterov, else buf
//	p   ← p − lr·d
//
// A nil buf means no momentum: d = g. For PyTorch's first step, which sets buf
// to g, pass a zero buf and a Dampening of 0.
func SGD[T Float](p, g, buf []T, c SGDParams) {
	n := len(p)
	g = g[:n]
	lr, mu, w, l2 := T(-c.LR), T(c.Momentum), T(1-c.Dampening), T(c.WeightDecay)
	for i := range p {
		d := g[i]
		if l2 != 0 {
			d += T(l2 * p[i])
		}
		if buf != nil {
			b := T(mu*buf[i]) + T(w*d)
			buf[i] = b
			if c.Nesterov {
				b = d + T(mu*b)
			}
			d = b
		}
		p[i] += T(lr * d)
	}
}
