// Package cpu is the backend for ordinary processors. It divides arrays of any
// layout into contiguous pieces, shares the pieces among threads, and leaves the
// arithmetic to packages gemm and vec. The order of each sum depends on shapes
// alone, so results do not depend on the number of threads.
package cpu

import (
	"errors"
	"fmt"
	"sync/atomic"

	"gonum.org/v1/gonum/blas"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/isa"
	"github.com/gander-ml/gander/internal/layout"
	"github.com/gander-ml/gander/internal/parallel"
	"github.com/gander-ml/gander/internal/philox"
	"github.com/gander-ml/gander/internal/vec"
)

// Backend implements backend.Backend and its optional fusions on host memory.
type Backend struct {
	blas     atomic.Pointer[level3]
	bfloat16 atomic.Bool
}

// level3 is the BLAS of matrix products; nil stands for package gemm.
type level3 struct {
	f32 blas.Float32Level3
	f64 blas.Float64Level3
}

func init() {
	backend.Register(backend.Kind{Name: "cpu", Rank: 1, Open: func(number int) (backend.Backend, error) {
		if number != 0 {
			return nil, errors.New("there is only one")
		}
		return New(), nil
	}})
}

var (
	_ backend.Backend            = (*Backend)(nil)
	_ backend.ListBackend        = (*Backend)(nil)
	_ backend.StandardiseBackend = (*Backend)(nil)
	_ backend.MulAddBackend      = (*Backend)(nil)
)

// New returns the backend.
func New() *Backend {
	b := &Backend{}
	b.UseBLAS(nil, nil)
	return b
}

// UseBLAS sets the implementations of later matrix products; nil stands for
// package gemm.
func (b *Backend) UseBLAS(f32 blas.Float32Level3, f64 blas.Float64Level3) {
	b.blas.Store(&level3{f32, f64})
}

// SetPrecision sets the precision of later products. With BFloat16, those of large
// float32 matrices may round their factors if that is faster, unless UseBLAS has
// set another BLAS.
func (b *Backend) SetPrecision(p backend.Precision) error {
	switch p {
	case backend.FullPrecision:
		b.bfloat16.Store(false)
	case backend.BFloat16:
		b.bfloat16.Store(true)
	default:
		return errors.New("it has float32 and bfloat16")
	}
	return nil
}

// Precision returns what SetPrecision has set.
func (b *Backend) Precision() backend.Precision {
	if b.bfloat16.Load() {
		return backend.BFloat16
	}
	return backend.FullPrecision
}

// Arithmetic returns the instruction set, the precision and the BLAS, if UseBLAS
// has set one: "cpu avx512 float32".
func (b *Backend) Arithmetic() string {
	s := fmt.Sprintf("cpu %s %v", isa.Best(), b.Precision())
	if l := b.blas.Load(); l.f32 != nil || l.f64 != nil {
		s += fmt.Sprintf(" blas %T %T", l.f32, l.f64)
	}
	return s
}

// SetThreads limits the number of threads that the backend computes with.
func (*Backend) SetThreads(n int) { parallel.SetThreads(n) }

// Name returns "cpu".
func (*Backend) Name() string { return "cpu" }

// Alloc returns n zeros.
func (*Backend) Alloc(dt backend.DType, n int) backend.Buffer {
	h := backend.NewHost(dt, n)
	preferHugePages(h)
	return h
}

// Free leaves the memory to the garbage collector.
func (*Backend) Free(backend.Buffer) {}

// Upload copies src to dst.
func (*Backend) Upload(dst backend.Operand, src *backend.Host) { host(dst).CopyFrom(src) }

// Download copies src to dst.
func (*Backend) Download(dst *backend.Host, src backend.Operand) { dst.CopyFrom(host(src)) }

// host returns the memory of a contiguous operand.
func host(o backend.Operand) *backend.Host {
	return o.Buffer.(*backend.Host).Slice(o.Layout.Offset, o.Layout.Len())
}

// Sync has nothing to wait for.
func (*Backend) Sync() {}

// ImageOrder returns the channels-last order, in which the numbers that a row of a
// kernel multiplies are one run.
func (*Backend) ImageOrder(l layout.Layout) layout.Layout {
	return layout.Contiguous(l.Dims[0], l.Dims[2], l.Dims[3], l.Dims[1]).Permute(0, 3, 1, 2)
}

// buffer returns the whole buffer of an operand, which holds T.
func buffer[T vec.Float](o backend.Operand) []T {
	h := o.Buffer.(*backend.Host)
	var x T
	switch any(x).(type) {
	case float32:
		return any(h.F32).([]T)
	case float64:
		return any(h.F64).([]T)
	default:
		panic(backend.UnknownDType(h.DType()))
	}
}

// elements returns an operand's elements from its first one on.
func elements[T vec.Float](o backend.Operand) []T { return buffer[T](o)[o.Layout.Offset:] }

// blank returns a contiguous operand of o's dtype and shape in new memory.
func blank(o backend.Operand) backend.Operand {
	return backend.Operand{Buffer: backend.NewHost(o.Buffer.DType(), o.Layout.Len()), Layout: o.Layout.Packed()}
}

// packed returns o, or a copy without gaps.
func (b *Backend) packed(o backend.Operand) backend.Operand {
	if o.Layout.IsContiguous() {
		return o
	}
	c := blank(o)
	b.Copy(c, o)
	return c
}

// randomGrain is the number of elements in one piece of work: whole Philox blocks
// in both dtypes.
const randomGrain = 4 << 10

type randomJob struct {
	dist         backend.Distribution
	f32          []float32
	f64          []float64
	key, counter uint64
}

func (j *randomJob) Run(lo, hi int) {
	switch {
	case j.f64 != nil && j.dist == backend.Normal:
		philox.Normal64(j.f64[lo:hi], j.key, j.counter+uint64(philox.Blocks64(lo)))
	case j.f64 != nil:
		philox.Uniform64(j.f64[lo:hi], j.key, j.counter+uint64(philox.Blocks64(lo)))
	case j.dist == backend.Normal:
		philox.Normal32(j.f32[lo:hi], j.key, j.counter+uint64(philox.Blocks32(lo)))
	default:
		philox.Uniform32(j.f32[lo:hi], j.key, j.counter+uint64(philox.Blocks32(lo)))
	}
}

// Random fills dst, which is contiguous.
func (*Backend) Random(d backend.Distribution, dst backend.Operand, key, counter uint64) {
	j := randomJob{dist: d, key: key, counter: counter}
	if dst.Is64() {
		j.f64 = elements[float64](dst)
	} else {
		j.f32 = elements[float32](dst)
	}
	share(&randomJobs, dst.Layout.Len(), randomGrain, j)
}
