package tensor

import (
	"fmt"
	"math"
	"slices"
	"sync/atomic"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/layout"
)

// MaxRank is the largest rank of a tensor.
const MaxRank = layout.MaxRank

// DType is the type of a tensor's elements: [Float32] or [Float64].
type DType = backend.DType

// The element types. Mixing them in one operation panics; convert with
// [Tensor.Cast].
const (
	Float32 = backend.Float32
	Float64 = backend.Float64
)

// Tensor is an n-dimensional array of numbers of one dtype on one device. Its
// shape and strides never change; its elements change only through the methods
// and functions that say so. The zero value is not usable.
type Tensor struct {
	layout layout.Layout
	store  *storage
	scope  *Scope // or nil
	epoch  uint64 // of the scope, when the tensor was made
}

// storage is what a tensor shares with its views, except a [Tensor.Part].
type storage struct {
	buffer  backend.Buffer
	device  *Device
	lender  *Scope        // whose memory the buffer is; nil: the garbage collector's
	epoch   uint64        // of the lender, when the buffer was lent
	version atomic.Uint32 // counts in-place writes
	seen    bool          // all elements are finite, in version 0
}

// owned is a tensor with its storage, so that both take one allocation.
type owned struct {
	tensor  Tensor
	storage storage
}

func (d *Device) wrap(b backend.Buffer, l layout.Layout) *Tensor {
	o := new(owned)
	o.init(d, b, l)
	return &o.tensor
}

func (o *owned) init(d *Device, b backend.Buffer, l layout.Layout) {
	o.storage.buffer, o.storage.device = b, d
	o.tensor.layout, o.tensor.store = l, &o.storage
}

// maxLen is the largest number of elements that anything could address.
const maxLen = min(1<<47, math.MaxInt/8)

// checkShape returns the row-major layout of a shape, or panics.
func checkShape(op string, shape []int) layout.Layout {
	// The message's copy of shape keeps shape itself off the heap.
	bad := func(problem, fix string) {
		panic(&ShapeError{Op: op, Shapes: [][]int{slices.Clone(shape)}, Problem: problem, Fix: fix})
	}
	if len(shape) > MaxRank {
		bad(fmt.Sprintf("the rank is above %d", MaxRank), "merge some axes")
	}
	for _, d := range shape {
		if d < 0 {
			bad("a dim is negative", "give dims of 0 or more")
		}
	}
	if tooLarge(shape) {
		bad("the array is too large to address", "give smaller dims")
	}
	return layout.Contiguous(shape...)
}

// tooLarge reports whether a shape has more than maxLen elements. Dims of 0 count as 1,
// so that no product of others overflows either.
func tooLarge(shape []int) bool {
	n := 1
	for _, d := range shape {
		if d > 0 && n > maxLen/d {
			return true
		}
		n *= max(d, 1)
	}
	return false
}

// checkDType panics unless there is such a type.
func checkDType(op string, dt DType) {
	switch dt {
	case Float32, Float64:
	default:
		panic(&ArgumentError{Op: op, Problem: fmt.Sprintf("there is no element type %v", dt), Fix: "give Float32 or Float64"})
	}
}

// New returns a tensor of zeros on the CPU. It panics as [Device.New] does.
func New(dt DType, shape ...int) *Tensor { return cpuDevice.New(dt, shape...) }

// Full returns a tensor on the CPU whose elements are all v. It panics as [New]
// does.
func Full(dt DType, v float64, shape ...int) *Tensor { return cpuDevice.Full(dt, v, shape...) }

// Scalar returns a tensor of rank 0 on the CPU.
func Scalar(dt DType, v float64) *Tensor { return cpuDevice.Full(dt, v) }

// FromFloat32 returns a new tensor of that shape on the CPU with a copy of data;
// no shape at all means [len(data)]. It panics with a [ShapeError] if the lengths
// differ.
func FromFloat32(data []float32, shape ...int) *Tensor { return cpuDevice.FromFloat32(data, shape...) }

// FromFloat64 returns a new tensor of that shape on the CPU with a copy of data;
// no shape at all means [len(data)]. It panics with a [ShapeError] if the lengths
// differ.
func FromFloat64(data []float64, shape ...int) *Tensor { return cpuDevice.FromFloat64(data, shape...) }

// EmptyLike returns a tensor of t's dtype on t's device and in t's scope, if it
// has one. No shape at all means t's own. The elements are arbitrary until they
// are written. It panics as [New] does.
func EmptyLike(t *Tensor, shape ...int) *Tensor {
	return t.emptyLike("EmptyLike", shape)
}

func (t *Tensor) emptyLike(op string, shape []int) *Tensor {
	t.alive(op)
	l := t.layout.Packed()
	if len(shape) > 0 {
		l = checkShape(op, shape)
	}
	return empty(t.scope, t.store.device, t.DType(), l)
}

// ScalarLike returns a tensor of rank 0 with the element v, of t's dtype, on t's
// device and in t's scope.
func ScalarLike(t *Tensor, v float64) *Tensor {
	t.alive("ScalarLike")
	out := empty(t.scope, t.store.device, t.DType(), layout.Layout{})
	out.fill(v)
	return out
}

// FullLike is like [EmptyLike], with elements that are all v.
func FullLike(t *Tensor, v float64, shape ...int) *Tensor {
	out := t.emptyLike("FullLike", shape)
	out.fill(v)
	return out
}

// dataShape returns the shape of a tensor made from n numbers, or panics.
func dataShape(op string, n int, shape []int) []int {
	if len(shape) == 0 {
		return []int{n}
	}
	l := checkShape(op, shape)
	if l.Len() != n {
		panic(&ShapeError{Op: op, Shapes: [][]int{slices.Clone(shape)},
			Problem: fmt.Sprintf("the shape holds %d elements, the data %d", l.Len(), n),
			Fix:     "give a shape whose dims multiply to the data's length"})
	}
	return shape
}

// Shape returns a copy of the dims.
func (t *Tensor) Shape() []int { return slices.Clone(t.layout.Shape()) }

// Strides returns a copy of the distance, in elements, between neighbours
// along each axis.
func (t *Tensor) Strides() []int { return slices.Clone(t.layout.Strides[:t.layout.Rank]) }

// Rank returns the number of axes.
func (t *Tensor) Rank() int { return t.layout.Rank }

// Dim returns the length of an axis; negative axes count from the end. It
// panics with a [ShapeError] if there is no such axis.
func (t *Tensor) Dim(axis int) int { return t.layout.Dims[t.axis("Dim", axis)] }

// Len returns the number of elements.
func (t *Tensor) Len() int { return t.layout.Len() }

// DType returns the type of the elements.
func (t *Tensor) DType() DType { return t.store.buffer.DType() }

// Device returns the device that the tensor lives on.
func (t *Tensor) Device() *Device { return t.store.device }

// IsContiguous reports whether the elements lie in row-major order without
// gaps.
func (t *Tensor) IsContiguous() bool { return t.layout.IsContiguous() }

// SameShape reports whether u has the same rank and dims.
func (t *Tensor) SameShape(u *Tensor) bool { return t.layout.SameShape(&u.layout) }

// Version counts the in-place writes through this tensor and all views of the
// same storage, except a [Tensor.Part] and its views. Automatic differentiation
// uses it to notice that a saved value has changed.
func (t *Tensor) Version() uint32 { return t.store.version.Load() }

// Item returns the only element. It panics with a [ShapeError] if there is not
// exactly one.
func (t *Tensor) Item() float64 {
	t.alive("Item")
	t.single("Item")
	var index [MaxRank]int
	return t.At(index[:t.layout.Rank]...)
}

// Items returns the only elements of several tensors of one device, in their order. It
// reads them in one transfer, where Item takes one for each. It panics as Item and
// [Concat] do.
func Items(ts ...*Tensor) []float64 {
	out := make([]float64, len(ts))
	var parts []*Tensor // what is not in the program's memory, Float64 and others
	var places []int
	for _, wide := range [...]bool{false, true} {
		var away []*Tensor
		for i, t := range ts {
			t.alive("Items")
			t.single("Items")
			if (t.DType() == Float64) != wide {
				continue
			}
			if _, ok := t.store.buffer.(*backend.Host); ok {
				out[i] = t.Item()
			} else {
				away, places = append(away, t.Reshape(1)), append(places, i)
			}
		}
		if away != nil {
			parts = append(parts, Concat(0, away...).Cast(Float64))
		}
	}
	if parts != nil {
		for k, v := range Concat(0, parts...).Float64s() {
			out[places[k]] = v
		}
	}
	return out
}

// single panics unless the tensor has one element.
func (t *Tensor) single(op string) {
	if t.Len() != 1 {
		shapePanic(op, "the tensor does not have exactly one element", "index with At, or reduce first", t)
	}
}

// At returns one element. It panics with a [ShapeError] if the index does not lie
// in the shape. It is meant for tests and printing; use [Tensor.Float64s] or
// [Tensor.Float32s] to read many elements.
func (t *Tensor) At(index ...int) float64 {
	t.alive("At")
	i := t.place("At", index)
	if h, ok := t.store.buffer.(*backend.Host); ok {
		return h.At(i)
	}
	one := backend.NewHost(t.DType(), 1)
	t.store.device.backend.Download(one, backend.Operand{Buffer: t.store.buffer, Layout: layout.Layout{Offset: i}})
	return one.At(0)
}

// Set stores v, rounded to the dtype, as one element, in place. It panics with
// a [ShapeError] if the index does not lie in the shape.
func (t *Tensor) Set(v float64, index ...int) {
	t.writable("Set")
	l := layout.Layout{Offset: t.place("Set", index)}
	t.store.device.backend.Fill(backend.Operand{Buffer: t.store.buffer, Layout: l}, v)
	t.store.version.Add(1)
}

// place returns where an element lies in the buffer.
func (t *Tensor) place(op string, index []int) int {
	at := t.layout.Offset
	ok := len(index) == t.layout.Rank
	for k := 0; ok && k < len(index); k++ {
		ok = index[k] >= 0 && index[k] < t.layout.Dims[k]
		at += index[k] * t.layout.Strides[k]
	}
	if !ok {
		shapePanic(op, fmt.Sprintf("there is no element %v", slices.Clone(index)), "give one index per axis, each from 0 to dim−1", t)
	}
	return at
}

// Float32s returns a copy of the elements in row-major order, rounded to float32 if
// their dtype is Float64.
func (t *Tensor) Float32s() []float32 {
	out := make([]float32, t.Len())
	t.download("Float32s", backend.Host32(out))
	return out
}

// Float64s returns a copy of the elements in row-major order, whatever their dtype.
func (t *Tensor) Float64s() []float64 {
	out := make([]float64, t.Len())
	t.download("Float64s", backend.Host64(out))
	return out
}

// download copies the elements to host memory, in row-major order.
func (t *Tensor) download(op string, dst *backend.Host) {
	t.alive(op)
	src := t.operand()
	if t.DType() == dst.DType() && t.layout.IsContiguous() {
		t.store.device.backend.Download(dst, src)
		return
	}
	if _, ok := src.Buffer.(*backend.Host); !ok { // convert in host memory
		home := backend.NewHost(t.DType(), t.Len())
		t.Contiguous().download(op, home)
		src = backend.Operand{Buffer: home, Layout: t.layout.Packed()}
	}
	cpuDevice.backend.Copy(backend.Operand{Buffer: dst, Layout: t.layout.Packed()}, src)
}

// Clone returns a contiguous copy. It lives in t's scope, if t has one; see
// [Tensor.Keep].
func (t *Tensor) Clone() *Tensor {
	t.alive("Clone")
	return t.clone()
}

func (t *Tensor) clone() *Tensor {
	out := empty(t.scope, t.store.device, t.DType(), t.layout.Packed())
	t.store.device.backend.Copy(out.operand(), t.operand())
	return out
}

// Contiguous returns t itself if it is contiguous, else a contiguous copy.
func (t *Tensor) Contiguous() *Tensor {
	t.alive("Contiguous")
	if t.IsContiguous() {
		return t
	}
	return t.clone()
}

// Cast returns t itself if it has that dtype, else a converted copy. It panics
// with an [ArgumentError] on an unknown dtype.
func (t *Tensor) Cast(dt DType) *Tensor {
	t.alive("Cast")
	checkDType("Cast", dt)
	if t.DType() == dt {
		return t
	}
	out := empty(t.scope, t.store.device, dt, t.layout.Packed())
	t.store.device.backend.Copy(out.operand(), t.operand())
	return out
}

// To returns t itself if it lies on that device, else a copy there. The copy
// lives in t's scope, if t has one.
func (t *Tensor) To(d *Device) *Tensor {
	t.alive("To")
	if t.store.device == d {
		return t
	}
	d.given("To")
	out := empty(t.scope, d, t.DType(), t.layout.Packed())
	if h, ok := out.store.buffer.(*backend.Host); ok {
		t.download("To", h.Slice(0, t.Len()))
		return out
	}
	home, ok := t.store.buffer.(*backend.Host)
	if ok && t.layout.IsContiguous() {
		home = home.Slice(t.layout.Offset, t.Len())
	} else {
		home = backend.NewHost(t.DType(), t.Len())
		t.download("To", home)
	}
	d.backend.Upload(out.operand(), home)
	return out
}

// CopyFrom overwrites t's elements with src's. src is broadcast to t's shape,
// converted to its dtype and copied to its device. It panics with a [ShapeError]
// if the shapes do not fit.
func (t *Tensor) CopyFrom(src *Tensor) {
	t.writable("CopyFrom")
	src.alive("CopyFrom")
	if src.store.device != t.store.device {
		src = src.To(t.store.device)
	}
	if _, ok := src.layout.Broadcast(t.layout.Shape()); !ok {
		shapePanic("CopyFrom", "the second does not broadcast to the first", "reshape it", t, src)
	}
	o := src.source(t)
	o.Layout, _ = o.Layout.Broadcast(t.layout.Shape())
	t.store.device.backend.Copy(t.operand(), o)
	t.store.version.Add(1)
}

// SetFloat32 overwrites the elements with data, in row-major order. It panics
// with a [ShapeError] if the lengths differ.
func (t *Tensor) SetFloat32(data []float32) {
	t.setHost("SetFloat32", backend.Host32(data))
}

// SetFloat64 overwrites the elements with data, in row-major order. It panics
// with a [ShapeError] if the lengths differ.
func (t *Tensor) SetFloat64(data []float64) {
	t.setHost("SetFloat64", backend.Host64(data))
}

func (t *Tensor) setHost(op string, h *backend.Host) {
	t.writable(op)
	if h.Len() != t.Len() {
		shapePanic(op, fmt.Sprintf("the data has %d elements, the tensor %d", h.Len(), t.Len()), "give one number per element", t)
	}
	if h.DType() != t.DType() || !t.layout.IsContiguous() {
		t.CopyFrom(cpuDevice.wrap(h, t.layout.Packed()))
		return
	}
	t.store.device.backend.Upload(t.operand(), h)
	t.store.version.Add(1)
}

// Fill sets every element to v, in place.
func (t *Tensor) Fill(v float64) {
	t.writable("Fill")
	t.fill(v)
	t.store.version.Add(1)
}

func (t *Tensor) fill(v float64) { t.store.device.backend.Fill(t.operand(), v) }

// writable panics if t's scope was closed, or if t repeats elements, so that one
// place would be written several times, in no particular order.
func (t *Tensor) writable(op string) {
	t.alive(op)
	if t.layout.Overlaps() {
		shapePanic(op, "the tensor to be changed repeats its elements", "change a Clone, or what it was broadcast from", t)
	}
}

func (t *Tensor) operand() backend.Operand {
	return backend.Operand{Buffer: t.store.buffer, Layout: t.layout}
}

// axis resolves a negative axis and checks it.
func (t *Tensor) axis(op string, axis int) int {
	a := axis
	if a < 0 {
		a += t.layout.Rank
	}
	if a < 0 || a >= t.layout.Rank {
		fix := "a tensor of rank 0 has none"
		if r := t.layout.Rank; r > 0 {
			fix = fmt.Sprintf("give one from %d to %d", -r, r-1)
		}
		shapePanic(op, fmt.Sprintf("there is no axis %d", axis), fix, t)
	}
	return a
}
