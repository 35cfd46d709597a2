// Package cpu is the backend for ordinary processors. It cuts arrays of any
// layout into contiguous pieces, shares the pieces among threads, and leaves
// the arithmetic to the kernels. How the work is cut depends on shapes alone,
// so results do not depend on the number of threads.
package cpu

import (
	"sync/atomic"

	"gonum.org/v1/gonum/blas"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/op"
	"github.com/gander-ml/gander/internal/philox"
	"github.com/gander-ml/gander/internal/vec"
)

// Backend implements backend.Backend and its optional fusions on host memory.
type Backend struct {
	blas     atomic.Pointer[level3]
	bfloat16 atomic.Bool
}

// level3 is what matrix products go through; nil is this package's own.
type level3 struct {
	f32 blas.Float32Level3
	f64 blas.Float64Level3
}

func init() {
	backend.Register("cpu", func() (backend.Backend, error) { return New(), nil })
}

var (
	_ backend.Backend     = (*Backend)(nil)
	_ backend.AdamBackend = (*Backend)(nil)
)

// New returns the backend.
func New() *Backend {
	b := &Backend{}
	b.UseBLAS(nil, nil)
	return b
}

// UseBLAS makes later matrix products go through other implementations; nil
// brings this package's own back.
func (b *Backend) UseBLAS(f32 blas.Float32Level3, f64 blas.Float64Level3) {
	b.blas.Store(&level3{f32, f64})
}

// AllowBFloat16 lets later products of large float32 matrices, unless they go
// through another's BLAS, round their factors to bfloat16 where that is faster.
func (b *Backend) AllowBFloat16(on bool) { b.bfloat16.Store(on) }

// Name returns "cpu".
func (*Backend) Name() string { return "cpu" }

// Alloc returns n zeros.
func (*Backend) Alloc(dt backend.DType, n int) backend.Buffer { return backend.NewHost(dt, n) }

// Upload copies src to dst.
func (*Backend) Upload(dst backend.Buffer, src *backend.Host) {
	d := dst.(*backend.Host)
	copy(d.F32, src.F32)
	copy(d.F64, src.F64)
}

// Download copies src to dst.
func (*Backend) Download(dst *backend.Host, src backend.Buffer) {
	s := src.(*backend.Host)
	copy(dst.F32, s.F32)
	copy(dst.F64, s.F64)
}

// Sync has nothing to wait for.
func (*Backend) Sync() {}

// unknown is what a switch over dtypes panics with.
func unknown(dt backend.DType) string { return "cpu: unknown dtype " + dt.String() }

// is64 reports whether an operand holds float64.
func is64(o backend.Operand) bool { return o.Buffer.DType() == backend.Float64 }

// buffer returns the whole buffer of an operand, which holds T.
func buffer[T vec.Float](o backend.Operand) []T {
	h := o.Buffer.(*backend.Host)
	var x T
	if _, ok := any(x).(float64); ok {
		return any(h.F64).([]T)
	}
	return any(h.F32).([]T)
}

// elements returns an operand's elements from its first one on.
func elements[T vec.Float](o backend.Operand) []T { return buffer[T](o)[o.Layout.Offset:] }

// blank returns a contiguous operand like o, in memory of its own.
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

// Adam does one fused step over contiguous operands.
func (*Backend) Adam(p, g, m, v backend.Operand, c op.AdamParams) {
	if is64(p) {
		adam[float64](p, g, m, v, c)
	} else {
		adam[float32](p, g, m, v, c)
	}
}

// adamGrain is the parameters in one piece of work: 28 bytes each, so that a
// piece takes a few microseconds.
const adamGrain = 16 << 10

type adamJob[T vec.Float] struct {
	p, g, m, v []T
	c          op.AdamParams
}

func (j *adamJob[T]) Run(lo, hi int) {
	vec.Adam(j.p[lo:hi], j.g[lo:hi], j.m[lo:hi], j.v[lo:hi], j.c)
}

func adam[T vec.Float](p, g, m, v backend.Operand, c op.AdamParams) {
	share(&poolOf[T]().adam, p.Layout.Len(), adamGrain,
		adamJob[T]{elements[T](p), elements[T](g), elements[T](m), elements[T](v), c})
}

// randomGrain is the numbers in one piece of work; whole Philox blocks in both
// dtypes.
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
	if is64(dst) {
		j.f64 = elements[float64](dst)
	} else {
		j.f32 = elements[float32](dst)
	}
	share(&randomJobs, dst.Layout.Len(), randomGrain, j)
}
