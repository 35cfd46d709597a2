package gemm

import "unsafe"

// rows describes blocks of rows in memory to the assembly. All distances are in
// bytes.
type rows struct {
	dst    unsafe.Pointer
	ldd    int
	src    unsafe.Pointer
	lds    int
	n      int // rows to copy, or blocks to transpose
	length int // of a row to copy
	add    int // whether a transposed block is added to dst

	srcStep, dstStep int // from block to block
}

// CopyRows copies m rows of n elements from src, where they begin lds elements apart,
// to dst, where they begin ldd apart. dst must not overlap src. It panics if a
// slice is too short.
func CopyRows[T Float](dst []T, ldd int, src []T, lds, m, n int) {
	if m == 0 || n == 0 {
		return
	}
	_, _ = dst[(m-1)*ldd+n-1], src[(m-1)*lds+n-1]
	size := sizeof[T]()
	if length := n * size; length >= 16 && length <= copyBytes && asm.canCopyRows() {
		r := rows{ldd: ldd * size, lds: lds * size, length: length}
		most := copyBytes / max(length, cacheLine)
		for i := 0; i < m; i += most {
			r.dst, r.src, r.n = unsafe.Pointer(&dst[i*ldd]), unsafe.Pointer(&src[i*lds]), min(most, m-i)
			copySome(&r)
		}
		return
	}
	for i := range m {
		copy(dst[i*ldd:][:n], src[i*lds:])
	}
}

// copyBytes is how much of the cache one call of assembly reads at most.
const copyBytes = 64 << 10

// copySome is a real call, at which a loop over it can be preempted.
//
//go:noinline
func copySome(r *rows) { asm.copyRows(r) }

// copyRows copies a rows×cols block to dst, whose rows are width ≥ cols long
// and are filled up with zeros.
func copyRows[T Float](dst []T, width int, src []T, ld, n, cols int) {
	if cols == width && cols*sizeof[T]() <= 256 {
		CopyRows(dst, width, src, ld, n, cols)
		return
	}
	for i := range n {
		d := dst[i*width:][:width]
		copy(d[:cols], src[i*ld:])
		clear(d[cols:])
	}
}

// Transpose sets dst[j·ldd+i] = src[i·lds+j] for i < m and j < n: dst becomes
// the transpose of a matrix of m rows. dst must not overlap src. It panics if a
// slice is too short.
func Transpose[T Float](dst []T, ldd int, src []T, lds, m, n int) {
	transpose(dst, ldd, src, lds, m, n, false)
}

// transpose sets dst[j,i] = src[i,j], or adds to it, for an m×n block of src;
// ldd and lds are the leading dimensions. The assembly works on square blocks, which
// overlap at the edges; if they are added, a loop adds what is left there.
//
// A call of assembly walks along rows of whichever matrix has its rows further
// apart, so that their lines are finished while they are in the cache, and only as
// far as the lines that it crosses in the other matrix stay there.
func transpose[T Float](dst []T, ldd int, src []T, lds, m, n int, add bool) {
	if m <= 0 || n <= 0 {
		return
	}
	_, _ = dst[(n-1)*ldd+m-1], src[(m-1)*lds+n-1]
	size := sizeof[T]()
	side := asm.transposeSide(size)
	if m < side || n < side {
		transposeEdge(dst, ldd, src, lds, 0, m, 0, n, add)
		return
	}
	along, across, inDst := n, m, ldd > lds
	r := rows{ldd: ldd * size, lds: lds * size, srcStep: side * size, dstStep: side * ldd * size}
	if inDst {
		along, across = m, n
		r.srcStep, r.dstStep = side*lds*size, side*size
	}
	if add {
		r.add = 1
	}
	block := func(a, c, blocks int) { // from a along and c across
		i, j := c, a
		if inDst {
			i, j = a, c
		}
		r.dst, r.src, r.n = unsafe.Pointer(&dst[j*ldd+i]), unsafe.Pointer(&src[i*lds+j]), blocks
		asm.transpose(&r, size)
	}
	strip := func(a, blocks, c0, c1 int) { // from a along, [c0,c1) across
		c := c0
		for ; c+side <= c1; c += side {
			block(a, c, blocks)
		}
		if c < c1 && !add {
			block(a, c1-side, blocks)
		}
	}
	whole := along / side * side
	for c0 := 0; c0 < across; c0 += stripWidth {
		c1 := min(c0+stripWidth, across)
		length := max(1, stripBytes/((c1-c0)*size*side)) * side
		for a := 0; a < whole; a += length {
			strip(a, min(length, whole-a)/side, c0, c1)
		}
		if whole < along && !add {
			strip(along-side, 1, c0, c1)
		}
	}
	if add {
		i, j := m/side*side, n/side*side
		transposeEdge(dst, ldd, src, lds, 0, i, j, n, true)
		transposeEdge(dst, ldd, src, lds, i, m, 0, n, true)
	}
}

// A strip of blocks is so many elements wide at most, and so long that half of the L1
// cache holds it.
const (
	stripWidth = 64
	stripBytes = 16 << 10
)

// transposeEdge transposes the rows [i0,i1) and columns [j0,j1) of src.
func transposeEdge[T Float](dst []T, ldd int, src []T, lds, i0, i1, j0, j1 int, add bool) {
	for j := j0; j < j1; j++ {
		for i := i0; i < i1; i++ {
			if add {
				dst[j*ldd+i] += src[i*lds+j]
			} else {
				dst[j*ldd+i] = src[i*lds+j]
			}
		}
	}
}
