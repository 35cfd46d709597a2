package cpu

import (
	"fmt"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/layout"
	"github.com/gander-ml/gander/internal/op"
	"github.com/gander-ml/gander/internal/parallel"
	"github.com/gander-ml/gander/internal/vec"
)

// Elements in one piece of work: enough to outweigh giving it to a thread, and few
// enough to share a layer between threads.
const (
	grainCheap  = 16 << 10 // additions, copies
	grainCostly = 4 << 10  // exponentials and the like
)

// family is the kind of a task.
type family uint8

const (
	famFill family = iota
	famCopy
	famUnary
	famBinary
	famWhere
	famMulAdd
)

// task is an element-wise operation with its constants.
type task struct {
	family family
	unary  op.Unary
	binary op.Binary
	a, b   float64
}

// loop is a task for arrays of equal dims, any strides.
type loop[T vec.Float] struct {
	task
	args int // arrays in use: the destination and its sources
	data [4][]T
	lay  [4]layout.Layout
}

// scratch is the length of the pieces that are gathered from strided arrays.
const scratch = 256

// buffers hold pieces gathered from strided arrays.
type buffers[T vec.Float] [4][scratch]T

// Run computes elements lo to hi in row-major order of the coalesced dims.
func (l *loop[T]) Run(lo, hi int) {
	rank := l.lay[0].Rank
	var at [4]int // the place of element lo of each array
	for arg := range l.args {
		at[arg] = l.lay[arg].Offset
	}
	if rank == 0 {
		l.span(&at, 1)
		return
	}
	var index [layout.MaxRank]int
	for k, rest := rank-1, lo; k >= 0; k-- {
		d := l.lay[0].Dims[k]
		index[k] = rest % d
		rest /= d
		for arg := range l.args {
			at[arg] += index[k] * l.lay[arg].Strides[k]
		}
	}
	inner := l.lay[0].Dims[rank-1]
	col := index[rank-1]
	for {
		n := min(inner-col, hi-lo)
		l.span(&at, n)
		if lo += n; lo >= hi {
			return
		}
		for arg := range l.args {
			at[arg] -= col * l.lay[arg].Strides[rank-1]
		}
		col = 0
		for k := rank - 2; k >= 0; k-- {
			index[k]++
			wrap := index[k] == l.lay[0].Dims[k]
			for arg := range l.args {
				s := l.lay[arg].Strides[k]
				if at[arg] += s; wrap {
					at[arg] -= index[k] * s
				}
			}
			if !wrap {
				break
			}
			index[k] = 0
		}
	}
}

// stride returns the distance of neighbours along the innermost axis.
func (l *loop[T]) stride(arg int) int {
	if r := l.lay[arg].Rank; r > 0 {
		return l.lay[arg].Strides[r-1]
	}
	return 1
}

// span computes n neighbours along the innermost axis.
func (l *loop[T]) span(at *[4]int, n int) {
	direct := l.stride(0) == 1
	for arg := 1; arg < l.args; arg++ {
		// Only copies, binary functions and the first factor of a product take a single
		// number for a whole array; others gather it like any strided array.
		s := l.stride(arg)
		direct = direct && (s == 1 || s == 0 && (l.family == famBinary || l.family == famCopy || l.family == famMulAdd && arg == 1))
	}
	if !direct {
		l.gathered(*at, n)
		return
	}
	var p [4][]T
	p[0] = l.data[0][at[0]:][:n]
	for arg := 1; arg < l.args; arg++ {
		if l.stride(arg) == 0 {
			p[arg] = l.data[arg][at[arg]:][:1]
		} else {
			p[arg] = l.data[arg][at[arg]:][:n]
		}
	}
	l.compute(&p)
}

// gathered computes a span through buffers.
func (l *loop[T]) gathered(at [4]int, n int) {
	pool := &poolOf[T]().buffers
	buf := take[buffers[T]](pool)
	for n > 0 {
		m := min(n, scratch)
		var p [4][]T
		for arg := range l.args {
			p[arg] = buf[arg][:m]
			if s := l.stride(arg); s == 1 && arg == 0 {
				p[arg] = l.data[arg][at[arg]:][:m]
			} else if arg > 0 {
				src := l.data[arg]
				for i := range p[arg] {
					p[arg][i] = src[at[arg]+i*s]
				}
			}
		}
		l.compute(&p)
		if s := l.stride(0); s != 1 {
			for i, v := range p[0] {
				l.data[0][at[0]+i*s] = v
			}
		}
		for arg := range l.args {
			at[arg] += m * l.stride(arg)
		}
		n -= m
	}
	pool.Put(buf)
}

// compute runs the kernel on contiguous pieces, the destination first.
func (l *loop[T]) compute(p *[4][]T) {
	switch l.family {
	case famFill:
		v := T(l.a)
		for i := range p[0] {
			p[0][i] = v
		}
	case famCopy:
		if len(p[1]) < len(p[0]) {
			v := p[1][0]
			for i := range p[0] {
				p[0][i] = v
			}
			return
		}
		copy(p[0], p[1])
	case famUnary:
		vec.Unary(l.unary, p[0], p[1], l.a, l.b)
	case famBinary:
		vec.Binary(l.binary, p[0], p[1], p[2], l.a)
	case famWhere:
		vec.Where(p[0], p[1], p[2], p[3])
	case famMulAdd:
		mulAdd(p[0], p[1], p[2], p[3])
	}
}

// mulAddLength is the number of products that wait, in the L1 cache, to be added.
const mulAddLength = 2048

// mulAdd sets dst = x·y + z, where x may be a single number.
func mulAdd[T vec.Float](dst, x, y, z []T) {
	for len(dst) > 0 {
		n := min(mulAddLength, len(dst))
		factor := x
		if len(x) > 1 {
			factor, x = x[:n], x[n:]
		}
		vec.Binary(op.Mul, dst[:n], factor, y[:n], 0)
		vec.Binary(op.Add, dst[:n], dst[:n], z[:n], 0)
		dst, y, z = dst[n:], y[n:], z[n:]
	}
}

// do shares a task among threads. The operands are of one dtype, the
// destination first.
func do(t task, grain int, operands ...backend.Operand) {
	switch {
	case operands[0].Layout.Len() == 0:
	case operands[0].Is64():
		runLoop[float64](t, grain, operands)
	default:
		runLoop[float32](t, grain, operands)
	}
}

func runLoop[T vec.Float](t task, grain int, operands []backend.Operand) {
	pool := &poolOf[T]().loop
	l := take[loop[T]](pool) // filled in place: it is large
	l.task, l.args = t, len(operands)
	var layouts [4]*layout.Layout
	for i := range operands {
		l.lay[i] = operands[i].Layout
		l.data[i] = buffer[T](operands[i])
		layouts[i] = &l.lay[i]
	}
	layout.SortAxes(layouts[:l.args]...)
	layout.Coalesce(layouts[:l.args]...)
	lengthen(layouts[:l.args])
	parallel.Run(operands[0].Layout.Len(), grain, l)
	l.data = [4][]T{}
	pool.Put(l)
}

// lengthen brings a longer axis to the end if the innermost is short, as it is
// when blocks of pixels are rearranged: each span has a price of its own.
func lengthen(ls []*layout.Layout) {
	const short = 16
	rank := ls[0].Rank
	if rank < 2 || ls[0].Dims[rank-1] >= short {
		return
	}
	for k := rank - 2; k >= 0; k-- {
		if ls[0].Dims[k] < short {
			continue
		}
		for _, l := range ls {
			l.Dims[k], l.Dims[rank-1] = l.Dims[rank-1], l.Dims[k]
			l.Strides[k], l.Strides[rank-1] = l.Strides[rank-1], l.Strides[k]
		}
		return
	}
}

// Copy sets dst = src, converting between dtypes.
func (*Backend) Copy(dst, src backend.Operand) {
	switch d, s := dst.Is64(), src.Is64(); {
	case d == s:
		copyAlike(dst, src)
	case d:
		convert[float64, float32](dst, src)
	default:
		convert[float32, float64](dst, src)
	}
}

// copyAlike copies between operands of one dtype.
func copyAlike(dst, src backend.Operand) {
	switch t, ok := transpositionOf(&dst.Layout, &src.Layout); {
	case !ok:
		do(task{family: famCopy}, grainCheap, dst, src)
	case dst.Is64():
		transpose(t, buffer[float64](dst), buffer[float64](src))
	default:
		transpose(t, buffer[float32](dst), buffer[float32](src))
	}
}

// convert copies between dtypes. It is rare, so it is a plain loop on one thread.
func convert[D, S vec.Float](dst, src backend.Operand) {
	d, s := buffer[D](dst), buffer[S](src)
	ld, ls := dst.Layout, src.Layout
	layout.Coalesce(&ld, &ls)
	var index [layout.MaxRank]int
	at, from := ld.Offset, ls.Offset
	for range dst.Layout.Len() {
		d[at] = D(s[from])
		for k := ld.Rank - 1; k >= 0; k-- {
			at += ld.Strides[k]
			from += ls.Strides[k]
			if index[k]++; index[k] < ld.Dims[k] {
				break
			}
			at -= index[k] * ld.Strides[k]
			from -= index[k] * ls.Strides[k]
			index[k] = 0
		}
	}
}

// Fill sets every element to v.
func (*Backend) Fill(dst backend.Operand, v float64) {
	do(task{family: famFill, a: v}, grainCheap, dst)
}

// Unary sets dst = f(x).
func (*Backend) Unary(f op.Unary, dst, x backend.Operand, a, b float64) {
	do(task{family: famUnary, unary: f, a: a, b: b}, grainOf(f), dst, x)
}

// grainOf returns the elements in a piece of work of a unary function. It panics if the
// function is in neither list, so that a new one is not taken for a cheap one.
func grainOf(f op.Unary) int {
	switch f {
	case op.None, op.Neg, op.Abs, op.Sign, op.Square, op.Sqrt, op.Reciprocal, op.ReLU, op.LeakyReLU, op.Scale, op.Shift, op.Clamp:
		return grainCheap
	case op.Exp, op.Log, op.Sin, op.Cos, op.Tanh, op.Sigmoid, op.Softplus, op.PowScalar, op.Erf, op.Erfc, op.GELU, op.ELU:
		return grainCostly
	}
	panic(fmt.Sprintf("cpu: %v is in no list of grainOf", f))
}

// Binary sets dst = f(x, y).
func (*Backend) Binary(f op.Binary, dst, x, y backend.Operand, a float64) {
	grain := grainCheap
	switch f {
	case op.SoftplusGrad, op.GELUGrad, op.Gauss, op.ELUGrad:
		grain = grainCostly
	}
	t := task{family: famBinary, binary: f, a: a}
	switch {
	case repeat(f, dst, x, y, a):
	case dst.Is64():
		binary[float64](t, grain, dst, x, y)
	default:
		binary[float32](t, grain, dst, x, y)
	}
}

func binary[T vec.Float](t task, grain int, dst, x, y backend.Operand) {
	if nearBinary[T](t.binary, t.a, grain, dst, x, y) {
		return
	}
	x, left := transposedCopy[T](x, &dst.Layout)
	y, right := transposedCopy[T](y, &dst.Layout)
	do(t, grain, dst, x, y)
	left.giveBack()
	right.giveBack()
}

// MulAdd sets dst = x·y + z.
func (*Backend) MulAdd(dst, x, y, z backend.Operand) {
	if dst.Is64() {
		mulAddLike[float64](dst, x, y, z)
	} else {
		mulAddLike[float32](dst, x, y, z)
	}
}

func mulAddLike[T vec.Float](dst, x, y, z backend.Operand) {
	x, first := transposedCopy[T](x, &dst.Layout)
	y, second := transposedCopy[T](y, &dst.Layout)
	z, third := transposedCopy[T](z, &dst.Layout)
	do(task{family: famMulAdd}, grainCheap, dst, x, y, z)
	first.giveBack()
	second.giveBack()
	third.giveBack()
}

// Where sets dst to x if cond ≠ 0, else to y.
func (*Backend) Where(dst, cond, x, y backend.Operand) {
	do(task{family: famWhere}, grainCheap, dst, cond, x, y)
}
