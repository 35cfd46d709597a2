package gemm

import "unsafe"

// tile is a register tile, or a column of them, described to the assembly
// kernels, which read it by field name. It asks for
//
//	for i < m, j < n: C[i,j] = alpha·Σ A[i,p]·B[p,j], added to C[i,j] if add ≠ 0
//
// with the sum over p in order, then for the same count-1 times more with A and
// C advanced by ap and cp. p makes sets times runs runs of k steps each; from the
// end of a run to the next, A and B advance by ar and br, or by asets and bsets
// after the last one of a set. All distances are in bytes. A may have any layout;
// the rows of B and C are contiguous. m and n are at most the shape's rows and
// cols; k, runs, sets and count are at least 1. A kernel that is not masked needs
// n = cols. The kernel leaves a, c, next, count, todo and setsTodo changed.
type tile struct {
	a      unsafe.Pointer
	rs, ks int // from row to row and from step to step of A
	b      unsafe.Pointer
	bs     int // from step to step of B
	c      unsafe.Pointer
	cs     int // from row to row of C
	m, n   int
	k      int
	runs   int
	ar, br int // from run to run of A and B
	sets   int
	asets  int // from set to set of A
	bsets  int // and of B
	add    int
	alpha  unsafe.Pointer
	count  int
	ap, cp int // from tile to tile of A and C

	// While it computes, the assembly fetches lines that a later call needs
	// into L2: one per step, ns apart, and np further for the next tile.
	next   uintptr
	ns, np int

	// If it is not nil, a vector to which products of the elements are added that
	// the kernel stores: then it is finite only if all elements are. See looks.
	seen unsafe.Pointer

	todo, setsTodo int // for the kernels' own counting of runs and sets
}

// shape is the largest tile of the kernels in force.
type shape struct {
	rows, cols int
	masked     bool // tiles may have fewer columns
}

// multiply computes a column of tiles. It is a real call with a stack frame, so
// that a loop over it can be preempted: assembly cannot.
//
//go:noinline
func multiply[T Float](t *tile) {
	t.aimAhead()
	if asm.multiply(t, sizeof[T]()) {
		return
	}
	for {
		run := *t
		for multiplyGeneric[T](&run); run.nextRun(); {
			multiplyGeneric[T](&run)
		}
		if !t.nextTile() {
			return
		}
	}
}

// aimAhead gives a tile that has nothing to fetch ahead something harmless.
func (t *tile) aimAhead() {
	if t.next == 0 {
		t.next = uintptr(t.b)
	}
}

// nextTile and nextRun advance to the next tile or run, for a kernel that computes
// a single one. They report whether there is one.
func (t *tile) nextTile() bool {
	if t.count == 1 {
		return false
	}
	t.count--
	t.a, t.c = unsafe.Add(t.a, t.ap), unsafe.Add(t.c, t.cp)
	return true
}

func (t *tile) nextRun() bool {
	a, b := t.ar, t.br
	if t.todo++; t.todo == t.runs {
		t.todo = 0
		if t.sets--; t.sets == 0 {
			return false
		}
		a, b = t.asets, t.bsets
	}
	t.a, t.b = unsafe.Add(t.a, t.k*t.ks+a), unsafe.Add(t.b, t.k*t.bs+b)
	t.add = 1
	return true
}

// ones are for tiles whose alpha has no effect. A caller's variable would escape to
// the heap.
var ones = struct {
	f32 float32
	f64 float64
}{1, 1}

func one[T Float]() unsafe.Pointer {
	if sizeof[T]() == 4 {
		return unsafe.Pointer(&ones.f32)
	}
	return unsafe.Pointer(&ones.f64)
}

// shapeOf returns the shape of multiply[T].
func shapeOf[T Float]() shape {
	if s := asm.shape(sizeof[T]()); s.rows != 0 {
		return s
	}
	return shape{rows: 16, cols: 8, masked: true}
}

// sizeof returns the bytes of a T. What depends on the element type follows from
// them; the default keeps a third type from being taken for one of the two.
func sizeof[T Float]() int {
	var x T
	switch size := int(unsafe.Sizeof(x)); size {
	case 4, 8:
		return size
	default:
		panic("gemm: unknown element type")
	}
}

// multiplyGeneric is the kernel in Go. It keeps 2×4 sums in registers.
func multiplyGeneric[T Float](t *tile) {
	size := sizeof[T]()
	rs, ks, bs, cs := t.rs/size, t.ks/size, t.bs/size, t.cs/size
	a := unsafe.Slice((*T)(t.a), (t.m-1)*rs+(t.k-1)*ks+1)
	b := unsafe.Slice((*T)(t.b), (t.k-1)*bs+t.n)
	c := unsafe.Slice((*T)(t.c), (t.m-1)*cs+t.n)
	alpha := *(*T)(t.alpha)
	for i := 0; i < t.m; i += 2 {
		a0, a1 := a[i*rs:], a[min(i+1, t.m-1)*rs:]
		for j := 0; j < t.n; j += 4 {
			width := min(t.n-j, 4)
			var s0, s1 [4]T
			if width == 4 {
				s0, s1 = sums2x4(a0, a1, ks, b[j:], bs, t.k)
			} else {
				for p := range t.k {
					for q, y := range b[p*bs+j:][:width] {
						s0[q] += a0[p*ks] * y
						s1[q] += a1[p*ks] * y
					}
				}
			}
			writeRow(c[i*cs+j:][:width], s0, alpha, t.add)
			if i+1 < t.m {
				writeRow(c[(i+1)*cs+j:][:width], s1, alpha, t.add)
			}
		}
	}
}

func sums2x4[T Float](a0, a1 []T, ks int, b []T, bs, k int) (s0, s1 [4]T) {
	var s00, s01, s02, s03, s10, s11, s12, s13 T
	for p := range k {
		x0, x1, y := a0[p*ks], a1[p*ks], (*[4]T)(b[p*bs:])
		s00, s01, s02, s03 = s00+x0*y[0], s01+x0*y[1], s02+x0*y[2], s03+x0*y[3]
		s10, s11, s12, s13 = s10+x1*y[0], s11+x1*y[1], s12+x1*y[2], s13+x1*y[3]
	}
	return [4]T{s00, s01, s02, s03}, [4]T{s10, s11, s12, s13}
}

func writeRow[T Float](c []T, sum [4]T, alpha T, add int) {
	for j := range c {
		if add != 0 {
			c[j] += alpha * sum[j]
		} else {
			c[j] = alpha * sum[j]
		}
	}
}
