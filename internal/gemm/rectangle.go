package gemm

import "unsafe"

// workspace is what one task needs besides the product.
type workspace[T Float] struct {
	tile   tile
	alpha  T
	panels []T   // of the right factor
	ahead  ahead // the one after the current
	out    []T   // tiles that cannot be written to C directly
	seen   [16]T // see tile.seen; as long as a vector
}

// ahead is memory that tiles fetch into the cache while they compute, see
// [tile]. One after another they fetch the lines that a step has.
type ahead struct {
	next          uintptr
	ns, np, calls int
}

// fetch has the tile do its part.
func (a *ahead) fetch(t *tile, lines int) {
	t.next, t.ns, t.np = a.next+uintptr(a.calls%lines*a.np), a.ns, a.np
	a.calls += t.count
}

func takeWorkspace[T Float]() *workspace[T] {
	w, ok := workspaces[sizeof[T]()/8].Get().(*workspace[T])
	if !ok {
		w = new(workspace[T])
	}
	w.tile.runs, w.tile.sets = 1, 1
	return w
}

func (w *workspace[T]) release() {
	w.tile = tile{}
	workspaces[sizeof[T]()/8].Put(w)
}

// rectangle adds the slab's summands to the panels [i0,i1) of rows and the
// columns [j0,j1) of C.
func (p *product[T]) rectangle(i0, i1, j0, j1 int) {
	w := takeWorkspace[T]()
	defer w.release()
	w.alpha = p.alpha
	w.tile.alpha = unsafe.Pointer(&w.alpha)
	w.begin(p.look)

	if p.k0 == 0 && p.beta != 0 && p.beta != 1 {
		p.scale(p.row(i0), p.row(i1), j0, j1)
	}
	if p.swapped {
		p.across(w, i0, i1, j0, j1)
	} else {
		p.along(w, i0, i1, j0, j1)
	}
	w.end(p.look)
}

// along computes tiles of C in place. A part of the left factor that
// fits in L2 meets all columns before the next one.
func (p *product[T]) along(w *workspace[T], i0, i1, j0, j1 int) {
	width := p.shape.cols
	parts := ceilDiv(i1-i0, max(1, partBytes/(p.longest()*p.shape.rows*sizeof[T]())))
	keep := 0 // packed panels of the right factor, for the next part
	if parts > 1 {
		keep = 1
	}
	w.prepare(p, 1+keep*(j1-j0-1)/width)
	for b := range p.blocks {
		add := p.beta != 0 || p.k0 > 0 || b > 0
		for part := range parts {
			lo, hi := i0+split(i1-i0, parts, part), i0+split(i1-i0, parts, part+1)
			if p.packsByPart() {
				p.packPanels(b, lo, hi)
			}
			for j := j0; j < j1; j += width {
				end := min(j+width, j1)
				p.setRight(w, b, j, end, keep*(j-j0)/width, part == 0)
				p.column(w, b, lo, hi, j, end, add)
			}
			if p.k1 == p.k && b == p.blocks-1 {
				p.finish(p.row(lo), p.row(hi), j0, j1)
			}
		}
	}
}

// column computes the tiles of the panels [i0,i1) of rows in the columns
// [j0,j1), to which the tile's right factor is set, for one block of steps.
func (p *product[T]) column(w *workspace[T], b, i0, i1, j0, j1 int, add bool) {
	t := &w.tile
	if t.n == j1-j0 {
		lines := max(1, p.shape.cols*sizeof[T]()/cacheLine)
		for i := i0; i < i1; {
			n := p.setLeft(t, b, i, i1)
			w.ahead.fetch(t, lines)
			p.multiply(t, &p.c[p.row(i)*p.ldc+j0], p.ldc, add)
			i += n
		}
		return
	}
	w.out = resize(w.out, p.shape.rows*p.shape.cols)
	for i := i0; i < i1; i++ {
		p.setLeft(t, b, i, i+1)
		p.multiply(t, &w.out[0], p.shape.cols, false)
		for r := range t.m {
			at := (p.row(i)+r)*p.ldc + j0
			addRow(p.c[at:at+j1-j0], w.out[r*p.shape.cols:], add)
		}
	}
}

// across computes tiles of Cᵀ in the workspace and transposes them into C.
func (p *product[T]) across(w *workspace[T], i0, i1, j0, j1 int) {
	t, width := &w.tile, p.shape.cols
	add := p.beta != 0 || p.k0 > 0
	parts := ceilDiv(i1-i0, max(1, fewRows/p.shape.rows))
	w.prepare(p, 1)
	for part := range parts {
		lo, hi := i0+split(i1-i0, parts, part), i0+split(i1-i0, parts, part+1)
		r0, r1 := p.row(lo), p.row(hi)
		w.out = resize(w.out, (r1-r0)*width)
		for j := j0; j < j1; j += width {
			n := min(width, j1-j)
			for b := range p.blocks {
				p.setRight(w, b, j, j+n, 0, true)
				for i := lo; i < hi; {
					n := p.setLeft(t, b, i, hi)
					t.ns = 0
					if j == j0 && p.blocks == 1 && !p.packLeft && p.left.step == 1 { // fetch the next rows
						t.next, t.ns, t.np = uintptr(t.a)+uintptr(t.ap), cacheLine, t.ap
					}
					p.multiply(t, &w.out[(p.row(i)-r0)*width], width, b > 0)
					i += n
				}
			}
			transpose(p.c[j*p.ldc+r0:], p.ldc, w.out, width, r1-r0, n, add)
		}
		if p.k1 == p.k {
			p.finish(r0, r1, j0, j1)
		}
	}
}

// multiply computes the tile, or column of tiles, whose factors are set.
func (p *product[T]) multiply(t *tile, c *T, ldc int, add bool) {
	t.c, t.cs, t.add = unsafe.Pointer(c), ldc*sizeof[T](), 0
	if add {
		t.add = 1
	}
	t.cp = t.m * t.cs
	if p.paired {
		multiplyPairs(t)
	} else {
		multiply[T](t)
	}
}

// setLeft points the tile at panel i of rows and block b of steps, and has it
// repeated for the n-1 next panels, as many as are alike and not too many.
func (p *product[T]) setLeft(t *tile, b, i, end int) (n int) {
	size, r, k := sizeof[T](), p.row(i), p.step(b)
	t.m, n = p.height, end-i
	if i < p.higher {
		t.m, n = p.height+1, min(end, p.higher)-i
	}
	n = max(1, min(n, callFlops/(2*t.m*t.n*t.k)))
	t.count = n
	if !p.packLeft {
		t.a = unsafe.Pointer(&p.left.data[r*p.left.next+k*p.left.step])
		t.rs, t.ks = p.left.next*size, p.left.step*size
		t.ap = t.m * t.rs
		return n
	}
	t.a = unsafe.Pointer(&p.leftPanel(b, i)[0])
	t.rs, t.ks = size, t.m*size
	t.ap = t.m * p.longest() * size
	return n
}

// prepare makes room for n packed panels of the right factor, if tiles may need
// them.
func (w *workspace[T]) prepare(p *product[T], n int) {
	if p.packRight == perTask || !p.shape.masked {
		w.panels = resize(w.panels, n*p.longest()*p.shape.cols)
	}
}

// setRight points the tile at the columns [j0,j1) and block b of steps, which
// it packs, if necessary and new, as panel number i of the workspace. A
// kernel without masks is given whole panels, filled up with zeros.
func (p *product[T]) setRight(w *workspace[T], b, j0, j1, i int, isNew bool) {
	t, size, width := &w.tile, sizeof[T](), p.shape.cols
	k0, k1 := p.step(b), p.step(b+1)
	t.k, t.n = k1-k0, width
	if p.shape.masked {
		t.n = j1 - j0
	}
	switch {
	case p.packRight == together:
		t.b, t.bs = unsafe.Pointer(&p.rightPanel(b, j0)[0]), width*size
	case p.packRight == inPlace && t.n == j1-j0:
		t.b, t.bs = unsafe.Pointer(p.rightElement(k0, j0)), p.right.step*size
	default:
		panel := w.panels[i*t.k*width:][:t.k*width]
		if isNew {
			p.packPanel(panel, k0, k1, j0, j1)
		}
		t.b, t.bs = unsafe.Pointer(&panel[0]), width*size
	}
	// The next panel lies beside what this one was read from, or behind this one
	// if it is packed as well.
	if p.packRight == inPlace || p.packRight == perTask && isNew && p.right.next == 1 {
		here := uintptr(unsafe.Pointer(p.rightElement(k0, j0)))
		w.ahead = ahead{next: here + uintptr(width*size), ns: p.right.step * size, np: cacheLine}
	} else {
		w.ahead = ahead{next: uintptr(t.b) + uintptr(t.k*width*size), ns: cacheLine, np: t.k * cacheLine}
	}
}

func (p *product[T]) rightElement(k, j int) *T {
	return &p.right.data[k*p.right.step+j*p.right.next]
}

// cacheLine is the size of a line of the cache, in bytes.
const cacheLine = 64

// addRow stores src in dst, or adds it.
func addRow[T Float](dst, src []T, add bool) {
	for j := range dst {
		if add {
			dst[j] += src[j]
		} else {
			dst[j] = src[j]
		}
	}
}
