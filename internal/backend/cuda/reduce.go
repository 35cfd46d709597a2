package cuda

import (
	"math/bits"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/backend/cuda/driver"
	"github.com/gander-ml/gander/internal/layout"
	"github.com/gander-ml/gander/internal/op"
)

// folding is how the numbers of a result are dealt to lanes and segments. It
// depends on their count and their places alone.
type folding struct {
	logLanes, columns, segment, segments int
}

// foldingOf chooses a folding of n numbers, apart steps from one another, for
// results that lie next steps apart, count of them in a row.
func foldingOf(n, apart, next, count int) folding {
	f := folding{segment: max(n, 1), segments: 1}
	lanesFor := func(n int) int { return bits.Len(uint(max(n-1, 0))) } // 2^that ≥ n
	if next < apart && count >= 16 {
		f.columns = 1
		f.logLanes = min(lanesFor(blocks(n, 8)), 4)
		if n > 2048 {
			f.segment = 1024
		}
	} else {
		f.logLanes = min(lanesFor(blocks(n, 4)), 8)
		if n > 16384 {
			f.segment = 8192
		}
	}
	f.segment = max(f.segment, blocks(n, maxGrid))
	f.segments = max(1, blocks(n, f.segment))
	return f
}

// grid returns the blocks for results.
func (f folding) grid(results int) (x, y int) {
	return blocks(results, threads>>f.logLanes), f.segments
}

// reduction is what the kernels of reduce.cu fold.
type reduction struct {
	f              op.Reduce
	out, in        backend.DType
	dst, x         driver.Ptr
	block          *block        // dst's
	kept, from     layout.Layout // of the results, in dst and in x
	folded         layout.Layout // of the numbers of one result, in x
	results, count int
}

// blockOf returns an operand's block.
func blockOf(o backend.Operand) *block { return o.Buffer.(*Buffer).block }

// innermost returns the last axis of more than one element.
func innermost(l *layout.Layout) (dim, stride int) {
	if l.Rank == 0 {
		return 1, 0
	}
	return l.Dims[l.Rank-1], l.Strides[l.Rank-1]
}

// reduce launches a reduction, and that of its segments' results.
func (b *Backend) reduce(r reduction) {
	layout.SortAxes(&r.from, &r.kept)
	layout.Coalesce(&r.from, &r.kept)
	layout.SortAxes(&r.folded)
	layout.Coalesce(&r.folded)
	r.results, r.count = r.kept.Len(), r.folded.Len()
	if r.results == 0 {
		return
	}
	b.tooLarge("a reduction", r.results, r.count)
	_, apart := innermost(&r.folded)
	dim, next := innermost(&r.from)
	f := foldingOf(r.count, apart, next, dim)
	var partial driver.Ptr
	var scratch *block
	if f.segments > 1 {
		k, done := b.scratch(8 * f.segments * r.results)
		defer done()
		partial, scratch = k.ptr, k
	}
	var kept places2
	kept.set(kept.stride[:], &r.kept, &r.from)
	var folded places1
	folded.set(folded.stride[:], &r.folded)
	k := kernel{reduceModule, r.f.String(), suffix(r.out)}
	if r.in != r.out {
		k.suffix += suffix(r.in)
	}
	a := b.begin()
	raw(a, &kept)
	raw(a, &folded)
	a.Ptr(r.dst).Ptr(partial).Ptr(r.x).U32(uint32(f.logLanes)).U32(uint32(f.columns)).U32(uint32(f.segment))
	x, y := f.grid(r.results)
	if f.segments == 1 && r.results*r.count <= small && r.kept.Rank <= 1 && r.folded.Rank <= 1 {
		b.launchSmall(k, x, y, step{n: uint32(r.results), dst: r.dst, p: [3]driver.Ptr{r.x},
			stride: [4]int64{kept.stride[0][0], kept.stride[1][0], folded.stride[0][0]},
			count:  uint32(r.count), logLanes: uint32(f.logLanes), columns: uint32(f.columns)})
	} else {
		b.launch(k, x, y, 1)
	}
	if f.segments > 1 {
		b.reduceParts(r.f, r.out, backend.Float64, r.dst, r.block, scratch, r.kept, f.segments)
	}
}

// reduceParts folds partial [parts, results] to dst, whose layout has results
// elements and whose block is to. Nothing else is touched.
func (b *Backend) reduceParts(f op.Reduce, out, in backend.DType, dst driver.Ptr, to, partial *block, kept layout.Layout, parts int) {
	b.queue.only(to, partial)
	if f == op.SumSquares {
		f = op.Sum // of squares
	}
	folded := layout.Contiguous(parts)
	folded.Strides[0] = kept.Len()
	b.reduce(reduction{f: f, out: out, in: in, dst: dst, block: to, x: partial.ptr, kept: kept, from: kept.Packed(), folded: folded})
}

// Reduce folds x along each axis along which dst has dim 1.
func (b *Backend) Reduce(f op.Reduce, dst, x backend.Operand) {
	defer b.enter(f.String(), dst, x).leave()
	kept, from, folded := dst.Layout, x.Layout, x.Layout
	for k := range x.Layout.Rank {
		if dst.Layout.Dims[k] == 1 {
			from.Dims[k] = 1
		} else {
			folded.Dims[k] = 1
		}
	}
	dt := dst.Buffer.DType()
	b.reduce(reduction{f: f, out: dt, in: dt, dst: b.pointer(dst), block: blockOf(dst), x: b.pointer(x), kept: kept, from: from, folded: folded})
}

// epilogueFunction returns the number of a function in activate of product.h. It
// panics if there is none: the function has no Grad.
func epilogueFunction(f op.Unary) uint32 {
	switch f {
	case op.None:
		return 0
	case op.Tanh:
		return 1
	case op.Sigmoid:
		return 2
	case op.ReLU:
		return 3
	case op.LeakyReLU:
		return 4
	}
	panic("cuda: " + f.String() + " is no function of an epilogue")
}

// channels are the strides of an axis in four arrays.
type channels struct {
	n, function   uint32
	gz, gb, gy, y int64
}

// EpilogueGrad sets gz to gy times the derivative of f, given its value y, and gb
// to the sums of gz over each channel, in one pass.
func (b *Backend) EpilogueGrad(f op.Unary, gz, gb, gy, y backend.Operand, c float64) {
	defer b.enter("EpilogueGrad", gz, gb, gy, y).leave()
	n := gz.Layout.Dims[1]
	if n == 0 {
		return
	}
	ch := channels{n: uint32(n), function: epilogueFunction(f),
		gz: int64(gz.Layout.Strides[1]), gb: int64(gb.Layout.Strides[0]), gy: int64(gy.Layout.Strides[1]), y: int64(y.Layout.Strides[1])}
	lz, lg, ly := dropAxis(gz.Layout, 1), dropAxis(gy.Layout, 1), dropAxis(y.Layout, 1)
	layout.SortAxes(&lz, &lg, &ly)
	layout.Coalesce(&lz, &lg, &ly)
	count := lz.Len()
	b.tooLarge("EpilogueGrad", n, count)
	_, apart := innermost(&lz)
	fold := foldingOf(count, apart, int(ch.gz), n)
	var partial driver.Ptr
	var scratch *block
	if fold.segments > 1 {
		k, done := b.scratch(8 * fold.segments * n)
		defer done()
		partial, scratch = k.ptr, k
	}
	var folded places3
	folded.set(folded.stride[:], &lz, &lg, &ly)
	dt := gz.Buffer.DType()
	a := b.begin()
	raw(a, &ch)
	raw(a, &folded)
	a.Ptr(b.pointer(gz)).Ptr(b.pointer(gb)).Ptr(partial).Ptr(b.pointer(gy)).Ptr(b.pointer(y)).F64(c).
		U32(uint32(fold.logLanes)).U32(uint32(fold.columns)).U32(uint32(fold.segment))
	gx, gy2 := fold.grid(n)
	b.launch(kernel{reduceModule, "epilogueGrad", suffix(dt)}, gx, gy2, 1)
	if fold.segments > 1 {
		b.reduceParts(op.Sum, dt, backend.Float64, b.pointer(gb), blockOf(gb), scratch, gb.Layout, fold.segments)
	}
}
