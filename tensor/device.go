package tensor

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"gonum.org/v1/gonum/blas"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/backend/cpu"
)

// Device holds tensors and computes with them. Operations on one device take
// effect in the order in which they are called, from whichever goroutine.
//
// A device that cannot do its work panics with a [DeviceFailure], at the latest
// when numbers are read; [Catch] returns it as an error.
type Device struct {
	backend backend.Backend
}

var (
	cpuDevice = &Device{cpu.New()}

	deviceMu sync.Mutex
	devices  = map[string]*Device{"cpu": cpuDevice}
)

// CPU returns the device on which this package's constructors make tensors.
func CPU() *Device { return cpuDevice }

// OpenDevice returns a device by name: "cpu", or whatever else the program was
// built with, such as "cuda:1"; a name is always the same device. "auto" is the
// device of [FastestDevice]. The error lists the known names if this is not one
// of them, and otherwise says why the device does not work.
func OpenDevice(name string) (*Device, error) {
	if name == "auto" {
		d, _, err := FastestDevice()
		return d, err
	}
	deviceMu.Lock()
	defer deviceMu.Unlock()
	// "cuda" and "cuda:0" are one device, which is opened once.
	for _, known := range []string{name, name + ":0"} {
		if d, ok := devices[known]; ok {
			return d, nil
		}
	}
	b, err := backend.Open(name)
	if err != nil {
		return nil, fmt.Errorf("tensor: %w", err)
	}
	if d, ok := devices[b.Name()]; ok { // "cpu:0"
		devices[name] = d
		return d, nil
	}
	d := &Device{b}
	devices[name], devices[b.Name()] = d, d
	return d, nil
}

// DeviceNames returns the names of the kinds of device that the program was built
// with, in alphabetical order. [OpenDevice] opens each of them, or says why it does
// not work on this machine.
func DeviceNames() []string { return backend.Names() }

// FastestDevice returns the fastest device that works, which is the [CPU] if
// there is no other. skipped says, for each faster kind of device that the
// program was built for, why it does not work here.
func FastestDevice() (d *Device, skipped []error, err error) {
	_, skipped, err = backend.OpenFastest(func(name string) (err error) {
		d, err = OpenDevice(name)
		return err
	})
	return d, skipped, err
}

// Name returns the device's name, "cpu" or "cuda:0".
func (d *Device) Name() string { return d.backend.Name() }

// String returns the device's name.
func (d *Device) String() string { return d.Name() }

// given panics if d is nil.
func (d *Device) given(op string) {
	if d == nil {
		panic(&ArgumentError{Op: op, Problem: "the device is nil", Fix: "give one, such as CPU()"})
	}
}

// New returns zeros on the device. It panics with a [ShapeError] on a negative
// dim or a rank above [MaxRank], and with an [ArgumentError] on an unknown dtype.
func (d *Device) New(dt DType, shape ...int) *Tensor {
	d.given("New")
	checkDType("New", dt)
	l := checkShape("New", shape)
	return d.wrap(d.backend.Alloc(dt, l.Len()), l)
}

// Full returns a tensor whose elements are all v. It panics as [Device.New] does.
func (d *Device) Full(dt DType, v float64, shape ...int) *Tensor {
	t := d.New(dt, shape...)
	t.fill(v)
	return t
}

// FromFloat32 returns a new tensor of that shape with a copy of data; no shape at
// all means [len(data)]. It panics with a [ShapeError] if the lengths differ.
func (d *Device) FromFloat32(data []float32, shape ...int) *Tensor {
	return d.fromHost(backend.Host32(data), dataShape("FromFloat32", len(data), shape))
}

// FromFloat64 returns a new tensor of that shape with a copy of data; no shape at
// all means [len(data)]. It panics with a [ShapeError] if the lengths differ.
func (d *Device) FromFloat64(data []float64, shape ...int) *Tensor {
	return d.fromHost(backend.Host64(data), dataShape("FromFloat64", len(data), shape))
}

// Arange returns 0, 1, …, n−1. It panics as [Device.New] does.
func (d *Device) Arange(dt DType, n int) *Tensor {
	checkDType("Arange", dt)
	l := checkShape("Arange", []int{n})
	h := backend.NewHost(dt, n)
	for i := range n {
		h.Set(i, float64(i))
	}
	return d.fromHost(h, l.Shape())
}

// Positions returns an index for [Gather] and [ScatterAdd], as a Float64 tensor
// [len(at)].
func (d *Device) Positions(at ...int) *Tensor {
	h := backend.NewHost(Float64, len(at))
	for i, k := range at {
		h.F64[i] = float64(k)
	}
	return d.fromHost(h, []int{len(at)})
}

// OneHot returns [len(index), n] with 1 at [i, index[i]] and 0 elsewhere. It
// panics with a [ShapeError] if an index does not lie in 0 to n−1.
func (d *Device) OneHot(dt DType, n int, index []int) *Tensor {
	checkDType("OneHot", dt)
	l := checkShape("OneHot", []int{len(index), n})
	h := backend.NewHost(dt, l.Len())
	for i, k := range index {
		if k < 0 || k >= n {
			panic(&ShapeError{Op: "OneHot", Shapes: [][]int{slices.Clone(l.Shape())},
				Problem: outside(k, 1, n), Fix: positionFix})
		}
		h.Set(i*n+k, 1)
	}
	return d.fromHost(h, l.Shape())
}

// fromHost copies host memory to a new tensor.
func (d *Device) fromHost(h *backend.Host, shape []int) *Tensor {
	t := d.New(h.DType(), shape...)
	d.backend.Upload(t.operand(), h)
	return t
}

// Sync waits until all work queued on the device is done. The error, if any, is a
// [*DeviceFailure].
func (d *Device) Sync() error { return Catch(d.backend.Sync) }

// Memory returns the number of blocks of memory that the program has from the
// device, and their bytes. ok is false if the device does not count, as the
// [CPU] does not: its memory is the garbage collector's.
func (d *Device) Memory() (blocks int, bytes int64, ok bool) {
	m, ok := d.backend.(backend.Meter)
	if !ok {
		return 0, 0, false
	}
	blocks, bytes = m.Memory()
	return blocks, bytes, true
}

// SetThreads limits the number of threads that the device computes with; 0, the
// default, means GOMAXPROCS. Results do not depend on it. A device that does not
// compute on the program's threads ignores it. It panics with an [ArgumentError]
// if n is negative.
func (d *Device) SetThreads(n int) {
	if n < 0 {
		panic(&ArgumentError{Op: "Device.SetThreads", Problem: fmt.Sprintf("%d threads are not possible", n), Fix: "give 1 or more, or 0 for GOMAXPROCS"})
	}
	if b, ok := d.backend.(interface{ SetThreads(int) }); ok {
		b.SetThreads(n)
	}
}

// UseBLAS makes [MatMul] and [Linear] on this device multiply matrices with
// other implementations of BLAS, one for each dtype, such as a binding of a C
// library; nil stands for this package's own, which is the default. It acts on
// all later operations of the program, on every goroutine, and is meant to be
// called once, at its start.
//
// Results may then depend on the number of threads and lose NaN and Inf, as those
// of this package's own products never do: gonum's BLAS, for example, skips zeros,
// and with them a NaN that they are multiplied by.
//
// It panics with an [ArgumentError] if the device's memory is not host memory.
func (d *Device) UseBLAS(f32 blas.Float32Level3, f64 blas.Float64Level3) {
	b, ok := d.backend.(interface {
		UseBLAS(blas.Float32Level3, blas.Float64Level3)
	})
	if !ok {
		panic(&ArgumentError{Op: "Device.UseBLAS", Problem: "device " + d.Name() + " does not multiply through BLAS", Fix: "call it on tensor.CPU()"})
	}
	b.UseBLAS(f32, f64)
}

// Precision is how a device may round the factors of products of Float32
// matrices.
type Precision = backend.Precision

// The precisions.
const (
	// FullPrecision leaves the factors as they are. It is the default.
	FullPrecision = backend.FullPrecision
	// BFloat16 lets the CPU round the factors of large products to bfloat16, which
	// has the range of float32 and 8 significant bits; sums stay in float32. Such
	// products then take about 0.6 of the time if the processor has AVX512_BF16;
	// bench/README.md has figures. It has no effect elsewhere, nor on products with
	// fewer than 48 rows or columns or 4 million multiplications, on convolutions,
	// or if [Device.UseBLAS] has plugged in another product. NaN and Inf are not
	// lost. Factors, products and sums below the normal range of float32 become 0,
	// and factors from 0x1.ffp127, 3.396e38, become Inf. Copies of the factors, half
	// as large, are kept for later products.
	BFloat16 = backend.BFloat16
	// TF32 lets an NVIDIA GPU round the factors of large products to TF32, which has
	// the range of float32 and 11 significant bits, for its tensor cores; sums stay
	// in float32. It needs cuBLAS. It has no effect on products of fewer than 2²⁶
	// multiplications, nor on convolutions.
	TF32 = backend.TF32
)

// SetPrecision lets [MatMul] and [Linear], and with them the layers and
// gradients made of them, trade precision for speed. It acts on all later
// operations on the device, on every goroutine, also on those that judge
// samples. It changes bits, so a checkpoint records it. It returns an error if the
// device does not have the precision, which says why.
func (d *Device) SetPrecision(p Precision) error {
	if p == d.Precision() {
		return nil
	}
	why := errors.New("it has float32")
	if b, ok := d.backend.(backend.PrecisionBackend); ok {
		why = b.SetPrecision(p)
	}
	if why != nil {
		return fmt.Errorf("tensor: device %s does not compute products in %v: %w", d, p, why)
	}
	return nil
}

// Precision returns what [Device.SetPrecision] has set.
func (d *Device) Precision() Precision {
	if b, ok := d.backend.(backend.PrecisionBackend); ok {
		return b.Precision()
	}
	return FullPrecision
}

// Arithmetic names what the bits of results depend on besides the operation and
// its operands: the kind of device, its instruction set, its precision, and the
// BLAS set by [Device.UseBLAS], as in "cpu avx512 float32". Runs of the same
// program on devices with the same arithmetic give the same bits.
func (d *Device) Arithmetic() string {
	if b, ok := d.backend.(backend.ArithmeticBackend); ok {
		return b.Arithmetic()
	}
	return d.Name()
}
