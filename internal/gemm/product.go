package gemm

import (
	"sync"

	"github.com/gander-ml/gander/internal/parallel"
)

// operand is a factor seen along and across the summation: element p of vector
// i lies at data[p*step+i*next]. A vector is a row of the left factor or a
// column of the right one. One of the two strides is 1.
type operand[T Float] struct {
	data       []T
	step, next int
}

// product is one matrix product under way.
//
// The kernels multiply broadcast elements of the left factor by contiguous rows
// of the right one. When it is better the other way round, the product is
// swapped: the kernels compute Cᵀ = op(B)ᵀ·op(A)ᵀ, and everything below that
// speaks of rows, columns, left and right means those of Cᵀ.
type product[T Float] struct {
	m, n, k     int
	left, right operand[T]
	swapped     bool
	c           []T
	ldc         int
	alpha, beta T
	epilogue    Epilogue[T]
	look        *Look[T] // if the kernels look for it
	shape       shape    // of the largest tile

	paired   bool // the factors are pairs of bfloat16 numbers
	pairs    [2][]T
	rounding rounder[T]

	packLeft     bool
	packRight    packing
	tasks        int
	tasksAreRows bool // else columns

	// The slab being worked on: rows [m0,m1) and steps [k0,k1). Its rows are
	// divided into panels, its steps into blocks, and a tile of C gets one
	// summand per block.
	m0, m1, k0, k1 int
	panels, blocks int
	height, higher int // of a panel; the first higher panels have a row more
	packedLeft     []T // the slab, block by block, panel by panel
	packedRight    []T // the slab's steps, block by block, panel by panel
}

// packing is how the right factor is laid out for the kernels.
type packing int

const (
	inPlace  packing = iota
	perTask          // each task copies its panels when it first needs them
	together         // all panels are copied before the tasks start
)

// Sizes of blocks, found by measurement on Zen 4 (32 KB L1, 1 MB L2 per core).
const (
	blockBytes = 4096      // of steps in a block: more do not gain, fewer let a tile of C be read and written too often
	partBytes  = 320 << 10 // of the left factor that all columns pass by, in L2
	slabSteps  = 2048
	slabRows   = 2048 // of a slab that is packed

	wayL1 = 4 << 10   // bytes in one of the 8 ways of the L1 cache,
	wayL2 = 128 << 10 // and of the L2 cache

	fewRows    = 128       // for which packing the right factor does not pay
	fewSteps   = 128       // for which it does not pay either, unless they evict each other
	largeBytes = 256 << 10 // of a left factor that is worth packing
	packAlone  = 16 << 10  // elements that one thread packs in less time than two
	taskFlops  = 150_000   // worth a task
	callFlops  = 500_000   // at most, in one call of assembly, which cannot be preempted
	taskCols   = 1024      // at most, for tasks that pack the right factor
)

// orient decides how to compute left·right. What it decides affects speed only:
// each element of C is a sum in the same order whatever the tiles and tasks.
func (p *product[T]) orient(left, right operand[T], m, n, k int) {
	// The right factor's rows have to be contiguous. If they are not, transposing
	// a few rows of the left factor is cheaper than transposing the right one.
	if right.next != 1 && m <= fewRows {
		p.swapped = true
		left, right, m, n = right, left, n, m
	}
	p.left, p.right, p.m, p.n, p.k = left, right, m, n, k
	p.shape = shapeOf[T]()

	p.tasks = 1
	if threads := parallel.Threads(); threads > 1 {
		flops := 2 * float64(m) * float64(n) * float64(k)
		p.tasks = max(1, int(min(4*float64(threads), flops/taskFlops)))
	}
	p.tasksAreRows = p.swapped || ceilDiv(n, p.shape.cols) < p.tasks && m > n
	if p.tasksAreRows {
		p.tasks = min(p.tasks, ceilDiv(m, p.shape.rows))
	} else {
		p.tasks = min(p.tasks, ceilDiv(n, p.shape.cols))
	}

	size := sizeof[T]()
	large := !p.swapped && m > fewRows && n > fewRows && m*k*size > largeBytes
	steps := min(k, blockBytes/size)
	low := 2*p.shape.rows*size <= cacheLine // so that several tiles share a line of the left factor, and many a panel of the right one
	p.packLeft = large || left.step == 1 && thrashes(left.next*size) ||
		low && left.next == 1 && !p.swapped && n > 2*fewRows && evicts(steps, left.step*size, wayL1)
	between := right.step * size
	readable := m <= fewRows && !thrashes(between) && !(low && evicts(steps, between, wayL2)) ||
		k <= fewSteps && !evicts(k, between, wayL1)
	switch {
	case right.next == 1 && readable:
		p.packRight = inPlace
	case p.tasksAreRows:
		p.packRight = together
	default:
		p.packRight = perTask
		p.tasks = max(p.tasks, ceilDiv(n, taskCols))
	}
}

// thrashes reports whether vectors at such a distance fall into the same few
// sets of the L1 cache.
func thrashes(bytes int) bool { return bytes%wayL1 == 0 }

// evicts reports whether the steps of a panel, at such a distance, evict each
// other from a cache of 8 ways before the next tile meets them again.
func evicts(steps, bytes, way int) bool {
	if bytes < cacheLine { // several steps share a line
		steps, bytes = ceilDiv(steps*bytes, cacheLine), cacheLine
	}
	positions := 1 // within a way
	for positions*cacheLine < way && positions*bytes%way != 0 {
		positions *= 2
	}
	return steps > 8*positions
}

// packsByPart reports whether the left factor is packed part by part, by the only
// task, just before its use, instead of slab by slab for all tasks.
func (p *product[T]) packsByPart() bool { return p.packLeft && p.tasks == 1 && !p.swapped }

// run computes the product slab by slab.
func (p *product[T]) run() {
	height := p.m
	if p.packLeft {
		height = min(height, slabRows)
	}
	for p.k0 = 0; p.k0 < p.k; p.k0 = p.k1 {
		p.k1 = min(p.k0+slabSteps, p.k)
		p.blocks = ceilDiv((p.k1-p.k0)*sizeof[T](), blockBytes)
		if p.packRight == together {
			p.packRights()
		}
		for p.m0 = 0; p.m0 < p.m; p.m0 = p.m1 {
			p.m1 = min(p.m0+height, p.m)
			p.panels = ceilDiv(p.m1-p.m0, p.shape.rows)
			if p.tasksAreRows { // the same number of panels for all tasks
				p.panels = min(ceilDiv(p.panels, p.tasks)*p.tasks, p.m1-p.m0)
			}
			p.height, p.higher = (p.m1-p.m0)/p.panels, (p.m1-p.m0)%p.panels
			if p.packLeft {
				p.packLefts()
			}
			if p.tasks == 1 {
				p.rectangle(0, p.panels, 0, p.n)
			} else {
				parallel.Run(p.tasks, 1, worker[T]{p})
			}
		}
	}
}

// worker does the tasks of a slab.
type worker[T Float] struct{ *product[T] }

func (p worker[T]) Run(lo, hi int) {
	if p.tasksAreRows {
		p.rectangle(split(p.panels, p.tasks, lo), split(p.panels, p.tasks, hi), 0, p.n)
		return
	}
	panels := ceilDiv(p.n, p.shape.cols)
	j0, j1 := split(panels, p.tasks, lo), split(panels, p.tasks, hi)
	p.rectangle(0, p.panels, j0*p.shape.cols, min(j1*p.shape.cols, p.n))
}

// split is the start of part i of n things divided into parts, its end being the
// start of the next.
func split(n, parts, i int) int {
	if parts == 1 { // saves the divisions
		return n * i
	}
	return n/parts*i + n%parts*i/parts
}

func ceilDiv(x, y int) int { return (x + y - 1) / y }

// row is the first row of panel i of the slab; for the panel after the last it is
// the end of the slab.
func (p *product[T]) row(i int) int { return p.m0 + i*p.height + min(i, p.higher) }

// step is the first step of block b of the slab.
func (p *product[T]) step(b int) int { return p.k0 + split(p.k1-p.k0, p.blocks, b) }

// longest is the number of steps of the longest block.
func (p *product[T]) longest() int { return ceilDiv(p.k1-p.k0, p.blocks) }

// scale multiplies a part of C by beta, which may be 0.
func (p *product[T]) scale(r0, r1, c0, c1 int) {
	if p.swapped {
		r0, r1, c0, c1 = c0, c1, r0, r1
	}
	for i := r0; i < r1; i++ {
		row := p.c[i*p.ldc+c0 : i*p.ldc+c1]
		if p.beta == 0 {
			clear(row)
			continue
		}
		for j := range row {
			row[j] *= p.beta
		}
	}
}

// finish applies the epilogue to a part of C.
func (p *product[T]) finish(r0, r1, c0, c1 int) {
	if p.swapped {
		r0, r1, c0, c1 = c0, c1, r0, r1
	}
	if p.epilogue != nil && r0 < r1 && c0 < c1 {
		p.epilogue.Apply(p.c, p.ldc, r0, r1, c0, c1)
	}
}

// Products and workspaces are kept for later calls, by element size, so that a
// call does not allocate.
var products, workspaces [2]sync.Pool

func takeProduct[T Float]() *product[T] {
	if p, ok := products[sizeof[T]()/8].Get().(*product[T]); ok {
		return p
	}
	return new(product[T])
}

// release forgets the caller's memory and keeps the buffers.
func (p *product[T]) release() {
	*p = product[T]{packedLeft: p.packedLeft, packedRight: p.packedRight, pairs: p.pairs}
	products[sizeof[T]()/8].Put(p)
}
