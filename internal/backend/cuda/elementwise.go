package cuda

import (
	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/backend/cuda/driver"
	"github.com/gander-ml/gander/internal/layout"
	"github.com/gander-ml/gander/internal/op"
)

// unroll is the number of elements of a thread where they are evenly spaced.
const unroll = 4

// elementwise launches a kernel on operands of equal dims, the destination first:
// the one for evenly spaced elements if all are, else the one whose name ends in
// "_nd". The constants follow the operands.
func (b *Backend) elementwise(k kernel, constants []float64, operands ...backend.Operand) {
	var room [4]backend.Operand
	o := room[:copy(room[:], operands)]
	n := o[0].Layout.Len()
	if n == 0 {
		return
	}
	if n > maxElements {
		halves(o, func(o []backend.Operand) { b.elementwise(k, constants, o...) })
		return
	}
	var ls [4]*layout.Layout
	for i := range o {
		ls[i] = &o[i].Layout
	}
	layout.SortAxes(ls[:len(o)]...)
	layout.Coalesce(ls[:len(o)]...)
	even := o[0].Layout.Rank <= 1
	s := step{n: uint32(n)}
	a, grid := b.begin(), blocks(n, threads)
	if even && len(o) < 4 { // Where and MulAdd have only the other kernel
		grid = blocks(n, unroll*threads)
		a.U32(uint32(n))
		for i := range o {
			a.Ptr(b.pointer(o[i])).I64(int64(o[i].Layout.Strides[0]))
		}
	} else {
		packPlaces(a, ls[:len(o)])
		for i := range o {
			a.Ptr(b.pointer(o[i]))
		}
	}
	for _, c := range constants {
		a.F64(c)
	}
	switch {
	case !even && len(o) < 4:
		nd := k
		nd.suffix += "_nd"
		if rows := o[0].Layout; k.name == "copy" && rows.Rank == 2 && n <= small {
			s.dst, s.p[0] = b.pointer(o[0]), b.pointer(o[1])
			s.inner = divide(rows.Dims[1])
			for i := range o {
				s.row[i], s.stride[i] = int64(o[i].Layout.Strides[0]), int64(o[i].Layout.Strides[1])
			}
			b.launchStep(nd, k, grid, 1, s)
			return
		}
		b.launch(nd, grid, 1, 1)
	case even && n <= small:
		for i := range o {
			s.stride[i] = int64(o[i].Layout.Strides[0])
			if i > 0 {
				s.p[i-1] = b.pointer(o[i])
			}
		}
		s.dst = b.pointer(o[0])
		s.inner = divide(n)
		if len(constants) > 0 {
			s.a = constants[0]
		}
		if len(constants) > 1 {
			s.b = constants[1]
		}
		b.launchSmall(k, grid, 1, s)
	default:
		b.launch(k, grid, 1, 1)
	}
}

// packPlaces packs the places of one to four arrays.
func packPlaces(a *driver.Args, ls []*layout.Layout) {
	switch len(ls) {
	case 1:
		var p places1
		p.set(p.stride[:], ls...)
		raw(a, &p)
	case 2:
		var p places2
		p.set(p.stride[:], ls...)
		raw(a, &p)
	case 3:
		var p places3
		p.set(p.stride[:], ls...)
		raw(a, &p)
	case 4:
		var p places4
		p.set(p.stride[:], ls...)
		raw(a, &p)
	}
}

// halves calls f for two parts of operands that have the same dims.
func halves(operands []backend.Operand, f func(part []backend.Operand)) {
	l := &operands[0].Layout
	axis := 0
	for k := range l.Rank {
		if l.Dims[k] > l.Dims[axis] {
			axis = k
		}
	}
	d := l.Dims[axis]
	for _, part := range [2][2]int{{0, d / 2}, {d / 2, d}} {
		o := append([]backend.Operand(nil), operands...)
		for i := range o {
			o[i].Layout = o[i].Layout.Slice(axis, part[0], part[1], 1)
		}
		f(o)
	}
}

// Copy sets dst = src, converting between dtypes.
func (b *Backend) Copy(dst, src backend.Operand) {
	defer b.enter("Copy", dst, src).leave()
	b.copy(dst, src)
}

func (b *Backend) copy(dst, src backend.Operand) {
	s := suffix(dst.Buffer.DType())
	if from := suffix(src.Buffer.DType()); from != s {
		s += from
	} else if b.transpose(dst, src) {
		return
	}
	b.elementwise(kernel{moveModule, "copy", s}, nil, dst, src)
}

// transpose copies by way of shared memory if the two have different axes whose
// elements are neighbours, and reports whether it did.
func (b *Backend) transpose(dst, src backend.Operand) bool {
	const short = 8 // shorter runs gain nothing
	d, s := dst.Layout, src.Layout
	layout.SortAxes(&d, &s)
	layout.Coalesce(&d, &s)
	last := d.Rank - 1
	if d.Rank < 2 || d.Rank > 3 || d.Strides[last] != 1 || d.Dims[last] < short || s.Strides[last] == 1 {
		return false
	}
	across := -1
	for k := range last {
		if s.Strides[k] == 1 && d.Dims[k] >= short {
			across = k
		}
	}
	if across < 0 {
		return false
	}
	batch, dNext, sNext := 1, 0, 0
	if d.Rank == 3 {
		k := 1 - across
		batch, dNext, sNext = d.Dims[k], d.Strides[k], s.Strides[k]
	}
	rows, cols := d.Dims[last], d.Dims[across]
	if d.Len() > maxElements || blocks(rows, 32) > maxGrid || batch > maxGrid {
		return false
	}
	dst.Layout, src.Layout = d, s
	b.begin().U32(uint32(rows)).U32(uint32(cols)).
		Ptr(b.pointer(dst)).I64(1).I64(int64(d.Strides[across])).I64(int64(dNext)).
		Ptr(b.pointer(src)).I64(int64(s.Strides[last])).I64(1).I64(int64(sNext))
	b.launch(kernel{moveModule, "transpose", suffix(dst.Buffer.DType())}, blocks(cols, 32), blocks(rows, 32), batch)
	return true
}

// maxGrid is the largest number of blocks along y and z.
const maxGrid = 65535

// Fill sets every element of dst to v.
func (b *Backend) Fill(dst backend.Operand, v float64) {
	defer b.enter("Fill", dst).leave()
	if f, ok := dst.Buffer.(*Buffer); ok && dst.Layout.Len() > small {
		b.flushTouched()
		b.pointer(dst)
		b.fillNow()
		for _, s := range [...]string{"", "_nd"} { // it must not fail later
			b.function(kernel{moveModule, "fill", suffix(dst.Buffer.DType()) + s})
		}
		b.queue.filling = filling{dst, f.block, v}
		return
	}
	b.fill(dst, v)
}

// filling is a Fill that is held back: a ScatterAdd to the same array, which often
// follows, does it on the way.
type filling struct {
	dst   backend.Operand
	block *block // nil if there is none
	v     float64
}

// fillNow does the Fill that was held back.
func (b *Backend) fillNow() {
	if f := b.queue.filling; f.block != nil {
		b.queue.filling = filling{}
		b.fill(f.dst, f.v)
	}
}

func (b *Backend) fill(dst backend.Operand, v float64) {
	b.elementwise(kernel{moveModule, "fill", suffix(dst.Buffer.DType())}, []float64{v}, dst)
}

// Unary sets dst = f(x).
func (b *Backend) Unary(f op.Unary, dst, x backend.Operand, c, d float64) {
	defer b.enter(f.String(), dst, x).leave()
	b.unary(f, dst, x, c, d)
}

func (b *Backend) unary(f op.Unary, dst, x backend.Operand, c, d float64) {
	if f == op.PowScalar {
		switch c {
		case 0:
			b.fill(dst, 1)
			return
		case 1:
			f = op.None
		case 2:
			f = op.Square
		case -1:
			f = op.Reciprocal
		}
	}
	if f == op.None {
		b.copy(dst, x)
		return
	}
	b.elementwise(kernel{unaryModule, f.String(), suffix(dst.Buffer.DType())}, []float64{c, d}, dst, x)
}

// Binary sets dst = f(x, y).
func (b *Backend) Binary(f op.Binary, dst, x, y backend.Operand, c float64) {
	defer b.enter(f.String(), dst, x, y).leave()
	b.elementwise(kernel{binaryModule, f.String(), suffix(dst.Buffer.DType())}, []float64{c}, dst, x, y)
}

// MulAdd sets dst = x·y + z.
func (b *Backend) MulAdd(dst, x, y, z backend.Operand) {
	defer b.enter("MulAdd", dst, x, y, z).leave()
	b.elementwise(kernel{binaryModule, "mulAdd", suffix(dst.Buffer.DType())}, nil, dst, x, y, z)
}

// Where sets dst to x if cond ≠ 0, else to y.
func (b *Backend) Where(dst, cond, x, y backend.Operand) {
	defer b.enter("Where", dst, cond, x, y).leave()
	b.elementwise(kernel{moveModule, "where", suffix(dst.Buffer.DType())}, nil, dst, cond, x, y)
}

// Gather sets dst[…, i, …] = x[…, index[i], …].
func (b *Backend) Gather(dst, x backend.Operand, axis int, index backend.Operand) {
	defer b.enter("Gather", dst, x, index).leave()
	n := dst.Layout.Len()
	if n == 0 {
		return
	}
	b.tooLarge("Gather", n, x.Layout.Dims[axis])
	d, s := dropAxis(dst.Layout, axis), dropAxis(x.Layout, axis)
	a := b.begin()
	b.packRest(a, n, &d, &s)
	v := divide(d.Len())
	a.Ptr(b.pointer(dst)).Ptr(b.pointer(x)).Ptr(b.pointer(index)).U32(uint32(x.Layout.Dims[axis])).Raw(bytesIn([]divisor{v}), 4).
		I64(int64(dst.Layout.Strides[axis])).I64(int64(x.Layout.Strides[axis])).I64(int64(index.Layout.Strides[0]))
	b.launch(kernel{moveModule, "gather", suffix(dst.Buffer.DType()) + suffix(index.Buffer.DType())}, blocks(n, threads), 1, 1)
}

// ScatterAdd adds x[…, i, …] to dst[…, index[i], …], in order of i: with a thread
// for each element of a row if that makes enough of them, or if there are many
// rows, and otherwise with one for each element of dst.
func (b *Backend) ScatterAdd(dst, x backend.Operand, axis int, index backend.Operand) {
	defer b.enter("ScatterAdd", dst, x, index).leave()
	count, rows := index.Layout.Dims[0], dst.Layout.Dims[axis]
	filled, value := uint32(0), 0.0
	if f := b.queue.filling; f.block != nil && f.dst == dst && x.Layout.Len() > 0 {
		b.queue.filling = filling{}
		filled, value = 1, f.v
	}
	b.fillNow()
	if x.Layout.Len() == 0 || rows == 0 {
		return
	}
	d, s := dropAxis(dst.Layout, axis), dropAxis(x.Layout, axis)
	width := d.Len()
	b.tooLarge("ScatterAdd", width, rows*width)
	a := b.begin()
	if width >= 4096 || count > 1024 {
		b.packRest(a, width, &d, &s)
		a.Ptr(b.pointer(dst)).Ptr(b.pointer(x)).Ptr(b.pointer(index)).U32(uint32(count)).U32(uint32(rows)).U32(filled).F64(value).
			I64(int64(dst.Layout.Strides[axis])).I64(int64(x.Layout.Strides[axis])).I64(int64(index.Layout.Strides[0]))
		b.launch(kernel{moveModule, "scatter", suffix(dst.Buffer.DType()) + suffix(index.Buffer.DType())}, blocks(width, threads), 1, 1)
		return
	}
	b.packRest(a, width, &d, &s)
	v := divide(width)
	a.Ptr(b.pointer(dst)).Ptr(b.pointer(x)).Ptr(b.pointer(index)).U32(uint32(count)).U32(uint32(rows)).Raw(bytesIn([]divisor{v}), 4).U32(filled).F64(value).
		I64(int64(dst.Layout.Strides[axis])).I64(int64(x.Layout.Strides[axis])).I64(int64(index.Layout.Strides[0]))
	b.launch(kernel{moveModule, "collect", suffix(dst.Buffer.DType()) + suffix(index.Buffer.DType())}, blocks(rows*width, threads), 1, 1)
}

// dropAxis returns a layout of the elements at the axis's first position.
func dropAxis(l layout.Layout, axis int) layout.Layout {
	l.Dims[axis] = 1
	return l
}

// packRest packs the places of two arrays without the axis that was dropped, and n.
func (b *Backend) packRest(a *driver.Args, n int, d, s *layout.Layout) {
	layout.SortAxes(d, s)
	layout.Coalesce(d, s)
	var p places2
	p.set(p.stride[:], d, s)
	p.n = uint32(n)
	raw(a, &p)
}

// Random fills dst with numbers that depend only on key, counter and position.
func (b *Backend) Random(d backend.Distribution, dst backend.Operand, key, counter uint64) {
	defer b.enter("Random", dst).leave()
	name, each := "uniform", 4
	if d == backend.Normal {
		name = "normal"
	}
	if dst.Is64() {
		each = 2
	}
	// Whole blocks of random words, in pieces.
	const piece = maxElements
	for n := dst.Layout.Len(); n > 0; n -= piece {
		m := min(n, piece)
		p := b.pointer(dst)
		b.random(kernel{trainModule, name, suffix(dst.Buffer.DType())}, p, m, blocks(m, each*threads), key, counter)
		dst.Layout.Offset += piece
		counter += uint64(piece / each)
	}
}

func (b *Backend) random(k kernel, dst driver.Ptr, n, grid int, key, counter uint64) {
	b.flushTouched()
	draws := [...]uint64{key, counter}
	current := b.vary(bytesIn(draws[:]))
	if current != 0 {
		clear(draws[:])
	}
	b.begin().Ptr(dst).U32(uint32(n)).Raw(bytesIn(draws[:]), 8).Ptr(current)
	b.launch(k, grid, 1, 1)
}
