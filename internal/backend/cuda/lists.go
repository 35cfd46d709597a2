package cuda

import (
	"bytes"
	"math"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/backend/cuda/driver"
	"github.com/gander-ml/gander/internal/op"
)

// entry is an array of each of some lists, on which the blocks from first on work.
type entry struct {
	p        [4]driver.Ptr
	n, first uint32
}

// listing is room for what lists uploads.
type listing struct {
	entries []entry
	owners  []uint32
	content []byte
}

// lists uploads the arrays of a dtype of up to four lists of equal lengths, and for
// each block the entry that it works on. It returns the number of blocks.
func (b *Backend) lists(dt backend.DType, ls ...[]backend.Operand) (entries, owners driver.Ptr, grid int) {
	t := &b.listing
	es, owner := t.entries[:0], t.owners[:0]
	for i, o := range ls[0] {
		n := o.Layout.Len()
		if n == 0 || o.Buffer.DType() != dt {
			continue
		}
		b.tooLarge("an array of a list", n)
		e := entry{n: uint32(n), first: uint32(len(owner))}
		for k, l := range ls {
			e.p[k] = b.pointer(l[i])
		}
		for range blocks(n, unroll*threads) {
			owner = append(owner, uint32(len(es)))
		}
		es = append(es, e)
	}
	if len(es) == 0 {
		return 0, 0, 0
	}
	t.entries, t.owners = es, owner
	head := bytesIn(es)
	content := append(append(t.content[:0], head...), bytesIn(owner)...)
	t.content = nil // other goroutines may come while memory is looked for
	p := b.table(content)
	t.content = content
	return p, p + driver.Ptr(len(head)), len(owner)
}

// eachList launches a kernel for the arrays of each dtype. constants packs what
// follows the lists.
func (b *Backend) eachList(name string, constants func(a *driver.Args, dt backend.DType), ls ...[]backend.Operand) {
	for _, dt := range [...]backend.DType{backend.Float32, backend.Float64} {
		entries, owners, grid := b.lists(dt, ls...)
		if grid > 0 {
			b.flushTouched() // before the arguments are packed: it packs its own
			constants(b.begin().Ptr(entries).Ptr(owners), dt)
			b.launch(kernel{trainModule, name, suffix(dt)}, grid, 1, 1)
		}
	}
}

// Adam does one step on all parameters, with the arithmetic of package vec.
func (b *Backend) Adam(p, g, m, v []backend.Operand, c op.AdamParams) {
	defer b.enterLists("Adam", p, g, m, v).leave()
	l2, decay := c.WeightDecay, 1.0
	if c.Decoupled {
		l2, decay = 0, 1-c.LR*c.WeightDecay
	}
	constants := [8]float64{l2, decay, 1 - c.Beta1, c.Beta2, 1 - c.Beta2, 1 / math.Sqrt(c.Correction2), c.Eps, -c.LR / c.Correction1}
	b.eachList("adam", func(a *driver.Args, dt backend.DType) {
		var values []byte
		switch dt {
		case backend.Float32:
			var rounded [8]float32
			for i, k := range constants {
				rounded[i] = float32(k)
			}
			values = bytesIn(rounded[:])
		case backend.Float64:
			values = bytes.Clone(bytesIn(constants[:]))
		default:
			panic(backend.UnknownDType(dt))
		}
		current := b.vary(values)
		if current != 0 {
			clear(values)
		}
		a.Ptr(current).Raw(values, dt.Size())
	}, p, g, m, v)
}

// Lerp moves each dst towards x.
func (b *Backend) Lerp(dst, x []backend.Operand, c float64) {
	defer b.enterLists("Lerp", dst, x).leave()
	b.eachList("lerp", func(a *driver.Args, _ backend.DType) { a.F64(c) }, dst, x)
}

// Clamp sets each element of each x to min(max(x, lo), hi).
func (b *Backend) Clamp(x []backend.Operand, lo, hi float64) {
	defer b.enter("Clamp", x...).leave()
	b.eachList("clamp", func(a *driver.Args, _ backend.DType) { a.F64(lo).F64(hi) }, x)
}

// Norm sets dst to the Euclidean norm of all elements of all xs together. Each block
// adds squares divided by the largest, so that they stay in range.
func (b *Backend) Norm(dst backend.Operand, xs []backend.Operand) {
	defer b.enterLists("Norm", xs, []backend.Operand{dst}).leave()
	grid := 0
	for _, x := range xs {
		grid += blocks(x.Layout.Len(), unroll*threads)
	}
	if grid == 0 {
		b.fill(dst, 0)
		return
	}
	partial, done := b.scratch(16 * grid)
	defer done()
	at := partial.ptr
	b.eachList("squares", func(a *driver.Args, dt backend.DType) {
		a.Ptr(at)
		for _, x := range xs { // the next dtype's follow
			if x.Buffer.DType() == dt {
				at += driver.Ptr(16 * blocks(x.Layout.Len(), unroll*threads))
			}
		}
	}, xs)
	b.queue.only(blockOf(dst), partial)
	b.begin().Ptr(partial.ptr).U32(uint32(grid)).Ptr(b.pointer(dst))
	b.launchSmall(kernel{trainModule, "norm", "_f64"}, 1, 1, step{n: uint32(grid), dst: b.pointer(dst), p: [3]driver.Ptr{partial.ptr}})
}
