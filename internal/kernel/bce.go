package kernel

import "math"

// BCEWithLogits sets dst[i] = t·softplus(−x) + (1−t)·softplus(x) and
// slope[i] = sigmoid(x) − t, for x[i] and t[i]; all are as long as dst. It has
// no assembly: a batch has one logit a sample.
func BCEWithLogits[T Float](dst, slope, x, t []T) {
	n := len(dst)
	slope, x, t = slope[:n], x[:n], t[:n]
	for i := range dst {
		v, target := float64(x[i]), float64(t[i])
		// Both softplus share ln(1+e^−|x|).
		e := math.Exp(-math.Abs(v))
		l := math.Log1p(e)
		dst[i] = T(target*(max(-v, 0)+l) + (1-target)*(max(v, 0)+l))
		sigmoid := 1 / (1 + e)
		if v < 0 {
			sigmoid = e / (1 + e)
		}
		slope[i] = T(sigmoid - target)
	}
}
