package cpu

import (
	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/op"
	"github.com/gander-ml/gander/internal/parallel"
	"github.com/gander-ml/gander/internal/vec"
)

// biasAct is an epilogue of blocks of a matrix, whose columns are the channels.
type biasAct[T vec.Float] struct {
	f    op.Unary
	bias []T // nil if there is none
	a    float64
}

// set sets s to e.
func (s *biasAct[T]) set(b *Backend, e backend.Epilogue) {
	s.f, s.a, s.bias = e.F, e.A, nil
	if e.Bias.Buffer != nil {
		s.bias = elements[T](b.packed(e.Bias))[:e.Bias.Layout.Dims[0]]
	}
}

// Apply applies the epilogue to a block of c. It is called for each element once,
// as soon as its block is final.
func (s *biasAct[T]) Apply(c []T, ldc, i0, i1, j0, j1 int) {
	bias := s.bias
	if bias != nil {
		bias = bias[j0:j1]
	}
	vec.BiasAct(s.f, c[i0*ldc+j0:], ldc, i1-i0, j1-j0, bias, s.a)
}

// finish is an epilogue of rows of pixels.
type finish[T vec.Float] struct {
	biasAct[T]
	repeated []T // the bias, for the pixels that are computed at once
}

// repeat sets s to an epilogue whose bias is repeated in the memory returned.
func (s *finish[T]) repeat(b *Backend, e backend.Epilogue) *memory[T] {
	s.set(b, e)
	if s.bias == nil {
		return nil
	}
	m := borrow[T](max(1, repeatLength/len(s.bias)) * len(s.bias))
	for s.repeated = m.data[:0]; len(s.repeated) < len(m.data); {
		s.repeated = append(s.repeated, s.bias...)
	}
	return m
}

// rows applies it to every by-th row of some images, rows of them from row on.
func (s *finish[T]) rows(p *imageBatch[T], image, images, row, rows, by int) {
	if s.f == op.None && s.bias == nil {
		return
	}
	pixels := p.width
	if by == 1 && p.row == p.width*p.pixel { // the rows continue one another
		pixels, rows = rows*pixels, 1
	}
	for i := image; i < image+images; i++ {
		for r := range rows {
			s.pixels(p, p.data[i*p.image+(row+r*by)*p.row:], pixels)
		}
	}
}

// pixels applies it to n pixels that are neighbours.
func (s *finish[T]) pixels(p *imageBatch[T], data []T, n int) {
	switch {
	case p.pixel != p.channels: // there are gaps
		vec.BiasAct(s.f, data, p.pixel, n, p.channels, s.bias, s.a)
	case s.bias == nil:
		vec.BiasAct(s.f, data, 0, 1, n*p.channels, nil, s.a)
	default:
		length := len(s.repeated)
		whole, rest := n*p.channels/length, n*p.channels%length
		vec.BiasAct(s.f, data, length, whole, length, s.repeated, s.a)
		vec.BiasAct(s.f, data[whole*length:], length, 1, rest, s.repeated[:rest], s.a)
	}
}

// gradJob multiplies a gradient of a matrix by an activation's derivative and
// sums the columns while they are in the cache.
type gradJob[T vec.Float] struct {
	f             op.Binary
	gz, gb, gy, y []T
	rows, cols    int
	a             float64
}

// Run computes columns lo to hi.
func (j *gradJob[T]) Run(lo, hi int) {
	rows, n := j.rows, hi-lo
	if n == j.cols { // the rows continue one another
		rows, n = 1, j.rows*n
	}
	for i := range rows {
		at := i*j.cols + lo
		vec.Binary(j.f, j.gz[at:at+n], j.gy[at:at+n], j.y[at:at+n], j.a)
	}
	vec.ReduceCols(op.Sum, j.gb[lo:hi], j.gz[min(lo, len(j.gz)):], j.rows, hi-lo, j.cols)
}

// EpilogueGrad sets gz to gy times the derivative of f, given its value y, and gb
// to the sums of gz over each channel. For images, the sums are a separate pass: it
// is as fast as one thread that does both in the cache, and threads can share the
// product.
func (b *Backend) EpilogueGrad(f op.Unary, gz, gb, gy, y backend.Operand, a float64) {
	if gz.Layout.Rank != 2 || !gz.Layout.IsContiguous() || !gb.Layout.IsContiguous() {
		backend.ComposeEpilogueGrad(b, f, gz, gb, gy, y, a)
		return
	}
	product, _ := f.Grad()
	gy, y = b.packed(gy), b.packed(y)
	if gz.Is64() {
		epilogueGrad[float64](product, gz, gb, gy, y, a)
	} else {
		epilogueGrad[float32](product, gz, gb, gy, y, a)
	}
}

func epilogueGrad[T vec.Float](f op.Binary, gz, gb, gy, y backend.Operand, a float64) {
	rows, cols := gz.Layout.Dims[0], gz.Layout.Dims[1]
	n := rows * cols
	// Wide enough for long rows, narrow enough to be shared by threads.
	grain := max(128, grainCheap/max(rows, 1)&^31)
	if parallel.Threads() == 1 {
		grain = max(cols, 1)
	}
	share(&poolOf[T]().grad, cols, grain, gradJob[T]{
		f: f, gz: elements[T](gz)[:n], gb: elements[T](gb)[:cols], gy: elements[T](gy)[:n], y: elements[T](y)[:n],
		rows: rows, cols: cols, a: a,
	})
}
