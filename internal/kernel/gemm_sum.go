package kernel

// ProductSum asks for the sum of Count matrix products,
//
//	C = Σ op(A_i)·B_i,   i < Count,
//
// where op(A_i) is m×k and B_i is k×n: what a convolution is made of, with the
// rows of a picture as factors. A_i begins NextA elements after the one before
// it, and B_i NextB. op transposes where TransA is set.
type ProductSum[T Float] struct {
	M, N, K, Count int
	A              []T
	// LDA may be shorter than a row of A, so that rows overlap.
	LDA, NextA int
	TransA     bool
	B          []T
	LDB, NextB int
	C          []T
	LDC        int
	Add        bool // to what C holds
}

// Compute does the work, on the calling goroutine alone. Like [Sgemm] it skips
// no product. It panics if a slice is too short.
func (s ProductSum[T]) Compute() {
	if s.M == 0 || s.N == 0 {
		return
	}
	rows, cols := s.M, s.K
	if s.TransA {
		rows, cols = cols, rows
	}
	if s.Count > 0 && s.K > 0 {
		_ = s.A[(s.Count-1)*s.NextA+(rows-1)*s.LDA+cols-1]
		_ = s.B[(s.Count-1)*s.NextB+(s.K-1)*s.LDB+s.N-1]
	}
	_ = s.C[(s.M-1)*s.LDC+s.N-1]

	p := takeProduct[T]()
	defer p.release()
	p.c, p.ldc, p.alpha, p.beta, p.epilogue = s.C, s.LDC, 1, 1, nil
	if !s.Add {
		p.beta = 0
	}
	if s.Count == 0 || s.K == 0 {
		p.scale(0, s.M, 0, s.N)
		return
	}
	for i := range s.Count {
		p.one(s, i)
		p.beta = 1
	}
}

// one adds product i to C.
func (p *product[T]) one(s ProductSum[T], i int) {
	left := operand[T]{s.A[i*s.NextA:], 1, s.LDA}
	if s.TransA {
		left.step, left.next = left.next, left.step
	}
	right := operand[T]{s.B[i*s.NextB:], s.LDB, 1}
	p.swapped = false
	if s.N == 1 && left.step == 1 && right.step == 1 {
		p.left, p.right, p.m, p.n, p.k = left, right, s.M, 1, s.K
		dotter[T]{p}.Run(0, s.M)
		return
	}
	p.orient(left, right, s.M, s.N, s.K)
	p.tasks = 1
	p.run()
}
