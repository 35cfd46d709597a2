package givens

// Width is the number of components of each vector in a panel.
const Width = 16

// Rotation turns two vectors x and y into C·x + S·y and C·y − S·x.
type Rotation struct{ C, S float64 }

// Apply applies rotations one after the other to the vectors of a panel: the first one to the
// vectors first and first+step, the next to first+step and first+2·step, and so on. step is
// 1 or −1. It panics if a vector is not in the panel.
func Apply(panel []float64, first, step int, rotations []Rotation) {
	n := len(rotations)
	if n == 0 {
		return
	}
	if step != 1 && step != -1 {
		panic("givens: step is neither 1 nor -1")
	}
	last := first + n*step
	_, _ = panel[first*Width:][:Width], panel[last*Width:][:Width]
	for n > 0 {
		k := min(n, atOnce)
		apply(panel, first, step, rotations[:k])
		first, rotations, n = first+k*step, rotations[k:], n-k
	}
}

// atOnce is how many rotations one call of assembly, which cannot be preempted,
// applies.
const atOnce = 4096

// generic is Apply for arguments that were checked.
func generic(panel []float64, first, step int, rotations []Rotation) {
	x := (*[Width]float64)(panel[first*Width:])
	for _, r := range rotations {
		first += step
		y := (*[Width]float64)(panel[first*Width:])
		for j, b := range y {
			a := x[j]
			x[j] = r.C*a + r.S*b
			y[j] = r.C*b - r.S*a
		}
		x = y
	}
}
