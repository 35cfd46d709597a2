package cuda

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/backend/cuda/driver"
	"github.com/gander-ml/gander/internal/layout"
)

// Backend implements backend.Backend and its optional parts on one device.
type Backend struct {
	name   string
	device driver.Device
	stream driver.Stream

	mu        sync.Mutex // held during each operation: the order of the calls
	closed    bool
	lost      *backend.Failure // all later calls fail as this one did
	memory    memory
	modules   [numModules]driver.Module
	functions map[kernel]driver.Function
	args      driver.Args
	operands  []*Buffer // of the operation, kept alive
	tables    tables
	listing   listing
	queue     queue
	graphs    graphs
	recent    recent
	library   library
}

var (
	_ backend.Backend           = (*Backend)(nil)
	_ backend.ListBackend       = (*Backend)(nil)
	_ backend.Meter             = (*Backend)(nil)
	_ backend.ArithmeticBackend = (*Backend)(nil)
	_ backend.PrecisionBackend  = (*Backend)(nil)
	_ backend.MulAddBackend     = (*Backend)(nil)
	_ backend.LinearAddBackend  = (*Backend)(nil)
)

// minVersion is the oldest CUDA that reads the kernels' PTX, 6.3.
const minVersion = 10000

// minCapability is the oldest compute capability that they run on.
const minCapability = 75

// Kind is the name of the kind of device.
const Kind = "cuda"

// Open opens a device of a machine by its number. Its name begins with that of a
// kind, which is [Kind] except in tests.
func Open(d driver.Driver, kind string, number int) (*Backend, error) {
	version, err := d.Version()
	if err != nil {
		return nil, err
	}
	if version < minVersion {
		return nil, fmt.Errorf("the driver is for CUDA %s, and at least %s is needed: update it", cudaVersion(version), cudaVersion(minVersion))
	}
	n, err := d.DeviceCount()
	switch {
	case err != nil && !errors.Is(err, driver.NoDevice):
		return nil, err
	case err != nil || n == 0:
		return nil, errors.New("the driver finds no NVIDIA GPU (is CUDA_VISIBLE_DEVICES set?)")
	case number >= n:
		return nil, fmt.Errorf("there is no device %d: the machine has %d, numbered from 0", number, n)
	}
	device, err := d.Open(number)
	if err != nil {
		return nil, err
	}
	b := &Backend{name: fmt.Sprintf("%s:%d", kind, number), device: device, functions: map[kernel]driver.Function{}}
	if err := b.start(); err != nil {
		if b.stream != 0 {
			err = errors.Join(err, device.StreamDestroy(b.stream))
		}
		return nil, errors.Join(err, device.Close())
	}
	return b, nil
}

func cudaVersion(v int) string { return fmt.Sprintf("%d.%d", v/1000, v%1000/10) }

// start checks the device and makes its stream.
func (b *Backend) start() error {
	major, err := b.device.Attribute(driver.ComputeCapabilityMajor)
	if err != nil {
		return err
	}
	minor, err := b.device.Attribute(driver.ComputeCapabilityMinor)
	if err != nil {
		return err
	}
	if c := major*10 + minor; c < minCapability {
		name, _ := b.device.Name()
		return fmt.Errorf("%s has compute capability %d.%d, and at least %d.%d is needed", name, major, minor, minCapability/10, minCapability%10)
	}
	if b.stream, err = b.device.StreamCreate(); err != nil {
		return err
	}
	if b.tables.spare, err = b.take(maxSteps * uint64(unsafe.Sizeof(step{}))); err != nil {
		return err
	}
	if b.graphs.off = !b.device.GraphsAvailable(); !b.graphs.off {
		b.graphs.block, err = b.take(maxSlots * slotBytes)
	}
	return err
}

// errClosed is the cause of the failure of calls after Close.
var errClosed = errors.New("the device was closed")

// Close waits for the queued work and frees all that the backend has: buffers can
// no longer be used. It may be called again, and does nothing then.
func (b *Backend) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true // what is held back is of no use to anybody
	errs := []error{b.graphs.forget(b), b.library.close(), b.memory.close(b)}
	for _, m := range b.modules {
		if m != 0 {
			errs = append(errs, b.device.ModuleUnload(m))
		}
	}
	errs = append(errs, b.device.StreamDestroy(b.stream), b.device.Close())
	if b.lost != nil { // a lost context fails in all of them
		return nil
	}
	return errors.Join(errs...)
}

// Name returns "cuda:0".
func (b *Backend) Name() string { return b.name }

// ImageOrder returns the channels-last order, in which the numbers that a tap of a
// kernel multiplies are neighbours.
func (b *Backend) ImageOrder(l layout.Layout) layout.Layout {
	return layout.Contiguous(l.Dims[0], l.Dims[2], l.Dims[3], l.Dims[1]).Permute(0, 3, 1, 2)
}

// enter begins an operation: it takes the lock, and panics if the device cannot
// work. leave ends the operation. Until then the operands keep their buffers alive;
// what is freed later is freed in queue order.
func (b *Backend) enter(op string, operands ...backend.Operand) *Backend {
	return b.enterLists(op, operands)
}

// enterLists is enter for lists of operands.
func (b *Backend) enterLists(op string, lists ...[]backend.Operand) *Backend {
	b.mu.Lock()
	entered := false
	defer func() {
		if !entered {
			b.leave()
		}
	}()
	switch {
	case b.closed:
		panic(&backend.Failure{Device: b.name, Op: op, Err: errClosed})
	case b.lost != nil:
		panic(&backend.Failure{Device: b.name, Op: op, Err: fmt.Errorf("the device was lost before: %w", b.lost)})
	}
	if len(b.graphs.nodes) >= part {
		b.run() // between operations, so that each is done or not
	}
	if b.tables.bytes > tableLimit {
		b.tables.forget(b)
	}
	b.recent.add(op)
	b.queue.n, b.queue.more = 0, b.queue.more[:0]
	for _, operands := range lists {
		for i := range operands {
			if f, ok := operands[i].Buffer.(*Buffer); ok {
				b.operands = append(b.operands, f)
				b.queue.operands(f.block)
			}
		}
	}
	if op != "ScatterAdd" && b.queue.filling.block != nil && b.queue.uses(b.queue.filling.block) {
		b.fillNow()
	}
	entered = true
	return b
}

// leave ends the operation that enter began.
func (b *Backend) leave() {
	clear(b.operands)
	b.operands = b.operands[:0]
	b.mu.Unlock()
}

// recent are the operations queued since the device was last waited for, of which
// one has failed if waiting does.
type recent struct {
	names [8]string
	n     int
}

func (r *recent) add(op string) {
	r.names[r.n%len(r.names)] = op
	r.n++
}

func (r *recent) String() string {
	var s []string
	for i := max(0, r.n-len(r.names)); i < r.n; i++ {
		s = append(s, r.names[i%len(r.names)])
	}
	return strings.Join(s, ", ")
}

// last returns the current operation.
func (r *recent) last() string {
	if r.n == 0 {
		return "Sync"
	}
	return r.names[(r.n-1)%len(r.names)]
}

// check panics with a Failure of the current operation if err is not nil.
func (b *Backend) check(err error) {
	if err != nil {
		b.checkOp(b.recent.last(), err)
	}
}

// checkOp panics with a Failure of an operation if err is not nil.
func (b *Backend) checkOp(op string, err error) {
	if err == nil {
		return
	}
	var e *driver.Error
	sticky := errors.As(err, &e) && e.Result.Sticky()
	if sticky && b.recent.n > 1 {
		err = fmt.Errorf("%w (the last operations since the device was waited for: %v)", err, &b.recent)
	}
	f := &backend.Failure{Device: b.name, Op: op, Err: err}
	if sticky {
		b.lost = f
	}
	panic(f)
}

// waited forgets the operations that the device has done.
func (b *Backend) waited() { b.recent.n = 0 }

// Sync waits for the queue.
func (b *Backend) Sync() {
	defer b.enter("Sync").leave()
	b.flushAll()
	b.check(b.device.StreamSync(b.stream))
	b.waited()
}

// suffix returns what the names of a dtype's kernels end in.
func suffix(dt backend.DType) string {
	switch dt {
	case backend.Float32:
		return "_f32"
	case backend.Float64:
		return "_f64"
	default:
		panic(backend.UnknownDType(dt))
	}
}

// pointer returns the address of an operand's first element.
func (b *Backend) pointer(o backend.Operand) driver.Ptr {
	if o.Buffer == nil {
		return 0
	}
	f := o.Buffer.(*Buffer)
	switch {
	case f.owner != b:
		panic(fmt.Sprintf("cuda: a buffer of %s is used on %s", f.owner.name, b.name))
	case f.block == nil:
		return 0
	case f.freed:
		panic("cuda: memory is used after it was freed")
	}
	return f.block.ptr + driver.Ptr(o.Layout.Offset*f.dtype.Size())
}

// maxElements limits the elements that one launch works on, so that their number
// and the products in kernels fit 32 bits.
const maxElements = 1 << 30

// tooLarge is the failure of operations that are not divided into several launches.
func (b *Backend) tooLarge(what string, sizes ...int) {
	if slices.Max(sizes) > maxElements {
		b.check(fmt.Errorf("%s of more than %d elements is not supported", what, maxElements))
	}
}
