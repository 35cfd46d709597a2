package cuda_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/backend/cuda"
	"github.com/gander-ml/gander/internal/backend/cuda/driver/sim"
	"github.com/gander-ml/gander/internal/layout"
	"github.com/gander-ml/gander/internal/op"
)

// program is a list of operations on some arrays, as a step of training is one. The
// number of the step changes what is uploaded and drawn, and Adam's constants.
type program []func(b *cuda.Backend, all [][]backend.Operand, step int)

// sizes are those of the arrays of programs: what a sequence does, the most that it does,
// and more.
var sizes = []int{3, 64, 4096, 5000}

// randomProgram returns a program in which any operation may follow any other.
func randomProgram(r *rand.Rand, n int) (p program) {
	list := func(o backend.Operand) []backend.Operand { return []backend.Operand{o} }
	for range n {
		size := r.IntN(len(sizes))
		i, j, k, l := r.IntN(4), r.IntN(4), r.IntN(4), r.IntN(4)
		other := func(m int) int { return (m + 1 + r.IntN(3)) % 4 } // not m
		j, k = other(i), other(i)
		var f func(b *cuda.Backend, a []backend.Operand, all [][]backend.Operand, step int)
		switch r.IntN(15) {
		case 0:
			f = func(b *cuda.Backend, a []backend.Operand, _ [][]backend.Operand, _ int) { b.Fill(a[i], float64(k)) }
		case 1:
			f = func(b *cuda.Backend, a []backend.Operand, _ [][]backend.Operand, _ int) {
				b.Unary(op.Tanh, a[i], a[l], 0, 0)
			}
		case 2, 3:
			f = func(b *cuda.Backend, a []backend.Operand, _ [][]backend.Operand, _ int) {
				b.Binary(op.Lerp, a[i], a[j], a[k], 0.5)
			}
		case 4:
			f = func(b *cuda.Backend, a []backend.Operand, _ [][]backend.Operand, _ int) { b.Copy(a[i], a[j]) }
		case 5:
			f = func(b *cuda.Backend, a []backend.Operand, _ [][]backend.Operand, step int) {
				h := backend.NewHost(backend.Float32, a[i].Layout.Len())
				for e := range h.F32 {
					h.F32[e] = float32(e%7 + step)
				}
				b.Upload(a[i], h)
			}
		case 6:
			f = func(b *cuda.Backend, a []backend.Operand, _ [][]backend.Operand, step int) {
				b.Random(backend.Uniform, a[i], uint64(k), uint64(1000*step))
			}
		case 7:
			f = func(b *cuda.Backend, a []backend.Operand, _ [][]backend.Operand, step int) {
				b.Adam(list(a[0]), list(a[1]), list(a[2]), list(a[3]), op.AdamParams{LR: 0.1, Beta1: 0.5, Beta2: 0.9, Eps: 1e-8, Correction1: float64(step + 1), Correction2: 1})
			}
		case 8:
			f = func(b *cuda.Backend, a []backend.Operand, all [][]backend.Operand, _ int) {
				dst, x := list(a[i]), list(a[j])
				if size != 0 {
					dst, x = append(dst, all[0][i]), append(x, all[0][j])
				}
				b.Lerp(dst, x, 0.25)
			}
		case 9: // into the first of the small ones
			f = func(b *cuda.Backend, a []backend.Operand, all [][]backend.Operand, _ int) {
				if dst := all[0][l]; size != 0 {
					dst.Layout = layout.Contiguous(1)
					b.Reduce(op.Sum, dst, a[i])
				}
			}
		case 10:
			f = func(b *cuda.Backend, a []backend.Operand, all [][]backend.Operand, _ int) {
				x, w, y := all[1][i], all[1][j], all[1][l]
				if l != i && l != j {
					x.Layout, w.Layout, y.Layout = layout.Contiguous(8, 8), layout.Contiguous(8, 8), layout.Contiguous(8, 8)
					b.Linear(y, x, w, backend.Epilogue{F: op.Tanh})
				}
			}
		case 11:
			f = func(b *cuda.Backend, a []backend.Operand, all [][]backend.Operand, _ int) {
				if size == 0 {
					return
				}
				index := b.Alloc(backend.Float32, 3)
				at := backend.Operand{Buffer: index, Layout: layout.Contiguous(3)}
				b.Upload(at, backend.Host32([]float32{2, 0, 2}))
				b.Fill(a[i], float64(k)) // on the way
				b.ScatterAdd(a[i], all[0][j], 0, at)
				b.Free(index)
			}
		case 12:
			f = func(b *cuda.Backend, a []backend.Operand, all [][]backend.Operand, _ int) {
				norm := b.Alloc(backend.Float64, 1)
				o := backend.Operand{Buffer: norm, Layout: layout.Contiguous(1)}
				b.Norm(o, []backend.Operand{a[i], all[0][j]})
				dst := all[0][k]
				dst.Layout = layout.Contiguous(1)
				b.Copy(dst, o)
				b.Free(norm)
			}
		case 13:
			f = func(b *cuda.Backend, a []backend.Operand, _ [][]backend.Operand, _ int) {
				t := backend.Operand{Buffer: b.Alloc(backend.Float32, a[i].Layout.Len()), Layout: a[i].Layout}
				b.Binary(op.Add, t, a[i], a[j], 0)
				b.Unary(op.Scale, t, t, 0.5, 0)
				b.Copy(a[k], t)
				b.Free(t.Buffer)
			}
		case 14:
			if r.IntN(3) == 0 {
				f = func(b *cuda.Backend, a []backend.Operand, _ [][]backend.Operand, _ int) { read(b, a[i]) }
			}
		}
		if f != nil {
			p = append(p, func(b *cuda.Backend, all [][]backend.Operand, step int) { f(b, all[size], all, step) })
		}
	}
	return p
}

// TestAnyOrder: whatever operations follow one another, held back, in sequences and as
// graphs they give the bits that they give one by one.
func TestAnyOrder(t *testing.T) {
	programs := 60
	switch {
	case *full:
		programs = 500
	case testing.Short():
		programs = 15
	}
	held, _ := open(t, sim.Config{Fast: true})
	single, _ := open(t, sim.Config{Fast: true})
	for seed := range programs {
		r := rand.New(rand.NewPCG(uint64(seed), 1))
		p := randomProgram(r, 5+r.IntN(40))
		var all [2][][]backend.Operand
		for i, b := range []*cuda.Backend{held, single} {
			for _, n := range sizes {
				var some []backend.Operand
				for k := range 4 {
					o := array(b, n)
					b.Fill(o, 0.1*float64(k+1))
					some = append(some, o)
				}
				all[i] = append(all[i], some)
			}
		}
		for step := range 4 {
			for _, f := range p {
				f(held, all[0], step)
				f(single, all[1], step)
				single.Sync()
			}
			for i := range sizes {
				for k := range 4 {
					// NaNs are equal, too.
					require.Equal(t, fmt.Sprint(read(single, all[1][i][k])), fmt.Sprint(read(held, all[0][i][k])), "program %d, step %d, array %d of %d", seed, step, k, sizes[i])
				}
			}
		}
		for i, b := range []*cuda.Backend{held, single} {
			for _, some := range all[i] {
				for _, o := range some {
					b.Free(o.Buffer)
				}
			}
		}
	}
}
