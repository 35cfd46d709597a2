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
// operation rounded, none fused; λ is the weight decay):
//
//	g ← g + λ·p                       (0·p if decoupled; g itself is not changed)
//	p ← p·(1 − lr·λ)                  (if decoupled)
//	m ← m + (1−β₁)·(g − m)
//	v ← β₂·v + ((1−β₂)·g)·g
//	p ← p + (−lr/c₁ · m) / (√v · 1/√c₂ + ε)
//
// PyTorch divides by √c₂ where this multiplies by its inverse: a second
// division costs a third of the time.
func Adam[T Float](p, g, m, v []T, c AdamParams) {
	n := len(p)
	g, m, v = g[:n], m[:n], v[:n]
	k := c.consts()
	for i := 0; i < n; i += chunk {
		end := min(i+chunk, n)
		args := vecArgs{dst: pointer(p[i:]), x: pointer(g[i:]), y: pointer(m[i:]), z: pointer(v[i:]), n: end - i, k: round[float32](k)}
		if !vectors[T]() || !callAdam(&args) {
			adamGeneric(p[i:end], g[i:end], m[i:end], v[i:end], round[T](k))
		}
	}
}

// consts are the constants of the inner loop, in the order of their use.
func (c AdamParams) consts() [8]float64 {
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
	if buf != nil {
		buf = buf[:n]
	}
	k := [8]float64{c.WeightDecay, c.Momentum, 1 - c.Dampening, -c.LR}
	for i := 0; i < n; i += chunk {
		end := min(i+chunk, n)
		args := vecArgs{dst: pointer(p[i:]), x: pointer(g[i:]), n: end - i, k: round[float32](k)}
		var b []T
		if buf != nil {
			b = buf[i:end]
			args.y = pointer(b)
		}
		if !vectors[T]() || !callDescent(&args, c.Nesterov) {
			sgdGeneric(p[i:end], g[i:end], b, c.Nesterov, round[T](k))
		}
	}
}

// callDescent runs the routine of SGD, and reports whether there is one.
func callDescent(a *vecArgs, nesterov bool) bool {
	switch {
	case a.y == nil:
		return callSGD(a)
	case nesterov:
		return callNesterov(a)
	}
	return callMomentum(a)
}

// sgdGeneric is SGD as plain loops, and its definition.
func sgdGeneric[T Float](p, g, buf []T, nesterov bool, k [8]T) {
	l2, mu, w, step := k[0], k[1], k[2], k[3]
	if buf == nil {
		for i, param := range p {
			d := g[i] + T(l2*param)
			p[i] = param + T(step*d)
		}
		return
	}
	for i, param := range p {
		d := g[i] + T(l2*param)
		b := T(mu*buf[i]) + T(w*d)
		buf[i] = b
		if nesterov {
			b = d + T(mu*b)
		}
		p[i] = param + T(step*b)
	}
}
