package cpu

import (
	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/kernel"
	"github.com/gander-ml/gander/internal/layout"
	"github.com/gander-ml/gander/internal/parallel"
)

// Elements in one piece of work: enough to outweigh handing it over, and few
// enough to share a layer between threads.
const (
	grainCheap  = 16 << 10 // additions, copies
	grainCostly = 4 << 10  // exponentials and their kin
)

// family tells what a loop does with its pieces.
type family uint8

const (
	famFill family = iota
	famCopy
	famUnary
	famBinary
	famAddScaled
	famLerp
	famWhere
)

// loop is one element-wise operation over arrays of equal dims, any strides.
type loop[T kernel.Float] struct {
	family family
	unary  kernel.UnaryOp
	binary kernel.BinaryOp
	a, b   float64
	args   int // arrays in use: the destination and its sources
	data   [4][]T
	lay    [4]layout.Layout
}

// scratch is the longest piece that is gathered from a strided array at once.
const scratch = 256

// Run computes elements lo to hi in row-major order of the coalesced dims.
func (l *loop[T]) Run(lo, hi int) {
	rank := l.lay[0].Rank
	if rank == 0 {
		l.span(l.origin(), 1)
		return
	}
	inner := l.lay[0].Dims[rank-1]
	for lo < hi {
		n := min(inner-lo%inner, hi-lo)
		at := l.origin()
		for k, rest := rank-1, lo; k >= 0; k-- {
			d := l.lay[0].Dims[k]
			i := rest % d
			rest /= d
			for arg := range l.args {
				at[arg] += i * l.lay[arg].Strides[k]
			}
		}
		l.span(at, n)
		lo += n
	}
}

func (l *loop[T]) origin() (at [4]int) {
	for arg := range l.args {
		at[arg] = l.lay[arg].Offset
	}
	return at
}

// stride is the distance of neighbours along the innermost axis.
func (l *loop[T]) stride(arg int) int {
	if r := l.lay[arg].Rank; r > 0 {
		return l.lay[arg].Strides[r-1]
	}
	return 1
}

// span computes n neighbours along the innermost axis.
func (l *loop[T]) span(at [4]int, n int) {
	direct := l.stride(0) == 1
	for arg := 1; arg < l.args; arg++ {
		// A single repeated number is a kernel's business only in binary
		// functions; elsewhere it is gathered like any strided array.
		s := l.stride(arg)
		direct = direct && (s == 1 || s == 0 && l.family == famBinary)
	}
	if direct {
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
		return
	}
	l.gathered(at, n)
}

// gathered computes a span through buffers on the stack.
func (l *loop[T]) gathered(at [4]int, n int) {
	var buf [4][scratch]T
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
		copy(p[0], p[1])
	case famUnary:
		kernel.Unary(l.unary, p[0], p[1], l.a, l.b)
	case famBinary:
		kernel.Binary(l.binary, p[0], p[1], p[2], l.a)
	case famWhere:
		kernel.Where(p[0], p[1], p[2], p[3])
	case famAddScaled, famLerp:
		l.scaled(p)
	}
}

// scaled is x + a·y or x + a·(y−x), where dst may be either.
func (l *loop[T]) scaled(p *[4][]T) {
	dst, x, y := p[0], p[1], p[2]
	if len(dst) > 0 && &dst[0] == &x[0] && &dst[0] != &y[0] {
		if l.family == famAddScaled {
			kernel.Axpy(dst, l.a, y)
		} else {
			kernel.Lerp(dst, y, l.a)
		}
		return
	}
	var buf [scratch]T
	for len(dst) > 0 {
		m := min(len(dst), scratch)
		copy(buf[:m], x)
		if l.family == famAddScaled {
			kernel.Axpy(buf[:m], l.a, y[:m])
		} else {
			kernel.Lerp(buf[:m], y[:m], l.a)
		}
		copy(dst, buf[:m])
		dst, x, y = dst[m:], x[m:], y[m:]
	}
}

// do fills in a loop and runs it. Where the element types differ from T, the
// caller has seen to it.
func do[T kernel.Float](proto loop[T], grain int, ops ...backend.Operand) {
	n := ops[0].Layout.Len()
	if n == 0 {
		return
	}
	pool := poolOf[T]()
	l := pool.loop.Get().(*loop[T])
	*l = proto
	l.args = len(ops)
	for i, o := range ops {
		l.lay[i] = o.Layout
		l.data[i] = elements[T](o)
	}
	switch l.args {
	case 1:
		layout.Coalesce(&l.lay[0])
	case 2:
		layout.Coalesce(&l.lay[0], &l.lay[1])
	case 3:
		layout.Coalesce(&l.lay[0], &l.lay[1], &l.lay[2])
	default:
		layout.Coalesce(&l.lay[0], &l.lay[1], &l.lay[2], &l.lay[3])
	}
	parallel.Run(n, grain, l)
	*l = loop[T]{}
	pool.loop.Put(l)
}

// elements returns the whole buffer of an operand, which holds T.
func elements[T kernel.Float](o backend.Operand) []T {
	h := o.Buffer.(*backend.Host)
	var x T
	if _, ok := any(x).(float64); ok {
		return any(h.F64).([]T)
	}
	return any(h.F32).([]T)
}

// Copy sets dst = src, converting between dtypes.
func (*Backend) Copy(dst, src backend.Operand) {
	switch d, s := is64(dst), is64(src); {
	case d && s:
		do(loop[float64]{family: famCopy}, grainCheap, dst, src)
	case !d && !s:
		do(loop[float32]{family: famCopy}, grainCheap, dst, src)
	case d:
		convert[float64, float32](dst, src)
	default:
		convert[float32, float64](dst, src)
	}
}

// convert copies between dtypes: it is rare, so one thread's plain loop.
func convert[D, S kernel.Float](dst, src backend.Operand) {
	d, s := elements[D](dst), elements[S](src)
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
	if is64(dst) {
		do(loop[float64]{family: famFill, a: v}, grainCheap, dst)
	} else {
		do(loop[float32]{family: famFill, a: v}, grainCheap, dst)
	}
}

// Unary sets dst = op(x).
func (*Backend) Unary(op backend.UnaryOp, dst, x backend.Operand, a, b float64) {
	grain := grainCheap
	switch op {
	case backend.Exp, backend.Log, backend.Sin, backend.Cos, backend.Tanh,
		backend.Sigmoid, backend.Softplus, backend.PowScalar:
		grain = grainCostly
	}
	if is64(dst) {
		do(loop[float64]{family: famUnary, unary: kernel.UnaryOp(op), a: a, b: b}, grain, dst, x)
	} else {
		do(loop[float32]{family: famUnary, unary: kernel.UnaryOp(op), a: a, b: b}, grain, dst, x)
	}
}

// Binary sets dst = op(x, y).
func (*Backend) Binary(op backend.BinaryOp, dst, x, y backend.Operand, a float64) {
	fam, grain := famBinary, grainCheap
	switch op {
	case backend.AddScaled:
		fam = famAddScaled
	case backend.Lerp:
		fam = famLerp
	case backend.Pow, backend.SoftplusGrad:
		grain = grainCostly
	}
	if is64(dst) {
		do(loop[float64]{family: fam, binary: kernel.BinaryOp(op), a: a}, grain, dst, x, y)
	} else {
		do(loop[float32]{family: fam, binary: kernel.BinaryOp(op), a: a}, grain, dst, x, y)
	}
}

// Where sets dst = x where cond ≠ 0, else y.
func (*Backend) Where(dst, cond, x, y backend.Operand) {
	if is64(dst) {
		do(loop[float64]{family: famWhere}, grainCheap, dst, cond, x, y)
	} else {
		do(loop[float32]{family: famWhere}, grainCheap, dst, cond, x, y)
	}
}

// Gather sets dst[…, i, …] = x[…, index[i], …].
func (b *Backend) Gather(dst, x backend.Operand, axis int, index []int) {
	for i, from := range index {
		b.Copy(row(dst, axis, i), row(x, axis, from))
	}
}

// ScatterAdd adds x[…, i, …] to dst[…, index[i], …], in order of i.
func (b *Backend) ScatterAdd(dst, x backend.Operand, axis int, index []int) {
	for i, to := range index {
		d := row(dst, axis, to)
		b.Binary(backend.Add, d, d, row(x, axis, i), 0)
	}
}

// row is the part of o at one index of an axis.
func row(o backend.Operand, axis, i int) backend.Operand {
	o.Layout = o.Layout.Slice(axis, i, i+1, 1)
	return o
}
