package simdlapack

import (
	"github.com/gander-ml/gander/internal/gemm"
	"github.com/gander-ml/gander/internal/givens"
	"github.com/gander-ml/gander/internal/parallel"
)

// Iterations for singular values and eigenvalues rotate neighbouring vectors, sweep
// after sweep. The next sweep does not depend on the vectors, so many sweeps are
// gathered first and then applied to a few components of all vectors while those
// are in the cache.

// panels hold count vectors in the memory order of package givens.
type panels struct {
	data   []float64
	count  int // vectors
	length int // of each
}

// shape makes p one for count vectors of the given length, whose components it
// leaves open. What the last panel has beyond them is zero: it is turned too, and numbers
// that happened to be subnormal would take long.
func (p *panels) shape(count, length int) {
	p.count, p.length = count, length
	p.data = resize(p.data, p.number()*count*givens.Width)
	if length%givens.Width != 0 {
		last, _, _ := p.panel(p.number() - 1)
		clear(last)
	}
}

// number is how many panels there are.
func (p *panels) number() int { return (p.length + givens.Width - 1) / givens.Width }

// panel returns the i-th panel and which components are in it.
func (p *panels) panel(i int) (data []float64, lo, hi int) {
	size := p.count * givens.Width
	return p.data[i*size:][:size], i * givens.Width, min((i+1)*givens.Width, p.length)
}

// loadRows has p hold the rows of the count×length matrix a.
func (p *panels) loadRows(count, length int, a []float64, lda int) {
	p.shape(count, length)
	for i := range p.number() {
		data, lo, hi := p.panel(i)
		gemm.CopyRows(data, givens.Width, a[lo:], lda, count, hi-lo)
	}
}

// loadColumns has p hold the columns of the length×count matrix a.
func (p *panels) loadColumns(count, length int, a []float64, lda int) {
	p.shape(count, length)
	for i := range p.number() {
		data, lo, hi := p.panel(i)
		gemm.Transpose(data, givens.Width, a[lo*lda:], lda, hi-lo, count)
	}
}

// store writes the vectors to t, the one of number order[k] as the k-th, with the other
// sign if negate[order[k]].
func (p *panels) store(t *target, order []int, negate []bool, scratch *[]float64) {
	*scratch = resize(*scratch, p.count*givens.Width)
	sorted := *scratch
	for i := range p.number() {
		data, lo, hi := p.panel(i)
		for k, from := range order {
			to, from, minus := (*[givens.Width]float64)(sorted[k*givens.Width:]), (*[givens.Width]float64)(data[from*givens.Width:]), negate != nil && negate[from]
			if *to = *from; minus {
				for j := range to {
					to[j] = -to[j]
				}
			}
		}
		if t.rows {
			gemm.CopyRows(t.data[lo:], t.ld, sorted, givens.Width, p.count, hi-lo)
		} else {
			gemm.Transpose(t.data[lo*t.ld:], t.ld, sorted, givens.Width, p.count, hi-lo)
		}
	}
}

// target is a matrix whose rows, or else columns, become vectors.
type target struct {
	data []float64
	ld   int
	rows bool
}

// sweep turns count pairs of neighbouring vectors, from first on in the direction
// of step, by the rotations that begin at the given one.
type sweep struct{ first, step, count, rotation int }

// turns gathers sweeps for up to two sets of as many vectors.
type turns struct {
	vectors   [2]*panels // nil for a set that does not exist
	sweeps    []sweep
	rotations [2][]givens.Rotation
	used      int // rotations of each set
}

// sweepsAtOnce is how many long sweeps are gathered. Their rotations should stay in
// the L2 cache.
const sweepsAtOnce = 16

func (t *turns) reset(count int, first, second *panels) {
	t.vectors = [2]*panels{first, second}
	t.sweeps, t.used = t.sweeps[:0], 0
	room := max(sweepsAtOnce*count, 1024)
	for i := range t.rotations {
		t.rotations[i] = resize(t.rotations[i], room)
	}
}

// sweep adds a sweep and returns where its rotations are to be written, for the
// first set of vectors and for the second, before the next call.
func (t *turns) sweep(first, step, count int) (a, b []givens.Rotation) {
	if t.used+count > len(t.rotations[0]) {
		t.apply()
	}
	at := t.used
	t.used += count
	t.sweeps = append(t.sweeps, sweep{first, step, count, at})
	return t.rotations[0][at:t.used:t.used], t.rotations[1][at:t.used:t.used]
}

// apply turns the vectors by what was gathered.
func (t *turns) apply() {
	if len(t.sweeps) == 0 {
		return
	}
	n := 0
	for _, p := range t.vectors {
		if p != nil {
			n += p.number()
		}
	}
	// A rotation of one panel takes 1 to 2 ns.
	parallel.Run(n, 1+grainRotations/t.used, (*turner)(t))
	t.sweeps, t.used = t.sweeps[:0], 0
}

// grainRotations is how many rotations another thread is worth.
const grainRotations = 20000

type turner turns

func (t *turner) Run(lo, hi int) {
	for i := lo; i < hi; i++ {
		set, at := 0, i
		if p := t.vectors[0]; p == nil {
			set = 1
		} else if at >= p.number() {
			set, at = 1, at-p.number()
		}
		data, _, _ := t.vectors[set].panel(at)
		rotations := t.rotations[set]
		for _, s := range t.sweeps {
			givens.Apply(data, s.first, s.step, rotations[s.rotation:][:s.count])
		}
	}
}

// resize returns a slice of n elements, s's memory if there is enough.
func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
