package cuda_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/backend/backendtest"
	"github.com/gander-ml/gander/internal/backend/cuda"
	"github.com/gander-ml/gander/internal/backend/cuda/driver"
	"github.com/gander-ml/gander/internal/backend/cuda/driver/sim"
	"github.com/gander-ml/gander/internal/layout"
	"github.com/gander-ml/gander/internal/op"
	"github.com/gander-ml/gander/tensor"
)

// byLibrary lets cuBLAS do products of every size.
func byLibrary(t *testing.T) {
	before := cuda.LibraryFrom(0)
	t.Cleanup(func() { cuda.LibraryFrom(before) })
}

// TestLibrary: products by cuBLAS give what the reference gives, also replayed from
// graphs, as do those that it cannot describe.
func TestLibrary(t *testing.T) {
	byLibrary(t)
	every := 5
	switch {
	case *full:
		every = 1
	case testing.Short():
		every = 40
	}
	b, d := open(t, sim.Config{NoGraphs: true})
	backendtest.RunSome(t, b, every, "matmul", "linear", "linear and add")
	require.NotZero(t, d.Counters().Products)
	require.NotZero(t, d.Counters().Kernels["finish_f32"])
	require.NotZero(t, d.Counters().Kernels["product_f32_32"])
	t.Log(d.Counters().Products, "products of cuBLAS,", d.Counters().Kernels["product_f32_32"]+d.Counters().Kernels["product_f32_64"], "others")

	b, d = open(t, sim.Config{Fast: true})
	x, y, bias := matrix(b, 5, 3), matrix(b, 4, 3), array(b, 4)
	b.Fill(bias, 1)
	z := matrix(b, 5, 4)
	for step := range 4 {
		h := backend.NewHost(backend.Float32, 15)
		for i := range h.F32 {
			h.F32[i] = float32(step)
		}
		b.Upload(x, h)
		b.Linear(z, x, y, backend.Epilogue{F: op.ReLU, Bias: bias})
		b.Unary(op.Scale, z, z, 2, 0)
		for i, got := range read(b, z) { // y is 0, 1, 2 and so on
			require.Equal(t, float32(2*(step*(9*(i%4)+3)+1)), got, "step %d", step)
		}
	}
	require.Equal(t, 4, d.Counters().Products)
	require.NotZero(t, d.Counters().GraphLaunches)
}

// TestLibraryLayouts: matrices that lie by rows or by columns, with gaps or without,
// in batches of which one factor may be shared, are told to cuBLAS as they are, and
// the small operations before take effect before.
func TestLibraryLayouts(t *testing.T) {
	byLibrary(t)
	b, d := open(t, sim.Config{Fast: true})
	const m, n, k, batch = 3, 5, 4, 2
	// place returns [count, rows, cols], in which elements of a matrix lie by columns
	// or by rows, gap apart from the next; share is one matrix for all.
	place := func(rows, cols, count, gap int, columns, share bool) backend.Operand {
		l := layout.Contiguous(count, rows, cols+gap)
		if columns {
			l = layout.Contiguous(count, cols, rows+gap).Permute(0, 2, 1)
		}
		h := backend.NewHost(backend.Float32, l.Len())
		for i := range h.F32 {
			h.F32[i] = float32(i%11 - 5)
		}
		o := backend.Operand{Buffer: b.Alloc(backend.Float32, l.Len()), Layout: layout.Contiguous(l.Len())}
		b.Upload(o, h)
		l.Dims[1], l.Dims[2] = rows, cols
		if share {
			l.Strides[0] = 0
		}
		o.Layout = l
		return o
	}
	values := func(o backend.Operand) []float32 {
		c := backend.Operand{Buffer: b.Alloc(backend.Float32, o.Layout.Len()), Layout: o.Layout.Packed()}
		b.Copy(c, o)
		c.Layout = layout.Contiguous(o.Layout.Len())
		return read(b, c)
	}
	for bits := range 64 {
		on := func(i int) bool { return bits>>i&1 != 0 }
		gap := bits >> 5
		x, y := place(m, k, batch, gap, on(0), on(3)), place(k, n, batch, 2*gap, on(1), on(4))
		z := place(m, n, batch, 3*gap, on(2), false)
		xs, ys := values(x), values(y)
		want := make([]float32, batch*m*n)
		for i := range want {
			for l := range k {
				want[i] += -2 * xs[i/(m*n)*m*k+i/n%m*k+l] * ys[i/(m*n)*k*n+l*n+i%n]
			}
		}
		before := d.Counters().Products
		scaled := x
		if on(3) { // the one matrix, once
			scaled.Layout.Dims[0] = 1
		}
		b.Unary(op.Scale, scaled, scaled, -2, 0)
		b.MatMul(z, x, y)
		require.Equal(t, want, values(z), "%06b", bits)
		require.Equal(t, before+1, d.Counters().Products)

		// The first of the matrices, with an epilogue.
		if on(3) || on(4) {
			continue
		}
		first := func(o backend.Operand) backend.Operand {
			l := o.Layout
			o.Layout = layout.Layout{Rank: 2, Offset: l.Offset, Dims: [layout.MaxRank]int{l.Dims[1], l.Dims[2]}, Strides: [layout.MaxRank]int{l.Strides[1], l.Strides[2]}}
			return o
		}
		bias := array(b, n)
		b.Upload(bias, backend.Host32([]float32{1, 2, 3, 4, 5}))
		w := first(y)
		w.Layout = w.Layout.Permute(1, 0)
		b.Linear(first(z), first(x), w, backend.Epilogue{F: op.LeakyReLU, A: 0.5, Bias: bias})
		got := values(first(z))
		for i, v := range want[:m*n] {
			v += float32(i%n + 1)
			if v < 0 {
				v *= 0.5
			}
			require.Equal(t, v, got[i], "%06b", bits)
		}
	}
}

// TestWhatIsAddedIsReady: small operations that are held back take effect before a
// product adds what they wrote, by kernels and by cuBLAS, undivided and in parts.
func TestWhatIsAddedIsReady(t *testing.T) {
	for _, from := range []int{1 << 26, 0} {
		before := cuda.LibraryFrom(from)
		defer cuda.LibraryFrom(before)
		b, d := open(t, sim.Config{Fast: true})
		for _, k := range []int{3, 2100} {
			x, w, z := matrix(b, 5, k), matrix(b, 4, k), matrix(b, 5, 4)
			b.Fill(x, 1)
			b.Fill(w, 0.5)
			add, bias := matrix(b, 5, 4), array(b, 4)
			b.Fill(bias, 2)
			for step := range 4 { // launched one by one, then as a graph
				b.Unary(op.Scale, add, add, -2, 0)
				b.LinearAdd(z, x, w, add, backend.Epilogue{Bias: bias, F: op.ReLU})
				for i, got := range read(b, z) {
					sum := float32(k)/2 + 2 + float32(i)*[]float32{-2, 4, -8, 16}[step]
					require.Equal(t, max(sum, 0), got, "K %d, cuBLAS from %d, step %d", k, from, step)
				}
			}
		}
		require.Equal(t, from == 0, d.Counters().Products > 0)
	}
}

// matrix returns a new matrix of 0, 1, 2 and so on.
func matrix(b *cuda.Backend, rows, cols int) backend.Operand {
	h := backend.NewHost(backend.Float32, rows*cols)
	for i := range h.F32 {
		h.F32[i] = float32(i)
	}
	o := backend.Operand{Buffer: b.Alloc(backend.Float32, rows*cols), Layout: layout.Contiguous(rows, cols)}
	b.Upload(o, h)
	return o
}

// TestLibraryChoice: small products are the kernels' own.
func TestLibraryChoice(t *testing.T) {
	before := cuda.LibraryFrom(16 * 16 * 16)
	defer cuda.LibraryFrom(before)
	require.Equal(t, 1<<26, before)
	b, d := open(t, sim.Config{})
	for _, c := range []struct{ m, n, k, products int }{{16, 16, 15, 0}, {16, 16, 16, 1}, {16, 17, 16, 1}} {
		was := d.Counters().Products
		z := matrix(b, c.m, c.n)
		b.MatMul(z, matrix(b, c.m, c.k), matrix(b, c.k, c.n))
		b.Sync()
		require.Equal(t, c.products, d.Counters().Products-was, "%v", c)
	}
	// More than a grid's third axis counts.
	cuda.LibraryFrom(0)
	nothing, err := cuda.Open(limited{d}, cuda.Kind, 0)
	require.NoError(t, err)
	one := array(nothing, 1)
	for batch, products := range map[int]int{65535: 1, 65536: 0} {
		was := d.Counters().Products
		o := backend.Operand{Buffer: one.Buffer, Layout: layout.Contiguous(batch, 1, 1)}
		o.Layout.Strides[0] = 0
		nothing.MatMul(o, o, o)
		nothing.Sync()
		require.Equal(t, products, d.Counters().Products-was, "a batch of %d", batch)
	}
	require.NoError(t, nothing.Close())
	cuda.LibraryFrom(16 * 16 * 16)
	// Memory that does not lie as BLAS has it: every second column, a stride of 0.
	wide := matrix(b, 16, 32)
	odd := backend.Operand{Buffer: wide.Buffer, Layout: wide.Layout.Slice(1, 0, 32, 2)}
	was := d.Counters().Products
	z, y := matrix(b, 16, 16), matrix(b, 16, 16)
	b.MatMul(z, odd, y)
	odd.Layout = layout.Contiguous(16, 16)
	odd.Layout.Strides[0] = 0
	b.MatMul(z, odd, y)
	b.Sync()
	require.Zero(t, d.Counters().Products-was)
}

// broken is a driver whose cuBLAS fails in one call.
type broken struct {
	driver.Driver
	call string
}

func (b broken) Open(n int) (driver.Device, error) {
	d, err := b.Driver.Open(n)
	return brokenDevice{d, b.call}, err
}

type brokenDevice struct {
	driver.Device
	call string
}

func (d brokenDevice) BLAS() (driver.BLAS, error) {
	b, err := d.Device.BLAS()
	return brokenBLAS{b, d.call}, err
}

type brokenBLAS struct {
	driver.BLAS
	call string
}

func (b brokenBLAS) Version() (int, error) {
	if b.call == "version" {
		return 0, &driver.Error{Call: "cublasGetVersion_v2", Result: driver.NotInitialized}
	}
	return b.BLAS.Version()
}

func (b brokenBLAS) SetWorkspace(p driver.Ptr, n uint64) error {
	if b.call == "workspace" {
		return &driver.Error{Call: "cublasSetWorkspace_v2", Result: driver.NotSupported}
	}
	return b.BLAS.SetWorkspace(p, n)
}

// TestLibraryMissing: whatever cuBLAS lacks, products are the kernels' own, and
// whoever asks for TF32 is told why there is none.
func TestLibraryMissing(t *testing.T) {
	byLibrary(t)
	for _, c := range []struct {
		d    driver.Driver
		says string
	}{
		{sim.New(sim.Config{NoBLAS: true}), "there is no cuBLAS"},
		{broken{sim.New(sim.Config{}), "version"}, "cublasGetVersion_v2: CUDA_ERROR_NOT_INITIALIZED"},
		{broken{sim.New(sim.Config{}), "workspace"}, "cublasSetWorkspace_v2: CUDA_ERROR_NOT_SUPPORTED"},
		{sim.New(sim.Config{Memory: 4 << 20}), "cuBLAS gets no memory to work in: cuMemAlloc: CUDA_ERROR_OUT_OF_MEMORY"},
	} {
		b, err := cuda.Open(c.d, cuda.Kind, 0)
		require.NoError(t, err)
		z := matrix(b, 2, 2)
		b.MatMul(z, matrix(b, 2, 2), matrix(b, 2, 2))
		require.Equal(t, []float32{2, 3, 6, 11}, read(b, z))
		require.ErrorContains(t, b.SetPrecision(backend.TF32), c.says)
		require.Equal(t, "cuda float32", b.Arithmetic())
		require.Equal(t, backend.FullPrecision, b.Precision())
		require.NoError(t, b.Close())
		require.Equal(t, "cuda float32", b.Arithmetic())
	}
}

// TestOverrides: where the environment would change what cuBLAS computes behind the
// program's back, there is no cuBLAS, and where it forbids TF32, no TF32.
func TestOverrides(t *testing.T) {
	byLibrary(t)
	for _, c := range []struct{ name, value, arithmetic, says string }{
		{"NVIDIA_TF32_OVERRIDE", "1", "cuda float32", "cuBLAS is left out because the environment's NVIDIA_TF32_OVERRIDE=1 changes its products: unset it, or set it to 0"},
		{"NVIDIA_TF32_OVERRIDE", "", "cuda float32", "NVIDIA_TF32_OVERRIDE= changes its products"},
		{"NVIDIA_TF32_OVERRIDE", "0", "cuda cublas 120000 sm_75 4 float32", "the environment's NVIDIA_TF32_OVERRIDE=0 forbids it: unset it"},
		{"CUBLAS_EMULATE_SINGLE_PRECISION", "1", "cuda float32", "CUBLAS_EMULATE_SINGLE_PRECISION=1 changes its products"},
		{"CUBLAS_EMULATE_DOUBLE_PRECISION", "1", "cuda float32", "CUBLAS_EMULATE_DOUBLE_PRECISION=1 changes its products"},
		{"CUBLAS_EMULATE_DOUBLE_PRECISION", "0", "cuda cublas 120000 sm_75 4 float32", ""},
	} {
		t.Run(c.name+"="+c.value, func(t *testing.T) {
			t.Setenv(c.name, c.value)
			b, d := open(t, sim.Config{Fast: true})
			require.Equal(t, c.arithmetic, b.Arithmetic())
			z := matrix(b, 2, 2)
			b.MatMul(z, matrix(b, 2, 2), matrix(b, 2, 2))
			require.Equal(t, []float32{2, 3, 6, 11}, read(b, z))
			require.Equal(t, c.arithmetic != "cuda float32", d.Counters().Products > 0)
			if err := b.SetPrecision(backend.TF32); c.says == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.says)
			}
		})
	}
}

// TestTF32: it is asked for by the device's precision, rounds factors of float32
// alone, and is told by the arithmetic.
func TestTF32(t *testing.T) {
	byLibrary(t)
	b, _ := open(t, sim.Config{})
	require.Equal(t, "cuda cublas 120000 sm_75 4 float32", b.Arithmetic())
	const fine = 1 + 1.0/4096 // has 13 bits
	for _, c := range []struct {
		p    backend.Precision
		dt   backend.DType
		want float64
	}{
		{backend.FullPrecision, backend.Float32, fine}, {backend.TF32, backend.Float32, 1}, {backend.TF32, backend.Float64, fine},
		{backend.FullPrecision, backend.Float32, fine},
	} {
		require.NoError(t, b.SetPrecision(c.p))
		require.Equal(t, c.p, b.Precision())
		require.Equal(t, "cuda cublas 120000 sm_75 4 "+c.p.String(), b.Arithmetic())
		one := func() backend.Operand {
			return backend.Operand{Buffer: b.Alloc(c.dt, 1), Layout: layout.Contiguous(1, 1)}
		}
		x, y, z := one(), one(), one()
		b.Fill(x, fine)
		b.Fill(y, 1)
		b.MatMul(z, x, y)
		h := backend.NewHost(c.dt, 1)
		b.Download(h, z)
		require.Equal(t, c.want, h.At(0))
	}
	require.EqualError(t, b.SetPrecision(backend.BFloat16), "it has float32 and tf32")

	d, _ := register(t, "no-cublas", func(kind string, n int) (*cuda.Backend, error) {
		return cuda.Open(sim.New(sim.Config{NoBLAS: true}), kind, n)
	})
	require.EqualError(t, d.SetPrecision(tensor.TF32),
		"tensor: device "+d.Name()+" does not compute products in tf32: cublasCreate_v2: CUDA_ERROR_NOT_FOUND: there is no cuBLAS")
	require.EqualError(t, tensor.CPU().SetPrecision(tensor.TF32), "tensor: device cpu does not compute products in tf32: it has float32 and bfloat16")
}
