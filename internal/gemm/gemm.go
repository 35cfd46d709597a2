package gemm

// Float is the closed set of element types.
type Float interface{ float32 | float64 }

// Epilogue is work on the product while it is still in the cache, such as
// adding a bias and applying an activation. Apply sees c with its leading
// dimension and must touch only the rows i0 ≤ i < i1 and the columns
// j0 ≤ j < j1, which are final. It is called from several goroutines at once,
// on disjoint blocks that together cover the matrix exactly once.
type Epilogue[T Float] interface {
	Apply(c []T, ldc, i0, i1, j0, j1 int)
}

// Sgemm computes C = alpha·op(A)·op(B) + beta·C for row-major matrices, where
// op(X) is X, or its transpose if the flag tA or tB is set; op(A) is m×k, op(B)
// is k×n and C is m×n, with leading dimensions lda, ldb and ldc.
//
// Every product counts: NaN and Inf in A or B reach C even if the other
// factor is 0. As in BLAS, C is not read when beta is 0, and A and B are not
// read when alpha is 0. The bits of the result do not depend on the number of
// threads. It panics if a dimension is negative, a leading dimension is shorter
// than a row or a slice is too short for its matrix; C must not overlap A or B.
func Sgemm(tA, tB bool, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	gemm(false, tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc, nil)
}

// Dgemm is [Sgemm] in float64.
func Dgemm(tA, tB bool, m, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	gemm(false, tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc, nil)
}

// SgemmEpilogue is [Sgemm] followed by epi on each block of C as it is
// finished; epi may be nil.
func SgemmEpilogue(tA, tB bool, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int, epi Epilogue[float32]) {
	gemm(false, tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc, epi)
}

// DgemmEpilogue is [SgemmEpilogue] in float64.
func DgemmEpilogue(tA, tB bool, m, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int, epi Epilogue[float64]) {
	gemm(false, tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc, epi)
}

// gemm computes a product; only float32 may ask for rounding to bfloat16.
func gemm[T Float](bfloat16, tA, tB bool, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int, epi Epilogue[T]) {
	checkMatrix("A", tA, m, k, len(a), lda)
	checkMatrix("B", tB, k, n, len(b), ldb)
	checkMatrix("C", false, m, n, len(c), ldc)
	if m == 0 || n == 0 {
		return
	}
	p := takeProduct[T]()
	defer p.release()
	p.c, p.ldc, p.alpha, p.beta, p.epilogue = c, ldc, alpha, beta, epi
	left, right := operand[T]{a, 1, lda}, operand[T]{b, ldb, 1}
	if tA {
		left.step, left.next = left.next, left.step
	}
	if tB {
		right.step, right.next = right.next, right.step
	}
	look, _ := epi.(*Look[T])
	if look != nil {
		look.Finite = false
	}
	switch {
	case k == 0 || alpha == 0:
		p.scale(0, m, 0, n)
		p.finish(0, m, 0, n)
	case n == 1 && left.step == 1:
		p.matVec(left, right, m, k)
	case m == 1 && right.step == 1:
		p.swapped = true
		p.matVec(right, left, n, k)
	case bfloat16:
		p.paired = true
		p.orient(p.pairUp(0, left, m, k), p.pairUp(1, right, n, k), m, n, ceilDiv(k, 2))
		look.over(p)
	default:
		p.orient(left, right, m, n, k)
		look.over(p)
	}
}

// checkMatrix panics unless a slice of n elements holds a rows×cols matrix (its
// transpose if t) with leading dimension ld.
func checkMatrix(name string, t bool, rows, cols, n, ld int) {
	if t {
		rows, cols = cols, rows
	}
	switch {
	case rows < 0 || cols < 0:
		panic("gemm: negative dimension of " + name)
	case ld < max(cols, 1):
		panic("gemm: leading dimension of " + name + " is shorter than a row")
	case rows > 0 && cols > 0 && (n < cols || (n-cols)/ld < rows-1):
		panic("gemm: slice is too short for " + name)
	}
}
