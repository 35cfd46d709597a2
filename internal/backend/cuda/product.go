package cuda

import (
	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/backend/cuda/driver"
	"github.com/gander-ml/gander/internal/layout"
	"github.com/gander-ml/gander/internal/op"
)

// The structs that kernels of product.cu get, field for field.

type result struct {
	dst, partial, bias   driver.Ptr
	column, biasStride   int64
	a                    float64
	function, transposed uint32
}

type matrix struct {
	p                           driver.Ptr
	row, step                   int64
	rows, along, vector, unused uint32
}

// lines are the rows of dst, and a matrix that is added to it, or 0.
type lines struct {
	row               int64
	add               driver.Ptr
	addRow, addColumn int64
}

type product struct {
	result      result
	x, y        matrix
	lines       lines
	m, n, k     uint32
	part, parts uint32
	first       uint32
	batch       places3
}

// tile is a size of tiles.
type tile struct {
	suffix string
	m, n   int
}

// enoughTiles is how many tiles a device of a hundred multiprocessors is busy with.
var enoughTiles = 96

// tileOf chooses the tiles of a product: the largest of which there are enough.
// It depends on the shape alone, so that every
// device gives the same bits.
func tileOf(dt backend.DType, m, n, batch int) tile {
	if dt == backend.Float64 {
		return tile{"_f64_32", 32, 32}
	}
	for _, t := range []tile{{"_f32_128", 128, 128}, {"_f32_64", 64, 64}} {
		if blocks(m, t.m)*blocks(n, t.n)*batch >= enoughTiles {
			return t
		}
	}
	return tile{"_f32_32", 32, 32}
}

// runLength is the number of elements in 16 bytes.
func runLength(dt backend.DType) int { return 16 / dt.Size() }

// aligned reports whether runs of 16 bytes can be loaded from p at all multiples of
// some strides.
func aligned(dt backend.DType, p driver.Ptr, strides ...int) bool {
	for _, s := range strides {
		if s%runLength(dt) != 0 {
			return false
		}
	}
	return p%16 == 0
}

// factor describes one factor of a product, rows·K.
func (b *Backend) factor(o backend.Operand, rows, row, step int, batch layout.Layout) matrix {
	m := matrix{p: b.pointer(o), row: int64(row), step: int64(step), rows: uint32(rows)}
	apart := row
	if step != 1 && row == 1 {
		m.along, apart = 1, step
	}
	outer := []int{apart}
	for k := range batch.Rank {
		if batch.Dims[k] > 1 {
			outer = append(outer, batch.Strides[k])
		}
	}
	if (step == 1 || row == 1) && aligned(o.Buffer.DType(), m.p, outer...) {
		m.vector = 1
	}
	return m
}

// epilogue returns where a product goes, channels being its columns.
func (b *Backend) epilogue(dst backend.Operand, column, row int, e backend.Epilogue) result {
	r := result{dst: b.pointer(dst), column: int64(column), a: e.A, function: epilogueFunction(e.F)}
	if e.Bias.Buffer != nil {
		r.bias, r.biasStride = b.pointer(e.Bias), int64(e.Bias.Layout.Strides[0])
	}
	if row == 1 && column != 1 {
		r.transposed = 1
	}
	return r
}

// MatMul sets dst = x·y over the last two axes.
func (b *Backend) MatMul(dst, x, y backend.Operand) {
	defer b.enter("MatMul", dst, x, y).leave()
	b.multiply(dst, x, y, backend.Operand{}, backend.Epilogue{})
}

// Linear sets dst = x·wᵀ, followed by the epilogue.
func (b *Backend) Linear(dst, x, w backend.Operand, e backend.Epilogue) {
	defer b.enter("Linear", dst, x, w, e.Bias).leave()
	w.Layout = w.Layout.Permute(1, 0)
	b.multiply(dst, x, w, backend.Operand{}, e)
}

// LinearAdd sets dst to f((x·wᵀ + bias) + add).
func (b *Backend) LinearAdd(dst, x, w, add backend.Operand, e backend.Epilogue) {
	defer b.enter("LinearAdd", dst, x, w, add, e.Bias).leave()
	w.Layout = w.Layout.Permute(1, 0)
	b.multiply(dst, x, w, add, e)
}

// longSum is the K of a block where K is long and results are few.
const longSum = 512

// partOf returns the K of a block: longSum, or more if that made more blocks than there
// can be.
func partOf(k int) int {
	part := longSum
	for blocks(k, part) > maxGrid {
		part *= 2
	}
	return part
}

// multiply sets dst = x·y, followed by the epilogue, before whose function add [m, n] is
// added unless it has no buffer.
func (b *Backend) multiply(dst, x, y, add backend.Operand, e backend.Epilogue) {
	r := dst.Layout.Rank
	m, n, k := dst.Layout.Dims[r-2], dst.Layout.Dims[r-1], x.Layout.Dims[r-1]
	if dst.Layout.Len() == 0 {
		return
	}
	b.tooLarge("a product", m, n, k)
	outer := func(l layout.Layout) layout.Layout {
		l.Rank -= 2
		for i := l.Rank; i < layout.MaxRank; i++ {
			l.Dims[i], l.Strides[i] = 0, 0
		}
		return l
	}
	ld, lx, ly := outer(dst.Layout), outer(x.Layout), outer(y.Layout)
	layout.Coalesce(&ld, &lx, &ly)
	count := ld.Len()
	dt := dst.Buffer.DType()
	t := tileOf(dt, m, n, count)
	row, column := dst.Layout.Strides[r-2], dst.Layout.Strides[r-1]
	p := product{
		result: b.epilogue(dst, column, row, e),
		x:      b.factor(x, m, x.Layout.Strides[r-2], x.Layout.Strides[r-1], lx),
		y:      b.factor(y, n, y.Layout.Strides[r-1], y.Layout.Strides[r-2], ly),
		lines:  lines{row: int64(row)},
		m:      uint32(m), n: uint32(n), k: uint32(k), part: uint32(k), parts: 1,
	}
	if add.Buffer != nil {
		p.lines.add = b.pointer(add)
		p.lines.addRow, p.lines.addColumn = int64(add.Layout.Strides[0]), int64(add.Layout.Strides[1])
	}
	p.batch.set(p.batch.stride[:], &ld, &lx, &ly)
	if b.byLibrary(&p, dt) {
		return
	}
	parts := 1
	var scratch *block
	if tiles := blocks(m, t.m) * blocks(n, t.n) * count; tiles < 32 && k >= 4*longSum {
		part := partOf(k)
		parts = blocks(k, part)
		p.part, p.parts = uint32(part), uint32(parts)
		k, done := b.scratch(dt.Size() * parts * dst.Layout.Len())
		defer done()
		scratch, p.result.partial = k, k.ptr
	}
	gx, gy := blocks(m, t.m), blocks(n, t.n)
	if gy > maxGrid {
		b.tooLarge("a product's columns", maxElements+1)
	}
	// A batch may need several launches.
	for first, step := 0, max(1, maxGrid/parts); first < count; first += step {
		p.first = uint32(first)
		a := b.begin()
		raw(a, &p)
		b.launch(kernel{productModule, "product", t.suffix}, gx, gy, min(step, count-first)*parts)
	}
	if parts > 1 {
		b.reduceParts(op.Sum, dt, dt, b.pointer(dst), blockOf(dst), scratch, dst.Layout, parts)
		for _, o := range []backend.Operand{e.Bias, add} {
			if o.Buffer != nil {
				b.queue.operands(blockOf(o))
			}
		}
		b.finish(&p, dt)
	}
}
