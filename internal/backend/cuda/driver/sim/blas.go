package sim

import (
	"encoding/binary"
	"math"

	"github.com/gander-ml/gander/internal/backend/cuda/driver"
)

// blas stands for cuBLAS: plain loops, summed in float64.
type blas struct {
	dev       *Device
	workspace bool
	closed    bool
	loaded    map[driver.Gemm]bool // those that were done before, without addresses
}

// BLAS returns a stand-in for cuBLAS.
func (dev *Device) BLAS() (driver.BLAS, error) {
	const call = "cublasCreate_v2"
	c, err := dev.enter(call)
	defer c.leave()
	if err != nil {
		return nil, err
	}
	if c.d.config.NoBLAS {
		return nil, fail(call, driver.NotFound, "there is no cuBLAS")
	}
	return &blas{dev: dev, loaded: map[driver.Gemm]bool{}}, nil
}

func (b *blas) enter(call string) (*context, error) {
	c, err := b.dev.enter(call)
	if err == nil && b.closed {
		err = fail(call, driver.NotInitialized, "the handle was closed")
	}
	return c, err
}

func (b *blas) Version() (int, error) {
	c, err := b.enter("cublasGetVersion_v2")
	defer c.leave()
	return 120000, err
}

func (b *blas) SetWorkspace(p driver.Ptr, bytes uint64) error {
	c, err := b.enter("cublasSetWorkspace_v2")
	defer c.leave()
	if err == nil && bytes > 0 {
		err = c.span("cublasSetWorkspace_v2", p, bytes)
		b.workspace = err == nil
	}
	return err
}

func (b *blas) Close() error {
	c, err := b.enter("cublasDestroy_v2")
	defer c.leave()
	b.closed = true
	return err
}

func (b *blas) Gemm(g *driver.Gemm, s driver.Stream) error {
	const call = "cublasGemmStridedBatched"
	c, err := b.enter(call)
	defer c.leave()
	if err != nil {
		return err
	}
	rows := func(trans bool, r, k int) int {
		if trans {
			return k
		}
		return r
	}
	if g.M < 0 || g.N < 0 || g.K < 0 || g.Batch < 0 || g.LDA < max(1, rows(g.TransA, g.M, g.K)) || g.LDB < max(1, rows(g.TransB, g.K, g.N)) || g.LDC < max(1, g.M) {
		return fail(call, driver.InvalidValue, "a product of %+v", *g)
	}
	if st := c.streams[s]; st != nil && st.capture != nil && !b.workspace {
		st.spoilt = "cuBLAS has no workspace and would allocate one"
		return fail(call, driver.CaptureUnsupported, "%s", st.spoilt)
	}
	q, like := *g, *g
	like.A, like.B, like.C = 0, 0, 0
	if st := c.streams[s]; st != nil && st.capture != nil && !b.loaded[like] {
		st.spoilt = "a product is the first of its kind, whose kernel would be loaded"
		return fail(call, driver.CaptureUnsupported, "%s", st.spoilt)
	}
	b.loaded[like] = true
	return c.put(call, s, func() error {
		c.d.counters.Products++
		return c.gemm(&q)
	})
}

// column reads n elements at an address.
func (c *context) column(p driver.Ptr, n int, wide bool) ([]float64, error) {
	size := 4
	if wide {
		size = 8
	}
	buf, out := make([]byte, n*size), make([]float64, n)
	if err := c.memory.Read(buf, uint64(p)); err != nil {
		return nil, err
	}
	for i := range out {
		if wide {
			out[i] = math.Float64frombits(binary.LittleEndian.Uint64(buf[8*i:]))
		} else {
			out[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(buf[4*i:])))
		}
	}
	return out, nil
}

// matrix reads the columns of a matrix.
func (c *context) matrix(p driver.Ptr, rows, cols, ld int, g *driver.Gemm) ([][]float64, error) {
	size := 4
	if g.Float64 {
		size = 8
	}
	out := make([][]float64, cols)
	for j := range out {
		col, err := c.column(p+driver.Ptr(j*ld*size), rows, g.Float64)
		if err != nil {
			return nil, err
		}
		if g.TF32 && !g.Float64 {
			for i, x := range col {
				// To 10 bits, ties away from zero.
				col[i] = float64(math.Float32frombits((math.Float32bits(float32(x)) + 1<<12) &^ (1<<13 - 1)))
			}
		}
		out[j] = col
	}
	return out, nil
}

func (c *context) gemm(g *driver.Gemm) error {
	size := 4
	if g.Float64 {
		size = 8
	}
	for n := range max(g.Batch, 1) {
		at := func(p driver.Ptr, stride int64) driver.Ptr { return p + driver.Ptr(int64(n)*stride*int64(size)) }
		ar, ac, br, bc := g.M, g.K, g.K, g.N
		if g.TransA {
			ar, ac = ac, ar
		}
		if g.TransB {
			br, bc = bc, br
		}
		a, err := c.matrix(at(g.A, g.StrideA), ar, ac, g.LDA, g)
		if err != nil {
			return err
		}
		b, err := c.matrix(at(g.B, g.StrideB), br, bc, g.LDB, g)
		if err != nil {
			return err
		}
		for j := range g.N {
			dst := at(g.C, g.StrideC) + driver.Ptr(j*g.LDC*size)
			old := make([]float64, g.M)
			if g.Beta != 0 {
				if old, err = c.column(dst, g.M, g.Float64); err != nil {
					return err
				}
			}
			buf := make([]byte, g.M*size)
			for i := range g.M {
				var sum float64
				for k := range g.K {
					x, y := 0.0, 0.0
					if g.TransA {
						x = a[i][k]
					} else {
						x = a[k][i]
					}
					if g.TransB {
						y = b[k][j]
					} else {
						y = b[j][k]
					}
					sum += x * y
				}
				v := g.Alpha * sum
				if g.Beta != 0 {
					v += g.Beta * old[i]
				}
				if g.Float64 {
					binary.LittleEndian.PutUint64(buf[8*i:], math.Float64bits(v))
				} else {
					binary.LittleEndian.PutUint32(buf[4*i:], math.Float32bits(float32(v)))
				}
			}
			if err := c.memory.Write(uint64(dst), buf); err != nil {
				return err
			}
		}
	}
	return nil
}
