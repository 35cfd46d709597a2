// Package far is a device for tests whose memory is not host memory: the reference
// backend with what makes a real device harder to use.
//
//   - Its buffers are opaque: code that reads a tensor's numbers without a
//     transfer does not compile, or finds no host slice.
//   - Calls only queue the work, which a goroutine does later. Freed memory, and
//     memory that was given to a transfer, are overwritten, so that code that
//     relies on a finished call reads NaN.
//   - Memory and transfers are counted.
//   - A call can be made to fail, as on a device that is out of memory or lost.
//
// It has none of the optional fusions, so that what package tensor composes in
// their place is tested.
package far

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/backend/ref"
	"github.com/gander-ml/gander/internal/layout"
	"github.com/gander-ml/gander/internal/op"
)

func init() {
	backend.Register(backend.Kind{Name: "far", Open: func(number int) (backend.Backend, error) {
		b := New(number)
		opened.Store(number, b)
		return b, nil
	}})
}

var opened sync.Map // by number

// Opened returns the device that was opened by name, "far:0" for number 0, for
// tests that count its memory or make it fail. It panics if there is none.
func Opened(number int) *Backend {
	b, _ := opened.Load(number)
	return b.(*Backend)
}

// Backend implements backend.Backend.
type Backend struct {
	name  string
	queue chan func()

	mu     sync.Mutex // held while a call is queued: the order of the calls
	calls  int        // queued since Fail
	failAt int        // the call that fails; 0: none
	lost   bool       // all later calls fail too
	limit  int64      // of bytes; 0: none

	pending atomic.Pointer[backend.Failure] // of queued work; the next read panics with it

	uploads, downloads atomic.Int64
	buffers            atomic.Int64
	bytes              atomic.Int64
}

var (
	_ backend.Backend = (*Backend)(nil)
	_ backend.Meter   = (*Backend)(nil)
)

// New returns a new device, "far:number", with a goroutine that lives as long as
// the program.
func New(number int) *Backend {
	b := &Backend{name: fmt.Sprintf("far:%d", number), queue: make(chan func(), 1024)}
	go func() {
		for work := range b.queue {
			work()
		}
	}()
	return b
}

// ErrInjected is the cause of failures that [Backend.Fail] asks for.
var ErrInjected = errors.New("injected failure")

// Fail makes the n-th call from now on fail, 1 being the next. Alloc panics at
// once; the failure of other work is what the next Download or Sync panics with. If
// lost, all later calls fail too. If n is 0, the device works again.
func (b *Backend) Fail(n int, lost bool) {
	b.drain() // failures of earlier work are forgotten
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls, b.failAt, b.lost = 0, n, lost
	b.pending.Store(nil)
}

// ErrMemory is the cause of failures of a device that is out of memory.
var ErrMemory = errors.New("out of memory")

// Limit sets how many bytes can be allocated at a time; 0 stands for any number.
func (b *Backend) Limit(bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.limit = bytes
}

// used returns how many bytes are allocated when all queued work is done.
func (b *Backend) used() int64 {
	done := make(chan struct{})
	b.queue <- func() { close(done) }
	<-done
	return b.bytes.Load()
}

// Calls returns the number of calls since [Backend.Fail].
func (b *Backend) Calls() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.calls
}

// Transfers returns the number of transfers to the device and from it.
func (b *Backend) Transfers() (uploads, downloads int64) { return b.uploads.Load(), b.downloads.Load() }

// Memory returns the number of buffers that are allocated and not freed, and their
// bytes.
func (b *Backend) Memory() (buffers int, bytes int64) {
	b.drain()
	return int(b.buffers.Load()), b.bytes.Load()
}

// Buffer is memory of the device. The program cannot read it.
type Buffer struct {
	dtype backend.DType
	n     int
	block *block
	stop  runtime.Cleanup
}

// block is the memory itself, which only the device's goroutine uses.
type block struct {
	host  *backend.Host
	freed bool
}

// DType returns the type of the elements.
func (f *Buffer) DType() backend.DType { return f.dtype }

// Len returns the number of elements.
func (f *Buffer) Len() int { return f.n }

// Name returns "far:0".
func (b *Backend) Name() string { return b.name }

// due counts a call and returns its failure, or nil.
func (b *Backend) due(op string) *backend.Failure {
	b.calls++
	if b.failAt > 0 && (b.calls == b.failAt || b.lost && b.calls > b.failAt) {
		return &backend.Failure{Device: b.name, Op: op, Err: ErrInjected}
	}
	return nil
}

// Alloc returns n zeros.
func (b *Backend) Alloc(dt backend.DType, n int) backend.Buffer {
	b.mu.Lock()
	defer b.mu.Unlock()
	if f := b.due("Alloc"); f != nil {
		panic(f)
	}
	for try := 0; b.limit > 0 && b.used()+int64(n*dt.Size()) > b.limit; try++ {
		if try == 3 {
			panic(&backend.Failure{Device: b.name, Op: "Alloc", Err: ErrMemory})
		}
		b.mu.Unlock() // garbage is freed on another goroutine
		runtime.GC()
		time.Sleep(time.Millisecond)
		b.mu.Lock()
	}
	f := &Buffer{dtype: dt, n: n, block: &block{host: backend.NewHost(dt, n)}}
	b.buffers.Add(1)
	b.bytes.Add(int64(n * dt.Size()))
	// Memory of a buffer that is garbage is freed in queue order.
	f.stop = runtime.AddCleanup(f, b.free, f.block)
	return f
}

// Free frees the memory in queue order.
func (b *Backend) Free(buffer backend.Buffer) {
	f := buffer.(*Buffer)
	f.stop.Stop()
	b.free(f.block)
}

func (b *Backend) free(m *block) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.queue <- func() {
		if m.freed {
			panic("far: memory is freed twice")
		}
		m.freed = true
		b.buffers.Add(-1)
		b.bytes.Add(-int64(m.host.Len() * m.host.DType().Size()))
		spoil(m.host)
	}
}

// spoil overwrites memory that must not be read.
func spoil(h *backend.Host) {
	for i := range h.Len() {
		h.Set(i, math.NaN())
	}
}

// do queues work on operands, in the name of an operation.
func (b *Backend) do(name string, work func(o []backend.Operand), operands ...backend.Operand) {
	b.mu.Lock()
	defer b.mu.Unlock()
	failure := b.due(name)
	b.queue <- func() {
		if failure != nil {
			b.pending.CompareAndSwap(nil, failure) // the first one is reported
			return
		}
		near := make([]backend.Operand, len(operands))
		for i, o := range operands {
			if o.Buffer == nil {
				continue
			}
			m := o.Buffer.(*Buffer).block
			if m.freed {
				panic("far: " + name + " uses memory after it was freed")
			}
			near[i] = backend.Operand{Buffer: m.host, Layout: o.Layout}
		}
		work(near)
	}
}

// drain returns when all queued work is done.
func (b *Backend) drain() {
	done := make(chan struct{})
	b.mu.Lock()
	b.queue <- func() { close(done) }
	b.mu.Unlock()
	<-done
}

// wait returns when all queued work is done, and panics if some of it failed.
func (b *Backend) wait() {
	b.drain()
	if f := b.pending.Swap(nil); f != nil {
		panic(f)
	}
}

// Upload copies src to dst.
func (b *Backend) Upload(dst backend.Operand, src *backend.Host) {
	b.uploads.Add(1)
	staging := backend.NewHost(src.DType(), src.Len())
	staging.CopyFrom(src)
	b.do("Upload", func(o []backend.Operand) {
		ref.Backend{}.Upload(o[0], staging)
		spoil(staging)
	}, dst)
}

// Download copies src to dst.
func (b *Backend) Download(dst *backend.Host, src backend.Operand) {
	b.downloads.Add(1)
	spoil(dst)
	b.do("Download", func(o []backend.Operand) { ref.Backend{}.Download(dst, o[0]) }, src)
	b.wait()
}

// Sync waits for the queue.
func (b *Backend) Sync() { b.wait() }

// ImageOrder returns an order that neither the CPU nor the reference has: [c, h,
// w, n] in memory.
func (b *Backend) ImageOrder(l layout.Layout) layout.Layout {
	return layout.Contiguous(l.Dims[1], l.Dims[2], l.Dims[3], l.Dims[0]).Permute(3, 0, 1, 2)
}

// Copy sets dst = src.
func (b *Backend) Copy(dst, src backend.Operand) {
	b.do("Copy", func(o []backend.Operand) { ref.Backend{}.Copy(o[0], o[1]) }, dst, src)
}

// Fill sets dst = v.
func (b *Backend) Fill(dst backend.Operand, v float64) {
	b.do("Fill", func(o []backend.Operand) { ref.Backend{}.Fill(o[0], v) }, dst)
}

// Unary sets dst = f(x).
func (b *Backend) Unary(f op.Unary, dst, x backend.Operand, a, c float64) {
	b.do(f.String(), func(o []backend.Operand) { ref.Backend{}.Unary(f, o[0], o[1], a, c) }, dst, x)
}

// Binary sets dst = f(x, y).
func (b *Backend) Binary(f op.Binary, dst, x, y backend.Operand, a float64) {
	b.do(f.String(), func(o []backend.Operand) { ref.Backend{}.Binary(f, o[0], o[1], o[2], a) }, dst, x, y)
}

// Where sets dst = x if cond ≠ 0, else y.
func (b *Backend) Where(dst, cond, x, y backend.Operand) {
	b.do("Where", func(o []backend.Operand) { ref.Backend{}.Where(o[0], o[1], o[2], o[3]) }, dst, cond, x, y)
}

// Reduce folds x along each axis along which dst has dim 1.
func (b *Backend) Reduce(f op.Reduce, dst, x backend.Operand) {
	b.do(f.String(), func(o []backend.Operand) { ref.Backend{}.Reduce(f, o[0], o[1]) }, dst, x)
}

// MatMul sets dst = x·y over the last two axes.
func (b *Backend) MatMul(dst, x, y backend.Operand) {
	b.do("MatMul", func(o []backend.Operand) { ref.Backend{}.MatMul(o[0], o[1], o[2]) }, dst, x, y)
}

// Conv2D sets dst to the convolution of x with w, followed by the epilogue.
func (b *Backend) Conv2D(dst, x, w backend.Operand, p backend.ConvParams, e backend.Epilogue) {
	b.do("Conv2D", func(o []backend.Operand) {
		e.Bias = o[3]
		ref.Backend{}.Conv2D(o[0], o[1], o[2], p, e)
	}, dst, x, w, e.Bias)
}

// Conv2DInputGrad sets dst to the gradient by the convolution's input, followed by
// the epilogue.
func (b *Backend) Conv2DInputGrad(dst, gy, w backend.Operand, p backend.ConvParams, e backend.Epilogue) {
	b.do("Conv2DInputGrad", func(o []backend.Operand) {
		e.Bias = o[3]
		ref.Backend{}.Conv2DInputGrad(o[0], o[1], o[2], p, e)
	}, dst, gy, w, e.Bias)
}

// Conv2DWeightGrad sets dst to the gradient by the convolution's weight.
func (b *Backend) Conv2DWeightGrad(dst, x, gy backend.Operand, p backend.ConvParams) {
	b.do("Conv2DWeightGrad", func(o []backend.Operand) { ref.Backend{}.Conv2DWeightGrad(o[0], o[1], o[2], p) }, dst, x, gy)
}

// Linear sets dst = x·wᵀ, followed by the epilogue.
func (b *Backend) Linear(dst, x, w backend.Operand, e backend.Epilogue) {
	b.do("Linear", func(o []backend.Operand) {
		e.Bias = o[3]
		ref.Backend{}.Linear(o[0], o[1], o[2], e)
	}, dst, x, w, e.Bias)
}

// EpilogueGrad sets gz to the gradient before an epilogue's function, and gb to
// its sums for each channel.
func (b *Backend) EpilogueGrad(f op.Unary, gz, gb, gy, y backend.Operand, a float64) {
	b.do("EpilogueGrad", func(o []backend.Operand) { ref.Backend{}.EpilogueGrad(f, o[0], o[1], o[2], o[3], a) }, gz, gb, gy, y)
}

// Gather sets dst[…, i, …] = x[…, index[i], …].
func (b *Backend) Gather(dst, x backend.Operand, axis int, index backend.Operand) {
	b.do("Gather", func(o []backend.Operand) { ref.Backend{}.Gather(o[0], o[1], axis, o[2]) }, dst, x, index)
}

// ScatterAdd adds x[…, i, …] to dst[…, index[i], …].
func (b *Backend) ScatterAdd(dst, x backend.Operand, axis int, index backend.Operand) {
	b.do("ScatterAdd", func(o []backend.Operand) { ref.Backend{}.ScatterAdd(o[0], o[1], axis, o[2]) }, dst, x, index)
}

// Random fills dst.
func (b *Backend) Random(d backend.Distribution, dst backend.Operand, key, counter uint64) {
	b.do("Random", func(o []backend.Operand) { ref.Backend{}.Random(d, o[0], key, counter) }, dst)
}
