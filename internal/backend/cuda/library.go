package cuda

import (
	"errors"
	"fmt"
	"math"
	"os"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/backend/cuda/driver"
)

// library is cuBLAS, if the machine has it. It is opened when it is first asked for,
// and what came of that holds until the device is closed.
type library struct {
	asked     bool
	blas      driver.BLAS // nil: products are this package's own
	missing   error       // why
	name      string      // what the bits of its products depend on
	precision backend.Precision
}

// libraryFrom is from how many multiplications a product is cuBLAS's. Below, the time
// of a product is that of its steps through K, in which cuBLAS gains less than the
// pass of its own takes that adds a bias and applies an activation; README.md in
// bench/cuda has the arithmetic.
var libraryFrom = 1 << 26

// workspaceBytes is memory that cuBLAS gets: what NVIDIA recommends for Hopper, and
// for other devices.
func workspaceBytes(capability int) uint64 {
	if capability >= 90 {
		return 32 << 20
	}
	return 8 << 20
}

// cublas returns cuBLAS, or nil. The lock is held, and the device is in order.
func (b *Backend) cublas() driver.BLAS {
	l := &b.library
	if !l.asked {
		l.asked = true
		l.blas, l.missing = b.openLibrary()
	}
	return l.blas
}

// overrides are what the environment can tell cuBLAS to round its factors to, whatever
// the program asks of it, and whatever the name of the arithmetic says.
var overrides = []string{tf32Override, "CUBLAS_EMULATE_SINGLE_PRECISION", "CUBLAS_EMULATE_DOUBLE_PRECISION"}

// tf32Override is one of them: 0 forbids TF32; what else it may be is not documented.
const tf32Override = "NVIDIA_TF32_OVERRIDE"

// overridden returns an error if the environment sets one of overrides, but to 0.
func overridden() error {
	for _, name := range overrides {
		if v, ok := os.LookupEnv(name); ok && v != "0" {
			return fmt.Errorf("cuBLAS is left out because the environment's %s=%s changes its products: unset it, or set it to 0", name, v)
		}
	}
	return nil
}

func (b *Backend) openLibrary() (_ driver.BLAS, err error) {
	if err := overridden(); err != nil {
		return nil, err
	}
	var blas driver.BLAS
	if err := b.trimmed(func() (err error) {
		blas, err = b.device.BLAS()
		return err
	}); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, blas.Close())
		}
	}()
	version, err := blas.Version()
	if err != nil {
		return nil, err
	}
	var of [3]int
	for i, a := range [...]driver.Attribute{driver.ComputeCapabilityMajor, driver.ComputeCapabilityMinor, driver.Multiprocessors} {
		if of[i], err = b.device.Attribute(a); err != nil {
			return nil, err
		}
	}
	capability := 10*of[0] + of[1]
	bytes := workspaceBytes(capability)
	k, err := b.take(bytes)
	if err != nil {
		return nil, fmt.Errorf("cuBLAS gets no memory to work in: %w", err)
	}
	if err := blas.SetWorkspace(k.ptr, bytes); err != nil {
		b.giveBack(k)
		return nil, err
	}
	b.library.name = fmt.Sprintf("cublas %d sm_%d %d", version, capability, of[2])
	return blas, nil
}

// close frees cuBLAS's handle.
func (l *library) close() error {
	if l.blas == nil {
		return nil
	}
	err := l.blas.Close()
	l.blas = nil
	return err
}

// SetPrecision sets the precision of later products.
func (b *Backend) SetPrecision(p backend.Precision) error {
	switch p {
	case backend.FullPrecision, backend.TF32:
	default:
		return errors.New("it has float32 and tf32")
	}
	if p == backend.TF32 && os.Getenv(tf32Override) == "0" {
		return fmt.Errorf("the environment's %s=0 forbids it: unset it", tf32Override)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if p == backend.TF32 && !b.closed && b.lost == nil && b.cublas() == nil {
		return b.library.missing
	}
	b.library.precision = p
	return nil
}

// Precision returns what SetPrecision has set.
func (b *Backend) Precision() backend.Precision {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.library.precision
}

// Arithmetic returns "cuda float32", or, with cuBLAS, which chooses its kernels by its
// version and by the device, "cuda cublas 120304 sm_90 132 float32": the number is that
// of the multiprocessors.
func (b *Backend) Arithmetic() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed && b.lost == nil {
		b.cublas()
	}
	if l := &b.library; l.name != "" {
		return fmt.Sprintf("cuda %s %v", l.name, l.precision)
	}
	return fmt.Sprintf("cuda %v", b.library.precision)
}

// stored is a matrix as BLAS has it: by columns, ld apart.
type stored struct {
	p     driver.Ptr
	ld    int
	trans bool // it is the transpose that is stored so
}

// storedAs returns how BLAS may read a matrix of rows·cols with those strides.
func storedAs(p driver.Ptr, rows, cols, row, col int) (stored, bool) {
	// The stride of an axis of one element means nothing.
	if rows == 1 {
		row = 1
	}
	if cols == 1 {
		col = 1
	}
	switch {
	case row == 1 && col >= rows && col <= math.MaxInt32:
		return stored{p, col, false}, true
	case col == 1 && row >= cols && row <= math.MaxInt32:
		return stored{p, row, true}, true
	}
	return stored{}, false
}

// byLibrary queues a product as cuBLAS's, and reports whether it did: a large one of
// matrices that BLAS can describe, and of no more than a grid's third axis can count,
// beyond which some of cuBLAS's kernels have been wrong.
func (b *Backend) byLibrary(p *product, dt backend.DType) bool {
	m, n, k, batch := int(p.m), int(p.n), int(p.k), int(p.batch.n)
	if m*n*k*batch < libraryFrom || k == 0 || p.batch.rank > 1 || batch > maxGrid || m*n > maxElements || b.cublas() == nil {
		return false
	}
	x, ok := storedAs(p.x.p, m, k, int(p.x.row), int(p.x.step))
	y, also := storedAs(p.y.p, k, n, int(p.y.step), int(p.y.row))
	z, too := storedAs(p.result.dst, m, n, int(p.lines.row), int(p.result.column))
	if !ok || !also || !too {
		return false
	}
	s := &p.batch.stride
	g := driver.Gemm{Float64: dt == backend.Float64, TF32: b.library.precision == backend.TF32 && dt == backend.Float32,
		TransA: x.trans, TransB: y.trans, M: m, N: n, K: k, Alpha: 1,
		A: x.p, LDA: x.ld, B: y.p, LDB: y.ld, C: z.p, LDC: z.ld,
		Batch: batch, StrideC: s[0][0], StrideA: s[1][0], StrideB: s[2][0]}
	if z.trans { // dst is stored by rows: the transposed product by columns
		g.M, g.N = n, m
		g.TransA, g.TransB = !y.trans, !x.trans
		g.A, g.B, g.LDA, g.LDB, g.StrideA, g.StrideB = g.B, g.A, g.LDB, g.LDA, g.StrideB, g.StrideA
	}
	b.flushTouched()
	b.submitProduct(g)
	b.finish(p, dt)
	return true
}

// finishing is what the kernels finish_f32 and finish_f64 get, field for field.
type finishing struct {
	result result
	lines  lines
	inner  divisor
	count  uint32
}

// finish applies an epilogue to a product that was written to its place without.
func (b *Backend) finish(p *product, dt backend.DType) {
	if p.result.bias == 0 && p.lines.add == 0 && p.result.function == 0 {
		return
	}
	f := finishing{result: p.result, lines: p.lines, inner: divide(int(p.n)), count: p.m * p.n}
	if f.result.partial = 0; f.result.transposed != 0 {
		f.inner = divide(int(p.m))
	}
	a := b.begin()
	raw(a, &f)
	b.launch(kernel{productModule, "finish", suffix(dt)}, blocks(int(f.count), unroll*threads), 1, 1)
}
